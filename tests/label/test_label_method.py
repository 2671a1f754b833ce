"""`reference` against the golden hours, its invariances and its refusals."""

from dataclasses import replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import seisflow
from seisflow.core.classes import Label, NoData, Undetermined, flag_attributes
from seisflow.errors import ConfigError, DataError
from seisflow.stages.label import method as labelling
from seisflow.stages.label.method import HourLabels, ReferenceParameters

DATA = Path(__file__).parents[1] / "data"
SHARED = Path(__file__).parents[3] / "shared" / "golden"
FEATURES = ("deviation", "median_cc", "std_cc", "density", "weighted_density")
label_windows = partial(labelling.label_windows, method="reference")
RN, MIXED, NRN = Label.RANDOM_NOISE, Label.MIXED, Label.NOT_RANDOM_NOISE

GOLDEN = [
    "synthetic_100hz",
    "ridgecrest_ci_srt_100hz",
    pytest.param("synthetic_500hz", marks=pytest.mark.slow),
    pytest.param("node_1000hz", marks=pytest.mark.slow),
]


@cache
def golden(name: str) -> dict[str, np.ndarray]:
    """One golden hour; ours lies with the tests, the others where the project shares data."""
    for folder in (DATA, SHARED):
        path = folder / f"{name}.npz"
        if path.exists():
            with np.load(path) as file:
                return dict(file)
    pytest.skip(f"golden hour {name}.npz is not at {SHARED}")


def labelled(name: str, dtype: type[np.floating]) -> HourLabels:
    hour = golden(name)
    waveform, rate_hz = hour["waveform"].astype(dtype), int(hour["sampling_rate"])
    return seisflow.label_hour(waveform, rate_hz, method="reference", filtered=True)


def noise_hour(n_windows: int = 400, rate_hz: int = 20, seed: int = 0) -> np.ndarray:
    """Noise with louder and with tonal windows, shape (n_windows, rate_hz)."""
    rng = np.random.default_rng(seed)
    windows = rng.standard_normal((n_windows, rate_hz))
    windows[::5] *= rng.uniform(2, 30, (len(windows[::5]), 1))
    windows[::7] += 8 * np.sin(2 * np.pi * 0.2 * np.arange(rate_hz))
    return windows


@pytest.mark.parametrize("name", GOLDEN)
def test_float64_reproduces_the_golden_hours(name: str) -> None:
    hour = golden(name)
    found = labelled(name, np.float64)
    np.testing.assert_array_equal(found.label, hour["label"])
    np.testing.assert_array_equal(found.n_rn, hour["n_rn_per_round"])
    for feature in FEATURES:
        np.testing.assert_allclose(getattr(found, feature), hour[feature], rtol=1e-12, atol=0)
    np.testing.assert_allclose(found.mean_rn_spectrum, hour["mean_rn_spectrum_last"], rtol=1e-12)
    assert found.reason is Undetermined.NONE


@pytest.mark.slow
@pytest.mark.parametrize("name", GOLDEN)
def test_float32_reproduces_the_golden_hours(name: str) -> None:
    """Medians are taken from float64 correlations, so no counting box loses or gains a window."""
    hour = golden(name)
    found = labelled(name, np.float32)
    assert_alike(found, hour, n_labels=0, margin=0.005)
    np.testing.assert_array_equal(found.n_rn, hour["n_rn_per_round"])
    np.testing.assert_allclose(found.median_cc, hour["median_cc"], rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found.density, hour["density"])
    np.testing.assert_allclose(found.weighted_density, hour["weighted_density"], atol=1e-6)


def assert_alike(
    found: HourLabels, hour: dict[str, np.ndarray], *, n_labels: int, margin: float
) -> None:
    """Few labels differ, all near a threshold, and none from one end to the other."""
    changed = np.flatnonzero(found.label != hour["label"])
    assert changed.size <= n_labels
    weighted = hour["weighted_density"][changed]
    assert (np.minimum(abs(weighted - 0.15), abs(weighted - 0.45)) <= margin).all()
    assert (abs(found.label[changed].astype(int) - hour["label"][changed]) == 1).all()


def test_the_comparison_can_fail() -> None:
    hour = golden("synthetic_100hz")
    found = labelled("synthetic_100hz", np.float32)
    label = found.label.copy()
    label[np.flatnonzero(label == RN)[0]] = NRN
    with pytest.raises(AssertionError):
        assert_alike(replace(found, label=label), hour, n_labels=4, margin=0.005)


