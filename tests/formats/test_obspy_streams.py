"""Streams of ObsPy as datasets and back: the form of an ingested product, exact, and what is said
of Streams that cannot be used."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import obspy
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy.core.inventory import Channel, Inventory, Network, Station
from small_archive import waveforms

import seisflow
from seisflow.core.grid import SampleGrid, parse_time
from seisflow.errors import DataError

RATES = [Fraction(1), Fraction(25, 2), Fraction(20), Fraction(100, 3), Fraction(50)]
TYPES = ["int16", "int32", "int64", "float32", "float64", ">i4", "uint8"]
NIGHT = parse_time("2020-02-28T23:59:30")


def trace(
    code: str, start_ns: int, values: np.ndarray, rate: float = 20.0, **more: Any
) -> obspy.Trace:
    header = {"network": "XX", "station": code, "channel": "HHZ", "sampling_rate": rate, **more}
    return obspy.Trace(values, {**header, "starttime": obspy.UTCDateTime(ns=start_ns)})


def simple(n: int = 100, code: str = "A", **more: Any) -> obspy.Trace:
    return trace(code, NIGHT, np.arange(n, dtype="int32"), **more)


def values_of(seed: int, n: int, dtype: str) -> np.ndarray:
    rng = np.random.default_rng(seed)
    kind = np.dtype(dtype)
    if kind.kind == "f":
        return (rng.standard_normal(n) * 1e3).astype(kind)
    limit = np.iinfo(kind)
    low, high = max(limit.min, -(2**53)), min(limit.max, 2**53)
    return rng.integers(low, high, n, endpoint=True).astype(kind)


Drawn = list[tuple[str, int, np.ndarray, float]]


@st.composite
def drawn_streams(draw: st.DrawFn) -> Drawn:
    """Stations that start apart, each part off the grid by a time of its own, with gaps."""
    rate, dtype = draw(st.sampled_from(RATES)), draw(st.sampled_from(TYPES))
    period = 10**9 / rate
    found = []
    for number in range(draw(st.integers(1, 3))):
        index = draw(st.integers(0, 400))
        for _ in range(draw(st.integers(1, 3))):
            n = draw(st.integers(1, 60))
            start_ns = NIGHT + int(index * period) + draw(st.integers(0, int(period)))
            values = values_of(draw(st.integers(0, 99)), n, dtype)
            found.append((f"S{number}", start_ns, values, float(rate)))
            index += n + draw(st.integers(2, 50))
    return draw(st.permutations(found))


def in_order(stream: obspy.Stream) -> list[obspy.Trace]:
    return sorted(stream, key=lambda t: (t.id, t.stats.starttime.ns))


def assert_same(found: obspy.Stream, expected: obspy.Stream) -> None:
    assert len(found) == len(expected)
    for mine, theirs in zip(found, in_order(expected), strict=True):
        assert mine.id == theirs.id
        assert mine.stats.starttime.ns == theirs.stats.starttime.ns
        assert mine.stats.sampling_rate == theirs.stats.sampling_rate
        assert mine.data.dtype == theirs.data.dtype.newbyteorder("=")
        np.testing.assert_array_equal(mine.data, theirs.data)


@pytest.mark.slow
@settings(max_examples=25)
@given(drawn_streams())
def test_a_stream_comes_back_as_it_was(drawn: Drawn) -> None:
    stream = obspy.Stream([trace(*one) for one in drawn])
    dataset = seisflow.from_obspy(stream)
    assert_same(seisflow.to_obspy(dataset), stream)
    again = seisflow.from_obspy(seisflow.to_obspy(dataset))
    xr.testing.assert_identical(again.drop_attrs(), dataset.drop_attrs())


@settings(max_examples=12)
@given(st.lists(st.booleans(), min_size=1, max_size=80), st.sampled_from(["int32", "float32"]))
def test_masked_and_nan_samples_are_gaps(mask: list[bool], dtype: str) -> None:
    values = values_of(1, len(mask), dtype)
    runs = np.flatnonzero(np.diff(np.array(mask, int), prepend=1, append=1)).reshape(-1, 2)
    parts = [trace("A", NIGHT + int(a) * 50_000_000, values[a:b]) for a, b in runs]
    masked = trace("A", NIGHT, np.ma.array(values, mask=mask))
    dataset = seisflow.from_obspy(masked)
    assert_same(seisflow.to_obspy(dataset), obspy.Stream(parts))
    assert dataset.coverage.sum() == pytest.approx((len(mask) - sum(mask)) / 20)
    if dtype == "float32":
        holes = trace("A", NIGHT, np.where(mask, np.nan, values))
        xr.testing.assert_identical(seisflow.from_obspy(holes), dataset)


@pytest.fixture(scope="module")
def ingested(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two stations: off the grid, a gap, the fill value within a whole second and beside a gap."""
    rng = np.random.default_rng(3)
    values = (rng.integers(1, 2**20, 3000) - 2**31).astype("int32")
    values[[500, 1999]] = -(2**31)
    runs = [("2020-02-28T10:00:00.013", values[:1990]), ("2020-02-28T10:02:30", values[1990:2007])]
    stations = {"XX.A.00.HHZ": runs, "XX.B..HHZ": [("2020-02-28T10:30", values)]}
    return waveforms(tmp_path_factory.mktemp("ingested"), stations)


