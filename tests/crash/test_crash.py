"""Kill -9 of workers, commands and the scheduler at random moments: the end is that of a clean run.

On a local cluster, and on a scheduler of somebody's that asks for certificates.
"""

import os
import random
import shutil
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
import pytest
from programs import (
    Cluster,
    Ended,
    Launcher,
    Running,
    differences,
    receipts,
    refuse_unfinished,
    start_cluster,
    tls_options,
    tls_profile,
    wait_until,
    worker_processes,
)
from toy_models import made

from seisflow.formats.writing import MiniSeedWriter
from seisflow.stages.learn.artifact import save_model
from seisflow.stages.learn.front_end import FrontEndConfig

N_STATIONS, N_DAYS, N_HOURS, RATE_HZ = 8, 3, 4, 50
START_NS = 1_401_321_600 * 10**9
DAY_NS = 86_400 * 10**9
KILLS_OF_A_STAGE = 5


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random walks: eight stations, four hours of three days at 50 Hz; ingesting lasts seconds."""
    folder = tmp_path_factory.mktemp("archive")
    rng = np.random.default_rng(11)
    for day in range(N_DAYS):
        counts = rng.normal(0, 200, N_HOURS * 3600 * RATE_HZ).cumsum().astype("int32")
        first = folder / f"S00.{day}.mseed"
        with first.open("wb") as file:
            MiniSeedWriter(file, "XX.S00..HHZ", RATE_HZ).append(START_NS + day * DAY_NS, counts)
        records = first.read_bytes()
        for station in range(1, N_STATIONS):
            named = records.replace(b"S00  ", f"S{station:02d}  ".encode())
            (folder / f"S{station:02d}.{day}.mseed").write_bytes(named)
    return folder


@dataclass
class Stage:
    """A command on a local cluster of two, or one that is there, and what it makes undisturbed."""

    launcher: Launcher
    args: tuple[str | Path, ...]
    output: Path
    clean: Path
    cluster: Cluster | None = None

    def start(self) -> Running:
        where = ["--workers", "2"]
        if self.cluster is not None:
            folder = self.cluster.folder
            where = ["--cluster", tls_profile(folder, self.cluster.address, folder)]
        return self.launcher.start(*self.args, self.output, *where)

    def workers(self, run: Running) -> list[psutil.Process]:
        """Worker processes that a command has now."""
        if self.cluster is None:
            return run.workers()
        daemons = self.cluster.alive().values()
        return [p for daemon in daemons for p in worker_processes(daemon.process.pid)]

    def refuse_other_than_clean(self) -> None:
        assert differences(self.output, self.clean) == []
        refuse_unfinished(self.output)


def made_clean(launcher: Launcher, cluster: Cluster, stage: Stage) -> Stage:
    ended = launcher.run(*stage.args, stage.clean, "--cluster", cluster.address)
    assert ended.code == 0, ended.err
    return stage


@pytest.fixture
def ingest(launcher: Launcher, cluster: Cluster, archive: Path, tmp_path: Path) -> Stage:
    clean = archive.parent / f"{archive.name}-clean.zarr"
    stage = Stage(launcher, ("ingest", archive), tmp_path / "waveforms.zarr", clean)
    return stage if clean.exists() else made_clean(launcher, cluster, stage)


@pytest.fixture
def short(launcher: Launcher, scene: Path, waveforms: Path, tmp_path: Path) -> Stage:
    """The hour of the scene, for what needs no more."""
    args = ("ingest", "--stations", scene / "stations.csv", scene / "waveforms")
    return Stage(launcher, args, tmp_path / "waveforms.zarr", waveforms)


@pytest.fixture
def label(launcher: Launcher, cluster: Cluster, waveforms: Path, tmp_path: Path) -> Stage:
    clean = tmp_path / "clean.zarr"
    stage = Stage(launcher, ("label", waveforms), tmp_path / "labels.zarr", clean)
    return made_clean(launcher, cluster, stage)


@pytest.fixture
def infer(launcher: Launcher, cluster: Cluster, ingest: Stage, tmp_path: Path) -> Stage:
    model = made("compact", config=FrontEndConfig(RATE_HZ))
    save_model(tmp_path / "model", model.classifier, model.document)
    args = ("infer", ingest.clean, tmp_path / "model")
    stage = Stage(launcher, args, tmp_path / "scores.zarr", tmp_path / "clean.zarr")
    return made_clean(launcher, cluster, stage)


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A scheduler and two worker processes that ask for certificates."""
    folder = tmp_path_factory.mktemp("tls")
    with start_cluster(folder, 2, options=tls_options(folder)) as cluster:
        yield cluster


