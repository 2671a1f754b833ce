"""A campaign in hours: coverage and shares against plain counting, and what the figures show."""

from pathlib import Path

import numpy as np
import pytest
import report_campaign
import xarray as xr
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgba
from report_campaign import CLASSES, HOUR_S, STATIONS
from report_products import FIRST, GAP

import seisflow
from seisflow.core.classes import Label, ScoreState, State
from seisflow.core.grid import Span
from seisflow.errors import ConfigError
from seisflow.stages.report.figures import hourly
from seisflow.stages.report.figures.day import read_raster
from seisflow.stages.report.figures.hourly import (
    WHOLE,
    HourlyCoverage,
    Shares,
    coverage_figure,
    hours_figure,
    map_figure,
    read_coverage,
    shares_of_labels,
    shares_of_scores,
)
from seisflow.stages.report.figures.palette import LABEL_COLOURS
from seisflow.stages.report.figures.selection import span_of

DAY_S = 86_400


@pytest.fixture(scope="module")
def scored(tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    state, probability = report_campaign.some_scores()
    path = tmp_path_factory.mktemp("overview") / "scores.zarr"
    return seisflow.open(report_campaign.scores(path, state, probability))


def test_coverage_is_the_mean_of_the_seconds_of_each_hour(plotted: tuple[Path, Path]) -> None:
    waveforms = seisflow.open(plotted[1])
    found = read_coverage(waveforms)
    assert found.span == span_of(waveforms)
    row = found.stations.index(FIRST)
    assert found.share.shape == (2, 48)
    expected = np.zeros(48)
    # six minutes before midnight and six after, without the gap
    expected[23:25] = 360 / 3600, (360 - (GAP.stop - GAP.start)) / 3600
    assert found.share[row] == pytest.approx(expected)
    assert not found.failed.any()


def test_what_is_read_does_not_depend_on_how_much_is_read_at_once(
    plotted: tuple[Path, Path], scored: xr.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    waveforms = seisflow.open(plotted[1])
    at_once = read_coverage(waveforms).share, shares_of_scores(scored).counts
    monkeypatch.setattr(hourly, "READ_BYTES", 1)
    one_by_one = read_coverage(waveforms).share, shares_of_scores(scored).counts
    for a, b in zip(at_once, one_by_one, strict=True):
        np.testing.assert_array_equal(a, b)


def test_failed_and_not_ingested_hours_are_told_apart(plotted: tuple[Path, Path]) -> None:
    waveforms = seisflow.open(plotted[1]).load()
    waveforms.coverage[0, :DAY_S] = np.nan
    waveforms.coverage[1, DAY_S:] = np.nan
    state = np.array([[State.NOT_RUN, State.READY], [State.READY, State.FAILED]], np.uint8)
    waveforms = waveforms.drop_vars("state").assign(state=(("station", "shard"), state))
    found = read_coverage(waveforms)
    days = found.failed.reshape(2, 2, 24), np.isnan(found.share).reshape(2, 2, 24)
    for name, hours in zip(("failed", "not read"), days, strict=True):
        assert (hours.all(axis=2) == hours.any(axis=2)).all(), name
    assert days[0][..., 0].tolist() == [[False, False], [False, True]]
    assert days[1][..., 0].tolist() == [[True, False], [False, True]]
    unfinished = read_coverage(waveforms.drop_vars("state"))
    assert not unfinished.failed.any()


def test_the_picture_shows_no_data_failed_not_run_and_shares_in_colours_of_their_own() -> None:
    share = np.array([[np.nan, 0.0, np.nan], [0.001, 0.5, 1.0]])
    failed = np.array([[False, False, True], [False, False, False]])
    coverage = HourlyCoverage(
        stations=("A", "B"), span=Span(0, 3 * 3600 * 10**9), share=share, failed=failed
    )
    figure = coverage_figure(coverage)
    image = np.asarray(figure.axes[0].images[0].get_array())
    assert image[0, 0, 3] == 0, "the hatched ground shows"
    for label, colour in ((Label.NO_DATA, image[0, 1]), (Label.FAILED, image[0, 2])):
        assert tuple(colour / 255) == pytest.approx(to_rgba(LABEL_COLOURS[label]), abs=0.003)
    assert len({tuple(c) for c in image.reshape(-1, 4)}) == 6
    lightness = image[1, :, :3].astype(float).sum(axis=1)
    assert lightness[0] > lightness[1] + 50
    assert tuple(image[1, 2] / 255) == pytest.approx(to_rgba(WHOLE), abs=0.003)
    shown = [t.get_text() for t in figure.legends[0].get_texts()]
    names = ("whole", "no data", "failed", "not run")
    assert shown == [f"{name}: 1 station-hours" for name in names]


def test_scores_are_counted_by_their_most_probable_class(scored: xr.Dataset) -> None:
    state, probability = report_campaign.some_scores()
    found = shares_of_scores(scored)
    names = [*(c.replace("_", " ") for c in CLASSES), "no data", "failed", "not run"]
    assert list(found.looks) == names
    for station in range(len(STATIONS)):
        for hour in range(2):
            seconds = slice(hour * HOUR_S, (hour + 1) * HOUR_S)
            expected = dict.fromkeys(names, 0)
            for code, p in zip(state[station, seconds], probability[station, seconds], strict=True):
                if code == ScoreState.READY:
                    expected[names[int(p.argmax())]] += 1
                else:
                    expected[ScoreState(code).name.lower().replace("_", " ")] += 1
            assert found.counts[station, hour].tolist() == list(expected.values())


def test_shares_of_labels_are_those_of_the_raster(plotted: tuple[Path, Path]) -> None:
    labels = seisflow.open(plotted[0])
    raster = read_raster(labels, span_of(labels))
    found = shares_of_labels(raster, labels)
    assert found.counts.sum() == labels.label.size
    codes = labels.label.values
    for k, label in enumerate(LABEL_COLOURS):
        assert found.counts[..., k].sum() == (codes == label).sum()
    assert list(found.looks)[: found.n_classes] == ["random noise", "mixed", "not random noise"]


def test_bars_of_an_hour_add_up_to_all_its_seconds(scored: xr.Dataset) -> None:
    shares = shares_of_scores(scored)
    figure = hours_figure(shares)
    bars = figure.axes[0].containers
    heights = np.array([[bar.get_height() for bar in group] for group in bars])
    counts = shares.counts.sum(axis=0)
    np.testing.assert_allclose(heights.T, 100 * counts / counts.sum(axis=1, keepdims=True))
    np.testing.assert_allclose(heights.sum(axis=0), 100)
    bottoms = np.array([[bar.get_y() for bar in group] for group in bars])
    np.testing.assert_allclose(bottoms, np.cumsum(heights, axis=0) - heights, atol=1e-9)
    assert figure.legends[0].get_texts()[0].get_text().startswith("earthquake  ")


def test_the_map_shows_per_cent_of_the_seconds_that_have_a_class(scored: xr.Dataset) -> None:
    shares = shares_of_scores(scored)
    shares.counts[2, :, :3] = 0
    figure = map_figure(shares)
    assert figure is not None
    counts = shares.counts.sum(axis=1)[[0, 1, 3], :3]
    for k in range(3):
        rings, dots = [c for c in figure.axes[k].collections if isinstance(c, PathCollection)]
        assert len(rings.get_offsets()) == 1
        np.testing.assert_allclose(dots.get_array(), 100 * counts[:, k] / counts.sum(axis=1))
    figure.draw_without_rendering()


def test_without_coordinates_there_is_no_map_and_without_classes_only_rings(
    scored: xr.Dataset,
) -> None:
    shares = shares_of_scores(scored)
    unknown = np.full(4, np.nan)
    fields = {name: getattr(shares, name) for name in Shares.__dataclass_fields__}
    assert map_figure(Shares(**fields | {"longitude": unknown, "latitude": unknown})) is None
    empty = map_figure(Shares(**fields | {"counts": np.zeros_like(shares.counts)}))
    assert empty is not None
    empty.draw_without_rendering()


def test_the_map_of_an_array_on_both_sides_of_180_degrees_is_as_small_as_the_array(
    scored: xr.Dataset,
) -> None:
    shares = shares_of_scores(scored)
    fields = {name: getattr(shares, name) for name in Shares.__dataclass_fields__}
    places = {"longitude": np.array([179.99, -179.99, 180.0, 179.995]), "latitude": np.zeros(4)}
    figure = map_figure(Shares(**fields | places))
    assert figure is not None
    axes = figure.axes[0]
    assert np.ptp(axes.get_xlim()) < 3000
    assert axes.get_xlabel() == "m east of the middle"


def test_other_products_are_refused(plotted: tuple[Path, Path]) -> None:
    labels = seisflow.open(plotted[0])
    with pytest.raises(ConfigError, match="a WAVEFORMS product opened with seisflow"):
        read_coverage(labels)
    with pytest.raises(ConfigError, match="a SCORES product opened with seisflow"):
        shares_of_scores(labels)
