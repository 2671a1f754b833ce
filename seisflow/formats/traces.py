"""Traces of ObsPy taken apart and put together: names, times in ns, samples, places.

Invariant: no sample changes its value and no time is rounded. A Stream that cannot be used is
refused with one error that names every Trace at fault.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.core.grid import nominal_rate
from seisflow.core.stations import Coordinates, checked_place
from seisflow.core.wording import some_names
from seisflow.errors import DataError
from seisflow.formats.joining import station_name
from seisflow.formats.obspy_import import Stream, Trace, UTCDateTime

__all__ = ["Recording", "SegmentToWrite", "stream_of", "traces_of"]


@dataclass(frozen=True, eq=False)
class Recording:
    """What a Trace holds.

    Parameters
    ----------
    station : str
        ``NET.STA.LOC.CHA``.
    start_ns : int
        Time of the first sample, ns since 1970 UTC.
    rate : Fraction
        Samples per second.
    samples : ndarray
        In the Trace's own type.
    recorded : ndarray of bool, same shape
        False where samples are masked, NaN or infinite.
    place : Coordinates or None
        Where the station stands, if it is known.
    """

    station: str
    start_ns: int
    rate: Fraction
    samples: npt.NDArray[Any]
    recorded: npt.NDArray[np.bool_]
    place: Coordinates | None


@dataclass(frozen=True, eq=False)
class SegmentToWrite:
    """Samples without a gap that become a Trace; as `Recording`."""

    station: str
    start_ns: int
    rate: Fraction
    samples: npt.NDArray[Any]
    place: Coordinates | None


def traces_of(stream: Any, inventory: Any = None) -> list[Recording]:
    """Take a Stream apart.

    Parameters
    ----------
    stream : obspy.Stream, obspy.Trace or sequence of obspy.Trace
        All of one sampling rate; gaps may be masked, or lie between Traces.
    inventory : obspy.Inventory, optional
        Where stations stand; ``trace.stats.coordinates`` goes before it.

    Returns
    -------
    list of Recording
        In the order of the Traces.

    Raises
    ------
    DataError
        It is no Stream, or Traces in it cannot be used; it names all of them.
    """
    traces = [stream] if _is_trace(stream) else list(getattr(stream, "traces", stream))
    if not traces:
        raise DataError("the Stream has no Traces; check what was read or selected")
    if not all(map(_is_trace, traces)):
        found = next(type(trace).__name__ for trace in traces if not _is_trace(trace))
        raise DataError(f"a Stream or a Trace of ObsPy is needed; found {found} in it")
    problems = [
        f"Trace {k} ({trace.id}) {problem}"
        for k, trace in enumerate(traces)
        for problem in _problems(trace)
    ]
    problems = problems or [*_several_rates(traces), *_several_types(traces)]
    if problems:
        raise DataError(some_names(problems, "\n"))
    return [_recording(trace, inventory) for trace in traces]


def stream_of(segments: Sequence[SegmentToWrite]) -> Any:
    """Return an obspy.Stream with a Trace for each segment."""
    return Stream([_trace(segment) for segment in segments])


def _is_trace(thing: Any) -> bool:
    return hasattr(thing, "stats") and hasattr(thing, "data")


def _problems(trace: Any) -> Iterator[str]:
    """Say what is wrong with one Trace."""
    stats, data = trace.stats, np.ma.getdata(trace.data)
    codes = (stats.network, stats.station, stats.location, stats.channel)
    if station_name(*codes) != ".".join(codes) or " " in "".join(codes):
        yield (
            "has no id of the form NET.STA.LOC.CHA: codes are ASCII letters and digits, without "
            "blanks, dots and slashes; correct the codes in trace.stats"
        )
    if data.ndim != 1 or data.size == 0:
        yield (
            "has no samples; remove it, as in Stream([t for t in stream if t.stats.npts])"
            if data.size == 0
            else f"holds an array of shape {data.shape}; samples have one axis, time"
        )
    if data.dtype.kind not in "iuf" or data.dtype.itemsize > 8:
        yield f"holds {data.dtype}; samples must be integers or floats of 64 bits at most"
    elif data.dtype.itemsize == 8 and data.dtype.kind in "iu" and _is_beyond_float64(data):
        yield "holds integers beyond 2^53, which no float64 holds exactly; scale or convert it"
    if nominal_rate(float(stats.sampling_rate)) is None:
        yield (
            f"has {stats.sampling_rate:.9g} samples/s; a rate must be at least 1 Hz and give a "
            "whole number of samples in ten minutes; resample it first"
        )
    if "coordinates" in stats:
        try:
            _stated_place(stats.coordinates)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            yield f"has stats.coordinates that are no place: {error}"


def _is_beyond_float64(data: npt.NDArray[Any]) -> bool:
    return bool(data.max() > 2**53 or data.min() < -(2**53))


def _several_rates(traces: Sequence[Any]) -> Iterator[str]:
    names: dict[Fraction | None, set[str]] = defaultdict(set)
    for trace in traces:
        names[nominal_rate(float(trace.stats.sampling_rate))].add(trace.id)
    if len(names) > 1:
        listing = "; ".join(
            f"{float(rate or 0):g} Hz: {some_names(sorted(ids))}" for rate, ids in names.items()
        )
        yield (
            f"the Stream has {len(names)} sampling rates ({listing}) where one is needed; choose "
            "with stream.select(sampling_rate=...), or resample"
        )


def _several_types(traces: Sequence[Any]) -> Iterator[str]:
    """Refuse types that ObsPy would not merge either."""
    found: dict[str, dict[str, None]] = defaultdict(dict)
    for trace in traces:
        found[trace.id][np.ma.getdata(trace.data).dtype.newbyteorder("=").name] = None
    for station, types in found.items():
        if len(types) > 1:
            yield (
                f"the Traces of {station} hold {' and '.join(types)}; give them one type, as in "
                f"trace.data = trace.data.astype('{np.result_type(*types)}')"
            )


def _recording(trace: Any, inventory: Any) -> Recording:
    samples = np.ma.getdata(trace.data)
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    recorded = ~np.ma.getmaskarray(trace.data)
    if samples.dtype.kind == "f":
        recorded &= np.isfinite(samples)
    rate = nominal_rate(float(trace.stats.sampling_rate))
    assert rate is not None, "checked before"
    start_ns = int(trace.stats.starttime.ns)
    return Recording(trace.id, start_ns, rate, samples, recorded, _place(trace, inventory))


def _place(trace: Any, inventory: Any) -> Coordinates | None:
    stats = trace.stats
    if "coordinates" in stats:
        return _stated_place(stats.coordinates)
    if inventory is None:
        return None
    codes = {"network": stats.network, "station": stats.station, "time": stats.starttime}
    stations = [one for network in inventory.select(**codes) for one in network]
    wanted = (stats.location, stats.channel)
    channels = [c for s in stations for c in s if (c.location_code, c.code) == wanted]
    for where in (*channels, *stations):
        return checked_place(where.longitude, where.latitude, where.elevation or 0.0)
    return None


def _stated_place(coordinates: Any) -> Coordinates:
    elevation = coordinates.get("elevation", np.nan)
    return checked_place(
        float(coordinates["longitude"]), float(coordinates["latitude"]), float(elevation)
    )


def _trace(segment: SegmentToWrite) -> Any:
    network, station, location, channel = segment.station.split(".", 3)
    header: dict[str, Any] = {
        "network": network,
        "station": station,
        "location": location,
        "channel": channel,
        "sampling_rate": float(segment.rate),
        "starttime": UTCDateTime(ns=segment.start_ns),
    }
    if segment.place is not None:
        place = segment.place
        header["coordinates"] = {
            "longitude": place.longitude,
            "latitude": place.latitude,
            "elevation": place.elevation,
        }
    return Trace(segment.samples, header)
