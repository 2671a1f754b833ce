"""One hour of one station: what the panels hold, and what happens where there is little to draw."""

from pathlib import Path

import numpy as np
import pytest
import report_products
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.collections import FillBetweenPolyCollection, LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from report_products import FIRST, GAP, RATE, SECOND, some_labels, station_hour

import seisflow
from seisflow.archive.opening import product_attrs
from seisflow.core.classes import Label
from seisflow.dsp.filters import highpass_valid
from seisflow.errors import ConfigError
from seisflow.stages.label.rounds import density
from seisflow.stages.report.figures.hour import crowding, draw_hour, extremes
from seisflow.stages.report.figures.palette import CLASSES, LABEL_COLOURS
from seisflow.stages.report.figures.spectrogram import MAX_COLUMNS, spectrogram
from seisflow.stages.report.figures.station_hour import read_station_hour

TRACE, STRIP, SPECTROGRAM, DEVIATION, CC = range(5)


def labels_with(gap: slice, code: Label) -> np.ndarray:
    label = some_labels()
    label[gap] = code
    return label


def lines_by_colour(axes: Axes) -> dict[str, int]:
    """Count the vertical lines of every colour."""
    found = {}
    for lines in axes.collections:
        if isinstance(lines, LineCollection) and len(lines.get_segments()):
            found[to_hex(lines.get_colors()[0])] = len(lines.get_segments())
    return found


def points(axes: Axes) -> PathCollection:
    (found,) = [c for c in axes.collections if isinstance(c, PathCollection)]
    return found


def point_colours(axes: Axes) -> list[str]:
    return [to_hex(c) for c in points(axes).get_facecolors()]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def panel(figure: Figure, title: str) -> Axes:
    (found,) = [a for a in figure.axes if a.get_title(loc="left") == title]
    return found


@settings(max_examples=40)
@given(
    n_seconds=st.integers(1, 40),
    rate_hz=st.sampled_from([7, 20, 100]),
    gaps=st.lists(st.integers(0, 3999), max_size=30),
)
def test_bins_hold_the_smallest_and_largest_sample(
    n_seconds: int, rate_hz: int, gaps: list[int]
) -> None:
    hour = station_hour(np.zeros(n_seconds, np.uint8), rate_hz=rate_hz)
    samples = hour.samples
    samples[[g for g in gaps if g < len(samples)]] = np.nan
    low, high, second = extremes(hour, slice(0, n_seconds))
    size = len(samples) // len(low)
    assert size * len(low) == len(samples)
    for i in range(len(low)):
        own = samples[i * size : (i + 1) * size]
        assert second[i] == i * size // rate_hz
        if np.isnan(own).all():
            assert np.isnan([low[i], high[i]]).all()
        else:
            with_next = samples[i * size : (i + 1) * size + 1]
            assert (low[i], high[i]) == (np.nanmin(with_next), np.nanmax(with_next))


def test_the_trace_has_the_colour_of_its_labels_and_nothing_in_gaps() -> None:
    gap = slice(1200, 1260)
    label = labels_with(gap, Label.NO_DATA)
    axes = draw_hour(station_hour(label)).axes[TRACE]
    expected = {LABEL_COLOURS[c]: int((label == c).sum()) for c in CLASSES}
    assert lines_by_colour(axes) == expected
    (ground,) = [c for c in axes.collections if isinstance(c, FillBetweenPolyCollection)]
    assert to_hex(ground.get_facecolor()[0]) == LABEL_COLOURS[Label.NO_DATA]
    left, right = axes.get_xlim()
    (path,) = ground.get_paths()
    edges = (path.vertices[:, 0] - left) / (right - left) * 3600
    assert (edges.min(), edges.max()) == pytest.approx((1200, 1260), abs=0.01)


def test_a_second_without_a_class_is_drawn_where_it_has_samples() -> None:
    """A clipped second is no_data and has samples."""
    label = some_labels()
    hour = station_hour(label)
    label[7] = Label.NO_DATA
    found = lines_by_colour(draw_hour(hour).axes[TRACE])
    assert found[LABEL_COLOURS[Label.NO_DATA]] == 1


def test_the_strip_has_one_cell_for_every_second() -> None:
    label = labels_with(slice(10, 20), Label.NOT_RUN)
    image = np.asarray(draw_hour(station_hour(label)).axes[STRIP].images[0].get_array())
    assert image.shape == (1, 3600, 4)
    assert (image[0, 10:20, 3] == 0).all()
    shown = [to_hex(c / 255) for c in image[0, :6]]
    assert shown == [LABEL_COLOURS[Label(c)] for c in label[:6]]


