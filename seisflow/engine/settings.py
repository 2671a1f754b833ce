"""Dask settings that were found to matter, in one place.

Every line was once a lost night: see the comment beside it.
"""

from typing import Any

__all__ = ["DASK_SETTINGS", "LOCAL_SETTINGS", "SLURM_SETTINGS", "WORKER_ENVIRONMENT"]

WORKER_ENVIRONMENT = {
    # one task, one thread: otherwise every worker's BLAS starts as many threads as cores
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "BLOSC_NTHREADS": "1",
    # give freed memory back to the system, so that resident size means something; not below what
    # a kernel frees and takes again: with 64 kB, page faults doubled the CPU time of labelling
    "MALLOC_TRIM_THRESHOLD_": str(32 * 2**20),
    "MALLOC_MMAP_THRESHOLD_": str(16 * 2**20),
}

DASK_SETTINGS: dict[str, Any] = {
    "distributed.scheduler.worker-ttl": "30 minutes",  # a busy worker is not a dead one
    "distributed.scheduler.worker-saturation": 1.0,  # tasks wait at the scheduler, not on workers
    "distributed.scheduler.unknown-task-duration": "15m",
    "distributed.worker.memory.target": False,  # nothing is kept on workers: never spill
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": 0.85,
    "distributed.worker.memory.terminate": 0.95,
    "distributed.comm.timeouts.connect": "10s",
    # the profiler looks at each worker 100 times a second and its loop ticks 50 times: 4 % of a
    # core that labels, and two workers on two cores were 1.7 times one instead of 1.9
    "distributed.worker.profile.interval": "1s",
    "distributed.admin.tick.interval": "500ms",
    "distributed.nanny.pre-spawn-environ": WORKER_ENVIRONMENT,
}

LOCAL_SETTINGS: dict[str, Any] = {
    # on one machine a worker that dies five times under the same task has met a poison task
    "distributed.scheduler.allowed-failures": 5,
    # the interrupt key reaches the whole process group; only the command shall act on it
    "distributed.worker.preload": ["seisflow.engine.preload"],
    # 15 s after a worker died the cluster would end its nanny for good, if the next one was not
    # there at that very moment
    "distributed.deploy.lost-worker-timeout": "1000 days",
}

SLURM_SETTINGS: dict[str, Any] = {
    # a task meets the end of its job, or a node that goes down, without being to blame; both are
    # read when the scheduler starts, and never again
    "distributed.scheduler.allowed-failures": 20,
    # the last resort only, where squeue has not answered for days: jobs may queue for hours
    "distributed.scheduler.no-workers-timeout": "3 days",
}
