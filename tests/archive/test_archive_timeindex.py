"""The computed time axis selects as a pandas.DatetimeIndex of the same times does."""

import pickle
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from seisflow.archive.timeindex import SampleTimeIndex
from seisflow.core.grid import HOUR_NS, SampleGrid, Span, parse_time

START_NS = parse_time("2020-02-28T23:00")
RATES = [Fraction(1), Fraction(125, 2), Fraction(30), Fraction(10), Fraction(128)]


def computed(rate: Fraction, start_ns: int = START_NS, hours: int = 2) -> xr.DataArray:
    """Sample numbers on a computed axis."""
    grid = SampleGrid.over(Span(start_ns, start_ns + hours * HOUR_NS), rate)
    coords = xr.Coordinates.from_xindex(SampleTimeIndex.over(grid))
    return xr.DataArray(np.arange(grid.n_samples), coords=coords, dims="time")


def plain(of: xr.DataArray) -> xr.DataArray:
    """The same with its times in memory."""
    return xr.DataArray(of.values, coords={"time": pd.DatetimeIndex(of.time.values)}, dims="time")


COMPUTED = {rate: computed(rate) for rate in RATES}

cuts = st.tuples(
    st.none() | st.integers(-300, 300), st.none() | st.integers(-300, 300), st.integers(1, 7)
).map(lambda s: slice(*s))
backward = st.tuples(
    st.none() | st.integers(-300, 300), st.none() | st.integers(-300, 300), st.integers(-7, -1)
).map(lambda s: slice(*s))
moments = st.integers(-70_000_000_000, 7_300_000_000_000).map(lambda t: START_NS + t)
near = st.builds(
    lambda rate, k, ns: (rate, SampleGrid(START_NS, rate, 0).time_of(k) + ns),
    st.sampled_from(RATES),
    st.integers(-3, 400_000),
    st.integers(-2, 2),
)


def as_text(time_ns: int, length: int) -> str:
    return str(np.datetime64(time_ns, "ns"))[:length]


texts = st.builds(
    as_text, moments, st.sampled_from([4, 7, 10, 13, 16, 19, 23, 26, 29])
) | st.builds(lambda t: as_text(t, 19) + "Z", moments)
labels = moments.map(lambda t: np.datetime64(t, "ns")) | texts


def same(a: xr.DataArray, b: xr.DataArray) -> None:
    assert a.dims == b.dims
    assert a.time.dims == b.time.dims
    np.testing.assert_array_equal(a.values, b.values)
    np.testing.assert_array_equal(a.time.values, b.time.values)


def unzoned(label: object) -> object:
    """What the plain index takes: it has no time zone."""
    return label.removesuffix("Z") if isinstance(label, str) else label


@pytest.mark.parametrize("rate", RATES)
def test_times_are_those_of_the_grid(rate: Fraction) -> None:
    here = COMPUTED[rate]
    assert here.time.dtype == "datetime64[ns]"
    exact = [START_NS + round(k * 10**9 / rate) for k in range(0, here.sizes["time"], 997)]
    np.testing.assert_array_equal(here.time.values[::997].astype(np.int64), exact)


@settings(deadline=None)
@given(st.sampled_from(RATES), st.lists(cuts | backward, min_size=1, max_size=3))
def test_slices_of_positions_keep_the_index(rate: Fraction, parts: list[slice]) -> None:
    here, there = COMPUTED[rate], plain(COMPUTED[rate])
    for part in parts:
        here, there = here.isel(time=part), there.isel(time=part)
    assert isinstance(here.xindexes["time"], SampleTimeIndex)
    same(here, there)


@settings(deadline=None)
@given(
    st.sampled_from(RATES),
    st.lists(st.integers(-300, 300), max_size=5) | st.sampled_from([slice(3, 300, 7)]),
)
def test_positions_select_as_numpy_does(rate: Fraction, positions: list[int] | slice) -> None:
    here, there = (x.isel(time=slice(0, 400)) for x in (COMPUTED[rate], plain(COMPUTED[rate])))
    same(here.isel(time=positions), there.isel(time=positions))
    mask = np.zeros(400, dtype=bool)
    mask[positions] = True
    same(here.isel(time=mask), there.isel(time=mask))
    same(here.sel(time=mask), there.sel(time=mask))
    one = here.isel(time=-1)
    assert (int(one), one.time.values) == (399, there.time.values[-1])


