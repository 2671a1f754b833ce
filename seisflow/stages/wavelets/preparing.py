"""Before the scan: arrivals matched with stations, and the scan cut into tasks; writes nothing."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from seisflow.archive.products import Product
from seisflow.archive.store import read_product
from seisflow.core.grid import DAY_NS, NS_PER_S, Span, format_time
from seisflow.stages.wavelets.choosing import Survey
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.inputs import Channel, channels_of, read_and_match, usable_span
from seisflow.stages.wavelets.matching import MatchedArrivals
from seisflow.stages.wavelets.scan import Scan, ScanTask, StationPart

__all__ = ["Preparation", "prepare"]

KEPT_OF_NEEDED = 8
MANY_CANDIDATES = 2_000_000
"""Noise is kept for so many times the earthquakes, and all of it up to so many windows."""
ALL = 2**59
SCANNED_TOGETHER = 8
"""Stations of one scan task where there are no labels whose blocks could be followed."""


@dataclass(frozen=True)
class Preparation:
    """All that is known before the scan of the product to be made."""

    product: Product
    survey: Survey
    shared: Scan
    tasks: tuple[ScanTask, ...]
    problems: tuple[str, ...]
    notes: tuple[str, ...] = ()


def prepare(
    config: AssembleConfig, product: Product, stations_of_a_task: int | None = None
) -> Preparation:
    """Read arrivals, match them with stations, and cut the scan into tasks.

    Parameters
    ----------
    config : AssembleConfig
        What is asked.
    product : Product
        As `seisflow.stages.wavelets.inputs.identify` returned it.
    stations_of_a_task : int, optional
        Stations of one scan task, by default the block of LABELS, or 8. It changes no result.

    Raises
    ------
    ConfigError, DataError
        As `channels_of`, `usable_span` and `read_and_match`.
    """
    channels, span = channels_of(config), usable_span(config)
    read = read_and_match(config, channels, span)
    arrivals = _inside(read.matched, span)
    labels = read_product(config.labels, "LABELS") if config.labels else None
    n_cells = len(channels) * (math.ceil(span.duration_s / config.time_block_s) + 1)
    shared = _shared(config, product, labels, span, _quota(config, n_cells, arrivals))
    block = stations_of_a_task or (labels.block if labels else SCANNED_TOGETHER)
    tasks = tuple(_scan_tasks(config, channels, arrivals, span, block))
    labelled_by = str(labels.identity.config.get("method", "")) if labels else ""
    survey = Survey(config, channels, arrivals, product.grid, labelled_by)
    return Preparation(product, survey, shared, tasks, read.problems, read.notes)


def _inside(arrivals: MatchedArrivals, span: Span) -> MatchedArrivals:
    """Leave out the onsets outside the time to be used."""
    inside = (arrivals.onset_ns >= span.start_ns) & (arrivals.onset_ns < span.end_ns)
    rejected = dict(arrivals.rejected) | {"outside record": int((~inside).sum())}
    return replace(
        arrivals,
        channel=arrivals.channel[inside],
        event=arrivals.event[inside],
        onset_ns=arrivals.onset_ns[inside],
        magnitude=arrivals.magnitude[inside],
        distance_km=arrivals.distance_km[inside],
        rejected=rejected,
    )


def _quota(config: AssembleConfig, n_cells: int, arrivals: MatchedArrivals) -> int:
    """Return how many windows of noise to keep of one class, channel and block of time."""
    needed = config.per_class or ALL
    if config.balance and config.arrivals is not None:
        needed = min(config.per_arrival * len(arrivals.onset_ns), needed)
    return max(1, max(KEPT_OF_NEEDED * needed, MANY_CANDIDATES) // n_cells)


def _shared(
    config: AssembleConfig, product: Product, labels: Product | None, span: Span, quota: int
) -> Scan:
    """Return what scan tasks share; seconds count from the start of WAVEFORMS."""
    start_ns = product.span.start_ns
    return Scan(
        product.identity.inputs["waveforms"],
        product.grid,
        (span.start_ns - start_ns + NS_PER_S - 1) // NS_PER_S,
        (span.end_ns - start_ns) // NS_PER_S,
        (labels.span.start_ns - start_ns) // NS_PER_S if labels else 0,
        quota,
        config,
    )


def _scan_tasks(
    config: AssembleConfig,
    channels: Sequence[Channel],
    arrivals: MatchedArrivals,
    span: Span,
    block: int,
) -> Iterator[ScanTask]:
    """Yield tasks of some stations and about a day each, cut where blocks of time begin."""
    block_ns = config.time_block_s * NS_PER_S
    step_ns = max(1, DAY_NS // block_ns) * block_ns
    times = span.widened(block_ns).split(step_ns)
    bounds = np.searchsorted(arrivals.channel, np.arange(len(channels) + 1))
    for first in range(0, len(channels), block):
        members = range(first, min(first + block, len(channels)))
        more = f"+{len(members) - 1}" if len(members) > 1 else ""
        for time in times:
            parts = tuple(
                _part(config, channels[i], i, arrivals, (int(bounds[i]), int(bounds[i + 1]), time))
                for i in members
            )
            name = f"{channels[first].name}{more}@{format_time(time.start_ns)}"
            yield ScanTask(name, parts, time.start_ns // NS_PER_S, time.end_ns // NS_PER_S)


def _part(
    config: AssembleConfig,
    channel: Channel,
    number: int,
    arrivals: MatchedArrivals,
    where: tuple[int, int, Span],
) -> StationPart:
    """Return one channel of a task with its arrivals; onsets of a channel are in order of time."""
    first, stop, time = where
    onset_ns = arrivals.onset_ns[first:stop]
    a, b = first + np.searchsorted(onset_ns, [time.start_ns, time.end_ns])
    away = arrivals.away[number]
    reach_ns = round((config.before_s + config.after_s + 1) * NS_PER_S)
    c, d = np.searchsorted(away, [time.start_ns - reach_ns, time.end_ns + reach_ns])
    return StationPart(
        number,
        channel.name,
        channel.waveform_row,
        channel.label_row,
        np.arange(a, b, dtype=np.int64),
        arrivals.onset_ns[a:b],
        away[c:d],
        arrivals.known_p[number].between(time.start_ns - reach_ns, time.end_ns + reach_ns),
    )
