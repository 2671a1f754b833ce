"""Pulses of the instruments are told from waves, each condition by itself."""

import numpy as np
import pytest

from seisflow.detect.glitch import GlitchRule, has_coda, is_glitch

RATE_HZ = 250.0


def pulse(n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Delays within half a sample of each other, and correlations near 1."""
    rng = np.random.default_rng(n)
    return rng.uniform(-0.25, 0.25, n) / RATE_HZ, rng.uniform(0.98, 1, n)


def test_a_pulse_is_a_glitch() -> None:
    delays, cc = pulse()
    assert is_glitch(delays, cc, 20, RATE_HZ)
    assert is_glitch(delays, cc, 40, RATE_HZ)


def test_a_pulse_on_fewer_than_half_of_the_stations_is_none() -> None:
    delays, cc = pulse()
    assert not is_glitch(delays, cc, 41, RATE_HZ)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_fewer_than_four_stations_are_never_a_glitch(n: int) -> None:
    delays, cc = pulse(n)
    assert not is_glitch(delays, cc, n, RATE_HZ)


def test_moveout_of_two_samples_is_a_wave() -> None:
    delays, cc = pulse()
    delays[:] = 0
    delays[3] = 1.4 / RATE_HZ
    assert is_glitch(delays, cc, 20, RATE_HZ)
    delays[3] = 2 / RATE_HZ
    assert not is_glitch(delays, cc, 20, RATE_HZ)
    delays[3:5] = -1 / RATE_HZ, 1 / RATE_HZ  # each within one and a half, not of each other
    assert not is_glitch(delays, cc, 20, RATE_HZ)


def test_unlike_traces_are_a_wave_from_below() -> None:
    delays, cc = pulse()
    cc[:9] = 0.3
    assert is_glitch(delays, cc, 20, RATE_HZ)
    cc[:11] = 0.96
    assert not is_glitch(delays, cc, 20, RATE_HZ)


def test_traces_left_out_do_not_count() -> None:
    delays, cc = pulse()
    delays[10:], cc[10:] = np.nan, np.nan
    assert is_glitch(delays, cc, 20, RATE_HZ)
    assert not is_glitch(delays, cc, 21, RATE_HZ)
    assert not is_glitch(delays[10:], cc[10:], 10, RATE_HZ)


def test_the_rule_is_the_callers() -> None:
    delays, cc = pulse()
    assert not is_glitch(delays, cc, 20, RATE_HZ, GlitchRule(least_stations=21))
    assert not is_glitch(delays, cc, 20, RATE_HZ, GlitchRule(most_spread_samples=0.1))
    assert not is_glitch(delays, cc, 20, RATE_HZ, GlitchRule(least_median_cc=0.9999))
    assert is_glitch(delays, cc, 41, RATE_HZ, GlitchRule(least_share=0.4))


@pytest.mark.parametrize(("decay_s", "expected"), [(0.02, False), (0.1, False), (0.6, True)])
def test_a_pulse_is_over_and_an_earthquake_goes_on(decay_s: float, expected: bool) -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(int(2 * RATE_HZ)) / RATE_HZ - 0.5
    wave = np.where(time_s >= 0, np.exp(-np.maximum(time_s, 0) / decay_s), 0)
    stack = wave * rng.standard_normal(time_s.size) + 0.02 * rng.standard_normal(time_s.size)
    assert has_coda(stack, int(0.5 * RATE_HZ), RATE_HZ) == expected


def test_silence_has_no_coda() -> None:
    assert not has_coda(np.zeros(500), 125, RATE_HZ)
    assert not has_coda(np.ones(100), 0, RATE_HZ)
