"""Which times of one list are which of another.

Invariant: the pairs depend on the times alone, not on their order, and no time is in two pairs.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment

from seisflow.core.grid import NS_PER_S
from seisflow.errors import ConfigError

__all__ = ["match"]

Times = npt.NDArray[np.int64]


def match(found_ns: npt.ArrayLike, reference_ns: npt.ArrayLike, tolerance_s: float) -> Times:
    """Pair times one to one: as many pairs as there can be and, of these, the closest.

    Each time has at most one partner, at most `tolerance_s` away. Among the pairings with the most
    pairs, one with the least sum of residuals is taken. To take the closest pair first, and so on
    greedily, can leave times alone that have a partner. Times more than the tolerance apart from
    all before them cannot share a partner with these, so the problem falls into small pieces, each
    solved exactly by `scipy.optimize.linear_sum_assignment` as a dense table.

    Parameters
    ----------
    found_ns, reference_ns : array_like of int, shapes (n,) and (m,)
        ns since 1970, in any order.
    tolerance_s : float
        Largest residual of a pair, itself allowed; 0 or more.

    Returns
    -------
    ndarray of int64, shape (n_pairs, 2)
        Indices among found and reference, in order of the time found.

    Raises
    ------
    ConfigError
        The tolerance is negative or no number.
    """
    if not 0 <= tolerance_s < np.inf:
        raise ConfigError(f"a tolerance of {tolerance_s} s; give 0 or more seconds")
    found, reference = np.asarray(found_ns, np.int64), np.asarray(reference_ns, np.int64)
    tolerance_ns = round(tolerance_s * NS_PER_S)
    by_time, by_time_too = np.argsort(found, kind="stable"), np.argsort(reference, kind="stable")
    found, reference = found[by_time], reference[by_time_too]
    pairs = [
        _assign(found[start:stop], reference[start_too:stop_too], tolerance_ns)
        + np.array([start, start_too])
        for (start, stop), (start_too, stop_too) in _pieces(found, reference, tolerance_ns)
    ]
    ordered = np.concatenate([np.empty((0, 2), np.int64), *pairs])
    return np.stack([by_time[ordered[:, 0]], by_time_too[ordered[:, 1]]], axis=1)


def _pieces(
    found: Times, reference: Times, tolerance_ns: int
) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Cut two sorted lists where all times pause longer than the tolerance; drop lonely sides."""
    times = np.sort(np.concatenate([found, reference]))
    firsts = times[1:][np.diff(times) > tolerance_ns]
    cuts = [[0, *np.searchsorted(side, firsts).tolist(), side.size] for side in (found, reference)]
    both = zip(pairwise(cuts[0]), pairwise(cuts[1]), strict=True)
    return [(one, other) for one, other in both if one[0] < one[1] and other[0] < other[1]]


def _assign(found: Times, reference: Times, tolerance_ns: int) -> Times:
    """Solve one piece: a pair beyond the tolerance costs more than all others together."""
    residual = np.abs(found[:, None] - reference[None, :])
    allowed = residual <= tolerance_ns
    beyond = (tolerance_ns + 1.0) * (min(residual.shape) + 1)
    rows, columns = linear_sum_assignment(np.where(allowed, residual, beyond))
    kept = allowed[rows, columns]
    return np.stack([rows[kept], columns[kept]], axis=1).astype(np.int64)
