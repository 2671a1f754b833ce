"""The local frame, the middle and distances: those of ObsPy's geodesics, at 180 degrees too."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from longitudes import Shift, onto_180, shifts, turn
from obspy.geodetics import gps2dist_azimuth

from seisflow.core.geometry import (
    local_xy_m,
    middle_of,
    normalise_longitude,
    surface_distance_km,
)
from seisflow.errors import DataError


def around(longitude: float, latitude: float, n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """An array of 2 km."""
    rng = np.random.default_rng(3)
    return longitude + rng.uniform(-0.01, 0.01, n), latitude + rng.uniform(-0.01, 0.01, n)


def polar(latitude: float) -> tuple[np.ndarray, np.ndarray]:
    """Stations on a circle about a pole, 11 km from it, and one near it."""
    return np.array([*np.arange(0.0, 360, 30), 100.0]), latitude - np.sign(latitude) * np.array(
        [*np.full(12, 0.1), 0.01]
    )


def assert_geodesic(
    lon: np.ndarray, lat: np.ndarray, x: np.ndarray, y: np.ndarray, *, within: float = 1e-3
) -> None:
    """Distances are those of ObsPy between all pairs."""
    for i, j in zip(*np.triu_indices(lon.size, 1), strict=True):
        away = gps2dist_azimuth(lat[i], lon[i], lat[j], lon[j])[0]
        assert np.hypot(x[i] - x[j], y[i] - y[j]) == pytest.approx(away, rel=within)


@given(st.floats(-720, 720))
@example(180.0)
@example(-180.0)
@example(540.0)
@example(np.nextafter(180, 0))
@example(np.nextafter(-180, -181))
def test_longitudes_within_half_a_turn(longitude: float) -> None:
    found = float(normalise_longitude(longitude))
    assert -180 <= found < 180
    assert turn(found, longitude) < 1e-12
    if -180 <= longitude < 180:
        assert found == longitude


def test_unknown_longitudes_stay_unknown() -> None:
    np.testing.assert_array_equal(normalise_longitude([np.nan, 190.0]), [np.nan, -170.0])


@pytest.mark.parametrize("latitude", [-70.0, 0.0, 33.5])
@pytest.mark.parametrize("longitude", [-116.6, 0.0, 179.999])
def test_metres_are_those_of_geodesics(latitude: float, longitude: float) -> None:
    lon, lat = around(longitude, latitude)
    lon = Shift(0.0)(lon)
    x, y = local_xy_m(lon, lat)
    assert abs(x.mean()) < 1e-3
    assert abs(y.mean()) < 1e-3
    assert_geodesic(lon, lat, x, y)
    middle = middle_of(lon, lat)
    for i in range(12):
        azimuth = gps2dist_azimuth(middle[1], middle[0], lat[i], lon[i])[1]
        assert turn(np.degrees(np.arctan2(x[i], y[i])), azimuth) < 0.1


def test_a_tenth_of_a_degree_at_45_degrees() -> None:
    x, y = local_xy_m([10.0, 10.1], [45.05, 44.95])
    away, _, _ = gps2dist_azimuth(45.05, 10.0, 44.95, 10.1)
    assert np.hypot(x[1] - x[0], y[1] - y[0]) == pytest.approx(away, abs=1)


def test_stations_without_coordinates_have_no_metres() -> None:
    x, y = local_xy_m([10.0, np.nan, 10.1, 3.0], [45.0, 45.0, 45.1, np.nan])
    assert np.isnan([x[1], y[1], x[3], y[3]]).all()
    alone = local_xy_m([10.0, 10.1], [45.0, 45.1])
    np.testing.assert_array_equal([x[[0, 2]], y[[0, 2]]], alone)
    assert np.isnan(local_xy_m([np.nan], [np.nan])).all()
    assert np.isnan(middle_of([np.nan, 3.0], [45.0, np.nan])).all()
    assert local_xy_m([], [])[0].size == 0
    with pytest.raises(DataError, match="one each"):
        local_xy_m([1.0, 2.0], [1.0])


def test_away_from_180_degrees_the_middle_is_the_mean() -> None:
    for lon, lat in (around(-116.6, 33.5), around(0.0, -77.8), around(179.9, 1.0)):
        assert middle_of(lon, lat) == (lon.mean(), lat.mean())
    far = np.array([-120.0, 0.0, 30.0])  # 240 degrees wide would be the other way around
    assert middle_of(far, far) == (far.mean(), far.mean())


def test_the_middle_of_stations_on_both_sides_of_180_degrees() -> None:
    assert middle_of([179.95, -179.95], [-17.0, -17.0]) == pytest.approx((-180.0, -17.0))
    assert middle_of([179.95, 180.05], [-17.0, -17.0]) == pytest.approx((-180.0, -17.0))
    assert middle_of([170.0, -170.0, -160.0], [0.0, 0.0, 0.0])[0] == pytest.approx(
        -540 / 3 + 20 / 3
    )


@settings(deadline=None)
@given(shifts(-116.6), st.permutations(range(12)))
def test_only_the_middle_moves_when_all_longitudes_are_shifted(
    shift: Shift, order: list[int]
) -> None:
    lon, lat = around(-116.6, 33.5)
    middle, xy = middle_of(lon, lat), local_xy_m(lon, lat)
    lon, lat = lon[order], lat[order]
    moved = middle_of(shift(lon), lat)
    assert -180 <= moved[0] < 180
    assert turn(moved[0], middle[0] + shift.degrees) < 1e-9
    assert moved[1] == pytest.approx(middle[1], abs=1e-9)
    np.testing.assert_allclose(local_xy_m(shift(lon), lat), np.array(xy)[:, order], atol=1e-6)


@pytest.mark.parametrize("pole", [90.0, -90.0])
def test_an_array_around_a_pole(pole: float) -> None:
    lon, lat = polar(pole)
    x, y = local_xy_m(lon, lat)
    assert np.hypot(x, y)[:12] == pytest.approx(11_169.4, rel=0.02)  # its middle is 85 m away
    assert_geodesic(lon, lat, x, y)
    assert abs(middle_of(lon, lat)[1] - pole) < 1e-3
    on_it = local_xy_m([0.0, 77.0, 0.0], [pole, pole, pole])
    np.testing.assert_allclose(on_it, np.zeros((2, 3)), atol=1e-6)


@pytest.mark.parametrize("latitude", [84.999, 85.001])
def test_both_frames_agree_where_they_meet(latitude: float) -> None:
    lon, lat = around(179.99, latitude)
    x, y = local_xy_m(lon, lat)
    assert_geodesic(lon, lat, x, y, within=4e-3)
    middle = middle_of(lon, lat)
    azimuth = gps2dist_azimuth(middle[1], middle[0], lat[0], lon[0])[1]
    assert turn(np.degrees(np.arctan2(x[0], y[0])), azimuth) < 0.1
    assert np.hypot(x.mean(), y.mean()) < 0.2


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(st.integers(-180_000, 360_000), st.integers(-89_000, 89_000)),
    st.tuples(st.integers(-60_000, 60_000), st.integers(-60_000, 60_000)),
    shifts(0.0),
)
def test_distances_are_those_of_the_ellipsoid(
    thousandths: tuple[int, int], steps: tuple[int, int], shift: Shift
) -> None:
    place, step = ([n / 1000 for n in pair] for pair in (thousandths, steps))
    x, y = place[0] + step[0], np.clip(place[1] + step[1], -89, 89)
    found = surface_distance_km(*place, np.array([x, np.nan]), np.array([y, 0.0]))
    expected = gps2dist_azimuth(place[1], place[0], y, x)[0] / 1000
    assert found[0] == pytest.approx(expected, abs=0.05)
    assert np.isnan(found[1])
    moved = surface_distance_km(shift.of(place[0]), place[1], shift([x]), np.array([y]))
    assert moved[0] == pytest.approx(found[0], abs=1e-6)


def test_a_metre_across_180_degrees() -> None:
    west, east = 180 - 0.5 / 111_319.49, -180 + 0.5 / 111_319.49
    assert surface_distance_km(west, 0.0, np.array([east]), np.zeros(1)) == pytest.approx(1e-3)


@pytest.mark.parametrize("shift", [Shift(0.0), onto_180(-116.6)])
def test_the_order_of_stations_does_not_matter_on_a_network_wider_than_half_a_turn(
    shift: Shift,
) -> None:
    lon, lat = np.array([-216.6, -116.6, -116.5, -16.6]), np.array([33.0, 34.0, 35.0, 34.0])
    wanted = np.array(local_xy_m(lon, lat))
    assert (np.diff(wanted[0]) > 0).all()
    for first in range(4):
        order = np.roll(np.arange(4), first)
        found = local_xy_m(shift(lon)[order], lat[order])
        np.testing.assert_allclose(found, wanted[:, order], atol=1e-6)