def test_points_stand_at_their_features_in_the_colour_of_their_labels() -> None:
    label = labels_with(slice(0, 100), Label.NO_DATA)
    hour = station_hour(label)
    figure = draw_hour(hour)
    expected = [LABEL_COLOURS[Label(c)] for c in label[100:]]
    deviation, median_cc = (hour.features[n][100:] for n in ("deviation", "median_cc"))
    over_time = [(figure.axes[DEVIATION], deviation), (figure.axes[CC], median_cc)]
    for axes, values in over_time:
        np.testing.assert_array_equal(points(axes).get_offsets()[:, 1], values)
        assert point_colours(axes) == expected
    plane = panel(figure, "every second, by label")
    np.testing.assert_array_equal(points(plane).get_offsets(), np.c_[deviation, median_cc])
    assert point_colours(plane) == expected


def test_the_density_of_the_plane_is_counted_or_the_methods_own() -> None:
    label = labels_with(slice(0, 100), Label.NO_DATA)
    hour = station_hour(label)
    counted = crowding(hour)
    assert np.isnan(counted[:100]).all()
    deviation, median_cc = (hour.features[n][100:] for n in ("deviation", "median_cc"))
    np.testing.assert_array_equal(counted[100:], density(np.log(deviation), median_cc, 0.1))
    shown = points(panel(draw_hour(hour), "by the density of seconds around it"))
    assert np.all(np.diff(shown.get_array()) >= 0), "the densest points are drawn last"
    np.testing.assert_array_equal(np.sort(counted[100:]), shown.get_array())
    own = {"density": np.linspace(0, 1, 3600)}
    of_calibrated = station_hour(label, features={**hour.features, **own})
    np.testing.assert_array_equal(crowding(of_calibrated), counted)
    own["weighted_density"] = own["density"] / 2  # what the labels of reference rest on
    of_reference = station_hour(label, features={**hour.features, **own})
    assert crowding(of_reference) is own["density"]


def test_tiny_probabilities_do_not_stretch_the_axis() -> None:
    hour = station_hour(some_labels())
    values = np.geomspace(1e-300, 1, 3600)
    axes = draw_hour(station_hour(hour.label, features={**hour.features, "p_noise": values})).axes
    shown = points(axes[CC + 1]).get_offsets()[:, 1]
    np.testing.assert_array_equal(shown, np.maximum(values, 1e-6))
    assert axes[CC + 1].get_ylim() == (5e-7, 2)


@pytest.mark.parametrize("score", ["p_noise", "weighted_density"])
def test_the_score_of_the_method_has_a_panel_with_its_thresholds(score: str) -> None:
    hour = station_hour(some_labels())
    values = np.linspace(0.001, 1, 3600)
    features = {**hour.features, score: values}
    figure = draw_hour(
        station_hour(some_labels(), features=features, thresholds={score: (0.45, 0.15)})
    )
    axes = figure.axes[CC + 1]
    np.testing.assert_array_equal(points(axes).get_offsets()[:, 1], values)
    assert [line.get_ydata()[0] for line in axes.lines] == [0.45, 0.15]
    without = draw_hour(hour)
    assert len(figure.axes) == len(without.axes) + 1


def test_the_title_says_station_hour_method_and_shares() -> None:
    hour = station_hour(labels_with(slice(0, 60), Label.NO_DATA))
    first, second = draw_hour(hour).get_suptitle().splitlines()
    assert first == f"{FIRST}   2014-05-29 10:00:00 to 11:00:00 UTC   method reference"
    assert second == (
        "random noise 50.0%, mixed 33.3%, not random noise 16.7% of 3,540 labelled seconds; "
        "no data 60 s"
    )


def test_minutes_of_data_fill_the_figure() -> None:
    label = np.full(3600, Label.NO_DATA, np.uint8)
    label[1000:1200] = some_labels(200)
    figure = draw_hour(station_hour(label))
    left, right = figure.axes[TRACE].get_xlim()
    assert (right - left) * 86400 == pytest.approx(202, abs=0.01)
    assert "(shown: 10:16:39 to 10:20:01, the part with data)" in figure.get_suptitle()
    assert "no data 3,400 s" in figure.get_suptitle()
    whole = draw_hour(station_hour(labels_with(slice(0, 300), Label.NO_DATA)))
    assert "shown" not in whole.get_suptitle()


