"""Receipts: what is done is known from these, never from a chunk being there.

One JSON file for every task, written after the task's shards were flushed, under a name made of
the product's identity and the task: a changed parameter, input or layout never finds the old ones.
"""

import json
import os
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from seisflow.archive.store import HIDDEN, storage_errors
from seisflow.core.config import fingerprint

__all__ = [
    "Receipt",
    "TaskPlan",
    "documents_of",
    "read_document",
    "read_inputs",
    "read_plan",
    "read_problems",
    "read_receipts",
    "write_receipt",
]

DONE = "done"
FAILED = "failed"
PLAN = "plan.json"
INPUTS = "inputs.json"
PROBLEMS = "problems.json"


@dataclass(frozen=True)
class Receipt:
    """What one task did. Small: arrays never travel through the scheduler.

    Parameters
    ----------
    task : str
        Name of the task, unique in the product.
    state : str
        ``done``, or ``failed`` with `reason`.
    reason : str
        Why it failed.
    started : str
        ISO 8601 UTC.
    wall_s, cpu_s : float
        Time it took on the clock and on the processor.
    peak_memory_bytes : int
        Largest resident size of the worker process so far.
    read_bytes, written_bytes : int
        Bytes that crossed the disk.
    host : str
        Where it ran.
    counts : mapping of str to int
        What the stage counted, for the summary.
    problems : tuple of str
        What could not be used, by name; the rest was. At most 20; `n_problems` has them all.
    n_problems : int
        Number of problems found.
    """

    task: str
    state: str = DONE
    reason: str = ""
    started: str = ""
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_memory_bytes: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    host: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    n_problems: int = 0

    def brief(self) -> "Receipt":
        """Return the receipt with its problems cut to what fits through the scheduler."""
        return replace(self, problems=tuple(p[:200] for p in self.problems[:2]))


@dataclass(frozen=True)
class TaskPlan:
    """All tasks of a product and what one of them is expected to need."""

    tasks: tuple[str, ...]
    unit: str
    memory_bytes: int
    read_bytes: int
    write_bytes: int
    n_files: int
    notes: tuple[str, ...] = ()


def _receipt_path(path: Path, key: str, task: str) -> Path:
    return path / HIDDEN / "receipts" / f"{fingerprint([key, task])}.json"


def write_json(path: Path, content: Any) -> None:
    """Write JSON under its final name only when it is whole and on the disk."""
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex[:8]}.partial")
    with storage_errors(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("w") as handle:
                json.dump(content, handle, separators=(",", ":"))
                handle.flush()
                os.fsync(handle.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)


def write_receipt(path: str | Path, key: str, receipt: Receipt, detail: Any = None) -> None:
    """Record a task; `detail` is what finish needs of it and does not travel."""
    content = {"key": key, "receipt": asdict(receipt), "detail": detail}
    write_json(_receipt_path(Path(path), key, receipt.task), content)


def _load(file: Path, key: str) -> tuple[Receipt, Any] | None:
    try:
        content = json.loads(file.read_text())
        if content["key"] != key:
            return None
        fields = dict(content["receipt"])
        fields["problems"] = tuple(fields["problems"])
        if fields["state"] not in (DONE, FAILED):
            return None
        return Receipt(**fields), content["detail"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # not a receipt of this product: the task counts as not run


def read_receipt(path: str | Path, key: str, task: str) -> Receipt | None:
    """Return the receipt of one task, or None if it has none."""
    found = _load(_receipt_path(Path(path), key, task), key)
    return found[0] if found else None


def read_receipts(path: str | Path, key: str) -> dict[str, tuple[Receipt, Any]]:
    """Return every receipt of a product with its detail, by task."""
    files = sorted((Path(path) / HIDDEN / "receipts").glob("*.json"))
    found = (_load(f, key) for f in files)
    return {r.task: (r, detail) for r, detail in (f for f in found if f)}


def documents_of(
    plan: TaskPlan, inputs: Mapping[str, str] | None = None, problems: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what is kept beside the receipts: plan, inputs, and what planning could not use."""
    return {PLAN: asdict(plan), INPUTS: dict(inputs or {}), PROBLEMS: list(problems)}


def read_document(path: str | Path, name: str) -> dict[str, Any]:
    """Read a document kept beside the receipts; empty if nothing was kept."""
    file = Path(path) / HIDDEN / name
    return dict(json.loads(file.read_text())) if file.exists() else {}


def read_problems(path: str | Path) -> tuple[str, ...]:
    """Read what planning could not use."""
    file = Path(path) / HIDDEN / PROBLEMS
    return tuple(json.loads(file.read_text())) if file.exists() else ()


def read_inputs(path: str | Path) -> dict[str, str]:
    """Read what was known of every input file; empty if nothing was kept."""
    return read_document(path, INPUTS)


def read_plan(path: str | Path) -> TaskPlan | None:
    """Read the plan of a product; None if it was never written."""
    file = Path(path) / HIDDEN / PLAN
    if not file.exists():
        return None
    content = json.loads(file.read_text())
    content["tasks"], content["notes"] = tuple(content["tasks"]), tuple(content["notes"])
    return TaskPlan(**content)
