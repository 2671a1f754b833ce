"""Wavelets as other instruments, sites and distances would have recorded them.

Arrays and random numbers in, arrays out. Rows are wavelets; each has its own random numbers, and
what becomes of a row depends on nothing else.
"""

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft

__all__ = ["N_COLOUR", "N_PULSE", "coloured", "limited_factors", "stretched", "with_pulses"]

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

N_COLOUR = 8
"""Random numbers of a colour: tilt, whether there is a resonance and three numbers of it, whether
there is a corner and its place, and one to spare."""
TILT, HAS_RESONANCE, GAIN, PLACE, WIDTH, HAS_CORNER, CORNER = range(7)

STEEPEST = 1.0
"""Largest power of the first difference, either way: from displacement to velocity, or back."""
LEAK = 0.98
"""What of the sample before is taken away, so that a sum does not grow without end."""
RESONANCES = 0.5
"""Share of colours with a resonance."""
LARGEST_GAIN = 4.0
"""Of a resonance, above what is not resonant."""
RESONANCE_BAND = (0.08, 0.8)
"""Frequencies of resonances, as shares of Nyquist's."""
RESONANCE_WIDTH = (0.01, 0.08)
"""Their half widths, likewise."""
CORNERS = 0.25
"""Share of colours with a low-pass."""
CORNER_BAND = (0.3, 0.9)
"""Its corner, as a share of Nyquist's frequency."""
CORNER_POWER = 8

N_PULSE = 5
"""Random numbers of a pulse: whether it is a step, place, width, height, sign."""
IS_STEP, WHERE, LENGTH, HEIGHT, SIGN = range(5)
STEPS = 0.5
"""Share of pulses that are steps."""
LONGEST_PULSE_S = 0.12
HEIGHTS = (1.0, 20.0)
"""Of a pulse, in largest deviations of the wavelet; log-uniform."""


