"""What is said of every product with tasks; no part of the engine, so that `status` is quick."""

from collections.abc import Mapping
from typing import Any

from seisflow.archive.work import Progress
from seisflow.core.files import AnyPath
from seisflow.report.amounts import human_bytes, human_time

__all__ = ["common_rows", "summary_json"]


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
    """Return the rows of the table that every product has."""
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
        **{f"note {i + 1}": note for i, note in enumerate(state.plan.notes)},
    }
