"""The record of a node: cuts, determinism, physics of the sources, and the truth of each second."""

from dataclasses import replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal

from seisflow.core.grid import HOUR_NS, NS_PER_S
from seisflow.errors import ConfigError
from seisflow.stages.synth import truth
from seisflow.stages.synth.noise import noise_filter
from seisflow.stages.synth.scene import Scene, build_scene
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.signals import (
    aircraft_signal,
    glitch_signal,
    gust_envelope,
    phase_arrivals,
    phase_wavelets,
    wavelet_signal,
)
from seisflow.stages.synth.sources import Aircraft, Earthquake, Glitch, Gust, SourceKind, Vehicle
from seisflow.stages.synth.waves import (
    NodeRecord,
    iter_node_waveform,
    node_waveform,
    planted_signal,
)

QUIET = SceneConfig(
    n_nodes=6,
    rate_hz=100,
    noise="pink",
    earthquakes_per_hour=0.0,
    aircraft_per_hour=0.0,
    gusts_per_hour=0.0,
    vehicles_per_hour=0.0,
    spikes_per_node_hour=0.0,
    gaps_per_node_day=0.0,
    dead_fraction=0.0,
)
BUSY = replace(
    QUIET,
    rate_hz=20,
    duration_s=26 * 3600,
    earthquakes_per_hour=30.0,
    aircraft_per_hour=10.0,
    gusts_per_hour=10.0,
    vehicles_per_hour=10.0,
    glitches_per_hour=60.0,
    spikes_per_node_hour=60.0,
    gaps_per_node_day=200.0,
    dead_fraction=0.5,
)


@lru_cache(maxsize=8)
def _scene(config: SceneConfig) -> Scene:
    return build_scene(config)


@lru_cache(maxsize=8)
def _whole(config: SceneConfig, node: int) -> NodeRecord:
    return node_waveform(_scene(config), node, 0, config.n_samples)


def _dead_node() -> int:
    dead = [n.dead_from_ns is not None for n in _scene(BUSY).nodes]
    assert any(dead)
    assert not all(dead)
    return dead.index(True)


