"""Figures of training and evaluation, and the files they are written to.

Each figure is a function of an `Evaluation`, a history or a model; the three functions named
``draw_`` write all figures of their kind into a folder, as PNG.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from seisflow.core.files import AnyPath
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
    from seisflow.stages.learn.artifact import Model
    from seisflow.stages.learn.examples import Examples

__all__ = [
    "cells_figure",
    "confusion_figure",
    "draw_evaluation",
    "draw_network",
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
