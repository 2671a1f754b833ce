"""One detection at a glance: its traces before and after alignment, their stack, and its nodes.

Invariant: a trace is never shown where there are no data, and a node without a pick looks
different from every node with one, also without colour vision.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from seisflow.core.amounts import human_moment, length_unit
from seisflow.core.files import AnyPath
from seisflow.core.geometry import local_xy_m
from seisflow.core.grid import NS_PER_S
from seisflow.errors import DataError
from seisflow.stages.detect.event import Detection
from seisflow.stages.report.figures.palette import ReportFigure, drawing, write_figure

__all__ = ["EventSection", "draw_event", "event_figure"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MAX_TRACES = 80
"""Traces above each other in a record section."""
SHOWN_S = (-1.0, 2.0)
"""Seconds shown before the earliest and behind the latest pick."""
HEIGHT = 0.9
"""Largest magnitude of a trace, in distances between two traces."""
MAX_TICKS = 12
SUFFIXES = (".png", ".pdf", ".svg")

DARK, GREY, PALE = "#222222", "#999999", "#cccccc"
BLUE, ORANGE, WINE = "#4477aa", "#ee7733", "#882255"


@dataclass(frozen=True, eq=False, kw_only=True)
class EventSection:
    """What the figure of a detection is drawn from.

    Parameters
    ----------
    event : Detection
        What was found.
    stations : sequence of str
        NET.STA.LOC.CHA of the n rows of all arrays here; also those without a pick.
    traces : ndarray of float32, shape (n, n_samples)
        In the band of the alignment; NaN where there are no data.
    start_ns : ndarray of int64, shape (n,)
        Time of the first sample of each trace, ns since 1970 UTC.
    rate_hz : float
        Samples per second.
    longitude, latitude : ndarray of float64, shape (n,)
        Degrees; NaN where not known.
    delays_s : ndarray of float64, shape (n,)
        Behind the median node; NaN where the node has no pick.

    Raises
    ------
    DataError
        The arrays do not have one row for each station.
    """

    event: Detection
    stations: Sequence[str]
    traces: npt.NDArray[np.float32]
    start_ns: Integers
    rate_hz: float
    longitude: Vector
    latitude: Vector
    delays_s: Vector

    def __post_init__(self) -> None:
        rows = {
            name: len(getattr(self, name))
            for name in ("traces", "start_ns", "longitude", "latitude", "delays_s")
        }
        if set(rows.values()) != {len(self.stations)}:
            raise DataError(
                f"section of {self.event.event}: {len(self.stations)} stations, and rows of "
                f"{rows}; give one row for each station"
            )

    @property
    def has_pick(self) -> Flags:
        """Rows that have a pick."""
        return np.isfinite(self.delays_s)

    def seconds(self, row: int) -> Vector:
        """Return the times of a trace in seconds after the event."""
        first = (int(self.start_ns[row]) - self.event.time_ns) / NS_PER_S
        times: Vector = first + np.arange(self.traces.shape[1]) / self.rate_hz
        return times


@dataclass(frozen=True, eq=False)
class _Order:
    """The rows drawn, from the bottom up, and how far each lies along the path of the wave.

    ``distance_m`` counts from the middle of the array, the way the wave goes; None where the rows
    are in the order of stations.
    """

    rows: Integers
    distance_m: Vector | None


def event_figure(section: EventSection) -> Figure:
    """Draw a detection.

    Parameters
    ----------
    section : EventSection
        What is shown.

    Returns
    -------
    matplotlib.figure.Figure
        Above, traces as recorded with their picks, and those with a pick moved by their delays;
        from the bottom up in the order in which the plane wave reaches them, or in the order of
        stations where places or direction are not known; each divided by its largest sample
        shown, 80 traces at most, chosen evenly. Below, the stack with its onset, and a map of the
        delays with the direction of propagation.
    """
    order = _order(section)
    with drawing():
        figure = ReportFigure(figsize=(12.5, 10), layout="constrained", dpi=100)
        (before, after), (stack, nodes) = figure.subplots(2, 2, height_ratios=[1.5, 1])
        _draw_traces(before, section, order, aligned=False)
        _draw_traces(after, section, order, aligned=True)
        after.sharey(before)
        after.tick_params(labelleft=False)
        _name_rows(before, section, order)
        _draw_stack(stack, section.event)
        _draw_nodes(nodes, section)
        handles = _legend(section, order)
        figure.legend(handles=handles, loc="outside lower center", ncols=5, frameon=False)
        figure.suptitle(_title(section.event), fontsize=11)
    return figure


def draw_event(section: EventSection, path: AnyPath) -> None:
    """Write the figure of a detection; it has its name only when it is whole.

    Parameters
    ----------
    section : EventSection
        What is shown.
    path : Path
        A file .png, .pdf or .svg; its folder is made where it does not exist.

    Raises
    ------
    DataError
        The suffix is that of no such figure.
    StorageError
        The place cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path} is no kind of figure; allowed: {', '.join(SUFFIXES)}")
    figure = event_figure(section)
    write_figure(figure, path)


