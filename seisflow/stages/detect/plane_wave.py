"""The plane wave that crosses the array: where it comes from and how fast it passes.

Invariant: what cannot be known from the stations given is NaN, never a guess.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.errors import DataError

__all__ = ["PlaneWave", "fit_plane_wave"]

Vector = npt.NDArray[np.float64]

LEAST_STATIONS = 4
"""Three always fit: from the fourth on residuals say something."""

NARROWEST = 0.01
"""An array narrower than this share of its length is a line."""

CAUCHY = 2.385
"""A residual of so many standard deviations counts half; with normal errors 95 % efficient."""

ROUNDS = 30

LEAST_SCALE_S = 1e-6
"""Delays are never more exact than this."""


@dataclass(frozen=True, kw_only=True)
class PlaneWave:
    """A plane wave across an array.

    Parameters
    ----------
    back_azimuth_deg : float
        Towards the source, 0 to 360 degrees from north over east.
    apparent_velocity_m_s : float
        Of the wave front along the ground; infinite where it reaches all stations at once, and
        the back azimuth is NaN then.
    rms_s : float
        What the plane leaves of the delays: root of the mean square residual, weighted as in the
        fit, so that delays the fit put aside hardly count.
    n : int
        Stations with a delay, coordinates and a weight. Fewer than four, or stations on one line,
        leave the rest NaN.
    """

    back_azimuth_deg: float
    apparent_velocity_m_s: float
    rms_s: float
    n: int


def fit_plane_wave(
    x_m: npt.ArrayLike, y_m: npt.ArrayLike, delays_s: npt.ArrayLike, weights: npt.ArrayLike
) -> PlaneWave:
    """Fit a plane wave to delays, whatever some wild ones say.

    Weighted least squares for the two slownesses and the mean, repeated with the weight of each
    station times ``1 / (1 + (r / 2.385 s)^2)``: r its residual, s the spread of all residuals
    (median absolute, as a standard deviation). This is the Cauchy M-estimate; source: Holland &
    Welsch 1977, doi:10.1080/03610927708827533.

    Parameters
    ----------
    x_m, y_m : array_like, shape (n,)
        Metres east and north, see `seisflow.core.geometry.local_xy_m`.
    delays_s : array_like, shape (n,)
        Arrivals behind any common time.
    weights : array_like, shape (n,)
        Of each delay, for example its correlation. Stations with a value that is not finite, or a
        weight not above 0, do not count.

    Returns
    -------
    PlaneWave
        See there.

    Raises
    ------
    DataError
        The arrays differ in shape.
    """
    columns = [np.asarray(c, np.float64) for c in (x_m, y_m, delays_s, weights)]
    if len({c.shape for c in columns}) > 1 or columns[0].ndim != 1:
        raise DataError(
            "x, y, delays and weights need one value each a station; found shapes "
            f"{', '.join(str(c.shape) for c in columns)}"
        )
    given = np.isfinite(columns).all(axis=0) & (columns[3] > 0)
    x, y, delays, weight = (c[given] for c in columns)
    places = np.column_stack([x - x.mean(), y - y.mean()]) if x.size else np.empty((0, 2))
    size_m = _size_m(places)
    if np.isnan(size_m):
        return PlaneWave(
            back_azimuth_deg=np.nan, apparent_velocity_m_s=np.nan, rms_s=np.nan, n=x.size
        )
    design = np.column_stack([places / size_m, np.ones(x.size)])
    found, rms = _fit(design, delays, weight)
    east, north = (found[:2] / size_m).tolist()
    slowness = float(np.hypot(east, north))
    return PlaneWave(
        back_azimuth_deg=float(np.degrees(np.arctan2(-east, -north)) % 360) if slowness else np.nan,
        apparent_velocity_m_s=1 / slowness if slowness else np.inf,
        rms_s=rms,
        n=x.size,
    )


def _size_m(places: npt.NDArray[np.float64]) -> float:
    """Return a length of the array; NaN where a plane cannot be laid through its stations."""
    if len(places) < LEAST_STATIONS:
        return float("nan")
    longest, shortest = np.linalg.svd(places, compute_uv=False).tolist()
    return longest if shortest > NARROWEST * longest else float("nan")


def _fit(design: npt.NDArray[np.float64], delays: Vector, weights: Vector) -> tuple[Vector, float]:
    """Return parameters and the weighted rms of residuals."""
    n, n_parameters = design.shape
    trust = weights
    for _ in range(ROUNDS):
        root = np.sqrt(trust)
        found = np.asarray(np.linalg.lstsq(design * root[:, None], delays * root)[0], np.float64)
        residuals = delays - design @ found
        rms = float(np.sqrt(np.average(residuals**2, weights=trust)))
        spread = 1.4826 * np.median(np.abs(residuals)) * np.sqrt(n / (n - n_parameters))
        ratio = residuals / (CAUCHY * max(spread, LEAST_SCALE_S))
        trust = weights / (1 + ratio**2)
    return found, rms
