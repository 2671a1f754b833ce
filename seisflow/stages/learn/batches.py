"""Examples in shuffled batches, read from the disk while the network learns.

The order of an epoch is a function of the seed and the epoch alone. The files of the store
(shards) are put in a random order; `shards_together` of them make a block; the examples of a
block are put in a random order; the blocks, one after another, are cut into batches. A rank takes
every n-th example of a batch, so that a batch is the same whatever the number of ranks.

Of several sources an epoch has as many examples as there are, equally many of each class, of each
source in proportion to its weight and the square root of its number: of small sources an example
comes several times, of large ones another part in each epoch. Where an example is its index, one
that is drawn is index + n copy, with n the number of all; each copy has random numbers of its own.

A rank holds two blocks at most, the one in use and the next one, which a thread reads ahead, and
one shard while it is read: see `BatchReader.memory_bytes`.
"""

from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import WaveletClass
from seisflow.errors import ConfigError
from seisflow.stages.learn.augment import NONE, Augmenter
from seisflow.stages.learn.examples import Examples, Indices

__all__ = ["Batch", "BatchReader", "Order", "ahead", "read_in_order"]

T = TypeVar("T")
Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Batch:
    """What one rank learns from in one step.

    Parameters
    ----------
    indices : ndarray of int64, shape (k,)
        The rank's examples; one may come several times.
    samples : ndarray of float32, shape (k, window + 2 halo)
        Counts, augmented.
    classes : ndarray of int64, shape (k,)
        Codes of `WaveletClass`.
    everyone : ndarray of int64, shape (n,)
        Classes of the whole batch, over all ranks.
    """

    indices: Indices
    samples: Samples
    classes: Indices
    everyone: Indices


