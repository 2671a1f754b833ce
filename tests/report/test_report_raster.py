"""A day of the array: what a cell shows, what is counted, and what the figure says of it."""

from pathlib import Path

import dask.array
import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.collections import FillBetweenPolyCollection
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from report_products import FIRST, SECOND

import seisflow
from seisflow.core.classes import Label
from seisflow.core.grid import format_time, parse_time
from seisflow.errors import ConfigError
from seisflow.stages.report.figures import day as module
from seisflow.stages.report.figures.day import (
    cell_of,
    day_figure,
    draw_raster,
    read_raster,
    reduce_labels,
)
from seisflow.stages.report.figures.palette import LABEL_COLOURS

RN, MIXED, NRN = Label.RANDOM_NOISE, Label.MIXED, Label.NOT_RANDOM_NOISE
DAY_S = 86_400


def labels_of(codes: np.ndarray | dask.array.Array, start: str = "2014-05-29") -> xr.Dataset:
    """Return what `seisflow.open` would return of such labels, as far as a raster needs it."""
    n, seconds = codes.shape
    names = [f"ZG.R{i:04d}..EHZ" for i in range(n)]
    times = parse_time(start) + np.arange(seconds, dtype=np.int64) * 10**9
    coords = {"station": names, "second": times.astype("datetime64[ns]")}
    identity = {"product": "LABELS", "config": {"method": "reference"}}
    data = xr.DataArray(codes, dims=("station", "second"), coords=coords)
    return xr.Dataset({"label": data}, attrs={"seisflow": {"identity": identity}})


def colour(label: Label) -> list[int]:
    opacity = 0 if label is Label.NOT_RUN else 1
    return np.rint(255 * np.array(to_rgba(LABEL_COLOURS[label], opacity))).astype(int).tolist()


def raster_of(codes: np.ndarray) -> module.Raster:
    labels = labels_of(codes)
    (span,) = module.days_in(labels, None)
    return read_raster(labels, span)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        ([RN, RN, RN, NRN], RN),
        ([RN, NRN, NRN, NRN], NRN),
        ([RN, RN, MIXED, NRN], RN),
        ([RN, RN, NRN, NRN], NRN),
        ([RN, RN, MIXED, MIXED], MIXED),
        ([MIXED, MIXED, NRN, NRN], NRN),
        ([RN, RN, RN, Label.NO_DATA], Label.NO_DATA),
        ([NRN, NRN, Label.NO_DATA, Label.UNDETERMINED], Label.UNDETERMINED),
        ([Label.NO_DATA, Label.NO_DATA, Label.UNDETERMINED, Label.FAILED], Label.FAILED),
        ([Label.FAILED, Label.FAILED, Label.FAILED, Label.NOT_RUN], Label.NOT_RUN),
    ],
)
def test_a_cell_shows_trouble_else_the_most_frequent_class(
    seconds: list[Label], shown: Label
) -> None:
    codes = np.array([seconds], dtype=np.uint8)
    assert reduce_labels(codes, 1, 4).tolist() == [[shown]]
    assert reduce_labels(codes.reshape(4, 1), 4, 1).tolist() == [[shown]]


