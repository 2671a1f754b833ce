"""Jobs of SLURM: what is asked of sbatch, squeue, sacct, scancel and srun, and what they answer.

A job here is one command line that can be typed again. It runs under a shell which ends it in good
order before its walltime and has the job put in the queue again; SLURM does that by itself where a
node is lost. Nothing here knows what the command computes.
"""

import math
import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dask.utils import parse_bytes
from distributed.utils import get_ip_interface

from seisflow.engine.processes import follow
from seisflow.engine.profiles import Pool, Profile
from seisflow.errors import ClusterError, ConfigError, ExitCode

__all__ = [
    "BatchJob",
    "JobState",
    "address_of",
    "cancel_job",
    "cluster_name",
    "driver_pool",
    "job_script",
    "job_states",
    "run_on_nodes",
    "submit",
]

ANSWER_TIMEOUT_S = 60
NOTICE_S = 120
"""Time from the warning to the walltime; at most a quarter of the walltime."""
RETRIES = 3
"""Times a job is put in the queue again because its command ended incomplete."""
ACTIVE = {
    *("PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "COMPLETING", "REQUEUED", "STOPPED"),
    *("REQUEUE_HOLD", "REQUEUE_FED", "SPECIAL_EXIT", "RESIZING", "SIGNALING", "STAGE_OUT"),
}
UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)


@dataclass(frozen=True)
class BatchJob:
    """A command line to be run in a job.

    Parameters
    ----------
    name : str
        For people; what SLURM or a file system would stumble over is replaced.
    command : tuple of str
        The program and its arguments.
    folder : Path
        Where it runs.
    pool : Pool
        What the job asks for; `jobs` of it counts for nothing.
    n_nodes : int
        Nodes, each with the cores, memory and GPUs of the pool; the command runs on the first.
    is_retried : bool
        Whether a command that ended incomplete is tried again, three times at most.
    """

    name: str
    command: tuple[str, ...]
    folder: Path
    pool: Pool
    n_nodes: int = 1
    is_retried: bool = False

    @property
    def safe_name(self) -> str:
        """The name in letters, digits, dot, dash and underscore."""
        return UNSAFE.sub("_", self.name)[:100] or "seisflow"

    def log_of(self, job_id: str) -> Path:
        """Return the file that takes what the job prints."""
        return self.folder / self.pool.logs.expanduser() / f"{self.safe_name}-{job_id}.log"


@dataclass(frozen=True)
class JobState:
    """What SLURM says of a job.

    Parameters
    ----------
    state : str
        Such as ``RUNNING``.
    elapsed : str
        ``[days-]hours:minutes:seconds`` it has run, as SLURM writes it.
    reason : str
        Why it waits or failed; empty where there is none.
    name : str
        Of the job; empty where it is not known.
    """

    state: str
    elapsed: str = ""
    reason: str = ""
    name: str = ""

    @property
    def is_active(self) -> bool:
        """Whether it waits or runs."""
        return self.state in ACTIVE


def driver_pool(profile: Profile) -> Pool:
    """Return what the job of a detached command asks for.

    That is the pool ``driver``; without one, a core and 4 GB where the pool ``cpu`` is, without its
    directives.
    """
    if profile.driver is not None:
        return profile.driver
    assert profile.cpu is not None, "a SLURM profile has it"
    return profile.cpu.model_copy(update={"cores": 1, "memory": "4GB", "gpus": 0, "directives": ()})


