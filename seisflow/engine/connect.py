"""Connecting to the cluster that will run the tasks: of our own, or somebody's scheduler."""

import asyncio
import logging
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from dask.system import CPU_COUNT
from distributed import Client, LocalCluster, Security
from distributed.client import ClosedClientError, FutureCancelledError
from distributed.comm.core import CommClosedError
from distributed.comm.core import connect as open_comm
from distributed.core import Status

from seisflow.core.extras import needed_by
from seisflow.core.files import AnyPath, any_path
from seisflow.engine.dask_isolation import dashboard_link, own_settings, users_settings
from seisflow.engine.profiles import Profile, Tls
from seisflow.engine.settings import (
    DASK_SETTINGS,
    LOCAL_SETTINGS,
    SLURM_SETTINGS,
    WORKER_ENVIRONMENT,
)
from seisflow.engine.versions import environment, refuse_differences
from seisflow.errors import ClusterError, ConfigError, IncompleteError

__all__ = [
    "Session",
    "connect",
    "join",
    "open_cluster",
    "refuse_blind",
    "refuse_client",
    "told_when_gone",
    "versions_there",
]

ANSWER_TIMEOUT_S = 10.0
WORKERS_TIMEOUT_S = 30.0
SEEN_WITHIN_S = 10.0
NANNY_LIVES = {Status.init, Status.starting, Status.running}


