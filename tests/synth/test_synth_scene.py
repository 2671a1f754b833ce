"""The scene: its checks, its layout, and that what happens follows from the seed and the hour."""

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from longitudes import turn

from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S
from seisflow.errors import ConfigError
from seisflow.stages.synth.scene import build_scene
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.sources import (
    Earthquake,
    Glitch,
    gaps_of_day,
    sources_of_hour,
    spikes_of_hour,
)
from seisflow.stages.synth.streams import Stream, generator


def test_every_bad_value_is_named_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        SceneConfig(
            n_nodes=0,
            rate_hz=10,
            duration_s=-5,
            noise="brown",
            dead_fraction=1.5,
            nuisance_snr=(3.0, 1.0),
            gusts_per_hour=-1.0,
        )
    for name in (
        "n_nodes = 0",
        "rate_hz = 10",
        "duration_s = -5",
        "'brown'",
        "white, pink, field",
        "dead_fraction = 1.5",
        "nuisance_snr = 3.0, 1.0",
        "gusts_per_hour = -1.0",
    ):
        assert name in str(caught.value)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"rate_hz": 500.0}, "rate_hz = 500.0"),
        ({"n_nodes": True}, "n_nodes = True"),
        ({"noise_rms_counts": float("nan")}, "noise_rms_counts = nan"),
        ({"distance_km": [1, 2]}, "distance_km"),
        ({"start_ns": 1}, "whole second"),
        ({"n_nodes": 10, "rows": 2, "columns": 4}, "do not fit on 2 rows of 4"),
        ({"n_nodes": 10, "rows": 0}, "rows = 0"),
        ({"n_nodes": 20_000}, "at most 99"),
        ({"vp_km_s": 0.01}, "S would travel"),
        ({"vp_vs": 1.0}, "vp_vs = 1.0"),
        ({"latitude": 89.0}, "must lie in"),
        ({"seed": -1}, "seed = -1"),
        ({"glitches_per_hour": -0.5}, "glitches_per_hour = -0.5"),
        ({"network": 3}, "network = 3"),
        ({"network": "Z.G"}, "network = 'Z.G'"),
        ({"channel": "EHZZ"}, "channel = 'EHZZ'"),
    ],
)
def test_a_bad_value_is_refused(bad: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match="this scene cannot be made") as caught:
        SceneConfig(**bad)  # type: ignore[arg-type]
    assert said in str(caught.value)


def test_the_default_and_extremes_are_allowed() -> None:
    assert SceneConfig().span.duration_s == 3600
    assert SceneConfig(rate_hz=20, duration_s=1, n_nodes=1).n_samples == 20


@pytest.mark.parametrize(
    ("n_nodes", "shape"),
    [(1, (1, 1)), (20, (3, 7)), (1100, (22, 50)), (1000, (20, 50)), (9801, (99, 99))],
)
def test_the_grid_is_derived(n_nodes: int, shape: tuple[int, int]) -> None:
    assert SceneConfig(n_nodes=n_nodes).shape == shape


def test_any_number_of_nodes_finds_a_place() -> None:
    for n_nodes in [*range(1, 300), 5000, 9800]:
        rows, columns = SceneConfig(n_nodes=n_nodes).shape
        assert (rows - 1) * columns < n_nodes <= rows * columns
    assert SceneConfig(n_nodes=10, rows=2).shape == (2, 5)
    assert SceneConfig(n_nodes=10, columns=3).shape == (4, 3)


