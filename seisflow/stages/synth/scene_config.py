"""What a synthetic scene is asked to be: one frozen record, checked when it is made."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, fields
from math import ceil, hypot, isfinite, sqrt

from seisflow.core.grid import NS_PER_S, Span
from seisflow.errors import ConfigError
from seisflow.stages.synth.noise import NOISE_SPECTRA

__all__ = ["MAX_LINE", "MIN_RATE_HZ", "SceneConfig"]

MIN_RATE_HZ = 20
MAX_LINE = 99
"""Most rows and most columns: a station code is R, two digits of each."""

MAX_TRAVEL_S = 1800
"""Longest travel time of S: an earthquake must end within the hour after the one it starts in."""

_ASPECT = 2.5
"""Columns per row when neither is given: 20 rows of 50, as on the San Jacinto array."""

_NETWORK, _CHANNEL = re.compile("[A-Z0-9]{1,2}"), re.compile("[A-Z0-9]{3}")

_POSITIVE = (
    "spacing_m",
    "row_spacing_m",
    "noise_rms_counts",
    "duration_s",
    "dead_within_s",
    "vp_km_s",
)
_NOT_NEGATIVE = (
    "earthquakes_per_hour",
    "aircraft_per_hour",
    "gusts_per_hour",
    "vehicles_per_hour",
    "glitches_per_hour",
    "spikes_per_node_hour",
    "gaps_per_node_day",
    "seed",
    "start_ns",
)
_RANGES = ("earthquake_snr", "nuisance_snr", "distance_km", "depth_km")
_WHOLE = ("seed", "n_nodes", "rate_hz", "start_ns", "duration_s")


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneConfig:
    """A synthetic dense array and what happens on it.

    Parameters
    ----------
    seed : int
        Everything random follows from it.
    n_nodes : int
        Stations; they fill the grid row by row.
    rows, columns : int or None
        Grid; derived from `n_nodes` (2.5 columns a row) where not given.
    spacing_m, row_spacing_m : float
        Metres between the nodes of a row, and between rows (10 and 30: Ben-Zion et al. 2015,
        doi:10.1093/gji/ggv142).
    longitude, latitude, elevation_m : float
        Middle of the array: degrees, and metres above sea level.
    network, channel : str
        First and last part of the station names, ``ZG.R0101..EHZ``.
    rate_hz : int
        Samples per second, at least 20.
    start_ns : int
        Time of sample 0 in ns since 1970 UTC; a whole second.
    duration_s : int
        Length in seconds. A longer scene begins exactly as the shorter one.
    noise_rms_counts : float
        Rms of the noise over the whole band, in counts, before the factor of each node (lognormal
        around 1, 10 %).
    noise : str
        Spectrum: ``white``, ``pink`` (power 1/f above 0.5 Hz) or ``field`` (a geophone node).
    earthquakes_per_hour, aircraft_per_hour, gusts_per_hour, vehicles_per_hour : float
        Means of Poisson counts for the array.
    glitches_per_hour : float
        Likewise, of pulses of the electronics that are on all nodes at the same instant.
    spikes_per_node_hour, gaps_per_node_day : float
        Means of Poisson counts for each node.
    dead_fraction : float
        Share of nodes that stop for good, 0 to 1.
    dead_within_s : float
        They stop at a uniform time in this many seconds from the start.
    earthquake_snr, nuisance_snr : (float, float)
        Rms of a source in its loudest second, at the middle of the array, over the rms of the
        noise after a 2 Hz high-pass; log-uniform. Nodes differ by distance and site (15-20 %).
    vp_km_s, vp_vs : float
        P velocity in km/s and its ratio to the S velocity.
    distance_km, depth_km : (float, float)
        Epicentral distance from the middle (log-uniform) and depth below it (uniform).

    Raises
    ------
    ConfigError
        Names every bad value at once.
    """

    seed: int = 1
    n_nodes: int = 20
    rows: int | None = None
    columns: int | None = None
    spacing_m: float = 10.0
    row_spacing_m: float = 30.0
    longitude: float = -116.5925
    latitude: float = 33.5385
    elevation_m: float = 1400.0
    network: str = "ZG"
    channel: str = "EHZ"
    rate_hz: int = 500
    start_ns: int = 1_401_321_600_000_000_000
    duration_s: int = 3600
    noise_rms_counts: float = 200.0
    noise: str = "field"
    earthquakes_per_hour: float = 4.0
    aircraft_per_hour: float = 2.0
    gusts_per_hour: float = 3.0
    vehicles_per_hour: float = 2.0
    glitches_per_hour: float = 0.0
    spikes_per_node_hour: float = 1.0
    gaps_per_node_day: float = 0.5
    dead_fraction: float = 0.01
    dead_within_s: float = 86_400.0
    earthquake_snr: tuple[float, float] = (0.5, 50.0)
    nuisance_snr: tuple[float, float] = (0.5, 5.0)
    vp_km_s: float = 5.5
    vp_vs: float = 1.73
    distance_km: tuple[float, float] = (3.0, 60.0)
    depth_km: tuple[float, float] = (2.0, 15.0)

    def __post_init__(self) -> None:
        problems = [*_type_problems(self)] or [*_value_problems(self)]
        problems = problems or [*_travel_problems(self)]
        if problems:
            raise ConfigError("this scene cannot be made: " + "; ".join(problems))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the grid of nodes."""
        if self.rows is not None:
            return self.rows, self.columns or ceil(self.n_nodes / self.rows)
        columns = self.columns or _likely_columns(self.n_nodes)
        return ceil(self.n_nodes / columns), columns

    @property
    def radius_m(self) -> float:
        """Distance from the middle of the grid to its corners."""
        rows, columns = self.shape
        return hypot((rows - 1) * self.row_spacing_m, (columns - 1) * self.spacing_m) / 2

    @property
    def slowest_s(self) -> float:
        """Longest travel time of S to any node, rounded up generously for the relief."""
        far_km = hypot(self.distance_km[1], self.depth_km[1]) + 1.1 * self.radius_m / 1000
        return (far_km + 0.1) / self.vp_km_s * self.vp_vs

    @property
    def n_samples(self) -> int:
        """Samples of each node."""
        return self.duration_s * self.rate_hz

    @property
    def span(self) -> Span:
        """The time the scene covers."""
        return Span(self.start_ns, self.start_ns + self.duration_s * NS_PER_S)


