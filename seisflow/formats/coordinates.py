"""Station tables: coordinates from CSV or StationXML, looked up by ``NET.STA.LOC.CHA`` and time.

Invariants: a row that names fewer codes stands for all stations that share the codes it names;
where several rows fit, the one that names most codes wins. A row holds for its epoch alone.
"""

import math
import warnings
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np

from seisflow.core.files import AnyPath
from seisflow.core.geometry import surface_distance_km
from seisflow.core.grid import DAY_NS, Span, format_time, parse_time
from seisflow.core.stations import Coordinates, checked_place
from seisflow.errors import ConfigError, DataError
from seisflow.formats.obspy_import import read_inventory
from seisflow.formats.tables import (
    NOTHING,
    Cells,
    Table,
    TableKind,
    code,
    gather,
    is_xml,
    number,
    read_table,
)

__all__ = ["CoordinateTable", "Epoch", "apart_m", "read_coordinates"]

KIND = TableKind(
    "station table",
    {
        "network": ("network", "net", "network_code"),
        "station": ("station", "sta", "station_code", "station_id", "trace_id", "id", "name"),
        "location": ("location", "loc", "location_code"),
        "channel": ("channel", "cha", "chan", "channel_code"),
        "latitude": ("latitude", "lat", "latitude_deg"),
        "longitude": ("longitude", "lon", "long", "lng", "longitude_deg"),
        "elevation": ("elevation", "elev", "elev_m", "elevation_m"),
        "start": ("start", "start_time", "starttime", "start_date", "startdate", "ondate"),
        "end": ("end", "end_time", "endtime", "end_date", "enddate", "offdate"),
    },
    (("station", "latitude", "longitude"),),
    "StationXML",
)

SAME_PLACE_M = 1.0
"""Rows that differ by less say the same place."""

OPEN = ("present", "now", "open", *NOTHING)
"""Words for an epoch that has not ended."""

NO_ELEVATION_M = (-12_345.0, -9999.0, -999.0, -99_999.0)
"""Numbers that stand for an elevation that is not known."""

FIRST_YEAR, LAST_YEAR = 1678, 2262
"""Epochs said to start before, or to end in or after them (2599 is in use), are open."""

EARLIEST_NS, LATEST_NS = -(2**63), 2**63 - 1


class Key(NamedTuple):
    """The codes a row names; None where it does not say."""

    network: str | None
    station: str
    location: str | None
    channel: str | None

    def __str__(self) -> str:
        codes = ("*" if code is None else code for code in self)
        return ".".join(codes).removesuffix(".*.*").removeprefix("*.")


@dataclass(frozen=True)
class Epoch:
    """A place and the time it holds for, ns since 1970; the end is exclusive."""

    place: Coordinates
    start_ns: int = EARLIEST_NS
    end_ns: int = LATEST_NS

    def overlap_ns(self, span: Span | None) -> int:
        """Return how long the epoch and a span have in common; of no span, how long it is."""
        if span is None:
            return self.end_ns - self.start_ns
        return max(0, min(self.end_ns, span.end_ns) - max(self.start_ns, span.start_ns))

    def __str__(self) -> str:
        start = "" if self.start_ns == EARLIEST_NS else f" from {format_time(self.start_ns)}"
        end = "" if self.end_ns == LATEST_NS else f" to {format_time(self.end_ns)}"
        return f"{self.place.latitude:.8g}, {self.place.longitude:.8g}{start}{end}"


