"""``seisflow cluster``."""

from dataclasses import asdict
from typing import Annotated

import typer
from upath import UPath

from seisflow.cli.options import JsonOption, a_path
from seisflow.console import print_json, table
from seisflow.engine.check import check_cluster
from seisflow.engine.profiles import read_profile
from seisflow.errors import ExitCode

app = typer.Typer(no_args_is_help=True)


@app.callback()
def cluster() -> None:
    """Look at clusters before work is trusted to them.

    Examples
    --------
    seisflow cluster check frontera --store /scratch/quakes
    """


@app.command("check")
def check(
    profile: Annotated[
        str,
        typer.Argument(
            metavar="PROFILE",
            help="As for --cluster: local, slurm, an address, a TOML file or a name.",
        ),
    ],
    store: Annotated[
        list[UPath] | None,
        typer.Option(
            help="A folder in which products will be written; may be repeated.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Start one worker and report what would fail: 0 if nothing would, else 2.

    Looks at versions, clock, threads, memory, scratch space, and, of SLURM, walltime and GPUs;
    with --store at whether this machine and the worker see and write the same folder. Of a pool
    of jobs one job is started (first of [cpu], then of [gpu]), and cancelled at the end.

    Examples
    --------
    seisflow cluster check frontera --store /scratch/quakes
    """
    found = check_cluster(read_profile(profile), [path.absolute() for path in store or []])
    code = ExitCode.DONE
    if any(finding.state == "would fail" for finding in found):
        code = ExitCode.CONFIG
    rows = [[f.name, f.state, f.found + (f"\n-> {f.advice}" if f.advice else "")] for f in found]
    table(f"cluster {profile}", rows)
    if as_json:
        print_json({"exit_code": int(code), "findings": [asdict(finding) for finding in found]})
    if code:
        raise typer.Exit(int(code))
