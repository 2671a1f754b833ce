"""Earthquakes against the rest: false positives, recall, and how sure one can be of either.

Arrays in, numbers out. Invariant: a share that nothing was counted for is NaN, never 0, and comes
with the exact interval of so many trials.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import beta

__all__ = [
    "CONFIDENCE",
    "DISTANCE_EDGES_KM",
    "SNR_EDGES",
    "Bands",
    "OperatingPoint",
    "Roc",
    "binomial_interval",
    "operating_point",
    "ratio_of",
    "recall_by_band",
    "roc_of",
]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

CONFIDENCE = 0.95
"""Of every binomial interval."""

SNR_EDGES = (0.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 20.0, 50.0, np.inf)
"""Bands of the signal-to-noise ratio, half-open."""

DISTANCE_EDGES_KM = (0.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, np.inf)
"""Bands of the epicentral distance, half-open."""


def ratio_of(part: npt.ArrayLike, whole: npt.ArrayLike) -> Vector:
    """Divide arrays of one shape; NaN where the whole is 0."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    nothing = np.full(part.shape, np.nan)
    return np.asarray(np.divide(part, whole, out=nothing, where=whole > 0))


def binomial_interval(
    found: npt.ArrayLike, n: npt.ArrayLike, confidence: float = CONFIDENCE
) -> tuple[Vector, Vector]:
    """Return the exact (Clopper-Pearson) interval of a share.

    Parameters
    ----------
    found, n : array_like of int, of one shape
        `found` of `n`.
    confidence : float
        Of the two-sided interval.

    Returns
    -------
    low, high : ndarray of float64
        NaN where n is 0. Trials that depend on each other, such as the wavelets cut from one
        arrival, make the true interval wider.
    """
    found, n = np.asarray(found, np.float64), np.asarray(n, np.float64)
    tail = (1 - confidence) / 2
    low = np.where(found > 0, beta.ppf(tail, np.maximum(found, 0.5), n - found + 1), 0.0)
    high = np.where(found < n, beta.ppf(1 - tail, found + 1, np.maximum(n - found, 0.5)), 1.0)
    nothing = n == 0
    return np.where(nothing, np.nan, low), np.where(nothing, np.nan, high)


@dataclass(frozen=True, eq=False, kw_only=True)
class Roc:
    """Earthquakes against the rest, by threshold on the probability of an earthquake.

    Parameters
    ----------
    false_positive_rate, true_positive_rate, threshold : ndarray of float64, shape (k,)
        Shares of the noise and of the earthquakes at or above each threshold; only corners of the
        curve. Empty where there is no earthquake or no noise.
    area : float
        Under the curve; NaN where it is empty.
    """

    false_positive_rate: Vector
    true_positive_rate: Vector
    threshold: Vector
    area: float


def roc_of(is_earthquake: Flags, probability: npt.ArrayLike) -> Roc:
    """Return the receiver operating characteristic (scikit-learn's).

    Parameters
    ----------
    is_earthquake : ndarray of bool, shape (n,)
        Truth.
    probability : array_like of float, shape (n,)
        Of an earthquake.
    """
    if is_earthquake.all() or not is_earthquake.any():
        empty = np.empty(0)
        return Roc(
            false_positive_rate=empty, true_positive_rate=empty, threshold=empty, area=np.nan
        )
    from sklearn.metrics import auc, roc_curve  # only here: compare counts in bands without it

    false, found, threshold = roc_curve(is_earthquake, np.asarray(probability))
    return Roc(
        false_positive_rate=false.astype(np.float64),
        true_positive_rate=found.astype(np.float64),
        threshold=threshold.astype(np.float64),
        area=float(auc(false, found)),
    )


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """What a stated rate of false earthquakes costs in earthquakes missed.

    Parameters
    ----------
    asked_rate : float
        False positives wanted at most, a station and second.
    n_noise : int
        Wavelets that are no earthquake; each stands for one second of one station.
    n_allowed : int
        The false positives that the asked rate allows among these, rounded down.
    threshold : float
        Least probability of an earthquake that counts as one: the smallest that keeps to
        `n_allowed`. NaN where there is no noise.
    n_false : int
        False positives at this threshold.
    n_earthquakes, n_found : int
        Earthquakes, and those at or above the threshold.
    """

    asked_rate: float
    n_noise: int
    n_allowed: int
    threshold: float
    n_false: int
    n_earthquakes: int
    n_found: int

    @property
    def smallest_rate(self) -> float:
        """The smallest rate above 0 that so many noise wavelets can show: one of them."""
        return 1 / self.n_noise if self.n_noise else np.nan

    @property
    def is_shown(self) -> bool:
        """Whether the asked rate is at least the smallest that can be shown."""
        return self.n_allowed > 0

    @property
    def rate(self) -> float:
        """False positives of all noise wavelets, measured."""
        return self.n_false / self.n_noise if self.n_noise else np.nan

    @property
    def rate_interval(self) -> tuple[float, float]:
        """Interval of `rate`, see `binomial_interval`; the threshold was chosen on these data."""
        return _interval(self.n_false, self.n_noise)

    @property
    def recall(self) -> float:
        """Earthquakes found of all earthquakes."""
        return self.n_found / self.n_earthquakes if self.n_earthquakes else np.nan

    @property
    def recall_interval(self) -> tuple[float, float]:
        """Interval of `recall`, see `binomial_interval`."""
        return _interval(self.n_found, self.n_earthquakes)


