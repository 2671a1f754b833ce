"""An evaluation as JSON content: names for classes, null for what is not a finite number."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from seisflow.core.classes import WaveletClass
from seisflow.stages.evaluate.evaluation import Evaluation
from seisflow.stages.evaluate.metrics import Calibration, GroupScores
from seisflow.stages.evaluate.rates import (
    Bands,
    OperatingPoint,
    Roc,
    binomial_interval,
    operating_point,
)

__all__ = ["json_of"]

NAMES = [c.name.lower() for c in WaveletClass]
RATES = (0.0001, 0.0002, 0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.01, 0.02, 0.05)
"""Of false positives, a station and second, whose thresholds are kept."""
ROC_POINTS = 400
"""Corners of the curve that are kept, closest where few noise windows are false positives."""


def json_of(evaluation: Evaluation) -> dict[str, Any]:
    """Return an evaluation as JSON content, without what there is for each wavelet.

    NaN and infinite values are null.

    Parameters
    ----------
    evaluation : Evaluation
        What `seisflow.stages.evaluate.evaluation.evaluate_model` returns.
    """
    scores = evaluation.scores
    by_class = {
        name: {
            "precision": scores.precision[k],
            "recall": scores.recall[k],
            "f1": scores.f1[k],
            "support": scores.support[k],
        }
        for k, name in enumerate(NAMES)
    }
    content = {
        "network": evaluation.network,
        "model_key": evaluation.model_key,
        "wavelets": evaluation.wavelets,
        "wavelets_key": evaluation.wavelets_key,
        "split": evaluation.split,
        "truth": evaluation.truth,
        "notes": evaluation.notes,
        "n_wavelets": evaluation.true.size,
        "n_left_out": evaluation.n_left_out,
        "n_events": evaluation.n_events,
        "classes": by_class,
        "macro_f1": scores.macro_f1,
        "weighted_f1": scores.weighted_f1,
        "accuracy": scores.accuracy,
        "confusion": scores.confusion,
        "brier": evaluation.brier,
        "calibration": _calibration(evaluation.calibration),
        "earthquake_calibration": _calibration(evaluation.earthquake_calibration),
        "operating_point": _point(evaluation.point),
        "thresholds": _thresholds(evaluation),
        "roc": _roc(evaluation.roc),
        "by_snr": _bands(evaluation.by_snr),
        "by_distance_km": _bands(evaluation.by_distance),
        "by_station": _groups(evaluation.stations),
        "by_source": _groups(evaluation.sources),
    }
    return {name: _plain(value) for name, value in content.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(v) for name, v in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value


def _calibration(found: Calibration) -> dict[str, Any]:
    return {
        "expected_error": found.error,
        "bins": found.n.size,
        "n": found.n,
        "confidence": found.confidence,
        "share": found.share,
    }


def _point(point: OperatingPoint) -> dict[str, Any]:
    return {
        "asked_false_positive_rate": point.asked_rate,
        "n_noise": point.n_noise,
        "smallest_rate_shown": point.smallest_rate,
        "is_shown": point.is_shown,
        "threshold": point.threshold,
        "n_false": point.n_false,
        "false_positive_rate": point.rate,
        "false_positive_rate_interval": point.rate_interval,
        "n_earthquakes": point.n_earthquakes,
        "n_found": point.n_found,
        "recall": point.recall,
        "recall_interval": point.recall_interval,
    }


def _thresholds(evaluation: Evaluation) -> list[dict[str, Any]]:
    """Return the threshold for each of some rates that these noise wavelets can show."""
    is_quake = evaluation.true == WaveletClass.EARTHQUAKE
    p_quake = evaluation.probabilities[:, WaveletClass.EARTHQUAKE]
    points = [operating_point(is_quake, p_quake, rate) for rate in RATES]
    return [
        {"false_positive_rate": p.asked_rate, "threshold": p.threshold, "recall": p.recall}
        for p in points
        if p.is_shown
    ]


def _roc(roc: Roc) -> dict[str, Any]:
    n = roc.threshold.size
    kept = np.unique(np.geomspace(1, max(1, n), ROC_POINTS).astype(int)) - 1 if n else slice(0)
    return {
        "area": roc.area,
        "false_positive_rate": roc.false_positive_rate[kept],
        "true_positive_rate": roc.true_positive_rate[kept],
        "threshold": roc.threshold[kept],
    }


def _bands(bands: Bands) -> dict[str, Any]:
    return {
        "edges": bands.edges,
        "n": bands.n,
        "recall": bands.recall,
        "recall_interval": np.transpose(binomial_interval(bands.n_given, bands.n)),
        "recall_at_threshold": bands.recall_above,
        "recall_at_threshold_interval": np.transpose(binomial_interval(bands.n_above, bands.n)),
        "n_unknown": bands.n_unknown,
    }


def _groups(groups: GroupScores) -> dict[str, Any]:
    return {
        name: {
            "support": groups.support[k],
            "precision": groups.precision[k],
            "recall": groups.recall[k],
            "f1": groups.f1[k],
            "macro_f1": groups.macro_f1[k],
            "accuracy": groups.accuracy[k],
            "n_above_threshold": groups.n_above[k],
            "false_positive_rate": groups.false_positive_rate[k],
            "confusion": groups.confusion[k],
        }
        for k, name in enumerate(groups.name)
    }
