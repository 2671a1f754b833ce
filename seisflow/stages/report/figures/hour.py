"""One hour of one station: what a seismologist looks at before trusting its labels."""

from collections.abc import Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from seisflow.core.classes import Label
from seisflow.core.grid import NS_PER_S, format_time
from seisflow.stages.label.rounds import density
from seisflow.stages.report.figures.palette import (
    CLASSES,
    LABEL_COLOURS,
    LABEL_NAMES,
    ReportFigure,
    colours_of,
    count_labels,
    days_of,
    drawing,
    paint,
    shares_text,
    time_axis,
)
from seisflow.stages.report.figures.spectrogram import Spectrogram, spectrogram
from seisflow.stages.report.figures.station_hour import StationHour, read_station_hour

__all__ = ["draw_hour", "hour_figure"]

Vector = npt.NDArray[np.float64]
BINS = 4000
"""Smallest and largest samples drawn along the trace."""
MUCH = 100.0
"""Ratio of the largest to the median sample above which the trace gets a logarithmic axis."""
SCORES = {
    "p_noise": "probability\nunder noise",
    "weighted_density": "weighted\ndensity",
}
LEAST_P = 1e-6
"""Smaller probabilities are drawn as this one: what counts is the side of the thresholds."""
NO_CLASS = (Label.UNDETERMINED, Label.NO_DATA, Label.FAILED)


def hour_figure(
    labels: xr.Dataset,
    waveforms: xr.Dataset,
    station: str,
    hour: str | int | None = None,
) -> Figure:
    """Draw one hour of one station with all that its labels rest on.

    Parameters
    ----------
    labels, waveforms : xarray.Dataset
        LABELS and the very WAVEFORMS it was made from, opened with `seisflow.open`.
    station : str
        NET.STA.LOC.CHA, STA, NET.STA or four globs, that fit one station.
    hour : str or int, optional
        A time in the hour, ISO 8601 UTC or ns since 1970; not needed where there is one hour.

    Returns
    -------
    matplotlib.figure.Figure
        See `draw_hour`. Notebooks show it; `Figure.savefig` writes it.

    Raises
    ------
    ConfigError
        The products do not belong together; the station or the hour is not in them.
    """
    return draw_hour(read_station_hour(labels, waveforms, station, hour))


def draw_hour(hour: StationHour) -> Figure:
    """Draw the trace by label, its spectrogram, the features over time and against each other.

    Parameters
    ----------
    hour : StationHour
        Trace, labels and features. An hour with few data is shown from its first to its last
        second that has any.

    Returns
    -------
    matplotlib.figure.Figure
        Left, over time: the high-passed trace in the colours of its labels (where seconds share a
        pixel, the one that looks least like noise is in front), a strip of the labels, the
        spectrogram, deviation, median correlation, and the score that the labels are thresholds
        of where the method has one. Gaps have a grey ground. Right: every second in the plane of
        deviation and correlation, by label and by the density of seconds around it.
    """
    seconds = _shown(hour.label)
    score = next((name for name in SCORES if name in hour.features), None)
    with drawing():
        figure = ReportFigure(figsize=(15, 9.5), layout="constrained", dpi=100)
        grid = figure.add_gridspec(1, 2, width_ratios=[3, 1.25])
        left, right = figure.add_subfigure(grid[0]), figure.add_subfigure(grid[1])
        _draw_over_time(
            left, hour, seconds, ["deviation", "median_cc", *([score] if score else [])]
        )
        _draw_planes(right, hour)
        figure.suptitle(_title(hour, seconds), fontsize=11)
    return figure


