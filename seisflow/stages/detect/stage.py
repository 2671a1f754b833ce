"""The detect stage: coincidences of each hour over the whole array, measured and catalogued.

Invariants: an event belongs to the hour in which its coincidence begins, and what an hour finds
depends on a fixed halo around it and on the background of its UTC day alone. So no event is lost
or doubled at a border, however the work is cut. A task keeps what it found in a file of its own
within the product, and its receipt counts it; `finish` puts the catalogue together.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from seisflow.archive.blocks import MODEL, asked_span, source_document
from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.archive.receipts import TaskPlan, documents_of, read_document
from seisflow.archive.schema import station_arrays
from seisflow.archive.store import consolidate, create_product, read_product, sweep_partial
from seisflow.archive.work import Done, Progress, require_complete
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_NS, NS_PER_S, Span, format_time
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.stage import Plan, Runner, Stage
from seisflow.errors import ConfigError
from seisflow.stages.detect.array import read_array
from seisflow.stages.detect.catalog import write_catalog
from seisflow.stages.detect.config import DetectConfig
from seisflow.stages.detect.measuring import AFTER_S, BEFORE_S
from seisflow.stages.detect.records import read_found, write_found
from seisflow.stages.detect.searching import DetectTask, Job, search
from seisflow.stages.detect.triggers import threshold_of

__all__ = ["Detect", "hour_tasks", "needs_of"]

PROCESS_BYTES = 350_000_000
"""A worker with its libraries."""


class Detect(Stage[DetectConfig, DetectTask, Plan[DetectTask]]):
    """SCORES and WAVEFORMS become a CATALOG, an hour of the whole array at a time."""

    name = "detect"
    Config = DetectConfig
    reads, writes = ("WAVEFORMS", "SCORES"), "CATALOG"

    @property
    def output(self) -> AnyPath:
        """CATALOG."""
        return self.config.catalog

    def check(self) -> None:
        """Refuse what cannot be searched, and another catalogue under that name."""
        self.refuse_other(self.plan())

    def plan(self, runner: Runner | None = None, reporter: Reporter = SILENT) -> Plan[DetectTask]:
        """Check what is to be searched, and lay out the catalogue.

        Raises
        ------
        ConfigError
            An input is not there or of another kind, the scores are of other waveforms, fewer
            stations than nodes needed, no station or no time is selected, or no threshold can be
            known.
        IncompleteError
            An input is not complete.
        """
        config = self.config
        source, scored = _inputs(config)
        array = read_array(config, config.waveforms, config.scores)
        document = read_document(config.scores, MODEL)
        threshold = threshold_of(document, config.false_positive_rate, config.threshold)
        span = asked_span(config, scored.span, "scores")
        used = {"threshold": threshold, "window_s": array.window_s, "min_cc": array.min_cc}
        identity = Identity(
            "CATALOG",
            "detect",
            config.resolved() | {"stations": list(array.stations), "used": used},
            {"waveforms": source.identity.key, "scores": scored.identity.key},
            FORMAT_VERSIONS["CATALOG"],
            RESULT_VERSIONS["detect"],
        )
        n_seconds = (span.end_ns - span.start_ns) // NS_PER_S
        product = Product(identity, span, source.rate, n_seconds, len(array.stations))
        job = Job(config, identity.key, source, scored, array, threshold)
        tasks = tuple(hour_tasks(scored, span))
        return Plan(product=product, tasks=tasks, job=job, needs=needs_of(job, tasks))

    def create(self, plan: Plan[DetectTask]) -> None:
        """Make the empty catalogue, or find it.

        Raises
        ------
        ConfigError
            Something else stands there.
        """
        if not self.refuse_other(plan):
            array = plan.job.array
            arrays = tuple(station_arrays(array.stations, array.places))
            documents = documents_of(plan.needs)
            documents |= source_document(self.config.waveforms, self.output)
            create_product(self.output, plan.product, arrays, "detections of an array", documents)

    @staticmethod
    def run(job: Job, task: DetectTask) -> Done:
        """Find the events of one hour and keep them in the product; the receipt counts them."""
        found, done = search(job, task)
        written = write_found(job.config.catalog, job.key, task.name, found)
        return replace(done, written_bytes=written)

    def finish(self, plan: Plan[DetectTask]) -> None:
        """Put the catalogue together: tables, QuakeML, stacks, node scores.

        Hours that have not run are missing from it, and of hours that failed what could not be
        measured; a later run fills them in.
        """
        write_catalog(self.output, read_found(self.output, plan.identity.key))
        sweep_partial(self.output)
        consolidate(self.output)

    def summary(self, plan: Plan[DetectTask], progress: Progress) -> dict[str, Any]:
        """Return what was found, and with which threshold."""
        counts, job = progress.counts, plan.job
        return {
            "span": str(plan.product.span),
            "stations": len(job.array.stations),
            "threshold": f"{job.threshold:.6g}",
            "window of a coincidence": f"{job.array.window_s} s",
            "coincidences": counts.get("coincidences", 0),
            "vetoed as glitches": counts.get("vetoed", 0),
            f"incoherent, cc below {job.array.min_cc:g}": counts.get("incoherent", 0),
            "events": counts.get("events", 0),
            "hours without data": counts.get("hours_without_data", 0),
        }


def _inputs(config: DetectConfig) -> tuple[Product, Product]:
    """Return WAVEFORMS and SCORES, which belong together and are complete."""
    source = read_product(config.waveforms, "WAVEFORMS")
    scored = read_product(config.scores, "SCORES")
    if scored.identity.inputs.get("waveforms") != source.identity.key:
        raise ConfigError(
            f"{config.scores} was made from other waveforms than {config.waveforms}: found "
            f"{scored.identity.inputs.get('waveforms')}, asked {source.identity.key}; give the "
            "waveforms it was made from, or infer these"
        )
    require_complete(config.waveforms)
    require_complete(config.scores)
    return source, scored


def hour_tasks(scored: Product, span: Span) -> Iterator[DetectTask]:
    """Cut the time asked for into its hours."""
    for time_ns in range(span.start_ns, span.end_ns, HOUR_NS):
        start_s = (time_ns - scored.span.start_ns) // NS_PER_S
        yield DetectTask(format_time(time_ns), start_s)


def needs_of(job: Job, tasks: tuple[DetectTask, ...]) -> TaskPlan:
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
