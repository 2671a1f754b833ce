"""The array that is searched: its stations, where they stand, how long a wave takes across it."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from seisflow.archive.reading import read_column, station_names
from seisflow.core.files import AnyPath
from seisflow.core.stations import Coordinates, StationPattern, matches_any
from seisflow.detect.config import LEAST_NODES, DetectConfig
from seisflow.detect.plane_wave import local_xy_m
from seisflow.errors import ConfigError

__all__ = ["Array", "read_array"]

JITTER_S = 2
"""Seconds by which first triggers of nodes may differ where P does not."""

DENSE_M = 300.0
"""Where the median station has a neighbour within so many metres, waveforms are alike."""

DENSE_MIN_CC = 0.4
"""Least mean correlation there: aligned noise of a hundred nodes reaches 0.25 to 0.35."""


@dataclass(frozen=True)
class Array:
    """The stations of a run and what follows from where they stand.

    ``score_rows`` and ``waveform_rows`` are their rows in both products; ``window_s`` is how long
    a coincidence may last, ``moveout_s`` how long a wave takes across the array; ``min_cc`` is the
    least mean correlation of a detection; ``notes`` say what cannot be known.
    """

    stations: tuple[str, ...]
    score_rows: tuple[int, ...]
    waveform_rows: tuple[int, ...]
    places: tuple[Coordinates, ...]
    window_s: int
    moveout_s: float
    min_cc: float = 0.0
    notes: tuple[str, ...] = ()

    def column(self, name: str) -> npt.NDArray[np.float64]:
        """Return longitude, latitude or elevation of all stations."""
        return np.array([getattr(place, name) for place in self.places], dtype=np.float64)


def read_array(config: DetectConfig, waveforms: AnyPath, scores: AnyPath) -> Array:
    """Return the chosen stations of SCORES.

    Raises
    ------
    ConfigError
        There are fewer than nodes needed, or the largest moveout cannot be known.
    """
    names = station_names(scores)
    rows = {name: i for i, name in enumerate(station_names(waveforms))}
    patterns = [StationPattern(s) for s in config.select]
    chosen = tuple(i for i, name in enumerate(names) if matches_any(name, patterns))
    if len(chosen) < config.min_nodes:
        advice = [f"lower --min-nodes to {len(chosen)}"] if len(chosen) >= LEAST_NODES else []
        advice += ["choose more stations with --select"] if config.select else []
        raise ConfigError(
            f"{config.min_nodes} nodes in coincidence asked for, {scores} has {len(chosen)} "
            f"stations{' that --select leaves' if config.select else ''}; "
            f"{' or '.join(advice) or 'an array needs more stations'}"
        )
    columns = [read_column(scores, name) for name in ("longitude", "latitude", "elevation")]
    places = tuple(Coordinates(*(float(c[i]) for c in columns)) for i in chosen)
    moveout_s, notes = _moveout(config, places)
    stations = tuple(names[i] for i in chosen)
    window_s = 1 + JITTER_S + math.ceil(moveout_s)
    waveform_rows = tuple(rows[name] for name in stations)
    min_cc = _min_cc(places) if config.min_cc is None else config.min_cc
    return Array(stations, chosen, waveform_rows, places, window_s, moveout_s, min_cc, notes)


def _moveout(
    config: DetectConfig, places: tuple[Coordinates, ...]
) -> tuple[float, tuple[str, ...]]:
    """Return the largest moveout of the array, and what cannot be known of it."""
    longitude = np.array([place.longitude for place in places])
    latitude = np.array([place.latitude for place in places])
    known = np.isfinite(longitude) & np.isfinite(latitude)
    notes = []
    if not known.all():
        notes.append(
            f"{int((~known).sum())} of {len(places)} stations have no coordinates: no back-azimuth "
            "and no apparent velocity from them"
        )
    if config.moveout_s is not None:
        return config.moveout_s, tuple(notes)
    if known.sum() < 2:
        raise ConfigError(
            "stations have no coordinates, so the largest moveout of the array is not known; give "
            "--moveout-s, or ingest with --stations"
        )
    x, y = local_xy_m(longitude[known], latitude[known])
    aperture_m = float(np.hypot(np.ptp(x), np.ptp(y)))
    return aperture_m / config.slowest_velocity_m_s, tuple(notes)


def _min_cc(places: tuple[Coordinates, ...]) -> float:
    """Return the least mean correlation that an array of this spacing should ask for."""
    x, y = local_xy_m([p.longitude for p in places], [p.latitude for p in places])
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2:
        return 0.0
    at = np.stack([x[known], y[known]], axis=1)
    nearest = cKDTree(at).query(at, k=2)[0][:, 1]
    return DENSE_MIN_CC if float(np.median(nearest)) <= DENSE_M else 0.0
