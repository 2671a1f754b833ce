"""One station-hour from raw samples to labels, and the comparison with planted truth."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_products import RATE, label, record
from small_archive import ingest

from seisflow.core.classes import Label, NoData
from seisflow.stages.label import record as record_module
from seisflow.stages.label.agreement import agreement
from seisflow.stages.label.record import HourRecord, constant_mask, label_record, no_data_reasons

N_SECONDS = 240
WARMUP = 20 * RATE
RTOL = 1e-4
SHARED = Path(__file__).parents[3] / "shared"
BASE = record(N_SECONDS + 20)


def hour(
    samples: np.ndarray, filled: np.ndarray | None = None, n_seconds: int = N_SECONDS
) -> HourRecord:
    filled = np.ones(len(samples), dtype=bool) if filled is None else filled
    n = n_seconds * RATE
    coverage = filled[-n:].reshape(-1, RATE).mean(axis=1).astype("float32")
    return HourRecord(samples, filled, coverage, RATE)


class SeenError(Exception):
    """Ends labelling once the filtered record has been seen."""


def filtered(of: HourRecord) -> np.ndarray:
    """The high-passed hour as the method gets it."""

    def keep(waveform: np.ndarray, *_: object, **__: object) -> None:
        raise SeenError(waveform)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(record_module, "label_windows", keep)
        with pytest.raises(SeenError) as seen:
            label_record(of, precision="float64")
    found: np.ndarray = seen.value.args[0]
    return found


def reasons(of: HourRecord, clip_counts: float | None = None) -> np.ndarray:
    return no_data_reasons(of, constant_mask(of), clip_counts)


places = st.integers(WARMUP, len(BASE) - 100)


@settings(max_examples=15, deadline=None)
@given(places, st.integers(1, 100), st.integers(-(10**6), 10**6))
def test_gaps_never_leak(at: int, length: int, shift: int) -> None:
    """What was recorded before a gap changes no filtered sample behind it, and the reverse."""
    filled = np.ones(len(BASE), dtype=bool)
    filled[at : at + length] = False
    before, after, inside = BASE.copy(), BASE.copy(), BASE.copy()
    before[:at] += shift
    before[: at // 2] *= 3
    after[at + length :] -= shift
    inside[at : at + length] = shift
    expected = filtered(hour(BASE, filled))
    gap, end = at - WARMUP, at + length - WARMUP
    np.testing.assert_array_equal(filtered(hour(before, filled))[end:], expected[end:])
    np.testing.assert_array_equal(filtered(hour(after, filled))[:gap], expected[:gap])
    np.testing.assert_array_equal(filtered(hour(inside, filled)), expected)
    assert (expected[gap:end] == 0).all()


@settings(max_examples=10, deadline=None)
@given(places, st.integers(16, 100), st.just(0) | st.integers(38_000, 42_000))
def test_a_stopped_recorder_is_a_gap_to_the_filter(at: int, length: int, value: int) -> None:
    filled = np.ones(len(BASE), dtype=bool)
    filled[at : at + length] = False
    stopped = BASE.copy()
    stopped[at : at + length] = value
    stopped[[at - 1, at + length]] = value + 1  # the run ends where it is said to end
    missing = filtered(hour(stopped, filled))
    np.testing.assert_array_equal(filtered(hour(stopped)), missing)
    seconds = slice((at - WARMUP) // RATE, (at + length - 1 - WARMUP) // RATE + 1)
    found = reasons(hour(stopped))
    assert (found[seconds] == NoData.CONSTANT).all()
    found[seconds] = 0
    assert not found.any()


@settings(max_examples=10, deadline=None)
@given(st.integers(-(10**6), 10**6))
def test_an_offset_changes_nothing_that_matters(shift: int) -> None:
    expected = filtered(hour(BASE))
    np.testing.assert_allclose(filtered(hour(BASE + shift)), expected, atol=1e-6)


def test_of_several_reasons_missing_goes_first_and_constant_last() -> None:
    values, filled = BASE.copy(), np.ones(len(BASE), dtype=bool)
    for second, things in enumerate(["m", "c", "k", "mc", "mk", "ck", "mck"], start=5):
        start = WARMUP + second * RATE
        if "k" in things:
            values[start : start + 16] = 40_000
        if "c" in things:
            values[start + 17] = 2**23 - 1
        if "m" in things:
            filled[start + 19] = False
    found = reasons(hour(values, filled))
    m, c, k = NoData.MISSING, NoData.CLIPPED, NoData.CONSTANT
    assert found[5:12].tolist() == [m, c, k, m, m, c, m]
    assert not found[:5].any()
    assert not found[12:].any()


def test_full_scale_may_be_given() -> None:
    values = BASE.copy()
    values[WARMUP + 7 * RATE] = 2**23 - 1
    values[WARMUP + 9 * RATE] = -900_000
    assert np.flatnonzero(reasons(hour(values))).tolist() == [7]
    found = reasons(hour(values), clip_counts=900_000)
    assert np.flatnonzero(found == NoData.CLIPPED).tolist() == [7, 9]


def test_what_lies_in_the_warm_up_marks_no_second() -> None:
    values, filled = BASE.copy(), np.ones(len(BASE), dtype=bool)
    values[5:100] = 3
    values[120] = 2**23 - 1
    filled[200:210] = False
    assert not reasons(hour(values, filled)).any()


def test_a_second_without_energy_is_constant_though_its_run_is_short() -> None:
    """At 12 Hz a second of zeros is shorter than a constant run."""
    rate, n = 12, 200
    values = np.random.default_rng(0).integers(-900, 900, n * rate).astype("int32")
    values[:rate] = 0
    values[rate] = 1
    of = HourRecord(values, np.ones(n * rate, dtype=bool), np.ones(n, "float32"), rate)
    labels, found = label_record(of)
    assert labels.label[0] == Label.NO_DATA
    assert found[:3].tolist() == [NoData.CONSTANT, NoData.NONE, NoData.NONE]
    assert (labels.label[1:] <= Label.NOT_RANDOM_NOISE).all()


def test_an_hour_without_any_data() -> None:
    of = hour(BASE, np.zeros(len(BASE), dtype=bool))
    labels, found = label_record(replace(of, coverage=np.zeros(N_SECONDS, "float32")))
    assert (labels.label == Label.NO_DATA).all()
    assert (found == NoData.MISSING).all()


def test_agreement_with_planted_truth() -> None:
    labels = np.array([0, 0, 1, 2, 2, 253, 0, 252, 2], "uint8")
    ratio = np.array([0, 0.04, 0, 0.7, 2, 0, 1.5, 3, np.nan], "float32")
    kind = np.array([0, 0, 0, 1, 2, 0, 1, 1, 1], "uint8")
    rows = agreement(labels, ratio, kind, {1: "earthquake", 2: "aircraft", 3: "wind"})
    found = {row.truth.strip(): (row.n_seconds, row.shares) for row in rows}
    third = pytest.approx(1 / 3)
    assert found == {
        "quiet": (3, (pytest.approx(2 / 3), third, 0)),
        "signal above 0.5 of the noise": (3, (third, 0, pytest.approx(2 / 3))),
        "signal above 1.0 of the noise": (2, (0.5, 0, 0.5)),
        "earthquake above 0.5": (2, (0.5, 0, 0.5)),
        "aircraft above 0.5": (1, (0, 0, 1)),
        "wind above 0.5": (0, (0, 0, 0)),
    }


def test_the_golden_hour_of_ridgecrest_from_its_raw_file(tmp_path: Path) -> None:
    """CI.SRT 17:00-18:00, from the SAC file through both stages.

    The golden waveform was filtered from the start of the record at 16:30, ours from 16:59:40.
    """
    raw = SHARED / "data" / "ridgecrest20190704" / "waveforms"
    golden = SHARED / "golden" / "ridgecrest_ci_srt_100hz.npz"
    if not (raw.exists() and golden.exists()):
        pytest.skip(f"the recordings shared with the project are not at {SHARED}")
    ingest([raw], tmp_path / "w.zarr", select=("CI.SRT.*.HHZ",))
    hour = {"start": "2019-07-04T17:00", "end": "2019-07-04T18:00"}
    found = label(tmp_path / "w.zarr", tmp_path / "l.zarr", **hour)
    with np.load(golden) as file:
        expected = dict(file)
    mine, theirs = found["label"][0], expected["label"]
    assert (mine == theirs).mean() >= 0.999  # all 3600 where this was measured
    assert not (np.minimum(mine, theirs) + 2 == np.maximum(mine, theirs)).any()  # RN <-> NRN
    away = np.abs(found["weighted_density"][0] - expected["weighted_density"])
    assert away.max() < 0.005
    for name in ("deviation", "median_cc", "std_cc"):
        np.testing.assert_allclose(found[name][0], expected[name], rtol=RTOL, err_msg=name)
