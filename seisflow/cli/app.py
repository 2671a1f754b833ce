"""The program: its commands, and the one place where errors become exit codes."""

import os
import re
import signal
import sys
import threading
from collections.abc import Iterable
from contextlib import chdir, suppress
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

import typer

from seisflow import __version__
from seisflow.console import ERRORS
from seisflow.errors import ConfigError, ExitCode, SeisflowError
from seisflow.registry import STAGES

__all__ = ["COMMANDS", "main", "program"]

HELP = """Label, learn and find earthquakes in dense continuous seismic arrays.

The way of the data: 'ingest' foreign files into WAVEFORMS, 'label' every second of every
station into LABELS, 'plot' them. Every command can be typed again after a crash and goes on
where it was; every product opens with seisflow.open(path) or xarray.open_zarr(path).

Exit codes: 0 done, 1 bug, 2 configuration, 3 data (something in the files could not be used;
the rest was), 4 incomplete (type the command again), 130 interrupted."""
OTHERS = {
    "run": ("campaign", "Run all stages of a campaign file, each resumable; end with one page."),
    "plan": ("campaign", "Show what a campaign will take: tasks, files, bytes, memory and hours."),
    "plot": ("plot", "Draw labels: a day of the array, or one hour of one station."),
    "status": ("status", "Show how far a product is: done, missing and failed tasks."),
    "jobs": ("jobs", "Show what was detached here: jobs of SLURM, and how far each is."),
    "logs": ("jobs", "Print what a detached command has said."),
    "cancel": ("jobs", "End a detached command; what is done is kept."),
    "demo": ("demo", "Do the whole mission on a small synthetic array with known truth."),
    "cluster": ("cluster", "Look at clusters before work is trusted to them."),
}
"""Commands that are no stage: module and summary; `cluster` has commands of its own."""
COMMANDS = {name: entry.summary for name, entry in STAGES.items()}
COMMANDS |= {name: summary for name, (_, summary) in OTHERS.items()}
"""The summary of each command, in the order of ``--help``."""


def program(names: Iterable[str] = COMMANDS) -> typer.Typer:
    """Return the command line with these commands; of the others, their summaries alone.

    Only modules of these commands are imported: all of them take seconds, of which `seisflow
    --help`, `seisflow status` and every worker process have no use.
    """
    app = typer.Typer(
        name="seisflow",
        help=HELP,
        callback=_root,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode="markdown",
        context_settings={"help_option_names": ["-h", "--help"]},
        pretty_exceptions_enable=False,
    )
    whole = set(names)
    for name, summary in COMMANDS.items():
        if name not in whole:
            app.command(name, help=summary)(_only_summary)
        elif name in STAGES:
            commands = import_module("seisflow.cli.commands")
            app.command(name, cls=commands.StageCommand)(commands.command_of(name))
        else:
            _add_other(app, name)
    return app


def _only_summary() -> None:
    """Stand for a command in the list of all."""


def _add_other(app: typer.Typer, name: str) -> None:
    if name != "status":  # before xarray imports Dask, with the files of the user
        import_module("seisflow.engine")
    module = import_module(f"seisflow.cli.{OTHERS[name][0]}")
    if name == "cluster":
        app.add_typer(module.app, name=name)
    else:
        app.command(name)(getattr(module, name))


def command_line(names: Iterable[str] = COMMANDS) -> Any:
    """Return the command line of `program` whose help shows what its texts say, sign by sign."""
    command = typer.main.get_command(program(names))
    _show_literally(command)
    return command


def _show_literally(command: Any) -> None:
    """Escape what Markdown, by which help is laid out, would take for its own."""
    for shown in (command, *command.params):
        if getattr(shown, "help", None):
            shown.help = literal(shown.help)
    for inner in getattr(command, "commands", {}).values():
        _show_literally(inner)


def literal(text: str) -> str:
    """Return the Markdown of a text; paragraphs and underlined headings stay what they are."""
    escaped = re.sub(r"([\\`*_\[\]<>&~|#])", r"\\\1", text)
    return re.sub(r"(?m)^(\s*\d*)([-+.)])(?=\s)", r"\1\\\2", escaped)  # no lists


def _version(value: bool) -> None:
    if value:
        typer.echo(f"seisflow {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(
        False, "--version", help="Show the version.", callback=_version, is_eager=True
    ),
) -> None:
    pass


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, lambda *_: None)  # once: the end itself is not interrupted
    raise KeyboardInterrupt


def _interrupt_again(dropped: "sys.UnraisableHookArgs") -> None:
    """Interrupt once more where Python drops it: in a finalizer, or while it collects garbage."""
    main = threading.main_thread()
    if dropped.exc_type is KeyboardInterrupt and threading.current_thread() is main:
        assert main.ident is not None
        signal.signal(signal.SIGINT, signal.default_int_handler)  # it may have been SIGTERM
        # later and from elsewhere: what is raised in here is dropped too
        threading.Timer(0.01, signal.pthread_kill, (main.ident, signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(dropped)


def _say(error: str) -> None:
    ERRORS.print(f"error: {error}", style="red")


def _own_environment() -> None:
    """Keep what was set for other programs from this process and its workers."""
    for name in [n for n in os.environ if n.startswith(("NUMBA_", "ZARR_"))]:
        if name != "NUMBA_CACHE_DIR":  # a place changes no result
            del os.environ[name]
    os.environ |= {"MATPLOTLIBRC": os.devnull, "MPLBACKEND": "agg"}
    if Path("matplotlibrc").exists():  # read before what the variable names
        with chdir("/"), suppress(ConfigError):  # without matplotlib there is nothing to keep
            import_module("seisflow.stages.report.figures.palette")


def main() -> NoReturn:
    """Run the command line and exit with the code of `seisflow.errors.ExitCode`.

    SIGTERM, with which SLURM ends jobs, ends a command in good order as Ctrl-C does.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    sys.unraisablehook = _interrupt_again
    _own_environment()
    asked = sys.argv[1:2]
    try:
        code = command_line(asked)(standalone_mode=False)
    except SeisflowError as error:
        _say(str(error))
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except Exception as error:
        from seisflow.core.files import is_store_trouble  # fsspec takes long to import

        if is_store_trouble(error):
            _say(
                f"the object store refused or did not answer ({type(error).__name__}: {error}); "
                "check bucket, endpoint and credentials (AWS_* variables, ~/.aws), then type the "
                "command again: what is done is kept"
            )
            code = ExitCode.INCOMPLETE
        elif hasattr(error, "show"):  # a usage error of the argument parser shows itself
            error.show()
            code = ExitCode.CONFIG
        else:
            raise
    if code == ExitCode.INTERRUPTED:  # the argument parser returns it too
        ERRORS.print("interrupted; what is done is kept: type the command again to go on")
    sys.exit(int(code or 0))
