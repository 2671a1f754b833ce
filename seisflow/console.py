"""What people see: progress with rate and time left, tables, and JSON for programs.

`CONSOLE` is the `seisflow.core.reporting.Reporter` of terminals and notebooks.
"""

import json
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from rich.console import Console as RichConsole
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from seisflow.core.amounts import human_time

__all__ = ["CONSOLE", "ERRORS", "Bar", "Console", "print_json", "progress", "table"]

ERRORS = RichConsole(
    stderr=True,
    width=None if sys.stderr.isatty() else 132,
    markup=False,  # names of files hold brackets, times hold colons: all is printed as it is
    emoji=False,
    highlight=False,
    soft_wrap=True,  # a path is one line, to be copied
)
LINE_EVERY_S = 15.0
BAR_CHARACTERS = 30


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(rate_text(task.finished_speed or task.speed or 0.0))


def rate_text(per_s: float) -> str:
    """Write a rate in the unit that reads best."""
    if per_s >= 1:
        return f"{per_s:.1f}/s"
    return f"{per_s * 60:.1f}/min" if per_s * 60 >= 1 else f"{per_s * 3600:.1f}/h"


class Bar:
    """A progress bar on a terminal; a line every 15 s in a log file."""

    def __init__(self, shown: Progress | None, what: str, total: int) -> None:
        self._shown, self._what, self._total = shown, what, total
        self._id = shown.add_task(what, total=total) if shown else None
        self._n, self._begun, self._said = 0, time.monotonic(), time.monotonic()

    def advance(self) -> None:
        """Count one more as ended."""
        self._n += 1
        if self._shown is not None and self._id is not None:
            self._shown.advance(self._id)
            return
        now = time.monotonic()
        if now - self._said > LINE_EVERY_S or self._n == self._total:
            self._said = now
            rate = self._n / max(now - self._begun, 1e-9)
            left = human_time((self._total - self._n) / rate)
            ERRORS.print(f"{self._what}: {self._n}/{self._total}, {rate_text(rate)}, {left} left")


class NotebookBar:
    """A progress bar below the cell of a notebook, redrawn once a second."""

    def __init__(self, what: str, total: int) -> None:
        from IPython.display import display  # there, where a notebook runs

        self._what, self._total, self._n = what, total, 0
        self._begun = self._drawn = time.monotonic()
        self._display = display(self._text(), raw=True, display_id=True)

    def _text(self) -> dict[str, str]:
        rate = self._n / max(time.monotonic() - self._begun, 1e-9)
        done = BAR_CHARACTERS * self._n // max(self._total, 1)
        drawn = "█" * done + "░" * (BAR_CHARACTERS - done)
        left = f", {human_time((self._total - self._n) / rate)} left" if rate else ""
        text = f"{self._what} {drawn} {self._n}/{self._total}, {rate_text(rate)}{left}"
        return {"text/plain": text}

    def advance(self) -> None:
        """Count one more as ended."""
        self._n += 1
        if self._n == self._total or time.monotonic() - self._drawn > 1.0:
            self._drawn = time.monotonic()
            self._display.update(self._text(), raw=True)


@contextmanager
def progress(what: str, total: int) -> Iterator[Bar | NotebookBar]:
    """Show the progress of `total` tasks on standard error, or below the cell of a notebook."""
    if ERRORS.is_jupyter:
        yield NotebookBar(what, total)
        return
    if not ERRORS.is_terminal:
        yield Bar(None, what, total)
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=ERRORS) as shown:
        yield Bar(shown, what, total)


def table(
    title: str, rows: Mapping[str, Any] | Sequence[Sequence[Any]], head: Sequence[str] = ()
) -> None:
    """Print a table on standard error: a mapping as two columns, or rows under a heading."""
    shown = Table(title=title, show_header=bool(head), title_justify="left")
    if isinstance(rows, Mapping):
        rows = [[key, value] for key, value in rows.items()]
    for i, name in enumerate(head or [""] * len(rows[0] if rows else [])):
        shown.add_column(name, justify="left" if i == 0 or not head else "right", overflow="fold")
    for row in rows:
        shown.add_row(*[Text(str(cell)) for cell in row])
    ERRORS.print(shown, soft_wrap=False)


def print_json(content: Any) -> None:
    """Print JSON on standard output."""
    sys.stdout.write(json.dumps(content, indent=1) + "\n")


class Console:
    """Tells people on standard error, or below the cell of a notebook."""

    def say(self, text: str, style: str = "") -> None:
        """Print one line."""
        ERRORS.print(text, style=style or None)

    def note(self, text: str) -> None:
        """Print a note."""
        ERRORS.print(f"note: {text}")

    def heading(self, text: str) -> None:
        """Draw a line with a text."""
        ERRORS.rule(text, align="left")

    def table(
        self,
        title: str,
        rows: Mapping[str, Any] | Sequence[Sequence[Any]],
        head: Sequence[str] = (),
    ) -> None:
        """Print a table."""
        table(title, rows, head)

    def bar(self, what: str, total: int) -> AbstractContextManager[Bar | NotebookBar]:
        """Show progress."""
        return progress(what, total)


CONSOLE = Console()
