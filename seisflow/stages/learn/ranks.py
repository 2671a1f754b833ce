"""One process or many: who this one is, what they agree on, and how many are started.

A training runs in one process, or in one process (rank) for each GPU or share of the cores. They
are started by torchrun, whoever types it: each finds its number in the environment, and adds up
gradients and sums with the others, by gloo on CPUs and by NCCL on GPUs.
"""

import json
import os
import signal
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from seisflow.core.files import AnyPath, remove_file
from seisflow.errors import ConfigError

__all__ = [
    "Meeting",
    "World",
    "catch_signals",
    "is_rank",
    "join",
    "rank_number",
    "torchrun",
]

FAILURE = "failure.json"

RESTARTS = 3
"""Times torchrun starts all ranks again after one of them died."""

MEETING_TIMEOUT_S = 300
"""Time in which launchers of other machines must find the host; torch alone takes a while to load
from a shared disk."""


@dataclass(frozen=True)
class World:
    """The process among those that train together.

    Parameters
    ----------
    device : torch.device
        Where it computes.
    rank, size : int
        Its number, and how many there are.
    """

    device: torch.device
    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this process is the one that writes and prints."""
        return self.rank == 0

    def total(self, values: torch.Tensor) -> torch.Tensor:
        """Return the sum of a tensor over all ranks, on the CPU."""
        if self.size > 1:
            dist.all_reduce(values)
        return values.cpu()

    def agrees(self, value: int) -> bool:
        """Tell whether all ranks have the same number; they all get the same answer."""
        known = torch.tensor([value, value**2], dtype=torch.float64, device=self.device)
        total, of_squares = self.total(known).tolist()
        return bool(self.size * of_squares == total**2)

    def wait(self) -> None:
        """Wait for the others."""
        if self.size > 1:
            dist.barrier()

    def shared(self, network: nn.Module) -> nn.Module:
        """Return a network whose gradients are means over ranks."""
        if self.size == 1:
            return network
        on = [self.device.index] if self.device.type == "cuda" else None
        return DistributedDataParallel(network, device_ids=on)


def is_rank(environment: Mapping[str, str] = os.environ) -> bool:
    """Tell whether torchrun started this process."""
    return {"RANK", "LOCAL_RANK", "WORLD_SIZE"} <= environment.keys()


def rank_number(environment: Mapping[str, str] = os.environ) -> int:
    """Return the number of this process among all ranks; 0 where it is alone."""
    return int(environment["RANK"]) if is_rank(environment) else 0


@contextmanager
def join(device: str) -> Iterator[World]:
    """Join the other ranks, if torchrun started this process; be alone otherwise.

    Parameters
    ----------
    device : str
        ``cpu`` or ``cuda``; each rank of a machine takes a GPU of its own.

    Raises
    ------
    ConfigError
        There are fewer GPUs than ranks.
    """
    local = int(os.environ["LOCAL_RANK"]) if is_rank() else 0
    own = torch.device(device, local) if device == "cuda" else torch.device(device)
    if device == "cuda":
        if local >= torch.cuda.device_count():
            raise ConfigError(
                f"rank {local} of this machine finds {torch.cuda.device_count()} GPUs; start as "
                "many ranks as there are GPUs, or ask for the device cpu"
            )
        torch.cuda.set_device(local)
    if not is_rank():
        yield World(own)
        return
    dist.init_process_group("nccl" if device == "cuda" else "gloo")
    try:
        yield World(own, dist.get_rank(), dist.get_world_size())
    finally:
        dist.destroy_process_group()


class Stop:
    """Whether the process was asked to stop."""

    def __init__(self) -> None:
        self.is_asked = False

    def __call__(self, number: int = 0, frame: FrameType | None = None) -> None:
        self.is_asked = True


@contextmanager
def catch_signals() -> Iterator[Stop]:
    """Note SIGINT and SIGTERM instead of ending at once; only the main thread can."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {n: signal.signal(n, stop) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass(frozen=True)
class Meeting:
    """Where the launchers of several machines meet.

    Parameters
    ----------
    n_machines : int
        Machines, with one launcher each.
    run_id : str
        The same for all of them, and for no other run.
    endpoint : str
        ``host:port`` of the machine that is the host of the meeting.
    is_host : bool
        Whether this machine is.
    local_address : str, optional
        Of this machine, as the others reach it; what its name says by default.
    """

    n_machines: int
    run_id: str
    endpoint: str
    is_host: bool
    local_address: str | None = None


def _alone() -> Meeting:
    return Meeting(1, str(uuid.uuid4()), "localhost:0", is_host=True, local_address="127.0.0.1")


def torchrun(
    module: str, arguments: Sequence[str], n_ranks: int, meeting: Meeting | None = None
) -> tuple[int, bool]:
    """Run a module in `n_ranks` processes of this machine and wait for them, as torchrun does.

    A rank that dies makes all of them start again, three times at most, on all machines. SIGINT
    and SIGTERM are handed on, so that the ranks can finish their step.

    Parameters
    ----------
    module : str
        As for ``python -m``.
    arguments : sequence of str
        What follows it.
    n_ranks : int
        Processes of this machine.
    meeting : Meeting, optional
        Where the launchers of other machines are met; there are none by default.

    Returns
    -------
    code : int
        0, or the exit code of the first rank that failed for good.
    was_stopped : bool
        Whether a signal ended it.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    place = meeting or _alone()
    config = LaunchConfig(
        min_nodes=place.n_machines,
        max_nodes=place.n_machines,
        nproc_per_node=n_ranks,
        run_id=place.run_id,
        rdzv_backend="c10d",
        rdzv_endpoint=place.endpoint,
        rdzv_configs={"is_host": place.is_host, "read_timeout": MEETING_TIMEOUT_S},
        max_restarts=RESTARTS,
        local_addr=place.local_address,
    )
    with _environment(n_ranks, is_alone=meeting is None), _same_handlers():
        try:
            elastic_launch(config, sys.executable)("-u", "-m", module, *arguments)
        except SignalException:
            return 0, True
        except ChildFailedError as error:
            return error.get_first_failure()[1].exitcode, False
    return 0, False


@contextmanager
def _environment(n_ranks: int, *, is_alone: bool = True) -> Iterator[None]:
    """Set what the ranks of this machine need, where the user has not."""
    own = {
        # a restarted gloo world would read the addresses of the dead one (PyTorch issue 135712)
        "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1",
        "OMP_NUM_THREADS": str(max(1, (os.cpu_count() or 1) // n_ranks)),
    }
    if is_alone and sys.platform == "linux":
        own["GLOO_SOCKET_IFNAME"] = "lo"
    before = dict(os.environ)
    os.environ.update({name: value for name, value in own.items() if name not in before})
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def _same_handlers() -> Iterator[None]:
    """Put back the handlers of signals that torch's launcher replaces."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
    before = {number: signal.getsignal(number) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def write_failure(folder: AnyPath, error: Exception) -> None:
    """Leave word of an error that another start would not mend."""
    (folder / FAILURE).write_text(json.dumps([type(error).__name__, str(error)]))


def read_failure(folder: AnyPath) -> tuple[str, str] | None:
    """Return the class and the message of the error that ended the ranks, if one did."""
    file = folder / FAILURE
    if not file.exists():
        return None
    name, message = json.loads(file.read_text())
    return str(name), str(message)


def clear_failure(folder: AnyPath) -> None:
    """Forget the error of an earlier run."""
    remove_file(folder / FAILURE)
