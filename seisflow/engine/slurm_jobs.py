"""SLURM jobs that are workers: their script, and the programs that submit, list and cancel them."""

import asyncio
import logging
import random
import secrets
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

from distributed import Security
from distributed.deploy.spec import ProcessInterface

from seisflow.engine.profiles import Pool
from seisflow.engine.quiet_jobqueue import SLURMJob
from seisflow.engine.settings import DASK_SETTINGS, WORKER_ENVIRONMENT
from seisflow.errors import ClusterError

__all__ = [
    "ENDED",
    "Job",
    "Queued",
    "cancel",
    "job_options",
    "job_script",
    "log_tail",
    "refuse_if_slurm_does",
    "squeue",
]

LOG = logging.getLogger(__name__)

DEATH_TIMEOUT_S = 60  # a worker without its scheduler ends
CANCEL_ATTEMPTS = 3
SUBMIT_ATTEMPTS = 4
SUBMIT_AT_ONCE = 8
COMMAND_TIMEOUT_S = 60.0
LOG_LINES = 15
ENDED = {
    *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL", "OUT_OF_MEMORY"),
    *("PREEMPTED", "REVOKED", "SPECIAL_EXIT", "TIMEOUT"),
}


class Queued(NamedTuple):
    """What ``squeue`` says of a job."""

    state: str
    reason: str


class Job(SLURMJob):
    """One job: submitted with patience, and with a lifetime of its own.

    Its workers leave together before SLURM ends the job at its walltime, so that the scheduler
    does not count their tasks as suspicious; jobs started together leave at different times,
    spread over a quarter of the walltime. Leaving does not wait for the running task (distributed
    #3141): it runs again elsewhere, which is why a task shall need no more than a tenth.

    Parameters
    ----------
    walltime_s : int
        The job's walltime.
    submitting : asyncio.Semaphore
        Limits how many ``sbatch`` run at once.
    """

    job_id: str | None

    def __init__(
        self, *args: Any, walltime_s: int, submitting: asyncio.Semaphore, **options: Any
    ) -> None:
        lifetime_s = lifetime_of(walltime_s, random.random())
        worker_args = [*options.pop("worker_extra_args"), "--lifetime", f"{lifetime_s:.0f}s"]
        super().__init__(*args, worker_extra_args=worker_args, **options)
        self._submitting = submitting
        self._own_name = f"{self.name}-{secrets.token_hex(4)}"
        self.refusal = ""
        self.is_cancelled = False
        self.silent_since: float | None = None

    async def start(self) -> None:
        """Submit the job; where SLURM refuses every time, keep what it said in `refusal`.

        An ``sbatch`` that fails may have submitted it: only the answer is lost. The job has a name
        that no other has, and the queue is asked for it before it is submitted again.
        """
        with self.job_file() as script:
            for attempt in range(SUBMIT_ATTEMPTS):
                try:
                    async with self._submitting:
                        said = await self._number() if attempt else ""
                        if not said:
                            own = f"--job-name={self._own_name}"
                            said = await call("sbatch", "--parsable", own, script)
                except (OSError, RuntimeError, TimeoutError) as error:
                    self.refusal = str(error)
                    LOG.warning("submitting a job: %s", self.refusal)
                    if attempt < SUBMIT_ATTEMPTS - 1:
                        await asyncio.sleep(2**attempt * (0.5 + random.random()))
                else:
                    self.job_id = said.strip().partition(";")[0]
                    break
        await ProcessInterface.start(self)

    async def close(self) -> None:
        """Cancel the job, and what SLURM took of it without an answer."""
        await cancel([self])
        if self.refusal:
            await scancel(f"--name={self._own_name}")
        await ProcessInterface.close(self)

    async def _number(self) -> str:
        """Return the number under which SLURM has the job; empty where it has none."""
        every = ["--noheader", "--states=all", "--me", "--format=%i"]
        said = await call("squeue", *every, f"--name={self._own_name}")
        return said.strip().partition("\n")[0]


def job_options(pool: Pool, security: Security | None) -> dict[str, Any]:
    """Return what dask-jobqueue shall write into the job script."""
    # workers serve their own numbers over http; nobody but the node itself shall see them
    worker_args = ["--nanny", "--nworkers", str(pool.processes)]
    worker_args += ["--dashboard-address", "127.0.0.1:0"]
    if pool.gpus > 1:
        worker_args += ["--preload", "seisflow.engine.gpu_of_worker"]
    return {
        "queue": pool.queue,
        "account": pool.account,
        "cores": pool.processes,  # of Dask: one thread for each process
        "job_cpu": max(pool.cores, pool.processes),
        "processes": pool.processes,
        "memory": pool.memory,
        "walltime": pool.walltime,
        "walltime_s": pool.walltime_s,
        "job_name": "seisflow",
        "job_extra_directives": directives(pool),
        "job_script_prologue": [*exports(), *pool.prologue],
        "worker_command": "seisflow.engine.worker",
        "worker_extra_args": worker_args,
        "death_timeout": DEATH_TIMEOUT_S,
        "interface": pool.interface,
        "local_directory": None if pool.scratch is None else shlex.quote(pool.scratch),
        "python": shlex.quote(sys.executable),
        "log_directory": str(pool.logs),
        "security": security,
        "protocol": "tcp://" if security is None else "tls://",
        "submitting": asyncio.Semaphore(SUBMIT_AT_ONCE),
    }


