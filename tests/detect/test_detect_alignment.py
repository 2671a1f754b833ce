"""Planted delays are found again; correlations against SciPy; what is left out stays out."""

import numpy as np
import pytest
from scipy.signal import butter, correlate, sosfiltfilt

from seisflow.errors import ConfigError, DataError
from seisflow.stages.detect.alignment import (
    Alignment,
    align,
    common_onset,
    hold_to_median,
    normalised_correlation,
    onset_by_energy,
)

RATE_HZ = 100
ONSET_S = 4.0


def arrival(time_s: np.ndarray, seed: int = 0) -> np.ndarray:
    """P and a second of coda: wavelets of 8 to 16 Hz, known at any time, of rms about 1."""
    rng = np.random.default_rng(seed)
    found = np.zeros_like(time_s)
    for begin_s, size, hz in zip(
        [0.1, *rng.uniform(0.15, 0.9, 7)],
        [2, *rng.uniform(-1.5, 1.5, 7)],
        rng.uniform(8, 16, 8),
        strict=True,
    ):
        phase = (np.pi * hz * (time_s - begin_s)) ** 2
        found += 2.5 * size * (1 - 2 * phase) * np.exp(-phase)
    return found


def noise(n: int, m: int, seed: int, rate_hz: float = RATE_HZ) -> np.ndarray:
    """Between 5 and 30 Hz, of rms 1."""
    sections = butter(4, (5, 30), btype="bandpass", fs=rate_hz, output="sos")
    found = sosfiltfilt(sections, np.random.default_rng(seed).standard_normal((n, m)), axis=1)
    return found / found.std()


def section(
    delays_s: np.ndarray, snr: float, *, seed: int = 1, rate_hz: float = RATE_HZ
) -> np.ndarray:
    """Ten seconds of each node; `snr` is rms of a second from P over rms before."""
    time_s = np.arange(10 * rate_hz) / rate_hz
    waves = np.array([arrival(time_s - ONSET_S - d) for d in delays_s])
    second = arrival(np.arange(rate_hz) / rate_hz)
    traces = snr * waves / second.std() + noise(len(delays_s), time_s.size, seed, rate_hz)
    return traces * 10 ** np.random.default_rng(seed).uniform(-3, 5, (len(delays_s), 1))


def jittered(delays_s: np.ndarray, jitter_s: float, rate_hz: float = RATE_HZ) -> np.ndarray:
    """First guesses, wrong by up to `jitter_s`."""
    wrong = np.random.default_rng(2).uniform(-jitter_s, jitter_s, delays_s.size)
    return np.round((ONSET_S + delays_s + wrong) * rate_hz).astype(np.int64)


def spread(n: int, size_s: float = 0.15) -> np.ndarray:
    return np.random.default_rng(n).uniform(-size_s, size_s, n)


def errors_of(found: Alignment, delays_s: np.ndarray, rate_hz: float = RATE_HZ) -> np.ndarray:
    """In samples, less what is common to all."""
    errors = (found.delays_s - delays_s) * rate_hz
    return errors - np.median(errors)


@pytest.mark.parametrize("rate_hz", [100, 250])
def test_delays_are_found_to_half_a_sample(rate_hz: int) -> None:
    delays = spread(40)
    traces = section(delays, 5, rate_hz=rate_hz)
    found = align(traces, jittered(delays, 0.1, rate_hz), rate_hz)
    assert np.abs(errors_of(found, delays, rate_hz)).max() < 0.5
    assert np.median(found.delays_s) == pytest.approx(0, abs=1e-12)
    assert found.mean_cc > 0.9


def test_without_noise_delays_are_exact_and_traces_alike() -> None:
    delays = spread(12)
    found = align(section(delays, 1e4), jittered(delays, 0.1), RATE_HZ)
    assert np.abs(errors_of(found, delays)).max() < 0.05
    assert found.cc.min() > 0.999


