"""`calibrated`: the rates it states, what it must withstand, its invariances and its refusals."""

import os
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import signal
from scipy.ndimage import uniform_filter1d

from seisflow.core.classes import Label, Undetermined
from seisflow.dsp.filters import highpass
from seisflow.errors import ConfigError
from seisflow.stages.label import baseline, calibrated, noise_scores
from seisflow.stages.label.calibrated import draw_templates, null_probability
from seisflow.stages.label.method import HourLabels, ReferenceParameters, label_windows
from seisflow.stages.label.parameters import CalibratedParameters

RN, MIXED, NRN = Label.RANDOM_NOISE, Label.MIXED, Label.NOT_RANDOM_NOISE
RATE, HOUR_S = 50, 3600
FEATURES = ("deviation", "median_cc", "density", "p_noise")
QUICK = CalibratedParameters(n_templates=16)


def label(record: np.ndarray, parameters: CalibratedParameters = QUICK, **more) -> HourLabels:
    return label_windows(record.ravel(), RATE, method="calibrated", parameters=parameters, **more)


def share(found: HourLabels, code: Label, where: np.ndarray | slice = slice(None)) -> float:
    return float(np.mean(found.label[where] == code))


def coloured(seed: int, slope: float, n_seconds: int = HOUR_S) -> np.ndarray:
    """Noise of power f^-slope above about 2 Hz, rms 1, by seconds."""
    spectrum = np.fft.rfft(np.random.default_rng(seed).standard_normal(n_seconds * RATE))
    freqs = np.fft.rfftfreq(n_seconds * RATE, 1 / RATE)
    shape = freqs**2 / (4 + freqs**2) / np.maximum(freqs, 1) ** (slope / 2)
    values = np.fft.irfft(spectrum * shape)
    return (values / values.std()).reshape(-1, RATE)


def filtered(record: np.ndarray, cut_hz: float, kind: str) -> np.ndarray:
    sections = signal.butter(4, cut_hz, kind, fs=RATE, output="sos")
    return signal.sosfiltfilt(sections, record.ravel()).reshape(record.shape)


