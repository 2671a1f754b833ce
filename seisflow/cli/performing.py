"""What every command of a stage does: ask, and plan, detach or run; then print."""

from collections.abc import Mapping
from typing import Any

import typer

from seisflow.archive.summary import note_rows
from seisflow.cli.detaching import detach
from seisflow.console import CONSOLE, ERRORS, print_json, table
from seisflow.core.amounts import human_bytes
from seisflow.core.files import AnyPath
from seisflow.engine.announcing import tell_problems, tell_result
from seisflow.engine.connection import Connection
from seisflow.engine.stage import Plan, Result, Single, Stage
from seisflow.errors import ExitCode
from seisflow.registry import perform, stage_of

__all__ = ["perform_command", "show_plan", "show_result"]


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
    tell_problems(plan.problems, CONSOLE, stage.output)
    stage.refuse_other(plan)
    show_plan(plan, stage.output, as_json=as_json)


def show_plan(plan: Plan[Any], output: AnyPath, *, as_json: bool) -> None:
    """Print what a command would do."""
    needs = plan.needs
    content = {
        "output": str(output),
        "tasks": len(needs.tasks),
        "unit": needs.unit,
        "read_bytes": needs.read_bytes,
        "write_bytes_at_most_about": needs.write_bytes,
        "files": needs.n_files,
        "memory_per_task_bytes": needs.memory_bytes,
        "notes": list(needs.notes),
        **plan.details,
    }
    shown = {
        "output": output,
        "tasks": f"{len(needs.tasks)} {needs.unit}",
        "reads": human_bytes(needs.read_bytes),
        "writes, about": f"{human_bytes(needs.write_bytes)} in at most {needs.n_files} files",
        "memory of a worker": human_bytes(needs.memory_bytes),
        **note_rows(needs.notes),
    }
    table("dry run: nothing was written", shown)
    if as_json:
        print_json(content)


def show_result(result: Result, *, as_json: bool) -> None:
    """Print the summary of a stage, what failed, and what could not be used."""
    tell_result(result, CONSOLE)
    if result.exit_code == ExitCode.INCOMPLETE:
        ERRORS.print(f"{result.path} is incomplete; type the command again to go on")
    if as_json and result.summary:  # of several ranks one tells
        print_json(result.summary)
