"""How well classes are told apart, and what the probabilities are worth: arrays in, numbers out.

Classes are codes of `seisflow.core.classes.WaveletClass`, probabilities have a column for each, in
this order, and the class given is that of the largest one. Invariant: a number that nothing was
counted for is NaN, never 0.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from seisflow.core.classes import WaveletClass
from seisflow.stages.evaluate.rates import ratio_of

__all__ = [
    "N_BINS",
    "Calibration",
    "GroupScores",
    "Scores",
    "brier_score",
    "calibration_of",
    "score_classes",
    "score_groups",
]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

CLASSES = [int(c) for c in WaveletClass]

N_BINS = 15
"""Equal bins of probability that a calibration error is counted in (Guo et al. 2017)."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Scores:
    """How well classes were told apart.

    Parameters
    ----------
    precision, recall, f1 : ndarray of float64, shape (3,)
        By class. Precision is NaN where the class was never given, recall where it never occurs,
        F1 where neither.
    support : ndarray of int64, shape (3,)
        Wavelets that are of the class.
    macro_f1, weighted_f1 : float
        Mean F1 of the classes that occur, plain and weighted with their support.
    accuracy : float
        Share of wavelets given their class.
    confusion : ndarray of int64, shape (3, 3)
        Counts; row: what it is, column: what it was given.
    """

    precision: Vector
    recall: Vector
    f1: Vector
    support: Integers
    macro_f1: float
    weighted_f1: float
    accuracy: float
    confusion: Integers


