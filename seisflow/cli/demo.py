"""``seisflow demo``."""

from typing import Annotated

import typer
from upath import UPath

from seisflow.campaign.demo import make_demo
from seisflow.cli.options import WorkersOption, a_path
from seisflow.console import CONSOLE

DEMO = UPath("seisflow-demo")


def demo(
    output: Annotated[
        UPath, typer.Argument(metavar="OUT", help="The folder to write.", parser=a_path)
    ] = DEMO,
    nodes: Annotated[int, typer.Option(help="Number of nodes.")] = 16,
    hours: Annotated[float, typer.Option(help="Length of the record in hours.")] = 3.0,
    rate: Annotated[int, typer.Option(help="Samples per second.")] = 100,
    epochs: Annotated[int, typer.Option(help="Epochs of the training.")] = 12,
    workers: WorkersOption = None,
) -> None:
    """Do the whole mission on a small synthetic array: from miniSEED to a catalogue and its page.

    Makes the array, writes a campaign file beside it and runs it: ingests, labels, assembles
    wavelets, trains a small network, classifies every second, detects earthquakes, compares them
    with what was planted, and ends with the name of a page that shows all of it.
    """
    result = make_demo(
        output,
        CONSOLE,
        nodes=nodes,
        hours=hours,
        rate=rate,
        epochs=epochs,
        workers=workers,
    )
    if result.exit_code:
        raise typer.Exit(int(result.exit_code))
