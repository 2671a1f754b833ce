"""Matched, missed, at S and new: counted by hand, by SciPy, at the edges of the span, refused."""

import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_bipartite_matching
from scipy.stats import binomtest

from seisflow.core.grid import NS_PER_S, Span, format_time, parse_time
from seisflow.errors import DataError
from seisflow.formats.references import ReferenceEvent
from seisflow.stages.compare.scoring import MAGNITUDE_EDGES, compare
from seisflow.stages.compare.summary import DETECTOR_HEAD, detector_rows, to_json

START = parse_time("2014-05-29")
SPAN = Span(START, START + 3600 * NS_PER_S)


def at(*seconds: float) -> np.ndarray:
    return START + np.array([round(s * NS_PER_S) for s in seconds], dtype=np.int64)


def events(*rows: tuple[float, float, float]) -> list[ReferenceEvent]:
    """Rows are second, magnitude, SNR."""
    return [
        ReferenceEvent(f"e{i}", int(at(s)[0]), magnitude, snr)
        for i, (s, magnitude, snr) in enumerate(rows)
    ]


REFERENCE = events(
    (100, 0.4, 1.2), (200, 1.2, 2.5), (300, 1.4, np.nan), (400, np.nan, 8.0), (5000, 3.0, 30.0)
)


def test_what_was_found_missed_and_new() -> None:
    found = compare(at(101.5, 200.25, 250, 399.5, 5000), REFERENCE, 2.0, SPAN)
    assert found.matched.tolist() == [[0, 0], [1, 1], [3, 3]]
    assert found.missed.tolist() == [2]
    assert found.new.tolist() == [2]
    np.testing.assert_allclose(found.residual_s, [1.5, 0.25, -0.5])
    assert (found.n_reference, found.recall) == (4, 0.75)
    exact = binomtest(3, 4).proportion_ci(0.95, method="exact")
    np.testing.assert_allclose(found.recall_interval, (exact.low, exact.high))


def with_s(*rows: tuple[float, float | None]) -> list[ReferenceEvent]:
    """Rows are seconds of P and of S, or None."""
    return [
        ReferenceEvent(f"e{i}", int(at(p)[0]), s_ns=None if s is None else int(at(s)[0]))
        for i, (p, s) in enumerate(rows)
    ]


AT_S = with_s((100, 108), (200, 207), (300, None), (400, 409), (-5, 4), (3596, 3602))
FOUND = (100.5, 109, 110, 206, 309, 5.5, 3601, 410)


def test_what_was_found_at_s_is_neither_matched_nor_new() -> None:
    found = compare(at(*FOUND), AT_S, 2.0, SPAN)
    assert found.matched.tolist() == [[0, 0]]
    assert found.missed.tolist() == [1, 2, 3, 5]
    assert found.late.tolist() == [[5, 4], [1, 0], [3, 1], [7, 3]]
    np.testing.assert_allclose(found.late_residual_s, [1.5, 1.0, -1.0, 1.0])
    assert found.new.tolist() == [2, 4]
    assert (found.n_s_known, found.n_late, found.n_detections) == (5, 4, 7)


def test_a_detection_is_p_before_it_is_s() -> None:
    """S of one event and P of the next within the tolerance: P counts, though S is closer."""
    found = compare(at(108), with_s((100, 108), (109.5, 118)), 2.0, SPAN)
    assert (found.matched.tolist(), found.late.tolist()) == ([[0, 1]], [])
    assert found.missed.tolist() == [0]


def test_without_s_nobody_looked_for_it() -> None:
    found = compare(at(101.5, 108), REFERENCE, 2.0, SPAN)
    assert (found.n_late, found.late.shape, found.new.tolist()) == (None, (0, 2), [1])
    (row,) = detector_rows({"one": found})
    assert row[DETECTOR_HEAD.index("at S")] == ""
    content = to_json({"one": found}, {"one": at(101.5, 108).tolist()}, REFERENCE)
    assert (content["detectors"][0]["late"], content["late"]) == (None, [])
    assert (content["events_with_s"], content["equal"]) == (0, None)


def test_s_in_the_table_and_in_json() -> None:
    found = {"one": compare(at(*FOUND), AT_S, 2.0, SPAN), "none": compare([], AT_S, 2.0, SPAN)}
    rows = [dict(zip(DETECTOR_HEAD, row, strict=True)) for row in detector_rows(found)]
    assert [row["detections"] for row in rows] == ["7", "0"]
    assert [(row["missed"], row["at S"], row["new"]) for row in rows] == [
        ("4", "4", "2"), ("5", "0", "0"),
    ]  # fmt: skip
    content = to_json(found, {"one": at(*FOUND).tolist(), "none": []}, AT_S, "new")
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["equal"] == "new"
    assert [d["late"] for d in content["detectors"]] == [4, 0]
    assert [d["detections"] for d in content["detectors"]] == [7, 0]
    nothing = {"magnitude": None, "snr": None}
    assert content["late"][:2] == [
        {"event": "e4", "time": format_time(int(at(4)[0])), "residual_s": 1.5, **nothing},
        {"event": "e0", "time": format_time(int(at(108)[0])), "residual_s": 1.0, **nothing},
    ]
    assert content["missed"][0] == {"event": "e1", "time": format_time(int(at(200)[0])), **nothing}


