"""Receipts: what is done is known from these, never from a chunk being there.

One JSON file for every task, written after the task's shards were flushed, under a name made of
the product's identity and the task: a changed parameter, input or layout never finds the old ones.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from seisflow.archive.store import HIDDEN, storage_errors
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath, any_path, file_bytes, read_folder, whole_file

__all__ = [
    "Receipt",
    "TaskPlan",
    "documents_of",
    "read_document",
    "read_inputs",
    "read_plan",
    "read_problems",
    "read_receipts",
    "receipt_path",
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


def receipt_path(path: AnyPath, key: str, task: str) -> AnyPath:
    """Return where the receipt of a task is."""
    return path / HIDDEN / "receipts" / f"{fingerprint([key, task])}.json"


def write_json(path: AnyPath, content: Any) -> None:
    """Write JSON under its final name only when it is whole and on the disk."""
    with storage_errors(path.parent), whole_file(path, "w") as file:
        json.dump(content, file, separators=(",", ":"))


def write_receipt(path: str | AnyPath, key: str, receipt: Receipt, detail: Any = None) -> None:
    """Record a task; `detail` is what finish needs of it and does not travel."""
    content = {"key": key, "receipt": asdict(receipt), "detail": detail}
    write_json(receipt_path(any_path(path), key, receipt.task), content)


def _parsed(text: bytes, key: str) -> tuple[Receipt, Any] | None:
    try:
        content = json.loads(text)
        if content["key"] != key:
            return None
        fields = content["receipt"]
        fields["problems"] = tuple(fields["problems"])
        if fields["state"] not in (DONE, FAILED):
            return None
        return Receipt(**fields), content["detail"]
    except (ValueError, KeyError, TypeError):
        return None  # not a receipt of this product: the task counts as not run


def read_receipt(path: str | AnyPath, key: str, task: str) -> Receipt | None:
    """Return the receipt of one task, or None if it has none."""
    try:
        text = file_bytes(receipt_path(any_path(path), key, task))
    except OSError:
        return None
    found = _parsed(text, key)
    return found[0] if found else None


def read_receipts(path: str | AnyPath, key: str) -> dict[str, tuple[Receipt, Any]]:
    """Return every receipt of a product with its detail, by task."""
    texts = read_folder(any_path(path) / HIDDEN / "receipts", ".json")
    found = (_parsed(text, key) for text in texts)
    return {r.task: (r, detail) for r, detail in (f for f in found if f)}


def documents_of(
    plan: TaskPlan, inputs: Mapping[str, str] | None = None, problems: Sequence[str] = ()
) -> dict[str, Any]:
    """Return what is kept beside the receipts: plan, inputs, and what planning could not use."""
    return {PLAN: asdict(plan), INPUTS: dict(inputs or {}), PROBLEMS: list(problems)}


def _kept(path: str | AnyPath, name: str) -> Any:
    """Read what is kept beside the receipts; None if it is not there."""
    try:
        return json.loads(file_bytes(any_path(path) / HIDDEN / name))
    except FileNotFoundError:
        return None


def read_document(path: str | AnyPath, name: str) -> dict[str, Any]:
    """Read a document kept beside the receipts; empty if nothing was kept."""
    return dict(_kept(path, name) or {})


def read_problems(path: str | AnyPath) -> tuple[str, ...]:
    """Read what planning could not use."""
    return tuple(_kept(path, PROBLEMS) or ())


def read_inputs(path: str | AnyPath) -> dict[str, str]:
    """Read what was known of every input file; empty if nothing was kept."""
    return read_document(path, INPUTS)


def read_plan(path: str | AnyPath) -> TaskPlan | None:
    """Read the plan of a product; None if it was never written."""
    content = _kept(path, PLAN)
    if content is None:
        return None
    content["tasks"], content["notes"] = tuple(content["tasks"]), tuple(content["notes"])
    return TaskPlan(**content)
