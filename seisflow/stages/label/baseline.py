"""The noise that scores are taken against: bands, drift, mean spectrum, and where to begin.

Noise is taken to be stationary up to a slow drift of the level of each band, which a polynomial in
time follows. Invariant: sums are taken by einsum and systems solved by `seisflow.dsp.linear`, never
by BLAS or LAPACK, so that no digit depends on threads or on the processor.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.dsp.linear import filtered, solved
from seisflow.stages.label.parameters import CalibratedParameters

__all__ = [
    "Bands",
    "Baseline",
    "first_noise",
    "fit_baseline",
    "follow",
    "make_bands",
    "prewhitened",
    "slow_basis",
]

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

QUANTILE_STEPS = 12
"""Reweighted least squares until a quantile regression rests; more change no digit that matters."""

SMALLEST_RESIDUAL = 0.02
"""Residuals of log power below this count as this: where the weights would grow without bound."""

SMALLEST_BLOCK = 8
"""Windows a block of time needs for a quantile."""

WHITE_PART = 1e-9
"""White noise added, in effect, before the filter is found: a dynamic range of 90 dB."""

LOUD_BEFORE = 3.0
"""A window before so many times louder is not looked back into: it would be heard in this one."""

LARGEST_SAMPLE = 1e9
"""Samples are limited to this many times the typical rms: squares stay within float32."""

LOW_DRIFT = 0.1
"""Quantile of the fitted levels of the noise that counts as low; its ends may be off."""

RIDGE = 1e-9
"""Added to the normal equations, relative to them: a gap leaves nothing undetermined."""


@dataclass(frozen=True, eq=False, slots=True)
class Bands:
    """How the bins of a spectrum are grouped.

    Parameters
    ----------
    edges : ndarray of int64, shape (n_bands + 1,)
        Bands, from edge to edge, in indices of bins.
    boxes : ndarray of int64, shape (n_boxes, 2)
        Runs of 1, 2, 4, ... adjoining bands, each half over the next, and all bands together:
        first band and the band after the last.
    """

    edges: Indices
    boxes: Indices

    @property
    def n_bins(self) -> Indices:
        """Bins of each band."""
        return np.diff(self.edges)


@dataclass(frozen=True, eq=False, slots=True)
class Baseline:
    """Power of the noise: ``spectrum[k] * gain[i, band of k]``.

    Parameters
    ----------
    spectrum : ndarray of float64, shape (n_bins,)
        Mean power of the noise, its drift taken out.
    gain : ndarray of float64, shape (n_windows, n_bands)
        Drift of each band, 1 on the geometric mean of the noise.
    """

    spectrum: Floats
    gain: Floats


def make_bands(n_bins: int, parameters: CalibratedParameters) -> Bands:
    """Divide bins into bands of equal width in octaves, none narrower than a few bins."""
    edges = [0]
    while edges[-1] < n_bins:
        wider = round((edges[-1] + 1) * 2 ** (1 / parameters.bands_per_octave)) - 1
        edges.append(max(edges[-1] + parameters.min_band_bins, wider))
    edges[-1] = n_bins
    if len(edges) > 2 and edges[-1] - edges[-2] < parameters.min_band_bins:
        edges.pop(-2)
    n_bands, width, boxes = len(edges) - 1, 1, []
    while width < n_bands:
        step = max(1, width // 2)
        boxes += [(first, first + width) for first in range(0, n_bands - width + 1, step)]
        width *= 2
    return Bands(np.array(edges), np.array([*boxes, (0, n_bands)]))


def slow_basis(seconds: Indices, parameters: CalibratedParameters) -> Floats:
    """Legendre polynomials over the time of the windows: what the noise may drift along.

    Their degree is one for every `drift_windows` of usable windows, `max_drift_degree` at most.

    Returns
    -------
    ndarray of float64, shape (n_windows, degree + 1)
    """
    degree = min(parameters.max_drift_degree, int(seconds.size / parameters.drift_windows))
    span = max(1, int(seconds[-1] - seconds[0]))
    return np.polynomial.legendre.legvander(2 * (seconds - seconds[0]) / span - 1, degree)


def first_noise(
    log_power: Floats,
    seconds: Indices,
    basis: Floats,
    bands: Bands,
    parameters: CalibratedParameters,
) -> Mask:
    """Choose the windows to begin with: around the densest place of their power.

    A low quantile of the log power of each band in each block of time is followed along `basis`,
    so that drift is no reason to be chosen or not. Of the mean over the bands of what remains the
    shortest interval that holds `dense_fraction` of the windows is found (shorth), and windows
    within `start_width` of its middle are chosen, in units of the spread below it: nothing that is
    added to noise makes a window quieter.

    Parameters
    ----------
    log_power : ndarray of float64, shape (n_windows, n_bands)
        Logarithm of the mean power in each band.
    seconds : ndarray of int64, shape (n_windows,)
        When the windows begin.
    basis : ndarray of float64, shape (n_windows, degree + 1)
        From `slow_basis`.
    bands : Bands
        From `make_bands`.
    parameters : CalibratedParameters
        The numbers of the method.

    Returns
    -------
    ndarray of bool, shape (n_windows,)
        Empty of True where the windows are all alike.
    """
    block = (seconds - seconds[0]) // int(parameters.block_windows)
    members = [np.flatnonzero(block == k) for k in range(int(block[-1]) + 1)]
    members = [m for m in members if m.size >= SMALLEST_BLOCK] or [np.arange(block.size)]
    level = parameters.quiet_quantile
    quiet = np.array([np.quantile(log_power[m], level, axis=0) for m in members])
    places = np.array([basis[m].mean(axis=0) for m in members])
    remains = log_power - _along(basis, _quantile_regression(places, quiet, level))
    mean = np.einsum("nk,k->n", remains, bands.n_bins / bands.n_bins.sum())
    ordered = np.sort(mean)
    n_dense = max(2, int(parameters.dense_fraction * mean.size))
    first = int(np.argmin(ordered[n_dense - 1 :] - ordered[: mean.size - n_dense + 1]))
    middle = np.median(ordered[first : first + n_dense])
    below = ordered[ordered < middle] - middle
    spread = np.sqrt(np.mean(np.square(below))) if below.size else 0.0
    largest = np.sqrt(1 / bands.n_bins.sum() + parameters.max_wander**2)
    chosen: Mask = np.abs(mean - middle) < parameters.start_width * min(spread, largest)
    return chosen


def _quantile_regression(places: Floats, values: Floats, level: float) -> Floats:
    """Fit `values` (n, n_bands) over `places` (n, n_terms) so that a share `level` lies below."""
    weights = np.ones_like(values)
    fitted = np.zeros((places.shape[1], values.shape[1]))
    for _ in range(QUANTILE_STEPS):
        for band in range(values.shape[1]):
            fitted[:, band] = _least_squares(places, values[:, [band]], weights[:, band])[:, 0]
        away = values - _along(places, fitted)
        weights = np.where(away > 0, level, 1 - level)
        weights /= np.maximum(np.abs(away), SMALLEST_RESIDUAL)
    return fitted


def _least_squares(basis: Floats, values: Floats, weights: Floats) -> Floats:
    """Solve the normal equations; sums by einsum, which does not depend on threads."""
    weighted = basis * weights[:, np.newaxis]
    squares = np.einsum("ni,nj->ij", weighted, basis)
    squares += RIDGE * np.trace(squares) * np.eye(len(squares))
    return solved(squares, np.einsum("ni,nk->ik", weighted, values))


def prewhitened(
    windows: Floats, seconds: Indices, noise: Mask, parameters: CalibratedParameters
) -> npt.NDArray[np.float32]:
    """Flatten the spectrum of the noise by a short filter, before windows are transformed.

    A window cut out of a record spreads the power of its strongest bins over all others. Where the
    spectrum falls by more than this, as above the corner of an anti-alias filter, weak bins would
    hold the leakage of strong ones, all of them the same one, and nothing of their own.

    Parameters
    ----------
    windows : ndarray of float64, shape (n_windows, L)
        Samples.
    seconds : ndarray of int64, shape (n_windows,)
        When the windows begin; the filter looks back into the window before where there is one.
    noise : ndarray of bool, shape (n_windows,)
        Windows that pass for noise, not empty.
    parameters : CalibratedParameters
        The numbers of the method.

    Returns
    -------
    ndarray of float32, shape (n_windows, L)
        Errors of the linear prediction from `prewhitening_order` samples before, found by least
        squares over some windows of noise (covariance method, which no window's edge biases). The
        first samples after a gap, or after a far louder window, are 0, and the others of the
        window are raised to make up for them.
    """
    n_windows, n_samples = windows.shape
    order = min(parameters.prewhitening_order, n_samples // 4)
    members = np.flatnonzero(noise)
    step = -(-members.size // parameters.prewhitening_windows)
    pieces = np.lib.stride_tricks.sliding_window_view(windows[members[::step]], order + 1, axis=1)
    lagged = pieces.reshape(-1, order + 1)
    products = np.einsum("ni,nj->ij", lagged, lagged)
    products += WHITE_PART * np.trace(products) / (order + 1) * np.eye(order + 1)
    weights = solved(products[:-1, :-1], products[:-1, -1:])[:, 0]
    taps = np.concatenate([[1.0], -weights[::-1]])
    samples = np.clip(windows.ravel(), -LARGEST_SAMPLE, LARGEST_SAMPLE).astype(np.float32)
    white = filtered(samples, taps.astype(np.float32)).reshape(n_windows, n_samples)
    rms = np.sqrt(np.mean(np.square(windows), axis=1))
    alone = np.diff(seconds, prepend=-2) != 1
    alone[1:] |= rms[:-1] > LOUD_BEFORE * rms[1:]
    white[alone, :order] = 0
    white[alone] *= np.sqrt(n_samples / (n_samples - order))
    return white


def fit_baseline(
    power: Floats,
    log_power: Floats,
    basis: Floats,
    noise: Mask,
    bands: Bands,
    parameters: CalibratedParameters,
) -> Baseline:
    """Fit drift of each band and mean spectrum to the noise.

    A level that rises by more than `max_drift` above the low ones of the noise is followed no
    further: the late coda of a great earthquake is as smooth as noise, but is none. Nor is one
    that falls, where no noise was found to say so, below all that was.

    Parameters
    ----------
    power : ndarray of float64, shape (n_windows, n_bins)
        Power of every bin, above 0.
    log_power : ndarray of float64, shape (n_windows, n_bands)
        Logarithm of its mean in each band.
    basis : ndarray of float64, shape (n_windows, degree + 1)
        From `slow_basis`.
    noise : ndarray of bool, shape (n_windows,)
        Windows that pass for noise, not empty.
    bands : Bands
        From `make_bands`.
    parameters : CalibratedParameters
        The numbers of the method.
    """
    drift = follow(log_power, basis, noise)
    highest = np.quantile(drift[noise], LOW_DRIFT, axis=0) + np.log(parameters.max_drift)
    drift = np.clip(drift, drift[noise].min(axis=0), highest)
    gain = np.exp(drift - drift[noise].mean(axis=0))
    weights = noise[:, np.newaxis] / gain / noise.sum()
    spectrum = np.empty(power.shape[1])
    for band, (low, high) in enumerate(zip(bands.edges[:-1], bands.edges[1:], strict=True)):
        spectrum[low:high] = np.einsum("n,nk->k", weights[:, band], power[:, low:high])
    return Baseline(spectrum, gain)


def follow(values: Floats, basis: Floats, noise: Mask) -> Floats:
    """Fit the slow course of the noise to columns by least squares; its values at all windows."""
    return _along(basis, _least_squares(basis, values, noise.astype(np.float64)))


def _along(basis: Floats, terms: Floats) -> Floats:
    return np.asarray(np.einsum("ni,ik->nk", basis, terms))
