"""Origin times moved to P at the array, and S beside it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from longitudes import Shift, shifts

from seisflow.core.geometry import middle_of
from seisflow.core.grid import NS_PER_S, Span
from seisflow.core.stations import Coordinates
from seisflow.formats.arrivals import Arrival
from seisflow.formats.references import ReferenceEvent
from seisflow.formats.travel_times import TravelTimes
from seisflow.stages.compare.scoring import compare
from seisflow.stages.compare.timing import expect_by_arrivals, expect_by_travel_time

EVENT = ReferenceEvent("e1", 0, 2.0, math.nan, -116.6, 33.5, 10.0)
ABOVE = Coordinates(-116.6, 33.5, 0.0)


def test_p_from_below_takes_depth_over_velocity() -> None:
    (found,) = expect_by_travel_time([EVENT], ABOVE, "iasp91")
    np.testing.assert_allclose(found.time_ns / NS_PER_S, 10 / 5.8, atol=0.01)
    np.testing.assert_allclose(found.s_ns / NS_PER_S, 10 / 3.36, atol=0.01)
    assert found._replace(time_ns=0, s_ns=None) == EVENT


def test_farther_is_later() -> None:
    (found,) = expect_by_travel_time([EVENT], Coordinates(-116.6, 33.95, 0.0), "iasp91")
    np.testing.assert_allclose(found.time_ns / NS_PER_S, math.hypot(10, 49.9) / 5.8, atol=0.05)


def test_p_at_an_array_on_both_sides_of_180_degrees() -> None:
    middle = Coordinates(*middle_of([179.95, -179.95], [-17.0, -17.0]), 0.0)
    assert middle.longitude == pytest.approx(-180.0)
    for longitude in (180.0, -180.0):
        event = EVENT._replace(longitude=longitude, latitude=-17.1)  # 11 km away, 10 km deep
        (found,) = expect_by_travel_time([event], middle, "iasp91")
        wanted = math.hypot(10, 11.07) / 5.8
        np.testing.assert_allclose(found.time_ns / NS_PER_S, wanted, atol=0.03)


@settings(max_examples=20, deadline=None)
@given(shifts(-116.6))
def test_the_same_events_are_matched_when_all_longitudes_are_shifted(shift: Shift) -> None:
    longitude, latitude = np.array([-116.65, -116.6, -116.57]), [33.5, 33.52, 33.48]
    events = [
        EVENT._replace(event=f"e{k}", time_ns=k * 60 * NS_PER_S, longitude=-116.2 - 0.3 * k)
        for k in range(4)
    ]

    def at_array(shift: Shift) -> list[ReferenceEvent]:
        place = Coordinates(*middle_of(shift(longitude), latitude), 0.0)
        moved = [e._replace(longitude=shift.of(e.longitude)) for e in events]
        return expect_by_travel_time(moved, place, "iasp91")

    wanted, found = at_array(Shift(0.0)), at_array(shift)
    assert [(e.time_ns, e.s_ns) for e in found] == [(e.time_ns, e.s_ns) for e in wanted]
    span = Span(0, 600 * NS_PER_S)
    matches = compare([e.time_ns for e in wanted], found, 0.1, span)
    assert matches.matched.tolist() == [[k, k] for k in range(4)]


def test_s_counts_from_the_origin_and_not_from_p() -> None:
    at = 1_401_321_600 * NS_PER_S
    (found,) = expect_by_travel_time([EVENT._replace(time_ns=at)], ABOVE, "iasp91")
    np.testing.assert_allclose((found.s_ns - at) / NS_PER_S, 10 / 3.36, atol=0.01)


def test_s_that_does_not_arrive_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TravelTimes, "first_s", lambda *_: {"P": 5.0})
    assert expect_by_travel_time([EVENT], ABOVE, "iasp91") == [EVENT._replace(time_ns=5 * NS_PER_S)]


def test_events_without_a_place_keep_their_times() -> None:
    own = ReferenceEvent("sf", 5)
    assert expect_by_travel_time([own], ABOVE, "iasp91") == [own]


def test_an_event_whose_p_does_not_arrive_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TravelTimes, "first_s", lambda *_: {"S": 5.0})
    assert expect_by_travel_time([EVENT], ABOVE, "iasp91") == []


def test_median_onsets() -> None:
    onsets = [("P", 7), ("P", 3), ("S", 200), ("P", 4), ("P", 100), ("Sg", 90)]
    onsets += [("SS", 80), ("pP", 60)]
    arrivals = [Arrival(t, "ZG", f"R{i}", phase, "e1") for i, (phase, t) in enumerate(onsets)]
    others = [Arrival(1, "ZG", "R1", "P"), Arrival(2, "ZG", "R1", "P", "e3")]
    found = expect_by_arrivals([EVENT, EVENT._replace(event="e2")], [*arrivals, *others])
    assert found == [EVENT._replace(time_ns=7, s_ns=200)]


def test_s_alone_makes_no_event_and_p_alone_has_no_s() -> None:
    arrivals = [Arrival(3, "ZG", "R1", "P", "e1"), Arrival(9, "ZG", "R1", "S", "e2")]
    found = expect_by_arrivals([EVENT, EVENT._replace(event="e2")], arrivals)
    assert found == [EVENT._replace(time_ns=3, s_ns=None)]
