"""Models on the disk: saved, loaded, refused."""

import json
from copy import copy, deepcopy
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_models import made
from toy_windows import toy_windows

from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn import artifact
from seisflow.stages.learn.artifact import CLASSES, load_model, model_document, save_model
from seisflow.stages.learn.classifier import Classifier, build_classifier
from seisflow.stages.learn.front_end import FrontEndConfig
from seisflow.stages.learn.layers import (
    feature_maps,
    filtered,
    first_filters,
    input_channels,
    planes,
)
from seisflow.stages.learn.networks import NETWORKS
from seisflow.stages.learn.networks.compact import BIN_STEP, prepare

CONFIG = FrontEndConfig(40)
KINDS = (*NETWORKS, "forest")


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    model = made("compact")
    save_model(tmp_path / "model", model.classifier, model.document)
    return tmp_path / "model"


def edit(folder: Path, **changes: object) -> None:
    path = folder / "model.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_loaded_is_what_was_saved(kind: str, tmp_path: Path) -> None:
    model = made(kind)
    save_model(tmp_path, model.classifier, model.document)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["model.json", "weights.safetensors"]
    loaded = load_model(tmp_path, rate_hz=40, classes=CLASSES)
    samples, _ = toy_windows(50, CONFIG, seed=5)
    expected = model.probabilities(samples)
    np.testing.assert_array_equal(loaded.probabilities(samples), expected)
    assert loaded.document == model.document
    assert (loaded.rate_hz, loaded.classes, loaded.key) == (40, CLASSES, model.key)
    assert loaded.halo_samples == CONFIG.halo_samples
    assert loaded.window_samples == CONFIG.window_samples
    assert expected.dtype == np.float32
    assert expected.std() > 0
    np.testing.assert_allclose(expected.sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_probabilities_do_not_depend_on_the_batch(kind: str) -> None:
    model = made(kind)
    samples, _ = toy_windows(70, CONFIG, seed=5)
    expected = model.probabilities(samples)
    for batch in (1, 2, 33, 1000):
        found = model.probabilities(samples, batch=batch)
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-6)
    assert model.probabilities(samples[:0]).shape == (0, 3)


def test_probabilities_are_the_softmax_of_logits_without_dropout() -> None:
    model = deepcopy(made("recurrent"))
    assert isinstance(model.classifier, Classifier)
    samples, _ = toy_windows(20, CONFIG, seed=5)
    with torch.no_grad():
        expected = model.classifier(torch.from_numpy(samples)).softmax(dim=1).numpy()
        model.classifier.train()
        found = model.probabilities(samples)
        assert model.classifier.training
        in_training = model.classifier(torch.from_numpy(samples)).softmax(dim=1).numpy()
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.abs(found - in_training).max() > 1e-3


def test_samples_that_cannot_be_classified_are_refused() -> None:
    model = made("compact")
    samples, _ = toy_windows(6, CONFIG)
    with pytest.raises(DataError, match=r"windows of 200 samples, 160 and a halo of 20 .* 40 Hz"):
        model.probabilities(samples[:, 1:])
    samples[4, 3], samples[5, 0] = np.nan, np.inf
    with pytest.raises(DataError, match=r"2 of 6 windows hold NaN .* the first is window 4"):
        model.probabilities(samples)
    with pytest.raises(ConfigError, match="batch = 0"):
        model.probabilities(samples, batch=0)


def test_the_document_says_what_the_model_is() -> None:
    classifier = build_classifier("recurrent", FrontEndConfig(100, high_hz=30), 0.25)
    training = {"config": {"seed": 1}, "wavelets": "abc", "counts": np.array([1, 2])}
    document = model_document(
        classifier, training=training, metrics={"f1": np.float32(0.5), "none": float("nan")}
    )
    assert document["format"] == 1
    assert document["network"] == {"name": "recurrent", "dropout": 0.25}
    assert document["front_end"] == {
        "rate_hz": 100, "low_hz": 2.0, "high_hz": 30.0, "window_s": 4, "frame_s": 0.2,
    }  # fmt: skip
    assert document["classes"] == ["earthquake", "random_noise", "not_random_noise"]
    assert document["training"] == {"config": {"seed": 1}, "wavelets": "abc", "counts": [1, 2]}
    assert document["metrics"] == {"f1": 0.5, "none": None}
    assert document["versions"]["torch"] == torch.__version__
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_the_key_names_weights_network_and_front_end() -> None:
    keys = [
        made("compact").key,
        made("compact", seed=1).key,
        made("recurrent").key,
        made("compact", config=FrontEndConfig(40, low_hz=2.5)).key,
    ]
    assert len(set(keys)) == 4
    assert made("compact").key == keys[0]
    other_dropout = copy(made("compact").classifier)
    other_dropout.dropout = 0.1
    assert model_document(other_dropout)["key"] != keys[0]


