"""Windows: a record cut into equal, adjoining pieces.

Invariant: window ``i`` holds samples ``i * L`` to ``(i + 1) * L - 1``; none is lost or used twice.
"""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from seisflow.errors import DataError

__all__ = ["any_in_window", "cut_windows"]

Scalar = TypeVar("Scalar", bound=np.generic)


def cut_windows(record: npt.NDArray[Scalar], window_samples: int) -> npt.NDArray[Scalar]:
    """Cut a record into windows that do not overlap.

    Parameters
    ----------
    record : ndarray, shape (n_windows * window_samples,)
        Samples or a mask.
    window_samples : int
        Samples in a window.

    Returns
    -------
    ndarray, shape (n_windows, window_samples)
        A view of `record` where its layout allows.

    Raises
    ------
    DataError
        `record` is not one-dimensional or not a whole number of windows.
    """
    if record.ndim != 1:
        raise DataError(f"a record has one axis, time; found an array of shape {record.shape}")
    if window_samples < 1 or record.size % window_samples:
        raise DataError(
            f"{record.size} samples are not a whole number of windows of {window_samples}; "
            f"cut the record at window boundaries first"
        )
    return record.reshape(-1, window_samples)


def any_in_window(mask: npt.NDArray[np.bool_], window_samples: int) -> npt.NDArray[np.bool_]:
    """Tell which windows hold at least one True sample.

    Parameters
    ----------
    mask : ndarray of bool, shape (n_windows * window_samples,)
        One value per sample.
    window_samples : int
        Samples in a window.

    Returns
    -------
    ndarray of bool, shape (n_windows,)
        One value per window.
    """
    found: npt.NDArray[np.bool_] = np.any(cut_windows(mask, window_samples), axis=1)
    return found
