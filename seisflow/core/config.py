"""Configuration of a stage: frozen, checked at once, and part of what a product is.

It is the one declaration of what a stage can be asked; see `seisflow.core.options`.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from seisflow.core.grid import format_time, parse_time
from seisflow.core.options import Option, groups_of, no_result, numbers_of, options_of
from seisflow.core.stations import StationPattern
from seisflow.errors import ConfigError

__all__ = ["SelectingConfig", "StageConfig", "fingerprint", "refuse_unknown"]


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
        refuse_unknown(cls, options)
        try:
            return cls.model_validate(_grouped(cls, options))
        except ValidationError as error:
            raise ConfigError("\n".join(_line(each) for each in error.errors())) from error

    @classmethod
    def options(cls) -> tuple[Option, ...]:
        """Return all that can be asked."""
        return options_of(cls)

    def resolved(self) -> dict[str, Any]:
        """Return every value that makes the product what it is, as plain JSON content."""
        return self.model_dump(mode="json", exclude=no_result(type(self)))


def refuse_unknown(config: type[StageConfig], options: Iterable[str], what: str = "") -> None:
    """Refuse options that a configuration does not have.

    Parameters
    ----------
    config : type
        The configuration.
    options : iterable of str
        Names that were given.
    what : str
        What has no such option, for the message.

    Raises
    ------
    ConfigError
        It names each of them with the one that may have been meant, and all there are.
    """
    names = [one.name for one in config.options()]
    known = {*names, *config.model_fields}
    unknown = [name for name in options if name not in known]
    if unknown:
        said = "; ".join(f"{what}no option {name!r}{_meant(name, names)}" for name in unknown)
        raise ConfigError(f"{said}; allowed: {', '.join(names)}")


def _meant(name: str, names: Sequence[str]) -> str:
    close = get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _line(error: Any) -> str:
    name, said = ".".join(map(str, error["loc"])), error["msg"].removeprefix("Value error, ")
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
            given[group] = {**given.get(group, {}), **inside}
    return given


class SelectingConfig(StageConfig):
    """Base of stages that take a part of their input.

    Parameters
    ----------
    select : tuple of str
        Globs of NET.STA.LOC.CHA such as ``AZ.*.*.??Z``; all stations by default.
    start, end : str, optional
        First time and first time not wanted any more, ISO 8601 UTC.
    """

    select: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None

    @field_validator("start", "end")
    @classmethod
    def _is_time(cls, value: str | None) -> str | None:
        return None if value is None else format_time(parse_time(value))

    @field_validator("select")
    @classmethod
    def _is_pattern(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(StationPattern(v).text for v in value)
