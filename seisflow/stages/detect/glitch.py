"""Electronic pulses: the same wavelet on many stations at the same instant.

No wave of the ground does this: it needs time to cross the array, and each site changes it. An
array of a hundred metres that is sampled a hundred times a second cannot show that, so a pulse must
also be over at once, as no earthquake is.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

__all__ = ["GlitchRule", "goes_on", "is_glitch"]

Vector = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class GlitchRule:
    """What makes a coincidence a pulse of the instruments; all of it must hold.

    Parameters
    ----------
    least_stations : int
        Stations with a trace. With fewer, one instant may be chance.
    least_median_cc : float
        Median of the correlations of traces, as they are, with the stack of the others, in
        `PULSE_S` about the instant.
    most_lag_samples : int
        A trace that correlates best within so many samples of zero is at the instant.
    least_share : float
        Of the traces that are at the instant.
    """

    least_stations: int = 4
    least_median_cc: float = 0.9
    most_lag_samples: int = 1
    least_share: float = 0.8


RULE = GlitchRule()

PULSE_S = (-0.1, 0.2)
"""About the largest sample of the stack: a pulse and most of the ringing of a filter from 5 Hz."""

BEFORE_S, CODA_S = (-1.1, -0.1), (0.5, 1.5)
"""Where a pulse has not begun and where it is over, and an earthquake goes on."""

OVER_NOISE, OVER_PULSE = 2.0, 0.1
"""rms over that of the noise, and over that of the pulse, from which on something goes on: the
filter rings on at 0.04 of a pulse, earthquakes of `seisflow synth` go on at 0.4 of P."""

LAG_S = 0.02
"""How far from zero the best correlation is looked for."""


def is_glitch(
    traces: npt.ArrayLike, search: tuple[int, int], rate_hz: float, rule: GlitchRule = RULE
) -> bool:
    """Tell whether traces show a pulse of the instruments.

    The traces are stacked as they are. About the largest sample of the stack most of them must
    look like the stack of the others without being moved, and nothing may go on before or behind
    it. A wave from straight below comes to all stations at once too, but it goes on.

    Of glitches of `seisflow synth` on 12 nodes, 80 to 100 % are told from twice the noise on (rms
    of a second) and 30 to 40 % at the noise; of its earthquakes none, but for one with a glitch
    2.4 s behind its onset.

    Parameters
    ----------
    traces : array_like, shape (n, m)
        Filtered samples of the stations in coincidence, at the same times; those with one that is
        not finite, or without energy, are left out.
    search : (first, stop)
        Samples among which the instant is looked for; what lies before is noise.
    rate_hz : float
        Samples per second.
    rule : GlitchRule
        The numbers.

    Returns
    -------
    bool
        False where fewer stations have traces than the rule asks.
    """
    traces = np.asarray(traces, np.float64)
    heard = traces[np.isfinite(traces).all(axis=1) & traces.any(axis=1)]
    first, stop = max(search[0], 0), min(search[1], heard.shape[1])
    if len(heard) < rule.least_stations or stop <= first:
        return False
    # a trace counts by its pulse, not by how loud its site is
    heard = heard / np.abs(heard[:, first:stop]).max(axis=1, initial=np.finfo(float).tiny)[:, None]
    stack = heard.mean(axis=0)
    instant = first + int(np.argmax(np.abs(stack[first:stop])))
    lags, cc = _best_lags(heard, instant, rate_hz)
    if not cc.size or np.median(cc) < rule.least_median_cc:
        return False
    at_once = float(np.mean(np.abs(lags) <= rule.most_lag_samples))
    return at_once >= rule.least_share and not goes_on(stack, first, instant, rate_hz)


def _best_lags(traces: Vector, instant: int, rate_hz: float) -> tuple[Integers, Vector]:
    """Return for each trace the lag of its best correlation with the others, and that at lag 0."""
    reach = max(2, round(LAG_S * rate_hz))
    first, stop = (instant + round(s * rate_hz) for s in PULSE_S)
    if first - reach < 0 or stop + reach > traces.shape[1]:
        return np.zeros(0, np.int64), np.zeros(0)
    stack = traces[:, first:stop].sum(axis=0)
    others = stack - traces[:, first:stop]
    others /= np.linalg.norm(others, axis=1, keepdims=True) + np.finfo(float).tiny
    each = np.empty((2 * reach + 1, len(traces)))
    for k, lag in enumerate(range(-reach, reach + 1)):
        moved = traces[:, first + lag : stop + lag]
        norm = np.linalg.norm(moved, axis=1) + np.finfo(float).tiny
        each[k] = np.sum(moved * others, axis=1) / norm
    return np.argmax(each, axis=0) - reach, each[reach]


def goes_on(stack: npt.ArrayLike, n_noise: int, instant: int, rate_hz: float) -> bool:
    """Tell whether there is more than a pulse: something goes on before or behind it.

    Parameters
    ----------
    stack : array_like, shape (n,)
        Of traces.
    n_noise : int
        Samples from its begin on that are noise.
    instant : int
        The sample of the pulse.
    rate_hz : float
        Samples per second.

    Returns
    -------
    bool
        Whether the rms of the second before the pulse is twice that of the noise, or that of the
        second that begins 0.5 s behind it is so and a tenth of that of the pulse. True where the
        stack ends before, or holds no noise: then nobody can say that it was over.
    """
    stack = np.asarray(stack, np.float64)
    parts = [[instant + round(s * rate_hz) for s in part] for part in (BEFORE_S, PULSE_S, CODA_S)]
    if n_noise < 1 or parts[0][0] < 0 or parts[-1][1] > stack.size:
        return True
    noise = _rms(stack[:n_noise])
    before, pulse, coda = (_rms(stack[first:stop]) for first, stop in parts)
    least = OVER_NOISE * noise
    return before >= least or coda >= max(least, OVER_PULSE * pulse)


def _rms(values: Vector) -> float:
    return float(np.sqrt(np.mean(values**2)))
