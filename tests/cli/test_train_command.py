"""``seisflow train`` as a command: what it prints, writes and refuses; many ranks; sudden death."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from programs import Ended, Launcher, Running, wait_until
from safetensors.numpy import load_file

from seisflow.stages.train.summary import threshold_text

sys.path.insert(0, str(Path(__file__).parents[1] / "learn"))

from wavelet_sets import WaveletSet, write_wavelets

pytestmark = pytest.mark.slow

SHORT = ["--epochs", "2", "--batch-size", "32", "--device", "cpu"]
EXACT = ["--optimiser", "sgd", "--dropout", "0", "--seed", "3", "--class-weights", "balanced"]
RANK, TORCHRUN = "seisflow.stages.train.rank", "seisflow.stages.learn.torchrun"
SLOWLY = ["--epochs", "6", "--batch-size", "16", "--checkpoint-every-s", "0", "--device", "cpu"]


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> None:
    os.environ.setdefault("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def wavelets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr")


@pytest.fixture(scope="module")
def trained(wavelets: Path, launcher: Launcher) -> tuple[Path, Ended]:
    folder = wavelets.parent / "model"
    return folder, launcher.run("train", wavelets, folder, *SHORT, *EXACT, "--json")


def history(folder: Path) -> list[dict[str, float]]:
    return json.loads((folder / "history.json").read_text())


def same_weights(a: Path, b: Path) -> bool:
    mine, theirs = (load_file(f / "weights.safetensors") for f in (a, b))
    return mine.keys() == theirs.keys() and all(np.array_equal(mine[k], theirs[k]) for k in mine)


def test_it_leaves_a_model_figures_and_a_summary(
    trained: tuple[Path, Ended], wavelets: Path
) -> None:
    folder, ended = trained
    assert ended.code == 0, ended.err
    assert "epoch 2/2: loss" in ended.err
    assert "validation, all" in ended.err
    assert "tensorboard --logdir" in " ".join(ended.err.split())
    names = {p.name for p in folder.iterdir()}
    assert {"weights.safetensors", "model.json", "history.json", "metrics.json"} <= names
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))
    figures = {p.name for p in (folder / "figures").glob("*.png")}
    assert {"training.png", "confusion.png", "filters.png", "reliability.png"} <= figures
    summary = json.loads(ended.out)
    assert summary["split"] == "validation"
    assert summary["history"] == history(folder)
    metrics = json.loads((folder / "metrics.json").read_text())
    best = max(history(folder), key=lambda row: row["macro_f1"])
    assert metrics["macro_f1"] == pytest.approx(best["macro_f1"], abs=1e-6)
    document = json.loads((folder / "model.json").read_text())
    assert document["metrics"]["validation"]["confusion"] == metrics["confusion"]
    assert document["metrics"]["best_epoch"] == best
    assert metrics["wavelets"] == wavelets.name
    here = str(wavelets.parent).encode()  # a model is given away, and says not whose disk it was on
    assert [file for file in folder.rglob("*.*") if here in file.read_bytes()] == []


def test_typed_again_it_says_finished(
    trained: tuple[Path, Ended], wavelets: Path, launcher: Launcher
) -> None:
    folder, _ = trained
    before = {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()}
    ended = launcher.run("train", wavelets, folder, *SHORT, *EXACT)
    assert ended.code == 0, ended.err
    assert "is finished: nothing to train" in ended.err
    assert {p: p.stat().st_mtime_ns for p in folder.rglob("*") if p.is_file()} == before
    (folder / "metrics.json").unlink()  # as if it had died before
    ended = launcher.run("train", wavelets, folder, *SHORT, *EXACT, "--ranks", "2")
    assert ended.code == 0, ended.err
    assert (folder / "metrics.json").exists()


def test_a_dry_run_writes_nothing(wavelets: Path, launcher: Launcher) -> None:
    folder = wavelets.parent / "dry"
    args = ["--network", "published", "--dry-run", "--json", "--batch-size", "30", "--ranks", "2"]
    ended = launcher.run("train", wavelets, folder, *args)
    assert ended.code == 0, ended.err
    assert not folder.exists()
    plan = json.loads(ended.out)
    assert plan["steps_per_epoch"] == 7
    assert plan["weights"] > 6_000_000
    assert sum(plan["train"].values()) == 210
    assert plan["input"] == [2, 21, 41]


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["--optimiser", "lion"], 2, "'sgd', 'rmsprop', 'adagrad', 'adam' or 'adamw'"),
        (["--batch-size", "33", "--ranks", "2"], 2, "multiple of the ranks"),
        (["--device", "abacus"], 2, "abacus"),
        (["--noise-snr", "3", "2"], 2, "noise_snr"),
    ],
)
def test_bad_options(
    args: list[str], code: int, message: str, wavelets: Path, launcher: Launcher
) -> None:
    ended = launcher.run("train", wavelets, wavelets.parent / "bad", *args)
    assert ended.code == code
    assert message in ended.err
    assert "Traceback" not in ended.err
    assert not (wavelets.parent / "bad").exists()


def test_another_configuration_is_refused(
    trained: tuple[Path, Ended], wavelets: Path, launcher: Launcher
) -> None:
    ended = launcher.run("train", wavelets, trained[0], *SHORT, *EXACT, "--gain", "2")
    assert ended.code == 2
    assert "config.augment.gain: asked 2.0, found 1.5" in ended.err


def test_the_forest_is_trained_by_the_same_command(wavelets: Path, launcher: Launcher) -> None:
    folder = wavelets.parent / "forest"
    args = ["--network", "forest", "--forest-trees", "5", "--forest-examples", "60"]
    ended = launcher.run("train", wavelets, folder, *args)
    assert ended.code == 0, ended.err
    assert json.loads((folder / "metrics.json").read_text())["macro_f1"] > 0.5
    assert json.loads((folder / "model.json").read_text())["network"]["n_trees"] == 5


def wait_for_steps(running: Running, folder: Path, n_epochs: int = 1) -> None:
    """Wait until epochs have ended and the next one has begun."""

    def is_under_way() -> bool:
        assert not running.ended(), running.err.read_text()
        rows, checkpoint = folder / "history.json", folder / "checkpoint.pt"
        has_rows = rows.exists() and len(history(folder)) >= n_epochs
        return has_rows and checkpoint.stat().st_mtime_ns > rows.stat().st_mtime_ns + 50_000_000

    wait_until(is_under_way, 200, f"epoch {n_epochs} of {folder}")


@pytest.fixture(scope="module")
def undisturbed(wavelets: Path, launcher: Launcher) -> Path:
    folder = wavelets.parent / "undisturbed"
    ended = launcher.run("train", wavelets, folder, *SLOWLY, timeout_s=300)
    assert ended.code == 0, ended.err
    return folder


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_training_typed_again_ends_alike(
    number: int, undisturbed: Path, wavelets: Path, launcher: Launcher
) -> None:
    folder = wavelets.parent / f"killed-{number}"
    running = launcher.start("train", wavelets, folder, *SLOWLY)
    wait_for_steps(running, folder)
    running.signal_group(number)
    ended = running.wait(60)
    assert ended.code == (-9 if number == signal.SIGKILL else 130)
    assert not (folder / "model.json").exists()
    if number != signal.SIGKILL:
        assert "type the command again to go on" in ended.err
        assert "Traceback" not in ended.err
    again = launcher.run("train", wavelets, folder, *SLOWLY, timeout_s=300)
    assert again.code == 0, again.err
    assert "resuming: " in again.err
    assert same_weights(folder, undisturbed)


def test_two_ranks_train_as_one(
    trained: tuple[Path, Ended], wavelets: Path, launcher: Launcher
) -> None:
    folder = wavelets.parent / "ranks"
    ended = launcher.run("train", wavelets, folder, *SHORT, *EXACT, "--ranks", "2", timeout_s=300)
    assert ended.code == 0, ended.err
    assert ended.err.count("epoch 2/2") == 1  # one rank alone prints
    one, two = history(trained[0]), history(folder)
    for name in ("loss", "validation_loss", "macro_f1", "train_accuracy", "accuracy"):
        assert [r[name] for r in two] == pytest.approx([r[name] for r in one], rel=1e-4), name
    a, b = (load_file(f / "weights.safetensors") for f in (trained[0], folder))
    assert max(np.abs(a[name] - b[name]).max() for name in a) < 1e-3


def ranks_of(running: Running) -> list[psutil.Process]:
    found = []
    for child in psutil.Process(running.pid).children(recursive=True):
        line = child.cmdline()
        if RANK in line and TORCHRUN not in line:
            found.append(child)
    return found


def test_a_killed_rank_is_started_again(wavelets: Path, launcher: Launcher) -> None:
    args = [*SLOWLY, "--ranks", "2"]
    running = launcher.start("train", wavelets, wavelets.parent / "hurt", *args)
    wait_for_steps(running, wavelets.parent / "hurt")
    ranks = ranks_of(running)
    assert len(ranks) == 2
    ranks[1].kill()
    ended = running.wait(300)
    assert ended.code == 0, ended.err
    assert "resuming: " in ended.err
    whole = launcher.run("train", wavelets, wavelets.parent / "whole", *args, timeout_s=300)
    assert whole.code == 0, whole.err
    assert same_weights(wavelets.parent / "hurt", wavelets.parent / "whole")


def test_sigterm_stops_all_ranks(wavelets: Path, launcher: Launcher) -> None:
    folder = wavelets.parent / "stopped"
    args = [*SLOWLY, "--ranks", "2", "--checkpoint-every-s", "600"]
    running = launcher.start("train", wavelets, folder, *args)
    wait_until(lambda: (folder / "history.json").exists(), 200, "the first epoch")
    ranks = ranks_of(running)
    os.kill(running.pid, signal.SIGTERM)
    ended = running.wait(60)
    assert ended.code == 130, ended.err
    assert "type the command again to go on" in ended.err
    assert "Traceback" not in ended.err
    assert not [r for r in ranks if r.is_running() and r.status() != psutil.STATUS_ZOMBIE]
    assert (folder / "checkpoint.pt").exists()
    again = launcher.run("train", wavelets, folder, *args, timeout_s=300)
    assert again.code == 0, again.err
    assert "resuming: " in again.err


def test_an_error_in_a_rank_is_told_once_and_not_tried_again(
    tmp_path: Path, launcher: Launcher
) -> None:
    made = WaveletSet(n=120)
    waveforms = made.waveforms(made.columns())
    waveforms[np.flatnonzero(made.columns()["split"] == 0)[5], 3] = np.nan
    path = write_wavelets(tmp_path / "w.zarr", made, waveforms=waveforms)
    ended = launcher.run("train", path, tmp_path / "m", *SHORT, "--ranks", "2", timeout_s=300)
    assert ended.code == 3, ended.err
    assert ended.err.count("error: ") == 1
    assert "holds samples that are not finite" in ended.err
    assert not (tmp_path / "m" / "failure.json").exists()


def test_torchrun_by_hand_is_joined(
    trained: tuple[Path, Ended], wavelets: Path, launcher: Launcher
) -> None:
    import subprocess

    folder = wavelets.parent / "torchrun"
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command += ["--local-addr", "127.0.0.1", "--nproc-per-node", "2", "-m", "seisflow", "train"]
    command += [str(wavelets), str(folder), *SHORT, *EXACT]
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stderr.count("validation, all") == 1  # one rank alone prints
    assert history(folder)[-1]["loss"] == pytest.approx(history(trained[0])[-1]["loss"], rel=1e-4)


RATE = "0.0015 false positives a station and second"


@pytest.mark.parametrize(
    ("point", "text"),
    [
        ((0.75, 2000, True), f"0.750 for {RATE}; rests on 2000 noise windows"),
        (
            (0.9, 100, False),
            f"0.900, above all 100 noise windows; these show no rate below 0.010, not {RATE}",
        ),
        ((None, 0, False), f"none for {RATE}: the validation split has no noise"),
    ],
)
def test_a_threshold_is_said_with_what_it_rests_on(point: tuple[Any, ...], text: str) -> None:
    threshold, n_noise, is_shown = point
    said = threshold_text(
        {
            "asked_false_positive_rate": 0.0015,
            "threshold": threshold,
            "n_noise": n_noise,
            "is_shown": is_shown,
            "smallest_rate_shown": 1 / n_noise if n_noise else None,
        }
    )
    assert said == text
