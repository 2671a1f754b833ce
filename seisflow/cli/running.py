"""What every command with tasks does: connect, drive, record failures, finish, summarise."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import typer

from seisflow.archive.receipts import TaskPlan
from seisflow.archive.store import HIDDEN
from seisflow.archive.summary import common_rows, few_lines, summary_json
from seisflow.archive.work import Progress, Task, Work, progress_of, write_provenance
from seisflow.console import ERRORS, print_json, progress, table
from seisflow.core.amounts import human_bytes
from seisflow.core.files import AnyPath
from seisflow.engine.connect import Session, connect
from seisflow.engine.drive import Failure, drive
from seisflow.engine.profiles import read_profile
from seisflow.engine.versions import environment
from seisflow.errors import ConfigError, ExitCode

__all__ = ["open_session", "run_work", "show_plan", "show_problems", "summarise"]

T = TypeVar("T", bound=Task)
SHOWN = 20


@contextmanager
def open_session(
    cluster: str, workers: int | None, *, may_use_gpu: bool = False
) -> Iterator[Session]:
    """Connect to the cluster and say where it can be watched."""
    profile = read_profile(cluster, workers)
    with connect(profile, pool="gpu" if may_use_gpu else "cpu") as session:
        ERRORS.print(
            f"cluster {session.address}, {session.n_threads()} workers; "
            f"dashboard {session.dashboard}",
        )
        if session.tunnel:
            ERRORS.print(f"to see it at home: {session.tunnel}")
        yield session


def show_plan(plan: TaskPlan, output: AnyPath, *, as_json: bool) -> None:
    """Print what a command would do."""
    content = {
        "output": str(output),
        "tasks": len(plan.tasks),
        "unit": plan.unit,
        "read_bytes": plan.read_bytes,
        "write_bytes_at_most_about": plan.write_bytes,
        "files": plan.n_files,
        "memory_per_task_bytes": plan.memory_bytes,
        "notes": list(plan.notes),
    }
    shown = {
        "output": output,
        "tasks": f"{len(plan.tasks)} {plan.unit}",
        "reads": human_bytes(plan.read_bytes),
        "writes, about": f"{human_bytes(plan.write_bytes)} in at most {plan.n_files} files",
        "memory of a worker": human_bytes(plan.memory_bytes),
        **{f"note {i + 1}": note for i, note in enumerate(plan.notes)},
    }
    table("dry run: nothing was written", shown)
    if as_json:
        print_json(content)


def run_work(session: Session, work: Work[T], what: str, finish: Callable[[], None]) -> Progress:
    """Do all tasks of a product that are not done yet, and finish it.

    Raises
    ------
    ConfigError
        A task needs more memory than a worker has.
    """
    limit = session.worker_memory_bytes()
    if limit and work.plan.memory_bytes > limit:
        fewer = "fewer workers with --workers, or " if session.n_local > 1 else ""
        raise ConfigError(
            f"a task needs about {human_bytes(work.plan.memory_bytes)} and a worker may use "
            f"{human_bytes(limit)}; start {fewer}workers with more memory"
        )
    for note in work.plan.notes:
        ERRORS.print(f"note: {note}")
    remaining = work.remaining()
    if not remaining and is_finished(work):
        ERRORS.print(f"{work.path} is finished: nothing to do")
        return progress_of(work.path)
    if len(remaining) < len(work.tasks):
        ERRORS.print(
            f"resuming: {len(work.tasks) - len(remaining)} of {len(work.tasks)} tasks are done"
        )
    with progress(what, len(remaining)) as bar:
        for task, ended in drive(session, work.job(), remaining, stage=what):
            if isinstance(ended, Failure):
                work.record_failure(task, f"{ended.reason} (after {ended.attempts} attempts)")
            bar.advance()
    finish()
    state = progress_of(work.path)
    write_provenance(work.path, state, environment())
    return state


def is_finished(work: Work[T]) -> bool:
    """Tell whether a run has finished the product with every task done."""
    try:
        provenance = json.loads((work.path / HIDDEN / "provenance.json").read_text())
        return bool(provenance["n_done"] == len(work.tasks))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def summarise(
    title: str, path: AnyPath, state: Progress, extra: Mapping[str, Any], *, as_json: bool
) -> None:
    """Print the summary of a product and end with its exit code."""
    code = ExitCode.DONE
    if state.n_problems:
        code = ExitCode.DATA
    if not state.is_complete:
        code = ExitCode.INCOMPLETE
    table(title, {**common_rows(path, state), **extra})
    for name, reason in list(state.failed.items())[:SHOWN]:
        ERRORS.print(f"failed: {name}: {reason}", style="red")
    show_problems(state.problems, path, state.n_problems)
    if not state.is_complete:
        ERRORS.print(f"{path} is incomplete; type the command again to go on")
    if as_json:
        print_json(summary_json(path, state, extra, int(code)))
    if code:
        raise typer.Exit(int(code))


def show_problems(
    problems: tuple[str, ...], product: AnyPath | None = None, n_problems: int = 0
) -> None:
    """Print the problems, of many the first of each kind, and say which product has the others."""
    for problem in few_lines(problems, SHOWN):
        ERRORS.print(f"problem: {problem}", style="yellow")
    n_problems = max(n_problems, len(problems))
    if n_problems > min(len(problems), SHOWN):
        where = f"; 'seisflow status {product}' lists them once made" if product else ""
        ERRORS.print(f"... {n_problems} problems in all{where}")