def planted(noise: np.ndarray, seed: int = 5, amplitude: float = 0.8) -> tuple[np.ndarray, ...]:
    """Add bursts of band-limited shaking of 12 s; return the record and which seconds they fill."""
    rng = np.random.default_rng(seed)
    shaking = filtered(rng.standard_normal(noise.shape), 8, "lowpass")
    shaking *= amplitude * noise.std() / shaking.std()
    loud = np.zeros(len(noise), np.bool_)
    for first in rng.choice(len(noise) // 30, len(noise) // 150, replace=False) * 30:
        loud[first : first + 12] = True
    return noise + shaking * loud[:, np.newaxis], loud


NOISE = {
    "white": lambda: coloured(1, 0),
    "1/f": lambda: coloured(2, 1),
    "1/f^2": lambda: coloured(3, 2),
    "steep": lambda: filtered(coloured(4, 1), 8, "lowpass") + 1e-3 * coloured(5, 0),
    "with a hum": lambda: coloured(6, 1) + np.sin(np.arange(HOUR_S * RATE) * 1.7).reshape(-1, RATE),
}


@pytest.mark.parametrize("rate_hz", [10, 12, 20, 25, 100])
def test_pure_noise_has_the_rates_at_other_sampling_rates(rate_hz: int) -> None:
    """Few bins make few scores, the largest of which is distributed otherwise."""
    hours = [np.random.default_rng(seed).standard_normal(HOUR_S * rate_hz) for seed in range(3)]
    found = [label_windows(highpass(hour, rate_hz), rate_hz, method="calibrated") for hour in hours]
    assert 0.84 <= np.mean([share(one, RN) for one in found]) <= 0.94
    assert np.mean([share(one, NRN) for one in found]) <= 0.004


@pytest.mark.parametrize("kind", NOISE)
def test_pure_noise_has_the_rates_that_are_stated(kind: str) -> None:
    found = label(NOISE[kind]())
    assert 0.83 <= share(found, RN) <= 0.94
    assert share(found, NRN) <= 0.004
    levels = CalibratedParameters(n_templates=16, alpha_rn=0.5, alpha_nrn=0.01)
    found = label(NOISE[kind](), levels)
    assert 0.45 <= share(found, RN) <= 0.55
    assert 0.004 <= share(found, NRN) <= 0.02


@cache
def drifting(seed: int = 7) -> np.ndarray:
    """Two bands that each go through +-50 % within the hour, in quadrature."""
    noise = coloured(seed, 0.5)
    low = filtered(noise, 8, "lowpass")
    turn = 2 * np.pi * np.arange(HOUR_S)[:, np.newaxis] / HOUR_S
    return low * (1 + np.sin(turn) / 2) + (noise - low) * (1 + np.cos(turn) / 2)


def drift_is_followed(parameters: CalibratedParameters) -> bool:
    found = label(drifting(), parameters)
    tenths = [share(found, RN, slice(k, k + 360)) for k in range(0, HOUR_S, 360)]
    return share(found, NRN) <= 0.005 and min(tenths) >= 0.8


def test_spectra_may_drift() -> None:
    assert drift_is_followed(QUICK)
    assert not drift_is_followed(replace(QUICK, max_drift_degree=1))


def test_signals_are_found_in_drifting_noise() -> None:
    record, loud = planted(drifting(), amplitude=1.5)
    found = label(record)
    assert share(found, NRN, loud) >= 0.97
    assert share(found, RN, ~loud) >= 0.85


def test_one_huge_event_makes_no_signal_pass_for_noise() -> None:
    record, loud = planted(coloured(8, 1), amplitude=1.5)
    before = label(record)
    record[2000:2060] += 500 * coloured(9, 1, 60) * np.exp(-np.arange(60) / 8)[:, np.newaxis]
    after = label(record)
    assert share(after, NRN, slice(2000, 2050)) == 1
    others = np.ones(HOUR_S, np.bool_)
    others[1990:2070] = loud[1990:2070] = False
    assert np.mean(before.label[others] == after.label[others]) > 0.97
    for found in (before, after):
        assert share(found, NRN, loud) >= 0.95
        assert share(found, RN, loud) <= 0.01
        assert share(found, RN, others & ~loud) >= 0.85


def test_scores_are_those_of_the_noise_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Were they measured on all windows, one huge event would make the scale of everything."""
    record, loud = planted(coloured(8, 1), amplitude=1.5)
    record[2000:2060] += 500 * coloured(9, 1, 60)
    quiet = ~loud
    quiet[1990:2070] = False
    real = noise_scores.standardised

    def on_all(values: np.ndarray, noise: np.ndarray, *_: object) -> np.ndarray:
        return real(values, np.ones_like(noise))

    assert share(label(record), RN, quiet) >= 0.85
    monkeypatch.setattr(noise_scores, "standardised", on_all)
    assert share(label(record), RN, quiet) < 0.5


def test_leakage_is_kept_out_of_weak_bins(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a spectrum that falls by 60 dB all weak bins would hold the leakage of strong ones."""
    record = filtered(coloured(10, 2), 12, "lowpass") + 1e-4 * coloured(11, 0)
    assert share(label(record), NRN) <= 0.004
    monkeypatch.setattr(baseline, "prewhitened", lambda windows, *_: windows.astype("float32"))
    assert share(label(record), NRN) > 0.02


@pytest.mark.parametrize("seed", [1, 6])
def test_a_long_passage_is_no_noise(seed: int) -> None:
    """Three minutes of noise, and ten of an aircraft that is loudest now and then."""
    level = np.ones((800, 1))
    level[180:] = np.exp(np.random.default_rng(seed).normal(1, 0.4, (620, 1)))
    record, loud = coloured(12, 0.5, 800) * level, level[:, 0] > 2
    found = label(record)
    assert share(found, RN, slice(0, 180)) >= 0.7
    assert share(found, NRN, loud) >= 0.85
    assert share(found, RN, loud) <= 0.04
    assert share(label(record, replace(QUICK, max_null_width=1e3)), RN, loud) > 0.2


def shared(*parts: str) -> Path:
    path = Path(__file__).parents[3].joinpath("shared", *parts)
    if not path.exists():
        pytest.skip(f"the recordings shared with the project are not at {path}")
    return path


def test_a_recorded_aircraft_is_no_noise() -> None:
    """200 s of node R0101 near Anza, 26 May 2014: it passes from second 58 to 125."""
    path = shared("data", "noise_sources", "aircraft_zg2014", "2014_146_1_R0101.EHZ")
    samples = np.frombuffer(path.read_bytes()[632:], "<f4")  # SAC: 158 words of header
    record = highpass(samples[:100_000].astype(np.float64), 500)
    found = label_windows(record, 500, method="calibrated")
    assert share(found, NRN, slice(62, 120)) >= 0.95
    assert share(found, RN, slice(62, 120)) == 0
    assert share(found, RN, slice(40, 56)) >= 0.8
    anything = CalibratedParameters(max_wander=1e3)
    found = label_windows(record, 500, method="calibrated", parameters=anything)
    assert share(found, NRN, slice(62, 120)) < 0.9


def test_the_minutes_after_a_large_earthquake_are_no_noise() -> None:
    """CI.SRT, 4 July 2019: M6.4 at 17:33:49, 26 km away."""
    with np.load(shared("golden", "ridgecrest_ci_srt_100hz.npz")) as file:
        found = label_windows(file["waveform"], 100, method="calibrated")
    onset = 33 * 60 + 49
    assert share(found, RN, slice(onset - 900, onset)) >= 0.6  # among foreshocks
    assert share(found, NRN, slice(onset + 6, HOUR_S)) >= 0.99
    assert share(found, RN, slice(onset + 6, HOUR_S)) == 0


def test_the_golden_hour_at_500_hz() -> None:
    with np.load(shared("golden", "synthetic_500hz.npz")) as file:
        found = label_windows(file["waveform"], 500, method="calibrated")
        ratio = file["truth_amplitude_ratio"]
    assert share(found, RN, ratio < 0.05) >= 0.85
    assert share(found, NRN, ratio < 0.05) <= 0.005
    assert share(found, NRN, ratio >= 1) >= 0.99
    assert share(found, NRN, ratio >= 0.5) >= 0.92
    assert share(found, RN, ratio >= 0.5) <= 0.02


def test_what_lasts_is_found_where_a_second_alone_would_not_be() -> None:
    record, loud = planted(coloured(13, 0), amplitude=0.45)
    inside = loud & np.roll(loud, 3) & np.roll(loud, -3)
    alone = label(record, replace(QUICK, neighbours=()))
    assert share(label(record), NRN, inside) > share(alone, NRN, inside) + 0.15


def test_a_loud_second_does_not_make_its_neighbours_loud(monkeypatch: pytest.MonkeyPatch) -> None:
    record = coloured(14, 0)
    loud = np.zeros(HOUR_S, np.bool_)
    loud[100:3500:40] = loud[101:3500:40] = True
    record[loud] *= 20
    beside = (np.roll(loud, 1) | np.roll(loud, -1)) & ~loud
    found = label(record)
    assert share(found, NRN, loud) == 1
    assert share(found, NRN, beside) <= 0.05
    assert share(found, RN, beside) >= 0.4
    assert share(found, RN, ~loud) >= 0.8

    def sums_of_both(scores: np.ndarray, _: np.ndarray, n: int, __: object) -> np.ndarray:
        return uniform_filter1d(np.clip(scores, -3, 3), 2 * n + 1, axis=0)

    monkeypatch.setattr(noise_scores, "with_neighbours", sums_of_both)
    assert share(label(record), NRN, beside) > 0.1


def test_glitches_of_one_sample_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    record = coloured(15, 0)
    struck = np.arange(50, HOUR_S, 70)
    record[struck[::2], 20] += 5.5
    record[struck[1::2], -1] += 5.5
    assert share(label(record), NRN, struck) >= 0.82
    monkeypatch.setattr(
        noise_scores, "burst_scores", lambda spectra, *_: np.full((len(spectra), 1), -9.0)
    )
    assert share(label(record), NRN, struck) < 0.72


def test_the_null_is_fitted_to_what_noise_there_is() -> None:
    """Half of the windows far away, and the p-values of the others stay uniform."""
    rng = np.random.default_rng(16)
    scores = rng.standard_normal((4000, 60))
    scores[2000:] += rng.uniform(3, 30, (2000, 1))
    p_noise = null_probability(scores, QUICK)[:2000]
    for level, relative in ((0.5, 0.1), (0.1, 0.3), (0.01, 0.8)):
        assert np.mean(p_noise <= level) == pytest.approx(level, rel=relative)
    assert null_probability(scores, QUICK)[2000:].max() < 0.2
    equal = null_probability(np.ones((200, 3)), QUICK)
    assert np.isnan(equal).all()


def test_labels_are_thresholds_of_the_probability() -> None:
    record, _ = planted(coloured(17, 1))
    found = label(record)
    expected = np.select([found.p_noise >= 0.1, found.p_noise <= 0.001], [RN, NRN], MIXED)
    np.testing.assert_array_equal(found.label, expected)
    assert found.reason is Undetermined.NONE
    assert found.n_rn.shape == (QUICK.n_rounds + 1,)
    assert found.n_rn[-1] == np.sum(found.label == RN)
    assert found.density.max() == 1
    assert np.isnan(found.std_cc).all()
    assert np.isnan(found.weighted_density).all()
    assert np.isnan(label_windows(record[:400].ravel(), RATE, method="reference").p_noise).all()


def assert_same(found: HourLabels, expected: HourLabels, factor: float = 1.0) -> None:
    np.testing.assert_array_equal(found.label, expected.label)
    np.testing.assert_array_equal(found.n_rn, expected.n_rn)
    np.testing.assert_array_equal(found.deviation, expected.deviation * factor)
    np.testing.assert_array_equal(found.mean_rn_spectrum, expected.mean_rn_spectrum * factor)
    for feature in FEATURES[1:]:
        np.testing.assert_array_equal(getattr(found, feature), getattr(expected, feature))


SHORT = planted(coloured(18, 1, 600))[0]


@settings(max_examples=8, deadline=None)
@given(exponent=st.integers(-100, 100), dtype=st.sampled_from([np.float32, np.float64]))
def test_a_power_of_two_changes_no_digit(exponent: int, dtype: type[np.floating]) -> None:
    record = SHORT.astype(dtype)
    assert_same(label(np.ldexp(record, exponent)), label(record), 2.0**exponent)


def test_any_other_scale_changes_no_label_that_is_not_on_a_threshold() -> None:
    found, expected = label(SHORT * 1e-7 / 3), label(SHORT)
    np.testing.assert_allclose(found.p_noise, expected.p_noise, rtol=1e-2)
    assert np.mean(found.label != expected.label) < 0.005


def test_the_same_hour_gives_the_same_bits() -> None:
    assert_same(label(SHORT), label(SHORT.copy()))


def test_templates_are_drawn_by_the_seed_alone() -> None:
    noise = np.random.default_rng(0).random(3600) < 0.7
    drawn = draw_templates(noise, QUICK)
    np.testing.assert_array_equal(drawn, draw_templates(noise, QUICK))
    assert drawn.size == np.unique(drawn).size == QUICK.n_templates
    assert noise[drawn].all()
    assert (np.diff(drawn) > 0).all()
    assert (drawn != draw_templates(noise, replace(QUICK, seed=2))).any()
    few = noise & (np.cumsum(noise) <= 10)
    np.testing.assert_array_equal(draw_templates(few, QUICK), np.flatnonzero(few))
    other = label(SHORT, replace(QUICK, seed=2))
    assert (other.median_cc != label(SHORT).median_cc).any()
    assert np.mean(other.label != label(SHORT).label) < 0.03


def test_shared_features_are_those_of_reference() -> None:
    """Of the same set of noise, the same functions make the same numbers."""
    found = label(SHORT, replace(QUICK, n_templates=10_000))
    windows = SHORT.astype(np.float64)
    spectra = np.abs(np.fft.rfft(windows, axis=1))[:, 1:] * 2 / RATE
    spectra[:, -1] /= 2
    np.testing.assert_allclose(
        found.mean_rn_spectrum, spectra[found.label == RN].mean(axis=0), rtol=1e-12
    )
    reference = label_windows(SHORT.ravel(), RATE, method="reference")
    for feature in ("deviation", "median_cc"):
        together = np.corrcoef(getattr(found, feature), getattr(reference, feature))
        assert together[0, 1] > 0.9


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), junk=st.sampled_from([np.nan, np.inf, 0.0, 1e30]))
def test_invalid_windows_take_no_part(seed: int, junk: float) -> None:
    valid = np.ones(600, np.bool_)
    valid[np.random.default_rng(seed).choice(600, 120, replace=False)] = False
    filled = np.where(valid[:, np.newaxis], SHORT, junk)
    found = label(filled, valid=valid)
    assert_same(found, label(SHORT, valid=valid))
    assert (found.label[~valid] == Label.NO_DATA).all()
    assert np.isnan(found.p_noise[~valid]).all()
    assert (found.label[valid] <= NRN).all()


