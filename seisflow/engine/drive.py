"""Driving tasks: a sliding window of futures, and what happens when one does not come back.

Invariants: every task given comes out exactly once, as a result or as a failure with its reason;
only small results travel; a task that raised the same error twice, or that kills its worker even
when it runs alone, is set aside (quarantined) and the others go on.
"""

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

from distributed import KilledWorker, as_completed
from distributed.client import FutureCancelledError
from distributed.scheduler import NoWorkerError

from seisflow.engine.connect import Session, told_when_gone
from seisflow.engine.failures import Failure
from seisflow.engine.metrics import Tally
from seisflow.errors import IncompleteError, StorageError

__all__ = ["Failure", "drive"]

MAX_ATTEMPTS = 4
WINDOW_PER_THREAD = 3


class Named(Protocol):
    """A unit of work with a name of its own."""

    @property
    def name(self) -> str:
        """Unique among the tasks given to `drive`."""
        ...


T = TypeVar("T", bound=Named)
R = TypeVar("R")


@dataclass
class _Attempts(Generic[T]):
    task: T
    errors: list[str] = field(default_factory=list)


def drive(
    session: Session, function: Callable[[T], R], tasks: Iterable[T], *, stage: str = "other"
) -> Iterator[tuple[T, R | Failure]]:
    """Run ``function(task)`` for every task on the cluster; yield each as it ends.

    Parameters
    ----------
    session : Session
        The cluster.
    function : callable
        Runs in a worker process; what it returns must be small. It may run twice.
    tasks : iterable
        Taken as the window moves, never all at once.
    stage : str
        What the tasks are for, in what Prometheus is told.

    Yields
    ------
    task, result or Failure
        In the order of ending.

    Raises
    ------
    StorageError
        A task found the disk full or not writable: no other task would fare better.
    IncompleteError
        The scheduler went away, or had no worker for days.
    ClusterError
        There will be no more workers; see `Session.check`.
    """
    window = _Window(session, function, Tally(session.client, stage))
    rest = (_Attempts(task) for task in tasks)
    try:
        with told_when_gone(session.address):
            yield from window.run(rest, width=None)
            while window.suspects:  # alone, so that an innocent neighbour is not blamed
                yield from window.run(iter([window.suspects.popleft()]), width=1)
    except NoWorkerError as error:
        raise IncompleteError(
            f"{error}; what is done is kept: repeat the command when the cluster has room"
        ) from error
    finally:
        window.cancel()
        window.tally.send()


class _Window(Generic[T, R]):
    def __init__(self, session: Session, function: Callable[[T], R], tally: Tally) -> None:
        self.session, self.function, self.tally = session, function, tally
        # another run on the same scheduler may have tasks of the same name
        self.prefix = f"seisflow-{uuid.uuid4().hex[:12]}"
        self.active: dict[Any, _Attempts[T]] = {}
        self.again: deque[_Attempts[T]] = deque()
        self.suspects: deque[_Attempts[T]] = deque()

    def run(
        self, rest: Iterator[_Attempts[T]], width: int | None
    ) -> Iterator[tuple[T, R | Failure]]:
        completed = as_completed()
        self._refill(completed, rest, width)
        for future in self._ended(completed):
            attempts = self.active.pop(future)
            try:
                ended = self._settle(future, attempts, alone=width == 1)
            finally:
                future.release()
            self.tally.attempted(attempts.task, ended)
            self._refill(completed, rest, width)
            if ended is not None:
                yield attempts.task, ended

    def _ended(self, completed: as_completed) -> Iterator[Any]:
        """Yield futures as they end, for as long as there are workers or will be."""
        while not completed.is_empty():
            if completed.has_ready():
                yield next(completed)
                continue
            self.session.check()
            with completed.thread_condition:
                completed.thread_condition.wait(0.1)

    def _refill(self, completed: Any, rest: Iterator[_Attempts[T]], width: int | None) -> None:
        limit = width or max(2, WINDOW_PER_THREAD * self.session.n_threads())
        room = limit - len(self.active)
        waiting = [self.again.popleft() for _ in range(min(room, len(self.again)))]
        for attempts in [*waiting, *islice(rest, max(0, room - len(waiting)))]:
            key = f"{self.prefix}-{attempts.task.name}-{len(attempts.errors)}"
            future = self.session.client.submit(
                self.function, attempts.task, key=key, pure=False, retries=0
            )
            self.active[future] = attempts
            completed.add(future)

    def _settle(self, future: Any, attempts: _Attempts[T], *, alone: bool) -> R | Failure | None:
        error = future.exception()
        if error is None:
            result: R = future.result()
            return result
        if isinstance(error, StorageError | CancelledError | FutureCancelledError | NoWorkerError):
            raise error
        attempts.errors.append(f"{type(error).__name__}: {error}")
        if isinstance(error, KilledWorker):
            if not alone:
                self.suspects.append(attempts)
                return None
            reason = "its worker died every time it ran, even alone (out of memory?)"
            return Failure(reason, len(attempts.errors))
        repeated = attempts.errors.count(attempts.errors[-1]) > 1
        if repeated or len(attempts.errors) >= MAX_ATTEMPTS:
            return Failure(attempts.errors[-1], len(attempts.errors))
        self.again.append(attempts)
        return None

    def cancel(self) -> None:
        for future in self.active:
            future.release()
        self.active.clear()
