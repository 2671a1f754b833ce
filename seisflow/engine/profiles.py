"""Cluster profiles: where tasks run, said once in a TOML file.

A profile is named on the command line: ``local``, ``slurm``, the address of a Dask scheduler, a
path ending in ``.toml``, or a name for ``NAME.toml`` in the user's folder of profiles.
"""

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from seisflow.core.config import StageConfig
from seisflow.core.files import AnyPath, path_from
from seisflow.errors import ConfigError

__all__ = ["ADDRESS", "Pool", "Profile", "Tls", "profile_folder", "read_profile"]

ADDRESS = re.compile(r"(tcp|tls|ws|wss)://(\[[0-9a-fA-F:.%]+\]|[^:/\s\[\]]+):\d{1,5}/?")
WALLTIME = re.compile(r"(\d+-)?\d{1,3}:\d{2}:\d{2}")
PLAIN_PATH = re.compile(r"[\w./+@=,:-]+", re.ASCII)
MEMORY = re.compile(r"\d+(\.\d+)? ?[kKMGT]i?B")


def seconds_of(walltime: str) -> int:
    """Return the seconds of ``[days-]hours:minutes:seconds``."""
    days, _, clock = walltime.rpartition("-")
    hours, minutes, seconds = map(int, clock.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


class Tls(StageConfig):
    """Certificates for a scheduler that asks for them.

    Parameters
    ----------
    ca_file, cert_file, key_file : Path
        PEM files: of the authority both sides trust, of this client, and its key. In a profile
        they may be relative to its folder.
    """

    ca_file: Path
    cert_file: Path
    key_file: Path

    @field_validator("ca_file", "cert_file", "key_file")
    @classmethod
    def _is_there(cls, value: Path) -> Path:
        path = value.expanduser()
        if not path.is_file():
            raise ValueError("no such file; give the PEM file")
        return path


class Pool(StageConfig):
    """SLURM jobs of one kind, each with workers of one thread.

    Parameters
    ----------
    queue, account, constraint : str, optional
        Partition, account and features of nodes asked for; what SLURM gives by default otherwise.
    jobs : int
        Jobs kept running; one that ends is replaced while there is work.
    cores : int
        Worker processes, and cores, of a job.
    memory : str
        Of a job, such as ``32GB``.
    walltime : str
        ``[days-]hours:minutes:seconds``. A task shall not need more than a tenth of it.
    gpus : int
        GPUs of a job; with them there is one worker process for each, whatever `cores` says.
    prologue : tuple of str
        Shell lines before the worker starts, such as ``module load python``.
    directives : tuple of str
        Further options of ``sbatch``, such as ``--exclude=node13``.
    interface : str, optional
        Network interface of workers and scheduler, such as ``ib0``.
    scratch : str, optional
        Folder on the nodes for the workers' own files.
    logs : Path
        Folder, seen from all nodes, of the jobs' output.
    poll_s : float
        Seconds between two questions to ``squeue`` about the jobs.
    """

    queue: str | None = None
    account: str | None = None
    constraint: str | None = None
    jobs: int = Field(default=2, ge=1, le=10_000)
    cores: int = Field(default=1, ge=1, le=1024)
    memory: str = "4GB"
    walltime: str = "04:00:00"
    gpus: int = Field(default=0, ge=0, le=64)
    prologue: tuple[str, ...] = ()
    directives: tuple[str, ...] = ()
    interface: str | None = None
    scratch: str | None = None
    logs: Path = Path("seisflow-logs")
    poll_s: float = Field(default=30.0, ge=0.2, le=3600)

    @field_validator("walltime")
    @classmethod
    def _is_walltime(cls, value: str) -> str:
        if not WALLTIME.fullmatch(value):
            raise ValueError("give hours:minutes:seconds, such as 08:00:00, or days-08:00:00")
        if seconds_of(value) < 60:
            raise ValueError("give a minute or more; to SLURM 00:00:00 has no end")
        return value

    @field_validator("memory")
    @classmethod
    def _is_memory(cls, value: str) -> str:
        if not MEMORY.fullmatch(value):
            raise ValueError("give a number and a unit, such as 32GB")
        return value

    def plain_logs(self) -> Path:
        """Return the whole path of `logs`, for jobs of workers.

        Raises
        ------
        ConfigError
            It has blanks or signs of the shell: dask-jobqueue writes it into scripts as it is.
        """
        logs = self.logs.expanduser().absolute()
        if not PLAIN_PATH.fullmatch(str(logs)):
            raise ConfigError(
                f"logs = {str(logs)!r} may hold letters, digits and any of ./_+@=,:- alone: "
                "dask-jobqueue writes it into job scripts as it is; give another folder"
            )
        return logs

    @property
    def processes(self) -> int:
        """Worker processes of a job."""
        return self.gpus or self.cores

    @property
    def walltime_s(self) -> int:
        """The walltime in seconds."""
        return seconds_of(self.walltime)


class Profile(StageConfig):
    """Where tasks run.

    Parameters
    ----------
    name : str
        As it was asked for.
    kind : {'local', 'address', 'slurm'}
        Processes on this machine, somebody's Dask scheduler, or jobs of our own.
    workers : int, optional
        Worker processes of a local cluster; the number of cores by default.
    address : str, optional
        Of a scheduler, for example ``tls://10.0.0.7:8786``.
    tls : Tls, optional
        Certificates for that scheduler.
    secure : bool
        Whether jobs speak TLS with certificates made for the run.
    cpu, gpu : Pool, optional
        Jobs for tasks without and with GPUs.
    driver : Pool, optional
        The job in which a detached command itself runs; small, and as long as the whole work.
    """

    name: str
    kind: Literal["local", "address", "slurm"]
    workers: int | None = Field(default=None, ge=1, le=4096)
    address: str | None = None
    tls: Tls | None = None
    secure: bool = True
    cpu: Pool | None = None
    gpu: Pool | None = None
    driver: Pool | None = None

    @field_validator("address")
    @classmethod
    def _is_address(cls, value: str | None) -> str | None:
        if value is not None and not ADDRESS.fullmatch(value):
            raise ValueError("give the address of a scheduler such as tcp://host:8786")
        return value

    @model_validator(mode="after")
    def _fits_kind(self) -> Self:
        if (self.kind == "address") != (self.address is not None):
            raise ValueError("'address' is for, and needed by, kind = 'address'")
        if self.tls is not None and not (self.address or "").startswith(("tls://", "wss://")):
            raise ValueError("'tls' is for addresses that begin with tls:// or wss://")
        if self.kind != "slurm" and (self.cpu or self.gpu or self.driver):
            raise ValueError("'cpu', 'gpu' and 'driver' are pools of kind = 'slurm'")
        if self.kind == "slurm" and self.cpu is None:
            raise ValueError("kind = 'slurm' needs a table [cpu] with queue, cores, memory, ...")
        if self.workers is not None and self.kind != "local":
            raise ValueError("'workers' is for kind = 'local'; pools have jobs and cores")
        return self

    def pool(self, name: Literal["cpu", "gpu"]) -> Pool:
        """Return a pool of kind = 'slurm': that for GPUs if it is asked for and there is one."""
        pool = (self.gpu if name == "gpu" else None) or self.cpu
        assert pool is not None, "only of kind = 'slurm'"
        return pool


def profile_folder() -> Path:
    """Return the user's folder of profiles: ``$XDG_CONFIG_HOME/seisflow/clusters``."""
    base = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "seisflow" / "clusters"


def read_profile(cluster: str, workers: int | None = None) -> Profile:
    """Return what ``--cluster`` names.

    Parameters
    ----------
    cluster : str
        ``local``, ``slurm`` (what the cluster gives by default, two jobs of one core), an address,
        a path ending in ``.toml``, or the name of a profile in `profile_folder`.
    workers : int, optional
        Worker processes of a local cluster, instead of what the profile says.

    Raises
    ------
    ConfigError
        There is no such profile, it says what cannot be, or `workers` are given of another kind.
    """
    path: AnyPath = profile_folder() / f"{cluster}.toml"
    if cluster.endswith(".toml"):
        path = path_from(Path(), cluster)
    if ADDRESS.fullmatch(cluster):
        content: dict[str, Any] = {"kind": "address", "address": cluster}
    elif path.is_file():
        content = _read(path)
    elif cluster == "local":
        content = {"kind": "local"}
    elif cluster == "slurm":
        content = {"kind": "slurm", "cpu": {}}
    else:
        raise ConfigError(
            f"--cluster {cluster}: no such profile; give local, slurm, the address of a scheduler "
            f"such as tcp://host:8786, a file ending in .toml, or the name of one in "
            f"{profile_folder()} ({', '.join(_known()) or 'there is none yet'})"
        )
    content = {"name": cluster, **content}
    if workers is not None:
        _refuse_workers(workers, cluster, str(content.get("kind")))
        content["workers"] = workers
    try:
        return Profile.build(content)
    except ConfigError as error:
        raise ConfigError(f"cluster profile {cluster}:\n{error}") from error


def _refuse_workers(workers: int, cluster: str, kind: str) -> None:
    """Refuse a number of workers where something else says how many there are."""
    known = {
        "slurm": "has the jobs and cores of its profile: change these, or leave out --workers",
        "address": "has the workers that whoever started it gave it: leave out --workers",
    }
    if kind in known:
        raise ConfigError(
            f"--workers {workers} asked with --cluster {cluster}, which is of kind {kind!r} and "
            f"{known[kind]}; only a local cluster takes it"
        )


def _read(path: AnyPath) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not TOML that can be read: {error}") from error
    tls = content.get("tls")
    if isinstance(tls, dict):
        for key in tls.keys() & Tls.model_fields:
            tls[key] = str(path.absolute().parent / Path(str(tls[key])).expanduser())
    return content


def _known() -> list[str]:
    return sorted(path.stem for path in profile_folder().glob("*.toml"))
