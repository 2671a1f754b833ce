"""Figures of labels: the array over time, and one station's trace."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from seisflow.core.classes import Label
from seisflow.core.files import AnyPath
from seisflow.stages.label.agreement import AgreementRow
from seisflow.stages.report.figures.palette import (
    LABEL_COLOURS,
    ReportFigure,
    count_labels,
    drawing,
    legend_of,
    paint,
    shares_text,
    time_axis,
    write_figure,
)

__all__ = ["LABEL_COLOURS", "draw_overview"]


def draw_overview(
    labels: xr.Dataset,
    waveforms: xr.Dataset,
    station: str,
    rows: Sequence[AgreementRow],
    path: AnyPath,
) -> None:
    """Draw labels of all stations over time, one trace coloured by label, and the agreement.

    Parameters
    ----------
    labels, waveforms : xarray.Dataset
        Products opened with `seisflow.open`; a few hours at most.
    station : str
        The station whose trace is drawn.
    rows : sequence of AgreementRow
        Labels against planted truth.
    path : Path
        The PNG to write.
    """
    with drawing():
        figure = ReportFigure(figsize=(12, 10), layout="constrained", dpi=120)
        raster, trace, shares = figure.subplots(3, 1, height_ratios=[2, 2, 1.6])
        _raster(raster, labels)
        _trace(trace, labels, waveforms, station)
        _shares(shares, rows)
        write_figure(figure, path)


def _raster(axes: Axes, labels: xr.Dataset) -> None:
    codes = labels.label.values
    start, stop = date2num(labels.second.values[[0, -1]])
    n = labels.sizes["station"]
    paint(axes, codes, (start, stop, n - 0.5, -0.5))
    step = max(1, n // 20)
    axes.set_yticks(range(0, n, step), [str(s) for s in labels.station.values[::step]], fontsize=7)
    counts = count_labels(codes)
    axes.set_title(f"label of every second of every station: {shares_text(counts)}")
    time_axis(axes)
    handles = legend_of(counts)
    axes.legend(handles=handles, loc="upper left", bbox_to_anchor=(1.0, 1.0), frameon=False)


def _trace(axes: Axes, labels: xr.Dataset, waveforms: xr.Dataset, station: str) -> None:
    """Draw minimum and maximum of every second, coloured by the second's label."""
    rate = round(waveforms.waveform.attrs["sampling_rate_hz"])
    samples = waveforms.waveform.sel(station=station).values.astype(float)
    coverage = waveforms.coverage.sel(station=station).values
    seconds = samples.reshape(-1, rate)
    low, high = seconds.min(axis=1), seconds.max(axis=1)
    times = date2num(waveforms.second.values)
    codes = labels.label.sel(station=station).reindex(second=waveforms.second, fill_value=255)
    middle = float(np.median(seconds[coverage == 1])) if (coverage == 1).any() else 0.0
    for code, colour in LABEL_COLOURS.items():
        mask = (codes.values == code) & (coverage == 1)
        axes.vlines(times[mask], low[mask] - middle, high[mask] - middle, color=colour, lw=0.8)
    axes.set_title(f"{station}: smallest to largest sample of each second")
    axes.set_ylabel("counts")
    axes.set_yscale("symlog", linthresh=_linear_to(low - middle, high - middle, coverage))
    axes.set_xlim(times[0], times[-1])
    time_axis(axes)


def _linear_to(
    low: npt.NDArray[np.float64], high: npt.NDArray[np.float64], coverage: npt.NDArray[np.float32]
) -> float:
    spread = (high - low)[coverage == 1]
    return max(1.0, float(np.median(spread))) if len(spread) else 1.0


def _shares(axes: Axes, rows: Sequence[AgreementRow]) -> None:
    shown = [row for row in rows if row.n_seconds]
    left = np.zeros(len(shown))
    classes = (Label.RANDOM_NOISE, Label.MIXED, Label.NOT_RANDOM_NOISE)
    for i, code in enumerate(classes):
        width = np.array([row.shares[i] for row in shown]) * 100
        axes.barh(range(len(shown)), width, left=left, color=LABEL_COLOURS[code])
        left += width
    names = [f"{row.truth.strip()} ({row.n_seconds} s)" for row in shown]
    axes.set_yticks(range(len(shown)), names)
    axes.invert_yaxis()
    axes.set_xlabel("% of seconds")
    axes.set_title("labels against planted truth")