def test_nodes_stand_where_their_coordinates_say() -> None:
    config = SceneConfig(n_nodes=12, rows=3, columns=4, spacing_m=100.0, row_spacing_m=250.0)
    nodes = build_scene(config).nodes
    assert [n.station for n in nodes[:5]] == [
        *(f"ZG.R010{c}..EHZ" for c in (1, 2, 3, 4)),
        "ZG.R0201..EHZ",
    ]
    radius_m = 6_371_000.0
    east = np.radians([n.longitude for n in nodes]) * radius_m
    east *= np.cos(np.radians(config.latitude))
    north = np.radians([n.latitude for n in nodes]) * radius_m
    assert np.diff(east.reshape(3, 4), axis=1) == pytest.approx(100.0, rel=1e-3)
    assert np.diff(north.reshape(3, 4), axis=0) == pytest.approx(250.0, rel=1e-3)
    assert np.mean([n.longitude for n in nodes]) == pytest.approx(config.longitude)
    assert np.mean([n.latitude for n in nodes]) == pytest.approx(config.latitude)
    assert all(abs(n.elevation - config.elevation_m) < 50 for n in nodes)


@pytest.mark.parametrize("longitude", [179.9999, -180.0, 180.0001])
def test_a_scene_on_both_sides_of_180_degrees(longitude: float) -> None:
    config = SceneConfig(n_nodes=12, rows=3, columns=4, spacing_m=100.0, longitude=longitude)
    found = build_scene(config).nodes
    wanted = build_scene(replace(config, longitude=0.0)).nodes
    assert all(-180 <= node.longitude < 180 for node in found)
    assert {node.longitude > 0 for node in found} == {True, False}
    for one, other in zip(found, wanted, strict=True):
        assert turn(one.longitude, other.longitude + longitude) < 1e-9
    with pytest.raises(ConfigError, match="must lie in -180 to 360, -85 to 85"):
        SceneConfig(longitude=361.0)


def test_a_campaign_is_described_lazily() -> None:
    scene = build_scene(SceneConfig(n_nodes=1100, duration_s=30 * 86_400))
    assert len(pickle.dumps(scene)) < 400_000
    last = scene.sources(scene.span.end_ns - HOUR_NS, scene.span.end_ns)
    assert last
    assert pickle.loads(pickle.dumps(scene)) == scene


def test_what_happens_does_not_depend_on_the_length() -> None:
    short = SceneConfig(duration_s=3600, gaps_per_node_day=20.0, glitches_per_hour=20.0)
    long = replace(short, duration_s=30 * 86_400)
    assert _facts(sources_of_hour(short, 0)) == _facts(sources_of_hour(long, 0))
    assert spikes_of_hour(short, 3, 0) == spikes_of_hour(long, 3, 0)
    assert gaps_of_day(short, 3, 0) == gaps_of_day(long, 3, 0)
    assert build_scene(short).nodes == build_scene(long).nodes


def test_another_seed_or_hour_is_another_scene() -> None:
    config = SceneConfig(earthquakes_per_hour=20.0)
    first = _facts(sources_of_hour(config, 0))
    assert first != _facts(sources_of_hour(replace(config, seed=2), 0))
    starts = [fact[1] - config.start_ns for fact in first]
    others = [s.start_ns - config.start_ns - HOUR_NS for s in sources_of_hour(config, 1)]
    assert not set(starts) & set(others)
    assert spikes_of_hour(config, 0, 0) != spikes_of_hour(config, 1, 0)
    a, b = (generator(1, Stream.NOISE, k).random(4).tolist() for k in (0, 1))
    assert a != b


def test_counts_follow_the_rates_and_sources_stay_in_their_hour() -> None:
    config = SceneConfig(
        earthquakes_per_hour=6.0, aircraft_per_hour=0.0, gusts_per_hour=2.0, vehicles_per_hour=0.0,
        glitches_per_hour=4.0,
    )  # fmt: skip
    hours = [sources_of_hour(config, hour) for hour in range(100)]
    kinds = [type(s).__name__ for hour in hours for s in hour]
    assert set(kinds) == {"Earthquake", "Gust", "Glitch"}
    assert 500 < kinds.count("Earthquake") < 700
    assert 140 < kinds.count("Gust") < 260
    assert 330 < kinds.count("Glitch") < 470
    for hour, found in enumerate(hours):
        begin = config.start_ns + hour * HOUR_NS
        assert all(begin <= s.start_ns < begin + HOUR_NS for s in found)
        assert all(s.start_ns < s.end_ns <= begin + 2 * HOUR_NS for s in found)
    snr = [s.peak_snr for hour in hours for s in hour if isinstance(s, Earthquake)]
    assert 0.5 <= min(snr) < 0.6
    assert 40 < max(snr) <= 50


