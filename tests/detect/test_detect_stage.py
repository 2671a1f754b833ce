"""The catalogue of an array: independent of how the work was cut, complete at borders, readable."""

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import obspy
import pandas as pd
import pytest
import zarr
from planted_array import NODES, RATE, Wave, delays_s, make_array
from programs import differences
from stages import Begun

import seisflow
from seisflow.archive.parts import read_parts
from seisflow.archive.receipts import read_receipts, write_receipt
from seisflow.archive.store import consolidate
from seisflow.archive.work import progress_of
from seisflow.core.grid import NS_PER_S, parse_time
from seisflow.engine.connection import Here
from seisflow.errors import ConfigError, DataError
from seisflow.stages.detect import searching
from seisflow.stages.detect.stage import Detect

START = "2020-02-28T22:30"
WAVES = [
    Wave(600.35, 60.0, 3000.0),
    Wave(1799.93, 200.0, 4000.0),  # 23:00, the border of two hours, lies in its moveout
    Wave(3000.0, nodes=tuple(range(7))),  # too few nodes
    Wave(4200.5, pulse="glitch"),
    Wave(5399.98, 310.0, 2500.0),  # midnight lies in its moveout
    Wave(6500.2, 60.0, 3000.0, nodes=tuple(range(1, 12))),
]
FOUND = [0, 1, 4, 5]


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("array")
    return make_array(folder, WAVES, start=START, n_seconds=7200)


def stage_of(array: tuple[Path, Path], output: Path, **options: Any) -> Detect:
    paths = {"waveforms": array[0], "scores": array[1], "catalog": output}
    given = {"min_nodes": 8, "false_positive_rate": 0.001, **options}
    return Detect(Detect.Config.build({**paths, **given}))


def begin(array: tuple[Path, Path], output: Path, **options: Any) -> Begun:
    return Begun(stage_of(array, output, **options))


def notes(array: tuple[Path, Path], output: Path, **options: Any) -> tuple[str, ...]:
    return stage_of(array, output, **options).plan(Here()).needs.notes


def detect(
    array: tuple[Path, Path], output: Path, *, backward: bool = False, **options: Any
) -> Any:
    begun = begin(array, output, **options)
    begun.run_all(backward=backward)
    begun.finish()
    return seisflow.open(output).load()