def test_the_stack_keeps_the_onset_and_gains_on_noise() -> None:
    delays = spread(60)
    traces = section(delays, 2)
    found = align(traces, jittered(delays, 0.05), RATE_HZ)
    onsets = found.median_onset + found.delays_s * RATE_HZ
    assert np.median(onsets - jittered(delays, 0.05)) == pytest.approx(0, abs=1e-9)
    assert np.median(onsets) == pytest.approx((ONSET_S + np.median(delays)) * RATE_HZ, abs=3)
    expected = arrival(np.arange(-found.n_before, found.stack.size - found.n_before) / RATE_HZ)
    lags = correlate(found.stack, expected, mode="full", method="direct")
    assert abs(int(np.argmax(lags)) - expected.size + 1) <= 3
    norms = np.linalg.norm(found.stack) * np.linalg.norm(expected)
    assert lags.max() / norms > 0.97 > found.mean_cc


def test_more_passes_find_what_one_does_not_reach() -> None:
    time_s = np.arange(1000) / RATE_HZ
    pulse = np.exp(-(((time_s - 4.3) / 0.1) ** 2))  # without side lobes to settle on
    traces = pulse + 1e-3 * noise(30, 1000, 9)
    guesses = np.full(30, round(ONSET_S * RATE_HZ))
    guesses[:5] -= 30
    once, often = (
        align(traces, guesses, RATE_HZ, max_lag_s=0.2, passes=passes) for passes in (1, 3)
    )
    np.testing.assert_allclose(once.delays_s[:5], -0.1, atol=1 / RATE_HZ)
    assert np.abs(often.delays_s).max() < 0.5 / RATE_HZ
    assert often.mean_cc > once.mean_cc + 0.05


def test_no_trace_is_compared_with_itself() -> None:
    traces = noise(16, 1000, 3)
    found = align(traces, np.full(16, 400), RATE_HZ, passes=0)
    # with itself in the stack it would be 1 / sqrt(16)
    assert abs(found.mean_cc) < 0.1
    windows = traces[:, 350:550] / np.linalg.norm(traces[:, 350:550], axis=1, keepdims=True)
    others = np.delete(windows, 5, axis=0).sum(axis=0)
    assert found.cc[5] == pytest.approx(windows[5] @ others / np.linalg.norm(others))
    np.testing.assert_allclose(found.stack, windows.mean(axis=0), atol=1e-12)


def test_noise_is_told_from_an_arrival() -> None:
    guesses = np.full(30, round(ONSET_S * RATE_HZ))
    of_noise = align(noise(30, 1000, 4), guesses, RATE_HZ)
    of_arrival = align(section(spread(30), 2), guesses, RATE_HZ)
    assert of_noise.mean_cc < 0.4 < 0.7 < of_arrival.mean_cc


def test_a_reversed_trace_is_not_turned() -> None:
    delays = np.zeros(10)
    traces = section(delays, 20)
    traces[4] *= -1
    found = align(traces, jittered(delays, 0.02), RATE_HZ)
    assert np.delete(found.cc, 4).min() > 0.9 > 0.7 > found.cc[4]


@pytest.mark.parametrize("template_samples", [1, 7, 40])
def test_correlations_are_those_of_scipy(template_samples: int) -> None:
    rng = np.random.default_rng(template_samples)
    traces = rng.standard_normal((6, 40)) * 10 ** rng.uniform(-3, 6, (6, 1))
    templates = rng.standard_normal((6, template_samples))
    found = normalised_correlation(traces, templates)
    assert found.shape == (6, 41 - template_samples)
    for trace, template, cc in zip(traces, templates, found, strict=True):
        product = correlate(trace, template, mode="valid", method="direct")
        energy = correlate(trace**2, np.ones(template_samples), mode="valid", method="direct")
        np.testing.assert_allclose(cc, product / np.sqrt(energy * (template @ template)), atol=1e-9)


