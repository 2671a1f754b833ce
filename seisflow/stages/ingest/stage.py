"""The ingest stage: plan from headers, write whole shards, finish with the table of segments."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt
from pydantic import Field

from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, ArraySpec, Identity, Product
from seisflow.archive.receipts import TaskPlan, documents_of, read_receipts
from seisflow.archive.store import (
    consolidate,
    create_product,
    read_product,
    sweep_partial,
    write_array,
    write_shards,
)
from seisflow.archive.work import Done, Work, progress_of, refuse_other
from seisflow.core.config import SelectingConfig, fingerprint
from seisflow.core.files import AnyPath, any_path
from seisflow.core.grid import DAY_NS, HOUR_S, NS_PER_S, Span, format_time, parse_time
from seisflow.core.stations import StationPattern, select_stations
from seisflow.core.wording import counted
from seisflow.dsp.quality import clipped_samples, constant_run_samples, constant_samples
from seisflow.formats.coordinates import CoordinateTable, read_coordinates
from seisflow.formats.listing import list_files
from seisflow.formats.pieces import FileScan
from seisflow.formats.readers import scan_file
from seisflow.stages.ingest.assembling import Shard, coverage_of
from seisflow.stages.ingest.filling import Filling
from seisflow.stages.ingest.inventory import (
    Inventory,
    Selection,
    choose_rate,
    take_inventory,
)
from seisflow.stages.ingest.layout import segment_arrays, state_array, waveform_arrays
from seisflow.stages.ingest.places import match_places
from seisflow.stages.ingest.placing import Placement, by_shard, place_station, product_span

__all__ = [
    "FileBatch",
    "IngestConfig",
    "IngestTask",
    "batches",
    "finish",
    "plan",
    "prepare",
    "run",
    "scan_batch",
]

FILES_PER_BATCH = 16
MOVED_NS = 1_000_000
"""Samples that lie so far from the grid are said."""
DTYPES = {"int16": "int32"}
PROCESS_BYTES = 250_000_000
"""Resident size of a worker that has imported everything, with its buffer for reading."""


class IngestConfig(SelectingConfig):
    """What to ingest.

    Parameters
    ----------
    raw : tuple of str
        Files, folders and globs.
    stations : str, optional
        CSV table or StationXML with coordinates; those in file headers are used where it has none.
    select : tuple of str
        Globs of NET.STA.LOC.CHA such as ``AZ.*.*.??Z``; all stations by default.
    rate : float, optional
        The one sampling rate of the product, in Hz; needed where the files have several.
    start, end : str, optional
        First time and first time not wanted any more, ISO 8601 UTC.
    """

    raw: tuple[str, ...] = Field(min_length=1)
    stations: str | None = None
    rate: float | None = Field(default=None, gt=0)

    def selection(self) -> Selection:
        """Return the part of the archive asked for."""
        if self.start and self.end:
            Span(parse_time(self.start), parse_time(self.end))
        return Selection(
            [StationPattern(s) for s in self.select],
            start_ns=parse_time(self.start) if self.start else None,
            end_ns=parse_time(self.end) if self.end else None,
        )


@dataclass(frozen=True)
class FileBatch:
    """A few files for one scan task."""

    name: str
    paths: tuple[AnyPath, ...]


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


def batches(config: IngestConfig) -> list[FileBatch]:
    """List the files and bundle them for the scan.

    Raises
    ------
    ConfigError
        An argument matches nothing.
    """
    paths = list_files(config.raw)
    cuts = range(0, len(paths), FILES_PER_BATCH)
    return [FileBatch(f"scan-{i}", tuple(paths[i : i + FILES_PER_BATCH])) for i in cuts]


def scan_batch(batch: FileBatch) -> list[FileScan]:
    """Read the headers of a few files; runs in a worker."""
    return [scan_file(path) for path in batch.paths]


@dataclass(frozen=True)
class Preparation:
    """All that planning found out before anything is written."""

    identity: Identity
    product: Product
    inventory: Inventory
    dtype: str
    inputs: dict[str, str]
    tasks: tuple[IngestTask, ...]
    arrays: tuple[ArraySpec, ...]
    plan: TaskPlan
    coordinates: str


def prepare(config: IngestConfig, scans: Iterable[FileScan]) -> Preparation:
    """Turn the scans of all files into the product's layout and its tasks; writes nothing.

    Raises
    ------
    DataError
        Nothing to ingest, several rates and none chosen, or a nearly empty span.
    """
    scans = list(scans)
    selection = config.selection()
    rate, inventory = choose_rate(take_inventory(scans, selection), config.rate)
    span = product_span(inventory, selection, rate)
    inputs = _inputs(scans)
    table, digest = coordinate_table(config)
    asked = config.resolved() | {"raw": None, "stations": digest}
    identity = Identity(
        "WAVEFORMS",
        "ingest",
        asked,
        {"files": fingerprint(inputs)},
        FORMAT_VERSIONS["WAVEFORMS"],
        RESULT_VERSIONS["ingest"],
    )
    shard_s = int(min(DAY_NS, span.end_ns - span.start_ns) // NS_PER_S)
    product = Product(identity, span, rate, shard_s, block=1)
    dtypes = {f.piece.dtype for pieces in inventory.found.values() for f in pieces}
    dtype = str(np.result_type(*[DTYPES.get(d, d) for d in dtypes]))
    tasks = tuple(_tasks(product, inventory, selection))
    places = match_places(table, inventory)
    arrays = tuple(waveform_arrays(product, places.of, dtype))
    notes = (*_idle_patterns(config, scans), *inventory.notes, *_moved(tasks), *places.notes)
    work_plan = replace(_task_plan(product, inventory, tasks, dtype), notes=notes)
    return Preparation(
        identity, product, inventory, dtype, inputs, tasks, arrays, work_plan, places.summary
    )


def _moved(tasks: Sequence[IngestTask]) -> Iterator[str]:
    """Say how far samples that fall between those of the grid are moved, where it is much."""
    far = {t.station: max(abs(p.offset_ns) for p in t.placements) for t in tasks if t.placements}
    moved = {station: ns for station, ns in far.items() if ns >= MOVED_NS}
    if moved:
        yield (
            f"{counted(len(moved), 'station')} sampled off the grid; samples are assigned to the "
            f"nearest grid point, at most {max(moved.values()) / 1e6:.3g} ms away (see "
            "segment_offset_ns)"
        )


def _idle_patterns(config: IngestConfig, scans: Sequence[FileScan]) -> tuple[str, ...]:
    """Name the patterns that select none of the stations found."""
    names = sorted({piece.station for scan in scans for piece in scan.pieces})
    return select_stations(names, config.select, "the archive").notes


def coordinate_table(config: IngestConfig) -> tuple[CoordinateTable | None, str | None]:
    """Read the table of stations asked for, and a digest of it.

    Raises
    ------
    ConfigError
        It cannot be read.
    """
    if config.stations is None:
        return None, None
    path = any_path(config.stations)
    return read_coordinates(path), fingerprint(path.read_bytes().hex())


def _inputs(scans: Sequence[FileScan]) -> dict[str, str]:
    """Describe every file by its path below the folder they share."""
    parts = [Path(s.path).parts for s in scans]
    depth = 0
    while all(len(p) > depth + 1 and p[depth] == parts[0][depth] for p in parts):
        depth += 1
    return {
        "/".join(p[depth:]): f"{s.size_bytes} bytes, modified {s.mtime_ns}, "
        f"{sum(piece.n_samples for piece in s.pieces)} samples"
        for p, s in zip(parts, scans, strict=True)
    }


def _tasks(product: Product, inventory: Inventory, selection: Selection) -> Iterator[IngestTask]:
    grid = product.grid
    first, last = 0, grid.n_samples
    if selection.start_ns is not None:
        first = max(first, grid.first_at_or_after(selection.start_ns))
    if selection.end_ns is not None:
        last = min(last, grid.first_at_or_after(selection.end_ns))
    size = int(product.shard_s * product.rate)
    for number, station in enumerate(inventory.found):
        placements = by_shard(place_station(inventory, station, grid), size, first, last)
        for shard, start in enumerate(range(0, grid.n_samples, size)):
            stop = min(start + size, grid.n_samples)
            name = f"{station}@{format_time(grid.time_of(start))}"
            here = placements.get(shard, ())
            station_s = float((stop - start) / product.rate)
            yield IngestTask(name, number, start, stop, first, last, station_s, here)


def _task_plan(
    product: Product, inventory: Inventory, tasks: Sequence[IngestTask], dtype: str
) -> TaskPlan:
    n_samples = int(product.shard_s * product.rate)
    item = np.dtype(dtype).itemsize
    largest = max((p.found.piece.n_samples for t in tasks for p in t.placements), default=0)
    memory = PROCESS_BYTES + n_samples * (item + 1) + min(largest, n_samples) * item
    samples = sum(f.piece.n_samples for pieces in inventory.found.values() for f in pieces)
    return TaskPlan(
        tasks=tuple(t.name for t in tasks),
        unit="station-days" if product.shard_s * NS_PER_S == DAY_NS else "stations",
        memory_bytes=memory,
        read_bytes=inventory.files_bytes,
        write_bytes=int(samples * 1.4),
        n_files=2 * len(tasks),
    )


def plan(config: IngestConfig, output: AnyPath, preparation: Preparation) -> Work[IngestTask]:
    """Create the empty product, or resume the one that is there.

    Raises
    ------
    ConfigError
        Something else stands at `output`.
    """
    p = preparation
    if not refuse_other(output, p.identity, p.inputs):
        title = "continuous waveforms as recorded"
        problems = [str(problem) for problem in p.inventory.problems]
        create_product(output, p.product, p.arrays, title, documents_of(p.plan, p.inputs, problems))
    return Work(
        output, p.identity.key, p.tasks, partial(run, output, p.product.rate, p.dtype), p.plan
    )


def run(output: AnyPath, rate: Fraction, dtype: str, task: IngestTask) -> Done:
    """Decode one station and one shard of time, and write its two shards.

    Samples of a file that cannot be decoded are problems, named by file and byte; a file that
    cannot be read at all is a failure, and the task is tried again by the next run.
    """
    shard = Shard.empty(task.start, task.stop - task.start, dtype)
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
    written = write_shards(output, "waveform", (task.station, task.start), shard.samples[None])
    written += write_shards(output, "coverage", (task.station, first_second), coverage[None])
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


def finish(output: AnyPath) -> None:
    """Write the table of segments and the state of every station and shard, then consolidate.

    Works on what is there; a later run with more tasks done writes both anew.
    """
    product = read_product(output, "WAVEFORMS")
    receipts = read_receipts(output, product.identity.key)
    progress = progress_of(output)
    rows = [
        (detail["station"], *segment)
        for _, detail in receipts.values()
        if detail
        for segment in detail["segments"]
    ]
    for spec in segment_arrays(np.array(rows, dtype=np.int64).reshape(-1, 4), product):
        write_array(output, spec)
    write_array(output, state_array(product, progress))
    sweep_partial(output)
    consolidate(output)
