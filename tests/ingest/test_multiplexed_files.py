"""Stations in one file or in one each: the same product, and work in proportion to the samples."""

import pickle
from heapq import merge
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from counting import calls_of, counted_reading
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymseed import MS3Record
from raw_archives import START_NS, Ingested, asked, assert_same, ingest, noise, prepare
from stages import Begun

from seisflow.archive.work import progress_of
from seisflow.core.grid import DAY_NS, NS_PER_S, SampleGrid, Span
from seisflow.formats import record_index
from seisflow.formats.segments import FileScan, Segment
from seisflow.stages.ingest import placing
from seisflow.stages.ingest.inventory import Inventory, Selection, take_inventory
from seisflow.stages.ingest.stage import Ingest

Record = tuple[int, bytes]
"""Time of the first sample, and the record."""


def records(
    values: np.ndarray, start_ns: int, station: int, *, rate: float = 20, reclen: int = 256
) -> list[Record]:
    maker = MS3Record(reclen=reclen, encoding=11)
    maker.sourceid, maker.starttime, maker.samprate = f"FDSN:XX_S{station}__H_H_Z", start_ns, rate
    maker.formatversion = 2
    made = [bytes(r) for r in maker.generate(data_samples=values, sample_type="i")]
    return [(MS3Record.parse(r).starttime, r) for r in made]


def write(folder: Path, stations: list[list[Record]]) -> tuple[Path, Path]:
    """Write a file for each station, and one of all records by time, each station in its order."""
    (folder / "files").mkdir(parents=True)
    for k, each in enumerate(stations):
        (folder / "files" / f"{k}").write_bytes(b"".join(r for _, r in each))
    together = merge(*stations, key=lambda r: r[0])
    (folder / "all").write_bytes(b"".join(r for _, r in together))
    return folder / "files", folder / "all"


def same(folder: Path, stations: list[list[Record]], **options: object) -> tuple[Ingested, ...]:
    files, together = write(folder, stations)
    apart = ingest(files, output=folder / "a.zarr", **options)
    one = ingest(together, output=folder / "o.zarr", **options)
    assert_same(one, apart)
    assert one.counts == apart.counts
    assert one.progress.read_bytes <= apart.progress.read_bytes
    return one, apart


@pytest.mark.slow
def test_several_days_make_the_same_product(tmp_path: Path) -> None:
    start, n_samples = START_NS + 3 * 10**6, 52 * 3600
    stations = [records(noise(n_samples, k), start, k, rate=1) for k in range(3)]
    one, _ = same(tmp_path, stations)
    assert one["state"].shape == (3, 4)
    for k in range(3):
        np.testing.assert_array_equal(one.at(start, n_samples, k), noise(n_samples, k))


def test_damaged_records_in_the_middle_make_the_same_product(tmp_path: Path) -> None:
    stations = [records(noise(6000, k), START_NS, k) for k in range(3)]
    for k, kind in enumerate(("frames", "header", "junk")):
        time_ns, record = stations[k][7]
        bad = {
            "frames": record[:120] + bytes([record[120] ^ 4]) + record[121:],
            "header": b"\xff" * 8 + record[8:],
            "junk": b"none".ljust(256, b"-"),
        }
        stations[k][7] = time_ns, bad[kind]
    one, apart = same(tmp_path, stations)
    assert [len([s for s in one.segments() if s["station"] == k]) for k in range(3)] == [2] * 3
    assert 0 < one.progress.n_problems <= apart.progress.n_problems == 3


@pytest.mark.parametrize("rate", [20, 40])
def test_several_rates_in_one_file_make_the_same_product(tmp_path: Path, rate: int) -> None:
    stations = [records(noise(3000, k), START_NS, k, rate=20 + 20 * (k % 2)) for k in range(4)]
    one, _ = same(tmp_path, stations, rate=rate)
    assert len(one.stations) == 2


@pytest.mark.slow
@settings(
    max_examples=6,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_any_mixture_makes_the_same_product(tmp_path_factory, data: st.DataObject) -> None:
    """Gaps, overlaps, lengths of records and places of days, drawn."""
    stations = []
    for k in range(data.draw(st.integers(1, 4))):
        start, made = START_NS + 2 * 3600 * NS_PER_S - 40 * NS_PER_S, []
        for part in range(data.draw(st.integers(1, 4))):
            n = data.draw(st.integers(1, 900))
            reclen = data.draw(st.sampled_from([128, 256, 512]))
            made += records(noise(n, 10 * k + part), start, k, reclen=reclen)
            start += n * NS_PER_S // 20 + data.draw(st.integers(-3, 30)) * NS_PER_S // 20
        stations.append(made)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_index, "RANGES_PER_PART", 2)
        same(tmp_path_factory.mktemp("mixed"), stations)


