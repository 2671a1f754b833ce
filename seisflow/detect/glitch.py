"""Electronic pulses: the same wavelet on many stations at the same instant.

No wave of the ground does this: it needs time to cross the array, and each site changes it. An
array of a hundred metres that is sampled a hundred times a second cannot show that, so a pulse must
also be over at once, as no earthquake is.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["GlitchRule", "has_coda", "is_glitch"]


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

CODA_S = (0.5, 1.5)
"""Where a pulse is over, the ringing of the filter included, and an earthquake goes on."""

CODA_RATIO = 2.0
"""rms there over rms before the onset, from which on something goes on."""


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


def has_coda(stack: npt.ArrayLike, n_before: int, rate_hz: float) -> bool:
    """Tell whether something goes on after the pulse.

    Parameters
    ----------
    stack : array_like, shape (n,)
        Of aligned traces.
    n_before : int
        Samples of it before the onset.
    rate_hz : float
        Samples per second.

    Returns
    -------
    bool
        Whether the rms 0.5 to 1.5 s behind the onset is twice that before it, of which the last
        0.1 s are left out because the onset may lie in them. False where there is no such part.
    """
    stack = np.asarray(stack, np.float64)
    first, stop = (n_before + round(s * rate_hz) for s in CODA_S)
    noise, coda = stack[: max(0, n_before - round(0.1 * rate_hz))], stack[first:stop]
    if not noise.size or not coda.size:
        return False
    return bool(np.sqrt(np.mean(coda**2)) >= CODA_RATIO * np.sqrt(np.mean(noise**2)) > 0)
