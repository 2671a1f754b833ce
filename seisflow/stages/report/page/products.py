"""The parts of a campaign's page that say what came in and what was made of it.

Each is made from what a product holds; nothing is read from paths.

Invariant: what failed or has not run is said in the part of its product, before its figures.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from seisflow.archive.opening import product_attrs
from seisflow.archive.work import Progress
from seisflow.core.amounts import human_bytes, human_time
from seisflow.core.grid import format_time
from seisflow.stages.report.figures.day import draw_raster, read_raster
from seisflow.stages.report.figures.hourly import (
    Shares,
    coverage_figure,
    hours_figure,
    map_figure,
    read_coverage,
    shares_of_labels,
    shares_of_scores,
)
from seisflow.stages.report.figures.palette import shares_text
from seisflow.stages.report.figures.selection import span_of
from seisflow.stages.report.page.elements import (
    Image,
    Listing,
    Part,
    Table,
    image_of,
    number,
    table_of,
)

__all__ = [
    "cost_part",
    "labels_part",
    "model_part",
    "problems_of",
    "scores_part",
    "warnings_of",
    "waveforms_part",
]

MAX_LINES = 50
"""Problems of a product that are written out."""

MODEL_FIGURES = {
    "confusion": "Confusion matrix, with precision, recall and F1 of each class",
    "roc": "Recall of earthquakes against false positives",
    "reliability": "What was so, against the probability that was claimed",
    "recall": "Recall of earthquakes by signal-to-noise ratio and by distance",
    "training": "Loss and scores over the training",
}
"""Figures of a model's folder that are shown, by name."""


def waveforms_part(name: str, waveforms: xr.Dataset, progress: Progress) -> Part:
    """Say what came in.

    Parameters
    ----------
    name : str
        Path, as it is to be shown.
    waveforms : xarray.Dataset
        WAVEFORMS, complete or not.
    progress : Progress
        Of this product.

    Raises
    ------
    ConfigError
        It is no WAVEFORMS.
    """
    coverage = read_coverage(waveforms)
    hours = np.nan_to_num(coverage.share).sum()
    there = ~np.isnan(coverage.share)
    facts = [
        ("stations", f"{len(coverage.stations):,}"),
        *_grid_facts(name, waveforms),
        ("recorded", f"{hours:,.1f} of {there.sum():,} station-hours ({_share(hours, there)})"),
        ("samples", f"{progress.counts.get('samples', 0):,}"),
        ("bytes read", human_bytes(progress.read_bytes)),
        ("bytes kept", human_bytes(progress.written_bytes)),
        ("problems", f"{progress.n_problems:,}"),
    ]
    figure = image_of(coverage_figure(coverage), "How much of every station's hours was recorded")
    return Part(
        "waveforms",
        "What came in",
        facts,
        warnings_of(progress),
        [figure],
        listings=problems_of(progress),
    )


def _share(part: float, whole: Any) -> str:
    total = float(np.sum(whole))
    return f"{part / total:.1%}" if total else "nothing"


def _grid_facts(name: str, dataset: xr.Dataset) -> list[tuple[str, str]]:
    span, attrs = span_of(dataset), product_attrs(dataset)
    return [
        ("from", format_time(span.start_ns)),
        ("to", format_time(span.end_ns)),
        ("length", f"{span.duration_s / 3600:,.0f} h"),
        ("sampling rate", f"{attrs['sampling_rate_hz']:g} Hz"),
        ("product", f"{name} ({attrs['key']})"),
    ]


def warnings_of(progress: Progress) -> list[str]:
    """Say what of a product failed or has not run."""
    plan, said = progress.plan, []
    if progress.failed:
        first = "; ".join(f"{task}: {why}" for task, why in list(progress.failed.items())[:3])
        said.append(f"{len(progress.failed):,} of {len(plan.tasks):,} tasks failed ({first})")
    if progress.missing:
        said.append(f"{len(progress.missing):,} of {len(plan.tasks):,} tasks have not run")
    return said


def problems_of(progress: Progress) -> list[Listing]:
    """Return the problems of a product, the first `MAX_LINES` of them; none if there is none."""
    if not progress.n_problems:
        return []
    lines = progress.problems[:MAX_LINES]
    return [Listing(f"problems: {len(lines):,} of {progress.n_problems:,} shown", tuple(lines))]


def labels_part(name: str, labels: xr.Dataset, progress: Progress) -> Part:
    """Show the classes of the labelled seconds, by station, by hour and on a map.

    Parameters
    ----------
    name : str
        Path, as it is to be shown.
    labels : xarray.Dataset
        LABELS, complete or not.
    progress : Progress
        Of this product.

    Raises
    ------
    ConfigError
        It is no LABELS.
    """
    raster = read_raster(labels, span_of(labels))
    facts = [
        ("method", raster.method),
        ("shares", shares_text(raster.totals())),
        *_grid_facts(name, labels),
    ]
    day = image_of(draw_raster(raster), "Labels of all stations over time, and their shares")
    images = [day, *_maps(shares_of_labels(raster, labels))]
    return Part(
        "labels", "Labels", facts, warnings_of(progress), images, listings=problems_of(progress)
    )


