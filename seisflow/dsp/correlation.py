"""All-pairs maximum of the normalised cross-correlation.

Two exact routes: products of matrices, lag by lag, for short windows, and Fourier transforms for
long ones. Which one is taken depends on the window length alone, and no route leaves a BLAS or FFT
library a choice that depends on the number of threads, so the same windows give the same bits with
one thread and with many. Both release the interpreter lock inside the library calls.
"""

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len

from seisflow.errors import ConfigError, DataError

__all__ = ["ExactPairs", "max_cross_correlation"]

LONGEST_BY_MATRIX_PRODUCT = 125
"""Samples in a window up to which the matrix product is faster.

CPU-s for 3600 windows, matrix product / FFT, one thread of an AMD EPYC with AVX-512: float32
L = 40 0.3 / 1.9, 100 1.8 / 2.5, 150 4.2 / 3.9, 200 5.0 / 4.3; float64 100 2.9 / 4.0, 200 9 / 6.4.
"""

SINGLE_THREAD_PRODUCTS = 262_144
"""Multiplications in a matrix product up to which OpenBLAS uses one thread.

Above it the product is divided among the threads, and then the last bit of a result depends on
their number (seen with tiles of 256: float64, L = 40, one thread against two).
"""

LARGEST_TILE = 112
"""Largest tile of the matrix product, in windows: two of them and the sums stay in cache."""

TILES_AT_ONCE = 8
"""Tiles of one row of tiles multiplied by one call."""

FFT_TILE = 16
"""Windows on either side of a tile of the FFT route: 256 pairs, 1.6 MB at L = 500 in float32."""

PAIRS_AT_ONCE = 256
"""Chosen pairs transformed back by one call: 3 MB at L = 1000."""

FloatMatrix = npt.NDArray[np.float32] | npt.NDArray[np.float64]


def max_cross_correlation(
    windows: FloatMatrix, *, max_lag_samples: int | None = None
) -> FloatMatrix:
    """Maximum over lags of the absolute normalised cross-correlation, for all pairs.

    ``cc[i, j] = max_k |sum_t w[i, t + k] w[j, t]| / sqrt(E_i E_j)`` for k = -max_lag .. +max_lag,
    the sum over samples that lie in both windows and ``E_i = sum_t w[i, t]^2`` over the whole
    window, whatever the overlap. Source: METHOD section 1 step 3, after Meng, Ben-Zion & Johnson
    2019.

    Parameters
    ----------
    windows : ndarray of float32 or float64, shape (n_windows, L)
        Finite samples.
    max_lag_samples : int, optional
        Largest lag, 0 to L - 1; L // 2 where left out.

    Returns
    -------
    ndarray, shape (n_windows, n_windows)
        In the type of `windows`; symmetric, 1 on the diagonal, off the diagonal 0 for a window of
        zero energy. Windows are normalised in float64 before they are taken to that type, so
        scaling by a power of two changes no bit. Errors are below 1e-6 in float32 and 1e-14 in
        float64.

    Raises
    ------
    ConfigError
        The largest lag does not lie in the window.
    DataError
        `windows` is not a matrix of float32 or float64.
    """
    if windows.ndim != 2 or windows.dtype not in (np.float32, np.float64):
        raise DataError(
            f"windows must be a matrix of float32 or float64; found {windows.dtype} of shape "
            f"{windows.shape}"
        )
    n_samples = windows.shape[1]
    max_lag = n_samples // 2 if max_lag_samples is None else max_lag_samples
    if not 0 <= max_lag < n_samples:
        raise ConfigError(
            f"largest lag of {max_lag} samples: give 0 to {n_samples - 1} for windows of "
            f"{n_samples} samples"
        )
    by_product = n_samples <= LONGEST_BY_MATRIX_PRODUCT
    route = _by_matrix_product if by_product else _by_fft
    cc = route(_unit_energy(windows), max_lag)
    np.fill_diagonal(cc, 1.0)
    return cc


class ExactPairs:
    """Maximum cross-correlations of chosen pairs in float64, whatever the matrix was made in.

    Parameters
    ----------
    windows : ndarray of float64, shape (n_windows, L)
        Finite samples.
    max_lag_samples : int
        Largest lag, 0 to L - 1.
    """

    def __init__(self, windows: npt.NDArray[np.float64], max_lag_samples: int) -> None:
        self._max_lag = max_lag_samples
        self._n_fft = next_fast_len(windows.shape[1] + max_lag_samples, real=True)
        self._spectra = np.fft.rfft(_unit_energy(windows), self._n_fft, axis=1)

    def __call__(
        self, first: npt.NDArray[np.int64], second: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.float64]:
        """Correlate windows ``first[k]`` and ``second[k]``, as `max_cross_correlation` does.

        Returns
        -------
        ndarray of float64, shape (n_pairs,)
            Errors are below 1e-14.
        """
        best = np.empty(first.size)
        for start in range(0, first.size, PAIRS_AT_ONCE):
            pairs = slice(start, start + PAIRS_AT_ONCE)
            product = self._spectra[first[pairs]] * self._spectra[second[pairs]].conj()
            lags = np.abs(np.fft.irfft(product, self._n_fft, axis=1))
            forward = lags[:, : self._max_lag + 1].max(axis=1)
            backward = lags[:, self._n_fft - self._max_lag :].max(axis=1, initial=0.0)
            best[pairs] = np.maximum(forward, backward)
        return best


