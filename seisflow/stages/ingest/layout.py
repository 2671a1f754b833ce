"""The arrays of WAVEFORMS: samples, coverage, the table of segments, the state of each shard."""

from collections.abc import Iterator, Mapping

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import ArraySpec, Product
from seisflow.archive.schema import second_array, station_arrays
from seisflow.archive.work import Progress
from seisflow.core.classes import State, flag_attributes
from seisflow.core.grid import CHUNK_S
from seisflow.core.stations import Coordinates
from seisflow.stages.ingest.assembling import fill_value

__all__ = ["segment_arrays", "state_array", "state_of_all", "waveform_arrays"]


def waveform_arrays(
    product: Product, places: Mapping[str, Coordinates | None], dtype: str
) -> Iterator[ArraySpec]:
    """Return all arrays made when the product is created, of the stations that have `places`."""
    stations = list(places)
    n, seconds, rate = len(stations), product.n_seconds, product.rate
    shard = int(product.shard_s * rate)
    attrs = {
        "units": "count",
        "long_name": "samples as recorded",
        "fill_sample": "NaN" if np.dtype(dtype).kind == "f" else int(fill_value(dtype)),
        "sampling_rate_hz": float(rate),
        "comment": "valid where coverage is 1; no filter, no resampling, no gain applied",
    }
    chunk = min(shard, int(CHUNK_S * rate))
    yield ArraySpec(
        "waveform",
        ("station", "time"),
        (n, product.grid.n_samples),
        dtype,
        fill_value(dtype),
        (1, chunk),
        (1, shard),
        attrs,
    )
    yield ArraySpec(
        "coverage",
        ("station", "second"),
        (n, seconds),
        "float32",
        float("nan"),
        (1, product.shard_s),
        (1, product.shard_s),
        {"units": "1", "long_name": "valid fraction of each second; NaN where not ingested"},
    )
    yield from station_arrays(stations, list(places.values()))
    yield second_array(product)


def segment_arrays(rows: npt.NDArray[np.int64], product: Product) -> Iterator[ArraySpec]:
    """Return the table of segments, joined where shards cut them.

    Parameters
    ----------
    rows : ndarray, int64, shape (n, 4)
        Station, first sample, number of samples, offset in ns.
    product : Product
        Its grid gives the times.
    """
    rows = rows[np.lexsort((rows[:, 3], rows[:, 1], rows[:, 0]))]
    joined = (
        (rows[1:, 0] == rows[:-1, 0])
        & (rows[1:, 1] == rows[:-1, 1] + rows[:-1, 2])
        & (rows[1:, 3] == rows[:-1, 3])
    )
    starts = np.flatnonzero(np.concatenate([[True], ~joined]))[: len(rows)]
    table = rows[starts]
    if len(rows):
        table[:, 2] = np.add.reduceat(rows[:, 2], starts)
    times = product.grid.times_of(table[:, 1]) + table[:, 3]
    notes = {
        "segment_station": ("index of the station", table[:, 0]),
        "segment_first_sample": ("grid index of the first sample", table[:, 1]),
        "segment_n_samples": ("number of samples", table[:, 2]),
        "segment_offset_ns": ("time of the first sample minus its grid time, ns", table[:, 3]),
        "segment_start_ns": ("time of the first sample as recorded, ns since 1970 UTC", times),
    }
    for name, (long_name, values) in notes.items():
        yield ArraySpec(
            name,
            ("segment",),
            values.shape,
            "int64",
            0,
            attrs={"long_name": long_name},
            values=values,
        )


def state_array(product: Product, progress: Progress) -> ArraySpec:
    """Return the state of every station and shard: ready, failed or not run."""
    n_shards = -(-product.n_seconds // product.shard_s)
    state = np.full(len(progress.plan.tasks), State.NOT_RUN, dtype="uint8")
    done = set(progress.done)
    for i, task in enumerate(progress.plan.tasks):
        if task in done:
            state[i] = State.READY
        elif task in progress.failed:
            state[i] = State.FAILED
    return _state_array(state.reshape(-1, n_shards))


def state_of_all(n_stations: int, n_shards: int, state: State) -> ArraySpec:
    """Return one state of every station and shard."""
    return _state_array(np.full((n_stations, n_shards), state, dtype="uint8"))


def _state_array(values: npt.NDArray[np.uint8]) -> ArraySpec:
    attrs = {"long_name": "state of each shard of coverage and waveform", **flag_attributes(State)}
    return ArraySpec(
        "state",
        ("station", "shard"),
        values.shape,
        "uint8",
        int(State.NOT_RUN),
        attrs=attrs,
        values=values,
    )
