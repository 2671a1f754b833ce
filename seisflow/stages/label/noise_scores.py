"""What speaks against a window being random noise: scores that are standard normal under noise.

The power of noise in a bin is an exponential variable around its baseline; whatever is added raises
the power somewhere: in a band, in one part of the window, for one second or for many. Each score
looks in one such place and is fitted to the windows that pass for noise so far (`noise`, a mask).
Cube roots are taken of mean powers, because they are nearly Gaussian (Wilson & Hilferty 1931,
doi:10.1073/pnas.17.12.684).

Invariant: scores have no unit, and none depends on the scale of the waveform.
"""

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft
from scipy.special import gammaincc, ndtri

from seisflow.stages.label.baseline import Bands, Baseline, follow
from seisflow.stages.label.parameters import CalibratedParameters

__all__ = ["band_scores", "burst_scores", "pair_score", "standardised", "with_neighbours"]

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SMALLEST_P, LARGEST_P = 1e-300, 1 - 1e-15
"""Probabilities beyond these are these: the normal quantiles of 0 and 1 are infinite."""

SMALLEST_MEDIAN = 1e-15
"""A median chance below this counts as this."""


def band_scores(
    power: Floats,
    baseline: Baseline,
    noise: Mask,
    bands: Bands,
    parameters: CalibratedParameters,
) -> Floats:
    """Score the power of each window in each box of bands.

    Cube root of the mean over the bins of a box of power over baseline, standardised. Chance makes
    the mean of n bins fluctuate by ``1 / sqrt(n)`` of itself; what noise may fluctuate by beside
    that is limited to `max_wander`, or an hour full of signals would have them all for noise.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_boxes)
    """
    whitened = np.add.reduceat(power / baseline.spectrum, bands.edges[:-1], axis=1) / baseline.gain
    sums = np.zeros((len(power), len(bands.edges)))
    np.cumsum(whitened, axis=1, out=sums[:, 1:])
    low, high = bands.boxes.T
    n_bins = bands.edges[high] - bands.edges[low]
    roots = np.cbrt(np.maximum(sums[:, high] - sums[:, low], 0) / n_bins)
    return standardised(roots, noise, np.sqrt(1 / n_bins + parameters.max_wander**2) / 3)


def standardised(values: Floats, noise: Mask, largest_spread: float | Floats = np.inf) -> Floats:
    """Shift and scale columns so that the noise has mean 0 and standard deviation 1.

    A spread of the noise above `largest_spread` counts as this. A column in which the noise has
    no spread becomes 0: it says nothing.
    """
    known = values[noise]
    spread = known.std(axis=0)
    spread[spread <= 1e-9 * np.abs(known).max(axis=0, initial=0.0)] = np.inf
    found: Floats = values - known.mean(axis=0)
    found /= np.where(np.isfinite(spread), np.minimum(spread, largest_spread), np.inf)
    return found


def with_neighbours(
    scores: Floats, seconds: Indices, n_neighbours: int, parameters: CalibratedParameters
) -> Floats:
    """Add to each score twice the smaller one of the sums before and after it.

    What lasts raises the seconds on *both* sides, so a quiet second beside a loud one gains
    little: not the smaller one of two sums but a sum of its own, which makes it MIXED more often.
    Neighbours count up to `neighbour_limit` either way; those without data count 0.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_windows, n_scores)
        From `band_scores`.
    seconds : ndarray of int64, shape (n_windows,)
        When the windows begin, ascending.
    n_neighbours : int
        Seconds on either side.
    parameters : CalibratedParameters
        The numbers of the method.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_scores)
        Not standardised.
    """
    place = seconds - seconds[0] + n_neighbours + 1
    everywhere = np.zeros((int(place[-1]) + n_neighbours + 1, scores.shape[1]))
    limit = parameters.neighbour_limit
    everywhere[place] = np.clip(scores, -limit, limit)
    sums = np.cumsum(everywhere, axis=0)
    before = sums[place - 1] - sums[place - 1 - n_neighbours]
    after = sums[place + n_neighbours] - sums[place]
    found: Floats = scores + 2 * np.minimum(before, after)
    return found


