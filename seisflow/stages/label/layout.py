"""The arrays of LABELS, and the block of them that one task fills."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import ArraySpec, Product
from seisflow.archive.schema import TIME_ATTRS, second_array, station_arrays
from seisflow.core.classes import Label, NoData, Undetermined, flag_attributes
from seisflow.core.grid import HOUR_NS, HOUR_S
from seisflow.core.stations import Coordinates
from seisflow.stages.label.method import HourLabels

__all__ = ["FEATURES", "Block", "Labelled", "label_arrays"]

Labelled = tuple[HourLabels, npt.NDArray[np.uint8]]
"""Labels of an hour, and why each of its seconds has no data."""

SHARED_FEATURES = {
    "deviation": ("count", "distance of the amplitude spectrum from the mean random noise one"),
    "median_cc": ("1", "median of the maximum cross-correlations with random noise windows"),
    "density": ("1", "density of seconds in the (deviation, median_cc) plane, peak 1"),
}
FEATURES = {
    "reference": {
        **SHARED_FEATURES,
        "std_cc": (
            "1",
            "standard deviation of those with not random noise, largest left out",
        ),
        "weighted_density": ("1", "density over std_cc, peak 1"),
    },
    "calibrated": {
        **SHARED_FEATURES,
        "p_noise": ("1", "probability that noise looks as little like noise"),
    },
}
"""What each method leaves on every second: units and meaning. The first three mean the same."""


def label_arrays(
    product: Product, stations: Sequence[str], places: Sequence[Coordinates]
) -> Iterator[ArraySpec]:
    """Return all arrays of an empty LABELS product."""
    yield from _layout(product, len(stations))
    yield from station_arrays(stations, places)
    yield second_array(product)
    n_hours = product.n_seconds // HOUR_S
    hours = product.span.start_ns + np.arange(n_hours, dtype=np.int64) * HOUR_NS
    yield ArraySpec("hour", ("hour",), (n_hours,), "int64", 0, attrs=TIME_ATTRS, values=hours)
    bins = np.arange(1, int(product.rate) // 2 + 1, dtype="float64")
    attrs = {"units": "Hz", "long_name": "frequency"}
    yield ArraySpec("frequency", ("frequency",), bins.shape, "float64", attrs=attrs, values=bins)


def _layout(product: Product, n_stations: int) -> Iterator[ArraySpec]:
    n, seconds, block, shard_s = n_stations, product.n_seconds, product.block, product.shard_s

    def by_second(name: str, dtype: str, fill: Any, attrs: dict[str, Any]) -> ArraySpec:
        dims, chunks, shards = ("station", "second"), (1, shard_s), (block, shard_s)
        return ArraySpec(name, dims, (n, seconds), dtype, fill, chunks, shards, attrs)

    attrs = {"long_name": "class of each second, named by its start", **flag_attributes(Label)}
    yield by_second("label", "uint8", int(Label.NOT_RUN), attrs)
    for name, (units, long_name) in FEATURES[product.identity.config["method"]].items():
        attrs = {"units": units, "long_name": long_name}
        yield by_second(name, "float32", float("nan"), attrs)
    attrs = {"long_name": "why a second is no_data", **flag_attributes(NoData)}
    yield by_second("no_data_reason", "uint8", int(NoData.NOT_RUN), attrs)
    yield from _hour_layout(product, n_stations)


def _hour_layout(product: Product, n_stations: int) -> Iterator[ArraySpec]:
    hours, shard_h = product.n_seconds // HOUR_S, product.shard_s // HOUR_S

    def by_hour(
        name: str, extra: tuple[tuple[str, int], ...], dtype: str, fill: Any, long_name: str
    ) -> ArraySpec:
        more = tuple(size for _, size in extra)
        dims = ("station", "hour", *(dim for dim, _ in extra))
        shape, whole = (n_stations, hours, *more), (product.block, shard_h, *more)
        return ArraySpec(
            name, dims, shape, dtype, fill, (1, shard_h, *more), whole, {"long_name": long_name}
        )

    reason = by_hour(
        "undetermined_reason", (), "uint8", int(Undetermined.NOT_RUN), "why an hour has no labels"
    )
    yield ArraySpec(
        **{**reason.__dict__, "attrs": {**reason.attrs, **flag_attributes(Undetermined)}}
    )
    n_rounds = product.identity.config["parameters"]["n_rounds"]
    rounds, bins = ("round", n_rounds + 1), ("frequency", int(product.rate) // 2)
    long_name = "random noise windows after the first selection and after each round; -1 none"
    yield by_hour("n_rn", (rounds,), "int32", -1, long_name)
    long_name = "mean amplitude spectrum of the random noise windows, counts"
    yield by_hour("mean_rn_spectrum", (bins,), "float32", float("nan"), long_name)


@dataclass
class Block:
    """The shards of one task: a block of stations over one shard of time."""

    arrays: dict[str, npt.NDArray[np.generic]] = field(default_factory=dict)

    @classmethod
    def empty(cls, product: Product, n_stations: int, n_seconds: int) -> "Block":
        """Return a block in which nothing has run."""
        sizes = {"second": n_seconds, "hour": n_seconds // HOUR_S, "station": n_stations}
        arrays = {}
        for spec in _layout(product, n_stations):
            shape = tuple(
                sizes.get(dim, size) for dim, size in zip(spec.dims, spec.shape, strict=True)
            )
            arrays[spec.name] = np.full(shape, spec.fill, dtype=spec.dtype)
        return cls(arrays)

    @property
    def counts(self) -> dict[str, int]:
        """Seconds of each class."""
        labels = self.arrays["label"]
        return {code.name.lower(): int((labels == code).sum()) for code in Label}

    def put(self, station: int, seconds: slice, found: Labelled) -> None:
        """Fill one station-hour of the block."""
        hour, (labels, reasons) = seconds.start // HOUR_S, found
        features = {name for known in FEATURES.values() for name in known}
        for name in ("label", *sorted(features & self.arrays.keys())):
            self.arrays[name][station, seconds] = getattr(labels, name)
        self.arrays["no_data_reason"][station, seconds] = reasons
        self.arrays["undetermined_reason"][station, hour] = labels.reason
        self.arrays["n_rn"][station, hour] = labels.n_rn
        self.arrays["mean_rn_spectrum"][station, hour] = labels.mean_rn_spectrum

    def fail(self, station: int | slice, seconds: slice) -> None:
        """Mark seconds of a station, or of several, as failed."""
        self.arrays["label"][station, seconds] = Label.FAILED
