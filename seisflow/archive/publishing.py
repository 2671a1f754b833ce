"""How a product comes to stand under its name: all at once, on a disk or in an object store."""

import glob
import os
import shutil
import socket
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from upath import UPath

from seisflow.core.files import AnyPath, file_bytes, is_local, remove_file
from seisflow.errors import ConfigError

__all__ = ["HIDDEN", "appearing", "product_stands", "refuse_unfit"]

HIDDEN = "_seisflow"
"""Folder beside the arrays that holds plan, receipts and provenance."""

ROOT = "zarr.json"
"""What makes a folder a Zarr group."""

BEGUN = "begun.txt"
"""Beside the arrays while a product is sent to an object store: who does so."""
CLAIM_S = 60.0
"""Longer than that no command takes to send an empty product."""


def product_stands(path: AnyPath) -> bool:
    """Tell whether something stands at a path; what a killed `create_product` sent is nothing."""
    if is_local(path):
        return path.exists()
    return (path / ROOT).exists() or (path.exists() and not (path / HIDDEN / BEGUN).exists())


@contextmanager
def appearing(path: AnyPath) -> Iterator[Path]:
    """Yield a local folder that becomes `path` when the block ends without an error."""
    if not is_local(path):
        with tempfile.TemporaryDirectory(prefix="seisflow-") as folder:
            aside = Path(folder, "product")
            yield aside
            _send(aside, path)
        return
    sweep_aside(path)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        aside.parent.mkdir(parents=True, exist_ok=True)
        yield aside
        aside.rename(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def refuse_unfit(path: AnyPath) -> None:
    """Refuse what can be no product in a store: zarr takes such names for globs, and deletes."""
    if not is_local(path) and (not path.name or glob.has_magic(path.path)):
        raise ConfigError(
            f"{path} cannot be a product: give a name below a bucket, without * ? and ["
        )


def _send(aside: Path, path: UPath) -> None:
    """Make a product in an object store, which has no rename: what makes it one is sent last.

    A file beside it says who does so; others wait, and send theirs in its place if that one died.
    """
    claim = path / HIDDEN / BEGUN
    token = f"{socket.gethostname()} {os.getpid()} {uuid.uuid4().hex}".encode()
    while not _put_once(claim, token):
        _wait_for_other(path, claim)
    if (path / ROOT).exists():  # since this command looked
        remove_file(claim)
        raise ConfigError(f"{path} was begun by another command at this moment")
    for key in path.fs.find(path.path):  # of a command that was killed
        if key != claim.path:
            path.fs.rm_file(key)
    for file in aside.rglob("*"):
        if file.is_file() and file != aside / ROOT:
            path.fs.put_file(str(file), (path / file.relative_to(aside).as_posix()).path)
    root = (aside / ROOT).read_bytes()
    if _content_of(claim) != token or not _put_once(path / ROOT, root):
        raise ConfigError(f"{path} was begun by another command at this moment")
    remove_file(claim)


def _wait_for_other(path: UPath, claim: UPath) -> None:
    """Wait until another command has begun a product, or for as long as it could still do so.

    Raises
    ------
    ConfigError
        It has.
    """
    found = _content_of(claim)
    until = time.monotonic() + CLAIM_S
    while found is not None and _may_run(found) and time.monotonic() < until:
        if (path / ROOT).exists():
            raise ConfigError(f"{path} was begun by another command at this moment")
        time.sleep(0.5)
        if _content_of(claim) != found:
            return
    remove_file(claim)


def _may_run(token: bytes) -> bool:
    host, pid, _ = token.decode().split()
    return host != socket.gethostname() or psutil.pid_exists(int(pid))


def _content_of(path: UPath) -> bytes | None:
    try:
        return file_bytes(path)
    except FileNotFoundError:
        return None


def _put_once(path: UPath, content: bytes) -> bool:
    """Write a file that is not there yet; tell whether it is now there with this content."""
    try:
        path.fs.pipe_file(path.path, content, mode="create")
    except FileExistsError:  # by this very call too, if its first answer was lost
        return _content_of(path) == content
    return True


def sweep_aside(path: Path) -> None:
    """Remove the folders in which killed commands were making the product `path`."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        shutil.rmtree(folder, ignore_errors=True)
