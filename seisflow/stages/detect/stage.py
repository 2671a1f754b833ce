"""The detect stage: coincidences of each hour over the whole array, measured and catalogued.

Invariants: an event belongs to the hour in which its coincidence begins, and what an hour finds
depends on a fixed halo around it and on the background of its UTC day alone. So no event is lost
or doubled at a border, however the work is cut. Tasks write nothing but their receipts, which
hold what they found; `finish` puts the catalogue together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from seisflow.archive.blocks import MODEL, asked_span, source_document
from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.archive.receipts import TaskPlan, documents_of, read_document, read_receipts
from seisflow.archive.schema import station_arrays
from seisflow.archive.store import consolidate, create_product, read_product, sweep_partial
from seisflow.archive.work import Work, refuse_other, require_complete
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_NS, NS_PER_S, Span, format_time
from seisflow.errors import ConfigError
from seisflow.stages.detect.array import read_array
from seisflow.stages.detect.catalog import write_catalog
from seisflow.stages.detect.config import DetectConfig
from seisflow.stages.detect.measuring import AFTER_S, BEFORE_S
from seisflow.stages.detect.records import Found
from seisflow.stages.detect.searching import DetectTask, Job, run
from seisflow.stages.detect.triggers import threshold_of

__all__ = ["Preparation", "finish", "hour_tasks", "plan", "prepare", "task_plan"]

PROCESS_BYTES = 350_000_000
"""A worker with its libraries."""


@dataclass(frozen=True)
class Preparation:
    """All that planning found out before anything is written."""

    job: Job
    product: Product
    tasks: tuple[DetectTask, ...]
    plan: TaskPlan


def prepare(config: DetectConfig, waveforms: AnyPath, scores: AnyPath) -> Preparation:
    """Check what is to be searched, and lay out the catalogue; writes nothing.

    Raises
    ------
    ConfigError
        An input is not there or of another kind, the scores are of other waveforms, fewer stations
        than nodes needed, no station or no time is selected, or no threshold can be known.
    IncompleteError
        An input is not complete.
    """
    source, scored = read_product(waveforms, "WAVEFORMS"), read_product(scores, "SCORES")
    if scored.identity.inputs.get("waveforms") != source.identity.key:
        raise ConfigError(
            f"{scores} was made from other waveforms than {waveforms}: found "
            f"{scored.identity.inputs.get('waveforms')}, asked {source.identity.key}; give the "
            "waveforms it was made from, or infer these"
        )
    require_complete(waveforms)
    require_complete(scores)
    array = read_array(config, waveforms, scores)
    document = read_document(scores, MODEL)
    threshold = threshold_of(document, config.false_positive_rate, config.threshold)
    span = asked_span(config, scored.span, "scores")
    inputs = {"waveforms": source.identity.key, "scores": scored.identity.key}
    used = {"threshold": threshold, "window_s": array.window_s, "min_cc": array.min_cc}
    identity = Identity(
        "CATALOG",
        "detect",
        config.resolved() | {"stations": list(array.stations), "used": used},
        inputs,
        FORMAT_VERSIONS["CATALOG"],
        RESULT_VERSIONS["detect"],
    )
    n_seconds = (span.end_ns - span.start_ns) // NS_PER_S
    product = Product(identity, span, source.rate, n_seconds, len(array.stations))
    job = Job(waveforms, scores, source, scored, array, config, threshold)
    tasks = tuple(hour_tasks(scored, span))
    return Preparation(job, product, tasks, task_plan(job, tasks))


def hour_tasks(scored: Product, span: Span) -> Iterator[DetectTask]:
    """Cut the time asked for into its hours."""
    for time_ns in range(span.start_ns, span.end_ns, HOUR_NS):
        start_s = (time_ns - scored.span.start_ns) // NS_PER_S
        yield DetectTask(format_time(time_ns), start_s)


def task_plan(job: Job, tasks: tuple[DetectTask, ...]) -> TaskPlan:
    """Say what searching these hours will take; reads nothing."""
    n = len(job.array.stations)
    halo_s = 2 * job.halo_s
    day = n * (86_400 + halo_s) * 10
    traces = n * (BEFORE_S + AFTER_S + job.array.window_s) * int(job.source.rate) * 8 * 6
    return TaskPlan(
        tasks=tuple(task.name for task in tasks),
        unit="hours",
        memory_bytes=PROCESS_BYTES + day + traces,
        read_bytes=n * 86_400 * 13 * len(tasks) // 24,
        write_bytes=len(tasks) * 100_000,
        n_files=len(tasks),
        notes=job.array.notes,
    )


def plan(output: AnyPath, preparation: Preparation) -> Work[DetectTask]:
    """Create the empty catalogue, or resume the one that is there.

    Raises
    ------
    ConfigError
        Something else stands at `output`.
    """
    p = preparation
    if not refuse_other(output, p.product.identity):
        arrays = station_arrays(p.job.array.stations, p.job.array.places)
        documents = documents_of(p.plan) | source_document(p.job.waveforms, output)
        title = "detections of an array"
        create_product(output, p.product, tuple(arrays), title, documents)
    return Work(output, p.product.identity.key, p.tasks, partial(run, p.job), p.plan)


def finish(work: Work[DetectTask]) -> None:
    """Put the catalogue together from what the tasks found: tables, QuakeML, stacks, node scores.

    Hours that have not run are missing from it, and of hours that failed what could not be
    measured; a later run fills them in.
    """
    receipts = read_receipts(work.path, work.key)
    found = [
        Found.from_json(detail) for _, details in receipts.values() for detail in details or ()
    ]
    write_catalog(work.path, sorted(found, key=lambda f: (f.detection.time_ns, f.second_ns)))
    sweep_partial(work.path)
    consolidate(work.path)
