"""Preload of a Dask worker: every flush to the disk takes its time, and every task is written down.

So recorded hours that are worked off in seconds last for minutes, and most of that time lies
between the writing of a shard and the receipt, where an end hurts most.
"""

import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from seisflow.archive import work


def dask_setup(worker: Any) -> None:
    """Slow this worker process down; ``FLUSH_S`` and ``RAN`` say how much and where to note."""
    del worker
    fsync, execute, flush_s = os.fsync, work.execute, float(os.environ["FLUSH_S"])

    def slow_fsync(handle: Any) -> None:
        time.sleep(flush_s)
        fsync(handle)

    def noted(job: work.Job[Any], task: Any) -> Any:
        return execute(replace(job, run=partial(note, job.run)), task)

    os.fsync = slow_fsync
    work.execute = noted


def note(run: Any, task: Any) -> Any:
    """Write down which job begins a task that has no receipt yet, and run it."""
    with Path(os.environ["RAN"]).open("a") as log:
        log.write(f"{os.environ['SLURM_JOB_ID']} {task.name}\n")
    return run(task)
