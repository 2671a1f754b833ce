"""`seisflow.label_hour`: what the command gives the same samples, and what it refuses."""

from pathlib import Path
from typing import Any

import numpy as np
import obspy
import pytest
import xarray as xr
from label_products import RATE, label, record
from small_archive import second, waveforms

import seisflow
from seisflow.core.classes import Label
from seisflow.dsp.filters import highpass
from seisflow.errors import ConfigError, DataError
from seisflow.stages.label.config import LabelConfig
from seisflow.stages.label.method import (
    DEFAULT_METHOD,
    METHODS,
    CalibratedParameters,
    HourLabels,
    ReferenceParameters,
    label_windows,
)

STATION = "XX.A..HHZ"
HOUR = "2020-01-01T10:00"
AHEAD_S, N_SECONDS = 30, 400
GAPS = (slice(70 * RATE + 3, 73 * RATE + 9), slice(300 * RATE, 301 * RATE))
FEATURES = {
    "reference": ("deviation", "median_cc", "density", "std_cc", "weighted_density"),
    "calibrated": ("deviation", "median_cc", "density", "p_noise"),
}


def samples() -> np.ndarray:
    """From 30 s before the hour: a dropout, a stopped recorder, clipped samples; all within it."""
    values = record(AHEAD_S + N_SECONDS)
    hour = values[AHEAD_S * RATE :]
    hour[100 * RATE : 103 * RATE] = 0
    hour[150 * RATE + 10 : 151 * RATE + 15] = hour[150 * RATE + 10]
    hour[200 * RATE : 200 * RATE + 4] = 2**23 - 1
    hour[250 * RATE + 5] = 2**23 - 1
    return values


