"""Numbers of SAC headers, checked against what they can be; and the footer of version 7."""

import math
import warnings
from pathlib import Path

import numpy as np
import pytest
from format_samples import START_NS, noise, read_all, sac_file
from obspy import UTCDateTime
from obspy.io.sac import SACTrace
from obspy.io.sac.util import SacHeaderTimeError, get_sac_reftime

from seisflow.core.grid import format_time
from seisflow.formats.readers import scan_file

VALUES = noise(1000, dtype="float32")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.sac"


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("nzmsec", 490_000, "millisecond 490000"),
        ("nzmsec", -1, "millisecond -1"),
        ("nzjday", 366, "day 366 of 2023 is not within 1..365"),
        ("nzjday", 0, "day 0 of 2023"),
        ("nzhour", 99, "hour 99"),
        ("nzhour", 24, "hour 24"),
        ("nzmin", 60, "minute 60"),
        ("nzsec", 60, "second 60"),
        ("nzsec", -5, "second -5"),
        ("nzyear", 20_230, "year 20230"),
        ("nzyear", -2023, "year -2023"),
    ],
)
def test_a_time_that_cannot_be_is_named_and_obspy_takes_it_for_none(
    path: Path, order: str, field: str, value: int, named: str
) -> None:
    content = sac_file(VALUES, order=order, **{field: value})
    path.write_bytes(content)
    scan = scan_file(path)
    (problem,) = scan.problems
    assert scan.segments == ()
    assert str(problem).startswith(f"{path}: SAC header with a time that cannot be: {named}")
    assert f"{field.upper()}={value}" in problem.reason
    reference = {"nzhour": 0, "nzmin": 0, "nzsec": 0, "nzmsec": 0, field: value}
    with pytest.raises(SacHeaderTimeError):
        get_sac_reftime({"nzyear": 2023, "nzjday": 319} | reference)


@pytest.mark.parametrize(
    ("header", "named"),
    [
        ({"b": math.inf}, "B=inf"),
        ({"b": math.nan}, "B=nan"),
        ({"b": 1e30}, "a start in no calendar year"),
        ({"b": -4e9}, "a start in about the year 1897 is not within 1900..2100"),
        ({"nzyear": 14}, "year 14 is not within 1900..2100"),
        ({"delta": 0.0}, "DELTA=0.0; it must be above 0"),
        ({"delta": math.nan}, "DELTA=nan; it must be above 0"),
        ({"delta": math.inf}, "a sample interval of inf"),
        ({"delta": 1e-20}, "a rate of 1e+20 Hz"),
        ({"npts": 0}, "NPTS=0"),
        ({"npts": -7}, "NPTS=-7"),
        ({"nvhdr": 5}, "NVHDR=5; read are 6 and 7"),
        ({"nvhdr": 8}, "NVHDR=8; read are 6 and 7"),
    ],
)
def test_a_number_that_cannot_be_is_named(path: Path, header: dict[str, float], named: str) -> None:
    path.write_bytes(sac_file(VALUES, **header))
    scan = scan_file(path)
    (problem,) = scan.problems
    assert (scan.format, scan.segments) == ("SAC", ())
    assert named in problem.reason
    assert "that cannot be read" not in problem.reason


def test_a_year_of_two_digits_is_that_of_obspy(path: Path) -> None:
    path.write_bytes(sac_file(VALUES, nzyear=81))
    (segment,) = scan_file(path).segments
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = SACTrace.read(str(path)).reftime
    assert segment.start_ns == truth.ns == UTCDateTime(1981, julday=319).ns


def test_a_leap_second_is_the_first_of_the_next_day(path: Path) -> None:
    last = {"nzyear": 2016, "nzjday": 366, "nzhour": 23, "nzmin": 59, "nzsec": 60}
    path.write_bytes(sac_file(VALUES, **last))
    (segment,) = scan_file(path).segments
    assert format_time(segment.start_ns) == "2017-01-01T00:00:00Z"


