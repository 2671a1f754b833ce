"""`seisflow.open` and `xr.open_zarr`: lazy, in whole shards, in the types written."""

from fractions import Fraction
from itertools import accumulate
from pathlib import Path

import dask.array
import numpy as np
import pytest
import xarray as xr
import zarr
from small_products import STATIONS, create, product, ramp

import seisflow
from seisflow.archive.store import consolidate, write_shards
from seisflow.archive.timeindex import SampleTimeIndex
from seisflow.errors import ConfigError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "p.zarr"
    create(path)
    write_shards(path, "waveform", (1, 7200), ramp((1, 7200), "int32"))
    write_shards(path, "label", (0, 3600), ramp((2, 3600), "uint8"))
    consolidate(path)
    return path


def test_nothing_is_loaded_and_chunks_are_whole_shards(path: Path) -> None:
    with seisflow.open(path) as found:
        for name in ("waveform", "label", "spectrum"):
            data = found[name].data
            assert isinstance(data, dask.array.Array), name
            shards = zarr.open_array(path / name).shards
            for sizes, shard, n in zip(data.chunks, shards, data.shape, strict=True):
                edges = list(accumulate(sizes))
                assert all(edge % shard == 0 or edge == n for edge in edges), name
        assert found["waveform"].data.chunksize == (1, 7200)
        assert found["label"].data.chunksize == (2, 3600)


@pytest.mark.parametrize("opened", [seisflow.open, xr.open_zarr])
def test_values_and_types(path: Path, opened) -> None:
    with opened(path) as found:
        assert found.station.values.tolist() == STATIONS
        assert found.label.dtype == "uint8"
        assert found.waveform.dtype == "int32"
        assert found.second.dtype == "datetime64[ns]"
        assert str(found.second.values[1]) == "2020-02-28T23:00:01.000000000"
        assert np.isnan(found.longitude.values).all()
        assert set(found.coords) >= {"station", "second", "longitude", "latitude", "elevation"}
        label = found.label.values
        assert label.dtype == "uint8"
        np.testing.assert_array_equal(label[:2, 3600:], ramp((2, 3600), "uint8"))
        assert (label[:, :3600] == 255).all()
        assert (label[2] == 255).all()
        assert found.label.attrs["flag_values"] == [0, 255]
        waveform = found.waveform.values
        np.testing.assert_array_equal(waveform[1, 7200:], ramp((7200,), "int32"))
        assert (waveform[[0, 2]] == -1).all()
        assert "_FillValue" not in found.label.attrs


def test_time_is_computed_and_selects(path: Path) -> None:
    with seisflow.open(path) as found:
        assert isinstance(found.xindexes["time"], SampleTimeIndex)
        assert "time" not in zarr.open_group(path)
        part = found.sel(
            station=STATIONS[1], time=slice("2020-02-29T00:00:00", "2020-02-29T00:00:01")
        )
        assert part.waveform.values.tolist() == [0, 1, 2, 3]
        assert part.time.values.astype(str).tolist() == [
            "2020-02-29T00:00:00.000000000", "2020-02-29T00:00:00.500000000",
            "2020-02-29T00:00:01.000000000", "2020-02-29T00:00:01.500000000",
        ]  # fmt: skip
        assert int(part.waveform.sel(time="2020-02-29T00:00:01.5")) == 3


def test_counting_labels_of_an_hour_as_the_readme_does(path: Path) -> None:
    with seisflow.open(path) as found:
        hour = found.label.sel(second=slice("2020-02-29T00:00", "2020-02-29T00:59"))
        assert (hour == 7).sum("second").compute().values.tolist() == [18, 18, 0]


def test_two_products_are_aligned(path: Path, tmp_path: Path) -> None:
    create(tmp_path / "q.zarr", product(hours=1))
    with seisflow.open(path) as a, seisflow.open(tmp_path / "q.zarr") as b:
        first, second = xr.align(a.waveform, b.waveform, join="inner")
        assert first.sizes == second.sizes == {"station": 3, "time": 7200}
        assert (first - a.waveform.isel(time=slice(0, 7200))).sizes["time"] == 7200


def test_a_month_at_500_hz_opens_without_its_times(tmp_path: Path) -> None:
    create(tmp_path / "p.zarr", product(Fraction(500), hours=720))
    with seisflow.open(tmp_path / "p.zarr") as found:
        assert found.sizes["time"] == 1_296_000_000
        assert found.waveform.data.npartitions == 3 * 720
        last = found.waveform.isel(station=0, time=slice(-2, None))
        assert str(last.time.values[-1]) == "2020-03-29T22:59:59.998000000"
        assert last.values.tolist() == [-1, -1]


def test_nothing_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        seisflow.open(tmp_path / "none.zarr")
