"""What wavelets truly are where the scene was planted: classes from a TRUTH product.

Labels are made from the record and may be wrong; TRUTH is what ``seisflow synth`` put into it. An
earthquake is true by its planted arrival, noise by the planted amplitude of its seconds.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from seisflow.archive.products import Product
from seisflow.archive.reading import read_slice, station_names
from seisflow.archive.store import read_product
from seisflow.archive.work import require_complete
from seisflow.core.classes import WaveletClass
from seisflow.core.files import AnyPath
from seisflow.core.grid import NS_PER_S, Span
from seisflow.errors import ConfigError
from seisflow.stages.synth.sources import SourceKind

if TYPE_CHECKING:
    from seisflow.stages.learn.examples import Examples

__all__ = ["LEFT_OUT", "PlantedTruth", "planted_classes"]

Codes = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.int64]

LEFT_OUT = 255
"""Code of a wavelet that the truth gives no class."""

LEAST_SHARE = 0.5
"""Of the earthquakes, those that must have a planted one in their window."""


@dataclass(frozen=True)
class PlantedTruth:
    """A TRUTH product and how it is read.

    Parameters
    ----------
    path : Path
        What ``seisflow synth`` planted.
    source_ratio : float
        Rms of all that is planted over rms of the noise, from which a second holds a source.
    quiet_ratio : float
        The same ratio below which a second is quiet: nothing there that could be seen.
    """

    path: AnyPath
    source_ratio: float = 0.5
    quiet_ratio: float = 0.05


def planted_classes(truth: PlantedTruth, examples: "Examples", indices: Indices) -> Codes:
    """Return the class of wavelets by what was planted.

    Parameters
    ----------
    truth : PlantedTruth
        Of the scene that the wavelets were recorded in.
    examples : Examples
        The set.
    indices : ndarray of int64, shape (n,)
        Wavelets of it.

    Returns
    -------
    ndarray of uint8, shape (n,)
        `WaveletClass`, or `LEFT_OUT`. An earthquake stays one. Of the others, one with a source
        in at least one of its seconds is not random noise, one whose seconds are all quiet is
        random noise, and one in between is left out. A second that the window touches counts
        whole; one without data is neither quiet nor holds a source.

    Raises
    ------
    ConfigError
        The truth is of other stations or times, or of another scene.
    IncompleteError
        The scene is not finished.
    """
    product = read_product(truth.path, "TRUTH")
    require_complete(truth.path)
    rows = {name: row for row, name in enumerate(station_names(truth.path))}
    _refuse_elsewhere(truth.path, product, rows, examples, indices)
    classes = np.full(indices.size, LEFT_OUT, np.uint8)
    has_quake = np.zeros(indices.size, np.bool_)
    station = examples.station[indices].astype(str)
    for name in np.unique(station):
        own = np.flatnonzero(station == name)
        first, stop = _seconds(product, examples, indices[own])
        kind, ratio = _read(truth.path, product, rows[name])
        is_known = kind != SourceKind.NO_DATA
        n_loud = _count(is_known & (ratio >= truth.source_ratio), first, stop)
        n_quiet = _count(is_known & (ratio < truth.quiet_ratio), first, stop)
        classes[own[n_quiet == stop - first]] = WaveletClass.RANDOM_NOISE
        classes[own[n_loud > 0]] = WaveletClass.NOT_RANDOM_NOISE
        has_quake[own] = _count(kind == SourceKind.EARTHQUAKE, first, stop) > 0
    is_quake = examples.wavelet_class[indices] == WaveletClass.EARTHQUAKE
    classes[is_quake] = WaveletClass.EARTHQUAKE
    _refuse_other_scene(truth.path, has_quake[is_quake])
    return classes


def _read(path: AnyPath, product: Product, row: int) -> tuple[Codes, npt.NDArray[np.float32]]:
    """Return the kind and the amplitude ratio of all seconds of one station."""
    kind = read_slice(path, "kind", row, 0, product.n_seconds)
    ratio = read_slice(path, "amplitude_ratio", row, 0, product.n_seconds)
    return kind.astype(np.uint8), ratio.astype(np.float32)


def _seconds(product: Product, examples: "Examples", indices: Indices) -> tuple[Indices, Indices]:
    """Return the first second of TRUTH that each window touches, and the one after its last."""
    start = examples.start_ns[indices] - product.span.start_ns
    stop = start + examples.window_samples * NS_PER_S // examples.rate_hz
    return start // NS_PER_S, -(-stop // NS_PER_S)


def _count(is_so: Flags, first: Indices, stop: Indices) -> Indices:
    """Count the seconds of each window for which something is so."""
    before = np.concatenate([[0], np.cumsum(is_so, dtype=np.int64)])
    return np.asarray(before[stop] - before[first])


def _refuse_elsewhere(
    path: AnyPath, product: Product, rows: dict[str, int], examples: "Examples", indices: Indices
) -> None:
    stations = sorted(set(examples.station[indices].astype(str)))
    unknown = [name for name in stations if name not in rows]
    if unknown:
        raise ConfigError(
            f"{len(unknown)} of {len(stations)} stations of {examples.place} are not in {path}: "
            f"{', '.join(unknown[:3])}; it has {', '.join(list(rows)[:3])}, {len(rows)} in all; "
            "give the TRUTH of the scene these wavelets were recorded in"
        )
    first, stop = _seconds(product, examples, indices)
    if first.min() < 0 or stop.max() > product.n_seconds:
        start = examples.start_ns[indices]
        asked = Span(int(start.min()), int(start.max()) + 1)
        raise ConfigError(
            f"the wavelets of {examples.place} begin in {asked}, and {path} covers {product.span}; "
            "give the TRUTH of the scene these wavelets were recorded in"
        )


def _refuse_other_scene(path: AnyPath, has_quake: Flags) -> None:
    if has_quake.size and has_quake.mean() < LEAST_SHARE:
        raise ConfigError(
            f"of {has_quake.size} wavelets of earthquakes, {int(has_quake.sum())} lie where {path} "
            "has one: it is the truth of another scene; give the TRUTH of the scene these "
            "wavelets were recorded in"
        )
