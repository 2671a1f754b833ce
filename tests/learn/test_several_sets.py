"""Several WAVELETS products as one set: read alike, told apart, and never twice."""

from pathlib import Path

import numpy as np
import pytest
import wavelet_sets
from hypothesis import given
from hypothesis import strategies as st
from wavelet_sets import WaveletSet, write_wavelets

from seisflow.core.classes import Split, WaveletClass
from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.augment import Augmenter
from seisflow.stages.learn.batches import BatchReader, Order
from seisflow.stages.learn.config import AugmentConfig, TrainConfig
from seisflow.stages.learn.examples import Examples, open_examples
from seisflow.stages.learn.job import prepare

SETS = (
    WaveletSet(n=60, rate=100, shard=16, chunk=4, seed=1),
    WaveletSet(n=50, rate=50, shard=20, chunk=5, seed=2),
    WaveletSet(n=20, rate=200, shard=64, chunk=8, seed=3),
)
N = sum(made.n for made in SETS)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sets")
    return [
        write_wavelets(folder / f"{name}.zarr", made, unready=unready)
        for name, made, unready in zip("abc", SETS, ((), (7,), ()), strict=True)
    ]


@pytest.fixture(scope="module")
def together(paths: list[Path]) -> Examples:
    return open_examples(paths)


