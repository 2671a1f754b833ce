"""Windows of noise: equal labels, whole records, far from known arrivals.

Invariant: a window with its margins lies in one block of time, and windows are laid out block by
block; so nothing depends on how the record is cut into whole blocks.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Label, WaveletClass
from seisflow.core.grid import NS_PER_S

__all__ = ["NoiseRules", "NoiseWindows", "find_noise", "near_arrivals", "whole_windows"]

CLASSES = {
    Label.RANDOM_NOISE: WaveletClass.RANDOM_NOISE,
    Label.NOT_RANDOM_NOISE: WaveletClass.NOT_RANDOM_NOISE,
}
GAP, NEAR, UNLABELLED, UNEQUAL = "gap", "near arrival", "unlabelled", "labels not equal"


@dataclass(frozen=True)
class NoiseRules:
    """Whole seconds: of a window, its margin, and a block of time."""

    window_s: int
    margin_s: int
    block_s: int


@dataclass(frozen=True)
class NoiseWindows:
    """First seconds of windows, ascending, their classes, and why no window begins elsewhere.

    ``rejected`` counts seconds: each second at which no window can begin has one reason.
    """

    start_s: npt.NDArray[np.int64]
    wavelet_class: npt.NDArray[np.uint8]
    rejected: dict[str, int]


def near_arrivals(
    away_ns: npt.NDArray[np.int64], first_ns: int, n_seconds: int, before_s: float, after_s: float
) -> npt.NDArray[np.bool_]:
    """Mark the seconds that touch ``[arrival - before_s, arrival + after_s]`` of any arrival.

    Parameters
    ----------
    away_ns : ndarray of int64
        Arrivals, ns since 1970.
    first_ns : int
        Start of the first second, ns since 1970.
    n_seconds : int
        Seconds to mark.
    before_s, after_s : float
        Zone around an arrival.

    Returns
    -------
    ndarray of bool, shape (n_seconds,)
    """
    from_s = (away_ns - round(before_s * NS_PER_S) - first_ns) // NS_PER_S
    to_s = (away_ns + round(after_s * NS_PER_S) - first_ns) // NS_PER_S
    edges = np.zeros(n_seconds + 1, dtype=np.int64)
    touching = (to_s >= 0) & (from_s < n_seconds)
    np.add.at(edges, np.maximum(from_s[touching], 0), 1)
    np.add.at(edges, np.minimum(to_s[touching] + 1, n_seconds), -1)
    return np.cumsum(edges[:-1]) > 0


def whole_windows(
    flags: npt.NDArray[np.bool_], start: npt.NDArray[np.int64], stop: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Tell of each ``[start, stop)`` whether it lies inside `flags` and all of them are set."""
    total = np.concatenate([[0], np.cumsum(flags)])
    inside = (start >= 0) & (stop <= len(flags)) & (start <= stop)
    a, b = np.clip(start, 0, len(flags)), np.clip(stop, 0, len(flags))
    whole: npt.NDArray[np.bool_] = inside & (total[b] - total[a] == stop - start)
    return whole


def find_noise(
    label: npt.NDArray[np.uint8],
    whole: npt.NDArray[np.bool_],
    near: npt.NDArray[np.bool_],
    rules: NoiseRules,
) -> NoiseWindows:
    """Lay out windows of equal labels one behind the other, each as early as it can be.

    Parameters
    ----------
    label : ndarray of uint8, shape (n,)
        `Label` codes of consecutive seconds; `n` is a whole number of blocks.
    whole : ndarray of bool, shape (n,)
        Seconds that are completely recorded; a window and its margins must be.
    near : ndarray of bool, shape (n,)
        Seconds near a known arrival; none may lie in a window.
    rules : NoiseRules
        Lengths.

    Returns
    -------
    NoiseWindows
        Of one class they do not overlap. Seconds whose window would reach over the border of a
        block are not counted as rejected.
    """
    n, w, m = len(label), rules.window_s, rules.margin_s
    start = np.arange(n, dtype=np.int64)
    within = start % rules.block_s
    fits = (within >= m) & (within + w + m <= rules.block_s)
    covered = whole_windows(whole, start - m, start + w + m)
    apart = whole_windows(~near, start, start + w)
    labelled = whole_windows(label <= Label.NOT_RANDOM_NOISE, start, start + w)
    found = np.full(n, 255, dtype=np.uint8)
    for code, wavelet_class in CLASSES.items():
        found[whole_windows(label == code, start, start + w)] = wavelet_class
    good = fits & covered & apart & (found != 255)
    begins = start[good][_position_in_run(good)[good] % w == 0]
    return NoiseWindows(begins, found[begins], _reasons(fits, covered, apart, labelled, found))


def _reasons(
    fits: npt.NDArray[np.bool_],
    covered: npt.NDArray[np.bool_],
    apart: npt.NDArray[np.bool_],
    labelled: npt.NDArray[np.bool_],
    found: npt.NDArray[np.uint8],
) -> dict[str, int]:
    left, counts = fits, {}
    for reason, good in (
        (GAP, covered),
        (NEAR, apart),
        (UNLABELLED, labelled),
        (UNEQUAL, found != 255),
    ):
        counts[reason] = int((left & ~good).sum())
        left = left & good
    return counts


def _position_in_run(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return for each set flag how many set ones stand directly before it."""
    index = np.arange(len(flags), dtype=np.int64)
    last_unset = np.maximum.accumulate(np.where(flags, -1, index))
    position: npt.NDArray[np.int64] = index - last_unset - 1
    return position
