"""Reading parts of products inside tasks: plain arrays, no Dask."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.row_store import expect_row
from seisflow.archive.schema import INTEGER_FILL
from seisflow.archive.store import open_array
from seisflow.core.files import AnyPath, any_path, is_local

__all__ = ["read_slice", "recorded_samples", "station_names"]


def read_slice(
    path: str | AnyPath, name: str, station: int, start: int, stop: int, *, key: str | None = None
) -> npt.NDArray[np.generic]:
    """Read ``[start, stop)`` along the last axis of one station's row.

    Parameters
    ----------
    path : path
        The product.
    name : str
        The array.
    station : int
        The row.
    start, stop : int
        They must lie inside the array.
    key : str, optional
        That of the product, where it says how the array lies: an array of an object store is
        then opened once in a process.

    Returns
    -------
    ndarray, shape (stop - start,)
        In the array's own type.
    """
    keep = key and not is_local(any_path(path))
    array = _opened(path, name, key) if keep else open_array(path, name)
    expect_row(array, start, stop)
    return np.asarray(array[station, start:stop])


@lru_cache(maxsize=4)
def _opened(path: str | AnyPath, name: str, key: str) -> Any:
    del key  # another product at the same place is opened anew
    return open_array(path, name)


def recorded_samples(samples: npt.NDArray[np.generic]) -> npt.NDArray[np.bool_]:
    """Tell which samples of WAVEFORMS are not what is stored where there are none.

    In a second of which nothing is missing all samples were recorded, whatever this says: a
    recorder at its lowest number equals the fill value.
    """
    is_float = samples.dtype.kind == "f"
    return np.asarray(np.isfinite(samples) if is_float else samples != INTEGER_FILL)


def station_names(path: str | AnyPath) -> list[str]:
    """Return the stations of a product in the order of its rows."""
    return [str(s) for s in np.asarray(open_array(path, "station")[...])]


def read_column(path: str | AnyPath, name: str) -> npt.NDArray[np.generic]:
    """Read a one-dimensional array whole."""
    return np.asarray(open_array(path, name)[...])