def _title(event: Detection) -> str:
    time = human_moment(event.time_ns)
    needed = f"{event.n_nodes} of {event.n_stations} stations, {event.needed_nodes} needed"
    values = [
        f"mean probability {_said(event.probability, '.2f')}",
        f"mean cc {_said(event.mean_cc, '.2f')}",
        f"SNR of the stack {_said(event.stack_snr, '.1f')}",
    ]
    return f"{event.event}   P at the median node {time} UTC   {needed}\n{'   '.join(values)}"


def _said(value: float, form: str, unit: str = "") -> str:
    return f"{value:{form}}{unit}" if np.isfinite(value) else "not known"


def _order(section: EventSection) -> _Order:
    """Choose the traces drawn and put them in order."""
    there = np.flatnonzero(np.isfinite(section.traces).any(axis=1))
    distance = _path_m(section)
    known = bool(there.size) and bool(np.isfinite(distance[there]).all())
    if known:
        there = there[np.argsort(distance[there], kind="stable")]
    n = min(MAX_TRACES, there.size)
    rows = there[np.rint(np.linspace(0, there.size - 1, n)).astype(np.int64)]
    return _Order(rows, distance[rows] if known else None)


def _path_m(section: EventSection) -> Vector:
    """Return how far each station lies along the path of the wave; NaN where not known."""
    x_m, y_m = local_xy_m(section.longitude, section.latitude)
    towards = np.deg2rad(section.event.back_azimuth_deg)
    path: Vector = -(x_m * np.sin(towards) + y_m * np.cos(towards))
    return path


def _shown_s(section: EventSection) -> tuple[float, float]:
    delays = section.delays_s[section.has_pick]
    least, most = (delays.min(), delays.max()) if delays.size else (0.0, 0.0)
    return float(least) + SHOWN_S[0], float(most) + SHOWN_S[1]


def _draw_traces(axes: Axes, section: EventSection, order: _Order, *, aligned: bool) -> None:
    """Draw the record section, as recorded or moved by the delays."""
    shown = SHOWN_S if aligned else _shown_s(section)
    has_pick = section.has_pick
    lines: dict[bool, list[npt.NDArray[np.float64]]] = {True: [], False: []}
    areas = []
    for place, row in enumerate(order.rows):
        if aligned and not has_pick[row]:
            continue
        times = section.seconds(row) - (section.delays_s[row] if aligned else 0.0)
        line = _trace(times, section.traces[row], shown, place)
        lines[bool(has_pick[row])].append(line)
        if has_pick[row]:
            areas.append(_above(line, place))
    axes.add_collection(PolyCollection(areas, facecolors=BLUE, alpha=0.45, linewidths=0, zorder=2))
    axes.add_collection(LineCollection(lines[False], colors=GREY, linewidths=0.5, zorder=1))
    axes.add_collection(LineCollection(lines[True], colors=DARK, linewidths=0.5, zorder=3))
    if aligned:
        axes.axvline(0, color=ORANGE, lw=1.4, zorder=4)
    else:
        _draw_picks(axes, section, order)
    axes.set_xlim(*shown)
    axes.set_ylim(-1.2, max(1, len(order.rows)) + 0.2)
    n_picks = int(has_pick.sum())
    n_drawn = len(lines[True]) + (0 if aligned else len(lines[False]))
    what = f"moved by the delays of {n_picks} nodes" if aligned else "as recorded"
    axes.set_title(f"{what}: {n_drawn} traces shown", loc="left")
    axes.set_xlabel("s after P at the node" if aligned else "s after P at the median node")