def _same(piece: NodeRecord, whole: NodeRecord) -> None:
    start, n = piece.first_sample, piece.counts.size
    assert np.array_equal(piece.counts, whole.counts[start : start + n])
    assert np.array_equal(piece.present, whole.present[start : start + n])
    first, n_seconds = piece.first_second, piece.kind.size
    assert first == start // piece.rate_hz
    assert first + n_seconds == -(-(start + n) // piece.rate_hz)
    assert np.array_equal(piece.kind, whole.kind[first : first + n_seconds])
    ratio = whole.amplitude_ratio[first : first + n_seconds]
    assert np.array_equal(piece.amplitude_ratio, ratio, equal_nan=True)


@pytest.mark.slow
def test_the_busy_scene_has_everything_in_it() -> None:
    kinds = set(np.unique(_whole(BUSY, _dead_node()).kind).tolist())
    assert kinds == {int(k) for k in SourceKind}


@pytest.mark.slow
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_any_piece_equals_the_whole(data: st.DataObject) -> None:
    node = data.draw(st.sampled_from([0, _dead_node()]))
    near = data.draw(st.sampled_from([0, 3600, 7200, 86_400, 40_000]))
    start = max(0, near * 20 + data.draw(st.integers(-3000, 3000)))
    n = data.draw(st.integers(1, 8000))
    n = min(n, BUSY.n_samples - start)
    _same(node_waveform(_scene(BUSY), node, start, n), _whole(BUSY, node))


@given(cuts=st.lists(st.integers(1, 599 * 100), max_size=4, unique=True))
@settings(max_examples=15, deadline=None)
def test_any_split_joins_to_the_whole(cuts: list[int]) -> None:
    config = replace(BUSY, rate_hz=100, duration_s=600, dead_within_s=400.0)
    edges = [0, *sorted(cuts), config.n_samples]
    pieces = [node_waveform(_scene(config), 1, a, b - a) for a, b in pairwise(edges)]
    whole = _whole(config, 1)
    assert np.array_equal(np.concatenate([p.counts for p in pieces]), whole.counts)
    assert np.array_equal(np.concatenate([p.present for p in pieces]), whole.present)
    for piece in pieces:
        _same(piece, whole)


def test_the_iterator_gives_the_same_by_the_hour() -> None:
    config = replace(BUSY, duration_s=9000)
    start, n = 12_345, config.n_samples - 20_000
    pieces = list(iter_node_waveform(_scene(config), 0, start, n))
    assert [p.first_sample for p in pieces] == [start, 72_000, 144_000]
    assert sum(p.counts.size for p in pieces) == n
    for piece in pieces:
        _same(piece, _whole(config, 0))


def test_a_longer_campaign_begins_as_the_shorter() -> None:
    short = replace(BUSY, duration_s=3600)
    piece = node_waveform(_scene(short), 0, 0, short.n_samples)
    _same(piece, _whole(BUSY, 0))


def test_the_seed_decides_and_the_node_too() -> None:
    config = replace(QUIET, duration_s=60)
    first = node_waveform(build_scene(config), 0, 0, config.n_samples).counts
    again = node_waveform(build_scene(config), 0, 0, config.n_samples).counts
    assert np.array_equal(first, again)
    others = [
        node_waveform(build_scene(replace(config, seed=2)), 0, 0, config.n_samples).counts,
        node_waveform(build_scene(config), 1, 0, config.n_samples).counts,
    ]
    assert np.abs(np.corrcoef([first, *others]) - np.eye(3)).max() < 0.2


def test_the_keys_of_the_random_numbers_have_not_changed() -> None:
    """What a seed stands for is a promise; another CPU may round to the neighbouring count."""
    for noise, counts in (
        ("pink", [-65, -38, -91, 148, -50, -211, -133, -104]),
        ("field", [-16, -62, 2, 194, -20, -276, -241, -115]),
    ):
        config = SceneConfig(n_nodes=3, noise=noise)
        found = node_waveform(_scene(config), 2, 700, 8).counts
        assert np.abs(found - counts).max() <= 1


def test_the_noise_has_the_rms_asked_for() -> None:
    config = replace(QUIET, duration_s=1200, n_nodes=40)
    node = max(_scene(config).nodes, key=lambda n: n.noise_rms_counts)
    assert node.noise_rms_counts > 220
    record = node_waveform(_scene(config), node.index, 0, config.n_samples)
    assert record.counts.dtype == np.int32
    assert record.counts.std() == pytest.approx(node.noise_rms_counts, rel=0.03)
    factors = np.log([n.noise_rms_counts / 200 for n in _scene(config).nodes])
    assert abs(factors.mean()) < 0.06
    assert 0.06 < factors.std() < 0.14
    assert record.present.all()
    assert not record.kind.any()
    assert not record.amplitude_ratio.any()


QUAKES = replace(
    QUIET, n_nodes=12, rows=3, columns=4, spacing_m=400.0, row_spacing_m=400.0,
    rate_hz=200, duration_s=1800, earthquakes_per_hour=6.0,
)  # fmt: skip


def _earthquakes(config: SceneConfig) -> list[Earthquake]:
    span = config.span
    found = _scene(config).sources(span.start_ns, span.end_ns - 60 * NS_PER_S)
    return [s for s in found if isinstance(s, Earthquake)]


@pytest.mark.parametrize("node_index", [0, 11])
def test_p_and_s_begin_where_the_truth_says(node_index: int) -> None:
    scene = _scene(QUAKES)
    rows = truth.arrivals(scene, node_index, scene.span)
    quake = _earthquakes(QUAKES)[0]
    p_ns, s_ns = (row["time_ns"] for row in rows if row["event"] == quake.name)
    begin = scene.first_at_or_after(p_ns - 2 * NS_PER_S)
    x = planted_signal(scene, node_index, begin, 60 * 200)[SourceKind.EARTHQUAKE]
    p_sample = scene.first_at_or_after(p_ns) - begin
    assert not x[:p_sample].any()
    assert np.flatnonzero(np.abs(x) > 0.02 * np.abs(x[: p_sample + 100]).max())[0] < p_sample + 6
    # what is left without P begins with S, and is larger
    t = (scene.config.start_ns - p_ns) / NS_PER_S + (begin + np.arange(x.size)) / 200
    p_wave, _ = phase_wavelets(QUAKES, quake, scene.nodes[node_index])
    rest = x - wavelet_signal(p_wave, np.clip(t, 0, None)) * (t >= 0)
    s_sample = scene.first_at_or_after(s_ns) - begin
    peak = np.abs(rest).max()
    assert np.abs(rest[:s_sample]).max() < 1e-4 * peak
    assert np.flatnonzero(np.abs(rest) > 0.02 * peak)[0] < s_sample + 12
    assert peak > 1.1 * np.abs(x[p_sample : p_sample + 100]).max()


def test_travel_times_follow_from_the_tables_alone() -> None:
    scene = _scene(QUAKES)
    for event in truth.events(scene, scene.span):
        for node in scene.nodes:
            lat, lon = np.radians([event["latitude"], node.latitude]), [
                event["longitude"], node.longitude,
            ]  # fmt: skip
            north = 6371.0 * (lat[1] - lat[0])
            east = 6371.0 * np.radians(lon[1] - lon[0]) * np.cos(np.radians(QUAKES.latitude))
            up = event["depth_km"] + (node.elevation - QUAKES.elevation_m) / 1000
            p_s = np.sqrt(north**2 + east**2 + up**2) / QUAKES.vp_km_s
            rows = [
                row
                for row in truth.arrivals(scene, node.index, scene.span)
                if row["event"] == event["event"]
            ]
            found = {row["phase"]: (row["time_ns"] - event["time_ns"]) / NS_PER_S for row in rows}
            assert found.get("P", p_s) == pytest.approx(p_s, abs=2e-3)
            assert found.get("S", p_s * 1.73) == pytest.approx(p_s * 1.73, abs=2e-3)


def test_the_wave_moves_over_the_array_coherently() -> None:
    scene, rate_hz = _scene(QUAKES), QUAKES.rate_hz
    quake = _earthquakes(QUAKES)[0]
    first, last = scene.nodes[0], scene.nodes[11]
    begin = scene.first_at_or_after(phase_arrivals(QUAKES, quake, first)[0]) - rate_hz
    a, b = (
        planted_signal(scene, n.index, begin, 3 * rate_hz)[SourceKind.EARTHQUAKE]
        for n in (first, last)
    )
    fine = [signal.resample(x[: int(2.2 * rate_hz)], 8 * int(2.2 * rate_hz)) for x in (a, b)]
    cc = signal.correlate(fine[1], fine[0]) / np.prod([np.linalg.norm(x) for x in fine])
    lag_s = (np.argmax(cc) - (fine[0].size - 1)) / (8 * rate_hz)
    arrivals = [phase_arrivals(QUAKES, quake, n)[0] for n in (first, last)]
    assert lag_s == pytest.approx((arrivals[1] - arrivals[0]) / NS_PER_S, abs=2e-3)
    assert abs(arrivals[1] - arrivals[0]) > 8_000_000
    assert 0.85 < cc.max() < 0.9999


def test_earthquakes_lie_in_their_band_and_fall_with_distance() -> None:
    scene, quake = _scene(QUAKES), _earthquakes(QUAKES)[0]
    t = np.arange(0, 2, 1 / 200)
    p, _ = phase_wavelets(QUAKES, quake, scene.nodes[0])
    power = np.abs(np.fft.rfft(wavelet_signal(p, t))) ** 2
    freqs = np.fft.rfftfreq(t.size, 1 / 200)
    assert power[(freqs >= 4) & (freqs <= 32)].sum() > 0.97 * power.sum()
    near, far = (
        replace(scene.nodes[0], x_m=quake.x_m, y_m=quake.y_m + d, elevation=1400.0)
        for d in (0.0, quake.depth_m * np.sqrt(3))
    )
    gains = [phase_wavelets(QUAKES, quake, n)[0].amplitude_counts for n in (near, far)]
    assert gains[0] / gains[1] == pytest.approx(2.0)


def test_nodes_see_slightly_different_wavelets() -> None:
    scene, quake = _scene(QUAKES), _earthquakes(QUAKES)[0]
    seen = [phase_wavelets(QUAKES, quake, node) for node in scene.nodes]
    for phase, source in enumerate((quake.p, quake.s)):
        shifts = np.array([w[phase].phases_cycles - source.phases_cycles for w in seen])
        assert shifts.std() == pytest.approx(0.03, rel=0.15)
        assert np.abs(np.corrcoef(shifts) - np.eye(12)).max() < 0.75
    again = phase_wavelets(QUAKES, quake, scene.nodes[0])
    assert np.array_equal(again[0].phases_cycles, seen[0][0].phases_cycles)


def test_the_loudest_second_has_the_ratio_asked_for() -> None:
    config = replace(QUAKES, n_nodes=1, rows=1, columns=1, earthquake_snr=(8.0, 8.0))
    record = node_waveform(_scene(config), 0, 0, config.n_samples)
    node = _scene(config).nodes[0]
    scale = node.site_gain / (node.noise_rms_counts / config.noise_rms_counts)
    for quake in _earthquakes(config):
        first = (quake.start_ns - config.start_ns) // NS_PER_S
        peak = record.amplitude_ratio[first : first + 30].max()
        assert 0.55 < peak / (8.0 * scale) < 1.6


def test_the_arrival_snr_is_the_one_measured() -> None:
    config = replace(QUAKES, earthquake_snr=(30.0, 50.0), rate_hz=100, earthquakes_per_hour=4.0)
    scene = _scene(config)
    counts = node_waveform(scene, 3, 0, config.n_samples).counts.astype(float)
    band = signal.butter(4, [5, 30], "bandpass", fs=100, output="sos")
    x = signal.sosfilt(band, counts)
    rows = [r for r in truth.arrivals(scene, 3, scene.span) if r["phase"] == "P"]
    assert rows
    for row in rows:
        at = scene.first_at_or_after(row["time_ns"])
        if not 400 < at < x.size - 300:
            continue
        noise, event = x[at - 300 : at - 50], x[at : at + 100]
        measured = np.sqrt(np.mean(event**2) / np.mean(noise**2))
        assert measured == pytest.approx(row["snr"], rel=0.3)


CRAFT = Aircraft(
    start_ns=0, end_ns=400 * NS_PER_S, closest_ns=200 * NS_PER_S,
    x_m=0.0, y_m=0.0, east=0.6, north=0.8, height_m=300.0, speed_m_s=100.0, tone_hz=40.0,
    reference_m=300.0, amplitudes_counts=np.array([100.0]), peak_snr=1.0,
)  # fmt: skip


def _frequency(x: np.ndarray, rate_hz: int) -> float:
    phase = np.unwrap(np.angle(signal.hilbert(x)))
    inner = phase[x.size // 4 : -x.size // 4]
    return float(np.polyfit(np.arange(inner.size) / rate_hz, inner, 1)[0] / (2 * np.pi))


def test_aircraft_are_doppler_shifted() -> None:
    node = replace(_scene(QUIET).nodes[0], x_m=0.0, y_m=0.0, site_gain=1.0)
    for at_s, shift in ((-80.0, 1 / (1 - 100 / 340)), (80.0, 1 / (1 + 100 / 340))):
        t = at_s + np.arange(0, 4, 1 / 500)
        found = _frequency(aircraft_signal(CRAFT, node, 500, t), 500)
        assert found == pytest.approx(40 * shift, rel=5e-3)
    # closest at t = 0, heard 300 m later, at the tone's own pitch and amplitude
    t = 300 / 340 + np.arange(-0.25, 0.25, 1 / 500)
    x = aircraft_signal(CRAFT, node, 500, t)
    assert _frequency(x, 500) == pytest.approx(40, rel=1e-2)
    assert np.abs(x).max() == pytest.approx(100, rel=0.02)


def test_aircraft_reach_a_node_up_the_track_later_and_fall_as_one_over_r() -> None:
    here, ahead = (
        replace(_scene(QUIET).nodes[0], x_m=0.6 * d, y_m=0.8 * d, site_gain=1.0) for d in (0, 1000)
    )
    t = np.arange(-20, 40, 1 / 500)
    a, b = (np.abs(signal.hilbert(aircraft_signal(CRAFT, n, 500, t))) for n in (here, ahead))
    assert t[np.argmax(b)] - t[np.argmax(a)] == pytest.approx(10.0, abs=0.3)
    far = np.interp(300 / 340 + 9 + (np.hypot(900, 300) - 300) / 340, t, a)
    assert far == pytest.approx(100 * 300 / np.hypot(900, 300), rel=0.02)


def test_harmonics_above_the_band_are_not_folded() -> None:
    node = _scene(QUIET).nodes[0]
    high = replace(CRAFT, tone_hz=60.0, amplitudes_counts=np.array([0.0, 100.0]))
    t = np.arange(-90, 90, 1 / 100)
    assert not aircraft_signal(high, node, 100, t).any()
    assert aircraft_signal(high, node, 500, t).any()


def test_an_aircraft_is_heard_in_the_record() -> None:
    config = replace(QUIET, aircraft_per_hour=6.0, rate_hz=200, duration_s=3600)
    scene = _scene(config)
    craft = next(
        s
        for s in scene.sources(scene.span.start_ns, scene.span.end_ns - 310 * NS_PER_S)
        if isinstance(s, Aircraft)
    )
    first = scene.first_at_or_after(craft.start_ns)
    n = scene.first_at_or_after(craft.end_ns) - first
    x = planted_signal(scene, 1, first, n)[SourceKind.AIRCRAFT]
    t = (first * NS_PER_S / 200 + config.start_ns - craft.closest_ns) / NS_PER_S
    expected = aircraft_signal(craft, scene.nodes[1], 200, t + np.arange(n) / 200)
    alone = np.abs(x - expected) < 1e-3 * np.abs(expected).max()
    assert alone.mean() > 0.5
    assert np.abs(expected).max() > 50


def test_gusts_share_their_envelope_but_not_their_noise() -> None:
    config = replace(QUIET, gusts_per_hour=6.0)
    scene = _scene(config)
    gust = next(s for s in scene.sources(scene.span.start_ns, scene.span.start_ns + HOUR_NS // 2))
    assert isinstance(gust, Gust)
    first = scene.first_at_or_after(gust.start_ns)
    n = scene.first_at_or_after(gust.end_ns) - first
    a, b = (planted_signal(scene, k, first, n)[SourceKind.WIND] for k in (0, 1))
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.35
    t = np.arange(n) / 100
    shape = gust_envelope(gust, scene.nodes[0], t)
    smooth = [np.convolve(x**2, np.full(500, 1 / 500), "same") for x in (a, b)]
    assert np.corrcoef(smooth[0], shape**2)[0, 1] > 0.6
    assert np.corrcoef(smooth[1], shape**2)[0, 1] > 0.6
    freqs, power = signal.welch(a, fs=100, nperseg=400)
    assert power[(freqs > 0.3) & (freqs < 5)].sum() > 3 * power[freqs > 5].sum()


def test_vehicles_rumble_and_drive_past() -> None:
    config = replace(QUIET, vehicles_per_hour=6.0, row_spacing_m=300.0, spacing_m=300.0)
    scene = _scene(config)
    drive = next(s for s in scene.sources(scene.span.start_ns, scene.span.start_ns + HOUR_NS // 2))
    assert isinstance(drive, Vehicle)
    first = scene.first_at_or_after(drive.start_ns)
    n = scene.first_at_or_after(drive.end_ns) - first
    centres, expected = [], []
    for node in scene.nodes:
        x = planted_signal(scene, node.index, first, n)[SourceKind.VEHICLE]
        freqs, power = signal.welch(x, fs=100, nperseg=400)
        assert power[(freqs > 6) & (freqs < 46)].sum() > 0.9 * power.sum()
        centres.append(np.sum(np.arange(n) * x**2) / np.sum(x**2) / 100)
        along = (node.x_m - drive.x_m) * drive.east + (node.y_m - drive.y_m) * drive.north
        expected.append(along / drive.speed_m_s)
    assert np.corrcoef(centres, expected)[0, 1] > 0.9


def test_the_truth_of_a_second_is_the_ratio_of_rms() -> None:
    config = replace(
        QUIET, duration_s=1800, earthquakes_per_hour=20.0, aircraft_per_hour=6.0,
        gusts_per_hour=6.0, vehicles_per_hour=4.0, spikes_per_node_hour=20.0,
        glitches_per_hour=20.0,
    )  # fmt: skip
    record = _whole(config, 2)
    planted = planted_signal(_scene(config), 2, 0, config.n_samples)
    total = np.sum(list(planted.values()), axis=0)
    noise = record.counts - total
    assert set(planted) == set(SourceKind) - {SourceKind.NONE, SourceKind.NO_DATA}
    high = signal.butter(2, 2, "highpass", fs=100, output="sos")

    def rms(x: np.ndarray) -> np.ndarray:
        return np.sqrt(np.mean(signal.sosfilt(high, x).reshape(-1, 100) ** 2, axis=1))

    ratio = rms(total) / rms(noise)
    assert record.amplitude_ratio == pytest.approx(ratio, rel=0.01, abs=1e-4)
    kinds = sorted(planted)
    each = np.array([rms(planted[k]) for k in kinds])
    strongest = np.array([int(k) for k in kinds])[each.argmax(axis=0)]
    strongest[each.max(axis=0) < 1e-3 * rms(noise)] = 0
    assert np.mean(record.kind == strongest) > 0.998
    assert set(np.unique(record.kind)) == set(range(7))


def test_gaps_and_death_are_those_of_the_truth() -> None:
    node_index, config = _dead_node(), BUSY
    scene, record = _scene(config), _whole(BUSY, _dead_node())
    present = np.ones(config.n_samples, bool)
    rows = truth.gaps(scene, node_index, scene.span)
    assert len(rows) > 20
    for row in rows:
        edges = [scene.first_at_or_after(row[key]) for key in ("start_ns", "end_ns")]  # type: ignore[literal-required]
        present[slice(*edges)] = False
    assert np.array_equal(record.present, present)
    assert not record.counts[~present].any()
    node = scene.nodes[node_index]
    (row,) = (r for r in truth.dead_nodes(scene, scene.span) if r["station"] == node.station)
    dead = scene.first_at_or_after(row["start_ns"])
    assert 0 < dead < config.n_samples
    after = record.counts[dead:][present[dead:]]
    assert (after == node.stuck_counts).all()
    assert np.unique(record.counts[dead - 100 : dead][present[dead - 100 : dead]]).size > 5
    lacking = ~present.reshape(-1, 20).all(axis=1)
    lacking[dead // 20 :] = True
    assert np.array_equal(record.kind == SourceKind.NO_DATA, lacking)
    assert np.array_equal(np.isnan(record.amplitude_ratio), lacking)


def test_spikes_are_those_of_the_truth() -> None:
    config = replace(QUIET, spikes_per_node_hour=30.0)
    scene = _scene(config)
    rows = truth.spikes(scene, 4, scene.span)
    assert len(rows) > 10
    x = planted_signal(scene, 4, 0, config.n_samples)[SourceKind.SPIKE]
    starts = np.array([scene.first_at_or_after(row["start_ns"]) for row in rows])
    assert (x[starts] != 0).all()
    active = np.zeros(x.size, bool)
    for start in starts:
        active[start : start + 15] = True
    assert not x[~active].any()
    assert SourceKind.SPIKE not in planted_signal(scene, 4, int(starts[0]) + 100, 100)


GLITCHY = replace(QUIET, n_nodes=20, rate_hz=500, glitches_per_hour=30.0, nuisance_snr=(2.0, 5.0))


def _glitches() -> list[Glitch]:
    span = GLITCHY.span
    found = _scene(GLITCHY).sources(span.start_ns, span.end_ns)
    assert len(found) > 20
    return [s for s in found if isinstance(s, Glitch)]


def test_a_glitch_begins_with_the_same_sample_on_all_nodes() -> None:
    scene, factors = _scene(GLITCHY), []
    for glitch in _glitches():
        first = scene.first_at_or_after(glitch.start_ns)
        pieces = [planted_signal(scene, node.index, first - 50, 150) for node in scene.nodes]
        x = np.array([piece[SourceKind.GLITCH] for piece in pieces])
        assert not x[:, :50].any()
        assert (np.sign(x[:, 50]) == np.sign(glitch.amplitude_counts)).all()
        assert (np.abs(x).argmax(axis=1) == 50).all()
        assert (np.flatnonzero(x.any(axis=0)) == np.flatnonzero(x[0])).all()
        # one shape, and for each node a factor of its own
        np.testing.assert_allclose(x / x[:, 50:51], np.broadcast_to(x[0] / x[0, 50], x.shape))
        since_s = (scene.time_of(first) - glitch.start_ns) / NS_PER_S
        factors.append(x[:, 50] / glitch.amplitude_counts / np.exp(-since_s / glitch.decay_s))
    logs = np.log(np.array(factors))
    assert logs.std() == pytest.approx(0.2, rel=0.1)
    assert abs(logs.mean()) < 0.03
    assert np.unique(logs.round(9)).size == logs.size


def test_a_glitch_has_the_ratio_asked_for_over_one_second() -> None:
    scene, t = _scene(GLITCHY), np.arange(0, 1, 1e-5)
    colour = noise_filter(GLITCHY.noise, GLITCHY.rate_hz)
    noise_rms = GLITCHY.noise_rms_counts * colour.highpassed_rms()
    for glitch in _glitches():
        heard = [glitch_signal(GLITCHY, glitch, node, t) for node in scene.nodes]
        rms = np.sqrt(np.mean(np.square(heard), axis=1))
        assert np.median(rms) / noise_rms == pytest.approx(glitch.peak_snr, rel=0.15)


def test_the_truth_of_all_nodes_says_glitch() -> None:
    scene, glitch = _scene(GLITCHY), _glitches()[0]
    rows = truth.sources(scene, scene.span)
    (row,) = (r for r in rows if r["start_ns"] == glitch.start_ns)
    assert (row["kind"], row["station"]) == ("glitch", "")
    assert row["peak_snr"] == glitch.peak_snr
    second = (glitch.start_ns - GLITCHY.start_ns) // NS_PER_S
    assert (glitch.end_ns - GLITCHY.start_ns) // NS_PER_S == second
    for node in scene.nodes:
        record = node_waveform(scene, node.index, (second - 2) * 500, 5 * 500)
        assert record.kind[:3].tolist() == [0, 0, SourceKind.GLITCH]
        assert record.amplitude_ratio[2] > 1
        assert (record.amplitude_ratio[[0, 1, 4]] < 0.05).all()


def test_without_glitches_a_scene_is_as_it_was() -> None:
    config = replace(BUSY, duration_s=3600)
    plain = replace(config, glitches_per_hour=0.0)
    node, n = _dead_node(), config.n_samples
    pulses = planted_signal(_scene(config), node, 0, n)[SourceKind.GLITCH]
    planted = planted_signal(_scene(plain), node, 0, n)
    assert SourceKind.GLITCH not in planted
    a, b = (node_waveform(_scene(c), node, 0, n) for c in (plain, config))
    assert np.array_equal(a.present, b.present)
    assert np.array_equal(a.counts[pulses == 0], b.counts[pulses == 0])
    assert not np.array_equal(a.counts, b.counts)
    changed = (pulses != 0).reshape(-1, config.rate_hz).any(axis=1)
    changed[1:] |= changed[:-1].copy()  # the high-pass behind the truth rings on
    assert np.array_equal(a.kind[~changed], b.kind[~changed])


def test_counts_are_those_of_24_bits() -> None:
    config = replace(QUIET, duration_s=600, earthquakes_per_hour=30.0, earthquake_snr=(1e6, 1e6))
    record = node_waveform(_scene(config), 0, 0, config.n_samples)
    assert record.counts.max() == 2**23 - 1
    assert record.counts.min() == -(2**23 - 1)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((6, 0, 10), "node 6 is not one of the 6"),
        ((-1, 0, 10), "node -1"),
        ((0, -1, 10), "samples -1 to 9"),
        ((0, 0, 0), "samples 0 to 0"),
        ((0, 359_999, 2), "not a piece of the scene's 360000"),
    ],
)
def test_what_is_not_in_the_scene_is_refused(asked: tuple[int, int, int], said: str) -> None:
    for ask in (node_waveform, planted_signal, lambda *a: list(iter_node_waveform(*a))):
        with pytest.raises(ConfigError) as caught:
            ask(_scene(QUIET), *asked)
        assert said in str(caught.value)