def test_an_end_that_was_left_as_it_was_changes_nothing(path: Path) -> None:
    """As in ``dis.G.SCZ.__.BHE_short``, which obspy reads by NPTS and DELTA."""
    path.write_bytes(sac_file(VALUES, e=3987.05))
    scan = scan_file(path)
    assert scan.problems == ()
    (segment,) = scan.segments
    assert (segment.n_samples, segment.rate_hz) == (1000, 100.0)


@pytest.mark.parametrize("order", "<>")
def test_begin_time_and_place_of_version_7_are_those_of_the_footer(path: Path, order: str) -> None:
    begin, longitude, latitude = 86123.456789, 175.123456789, -39.987654321
    footer = {"b": begin, "delta": 0.01, "stlo": longitude, "stla": latitude}
    path.write_bytes(sac_file(VALUES, order=order, footer=footer))
    reading = read_all(path)
    assert reading.problems == []
    (segment,) = reading.scan.segments
    assert segment.start_ns == START_NS + 86_123_456_789_000
    assert (segment.n_samples, segment.rate_hz) == (1000, 100.0)
    assert reading.values[".STA.."].tobytes() == VALUES.tobytes()
    place = reading.scan.coordinates[".STA.."]
    assert (place.longitude, place.latitude) == (longitude, latitude)


@pytest.mark.parametrize("n_missing", [176, 1])
def test_a_footer_that_is_cut_off_is_named_with_what_it_costs(path: Path, n_missing: int) -> None:
    content = sac_file(VALUES, footer={"b": 86123.456789})
    path.write_bytes(content[:-n_missing])
    reading = read_all(path)
    (problem,) = reading.problems
    assert "without its footer of 176 bytes" in problem.reason
    assert "off by 0.004 s" in problem.reason
    assert problem.byte == path.stat().st_size
    assert np.array_equal(reading.values[".STA.."], VALUES)
    rounded_ns = round(float(np.float32(86123.456789)) * 1e9)
    assert abs(reading.scan.segments[0].start_ns - START_NS - rounded_ns) < 4_000_000


@pytest.mark.parametrize("changed", [{"b": 12.0}, {"delta": 0.02}, {"stla": 10.0}])
def test_a_footer_of_other_values_than_the_header_is_refused(
    path: Path, changed: dict[str, float]
) -> None:
    footer = {"b": 5.0, "delta": 0.01, "stlo": 1.0, "stla": 2.0}
    path.write_bytes(sac_file(VALUES, footer=footer, **changed))
    scan = scan_file(path)
    (problem,) = scan.problems
    (name,) = changed
    assert scan.segments == ()
    assert f"SAC footer with {name.upper()}={footer[name]}" in problem.reason


def test_bytes_after_the_footer_are_counted(path: Path) -> None:
    path.write_bytes(sac_file(VALUES, footer={}) + bytes(8))
    (problem,) = read_all(path).problems
    assert problem.reason == "8 bytes more than the header's 1000 samples; not used"
    assert problem.byte == 632 + 4000 + 176


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ({"stla": 95.0, "stlo": 10.0}, "latitude 95 is not within -90..90 degrees"),
        ({"stla": 10.0, "stlo": 400.0}, "longitude 400 is not within -180..360 degrees"),
        ({"stla": math.nan, "stlo": 10.0}, "latitude nan"),
        ({"stla": 10.0, "stlo": 10.0, "stel": 1e6}, "elevation 1000000 m"),
    ],
)
def test_a_place_that_cannot_be_is_named_and_the_samples_are_used(
    path: Path, place: dict[str, float], named: str
) -> None:
    path.write_bytes(sac_file(VALUES, **place))
    reading = read_all(path)
    (problem,) = reading.problems
    assert reading.scan.coordinates == {}
    assert problem.station == ".STA.."
    assert named in problem.reason
    assert np.array_equal(reading.values[".STA.."], VALUES)