def test_positions_along_another_dimension() -> None:
    points = xr.DataArray([3, -1, 5], dims="pick")
    here, there = COMPUTED[RATES[3]], plain(COMPUTED[RATES[3]])
    same(here.isel(time=points), there.isel(time=points))
    assert here.isel(time=points).dims == ("pick",)
    grid = xr.DataArray([[3, -1], [0, 5]], dims=("row", "column"))
    same(here.isel(time=grid), there.isel(time=grid))


@settings(deadline=None)
@given(
    st.sampled_from(RATES), cuts, st.none() | labels, st.none() | labels, st.sampled_from([1, 3])
)
def test_slices_of_times_and_texts(rate, part, first, last, step) -> None:
    here, there = COMPUTED[rate].isel(time=part), plain(COMPUTED[rate]).isel(time=part)
    wanted = slice(first, last, step if step > 1 else None)
    found = here.sel(time=wanted)
    assert isinstance(found.xindexes["time"], SampleTimeIndex)
    plain_wanted = slice(unzoned(first), unzoned(last), wanted.step)
    same(found, there.sel(time=plain_wanted))


@settings(deadline=None)
@given(near, st.integers(-2, 2), st.integers(0, 50))
def test_both_ends_of_a_slice_are_included_to_the_nanosecond(where, ns, more) -> None:
    rate, first = where
    last = first + more * 10**9 + ns
    here = COMPUTED[rate].sel(time=slice(np.datetime64(first, "ns"), np.datetime64(last, "ns")))
    times = COMPUTED[rate].time.values.astype(np.int64)
    np.testing.assert_array_equal(here.values, np.flatnonzero((first <= times) & (times <= last)))


@settings(deadline=None)
@given(st.sampled_from(RATES), backward, labels, labels)
def test_slices_of_a_reversed_axis(rate, part, a, b) -> None:
    here = COMPUTED[rate].isel(time=part)
    assume(here.sizes["time"] > 1)  # an axis of one sample has no direction
    forward = plain(here).isel(time=slice(None, None, -1))
    expected = forward.sel(time=slice(unzoned(b), unzoned(a))).isel(time=slice(None, None, -1))
    same(here.sel(time=slice(a, b)), expected)


@settings(deadline=None)
@given(near)
def test_one_time_is_found_exactly_or_not_at_all(where) -> None:
    rate, time_ns = where
    times = COMPUTED[rate].time.values.astype(np.int64)
    label = np.datetime64(time_ns, "ns")
    if time_ns in times:
        found = COMPUTED[rate].sel(time=label)
        assert times[int(found)] == time_ns == found.time.values.astype(np.int64)
        assert COMPUTED[rate].sel(time=[label]).time.values.tolist() == [time_ns]
    else:
        for wrong in (label, pd.Timestamp(label), [label]):
            with pytest.raises(KeyError, match="no sample at"):
                COMPUTED[rate].sel(time=wrong)


@settings(deadline=None)
@given(st.sampled_from(RATES), cuts | backward, moments)
def test_the_nearest_time(rate, part, time_ns) -> None:
    here = COMPUTED[rate].isel(time=part)
    label = np.datetime64(time_ns, "ns")
    if not here.sizes["time"]:
        with pytest.raises(KeyError, match="there are none"):
            here.sel(time=label, method="nearest")
        return
    times = here.time.values.astype(np.int64)
    best = np.abs(times - time_ns).min()
    one = here.sel(time=label, method="nearest")
    several = here.sel(time=[label, here.time.values[0]], method="nearest")
    assert abs(one.time.values.astype(np.int64) - time_ns) == best
    assert several.values.tolist() == [int(one), int(here[0])]
    within = here.sel(time=label, method="nearest", tolerance=np.timedelta64(best, "ns"))
    assert int(within) == int(one)
    if best:
        with pytest.raises(KeyError, match="no sample at"):
            here.sel(time=label, method="nearest", tolerance=np.timedelta64(best - 1, "ns"))


def test_of_two_times_as_near_the_later_is_taken() -> None:
    here, between = COMPUTED[Fraction(10)], np.timedelta64(50, "ms")
    for k in (0, 1, 2, 7):
        assert int(here.sel(time=here.time.values[k] + between, method="nearest")) == k + 1