def job_script(job: BatchJob) -> str:
    """Return the script of a job; who reads it may change it and give it to sbatch again.

    At the warning before the walltime the command gets SIGTERM, and unless it ends well the job
    goes to the queue again. SIGTERM to the job (scancel, preemption) is handed on.

    Raises
    ------
    ConfigError
        A path or an option holds a line break, which directives cannot.
    """
    directives = [f"#SBATCH {line}" for line in _directives(job)]
    for line in directives:
        if "\n" in line or "\r" in line:
            raise ConfigError(f"{line!r} has a line break, which sbatch cannot take; rename it")
    ended = '[ "$code" -ne 0 ] && [ -n "$walltime" ]'
    if job.is_retried:
        starts = f'[ "${{SLURM_RESTART_COUNT:-0}}" -lt {RETRIES} ]'
        ended = f'{{ {ended}; }} || {{ [ "$code" -eq {ExitCode.INCOMPLETE:d} ] && {starts}; }}'
    lines = [
        "#!/bin/bash",
        *directives,
        "",
        "# what runs, and where; run again, it goes on from what is done",
        'echo "job $SLURM_JOB_ID on $SLURMD_NODENAME, start $((${SLURM_RESTART_COUNT:-0} + 1))"',
        *job.pool.prologue,
        f"cd -- {shlex.quote(str(job.folder))} || exit {ExitCode.CONFIG:d}",
        f"{shlex.join(job.command)} &",
        "child=$! walltime=",
        "",
        "# USR1 comes before the walltime, TERM from scancel: the command ends in good order",
        """trap 'heard=1 walltime=1; kill -TERM "$child"' USR1""",
        """trap 'heard=1; kill -TERM "$child"' TERM""",
        "# a shell hears signals between commands only, and they end 'wait' before its time",
        'while heard=; wait "$child"; code=$?; [ -n "$heard" ]; do :; done',
        "",
        f"if {ended}; then",
        '    echo "ended with $code; the job goes to the queue again and goes on from there"',
        '    scontrol requeue "$SLURM_JOB_ID"',
        "fi",
        'exit "$code"',
    ]
    return "\n".join(lines) + "\n"


def _directives(job: BatchJob) -> list[str]:
    pool = job.pool
    log = str(job.log_of("%j").parent).replace("%", "%%") + f"/{job.safe_name}-%j.log"
    asked = {
        "job-name": job.safe_name,
        "output": shlex.quote(log),
        "open-mode": "append",
        "signal": f"B:USR1@{min(NOTICE_S, pool.walltime_s // 4)}",
        "nodes": job.n_nodes,
        "ntasks-per-node": 1,
        "cpus-per-task": pool.cores,
        "mem": f"{math.ceil(parse_bytes(pool.memory) / 2**20)}M",
        "time": pool.walltime,
        "gres": f"gpu:{pool.gpus}" if pool.gpus else None,
        "partition": pool.queue and shlex.quote(pool.queue),
        "account": pool.account and shlex.quote(pool.account),
        "constraint": pool.constraint and shlex.quote(pool.constraint),
    }
    given = [f"--{name}={value}" for name, value in asked.items() if value is not None]
    return ["--requeue", *given, *pool.directives]  # the last word counts: the user's


def submit(script: Path, name: str) -> str:
    """Give a script to SLURM and return the job's number, after asking whether it would take it.

    Parameters
    ----------
    script : Path
        Of the job, as `job_script` writes it.
    name : str
        One that no other job has: by it the job is found where only the answer was lost.

    Raises
    ------
    ClusterError
        There is no SLURM here, or it refuses.
    """
    what = "SLURM refuses the job"
    _ask("sbatch", "--test-only", str(script), what=what)
    try:
        said = _ask("sbatch", "--parsable", f"--job-name={name}", str(script), what=what)
    except ClusterError as error:
        every = ("--noheader", "--me", "--states=all", f"--name={name}", "--format=%i")
        try:
            said = _ask("squeue", *every)
        except ClusterError:
            raise ClusterError(
                f"{error}; whether SLURM took the job is not known: look with 'squeue --me "
                f"--name={name}' before you type the command again"
            ) from error
        if not said.strip():
            raise
    numbers = re.findall(r"^(\d+)(?:;\S+)?$", said, re.MULTILINE)
    if not numbers:
        raise ClusterError(f"sbatch gave no number of a job; it said: {said.strip() or 'nothing'}")
    return str(numbers[-1])


