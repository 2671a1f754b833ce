"""The infer stage: probabilities for every second of every station, one station-hour at a time.

Invariants: an hour is a UTC clock hour and is always classified whole, with the same margins
before and behind it however the work is cut. So no probability depends on tasks, workers, station
blocks or the time asked for.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache, partial
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from seisflow.archive.blocks import MODEL, BlockTask, Selection, read_record, select_part
from seisflow.archive.products import ArraySpec, Product
from seisflow.archive.work import Done, Progress
from seisflow.core.classes import ScoreState, WaveletClass
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_S
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.blocks import BlockJob, BlockPlan, BlockStage, do_hours, needs_of
from seisflow.engine.devices import resolve_device
from seisflow.engine.stage import Runner
from seisflow.errors import DataError
from seisflow.stages.infer.config import InferConfig
from seisflow.stages.infer.layout import Block, score_arrays
from seisflow.stages.infer.record import classify_seconds, margins_s
from seisflow.stages.infer.scoring import Scorer
from seisflow.stages.learn.artifact import load_model
from seisflow.stages.learn.model import CLASSES, Model
from seisflow.stages.learn.sources import lower_rate

__all__ = ["Infer", "InferPlan", "lay_out"]

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


@dataclass(frozen=True, kw_only=True)
class InferPlan(BlockPlan):
    """SCORES to be made of a part of WAVEFORMS; `document` is that of the model."""

    document: dict[str, Any]


class Infer(BlockStage[InferConfig, InferPlan]):
    """WAVEFORMS and a MODEL become SCORES, a block of stations and a day at a time."""

    name = "infer"
    Config = InferConfig
    reads, writes = ("WAVEFORMS", "MODEL"), "SCORES"
    title = "class probabilities of every second"

    @property
    def output(self) -> AnyPath:
        """SCORES."""
        return self.config.scores

    def plan(self, runner: Runner | None = None, reporter: Reporter = SILENT) -> InferPlan:
        """Lay out SCORES.

        Raises
        ------
        ConfigError
            No station or no time is selected, there is no such product or model, or the model is
            for a higher rate or other classes, or the rate of the waveforms is no whole number.
        DataError
            The model was damaged.
        IncompleteError
            Some of the waveforms are not ingested yet.
        """
        selection = select_part(self.config, self.config.waveforms)
        return lay_out(self.config, selection, load_model(self.config.model))

    def arrays(self, plan: InferPlan) -> Iterator[ArraySpec]:
        """Return all arrays of empty SCORES."""
        stations, places = plan.selection.stations, plan.selection.places
        return score_arrays(plan.product, stations, places, plan.document["classes"])

    def documents(self, plan: InferPlan) -> dict[str, Any]:
        """Return the document of the model, whose thresholds detect needs."""
        return {MODEL: plan.document}

    @staticmethod
    def shards(product: Product, task: BlockTask) -> Block:
        """Return the scores of a task before it has run."""
        return Block(len(task.rows), task.n_seconds, len(CLASSES))

    @staticmethod
    def run(job: BlockJob[InferConfig], task: BlockTask) -> Done:
        """Classify a block of stations over one shard of time, and write its shards."""
        key = job.product.identity.inputs["model"]
        scorer = _scorer_of_worker(job.config, key, job.source.rate)
        classify = partial(_classify, job, scorer)
        return do_hours(job, task, Infer.shards(job.product, task), classify)

    @staticmethod
    def shares(progress: Progress) -> dict[str, str]:
        """Return the seconds by state, for which each class is most probable, and the speed."""
        ready = progress.counts.get("ready", 0)
        rows = {}
        for wavelet_class in WaveletClass:
            name = wavelet_class.name.lower()
            n = progress.counts.get(name, 0)
            rows[f"{name} most probable"] = f"{n} s, {n / (ready or 1):.2%} of classified"
        for code in ScoreState:
            n = progress.counts.get(code.name.lower(), 0)
            if n or code is ScoreState.READY:
                rows[code.name.lower()] = f"{n} s"
        rate = ready / progress.cpu_s if progress.cpu_s else 0.0
        rows["speed"] = f"{rate:.0f} s of record per CPU-second"
        return rows


def lay_out(config: InferConfig, selection: Selection, model: Model) -> InferPlan:
    """Lay out SCORES of a model for a part of WAVEFORMS that need not be there yet.

    Raises
    ------
    ConfigError
        The model cannot classify records of this rate.
    """
    product, tasks = Infer.cut(config, selection, config.block, {"model": model.key})
    source, waveforms = selection.source, selection.waveforms
    return InferPlan(
        product=product,
        tasks=tasks,
        job=BlockJob(waveforms, config.scores, source, product, config),
        needs=needs_of(
            product,
            tasks,
            memory_bytes=_memory_bytes(config, model, product),
            n_arrays=2,
            notes=(*selection.notes, *_notes(config, model, product)),
        ),
        selection=selection,
        document=model.document,
    )


def _notes(config: InferConfig, model: Model, product: Product) -> Iterator[str]:
    """Say so where records are not taken at the model's rate."""
    rate_hz, scale = float(product.rate), config.time_scale
    if scale > 1:
        yield (
            f"records of {rate_hz:g} samples/s are read {scale} times slower: a second has {scale} "
            "windows, and so up to as many times the false positives"
        )
    if rate_hz != scale * model.rate_hz:
        yield (
            f"records of {rate_hz:g} samples/s are resampled to the {model.rate_hz} of the model"
            + (f" times {scale}" if scale > 1 else "")
        )
    if rate_hz < model.rate_hz:
        yield lower_rate(str(config.waveforms), rate_hz, model.rate_hz)


