"""What happens on the array (earthquakes, aircraft, gusts, ...) and on one node (spikes, gaps).

Everything is drawn per whole hour (gaps: per day) since the scene start, on demand, from a key that
names the hour: a campaign is never held in memory, and a longer one begins as the shorter one.
Positions are metres east (x) and north (y) of the middle of the array and down (depth).
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from math import cos, hypot, log10, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray

from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S
from seisflow.stages.synth.noise import noise_filter
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.streams import Stream, generator, log_uniform

__all__ = [
    "Aircraft",
    "Earthquake",
    "Gap",
    "Glitch",
    "Gust",
    "Source",
    "SourceKind",
    "Spike",
    "Vehicle",
    "Wavelet",
    "gaps_of_day",
    "sources_of_hour",
    "spikes_of_hour",
]

SOUND_M_S = 340.0
"""Speed of sound in air."""

CODA_LENGTHS = 7.0
"""A wavelet ends after this many decay times, at a thousandth of its peak."""

MAX_LOOK_BACK_HOURS = 1
"""No source lasts longer than this beyond the hour it starts in."""

_N_PARTIALS = 32
_N_HARMONICS = 6


class SourceKind(IntEnum):
    """What the truth of a second says: the strongest planted source in it."""

    NONE = 0
    EARTHQUAKE = 1
    AIRCRAFT = 2
    WIND = 3
    VEHICLE = 4
    SPIKE = 5
    GLITCH = 6
    NO_DATA = 255


@dataclass(frozen=True, slots=True, eq=False)
class Wavelet:
    """A phase of an earthquake: partials under ``(1 - exp(-t/rise)) exp(-t/decay) (1 - t/length)``.

    Parameters
    ----------
    freqs_hz, phases_cycles, weights : ndarray of float64, shape (n_partials,)
        The partials.
    amplitude_counts : float
        Factor, at the middle of the array.
    rise_s, decay_s : float
        Times of the envelope; it ends after `CODA_LENGTHS` decays.
    """

    freqs_hz: NDArray[np.float64]
    phases_cycles: NDArray[np.float64]
    weights: NDArray[np.float64]
    amplitude_counts: float
    rise_s: float
    decay_s: float

    @property
    def length_s(self) -> float:
        """Seconds from onset to the end of the coda."""
        return CODA_LENGTHS * self.decay_s


@dataclass(frozen=True, slots=True, eq=False)
class Earthquake:
    """A point source in a homogeneous half-space; times in ns UTC, positions in m."""

    hour: int
    number: int
    start_ns: int
    end_ns: int
    x_m: float
    y_m: float
    depth_m: float
    magnitude: float
    peak_snr: float
    p: Wavelet
    s: Wavelet

    @property
    def name(self) -> str:
        """Identifier, unique in the scene."""
        return f"sf{self.hour:05d}{self.number:03d}"


@dataclass(frozen=True, slots=True, eq=False)
class Aircraft:
    """A straight pass at constant height and speed, emitting harmonics of a tone.

    `closest_ns` is when the craft is nearest to the middle of the array, (`x_m`, `y_m`) where it is
    then; (`east`, `north`) its heading, a unit vector. `amplitudes_counts` are those of the
    harmonics as heard from `reference_m` away.
    """

    start_ns: int
    end_ns: int
    closest_ns: int
    x_m: float
    y_m: float
    east: float
    north: float
    height_m: float
    speed_m_s: float
    tone_hz: float
    reference_m: float
    amplitudes_counts: NDArray[np.float64]
    peak_snr: float


@dataclass(frozen=True, slots=True)
class Gust:
    """Wind: one envelope for all nodes; what shakes each is its own noise."""

    start_ns: int
    end_ns: int
    amplitude_counts: float
    flutter_s: float
    flutter_cycles: float
    peak_snr: float


@dataclass(frozen=True, slots=True)
class Vehicle:
    """A drive along the road; `amplitude_counts` is the rms at `reference_m` from it."""

    start_ns: int
    end_ns: int
    closest_ns: int
    x_m: float
    y_m: float
    east: float
    north: float
    speed_m_s: float
    reference_m: float
    amplitude_counts: float
    peak_snr: float


@dataclass(frozen=True, slots=True)
class Spike:
    """An electronic pulse of one node: a jump that falls by e within `decay_s`."""

    start_ns: int
    end_ns: int
    amplitude_counts: float
    decay_s: float


@dataclass(frozen=True, slots=True)
class Glitch:
    """An electronic pulse of the whole array: the same as a `Spike`, at one instant on all nodes.

    Its cause lies in what the nodes share (time server, power) or reaches them all at once
    (lightning), so it has no moveout. Each node hears it with a factor of its own.
    """

    hour: int
    number: int
    start_ns: int
    end_ns: int
    amplitude_counts: float
    decay_s: float
    peak_snr: float


@dataclass(frozen=True, slots=True)
class Gap:
    """Samples of one node that are not there: times in ns UTC, half-open."""

    start_ns: int
    end_ns: int


Source = Earthquake | Aircraft | Gust | Vehicle | Glitch


@lru_cache(maxsize=256)
def sources_of_hour(config: SceneConfig, hour: int) -> tuple[Source, ...]:
    """Return the sources that start in an hour, in order of their start.

    Parameters
    ----------
    config : SceneConfig
        The scene.
    hour : int
        Hours since the scene start, from 0.

    Returns
    -------
    tuple of Source
        Start in ``[hour, hour + 1)`` hours, end at most one hour after that. Where the scene ends
        plays no part.
    """
    drawn: list[Source] = [
        *_earthquakes(config, hour),
        *_aircraft(config, hour),
        *_gusts(config, hour),
        *_vehicles(config, hour),
        *_glitches(config, hour),
    ]
    return tuple(sorted(drawn, key=lambda source: source.start_ns))


@lru_cache(maxsize=256)
def spikes_of_hour(config: SceneConfig, node_index: int, hour: int) -> tuple[Spike, ...]:
    """Return the spikes of one node in one hour since the scene start, in order; all end in it."""
    random = generator(config.seed, Stream.SPIKES, node_index, hour)
    count = random.poisson(config.spikes_per_node_hour)
    spikes = [_spike(config, hour, random)[0] for _ in range(count)]
    return tuple(sorted(spikes, key=lambda spike: spike.start_ns))


@lru_cache(maxsize=256)
def gaps_of_day(config: SceneConfig, node_index: int, day: int) -> tuple[Gap, ...]:
    """Return the gaps of one node in one day since the scene start.

    In order, apart from each other, none crosses the end of the day; 1 to 600 s long.
    """
    random = generator(config.seed, Stream.GAPS, node_index, day)
    begin = config.start_ns + day * DAY_NS
    count = random.poisson(config.gaps_per_node_day)
    drawn = [
        (int(random.integers(DAY_NS)), round(log_uniform(random, (1.0, 600.0)) * NS_PER_S))
        for _ in range(count)
    ]
    gaps: list[Gap] = []
    for start, length in sorted(drawn):
        if gaps and begin + start <= gaps[-1].end_ns:
            continue
        gaps.append(Gap(begin + start, begin + min(start + length, DAY_NS)))
    return tuple(gaps)


def _begin(config: SceneConfig, hour: int) -> int:
    return config.start_ns + hour * HOUR_NS


def _noise_rms(config: SceneConfig) -> float:
    """Rms of the noise in counts after the 2 Hz high-pass: what every SNR of a source refers to."""
    colour = noise_filter(config.noise, config.rate_hz)
    return config.noise_rms_counts * colour.highpassed_rms()


def _earthquakes(config: SceneConfig, hour: int) -> list[Earthquake]:
    count = generator(config.seed, Stream.EARTHQUAKES, hour).poisson(config.earthquakes_per_hour)
    return [_earthquake(config, hour, number) for number in range(count)]


def _earthquake(config: SceneConfig, hour: int, number: int) -> Earthquake:
    random = generator(config.seed, Stream.EARTHQUAKES, hour, number)
    start_ns = _begin(config, hour) + int(random.integers(HOUR_NS))
    epicentral_m = 1000 * log_uniform(random, config.distance_km)
    azimuth = 2 * pi * random.random()
    depth_m = 1000 * float(random.uniform(*config.depth_km))
    peak_snr = log_uniform(random, config.earthquake_snr)
    p = _wavelet(random, config.rate_hz, (5.0, 30.0), (0.03, float(random.uniform(0.8, 2.0))))
    s = _wavelet(random, config.rate_hz, (5.0, 18.0), (0.08, float(random.uniform(1.5, 4.0))))
    counts = peak_snr * _noise_rms(config)
    distance_m = hypot(epicentral_m, depth_m)
    length_s = config.slowest_s + max(p.length_s, s.length_s)
    return Earthquake(
        hour=hour,
        number=number,
        start_ns=start_ns,
        end_ns=start_ns + round(length_s * NS_PER_S),
        x_m=epicentral_m * sin(azimuth),
        y_m=epicentral_m * cos(azimuth),
        depth_m=depth_m,
        magnitude=round(log10(counts * distance_m / 1000) - 3.5, 2),
        peak_snr=peak_snr,
        p=_scaled(p, counts / float(random.uniform(1.8, 3.5))),
        s=_scaled(s, counts),
    )


def _wavelet(
    random: np.random.Generator,
    rate_hz: int,
    band_hz: tuple[float, float],
    times_s: tuple[float, float],
) -> Wavelet:
    """Draw partials, one in each of equal parts of the band, weaker upwards."""
    high_hz = min(band_hz[1], 0.4 * rate_hz)
    low_hz = min(band_hz[0], high_hz / 2)
    edges = (np.arange(_N_PARTIALS) + random.random(_N_PARTIALS)) / _N_PARTIALS
    freqs_hz = low_hz + (high_hz - low_hz) * edges
    phases = random.random(_N_PARTIALS)
    weights = np.sqrt(low_hz / freqs_hz) * random.uniform(0.5, 1.0, _N_PARTIALS)
    return Wavelet(freqs_hz, phases, weights, 1.0, *times_s)


def _scaled(wavelet: Wavelet, rms_counts: float) -> Wavelet:
    """Give a wavelet the amplitude at which its loudest second has the rms asked for."""
    t = np.arange(0, min(wavelet.length_s, 4.0), 0.005)
    cycles = np.outer(wavelet.freqs_hz, t) + wavelet.phases_cycles[:, None]
    envelope = (1 - np.exp(-t / wavelet.rise_s)) * np.exp(-t / wavelet.decay_s)
    power = (wavelet.weights @ np.cos(2 * pi * cycles) * envelope) ** 2
    loudest = np.convolve(power, np.full(200, 1 / 200), "valid").max()
    return Wavelet(
        wavelet.freqs_hz,
        wavelet.phases_cycles,
        wavelet.weights,
        rms_counts / sqrt(float(loudest)),
        wavelet.rise_s,
        wavelet.decay_s,
    )


def _aircraft(config: SceneConfig, hour: int) -> list[Aircraft]:
    random = generator(config.seed, Stream.AIRCRAFT, hour)
    return [_pass(config, hour, random) for _ in range(random.poisson(config.aircraft_per_hour))]


def _pass(config: SceneConfig, hour: int, random: np.random.Generator) -> Aircraft:
    start_ns = _begin(config, hour) + int(random.integers(HOUR_NS))
    azimuth, aside_m = 2 * pi * random.random(), float(random.uniform(-1500, 1500))
    height_m, speed_m_s = log_uniform(random, (300.0, 3000.0)), float(random.uniform(60, 250))
    nearest_m = hypot(aside_m, height_m)
    half_s = min(150.0, max(30.0, 4 * nearest_m / speed_m_s))
    delay_s = nearest_m / SOUND_M_S
    peak_snr = log_uniform(random, config.nuisance_snr)
    weights = random.uniform(0.3, 1.0, _N_HARMONICS) / np.arange(1, _N_HARMONICS + 1) ** 0.7
    weights *= peak_snr * _noise_rms(config) / np.sqrt(np.sum(weights**2) / 2)
    return Aircraft(
        start_ns=start_ns,
        end_ns=start_ns + round(2 * half_s * NS_PER_S),
        closest_ns=start_ns + round((half_s - delay_s) * NS_PER_S),
        x_m=aside_m * cos(azimuth),
        y_m=-aside_m * sin(azimuth),
        east=sin(azimuth),
        north=cos(azimuth),
        height_m=height_m,
        speed_m_s=speed_m_s,
        tone_hz=log_uniform(random, (15.0, 120.0)),
        reference_m=nearest_m,
        amplitudes_counts=weights,
        peak_snr=peak_snr,
    )


def _gusts(config: SceneConfig, hour: int) -> list[Gust]:
    random = generator(config.seed, Stream.GUSTS, hour)
    gusts = []
    for _ in range(random.poisson(config.gusts_per_hour)):
        start_ns = _begin(config, hour) + int(random.integers(HOUR_NS))
        length_ns = round(log_uniform(random, (20.0, 180.0)) * NS_PER_S)
        peak_snr = log_uniform(random, config.nuisance_snr)
        # of the carrier's rms, the part above 2 Hz counts
        above = noise_filter("wind", config.rate_hz).highpassed_rms()
        counts = peak_snr * _noise_rms(config) / above
        flutter_s, cycles = float(random.uniform(5, 20)), random.random()
        gusts.append(Gust(start_ns, start_ns + length_ns, counts, flutter_s, cycles, peak_snr))
    return gusts


def _vehicles(config: SceneConfig, hour: int) -> list[Vehicle]:
    road = generator(config.seed, Stream.ROAD)
    azimuth, aside_m = 2 * pi * road.random(), float(road.uniform(200, 800))
    random = generator(config.seed, Stream.VEHICLES, hour)
    vehicles = []
    for _ in range(random.poisson(config.vehicles_per_hour)):
        start_ns = _begin(config, hour) + int(random.integers(HOUR_NS))
        speed_m_s = float(random.uniform(8, 25)) * (1 if random.random() < 0.5 else -1)
        half_s = min(120.0, 3 * aside_m / abs(speed_m_s))
        peak_snr = log_uniform(random, config.nuisance_snr)
        drive = Vehicle(
            start_ns=start_ns,
            end_ns=start_ns + round(2 * half_s * NS_PER_S),
            closest_ns=start_ns + round(half_s * NS_PER_S),
            x_m=aside_m * cos(azimuth),
            y_m=-aside_m * sin(azimuth),
            east=sin(azimuth),
            north=cos(azimuth),
            speed_m_s=speed_m_s,
            reference_m=aside_m,
            amplitude_counts=peak_snr * _noise_rms(config),
            peak_snr=peak_snr,
        )
        vehicles.append(drive)
    return vehicles


def _glitches(config: SceneConfig, hour: int) -> list[Glitch]:
    random = generator(config.seed, Stream.GLITCHES, hour)
    glitches = []
    for number in range(random.poisson(config.glitches_per_hour)):
        pulse, peak_snr = _spike(config, hour, random)
        glitch = Glitch(
            hour=hour,
            number=number,
            start_ns=pulse.start_ns,
            end_ns=pulse.end_ns,
            amplitude_counts=pulse.amplitude_counts,
            decay_s=pulse.decay_s,
            peak_snr=peak_snr,
        )
        glitches.append(glitch)
    return glitches


def _spike(config: SceneConfig, hour: int, random: np.random.Generator) -> tuple[Spike, float]:
    """Draw a pulse that ends in its hour, and its rms over one second over that of the noise."""
    decay_s = log_uniform(random, (0.002, 0.02))
    length_ns = round(CODA_LENGTHS * decay_s * NS_PER_S)
    start_ns = _begin(config, hour) + int(random.integers(HOUR_NS - length_ns))
    peak_snr = log_uniform(random, config.nuisance_snr)
    rms = peak_snr * _noise_rms(config)
    sign = 1 if random.random() < 0.5 else -1
    # the rms over one second of A exp(-t / decay) is A sqrt(decay / 2)
    amplitude = sign * rms * sqrt(2 / decay_s)
    return Spike(start_ns, start_ns + length_ns, amplitude, decay_s), peak_snr
