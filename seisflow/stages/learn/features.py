"""Numbers that describe a window: the shape of its spectrum and of its envelope.

The list follows Provost, Hibert & Malet 2017, "Automatic classification of endogenous landslide
seismicity using the Random Forest supervised classifier", Geophys. Res. Lett. 44, 113-120,
doi:10.1002/2016GL070709, for one component. Lengths and bands are ours.

Invariant: every feature is finite, and multiplying a window by a positive number changes none.
"""

import numpy as np
import numpy.typing as npt
from scipy.signal import get_window, hilbert
from scipy.stats import kurtosis, skew

from seisflow.errors import DataError

__all__ = ["feature_names", "window_features"]

Matrix = npt.NDArray[np.float64]
Columns = dict[str, Matrix]

N_BANDS = 8
N_PARTS = 8
LOWEST_HZ = 1.0
SHORT_S = 0.2
LONG_S = 1.0
SMALLEST_SHARE = 1e-6
"""Shares of energy are compared by their logarithm, from here on."""


def feature_names(rate_hz: int, window_s: int) -> tuple[str, ...]:
    """Names of the columns of `window_features`.

    Parameters
    ----------
    rate_hz : int
        Samples per second.
    window_s : int
        Seconds in a window.

    Returns
    -------
    tuple of str
        In order; units end the names.
    """
    return tuple(_columns(np.zeros((1, rate_hz * window_s)), rate_hz))


def window_features(windows: npt.ArrayLike, rate_hz: int) -> npt.NDArray[np.float32]:
    """Describe windows by spectral and temporal features.

    Parameters
    ----------
    windows : array_like, shape (n, n_samples)
        Filtered samples, finite; at least 2 s.
    rate_hz : int
        Samples per second.

    Returns
    -------
    ndarray of float32, shape (n, n_features)
        Columns of `feature_names`. A window that is zero throughout gets finite values too.

    Raises
    ------
    DataError
        `windows` is no matrix, or shorter than 2 s.
    """
    values = np.asarray(windows, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] < 2 * LONG_S * rate_hz:
        raise DataError(
            f"features need a matrix of windows of {2 * LONG_S:g} s or more; found an array of "
            f"shape {values.shape} at {rate_hz} Hz"
        )
    peak = np.abs(values).max(axis=1, keepdims=True)
    columns = _columns(values / np.where(peak == 0, 1.0, peak), rate_hz)
    return np.stack(list(columns.values()), axis=1).astype(np.float32)


def _columns(values: Matrix, rate_hz: int) -> Columns:
    """All features of peak-normalised windows."""
    envelope: Matrix = np.abs(hilbert(values, axis=1))
    return {
        **_amplitudes(values, envelope, rate_hz),
        **_course(envelope, rate_hz),
        **_triggers(values, rate_hz),
        **_spectrum(values, rate_hz),
        **_bands_in_time(values, rate_hz),
    }


def _amplitudes(values: Matrix, envelope: Matrix, rate_hz: int) -> Columns:
    """How amplitudes are distributed, whatever their order, and how often the sign changes."""
    changes = np.diff(np.signbit(values), axis=1).mean(axis=1) * rate_hz
    median = np.median(envelope, axis=1)
    return {
        "rms_over_peak": np.sqrt(np.square(values).mean(axis=1)),
        "kurtosis": _moment(kurtosis, values),
        "skewness": _moment(skew, values),
        "envelope_kurtosis": _moment(kurtosis, envelope),
        "envelope_skewness": _moment(skew, envelope),
        "envelope_peak_over_mean": _ratio(envelope.max(axis=1), envelope.mean(axis=1)),
        "envelope_peak_over_median": _ratio(envelope.max(axis=1), median),
        "zero_crossings_hz": changes,
    }


def _course(envelope: Matrix, rate_hz: int) -> Columns:
    """When energy arrives."""
    n_samples = envelope.shape[1]
    energy = np.square(envelope)
    total = energy.sum(axis=1)
    time_s = np.arange(n_samples) / rate_hz
    centroid = _ratio(energy @ time_s, total)
    spread = np.sqrt(np.maximum(_ratio(energy @ np.square(time_s), total) - centroid**2, 0))
    half = envelope >= envelope.max(axis=1, keepdims=True) / 2
    columns = {
        "energy_centroid_s": centroid,
        "energy_spread_s": spread,
        "envelope_peak_s": envelope.argmax(axis=1) / rate_hz,
        "first_half_peak_s": half.argmax(axis=1) / rate_hz,
        "above_half_peak_share": half.mean(axis=1),
    }
    edges = np.linspace(0, n_samples, N_PARTS + 1).astype(int)[:-1]
    parts = np.add.reduceat(energy, edges, axis=1)
    for number, part in enumerate(_log_share(parts, total).T, start=1):
        columns[f"energy_part_{number}_log"] = part
    return columns


