"""Configuration of a stage: frozen, checked at once, and part of what a product is.

It is the one declaration of what a stage can be asked; see `seisflow.core.options`.
"""

import hashlib
import json
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from seisflow.core.grid import format_time, parse_time
from seisflow.core.options import Option, groups_of, no_result, numbers_of, options_of
from seisflow.core.stations import StationPattern
from seisflow.errors import ConfigError

__all__ = ["SelectingConfig", "StageConfig", "fingerprint"]


def fingerprint(content: Any) -> str:
    """Return 32 hexadecimal digits that name JSON-able content."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class StageConfig(BaseModel):
    """Base of every stage's configuration. Unknown keys are errors; nothing changes later."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def build(cls, options: Mapping[str, Any]) -> Self:
        """Check options and return the configuration.

        Parameters
        ----------
        options : mapping
            Values by the name of the option (`seisflow.core.options.Option`).

        Raises
        ------
        ConfigError
            An option is unknown or missing, or one line for every bad value: its name, what was
            found, what is allowed.
        """
        known = {name: value for name, value in options.items() if _is_known(cls, name)}
        lines = [_unknown_line(cls, name) for name in options if name not in known]
        try:
            found = cls.model_validate(_grouped(cls, known))
        except ValidationError as error:
            lines += [_line(cls, each) for each in error.errors()]
        if lines:
            raise ConfigError("\n".join(lines))
        return found

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Return all that can be asked."""
        return options_of(cls)

    def resolved(self) -> dict[str, Any]:
        """Return every value that makes the product what it is, as plain JSON content."""
        return self.model_dump(mode="json", exclude=no_result(type(self)))


def _is_known(config: type[StageConfig], name: str) -> bool:
    return name in config.model_fields or any(one.name == name for one in config.options())


def _unknown_line(config: type[StageConfig], name: str) -> str:
    """Say that there is no such option, which one may have been meant, and all there are."""
    names = [one.name for one in config.options()]
    close = get_close_matches(name, names, n=1)
    meant = f"did you mean {close[0]!r}? " if close else ""
    return f"{name}: no such option; {meant}allowed: {', '.join(names)}"


def _line(config: type[StageConfig], error: Any) -> str:
    where = [part for part in error["loc"] if part not in groups_of(config)]
    name, said = ".".join(map(str, where)), error["msg"].removeprefix("Value error, ")
    if error["type"] == "missing":
        return f"{name} is missing: give it"
    if not name:  # of several values together, which the message names
        return str(said)
    return f"{name}: found {error['input']!r}: {said}"


def _grouped(config: type[StageConfig], options: Mapping[str, Any]) -> dict[str, Any]:
    """Put the numbers that a configuration holds in groups where they belong."""
    given = dict(options)
    for group, kinds in groups_of(config).items():
        members = {one.name for kind in kinds for one in numbers_of(kind)} - {*config.model_fields}
        inside = {name: given.pop(name) for name in members & given.keys()}
        if given.get(group) is True:
            del given[group]
        elif given.get(group, ()) in (False, None) and group in given:
            given[group] = None
            if inside:
                raise ConfigError(f"{', '.join(sorted(inside))}: asked with {group} switched off")
        if inside:
            beside = given.get(group, {})
            if not isinstance(beside, Mapping):
                names = ", ".join(sorted(inside))
                raise ConfigError(f"{names}: given beside {group} = {beside!r}; give one of them")
            given[group] = {**beside, **inside}
    return given


class SelectingConfig(StageConfig):
    """Base of stages that take a part of their input.

    Parameters
    ----------
    select : tuple of str
        Globs of NET.STA.LOC.CHA such as ``AZ.*.*.??Z``; all stations by default.
    start : str, optional
        Start of the time span, ISO 8601 UTC.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC.
    """

    select: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None

    @field_validator("select", mode="before")
    @classmethod
    def _one_or_several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("start", "end", mode="before")
    @classmethod
    def _is_said(cls, value: Any) -> Any:
        """Take a datetime, a UTCDateTime of ObsPy or a time of NumPy or pandas for its text."""
        if hasattr(value, "isoformat"):
            return value.isoformat()
        return str(value) if type(value).__name__ == "datetime64" else value

    @field_validator("start", "end")
    @classmethod
    def _is_time(cls, value: str | None) -> str | None:
        return None if value is None else format_time(parse_time(value))

    @field_validator("select")
    @classmethod
    def _is_pattern(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(StationPattern(v).text for v in value)
