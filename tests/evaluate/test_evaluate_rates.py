"""Intervals, ROC, the operating point and recall by band: SciPy, scikit-learn, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn import metrics as oracle

from seisflow.stages.evaluate.rates import (
    SNR_EDGES,
    binomial_interval,
    operating_point,
    recall_by_band,
    roc_of,
)


@pytest.mark.parametrize("n", [1, 2, 17, 400])
def test_intervals_are_those_of_scipy(n: int) -> None:
    found = np.unique([0, n // 3, n // 2, n])
    low, high = binomial_interval(found, np.full(found.shape, n))
    for k, count in enumerate(found):
        expected = binomtest(int(count), n).proportion_ci(0.95, method="exact")
        assert (low[k], high[k]) == pytest.approx((expected.low, expected.high))


def test_an_interval_of_nothing_is_nan() -> None:
    assert np.isnan(binomial_interval(0, 0)).all()
    low, high = binomial_interval(0, 3000)
    assert low == 0
    assert high == pytest.approx(3.69 / 3000, rel=0.01)


def scores(seed: int, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    is_quake = rng.random(n) < 0.3
    # rounded: many are equal, within the noise and between the two
    return is_quake, np.round(rng.beta(2, 2, n) * 0.7 + 0.3 * is_quake, 2).astype(np.float32)


@pytest.mark.parametrize("seed", range(3))
def test_the_roc_is_that_of_scikit_learn(seed: int) -> None:
    is_quake, probability = scores(seed)
    found = roc_of(is_quake, probability)
    assert found.area == pytest.approx(oracle.roc_auc_score(is_quake, probability))
    for k in range(1, found.threshold.size):
        above = probability >= found.threshold[k]
        assert found.false_positive_rate[k] == pytest.approx(above[~is_quake].mean())
        assert found.true_positive_rate[k] == pytest.approx(above[is_quake].mean())


@pytest.mark.parametrize("value", [True, False])
def test_there_is_no_roc_of_one_kind(value: bool) -> None:
    found = roc_of(np.full(5, value), np.linspace(0, 1, 5))
    assert found.threshold.size == 0
    assert np.isnan(found.area)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 10_000), st.floats(1e-4, 0.999))
def test_the_threshold_is_the_smallest_that_keeps_to_the_rate(seed: int, rate: float) -> None:
    is_quake, probability = scores(seed, 80)
    if is_quake.all():
        return
    point = operating_point(is_quake, probability, rate)
    noise = probability[~is_quake]
    assert point.n_false == int((noise >= point.threshold).sum())
    assert point.n_false <= rate * noise.size + 1e-6
    lower = np.unique(noise[noise < point.threshold])
    if lower.size:  # any value of the noise below would be one or more too many
        assert (noise >= lower[-1]).sum() > rate * noise.size - 1e-6
    assert point.n_found == int((probability[is_quake] >= point.threshold).sum())


def test_an_operating_point_counted_by_hand() -> None:
    noise = np.arange(2000) / 2000
    quakes = np.array([0.9, 0.998, 0.9985, 0.9999])
    is_quake = np.repeat([False, True], [2000, 4])
    point = operating_point(is_quake, np.concatenate([noise, quakes]), 0.0015)
    assert point.n_allowed == 3
    assert noise[1996] < point.threshold < noise[1997]
    assert (point.n_false, point.rate) == (3, 0.0015)
    assert (point.n_found, point.n_earthquakes, point.recall) == (2, 4, 0.5)
    assert point.smallest_rate == 0.0005
    assert point.is_shown
    expected = binomtest(2, 4).proportion_ci(0.95, method="exact")
    assert point.recall_interval == pytest.approx((expected.low, expected.high))
    expected = binomtest(3, 2000).proportion_ci(0.95, method="exact")
    assert point.rate_interval == pytest.approx((expected.low, expected.high))


def test_a_rate_is_a_decimal_number() -> None:
    assert 0.29 * 100 < 29  # in binary
    point = operating_point(np.zeros(100, bool), np.linspace(0, 1, 100), 0.29)
    assert (point.n_allowed, point.n_false) == (29, 29)


def test_too_little_noise_cannot_show_the_rate_and_allows_none() -> None:
    is_quake = np.repeat([False, True], [100, 2])
    probability = np.append(np.linspace(0, 0.8, 100), [0.5, 0.9]).astype(np.float32)
    point = operating_point(is_quake, probability, 0.0015)
    assert not point.is_shown
    assert point.smallest_rate == 0.01
    assert (point.n_allowed, point.n_false, point.n_found) == (0, 0, 1)
    assert point.threshold > np.float32(0.8)
    assert point.rate_interval[1] > 0.03


def test_noise_that_is_surely_an_earthquake_leaves_no_earthquake() -> None:
    is_quake = np.array([False, False, True])
    point = operating_point(is_quake, np.ones(3, np.float32), 0.4)
    assert point.threshold > 1
    assert (point.n_false, point.n_found) == (0, 0)


def test_without_noise_there_is_no_threshold() -> None:
    point = operating_point(np.ones(3, bool), np.ones(3), 0.1)
    assert np.isnan([point.threshold, point.rate, point.smallest_rate]).all()
    assert point.n_found == 0


def test_without_earthquakes_there_is_no_recall() -> None:
    point = operating_point(np.zeros(3, bool), np.linspace(0, 1, 3), 0.5)
    assert np.isnan(point.recall)
    assert np.isnan(point.recall_interval).all()


def test_bands_are_half_open_and_every_earthquake_is_in_one_or_unknown() -> None:
    values = np.array([0.5, 1.5, 1.99, 2.0, 49.0, 50.0, np.inf, np.nan, -1.0])
    given_ = np.array([0, 1, 0, 1, 1, 1, 1, 1, 0], bool)
    above = np.array([0, 0, 0, 1, 0, 1, 0, 1, 0], bool)
    found = recall_by_band(values, given_, above, SNR_EDGES)
    assert found.n.tolist() == [2, 2, 1, 0, 0, 0, 0, 1, 2]
    assert found.n_given.tolist() == [0, 1, 1, 0, 0, 0, 0, 1, 2]
    assert found.n_above.tolist() == [0, 0, 1, 0, 0, 0, 0, 0, 1]
    assert found.n_unknown == 1
    assert found.recall[1] == 0.5
    assert found.recall_above[8] == 0.5
    assert np.isnan(found.recall[3])
