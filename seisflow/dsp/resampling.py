"""Resampling of a record to a lower rate: linear phase, in float64.

Invariant: a sample that comes out depends on the samples within `Resampling.halo_samples` of it and
on nothing else, whatever was asked before; what would need others is not returned.
"""

from dataclasses import dataclass
from functools import cached_property
from math import gcd
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.signal import firwin, kaiser_beta, kaiserord, upfirdn

__all__ = ["Resampling"]

STOP_DB = 80.0
"""What would be folded back from above the band is lowered by so much."""
BAND = 0.9
"""Up to this part of half the new rate nothing is changed or folded back."""


@dataclass(frozen=True)
class Resampling:
    """From one rate to a lower one, both whole numbers of samples per second.

    The filter is a sinc with a Kaiser window (`scipy.signal.firwin`), at half amplitude at half the
    new rate. Each of its branches sums to 1, so that an offset stays an offset.

    Parameters
    ----------
    from_hz : int
        Samples per second of the record.
    to_hz : int
        Samples per second wanted, at most `from_hz`.

    Raises
    ------
    ValueError
        The rate wanted is higher.
    """

    from_hz: int
    to_hz: int

    def __post_init__(self) -> None:
        if self.to_hz > self.from_hz:
            raise ValueError(f"{self.from_hz} samples/s cannot be brought to {self.to_hz}")

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
        if self.down == 1:
            return np.ones(1)
        n_taps, _ = kaiserord(STOP_DB, 2 * (1 - BAND) / self.down)
        taps = firwin(n_taps | 1, 1 / self.down, window=("kaiser", kaiser_beta(STOP_DB)))
        for branch in range(self.up):
            taps[branch :: self.up] /= taps[branch :: self.up].sum()
        return np.asarray(taps)

    @property
    def halo_samples(self) -> int:
        """Samples of the record needed before and behind one that comes out."""
        return -(-(len(self.taps) // 2) // self.up)

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
        if self.down == 1:
            return samples[first : first + n]
        lead = -(first + half) % self.down  # so that one comes out at `first`
        taps = np.concatenate([np.zeros(lead), self.taps])
        begin = (first + half + lead) // self.down
        found = upfirdn(taps, np.asarray(samples, dtype=np.float64), self.up, self.down)
        return np.asarray(found[begin : begin + n])
