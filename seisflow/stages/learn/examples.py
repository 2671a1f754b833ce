"""The wavelets that a network learns from or is judged by, of one product or of several.

Knows their columns, all of which fit in memory, and reads the waveforms of those that are asked
for, all at one rate; see `seisflow.stages.learn.sources`.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.reading import read_column
from seisflow.core.classes import Split, State, WaveletClass
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath, any_path
from seisflow.core.grid import format_time
from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.sources import Source, lower_rate, open_source, rate_of

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
    """All wavelets of one WAVELETS product or of several; n is their number, ready or not.

    Parameters
    ----------
    sources : tuple of Source
        The products; the wavelets of the first come first.
    source : ndarray of int64, shape (n,)
        Place in `sources` of the one that a wavelet is from.
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
    """

    sources: tuple[Source, ...]
    source: Indices
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

    def __len__(self) -> int:
        return int(self.wavelet_class.size)

    @property
    def n_samples(self) -> int:
        """Samples of a waveform: the window and both margins."""
        return self.window_samples + 2 * self.margin_samples

    @property
    def key(self) -> str:
        """32 hexadecimal digits that name the set."""
        keys = [source.product.identity.key for source in self.sources]
        return keys[0] if len(keys) == 1 else fingerprint(keys)

    @property
    def name(self) -> str:
        """The file names of its products."""
        return ", ".join(source.path.name for source in self.sources)

    @property
    def names(self) -> Strings:
        """Name of each product, shape (number of products,); paths where two are called alike."""
        names = [source.name for source in self.sources]
        if len(set(names)) < len(names):
            names = [str(source.path) for source in self.sources]
        return np.array(names, dtype=object)

    @property
    def place(self) -> str:
        """The paths of its products, for messages."""
        return ", ".join(str(source.path) for source in self.sources)

    @property
    def shard_bytes(self) -> int:
        """What the largest file of the store takes while it is read, before it is resampled."""
        return max(source.shard_bytes for source in self.sources)

    @property
    def shard_size(self) -> int:
        """Largest number of wavelets in one file of the store."""
        return max(min(source.shard_size, len(source)) for source in self.sources)

    @property
    def n_shards(self) -> int:
        """Files of the store."""
        return sum(-(-len(source) // source.shard_size) for source in self.sources)

    def warnings(self, split: str = "") -> tuple[str, ...]:
        """Return what splits, or one of them, are short of, as each product says it."""
        many = len(self.sources) > 1
        return tuple(
            f"{name}: {text}" if many else text
            for name, source in zip(self.names, self.sources, strict=True)
            for text in source.warnings
            if text.startswith(f"{split} has " if split else "")
        )

    def of_lower_rate(self) -> tuple[str, ...]:
        """Return which products have a lower rate than what is read, and what that means."""
        return tuple(
            lower_rate(str(name), source.way.from_hz, self.rate_hz)
            for name, source in zip(self.names, self.sources, strict=True)
            if source.way.from_hz < self.rate_hz
        )

    def of_draws(self, draws: Indices) -> Indices:
        """Return which wavelets are drawn: a draw is a wavelet, plus n for each copy of it."""
        return draws % len(self)

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

    def of_sources(self) -> dict[str, dict[str, Any]]:
        """Return the key and the number of ready wavelets of each product, by its name."""
        n_ready = np.bincount(self.source[self.ready], minlength=len(self.sources))
        return {
            str(name): {"key": source.product.identity.key, "wavelets": int(n)}
            for name, source, n in zip(self.names, self.sources, n_ready, strict=True)
        }

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
            raise IndexError(f"{self.place} has wavelets 0 to {len(self) - 1}, asked {asked}")
        self._refuse_unready(asked)
        read = np.empty((asked.size, self.n_samples), dtype=np.float32)
        is_finite = np.ones(asked.size, dtype=np.bool_)
        for source, first, places in self._by_source(asked):
            is_finite[places] = source.read(asked[places] - first, read, places)
        self._refuse_nonfinite(asked, is_finite)
        return read

    def shards(self, indices: npt.ArrayLike) -> Iterator[Indices]:
        """Yield `indices` cut into the files of the store they lie in, ascending."""
        ordered = np.sort(np.asarray(indices, dtype=np.int64).ravel())
        for source, first, places in self._by_source(ordered):
            for part in source.shards(ordered[places] - first):
                yield part + first

    def _by_source(self, asked: Indices) -> Iterator[tuple[Source, int, Indices]]:
        """Yield each product with its first wavelet and the places in `asked` that it has."""
        first = 0
        for source in self.sources:
            places = np.flatnonzero((asked >= first) & (asked < first + len(source)))
            if places.size:
                yield source, first, places.astype(np.int64)
            first += len(source)

    def where(self, index: int) -> str:
        """Say which wavelet an index is, for messages: product, index, station and start."""
        time = format_time(int(self.start_ns[index]))
        source = int(self.source[index])
        own = index - int(np.searchsorted(self.source, source))
        return f"{self.sources[source].path}: wavelet {own} ({self.station[index]} at {time})"

    def _refuse_unready(self, asked: Indices) -> None:
        if not self.ready[asked].all():
            some = int(asked[~self.ready[asked]][0])
            raise DataError(
                f"{self.where(some)} was asked for and could not be made; "
                "take indices from Examples.select, which leaves such wavelets out"
            )

    def _refuse_nonfinite(self, asked: Indices, is_finite: npt.NDArray[np.bool_]) -> None:
        if not is_finite.all():
            some = int(asked[~is_finite][0])
            raise DataError(
                f"{self.where(some)} holds samples that are not finite, and "
                f"{int((~is_finite).sum())} of the {asked.size} wavelets read with it do; the file "
                "was changed after it was made: make the product again with seisflow assemble"
            )


def open_examples(
    paths: str | AnyPath | Sequence[str | AnyPath], rate_hz: int | None = None
) -> Examples:
    """Open the wavelets of finished WAVELETS products as one set.

    Parameters
    ----------
    paths : path or sequence of path
        What ``seisflow assemble`` wrote.
    rate_hz : int, optional
        Samples per second wanted; by default those of the product that has the fewest.

    Returns
    -------
    columns : Examples
        In memory; no waveform has been read.

    Raises
    ------
    ConfigError
        There is nothing at a path, it is another product, it has less than 0.4 of the rate wanted,
        it is given twice, or windows are of several lengths.
    DataError
        It is no product of seisflow, one in another layout, or one whose arrays do not fit.
    IncompleteError
        Some tasks of a product have not run.
    """
    given = [paths] if isinstance(paths, str | AnyPath) else paths
    found = [any_path(path) for path in given]
    rate_hz = rate_hz or min(rate_of(path) for path in found)
    sources = tuple(open_source(path, rate_hz) for path in found)
    _refuse_misfit(sources)
    every = [_columns_of(path) for path in found]
    columns: dict[str, Any] = {
        name: np.concatenate([own[name] for own in every]) for name in every[0]
    }
    return Examples(
        sources=sources,
        source=np.repeat(np.arange(len(sources)), [len(source) for source in sources]),
        rate_hz=rate_hz,
        window_samples=sources[0].window_read,
        margin_samples=min(source.margin_read for source in sources),
        **columns,
    )


def _refuse_misfit(sources: Sequence[Source]) -> None:
    windows = {source.window_read for source in sources}
    if len(windows) > 1:
        lengths = (f"{s.path} {s.window_read / s.way.to_hz:g} s" for s in sources)
        raise ConfigError(
            f"windows of several lengths: {', '.join(lengths)}; assemble them with one --window-s"
        )
    keys = [source.product.identity.key for source in sources]
    twice = [str(s.path) for s, key in zip(sources, keys, strict=True) if keys.count(key) > 1]
    if twice:
        raise ConfigError(f"{' and '.join(twice)} hold the same wavelets; give them once")


def _columns_of(path: AnyPath) -> dict[str, Any]:
    columns: dict[str, Any] = {
        name: read_column(path, name).astype(kind) for name, kind in COLUMNS.items()
    }
    columns["start_ns"] = columns.pop("start")
    columns |= {name: _strings(path, name) for name in ("station", "event")}
    return columns | {"ready": read_column(path, "state") == State.READY}


def _strings(path: AnyPath, name: str) -> Strings:
    """Read names, each kept once in memory however often it comes."""
    return np.array([sys.intern(str(s)) for s in read_column(path, name)], dtype=object)
