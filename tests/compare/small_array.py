"""A small array for tests of baselines: noise, and waves that cross it or do not."""

import numpy as np

from seisflow.core.grid import parse_time
from seisflow.stages.compare.sta_lta import ArrayRecord

RATE = 100
START = parse_time("2014-05-29T17:00")


def array_record(samples: np.ndarray, side: int = 6, start_ns: int = START) -> ArrayRecord:
    """Place stations on a square, row by row from the south-west."""
    east, north = np.meshgrid(np.arange(side), np.arange(side))
    return ArrayRecord(
        samples=samples,
        start_ns=start_ns,
        rate_hz=RATE,
        stations=[f"ZG.R{i:04d}..DPZ" for i in range(side * side)],
        longitude=-116.6 + 1e-3 * east.ravel(),
        latitude=33.5 + 1e-3 * north.ravel(),
    )


def noise(seconds: float, n_stations: int = 36, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n_stations, round(seconds * RATE)))


def wavelet(amplitude: float, seconds: float = 1.0) -> np.ndarray:
    """A wave of 12 Hz that begins at once and decays."""
    t = np.arange(round(seconds * RATE)) / RATE
    return amplitude * np.exp(-t / 0.3) * np.sin(2 * np.pi * 12 * t)


def planted(samples: np.ndarray, second: float, wave: np.ndarray, rows: slice | list) -> np.ndarray:
    """Return samples with one wave added to some stations at a time."""
    first = round(second * RATE)
    samples = samples.copy()
    samples[rows, first : first + wave.shape[-1]] += wave
    return samples
