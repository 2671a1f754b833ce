"""A small set of wavelets, written by the layout of WAVELETS and by nothing of the assemble stage.

Earthquakes are decaying onsets, random noise is white, noise that is not random is a hum that
grows and fades: a network of a few hundred weights tells them apart in seconds.
"""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from seisflow.archive.products import (
    FORMAT_VERSIONS,
    RESULT_VERSIONS,
    ArraySpec,
    Identity,
    Product,
)
from seisflow.archive.receipts import Receipt, TaskPlan, documents_of, write_receipt
from seisflow.archive.schema import TIME_ATTRS
from seisflow.archive.store import create_product, write_shards
from seisflow.core.classes import Split, State, WaveletClass, flag_attributes
from seisflow.core.grid import HOUR_NS, NS_PER_S, Span, parse_time

WINDOW_S, MARGIN_S = 4, 1.0
START_NS = parse_time("2014-05-29T10:00")
STATIONS = ("ZG.R0101..DPZ", "ZG.R0102..DPZ", "ZG.R0103..DPZ")


@dataclass(frozen=True)
class WaveletSet:
    """What the set is made of; shards are small so that there are several."""

    n: int = 300
    rate: int = 40
    seed: int = 0
    shard: int = 64
    chunk: int = 16
    shares: tuple[float, float, float] = (0.7, 0.2, 0.1)
    classes: tuple[int, ...] = (0, 1, 2)
    stations: tuple[str, ...] = STATIONS

    @property
    def n_samples(self) -> int:
        return round((WINDOW_S + 2 * MARGIN_S) * self.rate)

    def columns(self) -> dict[str, np.ndarray]:
        """Return every column but waveform and state."""
        rng = np.random.default_rng([self.seed, 1])
        kind = np.array(self.classes, np.uint8)[np.arange(self.n) % len(self.classes)]
        is_event = kind == WaveletClass.EARTHQUAKE
        split = rng.permuted(np.repeat((0, 1, 2), self._sizes())).astype(np.uint8)
        unknown = np.where(is_event, 1.0, np.nan).astype(np.float32)
        return {
            "wavelet_class": kind,
            "split": split,
            "station": rng.choice(np.array(self.stations, dtype=object), self.n),
            "start": START_NS + np.arange(self.n, dtype=np.int64) * 10 * NS_PER_S,
            "event": np.where(is_event, "event-1", "").astype(object),
            "snr": unknown * rng.uniform(1.5, 20, self.n).astype(np.float32),
            "distance_km": unknown * 10,
            "magnitude": unknown * 2,
            "arrival_s": unknown * rng.uniform(0.25, 1.75, self.n).astype(np.float32),
        }

    def _sizes(self) -> list[int]:
        train, validation = (round(share * self.n) for share in self.shares[:2])
        return [train, validation, self.n - train - validation]

    def waveforms(self, columns: dict[str, np.ndarray]) -> np.ndarray:
        """Return ``(n, n_samples)`` counts as recorded."""
        rng = np.random.default_rng([self.seed, 2])
        time = np.arange(self.n_samples) / self.rate - MARGIN_S
        rows = rng.standard_normal((self.n, self.n_samples))
        for row, kind, arrival in zip(
            rows, columns["wavelet_class"], columns["arrival_s"], strict=True
        ):
            if kind == WaveletClass.EARTHQUAKE:
                after = np.maximum(time - arrival, 0)
                row += (time >= arrival) * 12 * np.exp(-2 * after) * np.sin(2 * np.pi * 8 * after)
            elif kind == WaveletClass.NOT_RANDOM_NOISE:
                row += 4 * np.sin(2 * np.pi * 4 * time + rng.uniform(0, 6.28))
        return (100 * rows + 1000).astype(np.float32)


def product_of(made: WaveletSet) -> Product:
    """Return what the set is."""
    identity = Identity(
        "WAVELETS",
        "assemble",
        {
            "window_s": WINDOW_S,
            "margin_s": MARGIN_S,
            "seed": made.seed,
            "n": made.n,
            "rate": made.rate,
        },
        {"waveforms": "w", "labels": "l", "arrivals": "a"},
        FORMAT_VERSIONS["WAVELETS"],
        RESULT_VERSIONS["assemble"],
    )
    span = Span(START_NS, START_NS + HOUR_NS)
    return Product(identity, span, Fraction(made.rate), shard_s=3600, block=1)


def arrays_of(made: WaveletSet, columns: dict[str, np.ndarray]) -> list[ArraySpec]:
    """Return all arrays; `waveform` and `state` are left to be written."""
    n, width = made.n, made.n_samples
    attrs: dict[str, dict[str, Any]] = {
        "wavelet_class": dict(flag_attributes(WaveletClass)),
        "split": dict(flag_attributes(Split)),
        "start": dict(TIME_ATTRS),
    }
    specs = [
        ArraySpec("waveform", ("example", "sample"), (n, width), "float32", float("nan"),
                  (made.chunk, width), (made.shard, width)),
        ArraySpec("state", ("example",), (n,), "uint8", int(State.NOT_RUN),
                  (made.shard,), None, dict(flag_attributes(State))),
    ]  # fmt: skip
    for name, values in columns.items():
        kind = "str" if values.dtype == object else values.dtype.name
        fill = {"str": "", "float32": float("nan"), "int64": 0, "uint8": 255}[kind]
        specs.append(
            ArraySpec(name, ("example",), (n,), kind, fill, attrs=attrs.get(name, {}),
                      values=values)
        )  # fmt: skip
    return specs


def write_wavelets(
    path: Path,
    made: WaveletSet | None = None,
    *,
    unready: tuple[int, ...] = (),
    waveforms: np.ndarray | None = None,
    complete: bool = True,
    **changes: np.ndarray,
) -> Path:
    """Write a product; `changes` replace columns, `unready` wavelets count as failed.

    With ``complete=False`` the receipt of its one task is left out.
    """
    made = made or WaveletSet()
    columns = made.columns() | changes
    of = product_of(made)
    plan = TaskPlan(("all",), "shards", 1, 1, 1, 1)
    create_product(path, of, arrays_of(made, columns), "wavelets", documents_of(plan))
    rows = made.waveforms(columns) if waveforms is None else waveforms
    state = np.full(made.n, State.READY, np.uint8)
    state[list(unready)] = State.FAILED
    for start in range(0, made.n, made.shard):
        write_shards(path, "waveform", (start,), rows[start : start + made.shard])
        write_shards(path, "state", (start,), state[start : start + made.shard])
    if complete:
        write_receipt(path, of.identity.key, Receipt("all"))
    return path
