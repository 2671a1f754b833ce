"""Numbers of SEG-Y headers, checked against what they can be; and those of revision 2."""

from pathlib import Path
from struct import pack, pack_into
from typing import Any

import numpy as np
import obspy
import pytest
from format_samples import read_all, segy_file

from seisflow.core.grid import format_time
from seisflow.formats import segy
from seisflow.formats.readers import scan_file

LONG = 70_000
RECORDED_NS = obspy.UTCDateTime(2014, 5, 29, 1, 2, 3).ns


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.sgy"


def small_counts(n: int, seed: int) -> np.ndarray:
    """Samples that make dates where they are taken for a trace header."""
    return np.random.default_rng(seed).integers(1, 100, n).astype("int16")


def segy_2(
    traces: list[np.ndarray],
    order: str = ">",
    *,
    revision: tuple[int, int] = (2, 0),
    binary: dict[int, tuple[str, Any]] | None = None,
    trace: dict[int, tuple[str, Any]] | None = None,
    extension: dict[int, tuple[str, Any]] | None = None,
    texts: bytes = b"",
    trailer: bytes = b"",
) -> bytes:
    """Write int16 traces of one length at 500 Hz as revision 2; fields by byte, counted from 1."""
    n_samples = len(traces[0])
    head = bytearray(3600)
    fields = {3217: ("H", 2000), 3221: ("H", n_samples & 0xFFFF), 3225: ("H", 3)}
    fields |= {3269: ("I", n_samples), 3501: ("BB", revision), 3503: ("h", 1)}
    for byte, (kind, value) in (fields | (binary or {})).items():
        pack_into(order + kind, head, byte - 1, *np.atleast_1d(value).tolist())
    out = bytes(head) + texts
    for number, samples in enumerate(traces, 1):
        header = bytearray(240)
        pack_into(f"{order}4i", header, 0, number, number, 11, number)
        pack_into(f"{order}2H", header, 114, n_samples & 0xFFFF, 2000)
        pack_into(f"{order}6h", header, 156, 2014, 149, 1, 2, 3, 4)
        for byte, (kind, value) in (trace or {}).items():
            pack_into(order + kind, header, byte - 1, value)
        if extension is not None:
            header += bytes(232) + b"SEG00001"
            for byte, (kind, value) in extension.items():
                pack_into(order + kind, header, 239 + byte, value)
        out += bytes(header) + samples.astype(f"{order}i2").tobytes()
    return out + trailer


def changed(content: bytes, byte: int, kind: str, *values: float) -> bytes:
    """Put other values at a byte, counted from 0."""
    out = bytearray(content)
    pack_into(kind, out, byte, *values)
    return bytes(out)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("revision", [(2, 0), (2, 1)])
@pytest.mark.parametrize("count", [0, LONG & 0xFFFF])
@pytest.mark.parametrize("fixed", [0, 1])
def test_a_count_beyond_16_bits_is_that_of_revision_2(
    path: Path, order: str, revision: tuple[int, int], count: int, fixed: int
) -> None:
    traces = [small_counts(LONG, k) for k in range(3)]
    binary = {3221: ("H", count), 3503: ("h", fixed), 3297: ("I", 0x01020304)}
    short = {115: ("H", count)}
    path.write_bytes(segy_2(traces, order, revision=revision, binary=binary, trace=short))
    reading = read_all(path)
    assert reading.problems == []
    assert {p.start_ns for p in reading.scan.segments} == {RECORDED_NS}
    assert list(reading.values) == [".11..1", ".11..2", ".11..3"]
    for samples, values in zip(traces, reading.values.values(), strict=True):
        assert values.tobytes() == samples.tobytes()


@pytest.mark.parametrize("fixed", [0, 1])
@pytest.mark.parametrize("dtype", ["int16", "int32", "float32"])
@pytest.mark.parametrize("low", [-50, 1])
def test_samples_are_never_taken_for_a_trace_header(
    path: Path, fixed: int, dtype: str, low: int
) -> None:
    """A revision 1 file whose count has lost its 65,536 invents no stations."""
    rng = np.random.default_rng(7)
    code = {"int16": 3, "int32": 2, "float32": 5}[dtype]
    traces = [rng.integers(low, 100, LONG).astype(dtype) for _ in range(3)]
    path.write_bytes(segy_wrapped(traces, code, fixed))
    reading = read_all(path)
    (problem,) = reading.problems
    itemsize = np.dtype(dtype).itemsize
    assert problem.byte == 3600 + 240 + (LONG - 65_536) * itemsize
    assert "there is no trace header where the trace before ends" in problem.reason
    assert list(reading.values) == [".7..1"]
    assert np.array_equal(reading.values[".7..1"], traces[0][: LONG - 65_536])


