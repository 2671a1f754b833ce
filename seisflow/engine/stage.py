"""A stage: one question, its configuration, and how it is answered; and how every stage is run.

A stage with tasks has five verbs, called in this order: `Stage.check` refuses what needs no
cluster to be refused; `Stage.plan` reads metadata and writes nothing; `Stage.create` makes the
empty product, or finds the one that is there; `Stage.run` does one task on a worker; and
`Stage.finish` completes the product. A stage without tasks has `Step.check` and `Single.run_here`.

The life of a task: `run_stage` gives it to a `Runner` (`seisflow.engine.drive` on a cluster), a
worker calls `seisflow.archive.work.execute`, which looks at its receipt, calls `Stage.run` and
records what came of it; where it never came back, `run_stage` records why.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from seisflow.archive.products import Identity, Product
from seisflow.archive.receipts import TaskPlan
from seisflow.archive.store import HIDDEN
from seisflow.archive.summary import common_rows, summary_json
from seisflow.archive.work import (
    Done,
    Progress,
    Task,
    Work,
    progress_of,
    refuse_other,
    write_provenance,
)
from seisflow.core.config import StageConfig
from seisflow.core.files import AnyPath
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.failures import Failure
from seisflow.engine.profiles import Pool, Profile
from seisflow.engine.versions import environment
from seisflow.errors import ExitCode, IncompleteError

__all__ = ["Plan", "Result", "Runner", "Single", "Stage", "Step", "run_stage"]

T = TypeVar("T", bound=Task)
N = TypeVar("N", bound=Task)
R = TypeVar("R")
P = TypeVar("P", bound="Plan[Any]")
C = TypeVar("C", bound=StageConfig)


class Runner(Protocol):
    """Where tasks run: a cluster (`seisflow.engine.connection`), or this process."""

    def each(
        self, function: Callable[[N], R], tasks: Iterable[N], *, stage: str
    ) -> Iterator[tuple[N, R | Failure]]:
        """Run ``function(task)`` for every task; yield each as it ends."""

    def refuse_small(self, memory_bytes: int) -> None:
        """Refuse workers with less memory than a task needs; a cluster is joined for it."""

    def refuse_blind(self, product: AnyPath) -> None:
        """Refuse workers that do not see a product that stands."""


@dataclass(frozen=True, kw_only=True)
class Plan(Generic[T]):
    """What a stage will do, found out from metadata; nothing is written yet.

    Parameters
    ----------
    product : Product
        What will be made.
    tasks : tuple
        All of its tasks.
    job : object
        What every task shares; it travels to the workers.
    needs : TaskPlan
        What a task takes, and notes for people.
    tables : tuple of (title, rows, head)
        What people may want to see of the input.
    problems : tuple of str
        What could not be used.
    details : dict
        What is known of the product before it is made, as JSON content, for programs.
    """

    product: Product
    tasks: tuple[T, ...]
    job: Any
    needs: TaskPlan
    tables: tuple[tuple[str, Sequence[Sequence[Any]], Sequence[str]], ...] = ()
    problems: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def identity(self) -> Identity:
        """Which product will be made."""
        return self.product.identity


@dataclass(frozen=True)
class Result:
    """What came of a stage.

    Attributes
    ----------
    stage : str
        Its name.
    path : Path
        What it wrote.
    summary : dict
        Counts, bytes, times and whatever else the stage has to say, as JSON content.
    rows : dict
        The same for people.
    progress : Progress or None
        Tasks done, failed and missing; None of a stage without tasks.
    """

    stage: str
    path: AnyPath
    summary: Mapping[str, Any] = field(repr=False)
    rows: Mapping[str, Any] = field(default_factory=dict, repr=False)
    progress: Progress | None = field(default=None, repr=False)
    opener: Callable[[AnyPath], Any] | None = field(default=None, repr=False)

    @property
    def exit_code(self) -> ExitCode:
        """0 done, 3 with problems in the data, 4 incomplete."""
        if self.progress is None:
            return ExitCode.DONE
        if not self.progress.is_complete:
            return ExitCode.INCOMPLETE
        return ExitCode.DATA if self.progress.n_problems else ExitCode.DONE

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be used, by name; the rest was."""
        return self.progress.problems if self.progress else ()

    def open(self) -> Any:
        """Open what was written, as `seisflow.open` does."""
        if self.opener is not None:
            return self.opener(self.path)
        from seisflow.archive.opening import open_product  # xarray takes half a second

        return open_product(self.path)

    def refuse_incomplete(self) -> "Result":
        """Return this result if all tasks are done.

        Raises
        ------
        IncompleteError
            Some failed or have not run. Its attribute ``result`` is this one.
        """
        if self.exit_code != ExitCode.INCOMPLETE or self.progress is None:
            return self
        failed = self.progress.failed
        why = next((f": {name}: {reason}" for name, reason in failed.items()), "")
        error = IncompleteError(
            f"{self.path} is incomplete: {len(failed)} of {len(self.progress.plan.tasks)} tasks "
            f"failed and {len(self.progress.missing)} have not run{why}; what is done is kept: "
            f"call {self.stage} again to go on"
        )
        error.result = self
        raise error


