"""P at each node to a fraction of a sample: traces moved until they agree with the others.

Traces in, delays and their stack out. They come filtered to the band in which they are to agree
(METHOD section 7: 5 to 30 Hz) and without offset. Invariant: no trace is compared with a stack it
is part of, and the order of the traces changes nothing but the last bits.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft, next_fast_len, rfft, rfftfreq

from seisflow.errors import ConfigError, DataError

__all__ = [
    "Alignment",
    "align",
    "common_onset",
    "hold_to_median",
    "normalised_correlation",
    "onset_by_energy",
]

Vector = npt.NDArray[np.float64]
Matrix = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

NO_ONSET = -1

LEAST_SHARE = 1e-9
"""Energy below this share of the trace's mean is taken as this share: recorders that wait."""

LEAST_ENERGY = 1e-12
"""Energy below this share of the trace's is silence: sums do not tell it from rounding."""

PAD_SAMPLES = 32
"""Cut on either side, so that what moving by less than a sample does at the ends stays away."""


def onset_by_energy(
    traces: npt.ArrayLike,
    rate_hz: float,
    search: tuple[npt.ArrayLike, npt.ArrayLike],
    *,
    length_s: float = 0.2,
) -> Integers:
    """Find the onset of each trace: where the energy behind most exceeds the energy before.

    Parameters
    ----------
    traces : array_like, shape (n, m)
        Samples.
    rate_hz : float
        Samples per second.
    search : (start, stop)
        Seconds from the first sample between which the onset lies, half-open; numbers, or arrays
        of shape (n,).
    length_s : float
        Seconds of each of the two windows compared, which must lie in the trace.

    Returns
    -------
    ndarray of int64, shape (n,)
        The first sample behind the onset: the first maximum of the logarithm of the ratio of rms.
        -1 where a sample is not finite, all are zero, or no sample searched has both windows.

    Raises
    ------
    ConfigError
        The search ends before it starts, or a window holds no sample.
    DataError
        `traces` is not a matrix.
    """
    traces = _matrix(traces)
    length = round(length_s * rate_hz)
    start, stop = (np.broadcast_to(np.asarray(s, np.float64), len(traces)) for s in search)
    if length < 1 or not np.all(start < stop):
        raise ConfigError(
            f"windows of {length_s:g} s at {rate_hz:g} samples/s and a search of {search} s: give "
            "one sample or more, and a search that ends behind its start"
        )
    first, last = (np.ceil(s * rate_hz).astype(np.int64) for s in (start, stop))
    found = [_onset(*one, length) for one in zip(traces, first, last, strict=True)]
    return np.array(found, dtype=np.int64)


def _onset(trace: Vector, first: int, last: int, length: int) -> int:
    first, last = max(first, length), min(last, trace.size - length + 1)
    if first >= last or not np.isfinite(trace).all() or not trace.any():
        return NO_ONSET
    here = np.arange(first, last)
    return int(here[np.argmax(_log_ratio(trace, here, length))])


def common_onset(
    traces: npt.ArrayLike, rate_hz: float, search: tuple[float, float], *, length_s: float = 0.2
) -> int:
    """Find the onset that traces of a small array have in common.

    The logarithms of the ratio of rms behind and before each sample are averaged over the traces;
    of the mean, which no noise of a single trace can move, the first rise to half of its maximum
    is followed to its top. So P is found before S, though S may be the stronger.

    Parameters
    ----------
    traces : array_like, shape (n, m)
        Samples; traces with one that is not finite, or without energy, are left out.
    rate_hz : float
        Samples per second.
    search : (start, stop)
        Seconds from the first sample between which the onset lies, half-open.
    length_s : float
        Seconds of each of the two windows compared: longer than a wave takes across the array.

    Returns
    -------
    int
        The first sample behind the onset; -1 where nothing can be compared.

    Raises
    ------
    ConfigError
        A window holds no sample.
    DataError
        `traces` is not a matrix.
    """
    traces = _matrix(traces)
    length = round(length_s * rate_hz)
    if length < 1:
        raise ConfigError(f"windows of {length_s:g} s at {rate_hz:g} samples/s hold no sample")
    heard = traces[np.isfinite(traces).all(axis=1) & traces.any(axis=1)]
    first = max(math.ceil(search[0] * rate_hz), length)
    last = min(math.ceil(search[1] * rate_hz), traces.shape[1] - length + 1)
    if first >= last or not len(heard):
        return NO_ONSET
    here = np.arange(first, last)
    mean = np.mean([_log_ratio(trace, here, length) for trace in heard], axis=0)
    rise = int(np.argmax(mean >= mean.max() / 2))
    return int(here[rise + np.argmax(mean[rise : rise + length + 1])])