def segy_wrapped(traces: list[np.ndarray], code: int, fixed: int) -> bytes:
    """Write revision 1 with counts of 16 bits that have lost 65,536."""
    content = bytearray(segy_file([t[: LONG - 65_536] for t in traces], code))
    pack_into(">h", content, 3502, fixed)
    step = len(content[3600:]) // len(traces)
    out = bytes(content[:3600])
    for k, samples in enumerate(traces):
        header = content[3600 + k * step : 3840 + k * step]
        out += bytes(header) + samples.astype(samples.dtype.newbyteorder(">")).tobytes()
    return out


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize(("revision", "kind"), [((2, 0), "i"), ((2, 1), "h")])
@pytest.mark.parametrize("name", ["ascii", "cp037"])
def test_a_trace_header_extension_is_read(
    path: Path, order: str, revision: tuple[int, int], kind: str, name: str
) -> None:
    traces = [small_counts(LONG, k) for k in range(2)]
    extension = {137: ("I", LONG), 141: ("i", 456_789), 145: ("d", 1953.125), 157: ("H", 1)}
    content = segy_2(
        traces,
        order,
        revision=revision,
        binary={3507: (kind, 1), 3269: ("I", 0), 3221: ("H", 500), 3503: ("h", 0)},
        trace={115: ("H", 0), 117: ("H", 1953)},
        extension=extension,
    ).replace(b"SEG00001", "SEG00001".encode(name))
    path.write_bytes(content)
    reading = read_all(path)
    (problem,) = reading.problems
    assert "2 SEG-Y traces with another interval than the binary header's (1953.12 us" in str(
        problem
    )
    for samples, segment in zip(traces, reading.scan.segments, strict=True):
        assert segment.start_ns == RECORDED_NS + 456_789
        assert segment.rate_hz == 512.0
        assert reading.values[segment.station].tobytes() == samples.tobytes()


def test_an_interval_that_is_no_whole_number_is_that_of_revision_2(path: Path) -> None:
    binary = {3217: ("H", 1953), 3273: ("d", 1953.125)}
    path.write_bytes(segy_2([small_counts(50, 0)], binary=binary, trace={117: ("H", 1953)}))
    reading = read_all(path)
    assert reading.problems == []
    assert reading.scan.segments[0].rate_hz == 512.0


def stanza(text: str, code: str) -> bytes:
    return text.encode(code).ljust(3200, " ".encode(code))


@pytest.mark.parametrize("code", ["ascii", "cp037"])
@pytest.mark.parametrize("revision", [(1, 0), (2, 0)])
def test_texts_of_any_number_end_with_their_stanza(
    path: Path, code: str, revision: tuple[int, int]
) -> None:
    texts = stanza("((SEG: Notes))", code) + stanza("((SEG: EndText))", code)
    binary = {3505: ("h", -1)}
    content = segy_2([small_counts(50, 0)] * 2, revision=revision, binary=binary, texts=texts)
    path.write_bytes(content)
    reading = read_all(path)
    assert reading.problems == []
    assert [p.start_byte for p in reading.scan.segments] == [10_000, 10_340]


def test_texts_without_an_end_are_named(path: Path) -> None:
    path.write_bytes(segy_2([small_counts(50, 0)], binary={3505: ("h", -1)}))
    (problem,) = read_all(path).problems
    assert "without an end ((SEG: EndText))" in problem.reason


def test_the_byte_of_the_first_trace_is_taken(path: Path) -> None:
    content = segy_2([small_counts(50, 0)], binary={3521: ("Q", 4000)}, texts=bytes(400))
    path.write_bytes(content)
    reading = read_all(path)
    assert reading.problems == []
    assert [p.start_byte for p in reading.scan.segments] == [4000]


@pytest.mark.parametrize("n_trailers", [2, -1])
def test_a_trailer_is_no_trace(path: Path, n_trailers: int) -> None:
    trailer = stanza("((SEG: A))", "ascii") + stanza("((SEG: B))", "ascii")
    binary = {3529: ("i", n_trailers), 3513: ("Q", 2)}
    path.write_bytes(segy_2([small_counts(50, 0)] * 2, binary=binary, trailer=trailer))
    reading = read_all(path)
    assert (reading.problems, len(reading.scan.segments)) == ([], 2)


