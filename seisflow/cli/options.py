"""Options that several commands share, declared once."""

from typing import Annotated, Any

import typer

from seisflow.core.files import AnyPath, any_path


def a_path(typed: str) -> AnyPath:
    """Return the path that a user typed: on a disk, or a URL in an object store."""
    try:
        return any_path(typed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


ClusterOption = Annotated[
    str,
    typer.Option(
        "--cluster",
        help="Where tasks run: 'local' (worker processes on this machine, one thread each), "
        "'slurm', the address of a Dask scheduler such as tcp://host:8786, a TOML file, or the "
        "name of a profile in ~/.config/seisflow/clusters.",
        rich_help_panel="Engine",
    ),
]
WorkersOption = Annotated[
    int | None,
    typer.Option(
        "--workers",
        help="Worker processes of a local cluster; all cores by default. Other clusters say "
        "themselves how many they have, and refuse it.",
        rich_help_panel="Engine",
    ),
]
DryRunOption = Annotated[
    bool,
    typer.Option(
        "--dry-run",
        help="Show tasks, bytes, files and memory per task; write nothing.",
        rich_help_panel="Engine",
    ),
]
DetachOption = Annotated[
    bool,
    typer.Option(
        "--detach",
        help="With a SLURM profile: run the command in a job of its own and return at once; see "
        "'seisflow jobs'.",
        rich_help_panel="Engine",
    ),
]
JsonOption = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print the summary as JSON on standard output; the rest goes to standard error.",
        rich_help_panel="Engine",
    ),
]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        help="Stations by four globs NET.STA.LOC.CHA, for example 'AZ.*.*.??Z'; may be repeated.",
    ),
]
StartOption = Annotated[
    str | None, typer.Option("--start", help="First time wanted, ISO 8601 UTC.")
]
EndOption = Annotated[
    str | None, typer.Option("--end", help="First time not wanted any more, ISO 8601 UTC.")
]

ENGINE_OPTIONS: dict[str, dict[str, tuple[Any, Any]]] = {
    "tasks": {
        "cluster": (ClusterOption, "local"),
        "workers": (WorkersOption, None),
        "detached": (DetachOption, False),
        "dry_run": (DryRunOption, False),
        "as_json": (JsonOption, False),
    },
    "ranks": {
        "detached": (DetachOption, False),
        "dry_run": (DryRunOption, False),
        "as_json": (JsonOption, False),
    },
    "here": {"as_json": (JsonOption, False)},
}
"""What commands take beside the options of their stage, by how the stage runs."""
