"""`seisflow.label_record`: the labels of the command for Streams, datasets and arrays."""

from pathlib import Path

import numpy as np
import obspy
import pytest
import xarray as xr
from label_products import RATE, label, record
from small_archive import ingest, waveforms

import seisflow
from seisflow.core.classes import Label
from seisflow.errors import ConfigError, DataError
from seisflow.stages.label.method import METHODS

SHARED = Path(__file__).parents[3] / "shared"
A, B = "XX.A..HHZ", "XX.B.00.HHZ"
PLACE = "network,station,longitude,latitude,elevation\nXX,A,-116.5,33.5,100\n"


def runs() -> dict[str, list[tuple[str, np.ndarray]]]:
    """Two stations over two and three hours: a gap at the hour, a dropout, a stopped recorder."""
    a, b = record(2400, 1), record(900, 2)
    a[700 * RATE : 705 * RATE] = 0
    a[1900 * RATE + 3 : 1903 * RATE] = a[1900 * RATE]
    b[200 * RATE] = 2**23 - 1
    cut = 1000 * RATE
    return {
        A: [("2020-02-28T09:45:00.01", a[:cut]), ("2020-02-28T10:02:00.01", a[cut:])],
        B: [("2020-02-28T10:50", b)],
    }


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("memory")
    (folder / "stations.csv").write_text(PLACE)
    return waveforms(folder, runs(), stations=str(folder / "stations.csv"))


@pytest.fixture(scope="module")
def stream(source: Path) -> obspy.Stream:
    found = obspy.Stream()
    for path in (source.parent / "raw").iterdir():
        found += obspy.read(str(path))
    return found