def test_glitches_move_nothing_else() -> None:
    plain = SceneConfig()
    assert plain.glitches_per_hour == 0
    config = replace(plain, glitches_per_hour=10.0)
    for hour in range(4):
        found = sources_of_hour(config, hour)
        others = tuple(s for s in found if not isinstance(s, Glitch))
        assert len(others) < len(found)
        assert _facts(others) == _facts(sources_of_hour(plain, hour))
        assert spikes_of_hour(config, 3, hour) == spikes_of_hour(plain, 3, hour)
    assert build_scene(config).nodes == build_scene(plain).nodes


def test_what_a_seed_plants_has_not_changed() -> None:
    """What a seed stands for is a promise, as of the scenes made before there were glitches."""
    config = SceneConfig()
    facts = _facts(sources_of_hour(config, 0))
    assert len(facts) == 15
    found = [(name, start - config.start_ns, end - start, snr) for name, start, end, snr in facts]
    assert found[:4] == [
        ("Vehicle", 18_323_146_713, 127_724_811_916, pytest.approx(1.016572605281375)),
        ("Aircraft", 141_355_898_001, 110_857_169_098, pytest.approx(2.002753080205351)),
        ("Gust", 153_626_484_186, 84_223_444_250, pytest.approx(1.9900151992257094)),
        ("Earthquake", 338_913_049_915, 37_414_819_565, pytest.approx(1.2207628031946374)),
    ]
    (spike,) = spikes_of_hour(config, 3, 0)
    assert spike.start_ns - config.start_ns == 2_281_613_698_906
    assert spike.end_ns - spike.start_ns == 15_948_233
    assert spike.amplitude_counts == pytest.approx(-9878.777189211281)


def test_gaps_are_apart_and_stay_in_their_day() -> None:
    config = SceneConfig(gaps_per_node_day=60.0)
    for day in (0, 3):
        gaps = gaps_of_day(config, 0, day)
        begin = config.start_ns + day * DAY_NS
        assert len(gaps) > 20
        assert all(a.end_ns < b.start_ns for a, b in pairwise(gaps))
        assert all(begin <= g.start_ns < g.end_ns <= begin + DAY_NS for g in gaps)


def test_sources_are_found_by_any_time_they_are_active() -> None:
    scene = build_scene(SceneConfig(duration_s=6 * 3600, vehicles_per_hour=20.0))
    everything = scene.sources(scene.span.start_ns, scene.span.end_ns)
    for source in everything:
        last = min(source.end_ns, scene.span.end_ns) - 1
        found = [s.start_ns for s in scene.sources(last, last + 1)]
        assert source.start_ns in found
        assert source.start_ns not in [
            s.start_ns for s in scene.sources(source.end_ns, source.end_ns + NS_PER_S)
        ]


def test_samples_and_times_agree() -> None:
    scene = build_scene(SceneConfig(rate_hz=300, duration_s=86_400))
    for sample in (0, 1, 2, 299, 300, 12_345_678):
        exact = scene.config.start_ns + sample * NS_PER_S / 300
        assert abs(scene.time_of(sample) - exact) <= 512
        assert scene.first_at_or_after(scene.time_of(sample) - 1) == sample
        assert scene.first_at_or_after(scene.time_of(sample) + 1) == sample + 1


def _facts(sources: tuple[object, ...]) -> list[tuple[str, int, int, float]]:
    return [(type(s).__name__, s.start_ns, s.end_ns, s.peak_snr) for s in sources]  # type: ignore[attr-defined]
