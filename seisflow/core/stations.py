"""Stations: one channel of one instrument, named ``NET.STA.LOC.CHA`` as the file names it."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate
from typing import NamedTuple

from seisflow.core.wording import SHOWN, some_names
from seisflow.errors import ConfigError

__all__ = [
    "Coordinates",
    "NearMisses",
    "Selected",
    "StationPattern",
    "checked_place",
    "matches_any",
    "select_stations",
]

DEEPEST_M, HIGHEST_M = -12_000.0, 9_000.0
"""Elevations that a station can have: from below the deepest trench to above the highest summit."""


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where a station stands: degrees east and north (WGS 84), metres above sea level."""

    longitude: float
    latitude: float
    elevation: float


def checked_place(longitude: float, latitude: float, elevation_m: float = math.nan) -> Coordinates:
    """Return coordinates that can be a place on Earth.

    Parameters
    ----------
    longitude : float
        Degrees east, -180 to 360.
    latitude : float
        Degrees north, -90 to 90.
    elevation_m : float
        Metres above sea level, -12000 to 9000; NaN where unknown.

    Returns
    -------
    Coordinates
        The same numbers, the longitude within -180 to 180 (180 itself is -180).

    Raises
    ------
    ValueError
        A number is out of range or not finite; the message names all that are.
    """
    wrong = []
    if not -180 <= longitude <= 360:
        wrong.append(f"longitude {longitude:.9g} is not within -180..360 degrees")
    if not -90 <= latitude <= 90:
        wrong.append(f"latitude {latitude:.9g} is not within -90..90 degrees")
    if not (math.isnan(elevation_m) or DEEPEST_M <= elevation_m <= HIGHEST_M):
        allowed = f"{DEEPEST_M:.0f}..{HIGHEST_M:.0f} m"
        wrong.append(f"elevation {elevation_m:.9g} m is not within {allowed}")
    if wrong:
        swapped = -90 <= longitude <= 90 < abs(latitude) <= 180
        hint = "; are longitude and latitude swapped?" if swapped else ""
        raise ValueError("; ".join(wrong) + hint)
    return Coordinates(longitude - 360 if longitude >= 180 else longitude, latitude, elevation_m)


class StationPattern:
    """A selection of stations such as ``AZ.*.*.??Z``: four globs, one for each part of the name.

    Raises
    ------
    ConfigError
        The pattern does not have four parts.
    """

    def __init__(self, text: str) -> None:
        parts = text.split(".")
        if len(parts) != 4:
            raise ConfigError(
                f"--select {text!r} has {len(parts)} parts; a station is NET.STA.LOC.CHA, so give "
                "four parts, each a name or a glob, for example 'AZ.*.*.??Z'"
            )
        self.text = text
        self._parts = [re.compile(translate(p)) for p in parts]

    def matches(self, station: str) -> bool:
        """Tell whether a station's name fits all four globs."""
        names = station.split(".", 3)
        return all(p.match(n) for p, n in zip(self._parts, names, strict=True))


def matches_any(
    station: str, patterns: Sequence[StationPattern] | Iterable[StationPattern]
) -> bool:
    """Tell whether a station fits one of the patterns; no patterns select everything."""
    patterns = list(patterns)
    return not patterns or any(p.matches(station) for p in patterns)


class Selected(NamedTuple):
    """Rows of the stations that patterns select, and what is to be said of the patterns."""

    rows: tuple[int, ...]
    notes: tuple[str, ...] = ()


def select_stations(names: Sequence[str], select: Sequence[str], where: str) -> Selected:
    """Select stations by globs.

    Parameters
    ----------
    names : sequence of str
        ``NET.STA.LOC.CHA``.
    select : sequence of str
        Globs as `StationPattern` takes them; none select everything.
    where : str
        What has these stations, for messages.

    Returns
    -------
    Selected
        Rows in order; a note names each pattern that matches nothing.

    Raises
    ------
    ConfigError
        None is selected.
    """
    patterns = [StationPattern(text) for text in select]
    fitting = [{i for i, name in enumerate(names) if p.matches(name)} for p in patterns]
    rows = sorted(set().union(*fitting)) if patterns else range(len(names))
    near = NearMisses(names)
    idle = [p.text for p, found in zip(patterns, fitting, strict=True) if not found]
    misses = [f"{text}{near.said_of(text)}" for text in idle]
    if not rows:
        raise ConfigError(
            f"no station matches --select {' '.join(misses)}; {where} has {len(names)}: "
            f"{some_names(names)}"
        )
    return Selected(tuple(rows), tuple(f"--select {miss} matches no station" for miss in misses))


class NearMisses:
    """Names of stations that differ from a name in what people and programs write differently.

    Parameters
    ----------
    names : iterable of str
        ``STA``, ``NET.STA`` or ``NET.STA.LOC.CHA``.
    """

    def __init__(self, names: Iterable[str]) -> None:
        self._by_plain: dict[str, str] = {}
        for name in names:
            self._by_plain.setdefault(_plain_code(name), name)

    def said_of(self, name: str) -> str:
        """Return ``" (nearest: ...)"`` with the name nearest to one, or nothing."""
        found = self._by_plain.get(_plain_code(name))
        return "" if found is None else f" (nearest: {found}, {_difference(name, found)})"

    def named(self, names: Sequence[str]) -> str:
        """Join the first of some names, each with the one nearest to it."""
        return some_names([f"{name}{self.said_of(name)}" for name in names[: SHOWN + 1]])


def _codes(name: str) -> tuple[str, str]:
    """Return network and station code of STA, NET.STA or more."""
    first, dot, rest = name.partition(".")
    return (first, rest.partition(".")[0]) if dot else ("", first)


def _plain_code(name: str) -> str:
    """Return the station code without what is written one way or another."""
    return _codes(name)[1].strip(" -_").upper().lstrip("0")


def _difference(name: str, found: str) -> str:
    (network, station), (other_network, other_station) = _codes(name), _codes(found)
    if station != other_station:
        return "in another case" if station.upper() == other_station.upper() else "with other zeros"
    if network != other_network and "*" not in (network, other_network):
        return "of another network" if network and other_network else "with a network"
    return "of another location or channel"