@pytest.mark.parametrize("code", [Label.UNDETERMINED, Label.NO_DATA, Label.FAILED, Label.NOT_RUN])
def test_an_hour_without_a_class_says_so(code: Label) -> None:
    figure = draw_hour(station_hour(np.full(3600, code, np.uint8)))
    figure.draw_without_rendering()
    assert texts(figure) == ["not computed in this hour"] * 2
    assert "nothing labelled" in figure.get_suptitle()


def test_notebooks_show_the_figure() -> None:
    figure = draw_hour(station_hour(some_labels()))
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_one_window_alone_is_drawn() -> None:
    label = np.full(3600, Label.NO_DATA, np.uint8)
    label[17] = Label.RANDOM_NOISE
    figure = draw_hour(station_hour(label))
    figure.draw_without_rendering()
    assert len(points(figure.axes[CC]).get_offsets()) == 1


def test_a_huge_event_does_not_hide_the_rest() -> None:
    hour = station_hour(some_labels())
    assert draw_hour(hour).axes[TRACE].get_yscale() == "linear"
    hour.samples[40_000:40_100] *= 1e5
    axes = draw_hour(hour).axes[TRACE]
    assert axes.get_yscale() == "symlog"
    assert "then log" in axes.get_ylabel()


def test_the_spectrogram_shows_a_tone_at_its_frequency_and_power() -> None:
    time_s = np.arange(600 * 100) / 100
    found = spectrogram(8 * np.sin(2 * np.pi * 17 * time_s), 100)
    assert found is not None
    assert found.power_db.shape[0] == 50
    assert (found.power_db.argmax(axis=0) == 16).all()  # row k lies at k + 1 Hz
    # a Hann window spreads the power 8^2 / 2 over 1.5 bins
    assert np.allclose(found.power_db.max(axis=0), 10 * np.log10(32 / 1.5), atol=0.01)


def test_the_spectrogram_skips_nothing_and_shows_gaps() -> None:
    rng = np.random.default_rng(0)
    samples = rng.standard_normal(3600 * 50)
    samples[100 * 50 : 110 * 50] = np.nan
    quiet = spectrogram(samples, 50)
    assert quiet is not None
    assert quiet.power_db.shape == (25, quiet.power_db.shape[1])
    assert MAX_COLUMNS / 2 < quiet.power_db.shape[1] <= MAX_COLUMNS
    column_s = (quiet.stop_s - quiet.start_s) / quiet.power_db.shape[1]
    empty = np.flatnonzero(np.isnan(quiet.power_db).all(axis=0)) * column_s + quiet.start_s
    assert len(empty)
    assert empty.min() >= 100
    assert empty.max() < 110
    # white noise of variance 1 has a density of 2 / rate
    assert np.nanmean(10 ** (quiet.power_db / 10)) == pytest.approx(2 / 50, rel=0.02)
    for second in rng.integers(200, 3500, 20):
        louder = samples.copy()
        louder[second * 50 : second * 50 + 25] += 100 * rng.standard_normal(25)
        found = spectrogram(louder, 50)
        assert found is not None
        column = int(np.nanargmax(found.power_db.mean(axis=0)))
        assert abs(found.start_s + (column + 0.5) * column_s - second) <= column_s + 1


def test_a_record_shorter_than_a_window_has_no_spectrogram() -> None:
    assert spectrogram(np.zeros(19), 20) is None


@pytest.fixture(scope="module")
def midnight(plotted: tuple[Path, Path]) -> object:
    labels, waveforms = (seisflow.open(p) for p in plotted)
    return read_station_hour(labels, waveforms, FIRST, "2014-05-30T00:03")


def test_the_trace_is_what_the_labeller_saw(
    plotted: tuple[Path, Path], midnight: seisflow.stages.report.figures.station_hour.StationHour
) -> None:
    record = zarr.open_array(plotted[1] / "waveform")[0]
    first = 24 * 3600 * RATE
    valid = np.ones(20 * RATE + 360 * RATE, np.bool_)
    gap = slice((GAP.start - 360 + 20) * RATE, (GAP.stop - 360 + 20) * RATE)
    valid[gap] = False
    stretch = record[first - 20 * RATE : first + 360 * RATE]
    expected = highpass_valid(stretch, valid, RATE, corner_hz=2, poles=2)
    expected[~valid] = np.nan
    np.testing.assert_array_equal(midnight.samples[: 360 * RATE], expected[20 * RATE :])
    assert np.isnan(midnight.samples[360 * RATE :]).all()


