"""Stages that go through WAVEFORMS hour by hour: a block of stations over one shard of time a task.

Invariants: an hour is a UTC clock hour and is always done whole, however the work is cut. One that
cannot be done is marked failed with its reason, and the others of its task go on.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from seisflow.archive.blocks import (
    BlockTask,
    Selection,
    block_tasks,
    refuse_other_block,
    set_aside,
    source_document,
    task_unit,
)
from seisflow.archive.products import (
    FORMAT_VERSIONS,
    RESULT_VERSIONS,
    ArraySpec,
    Identity,
    Product,
)
from seisflow.archive.receipts import TaskPlan, documents_of
from seisflow.archive.store import consolidate, create_product, sweep_partial, write_shards
from seisflow.archive.work import Done, Progress
from seisflow.core.config import SelectingConfig
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_S, NS_PER_S, format_time
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.stage import Plan, Runner, Stage

__all__ = ["BlockJob", "BlockPlan", "BlockStage", "Shards", "do_hours", "needs_of"]

C = TypeVar("C", bound=SelectingConfig)
F_contra = TypeVar("F_contra", contravariant=True)
F = TypeVar("F")
P = TypeVar("P", bound="BlockPlan")


class Shards(Protocol[F_contra]):
    """The shards of one task in memory; stations first, then seconds or hours."""

    @property
    def arrays(self) -> Mapping[str, npt.NDArray[np.generic]]:
        """What is written, by the names of the product."""
        ...

    @property
    def counts(self) -> Mapping[str, int]:
        """Seconds of each kind, for the receipt."""
        ...

    def put(self, station: int, seconds: slice, found: F_contra, /) -> None:
        """Fill an hour of a station."""
        ...

    def fail(self, station: int | slice, seconds: slice) -> None:
        """Mark seconds of a station, or of several, as failed."""
        ...


@dataclass(frozen=True, kw_only=True)
class BlockPlan(Plan[BlockTask]):
    """A product to be made of a part of WAVEFORMS."""

    selection: Selection


@dataclass(frozen=True)
class BlockJob(Generic[C]):
    """What every task of one run shares."""

    waveforms: AnyPath
    output: AnyPath
    source: Product
    product: Product
    config: C

    @property
    def offset_s(self) -> int:
        """Seconds from the start of WAVEFORMS to that of the product."""
        return int((self.product.span.start_ns - self.source.span.start_ns) // NS_PER_S)


class BlockStage(Stage[C, BlockTask, P], Generic[C, P]):
    """A stage that fills arrays of stations and seconds; a child knows which, and with what."""

    title: ClassVar[str]

    def plan(self, runner: Runner | None = None, reporter: Reporter = SILENT) -> P:
        """Lay out the product; nothing of that is done on a cluster."""
        raise NotImplementedError

    def arrays(self, plan: P) -> Iterable[ArraySpec]:
        """Return all arrays of the empty product."""
        raise NotImplementedError

    def documents(self, plan: P) -> Mapping[str, Any]:
        """Return what is kept beside the plan, by file name."""
        return {}

    @staticmethod
    def shares(progress: Progress) -> Mapping[str, str]:
        """Return how many seconds there are of each kind, for people."""
        raise NotImplementedError

    @staticmethod
    def shards(product: Product, task: BlockTask) -> Shards[Any]:
        """Return the shards of a task in which nothing has run."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse what cannot be done, and another product under that name."""
        self.refuse_other(self.plan())

    def create(self, plan: P) -> None:
        """Make the empty product, or find it.

        Raises
        ------
        ConfigError
            Something else stands there.
        """
        if not self.refuse_other(plan):
            documents = documents_of(plan.needs)
            documents |= source_document(plan.selection.waveforms, self.output)
            documents |= self.documents(plan)
            arrays = tuple(self.arrays(plan))
            create_product(self.output, plan.product, arrays, self.title, documents)
        refuse_other_block(self.output, plan.product)

    def finish(self, plan: P) -> None:
        """Mark what was set aside as failed on the disk, then consolidate.

        Tasks that have not run stay not_run; a later run fills both.
        """
        for task in set_aside(self.work(plan)):
            shards = self.shards(plan.product, task)
            shards.fail(slice(None), slice(None))
            _write(self.output, task, shards)
        sweep_partial(self.output)
        consolidate(self.output)

    def summary(self, plan: P, progress: Progress) -> dict[str, Any]:
        """Return stations, span, and the seconds of each kind."""
        return {
            "stations": len(plan.selection.stations),
            "span": str(plan.product.span),
            **self.shares(progress),
        }

    @classmethod
    def cut(
        cls, config: C, selection: Selection, block: int | None, inputs: Mapping[str, str]
    ) -> tuple[Product, tuple[BlockTask, ...]]:
        """Return the product of a selection and its tasks.

        Parameters
        ----------
        config : SelectingConfig
            What is asked.
        selection : Selection
            The part of WAVEFORMS, which need not be there yet.
        block : int, optional
            Stations of one task and shard; see `Selection.block`.
        inputs : mapping of str to str
            Keys of what is read beside WAVEFORMS.
        """
        identity = Identity(
            cls.writes,
            cls.name,
            config.resolved() | {"stations": list(selection.stations)},
            {"waveforms": selection.source.identity.key, **inputs},
            FORMAT_VERSIONS[cls.writes],
            RESULT_VERSIONS[cls.name],
        )
        size, rate = selection.block(block), selection.source.rate
        product = Product(identity, selection.span, rate, selection.shard_s, size)
        return product, tuple(block_tasks(product, selection))


