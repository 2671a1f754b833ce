"""What is said of every product with tasks, in a table and as JSON."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from seisflow.archive.work import Progress
from seisflow.core.amounts import human_bytes, human_time
from seisflow.core.files import AnyPath

__all__ = ["common_rows", "few_lines", "note_rows", "summary_json"]

_NUMBER = re.compile(r"[-+]?\d[\d.]*")


def few_lines(problems: Sequence[str], n_shown: int) -> list[str]:
    """Return all problems where they are few, else the first of each kind with a count.

    Problems whose text behind the name of the file differs in numbers alone are of one kind.
    """
    if len(problems) <= n_shown:
        return list(problems)
    kinds: dict[str, list[str]] = {}
    for problem in problems:
        where, _, reason = problem.partition(": ")
        kinds.setdefault(_NUMBER.sub("#", reason or where), []).append(problem)
    lines = [
        f"{alike[0]} (and {len(alike) - 1} like it)" if len(alike) > 1 else alike[0]
        for alike in kinds.values()
    ]
    return lines[:n_shown]


def summary_json(
    path: AnyPath, state: Progress, extra: Mapping[str, Any], code: int | None
) -> dict[str, Any]:
    """Return the summary as JSON content."""
    return {
        "product": str(path),
        "exit_code": code,
        "tasks": len(state.plan.tasks),
        "done": len(state.done),
        "failed": dict(state.failed),
        "missing": len(state.missing),
        "counts": dict(state.counts),
        "n_problems": state.n_problems,
        "problems": list(state.problems),
        "notes": list(state.plan.notes),
        "cpu_s": state.cpu_s,
        "elapsed_s": state.elapsed_s,
        "peak_memory_bytes": state.peak_memory_bytes,
        "projected_memory_bytes": state.plan.memory_bytes,
        "read_bytes": state.read_bytes,
        "written_bytes": state.written_bytes,
        **{k: v for k, v in extra.items() if isinstance(v, int | float | str)},
    }


def common_rows(path: AnyPath, state: Progress) -> dict[str, Any]:
    """Return the rows of the table that every product has; notes aside, which were told before."""
    n = len(state.plan.tasks)
    rate = len(state.done) / state.elapsed_s * 3600 if state.elapsed_s else 0.0
    return {
        "product": path,
        "tasks": f"{len(state.done)} done, {len(state.failed)} failed, "
        f"{len(state.missing)} not run, of {n} {state.plan.unit}",
        "time": f"{human_time(state.elapsed_s)} from first to last task; "
        f"{state.cpu_s / 3600:.3g} CPU-hours",
        "throughput": f"{rate:.3g} {state.plan.unit} per hour",
        "bytes": f"{human_bytes(state.read_bytes)} read, "
        f"{human_bytes(state.written_bytes)} written",
        "memory of a worker": f"{human_bytes(state.peak_memory_bytes)} at most; "
        f"{human_bytes(state.plan.memory_bytes)} projected",
    }


def note_rows(notes: Sequence[str]) -> dict[str, str]:
    """Return the rows of a table that shows the notes of a plan."""
    return {f"note {i + 1}": note for i, note in enumerate(notes)}
