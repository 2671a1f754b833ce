"""Programs that tests run as processes of their own: seisflow commands, a scheduler, workers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import psutil

from seisflow.engine.certificates import write_certificates

HERE = Path(__file__).parent
TASKS = HERE / "engine"


@dataclass(frozen=True)
class Ended:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str


@dataclass
class Running:
    """A command that runs, in a process group of its own."""

    pid: int
    out: Path
    err: Path
    poll: Callable[[], int | None]
    code: int | None = None

    def ended(self) -> bool:
        if self.code is None:
            self.code = self.poll()
        return self.code is not None

    def wait(self, timeout_s: float = 120) -> Ended:
        wait_until(self.ended, timeout_s, f"the command to end; it said\n{self.err.read_text()}")
        assert self.code is not None
        return Ended(self.code, self.out.read_text(), self.err.read_text())

    def signal_group(self, number: int) -> None:
        os.killpg(self.pid, number)

    def workers(self) -> list[psutil.Process]:
        """Worker processes of its local cluster."""
        return worker_processes(self.pid)


def worker_processes(pid: int) -> list[psutil.Process]:
    """Return the worker processes that a process has started, itself or through a nanny."""
    found = []
    for child in psutil.Process(pid).children(recursive=True):
        try:
            line = " ".join(child.cmdline())
        except psutil.Error:
            continue
        if "spawn_main" in line:
            found.append(child)
    return found


class Launcher:
    """Runs commands; see `launcher`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._number = count()
        self._started: list[Running] = []
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "launcher.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
            bufsize=0,
        )

    def _ask(self, **request: object) -> dict[str, int | None]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return dict(json.loads(self._process.stdout.readline()))

    def start(self, *argv: str | Path, cwd: Path | None = None, powerless: bool = False) -> Running:
        number = next(self._number)
        out, err = (self.folder / f"{number}.{name}" for name in ("out", "err"))
        for file in (out, err):
            file.touch()
            file.chmod(0o666)
        request = {
            "argv": [str(a) for a in argv],
            "cwd": str(cwd or self.folder),
            "powerless": powerless,
        }
        pid = self._ask(**request, out=str(out), err=str(err))["pid"]
        assert pid is not None
        self._started.append(Running(pid, out, err, lambda: self._ask(poll=pid)["code"]))
        return self._started[-1]

    def run(
        self,
        *argv: str | Path,
        cwd: Path | None = None,
        powerless: bool = False,
        timeout_s: float = 120,
    ) -> Ended:
        running = self.start(*argv, cwd=cwd, powerless=powerless)
        try:
            return running.wait(timeout_s)
        finally:
            if not running.ended():
                running.signal_group(signal.SIGKILL)

    def kill(self) -> None:
        """End every command that still runs."""
        for running in self._started:
            if not running.ended():
                running.signal_group(signal.SIGKILL)
        self._started.clear()

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()


def wait_until(condition: Callable[[], object], timeout_s: float, what: str) -> None:
    """Wait until something is so, asking ever less often: some questions cost a process.

    Raises
    ------
    TimeoutError
        Three times `timeout_s` have passed: what hangs fails, and not what a busy machine delays.
    """
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        if waited > 3 * timeout_s:
            raise TimeoutError(f"waited {waited:.0f} s for {what}")
        time.sleep(min(0.5, max(0.02, 0.05 * waited)))


class Daemon:
    """A Dask process started by hand, as a user would."""

    def __init__(self, module: str, args: Sequence[str], log: Path, env: dict[str, str]) -> None:
        self.log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", f"distributed.cli.{module}", *args],
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=env,
            )

    def kill(self) -> None:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@dataclass
class Cluster:
    """A scheduler and workers on loopback."""

    folder: Path
    address: str
    scheduler: Daemon
    stack: ExitStack
    env: dict[str, str]
    options: Sequence[str] = ()
    workers: list[Daemon] = field(default_factory=list)

    def alive(self) -> dict[str, Daemon]:
        """Return the workers that have not ended, by name."""
        every = enumerate(self.workers)
        return {f"w{number}": w for number, w in every if w.process.poll() is None}

    def restart(self) -> None:
        """Kill the scheduler and start another where it was; replace workers that end by that.

        One that was just starting a process finds the new scheduler by itself.
        """
        self.scheduler.kill()
        before = self.alive()
        port = self.address.rpartition(":")[2]
        self.scheduler, _ = start_scheduler(self.folder, self.env, ["--port", port, *self.options])
        for name in before:
            wait_until(lambda n=name: n not in self.alive() or self.knows(n), 60, f"worker {name}")
            if name not in self.alive():
                self.add_worker()

    def knows(self, worker: str) -> bool:
        """Tell whether the scheduler has seen a worker of this name."""
        return f" name: {worker}\n" in self.scheduler.log.read_text()

    def add_worker(self, *args: str, nanny: bool = True, **env: str) -> Daemon:
        number = len(self.workers)
        options = [self.address, "--host", "127.0.0.1", "--nthreads", "1", "--name", f"w{number}"]
        options += ["--memory-limit", "1500MiB", "--no-dashboard", "--death-timeout", "60"]
        options += ["--local-directory", str(self.folder / "scratch")]
        options += ["--nanny" if nanny else "--no-nanny", *self.options, *args]
        log = self.folder / f"worker-{number}.log"
        worker = Daemon("dask_worker", options, log, self.env | env)
        self.workers.append(worker)
        self.stack.callback(worker.kill)
        return worker


