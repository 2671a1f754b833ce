"""One shard of samples put together from decoded runs. Arrays in, arrays out.

Invariant: the first run to fill a sample keeps it; a later equal value is counted as overlap, a
later different one as conflict, and neither changes anything.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from seisflow.archive.schema import INTEGER_FILL
from seisflow.dsp.filters import valid_runs

__all__ = ["Shard", "coverage_of", "fill_value"]

COMPARED_AT_ONCE = 2**20


def fill_value(dtype: str) -> int | float:
    """Return what samples without data hold: NaN, or the smallest int32."""
    return INTEGER_FILL if np.dtype(dtype).kind == "i" else float("nan")


@dataclass
class Shard:
    """Samples ``[start, start + n)`` of one station's grid, while they are being filled."""

    start: int
    samples: npt.NDArray[np.generic]
    filled: npt.NDArray[np.bool_]
    n_overlapping: int = 0
    n_conflicting: int = 0

    @classmethod
    def empty(cls, start: int, n_samples: int, dtype: str) -> "Shard":
        """Return a shard in which nothing is filled."""
        samples = np.full(n_samples, fill_value(dtype), dtype=dtype)
        return cls(start, samples, np.zeros(n_samples, dtype=bool))

    def put(self, index: int, values: npt.NDArray[np.generic]) -> list[tuple[int, int]]:
        """Fill from grid index `index` on.

        Parameters
        ----------
        index : int
            Grid index of ``values[0]``.
        values : ndarray
            Samples of a type the shard's type holds exactly; must lie inside the shard.

        Returns
        -------
        list of (int, int)
            Grid index and number of samples of every run that was kept.
        """
        at = slice(index - self.start, index - self.start + len(values))
        there, samples = self.filled[at], self.samples[at]
        kept = [(0, len(values))]
        if there.any():
            self._compare(samples, values, there)
            kept = [(int(first), int(stop)) for first, stop in valid_runs(~there)]
        for first, stop in kept:
            samples[first:stop] = values[first:stop]
        there[:] = True
        return [(index + first, stop - first) for first, stop in kept]

    def _compare(
        self,
        samples: npt.NDArray[np.generic],
        values: npt.NDArray[np.generic],
        there: npt.NDArray[np.bool_],
    ) -> None:
        """Count what is said twice, a part at a time: a whole day twice takes no more memory."""
        for first in range(0, len(values), COMPARED_AT_ONCE):
            part = slice(first, first + COMPARED_AT_ONCE)
            old, again = samples[part][there[part]], values[part][there[part]]
            equal = (old == again) | ((old != old) & (again != again))
            self.n_overlapping += int(equal.sum())
            self.n_conflicting += int(len(equal) - equal.sum())


def coverage_of(shard: Shard, rate: Fraction) -> npt.NDArray[np.float32]:
    """Return the valid fraction of every second of a shard that starts on a whole second.

    A sample is valid if it was found in a file and is finite.

    Returns
    -------
    ndarray, float32, shape (n_seconds,)
        ``n_valid / n_samples`` of each second; samples ``k`` with ``floor(k / rate) = s`` belong
        to second ``s``.
    """
    valid = shard.filled
    if shard.samples.dtype.kind == "f":
        valid = valid & np.isfinite(shard.samples)
    if rate.denominator == 1:
        counts = valid.reshape(-1, rate.numerator).sum(axis=1, dtype=np.int32)
        return np.asarray(counts / rate.numerator, dtype=np.float32)
    n_seconds = int(len(valid) / rate)
    seconds = np.arange(n_seconds + 1)
    edges = -(-seconds * rate.numerator // rate.denominator)
    counts = np.add.reduceat(valid, edges[:-1], dtype=np.int32)
    return np.asarray(counts / np.diff(edges), dtype=np.float32)