@dataclass
class Session:
    """A connection to a cluster.

    Parameters
    ----------
    client : Client
        Of the scheduler.
    address, dashboard : str
        Where scheduler and dashboard are.
    tunnel : str
        What to type at home to see the dashboard; empty where it is on the same machine.
    failure : callable
        Returns why there will be no more workers, or None.
    n_local : int
        Workers of a local cluster, whose number ``--workers`` sets; 0 elsewhere.
    """

    client: Client
    address: str
    dashboard: str
    tunnel: str = ""
    failure: Callable[[], str | None] = lambda: None
    n_local: int = 0
    _threads: tuple[float, int] = field(default=(0.0, 0))

    def check(self) -> None:
        """Go on if there are workers, or will be.

        Raises
        ------
        ClusterError
            Jobs keep ending before their worker is there: with the last lines one of them wrote.
        """
        reason = self.failure()
        if reason is not None:
            raise ClusterError(f"{reason}\nwhat is done is kept: mend it and repeat the command")

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

    def ask(self, function: Callable[..., Any], *arguments: Any) -> dict[str, Any]:
        """Call a function on every worker.

        Returns
        -------
        dict of str
            What each worker answers, by address; one that dies meanwhile is not among them.

        Raises
        ------
        IncompleteError
            The scheduler went away.
        """
        with told_when_gone(self.address):
            answers = self.client.run(function, *arguments, on_error="return")
        lost = {worker for worker, said in answers.items() if isinstance(said, Exception)}
        if lost:
            there = self.client.scheduler_info(n_workers=-1).get("workers", {})
            for worker in lost:
                if worker in there and not isinstance(answers[worker], CommClosedError):
                    raise answers[worker]
        return {worker: said for worker, said in answers.items() if worker not in lost}

    def worker_memory_bytes(self) -> int:
        """Return the least memory a worker has for each of its threads; 0 where none is set."""
        workers = self.client.scheduler_info(n_workers=-1).get("workers", {}).values()
        return min(((w["memory_limit"] or 0) // w["nthreads"] for w in workers), default=0)


@contextmanager
def told_when_gone(address: str) -> Iterator[None]:
    """Say what to do where the scheduler goes away.

    Raises
    ------
    IncompleteError
        Instead of what distributed raises then.
    """
    try:
        yield
    except (CancelledError, FutureCancelledError, ClosedClientError, CommClosedError) as error:
        raise IncompleteError(
            f"the scheduler at {address} went away ({error}); what is done is kept: start the "
            "scheduler again and repeat the command"
        ) from error


@contextmanager
def connect(profile: Profile, *, pool: Literal["cpu", "gpu"] = "cpu") -> Iterator[Session]:
    """Start or join a cluster; leave it as it was found.

    Parameters
    ----------
    profile : Profile
        Where tasks run.
    pool : {'cpu', 'gpu'}
        The jobs wanted; those without GPUs where the profile has no others.

    Raises
    ------
    ClusterError
        No scheduler at the address, or no worker within 30 s, or it wants other certificates;
        SLURM refuses the jobs, or they end before their worker is there; or other versions than
        here.
    IncompleteError
        A worker process of the local cluster died while it started.
    """
    with open_cluster(profile, pool=pool) as session:
        if profile.kind != "local":
            refuse_differences(environment(), versions_there(session))
        yield session


def refuse_client(client: Client, workers: int | None = None) -> None:
    """Refuse a Client of the user's that cannot be used.

    Raises
    ------
    ClusterError
        It is closed, or belongs to an event loop of its own.
    ConfigError
        `workers` are given, which its cluster has already.
    """
    if client.asynchronous:
        raise ClusterError(
            "the Client given is asynchronous; give one made with asynchronous=False, or the "
            f"address of its scheduler, {_address_of(client)}"
        )
    if client.status != "running":
        raise ClusterError(
            f"the Client given is {client.status}; open another and call again: what is done is "
            "kept"
        )
    if workers is not None:
        raise ConfigError(
            f"workers = {workers} asked together with a Client, whose cluster has the workers that "
            "whoever started it gave it; leave it out, or scale that cluster"
        )


def refuse_blind(session: Session, product: AnyPath) -> None:
    """Go on if every worker sees a product that stands.

    Raises
    ------
    ClusterError
        One does not, 10 s after it was asked first: network file systems are late at times.
    """
    until = time.monotonic() + SEEN_WITHIN_S
    while True:
        seen = session.ask(sees, str(product))
        blind = sorted(worker for worker, does in seen.items() if not does)
        if not blind:
            return
        if time.monotonic() > until:
            raise ClusterError(
                f"{len(blind)} of {len(seen)} workers do not see {product} ({blind[0]}, ...): give "
                "a folder that this machine and all workers share, or an object store"
            )
        time.sleep(0.5)


def sees(path: str) -> bool:
    """Tell whether a path is there; runs on a worker."""
    return any_path(path).exists()


def _address_of(client: Client) -> str:
    scheduler = client.scheduler
    return str(scheduler.address if scheduler is not None else "its scheduler")


@contextmanager
def join(client: Client) -> Iterator[Session]:
    """Use a Client that the user has; it stays open.

    Raises
    ------
    ClusterError
        It is closed, it has no workers within 30 s, or other versions than here.
    """
    refuse_client(client)
    address = _address_of(client)
    _wait_for_workers(client, address)
    session = Session(client, address, client.dashboard_link or "none")
    refuse_differences(environment(), versions_there(session))
    yield session


@contextmanager
def open_cluster(
    profile: Profile, *, pool: Literal["cpu", "gpu"] = "cpu", patience_s: float | None = None
) -> Iterator[Session]:
    """Do as `connect`, without a look at versions.

    Parameters
    ----------
    profile, pool
        As for `connect`.
    patience_s : float, optional
        How long jobs may queue until the first worker is there; without end by default.
    """
    opened: AbstractContextManager[Session]
    users = users_settings()  # before they are out of sight
    if profile.kind == "local":
        settings = DASK_SETTINGS | LOCAL_SETTINGS
        opened = _local(profile.workers, users)
    elif profile.address is not None:
        settings = DASK_SETTINGS | users
        opened = _existing(profile.address, _security(profile.tls), users)
    else:
        settings = DASK_SETTINGS | SLURM_SETTINGS
        opened = _jobs(profile, pool, patience_s, users)
    with own_settings(settings, WORKER_ENVIRONMENT), opened as session:
        yield session


@contextmanager
def _local(workers: int | None, users: Mapping[str, Any]) -> Iterator[Session]:
    with (
        tempfile.TemporaryDirectory(prefix="seisflow-", ignore_cleanup_errors=True) as scratch,
        _local_cluster(workers or CPU_COUNT, scratch) as cluster,
        Client(cluster) as client,
    ):
        dashboard = dashboard_link(users, "127.0.0.1", _dashboard_port(client))
        address = client.scheduler.address
        yield Session(
            client, address, dashboard, failure=lambda: _gone(cluster), n_local=len(cluster.workers)
        )


def _dashboard_port(client: Client) -> int | None:
    services = client.scheduler_info(n_workers=0).get("services", {})
    port: int | None = services.get("dashboard")
    return port


def _gone(cluster: LocalCluster) -> str | None:
    """Say that no worker will come back: each nanny starts the next process, or gives up."""
    if any(nanny.status in NANNY_LIVES for nanny in cluster.workers.values()):
        return None
    return "no worker process of the local cluster can be started any more"


@contextmanager
def _jobs(
    profile: Profile,
    pool: Literal["cpu", "gpu"],
    patience_s: float | None,
    users: Mapping[str, Any],
) -> Iterator[Session]:
    with needed_by("a SLURM cluster"):
        from seisflow.engine import slurm  # only here: most commands have no need of it

    with (
        slurm.start(profile.pool(pool), secure=profile.secure, patience_s=patience_s) as cluster,
        Client(cluster) as client,
    ):
        port = cluster.scheduler.services["dashboard"].port
        dashboard = dashboard_link(users, "127.0.0.1", port)
        tunnel = slurm.tunnel_line(port)
        yield Session(client, cluster.scheduler_address, dashboard, tunnel, lambda: cluster.failure)


def _of_a_script() -> str:
    """Say what a script of the user's must have, which each worker process imports."""
    main = sys.modules["__main__"]
    script = Path(getattr(main, "__file__", None) or "seisflow")
    if main.__spec__ is not None or script.stem == "seisflow":
        return ""  # python -m, our own program, or a notebook
    return (
        f'. Worker processes import {script.name}: let it call seisflow below "if __name__ == '
        "'__main__':\", or give the Client of a cluster that runs"
    )


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
        fewer = ", with fewer workers if memory is short" if n_workers > 1 else ""
        raise IncompleteError(
            f"the {n_workers} worker processes of the local cluster did not start ({error} "
            f"{error.__cause__ or ''}); type the command again{fewer}{_of_a_script()}"
        ) from error


@contextmanager
def _existing(
    address: str, security: Security | None, users: Mapping[str, Any]
) -> Iterator[Session]:
    with _client(address, security) as client:
        _wait_for_workers(client, address)
        host = address.partition("://")[2].rpartition(":")[0]
        scheme = "https" if "distributed.scheduler.dashboard.tls.cert" in users else "http"
        link = dashboard_link(users, host, _dashboard_port(client), scheme)
        yield Session(client, address, link)


def _wait_for_workers(client: Client, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS_TIMEOUT_S)
    except TimeoutError as error:
        raise ClusterError(
            f"the scheduler at {address} has no workers after {WORKERS_TIMEOUT_S:.0f} s; start "
            f"some with 'dask worker {address} --nthreads 1'"
        ) from error


def _security(tls: Tls | None) -> Security | None:
    if tls is None:
        return None  # of the Dask configuration
    return Security(
        require_encryption=True,
        tls_ca_file=str(tls.ca_file),
        tls_client_cert=str(tls.cert_file),
        tls_client_key=str(tls.key_file),
    )


def _client(address: str, security: Security | None) -> Client:
    # that the scheduler went away is for `drive` to say, once and without a traceback
    for name in ("distributed.client", "distributed.batched"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        asyncio.run(_greet(address, security or Security()))
        return Client(address, timeout=ANSWER_TIMEOUT_S, security=security)
    except CommClosedError as error:  # it was there, and closed: certificates do not fit
        raise _refused(address, error) from error
    except (OSError, TimeoutError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {address} within {ANSWER_TIMEOUT_S:.0f} s "
            f"({str(error) or 'it accepts and is silent'}); start one with 'dask scheduler', or "
            "use --cluster local"
        ) from error
    except Exception as error:  # as tls without certificates, or a server of another kind
        raise _refused(address, error) from error


def _refused(address: str, error: Exception) -> ClusterError:
    return ClusterError(
        f"cannot speak to a Dask scheduler at {address} ({type(error).__name__}: {error}); check "
        "the address, and for tls the certificates: ca_file, cert_file and key_file in the table "
        "[tls] of a cluster profile, or 'distributed.comm.tls' of the Dask configuration"
    )


async def _greet(address: str, security: Security) -> None:
    """Shake hands once: `Client` would wait for ever for what accepts and never answers."""
    arguments = security.get_connection_args("client")
    opening = open_comm(address, timeout=ANSWER_TIMEOUT_S, **arguments)
    comm = await asyncio.wait_for(opening, ANSWER_TIMEOUT_S)
    comm.abort()


def versions_there(session: Session) -> dict[str, dict[str, str]]:
    """Return the versions of every worker and of the scheduler, by address.

    Raises
    ------
    ClusterError
        They cannot even say, because seisflow is not installed there.
    """
    try:
        there = session.ask(environment)
        there[f"scheduler {session.address}"] = session.client.run_on_scheduler(environment)
    except IncompleteError:  # says itself what to do
        raise
    except Exception as error:
        raise ClusterError(
            f"the workers at {session.address} cannot run seisflow ({type(error).__name__}: "
            f"{error}); install the same seisflow there"
        ) from error
    return there
