"""Reading parts of products inside tasks: plain arrays, no Dask."""

import numpy as np
import numpy.typing as npt

from seisflow.archive.store import open_array
from seisflow.core.files import AnyPath

__all__ = ["read_slice", "station_names"]


def read_slice(
    path: str | AnyPath, name: str, station: int, start: int, stop: int
) -> npt.NDArray[np.generic]:
    """Read ``[start, stop)`` along the last axis of one station's row.

    Returns
    -------
    ndarray, shape (stop - start,)
        In the array's own type. The bounds must lie inside the array.
    """
    return np.asarray(open_array(path, name)[station, start:stop])


def station_names(path: str | AnyPath) -> list[str]:
    """Return the stations of a product in the order of its rows."""
    return [str(s) for s in np.asarray(open_array(path, "station")[...])]


def read_column(path: str | AnyPath, name: str) -> npt.NDArray[np.generic]:
    """Read a one-dimensional array whole."""
    return np.asarray(open_array(path, name)[...])
