"""What a worker of a local cluster does first: leave the interrupt key to the command.

A terminal sends SIGINT to the whole process group. The command ends its workers in good order;
workers that also react by themselves would each print a traceback over its message.
"""

import signal

__all__ = ["dask_setup"]


def dask_setup(worker: object) -> None:
    """Ignore SIGINT; called by Dask in the main thread of the worker process."""
    del worker
    signal.signal(signal.SIGINT, signal.SIG_IGN)
