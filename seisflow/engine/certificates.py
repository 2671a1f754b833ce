"""Certificates for one run, in files that only the user can read."""

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from distributed import Security

__all__ = ["temporary_tls", "write_certificates"]


@contextmanager
def temporary_tls(folder: Path, *, secure: bool) -> Iterator[Security | None]:
    """Write new certificates to a folder of mode 0700 below `folder`; remove them at the end.

    A process that is killed leaves them, good for its own run alone, until the next run of the same
    user on the same machine.
    """
    if not secure:
        yield None
        return
    host = f"tls-{socket.gethostname()}"
    sweep(folder, host)
    with tempfile.TemporaryDirectory(prefix=f"{host}-{os.getpid()}-", dir=folder) as inner:
        yield write_certificates(Path(inner))


def sweep(folder: Path, host: str) -> None:
    """Remove what processes of this user on this host left who are no more."""
    for left in folder.glob(f"{host}-*-*"):
        where, pid, _ = left.name.rsplit("-", 2)
        if where != host or not pid.isdecimal() or psutil.pid_exists(int(pid)):
            continue
        with suppress(OSError):  # another start sweeps too
            if left.stat().st_uid == os.getuid():
                shutil.rmtree(left)


def write_certificates(folder: Path) -> Security:
    """Write ``ca.pem``, ``cert.pem`` and ``key.pem``, mode 0600, for all roles."""
    made = Security.temporary()
    content = {
        "ca": made.tls_ca_file,
        "cert": made.tls_scheduler_cert,
        "key": made.tls_scheduler_key,
    }
    for name, text in content.items():
        path = folder / f"{name}.pem"
        path.touch(mode=0o600)
        path.write_text(text)
    roles = {
        f"tls_{role}_{part}": str(folder / f"{part}.pem")
        for role in ("client", "scheduler", "worker")
        for part in ("cert", "key")
    }
    return Security(require_encryption=True, tls_ca_file=str(folder / "ca.pem"), **roles)
