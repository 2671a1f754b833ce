"""Workers as SLURM jobs, through dask-jobqueue, kept running by one loop that asks ``squeue``.

The scheduler runs in the process of the command; a job is one `sbatch` of one node with a worker
process for each core (or GPU). What dask-jobqueue 0.9 leaves silent is said here: a refused job
before anything starts, jobs that end before their worker is there, jobs that are lost. A job that
ends is replaced by a new one under a new name, for as long as the cluster is open.

Invariants: a ``squeue`` that fails says nothing about jobs; no name of a job is used twice; when
the cluster closes every job is cancelled, and a job whose command is gone ends by itself.
"""

import asyncio
import logging
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from distributed import Scheduler, Security
from distributed.core import Status
from distributed.deploy.spec import SpecCluster

from seisflow.engine.certificates import temporary_tls
from seisflow.engine.profiles import Pool
from seisflow.engine.quiet_jobqueue import SLURMCluster, SLURMJob
from seisflow.engine.slurm_jobs import (
    ENDED,
    Job,
    Queued,
    cancel,
    job_options,
    job_script,
    log_tail,
    refuse_if_slurm_does,
    squeue,
)
from seisflow.errors import ClusterError, ConfigError

__all__ = ["SlurmCluster", "start", "tunnel_line"]

LOG = logging.getLogger(__name__)

START_PATIENCE_S = 900.0  # a job runs, and none of its workers has ever been seen
LOST_PATIENCE_S = 120.0  # a job runs whose workers were seen, and are gone
SAY_EVERY_S = 60.0
MIN_EARLY_DEATHS, MAX_EARLY_DEATHS = 5, 50  # between them twice the jobs of the pool: then it ends


class SlurmCluster(SLURMCluster):
    """A pool of jobs that is kept at its size.

    Parameters
    ----------
    pool : Pool
        What a job asks for, and how many of them.
    security : Security, optional
        Certificates in files that the nodes see.

    Attributes
    ----------
    failure : str or None
        Why jobs are not replaced any more: too many ended before their worker was there.
    """

    job_cls: type[SLURMJob] = Job
    scheduler: Scheduler

    def __init__(self, pool: Pool, security: Security | None) -> None:
        self._pool = pool
        self.failure: str | None = None
        self._seen: set[str] = set()
        self._early_deaths = 0
        self._not_before = 0.0
        self._queue: Mapping[str, Queued] = {}
        self._squeue_error = ""
        self._supervisor: asyncio.Task[None] | None = None
        dashboard = {"dashboard_address": "127.0.0.1:0"}
        options = job_options(pool, security)
        super().__init__(scheduler_options=dashboard, name="seisflow", **options)

    def new_worker_spec(self) -> dict[str, Any]:
        """Return the specification of one more job, under a name that no other had."""
        self._i += 1
        return {self._new_worker_name(self._i): self.new_spec}

    def n_workers(self) -> int:
        """Return the number of workers the scheduler knows now."""
        return len(self.scheduler.workers)

    def waiting(self) -> str:
        """Return in what states the jobs are, with the reasons SLURM gives."""
        every = dict(self.workers)
        lines = [f"job {j.job_id}: {entry_text(self._queue, j)}" for j in every.values()]
        return "; ".join(lines[:3]) + (f"; ... {len(lines)} jobs" if len(lines) > 3 else "")

    async def _start(self) -> None:
        await super()._start()
        self._supervisor = asyncio.create_task(self._supervise())

    async def _close(self) -> None:
        if self._supervisor is not None:
            self._supervisor.cancel()
            with suppress(asyncio.CancelledError):
                await self._supervisor
            self._supervisor = None
        if self.status == Status.running:
            await cancel(list(self._created))  # many in one command
        await super()._close()

    def _update_worker_status(self, op: str, msg: Any) -> None:
        if op == "add":
            self._early_deaths = 0
            self._seen.update(str(worker["name"]) for worker in msg["workers"].values())
        # not SpecCluster's: 15 s after any loss it may cancel a job whose nanny is restarting
        super(SpecCluster, self)._update_worker_status(op, msg)

    async def _supervise(self) -> None:
        while self.status in (Status.created, Status.starting, Status.running):
            await asyncio.sleep(self._pool.poll_s)
            try:
                await self._supervise_once()
            except Exception:
                LOG.exception("supervising SLURM jobs")

    async def _supervise_once(self) -> None:
        jobs = dict(self.workers)  # before the question: later ones are not in its answer
        try:
            self._queue = await squeue()
        except (OSError, RuntimeError, TimeoutError) as error:
            if str(error) != self._squeue_error:
                LOG.warning("squeue failed, asked again every %g s: %s", self._pool.poll_s, error)
            self._squeue_error = str(error)
            return
        self._squeue_error = ""
        gone = {name: why for name, job in jobs.items() if (why := self._why_gone(name, job))}
        for name, why in gone.items():
            await self._drop(name, jobs[name], why)
        limit = max(MIN_EARLY_DEATHS, min(2 * self._pool.jobs, MAX_EARLY_DEATHS))
        if self._early_deaths >= limit and not self.n_workers():
            self._give_up([jobs[name] for name in gone])
        if self.failure is None and time.monotonic() >= self._not_before:
            while len(self.worker_spec) < self._pool.jobs:
                self.worker_spec.update(self.new_worker_spec())
        await asyncio.shield(self._correct_state())  # a cancelled sbatch would lose its job

    def _why_gone(self, name: str, job: Job) -> str | None:
        entry = self._queue.get(job.job_id or "")
        if entry is not None and entry.state in ENDED:
            return entry.state
        if self._workers_of(name):
            job.silent_since = None
            return None
        if job.job_id is None:
            return f"refused by sbatch: {job.refusal}"
        if entry is None:
            return "left the queue"
        if entry.state == "RUNNING":
            job.silent_since = job.silent_since or time.monotonic()
            patience_s = LOST_PATIENCE_S if self._was_here(name) else START_PATIENCE_S
            if time.monotonic() - job.silent_since > patience_s:
                return f"runs without a worker for {patience_s:.0f} s"
        return None

    async def _drop(self, name: str, job: Job, why: str) -> None:
        early = not self._was_here(name)
        LOG.log(
            logging.WARNING if early else logging.INFO,
            "SLURM job %s ended (%s)%s",
            job.job_id,
            why,
            " before its worker was there" if early else "",
        )
        await job.close()
        for address in self._workers_of(name):  # as on a node that went down without a word
            await self.scheduler.remove_worker(address, stimulus_id=f"lost-{name}", expected=True)
        self.workers.pop(name, None)
        self.worker_spec.pop(name, None)
        if early:
            self._early_deaths += 1
            if self.n_workers():  # the others work: no hurry, it may be one bad node
                self._not_before = time.monotonic() + 10 * self._pool.poll_s

    def _give_up(self, dead: list[Job]) -> None:
        self.worker_spec.clear()
        refusals = [job.refusal for job in dead if job.job_id is None]
        tails = [log_tail(self._pool.logs, job.job_id) for job in dead if job.job_id is not None]
        self.failure = (
            f"{self._early_deaths} SLURM jobs one after the other ended before their worker was "
            f"there; {(tails or refusals or ['nothing is known of them'])[-1]}"
        )

    def _was_here(self, name: str) -> bool:
        return any(is_of(worker, name) for worker in self._seen)

    def _workers_of(self, name: str) -> list[str]:
        workers = self.scheduler.workers.items()
        return [address for address, worker in workers if is_of(str(worker.name), name)]


