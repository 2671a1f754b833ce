"""What every command of a stage does: ask, and plan, detach or run; then print."""

from collections.abc import Mapping
from typing import Any

import typer

from seisflow.archive.receipts import TaskPlan
from seisflow.archive.summary import few_lines
from seisflow.cli.detaching import detach
from seisflow.console import CONSOLE, ERRORS, print_json, table
from seisflow.core.amounts import human_bytes
from seisflow.core.files import AnyPath
from seisflow.engine.connection import Connection
from seisflow.engine.stage import Result, Single, Stage
from seisflow.errors import ExitCode
from seisflow.registry import perform, stage_of

__all__ = ["perform_command", "show_plan", "show_problems", "show_result"]

SHOWN = 20
"""Lines of a kind that are printed; the others are in the product."""


def perform_command(
    name: str,
    options: Mapping[str, Any],
    *,
    cluster: str = "local",
    workers: int | None = None,
    detached: bool = False,
    dry_run: bool = False,
    as_json: bool = False,
) -> None:
    """Run the command of a stage and end with its exit code."""
    kind = stage_of(name)
    stage = kind(kind.Config.build(options))
    if dry_run:
        _dry_run(stage, cluster, workers, as_json=as_json)
        return
    if detached:
        detach(stage, cluster, workers=workers, as_json=as_json)
        return
    result = perform(stage, cluster, workers, CONSOLE)
    show_result(result, as_json=as_json)
    if result.exit_code:
        raise typer.Exit(int(result.exit_code))


def _dry_run(
    stage: Stage[Any, Any, Any] | Single[Any], cluster: str, workers: int | None, *, as_json: bool
) -> None:
    if isinstance(stage, Single):
        content = stage.dry_run(CONSOLE)
        if as_json:
            print_json(content)
        return
    with Connection(cluster, workers, reporter=CONSOLE) as connection:
        plan = stage.plan(connection, CONSOLE)
    for each in plan.tables:
        table(*each)
    show_problems(plan.problems, stage.output)
    stage.refuse_other(plan)
    show_plan(plan.needs, stage.output, as_json=as_json)


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


def show_result(result: Result, *, as_json: bool) -> None:
    """Print the summary of a stage, what failed, and what could not be used."""
    if result.rows:
        table(result.stage, result.rows)
    if result.progress is not None:
        failed = result.progress.failed
        for name, reason in list(failed.items())[:SHOWN]:
            ERRORS.print(f"failed: {name}: {reason}", style="red")
        show_problems(result.problems, result.path, result.progress.n_problems)
    if result.exit_code == ExitCode.INCOMPLETE:
        ERRORS.print(f"{result.path} is incomplete; type the command again to go on")
    if as_json and result.summary:  # of several ranks one tells
        print_json(result.summary)


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
