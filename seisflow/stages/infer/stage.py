"""The infer stage: probabilities for every second of every station, one station-hour at a time.

Invariants: an hour is a UTC clock hour and is always classified whole, with the same margins
before and behind it however the work is cut. So no probability depends on tasks, workers, station
blocks or the time asked for.
"""

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from seisflow.archive.blocks import (
    MODEL,
    BlockTask,
    Selection,
    block_tasks,
    read_record,
    refuse_other_block,
    select_part,
    set_aside,
    source_document,
    task_unit,
)
from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.archive.receipts import TaskPlan, documents_of
from seisflow.archive.store import (
    consolidate,
    create_product,
    sweep_partial,
    write_shards,
)
from seisflow.archive.work import Done, Work, refuse_other
from seisflow.core.classes import ScoreState
from seisflow.core.config import SelectingConfig
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_S, NS_PER_S, format_time
from seisflow.engine.devices import resolve_device
from seisflow.errors import DataError
from seisflow.stages.infer.layout import Block, score_arrays
from seisflow.stages.infer.record import classify_seconds, margins_s
from seisflow.stages.infer.scoring import Scorer
from seisflow.stages.learn.artifact import load_model
from seisflow.stages.learn.model import CLASSES, Model

__all__ = ["InferConfig", "Running", "finish", "lay_out", "plan", "prepare", "run"]

PROCESS_BYTES = 580_000_000
"""A worker with torch and the other libraries."""
CUDA_BYTES = 1_500_000_000
"""What CUDA adds on the side of the host; an estimate."""
RECORD_BYTES_PER_SAMPLE = 110
"""An hour as read, in float64 and filtered: 170 MB were measured at 500 Hz."""
BATCH_BYTES_PER_VALUE = 60
"""Planes and maps of a batch, for each value of its planes; widest in `published`."""
WEIGHTS_READ = 4 / 3
"""Weights, held once, and what stays of reading them: 1.29 GB were measured with `published`."""


class InferConfig(SelectingConfig):
    """How to classify.

    Parameters
    ----------
    start, end : str, optional
        First time and first time not wanted any more, ISO 8601 UTC; widened to whole UTC hours.
    select : tuple of str
        Globs of NET.STA.LOC.CHA; all stations by default.
    precision : str
        Of the network: ``float32``, or ``bfloat16`` where the processor has it.
    """

    precision: Literal["float32", "bfloat16"] = "float32"


@dataclass(frozen=True)
class Running:
    """What may differ from one run to the next without changing what is found.

    Parameters
    ----------
    device : str
        Where workers classify: cpu, cuda or auto.
    batch : int
        Windows at once, of networks that do not go along the record.
    """

    device: str = "cpu"
    batch: int = 64


@dataclass(frozen=True)
class Preparation:
    """All that planning found out before anything is written."""

    selection: Selection
    model: AnyPath
    document: dict[str, Any]
    product: Product
    tasks: tuple[BlockTask, ...]
    plan: TaskPlan
    running: Running


@dataclass(frozen=True)
class Job:
    """What every task of one run shares."""

    waveforms: AnyPath
    output: AnyPath
    source: Product
    product: Product
    model: AnyPath
    model_key: str
    config: InferConfig
    running: Running


def prepare(
    config: InferConfig,
    waveforms: AnyPath,
    model: AnyPath,
    block: int | None = None,
    running: Running | None = None,
) -> Preparation:
    """Lay out SCORES for a part of WAVEFORMS; writes nothing.

    Parameters
    ----------
    config : InferConfig
        How to classify.
    waveforms : Path
        A complete WAVEFORMS product.
    model : Path
        A folder of `seisflow train`, where workers find it too.
    block : int, optional
        Stations of one task and shard; see `seisflow.archive.blocks.Selection.block`.
    running : Running, optional
        Device and batch; no part of the product's identity.

    Raises
    ------
    ConfigError
        No station or no time is selected, there is no such product or model, or the model is for
        another rate or other classes.
    DataError
        The model was damaged.
    IncompleteError
        Some of `waveforms` is not ingested yet.
    """
    selection = select_part(config, waveforms)
    loaded = load_model(model, rate_hz=float(selection.source.rate))
    return lay_out(config, selection, (model, loaded), block, running)


def lay_out(
    config: InferConfig,
    selection: Selection,
    where_and_model: tuple[AnyPath, Model],
    block: int | None = None,
    running: Running | None = None,
) -> Preparation:
    """Lay out SCORES of a model for a part of WAVEFORMS that need not be there yet."""
    running = running or Running()
    model, loaded = where_and_model
    scorer = _scorer(loaded, config, Running("cpu", running.batch))
    identity = Identity(
        "SCORES",
        "infer",
        config.resolved() | {"stations": list(selection.stations)},
        {"waveforms": selection.source.identity.key, "model": loaded.key},
        FORMAT_VERSIONS["SCORES"],
        RESULT_VERSIONS["infer"],
    )
    rate, size = selection.source.rate, selection.block(block)
    product = Product(identity, selection.span, rate, selection.shard_s, size)
    tasks = tuple(block_tasks(product, selection))
    task_plan = replace(_plan(scorer, product, tasks, running), notes=selection.notes)
    return Preparation(selection, model, loaded.document, product, tasks, task_plan, running)