def kill_worker(stage: Stage, run: Running, rng: random.Random) -> bool:
    """Kill one worker process; the nanny starts another and the command goes on."""
    workers = stage.workers(run)
    if not workers:
        return False
    rng.choice(workers).kill()
    return True


def kill_command(stage: Stage, run: Running, rng: random.Random) -> bool:
    """Kill the command and its own workers at once, as a machine that goes down."""
    del stage, rng
    run.signal_group(signal.SIGKILL)
    assert run.wait().code == -signal.SIGKILL
    return True


def kill_command_alone(stage: Stage, run: Running, rng: random.Random) -> bool:
    """Kill the command only; its workers see that and end."""
    del rng
    workers = stage.workers(run)
    os.kill(run.pid, signal.SIGKILL)
    assert run.wait().code == -signal.SIGKILL
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert alive == [], "workers outlive their command"
    return True


def restart_scheduler(stage: Stage, run: Running, rng: random.Random) -> bool:
    """Kill the scheduler and start it again: the command ends and says what to do."""
    del rng
    assert stage.cluster is not None
    stage.cluster.restart()
    ended = run.wait(60)
    assert ended.code == 4, ended.err
    assert "start the scheduler again and repeat the command" in ended.err
    assert "Traceback" not in ended.err
    return True


Kill = Callable[[Stage, Running, random.Random], bool]


def kill_in_the_middle(
    stage: Stage, run: Running, kill: Kill, rng: random.Random, *, after_receipt: bool
) -> bool:
    """Wait for the next receipt, or for a random moment of the work, and kill.

    Returns
    -------
    bool
        False if the command had ended before.
    """
    wait_until(lambda: run.ended() or "dashboard" in run.err.read_text(), 60, "the cluster")
    before = len(receipts(stage.output)) if stage.output.exists() else 0
    if after_receipt:
        wait_until(lambda: run.ended() or len(receipts(stage.output)) > before, 60, "a receipt")
    else:
        wait_until(lambda: run.ended() or stage.output.exists(), 60, "the product")
        time.sleep(rng.uniform(0, 2.5))
    return not run.ended() and kill(stage, run, rng)


def batter(stage: Stage, kills: list[Kill], rng: random.Random) -> int:
    """Type the command again and again until every kill has landed and the last run ends.

    Returns
    -------
    int
        How often a kill met a product with some but not all of its receipts.
    """
    kills, n_half_done = list(kills), 0
    run = stage.start()
    while kills:
        every_other = len(kills) % 2 == 1
        landed = kill_in_the_middle(stage, run, kills[0], rng, after_receipt=every_other)
        if landed:
            kills.pop(0)
            n_half_done += 0 < len(receipts(stage.output)) < n_tasks(stage)
        elif run.ended():  # too late: this one was never disturbed again, so it must be whole
            assert run.wait().code == 0, run.err.read_text()
            stage.refuse_other_than_clean()
            shutil.rmtree(stage.output)
        if run.ended():
            run = stage.start()
    ended = run.wait()
    assert ended.code == 0, ended.err
    return n_half_done


def n_tasks(stage: Stage) -> int:
    return len(receipts(stage.clean))


