"""What seisflow reports of its tasks, read where Prometheus would read it."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from urllib.request import urlopen

import pytest
from drive_tasks import Item, fail_first, name_of, refuse_odd
from programs import Cluster, Daemon, Launcher, wait_until
from prometheus_client.parser import text_string_to_metric_families

from seisflow.engine.connect import Session, connect
from seisflow.engine.drive import drive
from seisflow.engine.metrics import COUNTERS, Tally
from seisflow.engine.profiles import read_profile

SEISFLOW = ("done", "failed", "retried")


def samples(dashboard: str) -> dict[tuple[str, str], float]:
    """Read /metrics: value by name and stage ('' where it has none); the last where several."""
    url = dashboard.removesuffix("/status") + "/metrics"
    with urlopen(url, timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    return {(s.name, s.labels.get("stage", "")): s.value for f in families for s in f.samples}


def tasks(found: dict[tuple[str, str], float], stage: str) -> dict[str, float]:
    return {what: found.get((f"seisflow_tasks_{what}_total", stage), 0.0) for what in SEISFLOW}


@contextmanager
def watched_cluster(folder: Path) -> Iterator[Cluster]:
    """A scheduler with its dashboard, and one worker."""
    contact = folder / "scheduler.json"
    env = {**os.environ}
    args = ["--host", "127.0.0.1", "--port", "0", "--dashboard-address", "127.0.0.1:0"]
    args += ["--scheduler-file", str(contact)]
    with ExitStack() as stack:
        scheduler = Daemon("dask_scheduler", args, folder / "scheduler.log", env)
        stack.callback(scheduler.kill)
        wait_until(lambda: contact.exists() and contact.stat().st_size, 60, "the scheduler")
        known = json.loads(contact.read_text())
        cluster = Cluster(folder, known["address"], scheduler, stack, env)
        cluster.add_worker()
        yield cluster


def dashboard_of(cluster: Cluster) -> str:
    known = json.loads((cluster.folder / "scheduler.json").read_text())
    return f"http://127.0.0.1:{known['services']['dashboard']}"


@dataclass(frozen=True)
class Recorded(Item):
    """A task that stands for half a station-day."""

    station_s: int = 43200


@pytest.fixture(scope="module")
def session() -> Iterator[Session]:
    with connect(read_profile("local", 1)) as session:
        yield session


def test_a_run_of_ones_own_shows_in_the_metrics_of_its_dashboard(session: Session) -> None:
    given = [Recorded(str(i)) for i in range(6)]
    assert len(list(drive(session, name_of, given, stage="own"))) == 6
    found = samples(session.dashboard)
    assert tasks(found, "own") == {"done": 6, "failed": 0, "retried": 0}
    assert found["seisflow_station_seconds_total", "own"] == 6 * 43200
    assert found["dask_scheduler_clients", ""] >= 1  # Dask's stand beside them


def test_failures_and_repeats_are_counted_by_stage(session: Session, tmp_path: Path) -> None:
    odd, first = tmp_path / "odd", tmp_path / "first"
    odd.mkdir()
    first.mkdir()
    list(drive(session, refuse_odd, [Recorded(str(i), odd) for i in range(5)], stage="odd"))
    list(drive(session, fail_first, [Item(str(i), first) for i in range(3)], stage="first"))
    found = samples(session.dashboard)
    assert tasks(found, "odd") == {"done": 3, "failed": 2, "retried": 2}
    assert found["seisflow_station_seconds_total", "odd"] == 3 * 43200  # failed ones give none
    assert tasks(found, "first") == {"done": 3, "failed": 0, "retried": 3}


def test_counters_stand_at_zero_before_anything_happens(session: Session) -> None:
    Tally(session.client, "early")
    found = samples(session.dashboard)
    assert [found[f"seisflow_tasks_{what}_total", "early"] for what in SEISFLOW] == [0, 0, 0]


def test_a_receipt_that_says_failed_is_a_failure(session: Session) -> None:
    tally = Tally(session.client, "receipts")
    for reason in ("", "row 3 cannot be read", ""):
        tally.attempted(Recorded("x"), SimpleNamespace(state="any", reason=reason))
    tally.send()
    assert tasks(samples(session.dashboard), "receipts") == {"done": 2, "failed": 1, "retried": 0}


@pytest.mark.slow
def test_a_command_shows_at_a_scheduler_that_stands_by_itself(
    launcher: Launcher, waveforms: Path, tmp_path: Path
) -> None:
    with watched_cluster(tmp_path) as cluster:
        for number in range(2):  # sums outlive a command
            args = ["--cluster", cluster.address, "--block", "2", "--select", "ZG.R010[12].*.*"]
            ended = launcher.run("label", waveforms, tmp_path / f"{number}.zarr", *args)
            assert ended.code == 0, ended.err
        found = samples(dashboard_of(cluster))
    assert tasks(found, "label") == {"done": 2, "failed": 0, "retried": 0}
    assert found["seisflow_station_seconds_total", "label"] == 2 * 2 * 3600


def test_a_scheduler_that_does_not_answer_costs_no_run(session: Session) -> None:
    class Gone:
        status = "running"
        scheduler = SimpleNamespace(log_event=None)

        def register_plugin(self, plugin: object) -> None:
            raise OSError("gone")

        def sync(self, *args: object, **kwargs: object) -> None:
            raise TimeoutError("silent")

    tally = Tally(Gone(), "gone")  # type: ignore[arg-type]
    tally.attempted(Recorded("x"), None)
    tally.send()
    assert not tally.sums


def test_every_counter_is_one_of_seisflows() -> None:
    names = [family.name for counter in COUNTERS.values() for family in counter.collect()]
    assert names == [
        "seisflow_tasks_done",
        "seisflow_tasks_failed",
        "seisflow_tasks_retried",
        "seisflow_station_seconds",
    ]
