"""The truth tables: rows of neighbouring spans join without doubles, and agree with the records."""

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from longitudes import turn

from seisflow.core.grid import HOUR_NS, NS_PER_S, Span
from seisflow.stages.synth import truth
from seisflow.stages.synth.scene import build_scene
from seisflow.stages.synth.scene_config import SceneConfig

CONFIG = SceneConfig(
    n_nodes=8, rate_hz=100, duration_s=4 * 3600, earthquakes_per_hour=20.0, glitches_per_hour=5.0,
    spikes_per_node_hour=20.0, gaps_per_node_day=100.0, dead_fraction=0.8, dead_within_s=14_000.0,
)  # fmt: skip
SCENE = build_scene(CONFIG)
TABLES = {
    "events": lambda span: truth.events(SCENE, span),
    "arrivals": lambda span: truth.arrivals(SCENE, 3, span),
    "sources": lambda span: truth.sources(SCENE, span),
    "spikes": lambda span: truth.spikes(SCENE, 3, span),
    "gaps": lambda span: truth.gaps(SCENE, 3, span),
    "dead": lambda span: sorted(
        truth.dead_nodes(SCENE, span), key=lambda row: (row["start_ns"], row["station"])
    ),
}


@pytest.mark.parametrize("table", sorted(TABLES))
@given(cuts=st.lists(st.integers(1, 4 * HOUR_NS - 1), max_size=5, unique=True))
@settings(max_examples=10, deadline=None)
def test_rows_of_neighbouring_spans_join(table: str, cuts: list[int]) -> None:
    make, whole = TABLES[table], TABLES[table](SCENE.span)
    assert whole
    time = "time_ns" if "time_ns" in whole[0] else "start_ns"
    on_rows = [row[time] for row in whole[:2]]
    edges = sorted({SCENE.span.start_ns + c for c in cuts} | {*on_rows, *_ends()})
    joined = [r for a, b in pairwise(edges) for r in make(Span(a, b))]
    assert joined == whole
    assert all(SCENE.span.start_ns <= row[time] < SCENE.span.end_ns for row in whole)
    assert [row[time] for row in whole] == sorted(row[time] for row in whole)


def test_events_on_both_sides_of_180_degrees() -> None:
    across = build_scene(replace(CONFIG, longitude=179.9999))
    at_0 = build_scene(replace(CONFIG, longitude=0.0))
    found, wanted = (truth.events(scene, scene.span) for scene in (across, at_0))
    assert {row["longitude"] > 0 for row in found} == {True, False}
    for one, other in zip(found, wanted, strict=True):
        assert -180 <= one["longitude"] < 180
        assert turn(one["longitude"], other["longitude"] + 179.9999) < 2e-6


@pytest.mark.parametrize("table", sorted(TABLES))
def test_outside_the_scene_is_nothing(table: str) -> None:
    end = SCENE.span.end_ns
    assert TABLES[table](Span(end, end + HOUR_NS)) == []
    wide = Span(SCENE.span.start_ns - HOUR_NS, end + HOUR_NS)
    assert TABLES[table](wide) == TABLES[table](SCENE.span)


def test_every_event_arrives_at_every_node_as_p_then_s() -> None:
    events = [r for r in truth.events(SCENE, SCENE.span) if r["time_ns"] < _ends()[1] - 60 * 10**9]
    assert len({row["event"] for row in events}) == len(events)
    for node in SCENE.nodes:
        rows = truth.arrivals(SCENE, node.index, SCENE.span)
        assert {row["station"] for row in rows} == {node.station}
        for event in events:
            p, s = (row for row in rows if row["event"] == event["event"])
            assert (p["phase"], s["phase"]) == ("P", "S")
            assert event["time_ns"] < p["time_ns"] < s["time_ns"]
            assert p["snr"] > 0


def test_magnitudes_grow_with_what_is_felt() -> None:
    loud = replace(CONFIG, earthquake_snr=(50.0, 50.0))
    quiet = replace(CONFIG, earthquake_snr=(5.0, 5.0))
    a, b = (truth.events(build_scene(c), c.span) for c in (loud, quiet))
    for x, y in zip(a, b, strict=True):
        assert x["magnitude"] - y["magnitude"] == pytest.approx(1.0, abs=0.011)


def test_sources_say_what_they_are() -> None:
    rows = truth.sources(SCENE, SCENE.span)
    assert {row["kind"] for row in rows} == {"aircraft", "wind", "vehicle", "glitch"}
    assert all(row["description"] and row["start_ns"] < row["end_ns"] for row in rows)
    low, high = CONFIG.nuisance_snr
    spikes = truth.spikes(SCENE, 0, SCENE.span)
    assert all(low * 0.999 <= row["peak_snr"] <= high * 1.001 for row in [*rows, *spikes])
    pulses = [*spikes, *(row for row in rows if row["kind"] == "glitch")]
    assert all(row["end_ns"] - row["start_ns"] < 0.15 * NS_PER_S for row in pulses)
    assert all(row["station"] == "" for row in rows)


def test_a_share_of_the_nodes_dies() -> None:
    config = replace(CONFIG, n_nodes=1000, dead_fraction=0.1, dead_within_s=3600.0)
    rows = truth.dead_nodes(build_scene(config), config.span)
    assert 70 < len(rows) < 130
    assert all(row["end_ns"] == config.span.end_ns for row in rows)
    assert max(row["start_ns"] for row in rows) <= config.start_ns + HOUR_NS


def _ends() -> tuple[int, int]:
    return SCENE.span.start_ns, SCENE.span.end_ns
