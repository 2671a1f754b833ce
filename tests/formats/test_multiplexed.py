"""Many stations, segments or problems in one file: work in proportion, and nothing changed."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from counting import calls_of, counted_reading
from format_samples import DAY_NS, START_NS, noise, read_all, records, rg16_file
from fsspec.implementations.memory import MemoryFileSystem
from hypothesis import given, settings
from hypothesis import strategies as st

from seisflow.core.files import any_path, read_ranges
from seisflow.formats import readers, record_index
from seisflow.formats.joining import SegmentBuilder
from seisflow.formats.readers import READERS, read_segment, read_segments, scan_file
from seisflow.formats.record_index import IndexBuilder
from seisflow.formats.segments import Block, Problem, Problems, Segment

NS = 10**9


def interleaved(n_stations: int, n_samples: int = 3000) -> list[bytes]:
    """Records of several stations in turn, as a ring buffer is dumped."""
    each = [
        records(noise(n_samples, k), source=f"FDSN:XX_S{k:03d}__H_H_Z") for k in range(n_stations)
    ]
    return [record for row in zip(*each, strict=False) for record in row]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "all"


@pytest.mark.parametrize("n_stations", [10, 20, 40])
def test_a_multiplexed_file_is_read_twice_and_no_more(path: Path, n_stations: int) -> None:
    made = interleaved(n_stations)
    path.write_bytes(b"".join(made))
    with counted_reading() as counts:
        reading = read_all(path)
    assert len(reading.values) == n_stations
    assert counts["records"] <= 2 * len(made)
    assert counts["bytes"] <= 2 * path.stat().st_size + readers.HEAD_BYTES


@pytest.mark.parametrize("n_components", [4, 6, 9])
def test_a_gather_of_many_components_is_read_twice_and_no_more(
    path: Path, n_components: int
) -> None:
    traces = [noise(200, k, "float32") for k in range(8)]
    path.write_bytes(rg16_file(traces, components=tuple(range(1, n_components + 1))))
    with counted_reading() as counts:
        reading = read_all(path)
    assert reading.problems == []
    assert len(reading.values) == n_components
    assert counts["traces"] <= 2 * 8 * n_components
    assert counts["bytes"] <= 2 * path.stat().st_size


def test_reading_starts_close_before_the_samples_asked_for(path: Path) -> None:
    values = noise(600_000)
    path.write_bytes(b"".join(records(values, reclen=4096, encoding=3)))
    (segment,) = scan_file(path).segments
    with counted_reading() as counts:
        (run,), problems = read_segment("miniSEED", path, segment, segment.n_samples - 50, 10**9)
    assert problems == []
    assert np.array_equal(run.values, values[-50:])
    assert counts["bytes"] <= record_index.RANGE_BYTES < path.stat().st_size / 8


def test_parts_of_a_multiplexed_file_make_the_whole(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(record_index, "RANGES_PER_PART", 4)
    made = interleaved(5, 9000)
    made[23] = made[23][:200] + b"\x55" + made[23][201:]
    made[40] = b"nothing".ljust(512)
    path.write_bytes(b"".join(made))
    whole = read_all(path)
    for n_parts in (2, 7, 40):
        parts = read_all(path, n_parts)
        for station, values in whole.values.items():
            assert np.array_equal(parts.values[station], values)
    assert len(whole.problems) == 2


def test_many_short_segments_are_read_with_the_file_opened_once(path: Path) -> None:
    """A record every second with a gap behind it."""
    values = noise(20)
    path.write_bytes(b"".join(records(values, START_NS + k * NS)[0] for k in range(300)))
    scan = scan_file(path)
    assert len(scan.segments) == 300
    assert all(segment.records is None for segment in scan.segments)
    with counted_reading() as counts:
        found = list(read_segments("miniSEED", path, [(p, 0, 20) for p in reversed(scan.segments)]))
    assert all(np.array_equal(run.values, values) for (run,), _ in found)
    assert (counts["files"], counts["bytes"]) == (1, path.stat().st_size)


def test_a_segment_that_raises_does_not_stop_the_next(path: Path, monkeypatch) -> None:
    path.write_bytes(b"".join(records(noise(20), START_NS + k * NS)[0] for k in range(4)))
    segments = scan_file(path).segments
    real = type(READERS[0]).read_many

    def failing(
        self: object, path: Path, parts: list[tuple[Segment, int, int]]
    ) -> Iterator[object]:
        for found, part in zip(real(self, path, parts), parts, strict=True):
            if part[0] in segments[1:3]:
                raise RuntimeError("out of luck")
            yield found

    monkeypatch.setattr(type(READERS[0]), "read_many", failing)
    found = list(read_segments("miniSEED", path, [(p, 0, 20) for p in segments]))
    assert [len(runs) for runs, _ in found] == [1, 0, 0, 1]
    assert ["out of luck" in str(problems) for _, problems in found] == [False, True, True, False]


def test_a_record_lost_since_the_scan_moves_no_sample(path: Path) -> None:
    made = interleaved(3)
    path.write_bytes(b"".join(made))
    scan = scan_file(path)
    path.write_bytes(b"".join([*made[:4], bytes(512), *made[5:]]))  # of S001
    for segment in scan.segments:
        runs, problems = read_segment("miniSEED", path, segment, 0, segment.n_samples)
        truth = noise(3000, int(segment.station[4:7]))
        for run in runs:
            assert np.array_equal(run.values, truth[run.first : run.first + len(run.values)])
        assert bool(problems) == (segment.station == "XX.S001..HHZ")


@settings(deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5000), st.integers(1, 3), st.integers(1, 900)), min_size=1
    ),
    data=st.data(),
)
def test_an_index_gives_the_ranges_of_any_samples(
    steps: list[tuple[int, int, int]], data: st.DataObject
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_index, "RANGES_PER_PART", 3)
        builder, byte, first, expected = IndexBuilder(), 0, 0, []
        for gap, length, n_samples in steps:
            byte += gap
            builder.add(byte, byte + length, n_samples)
            expected.append((byte, byte + length, first))
            byte, first = byte + length, first + n_samples
        index = builder.index()
    begin = data.draw(st.integers(0, first - 1))
    stop = data.draw(st.integers(begin + 1, first))
    ends = [r[2] for r in expected[1:]] + [first]
    wanted = [r for r, end in zip(expected, ends, strict=True) if r[2] < stop and end > begin]
    assert index.ranges(begin, stop) == wanted
    assert index.cut(begin, stop).ranges(begin, stop) == wanted


def test_an_index_takes_a_few_bytes_for_each_record() -> None:
    rng = np.random.default_rng(0)
    n_samples = rng.integers(250, 450, 20_000).tolist()
    strides = rng.integers(800, 1200, 20_000).tolist()
    builder, byte, start_ns = SegmentBuilder(), 0, START_NS
    for n, stride in zip(n_samples, strides, strict=True):
        builder.add(Block("X.A..Z", start_ns, n, 100.0, "int32", byte, byte + 512))
        byte, start_ns = byte + 512 * stride, start_ns + n * NS // 100
    (segment,) = builder.segments()
    assert segment.start_ns // DAY_NS == (start_ns - NS) // DAY_NS
    assert segment.records is not None
    assert segment.records.n_bytes < 4 * 20_000
    last = segment.cut(segment.n_samples - 1, segment.n_samples)
    assert last == segment
    assert last.records.n_bytes < 4 * record_index.RANGES_PER_PART


@pytest.mark.parametrize("n", [2, 50])
def test_unreadable_places_of_a_file_are_one_problem(path: Path, n: int) -> None:
    (record,) = records(noise(20))
    path.write_bytes(record + b"".join(b"\x01" * (100 + k) + record for k in range(n)))
    (problem,) = scan_file(path).problems
    assert (problem.byte, problem.n) == (512, n)
    assert str(problem).endswith(
        f"at byte 512: no miniSEED record; 100 bytes not used; the first of {n} such problems in "
        "this file"
    )


def test_damaged_records_of_a_segment_are_one_problem(path: Path) -> None:
    made = records(noise(40_000))
    broken = [r[:300] + bytes([r[300] ^ 8]) + r[301:] for r in made[1:-1]]
    path.write_bytes(b"".join([made[0], *broken, made[-1]]))
    reading = read_all(path)
    (problem,) = reading.problems
    assert (problem.byte, problem.n) == (512, len(broken))


def test_what_many_stations_share_is_one_problem_that_names_some(path: Path) -> None:
    made = []
    for k in range(30):
        (record,) = records(noise(20), source=f"FDSN:XX_S{k:03d}__H_H_Z")
        made.append(record[:52] + bytes([19]) + record[53:])
    path.write_bytes(b"".join(made))
    (problem,) = scan_file(path).problems
    assert problem.n == 30
    assert len(problem.others) == 29
    assert "also of XX.S001..HHZ, XX.S002..HHZ" in str(problem)
    assert "(30 stations)" in str(problem)
    assert len(str(problem)) < 400


def test_problems_of_two_kinds_or_files_stay_apart() -> None:
    found = list(
        Problems(
            Problem(name, reason, byte)
            for name in "ab"
            for reason in ("cut off at 3", "cut off at 47", "empty")
            for byte in (7, 9)
        )
    )
    assert [(p.path, p.reason, p.byte, p.n) for p in found] == [
        ("a", "cut off at 3", 7, 4),
        ("a", "empty", 7, 2),
        ("b", "cut off at 3", 7, 4),
        ("b", "empty", 7, 2),
    ]


def test_times_beyond_the_years_cost_no_more_for_being_many(path: Path, monkeypatch) -> None:
    path.write_bytes(b"".join(records(noise(20))))

    def work(n: int) -> int:
        far = [Segment(f"X.{k}..Z", 2**63, 1, 1.0, "int32", 0, 1) for k in range(n)]
        monkeypatch.setattr(type(READERS[0]), "scan", lambda *_: (far, [], {}))
        scan_file(path)
        return calls_of(lambda: scan_file(path))

    assert work(800) < 4.4 * work(200)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """Ranges that a store was asked for."""
    asked: list[tuple[int, int]] = []
    real = MemoryFileSystem.cat_file

    def cat_file(self: MemoryFileSystem, path: str, start: int, end: int) -> bytes:
        asked.append((start, end))
        return bytes(real(self, path, start=start, end=end))

    monkeypatch.setattr(MemoryFileSystem, "cat_file", cat_file)
    return asked


def test_a_store_is_asked_for_close_ranges_together(requests: list[tuple[int, int]]) -> None:
    content = np.random.default_rng(0).bytes(1 << 20)
    path = any_path("memory://bucket/all")
    path.write_bytes(content)
    close = [(k, k + 512) for k in range(0, 1 << 18, 4096)]
    far = [(k, k + 512) for k in range(1 << 18, 1 << 20, 100_000)]
    beyond = [((1 << 20) - 100, (1 << 20) + 400), (1 << 21, (1 << 21) + 5)]
    wanted = [*close, *far, *beyond, close[0]]
    assert list(read_ranges(path, wanted)) == [content[a:b] for a, b in wanted]
    assert len(requests) == 1 + len(far) - 1 + 2
    assert sum(b - a for a, b in requests) < (1 << 18) + 16 * 512


def test_a_store_gives_the_same_samples_as_a_disk(path: Path, requests) -> None:
    content = b"".join(interleaved(4))
    path.write_bytes(content)
    stored = any_path("memory://bucket/four")
    stored.write_bytes(content)
    here, there = read_all(path), read_all(stored)
    assert len(requests) == 4
    assert here.scan.segments == there.scan.segments
    for station, values in here.values.items():
        assert np.array_equal(there.values[station], values)