@pytest.fixture(scope="module")
def folder(array: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("whole") / "catalog"
    detect(array, path)
    return path


@pytest.fixture(scope="module")
def catalog(folder: Path) -> Any:
    return seisflow.open(folder).load()


def planted_ns(wave: Wave) -> int:
    median = float(np.median(delays_s(wave)[list(wave.nodes)]))
    return parse_time(START) + round((wave.at_s + median) * NS_PER_S)


def test_what_was_planted_is_found_and_nothing_else(catalog: Any) -> None:
    planted = np.array([planted_ns(WAVES[k]) for k in FOUND])
    found = catalog.time.values.astype(np.int64)
    assert catalog.sizes["event"] == len(FOUND)
    assert np.abs(found - planted).max() < 0.02 * NS_PER_S
    assert catalog.n_nodes.values.tolist() == [12, 12, 12, 11]
    assert (catalog.n_stations == 12).all()
    assert (catalog.needed_nodes == 8).all()
    assert catalog.mean_cc.values.min() > 0.9
    assert catalog.stack_snr.values.min() > 5
    np.testing.assert_allclose(catalog.probability, 0.95, atol=1e-3)


def test_direction_and_velocity(catalog: Any) -> None:
    waves = [WAVES[k] for k in FOUND]
    azimuth, velocity = catalog.back_azimuth_deg.values, catalog.apparent_velocity_m_s.values
    np.testing.assert_allclose(azimuth, [w.back_azimuth_deg for w in waves], atol=3)
    np.testing.assert_allclose(velocity, [w.velocity_m_s for w in waves], rtol=0.06)
    assert catalog.plane_rms_s.values.max() < 0.004


def test_picks_lie_where_the_wave_was(catalog: Any) -> None:
    for row, k in enumerate(FOUND):
        picks = np.flatnonzero(catalog.pick_event == row)
        assert len(picks) == len(WAVES[k].nodes)
        nodes = [int(str(s)[4:6]) for s in catalog.pick_station.values[picks]]
        assert nodes == sorted(WAVES[k].nodes)
        expected = delays_s(WAVES[k])[nodes]
        found = catalog.pick_delay_s.values[picks]
        np.testing.assert_allclose(found - found.mean(), expected - expected.mean(), atol=0.005)
        moved = catalog.pick_time.values[picks].astype(np.int64) - int(catalog.time.values[row])
        np.testing.assert_allclose(moved / NS_PER_S, found, atol=1e-6)


def test_the_glitch_was_vetoed(folder: Path) -> None:
    counts = progress_of(folder).counts
    assert counts["vetoed"] == 1
    assert counts["coincidences"] == len(FOUND) + 1
    assert counts["events"] == len(FOUND)


def test_stacks_and_node_scores(catalog: Any) -> None:
    stack = catalog["stack"]  # a dataset has a method of that name
    assert stack.sizes["sample"] == 2 * RATE
    onset = round(stack.attrs["before_s"] * stack.attrs["rate_hz"])
    assert (
        np.abs(stack.values[:, onset : onset + 30]).max() > 3 * np.abs(stack.values[:, :40]).max()
    )
    np.testing.assert_allclose(catalog.node_probability.values[:3], 0.95, atol=1e-3)
    np.testing.assert_allclose(catalog.node_probability.values[3, 0], 0.01, atol=1e-3)


@pytest.mark.slow
def test_the_order_of_tasks_changes_nothing(array, catalog, tmp_path: Path) -> None:
    assert detect(array, tmp_path / "c", backward=True).equals(catalog)


def test_parts_in_time_join_to_the_whole(array, folder, catalog, tmp_path: Path) -> None:
    cuts = ["2020-02-28T22:00", "2020-02-28T23:00", "2020-02-29T00:00", "2020-02-29T01:00"]
    parts = [
        detect(array, tmp_path / str(k), start=start, end=end)
        for k, (start, end) in enumerate(pairwise(cuts))
    ]
    assert [p.sizes["event"] for p in parts] == [2, 1, 1]
    for name in ("time", "n_nodes", "mean_cc", "back_azimuth_deg", "stack", "pick_time"):
        joined = np.concatenate([p[name].values for p in parts if p.sizes["event"]])
        np.testing.assert_array_equal(joined, catalog[name].values, err_msg=name)


def test_a_run_resumes_and_equals_the_clean_one(array, folder, catalog, tmp_path: Path) -> None:
    begun = begin(array, tmp_path / "c")
    tasks = begun.work.remaining()
    begun.work.job()(next(t for t in tasks if t.name.startswith("2020-02-28T22")))
    begun.finish()
    half = seisflow.open(tmp_path / "c").load()
    assert 0 < half.sizes["event"] < len(FOUND)
    again = begin(array, tmp_path / "c")
    assert len(again.run_all()) == len(tasks) - 1
    again.finish()
    assert seisflow.open(tmp_path / "c").load().equals(catalog)
    for name in ("catalog.csv", "picks.csv", "quakeml/2020-02-28.xml", "quakeml/2020-02-29.xml"):
        assert (tmp_path / "c" / name).read_bytes() == (folder / name).read_bytes()


def test_tables_and_quakeml_say_the_same(folder: Path, catalog: Any) -> None:
    times = catalog.time.values
    csv, parquet = pd.read_csv(folder / "catalog.csv"), pd.read_parquet(folder / "catalog.parquet")
    assert csv.event.tolist() == parquet.event.tolist() == catalog.event.values.tolist()
    assert (parquet.time.dt.tz_localize(None).values == times).all()
    assert len(pd.read_parquet(folder / "picks.parquet")) == catalog.sizes["pick"]
    days = sorted((folder / "quakeml").glob("*.xml"))
    assert [d.stem for d in days] == ["2020-02-28", "2020-02-29"]
    events = [event for day in days for event in obspy.read_events(str(day))]
    assert [len(e.picks) for e in events] == catalog.n_nodes.values.tolist()
    seconds = [e.origins[0].time.timestamp for e in events]
    np.testing.assert_allclose(seconds, times.astype(np.int64) / NS_PER_S, atol=1e-5)


def test_the_first_seconds_of_the_scores_are_searched(tmp_path: Path) -> None:
    """The window of a coincidence may begin before there is any second."""
    early = make_array(tmp_path, [Wave(3.4)], start="2020-02-28", n_seconds=120)
    assert detect(early, tmp_path / "c", moveout_s=10.0).sizes["event"] == 1


def test_no_event_leaves_an_empty_catalogue_that_opens(array, tmp_path: Path) -> None:
    empty = detect(array, tmp_path / "c", start="2020-02-29T01:00")
    assert empty.sizes["event"] == empty.sizes["pick"] == 0
    assert pd.read_csv(tmp_path / "c" / "catalog.csv").empty
    assert not list((tmp_path / "c" / "quakeml").glob("*.xml"))


def test_a_gap_in_a_trace_leaves_the_node_out_of_the_stack(array, tmp_path, monkeypatch) -> None:
    def broken(*args: Any) -> np.ndarray:
        traces = read(*args)
        traces[3, 700] = np.nan
        return traces

    read = searching._traces
    monkeypatch.setattr(searching, "_traces", broken)
    found = detect(array, tmp_path / "c", end="2020-02-28T23:00")
    assert found.n_nodes.values[0] == 12
    cc = found.pick_cc.values[found.pick_event == 0]
    assert np.isnan(cc).sum() == 1
    assert found.mean_cc.values[0] > 0.9


@pytest.mark.slow
def test_a_coincidence_that_cannot_be_measured_fails_its_hour(array, tmp_path, monkeypatch) -> None:
    def broken(*args: Any) -> np.ndarray:
        raise OSError("the disk is gone")

    monkeypatch.setattr(searching, "_traces", broken)
    begun = begin(array, tmp_path / "c")
    begun.run_all()
    begun.finish()
    state = progress_of(tmp_path / "c")
    assert not state.is_complete
    assert "coincidence at 2020-02-28T22:" in str(state.failed)
    assert "OSError: the disk is gone" in str(state.failed)
    monkeypatch.undo()
    again = begin(array, tmp_path / "c")
    again.run_all()
    again.finish()
    assert progress_of(tmp_path / "c").is_complete
    assert seisflow.open(tmp_path / "c").sizes["event"] == len(FOUND)


@pytest.mark.slow
def test_an_hour_with_too_few_stations_says_so(array, tmp_path, monkeypatch) -> None:
    def fewer(*args: Any) -> Any:
        scores = read(*args)
        scores.usable[5:] = False
        return scores

    read = searching.read_scores
    monkeypatch.setattr(searching, "read_scores", fewer)
    searching._needed_nodes.cache_clear()
    found = detect(array, tmp_path / "c", threshold=0.81)
    searching._needed_nodes.cache_clear()
    state = progress_of(tmp_path / "c")
    assert found.sizes["event"] == 0
    assert state.n_problems == 3, "the hours that have data"
    assert "8 nodes are needed and 5 stations have data" in state.problems[0]
    assert state.counts["hours_without_data"] == len(state.plan.tasks) - 3


@pytest.mark.slow
def test_two_days_with_different_backgrounds(array, tmp_path, monkeypatch) -> None:
    """Each second asks for the nodes of its own day, in the halo of an hour too."""
    asked = []

    def needed(day: Any) -> int:
        asked.append(day.first_s)
        return 13 if day.first_s == 0 else 8

    monkeypatch.setattr(searching, "_needed_nodes", needed)
    found = detect(array, tmp_path / "c", threshold=0.82)
    assert found.needed_nodes.values.tolist() == [8]
    assert found.time.values[0] > np.datetime64("2020-02-29T00:10")
    assert set(asked) == {0, 86_400}


def key_of(folder: Path) -> str:
    return str(zarr.open_group(folder).attrs["seisflow"]["key"])


def part_files(folder: Path) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in (folder / "_seisflow" / "parts").iterdir()}


