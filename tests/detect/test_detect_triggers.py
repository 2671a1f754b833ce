"""Thresholds as a model knows them."""

import numpy as np
import pytest
from planted_array import DOCUMENT

from seisflow.errors import ConfigError
from seisflow.stages.detect.triggers import Scores, threshold_of


@pytest.mark.parametrize(
    ("rate", "expected"),
    [(0.0005, 0.9), (0.0009, 0.9), (0.001, 0.8), (0.0015, 0.8), (0.01, 0.3), (0.5, 0.3)],
)
def test_the_threshold_keeps_to_the_rate(rate: float, expected: float) -> None:
    assert threshold_of(DOCUMENT, rate) == expected


def test_a_threshold_given_goes_before_the_rate() -> None:
    assert threshold_of({}, 0.0015, 0.7) == 0.7


def test_what_a_model_cannot_know() -> None:
    with pytest.raises(ConfigError, match=r"knows no threshold .* give a --threshold"):
        threshold_of({}, 0.0015)
    with pytest.raises(ConfigError, match=r"0.0004 cannot be shown .* smallest rate is 0.0005"):
        threshold_of(DOCUMENT, 0.0004)


def test_triggers_are_usable_seconds_at_the_threshold_or_above() -> None:
    probability = np.array([[0.2, 0.5, 0.75, 0.75]], dtype=np.float32)
    usable = np.array([[True, True, True, False]])
    scores = Scores(0, probability, usable)
    assert scores.triggers(0.5, 0).tolist() == [[False, True, True, False]]
    assert scores.triggers(0.6, 0).tolist() == [[False, False, True, False]]


def test_a_threshold_near_one_is_not_rounded() -> None:
    scores = Scores(0, np.array([[0.9998]], dtype=np.float32), np.ones((1, 1), dtype=bool))
    assert scores.triggers(0.9997).all()
    assert not scores.triggers(0.9999).any()


def test_only_the_first_second_after_a_quiet_time_triggers() -> None:
    high = [0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 1]
    scores = Scores(0, np.array([high], dtype=np.float32), np.ones((1, 11), dtype=bool))
    found = [np.flatnonzero(scores.triggers(0.5, quiet)[0]).tolist() for quiet in (0, 1, 2, 3, 4)]
    assert found == [[1, 2, 5, 9, 10], [1, 5, 9], [1, 5, 9], [1, 9], [1]]
    assert not scores.triggers(0.5, 100)[0, 2:].any()
