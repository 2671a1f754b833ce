"""Stations: one channel of one instrument, named ``NET.STA.LOC.CHA`` as the file names it."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate

from seisflow.errors import ConfigError

__all__ = ["Coordinates", "StationPattern", "checked_place", "matches_any"]

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
        The same numbers.

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
        raise ValueError("; ".join(wrong))
    return Coordinates(longitude, latitude, elevation_m)


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
