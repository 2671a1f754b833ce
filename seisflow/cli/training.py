"""What ``seisflow train`` does: check, train here or in many ranks, evaluate, summarise."""

import json
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

from seisflow import errors
from seisflow.archive.receipts import write_json
from seisflow.cli import evaluate
from seisflow.cli.ranks import Ranks, launch
from seisflow.console import ERRORS, Bar, print_json, progress, table
from seisflow.core.amounts import human_bytes, human_time
from seisflow.core.classes import Split
from seisflow.core.files import AnyPath
from seisflow.engine.devices import resolve_device
from seisflow.errors import ConfigError, IncompleteError
from seisflow.stages.learn.config import TrainConfig

if TYPE_CHECKING:
    from seisflow.stages.learn.job import Job
    from seisflow.stages.learn.training import Event

__all__ = ["Run", "check", "start", "train_here"]

METRICS = "metrics.json"
KEPT = (
    "classes",
    "macro_f1",
    "weighted_f1",
    "accuracy",
    "confusion",
    "operating_point",
    "thresholds",
)
"""What the model's own document says of the validation split; all of it is in metrics.json."""


@dataclass(frozen=True)
class Run:
    """Where a training reads, writes and computes."""

    wavelets: AnyPath
    model: AnyPath
    device: str
    checkpoint_every_s: float


def start(config: TrainConfig, run: Run, ranks: Ranks, *, dry_run: bool, as_json: bool) -> None:
    """Check, train, evaluate, and say what came of it."""
    from seisflow.stages.learn.ranks import is_rank
    from seisflow.stages.learn.training import is_finished

    if not dry_run and not is_finished(run.model):
        ranks.refuse_login()
    if ranks.pool is None or not dry_run:  # the nodes have other devices
        run = replace(run, device=resolve_device(run.device))
    job = check(config, run, ranks)
    if dry_run:
        show_plan(job, run, ranks.total, as_json=as_json)
        return
    if is_rank():
        if ranks.total > 1:
            raise ConfigError(
                "--ranks asked where torchrun started the ranks already; leave it out"
            )
        is_first = train_here(job, run)
        if not is_first:
            return
    elif (ranks.total > 1 or ranks.pool is not None) and not is_finished(run.model):
        train_in_ranks(config, run, ranks)
    else:
        train_here(job, run)
    summarise(job, run, as_json=as_json)


def check(config: TrainConfig, run: Run, ranks: Ranks) -> "Job":
    """Refuse what cannot be trained, before anything is written or submitted."""
    # only here: torch takes seconds to import, and no other command should wait for it
    from seisflow.stages.learn.checkpoints import refuse_other_training
    from seisflow.stages.learn.job import prepare

    job = prepare(config, run.wavelets)
    job.reader(n_ranks=ranks.total)  # refuses a batch that cannot be shared
    refuse_other_training(run.model, job.identity)
    return job


def train_here(job: "Job", run: Run) -> bool:
    """Train in this process, showing progress; tell whether it is the first rank."""
    from seisflow.stages.learn.ranks import rank_number
    from seisflow.stages.learn.training import train_job

    with Watcher(job.config) as watcher:
        trained = train_job(
            job,
            run.model,
            on_event=watcher,
            device=run.device,
            checkpoint_every_s=run.checkpoint_every_s,
        )
    is_first = rank_number() == 0
    if trained.was_finished and is_first:
        ERRORS.print(f"{run.model} is finished: nothing to train")
    return is_first


def train_in_ranks(config: TrainConfig, run: Run, ranks: Ranks) -> None:
    """Train in many processes, here or on the nodes of a job, and wait for them.

    Raises
    ------
    KeyboardInterrupt
        A signal stopped them; they left a checkpoint.
    SeisflowError
        What one of them met that a second attempt would not mend.
    IncompleteError
        They ended without a model, for a reason that stands above.
    """
    from seisflow.stages.learn.ranks import clear_failure, read_failure, torchrun
    from seisflow.stages.learn.training import is_finished

    content = {"config": config.resolved(), "run": {k: str(v) for k, v in asdict(run).items()}}
    clear_failure(run.model)
    if ranks.pool is None:
        code, was_stopped = torchrun("seisflow.cli.rank", [json.dumps(content)], ranks.each)
    else:
        code, was_stopped = launch(content, ranks)
    failure = read_failure(run.model)
    clear_failure(run.model)
    if failure is not None:
        name, message = failure
        raise getattr(errors, name, errors.SeisflowError)(message)
    if was_stopped:
        raise KeyboardInterrupt
    if not is_finished(run.model):
        raise IncompleteError(
            f"the {ranks.total} ranks ended with code {code} and left no model in {run.model}; see "
            "what they said above, and type the command again to go on from the last checkpoint"
        )


