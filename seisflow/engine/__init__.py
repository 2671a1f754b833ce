"""How tasks run: a Dask cluster and a sliding window of tasks over it. Knows no seismology."""
