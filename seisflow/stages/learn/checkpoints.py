"""What lies in a model's folder while it is trained, and how it gets there.

::

    training.json    what was asked for: a folder belongs to one training
    checkpoint.pt    network, optimiser, place in the epoch, best weights; gone once finished
    history.json     a row for every epoch
    tensorboard/     event files
    .lock            held by the process that trains

Invariant: every file appears under its name whole or not at all, so that a training killed at any
moment goes on from the checkpoint before. No generator's state is kept: whatever is drawn at a
step is a function of seed, epoch and step.
"""

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch

from seisflow.archive.products import mapping_differences
from seisflow.archive.receipts import write_json
from seisflow.archive.store import storage_errors, sweep_partial
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath, is_local, is_store_trouble, whole_file
from seisflow.errors import ConfigError, DataError

__all__ = [
    "CHECKPOINT",
    "HISTORY",
    "claim",
    "only_one",
    "read_checkpoint",
    "read_history",
    "refuse_other_training",
    "write_checkpoint",
]

TRAINING, CHECKPOINT, HISTORY = "training.json", "checkpoint.pt", "history.json"
LOCK = ".lock"

DAMAGE = (OSError, EOFError, LookupError, RuntimeError, TypeError, ValueError, UnpicklingError)
"""What torch raises for a file that is none of its own, or not whole."""


def refuse_other_training(folder: AnyPath, identity: Mapping[str, Any]) -> bool:
    """Tell whether this very training stands in a folder; refuse anything else that does.

    Parameters
    ----------
    folder : Path
        Of the model.
    identity : mapping
        JSON-able content that makes two trainings the same.

    Returns
    -------
    bool
        True where it can go on or is finished, False where nothing is there.

    Raises
    ------
    ConfigError
        The folder belongs to another training, with every difference; or holds something else.
    """
    file = folder / TRAINING
    if not file.exists():
        if folder.exists() and _holds_something(folder):
            raise ConfigError(
                f"{folder} holds something that seisflow train did not make; give a folder that "
                "does not exist"
            )
        return False
    try:
        found = dict(json.loads(file.read_text()))
    except (OSError, ValueError, TypeError) as error:
        if is_store_trouble(error):
            raise
        raise DataError(
            f"{file} cannot be read ({error}); the training cannot be told from others: give "
            "another folder"
        ) from error
    lines = mapping_differences("", _flat(found), _flat(json.loads(json.dumps(identity))))
    if lines:
        raise ConfigError(
            f"{folder} belongs to another training:\n"
            + "\n".join(f"  {line}" for line in lines)
            + "\ngive another folder, or remove that one if it is no longer wanted"
        )
    return True


def claim(folder: AnyPath, identity: Mapping[str, Any]) -> None:
    """Make the folder of a training and write down what it is.

    Raises
    ------
    StorageError
        The place cannot be written.
    """
    with storage_errors(folder):
        if is_local(folder):
            folder.mkdir(parents=True, exist_ok=True)
        sweep_partial(folder)  # of a training that was killed
    if not (folder / TRAINING).exists():
        write_json(folder / TRAINING, identity)


@contextmanager
def only_one(folder: AnyPath) -> Iterator[None]:
    """Hold the folder of a training; the system lets go of it if the process dies.

    Of a folder in an object store, other processes of this machine alone are kept away.

    Raises
    ------
    ConfigError
        Another process trains in it.
    """
    with storage_errors(folder):
        handle = _lock_of(folder).open("a+")
    with handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            handle.seek(0)
            raise ConfigError(
                f"{folder} is being trained by another process ({handle.read().strip()}); wait "
                "for it, or stop it and type the command again"
            ) from error
        handle.truncate(0)
        handle.write(f"process {os.getpid()} on {os.uname().nodename}\n")
        handle.flush()
        yield


def _lock_of(folder: AnyPath) -> Path:
    """Return the file to lock; an object store has no locks, so one of this machine stands in."""
    if is_local(folder):
        return folder / LOCK
    return Path(tempfile.gettempdir(), f"seisflow-{os.getuid()}-{fingerprint(str(folder))}.lock")


def write_checkpoint(folder: AnyPath, content: Mapping[str, Any]) -> int:
    """Write a checkpoint in one step for whoever reads it.

    Parameters
    ----------
    folder : Path
        Of the model.
    content : mapping
        Tensors, numbers, strings, lists and dicts of them.

    Returns
    -------
    int
        Bytes on the disk.

    Raises
    ------
    StorageError
        The disk refused; the checkpoint before stays.
    """
    with storage_errors(folder), whole_file(folder / CHECKPOINT) as file:
        torch.save(dict(content), file)
        return file.tell()


def read_checkpoint(folder: AnyPath) -> dict[str, Any] | None:
    """Read the checkpoint of a folder onto the CPU; None where there is none.

    Raises
    ------
    DataError
        It is damaged.
    """
    file = folder / CHECKPOINT
    if not file.exists():
        return None
    try:
        with file.open("rb") as handle:
            return dict(torch.load(handle, map_location="cpu", weights_only=True))
    except DAMAGE as error:
        if is_store_trouble(error):
            raise
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise DataError(
            f"{file} cannot be read ({reason}); remove it to train from the beginning, or put back "
            "a copy"
        ) from error


def read_history(folder: AnyPath) -> list[dict[str, Any]]:
    """Read the rows of the epochs that have ended; none where nothing was written."""
    file = folder / HISTORY
    return list(json.loads(file.read_text())) if file.exists() else []


def _flat(content: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in content.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _holds_something(folder: AnyPath) -> bool:
    return not folder.is_dir() or any(p.suffix != ".partial" for p in folder.iterdir())
