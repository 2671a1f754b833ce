"""The figure of a detection: traces where their samples are, picks, order, map, and what lacks."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from longitudes import onto_180
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from report_events import ONSET_S, RATE, VELOCITY_M_S, detection, section

from seisflow.errors import DataError, StorageError
from seisflow.stages.report.figures.events import (
    DARK,
    GREY,
    MAX_TRACES,
    ORANGE,
    WINE,
    draw_event,
    event_figure,
)

BEFORE, AFTER, STACK, NODES = range(4)


def lines_of(axes: Axes, colour: str) -> list[np.ndarray]:
    """Return the points of the lines of a colour."""
    return [
        np.asarray(path.vertices)
        for lines in axes.collections
        if isinstance(lines, LineCollection) and to_hex(lines.get_colors()[0]) == colour
        for path in lines.get_paths()
    ]


def height_of(points: np.ndarray) -> int:
    return round(float(np.nanmean(points[:, 1])))


def largest_at(points: np.ndarray) -> float:
    return float(points[np.nanargmax(points[:, 1]), 0])


def dots(axes: Axes) -> list[PathCollection]:
    return [c for c in axes.collections if isinstance(c, PathCollection)]


def texts(figure: Figure) -> list[Text]:
    return [t for t in figure.findobj(Text) if t.get_text() and t.get_visible()]


def beyond(figure: Figure) -> set[Text]:
    """Return the names of ticks that lie outside their axes: they are not drawn."""
    found = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
            outside = [t for t in ticks if not low <= t.get_loc() <= high]
            found |= {label for t in outside for label in (t.label1, t.label2)}
    return found


def test_traces_stand_at_their_times_before_and_after_the_alignment() -> None:
    found = section()
    before, after = event_figure(found).axes[BEFORE : AFTER + 1]
    rising = np.sort(found.delays_s[found.has_pick])
    shown = sorted(lines_of(before, DARK), key=height_of)
    assert [largest_at(p) for p in shown] == pytest.approx(rising + ONSET_S, abs=1 / RATE)
    aligned = lines_of(after, DARK)
    assert [largest_at(p) for p in aligned] == pytest.approx([ONSET_S] * len(rising), abs=1 / RATE)
    assert sorted(map(height_of, aligned)) == sorted(map(height_of, shown))
    assert len(lines_of(before, GREY)) == 6
    assert lines_of(after, GREY) == []


def test_rows_are_in_the_order_in_which_the_wave_comes() -> None:
    """A wave has later picks further up; so a wrong sign of the direction shows."""
    found = section(n_quiet=0)
    axes = event_figure(found).axes[BEFORE]
    picks = [p for p in lines_of(axes, ORANGE) if len(p) == 2]
    at = {round(float(p[:, 1].mean())): float(p[0, 0]) for p in picks}
    assert [at[k] for k in range(25)] == pytest.approx(np.sort(found.delays_s))
    (wave,) = [line for line in axes.lines if to_hex(line.get_color()) == WINE]
    np.testing.assert_allclose(wave.get_xdata(), np.sort(found.delays_s), atol=0.002)


def test_the_distance_of_rows_is_that_along_the_path() -> None:
    found = section(n_quiet=0)
    axes = event_figure(found).axes[BEFORE]
    named = [float(t.get_text()) for t in axes.get_yticklabels()]
    ticks = [round(t) for t in axes.get_yticks()]
    expected = VELOCITY_M_S * np.sort(found.delays_s)
    steps = np.diff(named)
    np.testing.assert_allclose(steps, np.diff(expected[ticks]), atol=3)
    assert "m along the path of the wave" in axes.get_ylabel()


def test_all_picks_lie_within_the_time_shown() -> None:
    found = section(15)
    before, after = event_figure(found).axes[BEFORE : AFTER + 1]
    delays = found.delays_s[found.has_pick]
    assert np.ptp(delays) > 1, "an array whose moveout counts"
    assert before.get_xlim() == pytest.approx((delays.min() - 1, delays.max() + 2))
    assert after.get_xlim() == (-1, 2)


def test_each_trace_is_as_large_as_its_neighbours_and_stays_with_its_row() -> None:
    axes = event_figure(section()).axes[BEFORE]
    for points in lines_of(axes, DARK) + lines_of(axes, GREY):
        about = points[:, 1] - height_of(points)
        assert np.abs(about).max() == pytest.approx(0.9, abs=0.15)


def test_at_most_80_traces_are_shown_from_the_first_to_the_last() -> None:
    found = section(15, n_quiet=0)
    axes = event_figure(found).axes[BEFORE]
    rows = sorted(lines_of(axes, DARK), key=height_of)
    assert len(rows) == MAX_TRACES
    assert "80 traces shown" in axes.get_title(loc="left")
    rising = np.sort(found.delays_s)
    at = [largest_at(p) - ONSET_S for p in rows]
    assert (at[0], at[-1]) == pytest.approx((rising[0], rising[-1]), abs=0.03)
    assert np.diff(np.searchsorted(rising, np.array(at))).max() < 12


def test_what_was_not_recorded_is_not_drawn() -> None:
    found = section(n_quiet=0)
    found.traces[3] = np.nan
    found.traces[4, 900:] = np.nan
    axes = event_figure(found).axes[BEFORE]
    shown = lines_of(axes, DARK)
    assert len(shown) == 24
    assert sum(np.isnan(p[:, 1]).any() for p in shown) == 1


def test_stations_without_coordinates_are_in_their_own_order() -> None:
    found = section(n_quiet=0)
    unknown = np.full(25, np.nan)
    found = replace(
        found,
        longitude=unknown,
        latitude=unknown,
        event=replace(found.event, back_azimuth_deg=np.nan, apparent_velocity_m_s=np.nan),
    )
    figure = event_figure(found)
    before, nodes = figure.axes[BEFORE], figure.axes[NODES]
    picks = [p for p in lines_of(before, ORANGE) if len(p) == 2]
    at = {round(float(p[:, 1].mean())): float(p[0, 0]) for p in picks}
    assert [at[k] for k in range(25)] == pytest.approx(found.delays_s)
    assert before.get_yticklabels()[0].get_text() == "XX.N000..EHZ"
    assert [t.get_text() for t in nodes.texts] == ["the stations have no coordinates"]
    assert nodes.get_title(loc="left") == "no plane wave was fitted"


def test_the_map_is_the_same_on_both_sides_of_180_degrees() -> None:
    found = section()
    across = replace(found, longitude=onto_180(-116.595)(found.longitude))
    assert np.ptp(across.longitude) > 359
    maps = [dots(event_figure(s).axes[NODES]) for s in (found, across)]
    for wanted, drawn in zip(*maps, strict=True):
        np.testing.assert_allclose(drawn.get_offsets(), wanted.get_offsets(), atol=1e-6)


def test_the_map_has_delays_as_colours_and_rings_without_picks() -> None:
    found = section()
    axes = event_figure(found).axes[NODES]
    rings, picked = dots(axes)
    assert len(rings.get_offsets()) == 6
    assert rings.get_facecolors().size == 0
    np.testing.assert_allclose(picked.get_array(), found.delays_s[found.has_pick])
    low, high = picked.get_clim()
    assert found.delays_s[found.has_pick].min() < low < high
    # 5 x 5 nodes 250 m apart
    east = np.ptp(np.r_[rings.get_offsets()[:, 0], picked.get_offsets()[:, 0]])
    assert east == pytest.approx(1000, abs=80)


def test_the_arrow_goes_the_way_of_the_wave() -> None:
    found = section(n_quiet=0)
    axes = event_figure(found).axes[NODES]
    (arrow,) = [t for t in axes.texts if isinstance(t, mpl.text.Annotation)]
    way = np.array(arrow.xy) - np.array(arrow.xyann)
    (nodes,) = dots(axes)[-1:]
    places = np.asarray(nodes.get_offsets())
    along = (places - places.mean(axis=0)) @ way / np.hypot(*way)
    assert np.corrcoef(along, found.delays_s)[0, 1] > 0.999
    assert np.hypot(*arrow.xy) > np.hypot(*places.T).max(), "it does not lie on the nodes"


def test_the_stack_has_its_onset_at_0() -> None:
    found = section()
    axes = event_figure(found).axes[STACK]
    stack = axes.lines[0]
    np.testing.assert_array_equal(stack.get_ydata(), found.event.stack)
    assert stack.get_xdata()[np.argmax(found.event.stack)] == pytest.approx(ONSET_S)
    assert "SNR 14.2" in axes.get_title(loc="left")


def test_the_title_says_what_was_found() -> None:
    shown = event_figure(section()).get_suptitle()
    said = ("sf20140529T170342", "2014-05-29 17:03:42.118 UTC", "19 of 25 stations, 10 needed",
            "mean probability 0.97", "mean cc 0.83", "SNR of the stack 14.2")  # fmt: skip
    for part in said:
        assert part in shown


def test_a_detection_that_could_not_be_measured_says_so() -> None:
    unknown = dict.fromkeys(
        ("mean_cc", "stack_snr", "back_azimuth_deg", "apparent_velocity_m_s", "plane_rms_s"), np.nan
    )
    found = section(n_quiet=25, stack=np.empty(0, np.float32), **unknown)
    figure = event_figure(found)
    figure.draw_without_rendering()
    assert "no stack" in [t.get_text() for t in texts(figure)]
    assert "mean cc not known" in figure.get_suptitle()
    assert lines_of(figure.axes[AFTER], DARK) == []
    one_moment = section(n_quiet=0, back_azimuth_deg=np.nan, apparent_velocity_m_s=np.inf)
    event_figure(one_moment).draw_without_rendering()


@pytest.mark.parametrize("n_side", [3, 15])
def test_no_text_is_cut_off_or_lies_on_another(n_side: int) -> None:
    figure = event_figure(section(n_side, n_quiet=2))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    drawn = [t for t in texts(figure) if t not in beyond(figure)]
    boxes = {t: t.get_window_extent(renderer) for t in drawn}
    assert len(boxes) > 40
    whole = figure.bbox
    for text, box in boxes.items():
        inside = box.x0 >= 0 and box.y0 >= 0 and box.x1 <= whole.x1 and box.y1 <= whole.y1
        assert inside, text.get_text()
    for (one, a), (other, b) in combinations(boxes.items(), 2):
        apart = a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 or b.y1 <= a.y0
        assert apart, f"{one.get_text()!r} lies on {other.get_text()!r}"


def test_rows_that_do_not_fit_are_refused() -> None:
    found = section()
    with pytest.raises(DataError, match=r"25 stations, and rows of .*'start_ns': 24"):
        replace(found, start_ns=found.start_ns[1:])


@pytest.mark.parametrize(("suffix", "begins"), [(".png", b"\x89PNG"), (".PDF", b"%PDF")])
def test_the_figure_is_written_whole(suffix: str, begins: bytes, tmp_path: Path) -> None:
    path = tmp_path / "figures" / f"event{suffix}"
    draw_event(section(3, n_quiet=1), path)
    assert path.read_bytes().startswith(begins)
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_a_drawing_that_stops_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: Figure, file: Any, **options: Any) -> None:
        file.write(b"\x89PNG")
        raise KeyboardInterrupt

    monkeypatch.setattr(Figure, "savefig", stop)
    with pytest.raises(KeyboardInterrupt):
        draw_event(section(3), tmp_path / "event.png")
    assert list(tmp_path.iterdir()) == []


def test_other_kinds_of_files_and_places_that_refuse_are_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"event\.gif is no kind of figure; allowed: \.png"):
        draw_event(section(3), tmp_path / "event.gif")
    (tmp_path / "file").write_text("a file where a folder should be")
    with pytest.raises(StorageError, match="cannot write to"):
        draw_event(section(3), tmp_path / "file" / "event.png")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_the_fixture_is_a_detection_of_its_own_picks() -> None:
    delays = np.array([0.0, np.nan, 0.1])
    found = detection(delays, ["A", "B", "C"])
    assert [(p.station, p.delay_s) for p in found.picks] == [("A", 0.0), ("C", 0.1)]