def _trace(
    times: Vector, trace: npt.NDArray[np.float32], shown: tuple[float, float], at: int
) -> npt.NDArray[np.float64]:
    """Return points of a trace about a height, divided by its largest sample that is shown."""
    inside = (times >= shown[0]) & (times <= shown[1])
    own = trace[inside].astype(np.float64)
    there = np.isfinite(own)
    if there.any():
        own -= own[there].mean()
        own *= HEIGHT / max(float(np.abs(own[there]).max()), np.finfo(np.float64).tiny)
    return np.column_stack([times[inside], own + at])


def _above(line: npt.NDArray[np.float64], at: int) -> npt.NDArray[np.float64]:
    """Return the area between a trace and its own height, where it lies above."""
    if not len(line):
        return np.empty((0, 2))
    height = np.where(np.isfinite(line[:, 1]), np.maximum(line[:, 1], at), at)
    x = np.r_[line[0, 0], line[:, 0], line[-1, 0]]
    return np.column_stack([x, np.r_[at, height, at]])


def _draw_picks(axes: Axes, section: EventSection, order: _Order) -> None:
    delays = section.delays_s[order.rows]
    places = np.flatnonzero(np.isfinite(delays))
    axes.vlines(delays[places], places - 0.45, places + 0.45, color=ORANGE, lw=2.2, zorder=5)
    velocity = section.event.apparent_velocity_m_s
    if order.distance_m is not None and np.isfinite(velocity):
        expected = order.distance_m / velocity
        # the delays count from the median node, the distance from the middle of the array
        expected = expected + (np.median(delays[places] - expected[places]) if places.size else 0.0)
        axes.plot(expected, np.arange(len(expected)), color=WINE, lw=1.2, ls="--", zorder=4)


def _name_rows(axes: Axes, section: EventSection, order: _Order) -> None:
    """Write distances, or stations, beside the traces."""
    n = len(order.rows)
    ticks = np.unique(np.rint(np.linspace(0, n - 1, min(n, MAX_TICKS))).astype(np.int64))
    if order.distance_m is None:
        names = [section.stations[row] for row in order.rows[ticks]]
        axes.set_ylabel("in the order of stations")
    else:
        unit, scale = length_unit(float(np.ptp(order.distance_m)))
        names = [f"{d / scale:.{0 if unit == 'm' else 2}f}" for d in order.distance_m[ticks]]
        axes.set_ylabel(f"{unit} along the path of the wave, from the middle of the array")
    axes.set_yticks(ticks, names)


def _draw_stack(axes: Axes, event: Detection) -> None:
    times = np.arange(event.stack.size) / event.rate_hz - event.stack_before_s
    if event.stack.size:
        axes.fill_between(times, np.maximum(event.stack, 0), color=BLUE, alpha=0.45, lw=0)
        axes.plot(times, event.stack, color=DARK, lw=1)
        axes.set_xlim(times[0], times[-1])
    else:
        axes.text(0.5, 0.5, "no stack", transform=axes.transAxes, ha="center")
    axes.axhline(0, color=PALE, lw=0.6, zorder=0)
    axes.axvline(0, color=ORANGE, lw=1.4)
    axes.set_xlabel("s after the onset")
    axes.set_ylabel("mean of traces of unit energy")
    axes.set_title(f"stack of the aligned traces: SNR {_said(event.stack_snr, '.1f')}", loc="left")


