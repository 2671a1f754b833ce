"""The wavelets of a set, read from the disk in any order.

Knows the columns of a WAVELETS product, all of which fit in memory, and reads the waveforms of
the wavelets that are asked for, at their own rate or brought to a lower one with the filter of
inference (`seisflow.dsp.resampling`). Invariant: nothing here holds more waveforms than were asked
for, and beside them, while they are read, those of one file of the store (2048 wavelets) at most.
"""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import Product
from seisflow.archive.reading import read_column
from seisflow.archive.store import open_array, read_product
from seisflow.archive.work import require_complete
from seisflow.core.classes import Split, State, WaveletClass
from seisflow.core.files import AnyPath, any_path
from seisflow.core.grid import format_time
from seisflow.dsp.resampling import Resampling
from seisflow.errors import ConfigError, DataError

__all__ = ["Examples", "open_examples"]

Indices = npt.NDArray[np.int64]
Strings = npt.NDArray[np.object_]

COLUMNS = {
    "wavelet_class": np.uint8,
    "split": np.uint8,
    "start": np.int64,
    "snr": np.float32,
    "distance_km": np.float32,
    "magnitude": np.float32,
    "arrival_s": np.float32,
}


@dataclass(frozen=True, eq=False)
class Examples:
    """All wavelets of a WAVELETS product; n is their number, ready or not.

    Parameters
    ----------
    path : Path
        The product.
    key : str
        32 hexadecimal digits that name it.
    rate_hz : int
        Samples per second of what is read.
    window_samples, margin_samples : int
        Samples of the 4 s window, and of the margin before it and after it, at that rate.
    wavelet_class, split : ndarray of uint8, shape (n,)
        Codes of `WaveletClass` and `Split`.
    station, event : ndarray of object (str), shape (n,)
        ``NET.STA.LOC.CHA``; the event, empty for noise.
    start_ns : ndarray of int64, shape (n,)
        First sample of the window, ns since 1970 UTC.
    snr, distance_km, magnitude : ndarray of float32, shape (n,)
        NaN where not known.
    arrival_s : ndarray of float32, shape (n,)
        P after the start of the window, in s; NaN for noise.
    ready : ndarray of bool, shape (n,)
        Whether the waveform was written.
    shard_size, chunk_size : int
        Wavelets in one file of the store, and in the smallest piece of it that is read.
    warnings : tuple of str
        Which splits are short of wavelets, and with what effect, as the product says it.
    """

    path: AnyPath
    key: str
    rate_hz: int
    window_samples: int
    margin_samples: int
    wavelet_class: npt.NDArray[np.uint8]
    split: npt.NDArray[np.uint8]
    station: Strings
    event: Strings
    start_ns: Indices
    snr: npt.NDArray[np.float32]
    distance_km: npt.NDArray[np.float32]
    magnitude: npt.NDArray[np.float32]
    arrival_s: npt.NDArray[np.float32]
    ready: npt.NDArray[np.bool_]
    shard_size: int
    chunk_size: int
    _waveform: Any = field(repr=False)
    _stored: "_Stored" = field(repr=False)
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.wavelet_class.size)

    @property
    def n_samples(self) -> int:
        """Samples of a waveform: the window and both margins."""
        return self.window_samples + 2 * self.margin_samples

    @property
    def bytes_stored(self) -> int:
        """What a waveform takes while it is read, before it is resampled."""
        return 4 * self._stored.n_samples

    def select(self, split: Split) -> Indices:
        """Return the indices of the ready wavelets of a split, ascending.

        Returns
        -------
        ndarray of int64, shape (k,)
        """
        return np.flatnonzero(self.ready & (self.split == split)).astype(np.int64)

    def counts(self, split: Split) -> dict[str, int]:
        """Return the number of ready wavelets of each class in a split, by lower-case name."""
        found = self.wavelet_class[self.select(split)]
        return {c.name.lower(): int((found == c).sum()) for c in WaveletClass}

    def read(self, indices: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Read waveforms, in the order of `indices`; an index may come twice.

        Parameters
        ----------
        indices : array_like of int, shape (k,)
            Wavelets, ready ones. Sorted indices read each piece of the store once; so do
            unsorted ones.

        Returns
        -------
        ndarray of float32, shape (k, window_samples + 2 * margin_samples)
            Counts as recorded; column 0 lies `margin_samples` before the window.

        Raises
        ------
        DataError
            A wavelet is not ready, or a sample is not finite.
        IndexError
            There is no such wavelet.
        """
        asked = np.asarray(indices, dtype=np.int64).ravel()
        if asked.size and (asked.min() < 0 or asked.max() >= len(self)):
            raise IndexError(f"{self.path} has wavelets 0 to {len(self) - 1}, asked {asked}")
        self._refuse_unready(asked)
        read = np.empty((asked.size, self.n_samples), dtype=np.float32)
        is_whole = np.ones(asked.size, dtype=np.bool_)
        for places in self._runs(asked):
            first, last = int(asked[places[0]]), int(asked[places[-1]])
            rows = self._waveform[first : last + 1][asked[places] - first]
            is_whole[places] = np.isfinite(rows).all(axis=1)
            if is_whole[places].all():
                read[places] = self._stored.brought(rows, self.margin_samples, self.n_samples)
        self._refuse_nonfinite(asked, is_whole)
        return read

    def shards(self, indices: npt.ArrayLike) -> Iterator[Indices]:
        """Yield `indices` cut into the files of the store they lie in, ascending."""
        ordered = np.sort(np.asarray(indices, dtype=np.int64).ravel())
        cuts = np.flatnonzero(np.diff(ordered // self.shard_size)) + 1
        yield from (part for part in np.split(ordered, cuts) if part.size)

    def where(self, index: int) -> str:
        """Say which wavelet an index is, for messages: index, station and start."""
        time = format_time(int(self.start_ns[index]))
        return f"wavelet {index} ({self.station[index]} at {time})"

    def _runs(self, asked: Indices) -> Iterator[Indices]:
        """Yield places in `asked`, ascending by wavelet, to be read from the store in one go.

        A run is made of neighbouring pieces of one file, so that no piece is read twice and none
        is read for nothing.
        """
        order = np.argsort(asked, kind="stable")
        ordered = asked[order]
        gap = np.diff(ordered // self.chunk_size) > 1
        other_file = np.diff(ordered // self.shard_size) > 0
        yield from (p for p in np.split(order, np.flatnonzero(gap | other_file) + 1) if p.size)

    def _refuse_unready(self, asked: Indices) -> None:
        if not self.ready[asked].all():
            some = int(asked[~self.ready[asked]][0])
            raise DataError(
                f"{self.path}: {self.where(some)} was asked for and could not be made; "
                "take indices from Examples.select, which leaves such wavelets out"
            )

    def _refuse_nonfinite(self, asked: Indices, is_whole: npt.NDArray[np.bool_]) -> None:
        if not is_whole.all():
            some = int(asked[~is_whole][0])
            raise DataError(
                f"{self.path}: {self.where(some)} holds samples that are not finite, and "
                f"{int((~is_whole).sum())} of the {asked.size} wavelets read with it do; the file "
                "was changed after it was made: make the product again with seisflow assemble"
            )


@dataclass(frozen=True)
class _Stored:
    """Waveforms as the product holds them, and the way to the rate that is wanted."""

    window_samples: int
    margin_samples: int
    way: Resampling

    @property
    def n_samples(self) -> int:
        return self.window_samples + 2 * self.margin_samples

    @property
    def lengths(self) -> tuple[int, int]:
        """Samples of the window and of a margin at the new rate, less what the filter needs."""
        way = self.way
        margin = self.margin_samples * way.up - len(way.taps) // 2
        return self.window_samples * way.up // way.down, margin // way.down

    def brought(self, rows: npt.NDArray[Any], margin: int, n: int) -> npt.NDArray[Any]:
        """Return waveforms at the new rate, with a margin and in all `n` samples long."""
        way = self.way
        if way.down == 1:
            return rows
        first = self.margin_samples * way.up - margin * way.down
        found = np.empty((len(rows), n), dtype=np.float32)
        for row, brought in zip(rows, found, strict=True):
            brought[:] = way(row, first, n)
        return found


def open_examples(path: str | AnyPath, rate_hz: int | None = None) -> Examples:
    """Open the wavelets of a finished WAVELETS product.

    Parameters
    ----------
    path : path
        What ``seisflow assemble`` wrote.
    rate_hz : int, optional
        Samples per second wanted, those of the product or fewer; by default those of the product.

    Returns
    -------
    columns : Examples
        In memory; no waveform has been read.

    Raises
    ------
    ConfigError
        There is nothing at `path`, it is another product, or it has a lower rate than is wanted.
    DataError
        It is no product of seisflow, one in another layout, or one whose arrays do not fit.
    IncompleteError
        Some tasks of the product have not run.
    """
    path = any_path(path)
    product = read_product(path, "WAVELETS")
    require_complete(path)
    waveform = open_array(path, "waveform")
    stored = _stored(path, product, int(waveform.shape[1]), rate_hz)
    window, margin = stored.lengths
    if margin < 0:
        raise ConfigError(
            f"resampling {path} to {stored.way.to_hz} samples/s needs {stored.way.halo_samples} "
            f"samples beside a window, and it has {stored.margin_samples}; assemble with a longer "
            "--margin-s"
        )
    comment = str(open_array(path, "split").attrs.get("comment", ""))
    columns = {name: read_column(path, name).astype(kind) for name, kind in COLUMNS.items()}
    columns["start_ns"] = columns.pop("start")
    return Examples(
        path=path,
        key=product.identity.key,
        rate_hz=stored.way.to_hz,
        window_samples=window,
        margin_samples=margin,
        station=_strings(path, "station"),
        event=_strings(path, "event"),
        ready=read_column(path, "state") == State.READY,
        shard_size=int((waveform.shards or waveform.chunks)[0]),
        chunk_size=int(waveform.chunks[0]),
        _waveform=waveform,
        _stored=stored,
        warnings=tuple(comment.splitlines()),
        **columns,
    )


def _stored(path: AnyPath, product: Product, n_samples: int, wanted_hz: int | None) -> _Stored:
    config, rate = product.identity.config, product.rate
    if rate.denominator != 1:
        raise DataError(
            f"{path} has {float(rate):g} samples per second; networks are made for whole numbers "
            "of samples per second: resample the records before ingest"
        )
    window = round(config["window_s"] * rate)
    margin = round(config["margin_s"] * rate)
    if window + 2 * margin != n_samples:
        raise DataError(
            f"{path} holds {n_samples} samples of a wavelet, and a window of {window} with margins "
            f"of {margin} was configured; the product was changed: make it again"
        )
    wanted_hz = wanted_hz or int(rate)
    if wanted_hz > rate:
        raise ConfigError(
            f"{wanted_hz} samples/s are needed and {path} has {rate}: what lies above {rate / 2} Hz "
            f"was not recorded; take wavelets of a higher rate, or a model of {rate} samples/s or "
            "fewer"
        )
    return _Stored(window, margin, Resampling(int(rate), wanted_hz))


def _strings(path: AnyPath, name: str) -> Strings:
    """Read names, each kept once in memory however often it comes."""
    return np.array([sys.intern(str(s)) for s in read_column(path, name)], dtype=object)