def _maps(shares: Shares) -> list[Image]:
    figure = map_figure(shares)
    return [] if figure is None else [image_of(figure, "Share of each class, station by station")]


def scores_part(name: str, scores: xr.Dataset, progress: Progress) -> Part:
    """Show the most probable class of every second, by hour and on a map.

    Parameters
    ----------
    name : str
        Path, as it is to be shown.
    scores : xarray.Dataset
        SCORES, complete or not.
    progress : Progress
        Of this product.

    Raises
    ------
    ConfigError
        It is no SCORES.
    """
    shares = shares_of_scores(scores)
    totals = shares.counts.sum(axis=(0, 1))
    n_classified = int(totals[: shares.n_classes].sum())
    facts = [
        (key, f"{n:,} s" + (f" ({_share(n, n_classified)})" if k < shares.n_classes else ""))
        for k, (key, n) in enumerate(zip(shares.looks, totals.tolist(), strict=True))
    ]
    over_time = image_of(hours_figure(shares), "Most probable class, hour by hour")
    return Part(
        "scores",
        "Probabilities",
        [*facts, *_grid_facts(name, scores)],
        warnings_of(progress),
        [over_time, *_maps(shares)],
        listings=problems_of(progress),
    )


def model_part(
    name: str, document: Mapping[str, Any], figures: Callable[[str], bytes | None]
) -> Part:
    """Show what a model is and how well it does.

    Parameters
    ----------
    name : str
        Path, as it is to be shown.
    document : mapping
        What ``model.json`` holds.
    figures : callable
        Returns a PNG file by its name without suffix, or None; those of `MODEL_FIGURES` are shown.
    """
    metrics = document.get("metrics", {})
    facts = [
        ("network", str(document.get("network", {}).get("name", ""))),
        ("sampling rate", f"{document.get('rate_hz', '')} Hz"),
        ("model", f"{name} ({document.get('key', '')})"),
    ]
    tables = []
    for split, found in metrics.items():
        if isinstance(found, Mapping) and "classes" in found:
            tables += [_class_table(split, found), _summary_table(split, found)]
    images = [Image(png, text) for key, text in MODEL_FIGURES.items() if (png := figures(key))]
    warnings = [] if tables else ["the model was not evaluated: model.json holds no metrics"]
    return Part("model", "The model", facts, warnings, tables=tables, gallery=images)


def _class_table(split: str, found: Mapping[str, Any]) -> Table:
    rows = [
        [
            key.replace("_", " "),
            *(number(scores.get(m), ".3f") for m in ("precision", "recall", "f1")),
            number(scores.get("support")),
        ]
        for key, scores in found["classes"].items()
    ]
    head = ("class", "precision", "recall", "F1", "wavelets")
    return table_of(f"Classes, {split} split", head, rows)


def _summary_table(split: str, found: Mapping[str, Any]) -> Table:
    names = {"accuracy": "accuracy", "macro_f1": "macro F1", "weighted_f1": "weighted F1"}
    rows = [[text, number(found.get(key), ".4f")] for key, text in names.items()]
    if point := found.get("operating_point"):
        low, high = (number(share, ".3f") for share in point["recall_interval"])
        asked, reached = point["asked_false_positive_rate"], point["false_positive_rate"]
        rows += [
            ["false positives a station and second: asked", number(asked, ".4g")],
            ["false positives a station and second: found", number(reached, ".4g")],
            ["threshold on the probability of an earthquake", number(point["threshold"], ".4f")],
            ["recall of earthquakes there", number(point["recall"], ".3f")],
            ["95 % interval of the recall", f"{low} to {high}"],
        ]
    return table_of(f"Together, {split} split", ("", ""), rows)


def cost_part(stages: Sequence[tuple[str, Progress]]) -> Part:
    """Show what every stage took.

    Parameters
    ----------
    stages : sequence of (str, Progress)
        Name of the stage and state of its product.
    """
    rows = [[stage, *_cost(progress)] for stage, progress in stages]
    head = (
        "stage", "tasks done", "failed", "not run", "first to last task", "tasks an hour",
        "CPU-hours", "memory of a worker", "projected", "read", "written",
    )  # fmt: skip
    total = sum(progress.cpu_s for _, progress in stages) / 3600
    facts = [("CPU-hours together", f"{total:.3g}")]
    table = table_of("Throughput and cost of every stage", head, rows)
    return Part("cost", "Throughput and cost", facts, tables=[table])


def _cost(progress: Progress) -> list[str]:
    elapsed = progress.elapsed_s
    return [
        f"{len(progress.done):,} {progress.plan.unit}",
        f"{len(progress.failed):,}",
        f"{len(progress.missing):,}",
        human_time(elapsed),
        number(len(progress.done) / elapsed * 3600, ",.3g") if elapsed else number(None),
        f"{progress.cpu_s / 3600:.3g}",
        human_bytes(progress.peak_memory_bytes),
        human_bytes(progress.plan.memory_bytes),
        human_bytes(progress.read_bytes),
        human_bytes(progress.written_bytes),
    ]
