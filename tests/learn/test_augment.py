"""Augmentation leaves the class what it is, and is the same whoever asks."""

from pathlib import Path

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from wavelet_sets import WaveletSet, write_wavelets

from seisflow.core.classes import Split, WaveletClass
from seisflow.errors import ConfigError
from seisflow.stages.learn.augment import Augmenter, uniforms
from seisflow.stages.learn.config import AugmentConfig
from seisflow.stages.learn.examples import Examples, open_examples

MADE = WaveletSet(n=200, shard=64, chunk=16)
HALO = 20
STILL = {"flip": 0, "shift_s": 0, "event_shift_s": 0, "noise": 0, "gain": 1}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return open_examples(write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr", MADE))


def augmenter(examples: Examples, halo: int = HALO, **changes: object) -> Augmenter:
    return Augmenter(AugmentConfig.build(STILL | changes), examples, halo, seed=1)


def apply(made: Augmenter, epoch: int, indices: np.ndarray) -> np.ndarray:
    samples = made.examples.read(indices)
    return made(epoch, indices, samples, np.zeros_like(samples))


def test_numbers_are_even_and_belong_to_examples() -> None:
    indices = np.arange(20_000)
    drawn = uniforms(3, 1, indices, 6)
    for column in drawn.T:
        assert scipy.stats.kstest(column, "uniform").pvalue > 1e-3
    assert np.abs(np.corrcoef(drawn.T) - np.eye(6)).max() < 0.04
    some = np.array([19_999, 0, 7, 7])
    assert np.array_equal(uniforms(3, 1, some, 6), drawn[some])
    for other in (uniforms(4, 1, indices, 6), uniforms(3, 2, indices, 6)):
        assert abs(np.corrcoef(other[:, 0], drawn[:, 0])[0, 1]) < 0.04


def test_nothing_is_changed_without_a_configuration(examples: Examples) -> None:
    indices = np.arange(20)
    wanted = examples.read(indices)[:, 20:-20]
    assert np.array_equal(apply(Augmenter(None, examples, HALO, 1), 0, indices), wanted)
    assert np.array_equal(apply(augmenter(examples), 0, indices), wanted)


@settings(max_examples=20, deadline=None)
@given(epoch=st.integers(0, 5), order=st.permutations(range(12)))
def test_the_same_whatever_stands_beside_it(
    epoch: int, order: list[int], examples: Examples
) -> None:
    made = Augmenter(AugmentConfig(), examples, HALO, 1)
    indices = np.arange(30, 42)
    samples, noise = examples.read(indices), examples.read(indices + 60)
    whole = made(epoch, indices, samples, noise)
    part = made(epoch, indices[order], samples[order], noise[order])
    assert np.array_equal(part, whole[order])


def test_polarity_is_turned_as_often_as_asked(examples: Examples) -> None:
    indices = np.arange(200)
    wanted = examples.read(indices)[:, 20:-20]
    found = apply(augmenter(examples, flip=0.5), 0, indices)
    turned = np.array([np.array_equal(a, -b) for a, b in zip(found, wanted, strict=True)])
    same = np.array([np.array_equal(a, b) for a, b in zip(found, wanted, strict=True)])
    assert np.all(turned | same)
    assert 70 < turned.sum() < 130


def test_shifts_move_the_window_within_the_margin(examples: Examples) -> None:
    indices = np.arange(200)
    made = augmenter(examples, shift_s=0.25, event_shift_s=0.1)
    shifts = made.shifts(0, indices)
    is_event = examples.wavelet_class[indices] == WaveletClass.EARTHQUAKE
    assert set(shifts[is_event]) == set(range(-4, 5))
    assert set(shifts[~is_event]) == set(range(-10, 11))
    whole, found = examples.read(indices), apply(made, 0, indices)
    for row, cut, shift in zip(whole, found, shifts, strict=True):
        assert np.array_equal(cut, row[20 + shift : 20 + shift + made.n_samples])


@pytest.mark.parametrize(("halo", "most"), [(0, 40), (35, 5), (40, 0)])
def test_shifts_stop_where_the_margin_ends(examples: Examples, halo: int, most: int) -> None:
    made = augmenter(examples, halo, shift_s=9, event_shift_s=9)
    indices = np.arange(200)
    assert np.abs(np.concatenate([made.shifts(e, indices) for e in range(5)])).max() == most
    assert apply(made, 0, indices).shape == (200, 160 + 2 * halo)


def test_a_halo_longer_than_the_margin_is_refused(examples: Examples) -> None:
    with pytest.raises(ConfigError, match=r"needs 41 samples .* have 40; ask for --low-hz 1 or"):
        augmenter(examples, 41)


def test_noise_comes_from_the_same_station_and_never_from_itself(examples: Examples) -> None:
    train = examples.select(Split.TRAIN)
    quiet = train[examples.wavelet_class[train] == WaveletClass.RANDOM_NOISE]
    made = augmenter(examples, noise=1)
    donors = made.donors(0, train, quiet)
    assert set(donors) <= set(quiet)
    assert np.all(donors != train)
    assert np.array_equal(examples.station[donors], examples.station[train])
    assert len(set(donors)) > quiet.size / 2
    assert not np.array_equal(donors, made.donors(1, train, quiet))


def test_noise_of_another_station_where_there_is_none(examples: Examples) -> None:
    one = int(np.flatnonzero(examples.wavelet_class == WaveletClass.RANDOM_NOISE)[0])
    others = np.flatnonzero(examples.station != examples.station[one])
    made = augmenter(examples, noise=1)
    assert np.all(made.donors(0, others, np.array([one])) == one)
    assert made.donors(0, np.array([one]), np.array([one])).tolist() == [-1]
    assert made.donors(0, others[:3], np.zeros(0, np.int64)).tolist() == [-1] * 3


def test_noise_is_added_as_often_as_asked(examples: Examples) -> None:
    indices, quiet = np.arange(200), np.arange(200)
    assert np.all(augmenter(examples, noise=0).donors(0, indices, quiet) == -1)
    share = np.mean(augmenter(examples, noise=0.3).donors(0, indices, quiet) != -1)
    assert 0.2 < share < 0.4
    assert np.all(Augmenter(None, examples, HALO, 1).donors(0, indices, quiet) == -1)


def test_noise_has_the_strength_that_was_drawn(examples: Examples) -> None:
    indices = np.arange(100)
    made = augmenter(examples, noise=1, noise_snr=(2, 20))
    samples = examples.read(indices)
    noise = 1e4 * np.random.default_rng(0).standard_normal(samples.shape).astype(np.float32)
    added = made(0, indices, samples, noise) - samples[:, 20:-20]

    def level(x: np.ndarray) -> np.ndarray:
        return np.sqrt(np.mean(np.diff(x) ** 2))

    own = np.array([level(row) for row in samples])
    for i in np.flatnonzero(np.isfinite(examples.arrival_s[indices])):  # the 2 s behind P
        p = examples.margin_samples + examples.arrival_s[i] * examples.rate_hz
        first = int(np.ceil(p))
        own[i] = level(samples[i, first : first + 2 * examples.rate_hz + 1])
    ratio = own / np.array([level(row) for row in added])
    assert ratio.min() > 1.7
    assert ratio.max() < 24
    drawn = np.log(ratio / 2) / np.log(10)
    assert scipy.stats.kstest(drawn, "uniform").pvalue > 1e-3
    # a constant offset of either changes nothing of that, and neither does a dead donor
    assert np.allclose(made(0, indices, samples, np.zeros_like(noise)), samples[:, 20:-20])


def test_gain_matters_beside_noise_alone(examples: Examples) -> None:
    indices = np.arange(100)
    found = apply(augmenter(examples, gain=1.5), 0, indices)
    factor = found / examples.read(indices)[:, 20:-20]
    assert np.allclose(factor, factor[:, :1], rtol=1e-5)
    assert np.all((factor > 1 / 1.51) & (factor < 1.51))
    assert factor.min() < 0.75
    assert factor.max() > 1.33


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"flip": 1.5}, "flip: found 1.5"),
        ({"shift_s": -1}, "shift_s: found -1"),
        ({"noise_snr": (3, 2)}, "noise_snr must be positive and ascending"),
        ({"noise_snr": (0, 2)}, "noise_snr must be positive and ascending"),
        ({"gain": 0.5}, "gain: found 0.5"),
        ({"echo": 1}, "echo"),
    ],
)
def test_bad_amounts_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        AugmentConfig.build(change)