@dataclass(frozen=True)
class Epoch:
    """The order of one epoch.

    Parameters
    ----------
    order : ndarray of int64, shape (n,)
        All draws.
    edges : tuple of int
        Places in `order` at which blocks begin, and n.
    """

    order: Indices
    edges: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Order:
    """Which example stands where in each epoch; the same on every rank.

    Parameters
    ----------
    examples : Examples
        Where they lie.
    indices : ndarray of int64, shape (n,)
        Those of the training split.
    batch_size : int
        Examples of a batch over all ranks. The rest that does not fill a batch is left out of
        an epoch, another rest in each; fewer examples than a batch make one small batch.
    shards_together : int
        Shards of a block.
    seed : int
        Of the training.
    weights : tuple of float
        Of each source; empty for equal ones.
    """

    examples: Examples
    indices: Indices
    batch_size: int
    shards_together: int
    seed: int
    weights: tuple[float, ...] = ()

    @property
    def n_batches(self) -> int:
        """Batches of an epoch."""
        return max(1, self.indices.size // self.batch_size)

    @cached_property
    def _wanted(self) -> dict[tuple[int, int], tuple[Indices, int]]:
        """Examples of each class and source, and how many of them an epoch has."""
        examples, found = self.examples, {}
        source, classes = examples.source[self.indices], examples.wavelet_class[self.indices]
        totals = np.diff(np.rint(np.linspace(0, classes.size, np.unique(classes).size + 1)))
        for code, total in zip(np.unique(classes), totals, strict=True):
            sources = np.unique(source[classes == code])
            members = [self.indices[(classes == code) & (source == s)] for s in sources]
            weights = np.array(self.weights or np.ones(len(examples.sources)))
            shares = weights[sources] * np.sqrt([own.size for own in members])
            edges = np.rint(np.cumsum([0, *shares]) / shares.sum() * total).astype(np.int64)
            for s, own, n in zip(sources, members, np.diff(edges), strict=True):
                found[int(code), int(s)] = own, int(n)
        return found

    def _draws(self, epoch: int) -> Indices:
        """Return what an epoch has, by example."""
        if len(self.examples.sources) == 1:
            return self.indices
        rng = np.random.default_rng([self.seed, epoch, 2])
        drawn = []
        for members, n in self._wanted.values():
            copies, rest = divmod(n, members.size)
            drawn += [members + copy * len(self.examples) for copy in range(copies)]
            some = np.sort(rng.permutation(members)[:rest])
            drawn.append(some + copies * len(self.examples))
        draws = np.concatenate(drawn)
        return draws[np.argsort(self.examples.of_draws(draws), kind="stable")]

    def of(self, epoch: int) -> Epoch:
        """Return the order of an epoch."""
        rng = np.random.default_rng([self.seed, epoch, 0])
        draws = self._draws(epoch)
        sizes = [part.size for part in self.examples.shards(self.examples.of_draws(draws))]
        parts = np.split(draws, np.cumsum(sizes)[:-1])
        shards = [parts[i] for i in rng.permutation(len(parts))]
        step = self.shards_together
        blocks = [np.concatenate(shards[i : i + step]) for i in range(0, len(shards), step)]
        edges = np.cumsum([0, *[block.size for block in blocks]]).tolist()
        return Epoch(np.concatenate([rng.permutation(block) for block in blocks]), tuple(edges))


@dataclass(frozen=True)
class _Block:
    """Waveforms of ``mine[first:stop]`` of an epoch, and of the noise to be added to them."""

    first: int
    stop: int
    donors: Indices
    held: Indices
    samples: Samples

    def rows(self, indices: Indices) -> Samples:
        return self.samples[np.searchsorted(self.held, indices)]

    def noise(self, places: slice) -> Samples:
        donors = self.donors[places]
        noise = np.zeros((donors.size, self.samples.shape[1]), dtype=np.float32)
        has_one = donors != NONE
        rows = self.rows(donors[has_one])
        noise[has_one] = rows - rows.mean(axis=1, keepdims=True, dtype=np.float64)
        return noise


@dataclass(frozen=True, eq=False)
class BatchReader:
    """Reads the batches of an epoch for one rank.

    Parameters
    ----------
    order : Order
        Which example stands where.
    augmenter : Augmenter
        What is done to each.
    rank, n_ranks : int
        Which share of each batch is wanted, of how many.

    Raises
    ------
    ConfigError
        A batch cannot be shared equally, or there are fewer examples than ranks.
    """

    order: Order
    augmenter: Augmenter
    rank: int = 0
    n_ranks: int = 1

    def __post_init__(self) -> None:
        size, n = self.order.batch_size, self.order.indices.size
        if size % self.n_ranks or n < self.n_ranks:
            advice = "give a --batch-size that is a multiple of the ranks"
            if n < self.n_ranks:
                advice = f"give --ranks {max(1, n)} or fewer, or assemble more examples"
            raise ConfigError(
                f"a batch of {size} of {n} examples cannot be shared equally by {self.n_ranks} "
                f"ranks; {advice}"
            )

    @property
    def share(self) -> int:
        """Examples of this rank in a batch."""
        return min(self.order.batch_size, self.order.indices.size) // self.n_ranks

    @property
    def memory_bytes(self) -> int:
        """Bytes of waveforms held at once, at most: two blocks and a shard while it is read.

        In numbers: ``4 n_samples shard_size (1 + 2 shards_together (1 + noise) / n_ranks)``,
        with ``noise`` the probability that noise is added, whose examples are held too; 0.5 GB
        for the defaults at 500 samples/s, whatever the size of the set. What is resampled takes
        the 1 at its own rate and the rest at the new one.
        """
        of, config = self.order.examples, self.augmenter.config
        copies = 1 + (config.noise if config else 0)
        shards = min(2 * self.order.shards_together, of.n_shards)
        held = 4 * of.n_samples * of.shard_size * copies * shards / self.n_ranks
        return round(of.shard_bytes + held)

    def epoch(self, epoch: int, first: int = 0) -> Generator[Batch]:
        """Yield the batches of an epoch from the `first` one on, prepared by a thread.

        Raises
        ------
        DataError
            A waveform holds a sample that is not finite.
        """
        return ahead(self._batches(epoch, first))

    def _batches(self, epoch: int, first: int) -> Generator[Batch]:
        found = self.order.of(epoch)
        mine = self._mine(found)
        parts: list[tuple[Indices, Samples]] = []
        for block in ahead(self._blocks(epoch, found, first * self.share)):
            for start, stop in _pieces(block.first, block.stop, self.share):
                parts.append((mine[start:stop], self._changed(epoch, mine, block, start, stop)))
                if stop % self.share == 0:
                    step = stop // self.share - 1
                    yield self._joined(parts, found.order[step * self.order.batch_size :])
                    parts = []
            del block  # its room is for the one that the thread reads next

    def _mine(self, epoch: Epoch) -> Indices:
        used = self.order.n_batches * self.share * self.n_ranks
        return epoch.order[:used][self.rank :: self.n_ranks]

    def _blocks(self, number: int, epoch: Epoch, skipped: int) -> Generator[_Block]:
        """Read the blocks of an epoch, without the rank's first `skipped` examples."""
        mine, examples = self._mine(epoch), self.order.examples
        for begin, end in zip(epoch.edges, epoch.edges[1:], strict=False):
            first, stop = (
                min(-(-(e - self.rank) // self.n_ranks), mine.size) for e in (begin, end)
            )
            first = max(first, skipped)
            if first >= stop:
                continue
            members = np.unique(examples.of_draws(epoch.order[begin:end]))
            quiet = members[examples.wavelet_class[members] == WaveletClass.RANDOM_NOISE]
            donors = self.augmenter.donors(number, mine[first:stop], quiet)
            own = examples.of_draws(mine[first:stop])
            held = np.unique(np.concatenate([own, donors[donors != NONE]]))
            yield _Block(first, stop, donors, held, examples.read(held))

    def _changed(self, epoch: int, mine: Indices, block: _Block, start: int, stop: int) -> Samples:
        draws = mine[start:stop]
        noise = block.noise(slice(start - block.first, stop - block.first))
        rows = block.rows(self.order.examples.of_draws(draws))
        return self.augmenter(epoch, draws, rows, noise)

    def _joined(self, parts: list[tuple[Indices, Samples]], rest: Indices) -> Batch:
        examples = self.order.examples
        indices = examples.of_draws(np.concatenate([draws for draws, _ in parts]))
        everyone = examples.of_draws(rest[: self.share * self.n_ranks])
        return Batch(
            indices,
            np.concatenate([samples for _, samples in parts]),
            examples.wavelet_class[indices].astype(np.int64),
            examples.wavelet_class[everyone].astype(np.int64),
        )


def read_in_order(
    augmenter: Augmenter, indices: Indices, size: int, rank: int = 0, n_ranks: int = 1
) -> Generator[Batch]:
    """Yield a rank's share of examples as they are, in the order of `indices`.

    Parameters
    ----------
    augmenter : Augmenter
        Knows the examples and what the front end needs; nothing is changed.
    indices : ndarray of int64
        Examples of all ranks.
    size : int
        Examples of a batch over all ranks.
    rank, n_ranks : int
        Which share is wanted; the last shares of the last batch may be empty.
    """

    def batches() -> Generator[Batch]:
        examples = augmenter.examples
        for start in range(0, indices.size, size):
            everyone = indices[start : start + size]
            own = everyone[rank::n_ranks]
            classes = examples.wavelet_class[own].astype(np.int64)
            samples = augmenter.cut(examples.read(own))
            yield Batch(own, samples, classes, examples.wavelet_class[everyone].astype(np.int64))

    return ahead(batches())


def ahead(items: Generator[T]) -> Generator[T]:
    """Yield what `items` yields, the next one being made by a thread meanwhile.

    Two items exist at most: the one yielded and the next one. An error of the thread is raised
    where its item would have come.
    """
    end = object()
    with ThreadPoolExecutor(1, "read-ahead") as pool, closing(items):
        following = pool.submit(next, items, end)
        try:
            while (item := following.result()) is not end:
                following = pool.submit(next, items, end)
                yield item  # type: ignore[misc]
        finally:
            wait([following])  # a generator that runs cannot be closed


def _pieces(first: int, stop: int, size: int) -> Iterator[tuple[int, int]]:
    """Cut ``[first, stop)`` at the multiples of `size`."""
    while first < stop:
        end = min(stop, (first // size + 1) * size)
        yield first, end
        first = end