def needs_of(
    product: Product,
    tasks: tuple[BlockTask, ...],
    *,
    memory_bytes: int,
    n_arrays: int,
    notes: tuple[str, ...],
) -> TaskPlan:
    """Say what the tasks of a product take.

    Parameters
    ----------
    product : Product
        What is made.
    tasks : tuple of BlockTask
        All of its tasks.
    memory_bytes : int
        Of a worker.
    n_arrays : int
        Arrays of which a task writes a shard.
    notes : tuple of str
        What people should know.
    """
    n_station_s = sum(task.station_s for task in tasks)
    return TaskPlan(
        tasks=tuple(task.name for task in tasks),
        unit=task_unit(product),
        memory_bytes=memory_bytes,
        read_bytes=n_station_s * int(product.rate) * 2,
        write_bytes=n_station_s * 12,
        n_files=n_arrays * len(tasks),
        notes=notes,
    )


def do_hours(
    job: BlockJob[C], task: BlockTask, shards: Shards[F], do_hour: Callable[[int, int], F]
) -> Done:
    """Do a block of stations over one shard of time, an hour at a time, and write its shards.

    Parameters
    ----------
    job : BlockJob
        What all tasks share.
    task : BlockTask
        What is done.
    shards : Shards
        Where it is put.
    do_hour : callable
        ``do_hour(row, start_s)`` does an hour of the station in a row of WAVEFORMS; `start_s`
        counts from the start of the product. What it raises is the reason why that hour failed.
    """
    failures: list[str] = []
    for i, row in enumerate(task.rows):
        for start_s in range(task.start_s, task.stop_s, HOUR_S):
            begin = start_s - task.start_s
            seconds = slice(begin, begin + HOUR_S)
            try:
                shards.put(i, seconds, do_hour(row, start_s))
            except Exception as error:  # noqa: BLE001 - one bad hour never stops the others
                shards.fail(i, seconds)
                time = format_time(job.product.span.start_ns + start_s * NS_PER_S)
                failures.append(f"row {row}, hour {time}: {type(error).__name__}: {error}")
    written = _write(job.output, task, shards)
    read = int(job.product.rate) * task.station_s
    return Done(shards.counts, (), tuple(failures), read, written)


def _write(output: AnyPath, task: BlockTask, shards: Shards[Any]) -> int:
    """Write the shards of a task; an array by hour has one value for 3600 seconds."""
    written = 0
    for name, values in shards.arrays.items():
        step = task.n_seconds // values.shape[1]
        written += write_shards(output, name, (task.first, task.start_s // step), values)
    return written