def start_scheduler(
    folder: Path, env: dict[str, str], options: Sequence[str]
) -> tuple[Daemon, str]:
    """Start a scheduler; return it and its address."""
    contact = folder / "scheduler.json"
    contact.unlink(missing_ok=True)
    args = ["--host", "127.0.0.1", "--no-dashboard", "--no-show", "--scheduler-file", str(contact)]
    scheduler = Daemon("dask_scheduler", [*args, *options], folder / "scheduler.log", env)
    try:
        wait_until(lambda: contact.exists() and contact.stat().st_size, 60, "the scheduler")
    except TimeoutError:
        scheduler.kill()
        raise
    return scheduler, str(json.loads(contact.read_text())["address"])


@contextmanager
def start_cluster(
    folder: Path, n_workers: int, *, nanny: bool = True, options: Sequence[str] = ()
) -> Iterator[Cluster]:
    """Start a scheduler and workers that forgive one death under a task; `options` are of both."""
    env = {**os.environ, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    # idle ones took a third of a core: these stay up while other tests run
    env |= {"DASK_DISTRIBUTED__WORKER__PROFILE__INTERVAL": "1s"}
    env |= {"DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "500ms"}
    path = os.pathsep.join(filter(None, [str(TASKS), os.environ.get("PYTHONPATH")]))
    env |= {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with ExitStack() as stack:
        scheduler, address = start_scheduler(folder, env, ["--port", "0", *options])
        cluster = Cluster(folder, address, scheduler, stack, env, options)
        stack.callback(lambda: cluster.scheduler.kill())
        for _ in range(n_workers):
            cluster.add_worker(nanny=nanny)
        yield cluster


def tls_options(folder: Path) -> list[str]:
    """Write certificates; return the options of a scheduler and workers that ask for them."""
    write_certificates(folder)
    options = ["--protocol", "tls", "--tls-ca-file", str(folder / "ca.pem")]
    return [*options, "--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem")]


def tls_profile(folder: Path, address: str, certificates: Path) -> str:
    """Write a profile of a scheduler that asks for certificates; return its path."""
    lines = ['kind = "address"', f'address = "{address}"', "[tls]"]
    lines += [f'{name}_file = "{certificates}/{name}.pem"' for name in ("ca", "cert", "key")]
    file = folder / "profile.toml"
    file.write_text("\n".join(lines))
    return str(file)


def free_port() -> int:
    """Return a port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def differences(a: Path, b: Path) -> list[str]:
    """Compare two products file by file, byte by byte; receipts and provenance aside.

    Returns
    -------
    list of str
        One line for every file that differs or that only one of them has.
    """
    in_a, in_b = _files(a), _files(b)
    lines = [f"only in {a}: {name}" for name in sorted(in_a - in_b)]
    lines += [f"only in {b}: {name}" for name in sorted(in_b - in_a)]
    lines += [
        f"differs: {name}"
        for name in sorted(in_a & in_b)
        if (a / name).read_bytes() != (b / name).read_bytes()
    ]
    return lines


def _files(root: Path) -> set[str]:
    assert root.is_dir(), f"{root} is not there"
    names = (p.relative_to(root) for p in root.rglob("*") if p.is_file())
    return {str(n) for n in names if n.parts[0] != "_seisflow"}


def receipts(product: Path) -> list[Path]:
    """Return the receipts a product has now."""
    return list((product / "_seisflow" / "receipts").glob("*.json"))


def refuse_unfinished(product: Path) -> None:
    """Fail unless all tasks are done and nothing half-made lies about."""
    states = [json.loads(file.read_text())["receipt"]["state"] for file in receipts(product)]
    plan = json.loads((product / "_seisflow" / "plan.json").read_text())
    assert states == ["done"] * len(plan["tasks"])
    left = [str(p) for p in product.parent.rglob("*.partial")]
    assert left == []