def test_a_text_without_a_fraction_stands_for_its_whole_period() -> None:
    here, there = COMPUTED[Fraction(10)], plain(COMPUTED[Fraction(10)])
    for text in ("2020", "2020-02-29", "2020-02-29T00", "2020-02-28T23:59", "2020-02-29T00:00:07"):
        same(here.sel(time=text), there.sel(time=text))
    exact = here.sel(time="2020-02-29T00:00:07.1")
    assert exact.ndim == 0
    assert str(exact.time.values) == "2020-02-29T00:00:07.100000000"
    for missing in ("2021", "2020-02-29T00:00:07.15"):
        with pytest.raises(KeyError):
            here.sel(time=missing)


def test_times_along_another_dimension() -> None:
    here, there = COMPUTED[Fraction(10)], plain(COMPUTED[Fraction(10)])
    wanted = xr.DataArray(here.time.values[[5, 0]], dims="pick", coords={"pick": ["p", "s"]})
    same(here.sel(time=wanted), there.sel(time=wanted))
    same(here.sel(time=wanted.variable), there.sel(time=wanted.variable))


def test_methods_that_are_not_known_are_refused() -> None:
    with pytest.raises(ValueError, match="method 'ffill' is not known; allowed: None, 'nearest'"):
        COMPUTED[Fraction(10)].sel(time="2020-02-29", method="ffill")


def test_equal_times_are_equal_from_whichever_product_they_come() -> None:
    two_hours, second_hour = COMPUTED[Fraction(10)], computed(Fraction(10), START_NS + HOUR_NS, 1)
    half = two_hours.isel(time=slice(36000, None))
    assert half.xindexes["time"].equals(second_hour.xindexes["time"])
    total = half + second_hour
    assert isinstance(total.xindexes["time"], SampleTimeIndex)
    xr.testing.assert_identical(half.time, second_hour.time)
    for other in (two_hours, second_hour.isel(time=slice(1, None)), computed(Fraction(20), hours=1),
                  second_hour.isel(time=slice(None, None, -1)), plain(second_hour)):  # fmt: skip
        assert not second_hour.xindexes["time"].equals(other.xindexes["time"])


@settings(deadline=None)
@given(st.sampled_from(RATES), cuts, cuts, st.sampled_from(["inner", "outer", "left", "right"]))
def test_two_records_are_aligned_by_time(rate, a, b, how) -> None:
    short = COMPUTED[rate].isel(time=slice(0, 400))
    here = xr.align(short.isel(time=a), short.isel(time=b), join=how)
    there = xr.align(plain(short).isel(time=a), plain(short).isel(time=b), join=how)
    for mine, theirs in zip(here, there, strict=True):
        same(mine, theirs)


def test_records_are_put_one_after_another() -> None:
    here = COMPUTED[Fraction(10)]
    parts = [here.isel(time=slice(0, 50)), here.isel(time=slice(50, 80))]
    same(xr.concat(parts, "time"), plain(here.isel(time=slice(0, 80))))


def test_other_ways_of_xarray() -> None:
    here = COMPUTED[Fraction(10)].isel(time=slice(0, 200))
    there = plain(here)
    for change in (
        lambda x: x.resample(time="1s").max(),
        lambda x: x.diff("time"),
        lambda x: x.shift(time=1),
        lambda x: x.groupby("time.second").max().rename(second="time"),
    ):
        same(change(here), change(there))
    pd.testing.assert_series_equal(here.to_series(), there.to_series(), check_freq=False)
    renamed = here.rename(time="when")
    assert renamed.sel(when="2020-02-28T23:00:01").values.tolist() == list(range(10, 20))
    same(pickle.loads(pickle.dumps(here)).sel(time="2020-02-28T23:00:01"),
         there.sel(time="2020-02-28T23:00:01"))  # fmt: skip


def test_a_month_at_500_hz_never_makes_its_times() -> None:
    grid = SampleGrid.over(Span(START_NS, START_NS + 30 * 24 * HOUR_NS), Fraction(500))
    times = xr.Dataset(coords=xr.Coordinates.from_xindex(SampleTimeIndex.over(grid))).time
    assert times.sizes["time"] == 1_296_000_000
    last = times.sel(time=slice("2020-03-29T22:59:59", None)).isel(time=slice(None, None, 250))
    expected = ["2020-03-29T22:59:59.000000000", "2020-03-29T22:59:59.500000000"]
    assert last.values.astype(str).tolist() == expected
    picked = times.isel(time=[-1, 0])
    assert str(picked.values[0]) == "2020-03-29T22:59:59.998000000"
