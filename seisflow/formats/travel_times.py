"""Travel times of first arrivals through a model of the earth, by ObsPy TauP.

Invariant: a time depends on depth and distance alone, never on what was asked before.
"""

import warnings
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from seisflow.core.geometry import surface_distance_km
from seisflow.core.grid import NS_PER_S
from seisflow.core.stations import Coordinates
from seisflow.errors import ConfigError
from seisflow.formats.arrivals import KM_PER_DEGREE, Arrival
from seisflow.formats.events import Event

__all__ = ["TravelTimes", "predict_arrivals"]

STEP_KM = 0.1
"""Depths and distances are rounded to this, so that a dense array asks for few: within 0.02 s."""
FAR_KM = 10_000.0
"""From here on arrivals may come along or through the core."""
NEAR_PHASES = {"P": ("p", "P"), "S": ("s", "S")}
FAR_PHASES = {"P": ("P", "Pdiff", "PKP"), "S": ("S", "Sdiff", "SKS")}


class TravelTimes:
    """First arrivals of one model, computed once for each rounded depth and distance.

    Both are rounded to 0.1 km. A source above sea level is taken at 0; stations are at the
    surface of a sphere.

    Parameters
    ----------
    model : str
        A model ObsPy knows, for example ``iasp91`` or ``ak135``, or the path of an ``.npz``.

    Raises
    ------
    ConfigError
        There is no such model.
    """

    def __init__(self, model: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            taup = import_module("obspy.taup")
            try:
                self._model: Any = taup.TauPyModel(model)
            except Exception as error:
                raise ConfigError(
                    f"--predict {model!r} is no model of ObsPy TauP "
                    f"({type(error).__name__}); give for example iasp91, ak135, prem"
                ) from error
        self._known: dict[tuple[int, int], dict[str, float]] = {}

    def first_s(self, depth_km: float, distance_km: float) -> dict[str, float]:
        """Return the times of the first arrivals after the origin.

        Parameters
        ----------
        depth_km, distance_km : float
            Of the source; along the surface.

        Returns
        -------
        dict of str to float
            Seconds of ``P`` and ``S``, those that arrive.
        """
        key = (max(0, round(depth_km / STEP_KM)), round(distance_km / STEP_KM))
        if key not in self._known:
            self._known[key] = self._compute(*key)
        return self._known[key]

    def _compute(self, depth: int, distance: int) -> dict[str, float]:
        distance_km = distance * STEP_KM
        families = NEAR_PHASES if distance_km < FAR_KM else FAR_PHASES
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = self._model.get_travel_times(
                depth * STEP_KM,
                distance_km / KM_PER_DEGREE,
                phase_list=[name for names in families.values() for name in names],
            )
        times = {
            family: [float(a.time) for a in found if a.name in names]
            for family, names in families.items()
        }
        return {family: min(values) for family, values in times.items() if values}


def predict_arrivals(
    events: tuple[Event, ...], sites: Mapping[tuple[str, str], Coordinates], model: str
) -> tuple[Arrival, ...]:
    """Compute the first P and S of every event at every site.

    Parameters
    ----------
    events : tuple of Event
        A catalogue.
    sites : mapping
        Place of each (network, station); elevation plays no part.
    model : str
        As in `TravelTimes`.

    Returns
    -------
    tuple of Arrival
        Event by event; a phase that does not reach a site is left out.

    Raises
    ------
    ConfigError
        There is no such model.
    """
    times = TravelTimes(model)
    longitudes = np.array([place.longitude for place in sites.values()])
    latitudes = np.array([place.latitude for place in sites.values()])
    found = []
    for event in events:
        away = surface_distance_km(event.longitude, event.latitude, longitudes, latitudes)
        for (network, station), distance_km in zip(sites, away.tolist(), strict=True):
            for phase, after_s in times.first_s(event.depth_km, distance_km).items():
                found.append(
                    Arrival(
                        event.time_ns + round(after_s * NS_PER_S),
                        network,
                        station,
                        phase,
                        event.event,
                        event.magnitude,
                        distance_km,
                    )
                )
    return tuple(found)
