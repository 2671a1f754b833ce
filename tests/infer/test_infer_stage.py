"""Scores of products: independent of how the work was cut, and honest about what is missing."""

import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.signal import resample_poly
from small_archive import arrays, assert_same, second, waveforms
from stages import Begun
from toy_models import made, sharp
from toy_windows import toy_windows

import seisflow
from seisflow.archive.work import progress_of
from seisflow.core.classes import ScoreState
from seisflow.dsp.resampling import Resampling
from seisflow.engine.connection import Here
from seisflow.errors import ConfigError, DataError, IncompleteError
from seisflow.stages.infer import stage
from seisflow.stages.infer.stage import Infer
from seisflow.stages.learn.artifact import CLASSES, load_model, save_model
from seisflow.stages.learn.front_end import FrontEndConfig

RATE = 40
CONFIG = FrontEndConfig(RATE)
HALO = CONFIG.halo_samples
A, B, C = "XX.A..HHZ", "XX.B..HHZ", "XX.C..HHZ"
LATE, EARLY = "2020-02-28T22:10", "2020-02-29T00:10"


def counts(n_seconds: int, seed: int) -> np.ndarray:
    """Toy windows, one behind the other."""
    windows, _ = toy_windows(-(-n_seconds * RATE // CONFIG.input_samples), CONFIG, seed)
    scaled = windows / np.abs(windows).max(axis=1, keepdims=True) * 5000 + 40_000
    return scaled.ravel()[: n_seconds * RATE].astype("int32")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stations over two days; data around midnight, in three files, gaps, a dead stretch."""
    b, dead = counts(880, 2), counts(300, 4)
    dead[100 * RATE : 110 * RATE] = 0
    stations = {
        A: [("2020-02-28T23:53:20", counts(900, 1)), ("2020-02-29T01:30:00.01", counts(300, 3))],
        B: [("2020-02-28T23:55", b[: 380 * RATE]), ("2020-02-29T00:01:22.5", b[382 * RATE :])],
        C: [(LATE, dead), (EARLY, counts(100, 5))],
    }
    return waveforms(tmp_path_factory.mktemp("source"), stations, RATE)


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in ("compact", "recurrent", "forest"):
        save_model(folder / kind, sharp(kind).classifier, sharp(kind).document)
    return folder


def begin(
    source: Path, model: Path, output: Path, block: int | None = None, **options: Any
) -> Begun:
    given = {"waveforms": source, "model": model, "scores": output, "block": block, **options}
    return Begun(Infer(Infer.Config.build(given)))


def infer(
    source: Path, model: Path, output: Path, *, backward: bool = False, **options: Any
) -> dict[str, np.ndarray]:
    """Do what the command does; return the arrays."""
    begun = begin(source, model, output, **options)
    begun.run_all(backward=backward)
    begun.finish()
    return arrays(output)


@pytest.fixture(scope="module")
def whole(
    source: Path, models: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, np.ndarray]:
    return infer(source, models / "compact", tmp_path_factory.mktemp("whole") / "s.zarr", block=1)


def expected_of(source: Path, model: Path, row: int) -> np.ndarray:
    """Scores of one station by cutting its windows one by one; NaN where samples lack."""
    group = zarr.open_group(source, mode="r")
    samples, coverage = np.asarray(group["waveform"][row]), np.asarray(group["coverage"][row])
    n = len(coverage)
    whole = np.repeat(coverage == 1, RATE) & (samples != 0)  # no zero but in the dead stretch
    found = np.full((n, 3), np.nan, dtype=np.float32)
    classifier = load_model(model)
    length = CONFIG.input_samples
    starts = (np.arange(n) - 1) * RATE - HALO
    usable = [
        k for k, a in enumerate(starts)
        if a >= 0 and a + length <= samples.size and whole[a : a + length].all()
    ]  # fmt: skip
    windows = np.stack([samples[starts[k] : starts[k] + length] for k in usable])
    found[usable] = classifier.probabilities(windows.astype(np.float32))
    return found


@pytest.mark.parametrize(
    "kind", ["compact", *(pytest.param(k, marks=pytest.mark.slow) for k in ("recurrent", "forest"))]
)
def test_every_second_has_the_score_of_its_window(source, models, tmp_path, kind: str) -> None:
    """At joins of files, at midnight, beside gaps and at the ends."""
    found = infer(source, models / kind, tmp_path / "s.zarr")
    for row in range(3):
        expected = expected_of(source, models / kind, row)
        ready = np.isfinite(expected[:, 0])
        assert ready.sum() > 300
        np.testing.assert_array_equal(found["state"][row] == ScoreState.READY, ready)
        np.testing.assert_array_equal(found["state"][row] == ScoreState.NO_DATA, ~ready)
        np.testing.assert_allclose(found["probability"][row], expected, atol=1e-4)
        assert np.ptp(expected[ready], axis=0).max() > 0.05


FAST = 100
"""A rate that the model of 40 Hz is not for."""


def fast_counts(n_seconds: int, seed: int) -> np.ndarray:
    """The toy as a recorder of 100 Hz would have it, with noise above what the model sees."""
    noise = np.random.default_rng(seed).normal(0, 200, n_seconds * FAST)
    return (resample_poly(counts(n_seconds, seed) - 40_000.0, 5, 2) + noise).astype(
        "int32"
    ) + 40_000


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stations around an hour; one with a gap, one that stands still for a while."""
    a, dead = fast_counts(400, 6), fast_counts(200, 7)
    dead[60 * FAST : 75 * FAST] = 0
    stations = {
        A: [("2020-02-28T22:58", a[: 150 * FAST]), ("2020-02-28T23:00:32.3", a[152 * FAST :])],
        B: [("2020-02-28T22:59:20", dead)],
    }
    return waveforms(tmp_path_factory.mktemp("fast"), stations, FAST)


@pytest.mark.parametrize("scale", [1, 2])
def test_a_record_of_a_higher_rate_has_the_scores_of_one_resampled(
    fast, models, tmp_path, scale: int
) -> None:
    """By SciPy, window by window; ready where all that the filters touch was recorded.

    Read slower, a second has several windows, and the one most like an earthquake stands for it.
    """
    found = infer(fast, models / "compact", tmp_path / "s.zarr", time_scale=scale)
    step = FAST // scale
    model, way = load_model(models / "compact"), Resampling(step, RATE)
    group = zarr.open_group(fast, mode="r")
    half = -(-(HALO * way.down + len(way.taps) // 2) // way.up)
    n = found["state"].shape[1]
    begins = np.arange(n)[:, None] * FAST + (np.arange(scale) - 1) * step
    length = 4 * step + 2 * half
    n_others = 0
    for row in range(2):
        samples, coverage = np.asarray(group["waveform"][row]), np.asarray(group["coverage"][row])
        whole = np.repeat(coverage == 1, FAST) & (samples != 0)
        ready = np.array(
            [
                all(a >= half and whole[a - half :][:length].sum() == length for a in windows)
                for windows in begins
            ]
        )
        assert ready.sum() > 100
        np.testing.assert_array_equal(found["state"][row] == ScoreState.READY, ready)
        for k in np.flatnonzero(ready)[::9]:
            windows = []
            for begin in begins[k]:
                first = max(begin % step, begin - 10 * step)  # on the grid of the model
                part = samples[first : begin + length - half].astype(float)
                slow = resample_poly(part, way.up, way.down, window=way.taps / way.up)
                at = (begin - first) * RATE // step - HALO
                windows.append(slow[at : at + CONFIG.input_samples].astype(np.float32))
            every = model.probabilities(np.stack(windows))
            n_others += every[:, 0].argmax() > 0
            expected = every[every[:, 0].argmax()]
            np.testing.assert_allclose(found["probability"][row, k], expected, atol=1e-4)
    assert (n_others > 5) == (scale > 1)


@pytest.mark.parametrize("scale", [1, 2])
def test_scores_of_a_higher_rate_do_not_depend_on_how_the_work_was_cut(
    fast, models, tmp_path: Path, scale: int
) -> None:
    slower = {"time_scale": scale}
    *slowed, note = begin(fast, models / "compact", tmp_path / "0.zarr", **slower).plan.needs.notes
    resampled = "records of 100 samples/s are resampled to the 40 of the model"
    assert note == resampled + (" times 2" if scale == 2 else "")
    assert ["are read 2 times slower" in note for note in slowed] == [True] * (scale - 1)
    whole = infer(fast, models / "compact", tmp_path / "1.zarr", block=1, **slower)
    apart = infer(fast, models / "compact", tmp_path / "2.zarr", block=2, backward=True, **slower)
    assert_same(apart, whole)
    begin_s, stop_s = second(fast, "2020-02-28T23:00"), second(fast, "2020-02-29T00:00")
    times = {"start": "2020-02-28T23:00", "end": "2020-02-29T00:00"}
    hour = infer(fast, models / "compact", tmp_path / "3.zarr", **times, **slower)
    np.testing.assert_array_equal(hour["probability"], whole["probability"][:, begin_s:stop_s])


def test_which_seconds_are_ready(source: Path, whole: dict[str, np.ndarray]) -> None:
    """The window of a second begins one before it, and its filter reaches half a second farther."""
    state = whole["state"]

    def at(row: int, text: str) -> list[str]:
        first = second(source, text)
        return [ScoreState(s).name[0] for s in state[row, first : first + 6]]

    assert HALO == RATE / 2
    assert at(0, "2020-02-28T23:53:19") == ["N", "N", "N", "R", "R", "R"]
    assert at(0, "2020-02-29T00:08:13") == ["R", "R", "R", "R", "N", "N"]  # data end at 08:20
    assert at(0, "2020-02-28T23:59:57") == ["R"] * 6
    assert at(1, "2020-02-29T00:01:15") == ["R", "R", "N", "N", "N", "N"]  # gap at 01:20
    assert at(1, "2020-02-29T00:01:21") == ["N", "N", "N", "N", "R", "R"]  # and until 01:22.5
    assert at(2, "2020-02-28T22:11:34") == ["R", "R", "R", "N", "N", "N"]  # dead from 11:40
    assert at(2, "2020-02-28T22:11:49") == ["N", "N", "N", "R", "R", "R"]  # until 11:50
    nan = np.isnan(whole["probability"])
    np.testing.assert_array_equal(nan.all(axis=2), state != ScoreState.READY)
    np.testing.assert_array_equal(nan.any(axis=2), state != ScoreState.READY)


@pytest.mark.parametrize(
    "block", [2, *(pytest.param(block, marks=pytest.mark.slow) for block in (3, None))]
)
def test_any_block_of_stations(source, models, whole, tmp_path: Path, block: int | None) -> None:
    found = infer(source, models / "compact", tmp_path / "s.zarr", block=block, backward=True)
    assert_same(found, whole)
    shards = zarr.open_array(tmp_path / "s.zarr" / "probability").shards
    assert shards == (min(block or 1, 3), 86400, 3)


def test_parts_in_time_equal_the_whole(source, models, whole, tmp_path: Path) -> None:
    cuts = ["2020-02-28", "2020-02-28T23:00", "2020-02-29", "2020-02-29T12:00", "2020-03-01"]
    parts = [
        infer(source, models / "compact", tmp_path / f"{k}.zarr", start=start, end=end)
        for k, (start, end) in enumerate(pairwise(cuts))
    ]
    for name in ("probability", "state", "second"):
        axis = 0 if name == "second" else 1
        joined = np.concatenate([part[name] for part in parts], axis=axis)
        np.testing.assert_array_equal(joined, whole[name], err_msg=name)


def test_a_dead_stretch_across_an_hour_is_known_on_both_sides(tmp_path: Path) -> None:
    """A filter of 1 s halo: what of the stretch lies beyond it is needed to see it whole."""
    config = FrontEndConfig(RATE, low_hz=1.0)
    model = made("compact", config=config)
    save_model(tmp_path / "model", model.classifier, model.document)
    samples = counts(400, 7)
    first, stop = 198 * RATE + 4, 198 * RATE + 24  # 20 samples: 4 before the halo of 00:00:00
    samples[first:stop] = 7
    source = waveforms(tmp_path, {A: [("2020-02-28T23:56:40", samples)]}, RATE)
    state = infer(source, tmp_path / "model", tmp_path / "s.zarr")["state"][0]
    at = second(source, "2020-02-28T23:59:58")
    length = config.window_samples + 2 * config.halo_samples
    for s in range(at - 8, at + 8):
        begin = (s - at + 198 - 1) * RATE - config.halo_samples
        touched = begin < stop and begin + length > first
        assert (state[s] == ScoreState.NO_DATA) == touched, s - at


def test_stations_are_independent(source, models, whole, tmp_path: Path) -> None:
    found = infer(source, models / "compact", tmp_path / "s.zarr", select=("XX.[BC].*.*",))
    np.testing.assert_array_equal(found["probability"], whole["probability"][1:])
    assert found["station"].tolist() == [B, C]


@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batch=st.sampled_from([7, 50, 300]), block=st.integers(1, 4), hour=st.integers(22, 25))
def test_batch_and_cut_change_nothing(source, models, tmp_path_factory, batch, block, hour) -> None:
    folder = tmp_path_factory.mktemp("cut")
    time = {"start": "2020-02-28T22:00", "end": "2020-02-29T02:00", "select": ("XX.B.*.*",)}
    whole = infer(source, models / "recurrent", folder / "w.zarr", **time)
    cut = f"2020-02-{28 + hour // 24}T{hour % 24:02d}:00"
    found = infer(
        source, models / "recurrent", folder / "s.zarr", batch=batch, block=block,
        **(time | {"start": cut}),
    )  # fmt: skip
    n = found["state"].shape[1]
    np.testing.assert_array_equal(found["state"], whole["state"][:, -n:])
    np.testing.assert_allclose(found["probability"], whole["probability"][:, -n:], atol=1e-5)


def test_a_run_resumes_and_equals_the_clean_one(source, models, whole, tmp_path: Path) -> None:
    output = tmp_path / "s.zarr"
    begun = begin(source, models / "compact", output, 1)
    tasks = begun.work.remaining()
    begun.work.job()(tasks[2])
    half = arrays(output)["state"]
    assert set(np.unique(half)) == {0, ScoreState.NO_DATA, ScoreState.NOT_RUN}
    again = begin(source, models / "compact", output, 1)
    assert len(again.run_all()) == len(tasks) - 1
    again.finish()
    assert_same(arrays(output), whole)
    state = progress_of(output)
    assert state.is_complete
    ready = int((whole["state"] == 0).sum())
    assert state.counts["ready"] == ready
    assert sum(state.counts[name] for name in CLASSES) == ready


def test_another_model_neither_overwrites_nor_skips(source, models, tmp_path: Path) -> None:
    output = tmp_path / "s.zarr"
    before = infer(source, models / "compact", output, start="2020-02-29", end="2020-02-29T01")
    with pytest.raises(ConfigError, match=r"input model: asked .*, found"):
        begin(source, models / "recurrent", output, start="2020-02-29", end="2020-02-29T01")
    with pytest.raises(ConfigError, match="precision: asked 'bfloat16', found 'float32'"):
        begin(
            source, models / "compact", output, precision="bfloat16",
            start="2020-02-29", end="2020-02-29T01",
        )  # fmt: skip
    assert_same(arrays(output), before)


def test_a_model_exchanged_while_tasks_wait_fails_them(source, models, tmp_path: Path) -> None:
    model = tmp_path / "model"
    save_model(model, made("compact").classifier, made("compact").document)
    work = begin(source, model, tmp_path / "s.zarr").work
    other = made("compact", seed=1)
    save_model(model, other.classifier, other.document, overwrite=True)
    with pytest.raises(DataError, match="another model by now"):
        work.job()(work.remaining()[0])


def test_an_hour_that_cannot_be_read_fails_alone(
    source, models, tmp_path: Path, monkeypatch
) -> None:
    def broken(waveforms: Path, product: Any, row: int, start_s: int, stop_s: int) -> Any:
        if row == 1 and start_s < second(source, "2020-02-29T00:00") < stop_s - 60:
            raise OSError("the disk is gone")
        return read(waveforms, product, row, start_s, stop_s)

    read = stage.read_record
    monkeypatch.setattr(stage, "read_record", broken)
    output = tmp_path / "s.zarr"
    time = {"start": "2020-02-28T23", "end": "2020-02-29T02"}
    found = infer(source, models / "compact", output, **time)["state"]
    assert (found[1, 3600:7200] == ScoreState.FAILED).all()
    assert not (found[[0, 2]] == ScoreState.FAILED).any()
    assert not (found[1, 7200:] == ScoreState.FAILED).any()
    state = progress_of(output)
    assert "row 1, hour 2020-02-29T00:00:00Z: OSError: the disk is gone" in str(state.failed)
    monkeypatch.undo()
    again = infer(source, models / "compact", output, **time)
    assert_same(again, infer(source, models / "compact", tmp_path / "clean.zarr", **time))


def test_it_opens_with_xarray(source, models, tmp_path: Path) -> None:
    infer(source, models / "compact", tmp_path / "s.zarr", start="2020-02-29", end="2020-02-29T01")
    scores = seisflow.open(tmp_path / "s.zarr")
    assert scores.probability.dims == ("station", "second", "class")
    assert scores["class"].values.tolist() == list(CLASSES)
    one = scores.probability.sel({"class": "earthquake", "station": B})
    values = one.sel(second=slice("2020-02-29T00:00:00", "2020-02-29T00:00:09")).values
    assert values.shape == (10,)
    assert ((values >= 0) & (values <= 1)).all()
    assert scores.state.attrs["flag_meanings"] == "ready no_data failed not_run"


def test_memory_is_planned_by_what_a_model_needs(source, models, tmp_path: Path) -> None:
    assert begin(source, models / "compact", tmp_path / "n.zarr").plan.needs.notes == ()

    def memory(kind: str, batch: int) -> int:
        paths = {"waveforms": source, "model": models / kind, "scores": tmp_path / "s.zarr"}
        stage = Infer(Infer.Config.build({**paths, "block": 1, "batch": batch}))
        return stage.plan(Here()).needs.memory_bytes

    assert memory("compact", 64) == memory("compact", 512)
    assert memory("recurrent", 64) < memory("recurrent", 512)


def test_what_does_not_fit_is_refused(source, models, tmp_path: Path) -> None:
    other = made("compact", config=FrontEndConfig(110))
    save_model(tmp_path / "110", other.classifier, other.document)
    with pytest.raises(ConfigError, match="is for 110 samples/s, the data have 40"):
        begin(source, tmp_path / "110", tmp_path / "s.zarr")
    half = waveforms(tmp_path, {A: [("2020-02-28T10:00", counts(60, 1))]}, 62.5)
    with pytest.raises(ConfigError, match=r"the data have 62\.5: .* a whole number of samples"):
        begin(half, models / "compact", tmp_path / "s.zarr")
    with pytest.raises(ConfigError, match="read 2 times slower 20: leave the time scale out"):
        begin(source, models / "compact", tmp_path / "s.zarr", time_scale=2)
    with pytest.raises(ConfigError, match=r"time_scale: found 0: .* equal to 1"):
        begin(source, models / "compact", tmp_path / "s.zarr", time_scale=0)
    with pytest.raises(ConfigError, match="is not a folder"):
        begin(source, tmp_path / "none", tmp_path / "s.zarr")
    with pytest.raises(ConfigError, match="no station matches --select YY"):
        begin(source, models / "compact", tmp_path / "s.zarr", select=("YY.*.*.*",))
    with pytest.raises(ConfigError, match="does not exist"):
        begin(tmp_path / "none.zarr", models / "compact", tmp_path / "s.zarr")
    with pytest.raises(ConfigError, match="nothing between"):
        begin(source, models / "compact", tmp_path / "s.zarr", start="2021-01-01")
    with pytest.raises(ConfigError, match="precision: found 'half'"):
        begin(source, models / "compact", tmp_path / "s.zarr", precision="half")
    begin(source, models / "compact", tmp_path / "s.zarr", 1)
    with pytest.raises(ConfigError, match="begun with blocks of 1 stations, asked for 2"):
        begin(source, models / "compact", tmp_path / "s.zarr", 2)


def test_waveforms_half_made_are_refused(source, models, tmp_path: Path) -> None:
    half = shutil.copytree(source, tmp_path / "half.zarr")
    next((half / "_seisflow" / "receipts").rglob("*.json")).unlink()
    with pytest.raises(IncompleteError):
        begin(half, models / "compact", tmp_path / "s.zarr")
    assert not (tmp_path / "s.zarr").exists()
