"""One hour of one station as its figure needs it: the trace, the labels, the features.

Invariant: the trace is filtered as the labeller filtered it (its warm-up, its high-pass, each
stretch without a gap on its own), and is NaN wherever the labeller had no samples.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from seisflow.archive.opening import product_attrs
from seisflow.archive.reading import recorded_samples
from seisflow.core.grid import NS_PER_S, Span
from seisflow.dsp.filters import highpass_valid
from seisflow.errors import ConfigError
from seisflow.stages.label.method import DEFAULT_METHOD, METHODS, HourLabels
from seisflow.stages.label.record import HourRecord, constant_mask
from seisflow.stages.report.figures.selection import (
    choose_station,
    hour_in,
    name_of,
    require_kind,
    require_same_waveforms,
    span_of,
)

__all__ = ["StationHour", "labelled_hour", "read_station_hour"]

Vector = npt.NDArray[np.float64]
FEATURES = ("deviation", "median_cc", "density", "p_noise", "weighted_density")


@dataclass(frozen=True, eq=False, kw_only=True)
class StationHour:
    """What `seisflow.stages.report.figures.hour.draw_hour` draws.

    Parameters
    ----------
    station : str
        NET.STA.LOC.CHA, or whatever the title shall say.
    start_ns : int
        Start of the first second, ns since 1970 UTC.
    rate_hz : int
        Samples per second.
    method : str
        What labelled it.
    samples : ndarray of float64, shape (n_seconds * rate_hz,)
        The high-passed record; NaN where there are no data.
    label : ndarray of uint8, shape (n_seconds,)
        Codes of `seisflow.core.classes.Label`.
    features : mapping of str to ndarray, each of shape (n_seconds,)
        ``deviation`` and ``median_cc``; ``density``, ``p_noise`` and ``weighted_density`` where
        the method has them. NaN where not computed.
    highpass_hz : float
        Corner of the high-pass.
    thresholds : mapping of str to tuple of float
        Values of a feature at which the label changes.
    """

    station: str
    start_ns: int
    rate_hz: int
    method: str
    samples: Vector
    label: npt.NDArray[np.uint8]
    features: Mapping[str, Vector]
    highpass_hz: float = 2.0
    thresholds: Mapping[str, tuple[float, ...]] = field(default_factory=dict)


def labelled_hour(
    labels: HourLabels,
    waveform: npt.NDArray[np.generic],
    rate_hz: int,
    *,
    station: str,
    start_ns: int = 0,
    method: str = DEFAULT_METHOD,
) -> StationHour:
    """Return what `label_windows` was given and gave, as `draw_hour` takes it.

    Parameters
    ----------
    labels : HourLabels
        What it gave.
    waveform : ndarray, shape (n_seconds * rate_hz,)
        The high-passed samples it was given, in windows of 1 s.
    rate_hz : int
        Samples per second.
    station : str
        What the title shall say.
    start_ns : int
        Time of the first sample, ns since 1970 UTC.
    method : str
        What it was asked for.
    """
    features = {name: np.asarray(getattr(labels, name)) for name in FEATURES}
    always = ("deviation", "median_cc")  # the others only where the method has them
    return StationHour(
        station=station,
        start_ns=start_ns,
        rate_hz=rate_hz,
        method=method,
        samples=waveform.astype(np.float64),
        label=labels.label,
        features={n: v for n, v in features.items() if n in always or np.isfinite(v).any()},
        thresholds=_thresholds(asdict(METHODS[method]())),
    )


def read_station_hour(
    labels: xr.Dataset, waveforms: xr.Dataset, station: str, hour: str | int | None = None
) -> StationHour:
    """Read and filter one hour of one station; nothing else of the products is read.

    Parameters
    ----------
    labels, waveforms : xarray.Dataset
        LABELS and the very WAVEFORMS it was made from, opened with `seisflow.open`.
    station : str
        NET.STA.LOC.CHA, STA, NET.STA or four globs, that fit one station.
    hour : str or int, optional
        A time in the hour, ISO 8601 UTC or ns since 1970; not needed where there is one hour.

    Raises
    ------
    ConfigError
        The products do not belong together; the station or the hour is not in them.
    """
    require_kind(labels, "LABELS")
    require_same_waveforms(labels, waveforms)
    names = [str(s) for s in labels.station.values]
    row = choose_station(names, station, name_of(labels))
    span = hour_in(labels, hour)
    config = product_attrs(labels)["identity"]["config"]
    parameters = config["parameters"]
    first = (span.start_ns - span_of(labels).start_ns) // NS_PER_S
    part = labels.isel(station=row, second=slice(first, first + int(span.duration_s)))
    record = _read_record(waveforms, names[row], span, parameters["warm_up_s"])
    corner_hz = parameters["highpass_corner_windows"] / parameters["window_s"]
    return StationHour(
        station=names[row],
        start_ns=span.start_ns,
        rate_hz=record.rate_hz,
        method=config["method"],
        samples=_filtered(record, corner_hz, parameters["highpass_poles"]),
        label=part.label.values,
        features={n: part[n].values.astype(np.float64) for n in FEATURES if n in part},
        highpass_hz=corner_hz,
        thresholds=_thresholds(parameters),
    )


def _thresholds(parameters: Mapping[str, Any]) -> dict[str, tuple[float, ...]]:
    names = {
        "weighted_density": ("rn_weighted_density", "nrn_weighted_density"),
        "p_noise": ("alpha_rn", "alpha_nrn"),
    }
    return {
        feature: tuple(float(parameters[n]) for n in known)
        for feature, known in names.items()
        if all(n in parameters for n in known)
    }


def _read_record(waveforms: xr.Dataset, station: str, span: Span, warm_up_s: float) -> HourRecord:
    """Read one hour and the warm-up before it, as far as it exists, as the label stage does."""
    rate, _ = product_attrs(waveforms)["rate"]  # labels exist for whole rates only
    covered = span_of(waveforms)
    names = [str(s) for s in waveforms.station.values]
    if station not in names or covered.intersect(span) != span:
        raise ConfigError(
            f"{name_of(waveforms)} as given here does not hold {station} from {span}; it has "
            f"{len(names)} stations and {covered}; open the whole product"
        )
    ahead = (span.start_ns - covered.start_ns) // NS_PER_S
    first, last = max(0, ahead - math.ceil(warm_up_s)), ahead + int(span.duration_s)
    own = waveforms.isel(station=names.index(station))
    samples = own.waveform.isel(time=slice(first * rate, last * rate)).values
    coverage = own.coverage.isel(second=slice(first, last)).values
    filled = recorded_samples(samples) | np.repeat(coverage == 1, rate)
    return HourRecord(samples, filled, coverage[ahead - first :], rate)


def _filtered(record: HourRecord, corner_hz: float, poles: int) -> Vector:
    valid = record.filled & ~constant_mask(record)
    rate_hz = float(record.rate_hz)
    filtered = highpass_valid(record.samples, valid, rate_hz, corner_hz=corner_hz, poles=poles)
    filtered[~valid] = np.nan
    return filtered[record.n_warmup :]
