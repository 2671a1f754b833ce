"""Cutting into windows, and the spectrum against the plain sum."""

import numpy as np
import pytest

from seisflow.dsp.spectra import amplitude_spectrum
from seisflow.dsp.windows import any_in_window, cut_windows
from seisflow.errors import DataError


def test_cut_keeps_every_sample_in_order() -> None:
    record = np.arange(12)
    windows = cut_windows(record, 4)
    assert windows.shape == (3, 4)
    assert np.shares_memory(windows, record)
    np.testing.assert_array_equal(windows.ravel(), record)


def test_any_in_window() -> None:
    mask = np.zeros(12, np.bool_)
    mask[[3, 8]] = True
    np.testing.assert_array_equal(any_in_window(mask, 4), [True, False, True])


@pytest.mark.parametrize("shape", [(11,), (3, 4)])
def test_records_that_are_not_whole_windows_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"windows of 4|one axis"):
        cut_windows(np.zeros(shape), 4)


@pytest.mark.parametrize("n_samples", [10, 20, 25, 40, 99, 100])
def test_spectrum_equals_the_sum(n_samples: int) -> None:
    windows = np.random.default_rng(n_samples).standard_normal((3, n_samples))
    bins = np.arange(1, n_samples // 2 + 1)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n_samples), bins) / n_samples)
    expected = np.abs(windows @ waves) * 2 / n_samples
    if n_samples % 2 == 0:
        expected[:, -1] /= 2
    found = amplitude_spectrum(windows.astype(np.float32).astype(np.float64))
    assert found.shape == (3, n_samples // 2)
    np.testing.assert_allclose(found, expected, atol=1e-6)
    np.testing.assert_allclose(amplitude_spectrum(windows), expected, atol=1e-13)


def test_sines_give_their_amplitude_at_any_bin() -> None:
    time = np.arange(50) / 50
    windows = np.stack([3 * np.cos(2 * np.pi * k * time) for k in (1, 7, 25)]) + 11
    found = amplitude_spectrum(windows)
    assert found[0, 0] == pytest.approx(3)
    assert found[1, 6] == pytest.approx(3)
    assert found[2, 24] == pytest.approx(3)
    assert np.count_nonzero(found > 1e-12) == 3
