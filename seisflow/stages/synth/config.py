"""What synth can be asked."""

from typing import Literal

from seisflow.core.config import StageConfig
from seisflow.core.grid import parse_time
from seisflow.core.options import ADVANCED, PathOption, argument, option
from seisflow.stages.synth.scene_config import SceneConfig

__all__ = ["SynthConfig"]

SCENE = SceneConfig()
"""Its defaults are those of the options."""


class SynthConfig(StageConfig):
    """Make a synthetic dense array with known truth, as miniSEED and station tables.

    Earthquakes with P and S moveout, aircraft with Doppler, wind, vehicles, spikes, gaps and dead
    nodes, in coloured noise; glitches, electronic pulses on all nodes at the same instant, only
    where they are asked for. A longer scene of the same seed begins as the shorter one.

    Parameters
    ----------
    scene : path
        The folder to write.
    nodes : int
        Number of nodes; they fill the grid row by row.
    hours : float
        Length of the record in hours.
    rate : int
        Samples per second.
    seed : int
        Seed of everything random.
    start : str
        Time of the first sample, ISO 8601 UTC.
    noise : str
        Spectrum: ``white``, ``pink`` (power 1/f above 0.5 Hz) or ``field`` (a geophone node).
    earthquakes : float
        Mean number of earthquakes per hour.
    aircraft : float
        Mean number of aircraft per hour.
    gusts : float
        Mean number of gusts of wind per hour.
    vehicles : float
        Mean number of vehicles per hour.
    glitches : float
        Mean number per hour of pulses of the electronics on all nodes at the same instant.
    spikes : float
        Mean number per hour on each node.
    gaps : float
        Mean number per day on each node.
    dead : float
        Share of nodes that stop recording for good.
    dead_within_s : float
        Seconds from the start within which they stop.
    rows : int, optional
        Rows of the grid; by default 2.5 times as many columns as rows.
    columns : int, optional
        Columns of the grid.
    spacing_m : float
        Distance between the nodes of a row, in m.
    row_spacing_m : float
        Distance between rows, in m.
    longitude : float
        Longitude of the middle of the array, in degrees.
    latitude : float
        Latitude of the middle of the array, in degrees.
    elevation_m : float
        Elevation of the array, in m above sea level.
    network : str
        Network code of the stations.
    channel : str
        Channel code of the stations.
    noise_rms_counts : float
        RMS of the noise over the whole band, in counts.
    earthquake_snr : (float, float)
        Smallest and largest RMS of an earthquake in its loudest second, at the middle of the array,
        over the RMS of the noise after a 2 Hz high-pass; log-uniform.
    nuisance_snr : (float, float)
        The same of all other sources: aircraft, gusts, vehicles, glitches and spikes.
    vp_km_s : float
        P velocity, km/s.
    vp_vs : float
        Ratio of the P to the S velocity.
    distance_km : (float, float)
        Smallest and largest epicentral distance from the middle, in km; log-uniform.
    depth_km : (float, float)
        Smallest and largest depth below it, in km; uniform.

    Examples
    --------
    seisflow synth scene/ --nodes 20 --hours 1

    seisflow synth campaign/ --nodes 1100 --hours 720 --cluster tcp://head:8786
    """

    scene: PathOption = argument("OUT")
    nodes: int = option(SCENE.n_nodes, ge=1)
    hours: float = option(1.0, gt=0)
    rate: int = SCENE.rate_hz
    seed: int = SCENE.seed
    start: str = "2014-05-29T00:00:00"
    noise: Literal["white", "pink", "field"] = "field"
    earthquakes: float = option(SCENE.earthquakes_per_hour, ge=0)
    aircraft: float = option(SCENE.aircraft_per_hour, ge=0)
    gusts: float = option(SCENE.gusts_per_hour, ge=0)
    vehicles: float = option(SCENE.vehicles_per_hour, ge=0)
    glitches: float = option(SCENE.glitches_per_hour, ge=0)
    spikes: float = option(SCENE.spikes_per_node_hour, ge=0)
    gaps: float = option(SCENE.gaps_per_node_day, ge=0)
    dead: float = option(SCENE.dead_fraction, ge=0, le=1)
    dead_within_s: float = option(3600.0, gt=0, group=ADVANCED)
    rows: int | None = option(SCENE.rows, ge=1, group=ADVANCED)
    columns: int | None = option(SCENE.columns, ge=1, group=ADVANCED)
    spacing_m: float = option(SCENE.spacing_m, gt=0, group=ADVANCED)
    row_spacing_m: float = option(SCENE.row_spacing_m, gt=0, group=ADVANCED)
    longitude: float = option(SCENE.longitude, ge=-180, le=360, group=ADVANCED)
    latitude: float = option(SCENE.latitude, ge=-85, le=85, group=ADVANCED)
    elevation_m: float = option(SCENE.elevation_m, group=ADVANCED)
    network: str = option(SCENE.network, group=ADVANCED)
    channel: str = option(SCENE.channel, group=ADVANCED)
    noise_rms_counts: float = option(SCENE.noise_rms_counts, gt=0, group=ADVANCED)
    earthquake_snr: tuple[float, float] = option(SCENE.earthquake_snr, group=ADVANCED)
    nuisance_snr: tuple[float, float] = option(SCENE.nuisance_snr, group=ADVANCED)
    vp_km_s: float = option(SCENE.vp_km_s, gt=0, group=ADVANCED)
    vp_vs: float = option(SCENE.vp_vs, gt=1, group=ADVANCED)
    distance_km: tuple[float, float] = option(SCENE.distance_km, group=ADVANCED)
    depth_km: tuple[float, float] = option(SCENE.depth_km, group=ADVANCED)

    def scene_config(self) -> SceneConfig:
        """Return the scene that is asked for.

        Raises
        ------
        ConfigError
            It cannot be made: every reason is given.
        """
        same = self.model_dump(include={*SceneConfig.__dataclass_fields__})
        return SceneConfig(
            **same,
            n_nodes=self.nodes,
            duration_s=round(self.hours * 3600),
            rate_hz=self.rate,
            start_ns=parse_time(self.start),
            earthquakes_per_hour=self.earthquakes,
            aircraft_per_hour=self.aircraft,
            gusts_per_hour=self.gusts,
            vehicles_per_hour=self.vehicles,
            glitches_per_hour=self.glitches,
            spikes_per_node_hour=self.spikes,
            gaps_per_node_day=self.gaps,
            dead_fraction=self.dead,
        )