@pytest.fixture(scope="module", params=METHODS)
def of_command(
    request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> xr.Dataset:
    output = tmp_path_factory.mktemp("labels") / "l.zarr"
    label(source, output, method=request.param)
    return seisflow.open(output).load()


def method_of(labels: xr.Dataset) -> str:
    return "calibrated" if "p_noise" in labels else "reference"


def assert_same(found: xr.Dataset, expected: xr.Dataset) -> None:
    """Every array equal bit for bit; only what they were made from is named otherwise."""
    assert set(found.label.values.ravel().tolist()) >= {0, 1, 2, Label.NO_DATA}
    for dataset in (found, expected):
        assert "seisflow" in dataset.attrs
    names = ["longitude", "latitude", "elevation"]  # a Stream has no station table
    found, expected = (d.drop_vars(names).drop_attrs(deep=False) for d in (found, expected))
    xr.testing.assert_identical(found, expected)


def test_an_opened_product_gets_all_that_the_command_writes(of_command, source: Path) -> None:
    """Attributes and identity too: it is the same question."""
    for raw in (False, True):
        with seisflow.open(source, raw=raw) as opened:
            found = seisflow.label_record(opened, method=method_of(of_command))
        xr.testing.assert_identical(found, of_command)
        assert list(found.variables) == list(of_command.variables)
        assert {n: v.encoding for n, v in found.variables.items()} == {
            n: v.encoding for n, v in of_command.variables.items()
        }


def test_a_stream_gets_the_labels_of_the_command(of_command, stream: obspy.Stream) -> None:
    method = method_of(of_command)
    assert_same(seisflow.label_record(stream, method=method), of_command)
    merged = stream.copy().merge()
    assert any(np.ma.is_masked(trace.data) for trace in merged)
    assert_same(seisflow.label_record(merged, RATE, method=method), of_command)


def test_parts_of_a_dataset_get_the_labels_of_the_whole(of_command, source: Path) -> None:
    method = method_of(of_command)
    span = slice("2020-02-28T09:59:40", "2020-02-28T10:59:59.99")
    hour = of_command.sel(second=slice("2020-02-28T10:00:00", "2020-02-28T10:59:59"))
    for dataset in (seisflow.open(source), seisflow.open(source).load()):
        one = seisflow.label_record(dataset.sel(station="A", time=span), method=method)
        here = one.sel(second=hour.second)
        assert one.sizes["second"] == 7200
        for name in (n for n in hour if "second" in hour[n].dims):
            xr.testing.assert_identical(here[name], hour[name].sel(station=[A]))
        array = seisflow.label_record(dataset.waveform.sel(station="A", time=span), method=method)
        np.testing.assert_array_equal(array.label, one.label)


def test_one_trace_and_its_samples(of_command, stream: obspy.Stream) -> None:
    method = method_of(of_command)
    trace = stream.select(station="B")[0]
    found = seisflow.label_record(trace, method=method)
    hours = of_command.sel(second=found.second)
    np.testing.assert_array_equal(found.label, hours.label.sel(station=[B]))
    hour = record(3600 + 300, seed=4)
    hour[: 3200 * RATE] = 0
    array = seisflow.label_record(hour, RATE, method=method)
    assert array.station.values.tolist() == ["..."]
    assert array.second.values[0] == np.datetime64("1970-01-01", "ns")
    alone = seisflow.label_hour(hour[: 3600 * RATE], RATE, method=method)
    np.testing.assert_array_equal(array.label[0, :3600], alone.label)
    behind = seisflow.label_hour(hour[3580 * RATE :], RATE, method=method, warm_up_s=20)
    np.testing.assert_array_equal(array.label[0, 3600:3900], behind.label)
    np.testing.assert_array_equal(array.label[0, 3900:], Label.NO_DATA)


def test_arrays_of_any_type() -> None:
    samples = record(200)
    expected = seisflow.label_hour(samples, RATE).label
    masked = np.ma.array(samples, mask=np.arange(samples.size) == 777)
    for given in (samples, samples.astype("float32"), samples.astype(">i4"), samples.tolist()):
        found = seisflow.label_record(given, RATE)
        np.testing.assert_array_equal(found.label[0, :200], expected)
    assert seisflow.label_record(masked, RATE).label[0, 777 // RATE] == Label.NO_DATA


@pytest.mark.parametrize(
    "numbers",
    [
        {"method": "reference", "n_rounds": 2, "candidate_fraction": 0.5},
        {"method": "calibrated", "alpha_rn": 0.3, "n_templates": 40, "warm_up_s": 5.0},
        {"precision": "float64", "clip_counts": 60_000.0},
    ],
)
def test_every_number_of_a_method_is_a_keyword(source, stream, tmp_path, numbers) -> None:
    options = {k: numbers[k] for k in ("method", "precision", "clip_counts") if k in numbers}
    options.setdefault("method", "calibrated")
    others = {k: v for k, v in numbers.items() if k not in options}
    label(source, tmp_path / "l.zarr", parameters=others, **options)
    expected = seisflow.open(tmp_path / "l.zarr").load()
    assert_same(seisflow.label_record(stream, **numbers), expected)
    usual = seisflow.label_record(stream, method=options["method"])
    assert not np.array_equal(usual.label, expected.label)


def test_figures_take_what_was_labelled_in_memory(stream: obspy.Stream) -> None:
    held = seisflow.from_obspy(stream)
    found = seisflow.label_record(held)
    seisflow.day_figure(found)
    seisflow.hour_figure(found, held, A, "2020-02-28T10")
    other = seisflow.from_obspy(stream.copy().trim(stream[0].stats.starttime + 60))
    with pytest.raises(ConfigError):
        seisflow.hour_figure(found, other, A, "2020-02-28T10")


SHORT = obspy.Trace(record(200), {"sampling_rate": RATE, "station": "A"})
MIXED = obspy.Stream([SHORT, obspy.Trace(record(9), {"sampling_rate": 50.0, "station": "B"})])


@pytest.mark.parametrize(
    ("given", "options", "error", "said"),
    [
        ((obspy.Stream(),), {}, DataError, "the Stream has no Traces"),
        ((MIXED,), {}, DataError, "2 sampling rates .* choose with stream.select"),
        ((SHORT, 100), {}, ConfigError, "says 20 samples/s, sampling_rate_hz = 100; leave it away"),
        ((SHORT.data,), {}, ConfigError, r"give it as label_record\(samples, 100\)"),
        ((SHORT.data, 12.5), {}, ConfigError, "12.5 samples/s: the rate must be a whole number"),
        ((SHORT.data, 5), {}, ConfigError, "5 samples/s: .* at least 10; resample"),
        ((SHORT.data, np.nan), {}, ConfigError, "nan samples/s: the rate"),
        ((SHORT.data.reshape(2, -1), RATE), {}, DataError, r"shape \(2, 2000\); make a Stream"),
        (("record.mseed", RATE), {}, DataError, "must be integers or floats; found <U12; give a"),
        ((xr.Dataset({"label": 1}),), {}, DataError, "no variable waveform; found label"),
        ((SHORT,), {"method": "best"}, ConfigError, "method: found 'best': Input should be"),
        ((SHORT,), {"precision": "half"}, ConfigError, "precision: found 'half'"),
        ((SHORT,), {"metod": "reference"}, ConfigError, "no such option; did you mean 'method'"),
        ((SHORT,), {"alpha_nr": 0.1}, ConfigError, "no such option; did you mean 'alpha_nrn'"),
        (
            (SHORT,), {"first_rn_density": 0.5}, ConfigError,
            "method calibrated has no first_rn_density",
        ),
        ((SHORT,), {"alpha_rn": 5}, ConfigError, r"alpha_rn = 5.0 \(must be between 0 and 1\)"),
        ((SHORT,), {"window_s": 2.0}, ConfigError, "window_s must be 1"),
        ((SHORT,), {"device": "tpu"}, ConfigError, "tpu"),
    ],
)  # fmt: skip
def test_what_cannot_be_labelled_is_refused(given, options, error, said: str) -> None:
    with pytest.raises(error, match=said):
        seisflow.label_record(*given, **options)


def test_a_record_without_one_number_has_no_labels() -> None:
    found = seisflow.label_record(np.full(100 * RATE, np.nan), RATE)
    assert (found.label == Label.NO_DATA).all()


def test_recorded_streams_of_ridgecrest(tmp_path: Path) -> None:
    """SAC files through ObsPy, and through ingest and label: the same labels and features."""
    files = SHARED / "data" / "ridgecrest20190704" / "waveforms"
    if not files.exists():
        pytest.skip(f"the recordings shared with the project are not at {SHARED}")
    chosen = [str(p) for name in ("CI.SRT", "CI.CLC.HHZ") for p in files.glob(f"{name}*")]
    stream = obspy.Stream()
    for path in chosen:
        stream += obspy.read(path)
    assert len(stream) == 2
    expected = seisflow.open(label_files(chosen, tmp_path)).load()
    assert_same(seisflow.label_record(stream), expected)


def label_files(files: list[str], folder: Path) -> Path:
    """Do what the commands ingest and label do."""
    source = ingest([Path(file) for file in files], folder / "w.zarr")
    label(source, folder / "l.zarr", method="calibrated")
    return folder / "l.zarr"
