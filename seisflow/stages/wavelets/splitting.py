"""Splits that share nothing: blocks of time and blocks of stations, each for one purpose.

Invariant: with ``grouped`` no event, no block of time and no block of stations has examples in
both training and test, and no window with its margins reaches into a block of another split.
Blocks are dealt out by the windows in them, so that splits have their shares of every class as far
as blocks, which are never divided, allow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Split, WaveletClass
from seisflow.core.geometry import local_xy_m
from seisflow.core.randomness import draws, key_of
from seisflow.core.stations import Coordinates
from seisflow.stages.wavelets.dealing import Aim, deal_groups

__all__ = [
    "BORDER",
    "UNUSED",
    "Blocks",
    "Counted",
    "Deal",
    "TimeBlocks",
    "allot",
    "block_sites",
    "deal_blocks",
    "split_by_blocks",
    "split_shuffled",
    "splits_wanted",
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


@dataclass(frozen=True)
class TimeBlocks:
    """Blocks of time that have windows, ascending, and the split of each."""

    number: npt.NDArray[np.int64]
    split: npt.NDArray[np.uint8]

    def of(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
        """Return the split of each block; one without windows has that of the one before it."""
        place = np.searchsorted(self.number, numbers, side="right") - 1
        return self.split[np.maximum(place, 0)]


def block_sites(
    sites: Sequence[tuple[str, str]], places: Sequence[Coordinates], n_blocks: int
) -> npt.NDArray[np.int64]:
    """Cut sites into blocks of neighbours.

    Parameters
    ----------
    sites : sequence of (network, station)
        All different.
    places : sequence of Coordinates
        Of each site. Blocks are strips across the longer side of the array; where a place is not
        known, they follow the order of the names.
    n_blocks : int
        Blocks wanted; as many as sites where there are fewer. Their sizes differ by 1 at most.

    Returns
    -------
    ndarray of int64, shape (n_sites,)
        The number of the block of each site.
    """
    order = np.array(_line_up(sites, places), dtype=np.int64)
    block = np.empty(len(sites), dtype=np.int64)
    for number, members in enumerate(np.array_split(order, min(n_blocks, len(sites)))):
        block[members] = number
    return block


@dataclass(frozen=True, eq=False)
class Counted:
    """Windows counted by what is dealt out as a whole.

    Parameters
    ----------
    number : ndarray of int64, shape (n_times,)
        Blocks of time that have windows, ascending.
    windows : ndarray of int64, shape (n_times, n_blocks, n_classes)
        Windows of each block of time, block of stations and class.
    """

    number: npt.NDArray[np.int64]
    windows: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        home: npt.NDArray[np.int64],
        site_block: npt.NDArray[np.int64],
        wavelet_class: npt.NDArray[np.uint8],
    ) -> "Counted":
        """Count windows: of each the block of time and that of stations it belongs to."""
        number, time = np.unique(home, return_inverse=True)
        shape = (len(number), int(site_block.max(initial=0)) + 1, len(WaveletClass))
        cell = np.ravel_multi_index((time.ravel(), site_block, wavelet_class), shape)
        flat = np.bincount(cell, minlength=int(np.prod(shape)))
        return cls(number, flat.reshape(shape).astype(np.int64))


@dataclass(frozen=True, eq=False)
class Deal:
    """Blocks of time and of stations dealt out, and how near their shares are to those wanted."""

    times: TimeBlocks
    held: npt.NDArray[np.bool_] | None
    misfit: float
    is_met: bool


def deal_blocks(
    counted: Counted,
    shares: tuple[float, float, float],
    held_share: float | None,
    seed: tuple[int, int],
) -> Deal:
    """Deal blocks out so that each split has its share of the windows of every class.

    Parameters
    ----------
    counted : Counted
        The windows.
    shares : tuple of float
        Of time: train, validation and test.
    held_share : float, optional
        Share of the windows whose stations are held from training; without it all splits share
        all stations.
    seed : tuple of int
        Seed and number of the deal: the deal 0 begins with the largest blocks, others with any.
    """
    windows = counted.windows
    key, is_first = partial(key_of, seed[0]), seed[1] == 0
    held, use = None, np.ones((len(shares), windows.shape[1]), dtype=np.bool_)
    if held_share is not None:
        of_site = np.repeat(windows.sum(axis=0)[:, None], 2, axis=1)
        aim = Aim(np.array([1 - held_share, held_share]), windows.sum(axis=(0, 1)))
        chance = draws(key("sites", str(seed[1])), np.arange(windows.shape[1]))
        held = deal_groups(of_site, aim, chance, largest_first=is_first) == 1
        use = np.stack([~held, held, held])
    of_split = np.einsum("tbc,sb->tsc", windows, use.astype(np.int64))
    aim = Aim(splits_wanted(shares, held_share), windows.sum(axis=(0, 1)))
    chance = draws(key("times", str(seed[1])), counted.number)
    split = deal_groups(of_split, aim, chance, largest_first=is_first)
    filled = np.stack([of_split[split == s, s].sum(axis=0) for s in range(len(shares))])
    times = TimeBlocks(counted.number, split)
    return Deal(times, held, aim.misfit(filled), aim.is_met(filled))


def splits_wanted(
    shares: tuple[float, float, float], held_share: float | None
) -> npt.NDArray[np.float64]:
    """Return the share of all windows that each split should get, shape (3,)."""
    of_stations = (1.0, 1.0, 1.0)
    if held_share is not None:
        of_stations = (1 - held_share, held_share, held_share)
    return np.multiply(shares, of_stations)


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
        Every home named in `blocks`.
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
