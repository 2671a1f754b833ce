"""Recorded data from file to label, through the command line and a local Dask cluster.

Every sample of every file is compared with what obspy reads, gap by gap. Labelling takes a part of
the stations of the larger sets, to keep the gate short.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import seisflow
from seisflow.core.classes import Label
from seisflow.formats import obspy_import  # noqa: F401 - before obspy, whose import warns

import obspy  # isort: skip

DATA = Path(__file__).parents[3] / "shared" / "data"
pytestmark = [
    pytest.mark.slow,
    # obspy says of every SAC file at 500 Hz that 0.002 s is 0.002 s
    pytest.mark.filterwarnings("ignore:Sample spacing read from SAC file:UserWarning"),
    pytest.mark.skipif(not DATA.exists(), reason=f"no recorded data at {DATA}"),
]
CODES = [int(code) for code in Label if code not in (Label.FAILED, Label.NOT_RUN)]


@dataclass(frozen=True)
class DataSet:
    """A set of recordings and what is expected of it."""

    name: str
    n_stations: int
    rate_hz: int
    dtype: str
    labelled: str = "*.*.*.*"


SETS = [
    DataSet("anza1998", 12, 40, "int32", "AZ.[BC]*.*.*"),
    DataSet("ridgecrest20190704", 10, 100, "float32"),
    DataSet("rutford2009_1000hz", 10, 1000, "int32", "*.ST0[12].*.*"),
    DataSet("upc_remi_nodes_500hz", 16, 500, "float32"),
    DataSet("by_nodes2024", 143, 50, "float32"),
]


def seisflow_json(*arguments: object) -> dict[str, object]:
    command = [sys.executable, "-m", "seisflow", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.fixture(
    scope="module",
    params=SETS,
    ids=lambda s: s.name,
)
def ingested(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[DataSet, Path]:
    data_set: DataSet = request.param
    folder = DATA / data_set.name
    target = tmp_path_factory.mktemp(data_set.name) / "waveforms.zarr"
    table = folder / "truth" / "stations.csv"
    stations = ["--stations", table] if table.exists() else []
    seisflow_json("ingest", folder / "waveforms", target, *stations)
    return data_set, target


def assert_same_samples(trace: obspy.Trace, product: xr.Dataset, own: np.ndarray) -> None:
    """Every sample of a trace is in its station's row, with its value and its time."""
    period_ns = round(1e9 / trace.stats.sampling_rate)
    start_ns = trace.stats.starttime.ns
    grid_ns = product.time.values[0].astype(np.int64)
    first = round((start_ns - grid_ns) / period_ns)
    record = product.waveform.isel(time=slice(first, first + len(trace)))
    np.testing.assert_array_equal(record.values, trace.data)
    assert record.dtype == trace.data.dtype
    assert abs(int(record.time.values[0].astype(np.int64)) - start_ns) <= period_ns / 2
    # SAC holds its begin in 32 bits, of which obspy takes all and we the shortest decimal
    assert np.abs(own - start_ns).min() <= period_ns / 100


def of_station(product: xr.Dataset, station: str) -> tuple[xr.Dataset, np.ndarray]:
    """Row of a station, loaded, and the starts of its segments."""
    index = list(product.station.values).index(station)
    own = product.segment_station.values == index
    row = product[["waveform"]].sel(station=station).load()
    return row, product.segment_start_ns.values[own]


def test_every_sample_arrives(ingested: tuple[DataSet, Path]) -> None:
    data_set, target = ingested
    product = seisflow.open(target, raw=True)
    assert product.sizes["station"] == data_set.n_stations
    assert product.waveform.dtype == data_set.dtype
    n_samples = 0
    for file in sorted((DATA / data_set.name / "waveforms").iterdir()):
        stream = obspy.read(file)
        for station in {trace.id for trace in stream}:
            row, own = of_station(product, station)
            for trace in stream.select(id=station):
                assert_same_samples(trace, row, own)
                n_samples += len(trace)
    valid = product.coverage.values.astype(np.float64) * data_set.rate_hz
    assert round(valid.sum()) == n_samples


def test_the_comparison_can_fail(ingested: tuple[DataSet, Path]) -> None:
    data_set, target = ingested
    file = sorted((DATA / data_set.name / "waveforms").iterdir())[0]
    trace = obspy.read(file)[0]
    trace.data = trace.data.copy()
    trace.data[len(trace) // 2] += 1
    row, own = of_station(seisflow.open(target, raw=True), trace.id)
    with pytest.raises(AssertionError):
        assert_same_samples(trace, row, own)


def test_every_second_has_a_code(ingested: tuple[DataSet, Path]) -> None:
    data_set, target = ingested
    labels = target.with_name("labels.zarr")
    seisflow_json("label", target, labels, "--select", data_set.labelled)
    product, waveforms = seisflow.open(labels), seisflow.open(target)
    label = product.label.values
    assert np.isin(label, CODES).all()
    complete = waveforms.coverage.sel(station=product.station).values == 1
    assert (label[~complete] == Label.NO_DATA).all()
    assert (label[complete] != Label.NO_DATA).mean() > 0.99
    assert np.isfinite(product.p_noise.values[label <= Label.NOT_RANDOM_NOISE]).all()
    for code in (Label.RANDOM_NOISE, Label.NOT_RANDOM_NOISE):
        assert 0.01 < (label[complete] == code).mean() < 0.9
