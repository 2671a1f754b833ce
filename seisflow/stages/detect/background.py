"""How often stations trigger on noise, and how many must agree so that noise seldom does.

Invariant: a station that had no data has no rate (NaN), and no rate is 0: what was not seen in so
many seconds may yet be seen in the next.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.errors import ConfigError, DataError
from seisflow.stages.detect.coincidence import count_stations

__all__ = [
    "QUIET_S",
    "Background",
    "false_alarms_a_day",
    "measure_background",
    "nodes_for_false_alarms",
    "trigger_rates",
]

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

QUIET_S = 2
"""Seconds on either side in which a crowd of triggers keeps a second out of the background."""

CROWDS_A_DAY = 1.0
"""Crowds that background alone may form: so many quiet seconds are lost with those of events."""

SECONDS_A_DAY = 86_400


@dataclass(frozen=True, eq=False, kw_only=True)
class Background:
    """What the noise of a record asks for.

    Parameters
    ----------
    rates : ndarray of float64, shape (n_stations,)
        Triggers a second on noise; NaN for stations without data.
    quiet_below : int
        Stations within 2 s that made a second no part of the background.
    nodes : int
        Stations that must trigger together.
    """

    rates: Vector
    quiet_below: int
    nodes: int


def measure_background(
    triggers: Flags, usable: Flags, *, window_s: int, per_day: float, min_nodes: int
) -> Background:
    """Measure the background of a record that holds events, and what it asks for.

    Rates are first taken over all seconds, then without seconds in which so many stations trigger
    as these rates give by chance once a day, and so on while this number falls. It falls to
    where only events are left out. To begin low instead would leave out noise: 1100 stations that
    trigger 0.003 times a second reach 10 within 2 s most of the time.

    Parameters
    ----------
    triggers, usable : ndarray of bool, shape (n_stations, n_seconds)
        As `trigger_rates` takes them; a day, for example.
    window_s, per_day, min_nodes
        As `nodes_for_false_alarms` takes them.

    Returns
    -------
    Background
        See there.

    Raises
    ------
    ConfigError
        A number is out of its range.
    DataError
        The arrays differ in shape, or `triggers` is not a matrix of bool.
    """
    quiet_below = len(triggers) + 1
    while True:
        rates = trigger_rates(triggers, usable, quiet_below=quiet_below)
        by_chance = nodes_for_false_alarms(
            rates, window_s=2 * QUIET_S + 1, per_day=CROWDS_A_DAY, min_nodes=2
        )
        if by_chance >= quiet_below:
            break
        quiet_below = by_chance
    nodes = nodes_for_false_alarms(rates, window_s=window_s, per_day=per_day, min_nodes=min_nodes)
    return Background(rates=rates, quiet_below=quiet_below, nodes=nodes)


def trigger_rates(triggers: Flags, usable: Flags, *, quiet_below: int) -> Vector:
    """Return how often each station triggers while there is no event.

    Parameters
    ----------
    triggers : ndarray of bool, shape (n_stations, n_seconds)
        Whether each station triggers in each second.
    usable : ndarray of bool, of the same shape
        Whether it had data.
    quiet_below : int
        A second belongs to the background where fewer stations than this trigger within 2 s of
        it, 1 or more. Chance crowds are left out with the events, so a number that background
        alone often reaches makes rates too low (`measure_background` chooses one); with
        ``n_stations + 1`` all seconds count, those of events too.

    Returns
    -------
    ndarray of float64, shape (n_stations,)
        Triggers a second, ``(1/2 + triggers) / (1 + seconds)`` of the station's usable seconds in
        the background; 1/2 where no usable second is quiet. NaN where the station has no usable
        second.

    Raises
    ------
    ConfigError
        `quiet_below` is less than 1.
    DataError
        The arrays differ in shape, or `triggers` is not a matrix of bool.
    """
    if quiet_below < 1:
        raise ConfigError(f"quiet_below = {quiet_below} leaves no background; give 1 or more")
    if usable.shape != triggers.shape:
        raise DataError(
            f"usable has shape {usable.shape} and triggers {triggers.shape}; both have a row for "
            "each station and a column for each second"
        )
    quiet = count_stations(triggers, 2 * QUIET_S + 1, before_s=QUIET_S) < quiet_below
    rates = np.full(len(triggers), np.nan)
    for i, (row, good) in enumerate(zip(triggers, usable, strict=True)):
        if good.any():
            counted = good & quiet
            n_triggers = np.count_nonzero(row & counted)
            rates[i] = (0.5 + n_triggers) / (1 + np.count_nonzero(counted))
    return rates


def nodes_for_false_alarms(rates: Vector, *, window_s: int, per_day: float, min_nodes: int) -> int:
    """Return how many stations must trigger together so that noise seldom gives an event.

    Stations are taken to trigger on noise independently of each other and of their own past. A
    station that triggers in bursts is in fewer windows than that, which errs on the safe side.
    Noise that neighbours share (a vehicle, an aircraft, thunder, wind in one row of trees) is not
    independent and no number of nodes found here keeps it out: what then protects is that it
    crosses the array as no plane wave of a likely velocity, and that its traces do not correlate.

    Parameters
    ----------
    rates : ndarray of float64, shape (n_stations,)
        Triggers a second on noise, see `trigger_rates`; NaN for stations without data.
    window_s : int
        Seconds in which stations trigger together.
    per_day : float
        False events wanted a day at most, above 0.
    min_nodes : int
        Never fewer than this.

    Returns
    -------
    int
        The smallest number from `min_nodes` on for which `false_alarms_a_day` is at most
        `per_day`. Where even all stations with data come together by chance too often it is one
        more than there are of them: nothing can be detected then.

    Raises
    ------
    ConfigError
        A number is out of its range.
    DataError
        A rate is not between 0 and 1.
    """
    if not per_day > 0 or min_nodes < 1:
        raise ConfigError(
            f"per_day = {per_day:g}, min_nodes = {min_nodes}: give false alarms a day above 0, and "
            "1 node or more"
        )
    alarms = false_alarms_a_day(rates, window_s=window_s)
    return max(min_nodes, int(np.argmax(alarms <= per_day)))


def false_alarms_a_day(rates: Vector, *, window_s: int) -> Vector:
    """Return how many events noise is expected to give a day, by the number of stations needed.

    Windows begin every second. An event is a second in which more stations are in the window than
    in the second before (`seisflow.stages.detect.coincidence.coincidences`), so one station at
    least triggers in the last second of the window that was not in the last window. With r the rate
    of a station, s = 1 - r and W = `window_s`, it is in the window with ``1 - s^W``, and new in it
    with ``s^W r``. Counted are windows with k stations of which one is new: all with k, less those
    in which each station is either not new and in the window or not in it. Events are at most so
    many, for not every such window is the highest within the time of merging.

    Parameters
    ----------
    rates : ndarray of float64, shape (n_stations,)
        Triggers a second on noise; NaN for stations without data.
    window_s : int
        Seconds in which stations trigger together.

    Returns
    -------
    ndarray of float64, shape (n + 2,)
        At k, when k stations are needed; 0 for one more than the n with a rate. Sums of
        independent unlike trials (the Poisson binomial distribution) are added up term by term, so
        that small chances keep their digits.

    Raises
    ------
    ConfigError
        The window holds no second.
    DataError
        A rate is not between 0 and 1.
    """
    rate = rates[~np.isnan(rates)]
    if window_s < 1:
        raise ConfigError(f"window_s = {window_s}: give whole numbers from 1 on")
    if np.any((rate < 0) | (rate > 1)):
        raise DataError(
            f"rates run from {rate.min():g} to {rate.max():g}; triggers a second of a station lie "
            "between 0 and 1"
        )
    quiet = (1 - rate) ** window_s
    new = quiet * rate
    none_new = np.prod(1 - new)
    chance = _at_least(1 - quiet) - none_new * _at_least((1 - quiet - new) / (1 - new))
    return np.append(SECONDS_A_DAY * np.maximum(chance, 0.0), 0.0)


def _at_least(chances: Vector) -> Vector:
    """Return the chance that k or more of independent trials succeed, for k = 0 .. n."""
    exactly = np.zeros(chances.size + 1)
    exactly[0] = 1.0
    for n, chance in enumerate(chances.tolist(), start=1):
        exactly[1 : n + 1] = exactly[1 : n + 1] * (1 - chance) + exactly[:n] * chance
        exactly[0] *= 1 - chance
    return np.asarray(np.cumsum(exactly[::-1])[::-1])
