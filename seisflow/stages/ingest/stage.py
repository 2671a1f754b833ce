"""The ingest stage: plan from headers, write whole shards, finish with the table of segments."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, ArraySpec, Identity, Product
from seisflow.archive.publishing import product_stands
from seisflow.archive.receipts import TaskPlan, documents_of, read_receipts
from seisflow.archive.store import (
    consolidate,
    create_product,
    sweep_partial,
    write_array,
)
from seisflow.archive.work import Done, Progress, existing_product, progress_of, refuse_other
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath
from seisflow.core.grid import DAY_NS, NS_PER_S, format_time
from seisflow.core.reporting import SILENT, Reporter
from seisflow.core.stations import select_stations
from seisflow.core.wording import counted
from seisflow.engine.stage import Plan, Runner, Stage
from seisflow.formats.coordinates import CoordinateTable, read_coordinates
from seisflow.formats.segments import FileScan
from seisflow.stages.ingest.config import IngestConfig
from seisflow.stages.ingest.inventory import (
    Inventory,
    Selection,
    choose_rate,
    take_inventory,
)
from seisflow.stages.ingest.layout import segment_arrays, state_array, waveform_arrays
from seisflow.stages.ingest.places import match_places
from seisflow.stages.ingest.placing import by_shard, place_station, product_span
from seisflow.stages.ingest.scanning import batches, inventory_table, scan_files
from seisflow.stages.ingest.writing import IngestTask, Job, write_shard

__all__ = ["Ingest", "IngestPlan", "lay_out"]

MOVED_NS = 1_000_000
"""Samples that lie so far from the grid are said."""
DTYPES = {"int16": "int32"}
PROCESS_BYTES = 250_000_000
"""Resident size of a worker that has imported everything, with its buffer for reading."""


@dataclass(frozen=True, kw_only=True)
class IngestPlan(Plan[IngestTask]):
    """WAVEFORMS to be made of the files that were scanned.

    ``inputs`` is what is known of each file; ``arrays`` are those of the empty product, of the
    type ``dtype``; ``coordinates`` says where the places of the stations come from.
    """

    inventory: Inventory
    dtype: str
    inputs: dict[str, str]
    arrays: tuple[ArraySpec, ...]
    coordinates: str


class Ingest(Stage[IngestConfig, IngestTask, IngestPlan]):
    """Foreign files become WAVEFORMS, a station and a day at a time."""

    name = "ingest"
    Config = IngestConfig
    reads, writes = ("RAW",), "WAVEFORMS"

    @property
    def output(self) -> AnyPath:
        """WAVEFORMS."""
        return self.config.waveforms

    def check(self) -> None:
        """Refuse what can be refused before files are scanned, which may take long.

        Raises
        ------
        ConfigError
            The span or the table of stations cannot be, something else stands at the output, or an
            argument matches no file.
        """
        self.config.selection()
        if product_stands(self.output):
            existing_product(self.output)
        coordinate_table(self.config)
        batches(self.config)

    def plan(self, runner: Runner, reporter: Reporter = SILENT) -> IngestPlan:
        """Scan the headers of all files, and lay out WAVEFORMS.

        Raises
        ------
        DataError
            Nothing to ingest, several rates and none chosen, or a nearly empty span.
        """
        self.check()
        scans = scan_files(batches(self.config), runner, reporter)
        return lay_out(self.config, scans)

    def refuse_other(self, plan: IngestPlan) -> bool:
        """Tell whether this very product stands already; name the files that differ."""
        return refuse_other(self.output, plan.identity, plan.inputs)

    def create(self, plan: IngestPlan) -> None:
        """Make the empty product, or find it.

        Raises
        ------
        ConfigError
            Something else stands there.
        """
        if not self.refuse_other(plan):
            title = "continuous waveforms as recorded"
            documents = documents_of(plan.needs, plan.inputs, plan.problems)
            create_product(self.output, plan.product, plan.arrays, title, documents)

    @staticmethod
    def run(job: Job, task: IngestTask) -> Done:
        """Decode one station and one shard of time, and write its two shards.

        Samples of a file that cannot be decoded are problems, named by file and byte; a file that
        cannot be read at all is a failure, and the task is tried again by the next run.
        """
        return write_shard(job, task)

    def finish(self, plan: IngestPlan) -> None:
        """Write the table of segments and the state of every station and shard, then consolidate.

        Works on what is there; a later run with more tasks done writes both anew.
        """
        receipts = read_receipts(self.output, plan.identity.key)
        rows = [
            (detail["station"], *segment)
            for _, detail in receipts.values()
            if detail
            for segment in detail["segments"]
        ]
        table = np.array(rows, dtype=np.int64).reshape(-1, 4)
        for spec in segment_arrays(table, plan.product):
            write_array(self.output, spec)
        write_array(self.output, state_array(plan.product, progress_of(self.output)))
        sweep_partial(self.output)
        consolidate(self.output)

    def summary(self, plan: IngestPlan, progress: Progress) -> dict[str, Any]:
        """Return what came in, and what of it is suspect."""
        counts = progress.counts
        return {
            "stations": len(plan.inventory.found),
            "sampling_rate_hz": float(plan.product.rate),
            "type": plan.dtype,
            "span": str(plan.product.span),
            "coordinates": plan.coordinates,
            "samples": counts.get("samples", 0),
            "seconds": f"{counts.get('seconds_complete', 0):,} complete, "
            f"{counts.get('seconds_partial', 0):,} in part, "
            f"{counts.get('seconds_without_data', 0):,} without data",
            "overlaps": f"{counts.get('overlapping_samples', 0)} samples twice and equal, "
            f"{counts.get('conflicting_samples', 0)} twice and different",
            "suspect samples": f"{counts.get('constant_samples', 0)} constant, "
            f"{counts.get('clipped_samples', 0)} clipped",
        }


def lay_out(config: IngestConfig, scans: Iterable[FileScan]) -> IngestPlan:
    """Turn the scans of all files into the product's layout and its tasks.

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
    identity = Identity(
        "WAVEFORMS",
        "ingest",
        _asked(config, digest),
        {"files": fingerprint(inputs)},
        FORMAT_VERSIONS["WAVEFORMS"],
        RESULT_VERSIONS["ingest"],
    )
    shard_s = int(min(DAY_NS, span.end_ns - span.start_ns) // NS_PER_S)
    product = Product(identity, span, rate, shard_s, block=1)
    dtypes = {f.segment.dtype for segments in inventory.found.values() for f in segments}
    dtype = str(np.result_type(*[DTYPES.get(d, d) for d in dtypes]))
    tasks = tuple(_tasks(product, inventory, selection))
    places = match_places(table, inventory)
    notes = (*_idle_patterns(config, scans), *inventory.notes, *_moved(tasks), *places.notes)
    return IngestPlan(
        product=product,
        tasks=tasks,
        job=Job(config.waveforms, rate, dtype),
        needs=replace(_needs(product, inventory, tasks, dtype), notes=notes),
        tables=(inventory_table(inventory),),
        problems=tuple(map(str, inventory.problems)),
        inventory=inventory,
        dtype=dtype,
        inputs=inputs,
        arrays=tuple(waveform_arrays(product, places.of, dtype)),
        coordinates=places.summary,
    )


def _asked(config: IngestConfig, table: str | None) -> dict[str, Any]:
    """Return what makes the product: the files and the table by what they hold, not by name."""
    asked = config.resolved()
    rate = asked.pop("rate")
    return {**asked, "raw": None, "stations": table, "rate": rate}


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
    names = sorted({segment.station for scan in scans for segment in scan.segments})
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
    path = config.stations
    return read_coordinates(path), fingerprint(path.read_bytes().hex())


def _inputs(scans: Sequence[FileScan]) -> dict[str, str]:
    """Describe every file by its path below the folder they share."""
    parts = [Path(s.path).parts for s in scans]
    depth = 0
    while all(len(p) > depth + 1 and p[depth] == parts[0][depth] for p in parts):
        depth += 1
    return {
        "/".join(p[depth:]): f"{s.size_bytes} bytes, modified {s.mtime_ns}, "
        f"{sum(segment.n_samples for segment in s.segments)} samples"
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


def _needs(
    product: Product, inventory: Inventory, tasks: Sequence[IngestTask], dtype: str
) -> TaskPlan:
    n_samples = int(product.shard_s * product.rate)
    item = np.dtype(dtype).itemsize
    largest = max((p.found.segment.n_samples for t in tasks for p in t.placements), default=0)
    memory = PROCESS_BYTES + n_samples * (item + 1) + min(largest, n_samples) * item
    samples = sum(f.segment.n_samples for segments in inventory.found.values() for f in segments)
    return TaskPlan(
        tasks=tuple(t.name for t in tasks),
        unit="station-days" if product.shard_s * NS_PER_S == DAY_NS else "stations",
        memory_bytes=memory,
        read_bytes=inventory.files_bytes,
        write_bytes=int(samples * 1.4),
        n_files=2 * len(tasks),
    )
