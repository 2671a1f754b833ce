"""``seisflow synth``."""

from typing import Annotated, Any

import typer
from upath import UPath

from seisflow.cli.detaching import detach
from seisflow.cli.options import (
    ClusterOption,
    DetachOption,
    DryRunOption,
    JsonOption,
    WorkersOption,
    a_path,
)
from seisflow.cli.running import open_session, run_work, show_plan, summarise
from seisflow.core.grid import parse_time
from seisflow.stages.synth import stage
from seisflow.stages.synth.config import SceneConfig


def synth(  # noqa: PLR0913 - every parameter is an option of the command
    output: Annotated[
        UPath, typer.Argument(metavar="OUT", help="The folder to write.", parser=a_path)
    ],
    nodes: Annotated[int, typer.Option(help="Number of nodes.")] = 20,
    hours: Annotated[float, typer.Option(help="Length of the record in hours.")] = 1.0,
    rate: Annotated[int, typer.Option(help="Samples per second.")] = 500,
    seed: Annotated[int, typer.Option(help="Everything random follows from it.")] = 1,
    start: Annotated[str, typer.Option(help="First sample, UTC.")] = "2014-05-29T00:00:00",
    noise: Annotated[str, typer.Option(help="Spectrum: white, pink or field.")] = "field",
    earthquakes: Annotated[float, typer.Option(help="Earthquakes per hour.")] = 4.0,
    aircraft: Annotated[float, typer.Option(help="Aircraft per hour.")] = 2.0,
    gusts: Annotated[float, typer.Option(help="Gusts of wind per hour.")] = 3.0,
    vehicles: Annotated[float, typer.Option(help="Vehicles per hour.")] = 2.0,
    glitches: Annotated[float, typer.Option(help="Glitches of the whole array per hour.")] = 0.0,
    spikes: Annotated[float, typer.Option(help="Spikes per node and hour.")] = 1.0,
    gaps: Annotated[float, typer.Option(help="Gaps per node and day.")] = 0.5,
    dead: Annotated[float, typer.Option(help="Share of nodes that stop recording.")] = 0.01,
    cluster: ClusterOption = "local",
    workers: WorkersOption = None,
    detached: DetachOption = False,
    dry_run: DryRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Make a synthetic dense array with known truth, as miniSEED and station tables.

    Earthquakes with P and S moveout, aircraft with Doppler, wind, vehicles, spikes, gaps and dead
    nodes, in coloured noise; glitches, electronic pulses on all nodes at the same instant, only
    where they are asked for. A longer scene of the same seed begins as the shorter one. Dead nodes
    stop in the first hour.

    Examples
    --------
    seisflow synth scene/ --nodes 20 --hours 1

    seisflow synth campaign/ --nodes 1100 --hours 720 --cluster tcp://head:8786
    """
    options: dict[str, Any] = {
        "n_nodes": nodes,
        "duration_s": round(hours * 3600),
        "rate_hz": rate,
        "seed": seed,
        "start_ns": parse_time(start),
        "noise": noise,
        "earthquakes_per_hour": earthquakes,
        "aircraft_per_hour": aircraft,
        "gusts_per_hour": gusts,
        "vehicles_per_hour": vehicles,
        "glitches_per_hour": glitches,
        "spikes_per_node_hour": spikes,
        "gaps_per_node_day": gaps,
        "dead_fraction": dead,
        "dead_within_s": 3600.0,
    }
    output = output.absolute()
    prepared = stage.prepare(SceneConfig(**options))
    if dry_run:
        show_plan(prepared.plan, output, as_json=as_json)
        return
    if detached:
        detach(output / "truth.zarr", cluster, workers=workers, as_json=as_json)
        return
    with open_session(cluster, workers) as session:
        work = stage.plan(output, prepared)
        state = run_work(session, work, "synth", lambda: stage.finish(output, prepared))
    extra = {"folder": str(output), **state.counts}
    summarise("synth", work.path, state, extra, as_json=as_json)
