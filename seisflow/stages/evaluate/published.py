"""The figures that the system's authors showed, to stand beside ours.

Source: C. W. Johnson, "Classifying emergent and impulsive seismic noise in continuous seismic
waveforms", lecture slides, April 2019. Their split was not by event, and their wavelets are not
ours: the numbers say what is usual, not what is better.
"""

from dataclasses import dataclass

import numpy as np

__all__ = ["PUBLISHED", "PublishedScores"]


@dataclass(frozen=True)
class PublishedScores:
    """Precision, recall and F1 of each class in the order of `WaveletClass`, as printed.

    Parameters
    ----------
    earthquake, random_noise, not_random_noise : tuple of float
        Precision, recall, F1.
    weighted_f1 : float
        Mean F1, weighted with the support.
    n_wavelets : int
        How many were evaluated.
    """

    earthquake: tuple[float, float, float]
    random_noise: tuple[float, float, float]
    not_random_noise: tuple[float, float, float]
    weighted_f1: float
    n_wavelets: int

    @property
    def classes(self) -> tuple[tuple[float, float, float], ...]:
        """All three, in the order of `WaveletClass`."""
        return self.earthquake, self.random_noise, self.not_random_noise

    @property
    def macro_f1(self) -> float:
        """Plain mean of the F1 as printed; not in the source."""
        return float(np.mean([f1 for _, _, f1 in self.classes]))


PUBLISHED = {
    "validation": PublishedScores(
        (0.99, 0.93, 0.96), (0.88, 0.93, 0.91), (0.86, 0.87, 0.87), 0.91, 168_587
    ),
    "test": PublishedScores(
        (0.98, 0.85, 0.91), (0.87, 0.93, 0.90), (0.80, 0.86, 0.83), 0.88, 50_000
    ),
}
"""By split."""
