"""A worker of a job: Dask's own, deaf to the configuration of the user and the node.

``-m seisflow.engine.worker`` takes what ``dask worker`` takes. Of the environment it takes the
variables ``DASK_*``: the script of the job has set them.
"""

import dask.config
from distributed.cli.dask_worker import main

__all__ = ["main"]

if __name__ == "__main__":
    dask.config.refresh(paths=[])
    main()
