"""Scores along a record equal those of its windows cut one by one, whatever the way."""

from fractions import Fraction

import numpy as np
import pytest
import torch
from scipy.signal import resample_poly
from torch import nn
from toy_models import sharp
from toy_windows import toy_windows

from seisflow.dsp.resampling import Resampling
from seisflow.errors import ConfigError, DataError
from seisflow.stages.infer.scoring import ALONG_WINDOWS, Scorer, folded, shared_planes
from seisflow.stages.learn.front_end import FrontEnd, FrontEndConfig
from seisflow.stages.learn.model import Model
from seisflow.stages.learn.networks import NETWORKS

KINDS = (*NETWORKS, "forest")


def record(config: FrontEndConfig, n_windows: int, seed: int = 0) -> np.ndarray:
    """Toy windows one behind the other, loud and quiet, with an offset and a spike."""
    n_samples = config.input_samples + (n_windows - 1) * config.rate_hz
    windows, _ = toy_windows(2 + n_samples // config.input_samples, config, seed)
    samples = windows.astype(np.float64).ravel()[:n_samples] + 12_345
    samples[n_samples // 3] += 1e6
    return samples.astype(np.float32)


def one_by_one(model: Model, samples: np.ndarray) -> np.ndarray:
    """What training and evaluation make of the same windows."""
    config = model.classifier.front_end.config
    windows = np.lib.stride_tricks.sliding_window_view(samples, config.input_samples)
    return model.probabilities(windows[:: config.rate_hz].copy())


def check(model: Model, n_windows: int, tolerance: float = 1e-4, **options: object) -> Scorer:
    samples = record(model.classifier.front_end.config, n_windows)
    expected = one_by_one(model, samples)
    assert np.ptp(expected, axis=0).max() > 100 * tolerance, "all windows alike show nothing"
    scorer = Scorer(model, **options)
    found = scorer.probabilities(samples)
    assert found.shape == (n_windows, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=tolerance, rtol=0)
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    return scorer


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_windows", [1, 20])
def test_a_record_and_its_windows_agree(kind: str, n_windows: int) -> None:
    model = sharp(kind)
    if n_windows == 1:
        samples = record(model.classifier.front_end.config, 1)
        found = Scorer(model).probabilities(samples)
        np.testing.assert_allclose(found, one_by_one(model, samples), atol=1e-4)
    else:
        assert check(model, n_windows).goes_along == (kind == "compact")


@pytest.mark.parametrize("rate", [50, 110, 500])
def test_compact_goes_along_at_every_rate(rate: int) -> None:
    model = sharp("compact", FrontEndConfig(rate))
    assert check(model, sum(ALONG_WINDOWS) + 3).goes_along


@pytest.mark.parametrize(
    "config",
    [
        FrontEndConfig(40, frame_s=0.5),
        FrontEndConfig(40, low_hz=None, frame_s=1.0),
        FrontEndConfig(40, low_hz=0.5, high_hz=15.0, frame_s=0.3),
        FrontEndConfig(40, low_hz=None),
    ],
    ids=["half a second", "a second, no filter", "band, 0.3 s", "no filter"],
)
def test_frames_of_any_length(config: FrontEndConfig) -> None:
    for kind in ("compact", "recurrent"):
        scorer = check(sharp(kind, config), 9)
        assert scorer.goes_along == (kind == "compact" and config.frame_s == 0.2)


@pytest.mark.parametrize("frame_s", [0.2, 0.3, 0.5, 1.0])
def test_shared_planes_are_the_planes_of_each_window(frame_s: float) -> None:
    config = FrontEndConfig(100, low_hz=None, frame_s=frame_s)
    front_end = FrontEnd(config)
    samples = torch.from_numpy(record(config, 5)).double()
    windows = samples.unfold(0, config.window_samples, config.rate_hz)
    found, expected = shared_planes(front_end, samples), front_end(windows)
    torch.testing.assert_close(found[:, 0], expected[:, 0], atol=1e-12, rtol=0)
    apart = (found[:, 1] - expected[:, 1] + np.pi).remainder(2 * np.pi) - np.pi
    assert apart[expected[:, 0] > 1e-6].abs().max() < 1e-6
    assert (found[1:, 0] - expected[:-1, 0]).abs().max() > 0.01


def test_silence_beside_a_signal() -> None:
    """A stopped recorder spoils the windows that touch it and no others."""
    config = FrontEndConfig(40)
    samples = record(config, 30)
    samples[400:700] = 7.0
    cut = np.lib.stride_tricks.sliding_window_view(samples, config.input_samples)[::40]
    untouched = ~(cut == 7.0).any(axis=1)
    assert 10 < untouched.sum() < 25
    for kind in ("compact", "recurrent"):
        model = sharp(kind)
        found, expected = Scorer(model).probabilities(samples), one_by_one(model, samples)
        np.testing.assert_allclose(found[untouched], expected[untouched], atol=1e-4)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("factor", [1e-9, 1e4])
def test_the_unit_changes_nothing(factor: float) -> None:
    for kind in ("compact", "recurrent"):
        model = sharp(kind)
        samples = record(model.classifier.front_end.config, 8).astype(np.float64)
        scorer = Scorer(model)
        expected = scorer.probabilities(samples)
        np.testing.assert_allclose(scorer.probabilities(samples * factor), expected, atol=1e-5)


def test_the_batch_changes_nothing() -> None:
    for kind in ("published", "recurrent", "forest"):
        model = sharp(kind)
        samples = record(model.classifier.front_end.config, 20)
        found = [Scorer(model, batch=n).probabilities(samples) for n in (1, 7, 64)]
        np.testing.assert_allclose(found[1], found[0], atol=1e-6)
        np.testing.assert_allclose(found[2], found[0], atol=1e-6)


def test_where_a_record_begins_changes_nothing() -> None:
    model = sharp("compact")
    samples, scorer = record(model.classifier.front_end.config, 100), Scorer(model)
    whole = scorer.probabilities(samples)
    for first in (1, 17, 61):
        part = scorer.probabilities(samples[first * 40 :])
        np.testing.assert_allclose(part, whole[first:], atol=1e-5)


@pytest.mark.parametrize("kind", ["compact", "recurrent"])
def test_bfloat16_is_near(kind: str) -> None:
    model = sharp(kind)
    samples = record(model.classifier.front_end.config, 20)
    exact = Scorer(model).probabilities(samples)
    near = Scorer(model, precision="bfloat16").probabilities(samples)
    np.testing.assert_allclose(near, exact, atol=0.1)
    assert not np.array_equal(near, exact)


def test_folding_shares_dense_weights_and_leaves_the_model_alone() -> None:
    model = sharp("published")
    before = {name: p.clone() for name, p in model.classifier.network.state_dict().items()}
    network = folded(model.classifier.network)
    theirs = {id(p) for p in model.classifier.network.parameters()}
    dense = [m for m in network.modules() if isinstance(m, nn.Linear)]
    assert dense
    assert all(id(p) in theirs for m in dense for p in m.parameters())
    after = model.classifier.network.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())
    assert all(after[name].stride() == value.stride() for name, value in before.items())
    planes = torch.rand(3, *model.classifier.front_end.shape)
    with torch.inference_mode():
        expected = model.classifier.network(planes)
        torch.testing.assert_close(network(planes), expected, atol=1e-3, rtol=1e-4)


def test_what_cannot_be_done_is_refused() -> None:
    model = sharp("compact")
    with pytest.raises(ConfigError, match="no precision 'half'; give one of float32, bfloat16"):
        Scorer(model, precision="half")
    with pytest.raises(ConfigError, match="batch = 0; give 1 or more"):
        Scorer(model, batch=0)
    for length in (0, 199, 201, 239):
        with pytest.raises(DataError, match=r"whole seconds of 40 samples; found .*shape"):
            Scorer(model).probabilities(np.zeros(length))


def faster(config: FrontEndConfig, rate_hz: int, n_seconds: int) -> np.ndarray:
    """Toy windows at a higher rate: noise, bursts of two frequencies, an offset and a spike."""
    rng = np.random.default_rng(3)
    samples = rng.normal(0, 100, n_seconds * rate_hz)
    at = np.arange(samples.size) / rate_hz
    for begin in range(3, n_seconds - 2, 7):
        hz = rng.uniform(3, 0.4 * config.rate_hz)
        burst = np.exp(-3 * (at - begin)) * np.sin(2 * np.pi * hz * at) * (at >= begin)
        samples += rng.uniform(200, 5000) * burst
    samples[samples.size // 3] += 1e6
    return samples + 12_345


def of_scipy(model: Model, samples: np.ndarray, rate_hz: int, first_s: int, n: int) -> np.ndarray:
    """The windows from `first_s` on, resampled by SciPy as one record and cut one by one."""
    config, way = model.classifier.front_end.config, Resampling(rate_hz, model.rate_hz)
    slow = resample_poly(samples, way.up, way.down, window=way.taps / way.up)
    first = first_s * config.rate_hz - config.halo_samples
    wanted = slow[first : first + config.input_samples + (n - 1) * config.rate_hz]
    return one_by_one(model, wanted.astype(np.float32))


@pytest.mark.parametrize(
    ("kind", "of_model", "rate"),
    [("compact", 100, hz) for hz in (40, 50, 80, 100, 200, 250, 500, 1000)]
    + [("compact", 40, 125), ("recurrent", 40, 100), ("forest", 40, 200), ("recurrent", 100, 64)],
)
def test_a_record_of_another_rate_is_resampled_once(kind: str, of_model: int, rate: int) -> None:
    """As the whole resampled by SciPy; and a cut anywhere gives the same."""
    model = sharp(kind, FrontEndConfig(of_model))
    n_seconds, first_s, n = 60, 12, 30
    samples = faster(model.classifier.front_end.config, rate, n_seconds)
    scorer = Scorer(model, rate_hz=rate)
    begin, length = first_s * rate - scorer.halo_samples, scorer.window_samples
    length += 2 * scorer.halo_samples
    found = scorer.probabilities(samples[begin : begin + length + (n - 1) * rate])
    expected = of_scipy(model, samples, rate, first_s, n)
    assert np.ptp(expected, axis=0).max() > 0.01, "all windows alike show nothing"
    np.testing.assert_allclose(found, expected, atol=1e-4)
    for k in (0, 7, n - 1):
        alone = scorer.probabilities(samples[begin + k * rate :][:length])
        np.testing.assert_allclose(alone[0], found[k], atol=1e-5)


@pytest.mark.parametrize(("rate", "scale", "read"), [(500, 5, 100), (1000, 5, 200), (250, 2, 125)])
def test_a_record_read_slower_is_one_of_a_lower_rate(rate: int, scale: int, read: int) -> None:
    model = sharp("compact", FrontEndConfig(100))
    slowly, lower = Scorer(model, rate_hz=rate, time_scale=scale), Scorer(model, rate_hz=read)
    assert slowly.step_samples == lower.step_samples == read
    assert slowly.window_samples == 4 * read
    assert slowly.halo_samples == lower.halo_samples
    samples = faster(model.classifier.front_end.config, read, 40)
    samples = samples[: lower.window_samples + 2 * lower.halo_samples + 20 * read]
    np.testing.assert_array_equal(slowly.probabilities(samples), lower.probabilities(samples))


def test_time_scales_that_cannot_be_are_refused() -> None:
    model = sharp("compact", FrontEndConfig(100))
    with pytest.raises(ConfigError, match=r"500, read 7 times slower 71\.4.*scale of 5 or less"):
        Scorer(model, rate_hz=500, time_scale=7)
    with pytest.raises(ConfigError, match=r"whole number of samples .* of 1 or 2 or 4 or 5"):
        Scorer(model, rate_hz=500, time_scale=3)
    with pytest.raises(ConfigError, match="40, read 2 times slower 20: leave the time scale out"):
        Scorer(model, rate_hz=40, time_scale=2)
    with pytest.raises(ConfigError, match="leave the time scale out"):
        Scorer(model, rate_hz=150, time_scale=2)


def test_rates_that_cannot_be_are_refused() -> None:
    model = sharp("compact", FrontEndConfig(100))
    with pytest.raises(
        ConfigError, match=r"for 100 samples/s, .* 32: what lies above 16 Hz was .* 40 samples/s or"
    ):
        Scorer(model, rate_hz=32)
    with pytest.raises(ConfigError, match=r"for 100 .* have 162\.5: .* whole number of samples"):
        Scorer(model, rate_hz=Fraction(325, 2))
