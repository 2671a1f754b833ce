"""``seisflow detect``."""

from typing import Annotated, Any

import typer
from upath import UPath

from seisflow.archive.opening import open_product
from seisflow.archive.work import Progress, refuse_other
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
    a_path,
)
from seisflow.cli.running import open_session, run_work, show_plan, summarise
from seisflow.console import ERRORS, progress
from seisflow.core.files import AnyPath
from seisflow.stages.detect import stage
from seisflow.stages.detect.config import DetectConfig
from seisflow.stages.report.figures.event_sections import FIGURES, best_events, draw_events


def detect(  # noqa: PLR0913 - every parameter is an option of the command
    waveforms: Annotated[
        UPath, typer.Argument(metavar="WAVEFORMS.zarr", help="What ingest wrote.", parser=a_path)
    ],
    scores: Annotated[
        UPath, typer.Argument(metavar="SCORES.zarr", help="What infer wrote.", parser=a_path)
    ],
    catalog: Annotated[
        UPath,
        typer.Argument(metavar="CATALOG", help="The folder to write or to resume.", parser=a_path),
    ],
    min_nodes: Annotated[
        int, typer.Option("--min-nodes", help="Fewest nodes in coincidence.", min=2)
    ] = 10,
    false_positive_rate: Annotated[
        float,
        typer.Option(
            "--false-positive-rate",
            help="Of one node, a second: chooses the threshold on the validation split of the "
            "model.",
        ),
    ] = 0.0015,
    threshold: Annotated[
        float | None,
        typer.Option(help="Least probability of an earthquake, in place of that rate."),
    ] = None,
    false_alarms_per_day: Annotated[
        float,
        typer.Option(
            "--false-alarms-per-day",
            help="By chance, at most: more nodes are asked for where a day's background is high.",
        ),
    ] = 1.0,
    slowest_velocity: Annotated[
        float,
        typer.Option(
            "--slowest-velocity",
            help="Slowest apparent velocity, m/s; with the aperture it gives the largest moveout.",
        ),
    ] = 2000.0,
    moveout: Annotated[
        float | None,
        typer.Option("--moveout-s", help="The largest moveout itself, s."),
    ] = None,
    merge_s: Annotated[
        int,
        typer.Option(
            "--merge-s", help="Coincidences within so many seconds of a larger one belong to it."
        ),
    ] = 5,
    band: Annotated[
        tuple[float, float], typer.Option(help="Band in which traces are aligned, Hz.")
    ] = (5.0, 30.0),
    max_lag: Annotated[
        float, typer.Option("--max-lag-s", help="Largest shift of a pass of the alignment, s.")
    ] = 0.3,
    min_cc: Annotated[
        float | None,
        typer.Option(
            "--min-cc",
            help="Least mean correlation of aligned traces; by default 0.4 where neighbours stand "
            "within 300 m, else 0.",
        ),
    ] = None,
    figures: Annotated[
        int, typer.Option(help="Figures of so many events, those with most nodes.", min=0)
    ] = 20,
    start: StartOption = None,
    end: EndOption = None,
    select: SelectOption = None,
    cluster: ClusterOption = "local",
    workers: WorkersOption = None,
    detached: DetachOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Find earthquakes: seconds in which many nodes say so within the moveout of the array.

    Traces of the nodes are aligned by cross-correlation and stacked; the catalogue has the time
    of P at the array, picks of every node, back-azimuth and apparent velocity, and figures of
    quality. CATALOG is a folder: catalog.csv, picks.csv and Parquet of both, QuakeML for each
    day, and stacks and node scores that open with seisflow.open(CATALOG).

    Examples
    --------
    seisflow detect waveforms.zarr scores.zarr catalog

    seisflow detect waveforms.zarr scores.zarr catalog --min-nodes 4 --moveout-s 12
    """
    options: dict[str, Any] = {
        "min_nodes": min_nodes,
        "false_positive_rate": false_positive_rate,
        "threshold": threshold,
        "false_alarms_per_day": false_alarms_per_day,
        "slowest_velocity_m_s": slowest_velocity,
        "moveout_s": moveout,
        "merge_s": merge_s,
        "low_hz": band[0],
        "high_hz": band[1],
        "max_lag_s": max_lag,
        "min_cc": min_cc,
        "start": start,
        "end": end,
        "select": tuple(select or ()),
    }
    config = DetectConfig.build(options)
    waveforms, scores, catalog = (path.absolute() for path in (waveforms, scores, catalog))
    prepared = stage.prepare(config, waveforms, scores)
    refuse_other(catalog, prepared.product.identity)
    if dry_run:
        show_plan(prepared.plan, catalog, as_json=as_json)
        return
    if detached:
        detach(catalog, cluster, workers=workers, as_json=as_json)
        return
    with open_session(cluster, workers) as session:
        work = stage.plan(catalog, prepared)
        state = run_work(session, work, "detect", lambda: stage.finish(work))
    draw(catalog, waveforms, figures)
    extra = {"span": str(prepared.product.span), **found(state, prepared)}
    summarise("detect", catalog, state, extra, as_json=as_json)


def found(state: Progress, prepared: stage.Preparation) -> dict[str, str | int]:
    """Return what was found, and with which threshold."""
    counts, job = state.counts, prepared.job
    return {
        "stations": len(job.array.stations),
        "threshold": f"{job.threshold:.6g}",
        "window of a coincidence": f"{job.array.window_s} s",
        "coincidences": counts.get("coincidences", 0),
        "vetoed as glitches": counts.get("vetoed", 0),
        f"incoherent, cc below {job.array.min_cc:g}": counts.get("incoherent", 0),
        "events": counts.get("events", 0),
        "hours without data": counts.get("hours_without_data", 0),
    }


def draw(catalog: AnyPath, waveforms: AnyPath, n: int) -> None:
    """Draw events into the folder of the catalogue, those that are not drawn yet."""
    opened = open_product(catalog).load()
    rows = [
        row
        for row in best_events(opened, n)
        if not (catalog / FIGURES / f"{opened.event.values[row]}.png").exists()
    ]
    if not rows:
        return
    with progress("figures", len(rows)) as bar:
        for _ in draw_events(catalog, waveforms, rows):
            bar.advance()
    ERRORS.print(f"look at {catalog / FIGURES}")
