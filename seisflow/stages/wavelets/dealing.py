"""Whole groups dealt out so that every split gets its share of the windows of every class.

Counts in, splits out. Invariant: a group is never divided, and what is dealt follows from the
counts and the random bits alone. The idea is that of scikit-learn's ``StratifiedGroupKFold``, for
shares that differ, with moves afterwards until none brings the shares nearer.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["Aim", "deal_groups"]

Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

EMPTY = 100.0
"""What a split without a class costs: more than any shares that are too small."""
CLOSE = 0.02
"""Shares this near to what is wanted, relative to it, are near enough."""
LEAST_GAIN = 1e-9
"""Moves that gain less are not made, so that rounding moves nothing to and fro."""


@dataclass(frozen=True, eq=False)
class Aim:
    """How many windows of each class each split should get.

    Parameters
    ----------
    shares : ndarray of float64, shape (n_splits,)
        Of the windows of every class; they need not add up to 1, where a split can use a part of
        the windows only.
    total : ndarray of int64, shape (n_classes,)
        Windows of each class that there are.
    """

    shares: Floats
    total: Counts

    @property
    def wanted(self) -> Floats:
        """Windows wanted, shape (n_splits, n_classes)."""
        return np.outer(self.shares, self.total)

    @property
    def scale(self) -> Floats:
        """Weights of squared differences from `wanted`; 0 for a class of which there is none."""
        squares = np.outer(self.shares, self.total.astype(np.float64) ** 2)
        return np.divide(1.0, squares, out=np.zeros_like(squares), where=squares > 0)

    def misfit(self, filled: Counts) -> float:
        """Return how far counts are from what is wanted: chi square of shares, and empty cells.

        Parameters
        ----------
        filled : ndarray of int64, shape (n_splits, n_classes)
            Windows that each split has.
        """
        n_empty = np.count_nonzero((filled == 0) & (self.total > 0))
        return float(((filled - self.wanted) ** 2 * self.scale).sum() + EMPTY * n_empty)

    def is_met(self, filled: Counts) -> bool:
        """Tell whether every share is within `CLOSE` of what is wanted."""
        return bool((np.abs(filled - self.wanted) <= CLOSE * self.wanted).all())


def deal_groups(
    counts: Counts, aim: Aim, chance: npt.NDArray[np.uint64], *, largest_first: bool
) -> npt.NDArray[np.uint8]:
    """Deal groups out to splits.

    Parameters
    ----------
    counts : ndarray of int64, shape (n_groups, n_splits, n_classes)
        Windows of each class that a group gives to each split, if it is dealt to that.
    aim : Aim
        What each split should get.
    chance : ndarray of uint64, shape (n_groups,)
        Random bits of each group: groups of about the same size are dealt in their order.
    largest_first : bool
        Deal the larger groups first; otherwise all in the order of `chance`.

    Returns
    -------
    ndarray of uint8, shape (n_groups,)
        Number of the split of each group.
    """
    shares = counts.max(axis=1) / np.maximum(aim.total, 1)
    size = np.floor(np.log2(np.maximum(shares.max(axis=1, initial=0), 1e-12)))
    order = np.lexsort((chance, -size if largest_first else np.zeros(len(chance))))
    split = np.zeros(len(counts), dtype=np.uint8)
    filled = np.zeros(counts.shape[1:], dtype=np.int64)
    for group in order:
        chosen = int(np.argmin(_added(counts[group][None], filled, aim)[0]))
        split[group] = chosen
        filled[chosen] += counts[group, chosen]
    return _improved(counts, split, filled, aim)


def _added(counts: Counts, filled: Counts, aim: Aim) -> Floats:
    """Return what adding each group to each split does to the misfit, shape (n_groups, n_splits).

    Empty cells do not count here: what comes first would decide by them alone.
    """
    change = (2 * (filled - aim.wanted) + counts) * counts * aim.scale
    return np.asarray(change.sum(axis=2))


def _improved(
    counts: Counts, split: npt.NDArray[np.uint8], filled: Counts, aim: Aim
) -> npt.NDArray[np.uint8]:
    """Move one group at a time, the best move first, until the shares are near or no move helps."""
    groups = np.arange(len(counts))
    for _ in range(4 * len(counts)):
        if aim.is_met(filled):
            break
        own = counts[groups, split]
        there = filled[split]
        removed = ((own - 2 * (there - aim.wanted[split])) * own * aim.scale[split]).sum(axis=1)
        removed += EMPTY * ((own > 0) & (own == there)).sum(axis=1)
        change = _added(counts, filled, aim) + removed[:, None]
        change -= EMPTY * ((counts > 0) & (filled == 0)).sum(axis=2)
        change[groups, split] = 0
        group, target = np.unravel_index(int(np.argmin(change)), change.shape)
        if change[group, target] > -LEAST_GAIN:
            break
        filled[split[group]] -= counts[group, split[group]]
        filled[target] += counts[group, target]
        split[group] = target
    return split
