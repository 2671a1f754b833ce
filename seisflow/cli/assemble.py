"""``seisflow assemble``."""

from collections.abc import Mapping
from functools import partial
from typing import Annotated, Any

import typer
from upath import UPath

from seisflow.archive.work import Progress
from seisflow.cli.detaching import detach
from seisflow.cli.options import (
    ClusterOption,
    DetachOption,
    DryRunOption,
    EndOption,
    JsonOption,
    StartOption,
    WorkersOption,
    a_path,
)
from seisflow.cli.running import open_session, run_work, show_plan, show_problems, summarise
from seisflow.console import ERRORS, progress, table
from seisflow.core.files import AnyPath
from seisflow.engine.connect import Session
from seisflow.engine.drive import Failure, drive
from seisflow.stages.wavelets import stage
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.scan import Found, scan


def assemble(  # noqa: PLR0913 - every parameter is an option of the command
    waveforms: Annotated[
        UPath, typer.Argument(metavar="WAVEFORMS", help="What ingest wrote.", parser=a_path)
    ],
    labels: Annotated[
        UPath, typer.Argument(metavar="LABELS", help="What label wrote of them.", parser=a_path)
    ],
    arrivals: Annotated[
        UPath,
        typer.Argument(
            metavar="ARRIVALS",
            help="CSV (time, station, phase) or QuakeML; with --predict a catalogue.",
            parser=a_path,
        ),
    ],
    output: Annotated[
        UPath,
        typer.Argument(metavar="WAVELETS.zarr", help="The product to write.", parser=a_path),
    ],
    predict: Annotated[
        str | None,
        typer.Option(
            help="ARRIVALS is a catalogue (time, latitude, longitude, depth_km; or QuakeML): "
            "compute P and S with this model of ObsPy TauP, for example iasp91.",
        ),
    ] = None,
    events: Annotated[
        UPath | None,
        typer.Option(
            help="Catalogue of the events in ARRIVALS: magnitudes and distances.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    split: Annotated[
        str,
        typer.Option(
            help="'grouped': by event, time block and block of stations; 'events': by event and "
            "time block; 'shuffled': by window, which leaks.",
        ),
    ] = "grouped",
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 1,
    per_class: Annotated[
        int | None, typer.Option("--per-class", help="Most examples of one class, all splits.")
    ] = None,
    per_arrival: Annotated[
        int, typer.Option("--per-arrival", help="Windows of each event and station.")
    ] = 5,
    snr_min: Annotated[
        float,
        typer.Option("--snr-min", help="Least signal-to-noise ratio of P; see below."),
    ] = 1.5,
    jitter_s: Annotated[
        float,
        typer.Option("--jitter-s", help="Windows begin 1 s before P, give or take up to this."),
    ] = 0.75,
    time_block_s: Annotated[
        int, typer.Option("--time-block-s", help="Length of the blocks of time that are split.")
    ] = 600,
    station_blocks: Annotated[
        int,
        typer.Option("--station-blocks", help="Blocks of neighbouring sites; a quarter is held."),
    ] = 8,
    select: Annotated[
        list[str] | None,
        typer.Option(
            "--select",
            help="Channels by four globs NET.STA.LOC.CHA; may be repeated. By default those of a "
            "site whose code ends in Z, or all of a site that has none.",
        ),
    ] = None,
    start: StartOption = None,
    end: EndOption = None,
    cluster: ClusterOption = "local",
    workers: WorkersOption = None,
    detached: DetachOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Assemble balanced, split examples of 4 s: earthquakes, random noise, not random noise.

    Earthquakes: windows about P with SNR above the gate (rms in P..P+1 s over rms in P-3..P-0.5 s,
    5-30 Hz, the upper edge at most 0.9 of Nyquist). Noise: 4 equal labels, none within -2..+30 s
    of a known arrival of the station; mixed seconds are never taken. Every window and 1 s on
    either side is completely recorded. A pick is known at all channels of its NET.STA.

    A column `visible` of 0 marks arrivals to keep away from that give no example, as S does.

    Training gets 70 % of the windows of each class, validation and test 15 % each, as near as
    whole events and time blocks allow; what a split is short of is said. With grouped, training
    uses the stations of three quarters of the windows, validation and test those of the rest. What
    falls between is not used.

    Examples
    --------
    seisflow assemble waveforms.zarr labels.zarr picks.csv wavelets.zarr

    seisflow assemble waveforms.zarr labels.zarr picks.xml wavelets.zarr --split events

    seisflow assemble waveforms.zarr labels.zarr events.csv wavelets.zarr --predict iasp91
    """
    options: dict[str, Any] = {
        "predict": predict,
        "split": split,
        "seed": seed,
        "per_class": per_class,
        "per_arrival": per_arrival,
        "snr_min": snr_min,
        "jitter_s": jitter_s,
        "time_block_s": time_block_s,
        "station_blocks": station_blocks,
        "select": tuple(select or ()),
        "start": start,
        "end": end,
    }
    config = AssembleConfig.build(options)
    sources = stage.Sources(
        waveforms.absolute(),
        labels.absolute(),
        arrivals.absolute(),
        events.absolute() if events else None,
    )
    output = output.absolute()
    work = stage.resume(config, sources, output)
    if work is not None and dry_run:
        show_plan(work.plan, output, as_json=as_json)
        return
    prepared = None if work else stage.prepare(config, sources)
    if detached and not dry_run:
        detach(output, cluster, workers=workers, as_json=as_json)
        return
    with open_session(cluster, workers) as session:
        if prepared is not None:
            assembly = stage.choose(prepared, *_scan(session, prepared))
            if dry_run:
                show_problems(assembly.problems, output)
                show_counts(assembly.document)
                show_plan(stage.plan_of(prepared, assembly), output, as_json=as_json)
                return
            work = stage.plan(config, sources, output, prepared, assembly)
        assert work is not None
        made = work
        state = run_work(session, made, "assemble", lambda: stage.finish(made))
    _conclude(output, state, as_json=as_json)


def _conclude(output: AnyPath, state: Progress, *, as_json: bool) -> None:
    """Print what the set holds, and end with its exit code."""
    document = stage.read_assembly(output)
    show_counts(document)
    extra = flat(document) if as_json else {"examples": document["examples"]}
    summarise("assemble", output, state, extra, as_json=as_json)


def _scan(session: Session, prepared: stage.Preparation) -> tuple[list[Found], list[str]]:
    found: list[Found] = []
    failed: list[str] = []
    with progress("scan", len(prepared.tasks)) as bar:
        search = partial(scan, prepared.shared)
        for task, ended in drive(session, search, prepared.tasks, stage="search"):
            if isinstance(ended, Failure):
                failed.append(f"{task.name}: {ended.reason}")
            else:
                found.append(ended)
            bar.advance()
    return found, failed


def show_counts(document: Mapping[str, Any]) -> None:
    """Print how many examples each split has, and what was left out."""
    splits = document["splits"]
    columns = list(next(iter(splits.values())))
    rows = [[split, *[counts[c] for c in columns]] for split, counts in splits.items()]
    table("examples", rows, ["split", *[c.replace("_", " ") for c in columns]])
    left = [
        [what, reason, n]
        for what in ("arrivals", "seconds", "windows")
        for reason, n in document[f"rejected_{what}"].items()
        if n
    ]
    if left:
        table("left out", left, ["of", "because", "number"])
    for warning in document.get("warnings", []):  # sets made before have none
        ERRORS.print(f"note: {warning}", style="yellow", markup=False, soft_wrap=True)


def flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts as one level of names and numbers, as the JSON summary takes them."""
    rows: dict[str, Any] = {"examples": document["examples"]}
    for split, counts in document["splits"].items():
        rows |= {f"{split}.{name}": n for name, n in counts.items()}
    for what in ("arrivals", "seconds", "windows"):
        counts = document[f"rejected_{what}"]
        rows |= {f"rejected_{what}.{reason}": n for reason, n in counts.items() if n}
    return rows | {"warnings": "; ".join(document.get("warnings", []))}
