"""A day of the whole array: stations over time, each cell in the colour of its label.

Invariant: labels are read a few stations at a time and only cells and counts are kept, so a day of
a thousand stations takes a few MB. Shares are counted from the seconds, never from the cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seisflow.archive.opening import product_attrs
from seisflow.core.classes import Label
from seisflow.core.grid import HOUR_NS, HOUR_S, NS_PER_S, Span, format_time
from seisflow.core.stations import select_stations
from seisflow.errors import ConfigError
from seisflow.stages.report.figures.palette import (
    CLASSES,
    LABEL_COLOURS,
    ReportFigure,
    days_of,
    drawing,
    legend_of,
    look_of,
    paint,
    shares_text,
    time_axis,
)
from seisflow.stages.report.figures.selection import days_in, name_of, require_kind, span_of

__all__ = ["Raster", "day_figure", "draw_raster", "read_raster", "reduce_labels"]

MAX_CELLS, MAX_ROWS = 960, 1200
"""Cells that a figure shows side by side, and one above the other."""
READ_BYTES = 8_000_000
CODES = np.array(list(LABEL_COLOURS), dtype=np.uint8)
SHOWN_IF_ANY = (Label.NO_DATA, Label.UNDETERMINED, Label.FAILED, Label.NOT_RUN)
"""What a cell shows if any of its seconds is so, the last named first."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Raster:
    """Labels of many stations, reduced to what a figure can show.

    Parameters
    ----------
    stations : tuple of str
        All stations counted.
    span : Span
        Time covered; whole hours.
    shown : Span
        The hours from the first to the last that are more than no_data.
    method : str
        What labelled them.
    cells : ndarray of uint8, shape (n_rows, n_cells)
        Codes of `Label` over `shown`, see `reduce_labels`.
    stations_per_row : int
        Stations of one row of cells; the last row may have fewer.
    cell_s : int
        Seconds of one cell.
    counts : ndarray of int64, shape (n_stations, n_hours, n_codes)
        Seconds of each label, in the order of `LABEL_COLOURS`.
    """

    stations: tuple[str, ...]
    span: Span
    shown: Span
    method: str
    cells: npt.NDArray[np.uint8]
    stations_per_row: int
    cell_s: int
    counts: npt.NDArray[np.int64]

    def totals(self) -> dict[Label, int]:
        """Return the seconds of each label, all stations together."""
        found = self.counts.sum(axis=(0, 1))
        return {label: int(n) for label, n in zip(LABEL_COLOURS, found, strict=True)}


def day_figure(
    labels: xr.Dataset, day: str | int | None = None, select: Sequence[str] = ()
) -> Figure:
    """Draw one day of all stations, or of some, with the shares of each label.

    Parameters
    ----------
    labels : xarray.Dataset
        LABELS, opened with `seisflow.open`, complete or not.
    day : str or int, optional
        A time in the UTC day, ISO 8601 or ns since 1970; not needed where there is one day.
    select : sequence of str, optional
        Globs of NET.STA.LOC.CHA; all stations by default.

    Returns
    -------
    matplotlib.figure.Figure
        See `draw_raster`. Notebooks show it; `Figure.savefig` writes it.

    Raises
    ------
    ConfigError
        No such day or station, or several days and none named.
    """
    require_kind(labels, "LABELS")
    spans = days_in(labels, day)
    if len(spans) > 1:
        raise ConfigError(
            f"{name_of(labels)} covers {len(spans)} days, {span_of(labels)}; say which to draw, "
            f"for example day={format_time(spans[0].start_ns)[:10]!r}"
        )
    return draw_raster(read_raster(labels, spans[0], select))


def read_raster(labels: xr.Dataset, span: Span, select: Sequence[str] = ()) -> Raster:
    """Read and reduce the labels of a span, a few stations at a time.

    Parameters
    ----------
    labels : xarray.Dataset
        LABELS.
    span : Span
        Whole hours within them; see `seisflow.stages.report.figures.selection.days_in`.
    select : sequence of str, optional
        Globs of NET.STA.LOC.CHA.

    Raises
    ------
    ConfigError
        It is no LABELS, or no station fits.
    """
    require_kind(labels, "LABELS")
    names = [str(s) for s in labels.station.values]
    rows = list(select_stations(names, select, name_of(labels)).rows)
    first = (span.start_ns - span_of(labels).start_ns) // NS_PER_S
    n_seconds = int(span.duration_s)
    part = labels.label.isel(station=rows, second=slice(first, first + n_seconds))
    cells, counts = _read(part)
    hours = _with_data(counts)
    if len(hours) < counts.shape[1]:
        cells, _ = _read(part.isel(second=slice(hours.start * HOUR_S, hours.stop * HOUR_S)))
    start_ns = span.start_ns + hours.start * HOUR_NS
    return Raster(
        stations=tuple(names[r] for r in rows),
        span=span,
        shown=Span(start_ns, start_ns + len(hours) * HOUR_NS),
        method=product_attrs(labels)["identity"]["config"]["method"],
        cells=cells,
        stations_per_row=rows_together(len(rows)),
        cell_s=cell_of(len(hours) * HOUR_S),
        counts=counts,
    )


