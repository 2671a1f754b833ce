"""Constant and clipped samples: what is flagged, and above all what is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seisflow.dsp.quality import clipped_samples, constant_run_samples, constant_samples
from seisflow.errors import ConfigError, DataError

RAIL = 2**23 - 1


def all_valid(samples: np.ndarray) -> np.ndarray:
    return np.ones(samples.size, np.bool_)


def quiet_noise(n_samples: int = 20_000) -> np.ndarray:
    """Digitised noise of 2 counts, as the quietest real records have."""
    return np.round(np.random.default_rng(4).normal(0, 2, n_samples)).astype(np.int32)


def sine(amplitude: float, frequency_hz: float, rate_hz: int) -> np.ndarray:
    time_s = np.arange(60 * rate_hz) / rate_hz
    envelope = np.exp(-(((time_s - 30) / 1.5) ** 2))
    return amplitude * envelope * np.sin(2 * np.pi * frequency_hz * time_s)


def test_constant_run_for_each_rate() -> None:
    assert [constant_run_samples(rate) for rate in (10, 40, 64, 100, 500, 1000)] == [
        16, 16, 16, 25, 125, 250,
    ]  # fmt: skip


def plain_constant(samples: np.ndarray, valid: np.ndarray, least: int) -> np.ndarray:
    """The definition, sample by sample."""
    flagged = np.zeros(samples.size, np.bool_)
    start = 0
    for stop in range(1, samples.size + 1):
        joined = stop < samples.size and valid[stop] and valid[start]
        if not (joined and samples[stop] == samples[start]):
            if valid[start] and stop - start >= least:
                flagged[start:stop] = True
            start = stop
    return flagged


@given(
    samples=arrays(np.int32, 40, elements=st.integers(0, 1)),
    valid=arrays(np.bool_, 40, elements=st.sampled_from([True, True, True, False])),
    least=st.integers(2, 6),
)
def test_constant_equals_the_definition(samples: np.ndarray, valid: np.ndarray, least: int) -> None:
    expected = plain_constant(samples, valid, least)
    found = constant_samples(samples, valid, min_run_samples=least)
    np.testing.assert_array_equal(found, expected)
    values = np.where(valid, samples, np.nan)
    found = constant_samples(values, all_valid(values), min_run_samples=least)
    np.testing.assert_array_equal(found, expected)


def test_quiet_noise_is_neither_constant_nor_clipped() -> None:
    samples = quiet_noise()
    run = constant_run_samples(40)
    assert not constant_samples(samples, all_valid(samples), min_run_samples=run).any()
    assert not clipped_samples(samples, all_valid(samples)).any()


@pytest.mark.parametrize("dtype", [np.int32, np.float32, np.float64])
@pytest.mark.parametrize("rail", [RAIL, -RAIL, -RAIL - 1])
def test_rails_are_clipped(dtype: type[np.generic], rail: int) -> None:
    samples = quiet_noise().astype(dtype)
    samples[[100, 700]] = rail
    found = clipped_samples(samples, all_valid(samples))
    np.testing.assert_array_equal(np.flatnonzero(found), [100, 700])


def test_rails_of_the_16_and_32_bit_types() -> None:
    for dtype in (np.int16, np.int32):
        samples = quiet_noise().astype(dtype)
        samples[100], samples[200] = np.iinfo(dtype).max, np.iinfo(dtype).min
        found = clipped_samples(samples, all_valid(samples))
        np.testing.assert_array_equal(np.flatnonzero(found), [100, 200])
    wide = quiet_noise()
    wide[100] = 2**15 - 1
    assert not clipped_samples(wide, all_valid(wide)).any()


def test_a_record_that_passes_a_rail_is_not_at_it() -> None:
    samples = quiet_noise()
    samples[[100, 200]] = RAIL, RAIL + 5
    assert not clipped_samples(samples, all_valid(samples)).any()


def test_full_scale_given_in_counts() -> None:
    samples = quiet_noise()
    samples[[100, 200, 300]] = 5000, -5001, 4999
    found = clipped_samples(samples, all_valid(samples), clip_counts=5000)
    np.testing.assert_array_equal(np.flatnonzero(found), [100, 200])


@pytest.mark.parametrize(
    ("frequency_hz", "rate_hz"), [(1, 100), (5, 100), (1, 500), (20, 500), (5, 1000), (20, 1000)]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_clipped_event_is_found_and_a_whole_one_is_not(
    frequency_hz: float, rate_hz: int, sign: int
) -> None:
    noise = np.random.default_rng(5).normal(0, 4, 60 * rate_hz)
    whole = np.round(sine(1000.0 * sign, frequency_hz, rate_hz) + noise).astype(np.int32)
    assert not clipped_samples(whole, all_valid(whole)).any()
    clipped = np.clip(whole, -10_000, 600)
    expected = clipped == 600
    found = clipped_samples(clipped, all_valid(clipped))
    assert not found[~expected].any()
    assert found.sum() > 0.4 * expected.sum()


def test_few_equal_counts_on_top_of_quiet_noise_are_not_clipped() -> None:
    samples = quiet_noise()
    samples[500:505] = 0, 20, 20, 20, 0
    assert samples.max() == 20
    assert not clipped_samples(samples, all_valid(samples)).any()
    samples[500:505] = 0, 200, 200, 200, 0
    found = clipped_samples(samples, all_valid(samples))
    np.testing.assert_array_equal(np.flatnonzero(found), [501, 502, 503])


def test_the_crest_of_a_smooth_wave_is_not_clipped() -> None:
    samples = np.round(sine(400.0, 2.5, 1000)).astype(np.int32)
    crest = np.flatnonzero(samples == samples.max())
    assert crest.size >= 3
    assert crest[-1] - crest[0] == crest.size - 1
    assert not clipped_samples(samples, all_valid(samples)).any()


def test_invalid_samples_are_never_flagged_nor_looked_at() -> None:
    samples = quiet_noise().astype(np.float64)
    valid = all_valid(samples)
    samples[50:90], valid[50:90] = RAIL, False
    samples[200] = np.inf
    assert not clipped_samples(samples, valid).any()
    assert not constant_samples(samples, valid, min_run_samples=16).any()
    assert not clipped_samples(samples, np.zeros_like(valid)).any()


def test_wrong_requests_are_refused() -> None:
    samples, valid = quiet_noise(10), np.ones(10, np.bool_)
    with pytest.raises(ConfigError, match="2 samples or more"):
        constant_samples(samples, valid, min_run_samples=1)
    for counts in (0, -1, np.nan):
        with pytest.raises(ConfigError, match="full scale"):
            clipped_samples(samples, valid, clip_counts=counts)
    with pytest.raises(DataError, match="one axis of one length"):
        constant_samples(samples, valid[1:], min_run_samples=2)
    with pytest.raises(DataError, match="one axis of one length"):
        clipped_samples(samples.reshape(2, 5), valid.reshape(2, 5))
