"""Places on the earth: the local frame of an array, its middle, and distances.

Invariant: a longitude is an angle and never a plain number. Whole turns added to any of them change
nothing; one angle added to all of them moves the middle by that angle and leaves metres and
distances as they are, to the last digits.
"""

import numpy as np
import numpy.typing as npt

from seisflow.errors import DataError

__all__ = [
    "far_from_others",
    "local_xy_m",
    "middle_of",
    "normalise_longitude",
    "surface_distance_km",
]

Vector = npt.NDArray[np.float64]

EQUATOR_M, FLATTENING = 6_378_137.0, 1 / 298.257223563
"""Half axis and flattening of WGS 84."""

ECCENTRICITY_SQUARED = FLATTENING * (2 - FLATTENING)

POLAR_DEG = 85.0
"""Beyond this mean latitude an array may stand around a pole: its frame is a tangent plane."""

FAR_KM, FAR_TIMES = 100.0, 20.0
"""A place is far from the others beyond this distance, and so many times their median distance."""


def normalise_longitude(longitude: npt.ArrayLike) -> Vector:
    """Bring longitudes into [-180, 180) degrees; the 180th meridian is -180, as in ISO 6709.

    Parameters
    ----------
    longitude : array_like
        Degrees east, any number of turns; NaN where not known.

    Returns
    -------
    ndarray of float64
        Of the same shape. What lies in the range is returned bit for bit.
    """
    longitude = np.asarray(longitude, np.float64)
    folded = longitude - 360 * np.round(longitude / 360)
    return np.where(folded >= 180, folded - 360, folded)


