"""Rates counted by hand; false alarms against SciPy's Poisson binomial and against simulation."""

import numpy as np
import pytest
from scipy.stats import binom, poisson_binom

from seisflow.errors import ConfigError, DataError
from seisflow.stages.detect.background import (
    QUIET_S,
    false_alarms_a_day,
    measure_background,
    nodes_for_false_alarms,
    trigger_rates,
)
from seisflow.stages.detect.coincidence import coincidences, count_stations

DAY_S = 86_400


def test_rates_are_those_of_quiet_usable_seconds() -> None:
    triggers = np.zeros((4, 100), dtype=np.bool_)
    usable = np.ones_like(triggers)
    triggers[0, [3, 4, 90]] = True
    triggers[:3, 50] = True  # an event: 48 to 52 do not count
    triggers[1, 52] = True
    triggers[1, 53] = True
    usable[2, 60:] = False
    usable[3] = False
    rates = trigger_rates(triggers, usable, quiet_below=3)
    assert rates[:3].tolist() == [3.5 / 96, 1.5 / 96, 0.5 / 56]
    assert np.isnan(rates[3])
    everything = trigger_rates(triggers, usable, quiet_below=4)
    assert everything[:3].tolist() == [4.5 / 101, 3.5 / 101, 1.5 / 61]


@pytest.mark.parametrize("at", [0, 1, 99])
def test_crowds_are_seen_at_the_ends_of_the_record(at: int) -> None:
    triggers = np.zeros((3, 100), dtype=np.bool_)
    triggers[:, at] = True
    rates = trigger_rates(triggers, np.ones_like(triggers), quiet_below=3)
    n_near = min(at, QUIET_S) + 1 + min(99 - at, QUIET_S)
    assert rates.tolist() == [0.5 / (101 - n_near)] * 3


def test_a_station_that_is_never_quiet_is_taken_for_a_bad_one() -> None:
    triggers = np.ones((3, 40), dtype=np.bool_)
    assert trigger_rates(triggers, triggers, quiet_below=2).tolist() == [0.5] * 3


def test_rates_of_noise_are_found() -> None:
    rng = np.random.default_rng(1)
    true = np.array([0.001, 0.004, 0.01, 0.0])
    triggers = rng.random((4, DAY_S)) < true[:, None]
    events = rng.integers(0, DAY_S, 30)
    triggers[:, events] = True
    rates = trigger_rates(triggers, np.ones_like(triggers), quiet_below=4)
    np.testing.assert_allclose(rates[:3], true[:3], rtol=0.15)
    assert 0 < rates[3] < 1e-5


def test_wrong_arrays_and_numbers_are_refused() -> None:
    triggers = np.zeros((2, 5), dtype=np.bool_)
    with pytest.raises(DataError, match=r"\(2, 4\).*\(2, 5\)"):
        trigger_rates(triggers, triggers[:, 1:], quiet_below=2)
    with pytest.raises(ConfigError, match="quiet_below = 0"):
        trigger_rates(triggers, triggers, quiet_below=0)
    for numbers in ({"per_day": 0}, {"per_day": np.nan}, {"min_nodes": 0}, {"window_s": 0}):
        asked = {"window_s": 3, "per_day": 1, "min_nodes": 2, **numbers}
        with pytest.raises(ConfigError, match=next(iter(numbers))):
            nodes_for_false_alarms(np.array([0.1, 0.1]), **asked)
    with pytest.raises(DataError, match=r"run from 0\.1 to 1\.1"):
        nodes_for_false_alarms(np.array([0.1, 1.1]), window_s=3, per_day=1, min_nodes=2)


def chance_of_a_new_one(rates: np.ndarray, window_s: int, k: int) -> float:
    """All windows with k, less those with k of which none is new, by SciPy."""
    quiet = (1 - rates) ** window_s
    new = quiet * rates
    old = (1 - quiet - new) / (1 - new)
    every, none_new = poisson_binom(1 - quiet).sf(k - 1), poisson_binom(old).sf(k - 1)
    return float(every - np.prod(1 - new) * none_new)


@pytest.mark.parametrize("window_s", [1, 2, 9])
def test_chances_are_those_of_scipy(window_s: int) -> None:
    rates = np.random.default_rng(window_s).uniform(0, 0.2, 12)
    found = false_alarms_a_day(rates, window_s=window_s)
    assert found.shape == (14,)
    assert found[-1] == 0
    for k in range(1, 13):
        expected = DAY_S * chance_of_a_new_one(rates, window_s, k)
        assert found[k] == pytest.approx(expected, rel=1e-6, abs=1e-9)


def test_windows_of_one_second_are_independent_trials() -> None:
    # in one second all that trigger and did not a second before are new
    rate = 1e-3
    found = false_alarms_a_day(np.full(20, rate), window_s=1)
    for k in (1, 2, 5, 10, 20):
        assert found[k] == pytest.approx(DAY_S * binom.sf(k - 1, 20, rate), rel=0.01)
    assert found[20] == pytest.approx(DAY_S * rate**20, rel=1e-3)  # far below 1e-16


