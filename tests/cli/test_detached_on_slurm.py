"""Detached commands on a real SLURM: they end, are cancelled, killed and put in the queue again."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from programs import Cluster, Ended, Launcher, differences, refuse_unfinished, wait_until
from slurm_sandbox import start_slurm

from seisflow.cli.detaching import detach_job
from seisflow.cli.register import Detached
from seisflow.engine.batch import driver_pool, job_states
from seisflow.engine.profiles import Profile, read_profile

sys.path.insert(0, str(Path(__file__).parents[1] / "learn"))

from wavelet_sets import write_wavelets

Run = Callable[..., Ended]
PROFILE = """
kind = "slurm"
[cpu]
cores = 1
memory = "2GB"
walltime = "00:20:00"
interface = "lo"
prologue = ["export OMP_NUM_THREADS=1 GLOO_SOCKET_IFNAME=lo"]
"""
RANK, TORCHRUN = "seisflow.stages.train.rank", "seisflow.stages.learn.torchrun"
TRAIN = ["--epochs", "4", "--batch-size", "16", "--checkpoint-every-s", "0", "--device", "cpu"]


@pytest.fixture(scope="module")
def slurm() -> Iterator[Path]:
    with start_slurm() as configuration:
        yield configuration


@pytest.fixture
def profile(slurm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Profile:
    folder = tmp_path / 'it\'s 100% "odd"'
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    Path("p.toml").write_text(PROFILE)
    return read_profile("p.toml")


def state_of(job: Detached) -> str:
    found = job_states([job.id])
    return found[job.id].state if job.id in found else ""


def log_of(job: Detached) -> str:
    log = Path(job.log)
    return log.read_text() if log.exists() else ""


def wait_for(job: Detached, *states: str, timeout_s: float = 200) -> None:
    try:
        wait_until(lambda: state_of(job) in states, timeout_s, f"job {job.id}")
    except TimeoutError as error:
        raise TimeoutError(f"{error}: {state_of(job)}\n{log_of(job)}") from error


def detach_synth(profile: Profile, *options: str) -> Detached:
    """Detach a synth that starts its own workers, in the job itself."""
    argv = ["synth", "scene", *options, "--cluster", "local", "--workers", "1"]
    product = Path.cwd() / "scene" / "truth.zarr"
    return detach_job(argv, product, profile, driver_pool(profile))


def scene_differences(a: Path, b: Path) -> list[str]:
    parts = ("truth.zarr", "waveforms")
    lines = [line for part in parts for line in differences(a / part, b / part)]
    tables = [{p.name: p.read_bytes() for p in folder.glob("*.csv")} for folder in (a, b)]
    return lines if tables[0] == tables[1] else [*lines, "tables differ"]


@pytest.mark.slow
def test_a_detached_command_ends_with_the_product_of_a_local_one(
    profile: Profile, run: Run, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    options = ["--nodes", "2", "--hours", "1", "--rate", "20"]
    job = detach_synth(profile, *options)
    local = launcher.run("synth", tmp_path / "local", *options, "--cluster", cluster.address)
    assert local.code == 0, local.err
    wait_for(job, "COMPLETED")
    assert scene_differences(Path.cwd() / "scene", tmp_path / "local") == []
    (row,) = json.loads(run("jobs", "--json").out)
    assert (row["state"], row["progress"]) == ("COMPLETED", "2 of 2 nodes")
    said = run("logs", job.id, "--follow", "--lines", "0").out
    assert said.startswith(f"job {job.id} on sf")
    assert "dashboard" in said
    assert "2 done, 0 failed, 0 not run" in said
    assert "has ended (COMPLETED) already" in run("cancel", job.id).err


@pytest.mark.slow
def test_a_cancelled_command_typed_again_completes(
    profile: Profile, run: Run, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    options = ["--nodes", "8", "--hours", "4", "--rate", "200"]
    job = detach_synth(profile, *options)
    receipts = Path.cwd() / "scene" / "truth.zarr" / "_seisflow" / "receipts"
    wait_until(lambda: len(list(receipts.glob("*.json"))) >= 2, 200, "two nodes")
    ended = run("cancel", job.id)
    assert ended.code == 0, ended.err
    assert "seisflow synth scene --nodes 8" in ended.err
    wait_for(job, "CANCELLED")
    # not killed: it heard the signal and ended as after Ctrl-C
    assert "interrupted; what is done is kept" in log_of(job)
    n_done = len(list(receipts.glob("*.json")))
    assert 2 <= n_done < 8
    scene = Path.cwd() / "scene"
    again = launcher.run("synth", scene, *options, "--cluster", cluster.address)
    assert again.code == 0, again.err
    assert f"resuming: {n_done} of 8 tasks are done" in again.err
    local = launcher.run("synth", tmp_path / "local", *options, "--cluster", cluster.address)
    assert local.code == 0, local.err
    assert scene_differences(scene, tmp_path / "local") == []
    refuse_unfinished(scene / "truth.zarr")


@pytest.fixture(scope="module")
def wavelets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr")


@pytest.fixture(scope="module")
def undisturbed(wavelets: Path) -> bytes:
    """The weights of two ranks on one machine."""
    folder = wavelets.parent / "local"
    command = [sys.executable, "-m", "seisflow", "train", str(wavelets), str(folder), *TRAIN]
    done = subprocess.run(
        [*command, "--ranks", "2"],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return (folder / "weights.safetensors").read_bytes()


def ranks() -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        is_here = str(Path.cwd().parent) in " ".join(line)
        if is_here and RANK in line and TORCHRUN not in line:
            found.append(process)
    return found


def kill_a_rank(job: Detached) -> None:
    found = ranks()
    assert len(found) == 2
    found[1].kill()


def warn(job: Detached) -> None:
    """What SLURM does before the walltime."""
    subprocess.run(["scancel", "--batch", "--signal=USR1", job.id], check=True)


def lose_a_node(job: Detached) -> None:
    node = ["scontrol", "update", "nodename=sf2"]
    subprocess.run([*node, "state=down", "reason=test"], check=True)
    wait_until(lambda: state_of(job) != "RUNNING", 60, "the loss to be noticed")
    subprocess.run([*node, "state=resume"], check=False)


@pytest.mark.slow
@pytest.mark.parametrize(("disturb", "starts"), [(kill_a_rank, 1), (warn, 2), (lose_a_node, 2)])
def test_a_disturbed_training_on_two_nodes_ends_with_the_same_weights(
    disturb: Callable[[Detached], None],
    starts: int,
    profile: Profile,
    run: Run,
    wavelets: Path,
    undisturbed: bytes,
) -> None:
    line = ["train", str(wavelets), "model", *TRAIN, "--cluster", "p.toml", "--nodes", "2"]
    ended = run(*line, "--detach", "--json")
    assert ended.code == 0, ended.err
    job = Detached(**{k: v for k, v in json.loads(ended.out).items() if k != "watch"})
    checkpoint = Path("model/checkpoint.pt").absolute()
    history = Path("model/history.json").absolute()
    wait_until(history.exists, 200, f"the first epoch\n{log_of(job)}")
    begun = history.stat().st_mtime_ns
    wait_until(lambda: checkpoint.stat().st_mtime_ns > begun + 10**8, 60, "a later checkpoint")
    disturb(job)
    wait_for(job, "COMPLETED", timeout_s=400)
    log = log_of(job)
    assert log.count("resuming: ") == 1, log
    assert log.count(f"job {job.id} on ") == starts
    assert "validation, all" in log
    assert Path("model/weights.safetensors").read_bytes() == undisturbed
    assert "4 epochs, finished" in run("jobs", "--json").out
    assert ranks() == []
