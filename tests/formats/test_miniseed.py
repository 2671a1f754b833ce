"""miniSEED: whatever is damaged is named and left out, all else is read, nothing is invented."""

import tracemalloc
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from format_samples import CONFORMANCE, DAY_NS, START_NS, noise, read_all, records
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymseed import DataEncoding, MS3Record

from seisflow.formats import miniseed
from seisflow.formats.miniseed import MiniSeedReader
from seisflow.formats.readers import read_segment, scan_file

STATION = "XX.STA.00.HHZ"
TRUTH = noise(4000)


def flip(data: bytes, byte: int, bit: int = 3) -> bytes:
    out = bytearray(data)
    out[byte] ^= 1 << bit
    return bytes(out)


def positions(path: Path) -> dict[int, int]:
    """Sample values by time in units of 0.01 s; the same time twice must hold the same value."""
    scan = scan_file(path)
    out: dict[int, int] = {}
    for segment in scan.segments:
        for run in read_segment(scan.format, path, segment, 0, segment.n_samples)[0]:
            start = round((segment.start_ns - START_NS) / 1e7) + run.first
            for k, value in enumerate(run.values.tolist(), start):
                assert out.setdefault(k, value) == value
    return out


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "day.ms"


@pytest.mark.parametrize("encoding", [DataEncoding.STEIM1, DataEncoding.STEIM2])
@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("place", [0.3, 0.6, 0.95])
def test_a_flipped_bit_in_the_data_costs_one_record(
    path: Path, encoding: int, version: int, place: float
) -> None:
    made = records(TRUTH, encoding=encoding, version=version)
    edges = np.cumsum([0] + [MS3Record.parse(r).samplecnt for r in made])
    offset = len(made[0]) + len(made[1])
    damaged = flip(b"".join(made), offset + int(len(made[2]) * place))
    path.write_bytes(damaged)
    reading = read_all(path)
    left = np.concatenate([TRUTH[: edges[2]], TRUTH[edges[3] :]])
    assert np.array_equal(reading.values[STATION], left)
    (problem,) = reading.problems
    assert problem.byte == offset
    assert "CRC" in problem.reason if version == 3 else "samples are left out" in problem.reason
    assert set(positions(path)) == {*range(edges[2]), *range(edges[3], len(TRUTH))}


def test_every_bit_of_the_data_frames_is_watched(path: Path) -> None:
    made = records(noise(300), reclen=512)
    whole = b"".join(made)
    for byte in range(64, len(made[0]), 3):
        path.write_bytes(flip(whole, byte, byte % 8))
        reading = read_all(path)
        got = reading.values.get(STATION, np.zeros(0, "int32"))
        assert np.array_equal(got, noise(300)) or reading.problems, f"byte {byte} went unnoticed"
        assert not set(got.tolist()) - set(noise(300).tolist())


@pytest.mark.parametrize("byte", [0, 6, 20, 24, 46, 48, 54])
def test_a_damaged_header_costs_at_most_one_record(path: Path, byte: int) -> None:
    made = records(TRUTH)
    edges = np.cumsum([0] + [MS3Record.parse(r).samplecnt for r in made])
    broken = bytearray(made[2])
    broken[byte] = 0xFF
    path.write_bytes(b"".join([*made[:2], bytes(broken), *made[3:]]))
    found = positions(path)
    outside = {k for k in range(len(TRUTH)) if not edges[2] <= k < edges[3]}
    assert outside <= set(found)
    assert all(found[k] == TRUTH[k] for k in outside)


@pytest.mark.parametrize("exponent", [8, 10, 12, 20, 31])
def test_a_wrong_record_length_hides_no_other_record(path: Path, exponent: int) -> None:
    made = records(TRUTH)
    edges = np.cumsum([0] + [MS3Record.parse(r).samplecnt for r in made])
    broken = bytearray(made[2])
    assert broken[54] == 9
    broken[54] = exponent
    path.write_bytes(b"".join([*made[:2], bytes(broken), *made[3:]]))
    found = set(positions(path))
    assert found >= {*range(edges[2]), *range(edges[3], len(TRUTH))}
    # an impossible length (2**31) libmseed replaces by a search for the next record
    assert len(found) == len(TRUTH) or any(p.byte == 1024 for p in read_all(path).problems)