def assert_same(found: HourLabels, expected: HourLabels, factor: float = 1.0) -> None:
    """Equal to the last bit, but for a scale of what is in units of the waveform."""
    np.testing.assert_array_equal(found.label, expected.label)
    np.testing.assert_array_equal(found.n_rn, expected.n_rn)
    np.testing.assert_array_equal(found.deviation, expected.deviation * factor)
    np.testing.assert_array_equal(found.mean_rn_spectrum, expected.mean_rn_spectrum * factor)
    for feature in FEATURES[1:]:
        np.testing.assert_array_equal(getattr(found, feature), getattr(expected, feature))


@settings(max_examples=10, deadline=None)
@given(exponent=st.integers(-100, 100), dtype=st.sampled_from([np.float32, np.float64]))
def test_a_power_of_two_changes_no_label(exponent: int, dtype: type[np.floating]) -> None:
    record = noise_hour().ravel().astype(dtype)
    expected = label_windows(record, 20)
    assert expected.reason is Undetermined.NONE
    assert_same(label_windows(np.ldexp(record, exponent), 20), expected, 2.0**exponent)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_permuting_windows_permutes_labels(seed: int) -> None:
    windows = noise_hour()
    order = np.random.default_rng(seed).permutation(len(windows))
    expected, found = label_windows(windows.ravel(), 20), label_windows(windows[order].ravel(), 20)
    np.testing.assert_array_equal(found.label, expected.label[order])
    np.testing.assert_allclose(found.deviation, expected.deviation[order], rtol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), junk=st.sampled_from([np.nan, np.inf, 0.0, 1e30]))
def test_invalid_windows_take_no_part(seed: int, junk: float) -> None:
    windows = noise_hour()
    expected = label_windows(windows.ravel(), 20)
    valid = np.ones(500, np.bool_)
    valid[np.random.default_rng(seed).choice(500, 100, replace=False)] = False
    mixed = np.full((500, 20), junk)
    mixed[valid] = windows
    found = label_windows(mixed.ravel(), 20, valid=valid)
    assert (found.label[~valid] == Label.NO_DATA).all()
    for feature in FEATURES:
        assert np.isnan(getattr(found, feature)[~valid]).all()
    np.testing.assert_array_equal(found.label[valid], expected.label)
    np.testing.assert_array_equal(found.weighted_density[valid], expected.weighted_density)
    np.testing.assert_array_equal(found.mean_rn_spectrum, expected.mean_rn_spectrum)


def test_windows_of_zeros_count_as_no_data() -> None:
    windows = noise_hour()
    expected = label_windows(windows.ravel(), 20)
    found = label_windows(np.concatenate([np.zeros(40), windows.ravel()]), 20)
    np.testing.assert_array_equal(found.label[:2], Label.NO_DATA)
    np.testing.assert_array_equal(found.label[2:], expected.label)


@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_every_other_type_is_correlated_in_float32(scale: float) -> None:
    record = np.round(noise_hour().ravel() * 1000)
    single = label_windows(record.astype(np.float32), 20)
    assert_same(label_windows(record.astype(np.int32), 20), single)
    assert (single.median_cc != label_windows(record, 20).median_cc).any()
    far = label_windows((record * scale).astype(np.float32), 20)
    assert np.mean(far.label != single.label) < 0.05


def test_pure_noise_shares_are_those_of_the_method_page() -> None:
    record = np.random.default_rng(6).standard_normal(3600 * 40)
    label = label_windows(record, 40).label
    assert 0.36 < np.mean(label == RN) < 0.51
    assert 0.14 < np.mean(label == NRN) < 0.24


def undetermined(found: HourLabels, reason: Undetermined) -> None:
    assert found.reason is reason
    assert (found.label == Label.UNDETERMINED).all()
    assert np.isnan(found.mean_rn_spectrum).all()


def test_too_few_windows() -> None:
    record = noise_hour(180).ravel()
    assert label_windows(record, 20).reason is not Undetermined.TOO_FEW_WINDOWS
    valid = np.ones(180, np.bool_)
    valid[:2] = False
    found = label_windows(record, 20, valid=valid)
    assert found.reason is Undetermined.TOO_FEW_WINDOWS
    assert (found.label[:2] == Label.NO_DATA).all()
    assert (found.label[2:] == Label.UNDETERMINED).all()
    assert not found.n_rn.any()
    undetermined(label_windows(np.zeros(0), 20), Undetermined.TOO_FEW_WINDOWS)
    assert (label_windows(np.zeros(400), 20).label == Label.NO_DATA).all()