def test_the_product_holds_what_tasks_found_and_receipts_count_it(folder, catalog) -> None:
    parts = read_parts(folder, key_of(folder))
    found = [one["detection"]["event"] for part in parts.values() for one in part]
    assert sorted(found) == catalog.event.values.tolist()
    assert len(parts) == 3, "hours that found nothing leave nothing"
    for name, (receipt, detail) in read_receipts(folder, key_of(folder)).items():
        assert detail is None
        assert receipt.counts["events"] == len(parts.get(name, []))
        assert (receipt.written_bytes > 0) == (name in parts)


@pytest.mark.slow
def test_a_task_that_runs_twice_leaves_the_same(array, folder, tmp_path: Path) -> None:
    begun = begin(array, tmp_path / "c")
    for _ in range(2):
        for task in begun.work.tasks:
            begun.work.run(task)
        assert part_files(tmp_path / "c") == part_files(folder)


def test_what_was_found_and_never_recorded_is_not_read(array, tmp_path: Path) -> None:
    """A worker was killed between the file of a task and its receipt."""
    begun = begin(array, tmp_path / "c")
    begun.work.run(next(t for t in begun.work.tasks if t.name.startswith("2020-02-28T22")))
    assert len(part_files(tmp_path / "c")) == 1
    begun.finish()
    assert seisflow.open(tmp_path / "c").sizes["event"] == 0