def test_junk_between_records_is_skipped_and_named(path: Path) -> None:
    made = records(TRUTH)
    junk = bytes(range(256)) * 5 + b"x"
    path.write_bytes(made[0] + junk + b"".join(made[1:]))
    reading = read_all(path)
    assert np.array_equal(reading.values[STATION], TRUTH)
    (problem,) = reading.problems
    assert problem.byte == 512
    assert f"{len(junk)} bytes" in problem.reason
    assert len(reading.scan.segments) == 1, "bytes between records are no gap in time"


def test_junk_at_the_start_does_not_hide_the_records(path: Path) -> None:
    path.write_bytes(b"\x01" * 5000 + b"".join(records(TRUTH)))
    assert np.array_equal(read_all(path).values[STATION], TRUTH)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data(), version=st.sampled_from([2, 3]))
def test_random_damage_never_raises_and_invents_nothing(
    path: Path, data: st.DataObject, version: int
) -> None:
    whole = bytearray(b"".join(records(TRUTH, version=version)))
    frames, n_bits = data.draw(st.booleans()), 0
    for _ in range(data.draw(st.integers(0, 4))):
        byte = data.draw(st.integers(0, len(whole) - 1))
        if not frames or byte % 512 >= 64 or version == 3:
            damage = data.draw(st.integers(1, 255))
            whole[byte] ^= damage
            n_bits += damage.bit_count()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(bytes(whole[:cut]))
    reading = read_all(path)
    # Version 2 has no checksum: nothing guards its headers, and of its frames only the sum of all
    # differences is known, which two damaged bits can leave as it was.
    if version == 3 or (frames and n_bits <= 1):
        for k, value in positions(path).items():
            assert value == TRUTH[k]
    if cut == 0:
        assert reading.problems


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(cut=st.integers(1, 4000))
def test_truncation_leaves_the_whole_records(path: Path, cut: int) -> None:
    made = records(TRUTH)
    path.write_bytes(b"".join(made)[:cut])
    n_whole = sum(MS3Record.parse(r).samplecnt for r in made[: cut // 512])
    reading = read_all(path)
    assert reading.n_samples == n_whole
    assert bool(reading.problems) == (cut % 512 != 0)


@given(n_stations=st.integers(1, 4), seed=st.integers(0, 99))
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_multiplexed_stations_come_apart(path: Path, n_stations: int, seed: int) -> None:
    truth = {f"XX.S{k}..HHZ": noise(1500, k) for k in range(n_stations)}
    queues = [records(v, source=f"FDSN:XX_S{k}__H_H_Z") for k, v in enumerate(truth.values())]
    rng, out = np.random.default_rng(seed), b""
    while any(queues):
        queue = queues[rng.integers(n_stations)]
        out += queue.pop(0) if queue else b""
    path.write_bytes(out)
    for n_parts in (1, 3):
        reading = read_all(path, n_parts)
        assert reading.problems == []
        assert len(reading.scan.segments) == n_stations
        for station, values in truth.items():
            assert np.array_equal(reading.values[station], values)


@given(order=st.lists(st.integers(0, 7), min_size=1, max_size=20))
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_order_and_repetition_of_records_reads_as_in_the_file(
    path: Path, order: list[int]
) -> None:
    made = records(TRUTH)[:8]
    starts = [0, *np.cumsum([MS3Record.parse(r).samplecnt for r in made]).tolist()]
    path.write_bytes(b"".join(made[k] for k in order))
    reading = read_all(path)
    assert reading.problems == []
    expected = [TRUTH[starts[k] : starts[k + 1]] for k in order]
    assert np.array_equal(reading.values[STATION], np.concatenate(expected))
    n_jumps = sum(b != a + 1 for a, b in pairwise(order))
    assert len(reading.scan.segments) == 1 + n_jumps
    assert positions(path) == {
        i: int(TRUTH[i]) for k in order for i in range(starts[k], starts[k + 1])
    }


@pytest.mark.parametrize(("missing", "n_segments"), [(0, 1), (1, 2), (2, 2), (-1, 2)])
def test_a_gap_of_one_sample_is_a_gap(path: Path, missing: int, n_segments: int) -> None:
    late = START_NS + (1000 + missing) * 10_000_000
    path.write_bytes(b"".join(records(TRUTH[:1000]) + records(TRUTH[1000:], late)))
    segments = scan_file(path).segments
    assert len(segments) == n_segments
    if n_segments == 2:
        assert segments[1].start_ns == late


def test_a_segment_ends_with_the_utc_day(path: Path) -> None:
    path.write_bytes(b"".join(records(TRUTH, START_NS + DAY_NS - 10 * 10**9)))
    before, after = scan_file(path).segments
    assert before.start_ns // DAY_NS + 1 == after.start_ns // DAY_NS
    assert before.end_byte == after.start_byte
    assert np.array_equal(read_all(path).values[STATION], TRUTH)


def test_a_corrupt_record_between_stations_keeps_later_samples_in_place(path: Path) -> None:
    a, b = records(TRUTH), records(noise(4000, 1), source="FDSN:XX_OTH__H_H_Z")
    made = [r for pair in zip(a, b, strict=False) for r in pair]
    made[4] = flip(made[4], 300)
    path.write_bytes(b"".join(made))
    found = read_all(path)
    assert len(found.scan.segments) == 2
    assert [p.station for p in found.problems] == [STATION]


def test_text_records_are_a_problem_only_alone(path: Path) -> None:
    log = MS3Record(reclen=512, encoding=DataEncoding.TEXT)
    log.sourceid, log.starttime, log.formatversion = "FDSN:XX_STA__L_O_G", START_NS, 2
    text = b"".join(bytes(r) for r in log.generate(data_samples="clock locked", sample_type="t"))
    path.write_bytes(text)
    scan = scan_file(path)
    assert scan.segments == ()
    assert "no samples" in scan.problems[0].reason
    path.write_bytes(text + b"".join(records(TRUTH)))
    reading = read_all(path)
    assert reading.problems == []
    assert np.array_equal(reading.values[STATION], TRUTH)


def test_samples_of_an_unknown_encoding_are_named(path: Path) -> None:
    made = records(TRUTH)
    broken = bytearray(made[1])
    broken[52] = 19  # Steim 3
    path.write_bytes(b"".join([made[0], bytes(broken), *made[2:]]))
    (problem,) = read_all(path).problems
    assert "encoding 19" in problem.reason
    assert problem.station == STATION


def test_a_file_of_many_chunks_reads_as_one(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = records(noise(20000), reclen=512)
    made[7] = flip(made[7], 200)
    damaged = b"".join([*made[:20], b"junk" * 700, *made[20:]])
    path.write_bytes(damaged + damaged[: len(damaged) // 2 + 11])
    whole = read_all(path)
    monkeypatch.setattr(miniseed, "CHUNK_BYTES", 4096)
    monkeypatch.setattr(miniseed, "MARGIN_BYTES", 1024)
    chunked = read_all(path)
    assert chunked.scan.segments == whole.scan.segments
    assert chunked.problems == whole.problems
    assert np.array_equal(chunked.values[STATION], whole.values[STATION])


@pytest.mark.skipif(not CONFORMANCE.exists(), reason=f"no conformance files at {CONFORMANCE}")
@pytest.mark.parametrize("chunk_bytes", [5120, 6144, 8000])
def test_records_that_do_not_say_how_long_they_are_may_meet_a_chunks_end(
    chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = CONFORMANCE / "libmseed" / "testdata-no-blockette1000-steim1.mseed2"
    whole = read_all(file)
    monkeypatch.setattr(miniseed, "CHUNK_BYTES", chunk_bytes)
    monkeypatch.setattr(miniseed, "MARGIN_BYTES", 4096)
    chunked = read_all(file)
    assert whole.n_samples == 7312
    assert chunked.scan.segments == whole.scan.segments
    assert np.array_equal(chunked.values["XX.TEST..BHE"], whole.values["XX.TEST..BHE"])


@pytest.mark.slow
def test_the_scan_of_a_large_file_stays_small(path: Path) -> None:
    block = b"".join(records(noise(200_000), reclen=4096))
    with path.open("wb") as file:
        for _ in range(1 + (160 << 20) // len(block)):
            file.write(block)
    tracemalloc.start()
    scan_file(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 60e6


def test_names_fall_back_sensibly() -> None:
    assert miniseed._name("FDSN:AZ_FRD__B_H_Z") == "AZ.FRD..BHZ"
    assert miniseed._name("OTHER:thing.7") == ".thing_7.."


def test_the_reader_alone_reports_a_file_of_control_headers(path: Path) -> None:
    path.write_bytes(b"000001V 010009402.3121970,001".ljust(4096) * 2)
    _, problems, _ = MiniSeedReader().scan(path)
    assert [p.reason for p in problems] == ["no samples: no data record"]