def _draw_nodes(axes: Axes, section: EventSection) -> None:
    """Draw where the nodes stand, how late P is at each, and where the wave comes from."""
    x_m, y_m = local_xy_m(section.longitude, section.latitude)
    axes.set_title(_wave_text(section.event), loc="left")
    known = np.isfinite(x_m)
    if not known.any():
        axes.set_axis_off()
        text = "the stations have no coordinates"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center")
        return
    radius_m = max(1.0, float(np.hypot(x_m[known], y_m[known]).max()))
    unit, scale = length_unit(2 * radius_m)
    x, y, radius = x_m / scale, y_m / scale, radius_m / scale
    size = float(np.clip(5000 / known.sum(), 8, 60))
    quiet, picked = known & ~section.has_pick, known & section.has_pick
    axes.scatter(x[quiet], y[quiet], s=0.6 * size, facecolors="none", edgecolors=GREY, lw=0.7)
    delays = section.delays_s[picked]
    if delays.size:
        low, high = np.quantile(delays, [0.02, 0.98])  # one stray pick does not take the colours
        dots = axes.scatter(
            x[picked], y[picked], s=size, c=delays, cmap="viridis", edgecolors=DARK, lw=0.4,
            vmin=low, vmax=max(high, low + 1e-3),
        )  # fmt: skip
        assert axes.figure is not None
        axes.figure.colorbar(dots, ax=axes, label="s behind the median node", shrink=0.9)
    tail = _draw_arrow(axes, section.event.back_azimuth_deg, radius)
    axes.set_aspect("equal")
    axes.set_xlim(_limits(np.append(x[known], tail[0]), radius))
    axes.set_ylim(_limits(np.append(y[known], tail[1]), radius))
    axes.set_xlabel(f"{unit} east of the middle")
    axes.set_ylabel(f"{unit} north of the middle")


def _draw_arrow(axes: Axes, back_azimuth_deg: float, radius: float) -> tuple[float, float]:
    """Draw the way of the wave, from its side up to the array; return where it begins."""
    if not np.isfinite(back_azimuth_deg):
        return 0.0, 0.0
    towards = np.deg2rad(back_azimuth_deg)
    x, y = float(np.sin(towards)) * radius, float(np.cos(towards)) * radius
    tail = (1.5 * x, 1.5 * y)
    look = {"arrowstyle": "-|>", "color": WINE, "lw": 2.5, "mutation_scale": 18}
    axes.annotate("", xy=(1.1 * x, 1.1 * y), xytext=tail, arrowprops=look)
    return tail


def _limits(values: Vector, radius: float) -> tuple[float, float]:
    return float(values.min()) - 0.12 * radius, float(values.max()) + 0.12 * radius


def _wave_text(event: Detection) -> str:
    if not np.isfinite(event.back_azimuth_deg):
        return "no plane wave was fitted"
    velocity = _said(event.apparent_velocity_m_s / 1000, ".2f", " km/s")
    rms = _said(1000 * event.plane_rms_s, ".1f", " ms")
    return f"plane wave from {event.back_azimuth_deg:.0f}° at {velocity}, rms {rms}"


def _legend(section: EventSection, order: _Order) -> list[Line2D]:
    """Return what the marks mean, of those that are drawn."""
    marks = [
        Line2D([], [], color=ORANGE, marker="|", ls="none", ms=11, mew=2, label="pick, onset"),
        Line2D([], [], color=DARK, lw=1, label="trace with a pick"),
    ]
    if not section.has_pick.all():
        text = "station without a pick"
        marks.append(Line2D([], [], color=GREY, lw=1, marker="o", mfc="none", label=text))
    if order.distance_m is not None and np.isfinite(section.event.apparent_velocity_m_s):
        marks.append(Line2D([], [], color=WINE, lw=1, ls="--", label="plane wave"))
    if np.isfinite(section.event.back_azimuth_deg):
        marks.append(
            Line2D([], [], color=WINE, marker=">", ls="none", ms=9, label="way of the wave")
        )
    return marks