@pytest.mark.parametrize(("n_stations", "rate", "window_s"), [(40, 0.01, 4), (6, 0.02, 8)])
def test_false_alarms_are_those_of_simulation(n_stations: int, rate: float, window_s: int) -> None:
    n_seconds = 4 * DAY_S
    rng = np.random.default_rng(n_stations)
    rates = rng.uniform(0.2, 1.8, n_stations) * rate
    triggers = rng.random((n_stations, n_seconds)) < rates[:, None]
    count = count_stations(triggers, window_s)
    last_window = np.roll(triggers, 1, axis=1)
    is_new = np.zeros(n_seconds, dtype=np.bool_)  # one station triggers, and not in the W before
    for row, past in zip(triggers, last_window, strict=True):
        silent = count_stations(past[None], window_s, before_s=window_s - 1) == 0
        is_new |= row & silent
    ends = np.arange(window_s, n_seconds)  # the last second of each window
    expected = false_alarms_a_day(rates, window_s=window_s) * ends.size / DAY_S
    for k in range(1, n_stations + 1):
        if expected[k] < 30:
            break
        crowds = np.count_nonzero((count[ends - window_s + 1] >= k) & is_new[ends])
        # windows that overlap are not independent: a crowd is counted up to W times
        assert abs(crowds - expected[k]) < 4 * np.sqrt(window_s * expected[k])
        events = coincidences(triggers, window_s=window_s, min_nodes=k, merge_s=2)
        assert len(events) <= expected[k] + 4 * np.sqrt(expected[k])
    assert k > 2


def test_the_number_of_nodes_keeps_false_alarms_to_what_is_wanted() -> None:
    rates = np.random.default_rng(4).uniform(0.001, 0.01, 60)
    needed = nodes_for_false_alarms(rates, window_s=5, per_day=2, min_nodes=3)
    alarms = false_alarms_a_day(rates, window_s=5)
    assert 3 < needed < 60
    assert alarms[needed] <= 2 < alarms[needed - 1]
    rng = np.random.default_rng(5)
    triggers = rng.random((60, 4 * DAY_S)) < rates[:, None]
    found = len(coincidences(triggers, window_s=5, min_nodes=needed, merge_s=3))
    # 4 days of at most `alarms[needed]` each, and not a tenth of them
    assert 0.1 * 4 * alarms[needed] < found < 4 * alarms[needed] + 4 * np.sqrt(4 * alarms[needed])


def test_the_number_of_nodes_is_never_below_the_least() -> None:
    quiet = np.full(100, 1e-6)
    assert nodes_for_false_alarms(quiet, window_s=3, per_day=1, min_nodes=10) == 10
    assert nodes_for_false_alarms(quiet[:4], window_s=3, per_day=1, min_nodes=10) == 10
    assert nodes_for_false_alarms(np.empty(0), window_s=3, per_day=1, min_nodes=7) == 7


def test_stations_without_data_do_not_count() -> None:
    rates = np.full(50, 0.01)
    alone = nodes_for_false_alarms(rates, window_s=5, per_day=1, min_nodes=2)
    gone = np.concatenate([rates, np.full(30, np.nan)])
    assert nodes_for_false_alarms(gone, window_s=5, per_day=1, min_nodes=2) == alone
    more = np.full(80, 0.01)
    assert nodes_for_false_alarms(more, window_s=5, per_day=1, min_nodes=2) > alone


def test_where_all_stations_are_too_few_one_more_is_asked_for() -> None:
    assert nodes_for_false_alarms(np.full(3, 0.2), window_s=5, per_day=1, min_nodes=2) == 4


def test_a_thousand_nodes_at_the_published_rates() -> None:
    # METHOD section 7: 10 nodes do at 0.15 % in a second, and do not at 0.5 to 0.9 %
    at = {
        rate: nodes_for_false_alarms(np.full(1100, rate), window_s=1, per_day=1, min_nodes=10)
        for rate in (0.0015, 0.005, 0.009)
    }
    assert at[0.0015] == 10
    assert 15 < at[0.005] < at[0.009]


def noise_and_events(rate: float, n_events: int) -> np.ndarray:
    """A day of 300 stations; every event is seen by most of them for twenty seconds."""
    rng = np.random.default_rng(n_events)
    triggers = rng.random((300, DAY_S)) < rate
    for start in rng.integers(0, DAY_S - 20, n_events):
        triggers[:, start : start + 20] |= rng.random((300, 1)) < 0.9
    return triggers


@pytest.mark.parametrize("rate", [0.0005, 0.01])
@pytest.mark.parametrize("n_events", [0, 60])
@pytest.mark.parametrize("window_s", [1, 6])
def test_the_background_is_that_without_events(rate: float, n_events: int, window_s: int) -> None:
    triggers = noise_and_events(rate, n_events)
    usable = np.ones_like(triggers)
    numbers = {"window_s": window_s, "per_day": 1, "min_nodes": 4}
    found = measure_background(triggers, usable, **numbers)
    true = nodes_for_false_alarms(np.full(300, rate), **numbers)
    assert abs(found.nodes - true) <= 1
    assert found.rates.mean() == pytest.approx(rate, rel=0.05)
    assert 2 <= found.quiet_below < 45


def test_neither_all_seconds_nor_a_fixed_crowd_would_do() -> None:
    triggers = noise_and_events(0.01, 60)
    usable = np.ones_like(triggers)
    assert trigger_rates(triggers, usable, quiet_below=301).mean() > 0.02
    assert trigger_rates(triggers, usable, quiet_below=10).mean() < 0.006


def test_a_record_of_nothing_asks_for_the_least() -> None:
    nothing = np.zeros((30, 100), dtype=np.bool_)
    for usable in (nothing, ~nothing):
        found = measure_background(nothing, usable, window_s=3, per_day=1, min_nodes=10)
        assert found.nodes >= 10
        assert np.isnan(found.rates).all() == (not usable.any())