def most_pairs(found: list[int], times: list[int], tolerance_ns: int) -> int:
    """Return how many pairs there can be, by Hopcroft and Karp's algorithm (SciPy)."""
    near = np.abs(np.array(found)[:, None] - np.array(times)[None, :]) <= tolerance_ns
    return int((maximum_bipartite_matching(csr_array(near)) >= 0).sum()) if near.size else 0


seconds = st.integers(-8, 40).map(lambda quarter: quarter / 4)
rows = st.lists(
    st.tuples(seconds, st.none() | st.integers(0, 40).map(lambda q: q / 4)), min_size=1, max_size=6
)


@settings(max_examples=300, deadline=None)
@given(st.lists(seconds, max_size=8), rows, st.sampled_from([0.0, 0.25, 1.0, 2.0]))
def test_every_detection_is_one_thing_and_as_many_as_can_be_are_at_s(
    found_s: list[float], rows: list[tuple[float, float | None]], tolerance_s: float
) -> None:
    span = Span(START, START + 6 * NS_PER_S)
    found_ns = at(*found_s)
    events = with_s(*[(p, None if s is None else p + s) for p, s in rows])
    times = [event.time_ns for event in events]
    assume(min(times) < span.end_ns and max(times) >= span.start_ns)
    with_it = compare(found_ns, events, tolerance_s, span)
    without = compare(found_ns, [e._replace(s_ns=None) for e in events], tolerance_s, span)
    assert with_it.matched.tolist() == without.matched.tolist()
    assert with_it.missed.tolist() == without.missed.tolist()
    late = with_it.late[:, 0].tolist()
    assert sorted([*late, *with_it.new.tolist()]) == without.new.tolist()
    assert len(set(with_it.late[:, 1].tolist())) == len(late)
    for (i, k), residual in zip(with_it.late.tolist(), with_it.late_residual_s, strict=True):
        assert found_ns[i] - events[k].s_ns == residual * NS_PER_S
        assert abs(residual) <= tolerance_s
    if all(0 <= s < 6 for s in found_s):  # beyond the span others may take an S
        times = [e.s_ns for e in events if e.s_ns is not None]
        left = found_ns[without.new].tolist()
        assert len(late) == most_pairs(left, times, round(tolerance_s * NS_PER_S))


def test_recall_by_band() -> None:
    found = compare(at(101.5, 200.25, 399.5), REFERENCE, 2.0, SPAN)
    by_magnitude = dict(zip(MAGNITUDE_EDGES, found.by_magnitude.n.tolist(), strict=False))
    assert by_magnitude == {**dict.fromkeys(MAGNITUDE_EDGES[:-1], 0), 0.0: 1, 1.0: 2}
    assert found.by_magnitude.n_given.tolist() == [0, 1, 0, 1, 0, 0, 0, 0, 0]
    assert found.by_magnitude.recall[3] == 0.5
    assert np.isnan(found.by_magnitude.recall[0])
    assert found.by_magnitude.n_unknown == found.by_snr.n_unknown == 1
    assert (found.by_snr.n.sum(), found.by_snr.n_given.sum()) == (3, 3)


def test_an_event_just_outside_explains_a_detection_just_inside() -> None:
    reference = events((-1, 1.0, 1.0), (1800, 1.0, 1.0), (3600, 1.0, 1.0))
    found = compare(at(0, 3599.5, 3700), reference, 2.0, SPAN)
    assert (found.n_reference, found.new.size, found.matched.size) == (1, 0, 0)
    assert found.missed.tolist() == [1]


def test_the_end_of_the_span_is_exclusive() -> None:
    found = compare([], events((0, 1.0, 1.0), (3600, 1.0, 1.0)), 2.0, SPAN)
    assert found.missed.tolist() == [0]


def test_a_quiet_span_has_no_recall() -> None:
    found = compare(at(10), events((-500, 1.0, 1.0), (4000, 1.0, 1.0)), 2.0, SPAN)
    assert found.n_reference == 0
    assert np.isnan(found.recall)
    assert np.isnan(found.recall_interval).all()
    assert found.new.tolist() == [0]


@pytest.mark.parametrize("second", [-1.0, 3600.0])
def test_no_time_in_common(second: float) -> None:
    with pytest.raises(DataError, match="no time in common") as caught:
        compare(at(10), events((second, 1.0, 1.0)), 2.0, SPAN)
    assert str(SPAN) in str(caught.value)


def test_no_reference_at_all() -> None:
    with pytest.raises(DataError, match="holds no event"):
        compare(at(10), [], 2.0, SPAN)
