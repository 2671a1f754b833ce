"""Splits that share nothing: blocks of time and blocks of stations, each for one purpose.

Invariant: with ``grouped`` no event, no block of time and no block of stations has examples in
both training and test, and no window with its margins reaches into a block of another split.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.chance import draws, key_of
from seisflow.core.classes import Split
from seisflow.core.geometry import local_xy_m
from seisflow.core.stations import Coordinates

__all__ = [
    "BORDER",
    "UNUSED",
    "Blocks",
    "SiteBlocks",
    "TimeBlocks",
    "allot",
    "block_sites",
    "block_times",
    "split_by_blocks",
    "split_shuffled",
]

UNUSED = 254
"""In a block of time and a block of stations that do not belong together."""
BORDER = 253
"""A window that reaches into a block of time of another split than its own."""


def allot(n: int, shares: Sequence[float]) -> list[int]:
    """Divide `n` things by shares, each share one at least where there are enough.

    Parameters
    ----------
    n : int
        Things.
    shares : sequence of float
        They add up to 1. Where there are fewer things than shares, the first shares and then the
        last get one each.

    Returns
    -------
    list of int
        One number for each share; they add up to `n`, and differ from ``n * share`` by less than
        1 unless a share got its one thing at the cost of another.
    """
    if n < len(shares):
        favoured = [0, *range(len(shares) - 1, 0, -1)][:n]
        return [int(k in favoured) for k in range(len(shares))]
    counts = [max(1, int(n * share)) for share in shares]
    while (missing := n - sum(counts)) != 0:
        lacking = [n * share - count for share, count in zip(shares, counts, strict=True)]
        if missing > 0:
            counts[int(np.argmax(lacking))] += 1
        else:
            spare = [
                lack if count > 1 else np.inf for lack, count in zip(lacking, counts, strict=True)
            ]
            counts[int(np.argmin(spare))] -= 1
    return counts


def _dealt(
    numbers: npt.NDArray[np.int64], key: int, shares: Sequence[float]
) -> npt.NDArray[np.uint8]:
    """Deal numbers out to the shares in a random order; shape of `numbers`."""
    order = np.lexsort((numbers, draws(key, numbers)))
    dealt = np.empty(len(numbers), dtype=np.uint8)
    dealt[order] = np.repeat(np.arange(len(shares)), allot(len(numbers), shares))
    return dealt


@dataclass(frozen=True)
class TimeBlocks:
    """Blocks of time, ascending, and the split of each."""

    number: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]

    def of(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return the split of each block; all must be known."""
        return self.split[np.searchsorted(self.number, numbers)]


def block_times(
    home: npt.NDArray[np.int64],
    other: npt.NDArray[np.int64],
    seed: tuple[int, int],
    shares: tuple[float, float, float],
) -> TimeBlocks:
    """Deal blocks of time out to the splits.

    Blocks that are the home of an event and blocks that are not are dealt apart, so that every
    split has its share of both, and one at least of each where there are three.

    Parameters
    ----------
    home, other : ndarray of int64
        Numbers of blocks, repetitions allowed; a block in both is a home.
    seed : tuple of int
        Seed and number of the deal; the order follows from both.
    shares : tuple of float
        Train, validation and test.
    """
    homes = np.unique(home)
    others = np.setdiff1d(other, homes)
    number = np.concatenate([homes, others])
    split = np.concatenate(
        [
            _dealt(n, key_of(seed[0], what, str(seed[1])), shares)
            for n, what in ((homes, "home"), (others, "other"))
        ]
    )
    order = np.argsort(number)
    return TimeBlocks(number[order], split[order])


@dataclass(frozen=True)
class SiteBlocks:
    """The block of each site, and which blocks are held from training."""

    block: npt.NDArray[np.int64]
    held: npt.NDArray[np.bool_]


def block_sites(
    sites: Sequence[tuple[str, str]],
    places: Sequence[Coordinates],
    n_blocks: int,
    *,
    seed: tuple[int, int],
    held: float,
) -> SiteBlocks:
    """Cut sites into blocks of neighbours and hold a share of the blocks from training.

    Parameters
    ----------
    sites : sequence of (network, station)
        All different.
    places : sequence of Coordinates
        Of each site. Blocks are strips across the longer side of the array; where a place is not
        known, they follow the order of the names.
    n_blocks : int
        Blocks wanted; as many as sites where there are fewer. Their sizes differ by 1 at most.
    seed : tuple of int
        Seed and number of the deal; which are held follows from both.
    held : float
        Share of the blocks to hold; one at least where there are two.
    """
    order = np.array(_line_up(sites, places), dtype=np.int64)
    cuts = np.array_split(order, min(n_blocks, len(sites)))
    block = np.empty(len(sites), dtype=np.int64)
    for number, members in enumerate(cuts):
        block[members] = number
    numbers = np.arange(len(cuts), dtype=np.int64)
    return SiteBlocks(
        block, _dealt(numbers, key_of(seed[0], "sites", str(seed[1])), (1 - held, held)) == 1
    )


def _line_up(sites: Sequence[tuple[str, str]], places: Sequence[Coordinates]) -> list[int]:
    """Order sites along the longer side of the array, or by name."""
    x, y = local_xy_m([p.longitude for p in places], [p.latitude for p in places])
    if not np.isfinite(x).all():
        return sorted(range(len(sites)), key=lambda i: sites[i])
    along, across = (x, y) if np.ptp(x) >= np.ptp(y) else (y, x)
    return sorted(range(len(sites)), key=lambda i: (along[i], across[i], sites[i]))


@dataclass(frozen=True)
class Blocks:
    """Columns of windows: the block of time each belongs to, and the first and last it touches."""

    home: npt.NDArray[np.int64]
    first: npt.NDArray[np.int64]
    last: npt.NDArray[np.int64]


def split_by_blocks(
    blocks: Blocks, times: TimeBlocks, held: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.uint8]:
    """Return the split of every window, or `BORDER`, or `UNUSED`.

    Parameters
    ----------
    blocks : Blocks
        Of each window; of an earthquake, the home is that of its event.
    times : TimeBlocks
        Every block named in `blocks`.
    held : ndarray of bool, optional
        Whether the window's station is held from training; without it stations are shared.

    Returns
    -------
    ndarray of uint8
        Training on stations not held; validation and test on stations held.
    """
    split = times.of(blocks.home)
    reaches = (times.of(blocks.first) != split) | (times.of(blocks.last) != split)
    if held is not None:
        split = np.where((split == Split.TRAIN) == held, np.uint8(UNUSED), split)
    split[reaches] = BORDER
    return split.astype(np.uint8)


def split_shuffled(
    chance: npt.NDArray[np.uint64],
    wavelet_class: npt.NDArray[np.uint8],
    shares: tuple[float, float, float],
) -> npt.NDArray[np.uint8]:
    """Return a split for every window by itself, by exact shares within each class.

    Windows of one event, and neighbours in time, come to lie in different splits: figures of such
    a test are too good.

    Parameters
    ----------
    chance : ndarray of uint64
        Random bits of each window.
    wavelet_class : ndarray of uint8
        `seisflow.core.classes.WaveletClass`.
    shares : tuple of float
        Train, validation and test.
    """
    split = np.empty(len(chance), dtype=np.uint8)
    for code in np.unique(wavelet_class):
        here = np.flatnonzero(wavelet_class == code)
        order = here[np.argsort(chance[here], kind="stable")]
        split[order] = np.repeat(np.arange(len(shares)), allot(len(here), shares))
    return split
