"""Segments from blocks and runs from segments: nothing lost, nothing invented, no drift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seisflow.formats.joining import RunBuilder, SegmentBuilder, header_rate, station_name
from seisflow.formats.segments import Block, Segment

DAY_NS = 86_400 * 10**9


def block(start_ns: int, n: int = 100, rate: float = 100.0, station: str = "A.B.C.D") -> Block:
    return Block(station, start_ns, n, rate, "int32", 0, 512)


def segments_of(*blocks: Block) -> list[Segment]:
    builder = SegmentBuilder()
    for one in blocks:
        builder.add(one)
    return builder.segments()


@pytest.mark.parametrize(("late_ns", "n_segments"), [(0, 1), (2_500_000, 1), (2_500_001, 2)])
@pytest.mark.parametrize("sign", [1, -1])
def test_tolerance_is_a_quarter_sample(late_ns: int, n_segments: int, sign: int) -> None:
    second = 10**9 + sign * late_ns
    assert len(segments_of(block(10**9 * 5), block(10**9 * 5 + second))) == n_segments


def test_slow_drift_ends_a_segment() -> None:
    # each record 0.2 samples late against the one before, so 0.4 against the first
    starts = [k * 10**9 + k * 2_000_000 for k in range(3)]
    assert [p.n_samples for p in segments_of(*map(block, starts))] == [200, 100]


@pytest.mark.parametrize("rate", [3.0, 7.0, 128.0, 333.3333333333333, 1000.0])
def test_a_whole_day_is_one_segment(rate: float) -> None:
    n = 1000
    starts = [round(k * n * 1e9 / rate) for k in range(int(rate * 86_400 / n))]
    (segment,) = segments_of(*(block(s, n, header_rate(rate)) for s in starts))
    assert segment.n_samples == n * len(starts)


def test_a_new_day_rate_or_type_starts_a_segment() -> None:
    before = block(DAY_NS - 10**9)
    assert len(segments_of(before, block(DAY_NS))) == 2
    assert len(segments_of(block(0), block(10**9, rate=50.0))) == 2
    other = Block("A.B.C.D", 10**9, 100, 100.0, "float32", 0, 512)
    assert len(segments_of(block(0), other)) == 2


def test_stations_do_not_disturb_each_other() -> None:
    blocks = [block(k * 10**9, station=s) for k in range(5) for s in ("A.B.C.D", "A.B.C.E")]
    assert [p.n_samples for p in segments_of(*blocks)] == [500, 500]


def test_a_repeated_block_starts_a_segment() -> None:
    blocks = [block(0), block(10**9), block(10**9), block(2 * 10**9)]
    assert [(p.start_ns, p.n_samples) for p in segments_of(*blocks)] == [(0, 200), (10**9, 200)]


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=8),
    st.data(),
)
def test_runs_hold_what_was_asked_for(sizes: list[int], data: st.DataObject) -> None:
    total = sum(sizes)
    first = data.draw(st.integers(0, total))
    stop = data.draw(st.integers(first, total))
    damaged = data.draw(st.sets(st.integers(0, len(sizes) - 1)))
    samples = np.arange(total, dtype="int32")
    runs = RunBuilder(Segment("A.B.C.D", 0, total, 1.0, "int32", 0, 1), first, stop)
    expected: list[int] = []
    for k, (size, end) in enumerate(zip(sizes, np.cumsum(sizes).tolist(), strict=True)):
        if runs.complete:
            break
        lo, hi = runs.advance(size)
        if lo < hi and k not in damaged:
            runs.put(samples[end - size : end][lo:hi])
        if k not in damaged:
            expected += [s for s in range(end - size, end) if first <= s < stop]
    got = [(run.first + i, int(v)) for run in runs.runs() for i, v in enumerate(run.values)]
    assert got == [(s, s) for s in expected]


def test_station_names_have_four_clean_parts() -> None:
    assert station_name("AZ", " FRD ", "", "BHZ") == "AZ.FRD..BHZ"
    assert station_name("A.Z", "F/D", "\x00", "BÉZ") == "A_Z.F_D..B_Z"
    assert station_name("", "__", "é", "") == "..."


@pytest.mark.parametrize("rate", [1, 12.5, 100, 250, 1000, 2000, 4000])
def test_a_float32_interval_stands_for_its_rate(rate: float) -> None:
    assert header_rate(1.0 / float(np.float32(1 / rate))) == rate


def test_another_rate_is_left_as_it_is() -> None:
    assert header_rate(99.9995) == 99.9995
    assert header_rate(1 / 60) == 1 / 60