def test_another_rate_is_refused(saved: Path) -> None:
    with pytest.raises(ConfigError, match=r"is for 40 samples/s, the data have 100: .* train a"):
        load_model(saved, rate_hz=100)
    with pytest.raises(ConfigError, match=r"the data have 40\.5"):
        load_model(saved, rate_hz=40.5)


def test_other_classes_are_refused(saved: Path) -> None:
    with pytest.raises(ConfigError, match="wanted are random_noise, earthquake, not_random_noise"):
        load_model(saved, classes=(CLASSES[1], CLASSES[0], CLASSES[2]))
    with pytest.raises(ConfigError, match=r"for 40 samples/s.*; and has the classes"):
        load_model(saved, rate_hz=100, classes=("a", "b"))
    edit(saved, classes=["noise", "signal"])
    with pytest.raises(ConfigError, match="has the classes noise, signal, wanted are earthquake"):
        load_model(saved)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is not a folder"):
        load_model(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"holds no model\.json, so no finished model"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text('{"name": "theirs"}')
    with pytest.raises(DataError, match="was not written by seisflow"):
        load_model(tmp_path)
    (tmp_path / "model.json").write_text("[1, 2]")
    with pytest.raises(DataError, match="was not written by seisflow"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "in format 2, this version reads 1"),
        ({"key": "0" * 32}, "do not belong together"),
        ({"network": {"name": "compact", "dropout": 0.0}}, "do not belong together"),
        ({"front_end": {"rate_hz": 40}}, "do not belong together"),
        ({"network": 3}, "is not as seisflow writes it"),
        ({"rate_hz": "forty"}, "is not as seisflow writes it"),
        ({"rate_hz": 50}, "is not as seisflow writes it"),
        ({"classes": "earthquake"}, "is not as seisflow writes it"),
    ],
)
def test_a_changed_document_is_refused(
    changes: dict[str, object], message: str, saved: Path
) -> None:
    edit(saved, **changes)
    with pytest.raises(DataError, match=message):
        load_model(saved, rate_hz=40)


@pytest.mark.parametrize("name", ["network", "front_end", "classes", "rate_hz", "key"])
def test_a_document_that_lacks_something_is_refused(name: str, saved: Path) -> None:
    path = saved / "model.json"
    document = json.loads(path.read_text())
    del document[name]
    path.write_text(json.dumps(document))
    with pytest.raises(DataError, match=f"lacks {name}"):
        load_model(saved)


@pytest.mark.parametrize("name", ["model.json", "weights.safetensors"])
@pytest.mark.parametrize("damage", ["cut", "empty", "noise", "folder"])
def test_a_damaged_file_is_refused(name: str, damage: str, saved: Path) -> None:
    path = saved / name
    content = path.read_bytes()
    path.unlink()
    if damage == "folder":
        path.mkdir()
    else:
        noise = np.random.default_rng(0).bytes(len(content))
        path.write_bytes({"cut": content[:-40], "empty": b"", "noise": noise}[damage])
    with pytest.raises(DataError, match=f"{name} cannot be read"):
        load_model(saved)


def test_a_changed_or_missing_weight_is_refused(saved: Path) -> None:
    tensors = load_file(saved / "weights.safetensors")
    save_file(tensors | {"row": tensors["row"] + 1e-6}, saved / "weights.safetensors")
    with pytest.raises(DataError, match="do not belong together"):
        load_model(saved)
    (saved / "weights.safetensors").unlink()
    with pytest.raises(DataError, match=r"weights\.safetensors cannot be read"):
        load_model(saved)


def test_weights_of_another_network_are_refused(saved: Path) -> None:
    """Key and weights agree, but this version builds no such network."""
    document = json.loads((saved / "model.json").read_text())
    tensors = load_file(saved / "weights.safetensors")
    for network in ({"name": "recurrent", "dropout": 0.3}, {"name": "new", "dropout": 0.3}):
        key = artifact._key(tensors, network, document["front_end"])
        edit(saved, network=network, key=key)
        with pytest.raises(DataError, match="not describe a model that this version can build"):
            load_model(saved)
    network, front_end = document["network"], {"rate_hz": 40, "colour": "red"}
    edit(saved, front_end=front_end, key=artifact._key(tensors, network, front_end),
         network=network)  # fmt: skip
    with pytest.raises(DataError, match="not describe a model that this version can build"):
        load_model(saved)


