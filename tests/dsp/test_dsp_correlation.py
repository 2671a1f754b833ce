"""The all-pairs correlation against SciPy, the kernel against the plain route, and white noise."""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from scipy.signal import correlate

from seisflow.dsp.correlation import (
    ExactPairs,
    max_cross_correlation,
    plain_cross_correlation,
    template_cross_correlation,
)
from seisflow.dsp.kernel.pairs import LONGEST_TRANSFORM, PairKernel, Plan, plan_transform
from seisflow.errors import ConfigError, DataError

LENGTHS = (1, 2, 20, 25, 40, 50, 99, 100, 125, 200, 250, 400, 500, 1000, 2000)
TOLERANCE = {np.float32: 1e-6, np.float64: 1e-14}


def noise_windows(n_windows: int, n_samples: int) -> np.ndarray:
    """Windows of unlike size and offset, some of them alike but shifted."""
    rng = np.random.default_rng(n_samples)
    windows = rng.standard_normal((n_windows, n_samples)) * 10 ** rng.uniform(-3, 6, (n_windows, 1))
    windows[1] = np.roll(windows[0], n_samples // 4)
    windows[2] = -windows[0]
    windows[3] += 5 * np.abs(windows[3]).max()
    return windows


def pairwise(windows: np.ndarray, max_lag: int) -> np.ndarray:
    """The definition, pair by pair, in float64."""
    n_windows, n_samples = windows.shape
    cc = np.empty((n_windows, n_windows))
    wanted = slice(n_samples - 1 - max_lag, n_samples + max_lag)
    for i, a in enumerate(windows):
        for j, b in enumerate(windows):
            lags = correlate(a, b, mode="full", method="direct")[wanted]
            cc[i, j] = np.abs(lags).max() / np.sqrt(np.sum(a**2) * np.sum(b**2))
    return cc


def unit(windows: np.ndarray) -> np.ndarray:
    return windows / np.linalg.norm(windows, axis=1, keepdims=True)


@pytest.mark.parametrize("n_samples", LENGTHS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_kernel_equals_scipy(n_samples: int, dtype: type[np.floating]) -> None:
    windows = noise_windows(19, n_samples).astype(dtype)
    expected = pairwise(windows.astype(np.float64), n_samples // 2)
    found = max_cross_correlation(windows)
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("n_samples", [20, 99, 500])
def test_the_plain_route_equals_scipy(n_samples: int) -> None:
    windows = unit(noise_windows(9, n_samples))
    found = plain_cross_correlation(windows, windows[:4], n_samples // 2)
    expected = pairwise(windows, n_samples // 2)[:, :4]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("n_windows", [1, 2, 15, 16, 17, 31, 32, 33, 127, 129, 250])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_of_any_size_are_whole(n_windows: int, dtype: type[np.floating]) -> None:
    windows = unit(np.random.default_rng(n_windows).standard_normal((n_windows, 40))).astype(dtype)
    found = max_cross_correlation(windows)
    expected = plain_cross_correlation(windows, windows, 20)
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])


@pytest.mark.parametrize("n_templates", [0, 1, 16, 33, 70])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_templates_are_columns_of_the_matrix(n_templates: int, dtype: type[np.floating]) -> None:
    windows = noise_windows(70, 50).astype(dtype)
    templates = np.random.default_rng(0).permutation(70)[:n_templates]
    found = template_cross_correlation(windows, templates, max_lag_samples=9)
    expected = max_cross_correlation(windows, max_lag_samples=9)[:, templates]
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=0, atol=TOLERANCE[dtype])
    assert (found[templates, np.arange(n_templates)] == 1).all()


@pytest.mark.parametrize(
    ("max_lag", "dtype"), [(0, "float64"), (1, "float64"), (14, "float64"), (10, "float32")]
)
@pytest.mark.parametrize("radices", [(2, 3, 5), (1, 5, 6), (2, 1, 15), (6, 1, 5), (5, 16, 3)])
def test_any_plan_gives_the_same(radices: tuple[int, int, int], max_lag: int, dtype: str) -> None:
    windows = unit(noise_windows(9, 16)).astype(dtype)
    kernel = PairKernel(Plan(radices, max_lag, dtype, 4), windows)
    out = np.empty((9, kernel.block_size), dtype)
    kernel.correlate(np.arange(8), 9, out)
    expected = plain_cross_correlation(windows, windows[:8], max_lag)
    np.testing.assert_allclose(out, expected, rtol=0, atol=TOLERANCE[np.dtype(dtype).type])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("n_samples", "dtype"), [(50, "float32"), (500, "float32"), (99, "float64")]
)
def test_bits_do_not_depend_on_the_width_of_a_vector(n_samples: int, dtype: str) -> None:
    windows = unit(noise_windows(32, n_samples)).astype(dtype)
    plan = plan_transform(n_samples, n_samples // 2, dtype)
    assert plan is not None
    found = {}
    for n_lanes in (4, 8, 16):
        kernel = PairKernel(replace(plan, n_lanes=n_lanes), windows)
        out = np.empty((32, kernel.block_size), dtype)
        kernel.correlate(np.arange(8), 32, out)
        found[n_lanes] = out[:, :8].copy()
    np.testing.assert_array_equal(found[4], found[16])
    np.testing.assert_array_equal(found[8], found[16])


def test_a_window_too_long_for_the_kernel_goes_the_plain_route() -> None:
    n_samples = LONGEST_TRANSFORM
    assert plan_transform(n_samples, n_samples // 2, "float64") is None
    windows = unit(np.random.default_rng(0).standard_normal((3, n_samples)))
    expected = pairwise(windows, 100)
    found = max_cross_correlation(windows, max_lag_samples=100)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-14)
    found = template_cross_correlation(windows, np.array([2, 0]), max_lag_samples=100)
    np.testing.assert_allclose(found, expected[:, [2, 0]], rtol=0, atol=1e-14)


@pytest.mark.parametrize("max_lag", [0, 1, 7, 39])
def test_largest_lag_is_kept_to(max_lag: int) -> None:
    windows = noise_windows(7, 40)
    found = max_cross_correlation(windows, max_lag_samples=max_lag)
    np.testing.assert_allclose(found, pairwise(windows, max_lag), rtol=0, atol=1e-14)


@pytest.mark.parametrize("n_samples", [40, 500])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_matrix_is_symmetric_and_free_of_scale(n_samples: int, dtype: type[np.floating]) -> None:
    windows = noise_windows(37, n_samples).astype(dtype)
    windows[5] = 0
    found = max_cross_correlation(windows)
    np.testing.assert_array_equal(found, found.T)
    np.testing.assert_array_equal(found.diagonal(), 1)
    assert not np.delete(found[5], 5).any()
    scales = 2.0 ** np.random.default_rng(0).integers(-30, 30, (37, 1))
    np.testing.assert_array_equal(max_cross_correlation((windows * scales).astype(dtype)), found)


HASH_SCRIPT = """
import hashlib, numpy as np
from seisflow.dsp.correlation import max_cross_correlation
for n_samples in (40, 200):
    for dtype in (np.float32, np.float64):
        windows = np.random.default_rng(0).standard_normal((907, n_samples)).astype(dtype)
        print(hashlib.sha256(max_cross_correlation(windows).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_bits_do_not_depend_on_threads() -> None:
    found = {
        subprocess.run(
            [sys.executable, "-c", HASH_SCRIPT],
            env={**os.environ, "OPENBLAS_NUM_THREADS": str(n), "OMP_NUM_THREADS": str(n)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for n in (1, 2)
    }
    assert len(found) == 1


def test_bits_do_not_depend_on_the_run() -> None:
    windows = noise_windows(130, 100)
    digests = {hashlib.sha256(max_cross_correlation(windows).tobytes()).digest() for _ in range(3)}
    assert len(digests) == 1


def test_white_noise_has_the_quantiles_of_the_method_page() -> None:
    windows = np.random.default_rng(3).standard_normal((1200, 500)).astype(np.float32)
    cc = max_cross_correlation(windows)
    found = np.quantile(cc[np.triu_indices(1200, 1)], [0.001, 0.5, 0.999])
    np.testing.assert_allclose(found, [0.097, 0.127, 0.195], atol=0.0015)


@pytest.mark.parametrize("max_lag", [-1, 40])
def test_lags_beyond_the_window_are_refused(max_lag: int) -> None:
    with pytest.raises(ConfigError, match="give 0 to 39"):
        max_cross_correlation(np.ones((3, 40)), max_lag_samples=max_lag)


@pytest.mark.parametrize("windows", [np.ones(40), np.ones((3, 40), np.int32)])
def test_what_is_no_matrix_of_floats_is_refused(windows: np.ndarray) -> None:
    with pytest.raises(DataError, match="matrix of float32 or float64"):
        max_cross_correlation(windows)


@pytest.mark.parametrize("n_samples", [20, 25, 99, 500])
@pytest.mark.parametrize("max_lag", [0, 7, None])
def test_exact_pairs_equal_the_plain_route(n_samples: int, max_lag: int | None) -> None:
    windows = np.random.default_rng(n_samples).standard_normal((30, n_samples))
    largest = n_samples // 2 if max_lag is None else max_lag
    cc = plain_cross_correlation(unit(windows), unit(windows), largest)
    first, second = np.indices(cc.shape).reshape(2, -1)
    found = ExactPairs(windows, largest)(first, second)
    np.testing.assert_allclose(found, cc.ravel(), rtol=0, atol=1e-14)
