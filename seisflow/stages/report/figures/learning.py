"""Figures of training and evaluation, and the files they are written to.

Each figure is a function of an `Evaluation`, a history or a model; the three functions named
``draw_`` write all figures of their kind into a folder, as PNG.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from seisflow.core.files import AnyPath
from seisflow.core.reporting import Reporter
from seisflow.stages.evaluate.evaluation import Evaluation
from seisflow.stages.report.figures.network import feature_maps_figure, filters_figure
from seisflow.stages.report.figures.palette import write_figure
from seisflow.stages.report.figures.probabilities import (
    histogram_figure,
    recall_figure,
    reliability_figure,
    roc_figure,
)
from seisflow.stages.report.figures.scores import confusion_figure, training_figure
from seisflow.stages.report.figures.wavelets import cells_figure

if TYPE_CHECKING:
    from seisflow.stages.evaluate.stage import Evaluate, Evaluated
    from seisflow.stages.learn.artifact import Model
    from seisflow.stages.learn.examples import Examples
    from seisflow.stages.train.stage import Train, TrainResult

__all__ = [
    "cells_figure",
    "confusion_figure",
    "draw_evaluated",
    "draw_evaluation",
    "draw_network",
    "draw_trained",
    "draw_training",
    "feature_maps_figure",
    "filters_figure",
    "histogram_figure",
    "recall_figure",
    "reliability_figure",
    "roc_figure",
    "training_figure",
]

NO_NETWORK = "forest"
"""Name of the classifier that has no convolution to draw."""
DRAWN_LAST = "cells-surest.png"
"""Where it is, all figures of a training are."""


def draw_evaluated(stage: "Evaluate", result: "Evaluated", reporter: Reporter) -> "Evaluated":
    """Draw what evaluate found, beside its numbers; return the result with the files."""
    written = []
    for found, (folder, evaluation) in zip(
        result.summary["evaluations"], result.evaluations.items(), strict=True
    ):
        figures = draw_evaluation(evaluation, result.model, result.examples, folder)
        if evaluation.truth == "labels":
            figures += draw_training(result.history, folder)
            figures += draw_network(result.model, result.examples, folder)
        reporter.say(f"figures in {folder}")
        written.append({"folder": found["folder"], "figures": list(map(str, figures)), **found})
    return replace(result, summary={**result.summary, "evaluations": written})


def draw_trained(stage: "Train", result: "TrainResult", reporter: Reporter) -> None:
    """Draw a model and the validation split, unless that was done."""
    folder = result.path / "figures"
    if result.judged is None and (not result.summary or (folder / DRAWN_LAST).exists()):
        return  # it is finished, or another rank draws
    judged = result.judged or stage.judge(reporter=reporter)
    draw_training(result.summary["history"], folder)
    draw_network(judged.model, stage.job.examples, folder)
    draw_evaluation(judged.evaluation, judged.model, stage.job.examples, folder)


def draw_evaluation(
    evaluation: Evaluation, model: "Model", examples: "Examples", folder: AnyPath
) -> list[AnyPath]:
    """Write all figures of an evaluation.

    Parameters
    ----------
    evaluation : Evaluation
        What `seisflow.stages.evaluate.evaluation.evaluate_model` returned.
    model, examples
        Those that were evaluated.
    folder : Path
        Where to; made where it does not exist.

    Returns
    -------
    list of Path
        The files: confusion, reliability, roc, recall, probabilities, cells-typical,
        cells-surest.

    Raises
    ------
    StorageError
        The place cannot be written.
    """
    figures = {
        "confusion": confusion_figure(evaluation),
        "reliability": reliability_figure(evaluation),
        "roc": roc_figure(evaluation),
        "recall": recall_figure(evaluation),
        "probabilities": histogram_figure(evaluation),
        "cells-typical": cells_figure(evaluation, model, examples),
        "cells-surest": cells_figure(evaluation, model, examples, surest=True),
    }
    return _write(figures, folder)


def draw_training(history: Sequence[Mapping[str, Any]], folder: AnyPath) -> list[AnyPath]:
    """Write the curves of a training.

    Parameters
    ----------
    history : sequence of mapping
        What ``history.json`` of a model holds, as `training_figure` takes it.
    folder : Path
        Where to; made where it does not exist.

    Returns
    -------
    list of Path
        The file, ``training.png``; none where nothing was recorded, as of a forest.

    Raises
    ------
    StorageError
        The place cannot be written.
    """
    return _write({"training": training_figure(history)}, folder) if history else []


def draw_network(model: "Model", examples: "Examples", folder: AnyPath) -> list[AnyPath]:
    """Write the first filters and the feature maps of a wavelet of each class.

    Parameters
    ----------
    model : Model
        A forest has neither, and nothing is written.
    examples : Examples
        A set of its rate.
    folder : Path
        Where to; made where it does not exist.

    Returns
    -------
    list of Path
        The files, ``filters.png`` and ``feature-maps.png``.

    Raises
    ------
    StorageError
        The place cannot be written.
    """
    if model.document["network"]["name"] == NO_NETWORK:
        return []
    figures = {
        "filters": filters_figure(model),
        "feature-maps": feature_maps_figure(model, examples),
    }
    return _write(figures, folder)


def _write(figures: Mapping[str, Figure], folder: AnyPath) -> list[AnyPath]:
    paths = {folder / f"{name}.png": figure for name, figure in figures.items()}
    for path, figure in paths.items():
        write_figure(figure, path)
    return list(paths)
