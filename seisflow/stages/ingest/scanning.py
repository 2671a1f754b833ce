"""The scan before an ingest: headers of all files, on the cluster, and what they show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from seisflow.core.amounts import human_bytes
from seisflow.core.files import AnyPath
from seisflow.core.grid import format_time
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.failures import Failure
from seisflow.engine.stage import Runner
from seisflow.formats.listing import list_files
from seisflow.formats.readers import scan_file
from seisflow.formats.segments import FileScan, Problem
from seisflow.stages.ingest.config import IngestConfig
from seisflow.stages.ingest.inventory import Inventory

__all__ = ["FileBatch", "batches", "inventory_table", "scan_batch", "scan_files"]

FILES_PER_BATCH = 16
SHOWN_STATIONS = 20


@dataclass(frozen=True)
class FileBatch:
    """A few files for one scan task."""

    name: str
    paths: tuple[AnyPath, ...]


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


def scan_files(
    batches: Sequence[FileBatch], runner: Runner, reporter: Reporter = SILENT
) -> list[FileScan]:
    """Read the headers of all files; what cannot be scanned is a problem of the scan."""
    scans: list[FileScan] = []
    failed: list[AnyPath] = []
    with reporter.bar("scan", len(batches)) as bar:
        for batch, ended in runner.each(scan_batch, batches, stage="scan"):
            if isinstance(ended, Failure):
                failed += batch.paths
            else:
                scans += ended
            bar.advance()
    alone = [FileBatch(f"scan-again-{i}", (path,)) for i, path in enumerate(failed)]
    for batch, ended in runner.each(scan_batch, alone, stage="scan"):
        scans += [_unread(batch.paths[0], ended)] if isinstance(ended, Failure) else ended
    return scans


def _unread(path: AnyPath, failure: Failure) -> FileScan:
    problem = Problem(str(path), f"cannot be scanned: {failure.reason}")
    return FileScan(str(path), "", 0, 0, problems=(problem,))


def scan_batch(batch: FileBatch) -> list[FileScan]:
    """Read the headers of a few files; runs in a worker."""
    return [scan_file(path) for path in batch.paths]


def inventory_table(inventory: Inventory) -> tuple[str, list[list[Any]], list[str]]:
    """Return what was found, station by station, for people."""
    summaries = inventory.summaries()
    rows = [
        [
            s.station,
            "/".join(f"{r:g}" for r in s.rates_hz),
            format_time(s.start_ns)[:23],
            format_time(s.end_ns)[:23],
            s.n_samples,
            s.n_files,
            s.n_gaps,
            s.n_overlaps,
        ]
        for s in summaries[:SHOWN_STATIONS]
    ]
    if len(summaries) > SHOWN_STATIONS:
        rows.append([f"... {len(summaries)} stations in all", *[""] * 7])
    head = ["station", "Hz", "from", "to", "samples", "files", "gaps", "overlaps"]
    title = f"found in {inventory.n_files} files, {human_bytes(inventory.files_bytes)}"
    return title, rows, head