class CoordinateTable:
    """Coordinates by the codes and epochs a table names."""

    def __init__(
        self, rows: Mapping[Key, Sequence[Epoch]], said: tuple[str, ...] = (), name: str = ""
    ) -> None:
        self._rows = {key: tuple(epochs) for key, epochs in rows.items()}
        self.said = said
        self.name = name

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def keys(self) -> tuple[Key, ...]:
        """The codes of all rows."""
        return tuple(self._rows)

    def rows_for(self, station: str, span: Span | None = None) -> tuple[Key | None, list[Epoch]]:
        """Return the rows that hold for a station in a span of time.

        Parameters
        ----------
        station : str
            ``NET.STA.LOC.CHA``.
        span : Span, optional
            When; any time by default.

        Returns
        -------
        key : Key or None
            The codes of the rows: of those that fit and hold at the time, the most.
        epochs : list of Epoch
            Those that hold in some of the span, the longest in it first; several where the
            station moved.
        """
        for key in self.keys_of(station):
            here = [e for e in self._rows[key] if e.overlap_ns(span) > 0]
            if here:
                return key, sorted(here, key=lambda e: -e.overlap_ns(span))
        return None, []

    def keys_of(self, station: str) -> Iterator[Key]:
        """Yield the codes of all rows that fit ``NET.STA.LOC.CHA``, those of most codes first."""
        network, name, location, channel = station.split(".", 3)
        for cha, loc, net in product((channel, None), (location, None), (network, None)):
            key = Key(net, name, loc, cha)
            if key in self._rows:
                yield key

    def lookup(self, station: str, span: Span | None = None) -> Coordinates | None:
        """Return the coordinates of ``NET.STA.LOC.CHA`` for most of a span of time, or None.

        A row fits if every code it names is the station's. A row with an empty network fits
        stations of any network, because archives and tables often disagree about it.
        """
        _, epochs = self.rows_for(station, span)
        return epochs[0].place if epochs else None

    def contradictions(self, key: Key, span: Span) -> list[tuple[float, str]]:
        """Return how far apart, m, rows of the same codes say one station is at one time in a span.

        Text names the rows.
        """
        found: list[tuple[float, str]] = []
        latest: Epoch | None = None
        held = (e for e in self._rows.get(key, ()) if e.overlap_ns(span) > 0)
        for epoch in sorted(held, key=lambda e: e.start_ns):
            if latest is not None and max(epoch.start_ns, span.start_ns) < latest.end_ns:
                metres = apart_m(latest.place, epoch.place)
                if metres > SAME_PLACE_M:
                    found.append((metres, f"{key} at {latest} and at {epoch}"))
                if epoch.end_ns <= latest.end_ns:
                    continue
            latest = epoch
        return found


def read_coordinates(path: AnyPath) -> CoordinateTable:
    """Read a station table.

    Parameters
    ----------
    path : Path
        StationXML, or a table with headings (`KIND`; separators and encodings as
        `seisflow.formats.tables.read_table` takes them, so FDSN's text format is one). Elevation
        may be missing and is then NaN; a ``station`` cell may hold NET.STA, NET.STA.LOC or
        NET.STA.LOC.CHA, with ``--`` for an empty location; an epoch may have a start and an end.

    Returns
    -------
    CoordinateTable
        With a `CoordinateTable.lookup`. Longitudes lie within -180 to 180 degrees.

    Raises
    ------
    ConfigError
        The file is missing, is of neither kind, lacks a column, holds no row, or holds what is no
        coordinate.
    """
    if is_xml(path, KIND.what, "give a CSV or StationXML"):
        xml: Table[tuple[Key, Epoch]] = gather(_stationxml_rows(path))
        said = [f"{path.name}: a row left out: {problem}" for problem in xml.problems[:5]]
        return CoordinateTable(_by_key(xml.rows), tuple(said), path.name)
    try:
        found: Table[tuple[Key, Epoch]] = read_table(path, KIND, _of_row)
    except DataError as error:
        raise ConfigError(str(error)) from error
    if found.problems:
        some = "; ".join(found.problems[:5])
        raise ConfigError(f"station table {path}: {some} ({len(found.problems)} bad rows)")
    if not found.rows:
        raise ConfigError(f"station table {path} has headings and no row; give a row per station")
    return CoordinateTable(_by_key(found.rows), found.said(path), path.name)


def _by_key(rows: Iterable[tuple[Key, Epoch]]) -> dict[Key, list[Epoch]]:
    found: dict[Key, list[Epoch]] = defaultdict(list)
    for key, epoch in rows:
        found[key].append(epoch)
    return found


def apart_m(a: Coordinates, b: Coordinates) -> float:
    """Return the distance of two places along the surface, in metres."""
    there = np.array([b.longitude]), np.array([b.latitude])
    return 1000 * float(surface_distance_km(a.longitude, a.latitude, *there)[0])


