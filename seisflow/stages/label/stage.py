"""The label stage: every second of every station labelled, one station-hour at a time.

Invariants: an hour is a UTC clock hour and is always labelled whole; its filter starts at the
same sample (the warm-up before the hour) however the work is cut. So no label depends on tasks,
workers, station blocks or the time asked for.
"""

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

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
from seisflow.archive.store import consolidate, create_product, sweep_partial, write_shards
from seisflow.archive.work import Done, Progress, refuse_other
from seisflow.core.classes import Label as Code
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_S, NS_PER_S, format_time
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.devices import resolve_device
from seisflow.engine.stage import Plan, Runner, Stage
from seisflow.errors import DataError
from seisflow.stages.label.config import LabelConfig
from seisflow.stages.label.layout import FEATURES, Block, label_arrays
from seisflow.stages.label.method import CalibratedParameters, HourLabels
from seisflow.stages.label.record import HourRecord, label_record

__all__ = ["Label", "LabelPlan", "class_shares", "lay_out"]

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


@dataclass(frozen=True, kw_only=True)
class LabelPlan(Plan[BlockTask]):
    """LABELS to be made of a part of WAVEFORMS."""

    selection: Selection


@dataclass(frozen=True)
class Job:
    """What every task of one label run shares."""

    waveforms: AnyPath
    output: AnyPath
    source: Product
    product: Product
    config: LabelConfig


class Label(Stage[LabelConfig, BlockTask, LabelPlan]):
    """WAVEFORMS become LABELS, a block of stations and a day at a time."""

    name = "label"
    Config = LabelConfig
    reads, writes = ("WAVEFORMS",), "LABELS"

    @property
    def output(self) -> AnyPath:
        """LABELS."""
        return self.config.labels

    def check(self) -> None:
        """Refuse what cannot be labelled, and other labels under that name."""
        self.refuse_other(self.plan())

    def plan(self, runner: Runner | None = None, reporter: Reporter = SILENT) -> LabelPlan:
        """Lay out LABELS.

        Raises
        ------
        ConfigError
            No station or no time is selected, or there are no such WAVEFORMS or no such device.
        DataError
            The rate is not a whole number of at least 10 Hz.
        IncompleteError
            Some of the waveforms are not ingested yet.
        """
        return lay_out(self.config, select_part(self.config, self.config.waveforms))

    def refuse_other(self, plan: LabelPlan) -> bool:
        """Tell whether these LABELS stand already; where only the method differs, name its option.

        Raises
        ------
        ConfigError
            Something else stands there.
        """
        return refuse_other(self.output, plan.identity, options=("method",))

    def create(self, plan: LabelPlan) -> None:
        """Make the empty product, or find it.

        Raises
        ------
        ConfigError
            Something else stands there.
        """
        if not self.refuse_other(plan):
            selection = plan.selection
            arrays = tuple(label_arrays(plan.product, selection.stations, selection.places))
            documents = documents_of(plan.needs) | source_document(selection.waveforms, self.output)
            title = "labels of every second"
            create_product(self.output, plan.product, arrays, title, documents)
        refuse_other_block(self.output, plan.product)

    @staticmethod
    def run(job: Job, task: BlockTask) -> Done:
        """Label a block of stations over one shard of time, and write its shards.

        A station-hour that cannot be read or labelled is marked failed with its reason; the others
        go on.
        """
        device = resolve_device(job.config.device)
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
        counts = {code.name.lower(): int((labels == code).sum()) for code in Code}
        read = int(job.product.rate) * labels.size
        return Done(counts, (), tuple(failures), read, written)

    def finish(self, plan: LabelPlan) -> None:
        """Mark what was set aside as failed on the disk, then consolidate.

        Tasks that have not run stay not_run; a later run fills both.
        """
        for task in set_aside(self.work(plan)):
            block = Block.empty(plan.product, len(task.rows), task.stop_s - task.start_s)
            block.fail(slice(None), slice(None))
            _write(self.output, task, block)
        sweep_partial(self.output)
        consolidate(self.output)

    def summary(self, plan: LabelPlan, progress: Progress) -> dict[str, Any]:
        """Return stations, span, and the seconds of each class."""
        return {
            "stations": len(plan.selection.stations),
            "span": str(plan.product.span),
            **class_shares(progress),
        }


def lay_out(config: LabelConfig, selection: Selection) -> LabelPlan:
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
    size = selection.block(config.block)
    product = Product(identity, selection.span, source.rate, selection.shard_s, size)
    tasks = tuple(block_tasks(product, selection))
    return LabelPlan(
        product=product,
        tasks=tasks,
        job=Job(waveforms, config.labels, source, product, config),
        needs=replace(_needs(config, product, tasks), notes=selection.notes),
        selection=selection,
    )


def _needs(config: LabelConfig, product: Product, tasks: tuple[BlockTask, ...]) -> TaskPlan:
    rate = int(product.rate)
    n_record_s = HOUR_S + math.ceil(config.parameters.warm_up_s)
    record = n_record_s * rate * RECORD_BYTES_PER_SAMPLE
    block = product.block * product.shard_s * 20
    process = PROCESS_BYTES + (0 if config.device == "cpu" else TORCH_BYTES)
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


def class_shares(progress: Progress) -> dict[str, str]:
    """Return the seconds of each class; shares of the seconds that have one."""
    counts = {c: progress.counts.get(c.name.lower(), 0) for c in Code}
    classes = (Code.RANDOM_NOISE, Code.MIXED, Code.NOT_RANDOM_NOISE)
    labelled = sum(counts[c] for c in classes) or 1
    return {
        c.name.lower(): f"{n} s" + (f", {n / labelled:.1%} of labelled" if c in classes else "")
        for c, n in counts.items()
        if n or c in classes
    }
