"""When the events of a catalogue should have been seen on the array.

A detection is timed by P at the median node, a catalogue by the origin: seconds lie between them.
Before the two are compared, the catalogue is moved to P at the array, by predicted or by observed
onsets. These also say when S comes, which a detector may find instead.
"""

import math
from collections import defaultdict
from collections.abc import Collection, Iterable

import numpy as np

from seisflow.core.geometry import surface_distance_km
from seisflow.core.grid import NS_PER_S
from seisflow.core.stations import Coordinates
from seisflow.formats.arrivals import Arrival
from seisflow.formats.references import ReferenceEvent
from seisflow.formats.travel_times import TravelTimes

__all__ = ["expect_by_arrivals", "expect_by_travel_time"]


def expect_by_travel_time(
    events: Iterable[ReferenceEvent], place: Coordinates, model: str
) -> list[ReferenceEvent]:
    """Move origin times to the predicted first P at one place, and add the first S.

    Parameters
    ----------
    events : iterable of ReferenceEvent
        Those without a place keep their times: of our own detections these are P already.
    place : Coordinates
        The middle of the array; its elevation plays no part.
    model : str
        As in `seisflow.formats.travel_times.TravelTimes`.

    Returns
    -------
    list of ReferenceEvent
        Without the events whose P does not reach the place; `ReferenceEvent.s_ns` is None where
        no S does.

    Raises
    ------
    ConfigError
        There is no such model.
    """
    times = TravelTimes(model)
    longitude, latitude = np.array([place.longitude]), np.array([place.latitude])
    expected = []
    for event in events:
        if not math.isfinite(event.longitude + event.latitude + event.depth_km):
            expected.append(event)
            continue
        away = surface_distance_km(event.longitude, event.latitude, longitude, latitude)
        after_s = times.first_s(event.depth_km, float(away[0]))
        p_ns, s_ns = (
            event.time_ns + round(after_s[phase] * NS_PER_S) if phase in after_s else None
            for phase in ("P", "S")
        )
        if p_ns is not None:
            expected.append(event._replace(time_ns=p_ns, s_ns=s_ns))
    return expected


def expect_by_arrivals(
    events: Iterable[ReferenceEvent], arrivals: Iterable[Arrival]
) -> list[ReferenceEvent]:
    """Move origin times to the median onset of P of each event, and add that of S.

    Parameters
    ----------
    events : iterable of ReferenceEvent
        A catalogue.
    arrivals : iterable of Arrival
        At stations of the array; matched by the name of the event.

    Returns
    -------
    list of ReferenceEvent
        Without the events that have no onset of P; `ReferenceEvent.s_ns` is None where there is
        none of S. Of an even number of onsets the later of the middle ones is taken.
    """
    of_p: dict[str, list[int]] = defaultdict(list)
    of_s: dict[str, list[int]] = defaultdict(list)
    for arrival in arrivals:
        if arrival.event and (arrival.is_p or arrival.is_s):
            (of_p if arrival.is_p else of_s)[arrival.event].append(arrival.time_ns)
    return [
        event._replace(time_ns=p_ns, s_ns=_middle(of_s.get(event.event, ())))
        for event in events
        if (p_ns := _middle(of_p.get(event.event, ()))) is not None
    ]


def _middle(times_ns: Collection[int]) -> int | None:
    """Return the median, or the later of the middle ones; None of no times."""
    return sorted(times_ns)[len(times_ns) // 2] if times_ns else None
