"""What one source does at one node, as a function of absolute time.

Every function takes the seconds since an instant of its source (float64, any times, in any pieces)
and gives one value for each; nothing here knows of tiles, tasks or cuts.
"""

from math import hypot, pi

import numpy as np
from numpy.typing import NDArray

from seisflow.core.grid import NS_PER_S
from seisflow.stages.synth.scene import Node
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.sources import (
    SOUND_M_S,
    Aircraft,
    Earthquake,
    Glitch,
    Gust,
    Spike,
    Vehicle,
    Wavelet,
)
from seisflow.stages.synth.streams import Stream, generator

__all__ = [
    "aircraft_signal",
    "glitch_signal",
    "gust_envelope",
    "phase_arrivals",
    "phase_wavelets",
    "spike_signal",
    "vehicle_envelope",
    "wavelet_signal",
]

Floats = NDArray[np.float64]

_PHASE_SPREAD_CYCLES = 0.03
_AMPLITUDE_SPREAD = 0.1
_GLITCH_SPREAD = 0.2
_ABSORPTION_M = 600.0
"""Distance over which what a vehicle sends out falls by e, beside 1/r."""


def phase_arrivals(config: SceneConfig, quake: Earthquake, node: Node) -> tuple[int, int]:
    """Return when P and S reach a node, ns UTC: straight rays at constant velocity."""
    p_ns = _distance_m(config, quake, node) / (1000 * config.vp_km_s) * NS_PER_S
    return quake.start_ns + round(p_ns), quake.start_ns + round(p_ns * config.vp_vs)


def phase_wavelets(config: SceneConfig, quake: Earthquake, node: Node) -> tuple[Wavelet, Wavelet]:
    """Return the P and S wavelets as a node sees them.

    The source's partials with phases off by 0.03 cycles and amplitude by 10 % (standard deviation,
    keyed by earthquake and node), the site's gain, and 1/r relative to the middle of the array.
    """
    random = generator(config.seed, Stream.EARTHQUAKE_AT_NODE, quake.hour, quake.number, node.index)
    middle_m = hypot(quake.x_m, quake.y_m, quake.depth_m)
    gain = node.site_gain * middle_m / _distance_m(config, quake, node)
    p, s = (_varied(wavelet, random, gain) for wavelet in (quake.p, quake.s))
    return p, s


def wavelet_signal(wavelet: Wavelet, t: Floats) -> Floats:
    """Evaluate a wavelet in counts at `t` seconds after its onset; 0 outside it."""
    # float32 cosines of phases already taken modulo one cycle: 1e-7 of the amplitude
    total = np.zeros(t.shape, dtype=np.float32)
    for freq_hz, phase, weight in zip(
        wavelet.freqs_hz, wavelet.phases_cycles, wavelet.weights, strict=True
    ):
        cycles = freq_hz * t + phase
        cycles -= np.floor(cycles)
        total += np.float32(weight) * np.cos(np.float32(2 * pi) * cycles.astype(np.float32))
    inside = np.clip(t, 0.0, wavelet.length_s)
    envelope = -np.expm1(-inside / wavelet.rise_s) * np.exp(-inside / wavelet.decay_s)
    envelope *= 1 - inside / wavelet.length_s
    return np.asarray(wavelet.amplitude_counts * envelope * total)


def aircraft_signal(craft: Aircraft, node: Node, rate_hz: int, t: Floats) -> Floats:
    """Evaluate what is heard of an aircraft, counts.

    Parameters
    ----------
    craft : Aircraft
        Its pass.
    node : Node
        Who hears it.
    rate_hz : int
        Samples per second: harmonics fade out between 0.4 and 0.48 of it, as before a digitiser.
    t : ndarray of float64
        Seconds after the craft was closest to the middle of the array (where it was, not when it
        was heard).

    Returns
    -------
    ndarray of float64
        Sum of harmonics emitted at the retarded time, so delayed by r/c and Doppler-shifted,
        as 1/r, fading in and out over the outer quarters of the pass.
    """
    emitted_s, distance_m, doppler = _retarded(craft, node, t)
    cycles = craft.tone_hz * emitted_s
    turn = np.exp(2j * pi * (cycles - np.floor(cycles)))
    power, total = np.ones_like(turn), np.zeros(t.shape)
    for harmonic, amplitude in enumerate(craft.amplitudes_counts, start=1):
        power *= turn
        heard = harmonic * craft.tone_hz * doppler / rate_hz
        total += amplitude * np.clip((0.48 - heard) / 0.08, 0.0, 1.0) * power.imag
    window = _window(craft, t)
    return np.asarray(total * window * node.site_gain * craft.reference_m / distance_m)


