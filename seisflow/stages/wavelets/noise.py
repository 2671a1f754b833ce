"""Windows of noise: equal labels, whole records, far from known arrivals; and of coda.

Invariant: a window with its margins lies in one block of time, and windows are laid out block by
block; so nothing depends on how the record is cut into whole blocks.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Label, WaveletClass
from seisflow.core.grid import NS_PER_S
from seisflow.stages.wavelets.matching import KnownP

__all__ = [
    "NoiseRules",
    "NoiseWindows",
    "coda_seconds",
    "find_noise",
    "near_arrivals",
    "whole_windows",
]

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

    ``is_coda`` tells those that are not random noise as coda, whatever their labels. ``rejected``
    counts seconds: each second at which no window can begin has one reason.
    """

    start_s: npt.NDArray[np.int64]
    wavelet_class: npt.NDArray[np.uint8]
    is_coda: npt.NDArray[np.bool_]
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
    return _marked(from_s, to_s + 1, n_seconds)


def coda_seconds(
    known_p: KnownP, first_ns: int, n_seconds: int, within_s: tuple[float, float], block_s: int
) -> npt.NDArray[np.bool_]:
    """Mark the seconds that lie in the coda of a P, and in none of which another P is heard first.

    Parameters
    ----------
    known_p : KnownP
        All P of a site. Those that are not visible have no coda, and yet are no part of one.
    first_ns : int
        Start of the first second, ns since 1970.
    n_seconds : int
        Seconds to mark.
    within_s : (float, float)
        Coda is from the first to the second of these behind P. No second touches the time from
        any P to the first of them.
    block_s : int
        Length of the blocks of time. Coda lies in the block of the first P of its event, to which
        the event belongs.

    Returns
    -------
    ndarray of bool, shape (n_seconds,)
    """
    begin_ns, end_ns = (known_p.time_ns + round(s * NS_PER_S) - first_ns for s in within_s)
    onset_s = (known_p.time_ns - first_ns) // NS_PER_S
    from_s = -(-begin_ns // NS_PER_S)
    early = _marked(onset_s, np.maximum(from_s, onset_s + 1), n_seconds)
    left_s = (known_p.first_ns // (block_s * NS_PER_S) + 1) * block_s - first_ns // NS_PER_S
    stop_s = np.minimum(end_ns // NS_PER_S, left_s)
    return _marked(from_s[known_p.visible], stop_s[known_p.visible], n_seconds) & ~early


def _marked(
    from_s: npt.NDArray[np.int64], stop_s: npt.NDArray[np.int64], n_seconds: int
) -> npt.NDArray[np.bool_]:
    """Mark the seconds ``[from_s, stop_s)`` of all ranges; they may lie outside."""
    start, stop = np.clip(from_s, 0, n_seconds), np.clip(stop_s, 0, n_seconds)
    some = start < stop
    edges = np.zeros(n_seconds + 1, dtype=np.int64)
    np.add.at(edges, start[some], 1)
    np.add.at(edges, stop[some], -1)
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
    coda: npt.NDArray[np.bool_] | None = None,
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
    coda : ndarray of bool, shape (n,), optional
        Seconds, all of them near arrivals, of which whole windows are not random noise.

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
    is_coda = np.zeros(n, dtype=np.bool_) if coda is None else whole_windows(coda, start, start + w)
    found[is_coda] = WaveletClass.NOT_RANDOM_NOISE
    apart, labelled = apart | is_coda, labelled | is_coda
    good = fits & covered & apart & (found != 255)
    begins = start[good][_position_in_run(good)[good] % w == 0]
    rejected = _reasons(fits, covered, apart, labelled, found)
    return NoiseWindows(begins, found[begins], is_coda[begins], rejected)


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
