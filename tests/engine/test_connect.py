"""Connecting: what is refused and how it is said, and what a local worker looks like."""

import os
import signal
import socket
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import psutil
import pytest
from distributed.comm.core import CommClosedError
from drive_tasks import Item, shout
from programs import (
    Cluster,
    Launcher,
    differences,
    free_port,
    refuse_unfinished,
    start_cluster,
    wait_until,
)

import seisflow.engine.connect as connecting
from seisflow.engine.connect import Session, connect
from seisflow.engine.drive import drive
from seisflow.engine.profiles import read_profile
from seisflow.engine.settings import WORKER_ENVIRONMENT
from seisflow.engine.versions import PACKAGES, environment, refuse_differences
from seisflow.errors import ClusterError, IncompleteError


@pytest.mark.slow
def test_nobody_there_is_said_within_15_s(scene: Path, launcher: Launcher, tmp_path: Path) -> None:
    """Nothing listens at the first port; at the second something that is no scheduler."""
    with socket.create_server(("127.0.0.1", 0)) as mute:
        addresses = [f"tcp://127.0.0.1:{port}" for port in (free_port(), mute.getsockname()[1])]
        raw = scene / "waveforms"
        runs = [
            launcher.start("ingest", raw, tmp_path / f"{i}.zarr", "--cluster", address)
            for i, address in enumerate(addresses)
        ]
        every = [run.wait() for run in runs]
    assert connecting.ANSWER_TIMEOUT_S <= 15
    for ended, address in zip(every, addresses, strict=True):
        assert ended.code == 2, ended.err
        assert f"no Dask scheduler answers at {address}" in ended.err
        assert "dask scheduler" in ended.err
        assert "--cluster local" in ended.err
        assert "Traceback" not in ended.err
    assert list(tmp_path.iterdir()) == []


def test_tls_without_certificates_is_refused() -> None:
    with (
        pytest.raises(ClusterError, match=r"distributed\.comm\.tls"),
        connect(read_profile(f"tls://127.0.0.1:{free_port()}")),
    ):
        pass


@pytest.mark.slow
def test_a_scheduler_without_workers_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "WORKERS_TIMEOUT_S", 1.0)
    with start_cluster(tmp_path, 0) as own:
        with (
            pytest.raises(ClusterError, match="no workers after 1 s") as caught,
            connect(read_profile(own.address)),
        ):
            pass
        assert f"dask worker {own.address}" in str(caught.value)


@pytest.mark.slow
def test_a_worker_of_another_version_is_refused(
    waveforms: Path, launcher: Launcher, tmp_path: Path
) -> None:
    fake = tmp_path / "packages"
    (fake / "numcodecs-0.0.1.dist-info").mkdir(parents=True)
    metadata = "Metadata-Version: 2.1\nName: numcodecs\nVersion: 0.0.1\n"
    (fake / "numcodecs-0.0.1.dist-info" / "METADATA").write_text(metadata)
    output = tmp_path / "labels.zarr"
    with start_cluster(tmp_path, 0) as own:
        own.add_worker(nanny=False, PYTHONPATH=str(fake))
        ended = launcher.run("label", waveforms, output, "--cluster", own.address)
    assert ended.code == 2, ended.err
    here = environment()["numcodecs"]
    assert f"numcodecs: client {here}, found 0.0.1 on 1 (tcp://127.0.0.1:" in ended.err
    assert "install the same versions everywhere" in ended.err
    for package in set(PACKAGES) - {"numcodecs"}:
        assert f"  {package}: " not in ended.err
    assert not output.exists()


def test_every_difference_of_versions_is_listed() -> None:
    here = {"python": "3.11.7", "numpy": "2.3.0", "zarr": "3.1.6"}
    refuse_differences(here, {"tcp://a:1": dict(here), "scheduler tcp://s:1": dict(here)})
    there = {
        "tcp://a:1": here | {"numpy": "2.0.0"},
        "tcp://b:1": here | {"numpy": "2.0.0", "zarr": "2.18"},
        "scheduler tcp://s:1": {"python": "3.12.0", "numpy": "2.3.0"},
    }
    with pytest.raises(ClusterError) as caught:
        refuse_differences(here, there)
    message = str(caught.value)
    assert "numpy: client 2.3.0, found 2.0.0 on 2 (tcp://a:1" in message
    assert "zarr: client 3.1.6, found 2.18 on 1 (tcp://b:1" in message
    assert "zarr: client 3.1.6, found missing on 1 (scheduler tcp://s:1" in message
    assert "python: client 3.11.7, found 3.12.0 on 1 (scheduler tcp://s:1" in message