def runs() -> list[tuple[str, np.ndarray]]:
    """The samples between the gaps, which are counted from the hour."""
    values, found, first = samples(), [], 0
    start = np.datetime64(HOUR, "ns") - np.timedelta64(AHEAD_S, "s")
    for stop in [*(AHEAD_S * RATE + g.start for g in GAPS), values.size]:
        time = start + np.timedelta64(first * 10**9 // RATE, "ns")
        found.append((str(time), values[first:stop]))
        first = next((AHEAD_S * RATE + g.stop for g in GAPS if AHEAD_S * RATE + g.start == stop), 0)
    return found


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return waveforms(tmp_path_factory.mktemp("hour"), {STATION: runs()})


@pytest.fixture(scope="module", params=METHODS)
def of_command(
    request: pytest.FixtureRequest, source: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, dict[str, np.ndarray]]:
    """What ``seisflow label`` says of the first seconds of the hour."""
    output = tmp_path_factory.mktemp("labels") / "l.zarr"
    found = label(source, output, start=HOUR, end="2020-01-01T11:00", method=request.param)
    first = second(output, HOUR)
    here = ("label", *FEATURES[request.param])
    return request.param, {name: found[name][0, first : first + N_SECONDS] for name in here}


def trace(warm_up_s: int = 20) -> obspy.Trace:
    """The record as ObsPy merges it: gaps are masked."""
    stream = obspy.Stream()
    for start, values in runs():
        header = {"sampling_rate": RATE, "starttime": obspy.UTCDateTime(start)}
        stream.append(obspy.Trace(values, header))
    merged = stream.merge()[0].trim(obspy.UTCDateTime(HOUR) - warm_up_s)
    assert np.ma.is_masked(merged.data)
    return merged


def with_nan(warm_up_s: int = 20) -> np.ndarray:
    masked = trace(warm_up_s).data.astype(np.float64)
    return masked.filled(np.nan)


def assert_same(found: HourLabels, expected: dict[str, np.ndarray]) -> None:
    for name, values in expected.items():
        mine = getattr(found, name).astype(values.dtype)
        np.testing.assert_array_equal(mine, values, err_msg=name)


def test_a_raw_trace_gets_the_labels_of_the_command(of_command) -> None:
    method, expected = of_command
    found = seisflow.label_hour(trace(), method=method, warm_up_s=20)
    assert_same(found, expected)
    assert set(found.label) == {0, 1, 2, Label.NO_DATA}
    lost = np.flatnonzero(found.label == Label.NO_DATA).tolist()
    assert lost == [70, 71, 72, 73, 100, 101, 102, 150, 151, 200, 250, 300]


def test_samples_and_their_rate_get_the_same(of_command) -> None:
    method, expected = of_command
    for given in (with_nan(), trace().data, xr.DataArray(with_nan(), dims="time")):
        found = seisflow.label_hour(given, RATE, method=method, warm_up_s=20)
        assert_same(found, expected)


def test_what_is_opened_gets_the_same_raw_or_with_nan(of_command, source: Path) -> None:
    method, expected = of_command
    span = slice("2020-01-01T09:59:40", "2020-01-01T10:06:39")
    for raw in (False, True):
        with seisflow.open(source, raw=raw) as opened:
            given = opened.waveform.sel(station="A", time=span)
            assert_same(seisflow.label_hour(given, RATE, method=method, warm_up_s=20), expected)


def test_a_whole_hour_without_a_method_named(source: Path, tmp_path: Path) -> None:
    """Most of the hour is missing; both know the default by one name."""
    default = LabelConfig.model_fields["method"].default
    found = label(source, tmp_path / "l.zarr", start=HOUR, end="2020-01-01T11:00", method=default)
    long = np.full((3600 + 20) * RATE, np.nan)
    long[: with_nan().size] = with_nan()
    mine = seisflow.label_hour(long, RATE, warm_up_s=20)
    np.testing.assert_array_equal(mine.label, found["label"][0])
    assert default == DEFAULT_METHOD


def test_a_record_without_warm_up_is_that_which_begins_with_the_hour(tmp_path: Path) -> None:
    """As for the command, whose warm-up is what there is."""
    values = record(300, seed=5)
    source = waveforms(tmp_path, {STATION: [(HOUR, values)]})
    found = label(source, tmp_path / "l.zarr", method="reference")
    mine = seisflow.label_hour(obspy.Trace(values, {"sampling_rate": RATE}), method="reference")
    np.testing.assert_array_equal(mine.label, found["label"][0, :300])
    wrong = label_windows(values, RATE, method="reference")  # what it once did to raw counts
    assert (wrong.label != mine.label).mean() > 0.3


def test_a_record_that_is_filtered_already_is_labelled_as_it_is() -> None:
    filtered = highpass(record(300), RATE)
    filtered[123] = np.nan
    valid = np.ones(300, bool)
    valid[123 // RATE] = False
    for dtype in (np.float32, np.float64):
        given = filtered.astype(dtype)
        found = seisflow.label_hour(given, RATE, method="reference", filtered=True)
        expected = label_windows(given, RATE, method="reference", valid=valid)
        np.testing.assert_array_equal(found.label, expected.label)
        np.testing.assert_array_equal(found.median_cc, expected.median_cc)
        assert found.label[6] == Label.NO_DATA


def test_windows_of_another_length_need_a_filtered_record() -> None:
    filtered, wide = highpass(record(600), RATE), ReferenceParameters(window_s=2.0)
    options: dict[str, Any] = {"method": "reference", "parameters": wide}
    found = seisflow.label_hour(filtered, RATE, filtered=True, **options)
    assert found.label.shape == (300,)
    with pytest.raises(ConfigError, match=r"windows of 1 s; filter this one at 1 Hz and give it"):
        seisflow.label_hour(filtered, RATE, **options)


def test_short_integers_are_labelled_as_they_are_ingested() -> None:
    """An archive holds them in 32 bits, where 32767 is no full scale."""
    values = (record(200, seed=8) - 40_000).clip(-30_000, 30_000)
    values[777] = 2**15 - 1
    expected = seisflow.label_hour(values, RATE).label
    assert (expected == Label.NO_DATA).sum() == 0
    np.testing.assert_array_equal(seisflow.label_hour(values.astype("int16"), RATE).label, expected)
    for other in (values.astype("float32"), values.astype(">i4"), values.tolist()):
        np.testing.assert_array_equal(seisflow.label_hour(other, RATE).label, expected)


def test_a_rate_within_the_tolerance_of_headers_is_the_whole_one() -> None:
    expected = seisflow.label_hour(record(200), RATE).label
    np.testing.assert_array_equal(seisflow.label_hour(record(200), RATE + 1e-6).label, expected)


SHORT = record(40)
TRACE = obspy.Trace(SHORT, {"sampling_rate": RATE})


@pytest.mark.parametrize(
    ("given", "options", "error", "said"),
    [
        ((obspy.Stream([TRACE, TRACE]),), {}, DataError, "a Stream of 2 traces was given"),
        ((SHORT,), {}, ConfigError, "an array does not say its rate"),
        ((TRACE, 100), {}, ConfigError, "the Trace says 20 samples/s, sampling_rate_hz = 100"),
        ((SHORT, 19.5), {}, ConfigError, "19.5 samples/s: the rate must be a whole number"),
        ((SHORT, 99.9999), {}, ConfigError, "99.9999 samples/s: the rate must be a whole number"),
        ((SHORT, 5), {}, ConfigError, "at least 10"),
        ((SHORT, 0), {}, ConfigError, "0 samples/s: the rate"),
        ((SHORT, np.nan), {}, ConfigError, "nan samples/s: the rate"),
        ((np.zeros(0), RATE), {}, DataError, r"some samples; found an array of shape \(0,\)"),
        ((obspy.Trace(),), {}, ConfigError, "1.0 samples/s"),
        ((np.zeros((3, 40)), RATE), {}, DataError, r"shape \(3, 40\); give one station"),
        ((SHORT > 0, RATE), {}, DataError, "real numbers; found bool"),
        ((SHORT * 1j, RATE), {}, DataError, "real numbers; found complex128"),
        (("record.mseed", RATE), {}, DataError, "real numbers; found <U12"),
        ((SHORT[:-3], RATE), {}, DataError, "39 s and 17 samples of record"),
        ((np.zeros(3600 * RATE + 1), RATE), {}, DataError, "3600 s and 1 sample of .*slice and"),
        ((np.zeros(7200 * RATE), RATE), {}, DataError, "7200 s of record; .* 3600 s at most"),
        ((np.zeros(3601 * RATE), RATE), {}, DataError, "3601 s of record; .* UTC hour by"),
        ((SHORT, RATE), {"warm_up_s": 40}, ConfigError, "fewer than the 800 of the record"),
        ((SHORT, RATE), {"warm_up_s": -1}, ConfigError, "warm_up_s = -1 at 20 samples/s"),
        ((SHORT, RATE), {"warm_up_s": 0.01}, ConfigError, "whole number of samples"),
        ((SHORT, RATE), {"warm_up_s": 20, "filtered": True}, ConfigError, "needs no warm-up"),
        ((SHORT, RATE), {"method": "calibratd"}, ConfigError, "known: reference, calibrated"),
        ((SHORT, RATE), {"method": "reference", "parameters": CalibratedParameters()}, ConfigError,
         "takes ReferenceParameters"),
        ((SHORT, RATE), {"device": "tpu"}, ConfigError, "tpu"),
    ],
)  # fmt: skip
def test_what_cannot_be_labelled_is_one_clear_error(
    given: tuple, options: dict, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        seisflow.label_hour(*given, **options)


def test_an_agreeing_rate_and_the_longest_record_are_taken() -> None:
    assert seisflow.label_hour(TRACE, 20.0).label.shape == (40,)
    longest = np.ma.masked_all((3600 + 20) * RATE, dtype="int32")
    found = seisflow.label_hour(longest, RATE, warm_up_s=20)
    assert found.label.shape == (3600,)
    assert (found.label == Label.NO_DATA).all()
