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
from seisflow.stages.learn.examples import Examples, open_examples

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
    with pytest.raises(ConfigError, match=r"100 samples/s are needed and .*b\.zarr has 50"):
        open_examples(paths, 100)
    monkeypatch.setattr(wavelet_sets, "WINDOW_S", 5)
    longer = write_wavelets(tmp_path / "longer.zarr", WaveletSet(n=20, rate=100))
    with pytest.raises(ConfigError, match=r"a\.zarr 4 s, .*longer\.zarr 5 s; .* one --window-s"):
        open_examples([paths[0], longer])


def test_products_of_one_name_are_told_apart_by_their_paths(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    made = (WaveletSet(n=20, seed=4), WaveletSet(n=20, seed=5))
    same = [
        write_wavelets(tmp_path / folder / "w.zarr", one)
        for folder, one in zip("ab", made, strict=True)
    ]
    assert open_examples(same).names.tolist() == [str(path) for path in same]
