"""One-to-one pairs: against all pairings of short lists, and at the edges."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisflow.core.grid import NS_PER_S
from seisflow.errors import ConfigError
from seisflow.stages.compare.matching import match

DAY_NS = 1_401_321_600 * NS_PER_S
times = st.lists(st.integers(0, 60), max_size=6).map(
    lambda t: np.array(t, np.int64) * NS_PER_S // 4
)


def best_by_force(found: np.ndarray, reference: np.ndarray, tolerance_ns: int) -> tuple[int, int]:
    """Return the most pairs there can be, and the least sum of residuals of so many."""
    best = (0, 0)
    for k in range(1, min(found.size, reference.size) + 1):
        sums = [
            sum(abs(int(found[i]) - int(reference[j])) for i, j in zip(some, others, strict=True))
            for some in itertools.combinations(range(found.size), k)
            for others in itertools.permutations(range(reference.size), k)
            if all(abs(found[i] - reference[j]) <= tolerance_ns for i, j in zip(some, others))  # noqa: B905
        ]
        if sums:
            best = (-k, min(sums))
    return best


@settings(max_examples=150, deadline=None)
@given(times, times.map(lambda t: t[:5]), st.sampled_from([0.0, 0.25, 1.0, 2.0, 4.0]))
def test_most_pairs_and_the_closest(
    found: np.ndarray, reference: np.ndarray, tolerance_s: float
) -> None:
    pairs = match(found + DAY_NS, reference + DAY_NS, tolerance_s)
    residual = np.abs(found[pairs[:, 0]] - reference[pairs[:, 1]])
    assert len(set(pairs[:, 0].tolist())) == len(set(pairs[:, 1].tolist())) == len(pairs)
    assert (residual <= tolerance_s * NS_PER_S).all()
    n, least = best_by_force(found, reference, round(tolerance_s * NS_PER_S))
    assert (-len(pairs), int(residual.sum())) == (n, least)


def test_greedy_would_leave_two_alone() -> None:
    found = np.array([0, 19]) * NS_PER_S // 10
    reference = np.array([18, 35]) * NS_PER_S // 10
    assert match(found, reference, 2.0).tolist() == [[0, 0], [1, 1]]


def test_the_tolerance_itself_is_allowed_and_a_nanosecond_more_is_not() -> None:
    assert match([DAY_NS], [DAY_NS + 2 * NS_PER_S], 2.0).tolist() == [[0, 0]]
    assert match([DAY_NS], [DAY_NS + 2 * NS_PER_S + 1], 2.0).tolist() == []


def test_indices_are_those_of_the_lists_given() -> None:
    seconds = np.array([50, 10, 30])
    pairs = match(seconds * NS_PER_S, np.array([31, 70, 51]) * NS_PER_S, 2.0)
    assert pairs.tolist() == [[2, 0], [0, 2]]


def test_a_long_chain_is_solved_in_one_piece() -> None:
    rng = np.random.default_rng(1)
    reference = np.cumsum(rng.integers(1, 3, 400)) * NS_PER_S
    found = rng.permutation(reference + rng.integers(-NS_PER_S // 10, NS_PER_S // 10, 400))
    pairs = match(found, reference, 2.0)
    assert len(pairs) == 400
    assert (np.abs(found[pairs[:, 0]] - reference[pairs[:, 1]]) <= NS_PER_S // 10).all()


def test_nothing_to_pair() -> None:
    for found, reference in (([], []), ([1], []), ([], [1])):
        assert match(found, reference, 2.0).shape == (0, 2)


@pytest.mark.parametrize("tolerance_s", [-1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_none(tolerance_s: float) -> None:
    with pytest.raises(ConfigError, match="give 0 or more seconds"):
        match([1], [1], tolerance_s)
