"""What is said of a training: before it, and once it has left a model."""

from collections.abc import Mapping, Sequence
from typing import Any

from seisflow.core.amounts import human_bytes, human_time
from seisflow.core.classes import Split
from seisflow.stages.learn.job import Job
from seisflow.stages.learn.training import best_epoch_of

__all__ = ["plan_content", "plan_rows", "result_rows", "threshold_text"]


def plan_content(job: Job, n_ranks: int, device: str) -> dict[str, Any]:
    """Return what a training would do, as JSON content."""
    reader = job.reader(n_ranks=n_ranks)
    content: dict[str, Any] = {
        "model": str(job.config.model),
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
