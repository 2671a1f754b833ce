"""Arrival times and catalogues of others: CSV tables with many headings, and QuakeML.

Invariants: a row that cannot be read is a problem named by its line and never stops the others;
what a table does not say is empty or NaN, never guessed.
"""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from sys import intern
from typing import Any, Generic, NamedTuple, TypeVar

from seisflow.core.files import AnyPath
from seisflow.core.grid import format_time, parse_time
from seisflow.errors import ConfigError, DataError
from seisflow.formats.quiet_obspy import read_events as read_quakeml

__all__ = ["Arrival", "Event", "Table", "read_arrivals", "read_catalogue"]

KM_PER_DEGREE = 111.195
"""One degree of a great circle of a sphere of 6371 km, as TauP counts distance."""

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "time_ns": ("time_ns", "onset_ns"),
    "time": ("time", "arrival_time", "pick_time", "onset", "datetime", "origin_time"),
    "network": ("network", "net", "network_code"),
    "station": ("station", "sta", "station_code", "id", "trace_id"),
    "phase": ("phase", "phase_hint", "phase_type", "iphase"),
    "event": ("event", "evid", "event_id", "eventid", "id"),
    "magnitude": ("magnitude", "mag", "ml"),
    "distance_km": ("distance_km", "dist_km", "distance", "epicentral_distance_km"),
    "visible": ("visible",),
    "latitude": ("latitude", "lat"),
    "longitude": ("longitude", "lon", "long"),
    "depth_km": ("depth_km", "depth"),
    "p_time": ("pred_p", "p_time", "time_p", "p_arrival_time", "p_arrival"),
    "s_time": ("pred_s", "s_time", "time_s", "s_arrival_time", "s_arrival"),
}
"""Column headings understood, in lower case, the preferred first."""

DIRECT_P = re.compile(r"[eiq]?p([gnb1*]|diff|kp\w*|kikp)?[ud+\-c]?\d?", re.IGNORECASE)
"""First arrivals of P; pP, PP, PcP, S and readings of amplitudes are none."""
DIRECT_S = re.compile(r"[eiq]?s([gnb1*]|diff|ks\w*|kiks)?[ud+\-c]?\d?", re.IGNORECASE)
"""First arrivals of S; sS, SS, ScS, SP, P and readings of amplitudes are none."""


class Arrival(NamedTuple):
    """A phase at a station.

    ``network`` is empty where not known. ``event`` is empty where the table has none.
    ``magnitude`` and ``distance_km`` may be NaN. Where ``visible`` is False somebody looked, and
    the phase could not be told from the noise.
    """

    time_ns: int
    network: str
    station: str
    phase: str
    event: str = ""
    magnitude: float = math.nan
    distance_km: float = math.nan
    visible: bool = True

    @property
    def is_p(self) -> bool:
        """Whether the phase is a first arrival of P."""
        return DIRECT_P.fullmatch(self.phase) is not None

    @property
    def is_s(self) -> bool:
        """Whether the phase is a first arrival of S."""
        return DIRECT_S.fullmatch(self.phase) is not None


class Event(NamedTuple):
    """An earthquake of a catalogue: origin, degrees, km below sea level; magnitude may be NaN."""

    event: str
    time_ns: int
    longitude: float
    latitude: float
    depth_km: float
    magnitude: float = math.nan


R = TypeVar("R")


@dataclass(frozen=True)
class Table(Generic[R]):
    """Rows of a file in its order, and what could not be read, by line."""

    rows: tuple[R, ...]
    problems: tuple[str, ...] = ()


def read_arrivals(path: AnyPath) -> Table[Arrival]:
    """Read arrival times.

    Parameters
    ----------
    path : Path
        QuakeML, or a CSV with the columns time (ISO 8601 UTC; or ``time_ns``, ns since 1970),
        station and phase under any of `HEADINGS`. Optional are network, event, magnitude,
        distance_km, and visible (0: not to be seen). A station may be a code, NET.STA or
        NET.STA.LOC.CHA. Instead of time and phase, a row may have ``p_time`` and ``s_time``.

    Returns
    -------
    Table of Arrival

    Raises
    ------
    ConfigError
        The file cannot be opened, or lacks a column.
    DataError
        It is neither text nor QuakeML, or no arrival in it can be read.
    """
    if _is_xml(path):
        found = _of_quakeml(path, _quakeml_arrivals)
    else:
        found = _csv_table(path, "arrivals", _arrival_columns, _arrivals_of_row)
    return _not_empty(path, found, "arrival")


