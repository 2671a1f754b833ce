"""Training learns, stops, goes on to the bit, and refuses what cannot be trained."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_network import Tiny
from wavelet_sets import WaveletSet, write_wavelets

from seisflow.core.classes import Split
from seisflow.errors import ConfigError, DataError, IncompleteError
from seisflow.stages.learn import training
from seisflow.stages.learn.artifact import load_model
from seisflow.stages.learn.config import LEARNING_RATES, TrainConfig
from seisflow.stages.learn.job import Job, prepare
from seisflow.stages.learn.networks import NETWORKS
from seisflow.stages.learn.ranks import World
from seisflow.stages.learn.training import Event, Trained, train_job

Listener = Callable[[Event], None]
TINY = {"network": "tiny", "epochs": 3, "batch_size": 32, "learning_rate": 0.05, "patience": 0}
N_BATCHES = 6  # 210 wavelets to learn from


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NETWORKS, "tiny", Tiny)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def wavelets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr")


def run(
    wavelets: Path, folder: Path, on_event: Listener | None = None, every_s: float = 600, **o: Any
) -> Trained:
    return train_job(job_of(wavelets, folder, checkpoint_every_s=every_s, **o), on_event=on_event)


def job_of(wavelets: Path, folder: Path = Path("model"), **options: Any) -> Job:
    asked = {"wavelets": wavelets, "model": folder}
    return prepare(TrainConfig.build(TINY | asked | options))


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "weights.safetensors")


def same_weights(a: Path, b: Path) -> bool:
    mine, theirs = weights(a), weights(b)
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[k], theirs[k]) for k in mine)


def without_times(history: list[dict[str, Any]]) -> list[dict[str, Any]]:
    timed = ("seconds", "validation_s", "examples_per_s")
    return [{k: v for k, v in row.items() if k not in timed} for row in history]


class CrashError(Exception):
    """What a test throws into a training."""


def crash_at(step: int) -> Listener:
    def listen(event: Event) -> None:
        if event.kind == "step" and event.step == step:
            raise CrashError

    return listen


def test_it_learns_and_says_what_happens(wavelets: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    found = run(wavelets, tmp_path / "m", events.append, epochs=8)
    kinds = [e.kind for e in events]
    epoch = [*["step"] * N_BATCHES, "checkpoint", "epoch"]
    assert kinds == ["started", *epoch * 8, "finished"]
    assert [e.step for e in events if e.kind == "step"] == list(range(1, 8 * N_BATCHES + 1))
    assert {e.n_steps for e in events} == {8 * N_BATCHES}
    assert found.history[-1]["macro_f1"] > 0.9
    assert found.history[-1]["loss"] < 0.6 * found.history[0]["loss"]
    assert found.history == [dict(e.row) for e in events if e.kind == "epoch"]
    assert found.history == json.loads((tmp_path / "m" / "history.json").read_text())
    assert not found.was_finished
    names = {p.name for p in (tmp_path / "m").iterdir()}
    files = {"training.json", "history.json", "tensorboard", "model.json", "weights.safetensors"}
    assert names == files | {".lock"}


def test_the_history_is_right(wavelets: Path, tmp_path: Path) -> None:
    """The last row, against the model that was left, by scikit-learn."""
    from sklearn.metrics import accuracy_score, f1_score, log_loss

    found = run(wavelets, tmp_path / "m", epochs=1)
    job = job_of(wavelets)
    samples = job.plain().cut(job.examples.read(job.validation))
    probabilities = load_model(tmp_path / "m").probabilities(samples)
    true, given = job.examples.wavelet_class[job.validation], probabilities.argmax(axis=1)
    (row,) = found.history
    assert row["macro_f1"] == pytest.approx(f1_score(true, given, average="macro"), rel=1e-6)
    assert list(row["f1"].values()) == pytest.approx(f1_score(true, given, average=None))
    assert row["accuracy"] == pytest.approx(accuracy_score(true, given))
    assert row["validation_loss"] == pytest.approx(log_loss(true, probabilities), rel=1e-4)
    assert row["step"] == N_BATCHES
    document = load_model(tmp_path / "m").document
    assert document["metrics"]["best_epoch"] == row
    assert document["training"]["wavelets"] == job.examples.key
    assert document["training"]["counts"]["train"] == job.examples.counts(Split.TRAIN)


def test_tensorboard_has_the_curves(wavelets: Path, tmp_path: Path) -> None:
    found = run(wavelets, tmp_path / "m", epochs=2)
    events = EventAccumulator(str(tmp_path / "m" / "tensorboard"))
    events.Reload()
    for tag, name in (("loss/train", "loss"), ("macro_f1/validation", "macro_f1")):
        values = [e.value for e in events.Scalars(tag)]
        assert values == pytest.approx([row[name] for row in found.history], rel=1e-6)
    assert [e.step for e in events.Scalars("loss/step")] == [10]
    assert {"learning_rate", "f1/earthquake"} <= set(events.Tags()["scalars"])


def test_the_same_seed_gives_the_same_weights(wavelets: Path, tmp_path: Path) -> None:
    before = torch.random.get_rng_state()
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        torch.manual_seed(len(name) + seed + 100)
        run(wavelets, tmp_path / name, epochs=1, seed=seed)
    assert same_weights(tmp_path / "a", tmp_path / "b")
    assert not same_weights(tmp_path / "a", tmp_path / "c")
    torch.random.set_rng_state(before)


def test_what_the_caller_draws_is_left_alone(wavelets: Path, tmp_path: Path) -> None:
    torch.manual_seed(11)
    wanted = torch.rand(3)
    torch.manual_seed(11)
    run(wavelets, tmp_path / "m", epochs=1)
    assert torch.equal(torch.rand(3), wanted)


@pytest.mark.parametrize(
    ("optimiser", "step"),
    [("sgd", 3), ("adamw", N_BATCHES), ("rmsprop", N_BATCHES + 4), ("adam", 3 * N_BATCHES)],
)
def test_a_training_that_crashed_ends_as_if_it_had_not(
    wavelets: Path, tmp_path: Path, optimiser: str, step: int
) -> None:
    options = {"optimiser": optimiser, "dropout": 0.3, "schedule": "onecycle"}
    undisturbed = run(wavelets, tmp_path / "a", **options)
    with pytest.raises(CrashError):
        run(wavelets, tmp_path / "b", crash_at(step), every_s=0, **options)
    assert not (tmp_path / "b" / "model.json").exists()
    told: list[Event] = []
    resumed = run(wavelets, tmp_path / "b", told.append, **options)
    # the crash came after the step and before its checkpoint
    assert told[0].kind == "started"
    assert told[0].step == step - 1
    assert same_weights(tmp_path / "a", tmp_path / "b")
    assert without_times(resumed.history) == without_times(undisturbed.history)
    assert not (tmp_path / "b" / "checkpoint.pt").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_after_the_step(wavelets: Path, tmp_path: Path, number: int) -> None:
    def listen(event: Event) -> None:
        if event.kind == "step" and event.step == 8:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        run(wavelets, tmp_path / "b", listen)
    assert signal.getsignal(number) is before
    told: list[Event] = []
    run(wavelets, tmp_path / "b", told.append)
    assert 8 <= told[0].step <= 9  # it is heard before the step after the next
    run(wavelets, tmp_path / "a")
    assert same_weights(tmp_path / "a", tmp_path / "b")


def test_a_signal_during_validation_ends_it_too(
    wavelets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judge = training.Learner.judge

    def interrupted(self: Any, on_batch: Callable[[], None]) -> dict[str, Any]:
        os.kill(os.getpid(), signal.SIGTERM)
        return judge(self, on_batch)

    monkeypatch.setattr(training.Learner, "judge", interrupted)
    with pytest.raises(KeyboardInterrupt):
        run(wavelets, tmp_path / "b")
    monkeypatch.setattr(training.Learner, "judge", judge)
    told: list[Event] = []
    run(wavelets, tmp_path / "b", told.append)
    assert told[0].step == N_BATCHES
    assert told[1].kind == "checkpoint"  # no step was taken again
    run(wavelets, tmp_path / "a")
    assert same_weights(tmp_path / "a", tmp_path / "b")


def test_a_finished_training_is_left_as_it_is(wavelets: Path, tmp_path: Path) -> None:
    first = run(wavelets, tmp_path / "m", epochs=1)
    written = (tmp_path / "m" / "model.json").stat().st_mtime_ns
    told: list[Event] = []
    again = run(wavelets, tmp_path / "m", told.append, epochs=1)
    assert again.was_finished
    assert again.history == first.history
    assert told == []
    assert (tmp_path / "m" / "model.json").stat().st_mtime_ns == written


def test_one_that_crashed_while_saving_is_finished(
    wavelets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(*_: object) -> None:
        raise CrashError

    save = training.save_model
    monkeypatch.setattr(training, "save_model", crash)
    with pytest.raises(CrashError):
        run(wavelets, tmp_path / "b", epochs=1)
    monkeypatch.setattr(training, "save_model", save)
    (tmp_path / "b" / "history.json").unlink()  # as if the crash had come before that too
    assert len(run(wavelets, tmp_path / "b", epochs=1).history) == 1
    assert load_model(tmp_path / "b").classes


def test_another_configuration_is_refused_with_the_differences(
    wavelets: Path, tmp_path: Path
) -> None:
    run(wavelets, tmp_path / "m", epochs=1)
    with pytest.raises(ConfigError) as refused:
        run(wavelets, tmp_path / "m", epochs=2, seed=4, flip=0.1)
    message = str(refused.value)
    assert "config.epochs: asked 2, found 1" in message
    assert "config.seed: asked 4, found 0" in message
    assert "config.augment.flip: asked 0.1, found 0.5" in message
    assert "another folder" in message


def test_other_wavelets_and_other_rates_are_refused(wavelets: Path, tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        run(wavelets, tmp_path / "m", crash_at(2), every_s=0)
    other = write_wavelets(tmp_path / "w.zarr", WaveletSet(rate=60))
    with pytest.raises(ConfigError) as refused:
        run(other, tmp_path / "m")
    assert "rate_hz: asked 60, found 40" in str(refused.value)
    assert "wavelets: asked" in str(refused.value)


def test_a_folder_of_something_else_is_refused(wavelets: Path, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "thesis.tex").write_text("")
    with pytest.raises(ConfigError, match="something that seisflow train did not make"):
        run(wavelets, tmp_path / "m")
    with pytest.raises(ConfigError, match="something that seisflow train did not make"):
        run(wavelets, tmp_path / "m" / "thesis.tex")
    assert [p.name for p in (tmp_path / "m").iterdir()] == ["thesis.tex"]


def test_two_trainings_in_one_folder_are_refused(wavelets: Path, tmp_path: Path) -> None:
    refusals = []

    def listen(event: Event) -> None:
        if event.kind == "step" and event.step == 1:
            with pytest.raises(ConfigError, match=rf"another process \(process {os.getpid()} on"):
                run(wavelets, tmp_path / "m", epochs=1)
            refusals.append(event)

    run(wavelets, tmp_path / "m", listen, epochs=1)
    assert len(refusals) == 1


def test_a_damaged_checkpoint_is_refused(wavelets: Path, tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        run(wavelets, tmp_path / "m", crash_at(2), every_s=0)
    file = tmp_path / "m" / "checkpoint.pt"
    whole = file.read_bytes()
    for content in (b"", b"rubbish", b"PK\x03\x04 rubbish", whole[: len(whole) // 2], whole[:-1]):
        file.write_bytes(content)
        with pytest.raises(DataError, match=r"checkpoint\.pt cannot be read .* remove it"):
            run(wavelets, tmp_path / "m")
    file.unlink()
    run(wavelets, tmp_path / "m")


def test_what_a_killed_writer_left_is_swept(wavelets: Path, tmp_path: Path) -> None:
    with pytest.raises(CrashError):
        run(wavelets, tmp_path / "m", crash_at(2), every_s=0)
    left = tmp_path / "m" / "checkpoint.pt.0badf00d.partial"
    left.write_bytes(b"half")
    run(wavelets, tmp_path / "m")
    assert not left.exists()


def test_a_loss_that_is_not_finite_stops_before_the_step(wavelets: Path, tmp_path: Path) -> None:
    options = {"optimiser": "sgd", "learning_rate": 1e38, "clip_norm": 0}
    with pytest.raises(DataError) as refused:
        run(wavelets, tmp_path / "m", every_s=0, **options)
    assert "in epoch 1, batch" in str(refused.value)
    assert "wavelet " in str(refused.value)
    assert "--learning-rate than 1e+38" in str(refused.value)
    kept = torch.load(tmp_path / "m" / "checkpoint.pt", weights_only=True)
    assert not (tmp_path / "m" / "model.json").exists()
    with pytest.raises(DataError) as again:
        run(wavelets, tmp_path / "m", every_s=0, **options)
    assert str(again.value) == str(refused.value)
    assert kept["course"]["step"] >= 1


@pytest.mark.parametrize(
    ("missing", "split"), [(0, Split.TRAIN), (1, Split.VALIDATION), (2, Split.TRAIN)]
)
def test_a_missing_class_is_named(tmp_path: Path, missing: int, split: Split) -> None:
    columns = WaveletSet(n=90).columns()
    is_one = (columns["wavelet_class"] == missing) & (columns["split"] == split)
    splits = np.where(is_one, Split.TEST, columns["split"]).astype(np.uint8)
    path = write_wavelets(tmp_path / "w.zarr", WaveletSet(n=90), split=splits)
    with pytest.raises(DataError, match=f"the {split.name.lower()} split of .* has no "):
        run(path, tmp_path / "m")
    assert not (tmp_path / "m").exists()


def test_an_empty_split_is_named(tmp_path: Path) -> None:
    splits = np.full(90, Split.TRAIN, np.uint8)
    path = write_wavelets(tmp_path / "w.zarr", WaveletSet(n=90), split=splits)
    with pytest.raises(DataError, match="no earthquake and no random_noise and no not_random"):
        run(path, tmp_path / "m")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"network": "perceptron"}, "'perceptron' asked; give one of published, compact, recu.*"),
        ({"optimiser": "lion"}, "optimiser: found 'lion': .*'sgd', 'rmsprop', 'adagrad', 'adam'"),
        ({"schedule": "zigzag"}, "schedule: found 'zigzag'.*'constant', 'step', 'cosine'"),
        ({"learning_rate": 0}, "learning_rate: found 0"),
        ({"low_hz": 25.0}, "low_hz"),
        ({"low_hz": 0.5}, "needs 80 samples beside the window .* have 40"),
        ({"frame_s": 3.0}, "frame_s"),
        ({"epoch": 3}, "epoch: no such option; did you mean 'epochs'"),
    ],
)
def test_what_cannot_be_asked_for(
    wavelets: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        run(wavelets, tmp_path / "m", **options)


def test_each_optimiser_has_its_usual_rates() -> None:
    def asked(**options: Any) -> TrainConfig:
        return TrainConfig.build({"wavelets": "w.zarr", "model": "model", **options})

    for name, rate in LEARNING_RATES.items():
        config = asked(optimiser=name, learning_rate=None, weight_decay=None)
        assert config.learning_rate == rate
    assert asked().weight_decay == 0.01
    assert asked(optimiser="sgd", weight_decay=0.0).weight_decay == 0
    assert asked(learning_rate=0.3).learning_rate == 0.3


def test_a_corner_of_zero_is_open(wavelets: Path) -> None:
    """As the command says it, which has no other word for it; the identity has one too."""
    asked = job_of(wavelets, low_hz="0").identity["config"]
    assert asked == job_of(wavelets, low_hz=None).identity["config"]
    assert asked["low_hz"] is None


@pytest.mark.parametrize("name", ["sgd", "rmsprop", "adagrad", "adam", "adamw"])
def test_every_optimiser_learns(wavelets: Path, tmp_path: Path, name: str) -> None:
    history = run(wavelets, tmp_path / "m", optimiser=name, epochs=2, learning_rate=0.01).history
    assert history[1]["loss"] < 0.98 * history[0]["loss"]


def test_early_stopping_keeps_the_best(wavelets: Path, tmp_path: Path) -> None:
    """A rate so small that nothing gets better after the first epoch, by a wide margin."""
    options = {"learning_rate": 1e-12, "patience": 2, "epochs": 9, "schedule": "constant"}
    found = run(wavelets, tmp_path / "m", **options)
    assert len(found.history) == 3
    assert found.best_epoch == 1
    assert [row["is_best"] for row in found.history] == [True, False, False]


def test_the_best_weights_are_saved_not_the_last(wavelets: Path, tmp_path: Path) -> None:
    """Good weights first; then an enormous step spoils them."""
    options = {"epochs": 2, "optimiser": "sgd", "schedule": "constant", "momentum": 0.0}
    best: dict[str, np.ndarray] = {}

    def listen(event: Event) -> None:
        if event.kind == "epoch" and event.epoch == 1:
            kept = torch.load(tmp_path / "m" / "checkpoint.pt", weights_only=True)
            best.update({k: v.numpy().copy() for k, v in kept["network"].items()})

    found = run(wavelets, tmp_path / "m", listen, learning_rate=30.0, clip_norm=0, **options)
    saved = weights(tmp_path / "m")
    is_first = found.best_epoch == 1
    assert all(np.array_equal(saved[k], best[k]) for k in best) is is_first
    by_f1 = max(found.history, key=lambda row: row["macro_f1"])
    assert found.best_epoch == by_f1["epoch"]


def test_the_monitor_can_be_the_loss(wavelets: Path, tmp_path: Path) -> None:
    found = run(wavelets, tmp_path / "m", monitor="loss", epochs=3)
    best = min(found.history, key=lambda row: row["validation_loss"])
    assert found.best_epoch == best["epoch"]


@pytest.mark.parametrize("network", ["compact", "tiny"])
def test_bfloat16_learns_too(wavelets: Path, tmp_path: Path, network: str) -> None:
    options = {"network": network, "epochs": 1, "learning_rate": 0.003}
    half = run(wavelets, tmp_path / "h", precision="bfloat16", **options).history[-1]
    full = run(wavelets, tmp_path / "f", **options).history[-1]
    assert half["loss"] == pytest.approx(full["loss"], rel=0.05)
    assert half["loss"] != full["loss"]
    assert {a.dtype for a in weights(tmp_path / "h").values()} <= {
        np.dtype("float32"),
        np.dtype("int64"),
    }


def test_the_forest_is_trained_alike(wavelets: Path, tmp_path: Path) -> None:
    options = {"network": "forest", "forest_trees": 10, "forest_examples": 90}
    found = run(wavelets, tmp_path / "a", **options)
    assert found.history == []
    run(wavelets, tmp_path / "b", **options)
    model = load_model(tmp_path / "a", rate_hz=40)
    job = job_of(wavelets, **options)
    samples = job.plain().cut(job.examples.read(job.validation))
    given = model.probabilities(samples).argmax(axis=1)
    assert np.mean(given == job.examples.wavelet_class[job.validation]) > 0.8
    assert model.key == load_model(tmp_path / "b").key
    assert run(wavelets, tmp_path / "a", **options).was_finished


def test_ranks_wait_until_all_see_the_same_checkpoint(
    wavelets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a shared disk shows another machine an older one; restarts are told apart."""
    asked: list[int] = []

    def agrees(world: World, value: int) -> bool:
        asked.append(value)
        return len(asked) % 3 == 0

    monkeypatch.setattr(World, "agrees", agrees)
    monkeypatch.setattr(training, "LOOK_EVERY_S", 0)
    for step in (N_BATCHES + 2, N_BATCHES + 3):
        with pytest.raises(CrashError):
            run(wavelets, tmp_path / "m", crash_at(step), every_s=0)
    monkeypatch.setattr(training, "LOOKS", 2)
    with pytest.raises(IncompleteError, match="see different checkpoints"):
        run(wavelets, tmp_path / "m")
    assert asked[:3] == [0, 0, 0]
    places = [asked[3], asked[6]]
    assert 0 < places[0] < places[1]
    monkeypatch.setattr(training, "LOOKS", 3)
    asked.clear()
    run(wavelets, tmp_path / "m")
    run(wavelets, tmp_path / "whole")
    assert same_weights(tmp_path / "m", tmp_path / "whole")
