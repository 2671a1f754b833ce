"""Every sample arrives bit-exact at its time; what is not there is known not to be there."""

from pathlib import Path

import numpy as np
import pytest
from raw_archives import (
    RATE,
    START_NS,
    STATION,
    Ingested,
    assert_same,
    ingest,
    mseed,
    noise,
    read,
    trace,
    write,
)

import seisflow
from seisflow.archive.schema import INTEGER_FILL
from seisflow.core.classes import State
from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S, format_time

PERIOD_NS = NS_PER_S // RATE


def assert_equals_obspy(found: Ingested, raw: Path) -> None:
    """Every sample of every trace is there, at the nearest time of the grid; nothing else is."""
    grid, n_samples = found.prepared.product.grid, 0
    assert grid.rate == RATE
    with seisflow.open(found.path) as opened:
        for file in sorted(p for p in raw.rglob("*") if p.is_file()):
            for each in read(file):
                record = opened.waveform.sel(station=each.id)
                times = each.stats.starttime.ns + np.arange(each.stats.npts) * PERIOD_NS
                labels = times.astype("datetime64[ns]")
                there = record.sel(time=labels, method="nearest")
                np.testing.assert_array_equal(there.values, each.data)
                away = there.time.values.astype(np.int64) - times
                assert (2 * np.abs(away) <= PERIOD_NS).all()
                n_samples += each.stats.npts
        valid = round(RATE * float(opened.coverage.fillna(-1).astype("float64").sum()))
    assert n_samples == found.counts["samples"] == valid


@pytest.mark.parametrize(
    ("dtype", "stored"),
    [("int16", "int32"), ("int32", "int32"), ("float32", "float32"), ("float64", "float64")],
)
def test_every_sample_and_time_equals_obspy(tmp_path: Path, dtype: str, stored: str) -> None:
    raw = tmp_path / "raw"
    for k, station in enumerate([STATION, "YY.B..HHN"]):
        offset = k * 7_000_000  # of the grid's 50 ms
        for j, (ahead_s, n) in enumerate([(3, 2000), (900, 501), (3590, 333)]):
            start = START_NS + offset + ahead_s * NS_PER_S
            values = noise(n, seed=10 * k + j, dtype=dtype)
            write(raw / f"{k}-{j}.mseed", trace(values, start, station=station))
    found = ingest(raw, output=tmp_path / "w.zarr")
    assert found["waveform"].dtype == stored
    assert found.stations == [STATION, "YY.B..HHN"]
    assert_equals_obspy(found, raw)