def test_silence_correlates_with_nothing() -> None:
    traces, templates = np.zeros((2, 30)), np.ones((2, 5))
    traces[0, :6] = 1
    templates[1] = 0
    cc = normalised_correlation(traces, templates)
    assert cc[0, :2].tolist() == pytest.approx([1, 1])
    assert np.all(cc[0, 6:] == 0)
    assert np.all(cc[1] == 0)


def test_what_is_too_quiet_for_its_trace_correlates_with_nothing() -> None:
    rng = np.random.default_rng(10)
    traces = rng.standard_normal((40, 300))
    traces[:, 150:] *= 1e-7
    cc = normalised_correlation(traces, rng.standard_normal((40, 20)))
    assert np.abs(cc).max() <= 1 + 1e-9
    assert np.all(cc[:, 151:] == 0)


@pytest.mark.parametrize("n", [2, 3])
def test_two_traces_meet_and_do_not_change_places(n: int) -> None:
    delays = np.linspace(-0.04, 0.04, n)
    found = align(section(delays, 50), np.full(n, 400), RATE_HZ)
    assert np.abs(errors_of(found, delays)).max() < 0.3
    assert found.mean_cc > 0.99


def test_beyond_its_ends_a_trace_is_zero() -> None:
    delays = spread(10)
    traces, guesses = section(delays, 5), jittered(delays, 0.1)
    first, stop = guesses.min() - 50, guesses.max() + 150  # the windows, and nothing else
    cut = align(traces[:, first:stop], guesses - first, RATE_HZ)
    zeros = np.zeros((10, 500))
    padded = np.hstack([zeros, traces[:, first:stop], zeros])
    expected = align(padded, guesses - first + 500, RATE_HZ)
    np.testing.assert_allclose(cut.delays_s, expected.delays_s, atol=1e-9)
    np.testing.assert_allclose(cut.cc, expected.cc, atol=1e-9)
    assert cut.mean_cc > 0.9


def test_what_cannot_be_used_is_left_out_and_changes_nothing() -> None:
    delays = spread(12)
    traces, guesses = section(delays, 5), jittered(delays, 0.05)
    alone = align(traces[:8], guesses[:8], RATE_HZ)
    traces[8, 990], traces[9, 3] = np.nan, np.inf  # far from the window
    traces[10] = 0
    guesses[11] = -1
    found = align(traces, guesses, RATE_HZ)
    for name in ("delays_s", "cc"):
        assert np.isnan(getattr(found, name)[8:]).all()
        np.testing.assert_allclose(getattr(found, name)[:8], getattr(alone, name), atol=1e-9)
    np.testing.assert_allclose(found.stack, alone.stack, atol=1e-9)
    assert found.mean_cc == pytest.approx(alone.mean_cc)


@pytest.mark.parametrize(("guess", "fits"), [(49, False), (50, True), (850, True), (851, False)])
def test_the_window_lies_in_the_trace(guess: int, fits: bool) -> None:
    traces = noise(3, 1000, 5)
    found = align(traces, np.array([400, 400, guess]), RATE_HZ)
    assert np.isfinite(found.cc[2]) == fits
    assert np.isfinite(found.cc[:2]).all()


def test_the_order_of_traces_does_not_matter_and_twice_is_the_same() -> None:
    delays = spread(20)
    traces, guesses = section(delays, 3), jittered(delays, 0.1)
    found, again = (align(traces, guesses, RATE_HZ) for _ in range(2))
    assert found.delays_s.tobytes() == again.delays_s.tobytes()
    assert found.stack.tobytes() == again.stack.tobytes()
    turned = align(traces[::-1], guesses[::-1], RATE_HZ)
    np.testing.assert_allclose(turned.delays_s[::-1], found.delays_s, atol=1e-9)
    np.testing.assert_allclose(turned.cc[::-1], found.cc, atol=1e-9)


