"""The arrays of WAVELETS, and the columns of the chosen examples they are made from."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import ArraySpec
from seisflow.archive.schema import TIME_ATTRS
from seisflow.core.classes import Origin, Split, State, WaveletClass, flag_attributes

__all__ = ["CHUNK", "SHARD", "Examples", "wavelet_arrays"]

SHARD = 2048
"""Examples of one task and one shard."""
CHUNK = 128
"""Examples that are read at once."""
COLUMN_CHUNK = 1 << 16


@dataclass(frozen=True)
class Examples:
    """Columns of chosen examples, in the order of the product; see `wavelet_arrays`."""

    station: npt.NDArray[np.object_]
    start_ns: npt.NDArray[np.int64]
    wavelet_class: npt.NDArray[np.uint8]
    split: npt.NDArray[np.uint8]
    event: npt.NDArray[np.object_]
    snr: npt.NDArray[np.float32]
    distance_km: npt.NDArray[np.float32]
    magnitude: npt.NDArray[np.float32]
    arrival_s: npt.NDArray[np.float32]
    origin: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.start_ns)


def wavelet_arrays(
    examples: Examples, n_samples: int, rate_hz: float, comment: str = ""
) -> Iterator[ArraySpec]:
    """Return all arrays of a product whose waveforms are still to be cut.

    Parameters
    ----------
    examples : Examples
        Their columns, which are written at once.
    n_samples : int
        Samples of one example: window and both margins.
    rate_hz : float
        Samples per second.
    comment : str
        What the splits are short of, a line each, kept as an attribute of ``split``; none where
        it is empty.
    """
    n = len(examples)
    attrs: dict[str, Any] = {
        "units": "count",
        "long_name": "samples as recorded, from the margin before the window to that behind it",
        "sampling_rate_hz": rate_hz,
    }
    dims, shape = ("example", "sample"), (n, n_samples)
    yield ArraySpec(
        "waveform", dims, shape, "float32", float("nan"),
        (CHUNK, n_samples), (SHARD, n_samples), attrs,
    )  # fmt: skip
    attrs = {"long_name": "whether the waveform is written", **flag_attributes(State)}
    fill = int(State.NOT_RUN)
    yield ArraySpec("state", ("example",), (n,), "uint8", fill, (SHARD,), (SHARD,), attrs)
    for name, dtype, fill_value, attrs in _columns():
        values = getattr(examples, "start_ns" if name == "start" else name)
        if name == "split" and comment:
            attrs = {**attrs, "comment": comment}
        chunk = (max(1, min(n, COLUMN_CHUNK)),)
        yield ArraySpec(name, ("example",), (n,), dtype, fill_value, chunk, None, attrs, values)


def _columns() -> Iterator[tuple[str, str, Any, dict[str, Any]]]:
    """Yield name, type, fill value and attributes of every column."""
    yield "wavelet_class", "uint8", 255, {"long_name": "class", **flag_attributes(WaveletClass)}
    yield "split", "uint8", 255, {"long_name": "what it is for", **flag_attributes(Split)}
    yield "station", "str", "", {"long_name": "NET.STA.LOC.CHA"}
    yield "start", "int64", 0, {"long_name": "first sample of the window", **TIME_ATTRS}
    yield "event", "str", "", {"long_name": "earthquake; empty for noise"}
    for name, units, long_name in (
        ("snr", "1", "rms in P..P+1 s over rms in P-3..P-0.5 s, 5-30 Hz; NaN for noise"),
        ("distance_km", "km", "epicentral distance; NaN where not known"),
        ("magnitude", "1", "magnitude; NaN where not known"),
        ("arrival_s", "s", "P after the start of the window; NaN for noise"),
    ):
        yield name, "float32", float("nan"), {"units": units, "long_name": long_name}
    yield "origin", "uint8", 255, {"long_name": "why it has its class", **flag_attributes(Origin)}
