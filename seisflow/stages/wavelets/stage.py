"""The assemble stage: candidates are scanned, chosen and split, then cut out shard by shard.

Invariant: which examples there are, and their order, is settled before the product is created;
a task only copies the waveforms of its shard. A product that was begun is resumed from itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from seisflow.archive.blocks import set_aside
from seisflow.archive.products import Product
from seisflow.archive.receipts import TaskPlan, documents_of, read_document, read_plan
from seisflow.archive.store import (
    consolidate,
    create_product,
    open_array,
    sweep_partial,
    write_shards,
)
from seisflow.archive.work import Done, Progress, refuse_other
from seisflow.core.classes import State
from seisflow.core.files import AnyPath
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.failures import Failure
from seisflow.engine.stage import Plan, Runner, Stage
from seisflow.errors import ConfigError, IncompleteError
from seisflow.stages.wavelets.choosing import Assembly, choose
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.cutting import (
    JOINED_S,
    ShardTask,
    cut_examples,
    n_samples_of,
    shard_tasks,
)
from seisflow.stages.wavelets.inputs import identify
from seisflow.stages.wavelets.layout import SHARD, Examples, wavelet_arrays
from seisflow.stages.wavelets.preparing import Preparation, prepare
from seisflow.stages.wavelets.scan import Candidates, scan

__all__ = ["Assemble", "AssemblePlan", "find_candidates", "needs_of", "plan_of"]

ASSEMBLY = "assembly.json"
"""Document beside the plan: counts by class, split and station, and what was left out and why."""
PROCESS_BYTES = 350_000_000
"""A worker with its libraries."""
LEFT_OUT = ("arrivals", "seconds", "windows")
"""Of what the document counts those that were rejected, by reason."""


@dataclass(frozen=True, kw_only=True)
class AssemblePlan(Plan[ShardTask]):
    """WAVELETS to be cut.

    Parameters
    ----------
    document : dict
        Counts by class, split and station, and what was left out and why.
    examples : Examples or None
        What was chosen; None of a product that stands, which has it.
    """

    document: Mapping[str, Any]
    examples: Examples | None = None


class Assemble(Stage[AssembleConfig, ShardTask, AssemblePlan]):
    """WAVEFORMS, LABELS and arrivals become WAVELETS, a shard of examples at a time."""

    name = "assemble"
    Config = AssembleConfig
    reads, writes = ("WAVEFORMS", "LABELS"), "WAVELETS"

    @property
    def output(self) -> AnyPath:
        """WAVELETS."""
        return self.config.wavelets

    def check(self) -> None:
        """Refuse arrivals that give no example, and other examples under that name.

        Raises
        ------
        ConfigError, DataError, IncompleteError
            As `plan`, but for what only the scan can tell.
        """
        product = identify(self.config)
        if not refuse_other(self.output, product.identity):
            prepare(self.config, product)

    def plan(self, runner: Runner, reporter: Reporter = SILENT) -> AssemblePlan:
        """Scan for candidates and choose examples, or go on with those that stand.

        Raises
        ------
        ConfigError
            Inputs that do not belong together, or something else stands there.
        DataError
            Arrivals that give no example, or too few candidates for every split to have every
            class.
        IncompleteError
            An input is not complete, or a scan task failed.
        """
        product = identify(self.config)
        if refuse_other(self.output, product.identity):
            return _plan_of_standing(self.config, product)
        prepared = prepare(self.config, product)
        candidates = find_candidates(prepared, runner, reporter)
        return plan_of(prepared, choose(prepared.survey, candidates))

    def create(self, plan: AssemblePlan) -> None:
        """Make the product with all columns but the waveforms, or find it.

        Raises
        ------
        ConfigError
            Something else stands there.
        """
        if self.refuse_other(plan) or plan.examples is None:
            return
        rate = int(plan.product.rate)
        comment = "\n".join(plan.document["warnings"])
        n_samples = n_samples_of(self.config, rate)
        arrays = tuple(wavelet_arrays(plan.examples, n_samples, float(rate), comment))
        documents = documents_of(plan.needs, problems=plan.problems) | {ASSEMBLY: plan.document}
        title = "labelled examples of earthquakes and noise"
        create_product(self.output, plan.product, arrays, title, documents)

    @staticmethod
    def run(job: AssembleConfig, task: ShardTask) -> Done:
        """Cut the examples of one shard and write it; see `cut_examples`."""
        return cut_examples(job, task)

    def finish(self, plan: AssemblePlan) -> None:
        """Mark what was set aside as failed on the disk, then consolidate."""
        for task in set_aside(self.work(plan)):
            state = np.full(task.stop - task.start, State.FAILED, dtype=np.uint8)
            write_shards(self.output, "state", (task.start,), state)
        sweep_partial(self.output)
        consolidate(self.output)

    def summary(self, plan: AssemblePlan, progress: Progress) -> dict[str, Any]:
        """Return how many examples each split has of each class, and what was left out."""
        return dict(plan.details)

    def rows(self, plan: AssemblePlan, progress: Progress) -> dict[str, Any]:
        """Return how many examples there are; tables of the plan have the rest."""
        return {"examples": plan.document["examples"]}


def find_candidates(
    prepared: Preparation, runner: Runner, reporter: Reporter = SILENT
) -> Candidates:
    """Scan the stations for windows that can be examples.

    Raises
    ------
    IncompleteError
        A scan task failed: a set without its stations would be another set.
    """
    found: list[Candidates] = []
    failed: list[str] = []
    with reporter.bar("scan", len(prepared.tasks)) as bar:
        search = partial(scan, prepared.shared)
        for task, ended in runner.each(search, prepared.tasks, stage="scan"):
            if isinstance(ended, Failure):
                failed.append(f"{task.name}: {ended.reason}")
            else:
                found.append(ended)
            bar.advance()
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {len(prepared.tasks)} scan tasks failed ({'; '.join(failed[:3])})"
            "; nothing was written: type the command again"
        )
    return Candidates.joined(found)


def plan_of(prepared: Preparation, assembly: Assembly) -> AssemblePlan:
    """Plan the cutting of the examples that were chosen."""
    product, config, n = prepared.product, prepared.survey.config, len(assembly.examples)
    notes = (*assembly.document["warnings"], *prepared.notes)
    return AssemblePlan(
        product=product,
        tasks=shard_tasks(n),
        job=config,
        needs=needs_of(config, n, int(product.rate), notes),
        tables=tuple(_tables(assembly.document)),
        problems=(*prepared.problems, *assembly.problems),
        details=_flat(assembly.document),
        document=assembly.document,
        examples=assembly.examples,
    )


def _plan_of_standing(config: AssembleConfig, product: Product) -> AssemblePlan:
    """Read the plan of the product that stands.

    Raises
    ------
    ConfigError
        It has lost its plan.
    """
    needs, document = read_plan(config.wavelets), read_document(config.wavelets, ASSEMBLY)
    if needs is None or not document:
        raise ConfigError(
            f"{config.wavelets} has lost its plan; remove it and type the command again"
        )
    return AssemblePlan(
        product=product,
        tasks=shard_tasks(open_array(config.wavelets, "split").shape[0]),
        job=config,
        needs=needs,
        tables=tuple(_tables(document)),
        details=_flat(document),
        document=document,
    )


def needs_of(config: AssembleConfig, n: int, rate: int, notes: tuple[str, ...] = ()) -> TaskPlan:
    """Say what cutting `n` examples will take at `rate` samples a second."""
    example_bytes = 4 * n_samples_of(config, rate)
    tasks = shard_tasks(n)
    return TaskPlan(
        tasks=tuple(t.name for t in tasks),
        unit=f"shards of {SHARD} examples",
        memory_bytes=PROCESS_BYTES + 3 * SHARD * example_bytes + 16 * JOINED_S * rate,
        read_bytes=n * example_bytes,
        write_bytes=n * example_bytes,
        n_files=3 * len(tasks) + 20,
        notes=notes,
    )


def _tables(
    document: Mapping[str, Any],
) -> Iterator[tuple[str, Sequence[Sequence[Any]], Sequence[str]]]:
    """Yield how many examples each split has, and what was left out."""
    splits = document["splits"]
    columns = list(next(iter(splits.values())))
    rows = [[split, *[counts[c] for c in columns]] for split, counts in splits.items()]
    yield "examples", rows, ["split", *[c.replace("_", " ") for c in columns]]
    origins = document.get("origins", {})  # older sets have none
    if origins:
        rows = [
            [kind.replace("_", " "), *[counts[kind] for counts in origins.values()]]
            for kind in next(iter(origins.values()))
            if any(counts[kind] for counts in origins.values())
        ]
        yield "why they have their class", rows, ["origin", *origins]
    left = [
        [what, reason, n]
        for what in LEFT_OUT
        for reason, n in document[f"rejected_{what}"].items()
        if n
    ]
    if left:
        yield "left out", left, ["of", "because", "number"]


def _flat(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts as one level of names and numbers, as the JSON summary takes them."""
    found: dict[str, Any] = {"examples": document["examples"]}
    for split, counts in document["splits"].items():
        found |= {f"{split}.{name}": n for name, n in counts.items()}
    for split, counts in document.get("origins", {}).items():
        found |= {f"{split}.{name}": n for name, n in counts.items() if n}
    for what in LEFT_OUT:
        counts = document[f"rejected_{what}"]
        found |= {f"rejected_{what}.{reason}": n for reason, n in counts.items() if n}
    return found | {"warnings": "; ".join(document.get("warnings", []))}  # older sets have none
