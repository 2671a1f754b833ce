"""Catalogues of earthquakes: CSV tables with many headings, and QuakeML.

Invariants: what is no earthquake is left out and counted by what it is; an event stands once under
its name; what a table does not say is NaN, never guessed.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import pairwise
from typing import Any, NamedTuple, TypeVar

import numpy as np

from seisflow.core.files import AnyPath
from seisflow.core.geometry import surface_distance_km
from seisflow.core.grid import NS_PER_S, format_time
from seisflow.core.stations import checked_place
from seisflow.core.wording import counted
from seisflow.errors import DataError
from seisflow.formats.quakeml import magnitude_of, origin_of, read_quakeml
from seisflow.formats.quakeml import time_of as origin_time_ns
from seisflow.formats.statuses import is_earthquake, is_rejected
from seisflow.formats.tables import (
    Cells,
    LeftOut,
    Table,
    TableKind,
    is_xml,
    number,
    read_table,
    text_of,
)
from seisflow.formats.tables import time_ns as time_of

__all__ = ["Event", "not_empty", "read_catalogue"]

R = TypeVar("R")

KIND = TableKind(
    "catalogue",
    {
        "time_ns": ("origin_time_ns", "time_ns"),
        "time": ("origin_time", "origintime", "event_time", "time", "datetime", "date_time"),
        "date": ("date",),
        "event": ("event_id", "eventid", "evid", "publicid", "event", "id", "event_index"),
        "event_type": ("event_type", "eventtype", "evtype", "etype", "et", "type"),
        "status": ("evaluation_status", "evaluationstatus", "status"),
        "magnitude": ("magnitude", "mag", "ml"),
        "latitude": ("latitude", "lat"),
        "longitude": ("longitude", "lon", "long"),
        "depth_km": ("depth_km", "depth/km", "depth"),
        "depth_m": ("depth_m",),
        "snr": ("snr", "peak_snr", "stack_snr"),
    },
    (("time|time_ns", "latitude", "longitude", "depth_km|depth_m"),),
    "QuakeML",
)

SMALLEST, LARGEST = -5.0, 11.0
"""Magnitudes that can be."""

TWIN_S, TWIN_KM = 2.0, 25.0
"""Two events this close in time and place are perhaps one that two networks located."""


class Event(NamedTuple):
    """An earthquake of a catalogue: origin, degrees, km below sea level; others may be NaN."""

    event: str
    time_ns: int
    longitude: float
    latitude: float
    depth_km: float
    magnitude: float = math.nan
    snr: float = math.nan


def read_catalogue(path: AnyPath) -> Table[Event]:
    """Read the earthquakes of a catalogue.

    Parameters
    ----------
    path : Path
        QuakeML, or a table with time, latitude, longitude and depth in km under any heading of
        `KIND`, and perhaps the event's name, kind and status, magnitude and SNR. An event without
        a name is called by its origin time.

    Returns
    -------
    Table of Event
        Left out are kinds of events that are no earthquakes, what was rejected or deleted, and
        events whose name was there before. Events of two names that are perhaps one are noted.

    Raises
    ------
    ConfigError
        The file cannot be opened, or lacks a column.
    DataError
        It is neither text nor QuakeML, or no earthquake in it can be read.
    """
    if is_xml(path, KIND.what, "give a CSV table or QuakeML"):
        found: Table[Event] = read_quakeml(path, _of_quakeml)
    else:
        found = read_table(path, KIND, _of_row)
    return not_empty(path, _once(found), "earthquake")


def not_empty(path: AnyPath, found: Table[R], what: str) -> Table[R]:
    """Return a table that has rows.

    Raises
    ------
    DataError
        It has none; the message says what became of those of the file.
    """
    if not found.rows:
        reasons = [*found.problems[:3], *(f"{n} left out: {r}" for r, n in found.left_out.items())]
        raise DataError(
            f"{path} holds no {what} that can be used ({len(found.problems)} bad rows"
            f"{': ' if reasons else ''}{'; '.join(reasons)})"
        )
    return found


def _of_row(cells: Cells) -> Iterator[Event | LeftOut]:
    depth_km = number(cells, "depth_km")
    if "depth_m" in cells and math.isnan(depth_km):
        depth_km = number(cells, "depth_m") / 1000
    yield _judged(
        event_name(cells),
        time_of(cells),
        (number(cells, "longitude"), number(cells, "latitude"), depth_km),
        (magnitude(cells), _or_nan(cells, "snr")),
        (cells.get("event_type"), cells.get("status")),
    )


def event_name(cells: Cells) -> str:
    """Return the name of an event; empty where the row says it belongs to none."""
    name = text_of(cells, "event")
    return "" if name == "-1" else name


def magnitude(cells: Cells) -> float:
    """Return the magnitude of a row; NaN where it cannot be one: 999 and -9.99 stand for none."""
    value = number(cells, "magnitude")
    return value if SMALLEST <= value <= LARGEST else math.nan


def _or_nan(cells: Cells, name: str) -> float:
    """Return a number that is nothing but described: NaN where it is none."""
    try:
        return number(cells, name)
    except ValueError:
        return math.nan


def _of_quakeml(name: str, event: Any, kind: str) -> Iterator[Event | LeftOut | ValueError]:
    origin = origin_of(event)
    if origin is None and event.origins:
        yield LeftOut("event whose origins are rejected")
        return
    try:
        depth_km = 0.0 if origin.depth is None else float(origin.depth) / 1000
        place = (float(origin.longitude), float(origin.latitude), depth_km)
        numbers = (magnitude_of(event), math.nan)
        yield _judged(name, origin_time_ns(origin), place, numbers, (kind, None))
    except (AttributeError, TypeError):
        yield ValueError("no origin with a time and a place")
    except ValueError as error:
        yield error


def _judged(
    name: str,
    time_ns: int,
    place: tuple[float, float, float],
    numbers: tuple[float, float],
    said: tuple[Any, Any],
) -> Event | LeftOut:
    """Make an event of what was read, unless its catalogue says that it is none.

    Raises
    ------
    ValueError
        It has no place on the earth.
    """
    kind, status = said
    if is_rejected(status):
        return LeftOut(f"event with status '{status}'")
    if not is_earthquake(kind):
        return LeftOut(f"event of type '{kind}'")
    missing = [w for w, x in zip(("longitude", "latitude", "depth"), place, strict=True) if x != x]
    if missing:
        raise ValueError(f"no {' and no '.join(missing)}")
    at = checked_place(place[0], place[1], math.nan)
    if not -10 <= place[2] <= 800:
        raise ValueError(f"a depth of {place[2]:g} km is not within -10 to 800 km")
    name = name or format_time(time_ns)
    return Event(name, time_ns, at.longitude, at.latitude, place[2], *numbers)


def _once(found: Table[Event]) -> Table[Event]:
    """Leave out what repeats an event before, and note what may be one event twice.

    An event of the name of another that is elsewhere or at another time is one of its own, called
    by its time too.
    """
    kept: dict[str, Event] = {}
    namesakes = 0
    for event in found.rows:
        first = kept.setdefault(event.event, event)
        if not _is_twin(first, event):
            name = f"{event.event} at {format_time(event.time_ns)}, {event.longitude:.4f}"
            kept.setdefault(name, event._replace(event=name))
            namesakes += 1
    left_out: Mapping[str, int] = dict(found.left_out)
    if len(kept) < len(found.rows):
        repeated = "duplicate event"
        left_out = {**left_out, repeated: len(found.rows) - len(kept)}
    same = f"{counted(namesakes, 'event')} with the name of a different event; renamed by time"
    notes = [same] if namesakes else []
    notes += _twins(kept.values())
    return replace(found, rows=tuple(kept.values()), left_out=left_out, notes=tuple(notes))


def _twins(events: Iterable[Event]) -> Iterator[str]:
    """Say how many neighbours in time are so close that they may be one earthquake."""
    ordered = sorted(events, key=lambda e: e.time_ns)
    twins = [(a, b) for a, b in pairwise(ordered) if a.event != b.event and _is_twin(a, b)]
    if twins:
        a, b = twins[0]
        yield (
            f"{counted(len(twins), 'event')} within {TWIN_S:g} s and {TWIN_KM:g} km of the "
            f"previous one, for example {a.event} and {b.event}: possible duplicates"
        )


def _is_twin(a: Event, b: Event) -> bool:
    """Tell whether two events are so close that they may be one."""
    return abs(a.time_ns - b.time_ns) <= TWIN_S * NS_PER_S and _apart_km(a, b) <= TWIN_KM


def _apart_km(a: Event, b: Event) -> float:
    there = np.array([b.longitude]), np.array([b.latitude])
    return float(surface_distance_km(a.longitude, a.latitude, *there)[0])
