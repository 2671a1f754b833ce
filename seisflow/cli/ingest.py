"""``seisflow ingest``."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from seisflow.archive.appearing import product_stands
from seisflow.archive.work import existing_product
from seisflow.cli.detaching import detach
from seisflow.cli.options import (
    ClusterOption,
    DetachOption,
    DryRunOption,
    EndOption,
    JsonOption,
    SelectOption,
    StartOption,
    WorkersOption,
)
from seisflow.cli.running import open_session, run_work, show_plan, show_problems, summarise
from seisflow.console import progress, table
from seisflow.core.amounts import human_bytes
from seisflow.core.files import AnyPath, any_path
from seisflow.core.grid import format_time
from seisflow.engine.connect import Session
from seisflow.engine.drive import Failure, drive
from seisflow.errors import ConfigError
from seisflow.formats.pieces import FileScan, Problem
from seisflow.stages.ingest import stage
from seisflow.stages.ingest.inventory import Inventory


def ingest(  # noqa: PLR0913 - every parameter is an option of the command
    paths: Annotated[
        list[str],
        typer.Argument(
            metavar="RAW... WAVEFORMS.zarr",
            help="Files, folders and globs of miniSEED 2 or 3, SAC, SEG-Y or Fairfield RG16, then "
            "the product to write.",
        ),
    ],
    stations: Annotated[
        str | None,
        typer.Option(help="Coordinates: a CSV table (network, station, lat, lon) or StationXML."),
    ] = None,
    select: SelectOption = None,
    rate: Annotated[
        float | None,
        typer.Option(help="The one sampling rate to take, in Hz, where the files have several."),
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
    cluster: ClusterOption = "local",
    workers: WorkersOption = None,
    detached: DetachOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write a foreign archive into one Zarr product, WAVEFORMS.

    A scan reads headers only and shows what is there; then tasks write one station and one day
    each. Samples arrive bit-exact on one global grid; nothing is resampled; gaps, overlaps and
    whatever could not be read are reported by name.

    Examples
    --------
    seisflow ingest archive/ waveforms.zarr --stations stations.csv

    seisflow ingest '2014/*/*.mseed' waveforms.zarr --select 'ZG.*.*.EHZ' --start 2014-05-29
    """
    if len(paths) < 2:
        raise ConfigError(
            f"found one path, {paths[0]!r}; give what to read and then the product to write: "
            "seisflow ingest RAW... WAVEFORMS.zarr"
        )
    *raw, target = paths
    output = any_path(target).absolute()  # workers may stand in another folder
    options: dict[str, Any] = {
        "raw": tuple(raw),
        "stations": stations,
        "select": tuple(select or ()),
        "rate": rate,
        "start": start,
        "end": end,
    }
    config = stage.IngestConfig.build(options)
    config.selection()
    if product_stands(output):
        existing_product(output)  # before the scan, which may take long
    stage.coordinate_table(config)  # before the scan too
    batches = stage.batches(config)
    if detached and not dry_run:
        detach(output, cluster, workers=workers, as_json=as_json)
        return
    with open_session(cluster, workers) as session:
        scans = scan_files(session, batches)
        prepared = stage.prepare(config, scans)
        _show_inventory(prepared.inventory)
        if dry_run:
            show_problems(tuple(map(str, prepared.inventory.problems)), output)
            show_plan(prepared.plan, output, as_json=as_json)
            return
        work = stage.plan(config, output, prepared)
        state = run_work(session, work, "ingest", lambda: stage.finish(output))
    summarise("ingest", output, state, _rows(state.counts, prepared), as_json=as_json)


def _rows(counts: Mapping[str, int], prepared: stage.Preparation) -> dict[str, Any]:
    """Return what a summary of WAVEFORMS says beside what all products say."""
    return {
        "stations": len(prepared.inventory.found),
        "sampling_rate_hz": float(prepared.product.rate),
        "type": prepared.dtype,
        "span": str(prepared.product.span),
        "coordinates": prepared.coordinates,
        "samples": counts.get("samples", 0),
        "seconds": f"{counts.get('seconds_complete', 0):,} complete, "
        f"{counts.get('seconds_partial', 0):,} in part, "
        f"{counts.get('seconds_without_data', 0):,} without data",
        "overlaps": f"{counts.get('overlapping_samples', 0)} samples twice and equal, "
        f"{counts.get('conflicting_samples', 0)} twice and different",
        "suspect samples": f"{counts.get('constant_samples', 0)} constant, "
        f"{counts.get('clipped_samples', 0)} clipped",
    }


def scan_files(session: Session, batches: list[stage.FileBatch]) -> list[FileScan]:
    """Read the headers of all files; what cannot be scanned is a problem of the scan."""
    scans: list[FileScan] = []
    failed: list[AnyPath] = []
    with progress("scan", len(batches)) as bar:
        for batch, ended in drive(session, stage.scan_batch, batches, stage="scan"):
            if isinstance(ended, Failure):
                failed += batch.paths
            else:
                scans += ended
            bar.advance()
    alone = [stage.FileBatch(f"scan-again-{i}", (path,)) for i, path in enumerate(failed)]
    for batch, ended in drive(session, stage.scan_batch, alone, stage="scan"):
        scans += [_unread(batch.paths[0], ended)] if isinstance(ended, Failure) else ended
    return scans


def _unread(path: AnyPath, failure: Failure) -> FileScan:
    problem = Problem(str(path), f"cannot be scanned: {failure.reason}")
    return FileScan(str(path), "", 0, 0, problems=(problem,))


def _show_inventory(inventory: Inventory) -> None:
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
        for s in summaries[:20]
    ]
    if len(summaries) > 20:
        rows.append([f"... {len(summaries)} stations in all", *[""] * 7])
    head = ["station", "Hz", "from", "to", "samples", "files", "gaps", "overlaps"]
    title = f"found in {inventory.n_files} files, {human_bytes(inventory.files_bytes)}"
    table(title, rows, head)