@pytest.fixture(scope="module")
def alone(paths: list[Path]) -> list[np.ndarray]:
    """All waveforms of each at the lowest rate, and as long as the shortest; NaN where unready."""
    found = []
    for path in paths:
        own = open_examples(path, 50)
        ready = np.flatnonzero(own.ready)
        every = np.full((len(own), own.n_samples), np.nan, dtype=np.float32)
        every[ready] = own.read(ready)
        found.append(every)
    shortest = min(every.shape[1] for every in found)
    cuts = [(every.shape[1] - shortest) // 2 for every in found]
    return [every[:, cut : cut + shortest] for every, cut in zip(found, cuts, strict=True)]


def test_they_have_the_lowest_rate_and_all_columns(together: Examples, paths: list[Path]) -> None:
    assert len(together) == N
    assert (together.rate_hz, together.window_samples) == (50, 200)
    own = [open_examples(path) for path in paths]
    for name in ("wavelet_class", "split", "station", "event", "start_ns", "snr", "ready"):
        joined = np.concatenate([getattr(examples, name) for examples in own])
        np.testing.assert_array_equal(getattr(together, name), joined)
    assert together.source.tolist() == [0] * 60 + [1] * 50 + [2] * 20
    assert together.names.tolist() == ["a", "b", "c"]
    assert together.name == "a.zarr, b.zarr, c.zarr"
    for split in Split:
        counts = [examples.counts(split) for examples in own]
        every = {c.name.lower() for c in WaveletClass}
        assert together.counts(split) == {n: sum(c[n] for c in counts) for n in every}
    assert len({together.key, *(examples.key for examples in own)}) == 4
    assert open_examples(paths[::-1]).key != together.key
    said = together.of_sources()
    assert {name: found["wavelets"] for name, found in said.items()} == {"a": 60, "b": 49, "c": 20}
    assert [found["key"] for found in said.values()] == [examples.key for examples in own]


@given(asked=st.lists(st.integers(0, N - 1).filter(lambda i: i != 67), max_size=40))
def test_any_wavelets_in_any_order(
    asked: list[int], together: Examples, alone: list[np.ndarray]
) -> None:
    found = together.read(np.array(asked, dtype=np.int64))
    expected = np.concatenate(alone)[asked] if asked else np.zeros((0, together.n_samples))
    np.testing.assert_array_equal(found, expected)


def test_shards_are_files_of_one_product(together: Examples) -> None:
    indices = together.select(Split.TRAIN)
    parts = list(together.shards(np.random.default_rng(0).permutation(indices)))
    np.testing.assert_array_equal(np.concatenate(parts), indices)
    assert len(parts) <= together.n_shards == 4 + 3 + 1
    for part in parts:
        (source,) = set(together.source[part])
        first = (0, 60, 110)[source]
        assert len(set((part - first) // SETS[source].shard)) == 1


def test_a_wavelet_is_named_with_its_product(together: Examples, paths: list[Path]) -> None:
    with pytest.raises(DataError, match=rf"{paths[1]}: wavelet 7 \(ZG.*could not be made"):
        together.read([3, 67])
    assert together.where(110).startswith(f"{paths[2]}: wavelet 0 (")


def test_what_does_not_go_together_is_refused(
    paths: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="hold the same wavelets; give them once"):
        open_examples([paths[0], paths[1], paths[0]])
    with pytest.raises(ConfigError, match=r"200 samples/s are needed and .*b\.zarr has 50"):
        open_examples(paths, 200)
    monkeypatch.setattr(wavelet_sets, "WINDOW_S", 5)
    longer = write_wavelets(tmp_path / "longer.zarr", WaveletSet(n=20, rate=100))
    with pytest.raises(ConfigError, match=r"a\.zarr 4 s, .*longer\.zarr 5 s; .* one --window-s"):
        open_examples([paths[0], longer])


def test_a_product_of_a_lower_rate_is_named(paths: list[Path]) -> None:
    faster = open_examples(paths, 100)
    assert faster.rate_hz == 100
    (said,) = faster.of_lower_rate()
    assert said.startswith("b has 50 samples/s and the model 100: above 25 Hz it sees nothing")
    assert open_examples(paths).of_lower_rate() == ()


def test_products_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    made = (WaveletSet(n=20, seed=4), WaveletSet(n=20, seed=5))
    same = [
        write_wavelets(tmp_path / folder / "w.zarr", one)
        for folder, one in zip("ab", made, strict=True)
    ]
    assert open_examples(same).names.tolist() == [str(path) for path in same]


def draws_of(examples: Examples, weights: tuple[float, ...] = (), epoch: int = 0) -> np.ndarray:
    order = Order(examples, examples.select(Split.TRAIN), 8, 2, 1, weights)
    return order.of(epoch).order


@pytest.mark.parametrize("weights", [(), (1, 1, 1), (4, 1, 0.25)])
def test_an_epoch_has_of_each_source_by_its_weight_and_root(
    together: Examples, weights: tuple[float, ...]
) -> None:
    train = together.select(Split.TRAIN)
    drawn = together.of_draws(draws_of(together, weights))
    assert drawn.size == train.size
    for code in WaveletClass:
        n = np.bincount(together.source[train[together.wavelet_class[train] == code]], minlength=3)
        shares = np.sqrt(n) * (weights or (1, 1, 1))
        found = together.source[drawn[together.wavelet_class[drawn] == code]]
        assert abs(found.size - train.size / 3) < 1
        wanted = shares / shares.sum() * found.size
        assert np.abs(np.bincount(found, minlength=3) - wanted).max() <= 1


def test_what_comes_more_often_comes_equally_often(together: Examples) -> None:
    draws = draws_of(together, (1, 1, 9))
    assert np.unique(draws).size == draws.size, "copies differ"
    drawn, counts = np.unique(together.of_draws(draws), return_counts=True)
    for code in WaveletClass:
        own = counts[(together.source[drawn] == 2) & (together.wavelet_class[drawn] == code)]
        assert own.min() > 1
        assert own.max() - own.min() <= 1
    large = [together.of_draws(draws_of(together, (1, 1, 9), epoch)) for epoch in range(40)]
    seen = np.unique(np.concatenate(large))
    np.testing.assert_array_equal(seen, together.select(Split.TRAIN))


def test_a_batch_of_several_sources_is_the_same_for_any_number_of_ranks(
    together: Examples,
) -> None:
    order = Order(together, together.select(Split.TRAIN), 8, 2, 1, (1, 2, 9))
    changes = {"stretch": 1.2, "colour": 0.5, "pulses": 0.5, "noise": 0.7, "noise_of": "any"}
    augmenter = Augmenter(AugmentConfig.build(changes), together, 5, seed=1)
    whole = list(BatchReader(order, augmenter).epoch(1))
    assert len(whole) == order.n_batches
    halves = [list(BatchReader(order, augmenter, rank, 2).epoch(1)) for rank in (0, 1)]
    for batch, *parts in zip(whole, *halves, strict=True):
        for rank, part in enumerate(parts):
            np.testing.assert_array_equal(part.samples, batch.samples[rank::2])
            np.testing.assert_array_equal(part.indices, batch.indices[rank::2])
            np.testing.assert_array_equal(part.everyone, batch.everyone)
    later = list(BatchReader(order, augmenter).epoch(1, first=2))
    for batch, again in zip(whole[2:], later, strict=True):
        np.testing.assert_array_equal(batch.samples, again.samples)


@pytest.mark.parametrize("weights", [(1.0,), (1.0, 2.0, 0.0), (-1.0, 1.0, 1.0)])
def test_weights_that_do_not_fit_are_refused(
    weights: tuple[float, ...], paths: list[Path], tmp_path: Path
) -> None:
    config = TrainConfig.build(
        {"wavelets": paths, "model": tmp_path, "weights": weights, "low_hz": 5}
    )
    with pytest.raises(ConfigError, match=r"asked for 3 WAVELETS; give one above 0 for each"):
        prepare(config)
