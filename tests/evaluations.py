"""Sets of wavelets, models that answer what they are told, and planted truths, for evaluations."""

import sys
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
from seisflow.archive.schema import second_array, station_arrays
from seisflow.archive.store import create_product, write_shards
from seisflow.core.classes import flag_attributes
from seisflow.core.grid import HOUR_NS, NS_PER_S, Span
from seisflow.stages.learn.examples import Examples, open_examples
from seisflow.stages.synth.sources import SourceKind

sys.path.append(str(Path(__file__).parent / "learn"))

from wavelet_sets import START_NS, STATIONS, WaveletSet, write_wavelets

__all__ = ["START_NS", "STATIONS", "FakeModel", "WaveletSet", "guess", "small_set", "write_truth"]


def small_set(path: Path, **changes: np.ndarray) -> Examples:
    """Write 90 wavelets at 40 Hz, as many of each class, and open them."""
    made = WaveletSet(n=90, shares=(0.4, 0.2, 0.4))
    return open_examples(write_wavelets(path, made, **changes))


class FakeModel:
    """A model that says of each window what a function of its samples says."""

    def __init__(self, examples: Examples, answer: Any = None, **changes: Any) -> None:
        self.rate_hz = examples.rate_hz
        self.window_samples = examples.window_samples
        self.halo_samples = 10
        self.key = "0" * 32
        self.document = {"network": {"name": "fake"}, "training": {"wavelets": examples.key}}
        self.asked: list[np.ndarray] = []
        self._answer = answer or self.uniform
        for name, value in changes.items():
            setattr(self, name, value)

    @staticmethod
    def uniform(samples: np.ndarray) -> np.ndarray:
        return np.full((len(samples), 3), 1 / 3, np.float32)

    def probabilities(
        self, samples: np.ndarray, *, device: str = "cpu", batch: int = 256
    ) -> np.ndarray:
        assert samples.shape[1] == self.window_samples + 2 * self.halo_samples
        self.asked.append(samples)
        return np.asarray(self._answer(samples), np.float32)


def guess(true: np.ndarray, seed: int = 0, skill: float = 2.0) -> np.ndarray:
    """Return probabilities that lean to what is true, float32, shape (n, 3)."""
    rng = np.random.default_rng(seed)
    logits = rng.standard_normal((len(true), 3)) + skill * np.eye(3)[np.minimum(true, 2)]
    odds = np.exp(logits)
    return (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)


def write_truth(
    path: Path,
    kind: np.ndarray,
    ratio: np.ndarray,
    *,
    stations: tuple[str, ...] = STATIONS,
    start_ns: int = START_NS,
    complete: bool = True,
) -> Path:
    """Write a TRUTH product of whole hours, shape (station, second), by its layout."""
    n_seconds = kind.shape[1]
    identity = Identity(
        "TRUTH", "synth", {"seed": 1}, {}, FORMAT_VERSIONS["TRUTH"], RESULT_VERSIONS["synth"]
    )
    assert n_seconds % 3600 == 0
    assert start_ns % HOUR_NS == 0
    span = Span(start_ns, start_ns + n_seconds * NS_PER_S)
    product = Product(identity, span, Fraction(40), n_seconds, 1)
    shape, shards = kind.shape, (1, n_seconds)
    dims, attrs = ("station", "second"), dict(flag_attributes(SourceKind))
    arrays = [
        ArraySpec("kind", dims, shape, "uint8", 255, shards, shards, attrs),
        ArraySpec("amplitude_ratio", dims, shape, "float32", float("nan"), shards, shards),
        *station_arrays(stations, [None] * len(stations)),
        second_array(product),
    ]
    plan = TaskPlan(("all",), "nodes", 1, 1, 1, 1)
    create_product(path, product, arrays, "planted truth", documents_of(plan))
    for row in range(len(stations)):
        write_shards(path, "kind", (row, 0), kind[row : row + 1].astype(np.uint8))
        write_shards(path, "amplitude_ratio", (row, 0), ratio[row : row + 1].astype(np.float32))
    if complete:
        write_receipt(path, identity.key, Receipt("all"))
    return path