def gust_envelope(gust: Gust, node: Node, t: Floats) -> Floats:
    """Return the rms of a gust at a node in counts, `t` seconds after its start."""
    length_s = (gust.end_ns - gust.start_ns) / NS_PER_S
    inside = np.clip(t / length_s, 0.0, 1.0)
    flutter = 0.75 + 0.25 * np.cos(2 * pi * (t / gust.flutter_s + gust.flutter_cycles))
    return np.asarray(gust.amplitude_counts * node.exposure * np.sin(pi * inside) ** 2 * flutter)


def vehicle_envelope(vehicle: Vehicle, node: Node, t: Floats) -> Floats:
    """Return the rms of a vehicle's rumble at a node in counts.

    `t` counts seconds from when it passes the middle of the array: 1/r and an absorption length of
    600 m, fading in and out over the outer quarters of the drive.
    """
    driven_m = vehicle.speed_m_s * t
    distance_m = np.hypot(
        vehicle.x_m + driven_m * vehicle.east - node.x_m,
        vehicle.y_m + driven_m * vehicle.north - node.y_m,
    )
    distance_m = np.maximum(distance_m, 20.0)
    decay = np.exp(-(distance_m - vehicle.reference_m) / _ABSORPTION_M)
    gain = vehicle.amplitude_counts * node.site_gain * vehicle.reference_m
    return np.asarray(gain / distance_m * decay * _window(vehicle, t))


def spike_signal(spike: Spike, t: Floats) -> Floats:
    """Evaluate a spike in counts, `t` seconds after it, none of them negative."""
    return _pulse(spike, t)


def glitch_signal(config: SceneConfig, glitch: Glitch, node: Node, t: Floats) -> Floats:
    """Evaluate what a node hears of a glitch, counts.

    Parameters
    ----------
    config : SceneConfig
        The scene.
    glitch : Glitch
        The pulse of the array.
    node : Node
        Who hears it.
    t : ndarray of float64
        Seconds after it, none of them negative; the instant is the same for all nodes.

    Returns
    -------
    ndarray of float64
        The pulse times a positive factor (lognormal around 1, 20 %), keyed by glitch and node: the
        ground and the site play no part.
    """
    random = generator(config.seed, Stream.GLITCH_AT_NODE, glitch.hour, glitch.number, node.index)
    return float(random.lognormal(0.0, _GLITCH_SPREAD)) * _pulse(glitch, t)


def _pulse(pulse: Spike | Glitch, t: Floats) -> Floats:
    return np.asarray(pulse.amplitude_counts * np.exp(-t / pulse.decay_s))


def _distance_m(config: SceneConfig, quake: Earthquake, node: Node) -> float:
    up_m = quake.depth_m + node.elevation - config.elevation_m
    return hypot(quake.x_m - node.x_m, quake.y_m - node.y_m, up_m)


def _varied(wavelet: Wavelet, random: np.random.Generator, gain: float) -> Wavelet:
    shifts = random.normal(0.0, _PHASE_SPREAD_CYCLES, wavelet.freqs_hz.size)
    factor = gain * float(random.lognormal(0.0, _AMPLITUDE_SPREAD))
    return Wavelet(
        wavelet.freqs_hz,
        wavelet.phases_cycles + shifts,
        wavelet.weights,
        wavelet.amplitude_counts * factor,
        wavelet.rise_s,
        wavelet.decay_s,
    )


def _retarded(craft: Aircraft, node: Node, t: Floats) -> tuple[Floats, Floats, Floats]:
    """Return emission time, distance (m) and heard over emitted frequency.

    With the craft at ``v * e`` along its track at emission time e, the node at ``s`` along it and
    ``h`` away from it, e solves ``(c (t - e))**2 = h**2 + (v e - s)**2``.
    """
    c, v = SOUND_M_S, craft.speed_m_s
    east_m, north_m = node.x_m - craft.x_m, node.y_m - craft.y_m
    along_m = east_m * craft.east + north_m * craft.north
    across_m = hypot(east_m * craft.north - north_m * craft.east, craft.height_m)
    half_b = c**2 * t - v * along_m
    rest = (c * t) ** 2 - along_m**2 - across_m**2
    emitted_s = (half_b - np.sqrt(half_b**2 - (c**2 - v**2) * rest)) / (c**2 - v**2)
    distance_m = c * (t - emitted_s)
    doppler = 1 / (1 + v * (v * emitted_s - along_m) / (c * distance_m))
    return emitted_s, distance_m, doppler


def _window(source: Aircraft | Vehicle, t: Floats) -> Floats:
    """Fade in and out: 1 in the middle half of the source's time, 0 outside it."""
    start_s = (source.start_ns - source.closest_ns) / NS_PER_S
    end_s = (source.end_ns - source.closest_ns) / NS_PER_S
    nearest_edge_s = np.clip(np.minimum(t - start_s, end_s - t), 0.0, (end_s - start_s) / 4)
    return np.asarray(np.sin(2 * pi * nearest_edge_s / (end_s - start_s)) ** 2)
