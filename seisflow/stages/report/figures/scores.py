"""Figures of how well classes are told apart, and of how that came about in training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from seisflow.core.classes import WaveletClass
from seisflow.stages.evaluate.evaluation import Evaluation
from seisflow.stages.evaluate.published import PUBLISHED
from seisflow.stages.evaluate.tables import CLASS_NAMES
from seisflow.stages.report.figures.palette import ReportFigure, drawing
from seisflow.stages.report.figures.wavelets import WAVELET_COLOURS, heading_lines

__all__ = ["confusion_figure", "training_figure"]

SHARES = LinearSegmentedColormap.from_list("shares", ["#ffffff", "#4477aa", "#1b2f4b"])
DARK_FROM = 0.45
"""Share from which the ground is dark and the text white."""

MEASURES = ("precision", "recall", "f1")


def confusion_figure(evaluation: Evaluation) -> Figure:
    """Draw the confusion matrix, and precision, recall and F1 beside the published ones.

    Parameters
    ----------
    evaluation : Evaluation
        What is shown.

    Returns
    -------
    matplotlib.figure.Figure
        Left, the counts and the share of each row in per cent. Right, filled marks are ours, open
        ones the published of the same split.
    """
    with drawing():
        figure = ReportFigure(figsize=(11.5, 5), layout="constrained", dpi=100)
        left, right = figure.subplots(1, 2, width_ratios=[1, 1.15])
        _matrix(left, evaluation.scores.confusion)
        _measures(right, evaluation)
        figure.suptitle(heading_lines(evaluation), fontsize=10)
    return figure


def _matrix(axes: Axes, confusion: npt.NDArray[np.int64]) -> None:
    shares = confusion / np.maximum(1, confusion.sum(axis=1, keepdims=True))
    axes.imshow(shares, cmap=SHARES, vmin=0, vmax=1)
    for is_, given in np.ndindex(3, 3):
        share = shares[is_, given]
        axes.text(
            given,
            is_,
            f"{confusion[is_, given]:,}\n{share:.1%}",
            ha="center",
            va="center",
            color="white" if share >= DARK_FROM else "#222222",
            fontsize=11,
        )
    names = [name.replace("random noise", "random\nnoise") for name in CLASS_NAMES.values()]
    axes.set_xticks(range(3), names)
    axes.set_yticks(range(3), names)
    axes.set_xlabel("given")
    axes.set_ylabel("is")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _measures(axes: Axes, evaluation: Evaluation) -> None:
    published = PUBLISHED.get(evaluation.split)
    for k, name in CLASS_NAMES.items():
        values = [float(getattr(evaluation.scores, m)[k]) for m in MEASURES]
        at = np.arange(3) + 0.2 * (k - 1)
        colour = WAVELET_COLOURS[WaveletClass(k)]
        axes.plot(at, values, "o", color=colour, ms=9, label=name)
        for x, value in zip(at, values, strict=True):
            if np.isfinite(value):
                axes.annotate(
                    f"{value:.2f}",
                    (x, value),
                    (-8, 0),  # left: the published mark may lie just above or below
                    textcoords="offset points",
                    ha="right",
                    va="center",
                    fontsize=8,
                )
        if published:
            axes.plot(at, published.classes[k], "D", color=colour, ms=8, mfc="none", mew=1.3)
    if published:
        axes.plot([], [], "D", color="#555555", ms=8, mfc="none", label="published")
    axes.set_xticks(range(3), ["precision", "recall", "F1"])
    axes.set_xlim(-0.5, 2.5)
    axes.set_ylim(_lowest(evaluation), 1.03)
    axes.grid(axis="y", color="#eeeeee", lw=0.6)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, -0.24), ncols=4, frameon=False)


def _lowest(evaluation: Evaluation) -> float:
    """Return where the axis begins: a whole tenth below all that is shown."""
    scores, published = evaluation.scores, PUBLISHED.get(evaluation.split)
    shown = [*scores.precision, *scores.recall, *scores.f1]
    shown += [value for row in published.classes for value in row] if published else []
    least = np.nanmin(shown)  # one class occurs, or nothing could have been scored
    return float(max(0.0, np.floor(10 * (least - 0.05)) / 10))


def training_figure(history: Sequence[Mapping[str, Any]]) -> Figure:
    """Draw loss, learning rate and validation figures over the training.

    Parameters
    ----------
    history : sequence of mapping
        One entry for each epoch: ``epoch`` (by default its place), and any of ``loss``,
        ``validation_loss``, ``learning_rate``, ``train_accuracy``, ``accuracy`` (validation),
        ``macro_f1``. An entry may lack some; None counts as lacking.

    Returns
    -------
    matplotlib.figure.Figure
        Three panels above each other; the best validation is marked.
    """
    with drawing():
        figure = ReportFigure(figsize=(8.5, 8), layout="constrained", dpi=100)
        losses, metrics, rates = figure.subplots(3, 1, sharex=True, height_ratios=[3, 2, 1.3])
        _curve(losses, history, "loss", "#4477aa", "training")
        _curve(losses, history, "validation_loss", "#cc3311", "validation", best=np.nanargmin)
        _curve(metrics, history, "train_accuracy", "#4477aa", "accuracy, training")
        _curve(metrics, history, "accuracy", "#aa77bb", "accuracy, validation")
        _curve(metrics, history, "macro_f1", "#cc3311", "macro F1, validation", best=np.nanargmax)
        _curve(rates, history, "learning_rate", "#222222", "")
        losses.set_ylabel("loss")
        metrics.set_ylabel("score")
        rates.set_ylabel("learning rate")
        rates.set_xlabel("epoch")
        if any(_has(row, "learning_rate") for row in history):
            rates.set_yscale("log")
        for axes in (losses, metrics):
            axes.grid(color="#eeeeee", lw=0.6)
            if axes.lines:
                axes.legend(frameon=False)
        figure.suptitle("training", fontsize=11)
    return figure


def _curve(
    axes: Axes,
    history: Sequence[Mapping[str, Any]],
    name: str,
    colour: str,
    label: str,
    *,
    best: Any = None,
) -> None:
    there = [(row.get("epoch", k), row[name]) for k, row in enumerate(history) if _has(row, name)]
    if not there:
        return
    at, values = np.array(there, dtype=np.float64).T
    line = "-" if colour != "#cc3311" else "--"
    marker = "o" if len(there) < 40 else None
    axes.plot(at, values, color=colour, lw=1.4, ls=line, marker=marker, ms=3.5, label=label)
    if best is not None and np.isfinite(values).any():
        k = int(best(values))
        axes.plot(at[k], values[k], "D", color=colour, ms=8, mfc="none")
        axes.annotate(
            f"{values[k]:.4g}", (at[k], values[k]), (-2, 9), textcoords="offset points",
            ha="right", fontsize=8,
        )  # fmt: skip


def _has(row: Mapping[str, Any], name: str) -> bool:
    return row.get(name) is not None
