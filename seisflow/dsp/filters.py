"""Filters: one causal pass, in float64.

Invariant: a sample of the output depends on no later sample, and on no sample beyond a gap.
"""

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt, sosfilt_zi

from seisflow.errors import ConfigError, DataError

__all__ = ["bandpass", "highpass", "highpass_valid", "valid_runs"]


def highpass(
    record: npt.ArrayLike, sampling_rate_hz: float, *, corner_hz: float = 2.0, poles: int = 2
) -> npt.NDArray[np.float64]:
    """High-pass a record without gaps, one causal pass of a Butterworth filter.

    The state starts at the steady state of the first sample, ``sosfilt_zi * record[0]``, as if
    that value had been recorded for ever before: an offset of any size makes no transient. A
    slope or a wave that is under way at the first sample still does, for about
    ``poles / corner_hz`` seconds times a few; `record` should therefore start early enough
    (20 s for 2 Hz, METHOD section 1).

    Parameters
    ----------
    record : array_like, shape (n,)
        Samples, any real type.
    sampling_rate_hz : float
        Samples per second.
    corner_hz : float
        Frequency of half power (-3 dB), between 0 and half the sampling rate.
    poles : int
        Order of the filter, 1 or more.

    Returns
    -------
    ndarray of float64, shape (n,)
        The filtered record, in the units of `record`.

    Raises
    ------
    ConfigError
        The corner or the number of poles cannot be realised.
    DataError
        `record` is not one-dimensional or holds NaN or infinity (see `highpass_valid`).
    """
    sections = _design(sampling_rate_hz, corner_hz, poles)
    samples = _samples(record)
    if not np.isfinite(samples).all():
        raise DataError(
            "a record to be filtered holds NaN or infinite samples, which would spoil all that "
            "follow; use highpass_valid with a mask of the valid samples"
        )
    return _filter(sections, samples)


def bandpass(
    records: npt.ArrayLike, sampling_rate_hz: float, corners_hz: tuple[float, float], poles: int = 4
) -> npt.NDArray[np.float64]:
    """Band-pass records without gaps, one causal pass of a Butterworth filter.

    The state starts as in `highpass`; all records are delayed alike.

    Parameters
    ----------
    records : array_like, shape (..., n)
        Samples, finite.
    sampling_rate_hz : float
        Samples per second.
    corners_hz : tuple of float
        Frequencies of half power (-3 dB), between 0 and half the sampling rate.
    poles : int
        Order of the filter for each corner.

    Returns
    -------
    ndarray of float64, shape of `records`

    Raises
    ------
    ConfigError
        There is no such band at this rate.
    """
    low, high = corners_hz
    if not 0 < low < high < sampling_rate_hz / 2:
        raise ConfigError(
            f"no band of {low:g} to {high:g} Hz for {sampling_rate_hz:g} samples/s: give corners "
            f"that rise, between 0 and {sampling_rate_hz / 2:g} Hz"
        )
    samples = np.asarray(records, dtype=np.float64)
    sections = butter(poles, corners_hz, btype="bandpass", fs=sampling_rate_hz, output="sos")
    steady = sosfilt_zi(sections).reshape(len(sections), *([1] * (samples.ndim - 1)), 2)
    filtered: npt.NDArray[np.float64]
    filtered, _ = sosfilt(sections, samples, zi=steady * samples[..., :1])
    return filtered


def highpass_valid(
    record: npt.ArrayLike,
    valid: npt.NDArray[np.bool_],
    sampling_rate_hz: float,
    *,
    corner_hz: float = 2.0,
    poles: int = 2,
) -> npt.NDArray[np.float64]:
    """High-pass a record with gaps: each run of valid samples is filtered on its own.

    Parameters
    ----------
    record : array_like, shape (n,)
        Samples, any real type; what stands where `valid` is False has no influence.
    valid : ndarray of bool, shape (n,)
        True where a sample was recorded. NaN and infinite samples count as not valid.
    sampling_rate_hz, corner_hz, poles
        As in `highpass`.

    Returns
    -------
    ndarray of float64, shape (n,)
        The filtered record; 0 where not valid.

    Raises
    ------
    ConfigError
        The corner or the number of poles cannot be realised.
    DataError
        `record` is not one-dimensional or `valid` has another length.
    """
    sections = _design(sampling_rate_hz, corner_hz, poles)
    samples = _samples(record)
    if valid.shape != samples.shape:
        raise DataError(f"the mask has shape {valid.shape}, the record {samples.shape}")
    filtered = np.zeros_like(samples)
    for start, stop in valid_runs(valid & np.isfinite(samples)):
        filtered[start:stop] = _filter(sections, samples[start:stop])
    return filtered


def valid_runs(valid: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Find the runs of True.

    Parameters
    ----------
    valid : ndarray of bool, shape (n,)
        Any mask.

    Returns
    -------
    ndarray of int64, shape (n_runs, 2)
        First index of each run and the index after its last.
    """
    edges = np.flatnonzero(np.diff(valid.astype(np.int8), prepend=0, append=0))
    return edges.astype(np.int64).reshape(-1, 2)


def _design(sampling_rate_hz: float, corner_hz: float, poles: int) -> npt.NDArray[np.float64]:
    """Second-order sections of the filter."""
    if poles < 1 or not 0 < corner_hz < sampling_rate_hz / 2:
        raise ConfigError(
            f"no high-pass of {poles} poles at {corner_hz} Hz for {sampling_rate_hz} samples/s: "
            f"give 1 pole or more and a corner between 0 and {sampling_rate_hz / 2} Hz"
        )
    sections: npt.NDArray[np.float64] = butter(
        poles, corner_hz, btype="highpass", fs=sampling_rate_hz, output="sos"
    )
    return sections


def _samples(record: npt.ArrayLike) -> npt.NDArray[np.float64]:
    samples = np.asarray(record, dtype=np.float64)
    if samples.ndim != 1:
        raise DataError(f"a record has one axis, time; found an array of shape {samples.shape}")
    return samples


def _filter(
    sections: npt.NDArray[np.float64], samples: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Filter from the steady state of the first sample."""
    if samples.size == 0:
        return samples.copy()
    filtered: npt.NDArray[np.float64]
    filtered, _ = sosfilt(sections, samples, zi=sosfilt_zi(sections) * samples[0])
    return filtered
