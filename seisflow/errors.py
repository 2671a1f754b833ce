"""Every error a user can meet, and the exit code each one ends the program with.

::

    SeisflowError                 exit  1
    |- ConfigError   (ValueError)        2  what was asked for is wrong
    |- ClusterError  (ConnectionError)   2  no scheduler, or one that does not fit
    |- DataError     (ValueError)        3  what was found in the files is wrong
    |- IncompleteError (RuntimeError)    4  some tasks are not done; type the command again
       |- StorageError (OSError)         4  the disk refused to take more

A message says what was asked, what was found, what is allowed and what to do.
"""

from enum import IntEnum
from typing import Any

__all__ = [
    "ClusterError",
    "ConfigError",
    "DataError",
    "ExitCode",
    "IncompleteError",
    "SeisflowError",
    "StorageError",
]


class ExitCode(IntEnum):
    """Exit codes of the command line."""

    DONE = 0
    BUG = 1
    CONFIG = 2
    DATA = 3
    INCOMPLETE = 4
    INTERRUPTED = 130


class SeisflowError(Exception):
    """Root of all errors raised on purpose."""

    exit_code = ExitCode.BUG

    def __reduce__(self) -> tuple[type, tuple[object, ...]]:
        # Dask's pickler (tblib) calls __new__ of the wrong builtin where there are two, and an
        # error of a worker would arrive as a plain Exception
        return type(self), self.args


class ConfigError(SeisflowError, ValueError):
    """What was asked for cannot be done: an option, a path, a combination."""

    exit_code = ExitCode.CONFIG


class ClusterError(SeisflowError, ConnectionError):
    """The Dask scheduler is not there, has no workers, or runs other versions."""

    exit_code = ExitCode.CONFIG


class DataError(SeisflowError, ValueError):
    """The data found cannot be used as asked."""

    exit_code = ExitCode.DATA


class IncompleteError(SeisflowError, RuntimeError):
    """Some tasks are missing or failed; what is done is kept and the command can be repeated.

    Attributes
    ----------
    result : seisflow.engine.stage.Result or None
        What there is, where a stage ended so.
    """

    exit_code = ExitCode.INCOMPLETE
    result: Any = None


class StorageError(IncompleteError, OSError):
    """The place where products are written is full or refuses to be written."""
