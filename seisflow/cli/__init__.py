"""The command line: one thin function for every command; the only place that prints."""

import sys

if "__mp_main__" in sys.modules:  # a worker process of ours: it imports Dask next
    import seisflow.engine  # noqa: F401 - before Dask reads the files of the user

from seisflow.cli.app import main

__all__ = ["main"]