def raw_stream(ingested: Path) -> obspy.Stream:
    stream = obspy.Stream()
    for path in (ingested.parent / "raw").iterdir():
        stream += obspy.read(str(path))
    return stream


def test_it_is_what_ingest_makes_of_the_same_files(ingested: Path) -> None:
    with seisflow.open(ingested) as opened:
        mine = seisflow.from_obspy(raw_stream(ingested))
        assert list(mine.variables) == list(opened.variables)
        assert list(mine.indexes) == list(opened.indexes)
        for name in ("station", "time"):
            assert type(mine.xindexes[name]) is type(opened.xindexes[name])
        for name in set(opened.variables) - {"waveform", "coverage"}:
            xr.testing.assert_identical(mine[name].variable, opened[name].variable)
            assert mine[name].encoding == opened[name].encoding
        assert mine.waveform.attrs == opened.waveform.attrs
        assert mine.waveform.dtype == opened.waveform.dtype
        assert mine.attrs.keys() == opened.attrs.keys()
        xr.testing.assert_identical(mine.coverage, opened.coverage.compute())
        unlike = np.flatnonzero((mine.waveform != opened.waveform)[1].values)
        unlike = unlike[~np.isnan(mine.waveform[1].values[unlike])]
        assert unlike.size == 0


def test_what_is_opened_becomes_the_stream_it_was(ingested: Path) -> None:
    """The fill value where a second is not whole is all that an archive cannot hold."""
    raw = raw_stream(ingested)
    last = next(t for t in raw if t.stats.npts == 17)
    for is_raw in (False, True):
        with seisflow.open(ingested, raw=is_raw) as opened:
            found = seisflow.to_obspy(opened)
            assert [t.stats.npts for t in found] == [1990, 9, 7, 3000]
            joined = np.concatenate([found[1].data, found[2].data])
            np.testing.assert_array_equal(joined, np.delete(last.data, 9))
            rest = obspy.Stream([t for t in raw if t.stats.npts != 17])
            assert_same(obspy.Stream([found[0], found[3]]), rest)


