"""Predicted arrivals, wherever 180 degrees lie."""

import numpy as np
from hypothesis import given, settings
from longitudes import Shift, onto_180, shifts

from seisflow.core.grid import NS_PER_S
from seisflow.core.stations import Coordinates
from seisflow.formats.arrivals import Arrival
from seisflow.formats.events import Event
from seisflow.formats.travel_times import predict_arrivals

LONGITUDES, LATITUDES = [-116.6, -116.4, -116.55], [33.5, 33.45, 33.61]
EVENT = Event("e", 0, -116.37, 33.7, 8.0, 2.0)


def predicted(shift: Shift) -> tuple[Arrival, ...]:
    at = shift(LONGITUDES).tolist()
    sites = {
        ("XX", f"S{k}"): Coordinates(lon, lat, 0.0)
        for k, (lon, lat) in enumerate(zip(at, LATITUDES, strict=True))
    }
    event = EVENT._replace(longitude=shift.of(EVENT.longitude))
    return predict_arrivals((event,), sites, "iasp91")


@settings(max_examples=15, deadline=None)
@given(shifts(-116.5))
def test_onsets_and_distances_are_the_same_when_all_longitudes_are_shifted(shift: Shift) -> None:
    for found, wanted in zip(predicted(shift), predicted(Shift(0.0)), strict=True):
        assert found._replace(distance_km=0.0) == wanted._replace(distance_km=0.0)
        np.testing.assert_allclose(found.distance_km, wanted.distance_km, rtol=1e-9)


def test_onsets_on_both_sides_of_180_degrees() -> None:
    p = [a for a in predicted(onto_180(-116.5)) if a.phase == "P"]
    assert max(a.time_ns for a in p) < 8 * NS_PER_S
