"""Tasks, files, bytes, memory and hours of every stage, from metadata and rates alone.

Tasks, shards and memory are those the stages themselves lay out, on records that may not be there
yet, so that a plan cannot differ from a run. Files and bytes are upper bounds; hours are what was
measured times how much there is, nothing else. Walltime is rounds of equal tasks over the workers.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seisflow.archive.products import ArraySpec
from seisflow.archive.receipts import TaskPlan
from seisflow.campaign.rates import Rates
from seisflow.campaign.records import Records
from seisflow.core.geometry import local_xy_m
from seisflow.stages.detect.array import JITTER_S, Array
from seisflow.stages.detect.config import DetectConfig
from seisflow.stages.detect.searching import Job
from seisflow.stages.detect.stage import hour_tasks
from seisflow.stages.detect.stage import needs_of as needs_of_hours
from seisflow.stages.infer.config import InferConfig
from seisflow.stages.infer.layout import score_arrays
from seisflow.stages.infer.stage import lay_out as lay_out_infer
from seisflow.stages.ingest.stage import IngestPlan
from seisflow.stages.label import stage as label_stage
from seisflow.stages.label.config import LabelConfig
from seisflow.stages.label.layout import label_arrays
from seisflow.stages.learn.artifact import model_document
from seisflow.stages.learn.classifier import build_classifier
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.front_end import FrontEndConfig
from seisflow.stages.learn.model import Model
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.cutting import n_samples_of
from seisflow.stages.wavelets.layout import COLUMN_CHUNK, SHARD
from seisflow.stages.wavelets.stage import needs_of as needs_of_examples

__all__ = [
    "StagePlan",
    "Where",
    "files_of",
    "plan_assemble",
    "plan_detect",
    "plan_infer",
    "plan_ingest",
    "plan_label",
    "plan_single",
    "plan_train",
    "untrained",
]

DOCUMENTS = 8
"""Files of a product that are no arrays: root metadata, plan, inputs, problems, provenance, ..."""
SEGMENT_FILES = 12
"""What finishing WAVEFORMS adds: the table of segments and the states."""
CATALOG_FILES = 60
"""Metadata and columns of a catalogue, and its tables."""
MODEL_FILES = 40
"""Weights, documents, TensorBoard's file and figures of a model."""
FIGURE_BYTES = 1_000_000


@dataclass(frozen=True)
class Where:
    """Workers of a profile; ``n_workers`` is None where only the scheduler knows."""

    name: str
    n_workers: int | None


@dataclass(frozen=True)
class StagePlan:
    """What a stage will take.

    Parameters
    ----------
    stage : str
        Its name.
    tasks, unit : int, str
        Number of tasks, and what one is.
    files : int
        Files it leaves, receipts and metadata included, at most.
    read_bytes, write_bytes : int
        Bytes it moves; written ones about at most.
    memory_bytes : int or None
        Of a worker; None where not known.
    cpu_s : float or None
        CPU seconds of one core in all; None where no rate is known.
    on_gpu : bool
        Whether it is asked to run on a GPU, whose rates nobody has measured.
    wall_s : float or None
        On the workers of the profile.
    sources : tuple of str
        Each rate that was used, with its benchmark.
    """

    stage: str
    tasks: int
    unit: str
    files: int
    read_bytes: int
    write_bytes: int
    memory_bytes: int | None
    cpu_s: float | None
    on_gpu: bool
    wall_s: float | None
    sources: tuple[str, ...]


@dataclass(frozen=True)
class _Part:
    """A piece of work of a stage: how much of it, in how many tasks that can run side by side."""

    work: str
    amount: float
    n_tasks: int
    rate_hz: float


def plan_ingest(plan: IngestPlan, records: Records, rates: Rates, where: Where) -> StagePlan:
    """Plan the ingest of an archive that was scanned, or made up."""
    n_files = files_of(plan.arrays, len(plan.tasks)) + SEGMENT_FILES
    part = _Part("ingest", records.station_days, len(plan.tasks), records.rate_hz)
    return _stage("ingest", plan.needs, n_files, (part,), rates, where)


