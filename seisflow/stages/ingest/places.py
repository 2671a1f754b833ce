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
from seisflow.core.wording import SHOWN, counted, some_names
from seisflow.errors import DataError
from seisflow.formats.coordinates import CoordinateTable, Key, apart_m
from seisflow.stages.ingest.inventory import Inventory

__all__ = ["Places", "match_places"]

CONTRADICTION_M = 100.0
"""Rows of one station and time that differ by more are not one place written in two ways."""

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
    span: Span
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
    notes: list[str] = []
    if table is not None:
        notes += _of_table(table, matches)
        notes += _refuse_contradictions(table, matches)
    notes += _moved(matches)
    notes += _disagreeing(matches)
    notes += _not_known([s for s, p in _given(matches, inventory) if _is_zero(p)])
    chosen = {m.station: _place_of(m) for m in matches}
    known = {station: place for station, place in chosen.items() if place is not None}
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
    header = [place for place in header if not _is_zero(place)]
    key, epochs = table.rows_for(station, span) if table is not None else (None, [])
    if not epochs:
        return _Match(station, None, None, tuple(header), span)
    moves = tuple(str(e) for e in epochs if apart_m(epochs[0].place, e.place) > MOVED_M)
    moves = (str(epochs[0]), *moves) if moves else ()
    return _Match(station, key, epochs[0].place, tuple(header), span, moves)


def _refuse_contradictions(table: CoordinateTable, matches: Sequence[_Match]) -> Iterator[str]:
    """Refuse rows that say places far apart of one station and time; name those close by."""
    found = [
        contradiction
        for m in matches
        if m.key
        for contradiction in table.contradictions(m.key, m.span)
    ]
    far = [text for metres, text in found if metres > CONTRADICTION_M]
    if far:
        raise DataError(
            f"station table {table.name} gives one station two positions at the same time: "
            f"{some_names(far, '; ')}; keep one, or correct their start and end times"
        )
    if found:
        texts = [text for _, text in found]
        yield f"{table.name} has rows that differ slightly: {some_names(texts, '; ')}"


def _of_table(table: CoordinateTable, matches: Sequence[_Match]) -> Iterator[str]:
    """Say what of a table is of this archive, and refuse one of which nothing is."""
    yield from table.said
    without = [m.station for m in matches if m.key is None]
    if not without:
        return
    near = NearMisses(str(key) for key in table.keys)
    misses = [_miss(table, near, station) for station in without[: SHOWN + 1]]
    unused = _n_unused(table, matches)
    text = (
        f"{len(without)} of {len(matches)} stations have no row in {table.name}: "
        f"{some_names(misses)}; {unused} of its {len(table)} rows match no station"
    )
    if len(without) == len(matches):
        raise DataError(f"{text}; give the table of this archive, or leave out --stations")
    yield text


def _miss(table: CoordinateTable, near: NearMisses, station: str) -> str:
    """Name a station without a row, with the row that comes nearest."""
    _, others = table.rows_for(station)
    if others:
        return f"{station} (its rows are for other times: {others[0]})"
    return f"{station}{near.said_of(station)}"


def _moved(matches: Sequence[_Match]) -> Iterator[str]:
    moved = [f"{m.station}: {' and '.join(m.moves)}" for m in matches if m.moves]
    if moved:
        yield (
            f"{counted(len(moved), 'station')} moved during the recording; the position held "
            f"longest is used: {some_names(moved, '; ')}"
        )
    headers = [
        f"{m.station}: {len(m.header)} positions up to {furthest:.0f} m apart"
        for m in matches
        if m.place is None
        and (furthest := max((apart_m(m.header[0], p) for p in m.header[1:]), default=0)) > MOVED_M
    ]
    if headers:
        yield (
            f"file headers give {counted(len(headers), 'station')} several positions; the most "
            f"frequent is used: {some_names(headers, '; ')}"
        )


def _disagreeing(matches: Sequence[_Match]) -> Iterator[str]:
    """Name stations that the table puts elsewhere than their files do."""
    apart = [
        f"{m.station} by {metres / 1000:.0f} km{_swapped(m.place, m.header[0])}"
        for m in matches
        if m.place is not None
        and not _is_zero(m.place)
        and m.header
        and (metres := apart_m(m.place, m.header[0])) > DISAGREES_M
    ]
    if apart:
        yield (
            f"the station table and the file headers disagree on the position of "
            f"{counted(len(apart), 'station')}; the table is used: {some_names(apart)}"
        )


def _swapped(place: Coordinates, header: Coordinates) -> str:
    """Say that longitude and latitude look swapped, where they do."""
    if abs(place.longitude) > 90:
        return ""
    other_way = Coordinates(place.latitude, place.longitude, place.elevation)
    return (
        " (longitude and latitude appear to be swapped)" if apart_m(other_way, header) < 1e4 else ""
    )


def _is_zero(place: Coordinates) -> bool:
    """Tell whether a place is exactly 0, 0, as forms and recorders leave it."""
    return (place.longitude, place.latitude) == (0, 0)


def _place_of(match: _Match) -> Coordinates | None:
    """Return the place of the table, else that of file headers, else None."""
    if match.place is not None and not _is_zero(match.place):
        return match.place
    return next(iter(match.header), None)


def _given(matches: Sequence[_Match], inventory: Inventory) -> Iterator[tuple[str, Coordinates]]:
    """Yield all places that tables and headers give, by station."""
    for match in matches:
        if match.place is not None:
            yield match.station, match.place
        for place in inventory.coordinates.get(match.station, ()):
            yield match.station, place


def _not_known(zero: Sequence[str]) -> Iterator[str]:
    names = list(dict.fromkeys(zero))
    if names:
        yield (
            f"{counted(len(names), 'station')} at exactly 0, 0; treated as having no coordinates: "
            f"{some_names(names)}"
        )


def _suspect_elevations(known: Mapping[str, Coordinates]) -> Iterator[str]:
    elevations = [p.elevation for p in known.values() if math.isfinite(p.elevation)]
    small = all(abs(e) < KM_BELOW for e in elevations)
    if small and any(round(e, 1) != e for e in elevations) and max(map(abs, elevations)) > 0.05:
        yield (
            f"elevations range from {min(elevations):g} to {max(elevations):g} m; they may be in "
            "kilometres"
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
        yield f"{counted(len(named), 'station')} far from all others: {some_names(named)}"


def _summary(
    table: CoordinateTable | None, matches: Sequence[_Match], known: Mapping[str, Coordinates]
) -> str:
    """Say how many stations have a place, and where from."""
    of_table = [m for m in matches if m.place is not None]
    text = f"{len(known)} of {len(matches)} stations"
    if table is not None:
        other = _n_unused(table, matches)
        text += f"; {len(of_table)} from {table.name}"
        text += f" ({counted(other, 'row')} not used)" if other else ""
    return text


def _n_unused(table: CoordinateTable, matches: Sequence[_Match]) -> int:
    """Count the rows that fit no station; StationXML has one of a station and one of a channel."""
    return len(table) - len({key for m in matches for key in table.keys_of(m.station)})
