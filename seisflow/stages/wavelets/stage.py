"""The assemble stage: candidates are scanned, chosen and split, then cut out shard by shard.

Invariant: which examples there are, and their order, is settled before the product is created;
a task only copies the waveforms of its shard. A product that was begun is resumed from itself.
"""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from seisflow.archive.products import Product
from seisflow.archive.receipts import TaskPlan, documents_of, read_plan, read_receipts
from seisflow.archive.store import (
    HIDDEN,
    consolidate,
    create_product,
    open_array,
    read_product,
    sweep_partial,
    write_shards,
)
from seisflow.archive.work import Work, refuse_other
from seisflow.core.classes import State
from seisflow.core.files import AnyPath
from seisflow.core.grid import DAY_NS, NS_PER_S, Span, format_time
from seisflow.errors import ConfigError, IncompleteError
from seisflow.stages.wavelets.choosing import Assembly, Ground
from seisflow.stages.wavelets.choosing import choose as choose_among
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.cutting import (
    JOINED_S,
    Job,
    ShardTask,
    n_samples_of,
    run,
    shard_tasks,
)
from seisflow.stages.wavelets.inputs import (
    Channel,
    Sources,
    channels_of,
    identify,
    read_known,
    usable_span,
)
from seisflow.stages.wavelets.known import KnownArrivals
from seisflow.stages.wavelets.layout import SHARD, wavelet_arrays
from seisflow.stages.wavelets.scan import Found, Scan, ScanTask, StationPart

__all__ = [
    "ASSEMBLY",
    "AssembleConfig",
    "Assembly",
    "Preparation",
    "ShardTask",
    "Sources",
    "choose",
    "finish",
    "identify",
    "plan",
    "plan_of",
    "prepare",
    "read_assembly",
    "resume",
    "run",
    "task_plan",
]

ASSEMBLY = "assembly.json"
"""Document beside the plan: counts by class, split and station, and what was left out and why."""
PROCESS_BYTES = 350_000_000
"""A worker with its libraries."""
KEPT_OF_NEEDED = 8
MANY_CANDIDATES = 2_000_000
"""Noise is kept for so many times the earthquakes, and all of it up to so many windows."""