def middle_of(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> tuple[float, float]:
    """Return the middle of a set of places.

    Parameters
    ----------
    longitude, latitude : array_like, shape (n,)
        Degrees; NaN where not known.

    Returns
    -------
    longitude, latitude : float
        Means over the known places, the longitude within [-180, 180): it is taken across the
        shortest arc that holds them all. Beyond a mean latitude of 85 degrees it is the mean
        direction, whose longitude says little beside a pole. NaN where no place is known.

    Raises
    ------
    DataError
        The arrays differ in shape.
    """
    lon, lat = _known(longitude, latitude)[1:]
    if not lon.size:
        return float("nan"), float("nan")
    if not _is_polar(lat):
        return float(normalise_longitude(_side_by_side(lon).mean())), float(lat.mean())
    x, y, z = _normals(lon, lat).mean(axis=1)
    east = float(normalise_longitude(np.degrees(np.arctan2(y, x))))
    return east, float(np.degrees(np.arctan2(z, np.hypot(x, y))))


def local_xy_m(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> tuple[Vector, Vector]:
    """Return metres east and north of the middle of an array.

    Parameters
    ----------
    longitude, latitude : array_like, shape (n,)
        Degrees (WGS 84); NaN where not known.

    Returns
    -------
    x, y : ndarray of float64, shape (n,)
        Along the circles of latitude and longitude through the mean of known coordinates, with the
        radii of curvature of WGS 84 there: at 45 degrees right to 10 m at a distance of 10 km, to
        0.1 m at 1 km. Beyond a mean latitude of 85 degrees, in the plane that touches the ellipsoid
        at `middle_of` them. NaN where coordinates are not known.

    Raises
    ------
    DataError
        The arrays differ in shape.
    """
    known, lon, lat = _known(longitude, latitude)
    x, y = np.full(known.shape, np.nan), np.full(known.shape, np.nan)
    if lon.size:
        x[known], y[known] = (_tangent_plane if _is_polar(lat) else _along_circles)(lon, lat)
    return x, y


def surface_distance_km(
    longitude: float, latitude: float, longitudes: Vector, latitudes: Vector
) -> Vector:
    """Return distances along the WGS 84 ellipsoid, km, by the formula of Lambert (1942).

    Parameters
    ----------
    longitude, latitude : float
        One place, degrees.
    longitudes, latitudes : ndarray of float64
        Others, of one shape, degrees; NaN gives NaN.

    Returns
    -------
    ndarray of float64
        Within 20 m; less exact within 100 km of the antipode.
    """
    beta = np.arctan((1 - FLATTENING) * np.tan(np.radians(latitude)))
    betas = np.arctan((1 - FLATTENING) * np.tan(np.radians(latitudes)))
    half_lambda = np.radians(normalise_longitude(longitudes - longitude)) / 2
    a = np.sin((betas - beta) / 2) ** 2 + np.cos(beta) * np.cos(betas) * np.sin(half_lambda) ** 2
    sigma = 2 * np.arcsin(np.sqrt(np.clip(a, 0, 1)))
    middle, half = (beta + betas) / 2, (betas - beta) / 2
    tiny = 1e-30  # two equal places, and antipodes, have no direction
    x = (sigma - np.sin(sigma)) * (np.sin(middle) * np.cos(half)) ** 2
    y = (sigma + np.sin(sigma)) * (np.cos(middle) * np.sin(half)) ** 2
    bent = x / (np.cos(sigma / 2) ** 2 + tiny) + y / (np.sin(sigma / 2) ** 2 + tiny)
    distances: Vector = EQUATOR_M / 1000 * (sigma - FLATTENING / 2 * bent)
    return distances


def _known(
    longitude: npt.ArrayLike, latitude: npt.ArrayLike
) -> tuple[npt.NDArray[np.bool_], Vector, Vector]:
    """Return which places are known, and their longitudes and latitudes."""
    lon, lat = np.asarray(longitude, np.float64), np.asarray(latitude, np.float64)
    if lon.shape != lat.shape:
        raise DataError(f"{lon.shape} longitudes and {lat.shape} latitudes: give one each a place")
    known = np.isfinite(lon) & np.isfinite(lat)
    return known, lon[known], lat[known]


def _is_polar(latitude: Vector) -> bool:
    return abs(float(latitude.mean())) > POLAR_DEG


def _side_by_side(longitude: Vector) -> Vector:
    """Add a turn to longitudes west of the widest gap, so that none lies between the others.

    Longitudes opposite each other have no such gap; one of two is taken.
    """
    folded = normalise_longitude(longitude)
    ordered = np.sort(folded)
    gaps = np.diff(ordered, append=ordered[0] + 360)
    first = ordered[(int(np.argmax(gaps)) + 1) % ordered.size]
    return np.where(folded < first, folded + 360, folded)


def _along_circles(longitude: Vector, latitude: Vector) -> tuple[Vector, Vector]:
    east, middle = _side_by_side(longitude), np.radians(latitude.mean())
    root = np.sqrt(1 - ECCENTRICITY_SQUARED * np.sin(middle) ** 2)
    along_circle = EQUATOR_M / root * np.cos(middle)
    along_meridian = EQUATOR_M * (1 - ECCENTRICITY_SQUARED) / root**3
    return (
        np.asarray(np.radians(east - east.mean()) * along_circle),
        np.asarray(np.radians(latitude - latitude.mean()) * along_meridian),
    )


def _tangent_plane(longitude: Vector, latitude: Vector) -> tuple[Vector, Vector]:
    middle = np.array(middle_of(longitude, latitude))
    away = _points(longitude, latitude) - _points(*middle[:, None])
    (sin_lon, sin_lat), (cos_lon, cos_lat) = np.sin(np.radians(middle)), np.cos(np.radians(middle))
    east = np.array([-sin_lon, cos_lon, 0.0])
    north = np.array([-sin_lat * cos_lon, -sin_lat * sin_lon, cos_lat])
    return east @ away, north @ away


def _normals(longitude: Vector, latitude: Vector) -> Vector:
    """Return unit vectors upwards, shape (3, n): x to 0 degrees east, z to the north pole."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    return np.array([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)])


def _points(longitude: Vector, latitude: Vector) -> Vector:
    """Return places on the ellipsoid in metres from its centre, shape (3, n)."""
    up = _normals(longitude, latitude)
    radius = EQUATOR_M / np.sqrt(1 - ECCENTRICITY_SQUARED * up[2] ** 2)
    points: Vector = up * radius * np.array([[1.0], [1.0], [1 - ECCENTRICITY_SQUARED]])
    return points


def far_from_others(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> Vector:
    """Return how far the places that stand far from all others are from them.

    Parameters
    ----------
    longitude, latitude : array_like, shape (n,)
        Degrees; NaN where not known.

    Returns
    -------
    ndarray of float64, shape (n,)
        Kilometres from the median place of those that are more than 100 km, and more than 20 times
        the median distance, away from it; 0 of all others.
    """
    known, lon, lat = _known(longitude, latitude)
    far = np.zeros(known.shape)
    if lon.size > 2:
        x, y, z = np.median(_normals(lon, lat), axis=1)
        east, north = np.degrees(np.arctan2(y, x)), np.degrees(np.arctan2(z, np.hypot(x, y)))
        away = surface_distance_km(float(east), float(north), lon, lat)
        far[known] = np.where(away > max(FAR_KM, FAR_TIMES * np.median(away)), away, 0)
    return far
