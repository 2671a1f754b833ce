"""Times and rates of headers, against libmseed and obspy; and headers changed at random."""

import io
import struct
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from format_samples import START_NS, noise, read_all, rg16_file, sac_file, segy_file
from hypothesis import given
from hypothesis import strategies as st
from obspy import UTCDateTime
from obspy.io.sac import SACTrace
from obspy.io.segy.segy import SEGYTraceHeader
from pymseed import timestr2nstime

from seisflow.formats.header_values import checked_rate, checked_start, header_time_ns
from seisflow.formats.readers import READERS, scan_file
from seisflow.formats.segments import Segment

EARLIEST_NS, LATEST_NS = (UTCDateTime(year, 1, 1).ns for year in (1900, 2101))


@given(
    year=st.integers(1900, 2100),
    day=st.integers(-1, 367),
    hour=st.integers(-1, 24),
    minute=st.integers(-1, 60),
    second=st.integers(-1, 60),
    millisecond=st.integers(-1, 1000),
)
def test_a_time_is_that_of_obspy_or_refused_by_both(
    year: int, day: int, hour: int, minute: int, second: int, millisecond: int
) -> None:
    numbers = (year, day, hour, minute, second)
    try:
        fields = dict(zip(("year", "julday", "hour", "minute", "second"), numbers, strict=True))
        truth = UTCDateTime(**fields, microsecond=millisecond * 1000).ns
        assert 0 <= millisecond < 1000  # obspy wants microseconds, which can be carried over
    except (ValueError, AssertionError):
        if (hour, minute, second) != (23, 59, 60):  # obspy has no leap seconds
            with pytest.raises(ValueError, match="is not within"):
                header_time_ns(*numbers, millisecond)
    else:
        assert header_time_ns(*numbers, millisecond) == truth


@pytest.mark.parametrize(("date", "day"), [("2016-12-31", 366), ("2015-06-30", 181)])
def test_a_leap_second_is_where_libmseed_has_it(date: str, day: int) -> None:
    """libmseed gives it the time of the second after it."""
    truth = timestr2nstime(f"{date}T23:59:60Z")
    assert header_time_ns(int(date[:4]), day, 23, 59, 60) == truth
    for other in (1, day - 1):
        with pytest.raises(ValueError, match=r"second 60 is not within 0\.\.59"):
            header_time_ns(int(date[:4]), other, 23, 59, 60)


def test_all_that_is_wrong_with_a_time_is_said() -> None:
    with pytest.raises(ValueError, match="day 366 of 2014") as refusal:
        header_time_ns(2014, 366, 99, -1, 3, 1000)
    assert str(refusal.value).count("is not within") == 4
    with pytest.raises(ValueError, match=r"year 14 is not within 1900\.\.2100"):
        header_time_ns(14, 1, 0, 0, 0)


def test_the_years_of_a_start_are_bounded() -> None:
    for time_ns in (EARLIEST_NS, 0, LATEST_NS - 1):
        assert checked_start(time_ns) == time_ns
    for time_ns in (EARLIEST_NS - 1, LATEST_NS, 10**60, -(10**30)):
        with pytest.raises(ValueError, match=r"is not within 1900\.\.2100"):
            checked_start(time_ns)


@pytest.mark.parametrize("rate", [1, 12.5, 31.25, 40, 62.5, 100, 125, 200, 250, 300, 500, 512, 1e3])
def test_an_interval_in_32_bits_gives_its_nominal_rate(rate: float) -> None:
    assert checked_rate(float(np.float32(1 / rate))) == rate
    assert checked_rate(1e6 / rate, 1e6) == rate


@pytest.mark.parametrize("interval", [0.0, -0.01, np.nan, np.inf, -np.inf, 1e-30, 5e-324])
def test_what_is_no_interval_is_refused(interval: float) -> None:
    with pytest.raises(ValueError, match=r"sample interval of|at most 1e\+06 Hz"):
        checked_rate(interval)


SEGY_BINARY = (16, 20, 24, 68, 70, 72, 96, 300, 302, 304, 306, 310, 318, 326, 330)
SEGY_TRACE = (0, 2, 6, 10, 14, 108, 114, 116, 156, 158, 160, 162, 164, 166, 214)
SEGY_WORDS = [3200 + at for at in SEGY_BINARY]
SEGY_WORDS += [3600 + k * 480 + at for k in range(3) for at in SEGY_TRACE]


def _sac(rng: np.random.Generator) -> tuple[bytes, Sequence[int], str]:
    order = "<>"[rng.integers(2)]
    return sac_file(noise(60, dtype="float32"), order=order, b=0.25), range(0, 440, 4), order


def _segy(rng: np.random.Generator) -> tuple[bytes, Sequence[int], str]:
    order = "<>"[rng.integers(2)]
    content = segy_file([noise(60, dtype="float32")] * 3, 5, order)
    return content, SEGY_WORDS, order


