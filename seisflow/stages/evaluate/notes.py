"""What to know before believing an evaluation: what training has seen, what is too few."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Split
from seisflow.stages.evaluate.predictor import Predictor
from seisflow.stages.evaluate.rates import OperatingPoint

if TYPE_CHECKING:
    from seisflow.stages.learn.examples import Examples

__all__ = ["notes_of", "notes_of_point", "split_of"]

Indices = npt.NDArray[np.int64]


def split_of(examples: "Examples", indices: Indices) -> str:
    """Return the split that wavelets belong to, in lower case; ``mixed`` if to several."""
    splits = np.unique(examples.split[indices])
    return Split(splits[0]).name.lower() if splits.size == 1 else "mixed"


def notes_of(model: Predictor, examples: "Examples", indices: Indices) -> tuple[str, ...]:
    """Say what the model may have seen of these wavelets before, and what their split is short of.

    Parameters
    ----------
    model, examples, indices
        As for `evaluate_model`.

    Returns
    -------
    tuple of str
        Sentences without full stop; empty where the model was trained on other events and stations
        of this set, whose split has its share.
    """
    return (*_seen_before(model, examples, indices), *_short_of(examples, indices))


def _short_of(examples: "Examples", indices: Indices) -> tuple[str, ...]:
    """Return what the set says of the split that is evaluated: its threshold rests on that."""
    split = split_of(examples, indices)
    return examples.warnings("" if split == "mixed" else split)


def _seen_before(model: Predictor, examples: "Examples", indices: Indices) -> tuple[str, ...]:
    trained_on = model.document.get("training", {}).get("wavelets")
    if trained_on is not None and trained_on != examples.key:
        return (f"trained on another set, {str(trained_on)[:8]}",)
    split = split_of(examples, indices)
    if split in (Split.TRAIN.name.lower(), "mixed"):
        return ("the model was trained on these wavelets",)
    trained = examples.select(Split.TRAIN)
    events, n_events = _shared(examples.event, trained, indices)
    stations, n_stations = _shared(examples.station, trained, indices)
    text = f"{events} of {n_events} events and {stations} of {n_stations} stations are in training"
    if any(s.product.identity.config.get("split") == "shuffled" for s in examples.sources):
        return (f"SHUFFLED SPLIT: {text} too; unseen events and stations will fare worse",)
    return (f"{text} too",) if events or stations else ()


def _shared(
    names: npt.NDArray[np.object_], trained: Indices, evaluated: Indices
) -> tuple[int, int]:
    """Return how many names of the evaluated wavelets are among the trained, and of how many."""
    here = set(names[evaluated]) - {""}
    return len(here & set(names[trained])), len(here)


def notes_of_point(point: OperatingPoint) -> tuple[str, ...]:
    """Say where there is too little noise for the rate that was asked.

    Parameters
    ----------
    point : OperatingPoint
        What `seisflow.stages.evaluate.rates.operating_point` returned.

    Returns
    -------
    tuple of str
        Empty where the rate can be shown.
    """
    if point.is_shown or not point.n_noise:
        return ()
    return (
        f"the threshold rests on {point.n_noise} noise windows: a rate of false positives below "
        f"{point.smallest_rate:.2g} cannot be told, and the threshold for {point.asked_rate:g} "
        "lies above all of them",
    )