def test_loud_traces_count_no_more_than_others() -> None:
    delays = spread(10)
    traces, guesses = section(delays, 4), jittered(delays, 0.05)
    found = align(traces, guesses, RATE_HZ)
    traces[2] *= 2.0**20
    louder = align(traces, guesses, RATE_HZ)
    np.testing.assert_allclose(louder.stack, found.stack, atol=1e-12)


def test_one_trace_has_no_others_and_none_has_nothing() -> None:
    traces = section(np.zeros(1), 5)
    one = align(traces, np.array([400]), RATE_HZ)
    assert (one.delays_s.tolist(), one.median_onset) == ([0.0], 400)
    assert np.isnan(one.cc).all()
    assert np.linalg.norm(one.stack) == pytest.approx(1)
    for none in (align(traces * np.nan, np.array([400]), RATE_HZ), align(traces[:0], [], RATE_HZ)):
        assert np.isnan(none.delays_s).all()
        assert np.isnan(none.stack).all()
        assert none.stack.size == 200
        assert np.isnan([none.mean_cc, none.median_onset]).all()


def test_lags_stay_within_the_largest() -> None:
    delays = np.where(np.arange(20) < 15, 0.0, 0.25)
    found = align(section(delays, 8), np.full(20, 400), RATE_HZ, max_lag_s=0.1, passes=1)
    assert np.abs(found.delays_s).max() <= 0.1 + 0.01


def test_a_largest_lag_of_nothing_leaves_the_guesses() -> None:
    delays = spread(5)
    guesses = jittered(delays, 0.1)
    found = align(section(delays, 5), guesses, RATE_HZ, max_lag_s=0)
    np.testing.assert_allclose(found.delays_s, (guesses - np.median(guesses)) / RATE_HZ)


def test_wrong_numbers_and_shapes_are_refused() -> None:
    traces = noise(2, 1000, 6)
    for wrong in ({"before_s": -1}, {"max_lag_s": -0.1}, {"passes": -1}):
        with pytest.raises(ConfigError, match="nothing negative"):
            align(traces, np.array([400, 400]), RATE_HZ, **wrong)
    with pytest.raises(ConfigError, match="0 samples before the onset and 1 behind"):
        align(traces, np.array([400, 400]), RATE_HZ, before_s=0, after_s=0.01)
    with pytest.raises(DataError, match=r"2 traces.*\(3,\)"):
        align(traces, np.array([400] * 3), RATE_HZ)
    with pytest.raises(DataError, match="two axes"):
        align(traces[0], np.array([400]), RATE_HZ)


def test_a_step_of_energy_is_an_onset_to_the_sample() -> None:
    rng = np.random.default_rng(7)
    traces = rng.choice([-1.0, 1.0], (6, 1000))
    onsets = np.array([200, 333, 400, 517, 600, 780])
    for trace, onset in zip(traces, onsets, strict=True):
        trace[onset:] *= 10
    found = onset_by_energy(traces * 1e6, RATE_HZ, (1.0, 9.0))
    assert found.dtype == np.int64
    np.testing.assert_array_equal(found, onsets)


def test_first_guesses_held_together_are_good_enough_to_align() -> None:
    delays = spread(40)
    traces = section(delays, 3)
    guesses = onset_by_energy(traces, RATE_HZ, (ONSET_S - 1, ONSET_S + 1.5))
    errors = np.abs(guesses / RATE_HZ - ONSET_S - delays)
    assert np.median(errors) < 0.06
    assert errors.max() > 0.3  # a later phase, at some
    apart = align(traces, guesses, RATE_HZ)
    assert np.abs(errors_of(apart, delays)).max() > 10
    held = align(traces, hold_to_median(guesses, within_samples=20), RATE_HZ)
    assert np.abs(errors_of(held, delays)).max() < 0.5


def test_onsets_are_held_to_the_median() -> None:
    onsets = np.array([100, 121, -1, 103, 81, 80, 101, -1, 5000])
    held = hold_to_median(onsets, within_samples=20)  # of 80 81 100 101 103 121 5000
    assert held.tolist() == [100, 121, -1, 103, 81, 101, 101, -1, 101]
    assert onsets[8] == 5000
    assert hold_to_median(np.array([-1, -1]), within_samples=2).tolist() == [-1, -1]