def score_classes(true: npt.ArrayLike, given: npt.ArrayLike) -> Scores:
    """Count precision, recall, F1, support and the confusion matrix (scikit-learn's numbers).

    Parameters
    ----------
    true, given : array_like of int, shape (n,)
        Codes of `WaveletClass`: what each is, and what it was given; n > 0.

    Raises
    ------
    ValueError
        There is nothing to score.
    """
    true, given = np.asarray(true), np.asarray(given)
    if not true.size:
        raise ValueError("no wavelets to score")
    precision, recall, f1, support = precision_recall_fscore_support(
        true, given, labels=CLASSES, zero_division=np.nan
    )
    occurring = np.unique(true)
    means = {
        kind: float(f1_score(true, given, labels=occurring, average=kind, zero_division=np.nan))
        for kind in ("macro", "weighted")
    }
    return Scores(
        precision=precision,
        recall=recall,
        f1=f1,
        support=support.astype(np.int64),
        macro_f1=means["macro"],
        weighted_f1=means["weighted"],
        accuracy=float(np.mean(true == given)),
        confusion=confusion_matrix(true, given, labels=CLASSES).astype(np.int64),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class GroupScores:
    """The same by group, such as station or source; s groups, in the order of their names.

    Parameters
    ----------
    name : tuple of str
        Of each group.
    confusion : ndarray of int64, shape (s, 3, 3)
        As `Scores.confusion`.
    precision, recall, f1 : ndarray of float64, shape (s, 3)
        As in `Scores`.
    macro_f1, accuracy : ndarray of float64, shape (s,)
        As in `Scores`.
    n_above : ndarray of int64, shape (s, 3)
        Wavelets of each class at or above the threshold of the operating point: earthquakes
        found, and false positives.
    """

    name: tuple[str, ...]
    confusion: Integers
    precision: Vector
    recall: Vector
    f1: Vector
    macro_f1: Vector
    accuracy: Vector
    n_above: Integers

    @property
    def support(self) -> Integers:
        """Wavelets of each class, shape (s, 3)."""
        return np.asarray(self.confusion.sum(axis=2))

    @property
    def false_positive_rate(self) -> Vector:
        """Share of the noise at or above the threshold, shape (s,)."""
        return ratio_of(self.n_above[:, 1:].sum(axis=1), self.support[:, 1:].sum(axis=1))


def score_groups(
    group: npt.NDArray[np.object_],
    true: npt.ArrayLike,
    given: npt.ArrayLike,
    above: npt.ArrayLike,
) -> GroupScores:
    """Count the scores of every group on its own.

    Parameters
    ----------
    group : ndarray of object (str), shape (n,)
        Name of the group that each is of.
    true, given : array_like of int, shape (n,)
        As for `score_classes`.
    above : array_like of bool, shape (n,)
        Whether each lies at or above the threshold of the operating point.
    """
    names, row = np.unique(group.astype(str), return_inverse=True)
    n = len(CLASSES)
    is_of = row * n + np.asarray(true, np.int64)
    cell = is_of * n + np.asarray(given, np.int64)
    n_above = np.bincount(is_of[np.asarray(above)], minlength=len(names) * n)
    counts = np.bincount(cell, minlength=len(names) * n * n).reshape(-1, n, n)
    right = np.diagonal(counts, axis1=1, axis2=2)
    support, asserted = counts.sum(axis=2), counts.sum(axis=1)
    f1 = ratio_of(2 * right, support + asserted)
    occurs = support > 0
    return GroupScores(
        name=tuple(str(name) for name in names),
        confusion=counts.astype(np.int64),
        precision=ratio_of(right, asserted),
        recall=ratio_of(right, support),
        f1=f1,
        macro_f1=ratio_of(np.where(occurs, f1, 0.0).sum(axis=1), occurs.sum(axis=1)),
        accuracy=ratio_of(right.sum(axis=1), support.sum(axis=1)),
        n_above=n_above.reshape(-1, n).astype(np.int64),
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class Calibration:
    """Probabilities against what then was so, in equal bins of probability.

    Parameters
    ----------
    n : ndarray of int64, shape (n_bins,)
        Wavelets in each bin ``(k / n_bins, (k + 1) / n_bins]``; 0 belongs to the first.
    confidence, share : ndarray of float64, shape (n_bins,)
        Mean probability in the bin, and the share for which it was so; NaN in empty bins.
    error : float
        Expected calibration error: the mean of ``|share - confidence|`` over the wavelets
        (Guo et al. 2017, arXiv:1706.04599).
    """

    n: Integers
    confidence: Vector
    share: Vector
    error: float


def calibration_of(
    probability: npt.ArrayLike, is_so: npt.ArrayLike, n_bins: int = N_BINS
) -> Calibration:
    """Compare probabilities with what then was so.

    Parameters
    ----------
    probability : array_like of float, shape (n,)
        What was claimed: of the class given (its error is the usual one), or of an earthquake.
    is_so : array_like of bool, shape (n,)
        Whether it was.
    n_bins : int
        Bins of equal width from 0 to 1.
    """
    probability = np.asarray(probability, np.float64)
    # bins as written in binary floats: a probability of 0.2 lies in the bin that ends at 3/15
    edges = np.arange(1, n_bins) / n_bins
    bins = np.searchsorted(edges, probability, side="left")
    n = np.bincount(bins, minlength=n_bins).astype(np.int64)
    confidence = ratio_of(np.bincount(bins, probability, n_bins), n)
    share = ratio_of(np.bincount(bins, np.asarray(is_so, np.float64), n_bins), n)
    gap = np.where(n > 0, np.abs(share - confidence), 0.0)
    return Calibration(
        n=n, confidence=confidence, share=share, error=float((gap * n).sum() / max(1, n.sum()))
    )


def brier_score(true: npt.ArrayLike, probabilities: npt.ArrayLike) -> float:
    """Return the multiclass Brier score: mean over wavelets of the summed squared errors.

    Parameters
    ----------
    true : array_like of int, shape (n,)
        Codes of `WaveletClass`.
    probabilities : array_like of float, shape (n, 3)
        Of each class.

    Returns
    -------
    score : float
        From 0, always right and sure, to 2 (Brier 1950, not halved).
    """
    wanted = np.eye(len(CLASSES))[np.asarray(true)]
    errors = np.square(np.asarray(probabilities, np.float64) - wanted).sum(axis=1)
    return float(errors.mean())