@contextmanager
def start(pool: Pool, *, secure: bool, patience_s: float | None = None) -> Iterator[SlurmCluster]:
    """Submit the jobs of a pool and wait for the first worker; cancel them at the end.

    Parameters
    ----------
    pool : Pool
        What a job asks for, and how many of them.
    secure : bool
        Whether scheduler and workers speak TLS, with certificates made for this run.
    patience_s : float, optional
        How long to wait for the first worker; for as long as the jobs queue by default.

    Raises
    ------
    ClusterError
        SLURM refuses the jobs; they end before a worker is there; or none was in time.
    ConfigError
        The folder of the logs has blanks or signs of the shell in its name, or cannot be made.
    """
    pool = pool.model_copy(update={"logs": log_folder(pool)})
    with temporary_tls(pool.logs, secure=secure) as security:
        refuse_if_slurm_does(pool, job_script(pool, security))
        with SlurmCluster(pool, security) as cluster:
            cluster.scale(jobs=pool.jobs)
            wait_for_first(cluster, patience_s)
            yield cluster


def wait_for_first(cluster: SlurmCluster, patience_s: float | None) -> None:
    """Wait for the first worker, and say now and then what the jobs wait for."""
    begun = said = time.monotonic()
    while not cluster.n_workers():
        now = time.monotonic()
        if cluster.failure is not None:
            raise ClusterError(cluster.failure)
        if patience_s is not None and now - begun > patience_s:
            raise ClusterError(f"no worker within {patience_s:.0f} s: {cluster.waiting()}")
        if now - said > SAY_EVERY_S:
            said = now
            LOG.warning("no worker yet after %.0f s: %s", now - begun, cluster.waiting())
        time.sleep(0.1)


def log_folder(pool: Pool) -> Path:
    """Make the folder of the jobs' output; return its whole path."""
    logs = pool.plain_logs()
    try:
        logs.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(
            f"logs = {str(logs)!r} cannot be made ({error.strerror}); give a folder that all "
            "nodes see"
        ) from error
    return logs


def tunnel_line(port: int) -> str:
    """Return what to type at home to see what listens on a port of loopback here."""
    return f"ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}"


def is_of(worker: str, job: str) -> bool:
    """Tell whether a worker's name is that of a job, or of one of its processes."""
    return worker == job or worker.startswith(f"{job}-")


def entry_text(queue: Mapping[str, Queued], job: Job) -> str:
    """Return what is known of a job, to be read."""
    if job.job_id is None:
        return f"refused ({job.refusal})"
    entry = queue.get(job.job_id)
    return f"{entry.state} ({entry.reason})" if entry else "submitted"
