"""Stored arrays in a type that notebooks, figures and netCDF take, converted as they are read.

Invariants: nothing is read before it is asked for, and then no more than that; no sample that was
recorded changes its value, and every one that was not is NaN.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
import zarr
from xarray.backends import BackendArray
from xarray.core import indexing

from seisflow.archive.reading import recorded_samples

__all__ = ["masked_samples", "plain_text"]

Key = tuple[int | slice, ...]


class _Converted(BackendArray):
    """An array of a product, read and converted one part at a time."""

    def __init__(self, array: zarr.Array[Any], dtype: Any, read: Callable[[Key], Any]) -> None:
        self.shape, self.dtype, self._read = array.shape, np.dtype(dtype), read

    def __getitem__(self, key: indexing.ExplicitIndexer) -> Any:
        basic = indexing.IndexingSupport.BASIC
        return indexing.explicit_indexing_adapter(key, self.shape, basic, self._read)

    def like(self, variable: xr.Variable, *, keep: bool = False) -> xr.Variable:
        """Return it with the dimensions and attributes of a variable; `keep` what was read."""
        lazy = indexing.LazilyIndexedArray(self)
        data = indexing.MemoryCachedArray(lazy) if keep else lazy  # type: ignore[no-untyped-call]
        return xr.Variable(variable.dims, data, variable.attrs)


class _Text:
    """Reads names of any length as Python strings."""

    def __init__(self, array: zarr.Array[Any]) -> None:
        self.array = array

    def __call__(self, key: Key) -> npt.NDArray[np.object_]:
        return np.asarray(self.array[key]).astype(object)


class _Recorded:
    """Reads integer samples as float64, NaN where nothing was recorded."""

    def __init__(
        self, waveform: zarr.Array[Any], coverage: zarr.Array[Any], rate: Fraction
    ) -> None:
        self.waveform, self.coverage, self.rate = waveform, coverage, rate

    def __call__(self, key: Key) -> npt.NDArray[np.float64]:
        samples = np.asarray(self.waveform[key])
        recorded = recorded_samples(samples)
        if not recorded.all():
            recorded |= self._complete(*key)
        return np.where(recorded, samples, np.nan)

    def _complete(self, rows: int | slice, samples: int | slice) -> npt.NDArray[np.bool_]:
        """Tell which samples lie in seconds of which nothing is missing."""
        asked = range(self.waveform.shape[1])[samples]
        ends = (asked, asked) if isinstance(asked, int) else (asked[0], asked[-1])
        n, d = self.rate.numerator, self.rate.denominator
        first, last = (k * d // n for k in ends)
        edges = -(-np.arange(first, last + 2) * n // d)
        complete = np.asarray(self.coverage[rows, first : last + 1]) == 1
        whole = np.repeat(complete, np.diff(edges), axis=-1)
        if isinstance(asked, int):
            return np.asarray(whole[..., asked - edges[0]])
        return whole[..., asked.start - edges[0] : asked[-1] + 1 - edges[0] : asked.step]


def plain_text(array: zarr.Array[Any], variable: xr.Variable) -> xr.Variable:
    """Return an array of names as Python strings, which figures and netCDF take.

    Parameters
    ----------
    array : zarr.Array
        Names of any length.
    variable : xarray.Variable
        The same, as xarray opened it.
    """
    return _Converted(array, object, _Text(array)).like(variable, keep=True)


def masked_samples(
    waveform: zarr.Array[Any], coverage: zarr.Array[Any], rate: Fraction, variable: xr.Variable
) -> xr.Variable:
    """Return integer samples as float64, which holds every int32, with NaN for gaps.

    Parameters
    ----------
    waveform : zarr.Array of int32, shape (n_stations, n_samples)
        Counts as recorded; `INTEGER_FILL` where there are none, or where the recorder was at it.
    coverage : zarr.Array of float32, shape (n_stations, n_seconds)
        Valid fraction of every second.
    rate : Fraction
        Samples per second.
    variable : xarray.Variable
        `waveform` as xarray opened it.
    """
    return _Converted(waveform, np.float64, _Recorded(waveform, coverage, rate)).like(variable)
