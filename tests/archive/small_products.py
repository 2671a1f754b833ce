"""A product small enough to look at whole: 3 stations, 2 hours at 2 Hz, shards of an hour."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from seisflow.archive.products import FORMAT_VERSIONS, ArraySpec, Identity, Product
from seisflow.archive.receipts import TaskPlan, documents_of
from seisflow.archive.schema import second_array, station_arrays
from seisflow.archive.store import create_product
from seisflow.core.grid import HOUR_NS, Span, parse_time

START_NS = parse_time("2020-02-28T23:00")
STATIONS = ["XX.A..Z", "XX.B..Z", "XX.C..Z"]
TASKS = ("one", "two", "three")
PLAN = TaskPlan(TASKS, "tasks", 1, 2, 3, 4, ("a note",))


def identity(**changes: Any) -> Identity:
    base = Identity(
        "LABELS",
        "label",
        {"method": "reference", "select": ["XX.*.*.*"], "box": 0.2},
        {"waveforms": "abc"},
        FORMAT_VERSIONS["LABELS"],
    )
    return replace(base, **changes)


def product(rate: Fraction | int = 2, *, hours: int = 2, **changes: Any) -> Product:
    span = Span(START_NS, START_NS + hours * HOUR_NS)
    return Product(identity(**changes), span, Fraction(rate), shard_s=3600, block=2)


def arrays(of: Product) -> list[ArraySpec]:
    """Waveforms by one station, labels by blocks of two, spectra with a whole third axis."""
    n, seconds, hour = len(STATIONS), of.n_seconds, int(3600 * of.rate)
    return [
        ArraySpec("waveform", ("station", "time"), (n, of.grid.n_samples), "int32", -1,
                  (1, hour // 6), (1, hour)),
        ArraySpec("label", ("station", "second"), (n, seconds), "uint8", 255, (1, 1800), (2, 3600),
                  {"long_name": "class", "flag_values": [0, 255]}),
        ArraySpec("spectrum", ("station", "hour", "bin"), (n, seconds // 3600, 4), "float32",
                  float("nan"), (1, 1, 4), (2, 1, 4)),
        *station_arrays(STATIONS, [None] * n),
        second_array(of),
    ]  # fmt: skip


def create(path: Path, of: Product | None = None) -> Product:
    of = of or product()
    create_product(path, of, arrays(of), "small", documents_of(PLAN, {"a.mseed": "10 bytes"}))
    return of


def ramp(shape: tuple[int, ...], dtype: str) -> np.ndarray:
    return (np.arange(int(np.prod(shape))) % 200).reshape(shape).astype(dtype)