def _plan(
    scorer: Scorer, product: Product, tasks: tuple[BlockTask, ...], running: Running
) -> TaskPlan:
    rate = int(product.rate)
    n_record_s = HOUR_S + sum(margins_s(scorer, rate))
    n_values = int(np.prod(scorer.shape))
    process = PROCESS_BYTES + (0 if running.device == "cpu" else CUDA_BYTES)
    n_station_s = sum(len(t.rows) * (t.stop_s - t.start_s) for t in tasks)
    held = n_record_s * rate * RECORD_BYTES_PER_SAMPLE
    held += product.block * product.shard_s * 2 * (4 * scorer.n_classes + 1)
    batch = 0 if scorer.goes_along else running.batch * n_values * BATCH_BYTES_PER_VALUE
    return TaskPlan(
        tasks=tuple(t.name for t in tasks),
        unit=task_unit(product),
        memory_bytes=process + held + batch + round(WEIGHTS_READ * scorer.weight_bytes),
        read_bytes=n_station_s * rate * 2,
        write_bytes=n_station_s * 12,
        n_files=2 * len(tasks),
    )


def plan(config: InferConfig, output: AnyPath, preparation: Preparation) -> Work[BlockTask]:
    """Create the empty product, or resume the one that is there.

    Raises
    ------
    ConfigError
        Something else stands at `output`, as scores of another model.
    """
    p, selection = preparation, preparation.selection
    if not refuse_other(output, p.product.identity):
        classes = p.document["classes"]
        arrays = tuple(score_arrays(p.product, selection.stations, selection.places, classes))
        documents = documents_of(p.plan) | source_document(selection.waveforms, output)
        documents |= {MODEL: p.document}
        create_product(output, p.product, arrays, "class probabilities of every second", documents)
    refuse_other_block(output, p.product)
    model_key = p.product.identity.inputs["model"]
    job = Job(
        waveforms=selection.waveforms,
        output=output,
        source=selection.source,
        product=p.product,
        model=p.model,
        model_key=model_key,
        config=config,
        running=p.running,
    )
    return Work(output, p.product.identity.key, p.tasks, partial(run, job), p.plan)


def run(job: Job, task: BlockTask) -> Done:
    """Classify a block of stations over one shard of time, and write its shards.

    A station-hour that cannot be read or classified is marked failed with its reason; the others
    go on.
    """
    scorer = _scorer_of_worker(job.model, job.model_key, job.config, job.running)
    n_seconds = task.stop_s - task.start_s
    block = Block(len(task.rows), n_seconds, scorer.n_classes)
    failures: list[str] = []
    for i, row in enumerate(task.rows):
        for begin in range(0, n_seconds, HOUR_S):
            seconds = slice(begin, begin + HOUR_S)
            try:
                block.put(i, seconds, _classify(job, scorer, row, task.start_s + begin))
            except Exception as error:  # noqa: BLE001 - one bad hour never stops the others
                block.fail(i, seconds)
                time = format_time(job.product.span.start_ns + (task.start_s + begin) * NS_PER_S)
                failures.append(f"row {row}, hour {time}: {type(error).__name__}: {error}")
    written = _write(job.output, task, block)
    counts = {state.name.lower(): int((block.state == state).sum()) for state in ScoreState}
    counts |= _most_probable(block)
    read = int(job.product.rate) * block.state.size
    return Done(counts, (), tuple(failures), read, written)


def _classify(job: Job, scorer: Scorer, row: int, start_s: int) -> npt.NDArray[np.float32]:
    rate = int(job.source.rate)
    offset_s = (job.product.span.start_ns - job.source.span.start_ns) // NS_PER_S
    before, behind = margins_s(scorer, rate)
    first = start_s + offset_s
    record = read_record(job.waveforms, job.source, row, first - before, first + HOUR_S + behind)
    return classify_seconds(scorer, record, rate)


def _most_probable(block: Block) -> dict[str, int]:
    """Count the seconds for which each class is the most probable one."""
    best = block.probability[block.state == ScoreState.READY].argmax(axis=1)
    return {name: int((best == k).sum()) for k, name in enumerate(CLASSES)}


@lru_cache(maxsize=1)
def _scorer_of_worker(model: AnyPath, key: str, config: InferConfig, running: Running) -> Scorer:
    """Load the model once in each worker.

    Raises
    ------
    DataError
        Another model stands there by now.
    """
    loaded = load_model(model)
    if loaded.key != key:
        raise DataError(
            f"{model} is another model by now (key {loaded.key}, asked {key}); put the first one "
            "back, or give another output"
        )
    return _scorer(loaded, config, running)


def _scorer(model: Model, config: InferConfig, running: Running) -> Scorer:
    device = resolve_device(running.device)
    if device == "cpu":
        torch.set_num_threads(1)  # one task, one thread
    return Scorer(model, device=device, precision=config.precision, batch=running.batch)


def _write(output: AnyPath, task: BlockTask, block: Block) -> int:
    start = (task.first, task.start_s)
    return sum(write_shards(output, name, start, v) for name, v in block.arrays.items())


def finish(work: Work[BlockTask]) -> None:
    """Mark what was set aside as failed on the disk, then consolidate.

    Tasks that have not run stay not_run; a later run fills both.
    """
    for task in set_aside(work):
        block = Block(len(task.rows), task.stop_s - task.start_s, len(CLASSES))
        block.fail(slice(None), slice(None))
        _write(work.path, task, block)
    sweep_partial(work.path)
    consolidate(work.path)