def _memory_bytes(config: InferConfig, model: Model, product: Product) -> int:
    """Return what a worker needs for the model, an hour, and the scores of a task."""
    scorer, rate = _scorer(model, config, product.rate, "cpu"), int(product.rate)
    n_record_s = HOUR_S + sum(margins_s(scorer, rate))
    n_values = int(np.prod(scorer.shape))
    process = PROCESS_BYTES + (0 if config.device == "cpu" else CUDA_BYTES)
    held = n_record_s * rate * RECORD_BYTES_PER_SAMPLE
    held += product.block * product.shard_s * 2 * (4 * scorer.n_classes + 1)
    batch = 0 if scorer.goes_along else config.batch * n_values * BATCH_BYTES_PER_VALUE
    return process + held + batch + round(WEIGHTS_READ * scorer.weight_bytes)


def _classify(
    job: BlockJob[InferConfig], scorer: Scorer, row: int, start_s: int
) -> npt.NDArray[np.float32]:
    """Read an hour of a station, with the margins of the model, and classify its seconds."""
    rate = int(job.source.rate)
    before, behind = margins_s(scorer, rate)
    first = start_s + job.offset_s
    record = read_record(job.waveforms, job.source, row, first - before, first + HOUR_S + behind)
    return classify_seconds(scorer, record, rate)


@lru_cache(maxsize=1)
def _scorer_of_worker(config: InferConfig, key: str, rate_hz: Fraction) -> Scorer:
    """Load the model once in each worker.

    Raises
    ------
    DataError
        Another model stands there by now.
    """
    loaded = load_model(config.model)
    if loaded.key != key:
        raise DataError(
            f"{config.model} is another model by now (key {loaded.key}, asked {key}); put the "
            "first one back, or give another output"
        )
    return _scorer(loaded, config, rate_hz, resolve_device(config.device))


def _scorer(model: Model, config: InferConfig, rate_hz: Fraction, device: str) -> Scorer:
    if device == "cpu":
        torch.set_num_threads(1)  # one task, one thread
    return Scorer(
        model,
        rate_hz=rate_hz,
        time_scale=config.time_scale,
        device=device,
        precision=config.precision,
        batch=config.batch,
    )
