"""Connecting to the cluster that will run the tasks: of our own, or somebody's scheduler."""

import asyncio
import logging
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dask
from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security
from distributed.comm.core import connect as open_comm
from pydantic import Field, field_validator

from seisflow.core.config import StageConfig
from seisflow.engine.settings import DASK_SETTINGS, LOCAL_SETTINGS
from seisflow.engine.versions import environment, refuse_differences
from seisflow.errors import ClusterError, IncompleteError

__all__ = ["ClusterConfig", "Session", "connect"]

ANSWER_TIMEOUT_S = 10.0
WORKERS_TIMEOUT_S = 30.0
ADDRESS = re.compile(r"(tcp|tls|ws|wss)://(\[[0-9a-fA-F:.%]+\]|[^:/\s\[\]]+):\d{1,5}/?")


class ClusterConfig(StageConfig):
    """Where tasks run.

    Parameters
    ----------
    cluster : str
        ``local`` (worker processes on this machine, one thread each) or the address of a Dask
        scheduler that is running, for example ``tcp://10.0.0.7:8786``.
    workers : int, optional
        Worker processes of a local cluster; the number of cores by default.
    """

    cluster: str = "local"
    workers: int | None = Field(default=None, ge=1, le=4096)

    @field_validator("cluster")
    @classmethod
    def _known(cls, value: str) -> str:
        if value == "local" or ADDRESS.fullmatch(value):
            return value
        raise ValueError("give 'local' or the address of a scheduler such as tcp://host:8786")


@dataclass
class Session:
    """A connection to a cluster."""

    client: Client
    address: str
    dashboard: str
    _threads: tuple[float, int] = field(default=(0.0, 0))

    def n_threads(self) -> int:
        """Return the number of threads all workers have now; asked at most every 5 s."""
        asked, known = self._threads
        if time.monotonic() - asked > 5 or not known:
            try:
                known = sum(self.client.nthreads().values())
            except Exception:  # whatever a client says whose scheduler is gone: `drive` finds out
                if self.client.status == "running":
                    raise
            self._threads = (time.monotonic(), known)
        return known

    def worker_memory_bytes(self) -> int:
        """Return the least memory a worker has for each of its threads; 0 where none is set."""
        workers = self.client.scheduler_info(n_workers=-1).get("workers", {}).values()
        return min(((w["memory_limit"] or 0) // w["nthreads"] for w in workers), default=0)


@contextmanager
def connect(config: ClusterConfig) -> Iterator[Session]:
    """Start or join a cluster; leave it as it was found.

    Raises
    ------
    ClusterError
        No scheduler at the address, no worker within 30 s, or other versions than here.
    IncompleteError
        A worker process of the local cluster died while it started.
    """
    with dask.config.set(DASK_SETTINGS):
        if config.cluster == "local":
            with _local(config.workers) as session:
                yield session
        else:
            with _existing(config.cluster) as session:
                yield session


@contextmanager
def _local(workers: int | None) -> Iterator[Session]:
    with (
        dask.config.set(LOCAL_SETTINGS),
        tempfile.TemporaryDirectory(prefix="seisflow-", ignore_cleanup_errors=True) as scratch,
        _local_cluster(workers or CPU_COUNT, scratch) as cluster,
        Client(cluster) as client,
    ):
        yield Session(client, client.scheduler.address, cluster.dashboard_link)


def _local_cluster(n_workers: int, scratch: str) -> LocalCluster:
    try:
        return LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            processes=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        )
    except RuntimeError as error:
        raise IncompleteError(
            f"the {n_workers} worker processes of the local cluster did not start ({error} "
            f"{error.__cause__ or ''}); type the command again, with fewer --workers if memory is "
            "short"
        ) from error


@contextmanager
def _existing(address: str) -> Iterator[Session]:
    client = _client(address)
    with client:
        try:
            client.wait_for_workers(1, timeout=WORKERS_TIMEOUT_S)
        except TimeoutError as error:
            raise ClusterError(
                f"the scheduler at {address} has no workers after {WORKERS_TIMEOUT_S:.0f} s; start "
                f"some with 'dask worker {address} --nthreads 1'"
            ) from error
        _check_versions(client, address)
        yield Session(client, address, client.dashboard_link)


def _client(address: str) -> Client:
    try:
        asyncio.run(_greet(address))
        return Client(address, timeout=ANSWER_TIMEOUT_S)
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} within {ANSWER_TIMEOUT_S:.0f} s "
            f"({str(error) or 'it accepts and is silent'}); start one with 'dask scheduler', or "
            "use --cluster local"
        ) from error
    except Exception as error:  # as tls without certificates, or a server of another kind
        raise ClusterError(
            f"cannot speak to a Dask scheduler at {address} ({type(error).__name__}: {error}); "
            "check the address, and 'distributed.comm.tls' of the Dask configuration"
        ) from error


async def _greet(address: str) -> None:
    """Shake hands once: `Client` would wait for ever for what accepts and never answers."""
    arguments = Security().get_connection_args("client")
    opening = open_comm(address, timeout=ANSWER_TIMEOUT_S, **arguments)
    comm = await asyncio.wait_for(opening, ANSWER_TIMEOUT_S)
    comm.abort()


def _check_versions(client: Client, address: str) -> None:
    try:
        there = dict(client.run(environment))
        there[f"scheduler {address}"] = client.run_on_scheduler(environment)
    except Exception as error:
        raise ClusterError(
            f"the workers at {address} cannot run seisflow ({type(error).__name__}: {error}); "
            "install the same seisflow there"
        ) from error
    refuse_differences(environment(), there)
