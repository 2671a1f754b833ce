"""What arrivals mean for an archive: onsets to be examples, and times to keep away from.

Invariant: a site is NET.STA. An arrival is known at all channels of its site; an empty network, of
the arrival or of the site, fits any.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from seisflow.core.geometry import surface_distance_km
from seisflow.core.grid import NS_PER_S, format_time
from seisflow.core.stations import Coordinates
from seisflow.formats.arrivals import NOT_VISIBLE, Arrival
from seisflow.formats.events import Event

__all__ = [
    "SAME_EVENT_S",
    "KnownP",
    "MatchedArrivals",
    "match_arrivals",
    "site_of",
    "with_catalogue",
]

SAME_EVENT_S = 30
"""Arrivals of no named event that follow each other within this time belong to one event."""


class KnownP(NamedTuple):
    """All P at the site of a channel, as columns in order of time.

    ``first_ns`` is the earliest P of the event anywhere; ``visible`` is False of those that cannot
    be told from the noise.
    """

    time_ns: npt.NDArray[np.int64]
    first_ns: npt.NDArray[np.int64]
    visible: npt.NDArray[np.bool_]

    def between(self, start_ns: int, end_ns: int) -> "KnownP":
        """Return those from one time to another."""
        a, b = np.searchsorted(self.time_ns, [start_ns, end_ns])
        return KnownP(self.time_ns[a:b], self.first_ns[a:b], self.visible[a:b])


@dataclass(frozen=True)
class MatchedArrivals:
    """Columns of onsets, one for each event and channel, and what noise keeps away from.

    Parameters
    ----------
    events : tuple of str
        Names.
    first_ns : ndarray of int64, shape (n_events,)
        Earliest P of each event at any station, whether in the archive or not.
    channel, event : ndarray of int64, shape (n,)
        Index among the channels, and among `events`.
    onset_ns : ndarray of int64, shape (n,)
        P, ns since 1970.
    magnitude, distance_km : ndarray of float64, shape (n,)
        NaN where not known.
    away : tuple of ndarray of int64
        For each channel, the times that noise keeps away from, ns since 1970, ascending: all
        arrivals at its site.
    known_p : tuple of KnownP
        For each channel.
    rejected : mapping of str to int
        P arrivals that are no onsets, by reason.
    """

    events: tuple[str, ...]
    first_ns: npt.NDArray[np.int64]
    channel: npt.NDArray[np.int64]
    event: npt.NDArray[np.int64]
    onset_ns: npt.NDArray[np.int64]
    magnitude: npt.NDArray[np.float64]
    distance_km: npt.NDArray[np.float64]
    away: tuple[npt.NDArray[np.int64], ...]
    known_p: tuple[KnownP, ...]
    rejected: Mapping[str, int]


def site_of(channel: str) -> tuple[str, str]:
    """Return network and station code of NET.STA.LOC.CHA."""
    network, station, _ = channel.split(".", 2)
    return network, station


class _Sites:
    """Channels by site, looked up by what an arrival says."""

    def __init__(self, channels: Sequence[str]) -> None:
        self._by_code: dict[str, dict[str, list[int]]] = defaultdict(dict)
        for i, channel in enumerate(channels):
            network, station = site_of(channel)
            self._by_code[station].setdefault(network, []).append(i)
        self._found: dict[tuple[str, str], list[int]] = {}

    def channels(self, network: str, station: str) -> list[int]:
        key = (network, station)
        if key not in self._found:
            self._found[key] = [
                i
                for code, members in self._by_code.get(station, {}).items()
                if code == network or not code or not network
                for i in members
            ]
        return self._found[key]


def match_arrivals(
    arrivals: Iterable[Arrival], channels: Sequence[str], elsewhere_s: float | None = None
) -> MatchedArrivals:
    """Match arrivals with channels.

    Where an event has several P at a station, the earliest is the onset. Arrivals without an
    event are taken together while they follow each other within 30 s, and the event is called by
    the first of them.

    Parameters
    ----------
    arrivals : iterable of Arrival
        As read or predicted, in any order.
    channels : sequence of str
        NET.STA.LOC.CHA.
    elsewhere_s : float, optional
        Let noise of a site keep away from events that have no arrival there but have some at
        others, from the first of these to the last, by times that are so far apart at most.

    Returns
    -------
    MatchedArrivals
        Onsets ordered by channel and time.
    """
    named = list(_name_events(sorted(arrivals)))
    sites = _Sites(channels)
    first: dict[str, int] = {}
    away: list[list[int]] = [[] for _ in channels]
    every_p: list[list[Arrival]] = [[] for _ in channels]
    onsets: dict[tuple[int, str], Arrival] = {}
    rejected: Counter[str] = Counter()
    for arrival in named:
        members = sites.channels(arrival.network, arrival.station)
        for i in members:
            away[i].append(arrival.time_ns)
        if not arrival.is_p:
            continue
        for i in members:
            every_p[i].append(arrival)
        first.setdefault(arrival.event, arrival.time_ns)
        if not members or arrival.unfit:
            rejected[arrival.unfit if members else "no such station"] += 1
            continue
        for i in members:
            if onsets.setdefault((i, arrival.event), arrival) is not arrival:
                rejected["another P of the event before"] += 1
    if elsewhere_s is not None:
        _keep_away_from_elsewhere(away, named, sites, max(1, round(elsewhere_s * NS_PER_S)))
    known_p = tuple(_known_p(members, first) for members in every_p)
    return _columns(onsets, first, away, known_p, rejected)


def _keep_away_from_elsewhere(
    away: Sequence[list[int]], arrivals: Sequence[Arrival], sites: _Sites, step_ns: int
) -> None:
    """Add the times of events that have no arrival at a site; `arrivals` in order of time."""
    spans: dict[str, tuple[int, int]] = {}
    here: dict[str, set[int]] = defaultdict(set)
    for one in arrivals:
        spans[one.event] = spans.get(one.event, (one.time_ns, 0))[0], one.time_ns
        here[one.event].update(sites.channels(one.network, one.station))
    for event, (start, stop) in spans.items():
        times = [*range(start, stop, step_ns), stop]
        for i in {*range(len(away))} - here[event]:
            away[i].extend(times)


def _known_p(arrivals: Sequence[Arrival], first: Mapping[str, int]) -> KnownP:
    return KnownP(
        np.array([a.time_ns for a in arrivals], dtype=np.int64),
        np.array([first[a.event] for a in arrivals], dtype=np.int64),
        np.array([a.unfit != NOT_VISIBLE for a in arrivals], dtype=np.bool_),
    )


def _columns(
    onsets: Mapping[tuple[int, str], Arrival],
    first: Mapping[str, int],
    away: Sequence[Sequence[int]],
    known_p: tuple[KnownP, ...],
    rejected: Counter[str],
) -> MatchedArrivals:
    names = sorted(first)
    number = {name: i for i, name in enumerate(names)}
    ordered = sorted(onsets.items(), key=lambda o: (o[0][0], o[1].time_ns, o[0][1]))
    return MatchedArrivals(
        tuple(names),
        np.array([first[name] for name in names], dtype=np.int64),
        np.array([i for (i, _), _ in ordered], dtype=np.int64),
        np.array([number[event] for (_, event), _ in ordered], dtype=np.int64),
        np.array([a.time_ns for _, a in ordered], dtype=np.int64),
        np.array([a.magnitude for _, a in ordered], dtype=np.float64),
        np.array([a.distance_km for _, a in ordered], dtype=np.float64),
        tuple(np.array(sorted(times), dtype=np.int64) for times in away),
        known_p,
        dict(rejected),
    )


def _name_events(arrivals: Iterable[Arrival]) -> Iterable[Arrival]:
    """Name the events of arrivals that have none; `arrivals` come in order of time."""
    name, last_ns = "", None
    for arrival in arrivals:
        if arrival.event:
            yield arrival
            continue
        if last_ns is None or arrival.time_ns - last_ns > SAME_EVENT_S * NS_PER_S:
            name = format_time(arrival.time_ns)
        last_ns = arrival.time_ns
        yield arrival._replace(event=name)


def with_catalogue(
    arrivals: MatchedArrivals, catalogue: Iterable[Event], places: Sequence[Coordinates]
) -> MatchedArrivals:
    """Fill in magnitudes and distances that are not known from the events of a catalogue.

    Parameters
    ----------
    arrivals : MatchedArrivals
        Onsets; events are matched by name.
    catalogue : iterable of Event
        Where and how large they were.
    places : sequence of Coordinates
        Of each channel; NaN where not known.
    """
    magnitude, distance = arrivals.magnitude.copy(), arrivals.distance_km.copy()
    by_name = {event.event: event for event in catalogue}
    longitudes = np.array([p.longitude for p in places])
    latitudes = np.array([p.latitude for p in places])
    numbers, counts = np.unique(arrivals.event, return_counts=True)
    members = np.split(np.argsort(arrivals.event, kind="stable"), np.cumsum(counts)[:-1])
    for number, here in zip(numbers.tolist(), members, strict=False):
        event = by_name.get(arrivals.events[number])
        if event is None:
            continue
        channels = arrivals.channel[here]
        away = surface_distance_km(
            event.longitude, event.latitude, longitudes[channels], latitudes[channels]
        )
        distance[here] = np.where(np.isnan(distance[here]), away, distance[here])
        magnitude[here] = np.where(np.isnan(magnitude[here]), event.magnitude, magnitude[here])
    return replace(arrivals, magnitude=magnitude, distance_km=distance)
