"""The program: its commands, and the one place where errors become exit codes."""

import signal
import sys
from types import FrameType
from typing import NoReturn

import typer

from seisflow import __version__
from seisflow.cli import (
    assemble,
    campaign,
    cluster,
    compare,
    demo,
    detect,
    evaluate,
    infer,
    ingest,
    jobs,
    label,
    plot,
    report,
    status,
    synth,
    train,
)
from seisflow.cli.console import ERRORS
from seisflow.errors import ExitCode, SeisflowError

__all__ = ["app", "main"]

app = typer.Typer(
    name="seisflow",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
    help="""Label, learn and find earthquakes in dense continuous seismic arrays.

    The way of the data: **ingest** foreign files into WAVEFORMS, **label** every second of every
    station into LABELS, **plot** them. Every command can be typed again after a crash and goes on
    where it was; every product opens with `seisflow.open(path)` or `xarray.open_zarr(path)`.

    Exit codes: 0 done, 1 bug, 2 configuration, 3 data (something in the files could not be used;
    the rest was), 4 incomplete (type the command again), 130 interrupted.""",
)

app.command("synth")(synth.synth)
app.command("ingest")(ingest.ingest)
app.command("label")(label.label)
app.command("assemble")(assemble.assemble)
app.command("train")(train.train)
app.command("evaluate")(evaluate.evaluate)
app.command("infer")(infer.infer)
app.command("detect")(detect.detect)
app.command("compare")(compare.compare)
app.command("report")(report.report)
app.command("run")(campaign.run)
app.command("plan")(campaign.plan)
app.command("plot")(plot.plot)
app.command("status")(status.status)
app.command("jobs")(jobs.jobs)
app.command("logs")(jobs.logs)
app.command("cancel")(jobs.cancel)
app.command("demo")(demo.demo)
app.add_typer(cluster.app, name="cluster")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"seisflow {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(
        False, "--version", help="Show the version.", callback=_version, is_eager=True
    ),
) -> None:
    pass


def _interrupt(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGTERM, lambda *_: None)  # once: the end itself is not interrupted
    raise KeyboardInterrupt


def main() -> NoReturn:
    """Run the command line and exit with the code of `seisflow.errors.ExitCode`.

    SIGTERM, with which SLURM ends jobs, ends a command in good order as Ctrl-C does.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        code = app(standalone_mode=False)
    except SeisflowError as error:
        ERRORS.print(f"error: {error}", markup=False, highlight=False, style="red", soft_wrap=True)
        code = error.exit_code
    except (KeyboardInterrupt, typer.Abort):
        code = ExitCode.INTERRUPTED
    except Exception as error:
        if not hasattr(error, "show"):  # a usage error of the argument parser shows itself
            raise
        error.show()
        code = ExitCode.CONFIG
    if code == ExitCode.INTERRUPTED:  # the argument parser returns it too
        ERRORS.print("interrupted; what is done is kept: type the command again to go on")
    sys.exit(int(code or 0))
