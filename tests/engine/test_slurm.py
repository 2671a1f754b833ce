"""Jobs of a real SLURM: slurmctld and two slurmd on this machine, see ../shared/slurm."""

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from drive_tasks import Item, name_of
from programs import TASKS, Ended, Launcher, differences, wait_until
from slurm_sandbox import jobs_now, profile, start_slurm

from seisflow.engine import gpu_of_worker, slurm, slurm_jobs
from seisflow.engine.connect import connect
from seisflow.engine.drive import drive
from seisflow.engine.profiles import Pool, read_profile
from seisflow.engine.slurm_jobs import job_script, lifetime_of, log_tail
from seisflow.errors import ClusterError, ConfigError

ROOT = Path(__file__).parents[2]
SCENE = ["--nodes", "2", "--hours", "1", "--rate", "20"]


@pytest.fixture(scope="module")
def queue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Bring SLURM up; return the folder from which jobs are submitted."""
    folder = tmp_path_factory.mktemp("slurm")
    path = os.pathsep.join([str(ROOT), str(TASKS), os.environ.get("PYTHONPATH", "")])
    with start_slurm(n_cores=4, n_gpus=2), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        patch.chdir(folder)
        yield folder


@pytest.fixture(scope="module")
def commands(queue: Path) -> Iterator[Launcher]:
    """Commands that know where SLURM is."""
    launcher = Launcher(queue)
    yield launcher
    launcher.close()


@pytest.fixture(autouse=True)
def apart(request: pytest.FixtureRequest) -> Iterator[None]:
    """Leave nothing to the next test: a command that failed to end would hand in jobs for ever."""
    yield
    if "commands" in request.fixturenames:
        request.getfixturevalue("commands").kill()
    if {"commands", "queue"} & set(request.fixturenames):
        subprocess.run(["scancel", "--me", "--quiet"], check=True)


def last_job() -> int:
    line = ["scontrol", "show", "jobs", "--oneliner"]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    return max((int(word[6:]) for word in said.split() if word.startswith("JobId=")), default=0)


def refuse_left_overs(folder: Path) -> None:
    wait_until(lambda: jobs_now() == [], 60, "the jobs to be cancelled")
    assert list((folder / "logs").glob("tls-*")) == []


@pytest.mark.slow
def test_a_command_on_slurm_makes_the_bytes_of_a_local_one(
    commands: Launcher, tmp_path: Path
) -> None:
    ended = commands.run("synth", tmp_path / "slurm", *SCENE, "--cluster", profile(tmp_path))
    assert ended.code == 0, ended.err
    assert "cluster tls://127.0.0.1:" in ended.err
    port = ended.err.partition("dashboard http://127.0.0.1:")[2].partition("/")[0]
    assert f"ssh -L {port}:127.0.0.1:{port} {os.uname().nodename}" in ended.err
    refuse_left_overs(tmp_path)
    ended = commands.run("synth", tmp_path / "local", *SCENE, "--workers", "1")
    assert ended.code == 0, ended.err
    for part in ("waveforms", "truth.zarr"):
        assert differences(tmp_path / "slurm" / part, tmp_path / "local" / part) == []


@pytest.mark.slow
@pytest.mark.usefixtures("queue")
def test_a_job_that_is_lost_is_replaced_and_every_task_comes_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    items = [Item(str(i), None, 0.15) for i in range(80)]
    with connect(read_profile(profile(tmp_path, cores=2))) as session:
        session.client.wait_for_workers(4, timeout=60)
        cluster: Any = session.client.cluster
        before = {job.job_id for job in cluster.workers.values()}
        running = drive(session, name_of, items)
        ended = [next(running)[0].name]

        async def fail() -> dict[str, slurm.Queued]:
            raise RuntimeError("squeue: Unable to contact slurm controller")

        with monkeypatch.context() as patch:
            patch.setattr(slurm, "squeue", fail)
            lost = sorted(before)[0]
            subprocess.run(["scancel", lost], check=True)
            time.sleep(2)  # four questions without an answer are not "all jobs are gone"
            assert {job.job_id for job in cluster.workers.values()} == before
        ended += [task.name for task, result in running if result == task.name]
        assert sorted(ended, key=int) == [item.name for item in items]
        wait_until(lambda: len(session.client.nthreads()) == 4, 60, "the replacement")
        after = {job.job_id: name for name, job in cluster.workers.items()}
        assert len(after) == 2
        assert lost not in after
        assert before - after.keys() == {lost}
        assert "seisflow-3" in after.values()  # and never the name of the one that was lost
        assert cluster.failure is None
    refuse_left_overs(tmp_path)


@pytest.mark.slow
def test_jobs_that_always_end_early_end_the_command_with_their_log(
    commands: Launcher, tmp_path: Path
) -> None:
    prologue = ["echo no module named python/3.11 >&2", "exit 1"]
    cluster = profile(tmp_path, prologue=prologue)
    ended = commands.run("synth", tmp_path / "out", *SCENE, "--cluster", cluster, timeout_s=60)
    assert ended.code == 2, ended.err
    assert "SLURM jobs one after the other ended before their worker was there" in ended.err
    assert f"{tmp_path}/logs/seisflow-" in ended.err
    assert "  no module named python/3.11" in ended.err
    assert "Traceback" not in ended.err
    assert not (tmp_path / "out").exists()
    refuse_left_overs(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("queue")
def test_jobs_that_begin_to_end_early_end_a_running_drive(tmp_path: Path) -> None:
    """The workers leave for good in the middle: `drive` would otherwise wait for ever."""
    flag = tmp_path / "broken"
    cluster = profile(tmp_path, prologue=[f"test ! -e {flag} || exit 1"], jobs=1)
    with connect(read_profile(cluster)) as session:
        running = drive(session, name_of, [Item(str(i), None, 0.2) for i in range(500)])
        next(running)
        flag.touch()
        subprocess.run(["scancel", *jobs_now()], check=True)
        with pytest.raises(ClusterError, match="what is done is kept") as caught:
            list(running)
    assert "5 SLURM jobs one after the other" in str(caught.value)
    refuse_left_overs(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"queue": "gpuq"}, "queue gpuq, account by default"),
        ({"cores": 999}, "999 cores"),
    ],
)
def test_what_slurm_refuses_is_refused_before_anything_starts(
    options: dict[str, Any], said: str, commands: Launcher, tmp_path: Path
) -> None:
    before = last_job()
    cluster = profile(tmp_path, **options)
    ended = commands.run("synth", tmp_path / "out", *SCENE, "--cluster", cluster)
    assert ended.code == 2, ended.err
    assert "error: SLURM refuses the jobs" in ended.err
    assert said in ended.err
    assert "'sinfo -s' lists the queues" in ended.err
    assert last_job() <= before + 1  # --test-only may use a number up
    assert not list((tmp_path / "logs").iterdir())
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_command_cancels_its_jobs(
    number: int, commands: Launcher, tmp_path: Path
) -> None:
    scene = ["--nodes", "60", "--hours", "6", "--rate", "100"]
    cluster = profile(tmp_path, jobs=1)
    running = commands.start("synth", tmp_path / "out", *scene, "--cluster", cluster)
    wait_until(lambda: "cluster tls://" in running.err.read_text(), 60, "the first worker")
    assert len(jobs_now()) == 1
    os.kill(running.pid, number)
    ended = running.wait(30)
    assert ended.code == 130, ended.err
    assert "interrupted; what is done is kept" in ended.err
    refuse_left_overs(tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(os.getuid() != 0, reason="only root can pretend GPUs")
def test_auto_takes_the_jobs_with_gpus(commands: Launcher, waveforms: Path, tmp_path: Path) -> None:
    gpu = ["[gpu]", 'interface = "lo"', "gpus = 1", 'memory = "2GB"', "poll_s = 0.5"]
    cluster = profile(tmp_path, *gpu, f'logs = "{tmp_path / "logs"}"', "jobs = 1")
    some = ["--select", "ZG.R0101.*.*", "--device", "auto", "--cluster", cluster]
    ended = commands.run("label", waveforms, tmp_path / "l.zarr", *some)
    assert ended.code == 0, ended.err  # its GPU is pretended, and auto does without
    line = ["scontrol", "show", "job", str(last_job()), "--oneliner"]
    said = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    assert "TresPerNode=gres:gpu:1" in said
    refuse_left_overs(tmp_path)


def check(commands: Launcher, *argv: str | Path) -> tuple[Ended, dict[str, dict[str, str]]]:
    ended = commands.run("cluster", "check", *argv, "--json")
    assert "Traceback" not in ended.err
    return ended, {f["name"]: f for f in json.loads(ended.out)["findings"]}


@pytest.mark.slow
def test_a_check_says_that_all_is_well(commands: Launcher, tmp_path: Path) -> None:
    store = tmp_path / "store"
    store.mkdir()
    ended, found = check(commands, profile(tmp_path, cores=2), "--store", store / "w.zarr")
    assert ended.code == 0, ended.err
    assert {f["state"] for f in found.values()} == {"ok"}
    expected = {"start", "versions", "clock", "threads", "environment", "memory", "scratch"}
    assert found.keys() == expected | {f"store {store}/w.zarr", "walltime"}
    assert found["start"]["found"].startswith("2 workers at tls://127.0.0.1:")
    assert found["memory"]["found"] == "0.75 GB for each worker"
    assert found["walltime"]["found"].startswith("00:10:00;")
    assert list(store.iterdir()) == []
    refuse_left_overs(tmp_path)


@pytest.mark.slow
def test_a_check_names_what_would_fail(commands: Launcher, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    store = tmp_path / "file" / "w.zarr"
    cluster = profile(
        tmp_path, "[gpu]", "gpus = 64", prologue=["export NUMBA_NUM_THREADS=4"], jobs=1
    )
    ended, found = check(commands, cluster, "--store", store)
    assert ended.code == 2
    bad = {name for name, f in found.items() if f["state"] != "ok"}
    assert bad == {"cpu: environment", f"cpu: store {store}", "gpu: start"}
    assert found["cpu: environment"]["state"] == "poor"
    assert "NUMBA_NUM_THREADS=4, not 1" in found["cpu: environment"]["found"]
    assert found[f"cpu: store {store}"]["found"].endswith("file: Not a directory")
    assert "SLURM refuses the jobs" in found["gpu: start"]["found"]
    assert "64 GPUs" in found["gpu: start"]["found"]
    assert "-> give a folder that can be written" in ended.err
    refuse_left_overs(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("queue")
def test_a_job_that_waits_says_what_for(tmp_path: Path) -> None:
    pool = read_profile(profile(tmp_path, directives=["--hold"])).pool("cpu")
    with (
        pytest.raises(ClusterError, match=r"no worker within 2 s: job \d+: PENDING \(JobHeldUser"),
        slurm.start(pool, secure=False, patience_s=2),
    ):
        pass
    refuse_left_overs(tmp_path)


def lose_answers(folder: Path, how: str, patch: pytest.MonkeyPatch) -> None:
    """Put an ``sbatch`` in the way that hands the first job on, and does not give the answer."""
    real, lost = shutil.which("sbatch"), folder / "lost"
    tell = f'[ "$1" = --test-only ] || [ -e {lost} ]'
    wrapper = folder / "bin" / "sbatch"
    wrapper.parent.mkdir()
    wrapper.write_text(
        f'#!/bin/bash\nif {tell}; then exec {real} "$@"; fi\n{real} "$@" > {lost}\n{how}\n'
    )
    wrapper.chmod(0o755)
    patch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")


@pytest.mark.slow
@pytest.mark.usefixtures("queue")
@pytest.mark.parametrize("how", ["exec sleep 60", "echo 'Socket timed out' >&2; exit 1"])
def test_a_job_whose_answer_is_lost_is_submitted_once(
    how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_answers(tmp_path, how, monkeypatch)
    monkeypatch.setattr(slurm_jobs, "COMMAND_TIMEOUT_S", 2.0)
    pool = read_profile(profile(tmp_path, jobs=1)).pool("cpu")
    with slurm.start(pool, secure=False) as cluster:
        wait_until(lambda: cluster.workers, 30, "the number of the job")
        (job,) = cluster.workers.values()
        assert jobs_now() == [job.job_id] == (tmp_path / "lost").read_text().split()
    refuse_left_overs(tmp_path)


@pytest.mark.slow
@pytest.mark.usefixtures("queue")
def test_a_job_that_was_never_heard_of_is_cancelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose_answers(tmp_path, "exit 1", monkeypatch)
    monkeypatch.setattr(slurm_jobs, "SUBMIT_ATTEMPTS", 1)
    pool = read_profile(profile(tmp_path, jobs=1, directives=["--hold"])).pool("cpu")
    with (
        pytest.raises(ClusterError, match="no worker within 0 s"),
        slurm.start(pool, secure=False, patience_s=0),
    ):
        pass
    assert (tmp_path / "lost").read_text().split()
    refuse_left_overs(tmp_path)


def test_the_script_of_a_job_says_what_the_profile_says(tmp_path: Path) -> None:
    pool = Pool(
        queue="batch",
        account="quakes",
        constraint="skylake",
        cores=16,
        memory="64GB",
        walltime="08:00:00",
        prologue=("module load python",),
        directives=("--exclude=node13",),
        logs=tmp_path,
    )
    script = job_script(pool, None).splitlines()
    for line in (
        *("-p batch", "-A quakes", "-n 1", "-N 1", "--cpus-per-task=16", "--mem=60G"),
        *("-t 08:00:00", "--constraint=skylake", "--no-requeue", "--exclude=node13"),
    ):
        assert f"#SBATCH {line}" in script
    assert not any("gres" in line for line in script)
    for line in (
        *("export OMP_NUM_THREADS=1", "export NUMBA_NUM_THREADS=1", "module load python"),
        "export DASK_DISTRIBUTED__WORKER__MEMORY__SPILL=False",
    ):
        assert line in script
    worker = script[-1]
    for part in ("--nworkers 16", "--nthreads 1", "--memory-limit 3.73GiB", "--death-timeout 60"):
        assert part in worker
    assert "--dashboard-address 127.0.0.1:0" in worker
    assert "--nanny" in worker
    assert "--preload" not in worker
    assert script.index("export OMP_NUM_THREADS=1") < script.index("module load python")


def test_a_job_with_gpus_has_a_worker_for_each(tmp_path: Path) -> None:
    script = job_script(Pool(gpus=2, cores=8, logs=tmp_path), None)
    assert "#SBATCH --gres=gpu:2\n" in script
    assert "#SBATCH --cpus-per-task=8\n" in script
    assert "--nworkers 2 " in script
    assert "--nthreads 1 " in script
    assert "--preload seisflow.engine.gpu_of_worker" in script
    own = job_script(Pool(gpus=1, directives=("--gres=gpu:a100:1",), logs=tmp_path), None)
    assert own.count("--gres") == 1


@pytest.mark.parametrize(("name", "gpu"), [("seisflow-7-0", "2"), ("seisflow-7-1", "5"), (3, "5")])
def test_each_worker_takes_a_gpu_of_its_own(
    name: str | int, gpu: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Worker:
        pass

    worker = Worker()
    worker.name = name  # type: ignore[attr-defined]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "2,5")
    gpu_of_worker.dask_setup(worker)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == gpu


@pytest.mark.parametrize("walltime_s", [60, 600, 4 * 3600, 7 * 86400])
def test_workers_leave_before_the_walltime_and_not_all_at_once(walltime_s: int) -> None:
    first, last = lifetime_of(walltime_s, 1.0), lifetime_of(walltime_s, 0.0)
    assert walltime_s - last >= min(60, walltime_s / 2)
    assert 0.3 * walltime_s < first < 0.76 * last


@pytest.mark.parametrize("odd", ["a b", "run(1)", "o'brien", "a;touch x", "$(x)", "%j"])
def test_a_folder_with_signs_of_the_shell_is_refused(odd: str, tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigError, match="may hold letters, digits"),
        slurm.start(Pool(logs=tmp_path / odd), secure=False),
    ):
        pass
    assert not (tmp_path / odd).exists()


def test_paths_in_the_script_are_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/opt/my env/bin/python")
    script = job_script(Pool(scratch="/tmp/my scratch", logs=tmp_path), None)
    assert "'/opt/my env/bin/python' -m seisflow.engine.worker" in script
    assert "--local-directory '/tmp/my scratch'" in script
    checked = subprocess.run(["bash", "-n"], input=script, text=True, check=False)
    assert checked.returncode == 0


@pytest.mark.parametrize(("failures", "is_cancelled"), [(0, True), (2, True), (3, False)])
def test_a_scancel_that_fails_is_tried_again(
    failures: int, is_cancelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    async def call(*argv: str) -> str:
        asked.append(argv)
        if len(asked) <= failures:
            raise RuntimeError("Socket timed out")
        return ""

    async def no_wait(seconds: float) -> None:
        del seconds

    monkeypatch.setattr(slurm_jobs, "call", call)
    monkeypatch.setattr(slurm_jobs.asyncio, "sleep", no_wait)
    job: Any = SimpleNamespace(job_id="7", is_cancelled=False)
    gone: Any = SimpleNamespace(job_id=None, is_cancelled=False)
    asyncio.run(slurm_jobs.cancel([job, gone]))
    assert asked == [("scancel", "7")] * min(failures + 1, 3)
    assert job.is_cancelled == is_cancelled


def test_no_slurm_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with (
        pytest.raises(ClusterError, match="cannot ask SLURM here"),
        slurm.start(Pool(logs=tmp_path), secure=False),
    ):
        pass


def test_the_end_of_a_log(tmp_path: Path) -> None:
    assert "job 7 wrote nothing" in log_tail(tmp_path, "7")
    (tmp_path / "seisflow-7.err").write_text("\n".join(map(str, range(40))))
    said = log_tail(tmp_path, "7")
    assert said.startswith(f"{tmp_path}/seisflow-7.err ends with:\n  25\n")
    assert said.endswith("  39")
    (tmp_path / "seisflow-70.err").write_text("of another job")
    (tmp_path / "seisflow-7.err").write_text("")
    assert "job 7 wrote nothing" in log_tail(tmp_path, "7")
