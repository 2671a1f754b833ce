"""Labels of products: independent of how the work was cut, and honest about what is missing."""

import inspect
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
import xarray as xr
import zarr
from label_products import BY_HOUR, BY_SECOND, RATE, asked, begin, label, record
from small_archive import arrays, assert_same, second, waveforms

import seisflow
from seisflow.archive.work import progress_of
from seisflow.core.classes import Label, NoData, Undetermined
from seisflow.engine.blocks import BlockJob
from seisflow.errors import ConfigError, DataError, IncompleteError
from seisflow.stages.ingest import filling
from seisflow.stages.label import stage
from seisflow.stages.label.method import DEFAULT_METHOD, label_windows
from seisflow.stages.label.parameters import CalibratedParameters
from seisflow.stages.label.record import label_record
from seisflow.stages.report.figures.station_hour import labelled_hour

A, B, C = "XX.A..HHZ", "XX.B..HHZ", "XX.C..HHZ"
HOURS = {"start": "2020-02-28T22:00", "end": "2020-02-29T02:00"}
CODES = [int(c) for c in Label]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three stations over two days; data around midnight, with a gap, and in three hours."""
    b = record(880, 2)
    stations = {
        A: [("2020-02-28T23:53:20", record(900, 1)), ("2020-02-29T01:30:00.01", record(300, 3))],
        B: [("2020-02-28T23:55", b[: 380 * RATE]), ("2020-02-29T00:01:22.5", b[382 * RATE :])],
        C: [("2020-02-28T22:10", record(420, 4)), ("2020-02-29T00:10", record(100, 5))],
    }
    return waveforms(tmp_path_factory.mktemp("source"), stations)


@pytest.fixture(scope="module")
def whole(source: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, np.ndarray]:
    return label(source, tmp_path_factory.mktemp("whole") / "l.zarr", 1)


def test_the_fixture_has_seconds_of_every_kind(whole: dict[str, np.ndarray]) -> None:
    found, counts = np.unique(whole["label"], return_counts=True)
    assert found.tolist() == [0, 1, 2, Label.UNDETERMINED, Label.NO_DATA]
    assert counts[:3].min() > 50


@pytest.mark.parametrize(
    "block", [3, *(pytest.param(block, marks=pytest.mark.slow) for block in (2, 7, None))]
)
def test_any_block_of_stations(source, whole, tmp_path: Path, block: int | None) -> None:
    assert_same(label(source, tmp_path / "l.zarr", block, backward=True), whole)
    shards = zarr.open_array(tmp_path / "l.zarr" / "label").shards
    assert shards == (min(block or 1, 3), 86400)


def test_halves_equal_the_whole(source, whole, tmp_path: Path) -> None:
    cuts = ["2020-02-28", "2020-02-28T23:00", "2020-02-29", "2020-02-29T12:00", "2020-03-01"]
    parts = [
        label(source, tmp_path / f"{k}.zarr", 2, start=start, end=end)
        for k, (start, end) in enumerate(pairwise(cuts))
    ]
    for name in (*BY_SECOND, *BY_HOUR, "second", "hour"):
        axis = 0 if name in ("second", "hour") else 1
        joined = np.concatenate([part[name] for part in parts], axis=axis)
        np.testing.assert_array_equal(joined, whole[name], err_msg=name)


def test_a_day_and_a_half_in_shards_of_a_day(source, whole, tmp_path: Path) -> None:
    found = label(source, tmp_path / "l.zarr", 2, start="2020-02-28T06:00", end="2020-02-29T18:00")
    assert zarr.open_array(tmp_path / "l.zarr" / "label").shape == (3, 36 * 3600)
    for name in BY_SECOND:
        expected = whole[name][:, 6 * 3600 : 42 * 3600]
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_some_stations_equal_all(source, whole, tmp_path: Path) -> None:
    found = label(source, tmp_path / "l.zarr", select=("*.[AC].*.*",))
    assert found["station"].tolist() == [A, C]
    for name in (*BY_SECOND, *BY_HOUR):
        np.testing.assert_array_equal(found[name], whole[name][[0, 2]], err_msg=name)


def test_times_asked_for_are_widened_to_whole_hours(source, tmp_path: Path) -> None:
    work = begin(source, tmp_path / "l", start="2020-02-28T23:59:59", end="2020-02-29T00:00:01")
    assert [t.stop_s - t.start_s for t in work.plan.tasks][:1] == [7200]
    with seisflow.open(tmp_path / "l") as found:
        assert str(found.second.values[0]) == "2020-02-28T23:00:00.000000000"


def filtered_hour(source: Path, station: str, start: str, *, warm_up_s: int = 20) -> np.ndarray:
    """An hour of a station, high-passed piece by piece as METHOD section 1 says, by SciPy alone."""
    with seisflow.open(source, raw=True) as opened:
        first = np.datetime64(start, "ns") - np.timedelta64(warm_up_s, "s")
        last = np.datetime64(start, "ns") + np.timedelta64(3600 * 10**9 - 1, "ns")
        samples = opened.waveform.sel(station=station, time=slice(first, last)).values
    valid = samples != np.iinfo(np.int32).min
    sections = scipy.signal.butter(2, 2.0, btype="highpass", fs=RATE, output="sos")
    out = np.zeros(len(samples))
    edges = np.flatnonzero(np.diff(np.concatenate([[False], valid, [False]]).astype(int)))
    for first, end in edges.reshape(-1, 2):
        state = scipy.signal.sosfilt_zi(sections) * samples[first]
        out[first:end], _ = scipy.signal.sosfilt(sections, samples[first:end], zi=state)
    return out[warm_up_s * RATE :]


@pytest.mark.parametrize("station", [A, B])
@pytest.mark.parametrize("start", ["2020-02-28T23:00", "2020-02-29T00:00"])
def test_labels_are_those_of_the_record_filtered_apart(
    source, whole, station: str, start: str
) -> None:
    hour = filtered_hour(source, station, start)
    row, first = [A, B, C].index(station), second(source, start)
    with seisflow.open(source) as opened:
        complete = opened.coverage[row, first : first + 3600].values == 1
    expected = label_windows(hour.astype("float32"), RATE, method="reference", valid=complete)
    here = slice(first, first + 3600)
    np.testing.assert_array_equal(whole["label"][row, here], expected.label)
    for name in ("deviation", "median_cc", "std_cc", "weighted_density"):
        found = whole[name][row, here]
        np.testing.assert_allclose(found, getattr(expected, name), rtol=1e-6, err_msg=name)
    np.testing.assert_array_equal(whole["n_rn"][row, first // 3600], expected.n_rn)
    np.testing.assert_allclose(
        whole["mean_rn_spectrum"][row, first // 3600], expected.mean_rn_spectrum, rtol=1e-6
    )
    assert set(expected.label) >= {0, 1, 2}


def test_the_record_before_the_hour_warms_the_filter(source, whole) -> None:
    """Without it the first seconds after midnight would differ."""
    cold = filtered_hour(source, A, "2020-02-29T00:00", warm_up_s=0)
    warm = filtered_hour(source, A, "2020-02-29T00:00")
    assert np.abs(cold - warm)[:RATE].max() > 10
    first = second(source, "2020-02-29T00:00")
    complete = whole["label"][0, first : first + 3600] != Label.NO_DATA
    found = label_windows(cold.astype("float32"), RATE, method="reference", valid=complete)
    assert (found.deviation[:5] != whole["deviation"][0, first : first + 5]).any()


def test_precision_is_that_asked_for(source, whole, tmp_path: Path) -> None:
    found = label(source, tmp_path / "l.zarr", select=("*.A.*.*",), precision="float64")
    same = found["label"] == whole["label"][:1]
    assert same.mean() > 0.999
    assert (found["median_cc"] != whole["median_cc"][:1]).any()


def test_seconds_that_are_not_whole_have_no_data(source, whole) -> None:
    for name in ("deviation", "median_cc", "weighted_density"):
        assert np.isnan(whole[name][whole["label"] >= Label.UNDETERMINED]).all()
    with seisflow.open(source) as opened:
        missing = opened.coverage.values != 1
    np.testing.assert_array_equal(whole["label"] == Label.NO_DATA, missing)
    np.testing.assert_array_equal(whole["no_data_reason"] == NoData.MISSING, missing)
    np.testing.assert_array_equal(whole["no_data_reason"] == NoData.NONE, ~missing)
    gap = second(source, "2020-02-29T00:01:20")
    assert whole["label"][1, gap - 1 : gap + 4].tolist()[1:3] == [Label.NO_DATA] * 2
    assert whole["label"][1, gap - 1] <= 2
    assert whole["label"][1, gap + 3] <= 2


def test_a_short_record_is_undetermined_and_says_why(source, whole) -> None:
    first = second(source, "2020-02-29T00:10")
    assert (whole["label"][2, first : first + 100] == Label.UNDETERMINED).all()
    assert (whole["label"] == Label.UNDETERMINED).sum() == 100
    reasons = whole["undetermined_reason"]
    assert reasons[2, 24] == Undetermined.TOO_FEW_WINDOWS
    assert reasons[0, 23] == reasons[0, 24] == reasons[2, 22] == Undetermined.NONE
    assert np.isnan(whole["mean_rn_spectrum"][2, 24]).all()


def test_missing_constant_and_clipped_seconds_say_so(tmp_path: Path) -> None:
    values = record(400)
    clean = values.copy()
    values[100 * RATE : 103 * RATE] = 0
    values[150 * RATE + 10 : 151 * RATE + 15] = values[150 * RATE + 10]
    values[200 * RATE : 200 * RATE + 4] = 2**23 - 1
    values[250 * RATE + 5] = 2**23 - 1
    start, later = "2020-01-01T10:00", "2020-01-01T10:05:01"
    runs = [(start, values[: 300 * RATE]), (later, values[301 * RATE :])]
    source = waveforms(tmp_path, {A: runs, B: [(start, clean)]})
    found = label(source, tmp_path / "l.zarr")
    reasons = found["no_data_reason"][0, :400]
    expected = np.zeros(400, "uint8")
    expected[100:103] = expected[150:152] = NoData.CONSTANT
    expected[[200, 250]] = NoData.CLIPPED
    expected[300] = NoData.MISSING
    np.testing.assert_array_equal(reasons, expected)
    np.testing.assert_array_equal(found["label"][0, :400] == Label.NO_DATA, expected > 0)
    assert (found["no_data_reason"][1, :400] == NoData.NONE).all()
    # the seconds after a dropout look like what they are: the step back does not ring in them
    for after in (103, 104):
        ratio = found["deviation"][0, after] / found["deviation"][1, after]
        assert 0.5 < ratio < 2


def test_a_recorder_at_its_lowest_number_is_clipped(tmp_path: Path) -> None:
    source = waveforms(tmp_path, {A: [("2020-01-01T10:00", record(300))]})
    with seisflow.open(source) as opened:
        assert opened.coverage[0, 50] == 1
    array = zarr.open_array(source / "waveform", mode="r+")
    samples = array[...]
    samples[0, 50 * RATE : 50 * RATE + 3] = -(2**31)
    array[...] = samples
    found = label(source, tmp_path / "l.zarr")
    assert found["no_data_reason"][0, 49:52].tolist() == [0, NoData.CLIPPED, 0]


def fail_at(monkeypatch: pytest.MonkeyPatch, row: int, start_s: int) -> None:
    real = stage._read_hour

    def read(job: BlockJob, this_row: int, this_start_s: int) -> object:
        if (this_row, this_start_s) == (row, start_s):
            raise ValueError("a bad hour")
        return real(job, this_row, this_start_s)

    monkeypatch.setattr(stage, "_read_hour", read)


def test_one_bad_hour_fails_alone_and_is_made_good_later(
    source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clean = label(source, tmp_path / "clean.zarr", 2, **HOURS)
    with monkeypatch.context() as patch:
        fail_at(patch, 1, 2 * 3600)
        found = label(source, tmp_path / "l.zarr", 2, **HOURS)
    bad = np.zeros(clean["label"].shape, dtype=bool)
    bad[1, 2 * 3600 : 3 * 3600] = True
    assert (found["label"][bad] == Label.FAILED).all()
    for name in BY_SECOND:
        np.testing.assert_array_equal(found[name][~bad], clean[name][~bad], err_msg=name)
    assert (found["no_data_reason"][bad] == NoData.NOT_RUN).all()
    assert found["undetermined_reason"][1, 2] == Undetermined.NOT_RUN
    progress = progress_of(tmp_path / "l.zarr")
    (reason,) = progress.failed.values()
    assert reason == "row 1, hour 2020-02-29T00:00:00Z: ValueError: a bad hour"
    assert progress.counts["failed"] == 3600
    assert len(begin(source, tmp_path / "l.zarr", block=2, **HOURS).work.remaining()) == 1
    assert_same(label(source, tmp_path / "l.zarr", 2, **HOURS), clean)
    assert progress_of(tmp_path / "l.zarr").is_complete


def test_failed_no_data_and_not_run_are_told_apart(source, tmp_path: Path) -> None:
    output = tmp_path / "l.zarr"
    begun = begin(source, output, block=1)
    work = begun.work
    assert len(work.tasks) == 6  # three stations, two days
    work.job()(work.tasks[0])
    work.record_failure(work.tasks[2], "the worker died four times")
    begun.finish()
    found = arrays(output)["label"]
    assert (found[0, :86400] <= Label.NO_DATA).all()
    assert (found[1, :86400] == Label.FAILED).all()
    assert (found[0, 86400:] == Label.NOT_RUN).all()
    assert (found[2] == Label.NOT_RUN).all()
    progress = progress_of(output)
    assert (len(progress.done), len(progress.failed), len(progress.missing)) == (1, 1, 4)
    begun.run_all()
    begun.finish()
    assert_same(arrays(output), label(source, tmp_path / "clean.zarr", 1))


def test_waveforms_that_failed_are_failed_here_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = {A: [("2020-01-01T10:00", record(300))], B: [("2020-01-01T10:00", record(300, 1))]}

    def refuse(_: str, path: Path, *rest: object) -> Iterator[object]:
        yield from (path / "in a file").iterdir()

    with monkeypatch.context() as patch:
        patch.setattr(filling, "read_segments", refuse)
        source = waveforms(tmp_path, runs)
    assert len(progress_of(source).failed) == 2
    found = label(source, tmp_path / "l.zarr")
    assert (found["label"] == Label.FAILED).all()
    waveforms(tmp_path, {})  # the same files once more
    found = label(source, tmp_path / "l.zarr")
    assert (found["label"][:, :300] <= 2).all()


def test_what_a_reader_finds(source, whole, tmp_path: Path) -> None:
    label(source, tmp_path / "l.zarr", 2)
    for opened in (seisflow.open, xr.open_zarr):
        with opened(tmp_path / "l.zarr") as found:
            assert found.label.dtype == "uint8"
            assert found.label.attrs["flag_values"] == CODES
            assert found.label.attrs["flag_meanings"].split() == [c.name.lower() for c in Label]
            assert {"no_data_reason", "undetermined_reason", "n_rn", *BY_HOUR} <= set(found)
            assert found.label.dims == found.deviation.dims == ("station", "second")
            assert found.second.dtype == "datetime64[ns]"
            assert str(found.hour.values[25]) == "2020-02-29T01:00:00.000000000"
            assert found.frequency.values.tolist() == [float(f) for f in range(1, RATE // 2 + 1)]
            assert np.isnan(found.longitude.values).all()
            np.testing.assert_array_equal(found.label.values, whole["label"])
    with seisflow.open(tmp_path / "l.zarr") as found:
        assert found.label.data.chunksize == (2, 86400)


def test_every_number_of_the_method_is_used(source, whole, tmp_path: Path) -> None:
    def with_numbers(name: str, **numbers: float) -> dict[str, np.ndarray]:
        options = {"select": ("*.A.*.*",), "parameters": numbers, **HOURS}
        return label(source, tmp_path / name, **options)

    assert_same(with_numbers("a"), with_numbers("b", n_rounds=4))
    base = with_numbers("a")
    fewer = with_numbers("c", n_rounds=2)
    assert fewer["n_rn"].shape == (1, 4, 3)
    np.testing.assert_array_equal(fewer["n_rn"], base["n_rn"][..., :3])
    assert not np.array_equal(with_numbers("d", warm_up_s=1)["deviation"], base["deviation"])
    assert not np.array_equal(with_numbers("e", highpass_poles=4)["label"], base["label"])
    assert not np.array_equal(with_numbers("f", highpass_corner_windows=5)["label"], base["label"])
    with pytest.raises(ConfigError, match="window_s must be 1"):
        with_numbers("g", window_s=2)
    with pytest.raises(ConfigError, match="n_rounds = 0"):
        with_numbers("h", n_rounds=0)


CALIBRATED = {"method": "calibrated", "parameters": {"n_templates": 32}}


@pytest.mark.slow
def test_calibrated_products_do_not_depend_on_how_the_work_was_cut(source, tmp_path: Path) -> None:
    whole = label(source, tmp_path / "whole.zarr", 1, **CALIBRATED)
    assert_same(label(source, tmp_path / "b.zarr", 2, backward=True, **CALIBRATED), whole)
    later = label(source, tmp_path / "c.zarr", start="2020-02-29", **CALIBRATED)
    for name in ("label", "deviation", "median_cc", "density", "p_noise"):
        np.testing.assert_array_equal(later[name], whole[name][:, 86400:], err_msg=name)
    assert np.isin(whole["label"], [0, 1, 2]).sum() > 1000


def test_a_product_says_its_method_and_has_its_features(source, whole, tmp_path: Path) -> None:
    found = label(source, tmp_path / "l.zarr", **CALIBRATED)
    shared = {"deviation", "median_cc", "density"}
    assert found.keys() - whole.keys() == {"p_noise"}
    assert whole.keys() - found.keys() == {"std_cc", "weighted_density"}
    for arrays_of in (found, whole):
        assert shared <= arrays_of.keys()
        labelled = arrays_of["label"] <= Label.NOT_RANDOM_NOISE
        for name in shared:
            np.testing.assert_array_equal(np.isfinite(arrays_of[name]), labelled, err_msg=name)
    config = zarr.open_group(tmp_path / "l.zarr").attrs["seisflow"]["identity"]["config"]
    assert config["method"] == "calibrated"
    given = {"n_templates": 32, "seed": 1, "alpha_rn": 0.1, "alpha_nrn": 0.001}
    assert given.items() <= config["parameters"].items()
    labels, p_noise = found["label"], found["p_noise"]
    np.testing.assert_array_equal(labels == Label.RANDOM_NOISE, p_noise >= np.float32(0.1))
    with pytest.raises(ConfigError, match="method: asked 'reference', found 'calibrated'"):
        begin(source, tmp_path / "l.zarr")


def test_calibrated_is_the_default_everywhere(source) -> None:
    assert DEFAULT_METHOD == "calibrated"
    assert asked().method == DEFAULT_METHOD
    assert asked().parameters == CalibratedParameters()
    for function in (seisflow.label_hour, label_windows, label_record, labelled_hour):
        assert inspect.signature(function).parameters["method"].default == DEFAULT_METHOD
    assert inspect.signature(seisflow.label).parameters["method"].default == DEFAULT_METHOD


def test_labels_begun_with_reference_say_how_they_are_resumed(source, tmp_path: Path) -> None:
    """They were the default once: the command that made them named no method."""
    work = begin(source, tmp_path / "l.zarr", method="reference", **HOURS).work
    work.job()(work.tasks[0])
    with pytest.raises(ConfigError) as refused:
        begin(source, tmp_path / "l.zarr", method=DEFAULT_METHOD, **HOURS)
    assert "method: asked 'calibrated', found 'reference'" in str(refused.value)
    assert "type --method reference to go on with it, give another output" in str(refused.value)
    again = begin(source, tmp_path / "l.zarr", method="reference", **HOURS).work
    assert len(again.remaining()) == len(work.tasks) - 1
    with pytest.raises(ConfigError) as refused:  # the method is that asked for: not advised
        begin(source, tmp_path / "l.zarr", method="reference", precision="float64", **HOURS)
    assert "type --method" not in str(refused.value)


def test_the_levels_of_calibrated_are_those_given(source, tmp_path: Path) -> None:
    def shares(**levels: float) -> tuple[int, int]:
        options = {"method": "calibrated", "parameters": levels, **HOURS}
        found = label(source, tmp_path / f"{len(list(tmp_path.iterdir()))}.zarr", **options)
        return int((found["label"] == 0).sum()), int((found["label"] == 2).sum())

    few, base = shares(alpha_rn=0.5, alpha_nrn=0.01), shares()
    assert few[0] < base[0]
    assert few[1] > base[1]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"method": "calibrated", "parameters": {"n_rounds": 1}}, "n_rounds = 1 .must be 2"),
        ({"method": "calibrated", "parameters": {"alpha_rn": 2}}, "alpha_rn = 2"),
        (
            {"method": "calibrated", "parameters": {"box": 1}},
            "method calibrated has no box; allowed: .*alpha_rn",
        ),
        ({"method": "calibrated", "parameters": {"window_s": 2}}, "window_s must be 1"),
        (
            {"method": "reference", "parameters": {"alpha_rn": 0.2}},
            "method reference has no alpha_rn; allowed",
        ),
        ({"parameters": {"n_rounds": "x"}}, "n_rounds Input should be"),
    ],
)
def test_parameters_that_do_not_fit_the_method(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        asked(**options)


def test_memory_of_calibrated_is_that_of_the_record(source) -> None:
    def memory(**options: object) -> int:
        return stage.Label(asked(source, block=1, **options)).plan().needs.memory_bytes

    assert memory(method="reference") - memory(**CALIBRATED) > 40_000_000
    more = memory(method="calibrated", parameters={"n_templates": 1032})
    assert more - memory(**CALIBRATED) == 3600 * 4 * 1000


def test_memory_grows_with_precision_and_not_with_stations(source, tmp_path: Path) -> None:
    def memory(**options: object) -> int:
        options = {"method": "reference", "block": 1, **options}
        return stage.Label(asked(source, tmp_path, **options)).plan().needs.memory_bytes

    assert memory() == memory(select=("*.A.*.*",))
    assert memory(precision="float64") - memory() >= 4 * 3600**2


def test_refusals(source, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        asked(method="best", precision="float16", start="noon")
    assert len(str(caught.value).splitlines()) == 3
    assert "'calibrated' or 'reference'" in str(caught.value)
    with pytest.raises(ConfigError, match=r"no station matches --select YY.*has 3: XX.A..HHZ"):
        begin(source, tmp_path / "l", select=("YY.*.*.*",))
    with pytest.raises(ConfigError, match="nothing between 2021-01-01"):
        begin(source, tmp_path / "l", start="2021-01-01", end="2021-01-02")
    assert list(tmp_path.iterdir()) == []
    begin(source, tmp_path / "l", block=2)
    with pytest.raises(ConfigError, match=r"blocks of 2 stations, asked for 3; .*--block 2"):
        begin(source, tmp_path / "l", block=3)
    with pytest.raises(ConfigError, match="precision: asked 'float64', found 'float32'"):
        begin(source, tmp_path / "l", block=2, precision="float64")
    with pytest.raises(ConfigError, match="a WAVEFORMS product is needed"):
        begin(tmp_path / "l", tmp_path / "m")


def test_waveforms_must_be_whole_and_of_a_whole_rate(tmp_path: Path) -> None:
    source = waveforms(tmp_path, {A: [("2020-01-01T10:00", record(10))]})
    (receipt,) = (source / "_seisflow" / "receipts").iterdir()
    receipt.rename(tmp_path / "kept")
    with pytest.raises(IncompleteError, match="1 of 1 tasks have not run"):
        begin(source, tmp_path / "l")
    (tmp_path / "kept").rename(receipt)
    attributes = zarr.open_group(source, mode="r+").attrs
    attributes["seisflow"] = {**attributes["seisflow"], "rate": [125, 2]}
    with pytest.raises(DataError, match=r"62.5 Hz; labelling cuts windows of 1 s"):
        begin(source, tmp_path / "l")