def test_noise_classes_stay_apart_after_augmentation(tmp_path: Path) -> None:
    """What is added to random noise is random noise: its spectrum stays flat."""
    made = WaveletSet(n=120, classes=(1,))
    examples = open_examples(write_wavelets(tmp_path / "w.zarr", made))
    indices = examples.select(Split.TRAIN)
    changed = augmenter(examples, noise=1)
    donors = changed.donors(0, indices, indices)
    noise = examples.read(donors)
    noise -= noise.mean(axis=1, keepdims=True)
    found = changed(0, indices, examples.read(indices), noise)
    power = np.abs(np.fft.rfft(found - found.mean(axis=1, keepdims=True), axis=1)) ** 2
    mean = power[:, 1:-1].mean(axis=0)
    assert mean.max() / mean.min() < 3


def with_spikes(examples: Examples, indices: np.ndarray) -> np.ndarray:
    """Wavelets of nothing but a spike at P."""
    samples = np.zeros((indices.size, examples.n_samples), np.float32)
    at = examples.margin_samples + np.rint(examples.arrival_s[indices] * examples.rate_hz)
    samples[np.arange(indices.size), at.astype(int)] = 1
    return samples


def test_p_stays_where_it_is_wanted_when_time_is_stretched(examples: Examples) -> None:
    quakes = np.flatnonzero(examples.wavelet_class == WaveletClass.EARTHQUAKE)
    spikes = with_spikes(examples, quakes)
    plain = augmenter(examples, event_shift_s=0.2)
    made = augmenter(examples, event_shift_s=0.2, stretch=2, stretched=1)
    for epoch in range(3):
        where = plain(epoch, quakes, spikes.copy(), np.zeros_like(spikes)).argmax(axis=1)
        moved = made(epoch, quakes, spikes.copy(), np.zeros_like(spikes))
        assert np.abs(moved.argmax(axis=1) - where).max() <= 1
        assert np.count_nonzero((moved > 0.01).sum(axis=1) > 1) > quakes.size / 4, "it is slower"


