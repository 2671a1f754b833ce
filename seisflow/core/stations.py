"""Stations: one channel of one instrument, named ``NET.STA.LOC.CHA`` as the file names it."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import translate

from seisflow.errors import ConfigError

__all__ = ["Coordinates", "StationPattern", "matches_any"]


@dataclass(frozen=True, slots=True)
class Coordinates:
    """Where a station stands: degrees east and north (WGS 84), metres above sea level."""

    longitude: float
    latitude: float
    elevation: float


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
