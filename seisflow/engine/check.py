"""Looking at a cluster before work is trusted to it: one worker is started and asked.

Nothing here raises for what it finds: each finding says whether work would fail, and what to do.
"""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

from seisflow.core.files import AnyPath, any_path, is_local, is_store_trouble, remove_file
from seisflow.engine.connect import Session, open_cluster, versions_there
from seisflow.engine.profiles import Pool, Profile
from seisflow.engine.settings import WORKER_ENVIRONMENT
from seisflow.engine.versions import differences, environment
from seisflow.errors import ClusterError, IncompleteError

__all__ = ["Finding", "check_cluster"]

MAX_SKEW_S = 5.0
MIN_SCRATCH_BYTES = 10**9
JOB_PATIENCE_S = 600.0

State = Literal["ok", "poor", "would fail"]
PoolName = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    name : str
        What was looked at.
    state : {'ok', 'poor', 'would fail'}
        `poor` works, but worse than it could.
    found : str
        What is there.
    advice : str
        What to do; empty where all is well.
    """

    name: str
    state: State
    found: str
    advice: str = ""


def check_cluster(profile: Profile, stores: Sequence[AnyPath] = ()) -> list[Finding]:
    """Start one worker (or ask those of a scheduler that runs) and look around.

    Parameters
    ----------
    profile : Profile
        Of a pool of jobs one job is started, first of `cpu`, then of `gpu` if there is one.
    stores : sequence of Path
        Folders, existing or to be made, in which products will be written.

    Returns
    -------
    list of Finding
        In the order in which they were looked at; a cluster that does not answer is one too.
    """
    pools: list[PoolName] = ["cpu", "gpu"] if profile.gpu is not None else ["cpu"]
    findings: list[Finding] = []
    for pool in pools:
        prefix = f"{pool}: " if len(pools) > 1 else ""
        found = _check_pool(_small(profile), pool, stores)
        findings += [replace(finding, name=prefix + finding.name) for finding in found]
    return findings


def _small(profile: Profile) -> Profile:
    pools = {name: getattr(profile, name) for name in ("cpu", "gpu")}
    changes: dict[str, Any] = {
        name: pool.model_copy(update={"jobs": 1}) for name, pool in pools.items() if pool
    }
    if profile.kind == "local":
        changes["workers"] = 1
    return profile.model_copy(update=changes)


def _check_pool(profile: Profile, pool: PoolName, stores: Sequence[AnyPath]) -> Iterator[Finding]:
    begun = time.monotonic()
    try:
        with open_cluster(profile, pool=pool, patience_s=JOB_PATIENCE_S) as session:
            if profile.kind == "slurm":  # all of the job, not the first alone
                session.client.wait_for_workers(profile.pool(pool).processes, timeout=60)
            yield Finding(
                "start",
                "ok",
                f"{session.n_threads()} workers at {session.address} after "
                f"{time.monotonic() - begun:.0f} s",
            )
            yield from _look(session, profile, pool, stores)
    except (ClusterError, IncompleteError) as error:  # says itself what to do
        yield Finding("start", "would fail", str(error))
    except OSError as error:
        yield Finding("connection", "would fail", str(error), "look at the worker's output")


def _look(
    session: Session, profile: Profile, pool: PoolName, stores: Sequence[AnyPath]
) -> Iterator[Finding]:
    try:
        there = versions_there(session)
    except ClusterError as error:
        yield Finding("versions", "would fail", str(error), "install seisflow on the workers")
        return
    yield _versions(there)
    asked = time.time()
    clocks = session.ask(time.time)
    yield _clocks(clocks, asked, time.time())
    workers = session.ask(look_around)
    for look in (_threads, _environment, _memory, _scratch):
        yield _worst([look(address, seen) for address, seen in workers.items()])
    for store in stores:
        yield _store(session, store)
    if profile.kind == "slurm":
        jobs = profile.pool(pool)
        yield _walltime(jobs, {str(seen["job"]) for seen in workers.values()})
        if jobs.gpus:
            yield _worst([_gpus(address, seen) for address, seen in workers.items()])


def look_around(dask_worker: Any) -> dict[str, Any]:
    """Return what a worker has; runs there."""
    worker = dask_worker
    try:
        probe = Path(worker.local_directory) / f"seisflow-check-{uuid.uuid4().hex}"
        probe.write_bytes(b"x")
        probe.unlink()
        free_bytes = shutil.disk_usage(worker.local_directory).free
    except OSError as error:
        free_bytes = -1
        scratch = f"{worker.local_directory}: {error.strerror or error}"
    else:
        scratch = worker.local_directory
    return {
        "threads": worker.state.nthreads,
        "environment": {name: os.environ.get(name) for name in WORKER_ENVIRONMENT},
        "memory_bytes": worker.memory_manager.memory_limit or 0,
        "scratch": scratch,
        "free_bytes": free_bytes,
        "gpus": _gpus_here(),
        "visible": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "job": os.environ.get("SLURM_JOB_ID", ""),
    }


def _gpus_here() -> list[str]:
    try:
        done = subprocess.run(
            ["nvidia-smi", "-L"], capture_output=True, text=True, timeout=30, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [line for line in done.stdout.splitlines() if line.startswith("GPU ")]


def _worst(findings: list[Finding]) -> Finding:
    order: list[State] = ["ok", "poor", "would fail"]
    return max(findings, key=lambda finding: order.index(finding.state))


def _versions(there: dict[str, dict[str, str]]) -> Finding:
    lines = differences(environment(), there)
    if lines:
        advice = "install the same versions everywhere, for example from the same lock file"
        return Finding("versions", "would fail", "; ".join(lines), advice)
    return Finding("versions", "ok", f"seisflow {environment()['seisflow']} everywhere")


def _clocks(clocks: dict[str, float], before: float, after: float) -> Finding:
    skews = {who: max(before - clock, clock - after, 0.0) for who, clock in clocks.items()}
    who = max(skews, key=lambda address: skews[address])
    if skews[who] > MAX_SKEW_S:
        found = f"{who} is {skews[who]:.1f} s off this machine"
        return Finding("clock", "would fail", found, "set the clocks (NTP); TLS rests on them")
    return Finding("clock", "ok", f"within {skews[who] + after - before:.1f} s of this machine")


def _threads(who: str, seen: dict[str, Any]) -> Finding:
    n = seen["threads"]
    if n == 1:
        return Finding("threads", "ok", "1 for each worker")
    return Finding("threads", "would fail", f"{n} of {who}", "start workers with --nthreads 1")


def _environment(who: str, seen: dict[str, Any]) -> Finding:
    wrong = [
        f"{name}={seen['environment'][name]}, not {value}"
        for name, value in WORKER_ENVIRONMENT.items()
        if seen["environment"][name] != value
    ]
    if not wrong:
        return Finding("environment", "ok", "one thread for libraries, freed memory given back")
    found = f"{who} has {'; '.join(wrong)}"
    return Finding("environment", "poor", found, "export them before the worker starts")


def _memory(who: str, seen: dict[str, Any]) -> Finding:
    limit = seen["memory_bytes"]
    if limit:
        return Finding("memory", "ok", f"{limit / 1e9:.2f} GB for each worker")
    advice = "start workers with --memory-limit; --dry-run says what a task needs"
    return Finding("memory", "poor", f"{who} has no limit", advice)


def _scratch(who: str, seen: dict[str, Any]) -> Finding:
    free, folder = seen["free_bytes"], seen["scratch"]
    if free < 0:
        advice = "name another folder: scratch in the profile, or --local-directory"
        return Finding("scratch", "would fail", f"{who}: {folder}", advice)
    found = f"{free / 1e9:.1f} GB free in {folder}"
    if free < MIN_SCRATCH_BYTES:
        return Finding("scratch", "poor", f"{who}: {found}", "make room, or name another folder")
    return Finding("scratch", "ok", found)


def _gpus(who: str, seen: dict[str, Any]) -> Finding:
    if not seen["gpus"]:
        found = f"{who}: nvidia-smi lists none (CUDA_VISIBLE_DEVICES={seen['visible']})"
        advice = "check queue, constraint and directives of [gpu]; are drivers on these nodes?"
        return Finding("gpu", "would fail", found, advice)
    return Finding("gpu", "ok", f"{seen['gpus'][0]} (CUDA_VISIBLE_DEVICES={seen['visible']})")


def _walltime(pool: Pool, jobs: set[str]) -> Finding:
    advice = "ask for less, or for a queue that grants more"
    for job in sorted(jobs):
        line = ["squeue", "--noheader", f"--jobs={job}", "--format=%l"]
        try:
            done = subprocess.run(line, capture_output=True, text=True, timeout=60, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            return Finding("walltime", "would fail", f"squeue: {error}", "jobs cannot be watched")
        granted = done.stdout.strip()
        if not granted or _seconds(granted) < pool.walltime_s:
            found = f"{pool.walltime} asked, {granted or 'nothing known'} granted"
            return Finding("walltime", "would fail", found, advice)
    tenth = pool.walltime_s / 600
    return Finding("walltime", "ok", f"{pool.walltime}; a task may need {tenth:.0f} min of it")


def _seconds(granted: str) -> float:
    """Return the seconds of what squeue writes: ``[d-]hh:mm:ss``, ``mm:ss``, ``UNLIMITED``."""
    days, _, clock = granted.rpartition("-")
    try:
        parts = [int(part) for part in clock.split(":")]
    except ValueError:
        return float("inf")
    while len(parts) < 3:
        parts.insert(0, 0)
    hours, minutes, seconds = parts
    return int(days or 0) * 86400 + hours * 3600 + minutes * 60 + seconds


def _store(session: Session, store: AnyPath) -> Finding:
    """Let each side read what the other wrote: only then is it the same folder."""
    name = f"store {store}"
    folder = store
    while is_local(folder) and not folder.exists():
        folder = folder.parent
    token = uuid.uuid4().hex
    here = folder / f".seisflow-check-{token}"
    reason = _refusal(lambda: here.write_text(token))
    if reason:
        found = f"this machine cannot write into {folder}: {reason}"
        return Finding(name, "would fail", found, "give a folder that can be written")
    answers: dict[str, str] = {}
    try:
        answers = session.ask(read_and_answer, str(here), token)
        return _worst([_answered(name, who, here, said) for who, said in answers.items()])
    finally:
        for left in (here.name, *(said for said in answers.values() if said[0] != "!")):
            _refusal(partial(remove_file, folder / left))


def read_and_answer(path: str, token: str) -> str:
    """Read what the client wrote and write a file beside it; return its name or what failed."""
    read: list[str] = []
    reason = _refusal(lambda: read.append(any_path(path).read_text()))
    if reason:
        return f"! cannot read there: {reason}"
    if read != [token]:
        return "! reads something else there"
    answer = any_path(f"{path}-{uuid.uuid4().hex}")
    reason = _refusal(lambda: answer.write_text(token))
    return f"! cannot write there: {reason}" if reason else answer.name


def _refusal(action: Callable[[], object]) -> str:
    """Do something with files; return why a disk or a store refused, or an empty text."""
    try:
        action()
    except Exception as error:
        if not isinstance(error, OSError) and not is_store_trouble(error):
            raise
        return getattr(error, "strerror", None) or str(error)
    return ""


def _answered(name: str, who: str, here: AnyPath, said: str) -> Finding:
    if said.startswith("!"):
        advice = "give a folder that all nodes see and may write to"
        return Finding(name, "would fail", f"{who} {said[2:]}", advice)
    if not _appears(lambda: (here.parent / said).exists()):
        advice = "it is another folder there; give one that all nodes see"
        return Finding(name, "would fail", f"{who} wrote, and nothing is here", advice)
    return Finding(name, "ok", "read and written from both sides")


def _appears(condition: Callable[[], bool], within_s: float = 10.0) -> bool:
    """Wait for what a network file system shows late."""
    until = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > until:
            return False
        time.sleep(0.2)
    return True
