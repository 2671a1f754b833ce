"""``seisflow infer``."""

from typing import Annotated, Any

import typer
from upath import UPath

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
from seisflow.core.classes import ScoreState, WaveletClass
from seisflow.engine.devices import check_device, resolve_device


def infer(  # noqa: PLR0913 - every parameter is an option of the command
    waveforms: Annotated[
        UPath, typer.Argument(metavar="WAVEFORMS.zarr", help="What ingest wrote.", parser=a_path)
    ],
    model: Annotated[
        UPath, typer.Argument(metavar="MODEL", help="What train wrote.", parser=a_path)
    ],
    scores: Annotated[
        UPath,
        typer.Argument(
            metavar="SCORES.zarr", help="The product to write or to resume.", parser=a_path
        ),
    ],
    start: StartOption = None,
    end: EndOption = None,
    select: SelectOption = None,
    precision: Annotated[
        str,
        typer.Option(help="Of the network: float32, or bfloat16 where the processor has it."),
    ] = "float32",
    batch: Annotated[
        int,
        typer.Option(
            help="Windows classified at once by networks that do not go along the record "
            "(published, recurrent, forest); changes speed and memory, not scores.",
            min=1,
        ),
    ] = 64,
    block: Annotated[
        int | None,
        typer.Option(help="Stations of one task and shard; changes files, never scores.", min=1),
    ] = None,
    device: Annotated[
        str,
        typer.Option(
            help="Where the network runs: cpu, cuda, or auto, a GPU where a worker has one; cuda "
            "and auto take the pool gpu of a SLURM profile, if it has that."
        ),
    ] = "cpu",
    cluster: ClusterOption = "local",
    workers: WorkersOption = None,
    detached: DetachOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Classify every second of every station: the probability of earthquake and of both noises.

    The window of 4 s that begins 1 s before a second decides, so that a P wave in that second lies
    1 to 2 s into the window, as in training. Seconds whose window touches a gap or a stopped
    recorder have no probabilities.

    Codes of state: 0 ready, 253 no_data, 254 failed, 255 not_run.

    Examples
    --------
    seisflow infer waveforms.zarr model scores.zarr

    seisflow infer waveforms.zarr model scores.zarr --start 2014-05-29 --end 2014-05-30

    seisflow infer waveforms.zarr model scores.zarr --device cuda --workers 1
    """
    # only here: torch takes seconds to import, and no other command should wait for it
    from seisflow.stages.infer import stage

    options: dict[str, Any] = {
        "start": start,
        "end": end,
        "select": tuple(select or ()),
        "precision": precision,
    }
    config = stage.InferConfig.build(options)
    waveforms, model, scores = (path.absolute() for path in (waveforms, model, scores))
    check_device(device)
    if cluster == "local":
        device = resolve_device(device)  # elsewhere only the workers know what they have
    running = stage.Running(device, batch)
    prepared = stage.prepare(config, waveforms, model, block, running)
    refuse_other(scores, prepared.product.identity)
    if dry_run:
        show_plan(prepared.plan, scores, as_json=as_json)
        return
    if detached:
        detach(scores, cluster, workers=workers, as_json=as_json)
        return
    with open_session(cluster, workers, may_use_gpu=device != "cpu") as session:
        work = stage.plan(config, scores, prepared)
        state = run_work(session, work, "infer", lambda: stage.finish(work))
    extra = {
        "stations": len(prepared.selection.stations),
        "span": str(prepared.product.span),
        **shares(state),
    }
    summarise("infer", scores, state, extra, as_json=as_json)


def shares(state: Progress) -> dict[str, str]:
    """Return the seconds by state, for which each class is most probable, and how fast it went."""
    ready = state.counts.get("ready", 0)
    rows = {}
    for wavelet_class in WaveletClass:
        name = wavelet_class.name.lower()
        n = state.counts.get(name, 0)
        rows[f"{name} most probable"] = f"{n} s, {n / (ready or 1):.2%} of classified"
    for code in ScoreState:
        n = state.counts.get(code.name.lower(), 0)
        if n or code is ScoreState.READY:
            rows[code.name.lower()] = f"{n} s"
    rate = ready / state.cpu_s if state.cpu_s else 0.0
    rows["speed"] = f"{rate:.0f} windows per CPU-second"
    return rows
