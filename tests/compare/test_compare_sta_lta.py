"""STA/LTA with coincidence: against its recursion and ObsPy's own chain, and with gaps."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_array import RATE, START, array_record, noise, planted, wavelet

from seisflow.core.grid import NS_PER_S
from seisflow.dsp.filters import bandpass
from seisflow.errors import ConfigError, DataError
from seisflow.formats.obspy_import import Trace, UTCDateTime
from seisflow.formats.sta_lta import coincidences_of, sta_lta_of
from seisflow.stages.compare.sta_lta import StaLtaRule, Trigger, sta_lta_triggers, strongest

# isort: split
from obspy import Stream
from obspy.signal.trigger import coincidence_trigger

RULE = StaLtaRule()
QUAKE = planted(noise(60), 30.0, wavelet(8.0), slice(0, 20))


def seconds_of(triggers: list[Trigger]) -> list[float]:
    return [(t.time_ns - START) / NS_PER_S for t in triggers]


def test_the_ratio_is_the_recursion() -> None:
    samples = np.random.default_rng(3).normal(size=400)
    short = long = 0.0
    wanted = []
    for value in samples**2:  # Withers et al. 1998, BSSA 88, 95-106
        short += (value - short) / 5
        long += (value - long) / 50
        wanted.append(short / long)
    found = sta_lta_of(samples, 5, 50)
    np.testing.assert_array_equal(found[:50], 0)
    # ObsPy begins with the second sample
    np.testing.assert_allclose(found[250:], wanted[250:], rtol=0.02)


def test_a_record_shorter_than_the_long_average_has_no_ratio() -> None:
    assert not sta_lta_of(np.ones(50), 5, 50).any()


def test_triggers_that_overlap_count_their_stations() -> None:
    ratios = np.zeros((4, 1000))
    for row, (start, stop) in enumerate([(100, 200), (150, 260), (255, 300), (700, 720)]):
        ratios[row, start:stop] = 5
    names = [f"ZG.R{i}..DPZ" for i in range(4)]
    assert coincidences_of(ratios, names, 250, (4, 1), 3) == [(100, 3)]
    assert coincidences_of(ratios, names, 250, (4, 1), 4) == []
    assert coincidences_of(ratios, names, 250, (4, 1), 1) == [(100, 3), (700, 1)]


def test_every_sample_is_named_as_it_was() -> None:
    for rate in (100, 250, 333, 1000):
        ratio = np.zeros((1, 400))
        ratio[0, 1::3] = 5
        found = coincidences_of(ratio, ["ZG.R1..DPZ"], rate, (4, 1), 1)
        assert [k for k, _ in found] == list(range(1, 400, 3))


def test_a_wave_on_enough_stations_is_found_once() -> None:
    (found,) = sta_lta_triggers(array_record(QUAKE), RULE)
    assert 0 <= seconds_of([found])[0] - 30.0 < 0.3
    assert found.strength == 20
    assert sta_lta_triggers(array_record(QUAKE), replace(RULE, min_stations=21)) == []
    assert sta_lta_triggers(array_record(noise(60)), RULE) == []


def test_obspy_finds_the_same_by_itself() -> None:
    rule = replace(RULE, min_stations=3, on=1.9)
    stream = Stream(
        [
            Trace(
                bandpass(row, RATE, (5.0, 30.0)),
                header={
                    "station": f"R{i}",
                    "sampling_rate": RATE,
                    "starttime": UTCDateTime(ns=START),
                },
            )
            for i, row in enumerate(QUAKE)
        ]
    )
    theirs = coincidence_trigger("recstalta", 1.9, 1.5, stream, 3, sta=0.5, lta=10.0)
    found = sta_lta_triggers(array_record(QUAKE), rule)
    assert len(found) > 3
    assert [t.strength for t in found] == [t["coincidence_sum"] for t in theirs]
    np.testing.assert_allclose(
        [t.time_ns / NS_PER_S for t in found], [t["time"].timestamp for t in theirs], atol=1e-5
    )


def test_the_end_of_a_gap_triggers_nothing() -> None:
    rule = replace(RULE, min_stations=3)
    gap = noise(60)
    gap[:, 20 * RATE : 40 * RATE] = np.nan
    assert sta_lta_triggers(array_record(gap), rule) == []
    assert len(sta_lta_triggers(array_record(np.nan_to_num(gap)), rule)) == 1
    quake = planted(gap, 55.0, wavelet(8.0), slice(None))
    (found,) = sta_lta_triggers(array_record(quake), rule)
    assert 0 <= seconds_of([found])[0] - 55.0 < 0.3


def test_dead_stations_and_units_play_no_part() -> None:
    scale = np.random.default_rng(1).uniform(0.01, 1e6, (36, 1))
    samples = QUAKE * scale
    samples[30] = np.nan
    samples[31] = 7.0
    assert sta_lta_triggers(array_record(samples), RULE) == sta_lta_triggers(
        array_record(QUAKE), RULE
    )


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(3, 9)), max_size=12),
    st.sets(st.integers(0, 30)),
    st.integers(0, 4),
)
def test_lowest_level_allowed_against_trying_them_all(
    rows: list[tuple[int, int]], true: set[int], n_allowed: int
) -> None:
    triggers = [Trigger(time, float(strength)) for time, strength in rows]
    allowed = {
        level: len([t for t in triggers if t.strength >= level and t.time_ns not in true])
        <= n_allowed
        for level in range(1, 10)
    }
    level = min((k for k in allowed if all(allowed[j] for j in range(k, 10))), default=10)
    found = strongest(triggers, lambda t: len([k for k in t if k not in true]) <= n_allowed)
    assert found == [t for t in triggers if t.strength >= level]


def test_no_level_below_one_that_is_not_allowed() -> None:
    triggers = [Trigger(1, 9.0), Trigger(2, 5.0), Trigger(3, 5.0), Trigger(4, 3.0)]
    assert strongest(triggers, lambda times: len(times) != 3) == triggers[:1]


def test_numbers_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="give a short average"):
        sta_lta_triggers(array_record(QUAKE), replace(RULE, short_s=0.001))
    with pytest.raises(ConfigError, match="and a longer one"):
        sta_lta_triggers(array_record(QUAKE), replace(RULE, long_s=0.5))
    with pytest.raises(DataError, match="nothing is left of the band"):
        sta_lta_triggers(replace(array_record(QUAKE), rate_hz=10), RULE)
