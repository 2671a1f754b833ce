"""A model against the wavelets of a set: what is counted, and the record of it.

Invariant: wavelets are evaluated as recorded, each once, without augmentation, and no number
depends on the order or the size of the pieces they are read in.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Split, WaveletClass
from seisflow.errors import ConfigError
from seisflow.stages.evaluate.metrics import (
    Calibration,
    GroupScores,
    Scores,
    brier_score,
    calibration_of,
    score_classes,
    score_groups,
)
from seisflow.stages.evaluate.notes import notes_of, notes_of_point, split_of
from seisflow.stages.evaluate.predictor import Predictor
from seisflow.stages.evaluate.rates import (
    DISTANCE_EDGES_KM,
    SNR_EDGES,
    Bands,
    OperatingPoint,
    Roc,
    operating_point,
    recall_by_band,
    roc_of,
)
from seisflow.stages.evaluate.truth import LEFT_OUT, PlantedTruth, planted_classes

if TYPE_CHECKING:
    from seisflow.stages.learn.examples import Examples

__all__ = [
    "FALSE_POSITIVE_RATE",
    "Evaluation",
    "evaluate_model",
    "evaluate_probabilities",
    "predict",
]

Codes = npt.NDArray[np.uint8]
Indices = npt.NDArray[np.int64]
Probabilities = npt.NDArray[np.float32]

EARTHQUAKE = WaveletClass.EARTHQUAKE

FALSE_POSITIVE_RATE = 0.0015
"""False positives a station and second that 10 of 1100 stations in coincidence can bear."""

PIECE = 1024
"""Wavelets read at a time."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Evaluation:
    """What a model was found to be worth on some wavelets; n of them.

    Parameters
    ----------
    network, model_key : str
        Which model.
    wavelets, wavelets_key : str
        Names of the products of the set, and its key.
    split : str
        ``train``, ``validation`` or ``test``; ``mixed`` if the wavelets are of several.
    truth : str
        ``labels``, the classes of the set, or ``planted``.
    notes : tuple of str
        What must be known before the numbers are believed.
    n_events : int
        Different earthquakes among the wavelets.
    n_left_out : int
        Wavelets that the truth gives no class; they are in no number.
    indices : ndarray of int64, shape (n,)
        Of the wavelets in their set.
    true : ndarray of uint8, shape (n,)
        What each is.
    probabilities : ndarray of float32, shape (n, 3)
        What the model said.
    scores : Scores
        Of the class with the largest probability.
    stations, sources : GroupScores
        The same by station, and by the product the wavelets are from.
    calibration, earthquake_calibration : Calibration
        Of the largest probability, and of that of an earthquake.
    brier : float
        Multiclass Brier score.
    roc : Roc
        Earthquakes against the rest.
    point : OperatingPoint
        The threshold for the stated rate of false positives.
    by_snr, by_distance : Bands
        Recall of earthquakes.
    """

    network: str
    model_key: str
    wavelets: str
    wavelets_key: str
    split: str
    truth: str
    notes: tuple[str, ...]
    n_events: int
    n_left_out: int
    indices: Indices
    true: Codes
    probabilities: Probabilities
    scores: Scores
    stations: GroupScores
    sources: GroupScores
    calibration: Calibration
    earthquake_calibration: Calibration
    brier: float
    roc: Roc
    point: OperatingPoint
    by_snr: Bands
    by_distance: Bands

    @property
    def given(self) -> Codes:
        """The class of the largest probability, shape (n,); the first of equal ones."""
        return np.asarray(self.probabilities.argmax(axis=1), dtype=np.uint8)


def evaluate_model(
    model: Predictor,
    examples: "Examples",
    indices: Indices,
    *,
    truth: PlantedTruth | None = None,
    false_positive_rate: float = FALSE_POSITIVE_RATE,
    device: str = "cpu",
    batch: int = 256,
) -> Evaluation:
    """Let a model classify wavelets, and count.

    Parameters
    ----------
    model : Model
        What `seisflow.stages.learn.artifact.load_model` returns.
    examples : Examples
        The set.
    indices : ndarray of int64, shape (n,)
        Wavelets of it, as `Examples.select` returns them.
    truth : PlantedTruth, optional
        Take the classes from what was planted instead of those of the set.
    false_positive_rate : float
        Of the operating point, a station and second.
    device, batch : str, int
        As `Model.probabilities` takes them.

    Raises
    ------
    ConfigError
        The model is of another rate, window or class list; there are no wavelets; a rate that is
        none; a truth of something else.
    DataError
        Samples that are not finite.
    """
    found = predict(model, examples, indices, device=device, batch=batch)
    return evaluate_probabilities(
        found, model, examples, indices, truth=truth, false_positive_rate=false_positive_rate
    )