@pytest.mark.parametrize(
    ("binary", "named"),
    [
        ({3501: ("BB", (3, 0))}, "SEG-Y revision 3.0; read are 0, 1, 2.0 and 2.1"),
        ({3503: ("h", 9)}, "fixed length flag of 9"),
        ({3505: ("h", -2)}, "-2 extended textual headers"),
        ({3297: ("4B", (2, 1, 4, 3))}, "byte order constant 02010403"),
        ({3273: ("d", np.nan)}, "sample interval nan us"),
        ({3273: ("d", -2000.0)}, "sample interval -2000.0 us"),
        ({3507: ("i", -1)}, "-1 trace header extensions"),
        ({3507: ("i", 1)}, "no trace header where the first should be"),
        ({3521: ("Q", 12)}, "first trace at byte 12"),
        ({3529: ("i", -7)}, "-7 trailer stanzas"),
        ({3513: ("Q", 3)}, "promises 3 traces, 2 are there"),
        ({3225: ("H", 7)}, "sample format 7; read are [1, 2, 3, 5]"),
        ({3225: ("H", 15)}, "sample format 15; read are [1, 2, 3, 5]"),
        ({3217: ("H", 1000)}, "another interval than the binary header's (2000 us"),
        ({3511: ("h", 5)}, "said to be in another time basis"),
        ({3221: ("H", 0), 3269: ("I", 0)}, "neither header says how many samples"),
    ],
)
def test_a_binary_header_that_cannot_be_is_named(
    path: Path, binary: dict[int, tuple[str, Any]], named: str
) -> None:
    traces = [small_counts(50, k) for k in range(2)]
    short = {115: ("H", 0)} if 3269 in binary else {167: ("h", 0)}
    content = bytearray(segy_2(traces, binary=binary, trace=short))
    content[:3] = b"C 1"
    path.write_bytes(content)
    scan = scan_file(path)
    (problem,) = scan.problems
    assert scan.format == "SEG-Y"
    assert named in problem.reason
    assert "that cannot be read" not in problem.reason


@pytest.mark.parametrize(
    ("field", "kind", "value", "named"),
    [
        (158, "h", 366, "with a time that cannot be (day 366 of 2023 is not within 1..365)"),
        (158, "h", 0, "with a time that cannot be (day 0 of 2023"),
        (160, "h", 99, "with a time that cannot be (hour 99"),
        (162, "h", -1, "with a time that cannot be (minute -1"),
        (164, "h", 61, "with a time that cannot be (second 61"),
        (156, "h", 43, "with a time that cannot be (year 43 is not within 1960..2100)"),
        (156, "h", -9, "with a time that cannot be (year -9"),
        (156, "h", 0, "without a date"),
        (214, "h", 7, "with a recording delay that cannot be (-100 ms with scalar 7"),
    ],
)
def test_traces_that_cannot_be_placed_are_one_problem_and_the_others_are_used(
    path: Path, field: int, kind: str, value: int, named: str
) -> None:
    content = segy_file([small_counts(50, k) for k in range(5)], 3)
    starts = [3600 + k * 340 for k in range(5)]
    for start in starts:
        content = changed(content, start + 108, ">h", -100)
    for start in starts[2:4]:
        content = changed(content, start + field, ">" + kind, value)
    path.write_bytes(content)
    reading = read_all(path)
    (problem,) = reading.problems
    assert problem.reason.startswith(f"2 SEG-Y traces {named}")
    assert problem.byte == starts[2]
    assert list(reading.values) == [".7..1", ".7..2", ".7..5"]


@pytest.mark.parametrize(
    ("basis", "named"),
    [
        (1, "local time (code 1)"),
        (3, "a time basis of its own (code 3)"),
        (5, "GPS time (code 5)"),
        (77, "an unknown time basis (code 77)"),
    ],
)
def test_times_said_to_be_no_utc_are_taken_for_utc_and_named(
    path: Path, basis: int, named: str
) -> None:
    content = segy_file([small_counts(50, k) for k in range(3)], 3)
    path.write_bytes(content)
    as_utc = scan_file(path).segments
    for k in (1, 2):
        content = changed(content, 3600 + k * 340 + 166, ">h", basis)
    path.write_bytes(content)
    scan = scan_file(path)
    assert scan.segments == as_utc
    (problem,) = scan.problems
    assert problem.reason.startswith("2 SEG-Y traces said to be in another time basis")
    assert f"({named}, which is taken for UTC" in problem.reason
    assert problem.byte == 3600 + 340


