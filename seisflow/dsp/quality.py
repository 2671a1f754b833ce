"""Samples a recorder did not really record: constant runs and full scale.

These masks are made from raw samples, before any filter. Samples that are not valid, NaN or
infinite neither belong to a run nor join two runs, and are never flagged: they are missing.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.errors import ConfigError, DataError

__all__ = ["clipped_samples", "constant_run_samples", "constant_samples"]

CONSTANT_S = 0.25
"""Shortest time of one value that counts as a stopped recorder."""

CONSTANT_MIN_SAMPLES = 16
"""Fewest samples of one value that count as a stopped recorder, whatever the rate."""

RAIL_COUNTS = (2**15, 2**23, 2**31)
"""Full scales of recorders of 16 (int16 samples only), 24 and 32 bits."""

FLAT_MIN_SAMPLES = 3
"""Fewest equal samples at an extreme that can be a flat top."""

FLAT_HEIGHT_MADS = 20.0
"""Least height of a flat top over the median, in median absolute deviations."""

FLAT_STEP_FRACTION = 0.05
"""A short flat top is entered or left by a step of at least this part of its height."""

Samples = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


def constant_run_samples(sampling_rate_hz: float) -> int:
    """Shortest run of equal samples to be called constant: 0.25 s, but 16 samples or more.

    What quiet real noise does by itself was measured on 444 recordings (91 million samples): the
    longest run of equal values is 8 samples at 40 Hz (deviation of 2 counts), 9 at 100 Hz, 7 at
    1000 Hz (4 counts), 3 and 1 in nodes stored as floats. It hardly grows with the rate, so at low
    rates the number of samples decides, and at high ones the time leaves a margin for recorders
    whose noise is less than a count. A stop shorter than 0.25 s is left to the labels.

    Parameters
    ----------
    sampling_rate_hz : float
        Samples per second.

    Returns
    -------
    int
        The `min_run_samples` of `constant_samples`.
    """
    return max(CONSTANT_MIN_SAMPLES, int(np.ceil(CONSTANT_S * sampling_rate_hz)))


def constant_samples(samples: Samples, valid: Mask, *, min_run_samples: int) -> Mask:
    """Flag runs of equal consecutive samples.

    Parameters
    ----------
    samples : ndarray of int or float, shape (n,)
        Raw samples.
    valid : ndarray of bool, shape (n,)
        True where a sample was recorded.
    min_run_samples : int
        Shortest run that is flagged, 2 or more; `constant_run_samples` gives one for a rate.

    Returns
    -------
    ndarray of bool, shape (n,)
        True on every sample of such a run.

    Raises
    ------
    ConfigError
        `min_run_samples` is below 2.
    DataError
        `samples` is not one-dimensional or `valid` has another length.
    """
    if min_run_samples < 2:
        raise ConfigError(f"a constant run has 2 samples or more; asked for {min_run_samples}")
    usable = _usable(samples, valid)
    flagged = np.zeros(samples.size, np.bool_)
    for start, stop in _equal_runs(samples, usable, min_run_samples):
        flagged[start:stop] = True
    return flagged


def clipped_samples(samples: Samples, valid: Mask, *, clip_counts: float | None = None) -> Mask:
    """Flag samples at the full scale of the recorder, known by its rails or by flat tops.

    *Rails*: samples equal to the largest or smallest number of a recorder of 24 or 32 bits (16
    bits too for int16), where no sample of the record lies beyond it. A gain or filter
    after digitising lets honest records pass 2^23: CI stations in the Ridgecrest mainshock reach
    11.7 million counts, clipped or not, without one flat sample; such records need `clip_counts`.

    *Flat tops*: 3 or more equal consecutive samples at the maximum or the minimum of the record,
    farther from its median than 20 median absolute deviations, so that quiet data of few counts
    are not called clipped, and either 16 or more of them or joined to a neighbour by a step above
    5 % of that height. A smooth wave is flat for some samples at its crest too, but leaves it in
    steps of few counts. Among 444 real recordings 3 samples were the longest run at an extreme,
    6 median absolute deviations from the median; none is flagged.

    Parameters
    ----------
    samples : ndarray of int or float, shape (n,)
        Raw samples of one record; extremes and median are those of the record, so a caller passes
        pieces that do not depend on how its work is cut, such as whole hours.
    valid : ndarray of bool, shape (n,)
        True where a sample was recorded.
    clip_counts : float, optional
        Full scale of the recorder: samples of this magnitude or above are flagged, in place of
        the rails.

    Returns
    -------
    ndarray of bool, shape (n,)
        True on every clipped sample.

    Raises
    ------
    ConfigError
        `clip_counts` is not above zero.
    DataError
        `samples` is not one-dimensional or `valid` has another length.
    """
    if clip_counts is not None and not clip_counts > 0:
        raise ConfigError(f"full scale must lie above 0 counts; found {clip_counts}")
    usable = _usable(samples, valid)
    if not usable.any():
        return np.zeros(samples.size, np.bool_)
    if clip_counts is None:
        flagged = _at_rails(samples, usable)
    else:
        flagged = usable & ((samples >= clip_counts) | (samples <= -clip_counts))
    for start, stop in _flat_tops(samples, usable):
        flagged[start:stop] = True
    return flagged


def _usable(samples: Samples, valid: Mask) -> Mask:
    if samples.ndim != 1 or valid.shape != samples.shape:
        raise DataError(
            f"a record and its mask have one axis of one length; found shapes {samples.shape} "
            f"and {valid.shape}"
        )
    if samples.dtype.kind != "f":
        return valid
    usable: Mask = valid & np.isfinite(samples)
    return usable


def _equal_runs(samples: Samples, usable: Mask, min_samples: int) -> npt.NDArray[np.int64]:
    """First index and index after the last of runs of equal usable samples."""
    pairs = np.flatnonzero((samples[1:] == samples[:-1]) & usable[1:] & usable[:-1])
    ends = np.flatnonzero(np.diff(pairs) > 1)  # pairs are few: faster than edges of the mask
    first = pairs[np.concatenate([[0], ends + 1])] if pairs.size else pairs
    last = pairs[np.concatenate([ends, [-1]])] if pairs.size else pairs
    runs = np.stack([first, last + 2], axis=1).astype(np.int64)
    return runs[runs[:, 1] - runs[:, 0] >= min_samples]


def _at_rails(samples: Samples, usable: Mask) -> Mask:
    """Flag samples at the number where a recorder ends, if none of the record lies beyond."""
    recorded = samples[usable]
    lowest, highest = float(recorded.min()), float(recorded.max())
    scales = RAIL_COUNTS if samples.dtype == np.int16 else RAIL_COUNTS[1:]
    flagged = np.zeros(samples.size, np.bool_)
    if any(highest == scale - 1 for scale in scales):
        flagged |= usable & (samples == highest)
    if any(lowest in (-scale, 1 - scale) for scale in scales):
        flagged |= usable & (samples == lowest)
    return flagged


def _flat_tops(samples: Samples, usable: Mask) -> list[tuple[int, int]]:
    """Flat tops as described in `clipped_samples`: first index and index after the last."""
    recorded = samples[usable]
    runs = _equal_runs(samples, usable, FLAT_MIN_SAMPLES)
    runs = runs[np.isin(samples[runs[:, 0]], (recorded.min(), recorded.max()))]
    if not runs.size:  # the medians cost more than all the rest
        return []
    median = float(np.median(recorded))
    spread = float(np.median(np.abs(recorded - median)))
    found = []
    for start, stop in runs:
        height = abs(float(samples[start]) - median)
        if height <= FLAT_HEIGHT_MADS * spread:
            continue
        step = FLAT_STEP_FRACTION * height
        if stop - start >= CONSTANT_MIN_SAMPLES or _step_at(samples, usable, start, stop) > step:
            found.append((int(start), int(stop)))
    return found


def _step_at(samples: Samples, usable: Mask, start: int, stop: int) -> float:
    """Larger of the steps from a run to its usable neighbours; 0 where it has none."""
    level = float(samples[start])
    neighbours = [k for k in (start - 1, stop) if 0 <= k < samples.size and usable[k]]
    return max((abs(float(samples[k]) - level) for k in neighbours), default=0.0)