def read_catalogue(path: AnyPath) -> Table[Event]:
    """Read the earthquakes of a catalogue.

    Parameters
    ----------
    path : Path
        QuakeML, or a CSV with the columns time or time_ns, latitude, longitude and depth_km, and
        perhaps event and magnitude, under any of `HEADINGS`. An event without a name is called by
        its origin time.

    Returns
    -------
    Table of Event

    Raises
    ------
    ConfigError, DataError
        As `read_arrivals`.
    """
    if _is_xml(path):
        found = _of_quakeml(path, _quakeml_events)
    else:
        found = _csv_table(path, "catalogue", _catalogue_columns, _events_of_row)
    return _not_empty(path, found, "earthquake")


def _is_xml(path: AnyPath) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4096).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<")
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be opened: {error.strerror or error}; give a CSV table or QuakeML"
        ) from error


def _not_empty(path: AnyPath, found: Table[R], what: str) -> Table[R]:
    if not found.rows:
        reasons = f": {'; '.join(found.problems[:3])}" if found.problems else ""
        raise DataError(
            f"{path} holds no {what} that can be read ({len(found.problems)} bad rows{reasons})"
        )
    return found


class _Columns(NamedTuple):
    """The heading of the table for each name understood."""

    path: AnyPath
    what: str
    found: dict[str, str]

    def require(self, *choices: tuple[str, ...]) -> None:
        """Refuse a table that has none of these sets of columns."""
        if any(all(name in self.found for name in names) for names in choices):
            return
        allowed = "; ".join(
            f"{name}: {', '.join(HEADINGS[name])}" for name in choices[0] if name not in self.found
        )
        raise ConfigError(
            f"{self.what} {self.path} have no column for "
            f"{', '.join(n for n in choices[0] if n not in self.found)}; found headings "
            f"{', '.join(self.found.values()) or 'none known'}; allowed are {allowed}"
        )


def _csv_table(path: AnyPath, what: str, check: Any, rows_of: Any) -> Table[Any]:
    """Read a CSV; each row gives any number of things or one problem."""
    rows: list[Any] = []
    problems: list[str] = []
    with _as_text(path) as lines:
        reader = csv.DictReader(lines, delimiter=lines.delimiter)
        columns = _columns(path, what, reader.fieldnames or ())
        check(columns)
        for row in reader:
            cells = {name: (row.get(head) or "").strip() for name, head in columns.found.items()}
            try:
                rows += rows_of(cells)
            except ValueError as error:
                problems.append(f"{path.name} line {lines.number}: {error}")
    return Table(tuple(rows), tuple(problems))


class _Lines:
    """The lines of a table without its comments, counted as an editor counts them."""

    def __init__(self, file: Any) -> None:
        self.number = 0
        self._file = file
        self._first = next(self, "")
        self.delimiter = ";" if self._first.count(";") > self._first.count(",") else ","

    def __iter__(self) -> Iterator[str]:
        yield self._first
        yield from iter(lambda: next(self, ""), "")

    def __next__(self) -> str:
        for line in self._file:
            self.number += 1
            if not line.startswith("#") and line.strip():
                return str(line)
        raise StopIteration


@contextmanager
def _as_text(path: AnyPath) -> Iterator[_Lines]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield _Lines(file)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is neither CSV text nor QuakeML ({error})") from error


def _columns(path: AnyPath, what: str, found: Any) -> _Columns:
    by_name = {str(heading).strip().lower(): str(heading) for heading in found}
    columns = {
        name: next(by_name[h] for h in headings if h in by_name)
        for name, headings in HEADINGS.items()
        if any(h in by_name for h in headings)
    }
    if columns.get("event") == columns.get("station"):
        columns.pop("event", None)  # an ``id`` alone is the station's
    return _Columns(path, what, columns)


def _arrival_columns(columns: _Columns) -> None:
    columns.require(
        ("time", "station", "phase"), ("time_ns", "station", "phase"), ("p_time", "station")
    )


def _catalogue_columns(columns: _Columns) -> None:
    place = ("latitude", "longitude", "depth_km")
    columns.require(("time", *place), ("time_ns", *place))


def _arrivals_of_row(cells: Mapping[str, str]) -> list[Arrival]:
    network, station = _station(cells)
    if "phase" in cells:
        onsets = [(cells["phase"], _time_ns(cells))]
        if not cells["phase"]:
            raise ValueError("no phase; give P or S")
    else:
        wide = (("P", cells.get("p_time")), ("S", cells.get("s_time")))
        onsets = [(phase, parse_time(time)) for phase, time in wide if time]
    return [
        Arrival(
            time_ns,
            intern(network),
            intern(station),
            intern(phase),
            intern(cells.get("event", "")),
            _number(cells, "magnitude"),
            _number(cells, "distance_km"),
            cells.get("visible", "").lower() not in ("0", "false", "no", "f", "n"),
        )
        for phase, time_ns in onsets
    ]