def directives(pool: Pool) -> list[str]:
    """Return the options of ``sbatch`` that dask-jobqueue does not write by itself."""
    lines = ["-N 1", "--no-requeue"]  # a requeued worker would return with the name of its heir
    if pool.constraint:
        lines.append(f"--constraint={pool.constraint}")
    if pool.gpus and not any(d.startswith(("--gres", "--gpus", "-G")) for d in pool.directives):
        lines.append(f"--gres=gpu:{pool.gpus}")
    return [*lines, *pool.directives]


def exports() -> list[str]:
    """Return shell lines that give a worker the environment and Dask settings of a local one.

    What the shell that submits has set of Dask is unset: SLURM hands it on.
    """
    settings = {**DASK_SETTINGS, "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT}
    names = {key: key.upper().replace(".", "__").replace("-", "_") for key in settings}
    dask = {f"DASK_{names[key]}": value for key, value in settings.items()}
    lines = [f"export {k}={shlex.quote(str(v))}" for k, v in (WORKER_ENVIRONMENT | dask).items()]
    return ["unset ${!DASK_@}", *lines]


def job_script(pool: Pool, security: Security | None) -> str:
    """Return the script of a job, as it is submitted but for the scheduler's address."""
    scheduler = "tcp://scheduler:0" if security is None else "tls://scheduler:0"
    return str(Job(scheduler, "seisflow", **job_options(pool, security)).job_script())


def lifetime_of(walltime_s: float, share: float) -> float:
    """Return after how many seconds a job's workers leave.

    A margin of 5 % (a minute at least) before the walltime, less a `share` (0 to 1) of a quarter.
    """
    margin_s = min(max(60.0, 0.05 * walltime_s), walltime_s / 2)
    return (walltime_s - margin_s) * (1 - 0.25 * share)


def refuse_if_slurm_does(pool: Pool, script: str) -> None:
    """Ask ``sbatch --test-only`` before anything starts.

    Raises
    ------
    ClusterError
        There is no SLURM here, or it refuses such a job; with its reason.
    """
    with tempfile.NamedTemporaryFile("w", suffix=".sh") as file:
        file.write(script)
        file.flush()
        try:
            done = subprocess.run(
                ["sbatch", "--test-only", file.name],
                capture_output=True,
                text=True,
                timeout=COMMAND_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise ClusterError(
                f"cannot ask SLURM here ({error}); type the command where 'sinfo' works, or use "
                "--cluster local"
            ) from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no reason given"]
        raise ClusterError(
            f"SLURM refuses the jobs (queue {pool.queue or 'by default'}, account "
            f"{pool.account or 'by default'}, {pool.cores} cores, {pool.gpus} GPUs, {pool.memory}, "
            f"{pool.walltime}): "
            f"{said[-1]}; 'sinfo -s' lists the queues, 'sacctmgr show user $USER -s' the accounts"
        )


def log_tail(logs: Path, job_id: str) -> str:
    """Return the last lines of a job's output."""
    for file in sorted(logs.glob(f"seisflow-{job_id}.*")):
        lines = file.read_text(errors="replace").strip().splitlines()
        if lines:
            return f"{file} ends with:\n" + "\n".join(f"  {x}" for x in lines[-LOG_LINES:])
    return f"job {job_id} wrote nothing to {logs} (do the nodes see that folder?)"


async def squeue() -> dict[str, Queued]:
    """Return the user's jobs by id."""
    said = await call("squeue", "--noheader", "--states=all", "--me", "--format=%i|%T|%r")
    rows = (line.split("|", 2) for line in said.splitlines() if line.count("|") >= 2)
    return {job_id: Queued(state, reason) for job_id, state, reason in rows}


async def cancel(jobs: list[Job]) -> None:
    """Cancel jobs; those that have ended are no error. One that fails is tried again."""
    left = [job for job in jobs if job.job_id is not None and not job.is_cancelled]
    for begin in range(0, len(left), 200):
        some = left[begin : begin + 200]
        is_heard = await scancel(*[str(job.job_id) for job in some])
        for job in some:
            job.is_cancelled = is_heard


async def scancel(*what: str) -> bool:
    """Run ``scancel``, and again where it fails; tell whether it was heard."""
    for attempt in range(CANCEL_ATTEMPTS):
        try:
            await call("scancel", *what)
        except (OSError, RuntimeError, TimeoutError) as error:
            if "nvalid job id" in str(error):  # SLURM has forgotten some of them: they ended
                return False
            is_last = attempt == CANCEL_ATTEMPTS - 1
            level = logging.WARNING if is_last else logging.INFO
            LOG.log(level, "scancel %s: %s", " ".join(what), error)
            if not is_last:
                await asyncio.sleep(2**attempt)
        else:
            return True
    return False


async def call(*argv: str) -> str:
    """Run a program of SLURM; return what it prints.

    Raises
    ------
    OSError, RuntimeError, TimeoutError
        It is not there; it fails, with what it said last; it does not end within 60 s.
    """
    process = await asyncio.create_subprocess_exec(
        *argv, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        out, err = await asyncio.wait_for(process.communicate(), COMMAND_TIMEOUT_S)
    except TimeoutError as error:
        process.kill()
        await process.wait()
        raise TimeoutError(f"{argv[0]} is silent for {COMMAND_TIMEOUT_S:.0f} s") from error
    if process.returncode:
        said = err.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise RuntimeError(f"{argv[0]}: {said[-1]}")
    return out.decode(errors="replace")