def _log_ratio(trace: Vector, here: Integers, length: int) -> Vector:
    """Return the logarithm of energy behind over energy before each sample."""
    energy = np.concatenate([[0.0], np.cumsum(trace**2)])
    least = LEAST_SHARE * energy[-1] / trace.size * length
    before = energy[here] - energy[here - length]
    behind = energy[here + length] - energy[here]
    ratio: Vector = np.log(behind + least) - np.log(before + least)
    return ratio


def hold_to_median(onsets: Integers, *, within_samples: int) -> Integers:
    """Put onsets that no wave across the array can have at the median of all.

    A later phase taken for P lies beyond the reach of `align`, which then settles on a side lobe.
    Forty traces of rms 1 to 5 times the noise, delays up to 0.15 s: without this 41 to 7 % of
    their delays were wrong by more than 0.01 s, with ``within_samples`` of 0.2 s 4 to 0 %.

    Parameters
    ----------
    onsets : ndarray of int64, shape (n,)
        As `onset_by_energy` returns them; -1 for none.
    within_samples : int
        How far from the median an onset may lie: half of the largest moveout, and the error of a
        first guess.

    Returns
    -------
    ndarray of int64, shape (n,)
        Those within the bound and those that are none stay; the others are the median, rounded
        down.
    """
    onsets = np.asarray(onsets, np.int64)
    found = onsets != NO_ONSET
    if not found.any():
        return onsets.copy()
    middle = int(np.median(onsets[found]))
    far = found & (np.abs(onsets - middle) > within_samples)
    return np.where(far, middle, onsets)


@dataclass(frozen=True, eq=False, kw_only=True)
class Alignment:
    """Traces moved to where they agree.

    Parameters
    ----------
    delays_s : ndarray of float64, shape (n,)
        Onset of each trace behind the median onset; NaN for traces left out.
    cc : ndarray of float64, shape (n,)
        Correlation of each aligned trace with the stack of the others, -1 to 1; NaN for traces
        left out, and where there are no others.
    stack : ndarray of float64, shape (n_before + n_after,)
        Mean of the aligned traces, each of unit energy; NaN where all traces are left out.
    n_before : int
        Samples of `stack` before the onset.
    median_onset : float
        Median onset as a sample of the traces: trace i has its onset, and the zero of the stack,
        at ``median_onset + delays_s[i] * rate_hz``. NaN where all traces are left out.
    """

    delays_s: Vector
    cc: Vector
    stack: Vector
    n_before: int
    median_onset: float

    @property
    def mean_cc(self) -> float:
        """Mean of `cc` over the traces that have one; NaN where none has."""
        known = self.cc[~np.isnan(self.cc)]
        return float(known.mean()) if known.size else np.nan