def test_shares_of_wavelets_are_reshaped_and_only_noise_gets_pulses(examples: Examples) -> None:
    indices = np.arange(len(examples))
    still = apply(augmenter(examples), 1, indices)
    kinds = examples.wavelet_class
    for changes, of in (
        ({"colour": 0.4}, None),
        ({"stretch": 1.5, "stretched": 0.4}, None),
        ({"pulses": 0.4}, WaveletClass.NOT_RANDOM_NOISE),
    ):
        made = apply(augmenter(examples, **changes), 1, indices)
        changed = (made != still).any(axis=1)
        among = np.ones(len(examples), bool) if of is None else kinds == of
        assert not changed[~among].any()
        assert 0.25 < changed[among].mean() < 0.55


def test_copies_of_a_wavelet_are_changed_each_in_its_own_way(examples: Examples) -> None:
    everything = {"stretch": 2, "colour": 1, "pulses": 1, "shift_s": 0.2, "gain": 1.5}
    made = augmenter(examples, **everything)
    draws = np.array([3, 3 + len(examples), 3 + 2 * len(examples), 5])
    samples = examples.read(draws % len(examples))
    found = made(0, draws, samples.copy(), np.zeros_like(samples))
    assert not np.array_equal(found[0], found[1])
    assert not np.array_equal(found[1], found[2])
    one = made(0, draws[1:2], samples[1:2].copy(), np.zeros_like(samples[1:2]))
    np.testing.assert_array_equal(found[1:2], one)


def test_noise_may_be_of_any_station(examples: Examples) -> None:
    quiet = np.flatnonzero(examples.wavelet_class == WaveletClass.RANDOM_NOISE)
    indices = np.arange(len(examples))
    own = augmenter(examples, noise=1).donors(0, indices, quiet)
    assert (examples.station[own] == examples.station).all()
    any_one = augmenter(examples, noise=1, noise_of="any").donors(0, indices, quiet)
    assert 0.5 < (examples.station[any_one] != examples.station).mean() < 0.8
    assert np.isin(any_one, quiet).all()
