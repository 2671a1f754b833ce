"""Where the ranks of a training run: on this machine, or on the nodes of one SLURM job."""

import json
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seisflow.engine.batch import address_of, first_node, run_on_nodes
from seisflow.engine.profiles import Pool, Profile
from seisflow.errors import ConfigError, ExitCode

__all__ = ["Ranks", "launch", "place_ranks"]

FIRST_PORT, N_PORTS = 20_000, 20_000
"""Launchers meet at a port that follows from the number of the job."""


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


def launch(job: Mapping[str, Any], ranks: Ranks) -> tuple[int, bool]:
    """Start `seisflow.cli.launcher` on each node of the job this process is in, and wait.

    Parameters
    ----------
    job : mapping
        What `seisflow.cli.rank` takes.
    ranks : Ranks
        With a pool.

    Returns
    -------
    code : int
        0, or how a launcher ended.
    was_stopped : bool
        Whether a signal ended them.
    """
    pool = ranks.pool
    assert pool is not None, "only of a job"
    job_id = int(os.environ["SLURM_JOB_ID"])
    host = address_of(pool.interface) if pool.interface else first_node()
    asked = {
        "job": job,
        "ranks": ranks.each,
        "nodes": ranks.n_nodes,
        "run_id": str(uuid.uuid4()),
        "endpoint": f"{host}:{FIRST_PORT + job_id % N_PORTS}",
        "interface": pool.interface,
    }
    own = {"OMP_NUM_THREADS": str(max(1, pool.cores // ranks.each))}
    if pool.interface:
        own |= {f"{name}_SOCKET_IFNAME": pool.interface for name in ("GLOO", "NCCL")}
    command = [sys.executable, "-u", "-m", "seisflow.cli.launcher", json.dumps(asked)]
    code, was_stopped = run_on_nodes(command, ranks.n_nodes, pool.cores, own)
    return code, was_stopped or code == ExitCode.INTERRUPTED
