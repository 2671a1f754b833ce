"""How tasks run: a Dask cluster and a sliding window of tasks over it. Knows no seismology."""

from seisflow.engine import dask_isolation as _own_dask  # noqa: F401 - before anything imports Dask