def plan_label(config: LabelConfig, records: Records, rates: Rates, where: Where) -> StagePlan:
    """Plan the labels of the records, or of the part that is asked for."""
    p = label_stage.lay_out(config, records.select(config))
    arrays = label_arrays(p.product, p.selection.stations, p.selection.places)
    days = len(p.selection.rows) * p.product.n_seconds / 86_400
    part = _Part(f"label {config.method}", days, len(p.tasks), records.rate_hz)
    n_files, on_gpu = files_of(arrays, len(p.tasks)), config.device == "cuda"
    return _stage("label", p.needs, n_files, (part,), rates, where, on_gpu=on_gpu)


def plan_assemble(
    config: AssembleConfig, records: Records, n_examples: int, rates: Rates, where: Where
) -> StagePlan:
    """Plan a set of `n_examples`, all classes and splits: the scan, and cutting them out."""
    selection = records.select(config)
    days = len(selection.rows) * selection.span.duration_s / 86_400
    n_scans = math.ceil(len(selection.rows) / selection.block(None)) * math.ceil(
        selection.span.duration_s / 86_400
    )
    plan = needs_of_examples(config, n_examples, int(records.rate_hz))
    n_arrivals = 0.0 if config.arrivals is None else n_examples / 3 / config.per_arrival
    parts = (
        _Part("assemble scan", days, n_scans, records.rate_hz),
        _Part("assemble arrivals", n_arrivals, n_scans, records.rate_hz),
        _Part("assemble cut", n_examples, len(plan.tasks), records.rate_hz),
    )
    columns = 10 * (1 + math.ceil(n_examples / COLUMN_CHUNK)) + 2
    n_files = 3 * len(plan.tasks) + columns + DOCUMENTS
    return _stage("assemble", plan, n_files, parts, rates, where)


def plan_train(
    config: TrainConfig,
    records: Records,
    split: AssembleConfig,
    n_examples: int,
    rates: Rates,
) -> StagePlan:
    """Plan a training on the share of `n_examples` that its split gives; all epochs are counted.

    It runs where the command runs, one core a rank: with more cores it is faster.
    """
    share = split.train * (1 - split.held if split.split == "grouped" else 1.0)
    seen = n_examples * share * config.epochs
    example_bytes = 4 * n_samples_of(split, int(records.rate_hz))
    held = example_bytes * SHARD * (1 + 3 * config.shards_together)
    plan = TaskPlan(
        tasks=("training",),
        unit="training",
        memory_bytes=label_stage.PROCESS_BYTES + label_stage.TORCH_BYTES + held,
        read_bytes=round(seen * example_bytes),
        write_bytes=MODEL_FILES * FIGURE_BYTES,
        n_files=MODEL_FILES,
    )
    part = _Part(f"train {config.network}", seen, config.ranks, config.rate or records.rate_hz)
    here, on_gpu = Where("here", config.ranks), config.device == "cuda"
    return _stage("train", plan, MODEL_FILES, (part,), rates, here, on_gpu=on_gpu)


def plan_infer(
    config: InferConfig,
    model: tuple[str, Model | None],
    records: Records,
    rates: Rates,
    where: Where,
) -> StagePlan:
    """Plan the scores of a network.

    Parameters
    ----------
    config : InferConfig
        Which part of the records, and how.
    model : str and Model
        Name of its network, and the model; None of a forest that is not grown yet, of which no
        memory is known.
    records : Records
        What is there.
    rates : Rates
        What was measured.
    where : Where
        Workers.
    """
    network, loaded = model
    usual = TrainConfig.build({"wavelets": "wavelets.zarr", "model": "model"})
    shape = loaded or untrained("compact", usual, int(records.rate_hz))
    plan = lay_out_infer(config, records.select(config), shape)
    stations, places = plan.selection.stations, plan.selection.places
    arrays = score_arrays(plan.product, stations, places, shape.classes)
    days = len(stations) * plan.product.n_seconds / 86_400
    part = _Part(f"infer {network}", days, len(plan.tasks), records.rate_hz)
    n_files, on_gpu = files_of(arrays, len(plan.tasks)), config.device == "cuda"
    made = _stage("infer", plan.needs, n_files, (part,), rates, where, on_gpu=on_gpu)
    return made if loaded else replace(made, memory_bytes=None)


