"""Equal numbers of each class in each split, or all there are, spread over stations and time."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Split, WaveletClass
from seisflow.stages.wavelets.splitting import allot

__all__ = ["balance", "count_classes", "rank_in_cell"]


def count_classes(
    wavelet_class: npt.NDArray[np.uint8], split: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Count windows; rows are `Split`, columns `WaveletClass`."""
    counts = [
        [int(((split == s) & (wavelet_class == c)).sum()) for c in WaveletClass] for s in Split
    ]
    return np.array(counts, dtype=np.int64)


def balance(
    wavelet_class: npt.NDArray[np.uint8],
    split: npt.NDArray[np.uint8],
    cells: npt.NDArray[np.int64],
    chance: npt.NDArray[np.uint64],
    per_class: int | None = None,
    classes: Sequence[WaveletClass] = tuple(WaveletClass),
    *,
    equal: bool = True,
) -> npt.NDArray[np.int64]:
    """Choose equal numbers of each class in each split, or all there are of each.

    Parameters
    ----------
    wavelet_class : ndarray of uint8, shape (n,)
        `WaveletClass` of each window.
    split : ndarray of uint8, shape (n,)
        `Split`; windows with another value are never chosen.
    cells : ndarray of int64, shape (n, 2)
        Where a window comes from: its station, and its event or block of time. The first of every
        cell is taken before the second of any.
    chance : ndarray of uint64, shape (n,)
        Random bits; the smaller come first.
    per_class : int, optional
        Most windows of one class over all splits; each split gives its share.
    classes : sequence of WaveletClass
        Those to choose of.
    equal : bool
        As many of each as there are of the least.

    Returns
    -------
    ndarray of int64
        Indices, ascending.
    """
    counts = count_classes(wavelet_class, split)
    least = counts[:, list(classes)].min(axis=1)
    chosen = [np.empty(0, dtype=np.int64)]
    for code in classes:
        wanted = _capped(least if equal else counts[:, code], per_class)
        for part in Split:
            here = np.flatnonzero((split == part) & (wavelet_class == code))
            order = np.lexsort((chance[here], rank_in_cell(cells[here], chance[here])))
            chosen.append(here[order[: wanted[part]]])
    return np.sort(np.concatenate(chosen))


def _capped(least: npt.NDArray[np.int64], per_class: int | None) -> list[int]:
    total = int(least.sum())
    if per_class is None or total <= per_class:
        return [int(n) for n in least]
    shares = allot(per_class, [int(n) / total for n in least])
    return [min(share, int(n)) for share, n in zip(shares, least, strict=True)]


def rank_in_cell(
    cells: npt.NDArray[np.int64], chance: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    """Return how many windows of its cell come before each window.

    Parameters
    ----------
    cells : ndarray of int64, shape (n, 2)
        Windows with equal rows are of one cell.
    chance : ndarray of uint64, shape (n,)
        Random bits; the smaller come first, of equal ones the one that stands first.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    order = np.lexsort((chance, cells[:, 1], cells[:, 0]))
    ordered = cells[order]
    new = np.ones(len(order), dtype=bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    index = np.arange(len(order))
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = index - np.maximum.accumulate(np.where(new, index, 0))
    return rank
