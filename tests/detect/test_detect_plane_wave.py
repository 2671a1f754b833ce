"""Planted plane waves found again."""

import numpy as np
import pytest

from seisflow.errors import DataError
from seisflow.stages.detect.plane_wave import fit_plane_wave


def array_of(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-300, 300, n) + 1e5, rng.uniform(-400, 400, n) - 2e5


def delays_of(x: np.ndarray, y: np.ndarray, back_azimuth_deg: float, velocity: float) -> np.ndarray:
    """Later the farther from the source."""
    towards = np.radians(back_azimuth_deg)
    return -(np.sin(towards) * x + np.cos(towards) * y) / velocity


def turn(one: float, other: float) -> float:
    return abs((one - other + 180) % 360 - 180)


@pytest.mark.parametrize("back_azimuth_deg", [0.0, 45.0, 90.0, 180.0, 200.0, 315.0, 359.9])
@pytest.mark.parametrize("velocity", [800.0, 6000.0])
def test_a_plane_wave_is_found(back_azimuth_deg: float, velocity: float) -> None:
    x, y = array_of(40)
    delays = delays_of(x, y, back_azimuth_deg, velocity)
    found = fit_plane_wave(x, y, delays - np.median(delays), np.ones(40))
    assert turn(found.back_azimuth_deg, back_azimuth_deg) < 1e-6
    assert 0 <= found.back_azimuth_deg < 360
    assert found.apparent_velocity_m_s == pytest.approx(velocity, rel=1e-9)
    assert found.rms_s < 1e-9
    assert found.n == 40


def test_wild_delays_are_put_aside() -> None:
    rng = np.random.default_rng(8)
    x, y = array_of(100)
    delays = delays_of(x, y, 120, 3000) + rng.normal(0, 0.002, 100)
    wild = rng.choice(100, 20, replace=False)
    delays[wild] += rng.uniform(0.1, 0.4, 20)
    found = fit_plane_wave(x, y, delays, np.ones(100))
    assert turn(found.back_azimuth_deg, 120) < 2
    assert found.apparent_velocity_m_s == pytest.approx(3000, rel=0.03)
    assert 0.001 < found.rms_s < 0.006


def test_residuals_are_what_the_plane_leaves() -> None:
    rng = np.random.default_rng(9)
    x, y = array_of(400)
    delays = delays_of(x, y, 20, 2500) + rng.normal(0, 0.004, 400)
    found = fit_plane_wave(x, y, delays, np.ones(400))
    assert found.rms_s == pytest.approx(0.004, rel=0.15)


def test_weights_count() -> None:
    x, y = array_of(60)
    east, west = delays_of(x, y, 90, 2000), delays_of(x, y, 270, 2000)
    delays = np.where(np.arange(60) < 30, east, west)
    weights = np.where(np.arange(60) < 30, 1, 1e-4)
    assert turn(fit_plane_wave(x, y, delays, weights).back_azimuth_deg, 90) < 1
    assert turn(fit_plane_wave(x, y, delays, weights[::-1]).back_azimuth_deg, 270) < 1


def test_stations_that_say_nothing_do_not_count() -> None:
    x, y = array_of(20)
    delays, weights = delays_of(x, y, 300, 4000), np.ones(20)
    delays[0], x[1], y[2], weights[3], weights[4], weights[5] = (
        np.nan,
        np.nan,
        np.inf,
        np.nan,
        0,
        -1,
    )
    delays[4:6] = 9
    found = fit_plane_wave(x, y, delays, weights)
    assert found.n == 14
    assert turn(found.back_azimuth_deg, 300) < 1e-6


@pytest.mark.parametrize("n", [0, 1, 3])
def test_three_stations_are_too_few(n: int) -> None:
    x, y = array_of(n)
    found = fit_plane_wave(x, y, np.zeros(n), np.ones(n))
    assert found.n == n
    assert np.isnan([found.back_azimuth_deg, found.apparent_velocity_m_s, found.rms_s]).all()


@pytest.mark.parametrize("width", [0.0, 5.0])
def test_stations_on_a_line_are_no_array(width: float) -> None:
    along = np.linspace(0, 1000, 30)
    across = np.where(np.arange(30) % 2, width, 0)
    x, y = along * 0.6 + across * 0.8, along * 0.8 - across * 0.6
    found = fit_plane_wave(x, y, along / 3000, np.ones(30))
    assert np.isnan([found.back_azimuth_deg, found.apparent_velocity_m_s, found.rms_s]).all()
    assert found.n == 30


def test_stations_at_one_place_are_no_array() -> None:
    found = fit_plane_wave(np.ones(9), np.ones(9), np.zeros(9), np.ones(9))
    assert np.isnan(found.back_azimuth_deg)


def test_a_wave_from_below_has_no_direction() -> None:
    x, y = array_of(10)
    found = fit_plane_wave(x, y, np.zeros(10), np.ones(10))
    assert np.isnan(found.back_azimuth_deg)
    assert found.apparent_velocity_m_s == np.inf
    assert found.rms_s == 0


def test_arrays_of_unlike_shape_are_refused() -> None:
    with pytest.raises(DataError, match=r"\(4,\), \(4,\), \(5,\), \(4,\)"):
        fit_plane_wave(np.ones(4), np.ones(4), np.ones(5), np.ones(4))
