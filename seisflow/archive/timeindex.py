"""The time coordinate of samples: computed from the grid, never stored.

A month at 500 Hz has 1.3e9 samples; their times as an array would be 10 GB for every station.
"""

from collections.abc import Hashable, Iterable, Mapping
from fractions import Fraction
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr
from xarray.core.indexes import CoordinateTransformIndex, PandasIndex
from xarray.core.indexing import IndexSelResult
from xarray.indexes import CoordinateTransform, Index

from seisflow.core.grid import NS_PER_S, SampleGrid
from seisflow.errors import ConfigError

__all__ = ["SampleTimeIndex"]


class _SampleTimes(CoordinateTransform):
    """``time[k] = grid.time_of(samples[k])`` as datetime64[ns]."""

    def __init__(self, grid: SampleGrid, samples: range, name: Hashable, dim: str) -> None:
        super().__init__([name], {dim: len(samples)}, dtype=np.dtype("datetime64[ns]"))
        self.grid, self.samples = grid, samples

    def times_ns(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the times at positions, ns since 1970."""
        return self.grid.times_of(self.samples.start + positions * self.samples.step)

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        positions = np.asarray(dim_positions[self.dims[0]], dtype=np.int64)
        return {self.coord_names[0]: self.times_ns(positions).astype("datetime64[ns]")}

    def reverse(self, coord_labels: dict[Hashable, Any]) -> dict[str, Any]:
        times = np.asarray(coord_labels[self.coord_names[0]], dtype="datetime64[ns]")
        seconds = (times.astype(np.int64) - self.grid.epoch_ns) / NS_PER_S
        positions = seconds * float(self.grid.rate) - self.samples.start
        return {self.dims[0]: positions / self.samples.step}

    def equals(self, other: CoordinateTransform, **kwargs: Any) -> bool:
        """Tell whether the times are the same, whichever product they are counted from."""
        return isinstance(other, _SampleTimes) and self._lattice() == other._lattice()

    def _lattice(self) -> tuple[Fraction, Fraction, int]:
        first = Fraction(self.grid.epoch_ns) + self.samples.start * NS_PER_S / self.grid.rate
        return first, self.samples.step / self.grid.rate, len(self.samples)


class SampleTimeIndex(CoordinateTransformIndex):
    """Index of an evenly sampled time axis with exact nanosecond arithmetic.

    It selects as a pandas.DatetimeIndex of the same times would: by one time or an array of them
    (exact, or ``method="nearest"`` with a ``tolerance``), by slices of times or strings, both ends
    included, and by a string without a fraction of a second, which stands for all samples of its
    day, hour, minute or second. ``isel`` with a slice keeps it computed. Joining unequal times,
    concatenating and resampling make the times in memory, 8 bytes for each sample.
    """

    transform: _SampleTimes

    @classmethod
    def over(cls, grid: SampleGrid, name: str = "time") -> Self:
        """Build the index of all samples of a grid along the dimension `name`."""
        return cls(_SampleTimes(grid, range(grid.n_samples), name, name))

    @property
    def _dim(self) -> str:
        return self.transform.dims[0]

    @property
    def _name(self) -> Hashable:
        return self.transform.coord_names[0]

    def to_pandas_index(self) -> pd.DatetimeIndex:
        """Return all times, in memory."""
        positions = np.arange(len(self.transform.samples), dtype=np.int64)
        times = self.transform.times_ns(positions).astype("datetime64[ns]")
        return pd.DatetimeIndex(times, name=self._name)

    def isel(self, indexers: Mapping[Any, Any]) -> "SampleTimeIndex | PandasIndex | None":
        """Select by position: a slice keeps the index, an array gives a plain one."""
        indexer = indexers[self._dim]
        here = self.transform
        if isinstance(indexer, slice):
            samples = here.samples[indexer]
            return type(self)(_SampleTimes(here.grid, samples, self._name, self._dim))
        if isinstance(indexer, xr.Variable) and indexer.dims != (self._dim,):
            return None  # the result has other dimensions
        values = np.asarray(getattr(indexer, "values", indexer))
        if values.ndim != 1:
            return None
        # as NumPy takes positions: masks, and negative ones counted from the end
        if values.dtype.kind == "b":
            values = np.flatnonzero(values)
        positions = np.where(values < 0, values + len(here.samples), values)
        times = here.times_ns(positions.astype(np.int64)).astype("datetime64[ns]")
        return PandasIndex(pd.DatetimeIndex(times, name=self._name), self._dim)

    def sel(
        self, labels: dict[Any, Any], method: str | None = None, tolerance: Any = None
    ) -> IndexSelResult:
        """Select by time; see the class for what is supported.

        Raises
        ------
        KeyError
            There is no sample at a time asked for.
        ConfigError
            Another `method` than ``"nearest"`` is asked for.
        """
        if method not in (None, "nearest"):
            raise ConfigError(f"method {method!r} is not known; allowed: None, 'nearest'")
        (label,) = labels.values()
        if isinstance(label, slice):
            return IndexSelResult({self._dim: self._positions(label)})
        values = np.asarray(getattr(label, "values", label))
        if values.dtype.kind == "b":
            return IndexSelResult({self._dim: label})
        if values.ndim == 0 and values.dtype.kind == "U" and method is None:
            whole = self._period(str(values))
            if whole is not None:
                return IndexSelResult({self._dim: whole})
        positions: Any = self._at(values, method, tolerance)
        if isinstance(label, xr.Variable):
            positions = xr.Variable(label.dims, positions)
        elif isinstance(label, xr.DataArray):
            positions = xr.DataArray(positions, coords=label.coords, dims=label.dims)
        return IndexSelResult({self._dim: positions if values.ndim else int(positions)})

    def _positions(self, label: slice) -> slice:
        step = self.transform.samples.step
        early, late = (label.start, label.stop) if step > 0 else (label.stop, label.start)
        first_ns = None if early is None else _period_ns(early)[0]
        last_ns = None if late is None else _period_ns(late)[1]
        found = self._between(first_ns, last_ns)
        return slice(found.start, found.stop, label.step)

    def _between(self, first_ns: int | None, last_ns: int | None) -> slice:
        """Positions of the samples from one time to another, both included."""
        grid, samples = self.transform.grid, self.transform.samples
        start, stop = 0, len(samples)
        at_first = grid.first_at_or_after(first_ns) if first_ns is not None else None
        behind_last = grid.first_at_or_after(last_ns + 1) if last_ns is not None else None
        if samples.step > 0:
            if at_first is not None:
                start = -((samples.start - at_first) // samples.step)
            if behind_last is not None:
                stop = -((samples.start - behind_last) // samples.step)
        else:
            if behind_last is not None:
                start = (samples.start - behind_last) // -samples.step + 1
            if at_first is not None:
                stop = (samples.start - at_first) // -samples.step + 1
        return slice(max(0, start), max(0, stop))

    def _period(self, text: str) -> slice | None:
        """Positions of a whole day, hour, minute or second; None for a shorter period."""
        first_ns, last_ns = _period_ns(text)
        if last_ns + 1 - first_ns < NS_PER_S:
            return None
        found = self._between(first_ns, last_ns)
        if not range(len(self.transform.samples))[found]:
            raise KeyError(f"no sample within {text!r}")
        return found

    def _at(
        self, labels: npt.NDArray[Any], method: str | None, tolerance: Any
    ) -> npt.NDArray[np.int64]:
        """Positions of the samples at, or nearest to, each of some times."""
        n = len(self.transform.samples)
        times = _times_ns(labels)
        if times.size and not n:
            raise KeyError(f"no sample at {labels.flat[0]!r}; there are none")
        about = self.transform.reverse({self._name: times.astype("datetime64[ns]")})[self._dim]
        # the three around it, by exact arithmetic; the later one where two are as near
        around = np.rint(about).astype(np.int64)[:, np.newaxis] + np.array([1, 0, -1])
        around = np.clip(around, 0, max(0, n - 1))
        away = np.abs(self.transform.times_ns(around) - times[:, np.newaxis])
        best = away.argmin(axis=1)[:, np.newaxis]
        positions = np.take_along_axis(around, best, axis=1)[:, 0]
        limit = 0 if method is None else _limit_ns(tolerance)
        missing = np.flatnonzero(np.take_along_axis(away, best, axis=1)[:, 0] > limit)
        if missing.size:
            raise KeyError(
                f"no sample at {labels.flat[missing[0]]!r}; use method='nearest' or a slice"
            )
        return positions.reshape(labels.shape)

    def join(self, other: Index, how: str = "inner") -> Any:
        """Return the times both have, or with ``how="outer"`` those any of them has."""
        mine, theirs = self.to_pandas_index(), other.to_pandas_index()
        times = mine.union(theirs) if how == "outer" else mine.intersection(theirs)
        return PandasIndex(times, self._dim)

    def reindex_like(self, other: Index) -> dict[Hashable, Any]:
        """Return the position of each time of another index, -1 where it is not here."""
        return {self._dim: self.to_pandas_index().get_indexer(other.to_pandas_index())}

    @classmethod
    def concat(
        cls,
        indexes: Any,
        dim: Hashable,
        positions: Iterable[Iterable[int]] | None = None,
    ) -> Any:
        """Return the times of several indexes one after another."""
        plain = [PandasIndex(index.to_pandas_index(), dim) for index in indexes]
        return PandasIndex.concat(plain, dim, positions)

    def rename(self, name_dict: Mapping[Any, Hashable], dims_dict: Mapping[Any, Hashable]) -> Self:
        """Rename the coordinate or its dimension."""
        here = self.transform
        name = name_dict.get(self._name, self._name)
        dim = str(dims_dict.get(self._dim, self._dim))
        return type(self)(_SampleTimes(here.grid, here.samples, name, dim))


def _limit_ns(tolerance: Any) -> int:
    """Return the largest distance allowed; without a tolerance any."""
    return np.iinfo(np.int64).max if tolerance is None else int(pd.Timedelta(tolerance).value)


def _times_ns(labels: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return labels as ns since 1970, in one dimension."""
    if labels.dtype.kind == "M":
        return labels.astype("datetime64[ns]").astype(np.int64).ravel()
    return np.array([_period_ns(label)[0] for label in labels.ravel().tolist()], dtype=np.int64)


def _period_ns(label: Any) -> tuple[int, int]:
    """First and last nanosecond a label stands for: ``"2014-05-29"`` is a whole day."""
    if isinstance(label, str):
        period = pd.Period(label.removesuffix("Z"))
        # not end_time, which pandas 3 gives in microseconds
        next_ns = (period + 1).start_time.as_unit("ns").value
        return period.start_time.as_unit("ns").value, next_ns - 1
    time = pd.Timestamp(label).as_unit("ns").value
    return time, time