class Watcher:
    """Shows a training: a bar over its steps, and a line for every epoch."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._stack = ExitStack()
        self._bar: Bar | None = None

    def __enter__(self) -> "Watcher":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __call__(self, event: "Event") -> None:
        """Show what happened."""
        if event.kind == "started":
            if event.step:
                ERRORS.print(
                    f"resuming: {event.step} of {event.n_steps} steps are done",
                )
            left = event.n_steps - event.step
            self._bar = self._stack.enter_context(progress("train", left))
        elif event.kind == "step" and self._bar:
            self._bar.advance()
        elif event.kind == "epoch":
            ERRORS.print(self._line(event.row))

    def _line(self, row: Any) -> str:
        best = ", best so far" if row["is_best"] else ""
        return (
            f"epoch {row['epoch']}/{self._config.epochs}: loss {row['loss']:.4f}, validation "
            f"{row['validation_loss']:.4f}, accuracy {row['accuracy']:.4f}, macro F1 "
            f"{row['macro_f1']:.4f}{best}; learning rate {row['learning_rate']:.2g}, "
            f"{row['examples_per_s']:.0f} examples/s"
        )


def show_plan(job: "Job", run: Run, n_ranks: int, *, as_json: bool) -> None:
    """Print what a training would do."""
    reader = job.reader(n_ranks=n_ranks)
    content: dict[str, Any] = {
        "model": str(run.model),
        "network": job.config.network,
        "train": job.examples.counts(Split.TRAIN),
        "validation": job.examples.counts(Split.VALIDATION),
        "rate_hz": job.examples.rate_hz,
        "device": run.device,
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
    shown = dict(content)
    for name in ("train", "validation"):
        shown[name] = ", ".join(f"{n} {c}" for c, n in content[name].items())
    for name in ("reading_memory_bytes", "checkpoint_bytes_about"):
        if name in shown:
            shown[name] = human_bytes(shown[name])
    rows = {name.replace("_bytes", "").replace("_", " "): value for name, value in shown.items()}
    table("dry run: nothing was written", rows)
    show_warnings(job)
    if as_json:
        print_json(content)


def summarise(job: "Job", run: Run, *, as_json: bool) -> None:
    """Evaluate on the validation split where that was not done, and print the summary."""
    from seisflow.stages.learn.checkpoints import read_history
    from seisflow.stages.learn.training import best_epoch_of

    history = read_history(run.model)
    if not (run.model / METRICS).exists():
        judge(job, run, history)
    metrics = json.loads((run.model / METRICS).read_text())
    rows: dict[str, Any] = {"model": run.model}
    for split in (Split.TRAIN, Split.VALIDATION):
        counts = job.examples.counts(split)
        rows[split.name.lower()] = ", ".join(f"{n} {name}" for name, n in counts.items())
    if history:
        seconds = sum(row["seconds"] + row["validation_s"] for row in history)
        n_seen = sum(row["seconds"] * row["examples_per_s"] for row in history)
        speed = n_seen / sum(row["seconds"] for row in history)
        rows["best epoch"] = f"{best_epoch_of(history)} of {len(history)}"
        rows["time"] = f"{human_time(seconds)}; {speed:.0f} examples/s in training"
    for name, found in metrics["classes"].items():
        values = [f"{m} {number(found[m])}" for m in ("precision", "recall", "f1")]
        rows[f"validation, {name}"] = ", ".join(values)
    total = [f"{m} {number(metrics[m])}" for m in ("macro_f1", "accuracy")]
    rows["validation, all"] = ", ".join(total).replace("_", " ")
    rows["threshold"] = threshold_text(metrics["operating_point"])
    rows["look at"] = f"{run.model / 'figures'}; tensorboard --logdir {run.model / 'tensorboard'}"
    table(f"train: {job.config.network}", rows)
    show_warnings(job)
    if as_json:
        print_json({"product": str(run.model), "exit_code": 0, "history": history, **metrics})


def threshold_text(point: Mapping[str, Any]) -> str:
    """Say which threshold the validation split gives, and on how much noise it rests."""
    rate = f"{point['asked_false_positive_rate']:g} false positives a station and second"
    threshold, n = number(point["threshold"]), point["n_noise"]
    if point["is_shown"]:
        return f"{threshold} for {rate}; rests on {n} noise windows"
    if not n:
        return f"none for {rate}: the validation split has no noise"
    smallest = number(point["smallest_rate_shown"])
    return (
        f"{threshold}, above all {n} noise windows; these show no rate below {smallest}, not {rate}"
    )


def show_warnings(job: "Job") -> None:
    """Repeat what the set is short of, beside the counts and the threshold."""
    for warning in job.examples.warnings:
        ERRORS.print(f"note: {warning}", style="yellow", markup=False, soft_wrap=True)


def number(value: float | None) -> str:
    """Write a share; a dash where there was nothing to divide by."""
    return "-" if value is None else f"{value:.3f}"


def judge(job: "Job", run: Run, history: list[dict[str, Any]]) -> None:
    """Evaluate a trained model on the validation split, draw, and write the figures down."""
    from seisflow.stages.evaluate.evaluation import FALSE_POSITIVE_RATE, evaluate_probabilities
    from seisflow.stages.learn.artifact import load_model, save_model
    from seisflow.stages.report.figures.learning import draw_evaluation, draw_network, draw_training

    model, examples = load_model(run.model, rate_hz=job.examples.rate_hz), job.examples
    found, indices = evaluate.classify(
        model,
        examples,
        Split.VALIDATION,
        None,
        rate=FALSE_POSITIVE_RATE,
        device=run.device,
        batch=256,
    )
    evaluation = evaluate_probabilities(found, model, examples, indices)
    evaluate.show(evaluation)
    figures = run.model / "figures"
    draw_evaluation(evaluation, model, examples, figures)
    draw_training(history, figures)
    draw_network(model, examples, figures)
    content = evaluation.to_json()
    kept = {name: content[name] for name in KEPT}
    metrics = {**model.document["metrics"], "validation": kept}
    save_model(run.model, model.classifier, {**model.document, "metrics": metrics})
    write_json(run.model / METRICS, content)