def test_no_candidates_kept() -> None:
    narrow = ReferenceParameters(candidate_cc_low=1.0, candidate_cc_high=1.0)
    found = label_windows(noise_hour().ravel(), 20, parameters=narrow)
    undetermined(found, Undetermined.NO_CANDIDATES_KEPT)
    assert np.isnan(found.density).all()


def test_no_random_noise() -> None:
    peak_only = ReferenceParameters(first_rn_density=1.0)
    found = label_windows(noise_hour(seed=1).ravel(), 20, parameters=peak_only)
    undetermined(found, Undetermined.NO_RANDOM_NOISE)
    assert found.n_rn[1] < 3
    assert np.isfinite(found.density).all()
    assert np.isnan(found.weighted_density).all()


def test_no_not_random_noise() -> None:
    wide = ReferenceParameters(box_fraction=100)
    found = label_windows(noise_hour().ravel(), 20, parameters=wide)
    undetermined(found, Undetermined.NO_NOT_RANDOM_NOISE)


def test_no_spread() -> None:
    rng = np.random.default_rng(7)
    quiet, loud = rng.standard_normal(20), rng.standard_normal(20) * 100
    windows = np.concatenate([np.tile(quiet, (380, 1)), np.tile(loud, (20, 1))])
    undetermined(label_windows(windows.ravel(), 20), Undetermined.NO_SPREAD)


@pytest.mark.parametrize("rate", [9, 0, -40, 40.5, np.nan, np.inf])
def test_rates_that_do_not_suit_are_refused(rate: float) -> None:
    with pytest.raises(ConfigError, match="whole number of at least 10"):
        label_windows(noise_hour().ravel(), rate)


def test_windows_of_a_broken_number_of_samples_are_refused() -> None:
    with pytest.raises(ConfigError, match="a window a whole number of samples"):
        label_windows(noise_hour().ravel(), 25, parameters=ReferenceParameters(window_s=0.5))


def test_unknown_methods_are_refused() -> None:
    with pytest.raises(ConfigError, match="'calibratd'; known: reference, calibrated"):
        label_windows(noise_hour().ravel(), 20, method="calibratd")


@pytest.mark.parametrize(
    ("waveform", "message"),
    [
        (np.zeros((400, 20)), "one axis"),
        (np.zeros(8001), "not a whole number of windows"),
        (np.zeros(8000, np.complex128), "real numbers"),
        (np.full(8000, np.nan), "400 valid windows, the first at index 0"),
        (np.full(8000, 1e200), "overflowing"),
    ],
)
def test_unfit_waveforms_are_refused(waveform: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        label_windows(waveform, 20)


def test_one_sample_that_is_not_finite_is_refused() -> None:
    record = noise_hour().ravel()
    record[333] = np.inf
    with pytest.raises(DataError, match="1 valid windows, the first at index 16"):
        label_windows(record, 20)


@pytest.mark.parametrize("valid", [np.ones(399, np.bool_), np.ones(400, np.uint8)])
def test_masks_that_do_not_fit_are_refused(valid: np.ndarray) -> None:
    with pytest.raises(DataError, match="one bool for each of 400 windows"):
        label_windows(noise_hour().ravel(), 20, valid=valid)


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_s": 0},
        {"box_fraction": -1},
        {"warm_up_s": float("nan")},
        {"max_lag_fraction": 1},
        {"candidate_fraction": 1.5},
        {"candidate_cc_low": 1.2},
        {"min_candidates": 2},
        {"min_set_windows": 2},
        {"first_rn_density": 0.1},
        {"first_rn_density": 1.1},
        {"rn_weighted_density": 0.15},
        {"rn_weighted_density": 1.1},
    ],
)
def test_impossible_parameters_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="candidate_cc_high|" + next(iter(wrong))):
        ReferenceParameters(**wrong)


def test_all_impossible_parameters_are_named_at_once() -> None:
    with pytest.raises(ConfigError, match=r"window_s = 0 .*box_fraction = -1 .*min_candidates = 1"):
        ReferenceParameters(window_s=0, box_fraction=-1, min_candidates=1)


def test_codes_as_the_conventions_want_them() -> None:
    assert flag_attributes(Label) == {
        "flag_values": [0, 1, 2, 252, 253, 254, 255],
        "flag_meanings": (
            "random_noise mixed not_random_noise undetermined no_data failed not_run"
        ),
    }
    assert flag_attributes(NoData)["flag_values"] == [0, 1, 2, 3, 255]
    for codes in (Label, Undetermined, NoData):
        attributes = flag_attributes(codes)
        assert len(str(attributes["flag_meanings"]).split()) == len(attributes["flag_values"])
        assert codes["NOT_RUN"] == 255
