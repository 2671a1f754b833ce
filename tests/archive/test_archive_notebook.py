"""What people do with an opened product in a notebook: draw it, write it, select, send it on."""

import json
import pickle
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import dask
import dask.array
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import six_products
import xarray as xr
import zarr
from six_products import AT_LOWEST, GAP, KINDS, LARGE, LOWEST, RATE, START, STATIONS

import seisflow
from seisflow.archive import lazily
from seisflow.archive.opening import product_attrs
from seisflow.archive.reading import station_names
from seisflow.archive.stationindex import StationIndex
from seisflow.archive.store import consolidate, read_product


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("six")
    return {kind: six_products.make(kind, folder / kind.lower()) for kind in KINDS}


@pytest.fixture(params=KINDS)
def opened(request: pytest.FixtureRequest, paths: dict[str, Path]) -> Iterator[xr.Dataset]:
    with seisflow.open(paths[request.param]) as found:
        yield found


def numbers(dataset: xr.Dataset) -> list[xr.DataArray]:
    """Arrays that are no names and no times, not much of each."""
    first = {"time": 40, "second": 40, "example": 5, "sample": 20}
    return [
        array.isel({dim: slice(first[dim]) for dim in array.dims if dim in first})
        for array in dataset.data_vars.values()
        if array.dtype.kind in "iuf"
    ]


@pytest.mark.slow
def test_every_array_is_drawn(opened: xr.Dataset) -> None:
    drawn = numbers(opened)
    assert drawn
    for array in drawn:
        array.plot()
        plt.gcf().canvas.draw()
        plt.close("all")
        if array.ndim < 3:
            for dim in array.dims:
                array.plot.line(x=dim)
                plt.gcf().canvas.draw()
                plt.close("all")


def assert_same(found: xr.Dataset, expected: xr.Dataset) -> None:
    """All values and attributes are alike, in types of one kind; indexes need not be."""
    assert found.sizes == expected.sizes
    assert set(found.coords) == set(expected.coords)
    assert set(found.variables) == set(expected.variables)
    for name, variable in expected.variables.items():
        theirs = found[name].variable
        if variable.dtype.kind in "OUT":
            assert [str(t) for t in theirs.values] == [str(t) for t in variable.values], name
        else:
            assert theirs.dtype == variable.dtype, name
            np.testing.assert_array_equal(theirs.values, variable.values, err_msg=name)
        assert theirs.dims == variable.dims
        assert_same_attrs(theirs.attrs, variable.attrs)
    assert_same_attrs(found.attrs, expected.attrs)


def assert_same_attrs(found: dict, expected: dict) -> None:
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)


def test_what_is_written_as_netcdf_comes_back(opened: xr.Dataset, tmp_path: Path) -> None:
    opened.to_netcdf(tmp_path / "copy.nc")
    with xr.open_dataset(tmp_path / "copy.nc") as found:
        assert_same(found, opened)
        assert product_attrs(found) == product_attrs(opened)
        assert product_attrs(found)["identity"]["product"] in KINDS


def test_a_part_is_written_as_netcdf(paths: dict[str, Path], tmp_path: Path) -> None:
    with seisflow.open(paths["WAVEFORMS"]) as found:
        part = found.sel(station="AAA", time=slice("2020-01-01T10:00:01", "2020-01-01T10:00:02"))
        part.waveform.to_netcdf(tmp_path / "part.nc")
        with xr.open_dataarray(tmp_path / "part.nc") as again:
            np.testing.assert_array_equal(again.values, part.waveform.values)
            np.testing.assert_array_equal(again.time.values, part.time.values)
            assert again.station.item() == "XX.AAA..HHZ"


def test_what_is_written_as_zarr_comes_back(opened: xr.Dataset, tmp_path: Path) -> None:
    opened.to_zarr(tmp_path / "copy.zarr", consolidated=False)
    with xr.open_zarr(tmp_path / "copy.zarr", consolidated=False) as found:
        assert_same(found, opened)


def test_a_part_of_a_day_is_written_as_zarr(paths: dict[str, Path], tmp_path: Path) -> None:
    with seisflow.open(paths["LABELS"]) as found:
        part = found[["label", "p_noise"]].isel(second=slice(100, 777), station=[1, 3])
        part.to_zarr(tmp_path / "part.zarr", consolidated=False)
        with xr.open_zarr(tmp_path / "part.zarr", consolidated=False) as again:
            np.testing.assert_array_equal(again.label.values, part.label.values)


def test_it_is_shown_pickled_and_made_a_table(opened: xr.Dataset) -> None:
    assert "seisflow" in repr(opened)
    assert "<div" in opened._repr_html_()
    assert_same(pickle.loads(pickle.dumps(opened)), opened)
    for name, array in opened.data_vars.items():
        table = array.to_dataframe(name="value")
        assert len(table) == array.size, name


def test_what_has_shards_stays_lazy(opened: xr.Dataset, paths: dict[str, Path]) -> None:
    kind = product_attrs(opened)["identity"]["product"]
    for name, array in zarr.open_group(paths[kind]).arrays():
        if array.shards:
            data = opened[name].data
            assert isinstance(data, dask.array.Array), name
            assert data.chunksize == tuple(np.minimum(array.shards, array.shape)), name