class Step(Generic[C]):
    """What all stages share: a name, a configuration, and where they write."""

    name: ClassVar[str]
    Config: ClassVar[type[StageConfig]]
    reads: ClassVar[tuple[str, ...]] = ()
    writes: ClassVar[str]

    def __init__(self, config: C) -> None:
        self.config = config

    @property
    def output(self) -> AnyPath:
        """Where the product is written."""
        raise NotImplementedError

    def check(self) -> None:
        """Refuse what cannot be done, before a cluster is asked for."""

    def whole_job(self, profile: Profile) -> tuple[Pool, int] | None:
        """Return what one SLURM job asks for that does all of the work: a pool and its nodes.

        None where tasks run in jobs of workers.
        """
        return None

    @property
    def may_use_gpu(self) -> bool:
        """Whether tasks may run on a GPU."""
        return getattr(self.config, "device", "cpu") != "cpu"


class Single(Step[C]):
    """A stage without tasks: it runs in the process that asks for it."""

    def run_here(self, reporter: Reporter = SILENT) -> Result:
        """Do all of it."""
        raise NotImplementedError

    def dry_run(self, reporter: Reporter) -> Mapping[str, Any]:
        """Show what would be done, and write nothing; return it as JSON content."""
        raise NotImplementedError


class Stage(Step[C], Generic[C, T, P]):
    """A stage with tasks: each writes whole shards of its own, and may run twice."""

    def plan(self, runner: Runner, reporter: Reporter = SILENT) -> P:
        """Find out what there is to do; writes nothing. `runner` is for stages that scan first."""
        raise NotImplementedError

    def create(self, plan: P) -> None:
        """Make the empty product, or find that it is there already; refuse another one."""
        raise NotImplementedError

    @staticmethod
    def run(job: Any, task: Any) -> Done:
        """Do one task, on a worker."""
        raise NotImplementedError

    def finish(self, plan: P) -> None:
        """Complete the product with what the tasks found; may be called again after more tasks."""
        raise NotImplementedError

    def summary(self, plan: P, progress: Progress) -> dict[str, Any]:
        """Return what is said of this product beside what all products say."""
        raise NotImplementedError

    def rows(self, plan: P, progress: Progress) -> Mapping[str, Any]:
        """Return what people are shown of the summary: all of it, where no table had it before."""
        return self.summary(plan, progress)

    def refuse_other(self, plan: P) -> bool:
        """Tell whether this very product stands already; refuse another one."""
        return refuse_other(self.output, plan.identity)

    def work(self, plan: P) -> Work[T]:
        """Return the tasks with how one is done."""
        run = partial(type(self).run, plan.job)
        return Work(self.output, plan.identity.key, plan.tasks, run, plan.needs)


def run_stage(stage: Stage[C, T, P], runner: Runner, reporter: Reporter = SILENT) -> Result:
    """Plan, create, run what is not done yet, finish: the whole life of a stage with tasks.

    Parameters
    ----------
    stage : Stage
        What is asked.
    runner : Runner
        Where its tasks run.
    reporter : Reporter
        Who is told.

    Returns
    -------
    Result
        What is done by now, in this run and in those before.

    Raises
    ------
    ConfigError
        Another product stands there, or a task needs more memory than a worker has.
    IncompleteError, ClusterError
        As `seisflow.engine.drive.drive`.
    """
    plan = stage.plan(runner, reporter)
    for table in plan.tables:
        reporter.table(*table)
    if not stage.refuse_other(plan):  # nothing is made where the cluster cannot be had
        runner.refuse_small(plan.needs.memory_bytes)
    stage.create(plan)
    for note in plan.needs.notes:
        reporter.note(note)
    work = stage.work(plan)
    remaining = work.remaining()
    if not remaining and _is_finished(work):
        reporter.say(f"{work.path} is finished: nothing to do")
        return _result(stage, plan, progress_of(work.path))
    if len(remaining) < len(work.tasks):
        n_done = len(work.tasks) - len(remaining)
        reporter.say(f"resuming: {n_done} of {len(work.tasks)} tasks are done")
    runner.refuse_small(plan.needs.memory_bytes)
    runner.refuse_blind(stage.output)
    with reporter.bar(stage.name, len(remaining)) as bar:
        for task, ended in runner.each(work.job(), remaining, stage=stage.name):
            if isinstance(ended, Failure):
                work.record_failure(task, f"{ended.reason} (after {ended.attempts} attempts)")
            bar.advance()
    stage.finish(plan)
    progress = progress_of(work.path)
    write_provenance(work.path, progress, environment())
    return _result(stage, plan, progress)


def _result(stage: Stage[C, T, P], plan: P, progress: Progress) -> Result:
    rows = {**common_rows(stage.output, progress), **stage.rows(plan, progress)}
    result = Result(stage.name, stage.output, {}, rows, progress)
    extra = stage.summary(plan, progress)
    return replace(
        result, summary=summary_json(stage.output, progress, extra, int(result.exit_code))
    )


def _is_finished(work: Work[Any]) -> bool:
    """Tell whether a run has finished the product with every task done."""
    try:
        provenance = json.loads((work.path / HIDDEN / "provenance.json").read_text())
        return bool(provenance["n_done"] == len(work.tasks))
    except (OSError, ValueError, KeyError, TypeError):
        return False
