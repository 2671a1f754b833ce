"""MB18, the product of the envelopes of nine sub-arrays: a detector to compare with.

Meng & Ben-Zion 2018, GJI 212(1), 442-457, doi:10.1093/gji/ggx404: waveforms are stacked without
shifts in nine sub-arrays that do not overlap, the envelopes of the nine stacks are multiplied, and
an STA/LTA runs on the product.

Arrays in, detections out. Invariant: where there are no data there is no detection.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len
from scipy.ndimage import maximum_filter1d
from scipy.signal import hilbert

from seisflow.core.geometry import local_xy_m
from seisflow.core.grid import DAY_NS, NS_PER_S
from seisflow.errors import ConfigError, DataError
from seisflow.stages.compare.sta_lta import ArrayRecord, Trigger, filtered_runs

__all__ = [
    "EnvelopeRule",
    "Strength",
    "allowed_threshold",
    "envelope_strength",
    "least_threshold",
    "nine_subarrays",
    "triggers_above",
]

Vector = npt.NDArray[np.float64]
SUBARRAYS = 9
ROUNDING = 1e-12
"""What a filter leaves of one value, as a share of it."""


@dataclass(frozen=True, kw_only=True)
class EnvelopeRule:
    """Numbers of MB18's product of envelopes.

    Parameters
    ----------
    stack : {"waveforms", "envelopes"}
        What is averaged within a sub-array: waveforms, as MB18, which favours waves that come
        from steeply below; or the envelopes of its stations, which does not ask for coherence.
    step_s : float
        Envelopes are averaged over steps of this length before they are multiplied.
    short_s : float
        Over which the product is averaged, up to and with each step.
    long_s : float or None
        The product is compared with its average over this time before `short_s`, as MB18; None:
        with the product of the medians of the envelopes.
    """

    stack: Literal["waveforms", "envelopes"] = "waveforms"
    step_s: float = 0.1
    short_s: float = 0.5
    long_s: float | None = 10.0


@dataclass(frozen=True, eq=False, kw_only=True)
class Strength:
    """How strong a signal is over time.

    Parameters
    ----------
    start_ns, step_ns : int
        Step k begins at ``start_ns + k * step_ns``.
    values : ndarray of float64, shape (n_steps,)
        Logarithm to base 10 of the ratio; NaN where there are no data.
    """

    start_ns: int
    step_ns: int
    values: Vector


def nine_subarrays(longitude: Vector, latitude: Vector) -> npt.NDArray[np.int64]:
    """Divide stations into nine sub-arrays of nearly equal numbers by their places.

    Three parts from west to east, and each of them into three from south to north; stations at
    one coordinate keep their order.

    Parameters
    ----------
    longitude, latitude : ndarray of float64, shape (n_stations,)
        Degrees; NaN where not known.

    Returns
    -------
    ndarray of int64, shape (n_stations,)
        0 to 8, the first in the south-west, the second north of it; -1 where there is no place.

    Raises
    ------
    DataError
        Fewer than nine stations have a place.
    """
    x, y = local_xy_m(longitude, latitude)
    known = np.flatnonzero(np.isfinite(x))
    if known.size < SUBARRAYS:
        raise DataError(
            f"{known.size} of {longitude.size} stations have coordinates; nine sub-arrays need at "
            "least nine: give coordinates with 'seisflow ingest --stations'"
        )
    numbers = np.full(longitude.size, -1, dtype=np.int64)
    columns = np.array_split(known[np.argsort(x[known], kind="stable")], 3)
    for i, column in enumerate(columns):
        rows = np.array_split(column[np.argsort(y[column], kind="stable")], 3)
        for j, row in enumerate(rows):
            numbers[row] = 3 * i + j
    return numbers


def envelope_strength(record: ArrayRecord, rule: EnvelopeRule) -> Strength:
    """Multiply the envelopes of nine sub-arrays, after Meng & Ben-Zion 2018.

    Each station is filtered to 5-30 Hz and divided by the median of its absolute values. What its
    stations have in common (see `EnvelopeRule.stack`) is the record of a sub-array. Envelopes, the
    absolute values of analytic signals, are averaged over steps, divided by their median and
    multiplied. The band, the steps, the medians and the lengths of the averages are our choice;
    the medians of envelopes do not change the ratio of averages; those of stations weight them
    within a sub-array and are taken over the record given.

    Parameters
    ----------
    record : ArrayRecord
        At least nine stations with places. A station without data in a step plays no part in it.
    rule : EnvelopeRule
        Numbers.

    Returns
    -------
    Strength
        NaN where one of the sub-arrays has no data, and while the averages fill.

    Raises
    ------
    ConfigError
        The step or the averages cannot be at this rate.
    DataError
        Fewer than nine stations have a place, or the rate leaves nothing of the band.
    """
    step = round(rule.step_s * record.rate_hz)
    short, long = (round((s or 0) / rule.step_s) for s in (rule.short_s, rule.long_s))
    if step < 1 or short < 1 or (rule.long_s is not None and long < 1):
        raise ConfigError(
            f"{rule} at {record.rate_hz} samples/s: a step is at least one sample, and averages "
            "are at least one step"
        )
    numbers = nine_subarrays(record.longitude, record.latitude)
    product = np.ones(record.samples.shape[1] // step)
    for k in range(SUBARRAYS):
        envelope = _steps(_subarray(record, np.flatnonzero(numbers == k), rule.stack), step)
        middle = np.nanmedian(envelope) if np.isfinite(envelope).any() else np.nan
        product *= envelope / middle
    ratio = _trailing_mean(product, short)
    with np.errstate(divide="ignore", invalid="ignore"):
        if rule.long_s is not None:
            ratio[short:] /= _trailing_mean(product, long)[:-short]
            ratio[:short] = np.nan
        values = np.log10(ratio)
    step_ns = round(step * NS_PER_S / record.rate_hz)
    return Strength(start_ns=record.start_ns, step_ns=step_ns, values=values)


def _subarray(record: ArrayRecord, members: npt.NDArray[np.int64], stack: str) -> Vector:
    """Return the envelope of a sub-array; NaN where none of its stations has data."""
    n = record.samples.shape[1]
    total, count = np.zeros(n), np.zeros(n)
    for i in members.tolist():
        runs = list(filtered_runs(record.samples[i], record.rate_hz))
        if not runs:
            continue
        level = np.median(np.concatenate([np.abs(filtered) for _, _, filtered in runs]))
        if level <= ROUNDING * np.nanmax(np.abs(record.samples[i])):
            continue  # one value and no record: what is left of it is not to be amplified
        for start, stop, filtered in runs:
            own = _envelope(filtered) if stack == "envelopes" else filtered
            total[start:stop] += own / level
            count[start:stop] += 1
    mean = np.divide(total, count, out=np.zeros(n), where=count > 0)
    envelope = mean if stack == "envelopes" else _envelope(mean)
    return np.where(count > 0, envelope, np.nan)


def _envelope(samples: Vector) -> Vector:
    padded = next_fast_len(samples.size)  # a day can be a prime number of samples
    found: Vector = np.abs(hilbert(samples, padded)[: samples.size])
    return found


def _steps(values: Vector, step: int) -> Vector:
    """Average over steps; NaN where a sample is NaN."""
    n = values.size // step
    means: Vector = values[: n * step].reshape(n, step).mean(axis=1)
    return means


def _trailing_mean(values: Vector, length: int) -> Vector:
    """Average each step with those before it; NaN over the first ``length - 1``.

    No running sums: the product spans so many orders of magnitude that one large value would
    leave nothing but its rounding behind.
    """
    means = np.full(values.size, np.nan)
    if values.size >= length:
        means[length - 1 :] = np.lib.stride_tricks.sliding_window_view(values, length).mean(axis=1)
    return means


def triggers_above(strength: Strength, threshold: float, merge_s: float) -> list[Trigger]:
    """Detect where the strength reaches a threshold.

    Parameters
    ----------
    strength : Strength
        Of `envelope_strength`.
    threshold : float
        Least strength.
    merge_s : float
        Steps at or above the threshold that follow each other within this time are one detection.

    Returns
    -------
    list of Trigger
        Time of the first step and largest strength of each, in order of time.
    """
    values = np.where(np.isnan(strength.values), -np.inf, strength.values)
    above = np.flatnonzero(values >= threshold)
    if not above.size:
        return []
    starts = np.flatnonzero(np.diff(above, prepend=-np.inf) > _gap(strength, merge_s))
    largest = np.maximum.reduceat(values[above], starts)
    times = strength.start_ns + above[starts] * strength.step_ns
    return [Trigger(t, s) for t, s in zip(times.tolist(), largest.tolist(), strict=True)]


def _gap(strength: Strength, merge_s: float) -> int:
    return int(merge_s * NS_PER_S) // strength.step_ns


def least_threshold(strength: Strength, merge_s: float, per_day: float) -> float:
    """Choose the threshold for a stated number of detections a day.

    A lower threshold finds more, until detections grow together and become fewer again. Of the
    thresholds above all that find more than wanted, the one that finds most is chosen, and of
    these the least. The numbers at all thresholds follow from counting two sorted lists, see
    `_beginnings`.

    Parameters
    ----------
    strength : Strength
        Of the whole time; steps without data do not count as time.
    merge_s : float
        As in `triggers_above`.
    per_day : float
        Detections wanted at most.

    Returns
    -------
    float
        For `triggers_above`; infinite where even the strongest are too many or there are no data.
    """
    values = np.where(np.isnan(strength.values), -np.inf, strength.values)
    days = np.count_nonzero(~np.isnan(strength.values)) * strength.step_ns / DAY_NS
    _, high, low = _beginnings(strength, merge_s)
    thresholds = np.unique(values[np.isfinite(values)])[::-1]
    numbers = _numbers(high, low, thresholds)
    too_many = np.flatnonzero(numbers > int(per_day * days))
    fit = numbers[: too_many[0]] if too_many.size else numbers
    if not fit.size:
        return np.inf
    return float(thresholds[np.flatnonzero(fit == fit.max())[-1]])


def allowed_threshold(
    strength: Strength, merge_s: float, is_allowed: Callable[[npt.NDArray[np.int64]], bool]
) -> float | None:
    """Choose the lowest threshold at which the times of the detections are allowed.

    A lower threshold finds more, lets others begin earlier, and lets yet others grow together: what
    is counted of the times need not rise. So there is no bisection: every threshold at which any
    time changes is tried, from above, and the first that is not allowed ends it; all above the one
    chosen are allowed too. It also ends where most detections are found: below, they grow together.

    Parameters
    ----------
    strength : Strength
        Of the whole time.
    merge_s : float
        As in `triggers_above`.
    is_allowed : callable
        Takes the times of `triggers_above`, ns since 1970.

    Returns
    -------
    float or None
        For `triggers_above`; None where even the strongest is not allowed or there are no data.
    """
    begins, high, low = _beginnings(strength, merge_s)
    every = np.concatenate([high, low])
    thresholds = np.unique(every[every > -np.inf])[::-1]
    if not thresholds.size:
        return None
    numbers = _numbers(high, low, thresholds)
    chosen = None
    for threshold in thresholds[: np.flatnonzero(numbers == numbers.max())[-1] + 1]:
        steps = begins[(high >= threshold) & (low < threshold)]
        if not is_allowed(strength.start_ns + steps * strength.step_ns):
            break
        chosen = float(threshold)
    return chosen


def _beginnings(strength: Strength, merge_s: float) -> tuple[npt.NDArray[np.int64], Vector, Vector]:
    """Return the steps that can begin a detection, and the thresholds at which they do.

    A step begins one at the thresholds up to its own strength, and with it, that are above all of
    the `merge_s` before it.
    """
    values = np.where(np.isnan(strength.values), -np.inf, strength.values)
    before = _largest_before(values, _gap(strength, merge_s))
    begins = np.flatnonzero(values > before)
    return begins, values[begins], before[begins]


def _numbers(high: Vector, low: Vector, thresholds: Vector) -> npt.NDArray[np.int64]:
    """Count the detections at each threshold, of steps that begin one above low and up to high."""
    n_begun = high.size - np.searchsorted(np.sort(high), thresholds, side="left")
    n_over = low.size - np.searchsorted(np.sort(low), thresholds, side="left")
    numbers: npt.NDArray[np.int64] = n_begun - n_over
    return numbers


def _largest_before(values: Vector, length: int) -> Vector:
    """Return the largest of the `length` values before each one; -inf where there are none."""
    if not length or not values.size:
        return np.full(values.size, -np.inf)
    shifted = np.concatenate([[-np.inf], values[:-1]])
    # a window that ends at each value: the filter's own is centred on it
    found: Vector = maximum_filter1d(
        shifted, length, mode="constant", cval=-np.inf, origin=(length - 1) // 2
    )
    return found
