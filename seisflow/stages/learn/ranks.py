"""One process or many: who this one is, and what they agree on.

A training runs in one process, or in one process (rank) for each GPU or share of the cores. They
are started by torchrun, whoever types it: each finds its number in the environment, and adds up
gradients and sums with the others, by gloo on CPUs and by NCCL on GPUs.
"""

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed import TCPStore  # type: ignore[attr-defined] # public, and documented
from torch.nn.parallel import DistributedDataParallel

from seisflow.core.files import AnyPath, remove_file
from seisflow.errors import ConfigError

__all__ = [
    "World",
    "catch_signals",
    "clear_failure",
    "host_meeting",
    "is_rank",
    "join",
    "rank_number",
    "read_failure",
    "write_failure",
]

FAILURE = "failure.json"
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1)
"""SIGUSR1 is what SLURM hands on."""


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
    """Note what asks a process to stop, to end after the step; only the main thread can."""
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {n: signal.signal(n, stop) for n in STOPS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def host_meeting(host: str) -> TCPStore:
    """Return where the launchers of several machines meet, as long as it is held.

    Parameters
    ----------
    host : str
        Name or address of this machine, as the others reach it; the system gives the port.
    """
    return TCPStore(host, 0, is_master=True, wait_for_workers=False)


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