def test_parts_that_are_selected(ingested: Path) -> None:
    raw = raw_stream(ingested)
    span = slice("2020-02-28T10:00:10", "2020-02-28T10:01:00")
    for dataset in (seisflow.open(ingested), seisflow.from_obspy(raw)):
        (found,) = seisflow.to_obspy(dataset.sel(station="A", time=span))
        whole = raw.select(station="A")[0]
        assert found.stats.starttime.ns == parse_time("2020-02-28T10:00:10.013")
        np.testing.assert_array_equal(found.data, whole.data[200 : 200 + found.stats.npts])
        (other,) = seisflow.to_obspy(dataset.sel(station=["XX.B..HHZ"]))
        assert other.id == "XX.B..HHZ"
        assert other.stats.starttime == obspy.UTCDateTime("2020-02-28T10:30")
        ten = seisflow.to_obspy(dataset.isel(time=slice(0, 10)))
        assert [(t.id, t.stats.npts) for t in ten] == [("XX.A.00.HHZ", 10)]


def test_samples_that_were_worked_on_keep_their_type() -> None:
    dataset = seisflow.from_obspy(simple())
    halves = dataset.assign(waveform=dataset.waveform / 2)
    (found,) = seisflow.to_obspy(halves)
    assert found.data.dtype == np.float64
    np.testing.assert_array_equal(found.data, np.arange(100) / 2)
    assert seisflow.to_obspy(dataset)[0].data.dtype == np.int32


def test_a_trace_is_no_view_of_the_dataset() -> None:
    stream = obspy.Stream([trace("A", NIGHT, np.ones(10))])
    dataset = seisflow.from_obspy(stream)
    seisflow.to_obspy(dataset)[0].data[:] = 7
    stream[0].data[:] = 9
    assert float(dataset.waveform.max()) == 1


def test_equal_overlaps_are_joined_and_unequal_ones_refused() -> None:
    values = np.arange(200, dtype="int32")
    first, second = trace("A", NIGHT, values[:120]), trace("A", NIGHT + 5 * 10**9, values[100:])
    (found,) = seisflow.to_obspy(seisflow.from_obspy(obspy.Stream([second, first])))
    np.testing.assert_array_equal(found.data, values)
    second.data = second.data + 1
    with pytest.raises(DataError, match=r"overlap and differ in 20 samples of XX.A..HHZ; keep one"):
        seisflow.from_obspy(obspy.Stream([first, second]))


def test_types_of_stations_may_differ() -> None:
    stream = obspy.Stream([simple(), trace("B", NIGHT, np.full(9, 0.1, dtype="float32"))])
    found = seisflow.to_obspy(seisflow.from_obspy(stream))
    assert [t.data.dtype.name for t in found] == ["float64", "float64"]
    np.testing.assert_array_equal(found[0].data, np.arange(100))
    np.testing.assert_array_equal(found[1].data.astype("float32"), stream[1].data)


def test_places_of_stats_and_of_an_inventory() -> None:
    place = {"latitude": 33.5, "longitude": 243.25, "elevation": 120.0}
    channel = Channel("HHZ", "", latitude=34.0, longitude=-116.0, elevation=50.0, depth=0.0)
    station = Station("B", latitude=34.5, longitude=-116.5, elevation=55.0, channels=[channel])
    inventory = Inventory([Network("XX", [station])])
    stream = obspy.Stream([simple(coordinates=place), simple(code="B"), simple(code="C")])
    dataset = seisflow.from_obspy(stream, inventory=inventory)
    np.testing.assert_array_equal(dataset.longitude, [-116.75, -116.0, np.nan])
    np.testing.assert_array_equal(dataset.elevation, [120.0, 50.0, np.nan])
    found = seisflow.to_obspy(dataset)
    assert dict(found[1].stats.coordinates) == {
        "latitude": 34.0, "longitude": -116.0, "elevation": 50.0,
    }  # fmt: skip
    assert "coordinates" not in found[2].stats
    xr.testing.assert_identical(seisflow.from_obspy(found), dataset)