def test_another_model_is_overwritten_only_when_asked(saved: Path) -> None:
    (saved / "history.json").write_text("[]")
    other = made("recurrent")
    before = (saved / "model.json").read_bytes(), (saved / "weights.safetensors").read_bytes()
    with pytest.raises(ConfigError, match=r"holds another model \(key .*ask for it to be overwri"):
        save_model(saved, other.classifier, other.document)
    assert before == (
        (saved / "model.json").read_bytes(),
        (saved / "weights.safetensors").read_bytes(),
    )
    save_model(saved, other.classifier, other.document, overwrite=True)
    assert load_model(saved).key == other.key
    assert (saved / "history.json").read_text() == "[]"
    (saved / "model.json").write_text("{")
    with pytest.raises(ConfigError, match="its document is damaged"):
        save_model(saved, other.classifier, other.document)


def test_the_same_model_is_saved_again_with_metrics_or_to_mend_it(saved: Path) -> None:
    model = load_model(saved)
    save_model(saved, model.classifier, model.document | {"metrics": {"f1": 0.9}})
    assert load_model(saved).document["metrics"] == {"f1": 0.9}
    assert load_model(saved).key == model.key
    (saved / "weights.safetensors").write_bytes(b"")
    save_model(saved, model.classifier, model.document)
    assert load_model(saved).document == model.document


def test_a_document_of_another_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="make the document by model_document after"):
        save_model(tmp_path, made("compact").classifier, made("compact", seed=1).document)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("fails_at", [1, 2])
def test_an_interrupted_save_leaves_nothing_that_loads_as_another(
    fails_at: int, saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, other = load_model(saved), made("compact", seed=1)
    renames = []

    def failing(self: Path, target: Path) -> Path:
        renames.append(target)
        if len(renames) == fails_at:
            raise KeyboardInterrupt
        return self.rename(target)

    monkeypatch.setattr(Path, "replace", failing)
    with pytest.raises(KeyboardInterrupt):
        save_model(saved, other.classifier, other.document, overwrite=True)
    monkeypatch.undo()
    assert sorted(p.name for p in saved.iterdir()) == ["model.json", "weights.safetensors"]
    if fails_at == 1:
        assert load_model(saved).key == old.key
    else:
        with pytest.raises(DataError, match="do not belong together"):
            load_model(saved)
    save_model(saved, other.classifier, other.document, overwrite=True)
    assert load_model(saved).key == other.key


def test_what_figures_need_comes_as_numpy() -> None:
    model = made("compact")
    samples, _ = toy_windows(3, CONFIG)
    windows, both = filtered(model, samples), planes(model, samples)
    assert windows.shape == (3, 160)
    np.testing.assert_allclose(np.abs(windows).max(axis=1), 1)
    assert both.shape == (3, 2, 21, 41)
    filters, maps = first_filters(model), feature_maps(model, samples[0])
    assert filters.shape == (16, 3, 5, 3)
    assert len(input_channels(model)) == filters.shape[1]
    assert [m.shape for m in maps] == [(16, 3, 18), (32, 2, 16), (64, 1, 3), (128, 1, 1)]
    assert isinstance(model.classifier, Classifier)
    with torch.no_grad():
        amplitude, phase = torch.from_numpy(both[:1, :, ::BIN_STEP, 1:-1]).unbind(1)
        frames = prepare(amplitude * phase.cos(), amplitude * phase.sin())
        expected = model.classifier.network.stem(frames.planes)[0].numpy()
    np.testing.assert_allclose(maps[0], expected, atol=1e-5)
    modules = model.classifier.network.modules()
    assert not any(module._forward_hooks for module in modules)


@pytest.mark.parametrize("kind", ["published", "recurrent"])
def test_every_network_shows_its_filters(kind: str) -> None:
    model = made(kind)
    samples, _ = toy_windows(1, CONFIG)
    assert first_filters(model).shape[1] == len(input_channels(model))
    assert len(feature_maps(model, samples[0])) == 3


def test_a_forest_has_planes_but_no_filters() -> None:
    model = made("forest")
    samples, _ = toy_windows(2, CONFIG)
    assert planes(model, samples).shape == (2, 2, 21, 41)
    assert filtered(model, samples).shape == (2, 160)
    for show in (first_filters, input_channels, lambda m: feature_maps(m, samples[0])):
        with pytest.raises(ConfigError, match="a forest has no "):
            show(model)
