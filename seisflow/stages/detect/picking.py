"""Picks of one station after the other: runs of seconds that a model takes for an earthquake."""

from typing import NamedTuple

import numpy as np

from seisflow.stages.detect.triggers import QUIET_S, Scores

__all__ = ["StationPick", "station_picks"]


class StationPick(NamedTuple):
    """A run of seconds at a threshold or above.

    ``row`` is that of the station; ``first``, ``stop`` and ``peak`` are indices of seconds: the
    bounds of the run, half-open, and its first second of the largest probability.
    """

    row: int
    first: int
    stop: int
    peak: int
    probability: float


def station_picks(scores: Scores, threshold: float, quiet_s: int = QUIET_S) -> list[StationPick]:
    """Find the runs of seconds in which stations reach a threshold.

    Parameters
    ----------
    scores : Scores
        Probabilities of an earthquake.
    threshold : float
        Least probability.
    quiet_s : int
        A run goes on across so many seconds below it at most; so there is one for each trigger
        (`Scores.triggers`).

    Returns
    -------
    list of StationPick
        By time of the peak, then by row.
    """
    reached = scores.usable & (scores.probability >= np.float32(threshold))
    found = []
    for row, here in enumerate(reached):
        seconds = np.flatnonzero(here)
        for run in np.split(seconds, np.flatnonzero(np.diff(seconds) > quiet_s) + 1):
            if run.size:
                values = scores.probability[row, run]
                peak = int(run[values.argmax()])
                pick = StationPick(row, int(run[0]), int(run[-1]) + 1, peak, float(values.max()))
                found.append(pick)
    return sorted(found, key=lambda pick: (pick.peak, pick.row))
