"""Maximum of the normalised cross-correlation, for all pairs of windows or with some of them.

The work is done by the kernel of `seisflow.dsp.kernel.pairs`; `plain_cross_correlation` is the same
in a few lines of NumPy, to read and to compare with. The kernel uses one thread and releases the
interpreter lock. Invariant: the same windows give the same bits whoever asks.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.fft import next_fast_len

from seisflow.dsp.compiling import call, compiled
from seisflow.dsp.kernel.pairs import FloatMatrix, PairKernel, plan_transform
from seisflow.errors import ConfigError, DataError

__all__ = [
    "ExactPairs",
    "FloatMatrix",
    "checked_lag",
    "max_cross_correlation",
    "plain_cross_correlation",
    "template_cross_correlation",
]

MIRROR_TILE = 128
"""Side of the tiles in which the upper triangle is copied to the lower: both stay in cache."""

PAIRS_AT_ONCE = 256
"""Chosen pairs transformed back by one call: 3 MB at L = 1000."""


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
    max_lag = checked_lag(windows, max_lag_samples)
    n_windows = len(windows)
    cc = np.empty((n_windows, n_windows), windows.dtype)
    for columns, found in _blocks(_unit_energy(windows), max_lag, np.arange(n_windows), upper=True):
        cc[: len(found), columns] = found
    _mirror(cc)
    silent = np.logical_not(
        windows.any(axis=1)
    )  # what shares a transform with them leaves rounding errors
    cc[silent] = cc[:, silent] = 0.0
    np.fill_diagonal(cc, 1.0)
    return cc


def template_cross_correlation(
    windows: FloatMatrix,
    templates: npt.NDArray[np.int64],
    *,
    max_lag_samples: int | None = None,
) -> FloatMatrix:
    """Correlate all windows with some of them, as `max_cross_correlation` does with all.

    Parameters
    ----------
    windows : ndarray of float32 or float64, shape (n_windows, L)
        Finite samples.
    templates : ndarray of int64, shape (n_templates,)
        Indices of windows, none twice.
    max_lag_samples : int, optional
        Largest lag, 0 to L - 1; L // 2 where left out.

    Returns
    -------
    ndarray, shape (n_windows, n_templates)
        In the type of `windows`; 1 where a window meets itself, else 0 for one of zero
        energy. A float32 value may differ from that of `max_cross_correlation` in the last bits.

    Raises
    ------
    ConfigError
        The largest lag does not lie in the window.
    DataError
        `windows` is not a matrix of float32 or float64.
    """
    max_lag = checked_lag(windows, max_lag_samples)
    cc = np.empty((len(windows), len(templates)), windows.dtype)
    for columns, found in _blocks(_unit_energy(windows), max_lag, templates, upper=False):
        cc[:, columns] = found
    silent = np.logical_not(windows.any(axis=1))
    cc[silent] = cc[:, silent[templates]] = 0.0
    cc[templates, np.arange(len(templates))] = 1.0
    return cc


def plain_cross_correlation(
    windows: FloatMatrix, others: FloatMatrix, max_lag_samples: int
) -> FloatMatrix:
    """Do what the kernel does, the plain way: the oracle it is tested against.

    Parameters
    ----------
    windows, others : ndarray, shapes (n, L) and (m, L)
        Windows of unit energy.
    max_lag_samples : int
        Largest lag.

    Returns
    -------
    ndarray, shape (n, m)
        Maxima over lags, in the type of `windows`.
    """
    n_samples = windows.shape[1]
    n_fft = next_fast_len(n_samples + max_lag_samples, real=True)
    conjugate = np.fft.rfft(others, n_fft, axis=1).conj()
    best = np.empty((len(windows), len(others)), windows.dtype)
    for i, spectrum in enumerate(np.fft.rfft(windows, n_fft, axis=1)):
        lags = np.abs(np.fft.irfft(spectrum * conjugate, n_fft, axis=1))
        backward = lags[:, n_fft - max_lag_samples :].max(axis=1, initial=0.0)
        best[i] = np.maximum(lags[:, : max_lag_samples + 1].max(axis=1), backward)
    return best


def checked_lag(windows: FloatMatrix, max_lag_samples: int | None) -> int:
    """Fill in the largest lag, having looked at what was given.

    Parameters
    ----------
    windows : ndarray of float32 or float64, shape (n_windows, L)
        Samples.
    max_lag_samples : int or None
        Largest lag asked for; None for L // 2.

    Returns
    -------
    int
        The largest lag.

    Raises
    ------
    ConfigError
        It does not lie in the window.
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
    return max_lag


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
        self._spectra = np.empty((len(windows), self._n_fft // 2 + 1), np.complex128)
        for start in range(0, len(windows), PAIRS_AT_ONCE):  # all at once would be copied first
            some = slice(start, start + PAIRS_AT_ONCE)
            unit = _unit_energy(windows[some])
            np.fft.rfft(unit, self._n_fft, axis=1, out=self._spectra[some])

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
            product = np.empty((first[pairs].size, self._spectra.shape[1]), np.complex128)
            call(_cross_spectra, self._spectra, first[pairs], second[pairs], product)
            lags = np.fft.irfft(product, self._n_fft, axis=1)
            call(_largest, lags, self._max_lag, best[pairs])
        return best


@compiled()
def _cross_spectra(spectra, first, second, product):  # type: ignore[no-untyped-def]
    for pair in range(first.size):
        one, other = spectra[first[pair]], spectra[second[pair]]
        for k in range(one.size):
            a, b = one[k], other[k]
            real = a.real * b.real + a.imag * b.imag
            product[pair, k] = complex(real, a.imag * b.real - a.real * b.imag)


@compiled(no_nan=True)
def _largest(lags, max_lag, best):  # type: ignore[no-untyped-def]
    n_fft = lags.shape[1]
    for pair in range(len(lags)):
        largest = 0.0
        for lag in range(max_lag + 1):
            size = abs(lags[pair, lag])
            largest = size if size > largest else largest
        for lag in range(n_fft - max_lag, n_fft):
            size = abs(lags[pair, lag])
            largest = size if size > largest else largest
        best[pair] = largest


def _blocks(
    unit: FloatMatrix, max_lag: int, columns: npt.NDArray[np.int64], *, upper: bool
) -> Iterator[tuple[slice, FloatMatrix]]:
    """Yield blocks of columns: which they are, and their correlations with the windows.

    With `upper`, columns are all windows and a block has rows down to the diagonal only.
    """
    plan = plan_transform(unit.shape[1], max_lag, unit.dtype.name)
    if plan is None:
        yield slice(None), plain_cross_correlation(unit, unit[columns], max_lag)
        return
    kernel = PairKernel(plan, unit)
    out = np.empty((len(unit), kernel.block_size), unit.dtype)
    for start in range(0, columns.size, kernel.block_size):
        stop = min(start + kernel.block_size, columns.size)
        n_rows = stop if upper else len(unit)
        kernel.correlate(columns[start:stop], n_rows, out)
        yield slice(start, stop), out[:n_rows, : stop - start]


def _mirror(cc: FloatMatrix) -> None:
    """Copy the upper triangle to the lower, in place, tile by tile."""
    for row in range(0, len(cc), MIRROR_TILE):
        rows = slice(row, row + MIRROR_TILE)
        square = np.triu(cc[rows, rows])
        cc[rows, rows] = np.maximum(square, square.T)
        for column in range(row + MIRROR_TILE, len(cc), MIRROR_TILE):
            columns = slice(column, column + MIRROR_TILE)
            cc[columns, rows] = cc[rows, columns].T


def _unit_energy(windows: FloatMatrix) -> FloatMatrix:
    """Divide each window by its norm; a window of zero energy stays zero."""
    norms = np.sqrt(np.sum(np.square(windows, dtype=np.float64), axis=1, keepdims=True))
    norms[norms == 0.0] = 1.0
    unit = np.empty_like(windows)
    np.divide(windows, norms, out=unit, dtype=np.float64, casting="same_kind")
    return unit
