"""Small systems of equations and short filters that give the same bits on every processor.

BLAS and LAPACK choose their kernels, and with them the order of sums, by the processor; what is
here adds in one order everywhere.
"""

import numpy as np
import numpy.typing as npt

from seisflow.dsp.compiling import call, compiled

__all__ = ["filtered", "solved"]

BLOCK_SAMPLES = 4096
"""Samples filtered at once: they stay in the cache while the taps go over them."""


def solved(
    matrix: npt.NDArray[np.float64], right: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Solve a symmetric positive definite system by Cholesky's factors.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n)
        Symmetric and positive definite, else the result is NaN.
    right : ndarray of float64, shape (n, m)
        Right-hand sides.

    Returns
    -------
    ndarray of float64, shape (n, m)
        The x of ``matrix @ x = right``.
    """
    solution = right.copy()
    call(_solve, matrix.copy(), solution)
    return solution


def filtered(
    samples: npt.NDArray[np.float32], taps: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Filter causally: ``y[i] = sum_k taps[k] samples[i - k]``, samples before the first are 0.

    Parameters
    ----------
    samples : ndarray of float32, shape (n,)
        Samples.
    taps : ndarray of float32, shape (n_taps,)
        Weights, that of the present sample first.

    Returns
    -------
    ndarray of float32, shape (n,)
        In the units of the samples.
    """
    result = np.zeros_like(samples)
    call(_filter, samples, taps, result)
    return result


@compiled()
def _solve(matrix, right):  # type: ignore[no-untyped-def]
    n = len(matrix)
    for j in range(n):
        for k in range(j):
            matrix[j, j] -= matrix[j, k] * matrix[j, k]
        matrix[j, j] = np.sqrt(matrix[j, j])
        for i in range(j + 1, n):
            for k in range(j):
                matrix[i, j] -= matrix[i, k] * matrix[j, k]
            matrix[i, j] /= matrix[j, j]
    for column in range(right.shape[1]):
        for i in range(n):
            for k in range(i):
                right[i, column] -= matrix[i, k] * right[k, column]
            right[i, column] /= matrix[i, i]
        for i in range(n - 1, -1, -1):
            for k in range(i + 1, n):
                right[i, column] -= matrix[k, i] * right[k, column]
            right[i, column] /= matrix[i, i]


@compiled()
def _filter(samples, taps, result):  # type: ignore[no-untyped-def]
    for start in range(0, samples.size, BLOCK_SAMPLES):
        stop = min(start + BLOCK_SAMPLES, samples.size)
        for k in range(taps.size):
            for i in range(max(start, k), stop):
                result[i] += taps[k] * samples[i - k]