def predict(
    model: Predictor,
    examples: "Examples",
    indices: Indices,
    *,
    device: str = "cpu",
    batch: int = 256,
    on_advance: Callable[[int], None] | None = None,
) -> Probabilities:
    """Return the probabilities a model gives wavelets, reading some at a time.

    Parameters
    ----------
    model, examples, indices, device, batch
        As for `evaluate_model`.
    on_advance : callable, optional
        Called with the number of wavelets done since the last call.

    Returns
    -------
    ndarray of float32, shape (n, 3)

    Raises
    ------
    ConfigError
        The model does not fit the set, or there are no wavelets.
    """
    _refuse_misfit(model, examples)
    if not indices.size:
        raise ConfigError(
            f"no wavelets of {examples.place} to evaluate; it has "
            + ", ".join(f"{examples.select(s).size} {s.name.lower()}" for s in Split)
        )
    cut = examples.margin_samples - model.halo_samples
    found = np.empty((indices.size, len(WaveletClass)), np.float32)
    for start in range(0, indices.size, PIECE):
        part = indices[start : start + PIECE]
        samples = examples.read(part)
        samples = np.ascontiguousarray(samples[:, cut : samples.shape[1] - cut])
        found[start : start + PIECE] = model.probabilities(samples, device=device, batch=batch)
        if on_advance is not None:
            on_advance(part.size)
    return found


def _refuse_misfit(model: Predictor, examples: "Examples") -> None:
    asked = (model.rate_hz, model.window_samples)
    found = (examples.rate_hz, examples.window_samples)
    if asked != found:
        raise ConfigError(
            f"the model was trained at {asked[0]} Hz with windows of {asked[1]} samples; "
            f"{examples.place} has {found[0]} Hz and {found[1]}; evaluate it on a set of its rate, "
            "or train one on this set"
        )
    if model.halo_samples > examples.margin_samples:
        raise ConfigError(
            f"the filter of the model needs {model.halo_samples} samples on either side of the "
            f"window, and {examples.place} has {examples.margin_samples}; assemble it with a "
            "larger margin"
        )


def evaluate_probabilities(
    probabilities: Probabilities,
    model: Predictor,
    examples: "Examples",
    indices: Indices,
    *,
    truth: PlantedTruth | None = None,
    false_positive_rate: float = FALSE_POSITIVE_RATE,
) -> Evaluation:
    """Count what probabilities are worth; see `evaluate_model`.

    Parameters
    ----------
    probabilities : ndarray of float32, shape (n, 3)
        What `predict` returned for these wavelets.
    model, examples, indices, truth, false_positive_rate
        As for `evaluate_model`.

    Raises
    ------
    ConfigError
        As `evaluate_model`.
    """
    refuse_rate(false_positive_rate)
    true = _classes(examples, indices, truth)
    is_kept = true != LEFT_OUT
    indices, true, probabilities = indices[is_kept], true[is_kept], probabilities[is_kept]
    given = probabilities.argmax(axis=1)
    is_quake, p_quake = true == EARTHQUAKE, probabilities[:, EARTHQUAKE]
    point = operating_point(is_quake, p_quake, false_positive_rate)
    is_above, quakes = p_quake >= point.threshold, indices[is_quake]
    found = given[is_quake] == EARTHQUAKE, is_above[is_quake]
    return Evaluation(
        network=str(model.document["network"]["name"]),
        model_key=model.key,
        wavelets=examples.name,
        wavelets_key=examples.key,
        split=split_of(examples, indices),
        truth="labels" if truth is None else "planted",
        notes=(*notes_of(model, examples, indices), *notes_of_point(point)),
        n_events=len(set(examples.event[quakes])),
        n_left_out=int((~is_kept).sum()),
        indices=indices,
        true=true,
        probabilities=probabilities,
        scores=score_classes(true, given),
        stations=score_groups(examples.station[indices], true, given, is_above),
        sources=score_groups(examples.names[examples.source[indices]], true, given, is_above),
        calibration=calibration_of(probabilities.max(axis=1), given == true),
        earthquake_calibration=calibration_of(p_quake, is_quake),
        brier=brier_score(true, probabilities),
        roc=roc_of(is_quake, p_quake),
        point=point,
        by_snr=recall_by_band(examples.snr[quakes], *found, SNR_EDGES),
        by_distance=recall_by_band(examples.distance_km[quakes], *found, DISTANCE_EDGES_KM),
    )


def refuse_rate(rate: float) -> None:
    """Refuse what is no rate of false positives.

    Raises
    ------
    ConfigError
        It is not above 0 and below 1.
    """
    if not 0 < rate < 1:
        raise ConfigError(
            f"false positive rate: found {rate:g}; give false positives a station and second, "
            f"above 0 and below 1, for example {FALSE_POSITIVE_RATE}"
        )


def _classes(examples: "Examples", indices: Indices, truth: PlantedTruth | None) -> Codes:
    if truth is None:
        return np.asarray(examples.wavelet_class[indices])
    classes = planted_classes(truth, examples, indices)
    if (classes == LEFT_OUT).all():
        raise ConfigError(
            f"{truth.path} gives none of {indices.size} wavelets a class: none is an earthquake, "
            f"has a second of at least {truth.source_ratio:g} times the noise, or only quiet ones; "
            "evaluate more wavelets"
        )
    return classes
