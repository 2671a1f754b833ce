"""One task's whole life, and the state of a product read from its receipts."""

import os
import resource
import socket
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from seisflow.archive.products import Identity, Product, mapping_differences
from seisflow.archive.publishing import HIDDEN, product_stands
from seisflow.archive.receipts import (
    DONE,
    FAILED,
    Receipt,
    TaskPlan,
    read_inputs,
    read_plan,
    read_problems,
    read_receipt,
    read_receipts,
    write_json,
    write_receipt,
)
from seisflow.archive.store import read_product
from seisflow.core.files import AnyPath
from seisflow.errors import ConfigError, DataError, IncompleteError

__all__ = ["Done", "Progress", "Work", "execute", "progress_of", "refuse_other", "require_complete"]


class Task(Protocol):
    """A unit of work that writes whole shards of its own."""

    @property
    def name(self) -> str:
        """Unique in the product."""
        ...


T = TypeVar("T", bound=Task)


@dataclass(frozen=True)
class Done:
    """What a stage's ``run`` says of a task: counts, problems, bytes, and detail for finish.

    ``failures`` holds reasons why a part of the task could not be done; the task then counts as
    failed although the rest of it was written, and is tried again by the next run.
    """

    counts: Mapping[str, int] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    failures: tuple[str, ...] = ()
    read_bytes: int = 0
    written_bytes: int = 0
    detail: Any = None


@dataclass(frozen=True)
class Work(Generic[T]):
    """A product to be made: where it stands, which it is, all its tasks, and how one is done."""

    path: AnyPath
    key: str
    tasks: tuple[T, ...]
    run: Callable[[T], Done]
    plan: TaskPlan

    def remaining(self) -> list[T]:
        """Return the tasks without a receipt that says done."""
        receipts = read_receipts(self.path, self.key)
        done = {name for name, (receipt, _) in receipts.items() if receipt.state == DONE}
        return [task for task in self.tasks if task.name not in done]

    def job(self) -> "Job[T]":
        """Return what travels to the workers: everything but the list of tasks."""
        return Job(self.path, self.key, self.run)

    def record_failure(self, task: T, reason: str) -> Receipt:
        """Write a receipt that says why a task failed."""
        receipt = Receipt(task.name, FAILED, reason, datetime.now(UTC).isoformat())
        write_receipt(self.path, self.key, receipt)
        return receipt


@dataclass(frozen=True)
class Job(Generic[T]):
    """The part of `Work` a worker needs; calling it does one task."""

    path: AnyPath
    key: str
    run: Callable[[T], Done]

    def __call__(self, task: T) -> Receipt:
        """Do one task unless it is done already; see `execute`."""
        return execute(self, task)


def execute(job: Job[T], task: T) -> Receipt:
    """Check the receipt, run, write whole shards, record. May run twice; the end is the same.

    Returns
    -------
    Receipt
        Its brief form; the whole is on the disk.
    """
    found = read_receipt(job.path, job.key, task.name)
    if found is not None and found.state == DONE:
        return found.brief()
    started, wall, cpu = datetime.now(UTC), time.monotonic(), time.process_time()
    done = job.run(task)
    receipt = Receipt(
        task=task.name,
        state=FAILED if done.failures else DONE,
        reason="; ".join(done.failures)[:1000],
        started=started.isoformat(),
        wall_s=round(time.monotonic() - wall, 4),
        cpu_s=round(time.process_time() - cpu, 4),
        peak_memory_bytes=peak_memory_bytes(),
        read_bytes=done.read_bytes,
        written_bytes=done.written_bytes,
        host=socket.gethostname(),
        counts=dict(done.counts),
        problems=done.problems[:20],
        n_problems=len(done.problems),
    )
    write_receipt(job.path, job.key, receipt, done.detail)
    return receipt.brief()


def peak_memory_bytes() -> int:
    """Largest resident size this process has had."""
    status = Path("/proc/self/status")
    if status.exists():
        # not getrusage: its maximum is inherited from the process that forked this one
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    scale = 1 if os.uname().sysname == "Darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


@dataclass(frozen=True)
class Progress:
    """The state of a product, from its plan and receipts.

    ``done``, ``failed`` and ``missing`` name tasks; ``failed`` gives the reason of each.
    """

    plan: TaskPlan
    done: tuple[str, ...]
    failed: Mapping[str, str]
    missing: tuple[str, ...]
    counts: Mapping[str, int]
    problems: tuple[str, ...]
    n_problems: int
    cpu_s: float
    wall_s: float
    elapsed_s: float
    peak_memory_bytes: int
    read_bytes: int
    written_bytes: int

    @property
    def is_complete(self) -> bool:
        """Whether every task is done."""
        return not (self.failed or self.missing)


