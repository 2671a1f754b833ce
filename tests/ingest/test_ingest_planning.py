"""What is asked for, refused, left out with a word, failed and made good."""

from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from raw_archives import (
    RATE,
    START_NS,
    STATION,
    asked,
    assert_same,
    ingest,
    mseed,
    noise,
    prepare,
)

from seisflow.archive.products import Identity, Product
from seisflow.core.classes import State
from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S, SampleGrid, Span, format_time, parse_time
from seisflow.errors import ConfigError, DataError
from seisflow.formats.segments import FileScan, Segment
from seisflow.stages.ingest import assembling, filling
from seisflow.stages.ingest.assembling import Shard, coverage_of
from seisflow.stages.ingest.config import IngestConfig
from seisflow.stages.ingest.inventory import Selection, take_inventory
from seisflow.stages.ingest.layout import segment_arrays
from seisflow.stages.ingest.placing import place, place_station, product_span
from seisflow.stages.ingest.scanning import batches, scan_batch
from seisflow.stages.ingest.stage import lay_out

PERIOD_NS = NS_PER_S // RATE


def test_several_rates_are_refused_with_their_stations(tmp_path: Path) -> None:
    mseed(tmp_path / "a", (START_NS, noise(100)), station="XX.A..HHZ")
    mseed(tmp_path / "b", (START_NS, noise(100)), station="XX.B..HHZ", rate=100)
    mseed(tmp_path / "c", (START_NS, noise(100)), station="XX.C..HHZ", rate=100)
    with pytest.raises(DataError) as caught:
        prepare(tmp_path)
    assert "20 Hz: 1 station (XX.A..HHZ); 100 Hz: 2 stations (XX.B..HHZ, XX.C..HHZ)" in str(
        caught.value
    )
    assert "--rate HZ" in str(caught.value)
    with pytest.raises(DataError, match="no station is sampled at --rate 40 Hz; found 20 Hz"):
        prepare(tmp_path, rate=40)
    found = ingest(tmp_path / "?", output=tmp_path / "w.zarr", rate=100)
    assert found.stations == ["XX.B..HHZ", "XX.C..HHZ"]
    assert found.progress.plan.notes == ("left out at 20 Hz: 1 station (XX.A..HHZ)",)


def test_one_station_of_two_rates_keeps_the_one_asked_for(tmp_path: Path) -> None:
    mseed(tmp_path / "a", (START_NS, noise(100)))
    mseed(tmp_path / "b", (START_NS + 20 * NS_PER_S, noise(100)), rate=100)
    (summary,) = prepare(tmp_path, rate=20)[1].inventory.summaries()
    assert (summary.rates_hz, summary.n_samples) == ((20.0,), 100)


def test_stations_and_times_not_asked_for_are_left_out_with_a_word(tmp_path: Path) -> None:
    for k, name in enumerate("ABC"):
        start = START_NS + k * 100 * NS_PER_S
        mseed(tmp_path / name, (start, noise(100)), station=f"XX.{name}..HHZ")
    _, prepared = prepare(
        tmp_path,
        select=("XX.[AB].*.*",),
        end=format_time(START_NS + 50 * NS_PER_S),
    )
    assert list(prepared.inventory.found) == ["XX.A..HHZ"]
    assert prepared.needs.notes == (
        "left out 1 segments after --end",
        "left out 1 segments by --select",
    )
    with pytest.raises(DataError, match=r"no samples to ingest in 3 files\n  left out 3 segments"):
        prepare(tmp_path, select=("YY.*.*.*",))


