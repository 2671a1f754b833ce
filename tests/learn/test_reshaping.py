"""Stretched, coloured and pulsed wavelets, against SciPy and what they are defined by."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.interpolate import CubicHermiteSpline
from scipy.signal import bilinear, lfilter

from seisflow.stages.learn import reshaping
from seisflow.stages.learn.reshaping import (
    N_COLOUR,
    N_PULSE,
    coloured,
    limited_factors,
    stretched,
    with_pulses,
)

N, RATE = 600, 100


def numbers(n: int, **given: float) -> np.ndarray:
    """Random numbers of colours or pulses, those named as given."""
    drawn = np.full((1, n), 0.5)
    for name, value in given.items():
        drawn[0, getattr(reshaping, name)] = value
    return drawn


PULSE = np.zeros(N)
PULSE[N // 2] = 1


def coloured_pulse(drawn: np.ndarray) -> np.ndarray:
    return coloured(PULSE.astype(np.float32)[None], drawn)[0]


def test_time_that_runs_as_before_is_cut_out_bit_by_bit() -> None:
    rows = np.random.default_rng(1).standard_normal((5, N)).astype(np.float32)
    at = np.array([100, 200, 250, 300, 399], float)
    made = stretched(rows, np.ones(5), at, np.full(5, 100.0), 300)
    for row, first, found in zip(rows, (0, 100, 150, 200, 299), made, strict=True):
        np.testing.assert_array_equal(found, row[first : first + 300])


def test_samples_between_samples_are_those_of_a_cubic_through_four() -> None:
    row = np.random.default_rng(2).standard_normal(N).astype(np.float32)
    slope = np.gradient(row.astype(np.float64))  # central differences, inside
    at, to, factor = 310.25, 120.0, 0.7
    made = stretched(row[None], np.array([factor]), np.array([at]), np.array([to]), 250)
    place = at + (np.arange(250) - to) * factor
    wanted = CubicHermiteSpline(np.arange(N), row, slope)(place)
    np.testing.assert_allclose(made[0], wanted, atol=2e-6)


@pytest.mark.parametrize("factor", [0.4, 0.8, 1.5, 2.5])
def test_a_hum_sounds_higher_where_time_runs_faster(factor: float) -> None:
    time = np.arange(2000) / RATE
    hum = np.sin(2 * np.pi * 8 * time).astype(np.float32)[None]
    made = stretched(hum, np.array([factor]), np.array([1000.0]), np.array([200.0]), 400)
    wanted = np.sin(2 * np.pi * 8 * (10 + (np.arange(400) - 200) * factor / RATE))
    assert np.abs(made[0] - wanted).max() < 0.03


def test_what_would_fold_over_is_taken_away() -> None:
    time = np.arange(2000) / RATE
    hum = np.sin(2 * np.pi * 40 * time).astype(np.float32)[None]  # 80 Hz when read twice as fast
    made = stretched(hum, np.array([2.0]), np.array([1000.0]), np.array([200.0]), 400)
    assert np.abs(made).max() < 1e-3


@given(
    factor=st.floats(0.25, 4),
    at=st.floats(0, N - 1),
    to=st.floats(0, 299),
)
def test_no_factor_reaches_beyond_the_samples(factor: float, at: float, to: float) -> None:
    limited = limited_factors(np.array([factor]), np.array([at]), np.array([to]), N, 300)[0]
    assert limited <= factor
    assert at - to * limited >= -1e-6
    assert at + (299 - to) * limited <= N - 1 + 1e-6


@pytest.mark.parametrize(("number", "b", "a"), [(1, [1, -0.98], [1]), (0, [1], [1, -0.98])])
def test_a_tilt_is_a_leaky_difference_or_sum(number: float, b: list, a: list) -> None:
    made = coloured_pulse(numbers(N_COLOUR, TILT=number, HAS_RESONANCE=1, HAS_CORNER=1))
    np.testing.assert_allclose(made, lfilter(b, a, PULSE), atol=0.003)


def test_half_a_tilt_twice_is_a_whole_one() -> None:
    half = numbers(N_COLOUR, TILT=0.75, HAS_RESONANCE=1, HAS_CORNER=1)
    twice = coloured(coloured_pulse(half)[None], half)[0]
    np.testing.assert_allclose(twice, lfilter([1, -0.98], [1], PULSE), atol=1e-3)
    assert np.abs(coloured_pulse(half)[: N // 2]).max() < 1e-3, "nothing before its cause"


def test_a_resonance_is_that_of_an_oscillator() -> None:
    drawn = numbers(N_COLOUR, HAS_RESONANCE=0, GAIN=0.8, PLACE=0.5, WIDTH=0.3, HAS_CORNER=1)
    place, width = 0.44, 0.01 + 0.3 * 0.07
    centre = np.tan(np.pi / 2 * place)
    damping = np.pi * width * (1 + centre**2)
    b, a = bilinear([damping, 0], [1, damping, centre**2], fs=0.5)
    wanted = PULSE + 0.8 * reshaping.LARGEST_GAIN * lfilter(b, a, PULSE)
    np.testing.assert_allclose(coloured_pulse(drawn), wanted, atol=1e-5)


def test_a_corner_passes_what_is_below_and_has_no_phase() -> None:
    drawn = numbers(N_COLOUR, HAS_RESONANCE=1, HAS_CORNER=0, CORNER=0.5)
    made = coloured_pulse(drawn)
    gain = np.abs(np.fft.rfft(made))
    share = np.arange(N // 2 + 1) / (N // 2)
    np.testing.assert_allclose(gain, 1 / (1 + (share / 0.6) ** 8), atol=0.01)
    np.testing.assert_allclose(made[301:400], made[299:200:-1], atol=1e-3)


def test_pulses_and_steps_are_as_high_as_drawn() -> None:
    row = np.sin(np.arange(N) / 5).astype(np.float32)[None]
    low, high = reshaping.HEIGHTS
    for sign, number in ((-1, 0.2), (1, 0.7)):
        drawn = numbers(N_PULSE, IS_STEP=1, WHERE=0.5, LENGTH=0.95, HEIGHT=0.5, SIGN=number)
        pulse = (with_pulses(row, drawn, RATE) - row)[0]
        assert np.flatnonzero(np.abs(pulse) > 1e-6).tolist() == list(range(300, 312))
        height = np.sqrt(low * high) * np.abs(row - row.mean()).max()
        assert (sign * pulse).max() == pytest.approx(height, rel=0.02)
        drawn[0, reshaping.IS_STEP] = 0
        step = (with_pulses(row, drawn, RATE) - row)[0]
        np.testing.assert_allclose(step[:300], 0, atol=1e-6)
        np.testing.assert_allclose(step[300:], sign * height, rtol=1e-4)


def test_a_row_does_not_depend_on_those_beside_it() -> None:
    rng = np.random.default_rng(3)
    rows = rng.standard_normal((6, N)).astype(np.float32)
    colours, pulses = rng.random((6, N_COLOUR)), rng.random((6, N_PULSE))
    factors, at = rng.uniform(0.5, 1.9, 6), np.full(6, 300.0)
    every = (
        coloured(rows, colours),
        with_pulses(rows, pulses, RATE),
        stretched(rows, factors, at, np.full(6, 150.0), 300),
    )
    for i in range(6):
        one = slice(i, i + 1)
        alone = (
            coloured(rows[one], colours[one]),
            with_pulses(rows[one], pulses[one], RATE),
            stretched(rows[one], factors[one], at[one], np.full(1, 150.0), 300),
        )
        for made, own in zip(every, alone, strict=True):
            np.testing.assert_array_equal(made[one], own)