@pytest.mark.parametrize("dim", ["second", "time"])
def test_resampling(paths: dict[str, Path], dim: str) -> None:
    with seisflow.open(paths["WAVEFORMS"]) as found:
        array = found.waveform if dim == "time" else found.coverage
        means = array.resample({dim: "1min"}).mean().compute()
        assert means.sizes == {"station": 2, dim: 60}
        values = six_products.record().astype(float)
        if dim == "time":
            expected = values.reshape(5, -1).mean(axis=1)
            np.testing.assert_allclose(means.values[1, :5], expected, rtol=1e-12)
            expected = np.nanmean(values[60 * RATE : GAP.start])
            assert means.values[0, 1] == pytest.approx(expected, rel=1e-12)


def test_gaps_are_nan_and_no_sample_changes(paths: dict[str, Path]) -> None:
    values = six_products.record()
    expected = np.full((2, 3600 * RATE), np.nan)
    expected[:, : values.size] = values
    expected[0, GAP] = np.nan
    with seisflow.open(paths["WAVEFORMS"]) as found:
        assert found.waveform.dtype == "float64"
        assert found.waveform.attrs["fill_sample"] == "NaN"
        np.testing.assert_array_equal(found.waveform.values, expected)
        assert found.waveform.values[1, AT_LOWEST] == LOWEST
        assert found.waveform.values[0, 5] == LARGE
        # a part, a step, backwards, one sample, scattered samples: all as from the whole
        for key in (
            (0, slice(GAP.start - 5, GAP.start + 5)), (1, slice(AT_LOWEST - 3, None, 3)),
            (slice(None), AT_LOWEST), (1, AT_LOWEST), (0, GAP.start), ([1, 0, 1], slice(10)),
            (1, [AT_LOWEST, 3, AT_LOWEST + 1]), (0, slice(300, 100, -7)), (slice(0), slice(5)),
            (1, slice(9, 9)),
        ):  # fmt: skip
            got = found.waveform[key].values
            np.testing.assert_array_equal(got, np.asarray(expected[key]), err_msg=str(key))


def test_raw_samples_stay_integers(paths: dict[str, Path]) -> None:
    with seisflow.open(paths["WAVEFORMS"], raw=True) as found:
        assert found.waveform.dtype == "int32"
        fill = found.waveform.attrs["fill_sample"]
        assert fill == LOWEST
        stored = zarr.open_array(paths["WAVEFORMS"] / "waveform")[...]
        np.testing.assert_array_equal(found.waveform.values, stored)
        assert (found.waveform.values[0, GAP] == fill).all()


@pytest.mark.parametrize("rate", [Fraction(25, 2), Fraction(20)])
def test_the_second_of_a_sample_is_that_of_its_coverage(rate: Fraction) -> None:
    """Also where seconds hold 12 and 13 samples, whole seconds alone keep the fill value."""
    n_seconds, n = 8, int(8 * rate)
    samples = np.full((1, n), LOWEST, "int32")
    coverage = np.array([[1, 0.5, 1, 0, 1, np.nan, 0, 1]], "float32")
    second = np.array([int(k / rate) for k in range(n)])
    expected = np.where(coverage[:, second] == 1, float(LOWEST), np.nan)
    held = [zarr.array(values, chunks=values.shape) for values in (samples, coverage)]
    variable = xr.Variable(("station", "time"), samples)
    found = lazily.masked_samples(*held, rate, variable)
    assert n_seconds == second[-1] + 1
    for first in range(0, n, 5):
        np.testing.assert_array_equal(found[:, first : first + 17], expected[:, first : first + 17])


def test_no_more_is_read_than_is_asked_for(
    paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []

    def keep(samples: np.ndarray) -> np.ndarray:
        seen.append(samples.size)
        return samples != LOWEST

    monkeypatch.setattr(lazily, "recorded_samples", keep)
    with seisflow.open(paths["WAVEFORMS"]) as found:
        part = found.waveform.isel(station=0, time=slice(1000, 1030))
        assert not seen
        with dask.config.set(scheduler="synchronous"):
            part.compute()
    assert sum(seen) == 30


def test_float_waveforms_stay_as_they_are(tmp_path: Path) -> None:
    path = six_products.waveforms(tmp_path)
    values = zarr.open_array(path / "waveform")[...].astype("float32")
    values[values == np.float32(LOWEST)] = np.nan
    group = zarr.open_group(path, use_consolidated=False)
    attrs = {**group["waveform"].attrs.asdict(), "fill_sample": "NaN"}
    array = group.create_array(
        "waveform", data=values, overwrite=True, dimension_names=("station", "time"),
        attributes=attrs,
    )  # fmt: skip
    assert array.dtype == "float32"
    consolidate(path)
    with seisflow.open(path) as found:
        assert found.waveform.dtype == "float32"
        np.testing.assert_array_equal(found.waveform.values, values)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("XX.AAA..HHZ", "XX.AAA..HHZ"),
        ("BBB", "XX.BBB..HHZ"),
        ("XX.BBB", "XX.BBB..HHZ"),
        ("CCC.00", "YY.CCC.00.HHZ"),
        ("AAA..HHE", "XX.AAA..HHE"),
        ("YY", "YY.CCC.00.HHZ"),
    ],
)
def test_a_station_is_selected_by_what_fits_it_alone(
    paths: dict[str, Path], text: str, found: str
) -> None:
    for kind in ("LABELS", "SCORES", "CATALOG"):
        with seisflow.open(paths[kind]) as product:
            assert product.sel(station=text).station.item() == found
            assert product.longitude.loc[text].station.item() == found


