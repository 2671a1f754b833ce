"""Configuration of a stage: frozen, checked at once, and part of what a product is."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from seisflow.core.grid import format_time, parse_time
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

        Raises
        ------
        ConfigError
            One line for every bad value: its name, what was found, what is allowed.
        """
        try:
            return cls.model_validate(dict(options))
        except ValidationError as error:
            lines = [
                f"{'.'.join(map(str, e['loc'])) or cls.__name__}: found {e['input']!r}: "
                f"{e['msg'].removeprefix('Value error, ')}"
                for e in error.errors()
            ]
            raise ConfigError("\n".join(lines)) from error

    def resolved(self) -> dict[str, Any]:
        """Return every value, defaults included, as plain JSON content."""
        return self.model_dump(mode="json")


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
