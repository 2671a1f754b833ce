"""The spectrogram of a record with gaps, no wider than a figure can show."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.signal.windows import hann

__all__ = ["Spectrogram", "spectrogram"]

Vector = npt.NDArray[np.float64]
MAX_COLUMNS = 800
"""Columns that a figure shows side by side; more are averaged."""


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """Power of a record by frequency and time.

    Parameters
    ----------
    power_db : ndarray of float64, shape (rate_hz // 2, n_columns)
        Power spectral density in dB re 1 count^2/Hz; row k lies at k + 1 Hz. NaN where a window
        touches a gap or holds no energy.
    start_s, stop_s : float
        Left edge of the first and right edge of the last column, in seconds of the record.
    """

    power_db: Vector
    start_s: float
    stop_s: float


def spectrogram(samples: Vector, rate_hz: int) -> Spectrogram | None:
    """Return the spectrogram in windows of 1 s, the labeller's length, with a Hann taper.

    The taper keeps strong low frequencies out of the others; the labeller's own spectra have none.

    Parameters
    ----------
    samples : ndarray of float64, shape (n,)
        The record; NaN in gaps.
    rate_hz : int
        Samples per second.

    Returns
    -------
    Spectrogram or None
        Windows overlap by a half or more. Where there are more than `MAX_COLUMNS` of them,
        neighbours are averaged in power, so that nothing short is skipped. None for a record
        shorter than a window.
    """
    if len(samples) < rate_hz:
        return None
    hop = max(1, min(rate_hz // 2, len(samples) // MAX_COLUMNS))
    windows = np.lib.stride_tricks.sliding_window_view(samples, rate_hz)[::hop]
    together = -(-len(windows) // MAX_COLUMNS)
    n_columns = -(-len(windows) // together)
    power = np.full((n_columns * together, rate_hz // 2), np.nan)
    power[: len(windows)] = _power(windows, rate_hz)
    grouped = power.reshape(n_columns, together, -1)
    there = np.isfinite(grouped)
    total = np.where(there, grouped, 0.0).sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        decibels = 10 * np.log10(total / there.sum(axis=1))
    decibels[~np.isfinite(decibels)] = np.nan
    start_s = (rate_hz - hop) / 2 / rate_hz
    return Spectrogram(decibels.T, start_s, start_s + n_columns * together * hop / rate_hz)


def _power(windows: Vector, rate_hz: int) -> Vector:
    """One-sided power spectral density of each window, without DC."""
    taper = hann(rate_hz, sym=False)
    spectra = np.fft.rfft(windows * taper, axis=1)[:, 1 : rate_hz // 2 + 1]
    power: Vector = np.square(np.abs(spectra)) * (2.0 / (rate_hz * np.sum(np.square(taper))))
    return power