BAD = {
    "no trace": ([], "the Stream has no Traces"),
    "not obspy": ([np.zeros(3)], "a Trace of ObsPy is needed; found ndarray"),
    "empty": ([simple(), obspy.Trace()], r"Trace 1 \(...\) has no samples; remove it"),
    "rates": (
        [simple(), simple(code="B", rate=50.0)],
        r"2 sampling rates \(20 Hz: XX.A..HHZ; 50 Hz: XX.B..HHZ\) where one is needed; choose with",
    ),
    "rate": ([simple(rate=99.9999)], r"XX.A..HHZ\) has 99.9999 samples/s; a rate must .* resample"),
    "slow": ([simple(rate=0.1)], "has 0.1 samples/s; a rate must be at least 1 Hz"),
    "codes": ([simple(location="0.0")], r"no id of the form NET.STA.LOC.CHA: .* trace.stats"),
    "blank": ([simple(code="A B")], r"no id of the form NET.STA.LOC.CHA"),
    "types": (
        [simple(), trace("A", NIGHT + 10**11, np.ones(9))],
        r"XX.A..HHZ hold int32 and float64; give them one type, .*astype\('float64'\)",
    ),
    "complex": ([trace("A", NIGHT, np.ones(9) * 1j)], "holds complex128; samples must be integers"),
    "bool": ([trace("A", NIGHT, np.ones(9, bool))], "holds bool; samples must be"),
    "large": ([trace("A", NIGHT, np.full(9, 2**53 + 1))], r"integers beyond 2\^53"),
    "place": (
        [simple(coordinates={"latitude": 91.0, "longitude": 0.0})],
        "coordinates that are no place: latitude 91 is not within",
    ),
    "date": (
        [simple(), trace("A", NIGHT - 30_000 * 3600 * 10**9, np.ones(9, "int32"))],
        r"begins with XX.A..HHZ at 2016-.*of 17 GB only 0.00% would hold samples; leave out a",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_stream_that_cannot_be_used_is_refused(case: str) -> None:
    traces, said = BAD[case]
    with pytest.raises(DataError, match=said):
        seisflow.from_obspy(obspy.Stream(traces) if case != "not obspy" else traces)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(DataError) as refused:
        seisflow.from_obspy([simple(rate=0.5), obspy.Trace(), simple(code="A/B")])
    assert [line[:7] for line in str(refused.value).splitlines()] == [
        "Trace 0",
        "Trace 1",
        "Trace 2",
    ]


def test_datasets_that_are_no_waveforms_are_refused() -> None:
    dataset = seisflow.from_obspy(simple())
    with pytest.raises(DataError, match="no variable waveform; found coverage"):
        seisflow.to_obspy(dataset[["coverage"]])
    with pytest.raises(DataError, match="holds no sample; check what was selected"):
        seisflow.to_obspy(dataset.isel(time=slice(0, 0)))
    with pytest.raises(DataError, match=r"not every sample at 20 samples/s .* without a step"):
        seisflow.to_obspy(dataset.isel(time=slice(None, None, 2)))
    with pytest.raises(DataError, match="not every sample at 20 samples/s"):
        seisflow.to_obspy(dataset.isel(time=[0, 1, 3]))
    failed = dataset.assign(coverage=dataset.coverage.where(dataset.coverage > 0))
    with pytest.raises(DataError, match=r"XX.A..HHZ failed to be ingested, .* 2020-02-28T23"):
        seisflow.to_obspy(failed)


def test_times_of_a_dataset_are_those_of_its_grid() -> None:
    """Off the grid a Trace keeps its own time, beside that of the samples it was moved to."""
    stream = obspy.Stream([trace("A", NIGHT + 7_000_000, np.arange(40, dtype="int32"))])
    dataset = seisflow.from_obspy(stream)
    first = int(np.flatnonzero(~np.isnan(dataset.waveform[0].values))[0])
    grid = SampleGrid(parse_time("2020-02-28T23:00"), Fraction(20), 72_000)
    assert int(dataset.time.values[first].astype(np.int64)) == grid.time_of(first) == NIGHT
    assert seisflow.to_obspy(dataset)[0].stats.starttime.ns == NIGHT + 7_000_000
