"""Station tables: coordinates from CSV or StationXML, looked up by ``NET.STA.LOC.CHA``.

Invariant: a row that names fewer codes stands for all stations that share the codes it names;
where several rows fit, the one that names most codes wins.
"""

import csv
import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

from seisflow.core.files import AnyPath
from seisflow.core.stations import Coordinates
from seisflow.errors import ConfigError
from seisflow.formats.quiet_obspy import read_inventory

__all__ = ["CoordinateTable", "read_coordinates"]

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "network": ("network", "net", "network_code"),
    "station": ("station", "sta", "station_code", "id", "name"),
    "location": ("location", "loc", "location_code"),
    "channel": ("channel", "cha", "chan", "channel_code"),
    "latitude": ("latitude", "lat", "latitude_deg"),
    "longitude": ("longitude", "lon", "long", "lng", "longitude_deg"),
    "elevation": ("elevation", "elev", "elev_m", "elevation_m"),
}
"""Column headings understood, in lower case."""

REQUIRED = ("station", "latitude", "longitude")

Key = tuple[str | None, str, str | None, str | None]
"""Network, station, location and channel; None where the table does not say."""


class CoordinateTable:
    """Coordinates by the codes a table names."""

    def __init__(self, rows: Mapping[Key, Coordinates]) -> None:
        self._rows = dict(rows)

    def __len__(self) -> int:
        return len(self._rows)

    def lookup(self, station: str) -> Coordinates | None:
        """Return the coordinates of ``NET.STA.LOC.CHA``, or None.

        A row fits if every code it names is the station's. A row with an empty network fits
        stations of any network, because archives and tables often disagree about it.
        """
        network, name, location, channel = station.split(".", 3)
        for cha in (channel, None):
            for loc in (location, None):
                for net in (network, None):
                    found = self._rows.get((net, name, loc, cha))
                    if found is not None:
                        return found
        return None


def read_coordinates(path: AnyPath) -> CoordinateTable:
    """Read a station table.

    Parameters
    ----------
    path : Path
        CSV with headings (`HEADINGS`; elevation may be missing and is then NaN; a ``station`` cell
        may hold a whole ``NET.STA.LOC.CHA``), or StationXML.

    Returns
    -------
    CoordinateTable
        With a `CoordinateTable.lookup`.

    Raises
    ------
    ConfigError
        The file is missing, is of neither kind, lacks a column, or holds what is no coordinate.
    """
    try:
        with path.open("rb") as file:
            head = file.read(4096)
    except OSError as error:
        raise ConfigError(
            f"station table {path} cannot be opened: {error.strerror or error}; give a CSV or "
            "StationXML"
        ) from error
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        return CoordinateTable(dict(_stationxml_rows(path)))
    return CoordinateTable(_csv_rows(path))


def _csv_rows(path: AnyPath) -> dict[Key, Coordinates]:
    """Read a CSV table; all rows that are wrong are reported at once."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(line for line in file if not line.startswith("#"))
            columns = _columns(path, reader.fieldnames or ())
            rows: dict[Key, Coordinates] = {}
            wrong: list[str] = []
            for row in reader:
                cells = {name: (row.get(column) or "").strip() for name, column in columns.items()}
                try:
                    rows[_key(cells)] = _place(cells)
                except ValueError as error:
                    wrong.append(f"line {reader.line_num}: {error}")
    except UnicodeDecodeError as error:
        raise ConfigError(f"station table {path} is neither CSV text nor StationXML") from error
    if wrong:
        raise ConfigError(f"station table {path}: {'; '.join(wrong[:5])} ({len(wrong)} bad rows)")
    return rows


def _columns(path: AnyPath, found: Any) -> dict[str, str]:
    """Match the headings of a table with the ones understood."""
    by_name = {str(heading).strip().lower(): str(heading) for heading in found}
    columns = {
        name: next(by_name[h] for h in headings if h in by_name)
        for name, headings in HEADINGS.items()
        if any(h in by_name for h in headings)
    }
    missing = [name for name in REQUIRED if name not in columns]
    if missing:
        allowed = "; ".join(f"{name}: {', '.join(HEADINGS[name])}" for name in missing)
        raise ConfigError(
            f"station table {path} has no column for {', '.join(missing)}; found headings "
            f"{', '.join(by_name) or 'none'}; allowed are {allowed}"
        )
    return columns


def _key(cells: Mapping[str, str]) -> Key:
    """Make the key of a row; a dotted station cell holds all four codes."""
    station = cells["station"]
    if station.count(".") == 3:
        network, name, location, channel = station.split(".")
        return network or None, name, location, channel
    if station.count(".") == 1 and not cells.get("network"):
        network, name = station.split(".")
        return network or None, name, None, None
    if not station:
        raise ValueError("no station code")
    location = cells.get("location", "")
    return (
        cells.get("network") or None,
        station,
        ("" if location == "--" else location) or None,
        cells.get("channel") or None,
    )


def _place(cells: Mapping[str, str]) -> Coordinates:
    """Make coordinates from the cells of a row."""
    latitude, longitude = float(cells["latitude"]), float(cells["longitude"])
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 360):
        raise ValueError(
            f"latitude {latitude} and longitude {longitude} are not degrees within -90..90 and "
            "-180..360"
        )
    elevation = cells.get("elevation", "")
    return Coordinates(longitude, latitude, float(elevation) if elevation else math.nan)


def _stationxml_rows(path: AnyPath) -> Iterator[tuple[Key, Coordinates]]:
    """Yield stations and channels of a StationXML file; later epochs replace earlier ones."""
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
            yield (network.code, station.code, None, None), _place_of(station)
            for channel in station.channels:
                if channel.latitude is not None and channel.longitude is not None:
                    location = channel.location_code or ""
                    key = (network.code, station.code, location, channel.code)
                    yield key, _place_of(channel)


def _place_of(item: Any) -> Coordinates:
    """Return the coordinates of an obspy station or channel."""
    elevation = math.nan if item.elevation is None else float(item.elevation)
    return Coordinates(float(item.longitude), float(item.latitude), elevation)
