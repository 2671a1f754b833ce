"""How counts, lists of names and tables are written."""

from collections.abc import Iterable, Sequence
from typing import Any

__all__ = ["SHOWN", "counted", "markdown_table", "some_names"]

SHOWN = 5
"""Names in a message that has more."""


def counted(n: int, one: str) -> str:
    """Write a number of things: ``counted(2, "station")`` is ``2 stations``."""
    return f"{n:,} {one if n == 1 else f'{one}s'}"


def some_names(names: Sequence[str], separator: str = ", ") -> str:
    """Join the first names; dots say that there are more."""
    return separator.join(names[:SHOWN]) + (f"{separator}..." if len(names) > SHOWN else "")


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """Return the lines of a table that reads well as text and as Markdown."""
    cells = [[str(cell) for cell in row] for row in (head, *rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in cells
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [lines[0], rule, *lines[1:]]
