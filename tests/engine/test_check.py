"""Looking at a cluster: what is found on workers started by hand, and what is wrong with it."""

from pathlib import Path

import pytest
from programs import Cluster

from seisflow.engine import check
from seisflow.engine.check import check_cluster
from seisflow.engine.connect import connect
from seisflow.engine.profiles import read_profile


def test_workers_started_by_hand(cluster: Cluster, tmp_path: Path) -> None:
    found = {f.name: f for f in check_cluster(read_profile(cluster.address), [tmp_path])}
    assert list(found) == [
        *("start", "versions", "clock", "threads", "environment", "memory", "scratch"),
        f"store {tmp_path}",
    ]
    assert {f.name for f in found.values() if f.state != "ok"} == {"environment"}
    assert "BLOSC_NTHREADS=None, not 1" in found["environment"].found  # no prologue of ours
    assert found["memory"].found == "1.57 GB for each worker"
    assert list(tmp_path.iterdir()) == []


def test_nobody_there_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("seisflow.engine.connect.ANSWER_TIMEOUT_S", 0.5)
    [finding] = check_cluster(read_profile("tcp://127.0.0.1:1"))
    assert (finding.name, finding.state) == ("start", "would fail")
    assert "no Dask scheduler answers at tcp://127.0.0.1:1" in finding.found


def test_a_store_that_is_another_folder_there(
    cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with connect(read_profile(cluster.address)) as session:
        monkeypatch.setattr(check, "read_and_answer", lambda path, token: "written-elsewhere")
        monkeypatch.setattr(check, "_appears", lambda condition: condition())
        finding = check._store(session, tmp_path)
        assert (finding.state, "nothing is here" in finding.found) == ("would fail", True)
        monkeypatch.setattr(check, "read_and_answer", lambda path, token: "! cannot read there")
        assert "tcp://127.0.0.1:" in check._store(session, tmp_path).found
    assert list(tmp_path.iterdir()) == []


def test_what_a_worker_reads_and_answers(tmp_path: Path) -> None:
    there = tmp_path / "here"
    assert (
        check.read_and_answer(str(there), "a") == "! cannot read there: No such file or directory"
    )
    there.write_text("b")
    assert check.read_and_answer(str(there), "a") == "! reads something else there"
    answer = check.read_and_answer(str(there), "b")
    assert (tmp_path / answer).read_text() == "b"


def test_what_is_wrong_with_a_worker() -> None:
    assert check._threads("w", {"threads": 1}).state == "ok"
    assert check._threads("w", {"threads": 2}).state == "would fail"
    assert check._memory("w", {"memory_bytes": 0}).state == "poor"
    assert check._scratch("w", {"free_bytes": -1, "scratch": "/s: full"}).state == "would fail"
    assert check._scratch("w", {"free_bytes": 10**8, "scratch": "/s"}).state == "poor"
    assert check._gpus("w", {"gpus": [], "visible": "0"}).state == "would fail"
    assert check._gpus("w", {"gpus": ["GPU 0: H200"], "visible": "0"}).state == "ok"
    other = check._versions({"w": {"python": "3.8"}})
    assert other.state == "would fail"
    assert "found 3.8 on 1 (w" in other.found


def test_a_clock_that_is_off() -> None:
    assert check._clocks({"a": 100.0, "b": 101.0}, 99.0, 101.0).state == "ok"
    behind = check._clocks({"a": 100.0, "b": 90.0}, 99.0, 101.0)
    assert (behind.state, behind.found) == ("would fail", "b is 9.0 s off this machine")
    assert check._clocks({"a": 107.0}, 99.0, 101.0).state == "would fail"


@pytest.mark.parametrize(
    ("granted", "seconds"),
    [("10:00", 600), ("4:00:00", 14400), ("1-08:00:00", 115200), ("UNLIMITED", float("inf"))],
)
def test_what_squeue_writes_for_a_walltime(granted: str, seconds: float) -> None:
    assert check._seconds(granted) == seconds
