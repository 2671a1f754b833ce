"""Matched, missed and new: counted by hand, at the edges of the span, and refused."""

import numpy as np
import pytest
from scipy.stats import binomtest

from seisflow.compare.scoring import MAGNITUDE_EDGES, compare
from seisflow.core.grid import NS_PER_S, Span, parse_time
from seisflow.errors import DataError
from seisflow.formats.references import ReferenceEvent

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