def _draw_over_time(
    figure: SubFigure, hour: StationHour, seconds: slice, features: Sequence[str]
) -> None:
    heights = [2.2, 0.22, 2.2, *[1.3] * len(features)]
    over_time = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _trace(over_time[0], hour, seconds)
    _strip(over_time[1], hour)
    _spectrogram(figure, over_time[2], hour, seconds)
    for axes, name in zip(over_time[3:], features, strict=True):
        _feature(axes, hour, name)
    edges = np.append(_times(hour), _times(hour, 1.0)[-1])
    for axes in (over_time[0], *over_time[3:]):
        _ground(axes, hour, edges)
    over_time[-1].set_xlim(edges[seconds.start], edges[seconds.stop])
    over_time[-1].set_xlabel("UTC")
    time_axis(over_time[-1])


def _shown(label: npt.NDArray[np.uint8]) -> slice:
    """Seconds to show: all, or first to last with data where these are a small part."""
    there = np.flatnonzero((label != Label.NO_DATA) & (label != Label.NOT_RUN))
    if not there.size or there[-1] + 1 - there[0] > 0.8 * len(label):
        return slice(0, len(label))
    return slice(max(0, int(there[0]) - 1), min(len(label), int(there[-1]) + 2))


def _title(hour: StationHour, seconds: slice) -> str:
    end_ns = hour.start_ns + len(hour.label) * NS_PER_S
    start, end = format_time(hour.start_ns)[:19], format_time(end_ns)[11:19]
    head = f"{hour.station}   {start.replace('T', ' ')} to {end} UTC   method {hour.method}"
    if seconds != slice(0, len(hour.label)):
        shown = [hour.start_ns + s * NS_PER_S for s in (seconds.start, seconds.stop)]
        first, last = (format_time(t)[11:19] for t in shown)
        head += f"   (shown: {first} to {last}, the part with data)"
    return f"{head}\n{shares_text(count_labels(hour.label))}"


def _times(hour: StationHour, offset_s: float = 0.0) -> Vector:
    """Return the days of all seconds, as matplotlib counts them."""
    offsets = (np.arange(len(hour.label)) + offset_s) * NS_PER_S
    return np.asarray(days_of(hour.start_ns + offsets.astype(np.int64)))


def _trace(axes: Axes, hour: StationHour, seconds: slice) -> None:
    """Draw smallest to largest sample of short bins, coloured by label."""
    low, high, second = extremes(hour, seconds)
    per_second = len(second) // max(1, seconds.stop - seconds.start)
    at_s = seconds.start + (np.arange(len(second)) + 0.5) / per_second
    times = np.asarray(days_of(hour.start_ns + (at_s * NS_PER_S).astype(np.int64)))
    there = np.isfinite(low)
    codes = hour.label[second]
    others = [code for code in LABEL_COLOURS if code not in CLASSES]
    for code in (*others, *CLASSES):
        mask = there & (codes == code)
        colour = LABEL_COLOURS[code] if code is not Label.NOT_RUN else "#999999"
        axes.vlines(times[mask], low[mask], high[mask], color=colour, lw=0.7)
    axes.set_title(
        f"trace, high-passed at {hour.highpass_hz:g} Hz; of seconds that share a pixel, the one "
        "least like noise is in front",
        loc="left",
    )
    axes.set_ylabel("counts")
    _tame(axes, low[there], high[there])


