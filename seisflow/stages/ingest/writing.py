"""One task of an ingest: the samples of a station and a day, decoded and written."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby

import numpy as np
import numpy.typing as npt

from seisflow.archive.store import write_shards
from seisflow.archive.work import Done
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_S
from seisflow.dsp.quality import clipped_samples, constant_run_samples, constant_samples
from seisflow.stages.ingest.assembling import Shard, coverage_of
from seisflow.stages.ingest.filling import Filling
from seisflow.stages.ingest.placing import Placement

__all__ = ["IngestTask", "Job", "write_shard"]


@dataclass(frozen=True)
class Job:
    """What every task of one ingest shares."""

    output: AnyPath
    rate: Fraction
    dtype: str


@dataclass(frozen=True)
class IngestTask:
    """One station and one shard of time.

    ``start`` and ``stop`` bound the shard on the grid; samples outside ``first`` to ``last``
    (exclusive) were not asked for. ``station_s`` is the length of the shard in seconds.
    """

    name: str
    station: int
    start: int
    stop: int
    first: int
    last: int
    station_s: float
    placements: tuple[Placement, ...]


def write_shard(job: Job, task: IngestTask) -> Done:
    """Do what `Ingest.run` says."""
    rate = job.rate
    shard = Shard.empty(task.start, task.stop - task.start, job.dtype)
    first, stop = max(task.start, task.first), min(task.stop, task.last)
    filling = Filling(shard, first, stop)
    for _, placements in groupby(task.placements, key=lambda p: p.found.path):
        filling.read_file(list(placements))
    segments = filling.segments
    problems = [str(p) for p in filling.problems]
    if shard.n_conflicting:
        problems.append(
            f"{task.name}: {shard.n_conflicting} samples differ where files overlap; the first kept"
        )
    coverage = coverage_of(shard, rate)
    _mark_unread(coverage, task, filling.unread, rate)
    first_second = int(task.start / rate)
    written = write_shards(job.output, "waveform", (task.station, task.start), shard.samples[None])
    written += write_shards(job.output, "coverage", (task.station, first_second), coverage[None])
    return Done(
        _counts(shard, coverage, segments, rate),
        tuple(problems),
        tuple(f"{path}: {error}" for path, error in filling.failures.items()),
        filling.read_bytes,
        written,
        {"station": task.station, "segments": segments},
    )


def _mark_unread(
    coverage: npt.NDArray[np.float32],
    task: IngestTask,
    unread: Sequence[Placement],
    rate: Fraction,
) -> None:
    """Set to NaN, not ingested, the seconds that lack samples of a file that could not be read."""
    for placement in unread:
        first = max(task.start, task.first, placement.index) - task.start
        stop = min(task.stop, task.last, placement.stop) - task.start
        here = coverage[int(first / rate) : int((stop - 1) / rate) + 1]
        here[here < 1] = np.nan


def _counts(
    shard: Shard, coverage: npt.NDArray[np.float32], segments: Sequence[object], rate: Fraction
) -> dict[str, int]:
    n_constant, n_clipped = _suspect_samples(shard, rate)
    return {
        "samples": int(shard.filled.sum()),
        "seconds_complete": int((coverage == 1).sum()),
        "seconds_partial": int(((coverage > 0) & (coverage < 1)).sum()),
        "seconds_without_data": int((coverage == 0).sum()),
        "segments": len(segments),
        "overlapping_samples": shard.n_overlapping,
        "conflicting_samples": shard.n_conflicting,
        "constant_samples": n_constant,
        "clipped_samples": n_clipped,
    }


def _suspect_samples(shard: Shard, rate: Fraction) -> tuple[int, int]:
    """Count constant and clipped samples, hour by hour as labelling judges them."""
    run = constant_run_samples(float(rate))
    n_constant = n_clipped = 0
    hour = int(HOUR_S * rate)
    for start in range(0, len(shard.samples), hour):
        samples, filled = shard.samples[start : start + hour], shard.filled[start : start + hour]
        if filled.any():
            constant = constant_samples(samples, filled, min_run_samples=run)
            recorded = filled & ~(constant & (samples == 0))
            n_constant += int(constant.sum())
            n_clipped += int(clipped_samples(samples, recorded).sum())
    return n_constant, n_clipped