def untrained(network: str, config: TrainConfig, rate_hz: int) -> Model:
    """Return a network with fresh weights: as large, and as fast, as one that was trained."""
    front_end = FrontEndConfig(
        rate_hz, low_hz=config.low_hz, high_hz=config.high_hz, frame_s=config.frame_s
    )
    classifier = build_classifier(network, front_end).eval()
    return Model(classifier, model_document(classifier))


def plan_detect(config: DetectConfig, records: Records, rates: Rates, where: Where) -> StagePlan:
    """Plan the search of all hours; an array without coordinates is taken for a point.

    Every task is counted as if it read its whole UTC day, as the first of a day in each worker
    does: on many workers nearly all of them are.
    """
    selection = records.select(config)
    x, y = local_xy_m(
        [place.longitude for place in selection.places],
        [place.latitude for place in selection.places],
    )
    known = np.isfinite(x) & np.isfinite(y)
    aperture_m = float(np.hypot(np.ptp(x[known]), np.ptp(y[known]))) if known.any() else 0.0
    moveout_s = config.moveout_s
    if moveout_s is None:
        moveout_s = aperture_m / config.slowest_velocity_m_s
    window_s = 1 + JITTER_S + math.ceil(moveout_s)
    rows = selection.rows
    array = Array(selection.stations, rows, rows, selection.places, window_s, moveout_s)
    source = records.product
    job = Job(config, "", source, source, array, 0.5)
    tasks = tuple(hour_tasks(source, selection.span))
    plan = needs_of_hours(job, tasks)
    hours = len(rows) * len(tasks)
    part = _Part("detect", hours, len(tasks), records.rate_hz)
    days = math.ceil(selection.span.duration_s / 86_400)
    n_files = CATALOG_FILES + len(tasks) + plan.n_files + 3 * days + config.figures
    plan = replace(plan, write_bytes=plan.write_bytes + config.figures * FIGURE_BYTES)
    return _stage("detect", plan, n_files, (part,), rates, where)


def plan_single(
    stage: str, records: Records, rates: Rates, *, baselines: bool = False
) -> StagePlan:
    """Plan compare or report, which run in the command itself, on one core."""
    parts = (_Part("compare baselines", records.station_days, 1, records.rate_hz),)
    n_bytes = 4 * records.n_samples if baselines else 0
    plan = TaskPlan((stage,), "file", 0, n_bytes, FIGURE_BYTES, 1)
    made = _stage(stage, plan, 1, parts if baselines else (), rates, Where("here", 1))
    return replace(made, memory_bytes=None)


def files_of(arrays: Iterable[ArraySpec], n_tasks: int) -> int:
    """Return the files of a product, at most: shards, metadata and receipts.

    Shards that hold nothing but the fill value are not written, so that there may be fewer.
    """
    return sum(1 + _n_shards(spec) for spec in arrays) + n_tasks + DOCUMENTS


def _n_shards(spec: ArraySpec) -> int:
    sizes = spec.shards or spec.chunks or tuple(max(1, n) for n in spec.shape)
    return math.prod(math.ceil(n / size) for n, size in zip(spec.shape, sizes, strict=True))


def _stage(
    stage: str,
    plan: TaskPlan,
    n_files: int,
    parts: Sequence[_Part],
    rates: Rates,
    where: Where,
    *,
    on_gpu: bool = False,
) -> StagePlan:
    """Put amounts and rates together."""
    found = [rates.get(part.work, part.rate_hz) for part in parts]
    cpu = [part.amount * rate[0] for part, rate in zip(parts, found, strict=True) if rate]
    is_known = bool(parts) and len(cpu) == len(parts) and not on_gpu
    wall_s = None
    if is_known and where.n_workers is not None:
        wall_s = sum(
            math.ceil(part.n_tasks / where.n_workers) * cpu_s / part.n_tasks
            for part, cpu_s in zip(parts, cpu, strict=True)
        )
    return StagePlan(
        stage=stage,
        tasks=len(plan.tasks),
        unit=plan.unit,
        files=n_files,
        read_bytes=plan.read_bytes,
        write_bytes=plan.write_bytes,
        memory_bytes=plan.memory_bytes,
        cpu_s=sum(cpu) if is_known else None,
        on_gpu=on_gpu,
        wall_s=wall_s,
        sources=tuple(rate[1] for rate in found if rate) if is_known else (),
    )