def test_several_stations_are_selected(paths: dict[str, Path]) -> None:
    with seisflow.open(paths["SCORES"]) as scores:
        for label in (["CCC", "XX.AAA..HHE"], np.array(["CCC", "XX.AAA..HHE"])):
            assert scores.sel(station=label).station.values.tolist() == [STATIONS[3], STATIONS[0]]
        here = xr.DataArray(["BBB", "BBB", "CCC"], dims="pick")
        chosen = scores.longitude.sel(station=here)
        assert chosen.dims == ("pick",)
        assert chosen.station.values.tolist() == [STATIONS[2], STATIONS[2], STATIONS[3]]
        part = scores.sel(station=slice("XX.AAA..HHZ", "CCC"))
        assert part.station.values.tolist() == list(STATIONS[1:])
        assert scores.sel(station=slice(None, "BBB")).sizes["station"] == 3
        assert scores.sel(station=[True, False, False, True]).sizes["station"] == 2
        assert scores.isel(station=slice(2)).sel(station="AAA..HHE").station.item() == STATIONS[0]


@pytest.mark.parametrize(
    ("label", "said"),
    [
        ("AAA", "'AAA' fits 2 stations: XX.AAA..HHE, XX.AAA..HHZ; give one"),
        ("BBBB", "no station 'BBBB'; nearest: XX.BBB..HHZ"),
        ("bbb", "no station 'bbb'; nearest: XX.BBB..HHZ"),
        ("YY.BBB..HHZ", "no station 'YY.BBB..HHZ'; nearest: XX.BBB..HHZ"),
        ("Q", "no station 'Q'; there are 4: XX.AAA..HHE, XX.AAA..HHZ, XX.BBB..HHZ, YY.CCC.00.HHZ"),
        (["BBB", "AAA"], "'AAA' fits 2 stations"),
        (slice("BBB", "ZZZ"), "no station 'ZZZ'"),
    ],
)
def test_what_fits_no_station_or_several_is_one_error(
    paths: dict[str, Path], label: object, said: str
) -> None:
    with seisflow.open(paths["LABELS"]) as labels, pytest.raises(KeyError) as error:
        labels.sel(station=label)
    assert error.value.args[0].startswith(said)
    assert error.value.__context__ is None


def test_stations_align_with_tables_that_name_some(paths: dict[str, Path]) -> None:
    ids = pd.Index([STATIONS[2], STATIONS[0], "ZZ.NEW..HHZ"], name="station")
    table = pd.Series([2.0, 3.0, 4.0], index=ids).to_xarray()
    with seisflow.open(paths["SCORES"]) as scores:
        for product in (scores.longitude * table, table * scores.longitude):
            assert set(product.station.values) == {STATIONS[0], STATIONS[2]}
        asked = [STATIONS[3], "ZZ.NEW..HHZ"]
        found = scores.longitude.reindex(station=asked)
        assert np.isnan(found.values).tolist() == [False, True]
        alone = scores.longitude.isel(station=[0]).reset_coords(drop=True)
        joined = xr.concat([alone, table], "station")
        assert joined.sizes["station"] == 4
        assert isinstance((scores.longitude + 1).xindexes["station"], StationIndex)
        assert scores.sortby("station", ascending=False).sel(station="CCC").station.item()


def test_the_attribute_is_text_that_says_how_it_was_made(paths: dict[str, Path]) -> None:
    with seisflow.open(paths["LABELS"]) as labels:
        made = json.loads(labels.attrs["seisflow"])
        assert made["identity"]["config"]["method"] == "calibrated"
        assert made["key"] == read_product(paths["LABELS"]).identity.key
        assert product_attrs(labels) == made
    with xr.open_zarr(paths["LABELS"]) as plain:
        assert product_attrs(plain) == made
    assert product_attrs(xr.Dataset()) == {}
    for other in ("[1]", "some text", 3):
        assert product_attrs(xr.Dataset(attrs={"seisflow": other})) == {}


def test_names_are_those_of_the_product(paths: dict[str, Path]) -> None:
    with seisflow.open(paths["WAVELETS"]) as wavelets:
        assert wavelets.event.values.tolist() == ["", "2014_p", "a longer name"] * 2
        assert wavelets.station[3].item() == STATIONS[3]
        assert wavelets.start.values[0] == np.datetime64(START + 1, "ns")
    with seisflow.open(paths["LABELS"]) as labels:
        assert labels.station.values.tolist() == station_names(paths["LABELS"]) == list(STATIONS)
        assert labels.station.attrs["cf_role"] == "timeseries_id"
