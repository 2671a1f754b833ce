"""``seisflow run`` and ``seisflow plan``."""

from typing import Annotated

import typer
from upath import UPath

from seisflow.campaign.reading import read_campaign
from seisflow.campaign.running import run_campaign
from seisflow.cli.options import JsonOption, a_path
from seisflow.console import CONSOLE, ERRORS, print_json
from seisflow.errors import ExitCode


def run(
    campaign: Annotated[
        UPath,
        typer.Argument(
            metavar="CAMPAIGN.toml", help="A table for every stage; see below.", parser=a_path
        ),
    ],
    until: Annotated[
        str | None, typer.Option(help="The last stage to run: one of those above.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="The only stage to run, on what is there.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a campaign: ingest, label, assemble, train, infer, detect, compare, report.

    The file has one table for every stage, whose keys are the options of its command without
    dashes before them, beside `folder` for the products and [cluster] with `profile` and
    `workers`. `model = "..."` takes a trained model in place of [assemble] and [train], and
    `waveforms = "..."` what ingest wrote. A stage without a table is left out, with all that needs
    it. Paths count from the folder of the file.

    Typed again, the command goes on where it was. A stage that met problems in the data lets the
    others go on, and the exit code is 3 in the end; one that is incomplete stops the campaign.

    Examples
    --------
    seisflow run campaign.toml

    seisflow run campaign.toml --until label

    seisflow plan campaign.toml
    """
    asked = read_campaign(campaign)
    result = run_campaign(asked, until=until, only=only, reporter=CONSOLE)
    if result.exit_code == ExitCode.INCOMPLETE:
        ERRORS.print(f"{asked.path} is incomplete; type the command again to go on")
    elif "report" in result.results:
        ERRORS.print(f"written: {result['report'].path}")
    if as_json:
        print_json(result.summary)
    if result.exit_code:
        raise typer.Exit(int(result.exit_code))


def plan(
    campaign: Annotated[
        UPath,
        typer.Argument(metavar="CAMPAIGN.toml", help="What seisflow run takes.", parser=a_path),
    ],
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Measure this machine first, in about a minute, on a small synthetic array at the "
            "sampling rate of the campaign, and keep its rates for other plans.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a campaign will take: tasks, files, bytes, memory, hours and walltime, by stage.

    Reads metadata only: headers of the archive, or nothing at all where the file has a table
    [archive] with `stations`, `days` and `rate-hz` (and `bytes-per-sample`, `arrivals`). Files and
    bytes written are upper bounds. Hours are measured rates times amounts, each with the benchmark
    it comes from; walltime is that of equal tasks in rounds over the workers of the profile,
    without any waiting.

    Examples
    --------
    seisflow plan campaign.toml

    seisflow plan campaign.toml --measure
    """
    # only here: torch takes seconds to import, and no other command should wait for it
    from seisflow.campaign.planner import plan_campaign

    found = plan_campaign(read_campaign(campaign), measure, CONSOLE)
    for note in found.notes:
        ERRORS.print(f"note: {note}")
    if as_json:
        print_json(found.summary)
    else:
        typer.echo(repr(found))