@pytest.mark.slow
def test_ingest_survives_kills_on_a_scheduler_with_certificates(
    ingest: Stage, secure: Cluster
) -> None:
    ingest.cluster = secure
    kills = [kill_worker, restart_scheduler, kill_command, restart_scheduler, kill_worker]
    assert len(kills) == KILLS_OF_A_STAGE
    assert batter(ingest, kills, random.Random(20140529)) >= 2
    ingest.refuse_other_than_clean()
    assert len(secure.alive()) == 2
    other = ingest.launcher.run(*ingest.args, ingest.output, "--cluster", secure.address)
    assert other.code == 2
    assert "cannot speak to a Dask scheduler" in other.err


@pytest.mark.slow
def test_label_survives_kills(label: Stage) -> None:
    kills = [kill_worker, kill_command, kill_worker, kill_command, kill_command_alone]
    assert len(kills) == KILLS_OF_A_STAGE
    assert batter(label, kills, random.Random(1998)) >= 2
    label.refuse_other_than_clean()


@pytest.mark.slow
def test_infer_survives_kills_on_a_scheduler_with_certificates(
    infer: Stage, secure: Cluster
) -> None:
    infer.cluster = secure
    kills = [restart_scheduler, kill_worker, kill_command, kill_worker, restart_scheduler]
    assert len(kills) == KILLS_OF_A_STAGE
    assert batter(infer, kills, random.Random(2019)) >= 2
    infer.refuse_other_than_clean()


@pytest.mark.slow
def test_a_worker_killed_while_it_starts_is_no_bug(short: Stage) -> None:
    run = short.start()
    wait_until(lambda: run.ended() or run.workers(), 60, "a worker")
    run.workers()[0].kill()
    ended = run.wait()
    assert ended.code in (0, 4), ended.err
    assert "Traceback" not in ended.err
    if ended.code == 4:
        assert "type the command again" in ended.err
        assert not short.output.exists()


@pytest.mark.slow
@pytest.mark.parametrize("whole_group", [True, False], ids=["terminal", "command only"])
def test_an_interrupt_ends_with_130_and_can_be_resumed(ingest: Stage, whole_group: bool) -> None:
    run = ingest.start()
    wait_until(lambda: run.ended() or receipts(ingest.output), 60, "a receipt")
    assert not run.ended()
    workers = run.workers()
    (run.signal_group if whole_group else lambda n: os.kill(run.pid, n))(signal.SIGINT)
    ended = run.wait(30)
    assert ended.code == 130, ended.err
    assert "type the command again" in ended.err
    assert "Traceback" not in ended.err
    assert psutil.wait_procs(workers, timeout=60)[1] == []
    assert len(receipts(ingest.output)) < n_tasks(ingest)
    again = ingest.start().wait()
    assert again.code == 0, again.err
    assert "resuming: " in again.err
    ingest.refuse_other_than_clean()


@pytest.mark.slow
def test_a_finished_command_does_nothing(short: Stage, cluster: Cluster) -> None:
    def again() -> Ended:
        args = (*short.args, short.clean, "--cluster", cluster.address)
        return short.launcher.run(*args)

    before = states(short.clean)
    ended = again()
    assert ended.code == 0, ended.err
    assert "is finished: nothing to do" in ended.err
    assert states(short.clean) == before


@pytest.mark.slow
def test_a_run_killed_before_it_finished_is_finished_by_the_next(
    short: Stage, cluster: Cluster
) -> None:
    shutil.copytree(short.clean, short.output)
    (short.output / "_seisflow" / "provenance.json").unlink()
    shutil.rmtree(short.output / "segment_start_ns")
    ended = short.launcher.run(*short.args, short.output, "--cluster", cluster.address)
    assert ended.code == 0, ended.err
    assert f"resuming: {n_tasks(short)} of {n_tasks(short)} tasks are done" in ended.err
    short.refuse_other_than_clean()
    assert (short.output / "_seisflow" / "provenance.json").exists()


def states(product: Path) -> dict[str, tuple[int, int]]:
    """Return when each file was last written, and its size."""
    files = (p for p in product.rglob("*") if p.is_file())
    return {str(p): (p.stat().st_mtime_ns, p.stat().st_size) for p in files}
