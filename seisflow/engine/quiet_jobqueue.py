"""dask_jobqueue, without what it does to the interrupt key.

Imported, it makes SIGINT end the process with code 0 and no word; here the handler is put back.
Import it from here only.
"""

import signal

_BEFORE = signal.getsignal(signal.SIGINT)

from dask_jobqueue.slurm import SLURMCluster, SLURMJob  # noqa: E402 - between the two lines

signal.signal(signal.SIGINT, _BEFORE)

__all__ = ["SLURMCluster", "SLURMJob"]
