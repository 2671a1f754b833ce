"""Patterns of stations, codes on the disk, and configurations that say all that is wrong."""

import math
import re
from pathlib import Path

import pytest
from pydantic import Field, ValidationError, model_validator

from seisflow.core.classes import Label, NoData, State, Undetermined, flag_attributes
from seisflow.core.config import StageConfig, fingerprint
from seisflow.core.options import PathOption, argument
from seisflow.core.stations import Coordinates, StationPattern, checked_place, matches_any
from seisflow.errors import ConfigError, DataError, ExitCode, IncompleteError, StorageError


@pytest.mark.parametrize(
    ("pattern", "station", "fits"),
    [
        ("AZ.*.*.??Z", "AZ.BZN..HHZ", True),
        ("AZ.*.*.??Z", "AZ.BZN..HHN", False),
        ("AZ.*.*.??Z", "AZ.BZN..HZ", False),
        ("AZ.*..*", "AZ.BZN.00.HHZ", False),
        ("*.R01??.*.*", "ZG.R0101..DPZ", True),
        (".SMN.00.HHZ", ".SMN.00.HHZ", True),
        ("*.*.*.*", "...", True),
        ("AZ.B[YZ]N.*.*", "AZ.BXN..HHZ", False),
        ("az.*.*.*", "AZ.BZN..HHZ", False),
        ("A.B.C.D", "A.B.C.DE", False),
    ],
)
def test_pattern(pattern: str, station: str, fits: bool) -> None:
    assert StationPattern(pattern).matches(station) is fits


@pytest.mark.parametrize("text", ["AZ.*.*", "*", "", "A.B.C.D.E"])
def test_a_pattern_has_four_parts(text: str) -> None:
    with pytest.raises(ConfigError, match=r"has \d parts; a station is NET.STA.LOC.CHA"):
        StationPattern(text)


def test_no_patterns_select_everything() -> None:
    assert matches_any("A.B.C.D", [])
    patterns = iter([StationPattern("X.*.*.*"), StationPattern("A.*.*.*")])
    assert matches_any("A.B.C.D", patterns)
    assert not matches_any("A.B.C.D", [StationPattern("X.*.*.*")])


class Small(StageConfig):
    name: str
    rate: float = Field(default=10.0, gt=0)
    parts: tuple[int, ...] = ()


def test_every_bad_value_is_reported_at_once() -> None:
    options = {"rate": -1, "parts": (1, "x"), "colour": "red"}
    with pytest.raises(ConfigError) as caught:
        Small.build(options)
    lines = str(caught.value).splitlines()
    named = sorted(line.split(":")[0] for line in lines)
    assert named == ["colour", "name is missing", "parts.1", "rate"]
    assert "rate: found -1: Input should be greater than 0" in lines


class Range(StageConfig):
    low: float = 1.0
    high: float = 2.0
    table: PathOption | None = argument("PATH", default=None, is_named=True)

    @model_validator(mode="after")
    def _is_a_range(self) -> "Range":
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} must be below high {self.high:g}")
        return self


def test_values_that_do_not_fit_together_are_reported_without_all_the_others() -> None:
    with pytest.raises(ConfigError) as caught:
        Range.build({"low": 5})
    assert str(caught.value) == "low 5 must be below high 2"


def test_a_path_that_may_be_left_out_is_an_option_with_a_path() -> None:
    (option,) = [one for one in Range.options() if one.name == "table"]
    assert (option.is_path, option.is_argument, option.is_required) == (True, False, False)
    assert Range.build({"table": "a/b.csv"}).table == Path.cwd() / "a" / "b.csv"
    assert Range.build({}).resolved() == {"low": 1.0, "high": 2.0}


def test_numbers_of_a_configuration_are_finite() -> None:
    for bad in (math.nan, math.inf):
        with pytest.raises(ConfigError, match="rate"):
            Small.build({"name": "a", "rate": bad})


def test_a_configuration_does_not_change_and_says_all_of_itself() -> None:
    config = Small.build({"name": "a"})
    with pytest.raises(ValidationError):
        config.name = "b"  # type: ignore[misc]
    assert config.resolved() == {"name": "a", "rate": 10.0, "parts": []}


def test_fingerprint_names_content_not_its_order() -> None:
    assert fingerprint({"a": 1, "b": [2]}) == fingerprint({"b": [2], "a": 1})
    others = [{"a": 1, "b": [3]}, {"a": 1}, {"a": "1", "b": [2]}, ["a", 1]]
    assert len({fingerprint(c) for c in [{"a": 1, "b": [2]}, *others]}) == 5
    assert len(fingerprint(None)) == 32


def test_codes_on_the_disk_are_those_promised() -> None:
    assert [(c.name.lower(), int(c)) for c in Label] == [
        ("random_noise", 0), ("mixed", 1), ("not_random_noise", 2), ("undetermined", 252),
        ("no_data", 253), ("failed", 254), ("not_run", 255),
    ]  # fmt: skip
    assert Undetermined.NOT_RUN == NoData.NOT_RUN == State.NOT_RUN == Label.NOT_RUN
    attributes = flag_attributes(State)
    assert attributes == {"flag_values": [0, 254, 255], "flag_meanings": "ready failed not_run"}
    assert all(type(v) is int for v in attributes["flag_values"])


def test_errors_are_builtin_errors_with_exit_codes() -> None:
    assert issubclass(ConfigError, ValueError)
    assert issubclass(StorageError, OSError)
    codes = [e.exit_code for e in (ConfigError, DataError, IncompleteError, StorageError)]
    assert codes == [ExitCode.CONFIG, ExitCode.DATA, ExitCode.INCOMPLETE, ExitCode.INCOMPLETE]


@pytest.mark.parametrize(
    "place",
    [(-180.0, -90.0, -12_000.0), (179.9, 90.0, 9000.0), (0.0, 0.0, 0.0), (175.3, -43.5, 62.0)],
)
def test_a_place_on_earth_is_kept_as_it_is(place: tuple[float, float, float]) -> None:
    assert checked_place(*place) == Coordinates(*place)
    assert math.isnan(checked_place(*place[:2]).elevation)


@pytest.mark.parametrize(("longitude", "same"), [(180.0, -180.0), (243.5, -116.5), (360.0, 0.0)])
def test_longitudes_beyond_180_are_those_of_the_west(longitude: float, same: float) -> None:
    assert checked_place(longitude, 33.5).longitude == same


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ((400.0, 10.0, 0.0), ["longitude 400"]),
        ((-180.1, 10.0, 0.0), ["longitude -180.1"]),
        ((10.0, 95.0, 0.0), ["latitude 95"]),
        ((10.0, -90.5, math.nan), ["latitude -90.5"]),
        ((math.nan, math.inf, 0.0), ["longitude nan", "latitude inf"]),
        ((400.0, 95.0, 9001.0), ["longitude 400", "latitude 95", "elevation 9001 m"]),
        ((1.0, 2.0, -12_345.0), ["elevation -12345 m"]),
        ((1.0, 2.0, math.inf), ["elevation inf"]),
    ],
)
def test_what_is_no_place_on_earth_is_refused_with_all_its_faults(
    place: tuple[float, float, float], named: list[str]
) -> None:
    with pytest.raises(ValueError, match=re.escape(named[0])) as refusal:
        checked_place(*place)
    assert all(name in str(refusal.value) for name in named)
    assert str(refusal.value).count("is not within") == len(named)