def progress_of(path: str | AnyPath) -> Progress:
    """Read the plan and all receipts of a product.

    Raises
    ------
    ConfigError, DataError
        As `seisflow.archive.store.read_product`.
    """
    product = read_product(path)
    found = read_receipts(path, product.identity.key)
    receipts = [receipt for receipt, _ in found.values()]
    plan = read_plan(path) or TaskPlan((), "tasks", 0, 0, 0, 0)
    planned = read_problems(path)
    counts: Counter[str] = Counter()
    for receipt in receipts:
        counts.update(receipt.counts)
    return Progress(
        plan=plan,
        done=tuple(r.task for r in receipts if r.state == DONE),
        failed={r.task: r.reason for r in receipts if r.state == FAILED},
        missing=tuple(t for t in plan.tasks if t not in found),
        counts=counts,
        problems=(*planned, *(p for r in receipts for p in r.problems)),
        n_problems=len(planned) + sum(r.n_problems for r in receipts),
        cpu_s=sum(r.cpu_s for r in receipts),
        wall_s=sum(r.wall_s for r in receipts),
        elapsed_s=_elapsed_s(receipts),
        peak_memory_bytes=max((r.peak_memory_bytes for r in receipts), default=0),
        read_bytes=sum(r.read_bytes for r in receipts),
        written_bytes=sum(r.written_bytes for r in receipts),
    )


def _elapsed_s(receipts: list[Receipt]) -> float:
    begun = [r for r in receipts if r.started]
    starts = [datetime.fromisoformat(r.started).timestamp() for r in begun]
    ends = [start + r.wall_s for start, r in zip(starts, begun, strict=True)]
    return max(ends) - min(starts) if starts else 0.0


def existing_product(path: AnyPath) -> Product:
    """Read the product that stands where one is to be written.

    Raises
    ------
    ConfigError
        Something else stands there.
    """
    try:
        return read_product(path)
    except DataError as error:
        raise ConfigError(f"{error}; or choose an output that does not exist") from error


def refuse_other(
    path: AnyPath,
    identity: Identity,
    inputs: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
) -> bool:
    """Tell whether a product stands at `path` already; refuse one of another configuration.

    Parameters
    ----------
    path : Path
        Where the product is to be written.
    identity : Identity
        What is asked for.
    inputs : mapping of str to str, optional
        What is known of every input file.
    options : sequence of str, optional
        Entries of the configuration that are options of the command under the same name; where
        they differ, the error tells how to go on with the product that is there.

    Returns
    -------
    bool
        True if this very product is there and can be resumed, False if nothing is there.

    Raises
    ------
    ConfigError
        Another product, or something else, stands there: every difference is listed.
    """
    if not product_stands(path):
        return False
    found = existing_product(path).identity
    if found.key == identity.key:
        return True
    differences = found.differences(identity)
    if inputs is not None:
        differences += mapping_differences("file ", read_inputs(path), inputs)
    lines = "\n".join(f"  {line}" for line in differences)
    raise ConfigError(
        f"{path} exists and belongs to another configuration:\n{lines}\n"
        f"{_to_go_on(found, identity, options)}give another output, or remove that one if it is no "
        "longer wanted"
    )


def _to_go_on(found: Identity, asked: Identity, options: Sequence[str]) -> str:
    """Name the options with which the product that was found is resumed."""
    given = [
        f"--{name.replace('_', '-')} {found.config[name]}"
        for name in options
        if name in found.config and found.config[name] != asked.config.get(name)
    ]
    return f"type {' '.join(given)} to go on with it, " if given else ""


def write_provenance(path: AnyPath, progress: Progress, versions: Mapping[str, str]) -> None:
    """Keep who made the product, with what, and how far it got."""
    content = {
        "finished": datetime.now(UTC).isoformat(),
        "host": socket.gethostname(),
        "versions": dict(versions),
        "n_done": len(progress.done),
        "n_failed": len(progress.failed),
        "n_missing": len(progress.missing),
        "cpu_s": progress.cpu_s,
    }
    write_json(path / HIDDEN / "provenance.json", content)


def require_complete(path: str | AnyPath) -> None:
    """Refuse an input some of whose tasks have not run (failed ones are known to have no data).

    Raises
    ------
    IncompleteError
        It names the first missing tasks.
    """
    progress = progress_of(path)
    if progress.missing or not progress.plan.tasks:
        some = ", ".join(progress.missing[:3]) or "no plan"
        raise IncompleteError(
            f"{path} is not complete: {len(progress.missing)} of {len(progress.plan.tasks)} tasks "
            f"have not run ({some}, ...); type the command that makes it again, then this one"
        )
