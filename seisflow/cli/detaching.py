"""``--detach``: the same command line, in a job of SLURM of its own."""

import secrets
import shlex
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from seisflow.archive.store import storage_errors
from seisflow.cli.register import Detached, keep_detached, registered
from seisflow.console import ERRORS, print_json, table
from seisflow.core.files import AnyPath, any_path
from seisflow.engine.batch import (
    BatchJob,
    cluster_name,
    driver_pool,
    job_script,
    job_states,
    submit,
)
from seisflow.engine.profiles import Pool, Profile, read_profile
from seisflow.engine.stage import Step
from seisflow.errors import ConfigError

__all__ = ["detach", "detach_job", "show_detached", "slurm_profile", "without_detach"]


def slurm_profile(cluster: str, workers: int | None = None) -> Profile:
    """Return the SLURM profile that ``--detach`` needs.

    Raises
    ------
    ConfigError
        There is no such profile, tasks run elsewhere, or `workers` are given, which it has not.
    """
    profile = read_profile(cluster, workers)
    if profile.kind != "slurm":
        raise ConfigError(
            f"--detach asked with --cluster {cluster}, which is of kind {profile.kind!r}; only on "
            "SLURM can a command run in a job of its own: give a profile of kind = 'slurm', or "
            "leave out --detach"
        )
    return profile


def without_detach(argv: Sequence[str]) -> tuple[str, ...]:
    """Return a command line that is not detached again; what follows ``--`` are paths."""
    end = argv.index("--") if "--" in argv else len(argv)
    return (*(a for a in argv[:end] if a != "--detach"), *argv[end:])


def detach(stage: Step[Any], cluster: str, *, workers: int | None = None, as_json: bool) -> None:
    """Have this very command run in a job of its own, say how to watch it, and return.

    Parameters
    ----------
    stage : Stage or Single
        What is asked. Where its tasks run in jobs of workers, the job is that of a driver; where
        one job does all the work, it is tried again if it ended incomplete.
    cluster : str
        As it was asked for, unless the stage itself knows.
    workers : int, optional
        What ``--workers`` said: refused.
    as_json : bool
        Whether to print JSON as well.

    Raises
    ------
    ConfigError
        The cluster is no SLURM, its logs cannot be where they shall, a job makes this product
        already, or the stage refuses what is asked.
    ClusterError
        There is no SLURM here, or it refuses.
    """
    profile = slurm_profile(getattr(stage.config, "cluster", cluster), workers)
    whole = stage.whole_job(profile)
    stage.check()
    if whole is None:
        for jobs in filter(None, (profile.cpu, profile.gpu)):
            jobs.plain_logs()
    job = whole or (driver_pool(profile), 1)
    argv = without_detach(sys.argv[1:])
    detached = detach_job(argv, stage.output, profile, *job, is_retried=whole is not None)
    show_detached(detached, as_json=as_json)


def detach_job(
    argv: Sequence[str],
    product: AnyPath,
    profile: Profile,
    pool: Pool,
    n_nodes: int = 1,
    *,
    is_retried: bool = False,
) -> Detached:
    """Submit a command line of seisflow and write the job into the register.

    The script of the job stays beside its log.

    Parameters
    ----------
    argv : sequence of str
        The command and its arguments.
    product : Path
        What it writes.
    profile : Profile
        Whose `pool` it is.
    pool : Pool
        What the job asks for.
    n_nodes, is_retried
        As in `BatchJob`.

    Raises
    ------
    ConfigError
        A job that has not ended makes this product.
    ClusterError
        There is no SLURM here, or it refuses.
    StorageError
        The folder of the logs, or the register, refuses to be written.
    """
    refuse_second(product)
    line = (sys.executable, "-m", "seisflow", *argv)
    what = f"seisflow-{argv[0]}-{product.name}"
    job = BatchJob(what, line, Path.cwd(), pool, n_nodes, is_retried)
    name = f"{job.safe_name}-{secrets.token_hex(4)}"
    script = job.log_of("").with_name(f"{name}.sh")
    text = job_script(job)
    with storage_errors(script.parent):
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(text)
    number = submit(script, name)
    detached = Detached(
        id=number,
        name=name,
        command=argv[0],
        line=shlex.join(["seisflow", *argv]),
        folder=str(job.folder),
        product=str(product),
        log=str(job.log_of(number)),
        submitted=datetime.now(UTC).isoformat(timespec="seconds"),
        profile=profile.name,
        cluster=cluster_name(),
        script=str(script),
    )
    ERRORS.print(f"job {number} is submitted")
    keep_detached(detached)
    return detached


def refuse_second(product: AnyPath) -> None:
    """Refuse a product that a job makes already."""
    same = [detached for detached in registered() if detached.product == str(product)]
    states = job_states(detached.id for detached in same)
    for detached in same:
        state = states.get(detached.id)
        if state is not None and state.is_active and state.name == detached.name:
            raise ConfigError(
                f"job {detached.id} makes {product} and is {state.state}; watch it with 'seisflow "
                f"logs {detached.id}', or end it first with 'seisflow cancel {detached.id}'"
            )


def show_detached(detached: Detached, *, as_json: bool) -> None:
    """Print how to watch a job and how to end it."""
    look = {
        "status": f"seisflow status {shlex.quote(detached.product)}",
        "log": f"seisflow logs {detached.id} --follow",
        "cancel": f"seisflow cancel {detached.id}",
        "dashboard": "the log has its ssh line as soon as the command runs",
    }
    if detached.command == "train":
        folder = shlex.quote(str(any_path(detached.product) / "tensorboard"))
        look["status"] = f"tensorboard --logdir {folder}"
        look["dashboard"] = "none: ranks speak to each other"
    files = {"file": detached.log, "script": detached.script}
    table(f"detached: job {detached.id}", {**files, **look})
    if as_json:
        print_json({**vars(detached), "watch": look})