def burst_scores(
    spectra: npt.NDArray[np.complex64],
    n_samples: int,
    baseline: Baseline,
    noise: Mask,
    bands: Bands,
    parameters: CalibratedParameters,
) -> Floats:
    """Score the loudest short piece of each window, whitened.

    Pieces of each of `burst_windows`, half over one another, of the window divided by the baseline
    in the frequency domain. The largest sum of n squares is exceeded by one piece of Gaussian noise
    with the probability p of chi-square of n degrees, by one of K pieces with ``1 - (1 - p)^K``;
    K is such that the noise has median 0.5, and the score is the normal quantile.

    Parameters
    ----------
    spectra : ndarray of complex64, shape (n_windows, n_samples // 2 + 1)
        Fourier transforms of the windows.
    n_samples : int
        Samples of a window.
    baseline, noise, bands, parameters
        As for the other scores.

    Returns
    -------
    ndarray of float64, shape (n_windows, n_lengths)
    """
    amplitude = np.repeat(1 / np.sqrt(baseline.gain), bands.n_bins, axis=1)
    amplitude /= np.sqrt(baseline.spectrum)
    whitened = spectra.copy()
    whitened[:, 0] = 0
    whitened[:, 1:] *= amplitude.astype(np.float32)
    energy = np.zeros((len(spectra), n_samples + 1))
    samples = irfft(whitened, n_samples, axis=1)
    np.cumsum(np.square(samples), axis=1, dtype=np.float64, out=energy[:, 1:])
    energy *= n_samples / energy[noise, -1].mean()
    scores = np.empty((len(spectra), len(parameters.burst_windows)))
    for column, length in enumerate(parameters.burst_windows):
        n_piece = max(1, round(length * n_samples))
        step = max(1, n_piece // 2)
        largest = (energy[:, n_piece::step] - energy[:, :-n_piece:step]).max(axis=1)
        last = energy[:, -1] - energy[:, -1 - n_piece]  # which steps may have passed over
        largest = np.maximum(largest, last)
        above_one = np.minimum(gammaincc(n_piece / 2, np.maximum(largest, 0) / 2), LARGEST_P)
        median = np.clip(np.median(above_one[noise]), SMALLEST_MEDIAN, 0.5)
        above = -np.expm1(np.log(0.5) / np.log1p(-median) * np.log1p(-above_one))
        scores[:, column] = -ndtri(np.clip(above, SMALLEST_P, LARGEST_P))
    return scores


def pair_score(
    deviation: Floats,
    median_cc: Floats,
    basis: Floats,
    noise: Mask,
    parameters: CalibratedParameters,
) -> Floats:
    """Score (ln d, y) of each window by its distance from that of the noise.

    The slow drift of both is taken out along `basis`; mean and covariance are those of the noise
    within the quantile `pair_quantile` of the distance, found `n_pair_steps` times. The squared
    distance is standardised like a mean power, so the scale of the covariance plays no part.

    Returns
    -------
    ndarray of float64, shape (n_windows,)
        NaN in all windows where the noise has no spread in one of the two.
    """
    away = np.log(np.maximum(deviation, np.finfo(np.float64).tiny))
    pair = np.column_stack([away, median_cc])
    pair -= follow(pair, basis, noise)
    kept = noise
    for _ in range(parameters.n_pair_steps):
        centred = pair - pair[kept].mean(axis=0)
        covariance = np.einsum("ni,nj->ij", centred[kept], centred[kept]) / kept.sum()
        (xx, xy), (_, yy) = covariance
        determinant = xx * yy - xy * xy
        if not min(xx, yy) > 1e-18 or not determinant > 1e-12 * (xx + yy) ** 2:
            return np.full(len(pair), np.nan)
        x, y = centred.T
        squared = np.maximum((yy * x * x - 2 * xy * x * y + xx * y * y) / determinant, 0)
        kept = noise & (squared <= np.quantile(squared[noise], parameters.pair_quantile))
    return standardised(np.cbrt(squared)[:, np.newaxis], noise)[:, 0]