def test_files_that_are_no_records_are_named(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing seismic")
    with pytest.raises(DataError, match=r"no samples to ingest in 1 files\n.*notes\.txt"):
        prepare(tmp_path)
    mseed(tmp_path / "a", (START_NS, noise(100)))
    _, prepared = prepare(tmp_path)
    (problem,) = prepared.inventory.problems
    assert problem.path.endswith("notes.txt")


def test_all_bad_options_are_named(tmp_path: Path) -> None:
    options = {"raw": (), "rate": -1, "start": "noon", "select": ("A.B",), "colour": 1}
    with pytest.raises(ConfigError) as caught:
        IngestConfig.build({"waveforms": "w", **options})
    lines = str(caught.value).splitlines()
    assert sorted(line.split(":")[0] for line in lines) == [
        "colour", "rate", "raw", "select", "start",
    ]  # fmt: skip
    raw = mseed(tmp_path / "a", (START_NS, noise(100)))
    with pytest.raises(ConfigError, match="a span must end after it starts"):
        prepare(raw, start="2020-02-29", end="2020-02-28")


def scan(name: str, start_ns: int, days: float, rate: float = 1.0, station: str = "A") -> FileScan:
    n = int(days * 86400 * rate)
    segment = Segment(f"XX.{station}..Z", start_ns, n, rate, "int32", 0, 4 * n)
    return FileScan(name, "miniSEED", 4 * n, 0, (segment,))


def span_of(scans: list[FileScan], selection: Selection | None = None) -> Span:
    selection = selection or Selection()
    return product_span(take_inventory(scans, selection), selection, Fraction(1))


def test_a_wrong_date_is_not_taken_for_fifty_years() -> None:
    good = [scan(f"{k}", START_NS + k * DAY_NS, 1) for k in range(20)]
    wrong = scan("w", parse_time("1970-01-01"), 1)
    with pytest.raises(DataError, match=r"1970-01-01.* are empty, as one file with a wrong date"):
        span_of([*good, wrong])
    long = Selection(start_ns=parse_time("1960-01-01"), end_ns=parse_time("2030-01-01"))
    with pytest.raises(DataError, match="give less time between --start and --end, or leave"):
        span_of([*good, wrong], long)
    span = span_of([*good, wrong], Selection(start_ns=parse_time("2000-01-01")))
    assert span.start_ns == parse_time("2020-02-28")


def test_a_few_long_files_are_not_taken_for_a_wrong_date() -> None:
    scans = [scan(s, START_NS, 400, station=s) for s in "ABCDEF"]
    span = span_of(scans)
    assert (span.end_ns - span.start_ns) // DAY_NS == 401


def test_a_short_record_gets_whole_hours_and_a_long_one_whole_days() -> None:
    for start, days, expected in (
        ("2020-01-01T10:20", 0.01, "2020-01-01T10:00:00Z to 2020-01-01T11:00:00Z"),
        ("2020-01-01T10:20", 0.1, "2020-01-01T10:00:00Z to 2020-01-01T13:00:00Z"),
        ("2020-01-01T00:00", 1, "2020-01-01T00:00:00Z to 2020-01-02T00:00:00Z"),
        ("2020-01-01T23:59", 0.01, "2020-01-01T00:00:00Z to 2020-01-03T00:00:00Z"),
    ):
        assert str(span_of([scan("a", parse_time(start), days)])) == expected


@pytest.mark.parametrize("offset_ns", [0, 400_000_000, -400_000_000, 500_000_000])
@pytest.mark.parametrize("n_days", [1, 3])
def test_an_offset_below_a_sample_opens_no_empty_day(offset_ns: int, n_days: int) -> None:
    midnight = parse_time("2020-01-01")
    days = [scan(f"{k}", midnight + k * DAY_NS + offset_ns, 1) for k in range(n_days)]
    first_ns = 0 if offset_ns < 500_000_000 else DAY_NS  # a whole sample late needs its place
    assert span_of(days) == Span(midnight, midnight + n_days * DAY_NS + first_ns)


def test_samples_of_a_drifting_clock_always_have_a_place() -> None:
    """One second at a time, each 40 ms early or late: chains pull samples from their nearest."""
    for step_ns in (1_040_000_000, 960_000_000):
        start = parse_time("2020-01-01T22:59:30") + 490_000_000
        scans = [
            FileScan(str(k), "miniSEED", 4, 0, (Segment("X.A..Z", start + k * step_ns, 1, 1.0,
                                                      "int32", 0, 4),))
            for k in range(120)
        ]  # fmt: skip
        for n in (1, 25, 30, 31, 32, 120):
            inventory = take_inventory(scans[:n], Selection())
            span = product_span(inventory, Selection(), Fraction(1))
            grid = SampleGrid.over(span, Fraction(1))
            placed = place(inventory.found["X.A..Z"], grid)
            assert min(p.index for p in placed) >= 0
            assert max(p.stop for p in placed) <= grid.n_samples


def test_start_moves_no_sample_that_comes_after_it() -> None:
    """A chain keeps the phase of its first segment, whether that segment is asked for or not."""
    period = NS_PER_S // 10
    first = Segment(".A..Z", 4 * period // 10, 600, 10.0, "int32", 0, 1)
    second = Segment(
        ".A..Z", first.start_ns + 600 * period + 2 * period // 10, 600, 10.0, "int32", 1, 2
    )
    scans = [FileScan("a", "miniSEED", 2, 0, (first, second))]
    grid = SampleGrid(0, Fraction(10), 36_000)
    places = []
    for start_ns in (None, 61 * NS_PER_S):
        inventory = take_inventory(scans, Selection(start_ns=start_ns))
        places.append({p.found.segment: p.index for p in place_station(inventory, ".A..Z", grid)})
    assert list(places[0].values()) == [0, 600]
    assert places[1] == {second: 600}
    assert grid.nearest(second.start_ns) == 601  # where it would go on its own


def test_the_order_of_scans_changes_nothing(tmp_path: Path) -> None:
    for k in range(4):
        mseed(tmp_path / str(k), (START_NS + k * NS_PER_S, noise(50, k)))
    config = asked(tmp_path)
    (batch,) = batches(config)
    scans = scan_batch(batch)
    a, b = lay_out(config, scans), lay_out(config, reversed(scans))
    assert (a.identity.key, a.tasks, a.needs) == (b.identity.key, b.tasks, b.needs)


def failing_reader(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    real = filling.read_segments

    def read(scan_format: str, path: Path, *rest: object) -> Iterator[object]:
        if path.name == name:
            raise OSError(5, "Input/output error")
        yield from real(scan_format, path, *rest)

    monkeypatch.setattr(filling, "read_segments", read)


def test_a_file_that_cannot_be_read_fails_its_task_and_is_made_good_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, values = tmp_path / "raw", noise(600)
    mseed(raw / "a", (START_NS, values[:190]))
    mseed(raw / "b", (START_NS + 190 * PERIOD_NS, values[190:400]))
    mseed(raw / "c", (START_NS + 400 * PERIOD_NS, values[400:]))
    mseed(raw / "d", (START_NS, values), station="XX.D..HHZ")
    with monkeypatch.context() as patch:
        failing_reader(patch, "b")
        found = ingest(raw, output=tmp_path / "w.zarr")
    (task,) = found.progress.failed
    assert task.startswith(STATION)
    assert "raw/b: [Errno 5] Input/output error" in found.progress.failed[task]
    np.testing.assert_array_equal(found.at(START_NS, 190), values[:190])
    np.testing.assert_array_equal(found.at(START_NS + 20 * NS_PER_S, 200), values[400:])
    # not ingested is not the same as no data
    assert found.seconds(START_NS, 9) == [1] * 9
    assert np.isnan(found.seconds(START_NS + 9 * NS_PER_S, 11)).all()
    assert found.seconds(START_NS + 20 * NS_PER_S, 11) == [*[1] * 10, 0]
    assert found.seconds(START_NS, 31, station=1) == [*[1] * 30, 0]
    assert found["state"].tolist() == [[State.FAILED], [State.READY]]
    healed = ingest(raw, output=tmp_path / "w.zarr")
    assert [r.task for r in healed.receipts] == [task]
    assert healed.progress.is_complete
    assert_same(healed, ingest(raw, output=tmp_path / "clean.zarr"))


def test_damaged_records_are_problems_and_the_rest_is_there(tmp_path: Path) -> None:
    raw = mseed(tmp_path / "a", (START_NS, noise(20_000)))
    content = bytearray(raw.read_bytes())
    content[4096 + 100 : 4096 + 4000] = bytes(b ^ 0x55 for b in content[4196 : 4096 + 4000])
    raw.write_bytes(content)
    found = ingest(raw, output=tmp_path / "w.zarr")
    assert found.progress.is_complete
    (problem,) = found.progress.problems
    assert "at byte 4096" in problem
    n_lost = 20_000 - found.counts["samples"]
    assert 0 < n_lost < 20_000 * 4096 / len(content) * 1.5
    first, second = found.segments()
    assert second["first_sample"] - first["n_samples"] == n_lost
    np.testing.assert_array_equal(
        found.at(START_NS, 20_000)[second["first_sample"] :],
        noise(20_000)[second["first_sample"] :],
    )


def test_other_input_or_options_do_not_resume_a_product(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    mseed(raw / "a", (START_NS, noise(100)))
    mseed(raw / "b", (START_NS + 10 * NS_PER_S, noise(100)))
    output = tmp_path / "w.zarr"
    before = ingest(raw, output=output)
    assert ingest(raw / "a", raw / "b", output=output).receipts == ()
    with pytest.raises(ConfigError, match=r"start: asked '2020-02-28T22:00:01Z', found None"):
        ingest(raw, output=output, start=format_time(START_NS + NS_PER_S))
    mseed(raw / "b", (START_NS + 10 * NS_PER_S, noise(90)))
    with pytest.raises(ConfigError, match=r"file b: asked .* 90 samples', found .* 100 samples'"):
        ingest(raw, output=output)
    np.testing.assert_array_equal(before.at(START_NS, 100), noise(100))


def test_an_archive_that_moved_is_the_same_input(tmp_path: Path) -> None:
    mseed(tmp_path / "here" / "a", (START_NS, noise(100)))
    mseed(tmp_path / "here" / "b", (START_NS, noise(100)), station="XX.B..HHZ")
    first = prepare(tmp_path / "here")[1].identity.key
    (tmp_path / "here").rename(tmp_path / "there")
    assert prepare(tmp_path / "there")[1].identity.key == first


def test_a_table_that_changed_is_another_input(tmp_path: Path) -> None:
    raw, table = mseed(tmp_path / "a", (START_NS, noise(100))), tmp_path / "s.csv"
    keys = set()
    for row in ("ABC,1,2", "ABC,1,3"):
        table.write_text(f"station,lat,lon\n{row}\n")
        keys.add(prepare(raw, stations=str(table))[1].identity.key)
    assert len(keys) == 2


samples = st.integers(2, 12)


@pytest.mark.slow
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_any_split_into_files_gives_the_same_arrays(tmp_path_factory, data) -> None:
    """Cuts, repeats and names of files do not matter; gaps stay where they are."""
    folder = tmp_path_factory.mktemp("split")
    n, values = 400, noise(400)
    gap = data.draw(st.integers(1, n - 2).map(lambda a: (a, a + data.draw(st.integers(0, 40)))))
    start = START_NS + 2 * HOUR_NS - data.draw(st.integers(0, 19)) * NS_PER_S + 13_000_000
    runs = [(0, gap[0]), (min(gap[1], n - 1), n)]
    whole = [(start + a * PERIOD_NS, values[a:b]) for a, b in runs]
    mseed(folder / "whole" / "a", *whole)
    cuts = sorted(data.draw(st.sets(st.integers(1, n - 1), max_size=5)))
    parts = [
        (max(a, lo), min(b, hi))
        for a, b in runs
        for lo, hi in zip([0, *cuts], [*cuts, n], strict=True)
        if max(a, lo) < min(b, hi)
    ]
    # some files reach into the next one, with equal data
    parts += [(a, min(b + 3, r[1])) for a, b in parts for r in runs if r[0] <= a < r[1]][:2]
    names = data.draw(st.permutations(range(len(parts))))
    for name, (a, b) in zip(names, parts, strict=True):
        mseed(folder / "parts" / f"{name}", (start + a * PERIOD_NS, values[a:b]))
    expected = ingest(folder / "whole", output=folder / "w.zarr")
    found = ingest(folder / "parts", output=folder / "p.zarr")
    assert_same(found, expected, segments=False)
    for a, b in runs:
        np.testing.assert_array_equal(found.at(start + a * PERIOD_NS, b - a), values[a:b])
    assert found.counts["conflicting_samples"] == 0
    firsts = {s["first_sample"] for s in expected.segments()}
    assert firsts <= {s["first_sample"] for s in found.segments()}


def test_two_days_in_one_file_or_in_one_for_each_hour(tmp_path: Path) -> None:
    rate, hours = 2, 48
    start = parse_time("2020-02-28") + 100_000_000
    values = noise(3600 * rate * hours)
    mseed(tmp_path / "one" / "a", (start, values), rate=rate)
    step = 3600 * rate
    for hour in range(hours):
        run = (start + hour * HOUR_NS, values[hour * step : (hour + 1) * step])
        mseed(tmp_path / "many" / f"{hour:02d}", run, rate=rate)
    one = ingest(tmp_path / "one", output=tmp_path / "o.zarr")
    many = ingest(tmp_path / "many", output=tmp_path / "m.zarr")
    assert_same(many, one)
    (segment,) = one.segments()
    assert segment == {
        "station": 0, "first_sample": 0, "n_samples": len(values), "offset_ns": 100_000_000,
        "start_ns": start,
    }  # fmt: skip
    np.testing.assert_array_equal(one["waveform"][0], values)
    by_hour = [
        ingest(tmp_path / "one", output=tmp_path / f"{h}.zarr", start=f"2020-02-28T{h:02d}",
               end=f"2020-02-28T{h + 1:02d}")
        for h in (0, 7)
    ]  # fmt: skip
    for h, part in zip((0, 7), by_hour, strict=True):
        np.testing.assert_array_equal(
            part["waveform"], one["waveform"][:, h * step : (h + 1) * step]
        )


@settings(deadline=None)
@given(st.sampled_from([Fraction(1), Fraction(3), Fraction(125, 2), Fraction(4, 3), Fraction(10)]),
       st.data())  # fmt: skip
def test_coverage_is_the_share_of_valid_samples_of_each_second(rate: Fraction, data) -> None:
    n = int(600 * rate)
    shard = Shard.empty(0, n, "float64")
    shard.samples[:] = 0
    for first in data.draw(st.lists(st.integers(0, n - 1), max_size=6)):
        shard.filled[first : first + data.draw(st.integers(1, 200))] = True
    bad = data.draw(st.lists(st.integers(0, n - 1), max_size=3))
    shard.samples[bad] = np.nan
    valid = [bool(shard.filled[k]) and k not in bad for k in range(n)]
    seconds = [int(k / rate) for k in range(n)]
    expected = [
        np.mean([v for v, s in zip(valid, seconds, strict=True) if s == second])
        for second in (0, 1, 299, 598, 599)
    ]
    found = coverage_of(shard, rate)
    assert found.shape == (600,)
    np.testing.assert_allclose(found[[0, 1, 299, 598, 599]], expected, rtol=1e-6)
    assert set(found == 1) <= {True, False}


def test_the_first_to_fill_a_sample_keeps_it() -> None:
    shard = Shard.empty(100, 10, "float32")
    assert shard.put(102, np.array([1, np.nan, 3], "float32")) == [(102, 3)]
    assert shard.put(101, np.array([9, 1, np.nan, 4, 5], "float32")) == [(101, 1), (105, 1)]
    assert shard.put(102, np.array([1], "float32")) == []
    np.testing.assert_array_equal(shard.samples[:6], [np.nan, 9, 1, np.nan, 3, 5])
    assert shard.filled.tolist() == [False, *[True] * 5, *[False] * 4]
    assert (shard.n_overlapping, shard.n_conflicting) == (3, 1)


def test_the_table_of_segments_does_not_depend_on_the_cut() -> None:
    """Segments that overlap, put into one shard or into two cut at sample 80."""
    product = Product(
        Identity("WAVEFORMS", "ingest", {}, {}, 1), Span(0, HOUR_NS), Fraction(1), 3600, 1
    )
    segments = [(0, 100, 0), (50, 70, -5)]
    tables = []
    for cuts in ([0, 200], [0, 80, 200]):
        rows = []
        for start, stop in pairwise(cuts):
            shard = Shard.empty(start, stop - start, "int32")
            for index, n_samples, offset_ns in segments:
                first, last = max(index, start), min(index + n_samples, stop)
                if first < last:
                    kept = shard.put(first, np.arange(first, last, dtype="int32"))
                    rows += [(0, at, n, offset_ns) for at, n in kept]
        arrays = segment_arrays(np.array(rows, dtype=np.int64), product)
        tables.append({spec.name: list(spec.values) for spec in arrays})
    assert tables[0] == tables[1]
    assert tables[0]["segment_first_sample"] == [0, 100]
    assert tables[0]["segment_n_samples"] == [100, 20]


def test_a_day_said_twice_is_compared_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembling, "COMPARED_AT_ONCE", 7)
    shard = Shard.empty(0, 100, "int32")
    shard.put(10, np.arange(60, dtype="int32"))
    again = np.arange(60, dtype="int32")
    again[[3, 40]] += 1
    shard.put(10, again)
    assert (shard.n_overlapping, shard.n_conflicting) == (58, 2)
