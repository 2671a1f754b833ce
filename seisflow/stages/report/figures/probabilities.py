"""Figures of what probabilities are worth: reliability, ROC, recall of earthquakes, histograms."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seisflow.core.classes import WaveletClass
from seisflow.stages.evaluate.evaluation import Evaluation
from seisflow.stages.evaluate.metrics import Calibration
from seisflow.stages.evaluate.rates import Bands, binomial_interval
from seisflow.stages.evaluate.tables import CLASS_NAMES
from seisflow.stages.report.figures.palette import ReportFigure, drawing
from seisflow.stages.report.figures.wavelets import WAVELET_COLOURS, WAVELET_LINES, heading_lines

__all__ = ["histogram_figure", "recall_figure", "reliability_figure", "roc_figure"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

DARK = "#222222"
ORANGE = "#ee7733"
"""For what is at the threshold of the operating point, beside the colours of classes."""
GREY = "#888888"
HISTOGRAM_BINS = 40
EARTHQUAKE = WaveletClass.EARTHQUAKE


@dataclass(frozen=True)
class _Look:
    """How a series of shares is drawn."""

    label: str
    colour: str
    marker: str
    line: str = "-"


def reliability_figure(evaluation: Evaluation) -> Figure:
    """Draw what was so against what was claimed.

    Parameters
    ----------
    evaluation : Evaluation
        What is shown.

    Returns
    -------
    matplotlib.figure.Figure
        Above, the share that was right against the mean probability, in 15 equal bins with exact
        95 % intervals: of the class given, and of an earthquake; on the diagonal a probability
        means what it says. Below, the wavelets of each bin.
    """
    quakes = evaluation.earthquake_calibration
    series = (
        (evaluation.calibration, _Look("class given", DARK, "o"), -0.004),
        (quakes, _Look("earthquake", WAVELET_COLOURS[EARTHQUAKE], "s", "--"), 0.004),
    )
    with drawing():
        figure = ReportFigure(figsize=(6.6, 7.6), layout="constrained", dpi=100)
        above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
        above.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls="--")
        for found, look, shift in series:
            _reliability(above, found, look, shift)
            edges = np.linspace(0, 1, found.n.size + 1)
            below.stairs(found.n, edges, color=look.colour, ls=look.line, lw=1.4)
        above.set_ylabel("share that was so")
        above.set_ylim(-0.02, 1.02)
        above.legend(loc="lower left", bbox_to_anchor=(0, 1), frameon=False)
        below.set_yscale("symlog", linthresh=1)
        below.set_ylim(bottom=0)
        below.set_ylabel("wavelets")
        below.set_xlabel("probability claimed")
        below.set_xlim(-0.02, 1.02)
        figure.suptitle(heading_lines(evaluation, 80), fontsize=10)
    return figure


def _reliability(axes: Axes, found: Calibration, look: _Look, shift: float) -> None:
    there = found.n > 0
    n_so = np.rint(found.share[there] * found.n[there]).astype(np.int64)
    look = replace(look, label=f"{look.label}: expected calibration error {found.error:.4f}")
    _with_interval(axes, found.confidence[there] + shift, n_so, found.n[there], look)


def _with_interval(axes: Axes, at: Vector, n_found: Integers, n: Integers, look: _Look) -> None:
    """Draw shares with their binomial intervals."""
    share = n_found / n
    low, high = binomial_interval(n_found, n)
    axes.errorbar(
        at,
        share,
        yerr=[np.maximum(share - low, 0), np.maximum(high - share, 0)],
        color=look.colour,
        marker=look.marker,
        ls=look.line,
        label=look.label,
        ms=4.5,
        lw=1.1,
        capsize=2,
        elinewidth=0.8,
    )


def roc_figure(evaluation: Evaluation) -> Figure:
    """Draw the recall of earthquakes against the false positives, on a logarithmic axis.

    Parameters
    ----------
    evaluation : Evaluation
        What is shown.

    Returns
    -------
    matplotlib.figure.Figure
        The curve, the rate that was asked, and the point at its threshold with the exact 95 %
        intervals of both shares. Grey where so many noise windows can show no rate.
    """
    point, roc = evaluation.point, evaluation.roc
    with drawing():
        figure = ReportFigure(figsize=(7.6, 5.8), layout="constrained", dpi=100)
        axes = figure.subplots()
        if roc.threshold.size:
            lowest = 0.3 * min(point.smallest_rate, point.asked_rate)
            # a curve that starts at no false positive comes in from the left
            rates = np.maximum(roc.false_positive_rate, lowest)
            axes.step(
                rates, roc.true_positive_rate, where="post", color=DARK, lw=1.4,
                label=f"area under the curve {roc.area:.4f}",
            )  # fmt: skip
            left = lowest / 1.5  # room for a mark of no false positive at all
            axes.axvspan(left, point.smallest_rate, color="#dddddd", lw=0, zorder=0)
            axes.axvline(point.asked_rate, color=ORANGE, lw=1, ls="--", zorder=1)
            _operating_point(axes, evaluation, lowest)
            axes.set_xscale("log")
            axes.set_xlim(left, 1)
            axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")
        else:
            text = "no curve: there is no earthquake or no noise"
            axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center")
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel("false positives a station and second (share of noise windows)")
        axes.set_ylabel("recall of earthquakes")
        axes.grid(color="#eeeeee", lw=0.6)
        axes.set_axisbelow(True)
        figure.suptitle(heading_lines(evaluation, 95), fontsize=10)
    return figure


def _operating_point(axes: Axes, evaluation: Evaluation, lowest: float) -> None:
    point = evaluation.point
    rate, recall = max(point.rate, lowest), point.recall
    (low_rate, high_rate), (low, high) = point.rate_interval, point.recall_interval
    axes.errorbar(
        [rate],
        [recall],
        xerr=[[max(0.0, rate - max(low_rate, lowest))], [max(0.0, high_rate - rate)]],
        yerr=[[recall - low], [high - recall]],
        color=ORANGE,
        marker="D",
        ms=6,
        capsize=3,
        ls="none",
        zorder=4,
        label=f"at P >= {point.threshold:.4g}, for {point.asked_rate:g}:\n"
        f"{point.n_false} of {point.n_noise:,} noise windows, recall {recall:.3f} "
        f"({low:.3f} to {high:.3f})",
    )
    axes.text(
        np.sqrt(lowest * point.smallest_rate),
        0.0,
        f"less than 1 of {point.n_noise:,}",
        rotation=90,
        ha="center",
        va="bottom",
        color="#666666",
        fontsize=8,
    )


def recall_figure(evaluation: Evaluation) -> Figure:
    """Draw the recall of earthquakes by signal-to-noise ratio and by distance.

    Parameters
    ----------
    evaluation : Evaluation
        What is shown.

    Returns
    -------
    matplotlib.figure.Figure
        Shares with exact 95 % intervals: given the class earthquake, and at or above the
        threshold of the operating point. Numbers of earthquakes at the bottom.
    """
    with drawing():
        figure = ReportFigure(figsize=(12, 5), layout="constrained", dpi=100)
        left, right = figure.subplots(1, 2, sharey=True)
        _recall(left, evaluation.by_snr, "signal-to-noise ratio")
        _recall(right, evaluation.by_distance, "epicentral distance, km")
        left.set_ylabel("recall of earthquakes")
        handles, labels = left.get_legend_handles_labels()
        if not handles:
            handles, labels = right.get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=2, frameon=False)
        figure.suptitle(heading_lines(evaluation), fontsize=10)
    return figure


def _recall(axes: Axes, bands: Bands, quantity: str) -> None:
    shown = _shown(bands.n)
    axes.set_xlabel(quantity)
    axes.set_ylim(-0.12, 1.03)
    axes.set_yticks(np.arange(0, 1.1, 0.2))
    axes.grid(axis="y", color="#eeeeee", lw=0.6)
    if bands.n_unknown:
        axes.set_title(f"not known for {bands.n_unknown:,} more", loc="left")
    if not len(shown):
        axes.set_xticks([])
        axes.text(0.5, 0.5, "known for no earthquake", transform=axes.transAxes, ha="center")
        return
    at = np.array([k for k in shown if bands.n[k]])
    n = bands.n[at]
    given = _Look("given the class earthquake", WAVELET_COLOURS[EARTHQUAKE], "o")
    above = _Look("at or above the threshold of the stated rate", ORANGE, "D", "--")
    _with_interval(axes, at - 0.06, bands.n_given[at], n, given)
    _with_interval(axes, at + 0.06, bands.n_above[at], n, above)
    for k in shown:
        axes.text(
            k, -0.07, f"{bands.n[k]:,}", ha="center", va="center", fontsize=8, color="#555555"
        )
    axes.set_xticks(list(shown), [_band_name(bands.edges, k) for k in shown])
    axes.set_xlim(shown[0] - 0.5, shown[-1] + 0.5)


def _shown(n: Integers) -> range:
    """Bands from the first to the last that holds anything."""
    there = np.flatnonzero(n)
    return range(int(there[0]), int(there[-1]) + 1) if there.size else range(0)


def _band_name(edges: Vector, k: int) -> str:
    low, high = edges[k], edges[k + 1]
    return f"{low:g}-{high:g}" if np.isfinite(high) else f"{low:g}+"


def histogram_figure(evaluation: Evaluation) -> Figure:
    """Draw how often each class was claimed with which probability, by what the wavelets are.

    Parameters
    ----------
    evaluation : Evaluation
        What is shown.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for the probability of each class, a line for each class there is; counts on a
        logarithmic axis.
    """
    edges = np.linspace(0, 1, HISTOGRAM_BINS + 1)
    with drawing():
        figure = ReportFigure(figsize=(13, 4.3), layout="constrained", dpi=100)
        panels = figure.subplots(1, 3, sharey=True)
        for column, axes in zip(WaveletClass, panels, strict=True):
            for is_, name in CLASS_NAMES.items():
                own = evaluation.probabilities[evaluation.true == is_, column]
                axes.stairs(
                    np.histogram(own, edges)[0],
                    edges,
                    color=WAVELET_COLOURS[is_],
                    ls=WAVELET_LINES[is_],
                    lw=1.5,
                    label=f"{name} ({own.size:,})",
                )
            axes.set_xlabel(f"probability of {CLASS_NAMES[column]}")
            axes.set_xlim(0, 1)
        panels[0].axvline(evaluation.point.threshold, color=ORANGE, lw=1, ls=":")
        panels[0].set_yscale("symlog", linthresh=1)
        panels[0].set_ylim(bottom=0)
        panels[0].set_ylabel("wavelets")
        handles, labels = panels[0].get_legend_handles_labels()
        figure.legend(
            handles, [f"is {name}" for name in labels], loc="outside lower center", ncols=3,
            frameon=False,
        )  # fmt: skip
        figure.suptitle(
            f"{heading_lines(evaluation)}\ndotted: threshold of the stated rate", fontsize=10
        )
    return figure
