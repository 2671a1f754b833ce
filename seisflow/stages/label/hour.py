"""Label an hour that a notebook or another program holds: a Trace, or samples and their rate.

Invariant: the labels are those that ``seisflow label`` gives the same samples by default.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from seisflow.archive.reading import recorded_samples
from seisflow.core.grid import HOUR_S, nominal_rate
from seisflow.dsp.windows import any_in_window
from seisflow.errors import ConfigError, DataError
from seisflow.stages.label.method import (
    DEFAULT_METHOD,
    LOWEST_RATE_HZ,
    HourLabels,
    Parameters,
    label_windows,
    parameters_of,
)
from seisflow.stages.label.record import HourRecord, label_record

__all__ = ["label_hour"]


class _Given(NamedTuple):
    """Samples, where there are any, and samples per second."""

    samples: npt.NDArray[Any]
    recorded: npt.NDArray[np.bool_]
    rate_hz: int


def label_hour(
    record: Any,
    sampling_rate_hz: float | None = None,
    *,
    method: str = DEFAULT_METHOD,
    filtered: bool = False,
    warm_up_s: float = 0.0,
    parameters: Parameters | None = None,
    device: str = "cpu",
) -> HourLabels:
    """Label every second of an hour of one station, or of a part of an hour.

    The record is taken as it came from the recorder: constant runs, clipped samples and gaps are
    found, and it is high-passed, as ``seisflow label`` does. Give the samples of a UTC hour and
    the 20 s before them with ``warm_up_s=20``, and the labels are those of the command.

    Parameters
    ----------
    record : obspy.Trace or array_like, shape (n_samples,)
        Counts as recorded, integers or floats: whole seconds, an hour at most, and before them the
        warm-up. A second is named by its first sample, the first one begins with the record. NaN,
        infinite and masked samples are gaps, and so are integers equal to -2^31, the fill value
        of WAVEFORMS. A window that lacks a sample is NO_DATA.
    sampling_rate_hz : float, optional
        Samples per second, a whole number of 10 or more. A Trace says it itself.
    method : str
        ``"reference"`` or ``"calibrated"``, see `seisflow.stages.label.method.label_windows`.
    filtered : bool
        The record is high-passed already, at 2 Hz as `method` expects it: it is labelled as it
        is, float64 in float64. Gaps are left out; constant and clipped samples can no longer be
        told from others.
    warm_up_s : float
        Seconds at the beginning of the record that only warm up the filter and get no label.
        Without them the first seconds hold what the filter makes of the beginning.
    parameters : ReferenceParameters or CalibratedParameters, optional
        The numbers of the method; its defaults where left out. Windows other than 1 s need a
        record that is `filtered`.
    device : str
        Where windows are correlated: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Returns
    -------
    HourLabels
        One label for each second behind the warm-up.

    Raises
    ------
    ConfigError
        The rate is missing, does not suit the method or is not that of the Trace; the warm-up does
        not suit the record; the method or the device cannot be had.
    DataError
        `record` is a Stream, empty, not one-dimensional, not of real numbers, not a whole number
        of seconds, or longer than an hour.
    """
    numbers = parameters_of(method, parameters)
    given = _given(record, sampling_rate_hz)
    n_warm_up = _warm_up_samples(warm_up_s, given, filtered=filtered)
    _refuse_unfit_length(given, n_warm_up, whole_seconds=numbers.window_s == 1)
    if filtered:
        missing = any_in_window(~given.recorded, round(given.rate_hz * numbers.window_s))
        return label_windows(
            given.samples,
            given.rate_hz,
            method=method,
            valid=~missing,
            parameters=numbers,
            device=device,
        )
    if numbers.window_s != 1:
        raise ConfigError(
            f"window_s = {numbers.window_s}: records are filtered here for windows of 1 s; filter "
            f"this one at {numbers.highpass_corner_hz:g} Hz and give it with filtered=True"
        )
    by_second = given.recorded[n_warm_up:].reshape(-1, given.rate_hz)
    coverage = by_second.mean(axis=1).astype(np.float32)
    hour = HourRecord(given.samples, given.recorded, coverage, given.rate_hz)
    return label_record(hour, method=method, parameters=numbers, device=device)[0]


def _given(record: Any, sampling_rate_hz: float | None) -> _Given:
    """Take a Trace or an array apart."""
    if hasattr(record, "traces"):
        raise DataError(
            f"a Stream of {len(record.traces)} traces was given; give one Trace, for example "
            "stream.merge()[0], whose gaps are masked"
        )
    is_trace = hasattr(record, "stats") and hasattr(record, "data")
    rate_hz = _rate(record.stats.sampling_rate if is_trace else None, sampling_rate_hz)
    values = record.data if is_trace else record
    samples = np.asarray(np.ma.getdata(values))
    if samples.dtype.kind not in "iuf":
        raise DataError(f"samples must be real numbers; found {samples.dtype}")
    if samples.ndim != 1 or not samples.size:
        raise DataError(
            f"a record has one axis, time, and some samples; found an array of shape "
            f"{samples.shape}; give one station at a time"
        )
    if samples.dtype.kind in "iu" and samples.dtype.itemsize < 4:
        samples = samples.astype(np.int32)  # as they are ingested
    return _Given(samples, recorded_samples(samples) & ~np.ma.getmaskarray(values), rate_hz)


def _rate(own_hz: float | None, given_hz: float | None) -> int:
    """Return the rate of a record, of which a Trace knows its own."""
    if own_hz is not None and given_hz is not None and own_hz != given_hz:
        raise ConfigError(
            f"the Trace says {own_hz:g} samples/s, sampling_rate_hz = {given_hz:g}; leave the "
            "second away, or mend trace.stats.sampling_rate"
        )
    rate_hz = given_hz if own_hz is None else own_hz
    if rate_hz is None:
        raise ConfigError(
            "an array does not say its rate: give it as label_hour(samples, 100), in samples/s"
        )
    nominal = nominal_rate(float(rate_hz))
    if nominal is None or nominal.denominator != 1 or nominal < LOWEST_RATE_HZ:
        raise ConfigError(
            f"{rate_hz} samples/s: the rate must be a whole number of at least {LOWEST_RATE_HZ}; "
            "resample the record first"
        )
    return int(nominal)


def _warm_up_samples(warm_up_s: float, given: _Given, *, filtered: bool) -> int:
    """Return how many samples only warm up the filter."""
    n_samples = warm_up_s * given.rate_hz
    if filtered and warm_up_s:
        raise ConfigError(
            f"warm_up_s = {warm_up_s:g}, but a record that is filtered already needs no warm-up; "
            "cut it off"
        )
    if not (0 <= n_samples < given.samples.size and float(n_samples).is_integer()):
        raise ConfigError(
            f"warm_up_s = {warm_up_s:g} at {given.rate_hz} samples/s: it must be a whole number of "
            f"samples, fewer than the {given.samples.size} of the record"
        )
    return int(n_samples)


def _refuse_unfit_length(given: _Given, n_warm_up: int, *, whole_seconds: bool) -> None:
    """Refuse a record that is longer than an hour or ends within a second."""
    n_seconds, rest = divmod(given.samples.size - n_warm_up, given.rate_hz)
    behind = " behind the warm-up" if n_warm_up else ""
    if n_seconds > HOUR_S or (n_seconds == HOUR_S and rest > 1):
        raise DataError(
            f"{n_seconds} s of record{behind}; seconds are compared with the others of "
            f"their hour, so give {HOUR_S} s at most: label each UTC hour by itself, with "
            "warm_up_s=20 and the 20 s before it"
        )
    if rest and whole_seconds:
        raise DataError(
            f"{n_seconds} s and {rest} sample{'s' * (rest > 1)} of record{behind}; give whole "
            "seconds (slice and trim of ObsPy keep the sample at the end: ask for endtime - "
            "trace.stats.delta)"
        )
