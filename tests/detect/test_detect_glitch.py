"""Pulses of the instruments are told from waves, each condition by itself."""

import numpy as np
import pytest

from seisflow.core.grid import NS_PER_S
from seisflow.detect.alignment import Alignment, align
from seisflow.detect.config import DetectConfig
from seisflow.detect.glitch import GlitchRule, has_coda, is_glitch
from seisflow.detect.measuring import band_hz
from seisflow.dsp.filters import bandpass
from seisflow.synth.config import SceneConfig
from seisflow.synth.scene import Scene, build_scene
from seisflow.synth.sources import Earthquake, Glitch
from seisflow.synth.truth import arrivals
from seisflow.synth.waves import node_waveform

RATE_HZ = 250.0


def pulse(n: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Delays within half a sample of each other, and correlations near 1."""
    rng = np.random.default_rng(n)
    return rng.uniform(-0.25, 0.25, n) / RATE_HZ, rng.uniform(0.98, 1, n)


def test_a_pulse_is_a_glitch() -> None:
    delays, cc = pulse()
    assert is_glitch(delays, cc, 20, RATE_HZ)
    assert is_glitch(delays, cc, 40, RATE_HZ)


def test_a_pulse_on_fewer_than_half_of_the_stations_is_none() -> None:
    delays, cc = pulse()
    assert not is_glitch(delays, cc, 41, RATE_HZ)


@pytest.mark.parametrize("n", [0, 1, 3])
def test_fewer_than_four_stations_are_never_a_glitch(n: int) -> None:
    delays, cc = pulse(n)
    assert not is_glitch(delays, cc, n, RATE_HZ)


def test_moveout_of_two_samples_is_a_wave() -> None:
    delays, cc = pulse()
    delays[:] = 0
    delays[3] = 1.4 / RATE_HZ
    assert is_glitch(delays, cc, 20, RATE_HZ)
    delays[3] = 2 / RATE_HZ
    assert not is_glitch(delays, cc, 20, RATE_HZ)
    delays[3:5] = -1 / RATE_HZ, 1 / RATE_HZ  # each within one and a half, not of each other
    assert not is_glitch(delays, cc, 20, RATE_HZ)


def test_unlike_traces_are_a_wave_from_below() -> None:
    delays, cc = pulse()
    cc[:9] = 0.3
    assert is_glitch(delays, cc, 20, RATE_HZ)
    cc[:11] = 0.96
    assert not is_glitch(delays, cc, 20, RATE_HZ)


def test_traces_left_out_do_not_count() -> None:
    delays, cc = pulse()
    delays[10:], cc[10:] = np.nan, np.nan
    assert is_glitch(delays, cc, 20, RATE_HZ)
    assert not is_glitch(delays, cc, 21, RATE_HZ)
    assert not is_glitch(delays[10:], cc[10:], 10, RATE_HZ)


def test_the_rule_is_the_callers() -> None:
    delays, cc = pulse()
    assert not is_glitch(delays, cc, 20, RATE_HZ, GlitchRule(least_stations=21))
    assert not is_glitch(delays, cc, 20, RATE_HZ, GlitchRule(most_spread_samples=0.1))
    assert not is_glitch(delays, cc, 20, RATE_HZ, GlitchRule(least_median_cc=0.9999))
    assert is_glitch(delays, cc, 41, RATE_HZ, GlitchRule(least_share=0.4))


@pytest.mark.parametrize(("decay_s", "expected"), [(0.02, False), (0.1, False), (0.6, True)])
def test_a_pulse_is_over_and_an_earthquake_goes_on(decay_s: float, expected: bool) -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(int(2 * RATE_HZ)) / RATE_HZ - 0.5
    wave = np.where(time_s >= 0, np.exp(-np.maximum(time_s, 0) / decay_s), 0)
    stack = wave * rng.standard_normal(time_s.size) + 0.02 * rng.standard_normal(time_s.size)
    assert has_coda(stack, int(0.5 * RATE_HZ), RATE_HZ) == expected


def test_silence_has_no_coda() -> None:
    assert not has_coda(np.zeros(500), 125, RATE_HZ)
    assert not has_coda(np.ones(100), 0, RATE_HZ)


N_NODES = 20


@pytest.fixture(scope="module")
def scene() -> Scene:
    """Glitches and earthquakes of 14 times the noise, and nothing else.

    Glitches below five times the noise are not alike enough for the rule; above twenty times they
    are, but the filter rings on so strongly behind them that this passes for a coda.
    """
    config = SceneConfig(
        n_nodes=N_NODES, rate_hz=int(RATE_HZ), nuisance_snr=(14.0, 14.0), glitches_per_hour=30.0,
        earthquake_snr=(14.0, 14.0), aircraft_per_hour=0.0, gusts_per_hour=0.0,
        vehicles_per_hour=0.0, spikes_per_node_hour=0.0, gaps_per_node_day=0.0, dead_fraction=0.0,
    )  # fmt: skip
    return build_scene(config)


def glitch_times(scene: Scene) -> list[int]:
    """Starts in ns UTC of glitches that no earthquake comes near, and that last some samples."""
    found = scene.sources(scene.span.start_ns + 60 * NS_PER_S, scene.span.end_ns - 60 * NS_PER_S)
    quakes = [s.start_ns for s in found if isinstance(s, Earthquake)]
    times = [s.start_ns for s in found if isinstance(s, Glitch) and s.decay_s > 0.004]
    return [t for t in times if all(abs(t - q) > 60 * NS_PER_S for q in quakes)]


def aligned(scene: Scene, time_ns: int) -> Alignment:
    """Align what all nodes recorded about a time, as `detect` does from an onset it has found."""
    rate_hz, start_ns = scene.config.rate_hz, time_ns - 4 * NS_PER_S
    first, onset = (scene.first_at_or_after(t) for t in (start_ns, time_ns))
    counts = [node_waveform(scene, k, first, 8 * rate_hz).counts for k in range(N_NODES)]
    filtered = bandpass(np.array(counts), rate_hz, band_hz(DetectConfig(), rate_hz))
    return align(filtered, np.full(N_NODES, onset - first), rate_hz)


def test_a_glitch_of_a_synthetic_array_is_one(scene: Scene) -> None:
    times = glitch_times(scene)[:6]
    assert len(times) == 6
    for time_ns in times:
        found = aligned(scene, time_ns)
        assert np.ptp(found.delays_s) * RATE_HZ < 0.5
        assert is_glitch(found.delays_s, found.cc, N_NODES, RATE_HZ)
        assert not has_coda(found.stack, found.n_before, RATE_HZ)


def test_an_earthquake_of_a_synthetic_array_goes_on(scene: Scene) -> None:
    begin, end = scene.span.start_ns + 60 * NS_PER_S, scene.span.end_ns - 60 * NS_PER_S
    onsets = [row["time_ns"] for row in arrivals(scene, 0, scene.span) if row["phase"] == "P"]
    onsets = [t for t in onsets if begin < t < end][:3]
    assert len(onsets) == 3
    for time_ns in onsets:
        found = aligned(scene, time_ns)
        assert has_coda(found.stack, found.n_before, RATE_HZ)
