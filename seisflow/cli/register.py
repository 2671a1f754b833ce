"""The register of detached commands: which job makes which product, where its log is.

One JSON file for each job in ``$XDG_STATE_HOME/seisflow/jobs`` (``~/.local/state`` by default),
written whole or not at all. It is for people: no command needs it to go on. Two clusters may share
the folder and give the same number; only jobs of the cluster that is asked are seen.
"""

import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from seisflow.archive.receipts import write_json
from seisflow.archive.store import storage_errors
from seisflow.engine.batch import cluster_name
from seisflow.errors import ConfigError

__all__ = ["Detached", "find_detached", "keep_detached", "register_folder", "registered"]


@dataclass(frozen=True)
class Detached:
    """A command that was detached.

    Parameters
    ----------
    id, name : str
        Number and name of the job. The name is its own; a number may be given again.
    command : str
        Such as ``label``.
    line : str
        The command line, quoted for a shell.
    folder : str
        Where it was typed.
    product : str
        What it writes.
    log : str
        The file that takes what it prints.
    submitted : str
        ISO 8601 UTC.
    profile : str
        The cluster, as it was asked for.
    cluster : str
        As SLURM calls it; empty where it did not say.
    script : str
        What sbatch was given; empty where an earlier version kept none.
    """

    id: str
    name: str
    command: str
    line: str
    folder: str
    product: str
    log: str
    submitted: str
    profile: str
    cluster: str = ""
    script: str = ""


def register_folder() -> Path:
    """Return the folder of the register."""
    base = os.environ.get("XDG_STATE_HOME") or "~/.local/state"
    return Path(base).expanduser() / "seisflow" / "jobs"


def keep_detached(detached: Detached) -> None:
    """Write a job into the register.

    Raises
    ------
    StorageError
        The folder refuses to be written.
    """
    folder = register_folder()
    with storage_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        write_json(folder / f"{detached.id}-{detached.name}.json", asdict(detached))


def registered() -> list[Detached]:
    """Return the jobs of this cluster, the newest last; files that are none are passed over.

    Where no cluster can be asked, those of all.
    """
    here, found = cluster_name(), []
    for file in register_folder().glob("*.json"):
        try:
            content = json.loads(file.read_text())
            names = [f.name for f in fields(Detached) if f.name in content]
            found.append(Detached(**{name: str(content[name]) for name in names}))
        except (OSError, ValueError, LookupError, TypeError):
            continue
    seen = [d for d in found if not here or d.cluster in ("", here)]
    return sorted(seen, key=lambda detached: (detached.submitted, detached.id))


def find_detached(job_id: str) -> Detached:
    """Return the job of a number, the latest where SLURM gave it twice.

    Raises
    ------
    ConfigError
        It is not in the register; those that are there are listed.
    """
    every = registered()
    for detached in reversed(every):
        if detached.id == job_id:
            return detached
    there = ", ".join(f"{d.id} ({d.command})" for d in every[-10:])
    raise ConfigError(
        f"job {job_id!r} is none that was detached here; there "
        + (f"are {there}: see 'seisflow jobs'" if there else "is none yet: use --detach")
    )
