"""Label the windows of one hour as random noise, mixed or not random noise.

Arrays in, arrays out: `label_windows` takes a record that is high-passed already, and any whole
number of windows, of which the methods compare each with the others. What comes before it is in
`seisflow.stages.label.record`.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Label, Undetermined
from seisflow.dsp.windows import cut_windows
from seisflow.engine.devices import resolve_device
from seisflow.errors import ConfigError, DataError
from seisflow.stages.label.calibrated import Calibrated, run_calibrated
from seisflow.stages.label.kernels import Kernels, kernels_on
from seisflow.stages.label.parameters import (
    DEFAULT_METHOD,
    METHODS,
    CalibratedParameters,
    Parameters,
    ReferenceParameters,
)
from seisflow.stages.label.rounds import Features, Rounds, run_rounds

__all__ = [
    "DEFAULT_METHOD",
    "METHODS",
    "CalibratedParameters",
    "HourLabels",
    "Parameters",
    "ReferenceParameters",
    "label_windows",
    "parameters_of",
]

FEATURES = ("deviation", "median_cc", "std_cc", "weighted_density", "density", "p_noise")
"""What the methods measure on every window."""

LOWEST_RATE_HZ = 10


@dataclass(frozen=True, eq=False, slots=True, kw_only=True)
class HourLabels:
    """Labels of the windows of an hour, and the features they rest on.

    Parameters
    ----------
    label : ndarray of uint8, shape (n_windows,)
        Codes of `Label`: RANDOM_NOISE, MIXED, NOT_RANDOM_NOISE, UNDETERMINED or NO_DATA.
    deviation : ndarray of float64, shape (n_windows,)
        Distance of the amplitude spectrum from the mean one of random noise, in the units of the
        waveform. This and the features below are those of the last round, before its thresholds;
        NaN where there are no data, in all windows where no round was complete, and where the
        method does not have them.
    median_cc : ndarray of float64, shape (n_windows,)
        Median correlation with random noise; of ``calibrated``, with a subset of it.
    std_cc : ndarray of float64, shape (n_windows,)
        Only of ``reference``: standard deviation of the correlations with not random noise; NaN
        also after round 1.
    weighted_density : ndarray of float64, shape (n_windows,)
        Only of ``reference``: the density weighted with 1 / std_cc; the peak is 1. What its labels
        are thresholds of. NaN also after round 1.
    density : ndarray of float64, shape (n_windows,)
        Density of windows around this one in (deviation, median_cc); the peak is 1.
    p_noise : ndarray of float64, shape (n_windows,)
        Only of ``calibrated``: probability that a window of noise looks as little like noise as
        this one. What its labels are thresholds of.
    mean_rn_spectrum : ndarray of float64, shape (L // 2,)
        Mean amplitude spectrum of the windows labelled random noise, in the units of the
        waveform; bin k - 1 lies at ``k / window_s`` Hz. NaN where undetermined.
    n_rn : ndarray of int64, shape (n_rounds + 1,)
        Size of the first set of random noise and of the one each round leaves; 0 for rounds not
        reached.
    reason : Undetermined
        Why the windows are UNDETERMINED; NONE where they are labelled.
    """

    label: npt.NDArray[np.uint8]
    deviation: npt.NDArray[np.float64]
    median_cc: npt.NDArray[np.float64]
    std_cc: npt.NDArray[np.float64]
    weighted_density: npt.NDArray[np.float64]
    density: npt.NDArray[np.float64]
    p_noise: npt.NDArray[np.float64]
    mean_rn_spectrum: npt.NDArray[np.float64]
    n_rn: npt.NDArray[np.int64]
    reason: Undetermined


def label_windows(
    waveform: npt.NDArray[np.generic],
    sampling_rate_hz: float,
    *,
    method: str = DEFAULT_METHOD,
    valid: npt.NDArray[np.bool_] | None = None,
    parameters: Parameters | None = None,
    device: str = "cpu",
) -> HourLabels:
    """Label the windows of one station-hour of high-passed samples.

    Parameters
    ----------
    waveform : ndarray, shape (n_windows * L,)
        High-passed samples (`seisflow.dsp.filters.highpass_valid`), in any unit: labels do not
        depend on scale. float64 is correlated in float64, every other type in float32, which
        takes half the time; see the notes.
    sampling_rate_hz : float
        Samples per second: a whole number, 10 or more, with a whole number L of samples in a
        window.
    method : str
        ``"calibrated"``, the default: ours, `seisflow.stages.label.calibrated`: classes are rates
        under a null fitted to the hour's noise. A label depends on the seconds around it, too.
        ``"reference"``: METHOD section 1, after Meng, Ben-Zion & Johnson 2019.
    valid : ndarray of bool, shape (n_windows,), optional
        False for windows to be left out; they are labelled NO_DATA and take no part, whatever
        their samples are. A window of zero energy is left out too. All are valid by default.
    parameters : ReferenceParameters or CalibratedParameters, optional
        The numbers of the method; its defaults where left out.
    device : str
        Where windows are correlated: ``"cpu"``, ``"cuda"`` or ``"auto"``.

    Returns
    -------
    HourLabels
        One label per window.

    Raises
    ------
    ConfigError
        The method is not known, the parameters are those of another one, the rate does not suit
        it, or the device cannot be had.
    DataError
        `waveform` is not one-dimensional, not a whole number of windows, or not finite in a valid
        window; `valid` is not one bool per window.

    Notes
    -----
    ``reference`` holds a matrix of n_windows^2: 52 MB for 3600 windows in float32. Its thresholds
    are relative to the densest place of the hour, so an hour of pure noise gets random noise in
    only 39-48 % of its windows, and one huge event widens the counting box until signals pass for
    noise.

    In float32 some of its medians are still taken from float64 correlations of the pairs next to
    them: of windows at the edge of a counting box, of which there are so many that an error of
    1e-8 moves up to 19 labels of an hour. So both precisions give the golden hours label for label.
    """
    parameters = parameters_of(method, parameters)
    windows = _windows(waveform, sampling_rate_hz, parameters)
    usable = _usable(windows, valid)
    is_double = waveform.dtype.kind == "f" and waveform.dtype.itemsize >= 8
    precision = np.dtype(np.float64 if is_double else np.float32)
    kernels = kernels_on(resolve_device(device))
    chosen = windows if usable.all() else windows[usable]
    if isinstance(parameters, CalibratedParameters):
        seconds = np.flatnonzero(usable)
        return _everywhere(_calibrated(chosen, seconds, precision, parameters, kernels), usable)
    return _everywhere(_reference(chosen, precision, parameters, kernels), usable)


def parameters_of(method: str, given: Parameters | None = None) -> Parameters:
    """Return the numbers given for a method, or its defaults.

    Raises
    ------
    ConfigError
        The method is not known, or these are the numbers of another one.
    """
    if method not in METHODS:
        raise ConfigError(f"no labelling method {method!r}; known: {', '.join(METHODS)}")
    if given is not None and not isinstance(given, METHODS[method]):
        raise ConfigError(
            f"method {method!r} takes {METHODS[method].__name__}; found {type(given).__name__}"
        )
    return METHODS[method]() if given is None else given


def _windows(
    waveform: npt.NDArray[np.generic], sampling_rate_hz: float, parameters: Parameters
) -> npt.NDArray[np.float64]:
    """Cut the waveform, in float64, having checked the rate."""
    whole = float(sampling_rate_hz).is_integer()
    window_samples = float(sampling_rate_hz) * parameters.window_s
    if not (whole and sampling_rate_hz >= LOWEST_RATE_HZ and window_samples.is_integer()):
        raise ConfigError(
            f"{sampling_rate_hz} samples/s in windows of {parameters.window_s} s: the rate must be "
            f"a whole number of at least {LOWEST_RATE_HZ} and a window a whole number of samples; "
            f"resample the record first"
        )
    if waveform.dtype.kind not in "iuf":
        raise DataError(f"samples must be real numbers; found {waveform.dtype}")
    return cut_windows(waveform, int(window_samples)).astype(np.float64, copy=False)


def _usable(
    windows: npt.NDArray[np.float64], valid: npt.NDArray[np.bool_] | None
) -> npt.NDArray[np.bool_]:
    """Windows that take part: valid, and of some energy."""
    if valid is None:
        valid = np.ones(len(windows), np.bool_)
    if valid.shape != (len(windows),) or valid.dtype != np.bool_:
        raise DataError(
            f"valid must hold one bool for each of {len(windows)} windows; found {valid.dtype} of "
            f"shape {valid.shape}"
        )
    with np.errstate(over="ignore", invalid="ignore", under="ignore"):
        energy = np.sum(np.square(windows), axis=1)
    bad = np.flatnonzero(valid & ~np.isfinite(energy))
    if bad.size:
        raise DataError(
            f"{bad.size} valid windows, the first at index {bad[0]}, hold NaN, infinite or "
            f"overflowing samples; mark them not valid"
        )
    usable: npt.NDArray[np.bool_] = valid & (energy >= np.finfo(np.float64).tiny)
    return usable


def _reference(
    windows: npt.NDArray[np.float64],
    precision: np.dtype[Any],
    parameters: ReferenceParameters,
    kernels: Kernels,
) -> Rounds:
    """Label windows that are all usable by `reference`."""
    n_windows, n_samples = windows.shape
    if parameters.n_candidates(n_windows) < parameters.min_candidates:
        missing = np.full(n_windows, np.nan)
        return Rounds(
            label=np.full(n_windows, Label.UNDETERMINED, np.uint8),
            features=Features(missing, missing, missing, missing, missing),
            mean_rn_spectrum=np.full(n_samples // 2, np.nan),
            n_rn=np.zeros(parameters.n_rounds + 1, np.int64),
            reason=Undetermined.TOO_FEW_WINDOWS,
        )
    max_lag = parameters.max_lag_samples(n_samples)
    cc = kernels.all_pairs(windows.astype(precision, copy=False), max_lag_samples=max_lag)
    return run_rounds(windows, cc, parameters)


def _calibrated(
    windows: npt.NDArray[np.float64],
    seconds: npt.NDArray[np.int64],
    precision: np.dtype[Any],
    parameters: CalibratedParameters,
    kernels: Kernels,
) -> Calibrated:
    """Label windows that are all usable by `calibrated`; `seconds` says when each begins."""
    correlate = partial(
        kernels.with_templates,
        windows.astype(precision, copy=False),
        max_lag_samples=parameters.max_lag_samples(windows.shape[1]),
    )
    return run_calibrated(windows, seconds, correlate, parameters)


def _everywhere(found: Rounds | Calibrated, usable: npt.NDArray[np.bool_]) -> HourLabels:
    """Put the results of the usable windows in their places among all windows."""
    label = np.full(usable.size, Label.NO_DATA, np.uint8)
    label[usable] = found.label
    measured = found.features if isinstance(found, Rounds) else found
    features = {}
    for name in FEATURES:
        features[name] = np.full(usable.size, np.nan)
        features[name][usable] = getattr(measured, name, np.nan)
    return HourLabels(
        label=label,
        mean_rn_spectrum=found.mean_rn_spectrum,
        n_rn=found.n_rn,
        reason=found.reason,
        **features,
    )
