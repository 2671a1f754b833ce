"""Who is near whom among points of a plane: all pairs, compiled.

One thread; the interpreter lock is released. Counts are whole numbers, so results are exact.
"""

import numpy as np
import numpy.typing as npt

from seisflow.dsp.compiling import call, compiled

__all__ = ["count_neighbours", "near_an_edge"]

Vector = npt.NDArray[np.float64]


def count_neighbours(x: Vector, y: Vector, half_x: float, half_y: float) -> npt.NDArray[np.int64]:
    """Count the points in a box around each, itself included.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Points of the plane.
    half_x, half_y : float
        Half the sides of the box; its edge belongs to it.

    Returns
    -------
    ndarray of int64, shape (n,)
        Number of j with ``|x_j - x_i| <= half_x`` and ``|y_j - y_i| <= half_y``.
    """
    count = np.empty(x.size, np.int64)
    call(_count_neighbours, x, y, half_x, half_y, count)
    return count


def near_an_edge(
    x: Vector, y: Vector, half_x: float, half_y: float, error: float
) -> npt.NDArray[np.bool_]:
    """Tell which points a small change of y can take in or out of another one's box.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n,)
        Points of the plane.
    half_x, half_y : float
        Half the sides of the box.
    error : float
        Largest change of a difference of two y.

    Returns
    -------
    ndarray of bool, shape (n,)
        True where some j has ``|x_j - x_i| <= half_x`` and ``|y_j - y_i|`` within `error` of
        `half_y`.
    """
    near = np.empty(x.size, np.bool_)
    call(_near_an_edge, x, y, half_x, half_y, error, near)
    return near


@compiled()
def _count_neighbours(x, y, half_x, half_y, count):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        n_near = 0
        for j in range(x.size):
            n_near += (abs(x[j] - x[i]) <= half_x) & (abs(y[j] - y[i]) <= half_y)
        count[i] = n_near


@compiled()
def _near_an_edge(x, y, half_x, half_y, error, near):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        n_near = 0
        for j in range(x.size):
            at_edge = abs(abs(y[j] - y[i]) - half_y) <= error
            n_near += at_edge & (abs(x[j] - x[i]) <= half_x)
        near[i] = n_near > 0
