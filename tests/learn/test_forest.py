"""The forest against scikit-learn, and its features."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kurtosis, skew
from sklearn.ensemble import RandomForestClassifier
from toy_windows import toy_windows

from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn import forest as forest_module
from seisflow.stages.learn.features import feature_names, window_features
from seisflow.stages.learn.forest import Forest, fit_forest, forest_features
from seisflow.stages.learn.front_end import FrontEnd, FrontEndConfig

CONFIG = FrontEndConfig(100)


@pytest.fixture(scope="module")
def forest() -> Forest:
    samples, classes = toy_windows(600, CONFIG)
    return fit_forest(samples, classes, CONFIG, n_trees=25, seed=3)


@pytest.mark.parametrize("max_depth", [None, 4, 1])
def test_probabilities_are_those_of_scikit_learn(max_depth: int | None) -> None:
    samples, classes = toy_windows(300, CONFIG)
    forest = fit_forest(samples, classes, CONFIG, n_trees=20, max_depth=max_depth, seed=3)
    features = forest_features(samples, FrontEnd(CONFIG))
    oracle = RandomForestClassifier(
        20, max_depth=max_depth, class_weight="balanced", random_state=3
    ).fit(features, classes)
    others, _ = toy_windows(400, CONFIG, seed=1)
    expected = oracle.predict_proba(forest_features(others, FrontEnd(CONFIG)))
    np.testing.assert_allclose(forest.probabilities(others), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(forest.probabilities(others, batch=7), expected, rtol=0, atol=1e-6)
    np.testing.assert_allclose(forest.importances, oracle.feature_importances_, atol=1e-6)
    assert forest.importances.shape == (len(forest.feature_names),)


def test_windows_on_a_threshold_go_where_scikit_learn_sends_them(forest: Forest) -> None:
    """Every threshold meets the number itself and its neighbours."""
    rng = np.random.default_rng(0)
    features = rng.standard_normal((200, 3)).round(1).astype(np.float32)
    classes = rng.integers(0, 3, 200)
    oracle = RandomForestClassifier(10, class_weight="balanced", random_state=0)
    oracle.fit(features, classes)
    plain = Forest(front_end=forest.front_end, **forest_module._arrays_of(oracle))
    edges = np.float32(features + np.float32(0.05))
    for values in (edges, np.nextafter(edges, np.float32(9)), np.nextafter(edges, np.float32(-9))):
        expected = oracle.predict_proba(values)
        np.testing.assert_allclose(plain.evaluate(values), expected, rtol=0, atol=1e-6)


def test_the_toy_is_learnt_and_the_seed_decides(forest: Forest) -> None:
    samples, classes = toy_windows(600, CONFIG, seed=1)
    found = forest.probabilities(samples)
    assert (found.argmax(axis=1) == classes).mean() > 0.8
    again = fit_forest(*toy_windows(600, CONFIG), CONFIG, n_trees=25, seed=3)
    np.testing.assert_array_equal(again.probabilities(samples), found)
    other = fit_forest(*toy_windows(600, CONFIG), CONFIG, n_trees=25, seed=4)
    assert np.abs(other.probabilities(samples) - found).max() > 0.01


def test_rare_classes_weigh_as_much() -> None:
    samples, classes = toy_windows(900, CONFIG)
    kept = (classes != 0) | (np.arange(900) < 60)
    forest = fit_forest(samples[kept], classes[kept], CONFIG, n_trees=20, max_depth=3)
    mean = forest.probabilities(samples).mean(axis=0)
    assert mean.min() > 0.2


@pytest.mark.parametrize("rate", [40, 100, 250, 500])
def test_features_are_named_finite_and_different(rate: int) -> None:
    config = FrontEndConfig(rate)
    samples, _ = toy_windows(60, config)
    names = feature_names(rate, 4)
    features = forest_features(samples, FrontEnd(config))
    assert len(set(names)) == len(names) == features.shape[1]
    assert np.isfinite(features).all()
    assert (np.ptp(features, axis=0) > 0).all()


def test_features_of_silence_and_of_a_single_sample_are_finite() -> None:
    windows = np.zeros((3, 400))
    windows[1, 200] = 1e-30
    windows[2] = 7.0
    assert np.isfinite(window_features(windows, 100)).all()


@settings(max_examples=20, deadline=None)
@given(scale=st.floats(1e-6, 1e6))
def test_scale_changes_no_feature(scale: float) -> None:
    windows = np.random.default_rng(0).standard_normal((4, 400))
    np.testing.assert_allclose(
        window_features(scale * windows, 100), window_features(windows, 100), rtol=1e-4, atol=1e-5
    )


def test_features_say_what_they_are_called() -> None:
    rate = 100
    time_s = np.arange(400) / rate
    rng = np.random.default_rng(0)
    tone = np.sin(2 * np.pi * 12 * time_s)
    late = np.where(time_s >= 3, 1.0, 0.01) * rng.standard_normal(400)
    noise = rng.standard_normal(400)
    windows = np.stack([tone, late, noise])
    found = window_features(windows, rate)
    column = {name: found[:, k] for k, name in enumerate(feature_names(rate, 4))}
    assert column["dominant_hz"][0] == 12
    assert column["centroid_hz"][0] == pytest.approx(12, abs=0.1)
    assert column["zero_crossings_hz"][0] == pytest.approx(24, abs=0.5)
    assert column["line_share"][0] > 0.5
    assert column["entropy"].argmin() == 0
    assert column["rms_over_peak"][0] == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert column["sta_lta_max_s"][1] == pytest.approx(3, abs=0.2)
    assert column["step_max_s"][1] == pytest.approx(3, abs=0.1)
    assert column["energy_centroid_s"][1] == pytest.approx(3.5, abs=0.1)
    assert column["energy_part_8_log"][1] > column["energy_part_1_log"][1] + 2
    expected = kurtosis(windows, axis=1), skew(windows, axis=1)
    np.testing.assert_allclose(column["kurtosis"], expected[0], rtol=1e-5)
    np.testing.assert_allclose(column["skewness"], expected[1], rtol=1e-4, atol=1e-6)


def test_features_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    samples, _ = toy_windows(50, CONFIG)
    whole = forest_features(samples, FrontEnd(CONFIG))
    sizes = []

    def counted(windows: np.ndarray, rate_hz: int) -> np.ndarray:
        sizes.append(len(windows))
        return window_features(windows, rate_hz)

    monkeypatch.setattr(forest_module, "BLOCK", 20)
    monkeypatch.setattr(forest_module, "window_features", counted)
    in_blocks = forest_features(samples, FrontEnd(CONFIG))
    assert sizes == [20, 20, 10]
    np.testing.assert_allclose(in_blocks, whole, rtol=1e-5, atol=1e-5)


def test_halo_and_band_are_those_of_the_front_end(forest: Forest) -> None:
    assert (forest.halo_samples, forest.window_samples) == (50, 400)
    samples, _ = toy_windows(3, CONFIG)
    windows = forest.front_end.filtered(torch.from_numpy(samples)).numpy()
    expected = window_features(windows, 100)
    np.testing.assert_array_equal(forest_features(samples, forest.front_end), expected)


def test_bad_input_is_refused() -> None:
    samples, classes = toy_windows(30, CONFIG)
    with pytest.raises(ConfigError, match="n_trees = 0"):
        fit_forest(samples, classes, CONFIG, n_trees=0)
    with pytest.raises(ConfigError, match="max_depth = 0"):
        fit_forest(samples, classes, CONFIG, max_depth=0)
    with pytest.raises(DataError, match=r"missing: earthquake; assemble"):
        fit_forest(samples[classes > 0], classes[classes > 0], CONFIG)
    with pytest.raises(DataError, match="of no other"):
        fit_forest(samples, classes * 2, CONFIG)
    with pytest.raises(DataError, match=r"30 windows need as many classes; found \(29,\)"):
        fit_forest(samples, classes[1:], CONFIG)
    with pytest.raises(DataError, match="rows of 500 samples"):
        fit_forest(samples[:, 1:], classes, CONFIG, n_trees=1)
    with pytest.raises(DataError, match=r"windows of 2 s or more; found .*\(2, 150\) at 100 Hz"):
        window_features(np.zeros((2, 150)), 100)
