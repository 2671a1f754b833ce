"""`drive` on a real scheduler with real workers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from drive_tasks import (
    Item,
    count_tasks,
    die_first,
    fail_differently,
    fail_first,
    fill_disk,
    name_of,
    poison,
    ran,
    refuse_odd,
    shout,
)
from programs import Cluster, start_cluster, wait_until

from seisflow.engine.connect import Session, connect
from seisflow.engine.drive import Failure, drive
from seisflow.engine.profiles import read_profile
from seisflow.errors import IncompleteError, StorageError


@pytest.fixture(scope="module")
def session(cluster: Cluster) -> Iterator[Session]:
    with connect(read_profile(cluster.address)) as session:
        session.client.wait_for_workers(2)
        session._threads = (0.0, 0)
        yield session


def numbered(n: int, folder: Path | None = None, sleep_s: float = 0.0) -> list[Item]:
    return [Item(str(i), folder, sleep_s) for i in range(n)]


class Taken:
    """Tasks one by one, counting those taken."""

    def __init__(self, items: list[Item]) -> None:
        self.items, self.n = items, 0

    def __iter__(self) -> Iterator[Item]:
        for item in self.items:
            self.n += 1
            yield item


def test_every_task_comes_out_exactly_once(session: Session) -> None:
    items = numbered(40)
    ended = list(drive(session, name_of, items))
    assert sorted(task.name for task, _ in ended) == sorted(i.name for i in items)
    assert all(result == task.name for task, result in ended)


def test_nothing_to_do_is_done_at_once(session: Session) -> None:
    assert list(drive(session, name_of, [])) == []


def test_the_same_error_twice_is_a_failure_and_the_others_finish(
    session: Session, tmp_path: Path
) -> None:
    ended = {t.name: r for t, r in drive(session, refuse_odd, numbered(9, tmp_path))}
    assert len(ended) == 9
    for name, result in ended.items():
        odd = int(name) % 2
        expected = Failure(f"ValueError: {name} is odd", 2) if odd else name
        assert result == expected
        assert ran(tmp_path).count(name) == (2 if odd else 1)


def test_a_task_that_fails_once_is_tried_again(session: Session, tmp_path: Path) -> None:
    ended = {t.name: r for t, r in drive(session, fail_first, numbered(5, tmp_path))}
    assert ended == {str(i): str(i) for i in range(5)}
    assert len(ran(tmp_path)) == 10


def test_ever_new_errors_are_a_failure_after_four_attempts(
    session: Session, tmp_path: Path
) -> None:
    [(_, result)] = drive(session, fail_differently, [Item("x", tmp_path)])
    assert result == Failure("ValueError: failure number 4", 4)


@pytest.mark.slow
def test_a_poison_task_is_set_aside_after_running_alone(session: Session, tmp_path: Path) -> None:
    innocent = numbered(12, tmp_path, sleep_s=0.05)
    items = [*innocent[:3], Item("poison", tmp_path), *innocent[3:]]
    ended = [(task.name, result) for task, result in drive(session, poison, items)]
    results = dict(ended)
    assert len(ended) == len(results) == 13
    failure = results.pop("poison")
    assert results == {i.name: i.name for i in innocent}
    assert isinstance(failure, Failure)
    assert "worker died every time" in failure.reason
    log = ran(tmp_path)
    last = len(log) - log[::-1].index("poison")
    assert log[last - 2 : last] == ["poison"] * 2  # the last attempts had no neighbour
    assert set(log[:last]) == set(results) | {"poison"}  # and came after everybody's first
    assert log.count("poison") >= 4  # twice in company, twice alone


def test_a_task_that_is_well_when_alone_is_no_failure(session: Session, tmp_path: Path) -> None:
    [(_, result)] = drive(session, die_first, [Item("shy", tmp_path)])
    assert result == "shy"
    assert ran(tmp_path) == ["shy"] * 3


def test_a_full_disk_stops_at_once(session: Session) -> None:
    taken = Taken(numbered(500))
    with pytest.raises(StorageError, match="No space left"):
        list(drive(session, fill_disk, taken))
    assert taken.n < 40


def test_the_window_is_bounded(session: Session) -> None:
    wait_until(lambda: len(session.client.nthreads()) == 2, 30, "workers killed before")
    session._threads = (0.0, 0)
    assert session.n_threads() == 2
    taken = Taken(numbered(60, sleep_s=0.002))
    open_now, n_ended = [], 0
    for _ in drive(session, name_of, taken):
        n_ended += 1
        open_now.append(taken.n - n_ended)
    assert n_ended == 60
    assert max(open_now) <= 3 * 2
    assert max(open_now) >= 3 * 2 - 1  # and kept full, or workers would idle


def test_two_runs_with_equal_names_do_not_mix(session: Session, cluster: Cluster) -> None:
    items = numbered(12, sleep_s=0.01)
    with connect(read_profile(cluster.address)) as other:
        pairs = list(
            zip(drive(session, name_of, lettered()), drive(other, shout, lettered()), strict=True)
        )
    assert len(items) == len(pairs)
    assert all(task.name == result for (task, result), _ in pairs)
    assert all(task.name.upper() == result for _, (task, result) in pairs)


def lettered() -> list[Item]:
    return [Item(letter, None, 0.01) for letter in "abcdefghijkl"]


def test_a_run_given_up_leaves_nothing_at_the_scheduler(session: Session) -> None:
    running = drive(session, name_of, numbered(50, sleep_s=0.05))
    next(running)
    running.close()
    wait_until(lambda: session.client.run_on_scheduler(count_tasks) == 0, 60, "the releases")


@pytest.mark.slow
def test_a_scheduler_that_dies_is_an_incomplete_run(tmp_path: Path) -> None:
    with (
        start_cluster(tmp_path, 1, nanny=False) as own,
        connect(read_profile(own.address)) as session,
    ):
        running = drive(session, name_of, numbered(200, sleep_s=0.1))
        next(running)
        own.scheduler.kill()
        with pytest.raises(IncompleteError, match="went away") as caught:
            list(running)
        assert own.address in str(caught.value)
        assert "repeat the command" in str(caught.value)
        session._threads = (0.0, 1)  # as 5 s later, when the number of threads is asked again
        with pytest.raises(IncompleteError, match="went away"):
            list(drive(session, name_of, numbered(3)))


@pytest.mark.slow
def test_a_scheduler_long_without_workers_is_an_incomplete_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DASK_DISTRIBUTED__SCHEDULER__NO_WORKERS_TIMEOUT", "1s")
    with (
        start_cluster(tmp_path, 1, nanny=False) as own,
        connect(read_profile(own.address)) as session,
    ):
        running = drive(session, name_of, numbered(200, sleep_s=0.1))
        next(running)
        own.workers[0].kill()
        with pytest.raises(IncompleteError, match="repeat the command when the cluster has room"):
            list(running)
