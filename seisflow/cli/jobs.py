"""``seisflow jobs``, ``seisflow logs``, ``seisflow cancel``: what was detached."""

import json
import shlex
import time
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from seisflow.archive.work import progress_of
from seisflow.cli.options import JsonOption
from seisflow.cli.register import Detached, find_detached, registered
from seisflow.console import ERRORS, print_json, table
from seisflow.core.files import AnyPath, any_path, is_store_trouble
from seisflow.engine.batch import JobState, cancel_job, job_states
from seisflow.errors import ClusterError, ConfigError, SeisflowError

__all__ = ["cancel", "jobs", "logs"]

SHOWN = 30
ENDED = JobState("ENDED")
"""A job that SLURM has forgotten."""
LOOK_EVERY_S, ASK_EVERY_S = 0.5, 10.0

IdArgument = Annotated[str, typer.Argument(metavar="ID", help="A number that 'jobs' shows.")]


def jobs(
    every: Annotated[bool, typer.Option("--all", help="Also what is older than 30 jobs.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what was detached here: jobs of SLURM, what each makes, and how far it is.

    ENDED is what SLURM has forgotten; whether the product is complete, its progress says.

    Examples
    --------
    seisflow jobs
    """
    found = registered()
    if not every:
        found = found[-SHOWN:]
    if not found:
        ERRORS.print("no job was detached here: use --detach")
    states = job_states(d.id for d in found)
    rows = [_row(detached, _state(detached, states)) for detached in found]
    if rows:
        head = ["id", "command", "product", "state", "progress", "submitted", "has run"]
        table("detached", [[row[name] for name in head] for row in rows], head)
    if as_json:
        print_json(rows)


def _state(detached: Detached, states: dict[str, JobState]) -> JobState:
    """Return the state of a job; SLURM counts from 1 again at times, and forgets."""
    state = states.get(detached.id, ENDED)
    return state if state.name in ("", detached.name) else ENDED


def _row(detached: Detached, state: JobState) -> dict[str, Any]:
    shown = f"{state.state} ({state.reason})" if state.reason else state.state
    return {
        "id": detached.id,
        "command": detached.command,
        "product": detached.product,
        "state": shown,
        "progress": progress_text(detached),
        "submitted": detached.submitted,
        "has run": state.elapsed or "-",
        "log": detached.log,
    }


def progress_text(detached: Detached) -> str:
    """Say how far a product is; a dash where nothing can be read yet."""
    try:
        if detached.command == "train":
            return _epochs_text(any_path(detached.product))
        state = progress_of(detached.product)
    except Exception as error:
        if isinstance(error, (OSError, ValueError, SeisflowError)) or is_store_trouble(error):
            return "-"
        raise
    failed = f", {len(state.failed)} failed" if state.failed else ""
    return f"{len(state.done)} of {len(state.plan.tasks)} {state.plan.unit}{failed}"


def _epochs_text(model: AnyPath) -> str:
    """Say how far a model is, from its files: `seisflow.learn` would load torch first."""
    rows = json.loads((model / "history.json").read_text())
    is_finished = (model / "model.json").exists() and not (model / "checkpoint.pt").exists()
    return f"{len(rows)} epochs{', finished' if is_finished else ''}"


def logs(
    job_id: IdArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Go on until the job ends, or Ctrl-C.")
    ] = False,
    lines: Annotated[int, typer.Option("--lines", help="Last lines; 0: all.", min=0)] = 40,
) -> None:
    """Print what a detached command has said, on standard output.

    The line with ssh for its dashboard stands near the beginning, once the command runs.

    Examples
    --------
    seisflow logs 4711 --follow
    """
    detached = find_detached(job_id)
    log = Path(detached.log)
    is_over = not follow
    if not log.exists():
        state = _state(detached, job_states([job_id]))
        is_over = is_over or not state.is_active
        reason = f" ({state.reason})" if state.reason else ""
        ERRORS.print(f"job {job_id} is {state.state}{reason} and has no log yet: {log}")
    while not log.exists() and not is_over:
        time.sleep(LOOK_EVERY_S)
        is_over = not _is_active(detached)
    if not log.exists():
        return
    with log.open("rb") as handle:
        _print_last(handle, lines)
        if not is_over:
            _print_until_ended(handle, detached)


def _print_last(handle: BinaryIO, n_lines: int) -> None:
    content = handle.read().splitlines(keepends=True)
    for line in content[-n_lines:]:
        typer.echo(line, nl=False)


def _print_until_ended(handle: BinaryIO, detached: Detached) -> None:
    asked, is_active = time.monotonic() - ASK_EVERY_S, True
    while True:
        new = handle.read()
        if new:
            typer.echo(new, nl=False)
        elif not is_active:
            return
        if is_active and time.monotonic() - asked > ASK_EVERY_S:
            asked, is_active = time.monotonic(), _is_active(detached)
        elif is_active:
            time.sleep(LOOK_EVERY_S)


def _is_active(detached: Detached) -> bool:
    """Tell whether a job waits or runs; SLURM may be too busy to say."""
    try:
        return _state(detached, job_states([detached.id])).is_active
    except ClusterError:
        return True


def cancel(job_id: IdArgument, as_json: JsonOption = False) -> None:
    """End a detached command. What is done is kept, and the command can be typed again.

    Examples
    --------
    seisflow cancel 4711
    """
    detached = find_detached(job_id)
    state = job_states([job_id]).get(job_id, ENDED)
    if state.name not in ("", detached.name):
        raise ConfigError(
            f"job {job_id} is called {state.name!r} and not {detached.name!r}: another job has the "
            "number now, and was not cancelled"
        )
    if state.is_active:
        cancel_job(job_id)
        ERRORS.print(f"job {job_id}, which was {state.state}, is cancelled")
    else:
        ERRORS.print(f"job {job_id} has ended ({state.state}) already")
    again = f"cd {shlex.quote(detached.folder)} && {detached.line}"
    ERRORS.print(
        f"what is done of {detached.product} is kept; to go on: {again}",
    )
    if as_json:
        content = {"id": job_id, "was": state.state, "is_cancelled": state.is_active}
        print_json({**content, "product": detached.product, "again": again})
