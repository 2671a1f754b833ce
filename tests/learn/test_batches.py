"""Batches: every wavelet once, the same batch for any number of ranks, within a bounded memory."""

import threading
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wavelet_sets import WaveletSet, write_wavelets

from seisflow.core.classes import Split
from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.augment import Augmenter
from seisflow.stages.learn.batches import Batch, BatchReader, Order, ahead, read_in_order
from seisflow.stages.learn.config import AugmentConfig
from seisflow.stages.learn.examples import Examples, open_examples

MADE = WaveletSet(n=300, shard=64, chunk=16)
HALO = 20


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return open_examples(write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr", MADE))


def reader(
    examples: Examples,
    *,
    batch: int = 32,
    together: int = 2,
    rank: int = 0,
    n_ranks: int = 1,
    config: AugmentConfig | None = None,
    indices: np.ndarray | None = None,
) -> BatchReader:
    chosen = examples.select(Split.TRAIN) if indices is None else indices
    order = Order(examples, chosen, batch, together, seed=5)
    return BatchReader(order, Augmenter(config, examples, HALO, 5), rank, n_ranks)


def test_an_epoch_sees_every_wavelet_once_and_another_order(examples: Examples) -> None:
    train = examples.select(Split.TRAIN)
    batches = list(reader(examples, batch=30).epoch(0))
    seen = np.concatenate([b.indices for b in batches])
    assert [b.indices.size for b in batches] == [30] * (train.size // 30)
    assert np.array_equal(np.sort(seen), train)
    assert not np.array_equal(seen, train)
    again = np.concatenate([b.indices for b in reader(examples, batch=30).epoch(0)])
    other = np.concatenate([b.indices for b in reader(examples, batch=30).epoch(1)])
    assert np.array_equal(seen, again)
    assert not np.array_equal(seen, other)


def test_batches_hold_the_wavelets_they_name(examples: Examples) -> None:
    margin = examples.margin_samples
    for batch in reader(examples).epoch(3):
        whole = examples.read(batch.indices)
        assert np.array_equal(batch.samples, whole[:, margin - HALO : HALO - margin])
        assert np.array_equal(batch.classes, examples.wavelet_class[batch.indices])
        assert np.array_equal(batch.everyone, batch.classes)


def test_what_does_not_fill_a_batch_is_another_rest_each_epoch(examples: Examples) -> None:
    train = examples.select(Split.TRAIN)
    assert train.size % 32
    rests = [
        set(train) - set(np.concatenate([b.indices for b in reader(examples).epoch(e)]))
        for e in (0, 1)
    ]
    assert [len(rest) for rest in rests] == [train.size % 32] * 2
    assert rests[0] != rests[1]


@settings(max_examples=15, deadline=None)
@given(
    n_ranks=st.sampled_from([2, 3, 4]),
    batch=st.sampled_from([12, 24, 60]),
    together=st.sampled_from([1, 2, 99]),
    n=st.integers(5, 210),
    epoch=st.integers(0, 3),
)
def test_a_batch_is_the_same_for_any_number_of_ranks(
    n_ranks: int, batch: int, together: int, n: int, epoch: int, examples: Examples
) -> None:
    indices = examples.select(Split.TRAIN)[:n]
    if n < batch:
        n -= n % n_ranks  # one small batch is shared equally too
        indices = indices[:n]
    options = {"batch": batch, "together": together, "indices": indices}
    options["config"] = AugmentConfig()
    alone = list(reader(examples, **options).epoch(epoch))
    shares = [
        list(reader(examples, rank=r, n_ranks=n_ranks, **options).epoch(epoch))
        for r in range(n_ranks)
    ]
    assert {len(share) for share in shares} == {len(alone)}
    for whole, *parts in zip(alone, *shares, strict=True):
        for rank, part in enumerate(parts):
            assert np.array_equal(part.indices, whole.indices[rank::n_ranks])
            assert np.array_equal(part.samples, whole.samples[rank::n_ranks])
            assert np.array_equal(part.everyone, whole.everyone)


@pytest.mark.parametrize("first", [0, 1, 3, 5, 6, 7])
def test_an_epoch_can_begin_in_its_middle(examples: Examples, first: int) -> None:
    config = AugmentConfig()
    whole = list(reader(examples, config=config).epoch(2))
    rest = list(reader(examples, config=config).epoch(2, first))
    assert len(rest) == max(0, len(whole) - first)
    for a, b in zip(whole[first:], rest, strict=True):
        assert np.array_equal(a.indices, b.indices)
        assert np.array_equal(a.samples, b.samples)


def test_blocks_before_the_first_batch_are_not_read(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_read = count_reads(examples, monkeypatch)
    list(reader(examples, together=1).epoch(0, 5))
    assert sum(n_read) == 32  # of one batch of six


def test_one_small_batch(examples: Examples) -> None:
    indices = examples.select(Split.TRAIN)[:5]
    (batch,) = reader(examples, indices=indices).epoch(0)
    assert sorted(batch.indices) == indices.tolist()
    shares = [list(reader(examples, indices=indices, rank=r, n_ranks=2).epoch(0)) for r in (0, 1)]
    assert [s[0].indices.size for s in shares] == [2, 2]
    assert shares[0][0].everyone.size == 4


def test_batches_that_ranks_cannot_share_are_refused(examples: Examples) -> None:
    with pytest.raises(ConfigError, match="multiple of the ranks"):
        reader(examples, n_ranks=3)
    few = "1 examples cannot be shared equally by 2 ranks; give --ranks 1 or fewer"
    with pytest.raises(ConfigError, match=few) as refused:
        reader(examples, indices=examples.select(Split.TRAIN)[:1], n_ranks=2)
    assert "--batch-size" not in str(refused.value)  # any number of the ranks would be refused


def test_wavelets_are_shuffled_within_blocks_alone(examples: Examples) -> None:
    order = reader(examples, together=2).order.of(0)
    shards = [
        set(order.order[a:b] // MADE.shard)
        for a, b in zip(order.edges, order.edges[1:], strict=False)
    ]
    assert [len(s) for s in shards] == [2, 2, 1]
    assert sorted(x for s in shards for x in s) == [0, 1, 2, 3, 4]


def count_reads(examples: Examples, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Note the number of waveforms of each read."""
    sizes: list[int] = []
    read = Examples.read

    def counting(self: Examples, indices: np.ndarray) -> np.ndarray:
        sizes.append(np.asarray(indices).size)
        return read(self, indices)

    monkeypatch.setattr(Examples, "read", counting)
    return sizes


def test_the_next_block_alone_is_read_ahead(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = count_reads(examples, monkeypatch)
    batches = reader(examples, batch=16, together=1).epoch(0)
    next(batches)
    wait_for_quiet(sizes)
    assert len(sizes) <= 3  # in use, the next one, and a batch ahead may have opened that
    batches.close()
    assert len(sizes) < 5


def wait_for_quiet(sizes: list[int]) -> None:
    before, pause = -1, threading.Event()
    while len(sizes) != before:
        before = len(sizes)
        pause.wait(0.3)


@pytest.fixture(scope="module")
def long_set(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    made = WaveletSet(n=4096, rate=50, shard=128, chunk=64)
    return open_examples(write_wavelets(tmp_path_factory.mktemp("long") / "w.zarr", made))


@pytest.mark.parametrize("n_ranks", [1, 2])
def test_memory_is_bounded_and_flat(long_set: Examples, n_ranks: int) -> None:
    made = reader(long_set, together=4, n_ranks=n_ranks, config=AugmentConfig(noise=1.0))
    whole_bytes = 4 * len(long_set) * long_set.n_samples
    batch_bytes = 10 * 4 * 32 * long_set.n_samples  # copies of two batches while they are made
    peaks = []
    tracemalloc.start()
    try:
        for i, _ in enumerate(made.epoch(0)):
            if i % 20 == 19:
                peaks.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
    finally:
        tracemalloc.stop()
    assert made.memory_bytes < 0.6 * whole_bytes
    assert max(peaks) < made.memory_bytes + batch_bytes + 400_000
    # and the bound is not idle: half of it would not do
    assert max(peaks) > made.memory_bytes / 3
    assert max(peaks[2:]) < 1.3 * max(peaks[:2])


def test_what_memory_is_stated(long_set: Examples) -> None:
    made = reader(long_set, together=4, config=AugmentConfig(noise=0.5))
    shard = 4 * long_set.n_samples * 128
    assert made.memory_bytes == shard * (1 + 8 * 1.5)
    assert reader(long_set, together=4).memory_bytes == shard * (1 + 8)
    assert reader(long_set, together=4, n_ranks=2).memory_bytes == shard * (1 + 4)
    assert reader(long_set, together=99).memory_bytes == shard * (1 + 32)


def test_validation_is_as_recorded_and_in_order(examples: Examples) -> None:
    validation = examples.select(Split.VALIDATION)
    augmenter = Augmenter(AugmentConfig(), examples, HALO, 5)
    batches = list(read_in_order(augmenter, validation, 16))
    assert np.array_equal(np.concatenate([b.indices for b in batches]), validation)
    margin = examples.margin_samples
    wanted = examples.read(validation)[:, margin - HALO : HALO - margin]
    assert np.array_equal(np.concatenate([b.samples for b in batches]), wanted)


def test_ranks_share_validation(examples: Examples) -> None:
    validation = examples.select(Split.VALIDATION)[:33]
    plain = Augmenter(None, examples, HALO, 5)
    shares = [list(read_in_order(plain, validation, 16, r, 2)) for r in (0, 1)]
    assert [[b.indices.size for b in share] for share in shares] == [[8, 8, 1], [8, 8, 0]]
    seen = np.concatenate([b.indices for share in shares for b in share])
    assert np.array_equal(np.sort(seen), validation)


def test_an_error_of_the_thread_arrives(tmp_path: Path) -> None:
    waveforms = MADE.waveforms(MADE.columns())
    train = np.flatnonzero(MADE.columns()["split"] == Split.TRAIN)
    waveforms[train[-1], 3] = np.nan
    examples = open_examples(write_wavelets(tmp_path / "w.zarr", MADE, waveforms=waveforms))
    with pytest.raises(DataError, match=f"wavelet {train[-1]} .*not finite"):
        list(reader(examples, batch=1).epoch(0))


def test_ahead_is_one_item_ahead_and_closes_what_it_reads() -> None:
    made, closed = [], threading.Event()

    def items() -> Iterator[int]:
        try:
            for i in range(5):
                made.append(i)
                yield i
        finally:
            closed.set()

    numbers = ahead(items())  # type: ignore[arg-type]
    assert next(numbers) == 0
    numbers.close()
    assert closed.is_set()
    assert made == [0, 1]
    assert list(ahead(items())) == [0, 1, 2, 3, 4]  # type: ignore[arg-type]
    assert isinstance(next(iter(ahead(iter_batches()))), Batch)


def iter_batches() -> Iterator[Batch]:
    yield Batch(*[np.zeros(0)] * 4)
