"""Baselines over records in pieces: the numbers wanted, and no piece heard twice."""

from itertools import pairwise

import numpy as np

from seisflow.compare.baselines import ArrayRecord, Trigger
from seisflow.compare.detectors import Baselines
from seisflow.core.grid import NS_PER_S, Span

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


def search(cuts: list[int], pulses: list[float], n_wanted: int) -> dict[str, list[Trigger]]:
    searched = Baselines(has_nine=True)
    for first, stop in pairwise(cuts):
        core = Span(START_NS + first * NS_PER_S, START_NS + stop * NS_PER_S)
        searched.add(record(first - 90, stop + 10, pulses), core)
    return searched.detections(n_wanted)


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
