"""The time coordinate of samples: computed from the grid, never stored.

A month at 500 Hz has 1.3e9 samples; their times as an array would be 10 GB for every station.
"""

from collections.abc import Hashable, Mapping
from dataclasses import replace
from fractions import Fraction
from typing import Any, Self

import numpy as np
import pandas as pd
import xarray as xr
from xarray.core.indexes import CoordinateTransformIndex, PandasIndex
from xarray.core.indexing import IndexSelResult
from xarray.indexes import CoordinateTransform

from seisflow.core.grid import NS_PER_S, SampleGrid

__all__ = ["SampleTimeIndex"]


class _SampleTimes(CoordinateTransform):
    """``time[k] = grid.time_of(first + k * step)`` as datetime64[ns]."""

    def __init__(self, grid: SampleGrid, samples: range, name: Hashable, dim: str) -> None:
        super().__init__([name], {dim: len(samples)}, dtype=np.dtype("datetime64[ns]"))
        self.grid, self.samples = grid, samples

    def forward(self, dim_positions: dict[str, Any]) -> dict[Hashable, Any]:
        positions = np.asarray(dim_positions[self.dims[0]], dtype=np.int64)
        indices = self.samples.start + positions * self.samples.step
        return {self.coord_names[0]: self.grid.times_of(indices).astype("datetime64[ns]")}

    def reverse(self, coord_labels: dict[Hashable, Any]) -> dict[str, Any]:
        times = np.asarray(coord_labels[self.coord_names[0]], dtype="datetime64[ns]")
        seconds = (times.astype(np.int64) - self.grid.epoch_ns) / NS_PER_S
        positions = seconds * float(self.grid.rate) - self.samples.start
        return {self.dims[0]: positions / self.samples.step}

    def equals(self, other: CoordinateTransform, **kwargs: Any) -> bool:
        return (
            isinstance(other, _SampleTimes)
            and self.grid == other.grid
            and self.samples == other.samples
        )


class SampleTimeIndex(CoordinateTransformIndex):
    """Index of an evenly sampled time axis with exact nanosecond arithmetic.

    Supports ``sel`` with one time (exact, or ``method="nearest"``) and with slices of times or
    strings, both ends included as everywhere in xarray, and ``isel`` with slices.
    """

    transform: _SampleTimes

    @classmethod
    def over(cls, grid: SampleGrid, name: str = "time") -> Self:
        """Build the index of all samples of a grid along the dimension `name`."""
        return cls(_SampleTimes(grid, range(grid.n_samples), name, name))

    @property
    def _dim(self) -> str:
        return self.transform.dims[0]

    def isel(self, indexers: Mapping[Any, Any]) -> "SampleTimeIndex | PandasIndex | None":
        """Select by position: a slice keeps the index, an array gives a plain one."""
        indexer = indexers[self._dim]
        here = self.transform
        if isinstance(indexer, slice):
            samples = here.samples[indexer]
            return type(self)(_SampleTimes(here.grid, samples, here.coord_names[0], self._dim))
        values = indexer.values if isinstance(indexer, xr.Variable) else np.asarray(indexer)
        if values.ndim != 1:
            return None
        times = here.forward({self._dim: values})[here.coord_names[0]]
        return PandasIndex(pd.DatetimeIndex(times, name=here.coord_names[0]), self._dim)

    def sel(
        self, labels: dict[Any, Any], method: str | None = None, tolerance: Any = None
    ) -> IndexSelResult:
        """Select by time; see the class for what is supported."""
        (label,) = labels.values()
        if isinstance(label, slice):
            return IndexSelResult({self._dim: self._positions(label)})
        if np.ndim(label) > 0:
            if method != "nearest":
                raise KeyError("an array of times needs method='nearest'")
            return super().sel(labels, method=method)
        return IndexSelResult({self._dim: self._position(label, method)})

    def _positions(self, label: slice) -> slice:
        grid, samples = self.transform.grid, self.transform.samples
        first, stop = 0, len(samples)
        if label.start is not None:
            index = grid.first_at_or_after(_period_ns(label.start)[0])
            first = -((samples.start - index) // samples.step)
        if label.stop is not None:
            index = grid.first_at_or_after(_period_ns(label.stop)[1] + 1)
            stop = -((samples.start - index) // samples.step)
        return slice(max(0, first), max(0, stop), label.step)

    def _position(self, label: Any, method: str | None) -> int:
        grid, samples = self.transform.grid, self.transform.samples
        time_ns = _period_ns(label)[0]
        position = round(Fraction(grid.nearest(time_ns) - samples.start, samples.step))
        inside = 0 <= position < len(samples)
        exact = inside and grid.time_of(samples[position]) == time_ns
        if not (exact or (method == "nearest" and len(samples))):
            raise KeyError(f"no sample at {label!r}; use method='nearest' or a slice")
        return min(max(position, 0), len(samples) - 1)

    def rename(self, name_dict: Mapping[Any, Hashable], dims_dict: Mapping[Any, Hashable]) -> Self:
        """Rename the coordinate or its dimension."""
        here = self.transform
        name = name_dict.get(here.coord_names[0], here.coord_names[0])
        dim = str(dims_dict.get(self._dim, self._dim))
        return type(self)(_SampleTimes(replace(here.grid), here.samples, name, dim))


def _period_ns(label: Any) -> tuple[int, int]:
    """First and last nanosecond a label stands for: ``"2014-05-29"`` is a whole day."""
    if isinstance(label, str):
        period = pd.Period(label.removesuffix("Z"))
        return period.start_time.as_unit("ns").value, period.end_time.as_unit("ns").value
    time = pd.Timestamp(label).as_unit("ns").value
    return time, time