def _unit_energy(windows: FloatMatrix) -> FloatMatrix:
    """Divide each window by its norm; a window of zero energy stays zero."""
    norms = np.sqrt(np.sum(np.square(windows, dtype=np.float64), axis=1, keepdims=True))
    norms[norms == 0.0] = 1.0
    unit: FloatMatrix = np.divide(windows, norms, dtype=np.float64).astype(windows.dtype)
    return unit


def _by_matrix_product(unit: FloatMatrix, max_lag: int) -> FloatMatrix:
    """Take the lags one after the other, all pairs of a row of tiles at once.

    Lag k >= 0 of all pairs is ``unit[:, k:] @ unit[:, :L - k].T``; negative lags are those of the
    transposed pairs. The windows are filled up with zeros to whole tiles: the kernels of a BLAS
    differ at the edges of a matrix, and so all pairs meet the same one.
    """
    n_windows, n_samples = unit.shape
    side = int(np.sqrt(SINGLE_THREAD_PRODUCTS / n_samples)) // 8 * 8
    side = min(max(side, 8), LARGEST_TILE)
    n_tiles = -(-n_windows // side)
    left = np.zeros((n_tiles, side, n_samples), unit.dtype)
    left.reshape(-1, n_samples)[:n_windows] = unit
    # A copy: NumPy hands a matrix times its own transpose to another BLAS routine (syrk).
    right = left.copy()
    cc = np.empty((n_windows, n_windows), unit.dtype)
    for row in range(n_tiles):
        rows = slice(row * side, (row + 1) * side)
        for tile in range(0, n_tiles, TILES_AT_ONCE):
            best = _best_lag(left[row], right[tile : tile + TILES_AT_ONCE], max_lag)
            found = cc[rows, tile * side : (tile + TILES_AT_ONCE) * side]
            found[...] = best[: found.shape[0], : found.shape[1]]
    return _larger_of_both_halves(cc, side)


def _best_lag(left: FloatMatrix, right: FloatMatrix, max_lag: int) -> FloatMatrix:
    """Maximum over lags 0 .. max_lag of one tile (side, L) with tiles (n, side, L)."""
    n_tiles, side, n_samples = right.shape
    best = np.zeros((n_tiles, side, side), left.dtype)
    products = np.empty_like(best)
    for lag in range(max_lag + 1):
        earlier = right[:, :, : n_samples - lag].transpose(0, 2, 1)
        np.matmul(left[:, lag:], earlier, out=products)
        np.abs(products, out=products)
        np.maximum(best, products, out=best)
    return best.transpose(1, 0, 2).reshape(side, n_tiles * side)


def _larger_of_both_halves(cc: FloatMatrix, side: int) -> FloatMatrix:
    """Replace ``cc[i, j]`` and ``cc[j, i]`` by the larger one, in place, tile by tile."""
    for row in range(0, cc.shape[0], side):
        for column in range(row, cc.shape[0], side):
            upper = cc[row : row + side, column : column + side]
            lower = cc[column : column + side, row : row + side]
            larger = np.maximum(upper, lower.T)
            upper[...] = larger
            lower[...] = larger.T
    return cc


def _by_fft(unit: FloatMatrix, max_lag: int) -> FloatMatrix:
    """Transform each window once and each pair's product back, in tiles of the upper triangle.

    One window of a pair is delayed by `max_lag`, so that lag k is found at ``k + max_lag`` and
    the lags wanted are the first ``2 max_lag + 1``. A transform of L + max_lag points or more is
    exact: what wraps around falls on lags that are not wanted.
    """
    n_windows, n_samples = unit.shape
    n_fft = next_fast_len(n_samples + max_lag, real=True)
    padded = np.zeros((n_windows, n_fft), unit.dtype)
    padded[:, max_lag : max_lag + n_samples] = unit
    delayed = np.fft.rfft(padded, axis=1)
    conjugate = np.fft.rfft(unit, n_fft, axis=1).conj()
    products = np.empty((FFT_TILE, FFT_TILE, delayed.shape[1]), delayed.dtype)
    lags = np.empty((FFT_TILE, FFT_TILE, n_fft), unit.dtype)
    cc = np.zeros((n_windows, n_windows), unit.dtype)
    for row in range(0, n_windows, FFT_TILE):
        left = delayed[row : row + FFT_TILE, np.newaxis]
        for column in range(row, n_windows, FFT_TILE):
            right = conjugate[np.newaxis, column : column + FFT_TILE]
            tile = (slice(left.shape[0]), slice(right.shape[1]))
            np.multiply(left, right, out=products[tile])
            np.fft.irfft(products[tile], n_fft, axis=-1, out=lags[tile])
            wanted = lags[tile][:, :, : 2 * max_lag + 1]
            best = np.maximum(wanted.max(axis=-1), -wanted.min(axis=-1))
            cc[row : row + FFT_TILE, column : column + FFT_TILE] = best
    return _larger_of_both_halves(cc, LARGEST_TILE)
