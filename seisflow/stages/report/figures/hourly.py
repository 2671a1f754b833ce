"""A whole campaign in hours: how much was recorded, and which classes its seconds have.

Invariants: products are read a few stations at a time and only hours are kept, so a month of a
thousand stations takes a few MB. No data, failed and not run look different from each other and
from every share.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from seisflow.archive.opening import product_attrs
from seisflow.core.amounts import length_unit
from seisflow.core.classes import Label, ScoreState, State
from seisflow.core.geometry import local_xy_m
from seisflow.core.grid import HOUR_NS, HOUR_S, Span
from seisflow.stages.report.figures.day import Raster
from seisflow.stages.report.figures.palette import (
    LABEL_COLOURS,
    LABEL_NAMES,
    ReportFigure,
    days_of,
    drawing,
    look_of,
    time_axis,
)
from seisflow.stages.report.figures.selection import require_kind, span_of

__all__ = [
    "HourlyCoverage",
    "Shares",
    "coverage_figure",
    "hours_figure",
    "map_figure",
    "read_coverage",
    "shares_of_labels",
    "shares_of_scores",
]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

READ_BYTES = 32_000_000
MAX_STATION_NAMES = 30
GREY = "#999999"

PARTLY = LinearSegmentedColormap.from_list("partly", ["#fff3c4", "#ddcc77", "#a67f14"])
"""Of an hour of which a part was recorded; darker is more."""
WHOLE = LABEL_COLOURS[Label.RANDOM_NOISE]
"""Of an hour that was recorded from beginning to end."""

SCORE_COLOURS = {
    "earthquake": "#009988",
    "random_noise": LABEL_COLOURS[Label.RANDOM_NOISE],
    "not_random_noise": LABEL_COLOURS[Label.NOT_RANDOM_NOISE],
}
SCORE_STATES = {
    ScoreState.NO_DATA: Label.NO_DATA,
    ScoreState.FAILED: Label.FAILED,
    ScoreState.NOT_RUN: Label.NOT_RUN,
}
"""States of a second without probabilities, and the label that looks like each."""


@dataclass(frozen=True, eq=False, kw_only=True)
class HourlyCoverage:
    """How much of every hour was recorded.

    Parameters
    ----------
    stations : tuple of str
        NET.STA.LOC.CHA.
    span : Span
        Time covered; whole hours.
    share : ndarray of float64, shape (n_stations, n_hours)
        Mean of the valid fraction of its seconds; NaN where any was not ingested.
    failed : ndarray of bool, shape (n_stations, n_hours)
        The task that should have ingested it failed.
    """

    stations: tuple[str, ...]
    span: Span
    share: Vector
    failed: Flags


@dataclass(frozen=True, eq=False, kw_only=True)
class Shares:
    """Seconds by class, of every station and hour.

    Parameters
    ----------
    looks : mapping of str to dict
        Face, edge and hatch of each class by its name, and of the reasons to have none.
    n_classes : int
        The first so many names are classes.
    stations : tuple of str
        NET.STA.LOC.CHA.
    longitude, latitude : ndarray of float64, shape (n_stations,)
        Degrees; NaN where not known.
    span : Span
        Time covered; whole hours.
    counts : ndarray of int64, shape (n_stations, n_hours, n_names)
        Seconds.
    """

    looks: Mapping[str, dict[str, Any]]
    n_classes: int
    stations: tuple[str, ...]
    longitude: Vector
    latitude: Vector
    span: Span
    counts: Integers


def read_coverage(waveforms: xr.Dataset) -> HourlyCoverage:
    """Read the coverage of a product, a few stations at a time.

    Parameters
    ----------
    waveforms : xarray.Dataset
        WAVEFORMS, complete or not.

    Raises
    ------
    ConfigError
        It is no WAVEFORMS.
    """
    require_kind(waveforms, "WAVEFORMS")
    n, n_seconds = waveforms.coverage.shape
    step = max(1, READ_BYTES // (4 * n_seconds))
    share = np.empty((n, n_seconds // HOUR_S))
    for start in range(0, n, step):
        part = waveforms.coverage.isel(station=slice(start, start + step)).values
        share[start : start + step] = part.reshape(len(part), -1, HOUR_S).mean(
            axis=2, dtype=np.float64
        )
    return HourlyCoverage(
        stations=tuple(str(s) for s in waveforms.station.values),
        span=span_of(waveforms),
        share=share,
        failed=_failed_hours(waveforms, share.shape),
    )


def _failed_hours(waveforms: xr.Dataset, shape: tuple[int, ...]) -> Flags:
    """Tell which hours belong to a shard that failed; none before the product was finished."""
    if "state" not in waveforms:
        return np.zeros(shape, dtype=np.bool_)
    shard = np.arange(shape[1]) * HOUR_S // int(product_attrs(waveforms)["shard_s"])
    failed: Flags = np.asarray(waveforms.state.values == State.FAILED)[:, shard]
    return failed


def coverage_figure(coverage: HourlyCoverage) -> Figure:
    """Draw how much of every hour of every station was recorded.

    Parameters
    ----------
    coverage : HourlyCoverage
        What `read_coverage` returned.

    Returns
    -------
    matplotlib.figure.Figure
        A row for a station and a column for an hour. Whole hours, no data and failed have colours
        of their own, other hours one by their share; what was not ingested shows a hatched ground.
    """
    n, n_hours = coverage.share.shape
    left, right = (float(d) for d in days_of([coverage.span.start_ns, coverage.span.end_ns]))
    with drawing():
        height = float(np.clip(0.16 * n, 1.2, 7)) + 1.6
        figure = ReportFigure(figsize=(12.5, height), layout="constrained", dpi=100)
        axes = figure.subplots()
        ground = Rectangle((left, -0.5), right - left, n, **look_of(Label.NOT_RUN))
        ground.set_linewidth(0)
        axes.add_patch(ground)
        extent = (left, right, n - 0.5, -0.5)
        image = axes.imshow(
            _colours(coverage), extent=extent, aspect="auto", interpolation="nearest", zorder=2
        )
        image.set_cmap(PARTLY)
        image.set_clim(0, 100)
        figure.colorbar(image, ax=axes, label="% of the hour, where not whole", aspect=14)
        axes.set_xlim(left, right)
        axes.set_ylim(n - 0.5, -0.5)
        _name_stations(axes, coverage.stations)
        time_axis(axes)
        axes.set_xlabel("UTC")
        handles = _legend(coverage)
        figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
        axes.set_title(f"{n} stations, {n_hours} hours", loc="left")
    return figure


def _colours(coverage: HourlyCoverage) -> npt.NDArray[np.uint8]:
    """Return red, green, blue and opacity of every hour."""
    colours = np.asarray(PARTLY(np.nan_to_num(coverage.share), bytes=True)).copy()
    colours[np.isnan(coverage.share)] = 0
    own = {
        WHOLE: coverage.share == 1,
        LABEL_COLOURS[Label.NO_DATA]: coverage.share == 0,
        LABEL_COLOURS[Label.FAILED]: coverage.failed,
    }
    for colour, where in own.items():
        colours[where] = np.rint(255 * np.array(mpl.colors.to_rgba(colour)))
    return colours


def _legend(coverage: HourlyCoverage) -> list[Patch]:
    """Return what the colours mean that the scale does not show, with how often they occur."""
    share, failed = coverage.share, coverage.failed
    looks = {
        "whole": ({"facecolor": WHOLE, "edgecolor": "#666666"}, (share == 1) & ~failed),
        LABEL_NAMES[Label.NO_DATA]: (look_of(Label.NO_DATA), (share == 0) & ~failed),
        LABEL_NAMES[Label.FAILED]: (look_of(Label.FAILED), failed),
        LABEL_NAMES[Label.NOT_RUN]: (look_of(Label.NOT_RUN), np.isnan(share) & ~failed),
    }
    return [
        Patch(**look, lw=0.5, label=f"{name}: {np.count_nonzero(where):,} station-hours")
        for name, (look, where) in looks.items()
    ]


def _name_stations(axes: Axes, stations: tuple[str, ...]) -> None:
    step = max(1, -(-len(stations) // MAX_STATION_NAMES))
    axes.set_yticks(range(0, len(stations), step), list(stations[::step]), fontsize=7)


def shares_of_labels(raster: Raster, labels: xr.Dataset) -> Shares:
    """Return the classes of labels that `day.read_raster` has counted.

    Parameters
    ----------
    raster : Raster
        Of all stations.
    labels : xarray.Dataset
        The LABELS it was read from.
    """
    return Shares(
        looks={LABEL_NAMES[label]: look_of(label) for label in LABEL_COLOURS},
        n_classes=3,
        stations=raster.stations,
        longitude=labels.longitude.values.astype(np.float64),
        latitude=labels.latitude.values.astype(np.float64),
        span=raster.span,
        counts=raster.counts,
    )


def shares_of_scores(scores: xr.Dataset) -> Shares:
    """Count for how many seconds each class is the most probable one, a few stations at a time.

    Parameters
    ----------
    scores : xarray.Dataset
        SCORES, complete or not.

    Raises
    ------
    ConfigError
        It is no SCORES.
    """
    require_kind(scores, "SCORES")
    classes = [str(c) for c in scores["class"].values]
    n, n_seconds = scores.state.shape
    step = max(1, READ_BYTES // (n_seconds * (4 * len(classes) + 1)))
    parts = [
        _count_scores(scores.isel(station=slice(start, start + step)))
        for start in range(0, n, step)
    ]
    colours = dict(zip(classes, mpl.color_sequences["tab10"], strict=False)) | SCORE_COLOURS
    looks = {
        name.replace("_", " "): {"facecolor": colours[name], "edgecolor": "#666666"}
        for name in classes
    }
    looks |= {LABEL_NAMES[label]: look_of(label) for label in SCORE_STATES.values()}
    return Shares(
        looks=looks,
        n_classes=len(classes),
        stations=tuple(str(s) for s in scores.station.values),
        longitude=scores.longitude.values.astype(np.float64),
        latitude=scores.latitude.values.astype(np.float64),
        span=span_of(scores),
        counts=np.concatenate(parts),
    )


def _count_scores(scores: xr.Dataset) -> Integers:
    """Count the seconds of every hour by their most probable class, then by their state."""
    state, probability = scores.state.values, scores.probability.values
    n, _, n_classes = probability.shape
    code = np.argmax(np.nan_to_num(probability, nan=-1), axis=2)
    for k, other in enumerate(SCORE_STATES):
        code[state == other] = n_classes + k
    by_hour = code.reshape(n, -1, HOUR_S)
    n_codes = n_classes + len(SCORE_STATES)
    return np.stack([np.count_nonzero(by_hour == k, axis=2) for k in range(n_codes)], axis=2)


def hours_figure(shares: Shares) -> Figure:
    """Draw the share of each class in every hour, all stations together.

    Parameters
    ----------
    shares : Shares
        What is shown.
    """
    counts = shares.counts.sum(axis=0)
    per_cent = 100 * counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    starts = days_of(shares.span.start_ns + np.arange(len(counts)) * HOUR_NS)
    with drawing():
        figure = ReportFigure(figsize=(12.5, 3.4), layout="constrained", dpi=100)
        axes = figure.subplots()
        bottom = np.zeros(len(counts))
        handles = []
        for (name, look), own, total in zip(
            shares.looks.items(), per_cent.T, counts.sum(axis=0), strict=True
        ):
            if not total:
                continue
            share = total / counts.sum()
            handles.append(Patch(**look, lw=0.5, label=f"{name}  {share:.1%}"))
            axes.bar(starts, own, 1 / 24, bottom, align="edge", lw=0.3, **look)
            bottom = bottom + own
        axes.set_ylim(0, 100)
        axes.set_xlim(*days_of([shares.span.start_ns, shares.span.end_ns]))
        axes.set_ylabel("% of seconds, each hour")
        axes.set_xlabel("UTC")
        time_axis(axes)
        figure.legend(handles=handles, loc="outside lower center", ncols=6, frameon=False)
    return figure


def map_figure(shares: Shares) -> Figure | None:
    """Draw the share of each class at every station on a map.

    Parameters
    ----------
    shares : Shares
        What is shown.

    Returns
    -------
    matplotlib.figure.Figure or None
        A panel for each class, in per cent of the station's seconds that have a class; rings are
        stations without one. None where no station has coordinates.
    """
    x_m, y_m = local_xy_m(shares.longitude, shares.latitude)
    known = np.isfinite(x_m)
    if not known.any():
        return None
    unit, scale = length_unit(float(max(np.ptp(x_m[known]), np.ptp(y_m[known]))))
    counts = shares.counts.sum(axis=1)[:, : shares.n_classes]
    total = counts.sum(axis=1)
    size = float(np.clip(3000 / known.sum(), 6, 60))
    with drawing():
        figure = ReportFigure(figsize=(12.5, 4.2), layout="constrained", dpi=100)
        panels = figure.subplots(1, shares.n_classes, sharex=True, sharey=True, squeeze=False)[0]
        for axes, name, own in zip(panels, shares.looks, counts.T, strict=False):
            there, empty = known & (total > 0), known & (total == 0)
            axes.scatter(x_m[empty] / scale, y_m[empty] / scale, s=size, fc="none", ec=GREY)
            dots = axes.scatter(
                x_m[there] / scale, y_m[there] / scale, s=size, cmap="viridis",
                c=100 * own[there] / total[there], edgecolors="#222222", lw=0.3,
            )  # fmt: skip
            figure.colorbar(dots, ax=axes, label="% of its seconds", shrink=0.6)
            axes.set_title(name, loc="left")
            axes.set_aspect("equal")
            axes.set_xlabel(f"{unit} east of the middle")
        panels[0].set_ylabel(f"{unit} north of the middle")
    return figure
