"""The battery every reader passes. A new reader is a file and a row in `SUBJECTS`."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path
from struct import pack_into

import numpy as np
import obspy
import pytest
from format_samples import START_NS, noise, read_all, records, rg16_file, sac_file, segy_file
from obspy.io.sac import SACTrace

from seisflow.formats.readers import READERS, read_segment, scan_file


@dataclass(frozen=True)
class Subject:
    """A file of one kind: how to make it, and what it holds by station."""

    reader: str
    make: Callable[[], bytes]
    truth: dict[str, np.ndarray]
    start_ns: int
    rate: float
    time_error_ns: int = 1
    footer_bytes: int = 0


def _miniseed(version: int, dtype: str, encoding: int) -> Subject:
    values = noise(3000, dtype=dtype)
    return Subject(
        "miniSEED",
        lambda: b"".join(records(values, version=version, encoding=encoding)),
        {"XX.STA.00.HHZ": values},
        START_NS,
        100.0,
    )


def _sac(order: str) -> Subject:
    values = noise(3000, dtype="float32")

    def make() -> bytes:
        header = {"kstnm": "STA", "kcmpnm": "DPZ", "knetwk": "XX", "khole": "00", "b": 0.25}
        times = {"nzyear": 2023, "nzjday": 319, "nzhour": 0, "nzmin": 0, "nzsec": 0, "nzmsec": 0}
        trace = SACTrace(data=values, delta=0.002, **header, **times, stla=42.5, stlo=-3.25)
        out = BytesIO()
        trace.write(out, byteorder=order)
        return out.getvalue()

    return Subject("SAC", make, {"XX.STA.00.DPZ": values}, START_NS + 250_000_000, 500.0)


def _sac_7(order: str) -> Subject:
    values = noise(3000, dtype="float32")
    footer = {"delta": 0.002, "b": 86_123.456789}
    start_ns = START_NS + 86_123_456_789_000
    make = partial(sac_file, values, order=order, footer=footer)
    return Subject("SAC", make, {".STA..": values}, start_ns, 500.0, footer_bytes=176)


def _segy(code: int, order: str) -> Subject:
    traces = [noise(500, k, {2: "int32", 3: "int16", 5: "float32"}[code]) for k in range(3)]
    truth = {f".7..{k + 1}": trace for k, trace in enumerate(traces)}
    return Subject("SEG-Y", lambda: segy_file(traces, code, order), truth, START_NS + 10**9, 500.0)


def _segy_2(order: str) -> Subject:
    """Make traces of which obspy, which knows revision 1, reads the whole as well."""
    traces = [noise(500, k, "int32") for k in range(3)]
    truth = {f".7..{k + 1}": trace for k, trace in enumerate(traces)}

    def make() -> bytes:
        content = bytearray(segy_file(traces, 2, order))
        content[3500:3502] = b"\x02\x01"
        pack_into(f"{order}Id", content, 3268, 500, 2000.0)
        pack_into(f"{order}I", content, 3296, 0x01020304)
        return bytes(content)

    return Subject("SEG-Y", make, truth, START_NS + 10**9, 500.0)


def _rg16() -> Subject:
    traces = [noise(1000, k, "float32") for k in range(3)]
    joined = np.concatenate(traces)
    truth = {f"3.256.1.DP{c}": joined + np.float32(c) for c in (2, 3, 4)}
    return Subject("RG16", lambda: rg16_file(traces, components=(2, 3, 4)), truth, START_NS, 500.0)


SUBJECTS = {
    "mseed2-steim1": _miniseed(2, "int32", 10),
    "mseed2-steim2": _miniseed(2, "int32", 11),
    "mseed2-int32": _miniseed(2, "int32", 3),
    "mseed2-float32": _miniseed(2, "float32", 4),
    "mseed2-float64": _miniseed(2, "float64", 5),
    "mseed3-steim2": _miniseed(3, "int32", 11),
    "mseed3-float32": _miniseed(3, "float32", 4),
    "sac-little": _sac("little"),
    "sac-big": _sac("big"),
    "sac-7": _sac_7("<"),
    "sac-7-big": _sac_7(">"),
    "segy-int32": _segy(2, ">"),
    "segy-int16": _segy(3, ">"),
    "segy-float32": _segy(5, ">"),
    "segy-float32-little": _segy(5, "<"),
    "segy-2.1": _segy_2(">"),
    "segy-2.1-little": _segy_2("<"),
    "rg16": _rg16(),
}


@pytest.fixture(params=SUBJECTS, ids=str)
def subject(request: pytest.FixtureRequest) -> Subject:
    return SUBJECTS[request.param]


@pytest.fixture
def path(subject: Subject, tmp_path: Path) -> Path:
    file = tmp_path / "archive.dat"
    file.write_bytes(subject.make())
    return file


def test_every_reader_has_a_subject() -> None:
    assert {s.reader for s in SUBJECTS.values()} == {reader.name for reader in READERS}


def test_reads_what_was_written(subject: Subject, path: Path) -> None:
    reading = read_all(path)
    assert reading.scan.format == subject.reader
    assert reading.problems == []
    assert reading.scan.size_bytes == path.stat().st_size
    assert reading.values.keys() == subject.truth.keys()
    for station, truth in subject.truth.items():
        values = reading.values[station]
        assert values.dtype == truth.dtype
        assert values.tobytes() == truth.tobytes()
    first = reading.scan.segments[0]
    assert abs(first.start_ns - subject.start_ns) <= subject.time_error_ns
    assert {p.rate_hz for p in reading.scan.segments} == {subject.rate}


def test_agrees_with_obspy(subject: Subject, path: Path) -> None:
    name = next(k for k, s in SUBJECTS.items() if s is subject)
    if "mseed3" in name or "sac-7" in name:
        pytest.skip("obspy reads neither miniSEED 3 nor the footer of SAC 7")
    reading = read_all(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = {"SEG-Y": "SEGY"}  # obspy recognises no revision 2
        stream = obspy.read(str(path), format=known.get(subject.reader))
    if subject.reader == "RG16":
        stream.merge()  # obspy gives a trace for each block; in SEG-Y all traces have one id
    assert sum(len(t) for t in stream) == reading.n_samples
    starts = sorted(t.stats.starttime.ns for t in stream)
    assert starts == pytest.approx([p.start_ns for p in reading.scan.segments], abs=1000, rel=0)
    ours = np.concatenate(list(reading.values.values()))
    assert np.array_equal(ours, np.concatenate([t.data for t in stream]))


@pytest.mark.parametrize("n_parts", [2, 7])
def test_parts_make_the_whole(subject: Subject, path: Path, n_parts: int) -> None:
    whole, parts = read_all(path), read_all(path, n_parts)
    for station in subject.truth:
        assert np.array_equal(whole.values[station], parts.values[station])


def test_bytes_of_a_segment_lie_in_the_file(subject: Subject, path: Path) -> None:
    for segment in scan_file(path).segments:
        assert 0 <= segment.start_byte < segment.end_byte <= path.stat().st_size
        assert segment.dtype in ("int16", "int32", "float32", "float64")


@pytest.mark.parametrize("part", [0.7, 0.9, 0.999])
def test_a_truncated_file_gives_a_problem_and_the_rest(
    subject: Subject, path: Path, part: float
) -> None:
    whole = path.read_bytes()
    n_bytes = len(whole) - subject.footer_bytes
    path.write_bytes(whole[: int(n_bytes * part) | 1])  # odd: never between records
    reading = read_all(path)
    assert reading.problems
    assert all(p.path == str(path) and p.reason for p in reading.problems)
    assert any(p.byte is not None for p in reading.problems)
    assert 0 < reading.n_samples < sum(len(v) for v in subject.truth.values())
    for station, values in reading.values.items():
        assert np.array_equal(values, subject.truth[station][: len(values)])


def test_an_empty_file_is_a_problem(path: Path) -> None:
    path.write_bytes(b"")
    scan = scan_file(path)
    assert scan.format == ""
    (problem,) = scan.problems
    assert "empty" in problem.reason


def test_an_undamaged_segment_is_one_run(path: Path) -> None:
    scan = scan_file(path)
    for segment in scan.segments:
        (run,), _ = read_segment(scan.format, path, segment, 3, segment.n_samples - 5)
        assert (run.first, len(run.values)) == (3, segment.n_samples - 8)


def test_a_file_cut_off_since_the_scan_is_a_problem(subject: Subject, path: Path) -> None:
    scan = scan_file(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * 0.9) | 1])
    problems = []
    for segment in scan.segments:
        runs, new = read_segment(scan.format, path, segment, 0, segment.n_samples)
        problems += new
        for run in runs:
            truth = subject.truth[segment.station]
            assert np.array_equal(run.values, truth[run.first : run.first + len(run.values)])
    assert problems


def test_a_file_that_changed_since_the_scan_is_a_problem(path: Path) -> None:
    scan = scan_file(path)
    path.write_bytes(b"\x00" * 100)
    segment = scan.segments[0]
    runs, problems = read_segment(scan.format, path, segment, 0, segment.n_samples)
    assert problems
    assert sum(len(r.values) for r in runs) == 0


def test_a_file_that_vanished_after_the_scan_is_an_error_of_the_disk(path: Path) -> None:
    scan = scan_file(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_segment(scan.format, path, scan.segments[0], 0, 1)
    (problem,) = scan_file(path).problems
    assert "cannot be opened" in problem.reason


def test_a_file_without_permission_is_a_problem(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    scan = scan_file(path)
    monkeypatch.setattr(Path, "open", refuse)
    (problem,) = scan_file(path).problems
    assert problem.reason == "cannot be opened: Permission denied"
    with pytest.raises(PermissionError):
        read_segment(scan.format, path, scan.segments[0], 0, 1)


@pytest.mark.parametrize("error", [MemoryError, TimeoutError])
def test_an_error_of_the_machine_is_not_blamed_on_the_file(
    path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    def fail(*_: object) -> None:
        raise error

    scan = scan_file(path)
    reader = next(r for r in READERS if r.name == scan.format)
    monkeypatch.setattr(type(reader), "read", fail)
    with pytest.raises(error):
        read_segment(scan.format, path, scan.segments[0], 0, 1)
    monkeypatch.setattr(type(reader), "scan", fail)
    with pytest.raises(error):
        scan_file(path)


def test_times_that_no_grid_can_carry_are_problems(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a flipped bit in the year of a header makes them."""
    scan = scan_file(path)
    reader = next(r for r in READERS if r.name == scan.format)
    far = [replace(segment, start_ns=2**63) for segment in scan.segments]
    monkeypatch.setattr(type(reader), "scan", lambda *_: (far, [], {}))
    found = scan_file(path)
    assert found.segments == ()
    (problem,) = found.problems
    assert "beyond the years" in problem.reason
    assert problem.n == len(far)
