"""Coincidences against the definition, written out; and however the seconds are cut."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisflow.errors import ConfigError, DataError
from seisflow.stages.detect.coincidence import coincidences, count_stations, halo_s


def by_definition(triggers: np.ndarray, window_s: int, before_s: int = 0) -> np.ndarray:
    begins = [t - before_s for t in range(triggers.shape[1])]
    seen = [triggers[:, max(0, b) : max(0, b + window_s)].any(axis=1).sum() for b in begins]
    return np.array(seen, dtype=np.int64)


def events_by_definition(count: np.ndarray, min_nodes: int, merge_s: int) -> list[int]:
    return [
        t
        for t in range(count.size)
        if count[t] >= min_nodes
        and all(count[t] > count[u] for u in range(max(0, t - merge_s), t))
        and all(count[t] >= count[u] for u in range(t, min(count.size, t + merge_s + 1)))
    ]


def triggers_with(count: list[int]) -> np.ndarray:
    """As many stations as `count` says in each second."""
    return np.arange(max(count))[:, None] < np.array(count)


def seconds(triggers: np.ndarray, window_s: int, min_nodes: int, merge_s: int) -> list[int]:
    found = coincidences(triggers, window_s=window_s, min_nodes=min_nodes, merge_s=merge_s)
    return [event.second for event in found]


def random_triggers(seed: int, n_stations: int, n_seconds: int) -> np.ndarray:
    """Noise of any density, and crowds of any length."""
    rng = np.random.default_rng(seed)
    triggers = rng.random((n_stations, n_seconds)) < rng.choice([0.02, 0.1, 0.4])
    for start in rng.integers(0, max(n_seconds, 1), rng.integers(0, 4)):
        triggers[:, start : start + rng.integers(1, 25)] |= rng.random((n_stations, 1)) < 0.8
    return triggers


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 40), st.integers(1, 50), st.integers(0, 9))
def test_counts_are_those_of_the_definition(
    seed: int, n_seconds: int, window_s: int, before_s: int
) -> None:
    triggers = random_triggers(seed, 5, n_seconds)
    found = count_stations(triggers, window_s, before_s=before_s)
    np.testing.assert_array_equal(found, by_definition(triggers, window_s, before_s))


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 80),
    st.integers(1, 12),
    st.integers(1, 12),
    st.integers(1, 7),
)
def test_events_are_those_of_the_definition(
    seed: int, n_seconds: int, window_s: int, merge_s: int, min_nodes: int
) -> None:
    triggers = random_triggers(seed, 8, n_seconds)
    count = by_definition(triggers, window_s)
    found = coincidences(triggers, window_s=window_s, min_nodes=min_nodes, merge_s=merge_s)
    assert [event.second for event in found] == events_by_definition(count, min_nodes, merge_s)
    for event in found:
        assert event.nodes.size == count[event.second]
        here = triggers[:, event.second : event.second + window_s]
        assert event.nodes.tolist() == [i for i, row in enumerate(here) if row.any()]


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 9),
    st.integers(1, 9),
    st.lists(st.integers(1, 119), max_size=8, unique=True),
)
def test_events_do_not_depend_on_cuts(
    seed: int, window_s: int, merge_s: int, cuts: list[int]
) -> None:
    triggers = random_triggers(seed, 6, 120)
    before, behind = halo_s(window_s=window_s, merge_s=merge_s)
    found = []
    for start, stop in itertools.pairwise([0, *sorted(cuts), 120]):
        first = max(0, start - before)
        part = seconds(triggers[:, first : stop + behind], window_s, 3, merge_s)
        found += [first + second for second in part if start <= first + second < stop]
    assert found == seconds(triggers, window_s, 3, merge_s)


@pytest.mark.parametrize("short", ["before", "behind"])
def test_a_smaller_halo_would_not_do(short: str) -> None:
    window_s, merge_s = 3, 4
    before, behind = halo_s(window_s=window_s, merge_s=merge_s)
    triggers = np.zeros((9, 60), dtype=np.bool_)
    triggers[:5, 20] = True
    # a larger coincidence whose last second is the last one of the halo decides
    triggers[:7, 20 - (window_s - 1) + (behind if short == "behind" else -before)] = True
    start, stop = 20 - (window_s - 1), 21 - (window_s - 1)
    assert start not in seconds(triggers, window_s, 3, merge_s)
    lost = 1 if short == "before" else 0
    part = triggers[:, start - before + lost : stop + behind - 1 + lost]
    assert before - lost in seconds(part, window_s, 3, merge_s)


@pytest.mark.parametrize("length", [1, 5, 6, 7, 50])
def test_a_plateau_is_one_event(length: int) -> None:
    count = [0] * 10 + [4] * length + [0] * 10
    assert seconds(triggers_with(count), 1, 3, 6) == [10]


def test_a_plateau_at_the_end_of_the_record_is_one_event() -> None:
    assert seconds(triggers_with([4] * 30), 1, 3, 6) == [0]
    assert seconds(triggers_with([0] * 5 + [4] * 30), 1, 3, 6) == [5]


def test_the_largest_takes_in_what_is_near() -> None:
    count = [0, 5, 0, 0, 8, 0, 0, 5, 0, 0, 0, 6, 0]
    assert seconds(triggers_with(count), 1, 3, 3) == [4, 11]
    assert seconds(triggers_with(count), 1, 3, 2) == [1, 4, 7, 11]
    assert seconds(triggers_with(count), 1, 6, 3) == [4, 11]
    assert seconds(triggers_with(count), 1, 7, 3) == [4]


def test_too_few_stations_are_no_event_however_often_they_trigger() -> None:
    triggers = np.zeros((20, 50), dtype=np.bool_)
    triggers[:4] = True
    assert seconds(triggers, 5, 5, 3) == []
    triggers[7, 30] = True
    found = coincidences(triggers, window_s=5, min_nodes=5, merge_s=3)
    assert [(event.second, event.nodes.tolist()) for event in found] == [(26, [0, 1, 2, 3, 7])]


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (0, 0)])
def test_nothing_gives_nothing(shape: tuple[int, int]) -> None:
    assert seconds(np.zeros(shape, np.bool_), 3, 1, 2) == []


@pytest.mark.parametrize("name", ["window_s", "min_nodes", "merge_s"])
def test_numbers_below_one_are_refused(name: str) -> None:
    numbers = {"window_s": 3, "min_nodes": 3, "merge_s": 3, name: 0}
    with pytest.raises(ConfigError, match=f"{name} = 0"):
        coincidences(np.zeros((2, 5), np.bool_), **numbers)


@pytest.mark.parametrize("wrong", [np.zeros(5, np.bool_), np.zeros((2, 5))])
def test_what_is_no_matrix_of_bool_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(DataError, match="matrix of bool"):
        coincidences(wrong, window_s=3, min_nodes=2, merge_s=3)


def test_each_second_may_ask_for_its_own_number() -> None:
    """25 nodes at 98 s where 30 are needed do not take in 20 nodes at 102 s where 10 are."""
    triggers = np.zeros((40, 200), dtype=bool)
    triggers[:25, 98], triggers[:20, 102] = True, True
    needed = np.where(np.arange(200) < 100, 30, 10)

    def found(min_nodes: int | np.ndarray) -> list[int]:
        return [
            c.second for c in coincidences(triggers, window_s=1, min_nodes=min_nodes, merge_s=5)
        ]

    assert found(needed) == [102]
    assert found(10) == [98]
    assert found(np.full(200, 10)) == [98]
    assert found(30) == []
