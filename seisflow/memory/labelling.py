"""Labels of every second of a record in memory, of any length and of any number of stations.

Invariant: an hour is a UTC clock hour, labelled whole with the filter's warm-up before it, as
``seisflow label`` does; so the labels and features are those of the command.
"""

import math
from typing import Any

import xarray as xr

from seisflow.archive.in_memory import dataset_in_memory
from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.core.grid import HOUR_S, NS_PER_S
from seisflow.engine.devices import resolve_device
from seisflow.memory.records import NOWHERE, waveforms_of
from seisflow.memory.waveforms import Waveforms
from seisflow.stages.label import record as one_hour
from seisflow.stages.label.config import LabelConfig
from seisflow.stages.label.layout import Block, label_arrays
from seisflow.stages.label.method import DEFAULT_METHOD

__all__ = ["label_record"]


def label_record(
    record: Any,
    sampling_rate_hz: float | None = None,
    *,
    method: str = DEFAULT_METHOD,
    precision: str = "float32",
    clip_counts: float | None = None,
    device: str = "cpu",
    **numbers: Any,
) -> xr.Dataset:
    """Label every second of every station of a record, as ``seisflow label`` does.

    Seconds are compared with the others of their UTC hour, so give whole hours where there are
    any; of an hour of which less is given, that is labelled. What is given before an hour warms up
    the filter.

    Parameters
    ----------
    record : obspy.Stream, obspy.Trace, sequence of obspy.Trace, xarray.Dataset or array_like
        Counts as recorded, not filtered: Traces of one rate as `seisflow.from_obspy` takes them,
        a dataset of `seisflow.from_obspy` or ``seisflow.open(WAVEFORMS)`` or a part of it, or the
        samples of one station, shape (n_samples,). Masked, NaN and infinite samples are gaps. An
        array begins with a UTC hour, that of 1970-01-01, and its station has no name (``...``):
        make a Trace of it where it has a time.
    sampling_rate_hz : float, optional
        Samples per second, a whole number of 10 or more. Needed for an array.
    method : str
        ``"calibrated"`` or ``"reference"``, see `seisflow.stages.label.method.label_windows`.
    precision : str
        Type of the cross-correlations, ``"float32"`` or ``"float64"``.
    clip_counts : float, optional
        Counts from which a sample is clipped; by default the rails of 24 and 32 bit recorders.
    device : str
        Where windows are correlated: ``"cpu"``, ``"cuda"`` or ``"auto"``.
    **numbers
        Numbers of the method, each by its name: the fields of
        `seisflow.stages.label.parameters.CalibratedParameters`, as ``alpha_rn=0.2``, or of
        `ReferenceParameters`, as ``n_rounds=3``.

    Returns
    -------
    xarray.Dataset
        As ``seisflow.open(LABELS)``, in memory: ``label (station, second)``, the features of the
        method, ``no_data_reason`` and the rest. It covers the UTC hours that the record touches;
        seconds that it does not hold whole are NO_DATA.

    Raises
    ------
    ConfigError
        The rate does not suit the method or is missing; a keyword is not known, or a number cannot
        be used; the device cannot be had.
    DataError
        The record cannot be used: see `seisflow.from_obspy`.
    """
    config = _config(method, precision, clip_counts, numbers)
    waveforms = waveforms_of(record, sampling_rate_hz, "label_record")
    product = _product(config, waveforms)
    block = Block.empty(product, len(waveforms.stations), product.n_seconds)
    device = resolve_device(device)
    for row in range(len(waveforms.stations)):
        for hour in range(product.n_seconds // HOUR_S):
            found = one_hour.label_record(
                _hour(waveforms, row, hour, config.parameters.warm_up_s),
                method=config.method,
                precision=config.precision,
                clip_counts=config.clip_counts,
                parameters=config.parameters,
                device=device,
            )
            block.put(row, slice(hour * HOUR_S, (hour + 1) * HOUR_S), found)
    arrays = label_arrays(product, waveforms.stations, waveforms.places)
    return dataset_in_memory(product, arrays, "labels of every second", block.arrays)


def _config(
    method: str, precision: str, clip_counts: float | None, numbers: dict[str, Any]
) -> LabelConfig:
    """Check what was asked for, as the command does."""
    asked = {"method": method, "precision": precision, "clip_counts": clip_counts}
    return LabelConfig.build({"waveforms": NOWHERE, "labels": NOWHERE, **asked, **numbers})


def _product(config: LabelConfig, waveforms: Waveforms) -> Product:
    """Describe the labels as the command would."""
    identity = Identity(
        "LABELS",
        "label",
        config.resolved() | {"stations": list(waveforms.stations)},
        {"waveforms": waveforms.key},
        FORMAT_VERSIONS["LABELS"],
        RESULT_VERSIONS["label"],
    )
    span = waveforms.span
    n_seconds = (span.end_ns - span.start_ns) // NS_PER_S
    return Product(identity, span, waveforms.rate, n_seconds, 1)


def _hour(waveforms: Waveforms, row: int, hour: int, warm_up_s: float) -> one_hour.HourRecord:
    """Return one hour and the warm-up before it, as far as it exists."""
    start_s = hour * HOUR_S
    first_s = max(0, start_s - math.ceil(warm_up_s))
    record = waveforms.record(row, first_s, start_s + HOUR_S)
    coverage = record.coverage[start_s - first_s :]
    return one_hour.HourRecord(record.samples, record.filled, coverage, int(waveforms.rate))
