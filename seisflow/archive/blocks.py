"""What stages that go through WAVEFORMS second by second share: which part, which tasks, how read.

A task is a block of stations over one shard of time. Invariant: tasks cover every second of every
chosen station once, in whole shards of the product they fill.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import Product
from seisflow.archive.reading import read_column, read_slice, recorded_samples, station_names
from seisflow.archive.receipts import read_receipts
from seisflow.archive.store import read_product
from seisflow.archive.work import Task, Work, require_complete
from seisflow.core.config import SelectingConfig
from seisflow.core.files import AnyPath, relative_path
from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S, Span, format_time, parse_time
from seisflow.core.stations import Coordinates, select_stations
from seisflow.errors import ConfigError, DataError

__all__ = [
    "MODEL",
    "SOURCES",
    "BlockTask",
    "Record",
    "Selection",
    "asked_span",
    "block_tasks",
    "read_record",
    "refuse_other_block",
    "select_part",
    "set_aside",
    "source_document",
    "task_unit",
]

T = TypeVar("T", bound=Task)

SOURCES = "sources.json"
"""Document beside a plan that says where the WAVEFORMS were; no part of the identity."""
MODEL = "model.json"
"""Document beside a plan: that of the model which classified, with its thresholds."""
MAX_BLOCK = 16
"""Stations of a task: a quarter of an hour of labelling at 500 Hz, what a kill can cost."""


@dataclass(frozen=True)
class Selection:
    """A part of WAVEFORMS: chosen stations over whole UTC hours.

    ``rows`` are the stations' rows in WAVEFORMS; ``notes`` say what was asked for and is not there.
    """

    waveforms: AnyPath
    source: Product
    rows: tuple[int, ...]
    stations: tuple[str, ...]
    places: tuple[Coordinates, ...]
    span: Span
    notes: tuple[str, ...] = ()

    @property
    def shard_s(self) -> int:
        """Seconds of one shard of a product over this part: a day, or all there is."""
        return int(min(DAY_NS, self.span.end_ns - self.span.start_ns) // NS_PER_S)

    def block(self, asked: int | None) -> int:
        """Stations of one shard: as asked, or so many that there are at least 64 blocks."""
        return min(asked or min(MAX_BLOCK, -(-len(self.rows) // 64)), len(self.rows))


@dataclass(frozen=True)
class BlockTask:
    """A block of stations over one shard of time.

    ``rows`` are the stations' rows in WAVEFORMS; ``first`` is the row of the block in the product;
    ``start_s`` and ``stop_s`` bound the shard in seconds of the product.
    """

    name: str
    rows: tuple[int, ...]
    first: int
    start_s: int
    stop_s: int

    @property
    def n_seconds(self) -> int:
        """Seconds of its shard."""
        return self.stop_s - self.start_s

    @property
    def station_s(self) -> int:
        """Seconds of one station's record in it."""
        return len(self.rows) * self.n_seconds


@dataclass(frozen=True)
class Record:
    """Samples of one station over whole seconds.

    Attributes
    ----------
    samples : ndarray, shape (n_seconds * rate,)
        Counts as recorded.
    filled : ndarray of bool, same shape
        Where there are data.
    coverage : ndarray of float32, shape (n_seconds,)
        Valid fraction of every second.
    """

    samples: npt.NDArray[np.generic]
    filled: npt.NDArray[np.bool_]
    coverage: npt.NDArray[np.float32]


def select_part(config: SelectingConfig, waveforms: AnyPath) -> Selection:
    """Return the part of WAVEFORMS that a configuration asks for.

    Raises
    ------
    ConfigError
        No station or no time is selected, or `waveforms` is no such product.
    IncompleteError
        Some of `waveforms` is not ingested yet.
    """
    source = read_product(waveforms, "WAVEFORMS")
    require_complete(waveforms)
    names = station_names(waveforms)
    rows, notes = select_stations(names, config.select, str(waveforms))
    stations = tuple(names[i] for i in rows)
    span = asked_span(config, source.span, "waveforms")
    return Selection(waveforms, source, rows, stations, _places(waveforms, rows), span, notes)


