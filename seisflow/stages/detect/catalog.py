"""The catalogue on the disk: arrays of the product, tables, and QuakeML for each day.

    CATALOG/                  Zarr: event, pick, station and sample as dimensions
    CATALOG/catalog.csv       and .parquet: one row an event
    CATALOG/picks.csv         and .parquet: one row a pick
    CATALOG/quakeml/DAY.xml   events of a UTC day with their picks

Invariant: all of it is written from what tasks found, by one writer, and the same findings give the
same files.
"""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import ArraySpec
from seisflow.archive.reading import read_column
from seisflow.archive.schema import TIME_ATTRS
from seisflow.archive.store import write_array
from seisflow.core.files import AnyPath, remove_file
from seisflow.core.geometry import middle_of
from seisflow.core.grid import DAY_NS, format_time
from seisflow.core.stations import Coordinates
from seisflow.formats.catalogues import write_quakeml, write_tables
from seisflow.stages.detect.event import Detection, Pick
from seisflow.stages.detect.records import Found

__all__ = ["QUAKEML", "catalog_arrays", "write_catalog"]

QUAKEML = "quakeml"

EVENT_ARRAYS = {
    "n_nodes": ("int32", "1", "nodes in coincidence"),
    "n_stations": ("int32", "1", "stations that had data"),
    "needed_nodes": ("int32", "1", "nodes that were needed on this day"),
    "probability": ("float64", "1", "mean probability of an earthquake over the picks"),
    "mean_cc": ("float64", "1", "mean correlation of aligned traces with the stack of the others"),
    "stack_snr": ("float64", "1", "signal-to-noise ratio of the stack"),
    "back_azimuth_deg": ("float64", "degree", "towards the source, from north"),
    "apparent_velocity_m_s": ("float64", "m s-1", "of the plane wave across the array"),
    "plane_rms_s": ("float64", "s", "what the plane wave leaves of the delays"),
}
PICK_ARRAYS = {
    "delay_s": ("float64", "s", "behind the median node"),
    "probability": ("float64", "1", "largest probability of an earthquake at the node"),
    "cc": ("float64", "1", "correlation of the aligned trace with the stack of the others"),
}


def write_catalog(path: AnyPath, found: Sequence[Found]) -> None:
    """Write everything there is of a catalogue, in place of what was there before.

    Parameters
    ----------
    path : Path
        A CATALOG product.
    found : sequence of Found
        By time.
    """
    events = [f.detection for f in found]
    for spec in catalog_arrays(found, read_column(path, "station").size):
        write_array(path, spec)
    write_tables(path, events)
    folder = path / QUAKEML
    place = _middle(path)
    kept = set()
    for day, members in groupby(events, key=lambda e: e.time_ns // DAY_NS):
        name = f"{format_time(day * DAY_NS)[:10]}.xml"
        write_quakeml(folder / name, list(members), place=place)
        kept.add(name)
    for file in folder.iterdir() if folder.is_dir() else ():
        if file.suffix == ".xml" and file.name not in kept:
            remove_file(file)


def catalog_arrays(found: Sequence[Found], n_stations: int) -> Iterator[ArraySpec]:
    """Return the arrays of events and picks, in the order given."""
    events = [f.detection for f in found]
    picks = [(row, pick) for row, event in enumerate(events) for pick in event.picks]
    yield from _columns("event", "", EVENT_ARRAYS, events)
    yield _text("event", "event", [e.event for e in events])
    yield _time("time", "event", [e.time_ns for e in events], "P at the median node")
    yield from _columns("pick", "pick_", PICK_ARRAYS, [pick for _, pick in picks])
    rows = np.array([row for row, _ in picks], dtype=np.int64)
    attrs = {"long_name": "row of the pick's event"}
    yield ArraySpec("pick_event", ("pick",), rows.shape, "int64", -1, attrs=attrs, values=rows)
    yield _text("pick_station", "pick", [pick.station for _, pick in picks])
    yield _time("pick_time", "pick", [pick.time_ns for _, pick in picks], "P at the node")
    yield from _matrices(found, n_stations)


def _matrices(found: Sequence[Found], n_stations: int) -> Iterator[ArraySpec]:
    """Return stacks and node scores, one row an event."""
    events = [f.detection for f in found]
    n_samples = events[0].stack.size if events else 0
    attrs: dict[str, Any] = {"long_name": "mean of aligned traces of unit energy"}
    if events:
        attrs |= {"rate_hz": events[0].rate_hz, "before_s": events[0].stack_before_s}
    yield _matrix("stack", "sample", n_samples, [e.stack for e in events], attrs)
    attrs = {"long_name": "largest probability of an earthquake in the coincidence", "units": "1"}
    rows = [f.node_probability for f in found]
    yield _matrix("node_probability", "station", n_stations, rows, attrs)


def _matrix(
    name: str, dim: str, size: int, rows: Sequence[npt.NDArray[np.float32]], attrs: dict[str, Any]
) -> ArraySpec:
    values = np.array(rows, dtype=np.float32).reshape(len(rows), size)
    chunks = (max(1, min(64, len(rows))), max(1, size))
    return ArraySpec(
        name, ("event", dim), values.shape, "float32", float("nan"), chunks, None, attrs, values
    )


def _columns(
    dim: str,
    prefix: str,
    columns: dict[str, tuple[str, str, str]],
    rows: Sequence[Detection] | Sequence[Pick],
) -> Iterator[ArraySpec]:
    for name, (dtype, units, long_name) in columns.items():
        values = np.array([getattr(row, name) for row in rows], dtype=dtype)
        fill = float("nan") if dtype == "float64" else -1
        attrs = {"units": units, "long_name": long_name}
        yield ArraySpec(
            prefix + name, (dim,), values.shape, dtype, fill, attrs=attrs, values=values
        )


def _text(name: str, dim: str, values: Sequence[str]) -> ArraySpec:
    array = np.array(values, dtype=object)
    return ArraySpec(name, (dim,), array.shape, "str", "", values=array)


def _time(name: str, dim: str, values: Sequence[int], long_name: str) -> ArraySpec:
    array = np.array(values, dtype=np.int64)
    attrs = {**TIME_ATTRS, "long_name": long_name}
    return ArraySpec(name, (dim,), array.shape, "int64", 0, attrs=attrs, values=array)


def _middle(path: AnyPath) -> Coordinates | None:
    """Return the middle of the stations, at their mean elevation; None where none is known."""
    longitude, latitude, elevation = (
        read_column(path, name).astype(np.float64)
        for name in ("longitude", "latitude", "elevation")
    )
    known = np.isfinite(longitude) & np.isfinite(latitude)
    if not known.any():
        return None
    return Coordinates(*middle_of(longitude, latitude), float(elevation[known].mean()))
