"""Where the files of deploy/ are, and tools that check them."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
import yaml
from programs import free_port, wait_until
from prometheus_client.parser import text_string_to_metric_families

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SEEN = os.pathsep.join(filter(None, [str(Path(__file__).parent), os.environ.get("PYTHONPATH")]))


def load(name: str) -> Any:
    """Read a YAML file of deploy/ that holds one document."""
    return yaml.safe_load((DEPLOY / name).read_text())


def tool(name: str) -> str:
    """Return the program that checks; skip the test where it is not installed."""
    beside = Path(sys.executable).parent / name
    found = str(beside) if beside.exists() else shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


def accepts(*command: object) -> None:
    """Run a checking program and show what it says where it refuses."""
    arguments = [str(part) for part in command]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def refuses(*command: object) -> None:
    """Run a checking program on something wrong."""
    arguments = [str(part) for part in command]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode != 0, ended.stdout + ended.stderr


def interpolated(text: str) -> str:
    """Put in place what a compose file takes from the environment: its defaults."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def listens(port: int) -> bool:
    """Tell whether something accepts connections at a port of this machine."""
    with socket.socket() as asking:
        return asking.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def standing(
    scheduler: Sequence[str], worker: Sequence[str], env: dict[str, str], folder: Path
) -> Iterator[tuple[str, str]]:
    """Start the commands of a scheduler and a worker as processes of this machine.

    Only addresses, ports and folders are put in place of those of containers; Dask is configured
    by the file that is in the image.

    Yields
    ------
    address, dashboard : str
    """
    ports = {port: str(free_port()) for port in ("8786", "8787", "8788")}
    env = {**os.environ, **env, "DASK_CONFIG": str(DEPLOY / "container"), "PYTHONPATH": SEEN}
    env |= {"DASK_SCHEDULER_ADDRESS": f"tcp://127.0.0.1:{ports['8786']}"}  # as the operator does

    def here(argument: str) -> str:
        for port, free in ports.items():
            argument = argument.replace(port, free)
        for there in ("0.0.0.0", "//scheduler"):
            argument = argument.replace(there, "//127.0.0.1" if "/" in there else "127.0.0.1")
        return argument.replace("$(DASK_WORKER_NAME)", "w0")

    with ExitStack() as stack:
        for number, command in enumerate((scheduler, worker)):
            assert command[0] == "dask"
            log = stack.enter_context((folder / f"{number}.log").open("wb"))
            process = subprocess.Popen(
                [sys.executable, "-m", *map(here, command)],
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=env,
                start_new_session=True,
            )
            stack.callback(process.wait, 30)
            stack.callback(os.killpg, process.pid, signal.SIGKILL)
        wait_until(lambda: listens(int(ports["8786"])), 60, "the scheduler")
        yield env["DASK_SCHEDULER_ADDRESS"], f"http://127.0.0.1:{ports['8787']}"


def metrics(dashboard: str) -> dict[str, set[frozenset[tuple[str, str]]]]:
    """Read /metrics: the labels of every sample, by name."""
    url = dashboard.removesuffix("/status") + "/metrics"
    with urlopen(url, timeout=10) as answer:
        families = list(text_string_to_metric_families(answer.read().decode()))
    found: dict[str, set[frozenset[tuple[str, str]]]] = {}
    for sample in (s for family in families for s in family.samples):
        found.setdefault(sample.name, set()).add(frozenset(sample.labels.items()))
    return found
