"""The calibrated method: random noise is what the hour's own noise cannot be told from.

Ours, METHOD section 2 carried further. A null model of the noise is fitted to the hour and refined
over a few rounds; each window gets the probability that noise looks as little like noise as it
does (`p_noise`), and the classes are thresholds of it, which are rates under the null.

1. Start: the windows at the densest place of power, its slow drift taken out.
2. Each round fits to the noise so far the drift of each band, the mean spectrum and the scores of
   `seisflow.stages.label.noise_scores`; the largest score of a window is its evidence.
3. The evidence gets its distribution under the null from its own lower part (`null_probability`),
   which what is added to noise does not reach. Windows of ``p >= noise_alpha`` are the noise of
   the next round.
4. A seeded subset of the noise are templates: y is the median correlation with them, d the
   distance from the mean spectrum of the noise, as in `reference`; (ln d, y) is one more score.

Invariant: a result depends on samples, their times and the parameters (the seed among them), not
on scale, threads or tasks.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft

from seisflow.core.classes import Label, Undetermined
from seisflow.dsp.spectra import amplitude_spectrum
from seisflow.stages.label import baseline as null
from seisflow.stages.label import noise_scores
from seisflow.stages.label.parameters import CalibratedParameters
from seisflow.stages.label.rounds import density, deviations

__all__ = ["Calibrated", "Correlate", "draw_templates", "null_probability", "run_calibrated"]

POWER_FLOOR = 1e-20
"""Added to the power of every bin, of windows whose typical rms is about 1: none is 0."""

Mask = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Correlate = Callable[[Indices], npt.NDArray[np.float32] | npt.NDArray[np.float64]]
"""Correlates all windows with the templates of these indices: shape (n_windows, n_templates)."""


@dataclass(frozen=True, eq=False, slots=True)
class Calibrated:
    """Result of `run_calibrated`: arrays of the usable windows; see `HourLabels`."""

    label: npt.NDArray[np.uint8]
    deviation: Floats
    median_cc: Floats
    density: Floats
    p_noise: Floats
    mean_rn_spectrum: Floats
    n_rn: Indices
    reason: Undetermined


@dataclass(frozen=True, eq=False, slots=True)
class _Hour:
    """What is computed once of the usable windows of an hour."""

    windows: Floats
    seconds: Indices
    spectra: Floats
    transforms: npt.NDArray[np.complex64]
    power: Floats
    log_power: Floats
    bands: null.Bands
    basis: Floats


def run_calibrated(
    windows: Floats, seconds: Indices, correlate: Correlate, parameters: CalibratedParameters
) -> Calibrated:
    """Label usable windows.

    Parameters
    ----------
    windows : ndarray of float64, shape (n_windows, L)
        High-passed samples, none of zero energy.
    seconds : ndarray of int64, shape (n_windows,)
        Index of each window among all of the hour, ascending: when it begins.
    correlate : callable
        Given indices of windows, the maximum cross-correlations of all windows with these.
    parameters : CalibratedParameters
        The numbers of the method.

    Returns
    -------
    Calibrated
        Where there is no null to be fitted all labels are UNDETERMINED and features NaN.
    """
    n_rn = np.zeros(parameters.n_rounds + 1, np.int64)
    nothing = _nothing(windows, n_rn)
    if len(windows) < parameters.min_windows:
        return replace(nothing, reason=Undetermined.TOO_FEW_WINDOWS)
    exponent = int(np.rint(np.log2(np.median(np.sqrt(np.mean(np.square(windows), axis=1))))))
    hour = _measure(np.ldexp(windows, -exponent), seconds, parameters)
    noise = _first_noise(hour, parameters)
    n_rn[0] = noise.sum()
    if n_rn[0] < parameters.min_noise:
        return replace(nothing, reason=Undetermined.NO_CANDIDATES_KEPT)
    hour = _flattened(hour, noise, parameters)
    parameters = replace(parameters, null_power=parameters.null_power_for(windows.shape[1] // 2))
    for number in range(1, parameters.n_rounds):
        baseline = null.fit_baseline(
            hour.power, hour.log_power, hour.basis, noise, hour.bands, parameters
        )
        p_noise = null_probability(_scores(hour, baseline, noise, parameters), parameters)
        noise = p_noise >= parameters.noise_alpha
        if np.isnan(p_noise).any():
            return nothing
        n_rn[number] = noise.sum()
        if n_rn[number] < parameters.min_noise:
            return replace(nothing, reason=Undetermined.NO_RANDOM_NOISE)
    found = _last_round(hour, noise, correlate, parameters)
    if found is None:
        return nothing
    n_rn[-1] = np.sum(found.label == Label.RANDOM_NOISE)
    if not n_rn[-1]:
        return replace(nothing, reason=Undetermined.NO_RANDOM_NOISE)
    return replace(
        found,
        deviation=np.ldexp(found.deviation, exponent),
        mean_rn_spectrum=np.ldexp(
            hour.spectra[found.label == Label.RANDOM_NOISE].mean(axis=0), exponent
        ),
        n_rn=n_rn,
    )


def null_probability(scores: Floats, parameters: CalibratedParameters) -> Floats:
    """Chance that noise gives as large a largest score as each window does.

    The largest of many normal scores is nearly Gumbel distributed when raised to a power near 2.
    Place and width are a straight line through the order statistics of the largest scores against
    Gumbel quantiles, over those below the ``1 - null_upper`` quantile of the null, which is found
    by iteration. So what is no noise takes no part, however much there is, and neither the number
    of scores nor how they depend on one another need be known. The width of stationary noise is
    about 1.6; one beyond `max_null_width` is that of signals, and counts as this.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_windows, n_scores)
        Standard normal for noise, larger for what is not.
    parameters : CalibratedParameters
        The numbers of the method.

    Returns
    -------
    ndarray of float64, shape (n_windows,)
        Uniform between 0 and 1 for noise; NaN in all windows where there is no spread to fit.
    """
    largest = scores.max(axis=1)
    raised = np.sign(largest) * np.abs(largest) ** parameters.null_power
    ordered = np.sort(raised)
    n_kept = max(2, int(parameters.null_start * ordered.size))
    upper = 1 - parameters.null_upper
    for _ in range(parameters.n_null_steps):
        share = upper * (np.arange(n_kept) + 0.5) / n_kept
        quantile = -np.log(-np.log(share))
        away = quantile - quantile.mean()
        width = np.sum(away * ordered[:n_kept]) / np.sum(np.square(away))
        if not width > 0:
            return np.full(len(scores), np.nan)
        width = min(width, parameters.max_null_width)
        place = ordered[:n_kept].mean() - width * quantile.mean()
        edge = place - width * np.log(-np.log(upper))
        below = max(2, int(np.searchsorted(ordered, edge, side="right")))
        if below == n_kept:
            break
        n_kept = below
    with np.errstate(over="ignore", under="ignore"):
        p_noise: Floats = -np.expm1(-np.exp(-(raised - place) / width))
    return p_noise


def _measure(windows: Floats, seconds: Indices, parameters: CalibratedParameters) -> _Hour:
    """Compute what does not change from round to round, spectra as they are."""
    spectra = amplitude_spectrum(windows)
    basis = null.slow_basis(seconds, parameters)
    bands = null.make_bands(spectra.shape[1], parameters)
    power = np.square(spectra) + POWER_FLOOR
    none = np.zeros((0, 0), np.complex64)
    return _Hour(windows, seconds, spectra, none, power, _in_bands(power, bands), bands, basis)


def _flattened(hour: _Hour, noise: Mask, parameters: CalibratedParameters) -> _Hour:
    """Measure power again after the filter that flattens the spectrum of the noise."""
    white = null.prewhitened(hour.windows, hour.seconds, noise, parameters)
    transforms = rfft(white, axis=1)
    power = np.square(transforms.real[:, 1:], dtype=np.float64)
    power += np.square(transforms.imag[:, 1:], dtype=np.float64)
    power += POWER_FLOOR
    log_power = _in_bands(power, hour.bands)
    return replace(hour, transforms=transforms, power=power, log_power=log_power)


def _in_bands(power: Floats, bands: null.Bands) -> Floats:
    """Logarithm of the mean power in each band."""
    return np.log(np.add.reduceat(power, bands.edges[:-1], axis=1) / bands.n_bins)


def _first_noise(hour: _Hour, parameters: CalibratedParameters) -> Mask:
    return null.first_noise(hour.log_power, hour.seconds, hour.basis, hour.bands, parameters)


def _scores(
    hour: _Hour, baseline: null.Baseline, noise: Mask, parameters: CalibratedParameters
) -> Floats:
    """Scores of power, alone and with neighbours, shape (n_windows, n_scores)."""
    boxes = noise_scores.band_scores(hour.power, baseline, noise, hour.bands, parameters)
    lasting = [
        noise_scores.standardised(
            noise_scores.with_neighbours(boxes, hour.seconds, n_neighbours, parameters), noise
        )
        for n_neighbours in parameters.neighbours
    ]
    return np.hstack([boxes, *lasting])


def _last_round(
    hour: _Hour, noise: Mask, correlate: Correlate, parameters: CalibratedParameters
) -> Calibrated | None:
    """Measure what is shared with `reference` against the noise, and label.

    None where (ln d, y) of the noise or its scores have no spread. The mean spectrum and its count
    are left open.
    """
    baseline = null.fit_baseline(
        hour.power, hour.log_power, hour.basis, noise, hour.bands, parameters
    )
    median_cc = np.median(correlate(draw_templates(noise, parameters)), axis=1).astype(np.float64)
    level = hour.spectra / np.repeat(np.sqrt(baseline.gain), hour.bands.n_bins, axis=1)
    pair = noise_scores.pair_score(
        deviations(level, noise), median_cc, hour.basis, noise, parameters
    )
    if not np.isfinite(pair).all():
        return None
    scores = _scores(hour, baseline, noise, parameters)
    bursts = noise_scores.burst_scores(
        hour.transforms, hour.windows.shape[1], baseline, noise, hour.bands, parameters
    )
    p_noise = null_probability(np.column_stack([scores, bursts, pair]), parameters)
    if np.isnan(p_noise).any():
        return None
    rn, nrn = p_noise >= parameters.alpha_rn, p_noise <= parameters.alpha_nrn
    deviation = deviations(hour.spectra, noise)
    label = np.select([rn, nrn], [Label.RANDOM_NOISE, Label.NOT_RANDOM_NOISE], Label.MIXED)
    return replace(
        _nothing(hour.windows, np.zeros(0, np.int64)),
        label=label.astype(np.uint8),
        deviation=deviation,
        median_cc=median_cc,
        density=density(deviation, median_cc, parameters.box_fraction),
        p_noise=p_noise,
        reason=Undetermined.NONE,
    )


def draw_templates(noise: Mask, parameters: CalibratedParameters) -> Indices:
    """Draw the templates among the noise, by the seed alone: indices, ascending."""
    members = np.flatnonzero(noise)
    if members.size <= parameters.n_templates:
        return members
    random = np.random.default_rng(parameters.seed)
    return np.sort(random.choice(members, parameters.n_templates, replace=False))


def _nothing(windows: Floats, n_rn: Indices) -> Calibrated:
    """Return what is known where nothing could be fitted."""
    missing = np.full(len(windows), np.nan)
    return Calibrated(
        label=np.full(len(windows), Label.UNDETERMINED, np.uint8),
        deviation=missing,
        median_cc=missing,
        density=missing,
        p_noise=missing,
        mean_rn_spectrum=np.full(windows.shape[1] // 2, np.nan),
        n_rn=n_rn,
        reason=Undetermined.NO_SPREAD,
    )