def test_a_catalogue_begun_when_receipts_held_what_was_found(array, folder, tmp_path) -> None:
    old = tmp_path / "c"
    shutil.copytree(folder, old)
    key = key_of(old)
    parts = read_parts(old, key)
    for name, (receipt, _) in read_receipts(old, key).items():
        write_receipt(old, key, receipt, parts.get(name, []))
    shutil.rmtree(old / "_seisflow" / "parts")
    begin(array, old).finish()
    assert differences(folder, old) == []


def test_lost_detections_are_named_and_searched_again(array, folder, tmp_path: Path) -> None:
    torn = tmp_path / "c"
    shutil.copytree(folder, torn)
    file = next(f for f in sorted((torn / "_seisflow" / "parts").iterdir()))
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(DataError, match=r"0 of the \d events of 2020-02-2.* were lost") as lost:
        begin(array, torn).finish()
    receipt = str(lost.value).partition("remove ")[2].partition(" and type")[0]
    Path(receipt).unlink()
    again = begin(array, torn)
    assert len(again.run_all()) == 1
    again.finish()
    assert differences(folder, torn) == []


@pytest.mark.parametrize(
    ("place", "note"),
    [
        ((0.5, 0.5), "because of 1 station far from the others (XX.N03..EHZ by 12,"),
        ((-116.6, 35.0), "because of 1 station far from the others (XX.N03..EHZ by 166 km)"),
    ],
)
def test_a_window_that_is_longer_than_the_array_needs_is_said(
    array: tuple[Path, Path], tmp_path: Path, place: tuple[float, float], note: str
) -> None:
    scores = tmp_path / "scores.zarr"
    shutil.copytree(array[1], scores)
    for name, value in zip(("longitude", "latitude"), place, strict=True):
        zarr.open_array(scores / name, mode="r+")[3] = value
    consolidate(scores)
    assert notes(array, tmp_path / "c", threshold=0.8) == ()
    moved = (array[0], scores)
    (found,) = notes(moved, tmp_path / "c", threshold=0.8)
    assert note in found
    assert "without, it is 0.361 s" in found
    assert notes(moved, tmp_path / "c", threshold=0.8, moveout_s=1.0) == ()


def test_stations_without_coordinates(tmp_path: Path) -> None:
    bare = make_array(tmp_path, WAVES[:1], start=START, n_seconds=1500, place=False)
    with pytest.raises(ConfigError, match="moveout of the array is not known; give --moveout-s"):
        begin(bare, tmp_path / "c")
    assert "12 of 12 stations have no coordinates" in notes(bare, tmp_path / "c", moveout_s=1.0)[0]
    found = detect(bare, tmp_path / "c", moveout_s=1.0)
    assert found.sizes["event"] == 1
    assert np.isnan(found.back_azimuth_deg.values).all()
    assert found.mean_cc.values[0] > 0.9


def test_what_cannot_be_detected_is_refused(array, tmp_path: Path) -> None:
    other = make_array(tmp_path, [], start=START, n_seconds=120)
    with pytest.raises(ConfigError, match="was made from other waveforms than"):
        begin((other[0], array[1]), tmp_path / "c")
    with pytest.raises(ConfigError, match=rf"13 nodes in coincidence asked .* has {NODES}"):
        begin(array, tmp_path / "c", min_nodes=13)
    with pytest.raises(ConfigError, match="has 3 stations that --select leaves"):
        begin(array, tmp_path / "c", select=("XX.N0[123].*.*",))
    with pytest.raises(ConfigError, match="nothing between 2021-01-01"):
        begin(array, tmp_path / "c", start="2021-01-01")
    with pytest.raises(ConfigError, match="is a WAVEFORMS product; a SCORES product is needed"):
        begin((array[0], array[0]), tmp_path / "c")
    with pytest.raises(ConfigError, match=r"0.0002 cannot be shown .* smallest rate is 0.0005"):
        begin(array, tmp_path / "c", false_positive_rate=0.0002)
    with pytest.raises(ConfigError, match="low_hz = 40 must lie below high_hz = 30"):
        begin(array, tmp_path / "c", low_hz=40.0)
    begin(array, tmp_path / "c")
    with pytest.raises(ConfigError, match="min_nodes: asked 9, found 8"):
        begin(array, tmp_path / "c", min_nodes=9)
    assert begin(array, tmp_path / "d", threshold=0.5).work.remaining()