@pytest.mark.parametrize("basis", [0, 2, 4])
@pytest.mark.parametrize(
    ("delay", "scalar", "delay_ns"),
    [
        (0, 7, 0),
        (-100, 0, -100_000_000),
        (-100, 1, -100_000_000),
        (2, 10, 20_000_000),
        (-5, -10, -500_000),
        (12_345, -10_000, 1_234_500),
    ],
)
def test_a_delay_is_added_with_its_scalar(
    path: Path, basis: int, delay: int, scalar: int, delay_ns: int
) -> None:
    content = segy_file([small_counts(50, 0)], 3)
    for field, value in ((108, delay), (214, scalar), (166, basis)):
        content = changed(content, 3600 + field, ">h", value)
    path.write_bytes(content)
    (trace,) = obspy.read(str(path), format="SEGY")
    scan = scan_file(path)
    assert scan.problems == ()
    assert scan.segments[0].start_ns == trace.stats.starttime.ns + delay_ns


@pytest.mark.parametrize(("year", "full"), [(29, 2029), (60, 1960), (99, 1999), (2050, 2050)])
def test_a_year_of_two_digits_is_that_of_obspy(path: Path, year: int, full: int) -> None:
    path.write_bytes(changed(segy_file([small_counts(50, 0)], 3), 3756, ">h", year))
    (trace,) = obspy.read(str(path), format="SEGY")
    (segment,) = scan_file(path).segments
    assert segment.start_ns == trace.stats.starttime.ns
    assert format_time(segment.start_ns).startswith(str(full))


def test_a_binary_header_without_interval_leaves_it_to_the_traces(path: Path) -> None:
    content = bytearray(segy_file([small_counts(50, k) for k in range(2)], 3))
    content[:3] = b"C 1"
    pack_into(">H", content, 3216, 0)
    path.write_bytes(content)
    stream = obspy.read(str(path), format="SEGY")
    assert [p.rate_hz for p in scan_file(path).segments] == [t.stats.sampling_rate for t in stream]
    for k in range(2):
        pack_into(">H", content, 3600 + k * 340 + 116, 0)
    path.write_bytes(content)
    (problem,) = scan_file(path).problems
    assert problem.reason.startswith("2 SEG-Y traces with an interval that cannot be")


def test_traces_of_other_lengths_and_intervals_are_read_as_by_obspy(path: Path) -> None:
    lengths, intervals = (50, 30, 80), (2000, 4000, 1000)
    content = segy_file([small_counts(50, 0)], 3)[:3600]
    content = changed(content, 3502, ">h", 0)
    for k, (n, interval) in enumerate(zip(lengths, intervals, strict=True)):
        one = segy_file([small_counts(n, k)], 3)[3600:]
        one = changed(changed(one, 116, ">H", interval), 0, ">4i", k + 1, k + 1, 7, k + 1)
        content += one
    path.write_bytes(content)
    reading, stream = read_all(path), obspy.read(str(path), format="SEGY")
    assert [p.rate_hz for p in reading.scan.segments] == [t.stats.sampling_rate for t in stream]
    for values, trace in zip(reading.values.values(), stream, strict=True):
        assert np.array_equal(values, trace.data)
    (problem,) = reading.problems
    assert problem.reason.startswith("2 SEG-Y traces with another interval")


def test_many_bad_traces_are_counted_in_one_pass(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    n_headers = 0
    read = segy.trace_header

    def counted(*args: Any) -> Any:
        nonlocal n_headers
        n_headers += 1
        return read(*args)

    n_traces = 5000
    header = segy_file([small_counts(1, 0)], 3)[3600:]
    bad = changed(header, 160, ">h", 99)
    traces = b"".join(pack(">2i", k + 1, k + 1) + bad[8:] for k in range(n_traces))
    path.write_bytes(segy_file([small_counts(1, 0)], 3)[:3600] + traces)
    monkeypatch.setattr(segy, "trace_header", counted)
    (problem,) = scan_file(path).problems
    assert problem.reason.startswith(f"{n_traces} SEG-Y traces with a time that cannot be")
    assert n_headers == n_traces
