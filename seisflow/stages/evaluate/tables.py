"""Evaluations as Markdown tables, side by side with the published figures and with each other."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import WaveletClass
from seisflow.stages.evaluate.evaluation import Evaluation
from seisflow.stages.evaluate.metrics import GroupScores
from seisflow.stages.evaluate.published import PUBLISHED, PublishedScores
from seisflow.stages.evaluate.rates import Bands, OperatingPoint, binomial_interval

__all__ = [
    "CLASS_NAMES",
    "class_rows",
    "comparison_table",
    "evaluation_table",
    "heading",
    "summary_rows",
]

CLASS_NAMES = {c: c.name.lower().replace("_", " ") for c in WaveletClass}
"""What people read: ``random noise``."""

MEASURES = ("precision", "recall", "F1")
STATIONS_SHOWN = 20


def heading(evaluation: Evaluation) -> str:
    """Say in one line what was evaluated, and what must be known before it is believed."""
    truth = "" if evaluation.truth == "labels" else ", against the planted truth"
    text = f"{evaluation.network} on the {evaluation.split} split{truth}"
    return " — ".join([text, *evaluation.notes])


def evaluation_table(evaluation: Evaluation) -> str:
    """Return all that is counted as Markdown.

    Parameters
    ----------
    evaluation : Evaluation
        What `evaluate_model` returned.

    Returns
    -------
    str
        A heading with the notes; the classes beside the published figures of the same split; the
        confusion matrix; probabilities and operating point; recall by SNR and distance; the
        stations, the worst ones where there are many; the sources, where there are several. Ends
        with a line feed.
    """
    stations = evaluation.stations
    n_shown = min(STATIONS_SHOWN, len(stations.name))
    parts = [
        f"## {heading(evaluation)}",
        _markdown(class_head(evaluation), class_rows(evaluation)),
        "Rows: what it is; columns: what it was given.",
        _markdown(["", *CLASS_NAMES.values()], _confusion_rows(evaluation)),
        _markdown(["", ""], summary_rows(evaluation)),
        "Recall of earthquakes by signal-to-noise ratio.",
        _markdown(_band_head("SNR"), _band_rows(evaluation.by_snr)),
        "Recall of earthquakes by epicentral distance.",
        _markdown(_band_head("km"), _band_rows(evaluation.by_distance)),
        f"Stations: {len(stations.name)}; shown {n_shown}, least macro F1 first.",
        _markdown(_group_head("station"), _group_rows(stations, n_shown)),
    ]
    if len(evaluation.sources.name) > 1:
        sources = evaluation.sources
        table = _markdown(_group_head("source"), _group_rows(sources, len(sources.name)))
        parts += ["Sources.", table]
    return "\n\n".join(parts) + "\n"


def comparison_table(evaluations: Mapping[str, Evaluation]) -> str:
    """Return one line for each evaluation, below the published ones of the same splits.

    Parameters
    ----------
    evaluations : mapping of str to Evaluation
        By the name that its line shall have.

    Returns
    -------
    str
        Markdown; precision / recall / F1 of each class, mean F1, accuracy, the recall of
        earthquakes at the operating point, and the notes below.
    """
    head = ["", "truth", *CLASS_NAMES.values(), "macro F1", "weighted F1", "accuracy"]
    head += ["recall at stated rate", "wavelets"]
    splits = dict.fromkeys(e.split for e in evaluations.values())
    rows = [_published_row(split) for split in splits if split in PUBLISHED]
    rows += [_comparison_row(name, e) for name, e in evaluations.items()]
    notes = {f"{name}: {note}" for name, e in evaluations.items() for note in e.notes}
    lines = [f"- {note}" for note in sorted(notes)]
    return "\n\n".join([_markdown(head, rows), *(["\n".join(lines)] if lines else [])]) + "\n"


def _published_row(split: str) -> list[str]:
    found = PUBLISHED[split]
    classes = [" / ".join(map(_number, c)) for c in found.classes]
    means = [_number(found.macro_f1), _number(found.weighted_f1), "", ""]
    return [f"published, {split}", "labels", *classes, *means, f"{found.n_wavelets:,}"]


def _comparison_row(name: str, evaluation: Evaluation) -> list[str]:
    s = evaluation.scores
    classes = [
        " / ".join(_number(v, 3) for v in (s.precision[k], s.recall[k], s.f1[k]))
        for k in WaveletClass
    ]
    means = [_number(v, 3) for v in (s.macro_f1, s.weighted_f1, s.accuracy)]
    recall = f"{_number(evaluation.point.recall, 3)} at {evaluation.point.asked_rate:g}"
    n = f"{evaluation.true.size:,}"
    return [f"{name}, {evaluation.split}", evaluation.truth, *classes, *means, recall, n]


def class_head(evaluation: Evaluation) -> list[str]:
    """Return the heading of `class_rows`."""
    published = [f"published {m}" for m in MEASURES] if evaluation.split in PUBLISHED else []
    return ["class", *MEASURES, "support", *published]


def class_rows(evaluation: Evaluation) -> list[list[str]]:
    """Return precision, recall, F1 and support of each class, and the published figures beside.

    Parameters
    ----------
    evaluation : Evaluation
        Of the validation or the test split where published figures shall stand beside.

    Returns
    -------
    list of list of str
        A row for each class, for the mean F1 plain and weighted, and for the accuracy.
    """
    scores, published = evaluation.scores, PUBLISHED.get(evaluation.split)
    rows = []
    for k, name in CLASS_NAMES.items():
        own = [_number(v, 3) for v in (scores.precision[k], scores.recall[k], scores.f1[k])]
        theirs = [_number(v) for v in published.classes[k]] if published else []
        rows.append([name, *own, f"{scores.support[k]:,}", *theirs])
    total = f"{evaluation.true.size:,}"
    for name, value, printed in _means(evaluation, published):
        theirs = ["", "", _number(printed) if printed else ""] if published else []
        rows.append([name, "", "", _number(value, 3), total, *theirs])
    return rows


def _means(
    evaluation: Evaluation, published: PublishedScores | None
) -> list[tuple[str, float, float | None]]:
    scores = evaluation.scores
    return [
        ("macro mean", scores.macro_f1, published.macro_f1 if published else None),
        ("weighted mean", scores.weighted_f1, published.weighted_f1 if published else None),
        ("accuracy", scores.accuracy, None),
    ]


def summary_rows(evaluation: Evaluation) -> list[list[str]]:
    """Return what is said of the probabilities and of the operating point: name and value."""
    n_bins = evaluation.calibration.n.size
    rows = [
        ["expected calibration error", f"{evaluation.calibration.error:.4f} ({n_bins} bins)"],
        ["Brier score (0 to 2)", _number(evaluation.brier, 4)],
        ["area under the ROC of earthquakes", _number(evaluation.roc.area, 4)],
        *_point_rows(evaluation.point),
        ["earthquakes", f"{evaluation.n_events:,} events in {evaluation.point.n_earthquakes:,}"],
    ]
    if evaluation.n_left_out:
        text = f"{evaluation.n_left_out:,} wavelets that the planted truth gives no class"
        rows.append(["left out", text])
    return rows


def _point_rows(point: OperatingPoint) -> list[list[str]]:
    asked = f"{point.asked_rate:g} false positives a station and second"
    false = f"{point.n_false} of {point.n_noise:,} noise windows"
    return [
        ["threshold", f"P(earthquake) >= {point.threshold:.6g} for {asked}"],
        ["false positives there", f"{false}, {_interval_text(point.rate_interval, 5)}"],
        ["smallest rate these can show", f"{point.smallest_rate:.2g}"],
        [
            "recall there",
            f"{_number(point.recall, 3)}, {_interval_text(point.recall_interval, 3)}; "
            f"{point.n_found:,} of {point.n_earthquakes:,}",
        ],
    ]


def _interval_text(interval: tuple[float, float], digits: int) -> str:
    low, high = interval
    return f"95 % interval {_number(low, digits)} to {_number(high, digits)}"


def _confusion_rows(evaluation: Evaluation) -> list[list[str]]:
    counts = evaluation.scores.confusion
    return [[name, *(f"{n:,}" for n in counts[k])] for k, name in CLASS_NAMES.items()]


def _band_head(quantity: str) -> list[str]:
    return [quantity, "earthquakes", "recall", "95 %", "recall at threshold", "95 %"]


def _band_rows(bands: Bands) -> list[list[str]]:
    rows = []
    given, above = (binomial_interval(n, bands.n) for n in (bands.n_given, bands.n_above))
    for k in np.flatnonzero(bands.n):
        low, high = bands.edges[k : k + 2]
        name = f"{low:g} to {high:g}" if np.isfinite(high) else f"from {low:g}"
        rows.append(
            [
                name,
                f"{bands.n[k]:,}",
                _number(bands.recall[k], 3),
                _range(given, int(k)),
                _number(bands.recall_above[k], 3),
                _range(above, int(k)),
            ]
        )
    if bands.n_unknown:
        rows.append(["not known", f"{bands.n_unknown:,}", "", "", "", ""])
    return rows


def _range(interval: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]], k: int) -> str:
    low, high = interval
    return f"{_number(low[k], 3)} to {_number(high[k], 3)}"


def _group_head(kind: str) -> list[str]:
    classes = [f"{name} recall" for name in CLASS_NAMES.values()]
    head = [kind, "wavelets", "macro F1", "accuracy", *classes, "earthquake precision"]
    return [*head, "earthquakes at threshold", "false positives at threshold"]


def _group_rows(s: GroupScores, n_shown: int) -> list[list[str]]:
    order = np.argsort(s.macro_f1, kind="stable")[:n_shown]
    quake = WaveletClass.EARTHQUAKE
    return [
        [
            s.name[k],
            f"{s.support[k].sum():,}",
            _number(s.macro_f1[k], 3),
            _number(s.accuracy[k], 3),
            *(_number(value, 3) for value in s.recall[k]),
            _number(s.precision[k, quake], 3),
            f"{s.n_above[k, quake]:,} of {s.support[k, quake]:,}",
            f"{s.n_above[k, 1:].sum():,} of {s.support[k, 1:].sum():,}",
        ]
        for k in order
    ]


def _number(value: float, digits: int = 2) -> str:
    return "-" if np.isnan(value) else f"{value:.{digits}f}"


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table: the first column to the left, the others to the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