def coloured(samples: Samples, drawn: Floats) -> Samples:
    """Give each wavelet another spectrum: a tilt, a resonance (half) and a corner (a quarter).

    The tilt is a fractional power of the first difference, and the resonance that of a damped
    oscillator: both come after their cause. The corner has no phase.

    Parameters
    ----------
    samples : ndarray of float32, shape (k, n)
        Samples at any rate: frequencies are shares of Nyquist's.
    drawn : ndarray of float64, shape (k, N_COLOUR)
        In [0, 1).

    Returns
    -------
    ndarray of float32, shape (k, n)
        The line from the first sample to the last one is taken away.
    """
    n = samples.shape[1]
    line = np.linspace(0, 1, n)
    first, last = samples[:, :1].astype(np.float64), samples[:, -1:].astype(np.float64)
    level = samples - first - (last - first) * line
    size = next_fast_len(n + n // 2, real=True)  # zeros behind it, so that no end reaches the start
    spectrum = rfft(level, size, axis=1)
    share = np.arange(spectrum.shape[1]) / (spectrum.shape[1] - 1)
    spectrum *= _responses(drawn, share)
    return np.asarray(irfft(spectrum, size, axis=1)[:, :n], dtype=np.float32)


def _responses(drawn: Floats, share: Floats) -> npt.NDArray[np.complex128]:
    """Return the response of each row at frequencies that are shares of Nyquist's."""
    slope = STEEPEST * (2 * drawn[:, [TILT]] - 1)
    response = (1 - LEAK * np.exp(-1j * np.pi * share)) ** slope
    place, width = (
        low + (high - low) * drawn[:, [which]]
        for which, (low, high) in ((PLACE, RESONANCE_BAND), (WIDTH, RESONANCE_WIDTH))
    )
    gain = LARGEST_GAIN * drawn[:, [GAIN]] * (drawn[:, [HAS_RESONANCE]] < RESONANCES)
    at, centre = 1j * np.tan(np.pi / 2 * share), np.tan(np.pi / 2 * place)  # bilinear transform
    damped = np.pi * width * (1 + centre**2) * at
    response *= 1 + gain * damped / (at**2 + damped + centre**2)
    low, high = CORNER_BAND
    corner = low + (high - low) * drawn[:, [CORNER]]
    passed = 1 / (1 + (share / corner) ** CORNER_POWER)
    return np.asarray(response * np.where(drawn[:, [HAS_CORNER]] < CORNERS, passed, 1))


def with_pulses(samples: Samples, drawn: Floats, rate_hz: int) -> Samples:
    """Add to each wavelet a pulse of up to 0.12 s, or a step.

    Parameters
    ----------
    samples : ndarray of float32, shape (k, n)
        Samples.
    drawn : ndarray of float64, shape (k, N_PULSE)
        In [0, 1).
    rate_hz : int
        Samples per second.

    Returns
    -------
    ndarray of float32, shape (k, n)
    """
    n = samples.shape[1]
    time = np.arange(n) - np.floor(drawn[:, [WHERE]] * n)
    length = 1 + np.floor(drawn[:, [LENGTH]] * LONGEST_PULSE_S * rate_hz)
    inside = (time >= 0) & (time < length)
    pulse = np.where(inside, np.sin(np.pi * (time + 1) / (length + 1)) ** 2, 0)
    shape = np.where(drawn[:, [IS_STEP]] < STEPS, time >= 0, pulse)
    low, high = HEIGHTS
    height = low * (high / low) ** drawn[:, [HEIGHT]] * np.where(drawn[:, [SIGN]] < 0.5, -1, 1)
    mean = samples.mean(axis=1, keepdims=True, dtype=np.float64)
    height *= np.abs(samples - mean).max(axis=1, keepdims=True)
    return np.asarray(samples + height * shape, dtype=np.float32)


def limited_factors(factors: Floats, at: Floats, to: Floats, n: int, n_wanted: int) -> Floats:
    """Return by how much faster time can run, at most `factors`, within the samples there are.

    Parameters
    ----------
    factors : ndarray of float64, shape (k,)
        Samples read for each one given.
    at, to : ndarray of float64, shape (k,)
        Sample read that stays where it is wanted, and where that is among those given.
    n, n_wanted : int
        Samples read, and given.

    Returns
    -------
    ndarray of float64, shape (k,)
    """
    before = at / np.maximum(to, 1e-9)
    behind = (n - 1 - at) / np.maximum(n_wanted - 1 - to, 1e-9)
    return np.asarray(np.minimum(factors, np.minimum(before, behind)))


def stretched(samples: Samples, factors: Floats, at: Floats, to: Floats, n_wanted: int) -> Samples:
    """Read each wavelet faster or slower about one of its samples.

    What lies above the new Nyquist frequency is taken away first where time runs faster; samples
    between samples are those of a cubic through four.

    Parameters
    ----------
    samples : ndarray of float32, shape (k, n)
        Samples.
    factors, at, to : ndarray of float64, shape (k,)
        As `limited_factors` has them.
    n_wanted : int
        Samples given.

    Returns
    -------
    ndarray of float32, shape (k, n_wanted)
    """
    faster = factors > 1
    if faster.any():
        samples = samples.copy()
        samples[faster] = _below(samples[faster], 1 / factors[faster])
    place = (at - to * factors)[:, None] + factors[:, None] * np.arange(n_wanted)
    place = np.clip(place, 0, samples.shape[1] - 1)
    left = np.minimum(place.astype(np.int64), samples.shape[1] - 2)
    part = place - left
    rows = np.arange(len(samples))[:, None]
    last = samples.shape[1] - 1
    y0, y1, y2, y3 = (samples[rows, np.clip(left + i, 0, last)] for i in (-1, 0, 1, 2))
    cubic = 2 * y1 + part * (
        y2 - y0 + part * (2 * y0 - 5 * y1 + 4 * y2 - y3 + part * (3 * (y1 - y2) + y3 - y0))
    )
    return np.asarray(cubic / 2, dtype=np.float32)


def _below(samples: Samples, share: Floats) -> Samples:
    """Keep what lies below a share of Nyquist's frequency, each row its own, without phase."""
    n = samples.shape[1]
    mean = samples.mean(axis=1, keepdims=True, dtype=np.float64)
    size = next_fast_len(n + n // 2, real=True)
    spectrum = rfft(samples - mean, size, axis=1)
    at = np.arange(spectrum.shape[1]) / (spectrum.shape[1] - 1)
    spectrum /= 1 + (at / (0.9 * share[:, None])) ** 16
    return np.asarray(irfft(spectrum, size, axis=1)[:, :n] + mean, dtype=np.float32)