def test_types_that_differ_are_stored_in_one_that_holds_all(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    big = np.array([2**31 - 1, -(2**31) + 1, 16_777_217], "int32")
    write(raw / "a", trace(big), encoding="INT32")
    write(raw / "b", trace(noise(50, 1, "float32"), station="YY.B..HHN"))
    found = ingest(raw, output=tmp_path / "w.zarr")
    assert found["waveform"].dtype == "float64"
    assert_equals_obspy(found, raw)


def test_sac_files_with_and_without_codes_and_places(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    placed = trace(noise(500, 1, "float32"), START_NS + 12_000_000, station="CI.SRT.00.HHZ")
    placed.stats.sac = {"stlo": -117.75, "stla": 35.5, "stel": 700.0}
    write(raw / "a.sac", placed, format="SAC")
    write(raw / "b.sac", trace(noise(300, 2, "float32"), station=".N1.."), format="SAC")
    found = ingest(raw, output=tmp_path / "w.zarr")
    assert found.stations == [".N1..", "CI.SRT.00.HHZ"]
    np.testing.assert_array_equal(found["longitude"], [np.nan, -117.75])
    np.testing.assert_array_equal(found["latitude"], [np.nan, 35.5])
    np.testing.assert_array_equal(found["elevation"], [np.nan, 700])
    assert [s["offset_ns"] for s in found.segments()] == [0, 12_000_000]
    assert_equals_obspy(found, raw)


def test_a_table_of_stations_goes_before_headers(tmp_path: Path) -> None:
    mseed(tmp_path / "a.mseed", (START_NS, noise(100)), station="..00.HHZ")
    mseed(tmp_path / "b.mseed", (START_NS, noise(100)), station="XX.B..HHZ")
    (tmp_path / "s.csv").write_text("network,station,lat,lon,elev\nXX,B,10,20,30\n")
    found = ingest(tmp_path / "?.mseed", output=tmp_path / "w", stations=str(tmp_path / "s.csv"))
    assert found.stations == ["..00.HHZ", "XX.B..HHZ"]
    np.testing.assert_array_equal(found["longitude"], [np.nan, 20])


def test_gaps_have_no_coverage_and_no_values(tmp_path: Path) -> None:
    first, second = noise(45), noise(30, 1)
    raw = mseed(tmp_path / "a", (START_NS, first), (START_NS + 4 * NS_PER_S, second))
    found = ingest(raw, output=tmp_path / "w.zarr")
    assert found.seconds(START_NS, 7) == [1, 1, 0.25, 0, 1, 0.5, 0]
    np.testing.assert_array_equal(found.at(START_NS, 45), first)
    assert (found.at(START_NS, 80)[45:] == INTEGER_FILL).all()
    counts = found.counts
    assert (counts["seconds_complete"], counts["seconds_partial"]) == (3, 2)
    assert counts["seconds_without_data"] == 3600 - 5
    assert [(s["first_sample"], s["n_samples"]) for s in found.segments()] == [(0, 45), (80, 30)]
    (summary,) = found.prepared.inventory.summaries()
    assert (summary.n_gaps, summary.n_overlaps, summary.n_samples) == (1, 0, 75)
    assert not found.progress.problems


def test_floats_that_are_not_finite_are_not_covered(tmp_path: Path) -> None:
    values = noise(40, dtype="float32")
    values[[5, 25]] = np.nan, np.inf
    write(tmp_path / "a", trace(values))
    found = ingest(tmp_path / "a", output=tmp_path / "w.zarr")
    assert found.seconds(START_NS, 3) == pytest.approx([0.95, 0.95, 0])
    np.testing.assert_array_equal(found.at(START_NS, 40), values)


def test_dropouts_filled_with_zeros_are_counted_as_constant(tmp_path: Path) -> None:
    values = noise(400) + 5000
    values[100:150] = 0
    values[200:205] = 0  # too short for a stopped recorder: a flat top, as far as can be told
    found = ingest(mseed(tmp_path / "a", (START_NS, values)), output=tmp_path / "w.zarr")
    assert found.counts["constant_samples"] == 50
    assert found.counts["clipped_samples"] == 5
    assert found.seconds(START_NS, 20) == [1] * 20  # they were recorded
    np.testing.assert_array_equal(found.at(START_NS, 400), values)


def test_the_lowest_number_is_a_sample_like_any_other(tmp_path: Path) -> None:
    values = noise(100)
    values[30:34] = INTEGER_FILL
    write(tmp_path / "a", trace(values), encoding="INT32")
    found = ingest(tmp_path / "a", output=tmp_path / "w.zarr")
    assert found.seconds(START_NS, 5) == [1] * 5
    assert found.counts["clipped_samples"] == 4


@pytest.mark.parametrize("offset_ns", [0, 1000, 24_999_000, -24_999_000, 25_001_000])
def test_an_offset_below_a_sample_is_kept_as_data(tmp_path: Path, offset_ns: int) -> None:
    start = START_NS + 10 * NS_PER_S + offset_ns
    values = noise(200)
    found = ingest(mseed(tmp_path / "a", (start, values)), output=tmp_path / "w.zarr")
    (segment,) = found.segments()
    assert segment["start_ns"] == start
    assert abs(segment["offset_ns"]) <= PERIOD_NS // 2
    grid = found.prepared.product.grid
    assert grid.time_of(segment["first_sample"]) + segment["offset_ns"] == start
    np.testing.assert_array_equal(found.at(start, 200), values)


@pytest.mark.parametrize("base_ns", [0, 24_000_000, -24_000_000])
@pytest.mark.parametrize("jitter_ns", [2_000_000, -2_000_000, 24_000_000, -24_000_000])
def test_joins_that_miss_by_less_than_half_a_sample_leave_nothing_out(
    tmp_path: Path, base_ns: int, jitter_ns: int
) -> None:
    values = noise(300)
    starts = [START_NS + base_ns + NS_PER_S, START_NS + base_ns + 6 * NS_PER_S + jitter_ns]
    for k, start in enumerate(starts):
        mseed(tmp_path / f"{k}.mseed", (start, values[100 * k : 100 * k + 100 + 100 * k]))
    found = ingest(tmp_path / "*.mseed", output=tmp_path / "w.zarr")
    np.testing.assert_array_equal(found.at(starts[0], 300), values)
    assert [s["start_ns"] for s in found.segments()] == starts
    assert found.counts["samples"] == 300
    assert found.seconds(START_NS + 2 * NS_PER_S, 10) == [1] * 10


def test_a_slow_clock_leaves_gaps_of_one_sample_and_loses_none(tmp_path: Path) -> None:
    values, starts = noise(2000), []
    for k in range(20):
        starts.append(START_NS + k * (5 * NS_PER_S + 11_000_000))  # 11 ms of 50 late every file
        mseed(tmp_path / f"{k:02d}.mseed", (starts[-1], values[100 * k : 100 * k + 100]))
    found = ingest(tmp_path / "*.mseed", output=tmp_path / "w.zarr")
    record = found["waveform"][0]
    np.testing.assert_array_equal(record[record != INTEGER_FILL], values)
    assert found.counts["samples"] == 2000
    segments = found.segments()
    assert [s["start_ns"] for s in segments] == starts
    assert max(abs(s["offset_ns"]) for s in segments) <= PERIOD_NS
    assert segments[-1]["first_sample"] == 19 * 100 + round(19 * 11 / 50)
    assert found.prepared.inventory.summaries()[0].n_gaps == 0


def test_a_fast_clock_overlaps_by_one_sample_now_and_then(tmp_path: Path) -> None:
    values, starts = noise(2000), []
    for k in range(20):
        starts.append(START_NS + NS_PER_S + k * (5 * NS_PER_S - 11_000_000))
        mseed(tmp_path / f"{k:02d}.mseed", (starts[-1], values[100 * k : 100 * k + 100]))
    found = ingest(tmp_path / "*.mseed", output=tmp_path / "w.zarr")
    n_slips = round(19 * 11 / 50)
    assert found.counts["conflicting_samples"] + found.counts["overlapping_samples"] == n_slips
    assert found.counts["samples"] == 2000 - n_slips
    # where two files have one sample, the first keeps it and the second begins one later
    late = [s["start_ns"] - t for s, t in zip(found.segments(), starts, strict=True)]
    assert sorted(late) == [0] * (20 - n_slips) + [PERIOD_NS] * n_slips


def test_files_that_share_one_sample_are_normal(tmp_path: Path) -> None:
    values = noise(201)
    mseed(tmp_path / "a.mseed", (START_NS, values[:101]))
    mseed(tmp_path / "b.mseed", (START_NS + 100 * PERIOD_NS, values[100:]))
    found = ingest(tmp_path / "?.mseed", output=tmp_path / "w.zarr")
    np.testing.assert_array_equal(found.at(START_NS, 201), values)
    counts = found.counts
    assert (counts["samples"], counts["overlapping_samples"]) == (201, 1)
    assert counts["conflicting_samples"] == 0
    assert not found.progress.problems


def test_equal_data_twice_are_kept_once(tmp_path: Path) -> None:
    values = noise(400)
    once = tmp_path / "once"
    mseed(once / "a", (START_NS, values[:250]))
    mseed(once / "b", (START_NS + 250 * PERIOD_NS, values[250:]))
    twice = tmp_path / "twice"
    for name in ("a", "b", "copy of a"):
        twice.mkdir(exist_ok=True)
        (twice / name).write_bytes((once / name.removeprefix("copy of ")).read_bytes())
    mseed(twice / "c", (START_NS + 200 * PERIOD_NS, values[200:300]))
    clean = ingest(once, output=tmp_path / "o.zarr")
    found = ingest(twice, output=tmp_path / "t.zarr")
    assert_same(found, clean, segments=False)
    assert found.counts["samples"] == 400
    assert found.counts["overlapping_samples"] == 350
    assert found.counts["conflicting_samples"] == 0
    assert not found.progress.problems


@pytest.mark.parametrize("names", [("a", "b"), ("b", "a")])
def test_of_conflicting_data_the_first_are_kept_and_the_rest_counted(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    first, second = noise(200), noise(200, 1)
    second[20] = first[120]
    raw = tmp_path / "raw"
    mseed(raw / names[0], (START_NS, first))
    mseed(raw / names[1], (START_NS + 100 * PERIOD_NS, second))
    found = ingest(raw / "a", raw / "b", output=tmp_path / "w.zarr")
    again = ingest(raw / "b", raw, output=tmp_path / "again.zarr")
    np.testing.assert_array_equal(found.at(START_NS, 200), first)
    np.testing.assert_array_equal(found.at(START_NS + 10 * NS_PER_S, 100), second[100:])
    n_equal = int((first[100:] == second[:100]).sum())
    assert n_equal >= 1
    assert found.counts["overlapping_samples"] == n_equal
    assert found.counts["conflicting_samples"] == 100 - n_equal
    (problem,) = found.progress.problems
    assert problem == (
        f"{STATION}@{format_time(START_NS)}: {100 - n_equal} samples differ where files overlap; "
        "the first kept"
    )
    assert_same(found, again)


def test_of_conflicting_data_of_one_time_the_first_name_is_kept(tmp_path: Path) -> None:
    mseed(tmp_path / "b", (START_NS, noise(50, 1)))
    mseed(tmp_path / "a", (START_NS, noise(50)))
    found = ingest(tmp_path / "b", tmp_path / "a", output=tmp_path / "w.zarr")
    np.testing.assert_array_equal(found.at(START_NS, 50), noise(50))


def test_crossing_midnight_and_a_day_without_data(tmp_path: Path) -> None:
    midnight = START_NS + 2 * HOUR_NS
    crossing, early = noise(100), noise(60, 1)
    mseed(tmp_path / "a", (midnight - 2 * NS_PER_S, crossing), station="XX.A..HHZ")
    mseed(tmp_path / "b", (START_NS, early), station="XX.B..HHZ")
    found = ingest(tmp_path / "?", output=tmp_path / "w.zarr")
    assert str(found.prepared.product.span) == "2020-02-28T00:00:00Z to 2020-03-01T00:00:00Z"
    assert found.prepared.product.shard_s == 86400
    assert [t.name for t in found.work.tasks] == [
        f"XX.{s}..HHZ@2020-02-{d}T00:00:00Z" for s in "AB" for d in (28, 29)
    ]
    np.testing.assert_array_equal(found.at(midnight - 2 * NS_PER_S, 100, 0), crossing)
    assert found.seconds(midnight - 3 * NS_PER_S, 7, 0) == [0, 1, 1, 1, 1, 1, 0]
    assert (found["coverage"][1, 86400:] == 0).all()
    assert (found["state"] == State.READY).all()
    first = found.segments()[0]
    assert (first["start_ns"], first["n_samples"]) == (midnight - 2 * NS_PER_S, 100)


@pytest.mark.parametrize(
    ("start_s", "end_s", "first", "stop"),
    [
        (2, 5, 40, 100),
        (2.01, 5, 41, 100),
        (2, 5.01, 40, 101),
        (None, 3, 0, 60),
        (8, None, 160, 200),
    ],
)
def test_the_end_asked_for_is_exclusive(tmp_path: Path, start_s, end_s, first, stop) -> None:
    values = noise(200)
    raw = mseed(tmp_path / "a", (START_NS, values))
    options = {
        name: format_time(START_NS + round(s * NS_PER_S))
        for name, s in (("start", start_s), ("end", end_s))
        if s is not None
    }
    found = ingest(raw, output=tmp_path / "w.zarr", **options)
    record = found["waveform"][0]
    there = np.flatnonzero(record != INTEGER_FILL)
    assert there.tolist() == list(range(first, stop))
    np.testing.assert_array_equal(record[there], values[first:stop])
    (segment,) = found.segments()
    assert (segment["first_sample"], segment["n_samples"]) == (first, stop - first)


def test_an_end_at_midnight_does_not_open_the_next_day(tmp_path: Path) -> None:
    midnight = START_NS + 2 * HOUR_NS
    raw = mseed(tmp_path / "a", (midnight - 10 * NS_PER_S, noise(400)))
    found = ingest(raw, output=tmp_path / "w.zarr", end="2020-02-29")
    assert str(found.prepared.product.span) == "2020-02-28T23:00:00Z to 2020-02-29T00:00:00Z"
    assert found.counts["samples"] == 200


def test_what_has_not_run_is_neither_covered_nor_empty(tmp_path: Path) -> None:
    midnight = START_NS + 2 * HOUR_NS
    raw = mseed(tmp_path / "a", (midnight - 2 * NS_PER_S, noise(100)))
    partial = ingest(raw, output=tmp_path / "w.zarr", n_tasks=1)
    assert not np.isnan(partial["coverage"][0, :86400]).any()
    assert np.isnan(partial["coverage"][0, 86400:]).all()
    assert partial["state"].tolist() == [[State.READY, State.NOT_RUN]]
    assert not partial.progress.is_complete
    assert partial.segments()[0]["n_samples"] == 40
    whole = ingest(raw, output=tmp_path / "w.zarr")
    assert [r.task for r in whole.receipts] == [whole.work.tasks[1].name]
    assert_same(whole, ingest(raw, output=tmp_path / "clean.zarr"))


def test_a_record_of_62_5_hz(tmp_path: Path) -> None:
    raw = mseed(tmp_path / "a", (START_NS + 48_000_000, noise(1000)), rate=62.5)
    found = ingest(raw, output=tmp_path / "w.zarr")
    assert found["waveform"].shape == (1, 225_000)
    np.testing.assert_array_equal(found["waveform"][0, 3:1003], noise(1000))
    coverage = found.seconds(START_NS, 17)
    assert coverage == pytest.approx([60 / 63, *[1] * 15, 3 / 63])
    assert DAY_NS % 16_000_000 == 0
