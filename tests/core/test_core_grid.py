"""Time: spans, text, rates, and the one grid of samples."""

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seisflow.core.grid import (
    CHUNK_S,
    DAY_NS,
    HOUR_NS,
    NS_PER_S,
    SampleGrid,
    Span,
    format_time,
    nominal_rate,
    parse_time,
)
from seisflow.errors import ConfigError

EPOCH = parse_time("2014-05-29T17:00")
RATES = [1, Fraction(125, 2), 30, 100, 128, 250, 500, 1000, 1024, Fraction(100, 3), 4000]
rates = st.sampled_from(RATES).map(Fraction) | st.builds(
    Fraction, st.integers(CHUNK_S, 10**6), st.just(CHUNK_S)
)
indices = st.integers(0, 3 * 10**9)
times = st.integers(-(2**62), 2**62)


def grid(rate: Fraction) -> SampleGrid:
    return SampleGrid.over(Span(EPOCH, EPOCH + HOUR_NS), Fraction(rate))


def test_a_span_ends_after_it_starts() -> None:
    for end in (EPOCH, EPOCH - 1):
        with pytest.raises(ConfigError, match=r"17:00:00Z .*the end is exclusive"):
            Span(EPOCH, end)
    assert Span(EPOCH, EPOCH + 1_500_000_000).duration_s == 1.5
    text = "2014-05-29T17:00:00Z to 2014-05-29T18:00:00Z"
    assert str(Span(EPOCH, EPOCH + HOUR_NS)) == text


def test_spans_meet_only_where_both_are() -> None:
    assert Span(0, 10).intersect(Span(5, 20)) == Span(5, 10)
    assert Span(0, 10).intersect(Span(2, 3)) == Span(2, 3)
    assert Span(0, 10).intersect(Span(10, 20)) is None


@settings(deadline=None)
@given(st.integers(-DAY_NS, DAY_NS), st.integers(1, 3 * DAY_NS), st.integers(HOUR_NS, 2 * DAY_NS))
def test_split_covers_a_span_once_and_widened_holds_it(start: int, length: int, step: int) -> None:
    span = Span(start, start + length)
    parts = span.split(step)
    assert parts[0].start_ns == span.start_ns
    assert parts[-1].end_ns == span.end_ns
    assert all(a.end_ns == b.start_ns for a, b in pairwise(parts))
    assert all(p.end_ns - p.start_ns == step for p in parts[:-1])
    wide = span.widened(step)
    assert wide.start_ns % step == wide.end_ns % step == 0
    assert 0 <= span.start_ns - wide.start_ns < step
    assert 0 <= wide.end_ns - span.end_ns < step


@settings(deadline=None)
@given(times)
def test_time_as_text_and_back(time_ns: int) -> None:
    assert parse_time(format_time(time_ns)) == time_ns


@pytest.mark.parametrize(
    ("text", "time_ns"),
    [
        ("1970-01-01", 0),
        ("1970-01-02T00:00Z", DAY_NS),
        (" 1970-01-01 00:00:01.000000001 ", NS_PER_S + 1),
        ("1969-12-31T23:59:59.5+00:00", -NS_PER_S // 2),
        ("1971", 365 * DAY_NS),
    ],
)
def test_forms_of_a_time(text: str, time_ns: int) -> None:
    assert parse_time(text) == time_ns


@pytest.mark.parametrize(
    "text",
    ["", "NaT", "now", "today", "20140529", "2014-02-30", "2014-05-29T25:00", "yesterday",
     "2014-05-29T17:00+01:00", "3000-01-01", "1600-01-01", "2014-149", "1e9",
     "2014-05-29T17:00:00.0000000001"],
)  # fmt: skip
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"not a time: .* give UTC as"):
        parse_time(text)


def test_times_are_written_with_no_more_digits_than_needed() -> None:
    assert format_time(EPOCH) == "2014-05-29T17:00:00Z"
    assert format_time(EPOCH + 120_000_000) == "2014-05-29T17:00:00.12Z"
    assert format_time(EPOCH + 1) == "2014-05-29T17:00:00.000000001Z"


@pytest.mark.parametrize(
    ("header", "rate"),
    [
        (100.0, Fraction(100)),
        (62.5, Fraction(125, 2)),
        (float(1 / np.float32(0.01)), Fraction(100)),
        (float(np.float32(33.333332)), Fraction(100, 3)),
        (99.99995, Fraction(100)),
        (100.001, None),
        (0.1, None),
        (0.0, None),
        (-100.0, None),
        (float("nan"), None),
        (float("inf"), None),
    ],
)
def test_rate_a_header_stands_for(header: float, rate: Fraction | None) -> None:
    assert nominal_rate(header) == rate


@settings(deadline=None)
@given(rates)
def test_every_grid_rate_is_its_own_nominal_rate(rate: Fraction) -> None:
    assert nominal_rate(float(rate)) == rate
    assert (nominal_rate(float(rate)) or 0) * CHUNK_S % 1 == 0


@settings(deadline=None)
@given(rates, indices)
def test_time_of_is_exact_to_half_a_nanosecond(rate: Fraction, index: int) -> None:
    exact = EPOCH + index * NS_PER_S / rate
    assert abs(grid(rate).time_of(index) - exact) <= Fraction(1, 2)


@settings(deadline=None)
@given(rates, st.lists(indices, max_size=20))
def test_times_of_equals_time_of(rate: Fraction, some: list[int]) -> None:
    here = grid(rate)
    found = here.times_of(np.array(some, dtype=np.int64))
    assert found.dtype == np.int64
    assert found.tolist() == [here.time_of(i) for i in some]


@settings(deadline=None)
@given(rates, indices)
def test_a_sample_is_found_by_its_own_time(rate: Fraction, index: int) -> None:
    here = grid(rate)
    time_ns = here.time_of(index)
    assert here.nearest(time_ns) == index
    assert here.first_at_or_after(time_ns) == index
    assert here.first_at_or_after(time_ns + 1) == index + 1


@settings(deadline=None)
@given(rates, st.integers(-DAY_NS, 40 * DAY_NS))
def test_nearest_and_next_sample_of_any_time(rate: Fraction, ahead_ns: int) -> None:
    here, time_ns = grid(rate), EPOCH + ahead_ns
    after = here.first_at_or_after(time_ns)
    assert here.time_of(after - 1) < time_ns <= here.time_of(after)
    near = here.nearest(time_ns)
    away = abs(here.time_of(near) - time_ns)
    assert away <= min(abs(here.time_of(near + k) - time_ns) for k in (-1, 1)) + 1


@settings(deadline=None)
@given(rates, st.integers(1, 24 * 40))
def test_a_grid_covers_whole_hours_without_drift(rate: Fraction, hours: int) -> None:
    span = Span(EPOCH, EPOCH + hours * HOUR_NS)
    here = SampleGrid.over(span, rate)
    assert here.n_samples == 3600 * hours * rate
    assert here.span == span
    later = SampleGrid.over(Span(EPOCH + HOUR_NS, EPOCH + 2 * HOUR_NS), rate)
    assert later.time_of(7) == here.time_of(int(3600 * rate) + 7)