def _of_row(cells: Cells) -> Iterator[tuple[Key, Epoch]]:
    latitude, longitude = number(cells, "latitude"), number(cells, "longitude")
    if math.isnan(latitude) or math.isnan(longitude):
        raise ValueError("no latitude or no longitude")
    place = checked_place(longitude, latitude, _elevation_m(number(cells, "elevation")))
    yield _key(cells), Epoch(place, *_epoch(cells.get("start", ""), cells.get("end", "")))


def _elevation_m(value: float) -> float:
    return math.nan if value in NO_ELEVATION_M else value


def _epoch(start: str, end: str) -> tuple[int, int]:
    """Return when an epoch starts and ends; years beyond our calendar are open, like no end.

    An end that equals the start, as of days, ends a day later.
    """
    is_open = end.lower() in OPEN or not end or _year(end) >= LAST_YEAR
    from_ever = start.lower() in NOTHING or not start or _year(start) < FIRST_YEAR
    start_ns = EARLIEST_NS if from_ever else parse_time(start)
    end_ns = LATEST_NS if is_open else parse_time(end)
    if start_ns == end_ns:
        end_ns += DAY_NS
    if start_ns > end_ns:
        raise ValueError(f"its epoch ends ({end}) before it starts ({start})")
    return start_ns, end_ns


def _year(text: str) -> int:
    return int(text[:4]) if text[:4].isdigit() else FIRST_YEAR


def _key(cells: Cells) -> Key:
    """Make the key of a row; a dotted station cell holds two, three or four codes."""
    codes = code(cells, "station").split(".")
    if len(codes) == 1:
        codes = ["", *codes]
    if len(codes) > 4 or not codes[1]:
        raise ValueError(f"no station code in {cells['station']!r}; give STA or NET.STA.LOC.CHA")
    network = codes[0] or cells.get("network", "")
    location = codes[2] or "--" if len(codes) > 2 else cells.get("location", "")
    channel = codes[3] if len(codes) > 3 else cells.get("channel", "")
    return Key(_any(network), codes[1], _location(location), _any(channel))


def _any(text: str) -> str | None:
    """Return a code; None where it is empty or stands for any."""
    if "?" in text or ("*" in text and text != "*"):
        raise ValueError(f"{text!r} is no code; write it out, or leave it empty for any")
    return text if text not in ("", "*") else None


def _location(text: str) -> str | None:
    """Return a location code, of which ``--`` is the empty one."""
    return "" if text == "--" else _any(text)


def _stationxml_rows(path: AnyPath) -> Iterator[tuple[Key, Epoch] | ValueError]:
    """Yield the epochs of stations and channels of a StationXML file."""
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")
            inventory: Any = read_inventory(file, format="STATIONXML")
    except Exception as error:
        raise ConfigError(
            f"station table {path} cannot be read as StationXML ({type(error).__name__}: {error}); "
            "give a StationXML file or a CSV"
        ) from error
    for network in inventory:
        for station in network:
            key = Key(network.code, station.code, None, None)
            yield from _epochs_of(key, station)
            for channel in station.channels:
                if channel.latitude is not None and channel.longitude is not None:
                    location = channel.location_code or ""
                    key = Key(network.code, station.code, location, channel.code)
                    yield from _epochs_of(key, channel)


def _epochs_of(key: Key, item: Any) -> Iterator[tuple[Key, Epoch] | ValueError]:
    """Yield the epoch of an obspy station or channel; one of no length holds for nothing."""
    elevation = math.nan if item.elevation is None else _elevation_m(float(item.elevation))
    try:
        place = checked_place(float(item.longitude), float(item.latitude), elevation)
    except ValueError as error:
        yield ValueError(f"{key}: {error}")
        return
    start_ns = EARLIEST_NS if item.start_date is None else int(item.start_date.ns)
    end_ns = LATEST_NS if item.end_date is None else min(int(item.end_date.ns), LATEST_NS)
    if start_ns < end_ns:
        yield key, Epoch(place, max(start_ns, EARLIEST_NS), end_ns)
