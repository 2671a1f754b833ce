"""Electronic pulses: the same wavelet on many stations at the same instant.

No wave of the ground does this: it needs time to cross the array, and each site changes it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["GlitchRule", "is_glitch"]


@dataclass(frozen=True, kw_only=True)
class GlitchRule:
    """What makes a coincidence a pulse of the instruments; all of it must hold.

    Parameters
    ----------
    least_stations : int
        Stations that were aligned. With fewer, one instant may be chance.
    least_share : float
        Aligned stations, of those with data.
    most_spread_samples : float
        Between the first and the last of them.
    least_median_cc : float
        Median of their correlations with the stack of the others.
    """

    least_stations: int = 4
    least_share: float = 0.5
    most_spread_samples: float = 1.5
    least_median_cc: float = 0.97


RULE = GlitchRule()


def is_glitch(
    delays_s: npt.ArrayLike,
    cc: npt.ArrayLike,
    n_stations_with_data: int,
    rate_hz: float,
    rule: GlitchRule = RULE,
) -> bool:
    """Tell whether aligned traces are a pulse of the instruments.

    A wave from straight below comes to all stations at once too. It is no glitch while the ground
    under the stations differs so much that the median correlation stays below 0.97, or while
    P is later at one of the stations by more than a sample and a half.

    Parameters
    ----------
    delays_s : array_like, shape (n,)
        Onsets behind their median; NaN for traces that were left out.
    cc : array_like, shape (n,)
        Correlations of aligned traces with the stack of the others; NaN likewise.
    n_stations_with_data : int
        Stations that could have shown it.
    rate_hz : float
        Samples per second.
    rule : GlitchRule
        The numbers.

    Returns
    -------
    bool
        False where fewer stations are aligned than the rule asks.
    """
    delays_s, cc = np.asarray(delays_s, np.float64), np.asarray(cc, np.float64)
    aligned = np.isfinite(delays_s) & np.isfinite(cc)
    n_aligned = int(np.count_nonzero(aligned))
    if n_aligned < max(rule.least_stations, rule.least_share * n_stations_with_data, 1):
        return False
    spread_samples = float(np.ptp(delays_s[aligned])) * rate_hz
    alike = float(np.median(cc[aligned])) >= rule.least_median_cc
    return alike and spread_samples <= rule.most_spread_samples