@pytest.mark.parametrize("n_seconds", [180, 200, 500])
def test_minutes_are_enough(n_seconds: int) -> None:
    found = label(coloured(19, 1, n_seconds))
    assert found.reason is Undetermined.NONE
    assert share(found, RN) >= 0.75
    assert share(found, NRN) <= 0.02


@pytest.mark.parametrize("amplitude", [1e6, 1e15, 1e30])
def test_any_amplitude_is_survived(amplitude: float) -> None:
    record = coloured(20, 1, 600)
    record[300:310] *= amplitude
    found = label(record)
    assert (found.label[300:310] == NRN).all()
    assert share(found, RN) >= 0.8


def undetermined(found: HourLabels, reason: Undetermined) -> None:
    assert found.reason is reason
    assert (found.label == Label.UNDETERMINED).all()
    for feature in (*FEATURES, "mean_rn_spectrum"):
        assert np.isnan(getattr(found, feature)).all()


def test_hours_without_a_null_are_undetermined() -> None:
    rng = np.random.default_rng(21)
    undetermined(label(coloured(1, 0, 179)), Undetermined.TOO_FEW_WINDOWS)
    undetermined(label(np.zeros((0, RATE))), Undetermined.TOO_FEW_WINDOWS)
    assert (label(np.zeros((400, RATE))).label == Label.NO_DATA).all()
    one = rng.standard_normal(RATE)
    undetermined(label(np.tile(one, (400, 1))), Undetermined.NO_CANDIDATES_KEPT)
    copies = one * np.exp(rng.normal(0, 0.05, (400, 1)))
    undetermined(label(copies), Undetermined.NO_SPREAD)
    never = replace(QUICK, alpha_rn=1 - 1e-12)
    undetermined(label(coloured(1, 0, 400), never), Undetermined.NO_RANDOM_NOISE)
    none_left = replace(QUICK, min_noise=399)
    assert label(coloured(1, 0, 400), none_left).reason is Undetermined.NO_CANDIDATES_KEPT


