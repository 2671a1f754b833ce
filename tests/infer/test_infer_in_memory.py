"""`seisflow.load_model`: the scores of the command for Streams, picks from runs of seconds."""

from pathlib import Path

import numpy as np
import obspy
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from small_archive import waveforms
from stages import made
from toy_models import sharp
from toy_windows import toy_windows

import seisflow
from seisflow.core.classes import ScoreState
from seisflow.errors import ConfigError, DataError
from seisflow.stages.detect.picking import station_picks
from seisflow.stages.detect.triggers import Scores
from seisflow.stages.infer.stage import Infer
from seisflow.stages.learn.artifact import save_model
from seisflow.stages.learn.front_end import FrontEndConfig

RATE = 40
CONFIG = FrontEndConfig(RATE)
POINTS = [{"false_positive_rate": 0.001, "threshold": 0.4}]
A, B = "XX.A..HHZ", "XX.B..HHZ"
KINDS = ("compact", "recurrent", "forest")


def counts(n_seconds: int, seed: int) -> np.ndarray:
    """Toy windows, one behind the other."""
    windows, _ = toy_windows(-(-n_seconds * RATE // CONFIG.input_samples), CONFIG, seed)
    scaled = windows / np.abs(windows).max(axis=1, keepdims=True) * 5000 + 40_000
    return scaled.ravel()[: n_seconds * RATE].astype("int32")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stations: a record across an hour with a gap, and one that stops for a while."""
    b = counts(200, 2)
    b[100 * RATE : 110 * RATE] = 0
    a = counts(300, 1)
    stations = {
        A: [("2020-02-28T09:58:00", a[:3000]), ("2020-02-28T09:59:20.01", a[3200:])],
        B: [("2020-02-28T10:10", b)],
    }
    return waveforms(tmp_path_factory.mktemp("source"), stations, RATE)


@pytest.fixture(scope="module")
def stream(source: Path) -> obspy.Stream:
    found = obspy.Stream()
    for path in (source.parent / "raw").iterdir():
        found += obspy.read(str(path))
    return found


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for kind in KINDS:
        model = sharp(kind)
        document = model.document | {"metrics": {"validation": {"thresholds": POINTS}}}
        save_model(folder / kind, model.classifier, document)
    return folder


def infer(source: Path, model: Path, output: Path, **options: object) -> xr.Dataset:
    """Do what the command does; open it."""
    asked = {"waveforms": source, "model": model, "scores": output, **options}
    return made(Infer(Infer.Config.build(asked))).open().load()


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_those_of_the_command(kind, source, stream, models, tmp_path: Path) -> None:
    expected = infer(source, models / kind, tmp_path / "s.zarr")
    assert (expected.state == ScoreState.READY).sum() > 300
    model = seisflow.load_model(models / kind)
    opened = model.annotate(seisflow.open(source))
    xr.testing.assert_identical(opened, expected)
    assert list(opened.variables) == list(expected.variables)
    for given_record in (stream, stream.copy().merge(), seisflow.from_obspy(stream)):
        found = model.annotate(given_record)
        xr.testing.assert_identical(found.drop_attrs(deep=False), expected.drop_attrs(deep=False))
        assert found.attrs.keys() == expected.attrs.keys()
    trace = model.annotate(stream.select(station="B")[0])
    xr.testing.assert_equal(trace.probability, expected.probability.sel(second=trace.second)[[1]])


@pytest.mark.parametrize(("rate", "scale"), [(100, 1), (200, 1), (200, 4)])
def test_a_record_of_a_higher_rate_has_the_scores_of_the_command(
    models, tmp_path, rate: int, scale: int
) -> None:
    values = np.repeat(counts(200, 3), rate // RATE)[: 80 * rate] + np.arange(80 * rate) % 7
    source = waveforms(tmp_path, {A: [("2020-02-28T09:59:20", values.astype("int32"))]}, rate)
    slower = {"time_scale": scale}
    expected = infer(source, models / "compact", tmp_path / "s.zarr", **slower)
    assert (expected.state == ScoreState.READY).sum() > 60
    model = seisflow.load_model(models / "compact")
    found = model.annotate(seisflow.open(source), **slower)
    xr.testing.assert_identical(found, expected)
    if scale > 1:  # the same model still reads at the usual pace
        assert not model.annotate(seisflow.open(source)).probability.equals(found.probability)
    picks = model.classify(seisflow.open(source), 0.01, **slower)
    assert set(picks.probability) <= set(expected.probability.values[..., 0].ravel())
    bare = model.annotate(values, sampling_rate_hz=rate, **slower)
    assert (bare.state == ScoreState.READY).sum() > 60


def test_picks_are_runs_of_seconds(models: Path, stream: obspy.Stream) -> None:
    model = seisflow.load_model(models / "compact")
    scores = model.annotate(stream)
    picks = model.classify(stream)
    assert isinstance(picks, pd.DataFrame)
    assert list(picks.columns) == ["station", "time", "probability", "start", "end"]
    assert len(picks) > 3
    assert set(picks.station) == {A, B}
    assert picks.time.is_monotonic_increasing
    earthquake = scores.probability.sel({"class": "earthquake"})
    for pick in picks.itertuples():
        of_station = earthquake.sel(station=pick.station)
        run = of_station.sel(second=slice(pick.start, pick.end)).values[:-1]
        assert run.max() == of_station.sel(second=pick.time) == np.float32(pick.probability)
        assert min(run[0], run[-1]) >= 0.4
    middle = float(picks.probability.median())
    some = model.classify(stream, middle)
    assert set(some.time) <= set(scores.second.values)
    assert some.probability.min() >= np.float32(middle)
    assert 0 < some.probability.size <= len(picks)
    none = model.classify(stream, 0.999999999)
    assert none.empty
    assert none.dtypes["time"] == picks.dtypes["time"] == np.dtype("datetime64[ns]")


@given(
    st.lists(st.lists(st.booleans(), min_size=30, max_size=30), min_size=1, max_size=3),
    st.integers(0, 3),
)
def test_there_is_a_pick_for_each_trigger(rows: list[list[bool]], quiet_s: int) -> None:
    """And each begins with one."""
    reached = np.array(rows)
    scores = Scores(0, np.where(reached, 0.9, 0.1).astype(np.float32), np.ones_like(reached))
    triggers = scores.triggers(0.5, quiet_s)
    picks = station_picks(scores, 0.5, quiet_s)
    assert sorted((p.row, p.first) for p in picks) == [tuple(at) for at in np.argwhere(triggers)]


def test_it_says_what_it_is(models: Path) -> None:
    model = seisflow.load_model(models / "compact")
    assert repr(model) == (
        f"<WaveformModel compact from {models / 'compact'}: 40 samples/s, windows of 4 s, classes "
        "earthquake, random_noise, not_random_noise; threshold 0.4; key " + model.key[:8] + ">"
    )
    assert model.threshold(0.01) == model.threshold() == 0.4
    bare = seisflow.WaveformModel(sharp("compact"))
    assert "no threshold known" in repr(bare)
    with pytest.raises(ConfigError, match="knows no threshold"):
        bare.classify(counts(60, 3), sampling_rate_hz=RATE)
    assert len(bare.classify(counts(60, 3), 0.01, sampling_rate_hz=RATE))


def test_what_does_not_fit_is_refused(models: Path, stream: obspy.Stream, tmp_path: Path) -> None:
    model = seisflow.load_model(models / "compact")
    slow = obspy.Trace(counts(60, 3), {"sampling_rate": 15.0})
    with pytest.raises(ConfigError, match=r"is for 40 samples/s, the data have 15: .* of 16 sam"):
        model.annotate(slow)
    with pytest.raises(ConfigError, match="bach: no such option; did you mean 'batch'"):
        model.annotate(stream, bach=3)
    with pytest.raises(ConfigError, match="treshold: no such option; did you mean 'threshold'"):
        model.classify(stream, treshold=0.5)
    with pytest.raises(ConfigError, match=r"threshold: found 1.5: .* less than 1"):
        model.classify(stream, 1.5)
    with pytest.raises(ConfigError, match=r"0.0001 cannot be shown .* smallest rate is 0.001"):
        model.classify(stream, false_positive_rate=0.0001)
    with pytest.raises(ConfigError, match="precision: found 'half'"):
        model.annotate(stream, precision="half")
    with pytest.raises(ConfigError, match=r"batch: found 0: .* equal to 1"):
        model.annotate(stream, batch=0)
    with pytest.raises(ConfigError, match=r"give it as annotate\(samples, 100\)"):
        model.annotate(stream[0].data)
    with pytest.raises(DataError, match="the Stream has no Traces"):
        model.annotate(obspy.Stream())
    with pytest.raises(ConfigError, match="is not a folder"):
        seisflow.load_model(tmp_path / "none")
