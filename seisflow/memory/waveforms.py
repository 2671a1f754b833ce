"""Samples of a dataset of WAVEFORMS, read second by second as stages read a product.

Invariant: what is read of seconds that the dataset holds whole is what
`seisflow.archive.blocks.read_record` reads of the product it was opened from; outside of the
dataset there are no data.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from seisflow.archive.blocks import Record
from seisflow.archive.opening import product_attrs
from seisflow.archive.timeindex import SampleTimeIndex
from seisflow.core.grid import (
    HOUR_NS,
    NS_PER_S,
    SampleGrid,
    Span,
    format_time,
    nominal_rate,
)
from seisflow.core.stations import Coordinates
from seisflow.errors import DataError

__all__ = ["Waveforms", "places_of", "stations_of"]

Samples = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]


@dataclass(eq=False)
class Waveforms:
    """Waveforms of some stations in memory, or opened.

    Parameters
    ----------
    waveform : xarray.DataArray
        ``(station, time)``.
    coverage : xarray.DataArray or None
        ``(station, second)``, where the dataset has it.
    grid : SampleGrid
        From the whole UTC hour before the first sample to the one after the last.
    first : int
        Index of the first sample on this grid.
    key : str
        That of the product; empty where there is none.
    """

    waveform: xr.DataArray
    coverage: xr.DataArray | None
    grid: SampleGrid
    first: int
    key: str

    @classmethod
    def of(cls, dataset: xr.Dataset) -> "Waveforms":
        """Take a dataset apart.

        Raises
        ------
        DataError
            It has no waveforms, no samples, or times that are not those of one rate.
        """
        if "waveform" not in dataset:
            raise DataError(
                f"the dataset has no variable waveform; found {', '.join(map(str, dataset))}; give "
                "one of seisflow.from_obspy, or seisflow.open(WAVEFORMS)"
            )
        wanted = [name for name in ("waveform", "coverage") if name in dataset]
        taken = dataset[wanted]
        if "station" not in taken["waveform"].dims:
            taken = taken.expand_dims("station")
        waveform = taken["waveform"].transpose("station", "time")
        if not waveform.size:
            raise DataError("the dataset holds no sample; check what was selected")
        grid, first = _grid_of(waveform)
        coverage = taken.get("coverage")
        key = str(product_attrs(dataset).get("key", ""))
        return cls(waveform, coverage, grid, first, key)

    @property
    def span(self) -> Span:
        """The whole UTC hours it lies in."""
        return self.grid.span

    @property
    def rate(self) -> Fraction:
        """Samples per second."""
        return self.grid.rate

    @cached_property
    def stations(self) -> tuple[str, ...]:
        """NET.STA.LOC.CHA of its rows."""
        return stations_of(self.waveform)

    @cached_property
    def places(self) -> tuple[Coordinates, ...]:
        """Where they stand; NaN where it is not known."""
        return places_of(self.waveform)

    def row(self, row: int) -> tuple[Samples, Mask]:
        """Return all samples of a station, and which of them were recorded."""
        return self._read(row, 0, self.waveform.sizes["time"])

    def record(self, row: int, start_s: int, stop_s: int) -> Record:
        """Return whole seconds of a station; the rate must be whole.

        Parameters
        ----------
        row : int
            Row of the station.
        start_s, stop_s : int
            Bounds in seconds since the start of `span`; they may lie outside of it.

        Raises
        ------
        DataError
            Some of it failed to be ingested.
        """
        rate, n = int(self.rate), self.waveform.sizes["time"]
        bounds = np.array([start_s, stop_s]) * rate - self.first
        first, stop = np.clip(bounds, 0, n).tolist()
        ends = (first - bounds[0], bounds[1] - stop) if first < stop else (0, bounds[1] - bounds[0])
        samples, recorded = self._read(row, first, stop)
        filled = np.pad(recorded, ends)
        counts = filled.reshape(-1, rate).sum(axis=1, dtype=np.int32)
        return Record(np.pad(samples, ends), filled, np.asarray(counts / rate, np.float32))

    def _read(self, row: int, first: int, stop: int) -> tuple[Samples, Mask]:
        samples = np.asarray(self.waveform.variable[row, first:stop].values)
        seconds, coverage = self._coverage(row, first, stop)
        if np.isnan(coverage).any():
            raise DataError(
                f"waveforms of {self.stations[row]} failed to be ingested, the first at "
                f"{format_time(int(seconds[np.isnan(coverage)][0]))}; ingest them, or select others"
            )
        if samples.dtype.kind == "f":
            return samples, np.asarray(np.isfinite(samples))
        recorded = samples != self.waveform.attrs.get("fill_sample", np.iinfo(np.int32).min)
        missing = np.flatnonzero(~recorded)
        if missing.size:  # a recorder at its lowest number equals the fill value
            times = self.grid.times_of(self.first + first + missing)
            recorded[missing] = np.isin(times // NS_PER_S * NS_PER_S, seconds[coverage == 1])
        return samples, np.asarray(recorded)

    @cached_property
    def _seconds(self) -> npt.NDArray[np.int64]:
        """Starts of the seconds of `coverage`, ns."""
        assert self.coverage is not None
        return np.asarray(self.coverage["second"].values.astype("datetime64[ns]").astype(np.int64))

    def _coverage(
        self, row: int, first: int, stop: int
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return the seconds of some samples, and their coverage, as far as it is there."""
        if self.coverage is None or "second" not in self.coverage.dims:
            return np.zeros(0, np.int64), np.zeros(0, np.float32)
        seconds = self._seconds
        begin, end = (self.grid.time_of(self.first + k) for k in (first, stop))
        here = slice(*np.searchsorted(seconds, [begin - NS_PER_S + 1, end]).tolist())
        coverage = self.coverage.transpose("station", "second").variable[row, here]
        return seconds[here], np.asarray(coverage.values)