def _rg16(rng: np.random.Generator) -> tuple[bytes, Sequence[int], str]:
    del rng
    content = rg16_file([noise(60, dtype="float32")] * 3)
    return content, range(0, 32 * 6 + 148, 4), ">"


def _as_obspy_reads_sac(content: bytes, segment: Segment, order: str) -> int:
    n_bytes = 632 + 4 * segment.n_samples
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trace = SACTrace.read(io.BytesIO(content[:n_bytes]), headonly=True)
        stats = trace.to_obspy_trace().stats
    delta, b = (struct.unpack_from(f"{order}f", content, at)[0] for at in (0, 20))
    assert 1 / segment.rate_hz == pytest.approx(delta, rel=1e-6)
    assert int(trace.npts) >= segment.n_samples
    if trace.nvhdr == 7:
        return segment.start_ns
    allowed_ns = 2000 + 1e9 * float(np.spacing(np.float32(abs(b))))
    assert abs(stats.starttime.ns - segment.start_ns) <= allowed_ns
    return segment.start_ns


def _as_obspy_reads_segy(content: bytes, segment: Segment, order: str) -> int:
    header = SEGYTraceHeader(content[segment.start_byte : segment.start_byte + 240], endian=order)
    year = header.year_data_recorded
    year += (2000 if year < 30 else 1900) if year < 100 else 0
    hour, minute, second = header.hour_of_day, header.minute_of_hour, header.second_of_minute
    date = {"year": year, "julday": header.day_of_year, "hour": hour, "minute": minute}
    scalar = header.scalar_to_be_applied_to_times
    delay_s = header.delay_recording_time / 1000 * max(scalar, 1) / max(-scalar, 1)
    truth = UTCDateTime(**date, second=second).ns + round(delay_s * 1e9)
    assert segment.start_ns == pytest.approx(truth, abs=1000, rel=0)
    return segment.start_ns


def _as_obspy_reads_rg16(content: bytes, segment: Segment, order: str) -> int:
    (start_us,) = struct.unpack_from(f"{order}Q", content, segment.start_byte + 84)
    assert segment.start_ns == start_us * 1000
    return segment.start_ns


KINDS = {
    "SAC": (_sac, _as_obspy_reads_sac),
    "SEG-Y": (_segy, _as_obspy_reads_segy),
    "RG16": (_rg16, _as_obspy_reads_rg16),
}
WORDS = (0, 1, 2, 5, 7, 23, 24, 59, 60, 99, 149, 366, 1000, 2014, -1, -12345, 490_000, 2**31 - 1)
FLOATS = (0.0, 0.01, -0.01, 1e-30, 1e10, 1e30, 86123.456789, np.inf, -np.inf, np.nan)


def _changed(content: bytes, where: Sequence[int], order: str, rng: np.random.Generator) -> bytes:
    """Put other values into one to four header words."""
    out = bytearray(content)
    short = where is SEGY_WORDS
    for _ in range(rng.integers(1, 5)):
        word = int(rng.choice(WORDS))
        whole = struct.pack(f"{order}H", word & 0xFFFF) if short else struct.pack(f"{order}i", word)
        real = struct.pack(f"{order}f", rng.choice(FLOATS))[: len(whole)]
        at = int(rng.choice(where))
        out[at : at + len(whole)] = [rng.bytes(len(whole)), whole, real][rng.integers(3)]
    return bytes(out)


@pytest.mark.parametrize("kind", KINDS)
def test_a_changed_header_is_named_or_read_as_obspy_reads_it(kind: str, tmp_path: Path) -> None:
    make: Callable[..., tuple[bytes, Sequence[int], str]]
    make, as_obspy = KINDS[kind]
    rng = np.random.default_rng(20140529)
    path = tmp_path / "file"
    reader = next(r for r in READERS if r.name == kind)
    n_segments = n_problems = 0
    for _ in range(600):
        good, where, order = make(rng)
        content = _changed(good, where, order, rng)
        path.write_bytes(content)
        if reader.recognises(path, content[:4096]):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                reader.scan(path)  # raises nothing
        reading = read_all(path)
        assert reading.scan.segments or reading.problems
        n_problems += bool(reading.problems)
        kinds = [p.reason.split("(")[0].split("SEG-Y traces")[-1] for p in reading.scan.problems]
        assert len(set(kinds)) == len(kinds), kinds
        for segment in reading.scan.segments:
            n_segments += 1
            assert EARLIEST_NS <= as_obspy(content, segment, order) < LATEST_NS
            assert 1 <= segment.rate_hz <= 1e6
            assert segment.end_byte <= len(content)
    assert n_segments > 100
    assert n_problems > 100


def test_the_good_files_of_the_fuzz_have_no_problem(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for make, _ in KINDS.values():
        path.write_bytes(make(np.random.default_rng(0))[0])
        scan = scan_file(path)
        assert scan.problems == ()
        assert abs(scan.segments[0].start_ns - START_NS) <= 10**9