def _likely_columns(n_nodes: int) -> int:
    """Return about 2.5 columns a row, and full rows if a number within 15 % gives them."""
    ideal = min(max(1.0, sqrt(n_nodes * _ASPECT)), MAX_LINE)
    most = min(n_nodes, MAX_LINE, round(ideal * 1.15))
    fewest = max(1, round(ideal * 0.85), ceil(n_nodes / MAX_LINE))
    near = range(fewest, most + 1)
    return min(
        near, key=lambda columns: (n_nodes % columns > 0, abs(columns - ideal)), default=MAX_LINE
    )


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)


def _fits_type(name: str, value: object) -> bool:
    if name in ("network", "channel", "noise"):
        return isinstance(value, str)
    if name in _RANGES:
        return isinstance(value, tuple) and len(value) == 2 and all(map(_is_number, value))
    if name in ("rows", "columns"):
        return value is None or (isinstance(value, int) and not isinstance(value, bool))
    if name in _WHOLE:
        return isinstance(value, int) and not isinstance(value, bool)
    return _is_number(value)


def _type_problems(config: SceneConfig) -> Iterator[str]:
    for field in fields(config):
        value = getattr(config, field.name)
        if not _fits_type(field.name, value):
            yield f"{field.name} = {value!r} must be of type {field.type}, and finite"


def _value_problems(config: SceneConfig) -> Iterator[str]:
    for name in _POSITIVE:
        if getattr(config, name) <= 0:
            yield f"{name} = {getattr(config, name)} must be above 0"
    for name in _NOT_NEGATIVE:
        if getattr(config, name) < 0:
            yield f"{name} = {getattr(config, name)} must not be negative"
    for name in _RANGES:
        low, high = getattr(config, name)
        if not 0 < low <= high:
            yield f"{name} = {low}, {high} must be two positive numbers, the smaller first"
    yield from _single_problems(config)
    yield from _layout_problems(config)


def _single_problems(config: SceneConfig) -> Iterator[str]:
    for name, form, said in (
        ("network", _NETWORK, "one or two capital letters or digits"),
        ("channel", _CHANNEL, "three capital letters or digits"),
    ):
        if not form.fullmatch(getattr(config, name)):
            yield f"{name} = {getattr(config, name)!r} must be {said}"
    if config.rate_hz < MIN_RATE_HZ:
        yield f"rate_hz = {config.rate_hz} must be at least {MIN_RATE_HZ}"
    if config.noise not in NOISE_SPECTRA:
        yield f"noise = {config.noise!r} must be one of {', '.join(NOISE_SPECTRA)}"
    if config.start_ns % NS_PER_S:
        yield f"start_ns = {config.start_ns} must be a whole second"
    if not 0 <= config.dead_fraction <= 1:
        yield f"dead_fraction = {config.dead_fraction} must lie in 0 to 1"
    if not config.vp_vs > 1:
        yield f"vp_vs = {config.vp_vs} must be above 1"
    if not (-85 <= config.latitude <= 85 and -180 <= config.longitude <= 360):
        yield (
            f"longitude, latitude = {config.longitude}, {config.latitude} must lie in "
            "-180 to 360, -85 to 85"
        )


def _layout_problems(config: SceneConfig) -> Iterator[str]:
    if config.n_nodes < 1:
        yield f"n_nodes = {config.n_nodes} must be at least 1"
    given = {"rows": config.rows, "columns": config.columns}
    bad = {name: value for name, value in given.items() if value is not None and value < 1}
    yield from (f"{name} = {value} must be at least 1" for name, value in bad.items())
    if bad or config.n_nodes < 1:
        return
    rows, columns = config.shape
    if config.n_nodes > rows * columns:
        yield f"n_nodes = {config.n_nodes} do not fit on {rows} rows of {columns}"
    if max(rows, columns) > MAX_LINE:
        yield f"{rows} rows of {columns}: at most {MAX_LINE} of each are allowed"


def _travel_problems(config: SceneConfig) -> Iterator[str]:
    if config.slowest_s > MAX_TRAVEL_S:
        yield (
            f"S would travel {config.slowest_s:.0f} s with these distance_km, depth_km, vp_km_s, "
            f"vp_vs and spacing; at most {MAX_TRAVEL_S} s are allowed"
        )
