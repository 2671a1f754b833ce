"""Where the stations of an archive stand: a table of stations matched with what was recorded.

Invariant: both sides are counted and said, stations without a row and rows without a station; what
looks wrong with a place is named once. A place that is not known is None, never a guess.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seisflow.core.geometry import far_from_others
from seisflow.core.grid import Span
from seisflow.core.stations import Coordinates, NearMisses
from seisflow.errors import DataError
from seisflow.formats.coordinates import CoordinateTable, Key, apart_m
from seisflow.ingest.inventory import Inventory

__all__ = ["Places", "match_places"]

SHOWN = 4
"""Stations named in a note."""

MOVED_M = 1.0
"""A station whose places differ by more has moved."""

DISAGREES_M = 1000.0
"""A place of the table and one of file headers that differ by more are not of one station."""

KM_BELOW = 9.0
"""Elevations that are all below it, with decimals, may be kilometres: no summit is higher."""


@dataclass(frozen=True)
class Places:
    """Coordinates by station, what is to be said of them, and one line for the summary."""

    of: Mapping[str, Coordinates | None]
    notes: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class _Match:
    """What a table and file headers say of one station, and when it moved."""

    station: str
    key: Key | None
    place: Coordinates | None
    header: tuple[Coordinates, ...]
    moves: tuple[str, ...] = ()


def match_places(table: CoordinateTable | None, inventory: Inventory) -> Places:
    """Find the place of every station at the time of its records.

    Parameters
    ----------
    table : CoordinateTable or None
        The table given; without it, and where it has no row, the coordinates of file headers.
    inventory : Inventory
        What was found in the files.

    Raises
    ------
    DataError
        No row of the table is of a station of the archive, or rows of one station contradict each
        other.
    """
    matches = [
        _match(table, station, _span(inventory, station), inventory.coordinates.get(station, ()))
        for station in inventory.found
    ]
    notes = list(_of_table(table, matches, inventory)) if table is not None else []
    notes += _moved(matches)
    notes += _disagreeing(matches)
    chosen = {m.station: m.place or next(iter(m.header), None) for m in matches}
    notes += _not_known(chosen)
    known = {
        s: p for s, p in chosen.items() if p is not None and (p.longitude, p.latitude) != (0, 0)
    }
    notes += _suspect_elevations(known)
    notes += _far(known)
    return Places({s: known.get(s) for s in chosen}, tuple(notes), _summary(table, matches, known))


def _span(inventory: Inventory, station: str) -> Span:
    """Return the time from the first sample of a station to its last."""
    spans = [found.span for found in inventory.found[station]]
    return Span(min(s.start_ns for s in spans), max(s.end_ns for s in spans))


def _match(
    table: CoordinateTable | None, station: str, span: Span, header: Sequence[Coordinates]
) -> _Match:
    key, epochs = table.rows_for(station, span) if table is not None else (None, [])
    if not epochs:
        return _Match(station, None, None, tuple(header))
    moves = tuple(str(e) for e in epochs if apart_m(epochs[0].place, e.place) > MOVED_M)
    moves = (str(epochs[0]), *moves) if moves else ()
    return _Match(station, key, epochs[0].place, tuple(header), moves)


def _of_table(
    table: CoordinateTable, matches: Sequence[_Match], inventory: Inventory
) -> Iterator[str]:
    """Say what of a table is of this archive, and refuse one of which nothing is."""
    wrong = [text for m in matches if m.key for text in table.contradictions(m.key)]
    if wrong:
        raise DataError(
            f"station table {table.name} says two places of one station at one time: "
            f"{_some(wrong, '; ')}; keep one, or give each its epoch in columns start and end"
        )
    yield from table.said
    without = [m.station for m in matches if m.key is None]
    if not without:
        return
    near = NearMisses(str(key) for key in table.keys)
    misses = []
    for station in without[:SHOWN]:
        _, others = table.rows_for(station)
        when = f"of other times, {others[0]}" if others else ""
        misses.append(f"{station}{f' (its rows are {when})' if when else near.said_of(station)}")
    unused = len(table) - len({m.key for m in matches if m.key})
    text = (
        f"{len(without)} of {len(matches)} stations have no row in {table.name}: "
        f"{_some(misses, total=len(without))}; {unused} of its {len(table)} rows fit no station"
    )
    if len(without) == len(matches):
        raise DataError(f"{text}; give the table of this archive, or leave out --stations")
    yield text


def _moved(matches: Sequence[_Match]) -> Iterator[str]:
    moved = [f"{m.station}: {' and '.join(m.moves)}" for m in matches if m.moves]
    if moved:
        yield (
            f"{len(moved)} stations moved within these records; the place held longest is taken: "
            f"{_some(moved, '; ')}"
        )
    headers = [
        f"{m.station}: {len(m.header)} places up to {furthest:.0f} m apart"
        for m in matches
        if m.place is None
        and (furthest := max((apart_m(m.header[0], p) for p in m.header[1:]), default=0)) > MOVED_M
    ]
    if headers:
        yield (
            f"{len(headers)} stations have several places in file headers; that of most files is "
            f"taken: {_some(headers, '; ')}"
        )


def _disagreeing(matches: Sequence[_Match]) -> Iterator[str]:
    """Name stations that the table puts elsewhere than their files do."""
    apart = [
        f"{m.station} by {metres / 1000:.0f} km{_swapped(m.place, m.header[0])}"
        for m in matches
        if m.place is not None
        and m.header
        and (metres := apart_m(m.place, m.header[0])) > DISAGREES_M
    ]
    if apart:
        yield (
            f"the station table and file headers disagree about {len(apart)} stations, and the "
            f"table is taken: {_some(apart)}"
        )


def _swapped(place: Coordinates, header: Coordinates) -> str:
    """Say that longitude and latitude look swapped, where they do."""
    if abs(place.longitude) > 90:
        return ""
    other_way = Coordinates(place.latitude, place.longitude, place.elevation)
    return " (longitude and latitude look swapped)" if apart_m(other_way, header) < 1e4 else ""


def _not_known(chosen: Mapping[str, Coordinates | None]) -> Iterator[str]:
    zero = [s for s, p in chosen.items() if p is not None and (p.longitude, p.latitude) == (0, 0)]
    if zero:
        yield (
            f"{len(zero)} stations are at exactly 0, 0, which is taken for a place that is not "
            f"known: {_some(zero)}"
        )


def _suspect_elevations(known: Mapping[str, Coordinates]) -> Iterator[str]:
    elevations = [p.elevation for p in known.values() if math.isfinite(p.elevation)]
    small = all(abs(e) < KM_BELOW for e in elevations)
    if small and any(round(e, 1) != e for e in elevations) and max(map(abs, elevations)) > 0.05:
        yield (
            f"elevations lie between {min(elevations):g} and {max(elevations):g}: they are taken "
            "for metres and look like kilometres"
        )


def _far(known: Mapping[str, Coordinates]) -> Iterator[str]:
    far_km = far_from_others(
        np.array([p.longitude for p in known.values()]),
        np.array([p.latitude for p in known.values()]),
    )
    named = [
        f"{station} by {km:,.0f} km"
        for station, km in zip(known, far_km.tolist(), strict=True)
        if km > 0
    ]
    if named:
        yield f"{len(named)} stations stand far from all others: {_some(named)}"


def _summary(
    table: CoordinateTable | None, matches: Sequence[_Match], known: Mapping[str, Coordinates]
) -> str:
    """Say how many stations have a place, and where from."""
    of_table = [m for m in matches if m.place is not None]
    text = f"{len(known)} of {len(matches)} stations"
    if table is not None:
        other = len(table) - len({m.key for m in of_table})
        text += f"; {len(of_table)} have a row in {table.name}, which has {other} others"
    return text


def _some(names: Sequence[str], separator: str = ", ", total: int | None = None) -> str:
    more = (total or len(names)) > SHOWN
    return separator.join(names[:SHOWN]) + (f"{separator}..." if more else "")