@given(
    codes=arrays(np.uint8, (5, 24), elements=st.sampled_from([int(c) for c in Label])),
    per_row=st.sampled_from([1, 2, 3, 5, 7]),
    cell_s=st.sampled_from([1, 2, 6, 24]),
)
def test_cells_are_those_of_the_rule_said_plainly(
    codes: np.ndarray, per_row: int, cell_s: int
) -> None:
    found = reduce_labels(codes, per_row, cell_s)
    assert found.shape == (-(-5 // per_row), 24 // cell_s)
    for row, column in np.ndindex(found.shape):
        stations = codes[row * per_row : (row + 1) * per_row]
        seconds = stations[:, column * cell_s : (column + 1) * cell_s].ravel().tolist()
        trouble = [c for c in (255, 254, 252, 253) if c in seconds]
        expected = trouble[0] if trouble else max((2, 1, 0), key=seconds.count)
        assert found[row, column] == expected


def test_cells_divide_hours_and_fit_the_figure() -> None:
    for hours in (1, 2, 3, 7, 23, 24):
        cell_s = cell_of(hours * 3600)
        assert 3600 % cell_s == 0
        assert hours * 3600 / cell_s <= module.MAX_CELLS
    assert cell_of(3600) == 4
    assert cell_of(DAY_S) == 90


def test_blocks_of_stations_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    codes = rng.choice([int(c) for c in Label], size=(7, 7200)).astype(np.uint8)
    whole = raster_of(codes)
    read: list[int] = []

    def reduce(codes: np.ndarray, per_row: int, cell_s: int) -> np.ndarray:
        read.append(codes.nbytes)
        return reduce_labels(codes, per_row, cell_s)

    monkeypatch.setattr(module, "reduce_labels", reduce)
    monkeypatch.setattr(module, "READ_BYTES", 2 * 7200)
    cut = raster_of(codes)
    assert read == [2 * 7200] * 3 + [7200]
    np.testing.assert_array_equal(cut.cells, whole.cells)
    np.testing.assert_array_equal(cut.counts, whole.counts)


def test_seconds_are_counted_by_station_and_hour() -> None:
    codes = np.zeros((2, 7200), dtype=np.uint8)
    codes[0, 3600:3610] = NRN
    codes[1, :5] = Label.NO_DATA
    found = raster_of(codes)
    codes_in_order = list(LABEL_COLOURS)
    assert found.counts.shape == (2, 2, len(codes_in_order))
    assert found.counts[0, 1, codes_in_order.index(NRN)] == 10
    assert found.counts[1, 0, codes_in_order.index(Label.NO_DATA)] == 5
    assert found.totals()[RN] == 2 * 7200 - 15
    assert (found.counts.sum(axis=-1) == 3600).all()


def test_only_the_selected_stations_are_drawn_and_counted() -> None:
    codes = np.full((3, 3600), RN, dtype=np.uint8)
    codes[1] = NRN
    labels = labels_of(codes)
    (span,) = module.days_in(labels, None)
    found = read_raster(labels, span, ["ZG.R0001.*.*"])
    assert found.stations == ("ZG.R0001..EHZ",)
    assert found.totals() == {c: 3600 * (c == NRN) for c in LABEL_COLOURS}
    with pytest.raises(ConfigError, match=r"no station matches --select A\.B\.C\.D; .* has 3: ZG"):
        read_raster(labels, span, ["A.B.C.D"])


@pytest.fixture(scope="module")
def mixture() -> tuple[np.ndarray, Figure]:
    """One row of every kind, two hours; and its figure."""
    codes = np.repeat(np.array([int(c) for c in LABEL_COLOURS], np.uint8), 7200).reshape(-1, 7200)
    codes[0, 100] = Label.NO_DATA
    return codes, draw_raster(raster_of(codes))


def test_the_image_holds_the_colour_of_every_kind(mixture: tuple[np.ndarray, Figure]) -> None:
    _, figure = mixture
    image = np.asarray(figure.axes[0].images[0].get_array())
    assert image.shape == (7, 900, 4)
    for row, label in enumerate(LABEL_COLOURS):
        assert image[row, 500].tolist() == colour(label)
    assert image[0, 12].tolist() == colour(Label.NO_DATA)  # second 100 lies in cell 12 of 8 s
    assert image[0, [11, 13]].tolist() == [colour(RN)] * 2
    assert len({tuple(c) for c in image[:, 500].tolist()}) == 7


def test_what_has_not_run_shows_a_hatched_ground(mixture: tuple[np.ndarray, Figure]) -> None:
    _, figure = mixture
    axes = figure.axes[0]
    (ground,) = [p for p in axes.patches if isinstance(p, Rectangle)]
    assert ground.get_hatch()
    image = axes.images[0]
    assert ground.get_zorder() < image.get_zorder()
    assert np.asarray(image.get_array())[6, :, 3].max() == 0
    left, right, bottom, top = image.get_extent()
    assert ground.get_bbox().extents.tolist() == pytest.approx([left, bottom, right, top])


def test_the_legend_names_every_kind_and_leaves_shares_to_the_title(
    mixture: tuple[np.ndarray, Figure],
) -> None:
    _, figure = mixture
    (legend,) = figure.legends
    texts = [text.get_text() for text in legend.get_texts()]
    assert texts == [
        "random noise",
        "mixed",
        "not random noise",
        "undetermined",
        "no data",
        "failed",
        "not run",
    ]
    hatched = [bool(patch.get_hatch()) for patch in legend.get_patches()]
    assert hatched == [False] * 6 + [True]


def test_the_shares_of_hours_and_stations_add_up(mixture: tuple[np.ndarray, Figure]) -> None:
    _, figure = mixture
    _, by_station, by_hour, _ = figure.axes
    assert len(by_hour.containers) == 7
    for hour in range(2):
        heights = [bars[hour].get_height() for bars in by_hour.containers]
        assert sum(heights) == pytest.approx(100)
    first = [bars[0] for bars in by_hour.containers]
    assert first[0].get_height() == pytest.approx(100 * 3599 / (7 * 3600))
    drawn = [c for c in by_station.collections if isinstance(c, FillBetweenPolyCollection)]
    assert len(drawn) == 7
    assert by_station.get_ylim() == figure.axes[0].get_ylim()


def test_the_title_says_stations_time_method_and_shares(
    mixture: tuple[np.ndarray, Figure],
) -> None:
    _, figure = mixture
    first, second = figure.get_suptitle().splitlines()
    assert first == "7 stations   2014-05-29 00:00 to 2014-05-29 02:00 UTC   method reference"
    assert second == (
        "random noise 33.3%, mixed 33.3%, not random noise 33.3% of 21,599 labelled seconds; "
        "undetermined 7,200 s; no data 7,201 s; failed 7,200 s; not run 7,200 s"
    )
    assert "each cell: 8 s of one station" in figure.axes[0].get_title(loc="left")


def test_a_day_of_a_thousand_stations_has_a_pixel_for_each() -> None:
    codes = dask.array.zeros((1100, DAY_S), chunks=(4, DAY_S), dtype="uint8")
    figure = day_figure(labels_of(codes), "2014-05-29T17:00")
    figure.draw_without_rendering()
    box = figure.axes[0].get_window_extent()
    rows, columns, _ = np.asarray(figure.axes[0].images[0].get_array()).shape
    assert (rows, columns) == (1100, 960)
    assert box.height >= rows
    assert box.width >= columns
    assert len(figure.axes[0].get_yticks()) <= 30


def test_more_stations_than_rows_share_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    codes = np.repeat(np.array([[0], [0], [1], [2], [253]], np.uint8), 3600, axis=1)
    figure = draw_raster(raster_of(codes))
    image = np.asarray(figure.axes[0].images[0].get_array())
    assert image[:, 0].tolist() == [colour(RN), colour(Label.NO_DATA)]
    assert "of 3 stations" in figure.axes[0].get_title(loc="left")
    assert figure.get_suptitle().startswith("5 stations")


def test_minutes_of_data_fill_the_figure() -> None:
    """Cells are cut finer, and the axis ends with the data; shares stay those of the day."""
    codes = np.full((2, DAY_S), Label.NO_DATA, dtype=np.uint8)
    codes[0, 50_000:50_360] = np.arange(360) // 120
    found = raster_of(codes)
    assert found.cells.shape == (2, 900)
    assert format_time(found.shown.start_ns) == "2014-05-29T13:00:00Z"
    assert found.totals()[Label.NO_DATA] == 2 * DAY_S - 360
    figure = draw_raster(found)
    left, right = figure.axes[0].get_xlim()
    assert (right - left) * DAY_S == pytest.approx(368, abs=0.01)
    start = 16_219 + (50_000 - 4) / DAY_S  # days since 1970
    assert left == pytest.approx(start, abs=1e-6)
    assert "2014-05-30 00:00 UTC" in figure.get_suptitle()
    assert "(shown: the part with data)" in figure.get_suptitle()


def test_what_has_not_run_is_never_left_out() -> None:
    codes = np.full((1, DAY_S), Label.NO_DATA, dtype=np.uint8)
    codes[0, :3600] = Label.NOT_RUN
    codes[0, -3600:] = RN
    found = raster_of(codes)
    assert found.shown == found.span
    assert "shown" not in draw_raster(found).get_suptitle()
    codes[:] = Label.NO_DATA
    assert raster_of(codes).cells.shape == (1, 960)


def test_notebooks_show_the_figure(mixture: tuple[np.ndarray, Figure]) -> None:
    _, figure = mixture
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]


def test_one_day_of_several_must_be_named(plotted: tuple[Path, Path]) -> None:
    labels = seisflow.open(plotted[0])
    with pytest.raises(ConfigError, match=r"covers 2 days, .*day='2014-05-29'"):
        seisflow.day_figure(labels)
    with pytest.raises(ConfigError, match=r"the day 2014-06-01 is not in .*--day 2014-05-29"):
        seisflow.day_figure(labels, "2014-06-01")
    figure = seisflow.day_figure(labels, "2014-05-30")
    assert "2014-05-30 00:00 to 2014-05-31 00:00" in figure.get_suptitle()
    names = [tick.get_text() for tick in figure.axes[0].get_yticklabels()]
    assert names == [FIRST, SECOND]


def test_waveforms_are_no_labels(plotted: tuple[Path, Path]) -> None:
    with pytest.raises(ConfigError, match="is a WAVEFORMS product; a LABELS product"):
        seisflow.day_figure(seisflow.open(plotted[1]), "2014-05-30")
    with pytest.raises(ConfigError, match="is no product of seisflow"):
        seisflow.day_figure(xr.Dataset({"second": [0]}), "2014-05-30")
