"""The product of nine envelopes: against its formula, and what it suppresses."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from longitudes import Shift, shifts
from scipy.signal import hilbert
from small_array import RATE, START, array_record, noise, planted, wavelet

from seisflow.core.grid import DAY_NS, NS_PER_S
from seisflow.dsp.filters import bandpass
from seisflow.errors import ConfigError, DataError
from seisflow.stages.compare.envelopes import (
    EnvelopeRule,
    Strength,
    allowed_threshold,
    envelope_strength,
    least_threshold,
    nine_subarrays,
    triggers_above,
)
from seisflow.stages.compare.sta_lta import Trigger

RULE = EnvelopeRule()
QUIET = noise(60)
STEP_NS = NS_PER_S // 10


def largest(samples: np.ndarray, rule: EnvelopeRule = RULE) -> tuple[float, float]:
    """Return the largest strength and its second."""
    found = envelope_strength(array_record(samples), rule)
    k = int(np.nanargmax(found.values))
    return float(found.values[k]), k * found.step_ns / NS_PER_S


def test_nine_squares_of_a_square() -> None:
    record = array_record(QUIET)
    numbers = nine_subarrays(record.longitude, record.latitude)
    wanted = [[0, 0, 3, 3, 6, 6]] * 2 + [[1, 1, 4, 4, 7, 7]] * 2 + [[2, 2, 5, 5, 8, 8]] * 2
    assert numbers.reshape(6, 6).tolist() == wanted


def test_numbers_are_even_and_stations_without_a_place_are_in_none() -> None:
    rng = np.random.default_rng(2)
    longitude, latitude = rng.normal(size=(2, 100))
    longitude[[3, 50]], latitude[70] = np.nan, np.nan
    numbers = nine_subarrays(longitude, latitude)
    assert np.flatnonzero(numbers < 0).tolist() == [3, 50, 70]
    counts = np.bincount(numbers[numbers >= 0])
    assert (counts.size, counts.min() >= 10, counts.max() <= 11) == (9, True, True)
    west, east = (longitude[np.isin(numbers, part)] for part in ((0, 1, 2), (3, 4, 5)))
    assert west.max() < east.min()
    with pytest.raises(DataError, match="8 of 100 stations have coordinates"):
        nine_subarrays(np.where(np.arange(100) < 8, 1.0, np.nan), latitude)


@settings(max_examples=60, deadline=None)
@given(shifts(-116.6), st.integers(0, 20))
def test_sub_arrays_are_the_same_when_all_longitudes_are_shifted(shift: Shift, seed: int) -> None:
    rng = np.random.default_rng(seed)
    longitude = -116.6 + np.round(rng.uniform(-0.05, 0.05, 30), 2)  # some north of each other
    latitude = 33.5 + np.round(rng.uniform(-0.05, 0.05, 30), 2)
    longitude[7] = np.nan
    wanted = nine_subarrays(longitude, latitude)
    np.testing.assert_array_equal(nine_subarrays(shift(longitude), latitude), wanted)


@pytest.mark.parametrize("stack", ["waveforms", "envelopes"])
def test_the_formula(stack: str) -> None:
    n_steps = 600
    product = np.ones(n_steps)
    numbers = nine_subarrays(array_record(QUIET).longitude, array_record(QUIET).latitude)
    for k in range(9):
        rows = bandpass(QUIET[numbers == k], RATE, (5.0, 30.0))
        rows = rows / np.median(np.abs(rows), axis=1, keepdims=True)
        of_stack = np.abs(hilbert(rows.mean(axis=0), 6001)[:6000])
        of_rows = np.mean([np.abs(hilbert(row, 6001)[:6000]) for row in rows], axis=0)
        envelope = of_stack if stack == "waveforms" else of_rows
        envelope = envelope.reshape(n_steps, 10).mean(axis=1)
        product *= envelope / np.median(envelope)
    wanted = [
        np.log10(product[k - 4 : k + 1].mean() / product[k - 104 : k - 4].mean())
        for k in range(104, n_steps)
    ]
    found = envelope_strength(array_record(QUIET), replace(RULE, stack=stack))
    assert (found.start_ns, found.step_ns) == (START, STEP_NS)
    assert np.isnan(found.values[:104]).all()
    np.testing.assert_allclose(found.values[104:], wanted, atol=0.02)
    over_median = envelope_strength(array_record(QUIET), replace(RULE, stack=stack, long_s=None))
    wanted = [np.log10(product[k - 4 : k + 1].mean()) for k in range(4, n_steps)]
    assert np.isnan(over_median.values[:4]).all()
    np.testing.assert_allclose(over_median.values[4:], wanted, atol=0.02)


def test_a_wave_on_all_is_seen_and_a_large_one_on_one_sub_array_is_not() -> None:
    everywhere, second = largest(planted(QUIET, 40.0, wavelet(3.0), slice(None)))
    assert abs(second - 40.0) < 0.6
    corner = [0, 1, 6, 7]
    assert everywhere > 2 + largest(planted(QUIET, 40.0, wavelet(30.0), corner))[0]
    found = envelope_strength(array_record(planted(QUIET, 40.0, wavelet(3.0), slice(None))), RULE)
    (trigger,) = triggers_above(found, everywhere - 2.0, 5.0)
    assert abs((trigger.time_ns - START) / NS_PER_S - 40.0) < 0.2
    assert trigger.strength == everywhere


def test_stacked_waveforms_ask_for_coherence_and_envelopes_do_not() -> None:
    signs = np.where(np.arange(36) // 6 % 2 == np.arange(36) % 2, 1.0, -1.0)[:, None]
    against = planted(QUIET, 40.0, signs * wavelet(4.0), slice(None))
    together = planted(QUIET, 40.0, wavelet(4.0), slice(None))
    gain = {}
    for stack in ("waveforms", "envelopes"):
        rule = replace(RULE, stack=stack, long_s=None)
        here = [
            np.nanmax(envelope_strength(array_record(s), rule).values[380:430])
            for s in (QUIET, against, together)
        ]
        gain[stack] = (here[1] - here[0], here[2] - here[0])
    assert gain["waveforms"][0] < 0.5 < 4 < gain["waveforms"][1]
    assert min(gain["envelopes"]) > 3


def test_units_of_stations_play_no_part() -> None:
    scale = np.random.default_rng(1).uniform(0.01, 1e6, (36, 1))
    found = envelope_strength(array_record(QUIET * scale), RULE)
    np.testing.assert_allclose(
        found.values, envelope_strength(array_record(QUIET), RULE).values, atol=1e-9
    )


def test_gaps_and_dead_stations() -> None:
    whole = envelope_strength(array_record(QUIET), replace(RULE, long_s=None)).values
    one = QUIET.copy()
    one[0, 2000:2600] = np.nan
    one[7] = 5.0
    found = envelope_strength(array_record(one), replace(RULE, long_s=None)).values
    assert np.isfinite(found[4:]).all()
    assert not np.array_equal(found[4:], whole[4:])
    one[7] = np.nan
    dead = envelope_strength(array_record(one), replace(RULE, long_s=None)).values
    np.testing.assert_array_equal(found, dead)
    all_of_one = QUIET.copy()
    all_of_one[[0, 1, 6, 7], 2000:2600] = np.nan
    found = envelope_strength(array_record(all_of_one), replace(RULE, long_s=None)).values
    assert np.flatnonzero(np.isnan(found[4:])).tolist() == list(range(196, 260))
    all_of_one[[0, 1, 6, 7]] = np.nan
    assert np.isnan(envelope_strength(array_record(all_of_one), RULE).values).all()


def test_a_huge_spike_leaves_later_steps_alone() -> None:
    def late(samples: np.ndarray) -> np.ndarray:
        found = envelope_strength(array_record(samples), replace(RULE, long_s=None))
        return found.values[400:]

    spike = planted(QUIET, 20.0, np.full(5, 1e5), slice(None))
    np.testing.assert_allclose(np.diff(late(spike)), np.diff(late(QUIET)), atol=0.05)


def test_steps_that_follow_each_other_are_one_detection() -> None:
    values = np.array([0, 3, np.nan, 4, 0, 0, 2, 0, 0, 0, 5, 5.0])
    found = triggers_above(Strength(start_ns=7, step_ns=STEP_NS, values=values), 2.0, 0.3)
    assert found == [Trigger(7 + STEP_NS, 4.0), Trigger(7 + 10 * STEP_NS, 5.0)]
    found = triggers_above(Strength(start_ns=7, step_ns=STEP_NS, values=values), 2.0, 0.29)
    assert [t.strength for t in found] == [4.0, 2.0, 5.0]
    assert triggers_above(Strength(start_ns=7, step_ns=STEP_NS, values=values), 6.0, 0.3) == []


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 9) | st.none(), min_size=1, max_size=30),
    st.integers(0, 5),
    st.integers(0, 6),
)
def test_threshold_for_a_number_against_trying_them_all(
    cells: list[int | None], gap: int, wanted: int
) -> None:
    values = np.array([np.nan if v is None else v for v in cells], dtype=np.float64)
    strength = Strength(start_ns=0, step_ns=STEP_NS, values=values)
    days = np.isfinite(values).sum() * STEP_NS / DAY_NS
    per_day = (wanted + 0.5) / days if days else 1.0
    best = (0, -np.inf)
    for threshold in sorted({v for v in values.tolist() if v == v}, reverse=True):
        n = len(triggers_above(strength, threshold, gap / 10))
        if n > wanted:
            break
        best = max(best, (n, -threshold))
    assert least_threshold(strength, gap / 10, per_day) == -best[1]


def n_false(times_ns: np.ndarray, true_steps: set[int]) -> int:
    """Count times that are more than a step away from all true ones."""
    return sum(
        not {k - 1, k, k + 1} & true_steps for k in (np.asarray(times_ns) // STEP_NS).tolist()
    )


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.integers(0, 9) | st.none() | st.just(np.inf), min_size=1, max_size=40),
    st.integers(0, 5),
    st.integers(0, 4),
    st.sets(st.integers(0, 40), max_size=5),
)
def test_lowest_threshold_allowed_against_trying_them_all(
    cells: list[float | None], gap: int, wanted: int, true_steps: set[int]
) -> None:
    values = np.array([np.nan if v is None else v for v in cells], dtype=np.float64)
    strength = Strength(start_ns=0, step_ns=STEP_NS, values=values)
    every = sorted({v - half for v in values.tolist() if v == v for half in (0, 0.5)}, reverse=True)
    found = [triggers_above(strength, threshold, gap / 10) for threshold in every]
    n_most = max(map(len, found), default=0)
    best: list[Trigger] = []
    for k, triggers in enumerate(found):
        grown_together = all(len(other) < n_most for other in found[k:])
        if grown_together or n_false([t.time_ns for t in triggers], true_steps) > wanted:
            break
        best = triggers
    chosen = allowed_threshold(
        strength, gap / 10, lambda times: n_false(times, true_steps) <= wanted
    )
    assert (chosen is None) == (not best)
    assert ([] if chosen is None else triggers_above(strength, chosen, gap / 10)) == best


def test_every_threshold_at_which_a_time_changes_is_tried_until_one_is_not_allowed() -> None:
    values = np.array([5, 0, 3, 4, 0, 0, 0, 0, 1, 0, 0, 0, 1], dtype=np.float64)
    strength = Strength(start_ns=0, step_ns=STEP_NS, values=values)
    tried = []

    def is_allowed(times: np.ndarray) -> bool:
        tried.append((times // STEP_NS).tolist())
        return len(times) < 3

    assert allowed_threshold(strength, 0.2, is_allowed) == 3.0, "where 4 grows into 5"
    assert tried == [[0], [0, 3], [0], [0, 8, 12]]
    assert allowed_threshold(strength, 0.2, lambda _: False) is None
    nothing = replace(strength, values=np.full(5, np.nan))
    assert allowed_threshold(nothing, 0.2, lambda _: True) is None


def test_as_many_a_day_as_asked_in_a_long_series() -> None:
    values = np.random.default_rng(5).normal(size=DAY_NS // STEP_NS)
    strength = Strength(start_ns=0, step_ns=STEP_NS, values=values)
    for per_day in (0, 1, 24, 100):
        threshold = least_threshold(strength, 5.0, per_day)
        assert len(triggers_above(strength, threshold, 5.0)) == per_day


@pytest.mark.parametrize("rule", [{"step_s": 0.001}, {"short_s": 0.01}, {"long_s": 0.0}])
def test_numbers_that_cannot_be(rule: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="a step is at least one sample"):
        envelope_strength(array_record(QUIET), replace(RULE, **rule))
