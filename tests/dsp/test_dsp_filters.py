"""Filters against SciPy's direct form, and what gaps and offsets must not do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.signal import butter, lfilter, lfilter_zi

from seisflow.dsp.filters import bandpass, highpass, highpass_valid, valid_runs
from seisflow.errors import ConfigError, DataError

RATES = (10, 40, 100, 500, 1000)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("poles", [1, 2, 3])
def test_highpass_equals_direct_form(rate: int, poles: int) -> None:
    record = np.random.default_rng(rate).standard_normal(20 * rate) * 1000 + 5000
    b, a = butter(poles, 2.0, btype="highpass", fs=rate)
    expected, _ = lfilter(b, a, record, zi=lfilter_zi(b, a) * record[0])
    found = highpass(record, rate, corner_hz=2.0, poles=poles)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4)


@given(offset=st.integers(-(2**31), 2**31 - 1))
def test_offset_makes_no_transient(offset: int) -> None:
    found = highpass(np.full(400, offset, np.int64), 100)
    assert np.abs(found).max() <= 1e-6 * max(1, abs(offset)) * 1e-3


def test_pass_and_stop() -> None:
    time_s = np.arange(0, 60, 1 / 100)
    for frequency_hz, gain in ((0.02, 1e-4), (2.0, np.sqrt(0.5)), (23.7, 1.0)):
        settled = highpass(np.sin(2 * np.pi * frequency_hz * time_s), 100)[2000:]
        assert np.abs(settled).max() == pytest.approx(gain, rel=0.01)


def test_filter_is_causal() -> None:
    record = np.random.default_rng(1).standard_normal(1000)
    changed = record.copy()
    changed[600:] += 100
    before, after = highpass(record, 100), highpass(changed, 100)
    np.testing.assert_array_equal(before[:600], after[:600])
    assert not np.array_equal(before[600:], after[600:])


@given(valid=arrays(np.bool_, st.integers(0, 60)))
def test_each_valid_run_is_filtered_alone(valid: np.ndarray) -> None:
    record = np.random.default_rng(valid.size).standard_normal(valid.size) + 7
    record[~valid] = np.nan
    found = highpass_valid(record, valid, 40)
    assert not found[~valid].any()
    runs = valid_runs(valid)
    assert sum(stop - start for start, stop in runs) == valid.sum()
    for start, stop in runs:
        assert valid[start:stop].all()
        np.testing.assert_array_equal(found[start:stop], highpass(record[start:stop], 40))


def test_not_finite_is_a_gap() -> None:
    record = np.random.default_rng(2).standard_normal(50)
    valid = np.ones(50, np.bool_)
    valid[20] = False
    expected = highpass_valid(record, valid, 40)
    for value in (np.nan, np.inf, -np.inf):
        record[20] = value
        found = highpass_valid(record, np.ones(50, np.bool_), 40)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(("corner_hz", "poles"), [(0, 2), (-1, 2), (20, 2), (np.nan, 2), (2, 0)])
def test_impossible_filters_are_refused(corner_hz: float, poles: int) -> None:
    with pytest.raises(ConfigError, match="corner between 0 and"):
        highpass(np.zeros(10), 40, corner_hz=corner_hz, poles=poles)


def test_unfit_records_are_refused() -> None:
    with pytest.raises(DataError, match="NaN or infinite"):
        highpass([0.0, np.nan], 40)
    with pytest.raises(DataError, match="one axis"):
        highpass(np.zeros((2, 5)), 40)
    with pytest.raises(DataError, match="mask has shape"):
        highpass_valid(np.zeros(5), np.ones(4, np.bool_), 40)


def test_empty_record() -> None:
    assert highpass([], 40).shape == (0,)


@pytest.mark.parametrize("rate", [40, 100, 500])
def test_bandpass_equals_direct_form(rate: int) -> None:
    records = np.random.default_rng(rate).standard_normal((3, 20 * rate)) * 1000 + 5000
    corners = (5.0, 0.4 * rate)
    b, a = butter(2, corners, btype="bandpass", fs=rate)
    found = bandpass(records, rate, corners, poles=2)
    for row, record in zip(found, records, strict=True):
        expected, _ = lfilter(b, a, record, zi=lfilter_zi(b, a) * record[0])
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-4)
        np.testing.assert_allclose(bandpass(record, rate, corners, poles=2), row, atol=1e-9)
    assert np.abs(found[:, :rate]).max() < 5000, "an offset of 5000 makes no transient"


@pytest.mark.parametrize("corners", [(0, 10), (10, 5), (5, 50), (5, 60)])
def test_a_band_that_cannot_be(corners: tuple[float, float]) -> None:
    with pytest.raises(ConfigError, match="corners that rise, between 0 and 50 Hz"):
        bandpass(np.zeros(100), 100, corners)