def _triggers(values: Matrix, rate_hz: int) -> Columns:
    """How suddenly energy rises: short over long averages, before over after."""
    energy = np.square(values)
    short = _running_mean(energy, round(SHORT_S * rate_hz))
    long = _running_mean(energy, round(LONG_S * rate_hz))
    # short averages that begin where a long one ends, and long ones that begin there
    n_short = long.shape[1] - round(SHORT_S * rate_hz)
    rise = _ratio(short[:, -n_short:], long[:, :n_short])
    step_samples = round(LONG_S * rate_hz)
    step = _ratio(long[:, step_samples:], long[:, :-step_samples])
    return {
        "sta_lta_max": rise.max(axis=1),
        "sta_lta_max_s": LONG_S + rise.argmax(axis=1) / rate_hz,
        "step_max": step.max(axis=1),
        "step_max_s": LONG_S + step.argmax(axis=1) / rate_hz,
        "step_min": step.min(axis=1),
        "short_max_over_median": _ratio(short.max(axis=1), np.median(short, axis=1)),
        "short_max_over_min": _ratio(short.max(axis=1), short.min(axis=1)),
    }


def _spectrum(values: Matrix, rate_hz: int) -> Columns:
    """Shape of the power spectrum of the whole window."""
    power, frequency_hz = _power(values, rate_hz)
    total = power.sum(axis=1)
    centroid = _ratio(power @ frequency_hz, total)
    width = _ratio(power @ np.square(frequency_hz), total) - centroid**2
    share = _ratio(power, total[:, np.newaxis])
    below = np.cumsum(share, axis=1)
    with np.errstate(divide="ignore"):
        logarithm = np.log(np.maximum(share, 1e-12))
    columns = {
        "centroid_hz": centroid,
        "bandwidth_hz": np.sqrt(np.maximum(width, 0)),
        "dominant_hz": frequency_hz[power.argmax(axis=1)],
        "median_hz": frequency_hz[(below >= 0.5).argmax(axis=1)],
        "rolloff_hz": frequency_hz[(below >= 0.95).argmax(axis=1)],
        "flatness_log": logarithm.mean(axis=1) - np.log(np.maximum(share.mean(axis=1), 1e-12)),
        "entropy": -(share * logarithm).sum(axis=1),
        "line_share": share.max(axis=1),
    }
    bands = np.add.reduceat(power, _band_edges(frequency_hz), axis=1)
    for number, band in enumerate(_log_share(bands, total).T, start=1):
        columns[f"band_{number}_log"] = band
    return columns


def _bands_in_time(values: Matrix, rate_hz: int) -> Columns:
    """How the spectrum changes from half second to half second."""
    n_samples = rate_hz // 2
    n_pieces = values.shape[1] // n_samples
    pieces = values[:, : n_pieces * n_samples].reshape(-1, n_samples)
    power, frequency_hz = _power(pieces, rate_hz)
    bands = np.add.reduceat(power, _band_edges(frequency_hz)[::2], axis=1)
    bands = bands.reshape(len(values), n_pieces, -1)
    centroid = _ratio(power @ frequency_hz, power.sum(axis=1)).reshape(len(values), n_pieces)
    columns = {
        "centroid_std_hz": centroid.std(axis=1),
        "centroid_late_minus_early_hz": centroid[:, -1] - centroid[:, 0],
    }
    rise = _ratio(bands.max(axis=1), np.median(bands, axis=1))
    for number, ratio in enumerate(rise.T, start=1):
        columns[f"wide_band_{number}_max_over_median"] = ratio
    return columns


def _power(values: Matrix, rate_hz: int) -> tuple[Matrix, Matrix]:
    """Power from `LOWEST_HZ` on under a Hann window, and the frequencies."""
    n_samples = values.shape[1]
    spectra = np.fft.rfft(values * get_window("hann", n_samples), axis=1)
    frequency_hz = np.fft.rfftfreq(n_samples, 1 / rate_hz)
    wanted = frequency_hz >= LOWEST_HZ
    power: Matrix = np.square(np.abs(spectra[:, wanted]))
    return power, frequency_hz[wanted].astype(np.float64)


def _band_edges(frequency_hz: Matrix) -> npt.NDArray[np.int64]:
    """First bin of each band; bands are equally wide in the logarithm, and none is empty."""
    wanted = np.geomspace(frequency_hz[0], frequency_hz[-1], N_BANDS + 1)[:-1]
    edges = np.searchsorted(frequency_hz, wanted)
    return np.maximum(edges, np.arange(N_BANDS)).astype(np.int64)


def _running_mean(values: Matrix, n_samples: int) -> Matrix:
    """Means of so many samples; column k begins at sample k."""
    sums = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    return np.maximum(sums[:, n_samples:] - sums[:, :-n_samples], 0) / n_samples


def _moment(moment: object, values: Matrix) -> Matrix:
    """Standardised moment of each row; 0 where a row does not vary."""
    assert callable(moment)
    varies = np.ptp(values, axis=1) > 0
    found = np.zeros(len(values))
    found[varies] = moment(values[varies], axis=1)
    return found


def _ratio(over: Matrix, under: Matrix) -> Matrix:
    """Quotient, with the smallest share added below so that silence gives a large finite one."""
    scale = np.abs(over).max(axis=-1, keepdims=True) if over.ndim > 1 else np.abs(over)
    floor = SMALLEST_SHARE * scale
    safe = np.maximum(under, floor)
    quotient: Matrix = np.divide(over, safe, out=np.zeros_like(over * safe), where=safe > 0)
    return quotient


def _log_share(parts: Matrix, total: Matrix) -> Matrix:
    """Logarithm to base 10 of shares of a total."""
    share: Matrix = np.log10(np.maximum(_ratio(parts, total[:, np.newaxis]), SMALLEST_SHARE))
    return share
