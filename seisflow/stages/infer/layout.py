"""The arrays of SCORES, and the block of them that one task fills."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import ArraySpec, Product
from seisflow.archive.schema import second_array, station_arrays
from seisflow.core.classes import ScoreState, WaveletClass, flag_attributes
from seisflow.core.grid import HOUR_S
from seisflow.core.stations import Coordinates

__all__ = ["Block", "score_arrays"]


def score_arrays(
    product: Product,
    stations: Sequence[str],
    places: Sequence[Coordinates],
    classes: Sequence[str],
) -> Iterator[ArraySpec]:
    """Return all arrays of an empty SCORES product."""
    n, seconds, shard_s = len(stations), product.n_seconds, product.shard_s
    dims, n_classes = ("station", "second"), len(classes)
    attrs: dict[str, Any] = {"long_name": _meaning(product), "units": "1"}
    chunk_s = min(HOUR_S, shard_s)  # detection reads an hour of all stations
    yield ArraySpec(
        "probability",
        (*dims, "class"),
        (n, seconds, n_classes),
        "float32",
        float("nan"),
        (1, chunk_s, n_classes),
        (product.block, shard_s, n_classes),
        attrs,
    )
    attrs = {"long_name": "whether a second has probabilities", **flag_attributes(ScoreState)}
    fill, shard = int(ScoreState.NOT_RUN), (product.block, shard_s)
    yield ArraySpec("state", dims, (n, seconds), "uint8", fill, (1, chunk_s), shard, attrs)
    yield from station_arrays(stations, places)
    yield second_array(product)
    names = np.array(classes, dtype=object)
    attrs = {"long_name": "class of a window"}
    yield ArraySpec("class", ("class",), (n_classes,), "str", "", attrs=attrs, values=names)


def _meaning(product: Product) -> str:
    """Say which window a probability is of."""
    scale = product.identity.config.get("time_scale", 1)
    if scale == 1:
        return "probability of each class for the window that begins 1 s before the second"
    return (
        "probability of each class for the window most like an earthquake, of the "
        f"{scale} of a second that is read {scale} times slower"
    )


class Block:
    """The shards of one task: a block of stations over one shard of time.

    Parameters
    ----------
    n_stations, n_seconds, n_classes : int
        Its size.

    Attributes
    ----------
    arrays : dict
        ``probability`` and ``state``; all not run at first.
    """

    def __init__(self, n_stations: int, n_seconds: int, n_classes: int) -> None:
        shape = (n_stations, n_seconds)
        self.probability = np.full((*shape, n_classes), np.nan, dtype=np.float32)
        self.state = np.full(shape, ScoreState.NOT_RUN, dtype=np.uint8)

    @property
    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """What is written, by the names of the product."""
        return {"probability": self.probability, "state": self.state}

    @property
    def counts(self) -> dict[str, int]:
        """Seconds of each state, and those for which each class is the most probable one."""
        found = {state.name.lower(): int((self.state == state).sum()) for state in ScoreState}
        best = self.probability[self.state == ScoreState.READY].argmax(axis=1)
        return found | {c.name.lower(): int((best == c).sum()) for c in WaveletClass}

    def put(self, station: int, seconds: slice, probability: npt.NDArray[np.float32]) -> None:
        """Fill some seconds of a station; a second with NaN has no data."""
        ready = np.asarray(np.isfinite(probability).all(axis=1))
        self.probability[station, seconds] = np.where(ready[:, None], probability, np.nan)
        self.state[station, seconds] = np.where(ready, ScoreState.READY, ScoreState.NO_DATA)

    def fail(self, station: int | slice, seconds: slice) -> None:
        """Mark seconds of a station, or of several, as failed."""
        self.state[station, seconds] = ScoreState.FAILED
