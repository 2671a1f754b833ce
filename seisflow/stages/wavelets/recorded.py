"""Seconds whose samples a recorder really recorded, where no labels say it.

What counts as constant or clipped is what ``label`` calls no data; hour by hour, so that it does
not depend on how the work is cut.
"""

import numpy as np
import numpy.typing as npt

from seisflow.archive.reading import read_slice, recorded_samples
from seisflow.core.files import AnyPath
from seisflow.core.grid import SampleGrid
from seisflow.dsp.quality import clipped_samples, constant_run_samples, constant_samples

__all__ = ["recorded_seconds"]

HOUR_S = 3600


def recorded_seconds(
    waveforms: AnyPath, key: str, row: int, grid: SampleGrid, seconds: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Tell of each second whether no sample of it is missing, constant or clipped.

    Parameters
    ----------
    waveforms : path
        WAVEFORMS, which begins at a whole hour.
    key : str
        Its key.
    row : int
        Of the channel.
    grid : SampleGrid
        Its samples.
    seconds : (int, int)
        First second from its start, and end (exclusive).

    Returns
    -------
    ndarray of bool
    """
    start, stop = seconds
    first, last = start // HOUR_S * HOUR_S, -(-stop // HOUR_S) * HOUR_S
    good = np.asarray(read_slice(waveforms, "coverage", row, first, last) == 1.0, dtype=np.bool_)
    for hour, hour_s in zip(good.reshape(-1, HOUR_S), range(first, last, HOUR_S), strict=True):
        if hour.any():
            hour &= ~_of_hour(waveforms, key, row, grid, hour_s)
    return good[start - first : stop - first]


def _of_hour(
    waveforms: AnyPath, key: str, row: int, grid: SampleGrid, hour_s: int
) -> npt.NDArray[np.bool_]:
    """Tell which seconds of an hour hold samples that are constant or clipped."""
    rate = int(grid.rate)
    before, behind = min(hour_s, 1), min(grid.n_samples // rate - hour_s - HOUR_S, 1)
    first, stop = (hour_s - before) * rate, (hour_s + HOUR_S + behind) * rate
    samples = read_slice(waveforms, "waveform", row, first, stop, key=key)
    valid = recorded_samples(samples)
    bad = constant_samples(samples, valid, min_run_samples=constant_run_samples(rate))
    inside = slice(before * rate, (before + HOUR_S) * rate)
    recorded = valid & ~(bad & (samples == 0))  # zeros are a dropout, not an extreme
    bad[inside] |= clipped_samples(samples[inside], recorded[inside])
    return np.asarray(bad[inside].reshape(HOUR_S, rate).any(axis=1))
