"""Evaluations: what a model is given, what is counted, what is noted, what is refused."""

import json
from dataclasses import replace
from pathlib import Path

import evaluations
import numpy as np
import pytest
from evaluations import FakeModel, guess

from seisflow.core.classes import Split, WaveletClass
from seisflow.errors import ConfigError
from seisflow.stages.evaluate import evaluation as module
from seisflow.stages.evaluate.as_json import RATES, json_of
from seisflow.stages.evaluate.evaluation import (
    Evaluation,
    evaluate_model,
    evaluate_probabilities,
    predict,
)
from seisflow.stages.evaluate.metrics import score_classes
from seisflow.stages.evaluate.truth import PlantedTruth
from seisflow.stages.learn.examples import Examples
from seisflow.stages.synth.sources import SourceKind

EARTHQUAKE = WaveletClass.EARTHQUAKE


def evaluated(examples: Examples, split: Split = Split.TEST, **options: float) -> Evaluation:
    indices = examples.select(split)
    said = guess(examples.wavelet_class[indices])
    return evaluate_probabilities(said, FakeModel(examples), examples, indices, **options)


def test_a_model_is_given_the_window_and_its_halo_and_nothing_else(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PIECE", 16)
    model, done = FakeModel(examples), []
    indices = examples.select(Split.TEST)
    found = predict(model, examples, indices, on_advance=done.append)
    assert found.shape == (indices.size, 3)
    assert done == [16, 16, 4]
    whole, start = examples.read(indices), examples.margin_samples - model.halo_samples
    width = examples.window_samples + 2 * model.halo_samples
    assert np.array_equal(np.concatenate(model.asked), whole[:, start : start + width])


def test_probabilities_stay_with_their_wavelets(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(samples: np.ndarray) -> np.ndarray:
        return samples[:, [0, 50, -1]]

    indices = examples.select(Split.TEST)[::-1]
    model = FakeModel(examples, answer)
    whole = predict(model, examples, indices)
    monkeypatch.setattr(module, "PIECE", 7)
    assert np.array_equal(predict(model, examples, indices), whole)
    start = examples.margin_samples - model.halo_samples
    assert np.array_equal(whole[:, 0], examples.read(indices)[:, start])


def test_an_evaluation_counts_the_class_of_the_largest_probability(examples: Examples) -> None:
    found = evaluated(examples)
    indices = examples.select(Split.TEST)
    true, given = examples.wavelet_class[indices], found.probabilities.argmax(axis=1)
    assert np.array_equal(found.true, true)
    assert np.array_equal(found.scores.confusion, score_classes(true, given).confusion)
    assert found.stations.confusion.sum(axis=0).tolist() == found.scores.confusion.tolist()
    n_false = found.stations.n_above[:, 1:].sum()
    assert (n_false, found.stations.n_above[:, 0].sum()) == (
        found.point.n_false,
        found.point.n_found,
    )
    assert found.calibration.n.sum() == true.size
    share = found.earthquake_calibration.share * found.earthquake_calibration.n
    assert np.nansum(share) == pytest.approx((true == EARTHQUAKE).sum())
    n_quakes = int((true == EARTHQUAKE).sum())
    n_found = int((given[true == EARTHQUAKE] == EARTHQUAKE).sum())
    assert (found.by_snr.n.sum(), found.by_snr.n_given.sum()) == (n_quakes, n_found)
    assert found.by_distance.n_above.sum() == found.point.n_found
    assert found.point.n_noise == true.size - n_quakes
    assert (found.split, found.truth, found.n_left_out) == ("test", "labels", 0)


def test_earthquakes_without_snr_or_distance_are_counted_apart(tmp_path: Path) -> None:
    nothing = np.full(90, np.nan, np.float32)
    examples = evaluations.small_set(tmp_path / "w.zarr", snr=nothing, distance_km=nothing)
    found = evaluated(examples)
    assert found.by_snr.n.sum() == 0
    assert found.by_snr.n_unknown == found.by_distance.n_unknown == found.point.n_earthquakes


def test_evaluating_a_model_is_predicting_and_counting(examples: Examples) -> None:
    model, indices = FakeModel(examples), examples.select(Split.TEST)
    found = evaluate_model(model, examples, indices, false_positive_rate=0.1)
    assert found.point.asked_rate == 0.1
    assert (found.probabilities == np.float32(1 / 3)).all()
    assert (found.given == 0).all()


def test_it_is_json_without_what_there_is_for_each_wavelet(examples: Examples) -> None:
    found = evaluated(examples)
    content = json.loads(json.dumps(json_of(found), allow_nan=False))
    assert content["classes"]["random_noise"]["recall"] == pytest.approx(found.scores.recall[1])
    assert content["confusion"] == found.scores.confusion.tolist()
    assert content["operating_point"]["threshold"] == found.point.threshold
    is_noise = found.true != 0
    shown = {row["false_positive_rate"]: row["threshold"] for row in content["thresholds"]}
    assert set(shown) == {rate for rate in RATES if rate * is_noise.sum() >= 1}
    for rate, threshold in shown.items():
        n_false = np.count_nonzero(found.probabilities[is_noise, 0] >= threshold)
        assert n_false <= rate * is_noise.sum()
    assert content["by_snr"]["edges"][-1] is None
    assert content["by_station"].keys() == set(examples.station)
    assert content["roc"]["false_positive_rate"][-1] == 1
    assert content["n_wavelets"] == 36
    assert not {"probabilities", "indices", "true"} & content.keys()


def test_without_earthquakes_it_is_json_too(examples: Examples) -> None:
    indices = np.flatnonzero(examples.wavelet_class != EARTHQUAKE)
    said = guess(examples.wavelet_class[indices])
    found = evaluate_probabilities(said, FakeModel(examples), examples, indices)
    content = json.loads(json.dumps(json_of(found), allow_nan=False))
    assert content["classes"]["earthquake"]["recall"] is None
    assert content["roc"]["threshold"] == []
    assert content["operating_point"]["recall"] is None


def test_what_was_seen_in_training_is_noted(examples: Examples, tmp_path: Path) -> None:
    assert evaluated(examples, Split.TRAIN).notes[0] == "the model was trained on these wavelets"
    shared = "1 of 1 events and 3 of 3 stations are in training too"
    assert evaluated(examples).notes[0] == shared
    indices = examples.select(Split.TEST)
    model = FakeModel(examples)
    model.document["training"] = {"wavelets": "f" * 32}
    found = evaluate_probabilities(guess(indices), model, examples, indices)
    assert found.notes[0] == "trained on another set, ffffffff"
    split = np.repeat([0, 1, 2], 30).astype(np.uint8)
    columns = {
        "split": split,
        "station": np.array([f"XX.S{s}..HHZ" for s in split], object),
        "event": np.array([f"event {s}" for s in split], object),
    }
    apart = evaluations.small_set(tmp_path / "apart.zarr", **columns)
    assert evaluated(apart, false_positive_rate=0.2).notes == ()


def test_a_shuffled_split_is_said_first(
    examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(examples.sources[0].product.identity.config, "split", "shuffled")
    assert evaluated(examples).notes[0] == (
        "SHUFFLED SPLIT: 1 of 1 events and 3 of 3 stations are in training too; unseen events and "
        "stations will fare worse"
    )


def test_a_rate_that_cannot_be_shown_is_noted(examples: Examples) -> None:
    found = evaluated(examples, false_positive_rate=0.001)
    n = found.point.n_noise
    said = f"the threshold rests on {n} noise windows: a rate of false positives below {1 / n:.2g} "
    assert found.notes[-1].startswith(f"{said}cannot be told")
    assert not [x for x in evaluated(examples, false_positive_rate=0.2).notes if "rests" in x]


def test_what_the_split_is_short_of_is_noted_with_its_threshold(examples: Examples) -> None:
    short = tuple(
        f"{s.name.lower()} has 5 windows of earthquake where 150 were wanted" for s in Split
    )
    source = replace(examples.sources[0], warnings=short)
    found = evaluated(replace(examples, sources=(source,)), false_positive_rate=0.2)
    assert [note for note in found.notes if "150 were wanted" in note] == [short[Split.TEST]]


def truth_of(examples: Examples, folder: Path) -> PlantedTruth:
    """Write a truth in which noise is what the labels say, but for the first three of the test."""
    from test_evaluate_truth import SHAPE, place

    kind, ratio = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.float32)
    strength = {0: 3.0, 1: 0.0, 2: 3.0}
    for index, wavelet_class in enumerate(examples.wavelet_class):
        at = place(examples, index)
        ratio[at] = strength[int(wavelet_class)]
        kind[at] = SourceKind.EARTHQUAKE if wavelet_class == EARTHQUAKE else SourceKind.WIND
    noise = [i for i in examples.select(Split.TEST) if examples.wavelet_class[i] != EARTHQUAKE]
    for index in noise[:3]:
        ratio[place(examples, int(index))] = 0.2  # neither
    return PlantedTruth(evaluations.write_truth(folder / "truth.zarr", kind, ratio))


def test_against_the_planted_truth(examples: Examples, tmp_path: Path) -> None:
    truth = truth_of(examples, tmp_path)
    indices = examples.select(Split.TEST)
    found = evaluate_model(FakeModel(examples), examples, indices, truth=truth)
    assert (found.truth, found.n_left_out, found.true.size) == ("planted", 3, 33)
    assert found.probabilities.shape == (33, 3)
    assert np.array_equal(found.true, examples.wavelet_class[found.indices])


def test_a_truth_that_names_no_class_is_refused(examples: Examples, tmp_path: Path) -> None:
    ratio = np.full((3, 3600), 0.2, np.float32)
    path = evaluations.write_truth(tmp_path / "truth.zarr", np.ones((3, 3600)), ratio)
    indices = np.flatnonzero(examples.wavelet_class != EARTHQUAKE)
    with pytest.raises(ConfigError, match="gives none of 60 wavelets a class"):
        evaluate_model(FakeModel(examples), examples, indices, truth=PlantedTruth(path))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"rate_hz": 100}, "trained at 100 Hz .* has 40 Hz and 160"),
        ({"window_samples": 80}, "windows of 80 samples"),
        ({"halo_samples": 41}, "needs 41 samples on either side of the window, and .* has 40"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(
    changes: dict[str, int], said: str, examples: Examples
) -> None:
    model = FakeModel(examples, **changes)
    with pytest.raises(ConfigError, match=said):
        evaluate_model(model, examples, examples.select(Split.TEST))
    assert model.asked == []


def test_no_wavelets_are_refused(tmp_path: Path) -> None:
    examples = evaluations.small_set(tmp_path / "w.zarr", split=np.zeros(90, np.uint8))
    with pytest.raises(ConfigError, match="it has 90 train, 0 validation, 0 test"):
        evaluate_model(FakeModel(examples), examples, examples.select(Split.TEST))


@pytest.mark.parametrize("rate", [0.0, 1.0, -0.1, float("nan")])
def test_what_is_no_rate_is_refused(rate: float, examples: Examples) -> None:
    with pytest.raises(ConfigError, match=r"false positive rate: found .* above 0 and below 1"):
        evaluated(examples, false_positive_rate=rate)
