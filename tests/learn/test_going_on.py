"""A training that goes on from another model: its weights, its front end, and what may change."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tiny_network import Tiny
from toy_models import made
from wavelet_sets import WaveletSet, write_wavelets

from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.artifact import load_model, save_model
from seisflow.stages.learn.classifier import build_classifier
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.front_end import FrontEndConfig
from seisflow.stages.learn.job import Job, prepare
from seisflow.stages.learn.networks import NETWORKS, last_layer
from seisflow.stages.learn.training import Event, Trained, train_job

SHORT = {"epochs": 2, "batch_size": 32, "patience": 0}
Listener = Callable[[Event], None]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "tiny", Tiny)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def wavelets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr", WaveletSet(n=150))


@pytest.fixture(scope="module")
def bases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of 40 Hz: two that are like each other, and a forest."""
    folder = tmp_path_factory.mktemp("bases")
    for name, seed in (("compact", 0), ("other", 1), ("forest", 0)):
        model = made("forest" if name == "forest" else "compact", seed)
        save_model(folder / name, model.classifier, model.document)
    return folder


def job_of(wavelets: Path, folder: Path = Path("model"), **options: Any) -> Job:
    return prepare(TrainConfig.build({"wavelets": wavelets, "model": folder, **SHORT, **options}))


def run(wavelets: Path, folder: Path, on_event: Listener | None = None, **options: Any) -> Trained:
    return train_job(job_of(wavelets, folder, **options), on_event=on_event)


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "weights.safetensors")


def changed(a: Path, b: Path) -> set[str]:
    """Name the tensors of two models of which any bit differs."""
    mine, theirs = weights(a), weights(b)
    assert mine.keys() == theirs.keys()
    return {name for name in mine if mine[name].tobytes() != theirs[name].tobytes()}


class CrashError(Exception):
    """What a test throws into a training."""


def crash_at(step: int) -> Listener:
    def listen(event: Event) -> None:
        if event.kind == "step" and event.step == step:
            raise CrashError

    return listen


def test_it_begins_with_the_weights_and_statistics_of_the_model(
    wavelets: Path, bases: Path
) -> None:
    job = job_of(wavelets, from_model=bases / "compact", dropout=0.1)
    begun = job.classifier()
    found = {name: t.numpy() for name, t in begun.network.state_dict().items()}
    kept = weights(bases / "compact")
    assert any("running_mean" in name for name in kept)
    assert {name: a.tobytes() for name, a in found.items()} == {
        name: a.tobytes() for name, a in kept.items()
    }
    assert (begun.name, begun.dropout) == ("compact", 0.1)
    fresh = job_of(wavelets).classifier().network.state_dict()
    assert not torch.equal(fresh["dense.weight"], begun.network.state_dict()["dense.weight"])


def test_network_and_front_end_are_those_of_the_model(wavelets: Path, tmp_path: Path) -> None:
    front_end = FrontEndConfig(40, low_hz=4, high_hz=15, frame_s=0.3)
    base = made("recurrent", config=front_end)
    save_model(tmp_path / "base", base.classifier, base.document)
    fast = write_wavelets(tmp_path / "fast.zarr", WaveletSet(n=90, rate=80))
    for asked in ({}, {"network": "recurrent", "rate": 40, "low_hz": 4.0, "high_hz": "15"}):
        job = job_of(fast, from_model=tmp_path / "base", **asked)
        assert job.front_end == front_end
        assert (job.config.network, job.examples.rate_hz) == ("recurrent", 40)
    run(fast, tmp_path / "m", epochs=1, from_model=tmp_path / "base")
    assert load_model(tmp_path / "m").document["front_end"] == base.document["front_end"]


def test_the_same_seed_gives_the_same_bytes(wavelets: Path, bases: Path, tmp_path: Path) -> None:
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(wavelets, tmp_path / name, from_model=bases / "compact", seed=seed)
    a, b = (tmp_path / n / "weights.safetensors" for n in "ab")
    assert a.read_bytes() == b.read_bytes()
    assert changed(tmp_path / "a", tmp_path / "c")
    assert "dense.weight" in changed(tmp_path / "a", bases / "compact")


@pytest.mark.parametrize("layers", ["all", "last"])
def test_one_that_crashed_ends_as_if_it_had_not(
    wavelets: Path, bases: Path, tmp_path: Path, layers: str
) -> None:
    options = {"from_model": bases / "compact", "layers": layers}
    run(wavelets, tmp_path / "a", **options)
    with pytest.raises(CrashError):
        run(wavelets, tmp_path / "b", crash_at(5), checkpoint_every_s=0, **options)
    told: list[Event] = []
    run(wavelets, tmp_path / "b", told.append, **options)
    assert told[0].step == 4
    assert changed(tmp_path / "a", tmp_path / "b") == set()


def test_the_last_layer_alone_learns(wavelets: Path, bases: Path, tmp_path: Path) -> None:
    """Statistics of normalisation count as the rest: they stay, bit for bit."""
    options = {"from_model": bases / "compact", "weight_decay": 0.1}
    run(wavelets, tmp_path / "last", layers="last", **options)
    assert changed(bases / "compact", tmp_path / "last") == {"dense.weight", "dense.bias"}
    run(wavelets, tmp_path / "all", **options)
    moved = changed(bases / "compact", tmp_path / "all")
    assert len(moved) > 10
    assert {name.rpartition(".")[2] for name in moved} >= {"running_mean", "num_batches_tracked"}


