"""A real SLURM of two pseudo nodes on this machine, in a folder of its own."""

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).parents[2] / "shared" / "slurm"
N_NODES = 2
BASES = range(17_900, 19_900, 100)


def why_not() -> str | None:
    """Say why there can be none here; None where there can."""
    if not (SCRIPTS / "up.sh").exists():
        return f"{SCRIPTS}/up.sh is not there"
    missing = [p for p in ("slurmctld", "slurmd", "munged") if not shutil.which(p, path=_path())]
    if missing:
        return f"{', '.join(missing)} not installed: {SCRIPTS}/up.sh does it once"
    return None


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


@contextmanager
def start_slurm() -> Iterator[Path]:
    """Start SLURM with two nodes of two cores; set ``SLURM_CONF`` for this process and its own.

    Whatever ends this process, the daemons end with it: who takes them down waits for a pipe.

    Yields
    ------
    Path
        Its slurm.conf.
    """
    reason = why_not()
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="seisflow-slurm-"))
    own = {"SLURM_SANDBOX": str(folder / "tree"), "SLURM_SANDBOX_NODES": str(N_NODES)}
    own |= {"SLURM_SANDBOX_CPUS": "2", "SLURM_SANDBOX_MEM": "8000", "PATH": _path()}
    scripts = folder / "scripts"
    shutil.copytree(SCRIPTS, scripts)
    wait = 'read -r _; bash "$0/scripts/down.sh" --purge; rm -rf "$0"'
    down = subprocess.Popen(
        ["bash", "-c", wait, str(folder)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, **own},
        start_new_session=True,
    )
    try:
        _up(scripts, own)
        with pytest.MonkeyPatch.context() as context:
            context.setenv("SLURM_CONF", str(folder / "tree" / "slurm.conf"))
            yield folder / "tree" / "slurm.conf"
    finally:
        down.communicate()


def _up(scripts: Path, own: dict[str, str]) -> None:
    said = ""
    for base in BASES:
        if not all(_is_free(base + i) for i in range(N_NODES + 1)):
            continue
        done = _call(scripts / "up.sh", {**own, "SLURM_SANDBOX_PORT": str(base)})
        if done.returncode == 0:
            return
        said = done.stderr  # somebody else was faster at that port
        _call(scripts / "down.sh", own)
    raise RuntimeError(f"SLURM did not start: {said[-2000:]}")


def _is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))
        except OSError:
            return False
    return True


def _call(script: Path, own: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["bash", str(script)],
        env={**os.environ, **own},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
