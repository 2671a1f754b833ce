"""The steps of a round, each against its definition written out window by window."""

import numpy as np
import pytest

from seisflow.dsp.correlation import ExactPairs, max_cross_correlation
from seisflow.dsp.kernel.medians import find_middle, middle_two
from seisflow.stages.label.parameters import ReferenceParameters
from seisflow.stages.label.rounds import (
    density,
    deviations,
    refine_medians,
    select_candidates,
    std_to_set,
)

N_WINDOWS = 150


@pytest.fixture
def cc() -> np.ndarray:
    rng = np.random.default_rng(8)
    matrix = rng.uniform(0.1, 0.4, (N_WINDOWS, N_WINDOWS))
    matrix = np.maximum(matrix, matrix.T)
    np.fill_diagonal(matrix, 1)
    return matrix


def members(n_members: int) -> np.ndarray:
    chosen = np.zeros(N_WINDOWS, np.bool_)
    chosen[np.random.default_rng(n_members).choice(N_WINDOWS, n_members, replace=False)] = True
    return chosen


def median_to_set(matrix: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    lower, upper = middle_two(matrix, np.flatnonzero(chosen))
    return (lower + upper) / 2


@pytest.mark.parametrize("n_members", [1, 2, 3, 40, 41, N_WINDOWS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_median_to_set(cc: np.ndarray, n_members: int, dtype: type[np.floating]) -> None:
    chosen, matrix = members(n_members), cc.astype(dtype)
    expected = np.median(matrix.astype(np.float64)[:, chosen], axis=1)
    np.testing.assert_array_equal(median_to_set(matrix, chosen), expected)


@pytest.mark.parametrize("n_members", [1, 2, 3, 40, 41, 300])
def test_medians_of_a_float32_matrix_are_refined_to_float64(n_members: int) -> None:
    rng = np.random.default_rng(n_members)
    windows = rng.standard_normal((300, 24))
    windows[7] = windows[5]  # the same correlations twice: ties next to a median
    exact = max_cross_correlation(windows)
    rough = exact.astype(np.float32) + rng.uniform(-2e-7, 2e-7, exact.shape).astype(np.float32)
    chosen = np.zeros(300, np.bool_)
    chosen[rng.choice(300, n_members, replace=False)] = True
    expected = np.median(exact[:, chosen], axis=1)
    which = rng.random(300) < 0.7
    middle = find_middle(rough, np.flatnonzero(chosen), 1e-6, 64)
    found = refine_medians(middle, which, n_members, ExactPairs(windows, 12))
    np.testing.assert_allclose(found[which], expected[which], rtol=1e-13)
    np.testing.assert_array_equal(found[~which], median_to_set(rough, chosen)[~which])
    assert np.abs(median_to_set(rough, chosen) - expected).max() > 1e-9


def test_medians_among_copies_of_one_waveform_are_left_as_they_are() -> None:
    windows = np.tile(np.random.default_rng(1).standard_normal(24), (100, 1))
    matrix = np.ones((100, 100), np.float32)
    everyone = np.ones(100, np.bool_)
    middle = find_middle(matrix, np.arange(100), 1e-6, 64)
    found = refine_medians(middle, everyone, 100, ExactPairs(windows, 12))
    np.testing.assert_array_equal(found, 1.0)


@pytest.mark.parametrize("n_members", [3, 4, 41, N_WINDOWS])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_std_to_set(cc: np.ndarray, n_members: int, dtype: type[np.floating]) -> None:
    chosen, matrix = members(n_members), cc.astype(dtype)
    expected = [np.std(np.sort(row[chosen].astype(np.float64))[:-1], ddof=1) for row in matrix]
    np.testing.assert_allclose(std_to_set(matrix, chosen), expected, rtol=1e-12)


def test_std_drops_one_of_two_equal_largest() -> None:
    matrix = np.array([[1.0, 1.0, 0.5, 0.3]])
    found = std_to_set(matrix, np.ones(4, np.bool_))
    np.testing.assert_allclose(found, np.std([1.0, 0.5, 0.3], ddof=1), rtol=1e-14)


def test_density_counts_neighbours_edges_included() -> None:
    d = np.array([-4.0, -4.0, 0.0, 4.0, 4.0])
    y = np.array([-4.0, 4.0, 0.0, -4.0, 4.0])
    assert np.std(d, ddof=1) == np.std(y, ddof=1) == 4.0
    np.testing.assert_array_equal(density(d, y, 1.0), np.array([2, 2, 5, 2, 2]) / 5)
    np.testing.assert_array_equal(density(d, y, 0.999), np.ones(5))


def test_density_in_blocks_equals_the_plain_count() -> None:
    rng = np.random.default_rng(9)
    d, y = rng.lognormal(size=300), rng.normal(size=300)
    near = np.abs(d[:, None] - d) <= np.std(d, ddof=1) / 5
    near &= np.abs(y[:, None] - y) <= np.std(y, ddof=1) / 5
    count = near.sum(axis=1)
    np.testing.assert_array_equal(density(d, y, 0.2), count / count.max())


def test_deviations() -> None:
    spectra = np.random.default_rng(10).uniform(size=(N_WINDOWS, 7))
    chosen = members(20)
    mean = spectra[chosen].mean(axis=0)
    expected = [np.linalg.norm(row - mean) for row in spectra]
    np.testing.assert_allclose(deviations(spectra, chosen), expected, rtol=1e-13)


def test_candidates_by_the_definition(cc: np.ndarray) -> None:
    windows = np.random.default_rng(11).standard_normal((N_WINDOWS, 20))
    parameters = ReferenceParameters(candidate_fraction=0.4)
    rms = np.sqrt(np.mean(windows**2, axis=1))
    quiet = np.argsort(rms, kind="stable")[:60]
    typical = np.median(cc[np.ix_(quiet, quiet)])
    others = {i: cc[i, [j for j in quiet if j != i]] for i in quiet}
    typical_variance = np.median([np.var(values, ddof=1) for values in others.values()])
    expected = [
        i
        for i, values in sorted(others.items())
        if np.var(values, ddof=1) <= 1.1 * typical_variance
        and 0.9 * typical <= np.median(values) <= 1.1 * typical
    ]
    found = select_candidates(windows, cc, parameters)
    assert 0 < len(expected) < 60
    np.testing.assert_array_equal(np.flatnonzero(found), expected)


def test_candidates_are_rounded_to_a_whole_number() -> None:
    parameters = ReferenceParameters()
    assert [parameters.n_candidates(n) for n in (3600, 3599, 180, 178, 0)] == [
        1000,
        1000,
        50,
        49,
        0,
    ]
