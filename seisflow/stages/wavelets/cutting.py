"""Cutting examples: each task copies the waveforms of its shard, and nothing else.

Invariant: what is written of an example depends on its station and start alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import Product
from seisflow.archive.reading import read_slice, station_names
from seisflow.archive.store import open_array, read_product, write_shards
from seisflow.archive.work import Done
from seisflow.core.classes import Split, State, WaveletClass
from seisflow.core.files import AnyPath
from seisflow.core.grid import SampleGrid, format_time
from seisflow.errors import DataError
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.layout import SHARD

__all__ = ["JOINED_S", "ShardTask", "cut_examples", "n_samples_of", "shard_tasks"]

JOINED_S = 600
"""Seconds of record read at once: windows of a station that lie within them are read together."""


@dataclass(frozen=True)
class ShardTask:
    """The examples ``[start, stop)`` of a product."""

    name: str
    start: int
    stop: int


def n_samples_of(config: AssembleConfig, rate: int) -> int:
    """Return the samples of one example: window and both margins."""
    return config.window_s * rate + 2 * round(config.margin_s * rate)


def shard_tasks(n: int) -> tuple[ShardTask, ...]:
    """Cut `n` examples into shards."""
    bounds = [(start, min(start + SHARD, n)) for start in range(0, n, SHARD)]
    return tuple(ShardTask(f"examples-{a}-{b - 1}", a, b) for a, b in bounds)


def cut_examples(config: AssembleConfig, task: ShardTask) -> Done:
    """Cut the examples of one shard and write it.

    An example that cannot be read, or holds what is no finite number, is marked failed with its
    reason; the others go on.
    """
    product = read_product(config.waveforms, "WAVEFORMS")
    here = slice(task.start, task.stop)
    station, start_ns = (_column(config.wavelets, name, here) for name in ("station", "start"))
    n_samples = n_samples_of(config, int(product.rate))
    waveform = np.full((task.stop - task.start, n_samples), np.nan, dtype=np.float32)
    rows = {name: row for row, name in enumerate(station_names(config.waveforms))}
    margin = round(config.margin_s * int(product.rate))
    failures: list[str] = []
    read = 0
    for name in sorted(set(station)):
        members = np.flatnonzero(station == name)
        starts = _samples(product.grid, start_ns[members]) - margin
        for group in _groups(starts, n_samples, JOINED_S * int(product.rate)):
            try:
                read += _cut(
                    config.waveforms, product, rows[name], starts[group], waveform, members[group]
                )
            except Exception as error:  # noqa: BLE001 - one bad record never stops the others
                time = format_time(int(start_ns[members[group[0]]]))
                failures.append(f"{name}, {time}: {type(error).__name__}: {error}")
    return _written(config.wavelets, task, waveform, failures, read)


def _column(output: AnyPath, name: str, here: slice) -> npt.NDArray[Any]:
    return np.asarray(open_array(output, name)[here])


def _samples(grid: SampleGrid, times_ns: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.array([grid.nearest(t) for t in times_ns.tolist()], dtype=np.int64)


def _groups(
    starts: npt.NDArray[np.int64], n_samples: int, reach: int
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield indices of windows that lie within `reach` samples, so that they are read at once."""
    order = np.argsort(starts, kind="stable")
    begin = 0
    for i in range(1, len(order) + 1):
        if i == len(order) or starts[order[i]] + n_samples - starts[order[begin]] > reach:
            yield order[begin:i]
            begin = i


def _cut(
    waveforms: AnyPath,
    source: Product,
    row: int,
    starts: npt.NDArray[np.int64],
    into: npt.NDArray[np.float32],
    places: npt.NDArray[np.int64],
) -> int:
    """Copy windows of one row that lie near each other; return the bytes read."""
    first, stop = int(starts.min()), int(starts.max()) + into.shape[1]
    n_samples = source.grid.n_samples
    if first < 0 or stop > n_samples:
        raise DataError(f"samples {first} to {stop} are not among the {n_samples} of it")
    record = read_slice(waveforms, "waveform", row, first, stop, key=source.identity.key)
    for start, place in zip((starts - first).tolist(), places.tolist(), strict=True):
        into[place] = record[start : start + into.shape[1]]
    return int(record.nbytes)


def _written(
    output: AnyPath,
    task: ShardTask,
    waveform: npt.NDArray[np.float32],
    failures: list[str],
    read: int,
) -> Done:
    """Write a shard and its state, and count what is ready."""
    ready = np.isfinite(waveform).all(axis=1)
    waveform[~ready] = np.nan
    if not ready.all() and not failures:
        first = task.start + int(np.argmin(ready))
        failures.append(
            f"{int((~ready).sum())} examples hold samples that are not finite, first {first}"
        )
    state = np.where(ready, State.READY, State.FAILED).astype(np.uint8)
    written = write_shards(output, "waveform", (task.start,), waveform)
    written += write_shards(output, "state", (task.start,), state)
    here = slice(task.start, task.stop)
    columns = {"wavelet_class": WaveletClass, "split": Split}
    counts = {"ready": int(ready.sum()), "failed": int((~ready).sum())}
    for name, codes in columns.items():
        values = _column(output, name, here)[ready]
        counts |= {c.name.lower(): int((values == c).sum()) for c in codes}
    return Done(counts, (), tuple(failures), read, written)
