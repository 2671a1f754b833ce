"""How loops are compiled: one thread, no interpreter lock, machine code kept on the disk."""

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["call", "compiled"]

MOST_ATTEMPTS = 8
"""Attempts at a call: one for every function that it compiles, and more."""


def compiled(*, no_nan: bool = False) -> Callable[[Any], Any]:
    """Return a decorator that has numba compile a function when it is first called.

    The machine code is kept beside the source, or in the user's cache, for other processes on such
    a processor; where neither can be written it is compiled in every process. To be run with
    `call`.

    Parameters
    ----------
    no_nan : bool
        The function never meets a NaN nor cares for the sign of zero: more loops become vectors.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": {"nnan", "nsz"} if no_nan else False}

    def decorate(function: Any) -> Any:
        try:
            return numba.njit(cache=True, **options)(function)
        except RuntimeError:  # "cannot cache function: no locator available"
            return numba.njit(**options)(function)

    return decorate


def call(function: Any, *arguments: Any) -> Any:
    """Call a compiled function, whether or not its machine code can be kept.

    A full disk stops numba when it writes what it has compiled, but it has compiled it: the next
    attempt finds it.

    Raises
    ------
    OSError
        It is not the disk: the error comes again and again.
    """
    for _ in range(MOST_ATTEMPTS):
        try:
            return function(*arguments)
        except OSError:
            continue
    return function(*arguments)
