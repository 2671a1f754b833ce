"""Windows of three classes that a small network tells apart in seconds: a toy, not a benchmark."""

import numpy as np
from scipy.signal import butter, lfilter

from seisflow.stages.learn.front_end import FrontEndConfig


def toy_windows(
    n_windows: int, config: FrontEndConfig, seed: int = 0, snr: tuple[float, float] = (2.0, 20.0)
) -> tuple[np.ndarray, np.ndarray]:
    """Draw coloured noise, alone or with a P onset 1 s into the window or with structured noise.

    Returns samples (n, window + 2 halo) float32 and classes (n,) uint8. `snr` bounds the peak of
    what is added over the standard deviation of the noise.
    """
    rng = np.random.default_rng(seed)
    rate = config.rate_hz
    n_samples = config.input_samples
    classes = (np.arange(n_windows) % 3).astype(np.uint8)
    noise = rng.standard_normal((n_windows, n_samples + rate))
    noise = lfilter([1], [1, -0.8], noise, axis=1)[:, rate:]
    noise /= noise.std()
    added = np.zeros_like(noise)
    time_s = np.arange(n_samples) / rate - config.halo_samples / rate
    for row, code in enumerate(classes):
        if code == 0:
            added[row] = _onset(rng, time_s, rate)
        elif code == 2:
            added[row] = rng.choice([_tone, _burst, _knock])(rng, time_s, rate)
    peak = np.exp(rng.uniform(np.log(snr[0]), np.log(snr[1]), (n_windows, 1)))
    samples = (noise + peak * added) * np.exp(rng.uniform(0, 8, (n_windows, 1)))
    return samples.astype(np.float32), classes


def _onset(rng: np.random.Generator, time_s: np.ndarray, rate: int) -> np.ndarray:
    """Waves that begin at once at 0.25 to 1.75 s and decay slowly."""
    since = time_s - rng.uniform(0.25, 1.75)
    decay = np.where(since > 0, np.exp(-np.maximum(since, 0) / rng.uniform(0.5, 3)), 0)
    return _peak_1(_band(rng, len(time_s), rate) * decay)


def _tone(rng: np.random.Generator, time_s: np.ndarray, rate: int) -> np.ndarray:
    """A gliding tone, as of an aircraft."""
    start_hz = rng.uniform(0.1, 0.35) * rate
    return np.sin(2 * np.pi * (start_hz * time_s + rng.uniform(-1, 1) * time_s**2))


def _burst(rng: np.random.Generator, time_s: np.ndarray, rate: int) -> np.ndarray:
    """Waves that swell and fade over seconds."""
    swell = np.exp(-0.5 * np.square((time_s - rng.uniform(0, 4)) / rng.uniform(0.6, 1.5)))
    return _peak_1(_band(rng, len(time_s), rate) * swell)


def _knock(rng: np.random.Generator, time_s: np.ndarray, rate: int) -> np.ndarray:
    """A short pulse."""
    since = time_s - rng.uniform(0, 4)
    shape = np.exp(-0.5 * np.square(since / rng.uniform(0.02, 0.06)))
    return shape * np.cos(2 * np.pi * rng.uniform(0.1, 0.3) * rate * since)


def _band(rng: np.random.Generator, n_samples: int, rate: int) -> np.ndarray:
    """Noise of a band of its own, anywhere below 0.8 of half the rate."""
    low = rng.uniform(0.05, 0.3)
    b, a = butter(2, [low, low + rng.uniform(0.15, 0.5)], btype="bandpass")
    return lfilter(b, a, rng.standard_normal(n_samples + rate))[rate:]


def _peak_1(values: np.ndarray) -> np.ndarray:
    return values / np.abs(values).max()