def _interval(found: int, n: int) -> tuple[float, float]:
    low, high = binomial_interval(found, n)
    return float(low), float(high)


def operating_point(
    is_earthquake: Flags, probability: npt.NDArray[np.floating], rate: float
) -> OperatingPoint:
    """Choose the threshold for a stated rate of false positives.

    Parameters
    ----------
    is_earthquake : ndarray of bool, shape (n,)
        Truth.
    probability : ndarray of float, shape (n,)
        Of an earthquake. Equal probabilities fall on the same side of the threshold.
    rate : float
        False positives a station and second, above 0 and below 1.
    """
    noise, quakes = probability[~is_earthquake], probability[is_earthquake]
    # the rate is a decimal fraction: 0.0015 of 2000 is 3, whatever the last bit says
    n_allowed = int(np.floor(round(rate * noise.size, 6)))
    threshold = _just_above(noise, n_allowed)
    return OperatingPoint(
        asked_rate=rate,
        n_noise=int(noise.size),
        n_allowed=n_allowed,
        threshold=threshold,
        n_false=int(np.count_nonzero(noise >= threshold)),
        n_earthquakes=int(quakes.size),
        n_found=int(np.count_nonzero(quakes >= threshold)),
    )


def _just_above(values: npt.NDArray[np.floating], n_allowed: int) -> float:
    """Return the smallest threshold that at most `n_allowed` values reach."""
    if not values.size:
        return float("nan")
    if n_allowed >= values.size:
        return 0.0
    place = values.size - 1 - n_allowed
    largest_refused = np.partition(values, place)[place]
    return float(np.nextafter(largest_refused, np.array(2, values.dtype)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Bands:
    """Recall of earthquakes in bands of some quantity.

    Parameters
    ----------
    edges : ndarray of float64, shape (n_bands + 1,)
        Bands are half-open, ``[edges[k], edges[k + 1])``.
    n : ndarray of int64, shape (n_bands,)
        Earthquakes of each band.
    n_given : ndarray of int64, shape (n_bands,)
        Those given the class earthquake.
    n_above : ndarray of int64, shape (n_bands,)
        Those at or above the threshold of the operating point.
    n_unknown : int
        Earthquakes whose quantity is not known (NaN); they are in no band.
    """

    edges: Vector
    n: Integers
    n_given: Integers
    n_above: Integers
    n_unknown: int

    @property
    def recall(self) -> Vector:
        """Share given the class earthquake; NaN in empty bands."""
        return ratio_of(self.n_given, self.n)

    @property
    def recall_above(self) -> Vector:
        """Share at or above the threshold; NaN in empty bands."""
        return ratio_of(self.n_above, self.n)


def recall_by_band(
    values: npt.ArrayLike, given: Flags, above: Flags, edges: npt.ArrayLike
) -> Bands:
    """Count earthquakes and those found by band.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        The quantity of each earthquake; NaN where not known. Values beyond the edges belong to
        the band next to them.
    given, above : ndarray of bool, shape (n,)
        Whether each was given the class earthquake, and lies at or above the threshold.
    edges : array_like of float, shape (n_bands + 1,)
        Ascending.
    """
    values, edges = np.asarray(values, np.float64), np.asarray(edges, np.float64)
    known = ~np.isnan(values)
    n_bands = edges.size - 1
    bands = np.clip(np.searchsorted(edges, values[known], side="right") - 1, 0, n_bands - 1)

    def count(which: Flags) -> Integers:
        return np.bincount(bands[which], minlength=n_bands).astype(np.int64)

    everything = np.ones(bands.size, dtype=np.bool_)
    return Bands(
        edges=edges,
        n=count(everything),
        n_given=count(given[known]),
        n_above=count(above[known]),
        n_unknown=int((~known).sum()),
    )