def job_states(ids: Iterable[str]) -> dict[str, JobState]:
    """Return what SLURM knows of some of this user's jobs; those it forgot are left out.

    Raises
    ------
    ClusterError
        There is no SLURM here, or it does not answer.
    """
    wanted = set(ids)
    if not wanted:
        return {}
    said = _ask("squeue", "--noheader", "--me", "--states=all", "--format=%i|%T|%M|%r|%j")
    found = {}
    for line in said.splitlines():
        number, state, elapsed, reason, name = line.strip().split("|", 4)
        if number in wanted:
            found[number] = JobState(state, elapsed, "" if reason == "None" else reason, name)
    return _accounted(wanted - found.keys()) | found


def _accounted(ids: set[str]) -> dict[str, JobState]:
    """Ask the accounts for jobs that left the queue; not every cluster keeps any."""
    if not ids:
        return {}
    options = ["--noheader", "--parsable2", "--allocations"]
    options += ["--format=JobID,State,Elapsed,JobName", f"--jobs={','.join(sorted(ids))}"]
    try:
        said = _ask("sacct", *options)
    except ClusterError:
        return {}
    found = {}
    for line in said.splitlines():
        number, state, elapsed, name = line.strip().split("|", 3)
        found[number] = JobState(state.split()[0], elapsed, name=name)  # CANCELLED by 1000
    return {number: state for number, state in found.items() if number in ids}


def cancel_job(job_id: str) -> None:
    """End a job.

    Raises
    ------
    ClusterError
        There is no SLURM here, or it refuses.
    """
    _ask("scancel", job_id, what=f"SLURM does not cancel job {job_id}")


def cluster_name() -> str:
    """Return the name of the SLURM cluster here; empty where it does not say."""
    try:
        said = _ask("scontrol", "show", "config")
    except ClusterError:
        return ""
    found = re.search(r"^ClusterName\s*=\s*(\S+)", said, re.MULTILINE)
    return found[1] if found else ""


def address_of(interface: str) -> str:
    """Return the IPv4 address of a network interface of this machine.

    Raises
    ------
    ConfigError
        It has no such interface, or that one no address.
    """
    try:
        return str(get_ip_interface(interface))
    except ValueError as error:
        raise ConfigError(
            f"'interface' of the profile, on {os.uname().nodename}: {error}"
        ) from error


def run_on_nodes(
    command: Sequence[str],
    n_nodes: int,
    cores: int,
    environment: Mapping[str, str],
    on_line: Callable[[str], None],
) -> tuple[int, bool]:
    """Run a command once on each node of the job this process is in, and wait for all of them.

    Where one ends badly the others are ended.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    n_nodes, cores : int
        Nodes, and cores on each.
    environment, on_line, returns
        As `seisflow.engine.processes.follow`; the code is the largest of all.

    Raises
    ------
    ClusterError
        There is no SLURM here.
    """
    options = ["--kill-on-bad-exit=1", f"--nodes={n_nodes}", f"--ntasks={n_nodes}"]
    options += ["--ntasks-per-node=1", f"--cpus-per-task={cores}"]
    try:
        return follow(["srun", *options, *command], environment, on_line)
    except FileNotFoundError as error:
        raise _no_slurm("srun") from error


def _ask(program: str, *options: str, what: str = "") -> str:
    """Run a program of SLURM and return what it printed."""
    try:
        done = subprocess.run(
            [program, *options],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=ANSWER_TIMEOUT_S,
            check=False,
        )
    except FileNotFoundError as error:
        raise _no_slurm(program) from error
    except subprocess.TimeoutExpired as error:
        raise ClusterError(
            f"{program} has not answered within {ANSWER_TIMEOUT_S} s; try again later"
        ) from error
    if done.returncode:
        said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
        raise ClusterError(f"{what or f'{program} failed'}: {said}")
    return done.stdout


def _no_slurm(program: str) -> ClusterError:
    return ClusterError(
        f"{program} is not on this machine; go to one that has SLURM's commands (a login node), or "
        "leave out --detach and use --cluster local"
    )