def test_the_environment_names_what_results_depend_on() -> None:
    found = environment()
    assert set(found) == {"python", *PACKAGES}
    assert "missing" not in found.values()


@pytest.mark.slow
def test_local_workers_have_one_thread_each() -> None:
    with connect(read_profile("local", 2)) as session:
        threads = session.client.nthreads()
        assert list(threads.values()) == [1, 1]
        assert session.n_threads() == 2
        assert session.address.startswith("tcp://127.0.0.1:")
        assert session.dashboard.startswith("http://127.0.0.1:")
        assert session.worker_memory_bytes() > 0
        for name, value in WORKER_ENVIRONMENT.items():
            assert set(session.client.run(os.getenv, name).values()) == {value}
        assert WORKER_ENVIRONMENT["OMP_NUM_THREADS"] == "1"


@pytest.mark.slow
def test_a_scheduler_of_ours_and_a_local_cluster_make_the_same_bytes(
    scene: Path, waveforms: Path, labels: Path, launcher: Launcher, tmp_path: Path
) -> None:
    args = ["--stations", scene / "stations.csv", "--workers", "1"]
    own = tmp_path / "waveforms.zarr"
    ended = launcher.run("ingest", scene / "waveforms", own, *args)
    assert ended.code == 0, ended.err
    assert differences(own, waveforms) == []
    own_labels = tmp_path / "labels.zarr"
    ended = launcher.run("label", own, own_labels, "--select", "ZG.R010[12].*.*", "--workers", "1")
    assert ended.code == 0, ended.err
    assert differences(own_labels, labels) == []
    refuse_unfinished(own)
    refuse_unfinished(own_labels)


def test_a_scheduler_is_left_as_it_was_found(cluster: Cluster) -> None:
    with connect(read_profile(cluster.address)) as session:
        session.client.wait_for_workers(2, timeout=60)  # the first of them lets it begin
        before = sorted(session.client.nthreads())
    with connect(read_profile(cluster.address)) as session:
        assert sorted(session.client.nthreads()) == before


@pytest.mark.slow
def test_a_worker_that_takes_long_to_come_back_is_waited_for() -> None:
    """Dask's cluster would end it for good 15 s after the loss of the one before."""
    with connect(read_profile("local", 1)) as session:
        (first,) = session.client.run(os.getpid).values()
        os.kill(first, signal.SIGKILL)
        wait_until(lambda: set(worker_pids()) - {first}, 30, "the next worker")
        (second,) = set(worker_pids()) - {first}
        os.kill(second, signal.SIGSTOP)
        time.sleep(17)
        os.kill(second, signal.SIGCONT)
        assert [result for _, result in drive(session, shout, [Item("quake")])] == ["QUAKE"]
        assert [*session.client.run(os.getpid).values()] == [second]


def test_a_local_cluster_without_nannies_ends_the_command() -> None:
    with connect(read_profile("local", 1)) as session:
        session.check()
        cluster = session.client.cluster
        cluster.sync(next(iter(cluster.workers.values())).close)
        with pytest.raises(ClusterError, match="no worker process of the local cluster"):
            list(drive(session, shout, [Item("quake")]))


def worker_pids() -> list[int]:
    """Processes of the local cluster's workers, ready or not."""
    alive = [c for c in psutil.Process().children() if c.status() != psutil.STATUS_ZOMBIE]
    return [c.pid for c in alive if "spawn_main" in " ".join(c.cmdline())]


def asked(answers: dict[str, Any], there: set[str], error: Exception | None = None) -> Session:
    """A session whose workers give these answers; some are still there afterwards."""

    def run(_: object, *, on_error: str) -> dict[str, Any]:
        assert on_error == "return"
        if error is not None:
            raise error
        return answers

    known = {"workers": dict.fromkeys(there)}
    client: Any = SimpleNamespace(run=run, scheduler_info=lambda n_workers: known)
    return Session(client, "tcp://it", "none")


def test_a_worker_that_dies_while_it_is_asked_gives_no_answer() -> None:
    answers = {"a": 1, "b": CommClosedError("gone"), "c": OSError("no such address")}
    assert asked(answers, {"a", "b"}).ask(abs) == {"a": 1}
    with pytest.raises(OSError, match="no such address"):
        asked(answers, {"a", "b", "c"}).ask(abs)
    with pytest.raises(IncompleteError, match=r"tcp://it went away .* start the scheduler again"):
        asked({}, set(), CommClosedError("gone")).ask(abs)
