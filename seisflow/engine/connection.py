"""Where the tasks of a stage run: on a cluster, joined when the first task needs it, or here.

Invariant: whatever can be refused without a cluster is refused before one is started, because
nothing here starts one until `Connection.session` is asked for.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import Any, Self, TypeVar

from distributed import Client

from seisflow.archive.work import Task
from seisflow.core.amounts import human_bytes
from seisflow.core.files import AnyPath
from seisflow.core.reporting import SILENT, Reporter
from seisflow.engine.connect import Session, connect, join, refuse_blind, refuse_client
from seisflow.engine.drive import drive
from seisflow.engine.failures import Failure
from seisflow.engine.profiles import read_profile
from seisflow.errors import ConfigError

__all__ = ["Cluster", "Connection", "Here"]

N = TypeVar("N", bound=Task)
R = TypeVar("R")

Cluster = str | Client
"""What a user names: ``local``, ``slurm``, a scheduler's address, a profile, or a Client."""


class Connection:
    """The way to a cluster: joined when the first task needs it, left as it was found.

    Parameters
    ----------
    cluster : str or distributed.Client
        ``local``, ``slurm``, the address of a scheduler, a TOML file, the name of a profile; or a
        Client, which stays open.
    workers : int, optional
        Worker processes of a local cluster; all cores by default.
    may_use_gpu : bool
        Whether the jobs of the pool ``gpu`` are wanted.
    reporter : Reporter
        Told where the cluster can be watched.

    Raises
    ------
    ConfigError
        There is no such profile, or it refuses `workers`.
    ClusterError
        The Client is closed.
    """

    def __init__(
        self,
        cluster: Cluster = "local",
        workers: int | None = None,
        *,
        may_use_gpu: bool = False,
        reporter: Reporter = SILENT,
    ) -> None:
        self._stack = ExitStack()
        self._may_use_gpu, self._reporter = may_use_gpu, reporter
        self._client = cluster if isinstance(cluster, Client) else None
        if self._client is not None:
            refuse_client(self._client, workers)
        elif not isinstance(cluster, str):
            raise ConfigError(
                f"cluster = {cluster!r}: give 'local', 'slurm', the address of a scheduler such as "
                "tcp://host:8786, a TOML file, the name of a profile, or a dask.distributed.Client"
            )
        self.profile = None if isinstance(cluster, Client) else read_profile(cluster, workers)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def is_local(self) -> bool:
        """Whether tasks run on this machine, in processes of our own."""
        return self.profile is not None and self.profile.kind == "local"

    @cached_property
    def session(self) -> Session:
        """The open connection; joining may take long, where jobs queue."""
        if self._client is not None:
            session = self._stack.enter_context(join(self._client))
        else:
            assert self.profile is not None
            pool: Any = "gpu" if self._may_use_gpu else "cpu"
            session = self._stack.enter_context(connect(self.profile, pool=pool))
        self._reporter.say(
            f"cluster {session.address}, {session.n_threads()} workers; "
            f"dashboard {session.dashboard}"
        )
        if session.tunnel:
            self._reporter.say(f"to see it at home: {session.tunnel}")
        return session

    def each(
        self, function: Callable[[N], R], tasks: Iterable[N], *, stage: str
    ) -> Iterator[tuple[N, R | Failure]]:
        """Run ``function(task)`` for every task; see `seisflow.engine.drive.drive`."""
        return drive(self.session, function, tasks, stage=stage)

    def refuse_blind(self, product: AnyPath) -> None:
        """Refuse workers that do not see a product that stands.

        Raises
        ------
        ClusterError
            It names a worker that looks at another file system.
        """
        if not self.is_local:
            refuse_blind(self.session, product)

    def refuse_small(self, memory_bytes: int) -> None:
        """Refuse workers with less memory than a task needs; the cluster is joined for it.

        Raises
        ------
        ConfigError
            It says how much memory that is.
        """
        limit = self.session.worker_memory_bytes()
        if limit and memory_bytes > limit:
            fewer = "fewer workers with --workers, or " if self.session.n_local > 1 else ""
            raise ConfigError(
                f"a task needs about {human_bytes(memory_bytes)} and a worker may use "
                f"{human_bytes(limit)}; start {fewer}workers with more memory"
            )


class Here:
    """The process that asks: tasks run one after the other, for tests and for measuring."""

    is_local = True

    def each(
        self, function: Callable[[N], R], tasks: Iterable[N], *, stage: str
    ) -> Iterator[tuple[N, R | Failure]]:
        """Run ``function(task)`` for every task; what it raises is raised here."""
        for task in tasks:
            yield task, function(task)

    def refuse_small(self, memory_bytes: int) -> None:
        """Refuse nothing: what memory there is, the system says."""

    def refuse_blind(self, product: AnyPath) -> None:
        """Refuse nothing: the process that runs the tasks has made the product."""