@dataclass(frozen=True)
class Preparation:
    """All that is known before the scan; nothing is written."""

    product: Product
    ground: Ground
    shared: Scan
    tasks: tuple[ScanTask, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def prepare(
    config: AssembleConfig, sources: Sources, stations_of_a_task: int | None = None
) -> Preparation:
    """Read arrivals, match them with stations, and cut the scan into tasks; writes nothing.

    Parameters
    ----------
    config : AssembleConfig
        How to choose and split.
    sources : Sources
        What from.
    stations_of_a_task : int, optional
        Stations of one scan task, by default the block of LABELS. It changes no result.

    Raises
    ------
    ConfigError, DataError, IncompleteError
        As `identify`, `channels_of`, `usable_span` and `read_known`.
    """
    product = identify(config, sources)
    channels = channels_of(config, sources)
    span = usable_span(config, sources)
    read = read_known(config, sources, channels, span)
    known = _inside(read.known, span)
    shared = _shared(config, sources, product, span, (len(channels), len(known.onset_ns)))
    labelled = read_product(sources.labels, "LABELS")
    block = stations_of_a_task or labelled.block
    tasks = tuple(_scan_tasks(config, channels, known, span, block))
    method = str(labelled.identity.config.get("method", ""))
    ground = Ground(config, channels, known, product.grid, method)
    return Preparation(product, ground, shared, tasks, read.problems, read.notes)


def _inside(known: KnownArrivals, span: Span) -> KnownArrivals:
    """Leave out the onsets outside the time to be used."""
    inside = (known.onset_ns >= span.start_ns) & (known.onset_ns < span.end_ns)
    rejected = dict(known.rejected) | {"outside record": int((~inside).sum())}
    return replace(
        known,
        channel=known.channel[inside],
        event=known.event[inside],
        onset_ns=known.onset_ns[inside],
        magnitude=known.magnitude[inside],
        distance_km=known.distance_km[inside],
        rejected=rejected,
    )


def _shared(
    config: AssembleConfig, sources: Sources, product: Product, span: Span, size: tuple[int, int]
) -> Scan:
    """Return what scan tasks share; `size` are the numbers of channels and of onsets."""
    n_channels, n_onsets = size
    start_ns = product.span.start_ns
    labels_ns = read_product(sources.labels, "LABELS").span.start_ns
    cells = n_channels * (math.ceil(span.duration_s / config.time_block_s) + 1)
    needed = min(config.per_arrival * n_onsets, config.per_class or 2**62)
    quota = max(KEPT_OF_NEEDED * needed, MANY_CANDIDATES) // cells
    return Scan(
        sources.waveforms,
        product.identity.inputs["waveforms"],
        sources.labels,
        product.grid,
        (span.start_ns - start_ns + NS_PER_S - 1) // NS_PER_S,
        (span.end_ns - start_ns) // NS_PER_S,
        (labels_ns - start_ns) // NS_PER_S,
        max(1, quota),
        config,
    )


def _scan_tasks(
    config: AssembleConfig,
    channels: Sequence[Channel],
    known: KnownArrivals,
    span: Span,
    block: int,
) -> Iterator[ScanTask]:
    """Yield tasks of some stations and about a day each, cut where blocks of time begin."""
    block_ns = config.time_block_s * NS_PER_S
    step_ns = max(1, DAY_NS // block_ns) * block_ns
    times = span.widened(block_ns).split(step_ns)
    bounds = np.searchsorted(known.channel, np.arange(len(channels) + 1))
    for first in range(0, len(channels), block):
        members = range(first, min(first + block, len(channels)))
        more = f"+{len(members) - 1}" if len(members) > 1 else ""
        for time in times:
            parts = tuple(
                _part(config, channels[i], i, known, (int(bounds[i]), int(bounds[i + 1]), time))
                for i in members
            )
            name = f"{channels[first].name}{more}@{format_time(time.start_ns)}"
            yield ScanTask(name, parts, time.start_ns // NS_PER_S, time.end_ns // NS_PER_S)


def _part(
    config: AssembleConfig,
    channel: Channel,
    number: int,
    known: KnownArrivals,
    where: tuple[int, int, Span],
) -> StationPart:
    """Return one channel of a task with its arrivals; onsets of a channel are in order of time."""
    first, stop, time = where
    a, b = first + np.searchsorted(known.onset_ns[first:stop], [time.start_ns, time.end_ns])
    away = known.away[number]
    reach_ns = round((config.before_s + config.after_s + 1) * NS_PER_S)
    c, d = np.searchsorted(away, [time.start_ns - reach_ns, time.end_ns + reach_ns])
    return StationPart(
        number,
        channel.name,
        channel.waveform_row,
        channel.label_row,
        np.arange(a, b, dtype=np.int64),
        known.onset_ns[a:b],
        away[c:d],
    )


def choose(preparation: Preparation, found: Sequence[Found], failed: Sequence[str]) -> Assembly:
    """Turn what all scan tasks found into the examples of the product.

    Parameters
    ----------
    preparation : Preparation
        As `prepare` returned it.
    found : sequence of Found
        Results of the scan tasks, in any order.
    failed : sequence of str
        Scan tasks without a result, with the reason of each.

    Raises
    ------
    IncompleteError
        A scan task failed: a set without its stations would be another set.
    ConfigError, DataError
        As `seisflow.stages.wavelets.choosing.choose`.
    """
    if failed:
        raise IncompleteError(
            f"{len(failed)} of {len(preparation.tasks)} scan tasks failed ({'; '.join(failed[:3])})"
            "; nothing was written: type the command again"
        )
    assembly = choose_among(preparation.ground, Found.joined(found))
    return replace(assembly, problems=(*preparation.problems, *assembly.problems))


def plan_of(preparation: Preparation, assembly: Assembly) -> TaskPlan:
    """Say what cutting the examples will take."""
    n, rate = len(assembly.examples), int(preparation.product.rate)
    notes = (*_notes(assembly.document), *preparation.notes)
    return task_plan(preparation.ground.config, n, rate, notes)


def task_plan(config: AssembleConfig, n: int, rate: int, notes: tuple[str, ...] = ()) -> TaskPlan:
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


def _notes(document: Mapping[str, Any]) -> Iterator[str]:
    for split, counts in document["splits"].items():
        yield f"{split}: {', '.join(f'{n} {what}' for what, n in counts.items())}"
    yield from document["warnings"]


def plan(
    config: AssembleConfig,
    sources: Sources,
    output: AnyPath,
    preparation: Preparation,
    assembly: Assembly,
) -> Work[ShardTask]:
    """Create the product with all columns but the waveforms.

    Raises
    ------
    ConfigError
        Something stands at `output`.
    """
    rate = int(preparation.product.rate)
    n_samples = n_samples_of(config, rate)
    comment = "\n".join(assembly.document["warnings"])
    arrays = tuple(wavelet_arrays(assembly.examples, n_samples, float(rate), comment))
    documents = documents_of(plan_of(preparation, assembly), problems=assembly.problems)
    title = "labelled examples of earthquakes and noise"
    create_product(
        output, preparation.product, arrays, title, documents | {ASSEMBLY: assembly.document}
    )
    return _work(config, sources, output)


def resume(config: AssembleConfig, sources: Sources, output: AnyPath) -> Work[ShardTask] | None:
    """Go on with the product that stands at `output`; None if nothing is there.

    Raises
    ------
    ConfigError
        Something else stands there.
    """
    product = identify(config, sources)
    return _work(config, sources, output) if refuse_other(output, product.identity) else None


def _work(config: AssembleConfig, sources: Sources, output: AnyPath) -> Work[ShardTask]:
    task_plan = read_plan(output)
    if task_plan is None:
        raise ConfigError(f"{output} has lost its plan; remove it and type the command again")
    key = read_product(output, "WAVELETS").identity.key
    n = open_array(output, "split").shape[0]
    job = Job(sources.waveforms, output, config)
    return Work(output, key, shard_tasks(n), partial(run, job), task_plan)


def read_assembly(output: AnyPath) -> dict[str, Any]:
    """Read the counts of a product: by class, split and station, and what was left out and why."""
    return dict(json.loads((output / HIDDEN / ASSEMBLY).read_text()))


def finish(work: Work[ShardTask]) -> None:
    """Mark what was set aside as failed on the disk, then consolidate."""
    receipts = read_receipts(work.path, work.key)
    for task in work.tasks:
        receipt, _ = receipts.get(task.name, (None, None))
        if receipt is not None and receipt.state == "failed" and not receipt.counts:
            state = np.full(task.stop - task.start, State.FAILED, dtype=np.uint8)
            write_shards(work.path, "state", (task.start,), state)
    sweep_partial(work.path)
    consolidate(work.path)