def align(
    traces: npt.ArrayLike,
    onsets: Integers,
    rate_hz: float,
    *,
    before_s: float = 0.5,
    after_s: float = 1.5,
    max_lag_s: float = 0.3,
    passes: int = 3,
) -> Alignment:
    """Move traces to the largest correlation with the stack of the others.

    In each pass every trace is correlated with the mean of the others, all as the last pass left
    them and of unit energy in the window; the largest correlation within the largest lag, to a
    fraction of a sample by the parabola through the three values at the peak, says where it
    belongs. It is moved there but for one n-th of the way, as all move at once. After each pass
    the median of all moves is taken off, so that the stack keeps the onset where the first guesses
    have it. Traces are moved in the frequency domain, so a fraction of a sample costs no high
    frequencies. A trace of reversed polarity is not turned: its correlation is low.

    Parameters
    ----------
    traces : array_like, shape (n, m)
        Samples, band-passed; all traces begin at the same time. Traces with a sample that is not
        finite, without energy in the window, or whose window about the first guess does not lie
        in the trace are left out. What is needed beyond the ends of a trace counts as zero.
    onsets : ndarray of int64, shape (n,)
        First guesses, see `onset_by_energy` and `hold_to_median`.
    rate_hz : float
        Samples per second.
    before_s, after_s : float
        The window about the onset, half-open.
    max_lag_s : float
        How far a trace is moved in one pass, and at most `passes` times as far in all.
    passes : int
        How often; with 0 the first guesses stay.

    Returns
    -------
    Alignment
        See there.

    Raises
    ------
    ConfigError
        The window holds fewer than two samples, or a number is negative.
    DataError
        `traces` is not a matrix or there is not one onset for each.
    """
    traces, onsets = _matrix(traces), np.asarray(onsets, np.int64)
    n_before, n_after, max_lag = (round(s * rate_hz) for s in (before_s, after_s, max_lag_s))
    _check(traces, onsets, (n_before, n_after, max_lag, passes))
    length, room = n_before + n_after, (passes + 1) * max_lag + PAD_SAMPLES
    used = _usable(traces, onsets - n_before, length)
    cut = _Cut(traces[used], onsets[used] - n_before, length, room)
    moves = np.zeros(np.count_nonzero(used))
    for _ in range(passes if moves.size > 1 else 0):
        # behind the stack of the others means less behind that of all: else two would change places
        moves += _best_lags(cut.moved(moves, max_lag), max_lag) * (1 - 1 / moves.size)
        moves = np.clip(moves - np.median(moves), -passes * max_lag, passes * max_lag)
    windows = _unit_energy(cut.moved(moves, 0))
    found = onsets[used] + moves
    median = float(np.median(found)) if found.size else np.nan
    return Alignment(
        delays_s=_spread((found - median) / rate_hz, used),
        cc=_spread(_cc_with_others(windows), used),
        stack=windows.mean(axis=0) if found.size else np.full(length, np.nan),
        n_before=n_before,
        median_onset=median,
    )


class _Cut:
    """Pieces of traces, `length` samples from `begins` and `room` more on either side."""

    def __init__(self, traces: Matrix, begins: Integers, length: int, room: int) -> None:
        place = begins[:, None] + np.arange(-room, length + room)
        inside = (place >= 0) & (place < traces.shape[1])
        last = max(traces.shape[1] - 1, 0)
        pieces = np.take_along_axis(traces, np.clip(place, 0, last), axis=1)
        self._length, self._room = length, room
        self._n_fft = next_fast_len(length + 2 * room, real=True)
        self._spectra = rfft(np.where(inside, pieces, 0.0), self._n_fft, axis=1)
        self._cycles = rfftfreq(self._n_fft)  # a sample

    def moved(self, moves: Vector, margin: int) -> Matrix:
        """Return each piece from `moves` samples later on, with a margin on either side."""
        turned = self._spectra * np.exp(2j * np.pi * self._cycles * moves[:, None])
        first = self._room - margin
        pieces = irfft(turned, self._n_fft, axis=1)
        return np.asarray(pieces[:, first : first + self._length + 2 * margin])


