"""What a user gives as a record: a Stream, a Trace, an array with its rate, or a dataset."""

from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from seisflow.archive.reading import recorded_samples
from seisflow.core.grid import nominal_rate
from seisflow.errors import ConfigError, DataError
from seisflow.formats.traces import Recording
from seisflow.memory.streams import dataset_of, from_obspy
from seisflow.memory.waveforms import Waveforms

__all__ = ["LOWEST_RATE_HZ", "NOWHERE", "UNNAMED", "waveforms_of"]

UNNAMED = "..."
"""Station of an array: NET.STA.LOC.CHA with nothing in it, as ObsPy names a Trace without codes."""

NOWHERE = Path("in memory")
"""Stands for the paths of a command."""

LOWEST_RATE_HZ = 10


def waveforms_of(record: Any, sampling_rate_hz: float | None, call: str) -> Waveforms:
    """Return a record whose rate is a whole number, as stages read it.

    Parameters
    ----------
    record : obspy.Stream, obspy.Trace, sequence of obspy.Trace, xarray.Dataset or array_like
        See `seisflow.memory.labelling.label_record`.
    sampling_rate_hz : float, optional
        Samples per second; needed for an array, and checked where the record says it.
    call : str
        The function that was called, for messages.

    Raises
    ------
    ConfigError
        The rate is missing, is not that of the record, or not a whole number of 10 or more.
    DataError
        The record cannot be used.
    """
    dataset = _dataset(record)
    if dataset is None:
        dataset = dataset_of([_array(record, sampling_rate_hz, call)])
    waveforms = Waveforms.of(dataset)
    rate_hz = float(waveforms.rate)
    if sampling_rate_hz is not None and nominal_rate(float(sampling_rate_hz)) != waveforms.rate:
        raise ConfigError(
            f"the record says {rate_hz:g} samples/s, sampling_rate_hz = {sampling_rate_hz:g}; "
            "leave it away, or correct the rate of the record"
        )
    if waveforms.rate.denominator != 1 or waveforms.rate < LOWEST_RATE_HZ:
        raise ConfigError(_unfit(rate_hz))
    return waveforms


def _dataset(record: Any) -> xr.Dataset | None:
    """Return a record that knows its rate as a dataset; None for an array."""
    if isinstance(record, xr.Dataset):
        return record
    if isinstance(record, xr.DataArray) and "time" in record.coords and "station" in record.coords:
        return record.drop_vars("waveform", errors="ignore").to_dataset(name="waveform")
    is_trace = hasattr(record, "stats") and hasattr(record, "data")
    is_list = isinstance(record, list | tuple) and any(hasattr(one, "stats") for one in record)
    if is_trace or is_list or hasattr(record, "traces"):
        return from_obspy(record)
    return None


def _array(values: Any, rate_hz: float | None, call: str) -> Recording:
    """Return an array as a recording from 1970 on, so that hours begin with it."""
    samples = np.asarray(np.ma.getdata(values))
    if samples.dtype.kind not in "iuf" or samples.dtype.itemsize > 8:
        raise DataError(
            f"samples must be integers or floats; found {samples.dtype}; give a Stream, a Trace, a "
            "dataset of seisflow.from_obspy or seisflow.open, or an array with its rate"
        )
    if samples.ndim != 1 or not samples.size:
        raise DataError(
            f"a record has one axis, time, and some samples; found an array of shape "
            f"{samples.shape}; make a Stream of several stations"
        )
    if rate_hz is None:
        raise ConfigError(
            f"an array does not say its rate: give it as {call}(samples, 100), in samples/s"
        )
    rate = nominal_rate(float(rate_hz))
    if rate is None:
        raise ConfigError(_unfit(rate_hz))
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    recorded = recorded_samples(samples) & ~np.ma.getmaskarray(values)
    return Recording(UNNAMED, 0, rate, samples, recorded, None)


def _unfit(rate_hz: float) -> str:
    return (
        f"{rate_hz:g} samples/s: the rate must be a whole number of at least {LOWEST_RATE_HZ}; "
        "resample the record first"
    )
