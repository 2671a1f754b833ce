"""Pulses of the instruments are told from waves, each condition by itself."""

import numpy as np
import pytest

from seisflow.core.grid import NS_PER_S
from seisflow.dsp.filters import bandpass
from seisflow.stages.detect.config import DetectParameters
from seisflow.stages.detect.glitch import GlitchRule, goes_on, is_glitch
from seisflow.stages.detect.measuring import band_hz
from seisflow.stages.synth.scene import Scene, build_scene
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.sources import Earthquake, Glitch
from seisflow.stages.synth.truth import arrivals
from seisflow.stages.synth.waves import node_waveform

RATE_HZ = 250.0


INSTANT = 1500
SEARCH = (1000, 2000)


def record(n: int = 20, lags: np.ndarray | None = None, *, decay_s: float = 0.01) -> np.ndarray:
    """A pulse far above the noise at sites of unlike loudness, each trace with its lag."""
    rng = np.random.default_rng(n)
    time_s = np.arange(3000) / RATE_HZ
    lags = np.zeros(n) if lags is None else lags
    since = time_s - (INSTANT + lags[:, None]) / RATE_HZ
    wave = np.where(since >= 0, np.exp(-np.maximum(since, 0) / decay_s), 0)
    carrier = np.random.default_rng(0).standard_normal(3000) if decay_s > 0.05 else 1.0
    traces = bandpass(60 * wave * carrier + rng.standard_normal((n, 3000)), RATE_HZ, (5.0, 30.0))
    return traces * 10 ** rng.uniform(-3, 5, (n, 1))


def test_a_pulse_is_a_glitch_whatever_the_sites() -> None:
    assert is_glitch(record(), SEARCH, RATE_HZ)
    assert is_glitch(-record(), SEARCH, RATE_HZ)


def test_noise_is_none() -> None:
    assert not is_glitch(np.random.default_rng(1).standard_normal((20, 3000)), SEARCH, RATE_HZ)


def test_elsewhere_than_asked_it_is_not_found() -> None:
    assert not is_glitch(record(), (1700, 2000), RATE_HZ)
    assert not is_glitch(record(), (2000, 1000), RATE_HZ)


@pytest.mark.parametrize("n", [1, 3])
def test_fewer_than_four_stations_are_never_a_glitch(n: int) -> None:
    assert is_glitch(record(4), SEARCH, RATE_HZ)
    assert not is_glitch(record(n), SEARCH, RATE_HZ)
    assert not is_glitch(np.zeros((0, 3000)), SEARCH, RATE_HZ)


def test_moveout_is_a_wave() -> None:
    assert not is_glitch(record(20, np.linspace(-3, 3, 20)), SEARCH, RATE_HZ)
    few = np.zeros(20)
    few[:3] = 8
    assert is_glitch(record(20, few), SEARCH, RATE_HZ), "three clocks may be wrong"


def test_unlike_traces_are_a_wave() -> None:
    traces = record()
    rng = np.random.default_rng(2)
    part = slice(INSTANT - 20, INSTANT + 60)
    sites = traces[:, part] * rng.uniform(-1, 1, (20, 80))
    traces[:, part] = sites
    assert not is_glitch(traces, SEARCH, RATE_HZ)


def test_what_goes_on_is_an_earthquake_though_all_nodes_see_it_at_once() -> None:
    assert not is_glitch(record(decay_s=0.6), SEARCH, RATE_HZ)


def test_a_pulse_in_the_coda_of_an_earthquake_is_not_taken_with_it() -> None:
    traces = record(decay_s=0.6)
    traces += np.roll(record(), 400, axis=1) * np.abs(traces).max(axis=1, keepdims=True)
    assert not is_glitch(traces, SEARCH, RATE_HZ)


def test_traces_that_cannot_be_used_do_not_count() -> None:
    traces = record()
    traces[3, 7], traces[4] = np.nan, 0
    assert is_glitch(traces, SEARCH, RATE_HZ)
    traces[:17, 7] = np.nan
    assert not is_glitch(traces, SEARCH, RATE_HZ)


def test_the_rule_is_the_callers() -> None:
    assert not is_glitch(record(), SEARCH, RATE_HZ, GlitchRule(least_stations=21))
    assert not is_glitch(record(), SEARCH, RATE_HZ, GlitchRule(least_median_cc=0.9999))
    lags = np.zeros(20)
    lags[:5] = 4
    assert not is_glitch(record(20, lags), SEARCH, RATE_HZ)
    assert is_glitch(record(20, lags), SEARCH, RATE_HZ, GlitchRule(least_share=0.7))
    assert is_glitch(record(20, lags), SEARCH, RATE_HZ, GlitchRule(most_lag_samples=4))


