"""Baselines over records in pieces: the numbers wanted, and no piece heard twice."""

from itertools import pairwise

import numpy as np

from seisflow.core.grid import NS_PER_S, Span
from seisflow.stages.compare.baselines import ENVELOPES, STA_LTA, Baselines
from seisflow.stages.compare.sta_lta import ArrayRecord, Trigger

RATE = 50
START_NS = 1_582_934_400 * NS_PER_S


def record(first_s: int, stop_s: int, pulses: list[float]) -> ArrayRecord:
    """Nine stations, noise that depends on the second alone, and the same pulse everywhere."""
    samples = np.concatenate(
        [
            np.random.default_rng(s % 2**32).standard_normal((9, RATE))
            for s in range(first_s, stop_s)
        ],
        axis=1,
    )
    for at in pulses:
        first = round((at - first_s) * RATE)
        if 0 <= first < samples.shape[1] - RATE:
            samples[:, first : first + RATE] += 30 * np.sin(np.arange(RATE) * 1.5)
    return ArrayRecord(
        samples=samples.astype(np.float32),
        start_ns=START_NS + first_s * NS_PER_S,
        rate_hz=RATE,
        stations=[f"XX.N{k}..EHZ" for k in range(9)],
        longitude=np.arange(9) % 3 * 0.01,
        latitude=np.arange(9) // 3 * 0.01,
    )


def searched(cuts: list[int], pulses: list[float]) -> Baselines:
    found = Baselines(has_nine=True)
    for first, stop in pairwise(cuts):
        core = Span(START_NS + first * NS_PER_S, START_NS + stop * NS_PER_S)
        found.add(record(first - 90, stop + 10, pulses), core)
    return found


def search(cuts: list[int], pulses: list[float], n_wanted: int) -> dict[str, list[Trigger]]:
    return searched(cuts, pulses).detections(n_wanted)


def n_beside(times_ns: np.ndarray, true_s: list[float]) -> int:
    """Count times more than a second away from all true ones."""
    seconds = (np.asarray(times_ns) - START_NS) / NS_PER_S
    return int(np.sum([np.abs(np.array(true_s) - s).min() > 1 for s in seconds]))


def test_pieces_find_what_the_whole_does() -> None:
    pulses = [50.3, 199.99, 200.6 + 100, 431.0]
    whole = search([0, 600], pulses, 4)
    parts = search([0, 200, 300, 600], pulses, 4)
    for name, triggers in whole.items():
        times = np.array([t.time_ns for t in triggers])
        assert len(times) == len(pulses), name
        seconds = (times - START_NS) / NS_PER_S
        assert np.abs(seconds - np.array(pulses)).max() < 1.0
        again = np.array([t.time_ns for t in parts[name]])
        assert np.abs(times - again).max() <= 0.11 * NS_PER_S


def test_the_number_wanted_is_neared() -> None:
    pulses = [60.0, 160.0, 260.0, 360.0]
    assert len(search([0, 600], pulses, 1)["nine sub-array envelopes"]) <= 1
    assert len(search([0, 600], pulses, 4)["STA/LTA and coincidence"]) == 4


def test_nothing_found_is_no_error() -> None:
    found = search([0, 600], [], 3)
    assert found["STA/LTA and coincidence"] == []


def test_at_most_as_many_new_as_allowed() -> None:
    pulses = [60.0, 160.0, 260.0, 360.0]
    true = [60.0, 260.0]
    found = searched([0, 600], pulses)
    enough = found.detections_with_new(2, lambda t: n_beside(t, true))
    for name in (STA_LTA, ENVELOPES):
        times = [trigger.time_ns for trigger in enough[name]]
        assert n_beside(times, true) <= 2
        seconds = (np.array(times) - START_NS) / NS_PER_S
        assert all(np.abs(seconds - pulse).min() < 1 for pulse in pulses)
    assert n_beside([t.time_ns for t in enough[ENVELOPES]], true) == 2
    # of nine stations each, the pulses of STA/LTA have one level, which is two too many for one
    fewer = found.detections_with_new(1, lambda t: n_beside(t, true))
    assert fewer[STA_LTA] is None
    assert n_beside([t.time_ns for t in fewer[ENVELOPES]], true) <= 1


def test_even_the_highest_level_may_have_too_many() -> None:
    found = searched([0, 600], [60.0, 160.0])
    assert found.detections_with_new(0, lambda t: len(t)) == {STA_LTA: None, ENVELOPES: None}


def test_nothing_at_any_level_is_not_too_many() -> None:
    quiet = searched([0, 600], [])
    assert quiet.detections_with_new(3, lambda t: len(t))[STA_LTA] == []
    blank = Baselines(has_nine=True)
    silent = record(-90, 610, [])
    silent.samples[:] = np.nan
    blank.add(silent, Span(START_NS, START_NS + 600 * NS_PER_S))
    assert blank.detections_with_new(0, lambda t: len(t)) == {STA_LTA: [], ENVELOPES: []}