def stations_of(array: xr.DataArray) -> tuple[str, ...]:
    """Return the stations of an array, one of which may have been selected."""
    return tuple(str(name) for name in np.atleast_1d(array["station"].values))


def places_of(array: xr.DataArray) -> tuple[Coordinates, ...]:
    """Return where stations stand; NaN where the array does not say it."""
    n = np.atleast_1d(array["station"].values).size
    nothing = np.full(n, np.nan)
    columns = [
        np.atleast_1d(array[name].values) if name in array.coords else nothing
        for name in ("longitude", "latitude", "elevation")
    ]
    return tuple(Coordinates(*(float(c[k]) for c in columns)) for k in range(n))


def _grid_of(waveform: xr.DataArray) -> tuple[SampleGrid, int]:
    """Return the grid of the samples, and the index of the first one on it."""
    n = waveform.sizes["time"]
    ends = waveform["time"].variable[[0, n - 1]].values.astype("datetime64[ns]").astype(np.int64)
    begin, end = (int(time) for time in ends)
    stated = waveform.attrs.get("sampling_rate_hz")
    if stated is None and end > begin:
        stated = (n - 1) / ((end - begin) / NS_PER_S)
    rate = None if stated is None else nominal_rate(float(stated))
    if rate is None:
        raise DataError(
            f"the dataset does not say a rate that can be used: waveform.attrs['sampling_rate_hz'] "
            f"is {stated!r}; give samples per second, at least 1"
        )
    epoch = begin // HOUR_NS * HOUR_NS
    first = SampleGrid(epoch, rate, 0).nearest(begin)
    hours = Span(begin, end + 1).widened(HOUR_NS)
    grid = SampleGrid.over(hours, rate)
    fits = grid.time_of(first) == begin and grid.time_of(first + n - 1) == end
    if fits and not isinstance(waveform.indexes.get("time"), SampleTimeIndex):
        times = waveform["time"].values.astype("datetime64[ns]").astype(np.int64)
        fits = bool(np.array_equal(times, grid.times_of(first + np.arange(n))))
    if not fits:
        raise DataError(
            f"{n} samples from {format_time(begin)} to {format_time(end)} are not every sample "
            f"at {float(rate):g} samples/s on the grid of WAVEFORMS; select slices of time without "
            "a step, and let resampled records be made by seisflow.from_obspy"
        )
    return grid, first