def _station(cells: Mapping[str, str]) -> tuple[str, str]:
    """Return network and station code; a dotted cell holds both."""
    codes = cells["station"].split(".")
    dotted = len(codes) > 1
    network, station = (codes[0], codes[1]) if dotted else (cells.get("network", ""), codes[0])
    if not station:
        raise ValueError(f"no station code in {cells['station']!r}")
    return network or cells.get("network", ""), station


def _time_ns(cells: Mapping[str, str]) -> int:
    if cells.get("time_ns"):
        return int(cells["time_ns"])
    return parse_time(cells.get("time", ""))


def _number(cells: Mapping[str, str], name: str) -> float:
    text = cells.get(name, "")
    return float(text) if text else math.nan


def _events_of_row(cells: Mapping[str, str]) -> list[Event]:
    time_ns = _time_ns(cells)
    longitude, latitude, depth_km = (
        _number(cells, name) for name in ("longitude", "latitude", "depth_km")
    )
    name = cells.get("event") or format_time(time_ns)
    magnitude = _number(cells, "magnitude")
    return [_checked(Event(name, time_ns, longitude, latitude, depth_km, magnitude))]


def _checked(event: Event) -> Event:
    """Refuse an earthquake without a place on the earth."""
    places = (event.longitude, event.latitude, event.depth_km)
    inside = -180 <= event.longitude <= 360 and -90 <= event.latitude <= 90
    if not (inside and -10 <= event.depth_km <= 800):
        raise ValueError(
            f"longitude, latitude and depth {places} are not degrees within -180..360, -90..90 "
            "and km within -10..800"
        )
    return event


def _of_quakeml(path: AnyPath, rows_of: Any) -> Table[Any]:
    try:
        with path.open("rb") as file:
            catalogue = read_quakeml(file, format="QUAKEML")
    except Exception as error:
        raise DataError(
            f"{path} cannot be read as QuakeML ({type(error).__name__}: {error}); give QuakeML or "
            "a CSV table"
        ) from error
    rows: list[Any] = []
    problems: list[str] = []
    names = _event_names(catalogue)
    for name, event in zip(names, catalogue, strict=True):
        for found in rows_of(name, event):
            if isinstance(found, str):
                problems.append(f"{path.name} event {name}: {found}")
            else:
                rows.append(found)
    return Table(tuple(rows), tuple(problems))


def _event_names(catalogue: Any) -> list[str]:
    """Return the last part of each public id; the whole where two would be the same."""
    whole = [str(event.resource_id) for event in catalogue]
    short = [re.split(r"[/=]", name)[-1] for name in whole]
    return short if len(set(short)) == len(short) else whole


def _magnitude(event: Any) -> float:
    found = event.preferred_magnitude() or next(iter(event.magnitudes), None)
    return math.nan if found is None or found.mag is None else float(found.mag)


def _origin(event: Any) -> Any:
    return event.preferred_origin() or next(iter(event.origins), None)


def _quakeml_arrivals(name: str, event: Any) -> Iterator[Arrival | str]:
    """Yield the picks of an event, with the phase and distance of their arrivals."""
    origin, magnitude = _origin(event), _magnitude(event)
    by_pick = {str(a.pick_id): a for a in (origin.arrivals if origin else ())}
    for pick in event.picks:
        arrival = by_pick.get(str(pick.resource_id))
        phase = (arrival.phase if arrival else None) or pick.phase_hint
        code = pick.waveform_id.station_code if pick.waveform_id else None
        if not (phase and code and pick.time):
            yield f"pick {pick.resource_id} lacks a phase, a station or a time"
            continue
        degrees = arrival.distance if arrival else None
        yield Arrival(
            int(pick.time.ns),
            pick.waveform_id.network_code or "",
            code,
            phase,
            name,
            magnitude,
            math.nan if degrees is None else degrees * KM_PER_DEGREE,
        )


def _quakeml_events(name: str, event: Any) -> Iterator[Event | str]:
    origin = _origin(event)
    try:
        depth_km = 0.0 if origin.depth is None else float(origin.depth) / 1000
        place = (float(origin.longitude), float(origin.latitude), depth_km)
        yield _checked(Event(name, int(origin.time.ns), *place, _magnitude(event)))
    except (AttributeError, TypeError, ValueError) as error:
        yield f"no origin with a time and a place ({error})"
