"""How loops are compiled: one thread, no interpreter lock, machine code kept on the disk."""

from collections.abc import Callable
from typing import Any

import numba

__all__ = ["compiled"]


def compiled(*, no_nan: bool = False) -> Callable[[Any], Any]:
    """Return a decorator that has numba compile a function when it is first called.

    The machine code is kept beside the source, or in the user's cache, for other processes on such
    a processor; where neither can be written it is compiled in every process.

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
