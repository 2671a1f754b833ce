"""Triggers: seconds at which a node's probability of an earthquake comes to reach a threshold.

A node that has reached it goes on doing so while P and its coda last, and again at S: only the
first second after some seconds of quiet is a trigger, so that S makes no event of its own.

The threshold is chosen on the validation split of the model, for a stated rate of false
positives; what the rate really is in a record is measured by `seisflow.stages.detect.background`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.store import open_array
from seisflow.core.classes import ScoreState, WaveletClass
from seisflow.core.files import AnyPath
from seisflow.errors import ConfigError

__all__ = ["QUIET_S", "Scores", "gather_scores", "read_scores", "threshold_of"]

Row = tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]
"""Probabilities of an earthquake of one station, and where they are usable."""

QUIET_S = 2
"""Seconds below the threshold after which a node triggers anew. Longer, and an earthquake in the
coda of another one triggers nothing; shorter, and S of one earthquake triggers again."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Probabilities of an earthquake of all chosen stations over some seconds.

    Parameters
    ----------
    first_s : int
        First second, counted from the start of the product; may be negative.
    probability : ndarray of float32, shape (n_stations, n_seconds)
        0 where there is none.
    usable : ndarray of bool, same shape
        Where there are probabilities.
    """

    first_s: int
    probability: npt.NDArray[np.float32]
    usable: npt.NDArray[np.bool_]

    def triggers(self, threshold: float, quiet_s: int = QUIET_S) -> npt.NDArray[np.bool_]:
        """Return where the threshold is reached after seconds in which it was not.

        Parameters
        ----------
        threshold : float
            Least probability of an earthquake.
        quiet_s : int
            Seconds before, in none of which the node may have reached it.

        Returns
        -------
        ndarray of bool, shape (n_stations, n_seconds)
            The first `quiet_s` seconds know nothing of what came before them.
        """
        reached = self.usable & (self.probability >= np.float32(threshold))
        n_seconds = reached.shape[1]
        before = np.zeros_like(reached)
        for lag in range(1, min(quiet_s, n_seconds - 1) + 1):
            before[:, lag:] |= reached[:, : n_seconds - lag]
        return np.asarray(reached & ~before)


def read_scores(
    path: AnyPath, rows: tuple[int, ...], n_seconds: int, first_s: int, stop_s: int
) -> Scores:
    """Read seconds ``[first_s, stop_s)`` of SCORES; outside of the product nothing is usable.

    Parameters
    ----------
    path : Path
        A SCORES product.
    rows : tuple of int
        Rows of the stations.
    n_seconds : int
        Seconds of the product.
    first_s, stop_s : int
        Bounds, counted from its start.
    """
    scores, state = open_array(path, "probability"), open_array(path, "state")

    def read(row: int, start: int, stop: int) -> Row:
        found = np.asarray(scores[row, start:stop])[:, WaveletClass.EARTHQUAKE]
        return found, np.asarray(state[row, start:stop]) == ScoreState.READY

    return gather_scores(read, rows, n_seconds, (first_s, stop_s))


def gather_scores(
    read: Callable[[int, int, int], Row],
    rows: Sequence[int],
    n_seconds: int,
    seconds: tuple[int, int],
) -> Scores:
    """Return scores of some rows, wherever they are; outside of the record nothing is usable.

    Parameters
    ----------
    read : callable
        ``read(row, start, stop)`` returns probabilities of an earthquake, and whether they are
        usable, for seconds of the record.
    rows : sequence of int
        Rows of the stations.
    n_seconds : int
        Seconds of the record.
    seconds : (int, int)
        Bounds ``[first, stop)``, which may lie outside of it.
    """
    first_s, stop_s = seconds
    shape = (len(rows), stop_s - first_s)
    probability = np.zeros(shape, dtype=np.float32)
    usable = np.zeros(shape, dtype=np.bool_)
    a, b = max(0, first_s), min(n_seconds, stop_s)
    here = slice(a - first_s, b - first_s)
    for k, row in enumerate(rows if a < b else ()):
        found, usable[k, here] = read(row, a, b)
        probability[k, here] = np.where(usable[k, here], found, 0)
    return Scores(first_s, probability, usable)


def threshold_of(
    document: Mapping[str, Any], false_positive_rate: float, threshold: float | None = None
) -> float:
    """Return the least probability of an earthquake that triggers.

    Parameters
    ----------
    document : mapping
        That of the model, as SCORES keep it.
    false_positive_rate : float
        Share of the noise wavelets of the validation split that may reach it.
    threshold : float, optional
        The threshold itself, where it is given.

    Returns
    -------
    float
        That of the largest rate the model knows a threshold for and that is not above the one
        asked.

    Raises
    ------
    ConfigError
        The model knows no threshold, or so few noise wavelets that they cannot show the rate.
    """
    if threshold is not None:
        return threshold
    points = document.get("metrics", {}).get("validation", {}).get("thresholds", [])
    known = {point["false_positive_rate"]: point["threshold"] for point in points}
    if not known:
        raise ConfigError(
            "the model knows no threshold for a rate of false positives: its validation split has "
            "too little noise, or it was trained by an older version; give a --threshold"
        )
    fits = [rate for rate in known if rate <= false_positive_rate]
    if not fits:
        raise ConfigError(
            f"--false-positive-rate {false_positive_rate:g} cannot be shown by the validation "
            f"split of the model, whose smallest rate is {min(known):g}; give that or more, or a "
            "--threshold, or train on more noise"
        )
    return float(known[max(fits)])