def test_onsets_are_sought_where_asked() -> None:
    traces = np.ones((3, 1000))
    traces[:, 300:] = 10
    traces[:, 700:] = 50
    search = (np.array([1.0, 4.0, 3.01]), np.array([9.0, 9.0, 3.5]))
    assert onset_by_energy(traces, RATE_HZ, search).tolist() == [300, 700, 301]
    assert onset_by_energy(traces, RATE_HZ, (2, 3.0)).tolist() == [299] * 3  # half-open
    assert onset_by_energy(traces, RATE_HZ, (2, 3.004)).tolist() == [300] * 3


def test_the_first_of_equal_onsets_counts() -> None:
    trace = np.zeros((1, 1000))
    trace[0, [250, 600]] = 5.0
    found = onset_by_energy(trace, RATE_HZ, (0, 10), length_s=0.01)
    assert found.tolist() == [250]


def test_there_is_no_onset_where_nothing_can_be_compared() -> None:
    traces = np.random.default_rng(8).standard_normal((4, 1000))
    traces[0] = 0
    traces[1, 900] = np.nan
    traces[2] = np.inf
    assert onset_by_energy(traces, RATE_HZ, (3, 4))[:3].tolist() == [-1] * 3
    assert onset_by_energy(traces, RATE_HZ, (3, 4))[3] >= 300
    assert onset_by_energy(traces, RATE_HZ, (-5, 0.2)).tolist() == [-1] * 4
    assert onset_by_energy(traces, RATE_HZ, (9.81, 30)).tolist() == [-1] * 4
    for wrong in ((4, 3), (3, 3), (np.nan, 4)):
        with pytest.raises(ConfigError, match="behind its start"):
            onset_by_energy(traces, RATE_HZ, wrong)
    with pytest.raises(ConfigError, match=r"windows of 0\.001 s"):
        onset_by_energy(traces, RATE_HZ, (3, 4), length_s=0.001)
    with pytest.raises(DataError, match="two axes"):
        onset_by_energy(traces[0], RATE_HZ, (3, 4))


@pytest.mark.parametrize("snr", [2.0, 5.0, 10.0])
def test_the_common_onset_is_that_of_p_though_s_is_twice_as_strong(snr: float) -> None:
    delays = spread(30, 0.03)
    time_s = np.arange(10 * RATE_HZ) / RATE_HZ
    waves = np.array([arrival(time_s - ONSET_S - 1.8 - 1.7 * d, seed=5) for d in delays])
    scale = np.abs(section(delays, snr) - section(delays, 0.0)).max(axis=1, keepdims=True)
    traces = section(delays, snr) + 2 * scale * waves / np.abs(waves).max()
    first_p = np.median(onset_by_energy(section(delays, 50.0), RATE_HZ, (3.0, 5.0)))
    found = common_onset(traces, RATE_HZ, (2.0, 6.5))
    assert abs(found - first_p) < 0.1 * RATE_HZ


def test_a_common_onset_wants_something_to_compare() -> None:
    traces = section(spread(5), 5.0)
    spoilt = traces.copy()
    spoilt[1, 40] = np.nan
    spoilt[2] = 0
    kept = common_onset(traces[[0, 3, 4]], RATE_HZ, (2.0, 6.0))
    assert common_onset(spoilt, RATE_HZ, (2.0, 6.0)) == kept
    assert common_onset(np.full((3, 1000), np.nan), RATE_HZ, (2.0, 6.0)) == -1
    assert common_onset(traces, RATE_HZ, (20.0, 30.0)) == -1
    with pytest.raises(ConfigError, match="hold no sample"):
        common_onset(traces, RATE_HZ, (2.0, 6.0), length_s=0.001)