def _read(labels: xr.DataArray) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Read labels a few stations at a time; return cells and counts as in `Raster`."""
    n_stations, n_seconds = labels.shape
    per_row, cell_s = rows_together(n_stations), cell_of(n_seconds)
    step = max(1, READ_BYTES // (n_seconds * per_row)) * per_row
    cells, counts = [], []
    for start in range(0, n_stations, step):
        codes = labels.isel(station=slice(start, start + step)).values
        cells.append(reduce_labels(codes, per_row, cell_s))
        counts.append(np.moveaxis(_counts(codes.reshape(len(codes), -1, HOUR_S)), 0, -1))
    return np.concatenate(cells), np.concatenate(counts)


def _with_data(counts: npt.NDArray[np.int64]) -> range:
    """Hours from the first to the last that are more than no_data; all if there is none."""
    known = CODES != Label.NO_DATA
    there = np.flatnonzero(counts[..., known].any(axis=(0, 2)))
    return range(int(there[0]), int(there[-1]) + 1) if len(there) else range(counts.shape[1])


def rows_together(n_stations: int) -> int:
    """Return the stations that share a row: one, as far as the figure has rows."""
    return -(-n_stations // MAX_ROWS)


def cell_of(n_seconds: int) -> int:
    """Return the seconds of a cell: the fewest that divide an hour and suit the figure."""
    divisors = (s for s in range(1, HOUR_S) if HOUR_S % s == 0)
    return next((s for s in divisors if n_seconds <= s * MAX_CELLS), HOUR_S)


def reduce_labels(
    codes: npt.NDArray[np.uint8], stations_per_row: int, cell_s: int
) -> npt.NDArray[np.uint8]:
    """Reduce labels to cells: trouble where there is any, else the most frequent class.

    A cell is not_run, failed, undetermined or no_data, in this order, if any of its seconds is:
    short gaps stay visible, and look longer than they are. Any other cell shows the class most of
    its seconds have, and of equally frequent ones the one that looks less like noise: short events
    in a quiet cell are not seen, but they are in the shares, which are counted from seconds.

    Parameters
    ----------
    codes : ndarray of uint8, shape (n_stations, n_seconds)
        Codes of `Label`.
    stations_per_row, cell_s : int
        Stations and seconds of a cell; the last row may have fewer stations.

    Returns
    -------
    ndarray of uint8, shape (n_rows, n_seconds // cell_s)
        Codes of `Label`.
    """
    per_cell = _counts(codes.reshape(len(codes), -1, cell_s))
    starts = np.arange(0, len(codes), stations_per_row)
    found = dict(zip(LABEL_COLOURS, np.add.reduceat(per_cell, starts, axis=1), strict=True))
    worst_first = list(reversed(CLASSES))
    most = np.argmax([found[c] for c in worst_first], axis=0)
    cells: npt.NDArray[np.uint8] = np.array(worst_first, dtype=np.uint8)[most]
    for label in SHOWN_IF_ANY:
        cells[found[label] > 0] = label
    return cells


def _counts(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Count each label along the last axis, shape (n_codes, *codes.shape[:-1])."""
    return np.stack([np.count_nonzero(codes == code, axis=-1) for code in CODES])


def draw_raster(raster: Raster) -> Figure:
    """Draw the raster of stations over time and the shares of each label.

    Parameters
    ----------
    raster : Raster
        What `read_raster` returns.

    Returns
    -------
    matplotlib.figure.Figure
        Above, one row for a station, in cells as `reduce_labels` says; what has not run shows a
        hatched ground. A few minutes of data are shown from the first to the last. At its right
        the shares of each station, below those of each hour, and a legend with the shares of the
        whole; these count seconds.
    """
    n_rows = len(raster.cells)
    height = float(np.clip(0.22 * n_rows, 1.6, 5.5)) if n_rows < 500 else n_rows / 90
    with drawing():
        figure = ReportFigure(figsize=(14, height + 3.2), layout="constrained", dpi=100)
        grid = figure.subplots(
            2, 2, sharex="col", width_ratios=[6.5, 1], height_ratios=[height, 1.6], squeeze=False
        )
        (main, by_station), (by_hour, corner) = grid
        _main(main, raster)
        _by_station(by_station, main, raster)
        _by_hour(by_hour, raster)
        corner.set_axis_off()
        handles = legend_of(raster.totals())
        figure.legend(handles=handles, loc="outside lower center", ncols=7, frameon=False)
        figure.suptitle(_title(raster), fontsize=11)
    return figure


def _title(raster: Raster) -> str:
    start, end = (format_time(t)[:16].replace("T", " ") for t in _ends(raster.span))
    n = len(raster.stations)
    head = f"{n} station{'s' if n > 1 else ''}   {start} to {end} UTC   method {raster.method}"
    if raster.shown != raster.span or len(_columns(raster.cells)) < raster.cells.shape[1]:
        head += "   (shown: the part with data)"
    return f"{head}\n{shares_text(raster.totals())}"


def _ends(span: Span) -> tuple[int, int]:
    return span.start_ns, span.end_ns


def _main(axes: Axes, raster: Raster) -> None:
    left, right = (float(d) for d in days_of(_ends(raster.shown)))
    n = len(raster.stations)
    bottom = len(raster.cells) * raster.stations_per_row
    paint(axes, raster.cells, (left, right, bottom - 0.5, -0.5))
    columns = _columns(raster.cells)
    width = (right - left) / raster.cells.shape[1]
    axes.set_xlim(left + columns.start * width, left + columns.stop * width)
    step = max(1, -(-n // 30))
    axes.set_yticks(range(0, n, step), list(raster.stations[::step]), fontsize=7)
    many = f"{raster.stations_per_row} stations" if raster.stations_per_row > 1 else "one station"
    axes.set_title(
        f"each cell: {raster.cell_s} s of {many}; most frequent class, or no data, undetermined, "
        "failed, not run if any second is",
        loc="left",
    )
    axes.tick_params(labelbottom=False)


def _columns(cells: npt.NDArray[np.uint8]) -> range:
    """Columns to show: all, or first to last with data where these are a small part."""
    there = np.flatnonzero((cells != Label.NO_DATA).any(axis=0))
    n = cells.shape[1]
    if not len(there) or there[-1] + 1 - there[0] > 0.8 * n:
        return range(n)
    return range(max(0, int(there[0]) - 1), min(n, int(there[-1]) + 2))


def _by_station(axes: Axes, main: Axes, raster: Raster) -> None:
    """Draw the shares of each station, in line with its row."""
    axes.sharey(main)
    shares = _shares(raster.counts.sum(axis=1))
    edges = np.arange(len(shares) + 1) - 0.5
    left = np.zeros(len(shares))
    for label, share in zip(LABEL_COLOURS, shares.T, strict=True):
        if share.any():
            low, high = np.append(left, left[-1]), np.append(left + share, (left + share)[-1])
            axes.fill_betweenx(edges, low, high, step="post", lw=0, **look_of(label))
        left = left + share
    axes.tick_params(labelleft=False, left=False, labelbottom=False, bottom=False)
    axes.tick_params(labeltop=True, top=True)
    axes.xaxis.set_label_position("top")
    axes.set_xlim(0, 100)
    axes.set_xlabel("% of seconds, each station")


def _by_hour(axes: Axes, raster: Raster) -> None:
    shares = _shares(raster.counts.sum(axis=0))
    starts = days_of(raster.span.start_ns + np.arange(len(shares)) * HOUR_NS)
    width = HOUR_NS / (24 * HOUR_NS)
    bottom = np.zeros(len(shares))
    for label, share in zip(LABEL_COLOURS, shares.T, strict=True):
        if share.any():
            look = look_of(label) | ({} if label is Label.NOT_RUN else {"edgecolor": "white"})
            axes.bar(starts, share, width, bottom, align="edge", lw=0.5, **look)
        bottom = bottom + share
    axes.set_ylim(0, 100)
    axes.set_ylabel("% of seconds,\neach hour")
    axes.set_xlabel("UTC")
    time_axis(axes)


def _shares(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return percentages along the last axis."""
    shares: npt.NDArray[np.float64] = 100 * counts / np.maximum(1, counts.sum(-1, keepdims=True))
    return shares