def normalised_correlation(traces: Matrix, templates: Matrix) -> Matrix:
    """Correlate each trace with its own template wherever the template fits.

    Parameters
    ----------
    traces : ndarray of float64, shape (n, m)
        Finite samples.
    templates : ndarray of float64, shape (n, k)
        Finite samples, k at most m.

    Returns
    -------
    ndarray of float64, shape (n, m - k + 1)
        ``sum_j x[i + j] t[j]`` over the norms of the template and of the k samples of the trace
        from i on; 0 where either is silent, or these have less than 1e-12 of the trace's energy.
    """
    n_lags = traces.shape[1] - templates.shape[1] + 1
    n_fft = next_fast_len(traces.shape[1], real=True)
    spectra = rfft(traces, n_fft, axis=1) * rfft(templates, n_fft, axis=1).conj()
    product = irfft(spectra, n_fft, axis=1)[:, :n_lags]
    energy = np.cumsum(np.pad(traces**2, ((0, 0), (1, 0))), axis=1)
    here = energy[:, templates.shape[1] :] - energy[:, :n_lags]
    heard = here > LEAST_ENERGY * energy[:, -1:]
    norms = np.sqrt(np.where(heard, here, 0.0)) * np.linalg.norm(templates, axis=1, keepdims=True)
    return np.asarray(np.divide(product, norms, out=np.zeros_like(product), where=norms > 0))


def _best_lags(wide: Matrix, max_lag: int) -> Vector:
    """Return the lag of each trace behind the stack of the others, in samples."""
    windows = _unit_energy(wide[:, max_lag : wide.shape[1] - max_lag])
    cc = normalised_correlation(wide, windows.sum(axis=0) - windows)
    peak = np.where(cc.any(axis=1), np.argmax(cc, axis=1), max_lag)
    rows = np.arange(len(cc))
    inner = np.clip(peak, 1, max(cc.shape[1] - 2, 1)) if max_lag else peak
    left, top, right = (cc[rows, np.minimum(inner + d, 2 * max_lag)] for d in (-1, 0, 1))
    bend = left - 2 * top + right
    is_peak = (inner == peak) & (bend < 0)
    part = np.divide(left - right, 2 * bend, out=np.zeros(len(cc)), where=is_peak)
    return np.asarray(peak - max_lag + part)


def _cc_with_others(windows: Matrix) -> Vector:
    """Correlate windows of unit energy with the sum of the others; NaN where there are none."""
    if len(windows) < 2:
        return np.full(len(windows), np.nan)
    others = windows.sum(axis=0) - windows
    norms = np.linalg.norm(others, axis=1)
    products = np.einsum("ij,ij->i", windows, others)
    return np.asarray(np.divide(products, norms, out=np.zeros(len(windows)), where=norms > 0))


def _unit_energy(windows: Matrix) -> Matrix:
    norms = np.linalg.norm(windows, axis=1, keepdims=True)
    return np.asarray(np.divide(windows, norms, out=np.zeros_like(windows), where=norms > 0))


def _spread(values: Vector, used: npt.NDArray[np.bool_]) -> Vector:
    everywhere = np.full(used.size, np.nan)
    everywhere[used] = values
    return everywhere


def _usable(traces: Matrix, begins: Integers, length: int) -> npt.NDArray[np.bool_]:
    inside = (begins >= 0) & (begins + length <= traces.shape[1])
    usable = np.asarray(inside & np.isfinite(traces).all(axis=1))
    for i in np.flatnonzero(usable).tolist():
        usable[i] = traces[i, begins[i] : begins[i] + length].any()
    return usable


def _matrix(traces: npt.ArrayLike) -> Matrix:
    traces = np.asarray(traces, dtype=np.float64)
    if traces.ndim != 2:
        raise DataError(f"traces have two axes, trace and time; found shape {traces.shape}")
    return traces


def _check(traces: Matrix, onsets: Integers, counts: tuple[int, int, int, int]) -> None:
    n_before, n_after, max_lag, passes = counts
    if min(counts) < 0 or n_before + n_after < 2:
        raise ConfigError(
            f"a window of {n_before} samples before the onset and {n_after} behind, lags of "
            f"{max_lag} samples and {passes} passes: give two samples or more, nothing negative"
        )
    if onsets.shape != (len(traces),):
        raise DataError(
            f"{len(traces)} traces need one onset each; found onsets of shape {onsets.shape}"
        )