@pytest.mark.slow
@pytest.mark.parametrize("n_stations", [4, 12])
def test_ingest_reads_a_multiplexed_file_twice_and_no_more(tmp_path: Path, n_stations: int) -> None:
    """Three days: no station walks over another, no day over the one before."""
    stations = [records(noise(60 * 3600, k), START_NS, k, rate=1) for k in range(n_stations)]
    _, together = write(tmp_path, stations)
    with counted_reading() as counts:
        made = ingest(together, output=tmp_path / "w.zarr")
    assert made["state"].shape == (n_stations, 4)
    assert counts["bytes"] <= 2.1 * together.stat().st_size
    assert counts["records"] <= 2.1 * sum(map(len, stations))
    assert made.progress.read_bytes <= 1.1 * together.stat().st_size
    assert counts["files"] <= 2 + 4 * n_stations


def test_a_task_carries_only_what_it_needs_of_an_index(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(record_index, "RANGES_PER_PART", 64)
    # starts 0.4 s after a grid sample: what was recorded last belongs to the next day's shard
    stations = [records(noise(30 * 3600, k), START_NS, k, rate=1, reclen=128) for k in range(8)]
    _, together = write(tmp_path, stations)
    _, prepared = prepare(together)
    for task in prepared.tasks:
        for placement in task.placements:
            index = placement.found.segment.records
            first, stop = task.start - placement.index, task.stop - placement.index
            n = len(index.ranges(max(first, 0), stop)) if index else 1
            assert len(pickle.dumps(placement)) < 2000 + 4 * (n + 2 * 64)


def test_a_file_gone_since_the_scan_is_one_reason(tmp_path: Path) -> None:
    each = [r for k in range(50) for r in records(noise(20), START_NS + 2 * k * NS_PER_S, 0)]
    _, together = write(tmp_path, [each])
    begun = Begun(Ingest(asked(together, output=tmp_path / "w.zarr")))
    work = begun.work
    together.unlink()
    (task,) = work.tasks
    assert len(task.placements) == 50
    receipt = work.job()(task)
    assert receipt.state == "failed"
    assert receipt.reason.count(str(together)) <= 2  # named by us, and in the error's own words
    assert np.isnan(Ingested(work.path, begun.plan, work, ())["coverage"][0, :99:2]).all()


def test_ten_thousand_bad_places_are_a_line_in_the_product(tmp_path: Path) -> None:
    each = records(noise(600_000), START_NS, 0)
    bad = [r[:120] + bytes([r[120] ^ 4]) + r[121:] if n % 2 else r for n, (_, r) in enumerate(each)]
    (tmp_path / "raw").write_bytes(b"-----".join(bad))
    made = ingest(tmp_path / "raw", output=tmp_path / "w.zarr")
    assert len(bad) > 2000
    progress = progress_of(made.path)
    assert len(progress.problems) == progress.n_problems <= 4
    assert f"the first of {len(bad) - 1} such problems" in progress.problems[0]


def inventory_of(n_days: int, per_day: int = 4) -> Inventory:
    step = DAY_NS // per_day
    scans = [
        FileScan(
            f"{k:06d}", "miniSEED", 1, 0, (Segment("X.A..Z", k * step, 100, 1.0, "int32", 0, 1),)
        )
        for k in range(n_days * per_day)
    ]
    return take_inventory(scans, Selection())


def test_placing_years_of_files_in_days_takes_time_in_proportion() -> None:
    def work(n_days: int) -> int:
        inventory = inventory_of(n_days)
        grid = SampleGrid.over(Span(0, n_days * DAY_NS), placing.Fraction(1))
        placements = placing.place_station(inventory, "X.A..Z", grid)
        tasks: list[dict[int, tuple[placing.Placement, ...]]] = []
        n = calls_of(lambda: tasks.append(placing.by_shard(placements, 86_400, 0, grid.n_samples)))
        assert [len(tasks[0][day]) for day in range(n_days)] == [4] * n_days
        return n

    assert work(400) < 4.4 * work(100)


def test_shards_take_the_segments_that_reach_into_them() -> None:
    segments = [Segment("X.A..Z", k * 40 * NS_PER_S, 50, 1.0, "int32", 0, 1) for k in range(9)]
    inventory = take_inventory([FileScan("a", "", 1, 0, tuple(segments))], Selection())
    grid = SampleGrid(0, placing.Fraction(1), 3600)
    placements = placing.place_station(inventory, "X.A..Z", grid)
    found = placing.by_shard(placements, 100, 30, 310)
    for shard, (start, stop) in enumerate(pairwise([0, 100, 200, 300, 400])):
        low, high = max(start, 30), min(stop, 310)
        assert found[shard] == tuple(p for p in placements if p.index < high and p.stop > low)
    assert sorted(found) == [0, 1, 2, 3]