def asked_span(config: SelectingConfig, whole: Span, what: str) -> Span:
    """Return the time that a configuration asks for, widened to whole UTC hours.

    Parameters
    ----------
    config : SelectingConfig
        Its ``start`` and ``end``.
    whole : Span
        What there is.
    what : str
        Its name in the plural, for the message.

    Raises
    ------
    ConfigError
        Nothing of it is asked for.
    """
    start = parse_time(config.start) if config.start else whole.start_ns
    end = parse_time(config.end) if config.end else whole.end_ns
    if start >= whole.end_ns or end <= whole.start_ns:
        asked = " and ".join(format_time(time) for time in (start, end))
        raise ConfigError(f"nothing between {asked}; the {what} cover {whole}")
    span = Span(start, end).widened(HOUR_NS).intersect(whole)
    assert span is not None
    return span


def refuse_other_block(output: AnyPath, product: Product) -> None:
    """Refuse to go on with a product whose shards hold another number of stations.

    Raises
    ------
    ConfigError
        It says which number to ask for.
    """
    existing = read_product(output, product.identity.product)
    if existing.block != product.block:
        raise ConfigError(
            f"{output} was begun with blocks of {existing.block} stations, asked for "
            f"{product.block}; repeat the command with --block {existing.block}"
        )


def _places(waveforms: AnyPath, rows: tuple[int, ...]) -> tuple[Coordinates, ...]:
    columns = [read_column(waveforms, name) for name in ("longitude", "latitude", "elevation")]
    return tuple(Coordinates(*(float(c[i]) for c in columns)) for i in rows)


def block_tasks(product: Product, selection: Selection) -> Iterator[BlockTask]:
    """Cut a product over a part of WAVEFORMS into its tasks, station blocks first."""
    rows, stations = selection.rows, selection.stations
    for first in range(0, len(rows), product.block):
        members = rows[first : first + product.block]
        more = f"+{len(members) - 1}" if len(members) > 1 else ""
        for start in range(0, product.n_seconds, product.shard_s):
            stop = min(start + product.shard_s, product.n_seconds)
            time = format_time(product.span.start_ns + start * NS_PER_S)
            name = f"{stations[first]}{more}@{time}"
            yield BlockTask(name, members, first, start, stop)


def set_aside(work: Work[T]) -> Iterator[T]:
    """Yield the tasks that were given up before they could write anything."""
    receipts = read_receipts(work.path, work.key)
    for task in work.tasks:
        receipt, _ = receipts.get(task.name, (None, None))
        if receipt is not None and receipt.state == "failed" and not receipt.counts:
            yield task


def task_unit(product: Product) -> str:
    """Return what a task of a product in blocks is, for people."""
    one = "station-days" if product.shard_s == DAY_NS // NS_PER_S else "stations"
    return one if product.block == 1 else f"blocks of {product.block} {one}"


def source_document(waveforms: AnyPath, output: AnyPath) -> dict[str, Any]:
    """Where the input was, seen from the product's folder too: they may be moved together."""
    path = waveforms.absolute()
    return {
        SOURCES: {"waveforms": str(path), "relative": relative_path(path, output.absolute().parent)}
    }


def read_record(waveforms: AnyPath, source: Product, row: int, start_s: int, stop_s: int) -> Record:
    """Read whole seconds of one station; outside of WAVEFORMS there are no data.

    Parameters
    ----------
    waveforms : Path
        The product `source`, sampled at a whole number of samples per second.
    source : Product
        What it is.
    row : int
        Row of the station.
    start_s, stop_s : int
        Bounds in seconds since the start of WAVEFORMS; they may lie outside.

    Raises
    ------
    DataError
        Some of it failed to be ingested.
    """
    rate = int(source.rate)
    first, stop = max(0, start_s), min(source.n_seconds, stop_s)
    key = source.identity.key
    samples = read_slice(waveforms, "waveform", row, first * rate, stop * rate, key=key)
    coverage = read_slice(waveforms, "coverage", row, first, stop, key=key).astype(np.float32)
    if np.isnan(coverage).any():
        raise DataError("its waveforms failed to be ingested")
    filled = recorded_samples(samples) | np.repeat(coverage == 1, rate)
    ends = np.array([first - start_s, stop_s - stop])
    return Record(np.pad(samples, ends * rate), np.pad(filled, ends * rate), np.pad(coverage, ends))
