"""Searching one hour of the array: triggers, background, coincidences, and their waveforms."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from seisflow.archive.blocks import Record, read_record
from seisflow.archive.products import Product
from seisflow.archive.work import Done
from seisflow.core.files import AnyPath
from seisflow.core.grid import DAY_NS, HOUR_S, NS_PER_S, format_time
from seisflow.stages.detect.array import Array
from seisflow.stages.detect.background import measure_background
from seisflow.stages.detect.coincidence import Coincidence, coincidences
from seisflow.stages.detect.config import LEAST_NODES, DetectConfig, DetectParameters
from seisflow.stages.detect.measuring import AFTER_S, BEFORE_S, Nodes, measure
from seisflow.stages.detect.records import Found
from seisflow.stages.detect.triggers import QUIET_S, Scores, read_scores

__all__ = [
    "DetectTask",
    "Hour",
    "Job",
    "Search",
    "hopeless",
    "measured",
    "needed_nodes",
    "search",
    "search_hour",
]

Flags = npt.NDArray[np.bool_]

DAY_S = 24 * HOUR_S


@dataclass(frozen=True)
class DetectTask:
    """One UTC hour of the whole array; ``start_s`` counts from the start of SCORES."""

    name: str
    start_s: int


class Search(ABC):
    """An array that is searched, wherever its scores and samples are.

    ``source`` and ``scored`` say what WAVEFORMS and SCORES are; all seconds count from the start
    of their product.
    """

    source: Product
    scored: Product
    array: Array
    config: DetectParameters
    threshold: float

    @abstractmethod
    def read(self, first_s: int, stop_s: int) -> Scores:
        """Read scores of the array; outside of SCORES nothing is usable."""

    @abstractmethod
    def record(self, row: int, start_s: int, stop_s: int) -> Record:
        """Read whole seconds of a row of WAVEFORMS; outside there are no data."""

    @abstractmethod
    def needed_nodes(self, second: int) -> int:
        """Return how many nodes the UTC day of a second of SCORES asks for."""

    @property
    def halo_s(self) -> int:
        """Seconds beyond an hour on which its events depend."""
        return self.config.merge_s + self.array.window_s + QUIET_S

    def time_ns(self, second: int) -> int:
        """Return the time at which a second of SCORES begins."""
        return self.scored.span.start_ns + second * NS_PER_S


@dataclass(frozen=True)
class Job(Search):
    """What every task of one run shares: a search of products; ``key`` is of the catalogue."""

    config: DetectConfig
    key: str
    source: Product
    scored: Product
    array: Array
    threshold: float

    def read(self, first_s: int, stop_s: int) -> Scores:
        """Read scores of the array, seconds counted from the start of SCORES."""
        rows = self.array.score_rows
        return read_scores(self.config.scores, rows, self.scored.n_seconds, first_s, stop_s)

    def record(self, row: int, start_s: int, stop_s: int) -> Record:
        """Read whole seconds of a row of WAVEFORMS; outside there are no data."""
        return read_record(self.config.waveforms, self.source, row, start_s, stop_s)

    def needed_nodes(self, second: int) -> int:
        """Return how many nodes the UTC day of a second asks for."""
        return _needed_nodes(_day_of(self, second))


@dataclass(frozen=True, eq=False)
class Hour:
    """One UTC hour of an array, before its coincidences are measured.

    Parameters
    ----------
    scores : Scores
        Of the hour and a halo on either side.
    triggers : ndarray of bool, shape (n_stations, n_seconds)
        Of the same seconds.
    needed : int
        Nodes that must trigger together.
    n_usable : int
        Stations that have data in the hour.
    coincidences : list of Coincidence
        Those that begin in the hour; seconds count from the first one of `scores`.
    """

    scores: Scores
    triggers: Flags
    needed: int
    n_usable: int
    coincidences: list[Coincidence]


def search(job: Job, task: DetectTask) -> tuple[list[Found], Done]:
    """Find the events of one hour, and count what there was beside them.

    A coincidence that cannot be measured is named as a failure of the task; the others are kept.
    """
    hour = search_hour(job, task)
    found: list[Found] = []
    failures: list[str] = []
    counts = {"coincidences": len(hour.coincidences), "vetoed": 0, "incoherent": 0, "events": 0}
    counts["hours_without_data"] = int(hour.n_usable == 0)
    for coincidence in hour.coincidences:
        try:
            event = measured(job, hour, coincidence)
        except Exception as error:  # noqa: BLE001 - one bad record never stops the others
            time = format_time(job.time_ns(hour.scores.first_s + coincidence.second))
            failures.append(f"coincidence at {time}: {type(error).__name__}: {error}")
            continue
        if isinstance(event, str):
            counts[event] += 1
        else:
            found.append(event)
    counts["events"] = len(found)
    read = int(hour.scores.probability.nbytes)
    return found, Done(counts, hopeless(job, task, hour), tuple(failures), read)


def search_hour(search: Search, task: DetectTask) -> Hour:
    """Read the scores of one hour and find the coincidences that begin in it."""
    halo_s = search.halo_s
    scores = search.read(task.start_s - halo_s, task.start_s + HOUR_S + halo_s)
    triggers = scores.triggers(search.threshold)
    core = scores.usable[:, halo_s : halo_s + HOUR_S]
    return Hour(
        scores=scores,
        triggers=triggers,
        needed=search.needed_nodes(task.start_s),
        n_usable=int(np.count_nonzero(core.any(axis=1))),
        coincidences=_of_the_hour(search, task, scores.first_s, triggers),
    )


def measured(search: Search, hour: Hour, coincidence: Coincidence) -> Found | str:
    """Measure a coincidence; ``vetoed`` where it is a glitch, ``incoherent`` where traces differ.

    Raises
    ------
    DataError
        Some of its waveforms failed to be ingested.
    """
    event = _measured(search, hour.scores, hour.triggers, coincidence, hour.needed)
    if event is None:
        return "vetoed"
    if search.array.min_cc > 0 and not event.detection.mean_cc >= search.array.min_cc:
        return "incoherent"
    return event


def hopeless(search: Search, task: DetectTask, hour: Hour) -> tuple[str, ...]:
    """Say what would have to change where fewer stations have data than nodes are needed."""
    needed, n_usable, config = hour.needed, hour.n_usable, search.config
    if not 0 < n_usable < needed:
        return ()
    advice = []
    if needed > config.min_nodes:
        stricter = "raise --threshold" if config.threshold else "lower --false-positive-rate"
        advice = [f"{stricter}, or allow more --false-alarms-per-day"]
    elif n_usable >= LEAST_NODES:
        advice = [f"lower --min-nodes to {n_usable}"]
    said = [
        f"{task.name}: {needed} nodes are needed and {n_usable} stations have data, so nothing "
        "can be detected",
        *advice,
    ]
    return ("; ".join(said),)


def _of_the_hour(job: Search, task: DetectTask, first_s: int, triggers: Flags) -> list[Coincidence]:
    """Return the coincidences that begin in the hour, of triggers from `first_s` on.

    Each second asks for the number of nodes of its own day, in the halo too.
    """
    seconds = first_s + np.arange(triggers.shape[1])
    inside = np.clip(seconds, 0, job.scored.n_seconds - 1)
    days = (job.scored.span.start_ns // NS_PER_S + inside) // DAY_S
    each, row = np.unique(days, return_index=True)
    needed = [job.needed_nodes(int(inside[k])) for k in row]
    found = coincidences(
        triggers,
        window_s=job.array.window_s,
        min_nodes=np.array(needed)[np.searchsorted(each, days)],
        merge_s=job.config.merge_s,
    )
    first = task.start_s - first_s
    # a window may begin before its first trigger: none owns the seconds before the first hour
    least = first - (job.array.window_s - 1 if task.start_s == 0 else 0)
    return [c for c in found if least <= c.second < first + HOUR_S]


@dataclass(frozen=True)
class _Day:
    """A UTC day of an array, and how its background is judged."""

    scores: AnyPath
    key: str
    rows: tuple[int, ...]
    first_s: int
    n_seconds: int
    threshold: float
    window_s: int
    min_nodes: int
    per_day: float


def _day_of(job: Job, second: int) -> _Day:
    day = job.time_ns(second) // DAY_NS
    return _Day(
        scores=job.config.scores,
        key=job.scored.identity.key,
        rows=job.array.score_rows,
        first_s=(day * DAY_NS - job.scored.span.start_ns) // NS_PER_S,
        n_seconds=job.scored.n_seconds,
        threshold=job.threshold,
        window_s=job.array.window_s,
        min_nodes=job.config.min_nodes,
        per_day=job.config.false_alarms_per_day,
    )


@lru_cache(maxsize=4)
def _needed_nodes(day: _Day) -> int:
    """Return how many nodes a day asks for; read once in each worker."""
    first_s, stop_s = max(0, day.first_s), min(day.n_seconds, day.first_s + 86_400)
    scores = read_scores(day.scores, day.rows, day.n_seconds, first_s, stop_s)
    return needed_nodes(
        scores,
        day.threshold,
        window_s=day.window_s,
        per_day=day.per_day,
        min_nodes=day.min_nodes,
    )


def needed_nodes(
    scores: Scores, threshold: float, *, window_s: int, per_day: float, min_nodes: int
) -> int:
    """Return how many nodes the background of a day asks for."""
    return measure_background(
        scores.triggers(threshold),
        scores.usable,
        window_s=window_s,
        per_day=per_day,
        min_nodes=min_nodes,
    ).nodes


def _measured(
    job: Search, scores: Scores, triggers: Flags, coincidence: Coincidence, needed: int
) -> Found | None:
    """Read the waveforms of a coincidence and measure it; None where it is a glitch."""
    here = slice(coincidence.second, coincidence.second + job.array.window_s)
    usable = scores.usable[:, here]
    highest = scores.probability[:, here].max(axis=1)
    second_ns = job.time_ns(scores.first_s + coincidence.second)
    first_trigger = triggers[coincidence.nodes, here].argmax(axis=1)
    nodes = Nodes(
        stations=[job.array.stations[k] for k in coincidence.nodes],
        traces=_traces(job, coincidence.nodes, scores.first_s + coincidence.second),
        start_ns=second_ns - BEFORE_S * NS_PER_S,
        rate_hz=int(job.source.rate),
        trigger_ns=second_ns + first_trigger.astype(np.int64) * NS_PER_S,
        probability=highest[coincidence.nodes].astype(np.float64),
        longitude=job.array.column("longitude")[coincidence.nodes],
        latitude=job.array.column("latitude")[coincidence.nodes],
        moveout_s=job.array.moveout_s,
    )
    with_data = usable.any(axis=1)
    detection = measure(
        job.config, nodes, second_ns, needed_nodes=needed, n_stations=int(with_data.sum())
    )
    if detection is None:
        return None
    return Found(second_ns, detection, np.where(with_data, highest, np.float32(np.nan)))


def _traces(job: Search, nodes: npt.NDArray[np.int64], second: int) -> npt.NDArray[np.float64]:
    """Read the seconds around a coincidence; NaN in gaps.

    Before the first sample and behind the last one these go on, so that a record that begins or
    ends near a coincidence is no gap in it; windows that are compared lie inside.
    """
    offset_s = (job.scored.span.start_ns - job.source.span.start_ns) // NS_PER_S
    first = second + offset_s - BEFORE_S
    stop = second + offset_s + job.array.window_s + AFTER_S
    traces = np.empty((len(nodes), (stop - first) * int(job.source.rate)))
    for trace, node in zip(traces, nodes, strict=True):
        row = job.array.waveform_rows[node]
        record = job.record(row, first, stop)
        trace[:] = np.where(record.filled, record.samples, np.nan)
        there = np.flatnonzero(record.filled)
        if there.size:
            trace[: there[0]] = trace[there[0]]
            trace[there[-1] :] = trace[there[-1]]
    return traces
