"""Options that several commands share, declared once."""

from typing import Annotated, Any

import typer

from seisflow.core.engine_options import ENGINE, OF_COMMANDS
from seisflow.core.files import AnyPath, any_path


def a_path(typed: str) -> AnyPath:
    """Return the path that a user typed: on a disk, or a URL in an object store."""
    try:
        return any_path(typed)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _engine(name: str) -> Any:
    option = ENGINE[name]
    return typer.Option(f"--{option.dashed}", help=option.help, rich_help_panel="Engine")


ClusterOption = Annotated[str, _engine("cluster")]
WorkersOption = Annotated[int | None, _engine("workers")]
DryRunOption = Annotated[bool, _engine("dry_run")]
DetachOption = Annotated[bool, _engine("detach")]
JsonOption = Annotated[bool, _engine("json")]
SelectOption = Annotated[
    list[str] | None,
    typer.Option(
        "--select",
        help="Stations by four globs NET.STA.LOC.CHA, for example 'AZ.*.*.??Z'; may be repeated.",
    ),
]
StartOption = Annotated[
    str | None, typer.Option("--start", help="Start of the time span, ISO 8601 UTC.")
]
EndOption = Annotated[
    str | None, typer.Option("--end", help="End of the time span (exclusive), ISO 8601 UTC.")
]

_PARAMETERS: dict[str, tuple[str, Any]] = {
    "cluster": ("cluster", ClusterOption),
    "workers": ("workers", WorkersOption),
    "detach": ("detached", DetachOption),
    "dry_run": ("dry_run", DryRunOption),
    "json": ("as_json", JsonOption),
}
ENGINE_OPTIONS: dict[str, dict[str, tuple[Any, Any]]] = {
    engine: {
        parameter: (kind, ENGINE[name].default)
        for name, (parameter, kind) in _PARAMETERS.items()
        if name in names
    }
    for engine, names in OF_COMMANDS.items()
}
"""What commands take beside the options of their stage, by how the stage runs."""
