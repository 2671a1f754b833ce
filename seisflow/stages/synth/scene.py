"""The scene: where the nodes stand, and what happens when, described on demand.

Invariant: a scene follows from its `SceneConfig` alone; it holds the nodes and nothing that grows
with time.
"""

from dataclasses import dataclass
from math import cos, floor, pi, radians, sin

from seisflow.core.geometry import normalise_longitude
from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S, Span
from seisflow.core.stations import Coordinates
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.sources import (
    MAX_LOOK_BACK_HOURS,
    Gap,
    Source,
    Spike,
    gaps_of_day,
    sources_of_hour,
    spikes_of_hour,
)
from seisflow.stages.synth.streams import Stream, generator

__all__ = ["Node", "Scene", "SceneConfig", "build_scene"]

METRES_PER_DEGREE = 111_195.0
"""On a sphere of 6371 km."""


@dataclass(frozen=True, slots=True)
class Node:
    """One station of the array and what is its own.

    Parameters
    ----------
    index : int
        Place in the scene, the key of its random numbers.
    station : str
        Name, ``ZG.R0101..EHZ``.
    longitude, latitude, elevation : float
        Degrees within [-180, 180), degrees, metres above sea level.
    x_m, y_m : float
        Metres east and north of the middle of the array.
    noise_rms_counts : float
        Rms of its noise over the whole band.
    site_gain, exposure : float
        Factors on ground motion and on wind.
    dead_from_ns : int or None
        When it stops, ns UTC; None if it never does.
    stuck_counts : int
        What it reads from then on.
    """

    index: int
    station: str
    longitude: float
    latitude: float
    elevation: float
    x_m: float
    y_m: float
    noise_rms_counts: float
    site_gain: float
    exposure: float
    dead_from_ns: int | None
    stuck_counts: int

    @property
    def coordinates(self) -> Coordinates:
        """Where it stands."""
        return Coordinates(self.longitude, self.latitude, self.elevation)


@dataclass(frozen=True, slots=True)
class Scene:
    """A synthetic array and everything that happens on it; small, and safe to send to a worker."""

    config: SceneConfig
    nodes: tuple[Node, ...]

    @property
    def span(self) -> Span:
        """The time the scene covers."""
        return self.config.span

    @property
    def n_samples(self) -> int:
        """Samples of each node."""
        return self.config.n_samples

    def time_of(self, sample: int) -> int:
        """Time of a sample in ns UTC, rounded to the nearest."""
        rate_hz = self.config.rate_hz
        return self.config.start_ns + (sample * NS_PER_S + rate_hz // 2) // rate_hz

    def first_at_or_after(self, time_ns: int) -> int:
        """Index of the first sample not before a time in ns UTC; may lie outside the scene."""
        return -((self.config.start_ns - time_ns) * self.config.rate_hz // NS_PER_S)

    def sources(self, start_ns: int, end_ns: int) -> list[Source]:
        """Return the sources active at some time in ``[start_ns, end_ns)``, by their start."""
        first = self._blocks_before(start_ns, HOUR_NS) - MAX_LOOK_BACK_HOURS
        hours = range(max(0, first), self._blocks_up_to(end_ns, HOUR_NS))
        found = (source for hour in hours for source in sources_of_hour(self.config, hour))
        return [s for s in found if s.start_ns < end_ns and s.end_ns > start_ns]

    def spikes(self, node_index: int, start_ns: int, end_ns: int) -> list[Spike]:
        """Return the spikes of a node active at some time in ``[start_ns, end_ns)``."""
        first = max(0, self._blocks_before(start_ns, HOUR_NS))
        hours = range(first, self._blocks_up_to(end_ns, HOUR_NS))
        found = (x for hour in hours for x in spikes_of_hour(self.config, node_index, hour))
        return [x for x in found if x.start_ns < end_ns and x.end_ns > start_ns]

    def gaps(self, node_index: int, start_ns: int, end_ns: int) -> list[Gap]:
        """Return the gaps of a node that touch ``[start_ns, end_ns)``, whole, in order."""
        first = max(0, self._blocks_before(start_ns, DAY_NS))
        days = range(first, self._blocks_up_to(end_ns, DAY_NS))
        found = (gap for day in days for gap in gaps_of_day(self.config, node_index, day))
        return [gap for gap in found if gap.start_ns < end_ns and gap.end_ns > start_ns]

    def _blocks_before(self, time_ns: int, block_ns: int) -> int:
        return (time_ns - self.config.start_ns) // block_ns

    def _blocks_up_to(self, time_ns: int, block_ns: int) -> int:
        return -((self.config.start_ns - time_ns) // block_ns)


def build_scene(config: SceneConfig) -> Scene:
    """Place the nodes of a scene.

    Parameters
    ----------
    config : SceneConfig
        What is asked for.

    Returns
    -------
    Scene
        Nodes row by row from the south-west; the middle of the grid lies at the config's
        longitude and latitude.
    """
    return Scene(config, tuple(_node(config, index) for index in range(config.n_nodes)))


def _node(config: SceneConfig, index: int) -> Node:
    rows, columns = config.shape
    row, column = divmod(index, columns)
    x_m = (column - (columns - 1) / 2) * config.spacing_m
    y_m = (row - (rows - 1) / 2) * config.row_spacing_m
    east = x_m / METRES_PER_DEGREE / cos(radians(config.latitude))
    random = generator(config.seed, Stream.NODE, index)
    noise_factor, site_gain, exposure = random.lognormal(0.0, (0.1, 0.15, 0.3))
    is_dead = random.random() < config.dead_fraction
    dead_after_ns = floor(random.random() * config.dead_within_s * NS_PER_S)
    return Node(
        index=index,
        station=f"{config.network}.R{row + 1:02d}{column + 1:02d}..{config.channel}",
        longitude=float(normalise_longitude(config.longitude + east)),
        latitude=config.latitude + y_m / METRES_PER_DEGREE,
        elevation=round(config.elevation_m + _relief(config.seed, x_m, y_m), 1),
        x_m=x_m,
        y_m=y_m,
        noise_rms_counts=config.noise_rms_counts * float(noise_factor),
        site_gain=float(site_gain),
        exposure=float(exposure),
        dead_from_ns=config.start_ns + dead_after_ns if is_dead else None,
        stuck_counts=int(random.integers(-2000, 2000)),
    )


def _relief(seed: int, x_m: float, y_m: float) -> float:
    """Metres above the middle: a slope of 3 % and a hill."""
    random = generator(seed, Stream.TOPOGRAPHY)
    azimuth, phase = 2 * pi * random.random(2)
    along_m = x_m * sin(azimuth) + y_m * cos(azimuth)
    return float(0.03 * along_m + 8 * (sin(along_m / 150 + phase) - sin(phase)))
