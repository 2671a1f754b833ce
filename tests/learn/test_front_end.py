"""The front end against SciPy, and what it refuses."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import fftconvolve, freqz, stft

from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.front_end import FrontEnd, FrontEndConfig, band_taps

RATES = (40, 100, 200, 250, 500, 1000)

CONFIGS = [
    *(FrontEndConfig(rate) for rate in RATES),
    *(FrontEndConfig(rate, low_hz=None, high_hz=0.3 * rate) for rate in (40, 250)),
    FrontEndConfig(500, low_hz=5.0, high_hz=30.0),
    FrontEndConfig(100, low_hz=None),
    FrontEndConfig(500, frame_s=1.0),
    FrontEndConfig(200, window_s=2, frame_s=0.5),
]


def records(config: FrontEndConfig, n_windows: int = 3, seed: int = 0) -> np.ndarray:
    """Counts with an offset, as recorded."""
    rng = np.random.default_rng(seed)
    walk = rng.standard_normal((n_windows, config.input_samples)).cumsum(axis=1)
    return walk * 100 + 5000.0


def scipy_filtered(samples: np.ndarray, config: FrontEndConfig) -> np.ndarray:
    taps = band_taps(config)
    passed = np.stack([fftconvolve(row, taps, mode="valid") for row in samples])
    return passed / np.abs(passed).max(axis=1, keepdims=True)


def scipy_spectra(windows: np.ndarray, config: FrontEndConfig) -> np.ndarray:
    _, _, spectra = stft(
        windows,
        fs=config.rate_hz,
        window="hann",
        nperseg=config.frame_samples,
        noverlap=config.frame_samples - config.hop_samples,
        nfft=config.rate_hz,
        boundary="zeros",
        padded=False,
    )
    return spectra


def assert_spectra(planes: np.ndarray, expected: np.ndarray) -> None:
    """Amplitude, the complex value, and the phase where it is no matter of rounding."""
    amplitude, phase = planes[:, 0], planes[:, 1]
    np.testing.assert_allclose(amplitude, np.abs(expected), rtol=0, atol=1e-6)
    np.testing.assert_allclose(amplitude * np.exp(1j * phase), expected, rtol=0, atol=1e-6)
    turned = np.angle(np.exp(1j * (phase - np.angle(expected))))
    assert np.abs(turned[np.abs(expected) > 1e-7]).max() < 1e-6


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_equals_scipy(config: FrontEndConfig) -> None:
    samples = records(config)
    front_end = FrontEnd(config)
    windows = front_end.filtered(torch.from_numpy(samples)).numpy()
    np.testing.assert_allclose(windows, scipy_filtered(samples, config), rtol=0, atol=1e-9)
    planes = front_end(torch.from_numpy(samples)).numpy()
    assert planes.shape[1:] == config.shape == front_end.shape
    assert config.shape == (2, config.rate_hz // 2 + 1, 10 * config.window_s + 1)
    assert_spectra(planes, scipy_spectra(scipy_filtered(samples, config), config))


def test_the_comparison_sees_the_other_convention_of_phase() -> None:
    """`torch.stft` centres a short frame within the transform; SciPy does not."""
    config = FrontEndConfig(100)
    windows = FrontEnd(config).filtered(torch.from_numpy(records(config)))
    half = config.frame_samples // 2
    spectra = torch.stft(
        torch.nn.functional.pad(windows, (50, 50)),
        n_fft=100,
        hop_length=10,
        win_length=config.frame_samples,
        window=torch.hann_window(config.frame_samples, dtype=torch.float64),
        center=False,
        return_complex=True,
    )
    centred = (spectra / half).numpy()
    planes = np.stack([np.abs(centred), np.angle(centred)], axis=1)
    expected = scipy_spectra(windows.numpy(), config)
    np.testing.assert_allclose(planes[:, 0], np.abs(expected), rtol=0, atol=1e-6)
    with pytest.raises(AssertionError):
        assert_spectra(planes, expected)
    turn = np.exp(2j * np.pi * np.arange(51) * ((100 - 20) / 2) / 100)[:, np.newaxis]
    turned = centred * turn
    assert_spectra(np.stack([np.abs(turned), np.angle(turned)], axis=1), expected)


@pytest.mark.parametrize("rate", RATES)
def test_float32_is_near_float64(rate: int) -> None:
    front_end = FrontEnd(FrontEndConfig(rate))
    samples = torch.from_numpy(np.rint(records(front_end.config) + 2e6))
    double, single = front_end(samples).numpy(), front_end(samples.float()).numpy()
    assert single.dtype == np.float32
    np.testing.assert_allclose(single[:, 0], double[:, 0], rtol=0, atol=1e-5)
    sure = double[:, 0] > 1e-3
    difference = np.angle(np.exp(1j * (single[:, 1] - double[:, 1])))[sure]
    assert np.abs(difference).max() < 1e-2


@pytest.mark.parametrize("config", CONFIGS, ids=str)
def test_the_filter_has_the_band_it_says(config: FrontEndConfig) -> None:
    taps = band_taps(config)
    assert taps.size == 2 * config.halo_samples + 1
    np.testing.assert_array_equal(taps, taps[::-1])
    if config.low_hz is not None:
        assert math.fsum(taps) == 0.0
        assert taps.sum() == 0.0
    for corner in (config.low_hz, config.high_hz):
        if corner is not None:
            _, gain = freqz(taps, worN=[corner], fs=config.rate_hz)
            assert abs(gain[0]) == pytest.approx(0.5, abs=0.02)
    middle = (config.low_hz or 0) * 2 + (config.rate_hz / 4 if config.high_hz is None else 1)
    _, gain = freqz(taps, worN=[middle], fs=config.rate_hz)
    assert abs(gain[0]) == pytest.approx(1.0, abs=0.02)


def test_offset_and_slope_do_not_pass() -> None:
    config = FrontEndConfig(100)
    samples = records(config)
    moved = samples + 1e5 + 30.0 * np.arange(config.input_samples)
    front_end = FrontEnd(config)
    same = front_end.filtered(torch.from_numpy(moved))
    np.testing.assert_allclose(same, front_end.filtered(torch.from_numpy(samples)), atol=1e-8)


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-3, 1e6), sign=st.sampled_from([1, -1]), row=st.integers(0, 2))
def test_scale_changes_nothing_and_rows_are_alone(scale: float, sign: int, row: int) -> None:
    config = FrontEndConfig(40)
    samples = torch.from_numpy(records(config))
    front_end = FrontEnd(config)
    alone = front_end.filtered(sign * scale * samples[row : row + 1])
    np.testing.assert_allclose(sign * alone[0], front_end.filtered(samples)[row], atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 1e7 / 3])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_constant_record_is_zero_and_finite(value: float, dtype: torch.dtype) -> None:
    config = FrontEndConfig(500)
    samples = torch.full((2, config.input_samples), value, dtype=dtype)
    samples[1, ::7] += 10.0
    front_end = FrontEnd(config)
    assert not front_end.filtered(samples)[0].any()
    planes = front_end(samples)
    assert not planes[0].any()
    assert planes.isfinite().all()
    assert planes[1].any()


def test_nan_stays_in_its_row() -> None:
    config = FrontEndConfig(40)
    samples = torch.from_numpy(records(config))
    expected = FrontEnd(config)(samples)
    samples[1, 5] = torch.nan
    found = FrontEnd(config)(samples)
    assert found[1].isnan().any()
    torch.testing.assert_close(found[::2], expected[::2])


def test_only_window_and_halo_matter() -> None:
    config = FrontEndConfig(100)
    record = records(config, 1)[0]
    longer = np.pad(record, 100, mode="edge")
    windows = [longer[100 + k : 100 + k + config.input_samples] for k in (0, 7)]
    first, later = FrontEnd(config).filtered(torch.tensor(np.array(windows)))
    shared = (first[7:] / later[:-7])[first[7:].abs() > 0.1]
    np.testing.assert_allclose(shared, shared[0], rtol=1e-8)


def test_autocast_does_not_reach_it() -> None:
    config = FrontEndConfig(100)
    samples = torch.from_numpy(records(config)).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = FrontEnd(config)(samples)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, FrontEnd(config)(samples), rtol=0, atol=0)


def test_it_has_no_weights_and_keeps_nothing() -> None:
    front_end = FrontEnd(FrontEndConfig(100))
    assert not list(front_end.parameters())
    assert not front_end.state_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate_hz": 125}, r"rate_hz = 125 \(must be a multiple of 10, 40 or more\)"),
        ({"rate_hz": 20}, "rate_hz = 20"),
        ({"rate_hz": 100.5}, "rate_hz"),
        ({"rate_hz": 100, "low_hz": 0.0}, r"low_hz = 0.0 \(must be above 0 and below 50.0 Hz"),
        ({"rate_hz": 100, "low_hz": 60.0}, "low_hz = 60.0"),
        ({"rate_hz": 100, "low_hz": 5.0, "high_hz": 4.0}, "high_hz = 4.0 .must be above low_hz"),
        ({"rate_hz": 100, "high_hz": 50.0}, "high_hz = 50.0"),
        ({"rate_hz": 100, "window_s": 0}, "window_s = 0"),
        ({"rate_hz": 100, "frame_s": 0.05}, "frame_s = 0.05"),
        ({"rate_hz": 250, "frame_s": 0.1}, "frame_s = 0.1 .* even number of samples"),
        ({"rate_hz": 100, "frame_s": 1.2}, "frame_s = 1.2"),
        ({"rate_hz": 100, "frame_s": math.nan}, "frame_s = nan"),
        ({"rate_hz": 100, "low_hz": math.inf}, "low_hz = inf"),
    ],
)
def test_numbers_that_cannot_be_used_are_refused(options: dict[str, float], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        FrontEndConfig(**options)


def test_all_bad_numbers_are_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"low_hz = -1\.0 .*; window_s = 0 "):
        FrontEndConfig(100, low_hz=-1.0, window_s=0)


def test_numbers_of_other_kinds_are_the_same_configuration() -> None:
    assert FrontEndConfig(np.int64(100), low_hz=2) == FrontEndConfig(100)
    assert repr(FrontEndConfig(np.int64(100), low_hz=2)) == repr(FrontEndConfig(100))


@pytest.mark.parametrize("shape", [(3, 400), (500,), (1, 3, 500), (2, 501)])
def test_rows_of_another_length_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"rows of 500 samples, 400 of a window and 50 on either"):
        FrontEnd(FrontEndConfig(100))(torch.zeros(shape))