@pytest.mark.parametrize("network", ["published", "compact", "recurrent", "tiny"])
def test_the_last_layer_gives_the_classes(network: str) -> None:
    with torch.device("meta"):
        built = build_classifier(network, FrontEndConfig(40)).network
    assert last_layer(built).out_features == 3
    given: list[torch.Tensor] = []
    last_layer(built).register_forward_hook(lambda _, __, found: given.append(found))
    logits = built.eval()(torch.zeros(1, 2, 21, 41, device="meta"))
    assert logits.numel() == given[-1].numel()


def test_it_is_another_training_with_another_model_or_other_layers(
    wavelets: Path, bases: Path, tmp_path: Path
) -> None:
    run(wavelets, tmp_path / "m", epochs=1, from_model=bases / "compact")
    for options, words in (
        ({"from_model": bases / "other"}, "from.key: asked"),
        (
            {"from_model": bases / "compact", "layers": "last"},
            "from.layers: asked 'last', found 'all'",
        ),
        ({}, "from.key"),
    ):
        with pytest.raises(ConfigError, match="belongs to another training") as refused:
            run(wavelets, tmp_path / "m", **({"epochs": 1} | options))
        assert words in str(refused.value)
    moved = tmp_path / "moved"
    (bases / "compact").rename(moved)
    try:
        assert run(wavelets, tmp_path / "m", epochs=1, from_model=moved).was_finished
    finally:
        moved.rename(bases / "compact")


def test_a_training_from_the_beginning_is_what_it_was(wavelets: Path) -> None:
    """One that an earlier version began is gone on with."""
    identity = job_of(wavelets).identity
    assert "from" not in identity
    assert not {"layers", "from_model"} & identity["config"].keys()


def test_the_model_keeps_what_it_was_made_from(wavelets: Path, bases: Path, tmp_path: Path) -> None:
    run(wavelets, tmp_path / "one", epochs=1, from_model=bases / "compact")
    run(wavelets, tmp_path / "two", epochs=1, from_model=tmp_path / "one", layers="last")
    one, two = (load_model(tmp_path / n) for n in ("one", "two"))
    key = load_model(bases / "compact").key
    first = {"name": "compact", "key": key, "layers": "all", "training": {}}
    assert one.document["training"]["from"] == first
    assert two.document["training"]["from"] == {
        "name": "one",
        "key": one.key,
        "layers": "last",
        "training": {"wavelets": one.document["training"]["wavelets"], "from": first},
    }


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"network": "published"}, "--network: asked published, it has compact"),
        ({"network": "forest"}, "--network: asked forest, it has compact"),
        ({"low_hz": 3, "frame_s": 0.4}, "--low-hz: asked 3, it has 2; --frame-s: asked 0.4, it"),
        ({"high_hz": 10}, "--high-hz: asked 10, it has 0 (open)"),
        ({"low_hz": 0}, "--low-hz: asked 0 (open), it has 2"),
        ({"rate": 20}, "--rate: asked 20, it has 40"),
    ],
)
def test_what_that_model_is_not_is_refused(
    wavelets: Path, bases: Path, tmp_path: Path, options: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        run(wavelets, tmp_path / "m", from_model=bases / "compact", **options)
    assert said in str(refused.value)
    assert "leave them out, or train without --from" in str(refused.value)
    assert not (tmp_path / "m").exists()


def test_what_cannot_be_gone_on_from(wavelets: Path, bases: Path, tmp_path: Path) -> None:
    def refused(error: type[Exception], words: str, base: Path, **options: Any) -> None:
        with pytest.raises(error, match=words):
            run(wavelets, tmp_path / "m", from_model=base, **options)
        assert not (tmp_path / "m").exists()

    refused(ConfigError, "it is a forest, which has no weights to go on from", bases / "forest")
    refused(ConfigError, "is not a folder; give one", tmp_path / "none")
    refused(ConfigError, "is the folder to write as well", tmp_path / "m")
    slow = made("compact", config=FrontEndConfig(110))
    save_model(tmp_path / "110", slow.classifier, slow.document)
    refused(ConfigError, "110 samples/s are needed and .* has 40", tmp_path / "110")
    wide = made("compact", config=FrontEndConfig(40, window_s=6))
    save_model(tmp_path / "6s", wide.classifier, wide.document)
    refused(ConfigError, "windows of 6 s, and those of .* have 4 s; assemble", tmp_path / "6s")
    document = made("compact").document
    for change, error, words in (
        ({"classes": ["noise", "signal"]}, ConfigError, "has the classes noise, signal, wanted"),
        ({"format": 2}, DataError, "in format 2, this version reads 1"),
    ):
        save_model(tmp_path / "bad", made("compact").classifier, document)
        (tmp_path / "bad" / "model.json").write_text(json.dumps(document | change))
        refused(error, words, tmp_path / "bad")


def test_layers_are_of_a_model_to_go_on_from(wavelets: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"layers = 'last' asked without a model .* --from MODEL"):
        run(wavelets, tmp_path / "m", layers="last")
