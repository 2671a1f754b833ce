"""Where the ranks of a training run, on this machine or on the nodes of one SLURM job; and how."""

import json
import os
import socket
import sys
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from seisflow import errors
from seisflow.engine.batch import address_of, run_on_nodes
from seisflow.engine.processes import follow
from seisflow.engine.profiles import Pool, Profile
from seisflow.errors import ConfigError, ExitCode, IncompleteError
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.ranks import clear_failure, host_meeting, read_failure
from seisflow.stages.learn.training import Event, is_finished

__all__ = ["Ranks", "place_ranks", "train_in_ranks"]

RESTARTS = 3
"""Times torchrun starts all ranks again after one of them died."""
MEETING_TIMEOUT_S = 300
"""Time in which launchers of other nodes must find this one; torch alone takes a while to load
from a shared disk."""


@dataclass(frozen=True)
class Ranks:
    """How many processes train, and where.

    Parameters
    ----------
    each : int
        Processes of a machine.
    n_nodes : int
        Machines.
    pool : Pool, optional
        What the SLURM job asks for; the ranks run on this machine without one.
    """

    each: int = 1
    n_nodes: int = 1
    pool: Pool | None = None

    @property
    def total(self) -> int:
        """Processes of all machines."""
        return self.each * self.n_nodes

    @property
    def are_launched(self) -> bool:
        """Whether they are processes of their own."""
        return self.total > 1 or self.pool is not None

    def refuse_login(self, environment: Mapping[str, str] = os.environ) -> None:
        """Refuse to begin where there is no job with as many nodes.

        Raises
        ------
        ConfigError
            This process is in no such job.
        """
        found = int(environment.get("SLURM_JOB_NUM_NODES", 0))
        if self.pool is not None and found != self.n_nodes:
            here = f"in a job of {found} nodes" if found else "in no job of SLURM"
            raise ConfigError(
                f"--nodes {self.n_nodes} asked with a SLURM profile, {here}; add --detach and the "
                "training gets a job of its own"
            )


def place_ranks(profile: Profile, n_ranks: int, n_nodes: int, device: str) -> Ranks:
    """Return where the ranks of a training run.

    On SLURM that is the pool ``gpu``, one rank for each GPU unless fewer are asked for; where
    there is none, or the device is ``cpu``, the pool ``cpu``, with as many ranks on a node as were
    asked for.

    Raises
    ------
    ConfigError
        A node has fewer GPUs or cores, or several nodes are asked for without SLURM.
    """
    if profile.kind != "slurm":
        if n_nodes > 1 or profile.kind == "address":
            raise ConfigError(
                f"--nodes {n_nodes} asked with --cluster {profile.name}, which is of kind "
                f"{profile.kind!r}; ranks run on this machine (local) or in a job of SLURM: give a "
                "profile of kind = 'slurm', and --detach"
            )
        return Ranks(n_ranks)
    pool = profile.cpu if device == "cpu" else profile.gpu or profile.cpu
    assert pool is not None, "a SLURM profile has one"
    if device == "cuda" and not pool.gpus:
        raise ConfigError(
            f"--device cuda asked with profile {profile.name}, which has no table [gpu] with gpus; "
            "add one, or give --device cpu"
        )
    each = pool.gpus if pool.gpus and n_ranks == 1 else n_ranks
    if each > pool.processes:
        raise ConfigError(
            f"--ranks {n_ranks} asked, and a node of profile {profile.name} gives "
            f"{pool.processes} {'GPUs' if pool.gpus else 'cores'}; ask for at most as many"
        )
    return Ranks(each, n_nodes, pool)


def train_in_ranks(
    config: TrainConfig,
    ranks: Ranks,
    device: str,
    on_event: Callable[[Event], None],
    on_text: Callable[[str], None],
) -> None:
    """Train in many processes, here or on the nodes of a job, and wait for them.

    Parameters
    ----------
    config : TrainConfig
        What is asked for.
    ranks : Ranks
        How many, and where.
    device : str
        ``cpu`` or ``cuda``.
    on_event : callable
        Told what the first rank tells.
    on_text : callable
        Given what else ranks print.

    Raises
    ------
    KeyboardInterrupt
        A signal stopped them; they left a checkpoint.
    SeisflowError
        What one of them met that a second attempt would not mend.
    IncompleteError
        They ended without a model, for a reason that they have printed.
    """

    def on_line(line: str) -> None:
        try:
            event = Event(**json.loads(line))
        except (ValueError, TypeError):
            on_text(line.rstrip("\n"))
        else:
            on_event(event)

    clear_failure(config.model)
    code, was_stopped = _launch(config, ranks, device, on_line)
    failure = read_failure(config.model)
    clear_failure(config.model)
    if failure is not None:
        name, message = failure
        raise getattr(errors, name, errors.SeisflowError)(message)
    if was_stopped or code == ExitCode.INTERRUPTED:
        raise KeyboardInterrupt
    if not is_finished(config.model):
        raise IncompleteError(
            f"the {ranks.total} ranks ended with code {code} and left no model in {config.model}; "
            "see what they said above, and type the command again to go on from the last checkpoint"
        )


def _launch(
    config: TrainConfig, ranks: Ranks, device: str, on_line: Callable[[str], None]
) -> tuple[int, bool]:
    """Start torchrun on this machine, or on each node of the job this process is in; and wait."""
    pool = ranks.pool
    # a restarted gloo world would read the addresses of the dead one (PyTorch issue 135712)
    own = {"TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
    if pool is None:
        own["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // ranks.each))
        if sys.platform == "linux":
            own["GLOO_SOCKET_IFNAME"] = "lo"
        meeting = ["--standalone", "--local-addr=127.0.0.1"]
        return follow(_torchrun(config, ranks, device, meeting), own, on_line)
    own["OMP_NUM_THREADS"] = str(max(1, pool.cores // ranks.each))
    if pool.interface:
        own |= {f"{name}_SOCKET_IFNAME": pool.interface for name in ("GLOO", "NCCL")}
    host = address_of(pool.interface) if pool.interface else socket.gethostname()
    store = host_meeting(host)
    meeting = [
        f"--nnodes={ranks.n_nodes}",
        f"--rdzv-id={uuid.uuid4()}",
        "--rdzv-backend=c10d",
        f"--rdzv-endpoint={host}:{store.port}",
        f"--rdzv-conf=is_host=0,read_timeout={MEETING_TIMEOUT_S}",
    ]
    command = _torchrun(config, ranks, device, meeting)
    return run_on_nodes(command, ranks.n_nodes, pool.cores, own, on_line)


def _torchrun(config: TrainConfig, ranks: Ranks, device: str, meeting: list[str]) -> list[str]:
    """Return the command line of torchrun on one machine."""
    asked = config.resolved() | {
        "wavelets": config.wavelets,
        "model": str(config.model),
        "from_model": None if config.from_model is None else str(config.from_model),
        "device": device,
        "checkpoint_every_s": config.checkpoint_every_s,
    }
    return [
        *(sys.executable, "-m", "seisflow.stages.learn.torchrun"),
        f"--nproc-per-node={ranks.each}",
        f"--max-restarts={RESTARTS}",
        "--signals-to-handle=SIGTERM,SIGINT,SIGUSR1",
        *meeting,
        *("-m", "seisflow.stages.train.rank", json.dumps(asked)),
    ]