def test_labels_and_features_are_those_of_the_product(
    plotted: tuple[Path, Path], midnight: seisflow.stages.report.figures.station_hour.StationHour
) -> None:
    hour = slice(24 * 3600, 25 * 3600)
    for name, values in {"label": midnight.label, **midnight.features}.items():
        np.testing.assert_array_equal(values, zarr.open_array(plotted[0] / name)[0, hour])
    assert {"deviation", "median_cc", "weighted_density"} <= midnight.features.keys()
    assert midnight.thresholds == {"weighted_density": (0.45, 0.15)}
    assert (midnight.label[140:147] == Label.NO_DATA).all()
    assert (midnight.method, midnight.highpass_hz, midnight.rate_hz) == ("reference", 2, RATE)


@pytest.mark.parametrize(
    ("station", "hour", "said"),
    [
        ("XX.*.*.*", "2014-05-30", f"matches 2 stations.*: {FIRST}, {SECOND}; give one"),
        ("XX.CCC..HHZ", "2014-05-30", f"no station matches .* has 2: {FIRST}, {SECOND}"),
        (
            "AA",
            "2014-05-30",
            "no station matches --station 'AA': give NET.STA.LOC.CHA, a part of it",
        ),
        (FIRST, None, "say which hour to draw, for example --hour 2014-05-29T00"),
        (FIRST, "2014-06-01", "hour 2014-06-01T00 is not in .* covers 2014-05-29T00:00:00Z"),
        (FIRST, "noon", "not a time: 'noon'"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    plotted: tuple[Path, Path], station: str, hour: str | None, said: str
) -> None:
    labels, waveforms = (seisflow.open(p) for p in plotted)
    with pytest.raises(ConfigError, match=said):
        seisflow.hour_figure(labels, waveforms, station, hour)


def test_products_that_do_not_belong_together_are_refused(plotted: tuple[Path, Path]) -> None:
    labels, waveforms = (seisflow.open(p) for p in plotted)
    other = waveforms.copy()
    other.attrs = {"seisflow": {**product_attrs(waveforms), "key": "another"}}
    with pytest.raises(ConfigError, match=r"was made from the WAVEFORMS with identity .* another"):
        seisflow.hour_figure(labels, other, FIRST, "2014-05-30")
    with pytest.raises(ConfigError, match="is a WAVEFORMS product; a LABELS product"):
        seisflow.hour_figure(waveforms, waveforms, FIRST, "2014-05-30")
    with pytest.raises(ConfigError, match="is a LABELS product; a WAVEFORMS product"):
        seisflow.hour_figure(labels, labels, FIRST, "2014-05-30")


def test_a_part_of_the_waveforms_that_lacks_the_hour_is_refused(
    plotted: tuple[Path, Path],
) -> None:
    labels, waveforms = (seisflow.open(p) for p in plotted)
    day = waveforms.sel(second=slice("2014-05-29", "2014-05-29"), time=slice("2014-05-29"))
    with pytest.raises(ConfigError, match=r"does not hold XX\.AAA\.\.HHZ from 2014-05-30T00"):
        seisflow.hour_figure(labels, day, FIRST, "2014-05-30")
    figure = seisflow.hour_figure(labels, waveforms, "*.BBB.*.*", "2014-05-29T23")
    assert figure.get_suptitle().startswith(SECOND)


def test_labels_of_calibrated_bring_their_probability_and_thresholds(
    plotted: tuple[Path, Path], tmp_path: Path
) -> None:
    path = report_products.label(plotted[1], tmp_path / "labels.zarr", method="calibrated")
    labels, waveforms = seisflow.open(path), seisflow.open(plotted[1])
    hour = read_station_hour(labels, waveforms, FIRST, "2014-05-30T00")
    assert hour.method == "calibrated"
    assert hour.thresholds == {"p_noise": (0.1, 0.001)}
    p_noise = zarr.open_array(path / "p_noise")[0, 24 * 3600 : 25 * 3600]
    np.testing.assert_array_equal(hour.features["p_noise"], p_noise)
    assert "method calibrated" in draw_hour(hour).get_suptitle()
