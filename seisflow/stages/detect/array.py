"""The array that is searched: its stations, where they stand, how long a wave takes across it."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree

from seisflow.archive.reading import read_column, station_names
from seisflow.core.files import AnyPath
from seisflow.core.geometry import far_from_others, local_xy_m
from seisflow.core.stations import Coordinates, select_stations
from seisflow.core.wording import counted, some_names
from seisflow.errors import ConfigError
from seisflow.stages.detect.config import LEAST_NODES, DetectParameters

__all__ = ["Array", "array_of", "read_array"]

LONG_MOVEOUT_S = 60.0
"""Longer ones are said: an array of 120 km, at the slowest apparent velocity of the defaults."""

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


def read_array(config: DetectParameters, waveforms: AnyPath, scores: AnyPath) -> Array:
    """Return the chosen stations of SCORES.

    Raises
    ------
    ConfigError
        There are fewer than nodes needed, or the largest moveout cannot be known.
    """
    columns = [read_column(scores, name) for name in ("longitude", "latitude", "elevation")]
    places = [Coordinates(*(float(v) for v in place)) for place in zip(*columns, strict=True)]
    stations = dict(zip(station_names(scores), places, strict=True))
    return array_of(config, stations, station_names(waveforms), str(scores))


def array_of(
    config: DetectParameters, scored: Mapping[str, Coordinates], recorded: Sequence[str], where: str
) -> Array:
    """Return the chosen ones of the stations that have scores.

    Parameters
    ----------
    config : DetectConfig
        Which are chosen, and how fast waves cross them.
    scored : mapping of str to Coordinates
        Stations of SCORES in the order of its rows, and where they stand.
    recorded : sequence of str
        Stations of WAVEFORMS in the order of its rows; those of SCORES among them.
    where : str
        What has these scores, for messages.

    Raises
    ------
    ConfigError
        There are fewer than nodes needed, or the largest moveout cannot be known.
    """
    names, rows = list(scored), {name: i for i, name in enumerate(recorded)}
    chosen, idle = select_stations(names, config.select, where)
    if len(chosen) < config.min_nodes:
        advice = [f"lower --min-nodes to {len(chosen)}"] if len(chosen) >= LEAST_NODES else []
        advice += ["choose more stations with --select"] if config.select else []
        raise ConfigError(
            f"{config.min_nodes} nodes in coincidence asked for, {where} has {len(chosen)} "
            f"stations{' that --select leaves' if config.select else ''}; "
            f"{' or '.join(advice) or 'an array needs more stations'}"
        )
    stations = tuple(names[i] for i in chosen)
    places = tuple(scored[name] for name in stations)
    moveout_s, notes = _moveout(config, stations, places)
    window_s = 1 + JITTER_S + math.ceil(moveout_s)
    waveform_rows = tuple(rows[name] for name in stations)
    min_cc = _min_cc(places) if config.min_cc is None else config.min_cc
    return Array(stations, chosen, waveform_rows, places, window_s, moveout_s, min_cc, idle + notes)


def _moveout(
    config: DetectParameters, stations: tuple[str, ...], places: tuple[Coordinates, ...]
) -> tuple[float, tuple[str, ...]]:
    """Return the largest moveout of the array, and what is to be said of it."""
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
    moveout_s = _aperture_m(longitude[known], latitude[known]) / config.slowest_velocity_m_s
    far_km = far_from_others(longitude, latitude)
    near = known & (far_km == 0)
    without_s = _aperture_m(longitude[near], latitude[near]) / config.slowest_velocity_m_s
    far = [f"{stations[i]} by {far_km[i]:,.0f} km" for i in np.flatnonzero(far_km)]
    return moveout_s, (*notes, *_of_long_moveout(config, moveout_s, without_s, far))


def _of_long_moveout(
    config: DetectParameters, moveout_s: float, without_s: float, far: list[str]
) -> Iterator[str]:
    """Say so where the largest moveout is longer than arrays need, and why."""
    if far and moveout_s > 2 * without_s:
        yield (
            f"the largest moveout is {moveout_s:,.3g} s because of {counted(len(far), 'station')} "
            f"far from the others ({some_names(far)}); without, it is {without_s:.3g} s: correct "
            "the coordinates, exclude such stations with --select, or give --moveout-s"
        )
    elif moveout_s > LONG_MOVEOUT_S:
        yield (
            f"the largest moveout is {moveout_s:,.0f} s, the aperture of the array over "
            f"--slowest-velocity-m-s {config.slowest_velocity_m_s:g}: events closer in time than "
            "that are merged; give --moveout-s or a higher velocity"
        )


def _aperture_m(longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64]) -> float:
    """Return the diagonal of the rectangle, east and north, that holds all places."""
    x, y = local_xy_m(longitude, latitude)
    return float(np.hypot(np.ptp(x), np.ptp(y)))


def _min_cc(places: tuple[Coordinates, ...]) -> float:
    """Return the least mean correlation that an array of this spacing should ask for."""
    x, y = local_xy_m([p.longitude for p in places], [p.latitude for p in places])
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2:
        return 0.0
    at = np.stack([x[known], y[known]], axis=1)
    nearest = cKDTree(at).query(at, k=2)[0][:, 1]
    return DENSE_MIN_CC if float(np.median(nearest)) <= DENSE_M else 0.0
