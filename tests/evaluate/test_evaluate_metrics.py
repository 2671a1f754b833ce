"""Scores, calibration and Brier score against scikit-learn and against counting by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as oracle

from seisflow.stages.evaluate.metrics import (
    brier_score,
    calibration_of,
    score_classes,
    score_groups,
)

TRUE = np.array([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
GIVEN = np.array([0, 0, 0, 1, 1, 1, 2, 2, 2, 0])
"""By hand: EQ 3 of 4 found and 3 of 4 right; RN 2 of 3 and 2 of 3; NRN 2 of 3 and 2 of 3."""


def random_classes(seed: int, n: int = 200) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet([0.4, 0.6, 0.5], n)
    return rng.integers(0, 3, n), probabilities, probabilities.argmax(axis=1)


def test_scores_are_those_counted_by_hand() -> None:
    scores = score_classes(TRUE, GIVEN)
    assert scores.confusion.tolist() == [[3, 1, 0], [0, 2, 1], [1, 0, 2]]
    assert scores.recall == pytest.approx([3 / 4, 2 / 3, 2 / 3])
    assert scores.precision == pytest.approx([3 / 4, 2 / 3, 2 / 3])
    assert scores.f1 == pytest.approx([3 / 4, 2 / 3, 2 / 3])
    assert scores.support.tolist() == [4, 3, 3]
    assert scores.accuracy == pytest.approx(0.7)
    assert scores.macro_f1 == pytest.approx((3 / 4 + 2 / 3 + 2 / 3) / 3)
    assert scores.weighted_f1 == pytest.approx((4 * 3 / 4 + 6 * 2 / 3) / 10)


def test_rows_are_what_it_is_and_columns_what_it_was_given() -> None:
    confusion = score_classes([0, 0, 0], [2, 2, 0]).confusion
    assert confusion[0].tolist() == [1, 0, 2]
    assert confusion[2].tolist() == [0, 0, 0]


@pytest.mark.parametrize("seed", range(5))
def test_scores_are_those_of_scikit_learn(seed: int) -> None:
    true, _, given_ = random_classes(seed)
    scores = score_classes(true, given_)
    report = oracle.classification_report(true, given_, output_dict=True)
    for k in range(3):
        found = (scores.precision[k], scores.recall[k], scores.f1[k], scores.support[k])
        row = report[str(k)]
        expected = (row["precision"], row["recall"], row["f1-score"], row["support"])
        assert found == pytest.approx(expected)
    assert scores.macro_f1 == pytest.approx(report["macro avg"]["f1-score"])
    assert scores.weighted_f1 == pytest.approx(report["weighted avg"]["f1-score"])
    assert scores.accuracy == pytest.approx(report["accuracy"])


def test_a_class_that_does_not_occur_is_nan_and_in_no_mean() -> None:
    scores = score_classes([1, 1, 2, 2], [1, 1, 2, 0])
    assert np.isnan(scores.recall[0])
    assert scores.precision[0] == 0
    assert scores.f1[0] == 0
    assert scores.macro_f1 == pytest.approx((1 + 2 / 3) / 2)
    never = score_classes([1, 1], [1, 1])
    assert np.isnan([never.precision[0], never.recall[0], never.f1[0], never.f1[2]]).all()
    assert (never.macro_f1, never.accuracy) == (1, 1)


def test_nothing_to_score_is_refused() -> None:
    with pytest.raises(ValueError, match="no wavelets to score"):
        score_classes([], [])


def test_every_station_has_the_scores_of_its_own_wavelets() -> None:
    true, _, given_ = random_classes(7)
    station = np.random.default_rng(8).choice(np.array(["B", "A", "C"], object), true.size)
    above = np.random.default_rng(9).random(true.size) < 0.3
    found = score_groups(station, true, given_, above)
    assert found.name == ("A", "B", "C")
    for k, name in enumerate(found.name):
        own = station == name
        alone = score_classes(true[own], given_[own])
        assert np.array_equal(found.confusion[k], alone.confusion)
        assert np.array_equal(found.support[k], alone.support)
        assert found.n_above[k].tolist() == [(above & own & (true == c)).sum() for c in range(3)]
        expected = above[own & (true != 0)].mean()
        assert found.false_positive_rate[k] == pytest.approx(expected)
        for measure in ("precision", "recall", "f1", "macro_f1", "accuracy"):
            assert getattr(found, measure)[k] == pytest.approx(getattr(alone, measure)), measure


def test_a_station_without_a_class_has_nan_there() -> None:
    station = np.array(["A", "A", "B"], object)
    found = score_groups(station, [1, 2, 0], [1, 2, 0], [True, False, True])
    assert found.false_positive_rate[0] == 0.5
    assert np.isnan(found.false_positive_rate[1])
    assert np.isnan(found.recall[0, 0])
    assert np.isnan(found.recall[1, 1:]).all()
    assert found.macro_f1.tolist() == [1, 1]


def test_calibration_is_that_counted_by_hand() -> None:
    # bins of a half: (0, 0.5] holds 0.2 and 0.4 of which one is so, (0.5, 1] the others, two so
    found = calibration_of([0.2, 0.4, 0.6, 0.8, 1.0], [False, True, True, False, True], 2)
    assert found.n.tolist() == [2, 3]
    assert found.confidence == pytest.approx([0.3, 0.8])
    assert found.share == pytest.approx([0.5, 2 / 3])
    assert found.error == pytest.approx((2 * 0.2 + 3 * (0.8 - 2 / 3)) / 5)


def test_bins_are_closed_above_and_zero_is_in_the_first() -> None:
    found = calibration_of([0.0, 0.25, 0.5, 0.75, 1.0], [True] * 5, 4)
    assert found.n.tolist() == [2, 1, 1, 1]


def test_empty_bins_are_nan_and_count_for_nothing() -> None:
    found = calibration_of([0.95, 0.95], [True, False])
    assert found.n.size == 15
    assert np.isnan(found.share[:-1]).all()
    assert found.error == pytest.approx(0.45)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 20))
def test_calibration_error_is_the_plain_double_sum(seed: int, n_bins: int) -> None:
    rng = np.random.default_rng(seed)
    probability, is_so = rng.random(60), rng.random(60) < 0.5
    expected = 0.0
    for k in range(n_bins):
        own = (probability > k / n_bins) & (probability <= (k + 1) / n_bins)
        if own.any():
            expected += own.mean() * abs(is_so[own].mean() - probability[own].mean())
    assert calibration_of(probability, is_so, n_bins).error == pytest.approx(expected)


def test_sure_and_right_has_no_error_and_sure_and_wrong_all() -> None:
    assert calibration_of(np.ones(9), np.ones(9, bool)).error == 0
    assert calibration_of(np.ones(9), np.zeros(9, bool)).error == 1


@pytest.mark.parametrize("seed", range(3))
def test_brier_score_is_that_of_scikit_learn(seed: int) -> None:
    true, probabilities, _ = random_classes(seed)
    expected = oracle.brier_score_loss(true, probabilities, labels=[0, 1, 2], scale_by_half=False)
    assert brier_score(true, probabilities) == pytest.approx(expected)


def test_brier_score_is_that_counted_by_hand() -> None:
    assert brier_score([0, 1], [[1, 0, 0], [0, 1, 0]]) == 0
    assert brier_score([0], [[0, 1, 0]]) == 2
    assert brier_score([2], [[0.5, 0.25, 0.25]]) == pytest.approx(0.25 + 0.0625 + 0.5625)