def test_a_round_may_leave_no_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing(scores: np.ndarray, _: CalibratedParameters) -> np.ndarray:
        return np.zeros(len(scores))

    monkeypatch.setattr(calibrated, "null_probability", nothing)
    undetermined(label(SHORT), Undetermined.NO_RANDOM_NOISE)


@pytest.mark.parametrize("spread", ["alternating", "levels", "few values"])
def test_odd_records_never_raise(spread: str) -> None:
    rng = np.random.default_rng(22)
    records = {
        "alternating": np.tile([1.0, -1.0], 300 * RATE // 2) * rng.uniform(1, 2, 300 * RATE),
        "levels": np.repeat(rng.choice([1e-9, 1.0, 1e9], 300), RATE) * rng.standard_normal(15_000),
        "few values": rng.integers(-1, 2, 300 * RATE).astype(float),
    }
    found = label(records[spread])
    assert np.isin(found.label, [RN, MIXED, NRN, Label.UNDETERMINED, Label.NO_DATA]).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"alpha_rn": 0.0}, "alpha_rn = 0.0 .must be between 0 and 1"),
        ({"alpha_rn": 1.0}, "alpha_rn = 1.0 .must be between 0 and 1"),
        ({"alpha_nrn": 0.0}, "alpha_nrn = 0.0 .must be above 0"),
        ({"alpha_nrn": float("nan")}, "alpha_nrn = nan .must be above 0"),
        ({"alpha_rn": 0.01, "alpha_nrn": 0.05}, "alpha_rn = 0.01 .must be above alpha_nrn"),
        ({"seed": -1}, "seed = -1 .must be 0 or more"),
        ({"n_templates": 2}, "n_templates = 2 .must be 3 or more"),
        ({"n_rounds": 1}, "n_rounds = 1 .must be 2 or more"),
        ({"neighbours": (0,)}, "neighbours = "),
        ({"burst_windows": ()}, "burst_windows = "),
        ({"burst_windows": (1.5,)}, "burst_windows = "),
        ({"null_upper": 1.0, "max_wander": 0}, "max_wander = 0 .*null_upper = 1.0"),
    ],
)
def test_impossible_parameters_are_refused(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        CalibratedParameters(**wrong)


def test_parameters_of_the_other_method_are_refused() -> None:
    with pytest.raises(ConfigError, match="'calibrated' takes CalibratedParameters; found Refer"):
        label(SHORT, ReferenceParameters())
    with pytest.raises(ConfigError, match="'reference' takes ReferenceParameters; found Calibr"):
        label_windows(SHORT.ravel(), RATE, method="reference", parameters=QUICK)


def test_a_level_far_above_the_noise_is_no_drift() -> None:
    """As after a great earthquake: smooth and slow, ten times what the hour began with."""
    record = coloured(1, 0)
    record[2000:] *= np.linspace(15, 10, HOUR_S - 2000)[:, np.newaxis]
    found = label(record)
    assert share(found, RN, slice(0, 1900)) >= 0.8
    assert share(found, NRN, slice(2000, None)) >= 0.99
    followed = label(record, replace(QUICK, max_drift=1e6))
    assert share(followed, RN, slice(2000, None)) >= 0.2


HASH_SCRIPT = """
import hashlib, numpy as np
from seisflow.stages.label.method import label_windows
record = np.random.default_rng(0).standard_normal(600 * 50)
found = label_windows(record, 50, method="calibrated")
print(hashlib.sha256(found.p_noise.tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_bits_do_not_depend_on_the_kernels_that_blas_chooses() -> None:
    """On a cluster of unlike nodes a rerun must equal the first run."""
    found = {
        subprocess.run(
            [sys.executable, "-c", HASH_SCRIPT],
            env={**os.environ, "OPENBLAS_CORETYPE": kind},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for kind in ("Haswell", "Prescott")
    }
    assert len(found) == 1
