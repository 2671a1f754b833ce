"""How counts and lists of names stand in messages."""

from collections.abc import Sequence

__all__ = ["SHOWN", "counted", "some_names"]

SHOWN = 5
"""Names in a message that has more."""


def counted(n: int, one: str) -> str:
    """Write a number of things: ``counted(2, "station")`` is ``2 stations``."""
    return f"{n:,} {one if n == 1 else f'{one}s'}"


def some_names(names: Sequence[str], separator: str = ", ") -> str:
    """Join the first names; dots say that there are more."""
    return separator.join(names[:SHOWN]) + (f"{separator}..." if len(names) > SHOWN else "")
