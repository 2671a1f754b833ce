"""One WAVELETS product among those that a network learns from, and how its waveforms are read.

They are read at their own rate or brought to another one with the filter of inference
(`seisflow.dsp.resampling`). Invariant: nothing here holds more waveforms than were asked for, and
beside them, while they are read, those of one file of the store (2048 wavelets) at most.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import Product
from seisflow.archive.store import open_array, read_product
from seisflow.archive.work import require_complete
from seisflow.core.files import AnyPath
from seisflow.dsp.resampling import LEAST_SHARE, Resampling
from seisflow.errors import ConfigError, DataError

__all__ = ["Source", "lower_rate", "open_source", "rate_of"]

Indices = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Source:
    """The waveforms of one WAVELETS product; n is their number.

    Parameters
    ----------
    path : Path
        The product.
    product : Product
        What it is.
    window_samples, margin_samples : int
        Samples of a window, and of the margin before it and after it, as stored.
    way : Resampling
        From the rate of the product to the one wanted.
    waveform : zarr.Array
        All of them, shape (n, window_samples + 2 * margin_samples).
    warnings : tuple of str
        Which splits are short of wavelets, and with what effect, as the product says it.
    """

    path: AnyPath
    product: Product
    window_samples: int
    margin_samples: int
    way: Resampling
    waveform: Any = field(repr=False)
    warnings: tuple[str, ...] = ()

    def __len__(self) -> int:
        return int(self.waveform.shape[0])

    @property
    def name(self) -> str:
        """What it is called beside others: its file name without ``.zarr``."""
        return self.path.name.removesuffix(".zarr")

    @property
    def chunk_size(self) -> int:
        """Wavelets in the smallest part of the store that is read."""
        return int(self.waveform.chunks[0])

    @property
    def shard_size(self) -> int:
        """Wavelets in one file of the store."""
        return int((self.waveform.shards or self.waveform.chunks)[0])

    @property
    def shard_bytes(self) -> int:
        """What the waveforms of one file take while they are read."""
        n_samples = self.window_samples + 2 * self.margin_samples
        return 4 * n_samples * min(self.shard_size, len(self))

    @property
    def window_read(self) -> int:
        """Samples of a window at the rate wanted."""
        return self.window_samples * self.way.up // self.way.down

    @property
    def margin_read(self) -> int:
        """Samples of a margin at the rate wanted, less what the filter needs; may be below 0."""
        way = self.way
        room = self.margin_samples * way.up - way.more_behind
        return (room - len(way.taps) // 2) // way.down

    def read(
        self, asked: Indices, found: npt.NDArray[np.float32], places: Indices
    ) -> npt.NDArray[np.bool_]:
        """Read waveforms at the rate wanted.

        Parameters
        ----------
        asked : ndarray of int64, shape (k,)
            Which of them.
        found : ndarray of float32, shape (m, window_read + 2 * margin)
            Where they go; the margin wanted is at most `margin_read`.
        places : ndarray of int64, shape (k,)
            Their rows in it.

        Returns
        -------
        ndarray of bool, shape (k,)
            False where a sample is NaN or infinite, and its neighbours were not read either.
        """
        is_finite = np.ones(asked.size, dtype=np.bool_)
        for run in self._runs(asked):
            first, last = int(asked[run[0]]), int(asked[run[-1]])
            rows = self.waveform[first : last + 1][asked[run] - first]
            is_finite[run] = np.isfinite(rows).all(axis=1)
            if is_finite[run].all():
                found[places[run]] = self._brought(rows, found.shape[1])
        return is_finite

    def shards(self, asked: Indices) -> Iterator[Indices]:
        """Yield ascending indices cut into the files of the store they lie in."""
        cuts = np.flatnonzero(np.diff(asked // self.shard_size)) + 1
        yield from (part for part in np.split(asked, cuts) if part.size)

    def _brought(self, rows: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
        """Return waveforms at the rate wanted, `n` samples about the middle of the window."""
        way, margin = self.way, (n - self.window_read) // 2
        first = self.margin_samples * way.up - margin * way.down
        if way.from_hz == way.to_hz:
            return rows[:, first : first + n]
        found = np.empty((len(rows), n), dtype=np.float32)
        for row, brought in zip(rows, found, strict=True):
            brought[:] = way(row, first, n)
        return found

    def _runs(self, asked: Indices) -> Iterator[Indices]:
        """Yield places in `asked`, ascending by wavelet, to be read from the store in one go.

        A run is made of neighbouring chunks of one file, so that no chunk is read twice and none
        is read for nothing.
        """
        order = np.argsort(asked, kind="stable")
        ordered = asked[order]
        gap = np.diff(ordered // self.chunk_size) > 1
        other_file = np.diff(ordered // self.shard_size) > 0
        yield from (p for p in np.split(order, np.flatnonzero(gap | other_file) + 1) if p.size)


def rate_of(path: AnyPath) -> int:
    """Return the samples per second of a WAVELETS product.

    Raises
    ------
    ConfigError
        There is nothing at `path`, or it is another product.
    DataError
        They are no whole number.
    """
    rate = read_product(path, "WAVELETS").rate
    if rate.denominator != 1:
        raise DataError(
            f"{path} has {float(rate):g} samples per second; networks are made for whole numbers "
            "of samples per second: resample the records before ingest"
        )
    return int(rate)


def lower_rate(name: str, rate_hz: float, model_hz: int) -> str:
    """Say what is to be expected of records of a lower rate than the model's."""
    return (
        f"{name} has {rate_hz:g} samples/s and the model {model_hz}: above {rate_hz / 2:g} Hz it "
        "sees nothing; fewer earthquakes are found than in records of its own rate"
    )


def open_source(path: AnyPath, wanted_hz: int) -> Source:
    """Open a finished WAVELETS product, to be read at its rate or another one.

    Raises
    ------
    ConfigError
        There is nothing at `path`, it is another product, it has less than 0.4 of the rate
        wanted, or margins too short to be resampled.
    DataError
        It is in another layout, or its arrays do not fit.
    IncompleteError
        Some tasks of the product have not run.
    """
    rate, product = rate_of(path), read_product(path, "WAVELETS")
    require_complete(path)
    waveform, config = open_array(path, "waveform"), product.identity.config
    window, margin = round(config["window_s"] * rate), round(config["margin_s"] * rate)
    if window + 2 * margin != waveform.shape[1]:
        raise DataError(
            f"{path} holds {waveform.shape[1]} samples of a wavelet, and a window of {window} with "
            f"margins of {margin} was configured; the product was changed: make it again"
        )
    if rate < LEAST_SHARE * wanted_hz:
        raise ConfigError(
            f"{wanted_hz} samples/s are needed and {path} has {rate}: what lies above "
            f"{rate / 2:g} Hz was not recorded; take wavelets of {LEAST_SHARE * wanted_hz:g} or "
            f"more, or a model of {rate / LEAST_SHARE:g} samples/s or fewer"
        )
    comment = str(open_array(path, "split").attrs.get("comment", ""))
    way = Resampling(rate, wanted_hz)
    source = Source(path, product, window, margin, way, waveform, tuple(comment.splitlines()))
    if source.margin_read < 0:
        raise ConfigError(
            f"resampling {path} to {wanted_hz} samples/s needs {way.halo_samples} samples beside a "
            f"window, and it has {margin}; assemble with a longer --margin-s"
        )
    return source
