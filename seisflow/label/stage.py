"""The label stage: every second of every station labelled, one station-hour at a time.

Invariants: an hour is a UTC clock hour and is always labelled whole; its filter starts at the
same sample (the warm-up before the hour) however the work is cut. So no label depends on tasks,
workers, station blocks or the time asked for.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import (
    Field,
    TypeAdapter,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from seisflow.archive.blocks import (
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
    read_product,
    sweep_partial,
    write_shards,
)
from seisflow.archive.work import Done, Work, refuse_other
from seisflow.core.classes import Label
from seisflow.core.config import SelectingConfig
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_S, NS_PER_S, format_time
from seisflow.errors import DataError
from seisflow.label.devices import resolve_device
from seisflow.label.layout import FEATURES, Block, label_arrays
from seisflow.label.method import (
    DEFAULT_METHOD,
    METHODS,
    CalibratedParameters,
    HourLabels,
    Parameters,
)
from seisflow.label.record import HourRecord, label_record

__all__ = ["LabelConfig", "finish", "lay_out", "plan", "prepare", "refuse_another", "run"]

PROCESS_BYTES = 350_000_000
"""A worker with its libraries and what compiling leaves behind."""
TORCH_BYTES = 500_000_000
"""What torch adds where it is asked for: 180 MB seen on a CPU; that of CUDA is an estimate."""
MATRICES = 1.6
"""Matrices of correlations held at once: one, and parts of others."""
SCORE_BYTES = 6000
"""Scores of one window and what they are made from, of the calibrated method."""
FLATTENED_BYTES_PER_SAMPLE = 40
"""Samples and spectra behind the filter of the calibrated method, measured likewise."""
RECORD_BYTES_PER_SAMPLE = 55
"""Samples, masks, windows and spectra of an hour, measured at 100, 500 and 1000 Hz."""


class LabelConfig(SelectingConfig):
    """How to label.

    Parameters
    ----------
    method : str
        ``calibrated``, the default: ours, classes as rates under a null fitted to the noise of
        each hour; ``reference``: the published procedure (Meng, Ben-Zion & Johnson 2019).
    start, end : str, optional
        First time and first time not wanted any more, ISO 8601 UTC; widened to whole UTC hours,
        because an hour is labelled as a whole.
    select : tuple of str
        Globs of NET.STA.LOC.CHA; all stations by default.
    precision : str
        Type of the cross-correlations, ``float32`` or ``float64``.
    clip_counts : float, optional
        Counts from which a sample is clipped; by default the rails of 24 and 32 bit recorders.
    parameters : ReferenceParameters or CalibratedParameters
        Every number of the method; its defaults where left out.
    """

    method: str = DEFAULT_METHOD
    precision: Literal["float32", "float64"] = "float32"
    clip_counts: float | None = Field(default=None, gt=0)
    parameters: Parameters = Field(default=None, validate_default=True)

    @field_validator("method")
    @classmethod
    def _is_method(cls, value: str) -> str:
        if value not in METHODS:
            raise ValueError(f"allowed: {', '.join(METHODS)}")
        return value

    @field_validator("parameters", mode="wrap")
    @classmethod
    def _are_of_the_method(cls, value: Any, _: Any, info: ValidationInfo) -> Parameters:
        kind = METHODS[info.data.get("method", DEFAULT_METHOD)]
        found = _numbers(kind, {} if value is None else value)
        if found.window_s != 1:
            raise ValueError("window_s must be 1: LABELS has one label for each second")
        return found


def _numbers(kind: type[Parameters], value: Any) -> Parameters:
    """Make the parameters of a method from a mapping, or take them as they are."""
    if isinstance(value, Mapping):
        allowed = [field.name for field in fields(kind)]
        unknown = sorted(value.keys() - set(allowed))
        if unknown:
            names = ", ".join(unknown)
            raise ValueError(f"{kind.__name__} has no {names}; allowed: {', '.join(allowed)}")
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        said = (
            f"{'.'.join(map(str, e['loc']))} {e['msg'].removeprefix('Value error, ')}".strip()
            for e in error.errors()
        )
        raise ValueError("; ".join(said)) from error


@dataclass(frozen=True)
class Preparation:
    """All that planning found out before anything is written."""

    selection: Selection
    product: Product
    tasks: tuple[BlockTask, ...]
    plan: TaskPlan
    device: str


@dataclass(frozen=True)
class Job:
    """What every task of one label run shares."""

    waveforms: AnyPath
    output: AnyPath
    source: Product
    product: Product
    config: LabelConfig
    device: str


def prepare(
    config: LabelConfig, waveforms: AnyPath, block: int | None = None, device: str = "cpu"
) -> Preparation:
    """Lay out LABELS for a part of WAVEFORMS; writes nothing.

    Parameters
    ----------
    config : LabelConfig
        How to label.
    waveforms : Path
        A complete WAVEFORMS product.
    block : int, optional
        Stations of one task and shard; by default so many that there are at least 64 blocks,
        between 1 and 16. It changes the layout, never a label.
    device : str
        Where workers correlate: cpu, cuda or auto. It is no part of the product's identity: what
        was begun on one device can be resumed on another. Labels agree but for ties at a
        threshold, features to 1e-6.

    Raises
    ------
    ConfigError
        No station or no time is selected, or `waveforms` is no such product.
    DataError
        The rate is not a whole number of at least 10 Hz.
    IncompleteError
        Some of `waveforms` is not ingested yet.
    """
    return lay_out(config, select_part(config, waveforms), block, device)


def lay_out(
    config: LabelConfig, selection: Selection, block: int | None = None, device: str = "cpu"
) -> Preparation:
    """Lay out LABELS for a part of WAVEFORMS that need not be there yet.

    Raises
    ------
    DataError
        The rate is not a whole number of at least 10 Hz.
    """
    source, stations, waveforms = selection.source, selection.stations, selection.waveforms
    if source.rate.denominator != 1 or source.rate < 10:
        raise DataError(
            f"{waveforms} is sampled at {float(source.rate):g} Hz; labelling cuts windows of 1 s, "
            "so it needs a whole number of samples per second, at least 10"
        )
    identity = Identity(
        "LABELS",
        "label",
        config.resolved() | {"stations": list(stations)},
        {"waveforms": source.identity.key},
        FORMAT_VERSIONS["LABELS"],
        RESULT_VERSIONS["label"],
    )
    shard_s, size = selection.shard_s, selection.block(block)
    product = Product(identity, selection.span, source.rate, shard_s, size)
    tasks = tuple(block_tasks(product, selection))
    work_plan = replace(_plan(config, product, tasks, device), notes=selection.notes)
    return Preparation(selection, product, tasks, work_plan, device)


def _plan(
    config: LabelConfig, product: Product, tasks: tuple[BlockTask, ...], device: str
) -> TaskPlan:
    rate = int(product.rate)
    n_record_s = HOUR_S + math.ceil(config.parameters.warm_up_s)
    record = n_record_s * rate * RECORD_BYTES_PER_SAMPLE
    block = product.block * product.shard_s * 20
    process = PROCESS_BYTES + (0 if device == "cpu" else TORCH_BYTES)
    n_station_s = sum(len(t.rows) * (t.stop_s - t.start_s) for t in tasks)
    return TaskPlan(
        tasks=tuple(t.name for t in tasks),
        unit=task_unit(product),
        memory_bytes=process + _method_bytes(config, rate) + record + block,
        read_bytes=n_station_s * rate * 2,
        write_bytes=n_station_s * 12,
        n_files=(5 + len(FEATURES[config.method])) * len(tasks),
    )


def _method_bytes(config: LabelConfig, rate: int) -> int:
    """Correlations of an hour, and what is measured on every window."""
    itemsize = np.dtype(config.precision).itemsize
    if isinstance(config.parameters, CalibratedParameters):
        window = SCORE_BYTES + FLATTENED_BYTES_PER_SAMPLE * rate
        return HOUR_S * (itemsize * config.parameters.n_templates + window)
    return int(MATRICES * itemsize * HOUR_S * HOUR_S)


def refuse_another(output: AnyPath, identity: Identity) -> bool:
    """Tell whether these LABELS stand at `output` already; refuse others.

    Raises
    ------
    ConfigError
        Something else stands there; if only the method differs, the error names its option.
    """
    return refuse_other(output, identity, options=("method",))


def plan(config: LabelConfig, output: AnyPath, preparation: Preparation) -> Work[BlockTask]:
    """Create the empty product, or resume the one that is there.

    Raises
    ------
    ConfigError
        Something else stands at `output`.
    """
    p = preparation
    if not refuse_another(output, p.product.identity):
        arrays = tuple(label_arrays(p.product, p.selection.stations, p.selection.places))
        documents = documents_of(p.plan) | source_document(p.selection.waveforms, output)
        create_product(output, p.product, arrays, "labels of every second", documents)
    refuse_other_block(output, p.product)
    selection = p.selection
    job = Job(selection.waveforms, output, selection.source, p.product, config, p.device)
    return Work(output, p.product.identity.key, p.tasks, partial(run, job), p.plan)


def run(job: Job, task: BlockTask) -> Done:
    """Label a block of stations over one shard of time, and write its shards.

    A station-hour that cannot be read or labelled is marked failed with its reason; the others
    go on.
    """
    device = resolve_device(job.device)
    block = Block.empty(job.product, len(task.rows), task.stop_s - task.start_s)
    failures: list[str] = []
    for i, row in enumerate(task.rows):
        for hour in range((task.stop_s - task.start_s) // HOUR_S):
            start_s = task.start_s + hour * HOUR_S
            try:
                block.put(i, hour, *_label(job.config, _read_hour(job, row, start_s), device))
            except Exception as error:  # noqa: BLE001 - one bad hour never stops the others
                block.fail(i, slice(hour * HOUR_S, (hour + 1) * HOUR_S))
                time = format_time(job.product.span.start_ns + start_s * NS_PER_S)
                failures.append(f"row {row}, hour {time}: {type(error).__name__}: {error}")
    written = _write(job.output, task, block)
    labels = block.arrays["label"]
    counts = {label.name.lower(): int((labels == label).sum()) for label in Label}
    read = int(job.product.rate) * labels.size
    return Done(counts, (), tuple(failures), read, written)


def _read_hour(job: Job, row: int, start_s: int) -> HourRecord:
    """Read one hour and the warm-up before it, as far as it exists."""
    ahead_s = start_s + (job.product.span.start_ns - job.source.span.start_ns) // NS_PER_S
    first_s = max(0, ahead_s - math.ceil(job.config.parameters.warm_up_s))
    record = read_record(job.waveforms, job.source, row, first_s, ahead_s + HOUR_S)
    coverage = record.coverage[ahead_s - first_s :]
    return HourRecord(record.samples, record.filled, coverage, int(job.source.rate))


def _label(
    config: LabelConfig, record: HourRecord, device: str
) -> tuple[HourLabels, npt.NDArray[np.uint8]]:
    return label_record(
        record,
        method=config.method,
        precision=config.precision,
        clip_counts=config.clip_counts,
        parameters=config.parameters,
        device=device,
    )


def _write(output: AnyPath, task: BlockTask, block: Block) -> int:
    written = 0
    for name, values in block.arrays.items():
        per_hour = name in ("undetermined_reason", "n_rn", "mean_rn_spectrum")
        start = task.start_s // HOUR_S if per_hour else task.start_s
        written += write_shards(output, name, (task.first, start), values)
    return written


def finish(work: Work[BlockTask]) -> None:
    """Mark what was set aside as failed on the disk, then consolidate.

    Tasks that have not run stay not_run; a later run fills both.
    """
    product = read_product(work.path, "LABELS")
    for task in set_aside(work):
        block = Block.empty(product, len(task.rows), task.stop_s - task.start_s)
        block.fail(slice(None), slice(None))
        _write(work.path, task, block)
    sweep_partial(work.path)
    consolidate(work.path)