def extremes(hour: StationHour, seconds: slice) -> tuple[Vector, Vector, npt.NDArray[np.int64]]:
    """Smallest and largest sample of equal bins, and the second each bin lies in.

    Parameters
    ----------
    hour : StationHour
        The record.
    seconds : slice
        The seconds to cut into bins: a whole number of bins in each, about `BINS` in all.

    Returns
    -------
    low, high : ndarray of float64, shape (n_bins,)
        NaN where a bin has no data. Each bin takes in the first sample after it, so that steep
        waveforms stay connected.
    second : ndarray of int64, shape (n_bins,)
        Second of the hour.
    """
    rate, n_seconds = hour.rate_hz, seconds.stop - seconds.start
    wanted = min(rate, max(1, BINS // n_seconds))
    per_second = max(k for k in range(1, wanted + 1) if rate % k == 0)
    samples = hour.samples[seconds.start * rate : seconds.stop * rate]
    bins = samples.reshape(n_seconds * per_second, -1)
    after = np.append(bins[1:, :1], [[np.nan]], axis=0)
    bins = np.hstack([bins, after])
    empty = np.isnan(bins[:, :-1]).all(axis=1)
    low = np.where(np.isnan(bins), np.inf, bins).min(axis=1)
    high = np.where(np.isnan(bins), -np.inf, bins).max(axis=1)
    low[empty] = high[empty] = np.nan
    return low, high, seconds.start + np.arange(len(bins)) // per_second


def _tame(axes: Axes, low: Vector, high: Vector) -> None:
    """Use a logarithmic axis on both sides of zero where one event dwarfs all else."""
    size = np.maximum(np.abs(low), np.abs(high))
    usual = float(np.median(size)) if len(size) else 0.0
    if usual > 0 and size.max() > MUCH * usual:
        axes.set_yscale("symlog", linthresh=3 * usual)
        linear = f"{float(f'{3 * usual:.2g}'):,g}"
        axes.set_ylabel(f"counts, linear to\n±{linear}, then log")
        axes.yaxis.set_major_locator(_few_decades(3 * usual, float(size.max())))


def _few_decades(linear: float, largest: float) -> Any:
    decades = np.arange(np.ceil(np.log10(linear)), np.ceil(np.log10(largest)) + 1)
    step = max(1, len(decades) // 3)
    up = 10.0 ** decades[::step]
    return mpl.ticker.FixedLocator([*(-up[::-1]), 0.0, *up])


def _strip(axes: Axes, hour: StationHour) -> None:
    left, right = _times(hour)[0], _times(hour, 1.0)[-1]
    paint(axes, hour.label[np.newaxis], (left, right, 0.0, 1.0))
    axes.set_yticks([0.5], ["label"])
    axes.tick_params(axis="y", length=0)


def _spectrogram(figure: SubFigure, axes: Axes, hour: StationHour, seconds: slice) -> None:
    rate = hour.rate_hz
    found = spectrogram(hour.samples[seconds.start * rate : seconds.stop * rate], rate)
    axes.set_facecolor(LABEL_COLOURS[Label.NO_DATA])
    axes.set_title("spectrogram of 1 s windows", loc="left")
    axes.set_ylabel("frequency, Hz")
    axes.set_ylim(0.5, rate // 2 + 0.5)
    if found is not None and np.isfinite(found.power_db).any():
        _power(figure, axes, found, hour.start_ns + seconds.start * NS_PER_S)


def _power(figure: SubFigure, axes: Axes, found: Spectrogram, start_ns: int) -> None:
    edges = [start_ns + round(s * NS_PER_S) for s in (found.start_s, found.stop_s)]
    left, right = days_of(edges)
    there = found.power_db[np.isfinite(found.power_db)]
    floor, top = np.percentile(there, [10, 99.8])
    image = axes.imshow(
        np.ma.masked_invalid(found.power_db),
        aspect="auto",
        origin="lower",
        extent=(left, right, 0.5, len(found.power_db) + 0.5),
        cmap="viridis",
        vmin=floor,
        vmax=max(top, floor + 1),
        interpolation="nearest",
    )
    bar = figure.colorbar(image, ax=axes, pad=0.005, aspect=12)
    bar.set_label("dB re 1 count²/Hz")


def _dot(hour: StationHour) -> float:
    """Size of a point: larger where there are few."""
    n = int(np.isfinite(hour.features["median_cc"]).sum())
    return float(np.clip(4 * np.sqrt(3600 / max(1, n)), 4, 14))


def _feature(axes: Axes, hour: StationHour, name: str) -> None:
    values = hour.features[name]
    there = np.isfinite(values)
    if name == "p_noise":
        values = np.maximum(values, LEAST_P)
        axes.set_ylim(LEAST_P / 2, 2.0)
    colours = colours_of(hour.label)[there] / 255
    axes.scatter(_times(hour, 0.5)[there], values[there], c=colours, s=_dot(hour), lw=0)
    if name in ("deviation", "p_noise") and (values[there] > 0).any():
        axes.set_yscale("log")
    words = {"deviation": "deviation, counts", "median_cc": "median cc", **SCORES}
    axes.set_ylabel(words[name])
    for value in hour.thresholds.get(name, ()):
        axes.axhline(value, color="#444444", lw=0.7, ls="--")
    if not there.any():
        axes.text(0.5, 0.5, "not computed in this hour", transform=axes.transAxes, ha="center")


def _ground(axes: Axes, hour: StationHour, edges: Vector) -> None:
    """Colour the ground of the seconds that have no class; `edges` bound all seconds."""
    for code in NO_CLASS:
        mask = np.append(hour.label == code, False)
        if mask.any():
            axes.fill_between(
                edges,
                0,
                1,
                where=mask | np.roll(mask, 1),
                step="post",
                transform=axes.get_xaxis_transform(),
                color=LABEL_COLOURS[code],
                alpha=0.35,
                lw=0.4,
                zorder=0,
            )


def _draw_planes(figure: SubFigure, hour: StationHour) -> None:
    deviation, median_cc = hour.features["deviation"], hour.features["median_cc"]
    there = np.isfinite(deviation) & np.isfinite(median_cc)
    by_label, by_density, names = figure.subplots(3, 1, height_ratios=[3, 3, 1])
    by_label.scatter(
        deviation[there],
        median_cc[there],
        c=colours_of(hour.label)[there] / 255,
        s=_dot(hour),
        lw=0,
    )
    by_label.set_title("every second, by label", loc="left")
    by_density.set_title("by the density of seconds around it", loc="left")
    _legend(names, hour)
    for axes in (by_label, by_density):
        axes.set_ylabel("median cc with random noise")
        axes.set_xlabel("deviation of the spectrum, counts")
        if (deviation[there] > 0).any():
            axes.set_xscale("log")
    if there.any():
        crowd = crowding(hour)[there]
        order = np.argsort(crowd)
        points = by_density.scatter(
            deviation[there][order],
            median_cc[there][order],
            c=crowd[order],
            s=_dot(hour),
            lw=0,
            vmin=0,
            vmax=1,
        )
        figure.colorbar(points, ax=by_density, pad=0.01, aspect=30, label="density, peak 1")


def crowding(hour: StationHour) -> Vector:
    """Return the density of seconds around each one in the plane.

    Returns
    -------
    ndarray of float64, shape (n_seconds,)
        The largest is 1; NaN where the features are. The method's own where its labels rest on it,
        else counted in boxes of a tenth of the standard deviations of the correlation and of the
        logarithm of the deviation, as the plane is drawn.
    """
    if "density" in hour.features and "weighted_density" in hour.features:
        return hour.features["density"]
    deviation, median_cc = hour.features["deviation"], hour.features["median_cc"]
    there = np.isfinite(deviation) & np.isfinite(median_cc) & (deviation > 0)
    found = np.full(len(deviation), np.nan)
    if there.sum() > 1:
        found[there] = density(np.log(deviation[there]), median_cc[there], 0.1)
    return found


def _legend(axes: Axes, hour: StationHour) -> None:
    """Name the colours, with the seconds of each."""
    axes.set_axis_off()
    counts = count_labels(hour.label)
    shown = [c for c, n in counts.items() if n or c in CLASSES]
    handles = [
        mpl.lines.Line2D([], [], marker="o", ls="", markersize=7, markeredgecolor="#666666",
                         markeredgewidth=0.5, color=LABEL_COLOURS[c],
                         label=f"{LABEL_NAMES[c]}, {counts[c]:,} s")
        for c in shown
    ]  # fmt: skip
    axes.legend(handles=handles, loc="upper left", frameon=False, title="label",
                alignment="left", ncols=2 if len(shown) > 4 else 1)  # fmt: skip
