"""A real SLURM of two pseudo nodes on this machine, in a folder of its own."""

import json
import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

SCRIPTS = Path(__file__).parents[1] / "deploy" / "slurm"
N_NODES = 2
BASES = range(17_900, 19_900, 100)


def _path() -> str:
    return f"{os.environ['PATH']}:/usr/sbin:/sbin"


@contextmanager
def start_slurm(*, n_cores: int = 2, n_gpus: int = 0) -> Iterator[Path]:
    """Start SLURM with two nodes; set ``SLURM_CONF`` for this process and its own.

    Whatever ends this process, the daemons end with it: who takes them down waits for a pipe.

    Yields
    ------
    Path
        Its slurm.conf.
    """
    folder = Path(tempfile.mkdtemp(prefix="seisflow-slurm-"))
    own = {"SLURM_SANDBOX": str(folder / "tree"), "SLURM_SANDBOX_NODES": str(N_NODES)}
    own |= {"SLURM_SANDBOX_CPUS": str(n_cores), "SLURM_SANDBOX_MEM": "8000", "PATH": _path()}
    own |= {"SLURM_SANDBOX_GPUS": str(n_gpus if os.getuid() == 0 else 0)}
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


def profile(folder: Path, *more: str, pool: str = "cpu", **options: Any) -> str:
    """Write a profile; return its path."""
    every = {"queue": "debug", "interface": "lo", "jobs": 2, "memory": "1500MB", "poll_s": 0.5}
    every |= {"walltime": "00:10:00", "logs": str(folder / "logs"), **options}
    lines = [f"{name} = {json.dumps(value)}" for name, value in every.items()]
    file = folder / "profile.toml"
    file.write_text("\n".join(['kind = "slurm"', f"[{pool}]", *lines, *more]))
    return str(file)


def jobs_now() -> list[str]:
    """Return the ids of jobs that wait or run."""
    line = ["squeue", "--noheader", "--format=%i"]
    return subprocess.run(line, capture_output=True, text=True, check=True).stdout.split()


def _up(scripts: Path, own: dict[str, str]) -> None:
    said = ""
    for base in BASES:
        if not all(_is_free(base + i) for i in range(N_NODES + 1)):
            continue
        done = _call(scripts / "up.sh", {**own, "SLURM_SANDBOX_PORT": str(base)})
        if done.returncode == 0:
            return
        if done.returncode == 3:
            pytest.skip(f"no SLURM here: {done.stderr.strip().splitlines()[-1]}")
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
