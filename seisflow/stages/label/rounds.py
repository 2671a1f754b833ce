"""The rounds of the reference method: who is random noise, asked again and again.

Everything here works on the usable windows of one hour and its matrix of correlations, as
`seisflow.dsp.correlation` makes it. Steps are those of METHOD section 1, after Meng, Ben-Zion &
Johnson 2019, GJI 219(3), 1463-1473; each function names its own.

Invariant: sums, medians and standard deviations are taken in float64 and none goes through BLAS,
so that results depend neither on threads nor on blocks.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Label, Undetermined
from seisflow.dsp.correlation import ExactPairs, FloatMatrix
from seisflow.dsp.kernel.medians import Middle, find_middle, middle_two
from seisflow.dsp.neighbours import count_neighbours, near_an_edge
from seisflow.dsp.spectra import amplitude_spectrum
from seisflow.stages.label.parameters import ReferenceParameters

__all__ = [
    "Features",
    "Rounds",
    "density",
    "deviations",
    "refine_medians",
    "run_rounds",
    "select_candidates",
    "std_to_set",
]

BLOCK_ROWS = 128
"""Rows taken at once: 3.7 MB of float64 for an hour of 3600 windows."""

ROUNDING_UNITS = 8
"""A spread of correlations up to so many units of their rounding is none."""

SINGLE_ERROR = 1e-6
"""Correlations in float32 nearer than this are not told apart: five times the largest error."""

EDGE_ERROR = 5e-7
"""Windows whose medians differ by half a side of the counting box to within this have theirs taken
again from float64: twice the largest error of a difference. So many windows lie at an edge that
without it an error of 1e-8 moves labels."""

MOST_REFINED = 64
"""Most such pairs of one window."""

Mask = npt.NDArray[np.bool_]
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class Features:
    """What a round measures on every window: float64 arrays of shape (n_windows,)."""

    deviation: Vector
    median_cc: Vector
    std_cc: Vector
    density: Vector
    weighted_density: Vector


@dataclass(frozen=True, eq=False, slots=True)
class Rounds:
    """Result of all rounds: labels and last features of the usable windows; see `HourLabels`."""

    label: npt.NDArray[np.uint8]
    features: Features
    mean_rn_spectrum: Vector
    n_rn: npt.NDArray[np.int64]
    reason: Undetermined


def run_rounds(
    windows: npt.NDArray[np.float64], cc: FloatMatrix, parameters: ReferenceParameters
) -> Rounds:
    """Label usable windows: candidates, round 1, then rounds on the weighted density.

    Parameters
    ----------
    windows : ndarray of float64, shape (n_windows, L)
        High-passed samples, none of zero energy.
    cc : ndarray of float, shape (n_windows, n_windows)
        Their `max_cross_correlation`.
    parameters : ReferenceParameters
        The numbers of the method.

    Returns
    -------
    Rounds
        Where a round left too little to go on, all labels are UNDETERMINED, features are those
        of the last complete round (NaN before it), and counts of the rounds not reached are 0.
    """
    spectra = amplitude_spectrum(windows)
    max_lag = parameters.max_lag_samples(windows.shape[1])
    exact = ExactPairs(windows, max_lag) if cc.dtype == np.float32 else None
    rn = select_candidates(windows, cc, parameters)
    nrn = np.zeros_like(rn)
    n_rn = np.zeros(parameters.n_rounds + 1, np.int64)
    n_rn[0] = rn.sum()
    features = _not_computed(len(windows))
    for number in range(1, parameters.n_rounds + 1):
        reason = _why_stop(number, rn, nrn, parameters)
        if reason is not Undetermined.NONE:
            break
        features = _measure(number, spectra, cc, rn, nrn, parameters, exact)
        if number > 1 and not np.isfinite(features.weighted_density).all():
            reason = Undetermined.NO_SPREAD
            break
        rn, nrn = _thresholds(number, features, parameters)
        n_rn[number] = rn.sum()
    label = np.full(len(windows), Label.UNDETERMINED, np.uint8)
    spectrum = np.full(spectra.shape[1], np.nan)
    if reason is Undetermined.NONE:
        label[:] = np.select([rn, nrn], [Label.RANDOM_NOISE, Label.NOT_RANDOM_NOISE], Label.MIXED)
        spectrum = spectra[rn].mean(axis=0)
    return Rounds(label, features, spectrum, n_rn, reason)


def select_candidates(
    windows: npt.NDArray[np.float64], cc: FloatMatrix, parameters: ReferenceParameters
) -> Mask:
    """Choose the first set of random noise among the quietest windows (step 5).

    Of the ``round(candidate_fraction * n)`` windows of lowest rms (the earlier one first where
    equal), i is kept if ``v_i <= 1.1 median(v)`` and ``0.9 T <= m_i <= 1.1 T``: v_i and m_i are
    the variance (n - 1) and the median of cc between i and the *other* candidates, T the median
    of *all* entries of the candidates' matrix, diagonal included.

    Parameters
    ----------
    windows : ndarray of float64, shape (n_windows, L)
        High-passed samples.
    cc : ndarray of float, shape (n_windows, n_windows)
        Their correlations.
    parameters : ReferenceParameters
        The numbers of the method; at least 2 candidates must come out of them.

    Returns
    -------
    ndarray of bool, shape (n_windows,)
        The first set of random noise; may be empty.
    """
    mean_square = np.mean(np.square(windows), axis=1)
    n_candidates = parameters.n_candidates(len(windows))
    candidates = np.argsort(mean_square, kind="stable")[:n_candidates]
    among = cc[np.ix_(candidates, candidates)]
    others = among[~np.eye(n_candidates, dtype=np.bool_)].reshape(n_candidates, -1)
    everything = np.arange(among.size)
    typical = float(np.mean(middle_two(among.reshape(1, -1), everything)))
    variance = np.var(others, axis=1, ddof=1, dtype=np.float64)
    median = np.mean(middle_two(others, np.arange(n_candidates - 1)), axis=0)
    keep = variance <= parameters.candidate_variance_factor * np.median(variance)
    keep &= median >= parameters.candidate_cc_low * typical
    keep &= median <= parameters.candidate_cc_high * typical
    chosen = np.zeros(len(windows), np.bool_)
    chosen[candidates[keep]] = True
    return chosen


def deviations(spectra: Vector, rn: Mask) -> Vector:
    """Distance of each spectrum from the mean one of the set (step 6).

    ``d_i = ||A_i - A0||_2`` with A0 the mean of A over the set.

    Parameters
    ----------
    spectra : ndarray of float64, shape (n_windows, n_bins)
        Amplitude spectra.
    rn : ndarray of bool, shape (n_windows,)
        The set of random noise, not empty.

    Returns
    -------
    ndarray of float64, shape (n_windows,)
        In the units of the spectra.
    """
    apart = spectra - spectra[rn].mean(axis=0)
    distance: Vector = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    return distance


def refine_medians(middle: Middle, which: Mask, n_members: int, exact: ExactPairs) -> Vector:
    """Median of each window's correlations with a set, itself included (step 6).

    Some are taken from correlations in float64 of the pairs next to them.

    Parameters
    ----------
    middle : Middle
        The middle two of each window's correlations with the set and those near them, found in a
        matrix of float32.
    which : ndarray of bool, shape (n_windows,)
        The windows to do.
    n_members : int
        Windows in the set.
    exact : ExactPairs
        Correlates pairs in float64.

    Returns
    -------
    ndarray of float64, shape (n_windows,)
        Medians; those of `which` with errors below 1e-14.
    """
    most = middle.near.shape[1]
    rows = np.flatnonzero(which & (middle.n_near <= most))  # of copies there is nothing to refine
    n_near = middle.n_near[rows]
    owner = np.repeat(np.arange(rows.size), n_near)
    column = middle.near[rows][np.arange(most) < n_near[:, np.newaxis]]
    values = exact(rows[owner], column)
    values = values[np.lexsort((values, owner))]
    first = np.cumsum(n_near) - n_near - middle.n_below[rows]
    lower, upper = middle.lower.copy(), middle.upper.copy()
    lower[rows] = values[first + (n_members - 1) // 2]
    upper[rows] = values[first + n_members // 2]
    medians: Vector = (lower + upper) / 2
    return medians


def std_to_set(cc: FloatMatrix, members: Mask) -> Vector:
    """Spread of each window's correlations with a set, less its largest one (step 9).

    Standard deviation (n - 1) of what is left when the single largest entry is taken away, which
    for a member is its correlation of 1 with itself.

    Parameters
    ----------
    cc : ndarray of float, shape (n_windows, n_windows)
        Correlations.
    members : ndarray of bool, shape (n_windows,)
        The set, of 3 windows or more.

    Returns
    -------
    ndarray of float64, shape (n_windows,)
        Standard deviations.
    """
    columns = np.flatnonzero(members)
    spread = np.empty(len(cc))
    for start in range(0, len(cc), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        block = np.take(cc[rows], columns, axis=1).astype(np.float64)
        # The last entry takes the place of the largest one, and is left out in its stead.
        block[np.arange(len(block)), block.argmax(axis=1)] = block[:, -1]
        spread[rows] = np.std(block[:, :-1], axis=1, ddof=1)
    return spread


def density(deviation: Vector, median_cc: Vector, box_fraction: float) -> Vector:
    """Share of windows that look alike (step 7).

    Number of windows j, i included, with ``|d_j - d_i| <= box_fraction std(d)`` and
    ``|y_j - y_i| <= box_fraction std(y)``, both std with n - 1, divided by the largest number.

    Parameters
    ----------
    deviation, median_cc : ndarray of float64, shape (n_windows,)
        d and y, of 2 windows or more.
    box_fraction : float
        Half the side of the box in standard deviations.

    Returns
    -------
    ndarray of float64, shape (n_windows,)
        Above 0 and at most 1.
    """
    count = count_neighbours(deviation, median_cc, *_half_sides(deviation, median_cc, box_fraction))
    share: Vector = count / count.max()
    return share


def _half_sides(deviation: Vector, median_cc: Vector, box_fraction: float) -> tuple[float, float]:
    """Half the sides of the counting box."""
    half_d, half_y = (np.std(x, ddof=1) * box_fraction for x in (deviation, median_cc))
    return float(half_d), float(half_y)


def _measure(
    number: int,
    spectra: Vector,
    cc: FloatMatrix,
    rn: Mask,
    nrn: Mask,
    parameters: ReferenceParameters,
    exact: ExactPairs | None,
) -> Features:
    """Features of round `number`; where spreads vanish, weighted densities are not finite."""
    deviation = deviations(spectra, rn)
    members = np.flatnonzero(rn)
    middle = find_middle(cc, members, SINGLE_ERROR, 0 if exact is None else MOST_REFINED)
    median_cc = (middle.lower + middle.upper) / 2
    if exact is not None:
        sides = _half_sides(deviation, median_cc, parameters.box_fraction)
        at_edge = near_an_edge(deviation, median_cc, *sides, EDGE_ERROR)
        median_cc = refine_medians(middle, at_edge, members.size, exact)
    share = density(deviation, median_cc, parameters.box_fraction)
    if number == 1:
        missing = np.full(len(cc), np.nan)
        return Features(deviation, median_cc, missing, share, missing)
    std_cc = std_to_set(cc, nrn)
    if (std_cc <= ROUNDING_UNITS * np.finfo(cc.dtype).eps).any():
        return Features(deviation, median_cc, std_cc, share, np.full(len(cc), np.nan))
    weight = 1 / std_cc
    weighted = weight / weight.max() * share
    return Features(deviation, median_cc, std_cc, share, weighted / weighted.max())


def _thresholds(
    number: int, features: Features, parameters: ReferenceParameters
) -> tuple[Mask, Mask]:
    """Draw the sets of random and of not random noise after round `number` (steps 8, 10)."""
    share, weighted = features.density, features.weighted_density
    if number == 1:
        return share >= parameters.first_rn_density, share <= parameters.first_nrn_density
    by_share = number == 2 and parameters.second_nrn_by_density
    nrn = (share if by_share else weighted) <= parameters.nrn_weighted_density
    return weighted >= parameters.rn_weighted_density, nrn


def _why_stop(number: int, rn: Mask, nrn: Mask, parameters: ReferenceParameters) -> Undetermined:
    """Say why round `number` cannot start from these sets, or NONE."""
    if rn.sum() < parameters.min_set_windows:
        return Undetermined.NO_CANDIDATES_KEPT if number == 1 else Undetermined.NO_RANDOM_NOISE
    if number > 1 and nrn.sum() < parameters.min_set_windows:
        return Undetermined.NO_NOT_RANDOM_NOISE
    return Undetermined.NONE


def _not_computed(n_windows: int) -> Features:
    """Features before the first round: NaN."""
    missing = np.full(n_windows, np.nan)
    return Features(missing, missing, missing, missing, missing)
