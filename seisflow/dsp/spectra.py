"""Spectra of short windows."""

import numpy as np
import numpy.typing as npt

__all__ = ["amplitude_spectrum"]

WINDOWS_AT_ONCE = 64
"""Windows transformed by one call: their complex spectra stay small."""


def amplitude_spectrum(windows: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Amplitude spectrum of each window, without taper, demeaning or padding.

    ``A[i, k - 1] = 2 / L * |sum_t windows[i, t] exp(-2 pi j k t / L)|`` for k = 1 .. L // 2: a sine
    of amplitude a on bin k gives a. Where L is even the last bin, the Nyquist frequency, is halved
    once more, as it has no partner at a negative frequency. Source: METHOD section 1 step 4, after
    Meng, Ben-Zion & Johnson 2019, GJI 219(3), 1463-1473.

    Parameters
    ----------
    windows : ndarray of float, shape (n_windows, L)
        Samples.

    Returns
    -------
    ndarray of float64, shape (n_windows, L // 2)
        Amplitudes in the units of the samples; column k - 1 lies at ``k / L`` of the sampling
        rate.
    """
    n_windows, n_samples = windows.shape
    amplitudes = np.empty((n_windows, n_samples // 2))
    for start in range(0, n_windows, WINDOWS_AT_ONCE):
        some = slice(start, start + WINDOWS_AT_ONCE)
        spectra = np.fft.rfft(windows[some].astype(np.float64, copy=False), axis=1)
        np.abs(spectra[:, 1:], out=amplitudes[some])
    amplitudes *= 2.0 / n_samples
    if n_samples % 2 == 0:
        amplitudes[:, -1] *= 0.5
    return amplitudes
