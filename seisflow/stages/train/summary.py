"""What is said of a training: before it, and once it has left a model."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from seisflow.core.amounts import human_bytes, human_time
from seisflow.core.classes import Split, WaveletClass
from seisflow.stages.learn.job import Job
from seisflow.stages.learn.training import best_epoch_of

__all__ = [
    "BEFORE",
    "before_after_rows",
    "plan_content",
    "plan_rows",
    "result_rows",
    "threshold_text",
    "worse_note",
]

EARTHQUAKE = int(WaveletClass.EARTHQUAKE)
BEFORE = "before"
"""Where metrics.json keeps the evaluation of the model that was gone on from."""


def plan_content(job: Job, n_ranks: int, device: str) -> dict[str, Any]:
    """Return what a training would do, as JSON content."""
    reader = job.reader(n_ranks=n_ranks)
    content: dict[str, Any] = {
        "model": str(job.config.model),
        **({} if job.base is None else {"from": job.base_name, "layers": job.config.layers}),
        "network": job.config.network,
        "train": job.examples.counts(Split.TRAIN),
        "validation": job.examples.counts(Split.VALIDATION),
        "rate_hz": job.examples.rate_hz,
        "device": device,
        "ranks": n_ranks,
    }
    if not job.is_forest:
        n_weights = job.n_weights()
        content |= {
            "weights": n_weights,
            "input": list(job.front_end.shape),
            "epochs": job.config.epochs,
            "steps_per_epoch": reader.order.n_batches,
            "reading_memory_bytes": reader.memory_bytes,
            "checkpoint_bytes_about": 16 * n_weights,
        }
    return content


def plan_rows(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return the same for people."""
    shown = dict(content)
    for name in ("train", "validation"):
        shown[name] = _counts_text(content[name])
    for name in ("reading_memory_bytes", "checkpoint_bytes_about"):
        if name in shown:
            shown[name] = human_bytes(shown[name])
    return {name.replace("_bytes", "").replace("_", " "): value for name, value in shown.items()}


def result_rows(
    job: Job, history: Sequence[Mapping[str, Any]], metrics: Mapping[str, Any]
) -> dict[str, Any]:
    """Return what came of a training, for people."""
    model = job.config.model
    rows: dict[str, Any] = {"model": model, "network": job.config.network}
    if job.base is not None:
        rows["from"] = f"{job.config.from_model}, {job.config.layers} layers"
    for split in (Split.TRAIN, Split.VALIDATION):
        rows[split.name.lower()] = _counts_text(job.examples.counts(split))
    if history:
        seconds = sum(row["seconds"] + row["validation_s"] for row in history)
        n_seen = sum(row["seconds"] * row["examples_per_s"] for row in history)
        speed = n_seen / sum(row["seconds"] for row in history)
        rows["best epoch"] = f"{best_epoch_of(history)} of {len(history)}"
        rows["time"] = f"{human_time(seconds)}; {speed:.0f} examples/s in training"
    for name, found in metrics["classes"].items():
        values = [f"{m} {_number(found[m])}" for m in ("precision", "recall", "f1")]
        rows[f"validation, {name}"] = ", ".join(values)
    total = [f"{m} {_number(metrics[m])}" for m in ("macro_f1", "accuracy")]
    rows["validation, all"] = ", ".join(total).replace("_", " ")
    rows["threshold"] = threshold_text(metrics["operating_point"])
    rows["figures in"] = f"{model / 'figures'}; tensorboard --logdir {model / 'tensorboard'}"
    return rows


def before_after_rows(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> list[tuple[str, str, str]]:
    """Return rows of what two models made of the same wavelets: a name, before, after.

    Parameters
    ----------
    before, after : mapping
        Two evaluations as JSON content (`seisflow.stages.evaluate.as_json`).
    """
    rate = before["operating_point"]["asked_false_positive_rate"]
    ways: dict[str, Callable[[Mapping[str, Any]], str]] = {
        "recall of P": lambda e: _number(e["classes"]["earthquake"]["recall"]),
        f"recall of P at {rate:g} false positives a station and second": lambda e: _number(
            e["operating_point"]["recall"]
        ),
        "false positives": _false_positives,
        "macro F1": lambda e: _number(e["macro_f1"]),
        "accuracy": lambda e: _number(e["accuracy"]),
        "Brier score (less is better)": lambda e: _number(e["brier"]),
    }
    return [(name, way(before), way(after)) for name, way in ways.items()]


def _false_positives(evaluation: Mapping[str, Any]) -> str:
    """Say how many windows of noise were given the class of an earthquake."""
    noise = [row for k, row in enumerate(evaluation["confusion"]) if k != EARTHQUAKE]
    return f"{sum(row[EARTHQUAKE] for row in noise)} of {sum(map(sum, noise))} noise windows"


def worse_note(before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    """Say so where a model did not gain by the wavelets it went on with; empty where it did."""
    values = before["macro_f1"], after["macro_f1"]
    if values[1] >= values[0]:
        return ""
    return (
        f"macro F1 on the validation split fell from {_number(values[0])} to {_number(values[1])}: "
        "the model before may serve better; try --layers last or a lower --learning-rate"
    )


def _counts_text(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {name}" for name, n in counts.items())


def threshold_text(point: Mapping[str, Any]) -> str:
    """Say which threshold the validation split gives, and on how much noise it rests."""
    rate = f"{point['asked_false_positive_rate']:g} false positives a station and second"
    threshold, n = _number(point["threshold"]), point["n_noise"]
    if point["is_shown"]:
        return f"{threshold} for {rate}; rests on {n} noise windows"
    if not n:
        return f"none for {rate}: the validation split has no noise"
    smallest = _number(point["smallest_rate_shown"])
    return (
        f"{threshold}, above all {n} noise windows; these show no rate below {smallest}, not {rate}"
    )


def _number(value: float | None) -> str:
    """Write a share; a dash where there was nothing to divide by."""
    return "-" if value is None else f"{value:.3f}"
