"""Signal-to-noise ratio of a P onset.

The sources give none; this one is rms in P..P+1 s over rms in P-3..P-0.5 s between 5 and 30 Hz.
"""

import math

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfiltfilt

from seisflow.errors import DataError

__all__ = ["NOISE_S", "PAD_S", "SIGNAL_S", "onset_snr", "snr_band_hz"]

BAND_HZ = (5.0, 30.0)
NYQUIST_SHARE = 0.9
"""The band ends below this share of the Nyquist frequency."""
POLES = 4
NOISE_S = (-3.0, -0.5)
SIGNAL_S = (0.0, 1.0)
PAD_S = 4
"""Seconds read on either side, where they are covered, so that the ends of the filter stay away."""
LEAST_NOISE = 1e-9
"""Noise below this share of the signal is a recorder that did not record."""


def snr_band_hz(rate_hz: float) -> tuple[float, float]:
    """Return the band: 5 to 30 Hz, the upper edge at most 0.9 of the Nyquist frequency.

    Raises
    ------
    DataError
        Less than half an octave is left.
    """
    low, high = BAND_HZ[0], min(BAND_HZ[1], NYQUIST_SHARE * rate_hz / 2)
    if high < low * math.sqrt(2):
        raise DataError(
            f"at {rate_hz:g} samples/s nothing is left of the band of the signal-to-noise ratio, "
            f"{BAND_HZ[0]:g} to {BAND_HZ[1]:g} Hz; give waveforms of at least 16 samples/s"
        )
    return low, high


def onset_snr(record: npt.ArrayLike, onset: int, rate_hz: float) -> float:
    """Compare the second from P with the noise before it.

    Parameters
    ----------
    record : array_like, shape (n,)
        Samples without gaps, from at least 3 s before `onset` to 1 s after it.
    onset : int
        Index of the sample at P.
    rate_hz : float
        Samples per second.

    Returns
    -------
    float
        Ratio of rms after a Butterworth band-pass of 4 poles, forward and backward
        (`snr_band_hz`); NaN where a sample is not finite or there is no noise to compare with.

    Raises
    ------
    DataError
        The rate is too low.
    """
    samples = np.asarray(record, dtype=np.float64)
    if not np.isfinite(samples).all():
        return math.nan
    sections = butter(POLES, snr_band_hz(rate_hz), btype="bandpass", fs=rate_hz, output="sos")
    # the first sample taken away, so that a recorder stuck at one value gives zeros
    filtered = sosfiltfilt(sections, samples - samples[0])
    noise, signal = (
        _rms(filtered[onset + round(a * rate_hz) : onset + round(b * rate_hz)])
        for a, b in (NOISE_S, SIGNAL_S)
    )
    return signal / noise if noise > LEAST_NOISE * signal else math.nan


def _rms(samples: npt.NDArray[np.float64]) -> float:
    return float(np.sqrt(np.mean(samples**2)))
