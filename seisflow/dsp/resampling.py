"""Resampling of a record to another rate: linear phase, in float64.

Invariant: a sample that comes out depends on the samples within `Resampling.halo_samples` of it and
on nothing else, whatever was asked before; what would need others is not returned.
"""

from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin, kaiser_beta, kaiserord

from seisflow.dsp.compiling import call, compiled

__all__ = ["LEAST_SHARE", "Resampling"]

STOP_DB = 80.0
"""What would be folded back from above the band is lowered by so much."""
BAND = 0.9
"""Up to this part of half the lower rate nothing is changed or folded back."""
LEAST_SHARE = 0.4
"""Records of a lower rate than this part of a model's hold too little of what it looks at."""
TOGETHER = 4
"""Taps of one pass over what comes out: it is written and read again as many times fewer."""
BLOCK = 1024
"""Samples that come out together: they and what they need stay in the cache of a core."""
KINDS = ("int32", "float32", "float64")
"""Types that the loop is compiled for, in the order of bytes of the processor."""


@dataclass(frozen=True)
class Resampling:
    """From one rate to another, both whole numbers of samples per second.

    The filter is a sinc with a Kaiser window (`scipy.signal.firwin`), at half amplitude at half the
    lower rate. Each of its branches sums to 1, so that an offset stays an offset. A record that is
    brought to a higher rate has nothing above half its own.

    Parameters
    ----------
    from_hz : int
        Samples per second of the record.
    to_hz : int
        Samples per second wanted.
    """

    from_hz: int
    to_hz: int

    @property
    def up(self) -> int:
        """Factor of the rate between the two, which both divide."""
        return self.to_hz // gcd(self.from_hz, self.to_hz)

    @property
    def down(self) -> int:
        """Samples at the rate between for one that comes out."""
        return self.from_hz // gcd(self.from_hz, self.to_hz)

    @cached_property
    def taps(self) -> npt.NDArray[np.float64]:
        """The filter at the rate between: symmetric, of odd length; a single 1 for equal rates."""
        if self.from_hz == self.to_hz:
            return np.ones(1)
        finest = max(self.up, self.down)
        n_taps, _ = kaiserord(STOP_DB, 2 * (1 - BAND) / finest)
        taps = firwin(n_taps | 1, 1 / finest, window=("kaiser", kaiser_beta(STOP_DB)))
        for branch in range(self.up):
            taps[branch :: self.up] /= taps[branch :: self.up].sum()
        return np.asarray(taps)

    @property
    def halo_samples(self) -> int:
        """Samples of the record needed before and behind one that comes out at one of them."""
        return -(-(len(self.taps) // 2) // self.up)

    @property
    def more_behind(self) -> int:
        """Steps of the rate between from the last of a second's samples to the last that comes out.

        More than 0 for a higher rate alone.
        """
        return max(self.up - self.down, 0)

    def __call__(self, samples: npt.NDArray[Any], first: int, n: int) -> npt.NDArray[Any]:
        """Return `n` samples at the new rate: float64, or a view of `samples` for equal rates.

        Parameters
        ----------
        samples : ndarray, shape (m,)
            At the old rate; finite.
        first : int
            Where the first that comes out lies: at this time after the first of `samples`, in steps
            of the rate between, ``1 / (up * from_hz)``.
        n : int
            How many are wanted.

        Raises
        ------
        ValueError
            The filter would reach beyond the samples.
        """
        half = len(self.taps) // 2
        last = first + (n - 1) * self.down
        if first < half or last + half > (len(samples) - 1) * self.up:
            raise ValueError("the filter reaches beyond the record")
        if self.from_hz == self.to_hz:
            return samples[first : first + n]
        if samples.dtype not in KINDS:
            samples = samples.astype(np.float64)
        found = np.empty(n)
        for k in range(min(self.up, n)):  # every so many that come out have the same branch
            begin = first - half + k * self.down
            lead = -begin % self.up
            taps = np.ascontiguousarray(self.taps[lead :: self.up])
            part = np.empty(len(found[k :: self.up]))
            call(_decimate, samples, (begin + lead) // self.up, taps, self.down, part)
            found[k :: self.up] = part
        return found


@compiled(no_nan=True)
def _decimate(samples, begin, taps, down, found):  # type: ignore[no-untyped-def]
    """Fill ``found[i]`` with the sum of ``taps[k] * samples[begin + i * down + k]``.

    Samples are laid out in a row for each phase, so that loops go along what comes out; the order
    of the sum is the same for each.
    """
    n_columns = -(-taps.size // (down * TOGETHER)) * TOGETHER
    row = np.empty(BLOCK + n_columns)
    sums = np.empty(BLOCK)
    for start in range(0, found.size, BLOCK):
        n = min(BLOCK, found.size - start)
        first = begin + start * down
        stop = first + (n - 1) * down + taps.size
        sums[:n] = 0.0
        for phase in range(down):
            n_here = -((first + phase - stop) // down)
            for i in range(n_here):
                row[i] = samples[first + phase + i * down]
            row[n_here : n + n_columns] = 0.0
            for k in range(phase, taps.size, down * TOGETHER):
                a, b, c, d = taps[k], 0.0, 0.0, 0.0
                if k + down < taps.size:
                    b = taps[k + down]
                if k + 2 * down < taps.size:
                    c = taps[k + 2 * down]
                if k + 3 * down < taps.size:
                    d = taps[k + 3 * down]
                part = row[k // down : k // down + n + 3]
                for i in range(n):
                    sums[i] += a * part[i] + b * part[i + 1] + c * part[i + 2] + d * part[i + 3]
        found[start : start + n] = sums[:n]