@pytest.mark.parametrize(("decay_s", "expected"), [(0.02, False), (0.6, True)])
def test_a_pulse_is_over_and_an_earthquake_goes_on(decay_s: float, expected: bool) -> None:
    rng = np.random.default_rng(0)
    time_s = np.arange(int(4 * RATE_HZ)) / RATE_HZ - 2
    wave = np.where(time_s >= 0, np.exp(-np.maximum(time_s, 0) / decay_s), 0)
    stack = wave * rng.standard_normal(time_s.size) + 0.02 * rng.standard_normal(time_s.size)
    n_noise, instant = int(RATE_HZ), int(2 * RATE_HZ)
    assert goes_on(stack, n_noise, instant, RATE_HZ) == expected
    assert goes_on(stack[::-1], n_noise, instant, RATE_HZ) == expected


def test_where_it_cannot_be_seen_nobody_says_it_was_over() -> None:
    rate = int(RATE_HZ)
    assert not goes_on(np.r_[np.ones(4 * rate)], rate, 2 * rate, RATE_HZ)
    assert goes_on(np.ones(4 * rate), 0, 2 * rate, RATE_HZ)
    assert goes_on(np.ones(4 * rate), rate, 3 * rate, RATE_HZ)
    assert goes_on(np.ones(4 * rate), rate, rate, RATE_HZ)


N_NODES = 20


@pytest.fixture(scope="module", params=[2.0, 14.0, 200.0])
def scene(request: pytest.FixtureRequest) -> Scene:
    """Glitches and earthquakes of `request.param` times the noise, and nothing else."""
    config = SceneConfig(
        n_nodes=N_NODES, rate_hz=int(RATE_HZ), nuisance_snr=(request.param, request.param),
        earthquake_snr=(request.param, request.param), glitches_per_hour=30.0,
        aircraft_per_hour=0.0, gusts_per_hour=0.0,
        vehicles_per_hour=0.0, spikes_per_node_hour=0.0, gaps_per_node_day=0.0, dead_fraction=0.0,
    )  # fmt: skip
    return build_scene(config)


def glitch_times(scene: Scene) -> list[int]:
    """Starts in ns UTC of glitches that no earthquake comes near, and that last some samples."""
    found = scene.sources(scene.span.start_ns + 60 * NS_PER_S, scene.span.end_ns - 60 * NS_PER_S)
    quakes = [s.start_ns for s in found if isinstance(s, Earthquake)]
    times = [s.start_ns for s in found if isinstance(s, Glitch) and s.decay_s > 0.004]
    return [t for t in times if all(abs(t - q) > 60 * NS_PER_S for q in quakes)]


def recorded(scene: Scene, time_ns: int) -> np.ndarray:
    """What all nodes recorded from 8 s before a time to 10 s after it, as `detect` filters it."""
    rate_hz = scene.config.rate_hz
    first = scene.first_at_or_after(time_ns - 8 * NS_PER_S)
    counts = [node_waveform(scene, k, first, 18 * rate_hz).counts for k in range(N_NODES)]
    return bandpass(np.array(counts), rate_hz, band_hz(DetectParameters(), rate_hz))


def look(scene: Scene, time_ns: int) -> bool:
    rate_hz = scene.config.rate_hz
    return is_glitch(recorded(scene, time_ns), (7 * rate_hz, 11 * rate_hz), rate_hz)


def test_a_glitch_of_a_synthetic_array_is_one(scene: Scene) -> None:
    times = glitch_times(scene)[:6]
    assert len(times) == 6
    assert [look(scene, time_ns) for time_ns in times] == [True] * 6


def test_an_earthquake_of_a_synthetic_array_is_none(scene: Scene) -> None:
    begin, end = scene.span.start_ns + 60 * NS_PER_S, scene.span.end_ns - 60 * NS_PER_S
    glitches = [s.start_ns for s in scene.sources(begin, end) if isinstance(s, Glitch)]
    onsets = [row["time_ns"] for row in arrivals(scene, 0, scene.span) if row["phase"] == "P"]
    onsets = [t for t in onsets if begin < t < end]
    onsets = [t for t in onsets if all(abs(t - g) > 20 * NS_PER_S for g in glitches)][:3]
    assert len(onsets) == 3
    assert not any(look(scene, time_ns) for time_ns in onsets)
