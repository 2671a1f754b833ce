"""The label stage: every second of every station labelled, one station-hour at a time.

Invariants: an hour is a UTC clock hour and is always labelled whole; its filter starts at the
same sample (the warm-up before the hour) however the work is cut. So no label depends on tasks,
workers, station blocks or the time asked for.
"""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np

from seisflow.archive.blocks import BlockTask, Selection, read_record, select_part
from seisflow.archive.products import ArraySpec, Product
from seisflow.archive.work import Done, Progress, refuse_other
from seisflow.core.classes import Label as Code
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_S
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.blocks import BlockJob, BlockPlan, BlockStage, do_hours, needs_of
from seisflow.engine.devices import resolve_device
from seisflow.engine.stage import Runner
from seisflow.errors import DataError
from seisflow.stages.label.config import LabelConfig
from seisflow.stages.label.layout import FEATURES, Block, Labelled, label_arrays
from seisflow.stages.label.method import CalibratedParameters
from seisflow.stages.label.record import HourRecord, label_record

__all__ = ["Label", "lay_out"]

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


class Label(BlockStage[LabelConfig, BlockPlan]):
    """WAVEFORMS become LABELS, a block of stations and a day at a time."""

    name = "label"
    Config = LabelConfig
    reads, writes = ("WAVEFORMS",), "LABELS"
    title = "labels of every second"

    @property
    def output(self) -> AnyPath:
        """LABELS."""
        return self.config.labels

    def plan(self, runner: Runner | None = None, reporter: Reporter = SILENT) -> BlockPlan:
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

    def refuse_other(self, plan: BlockPlan) -> bool:
        """Tell whether these LABELS stand already; where only the method differs, name its option.

        Raises
        ------
        ConfigError
            Something else stands there.
        """
        return refuse_other(self.output, plan.identity, options=("method",))

    def arrays(self, plan: BlockPlan) -> Iterator[ArraySpec]:
        """Return all arrays of empty LABELS."""
        return label_arrays(plan.product, plan.selection.stations, plan.selection.places)

    @staticmethod
    def shards(product: Product, task: BlockTask) -> Block:
        """Return the labels of a task before it has run."""
        return Block.empty(product, len(task.rows), task.n_seconds)

    @staticmethod
    def run(job: BlockJob[LabelConfig], task: BlockTask) -> Done:
        """Label a block of stations over one shard of time, and write its shards."""
        device = resolve_device(job.config.device)
        return do_hours(job, task, Label.shards(job.product, task), partial(_label, job, device))

    @staticmethod
    def shares(progress: Progress) -> dict[str, str]:
        """Return the seconds of each class; shares of the seconds that have one."""
        counts = {c: progress.counts.get(c.name.lower(), 0) for c in Code}
        classes = (Code.RANDOM_NOISE, Code.MIXED, Code.NOT_RANDOM_NOISE)
        labelled = sum(counts[c] for c in classes) or 1
        return {
            c.name.lower(): f"{n} s" + (f", {n / labelled:.1%} of labelled" if c in classes else "")
            for c, n in counts.items()
            if n or c in classes
        }


def lay_out(config: LabelConfig, selection: Selection) -> BlockPlan:
    """Lay out LABELS for a part of WAVEFORMS that need not be there yet.

    Raises
    ------
    DataError
        The rate is not a whole number of at least 10 Hz.
    """
    source, waveforms = selection.source, selection.waveforms
    if source.rate.denominator != 1 or source.rate < 10:
        raise DataError(
            f"{waveforms} is sampled at {float(source.rate):g} Hz; labelling cuts windows of 1 s, "
            "so it needs a whole number of samples per second, at least 10"
        )
    product, tasks = Label.cut(config, selection, config.block, {})
    return BlockPlan(
        product=product,
        tasks=tasks,
        job=BlockJob(waveforms, config.labels, source, product, config),
        needs=needs_of(
            product,
            tasks,
            memory_bytes=_memory_bytes(config, product),
            n_arrays=5 + len(FEATURES[config.method]),
            notes=selection.notes,
        ),
        selection=selection,
    )


def _memory_bytes(config: LabelConfig, product: Product) -> int:
    """Return what a worker needs for an hour and the labels of a task."""
    rate = int(product.rate)
    n_record_s = HOUR_S + math.ceil(config.parameters.warm_up_s)
    record = n_record_s * rate * RECORD_BYTES_PER_SAMPLE
    block = product.block * product.shard_s * 20
    process = PROCESS_BYTES + (0 if config.device == "cpu" else TORCH_BYTES)
    return process + _method_bytes(config, rate) + record + block


def _method_bytes(config: LabelConfig, rate: int) -> int:
    """Correlations of an hour, and what is measured on every window."""
    itemsize = np.dtype(config.precision).itemsize
    if isinstance(config.parameters, CalibratedParameters):
        window = SCORE_BYTES + FLATTENED_BYTES_PER_SAMPLE * rate
        return HOUR_S * (itemsize * config.parameters.n_templates + window)
    return int(MATRICES * itemsize * HOUR_S * HOUR_S)


def _label(job: BlockJob[LabelConfig], device: str, row: int, start_s: int) -> Labelled:
    """Read an hour of a station, with the warm-up before it, and label it."""
    config = job.config
    return label_record(
        _read_hour(job, row, start_s),
        method=config.method,
        precision=config.precision,
        clip_counts=config.clip_counts,
        parameters=config.parameters,
        device=device,
    )


def _read_hour(job: BlockJob[LabelConfig], row: int, start_s: int) -> HourRecord:
    """Read one hour and the warm-up before it, as far as it exists."""
    ahead_s = start_s + job.offset_s
    first_s = max(0, ahead_s - math.ceil(job.config.parameters.warm_up_s))
    record = read_record(job.waveforms, job.source, row, first_s, ahead_s + HOUR_S)
    coverage = record.coverage[ahead_s - first_s :]
    return HourRecord(record.samples, record.filled, coverage, int(job.source.rate))
