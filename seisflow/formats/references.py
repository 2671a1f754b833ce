"""Catalogues to compare with: our own detections as they are on disk, and those of others.

Invariant: what a catalogue does not say is NaN, never guessed, and an event that cannot be read is
a problem that stops no other.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple
from xml.etree.ElementTree import ParseError, iterparse

import numpy as np
import numpy.typing as npt
import pandas as pd

from seisflow.core.files import AnyPath
from seisflow.errors import ConfigError, DataError
from seisflow.formats.events import read_catalogue
from seisflow.formats.tables import Cells, Table, TableKind, number, read_table
from seisflow.formats.tables import time_ns as time_of

__all__ = [
    "EVENT_COLUMNS",
    "ROOT",
    "ReferenceEvent",
    "ns_of",
    "read_catalogue_times",
    "read_reference",
]

ROOT = "smi:local/seisflow"
"""Of all public ids of our own catalogues."""

EVENT_COLUMNS: Mapping[str, str] = {
    "event": "str",
    "time": "datetime64[ns, UTC]",
    "n_nodes": "int64",
    "n_stations": "int64",
    "needed_nodes": "int64",
    "probability": "float64",
    "mean_cc": "float64",
    "stack_snr": "float64",
    "back_azimuth_deg": "float64",
    "apparent_velocity_m_s": "float64",
    "plane_rms_s": "float64",
}
"""Columns of a table of detections, in order; see `seisflow.stages.detect.event.Detection`."""

OWN = TableKind(
    "catalogue of detections",
    {name: (name,) for name in EVENT_COLUMNS},
    (("event", "time", "stack_snr"),),
    "QuakeML",
)


class ReferenceEvent(NamedTuple):
    """An event of a catalogue to compare with; NaN where the catalogue does not say.

    ``time_ns`` is the origin time; of a catalogue of detections on an array it is P at the median
    node. ``longitude`` and ``latitude`` are degrees, ``depth_km`` below sea level. ``s_ns`` is S
    at the array, None where it is not known; no catalogue says it, see
    `seisflow.stages.compare.timing`.
    """

    event: str
    time_ns: int
    magnitude: float = math.nan
    snr: float = math.nan
    longitude: float = math.nan
    latitude: float = math.nan
    depth_km: float = math.nan
    s_ns: int | None = None


def ns_of(times: Any) -> npt.NDArray[np.int64]:
    """Return a column of times of a table as ns since 1970."""
    found: npt.NDArray[np.int64] = times.to_numpy("datetime64[ns]").view(np.int64)
    return found


def read_catalogue_times(path: AnyPath) -> list[ReferenceEvent]:
    """Read the events of a catalogue; those that cannot be read are left out.

    See `read_reference`, which also says what was left out.
    """
    return list(read_reference(path).rows)


def read_reference(path: AnyPath) -> Table[ReferenceEvent]:
    """Read the events of a catalogue, of our own detections or of others.

    Parameters
    ----------
    path : Path
        The folder, a table or the QuakeML of `write_tables` and `write_quakeml`, which may hold
        no event at all; or a catalogue as `seisflow.formats.events.read_catalogue` reads it.

    Returns
    -------
    Table of ReferenceEvent
        In the order of the file, and what in it could not be read. Our own detections have no
        place and no magnitude; their ``snr`` is that of the stack.

    Raises
    ------
    ConfigError
        There is no such file, no table in the folder, or a column is missing.
    DataError
        The file cannot be read, or holds no event.
    """
    if path.is_dir():
        path = _table_in(path)
    if path.suffix == ".parquet":
        return _of_parquet(path)
    head = _head(path)
    if _is_own_csv(head):
        return read_table(path, OWN, _of_own_row)
    if f"{ROOT}/catalogue" in head:
        return _of_own_quakeml(path)
    return _of_others(path)


def _table_in(folder: AnyPath) -> AnyPath:
    for name in ("catalog.parquet", "catalog.csv"):
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(
        f"{folder} holds neither catalog.parquet nor catalog.csv; give the folder that "
        "'seisflow detect' wrote, or a CSV table or QuakeML"
    )


def _head(path: AnyPath) -> str:
    """Return the beginning of a file as text."""
    try:
        with path.open("rb") as file:
            return file.read(4096).decode("utf-8", errors="replace")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be opened: {error.strerror or error}; give a catalogue of detections, "
            "a CSV table or QuakeML"
        ) from error


def _is_own_csv(head: str) -> bool:
    first = next(iter(head.removeprefix("\ufeff").splitlines()), "").replace('"', "")
    return any(set(EVENT_COLUMNS) <= set(first.split(separator)) for separator in ",;")


def _of_parquet(path: AnyPath) -> Table[ReferenceEvent]:
    try:
        with path.open("rb") as file:
            frame = pd.read_parquet(file, engine="pyarrow")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is not there; give a catalogue of detections") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as Parquet ({error})") from error
    missing = [name for name in ("event", "time", "stack_snr") if name not in frame.columns]
    if missing:
        raise ConfigError(
            f"{path} has no column {', '.join(missing)}; found {', '.join(frame.columns)}; give "
            "the catalog.parquet of 'seisflow detect', or a catalogue as CSV or QuakeML"
        )
    rows = zip(frame["event"], ns_of(frame["time"]).tolist(), frame["stack_snr"], strict=True)
    return Table(tuple(ReferenceEvent(str(e), t, snr=float(s)) for e, t, s in rows))


def _collect(
    rows: Iterable[tuple[str, Any]], event_of: Callable[[Any], ReferenceEvent]
) -> Table[ReferenceEvent]:
    """Read named rows one by one; one that cannot be read becomes a problem."""
    found: list[ReferenceEvent] = []
    problems: list[str] = []
    for name, row in rows:
        try:
            found.append(event_of(row))
        except (KeyError, TypeError, ValueError) as error:
            problems.append(f"{name}: {error}")
    return Table(tuple(found), tuple(problems))


def _of_own_row(cells: Cells) -> Iterator[ReferenceEvent]:
    yield ReferenceEvent(cells["event"], time_of(cells), snr=number(cells, "stack_snr"))


def _of_own_quakeml(path: AnyPath) -> Table[ReferenceEvent]:
    """Read the events alone: ObsPy would make objects of each pick of an array first."""
    texts: list[str] = []
    try:
        with path.open("rb") as file:
            for _, element in iterparse(file):
                if element.tag.endswith("}event"):
                    texts.append(element.findtext("{*}comment/{*}text", ""))
                    element.clear()
    except ParseError as error:
        raise DataError(f"{path} cannot be read as QuakeML ({error})") from error
    rows = ((f"{path.name} event {i}", text) for i, text in enumerate(texts))
    return _collect(rows, _of_own_comment)


def _of_own_comment(text: str) -> ReferenceEvent:
    """Read the numbers that `seisflow.formats.catalogues.write_quakeml` put into a comment."""
    content = json.loads(text)
    snr = math.nan if content["stack_snr"] is None else float(content["stack_snr"])
    return ReferenceEvent(str(content["event"]), int(content["time_ns"]), snr=snr)


def _of_others(path: AnyPath) -> Table[ReferenceEvent]:
    found = read_catalogue(path)
    rows = (
        ReferenceEvent(e.event, e.time_ns, e.magnitude, e.snr, e.longitude, e.latitude, e.depth_km)
        for e in found.rows
    )
    return Table(
        tuple(rows), found.problems, found.left_out, found.columns, found.ignored, found.notes
    )
