"""What a run says while it works, and to whom: a terminal, a notebook, or nobody."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Protocol

__all__ = ["SILENT", "Bar", "Reporter", "Silent"]


class Bar(Protocol):
    """Progress through a known number of things."""

    def advance(self) -> None:
        """Count one more as ended."""


class Reporter(Protocol):
    """Whoever is told what happens."""

    def say(self, text: str, style: str = "") -> None:
        """Tell one line; `style` is a colour of rich."""

    def note(self, text: str) -> None:
        """Tell something that was not asked about and may matter."""

    def heading(self, text: str) -> None:
        """Begin a part, such as a stage of several."""

    def table(
        self,
        title: str,
        rows: Mapping[str, Any] | Sequence[Sequence[Any]],
        head: Sequence[str] = (),
    ) -> None:
        """Show a table: a mapping as two columns, or rows under a heading."""

    def bar(self, what: str, total: int) -> AbstractContextManager[Bar]:
        """Show the progress of `total` things."""


class Silent:
    """Nobody: the reporter of tests and of whoever wants no progress."""

    def say(self, text: str, style: str = "") -> None:
        """Say nothing."""

    def note(self, text: str) -> None:
        """Say nothing."""

    def heading(self, text: str) -> None:
        """Say nothing."""

    def table(
        self,
        title: str,
        rows: Mapping[str, Any] | Sequence[Sequence[Any]],
        head: Sequence[str] = (),
    ) -> None:
        """Show nothing."""

    @contextmanager
    def bar(self, what: str, total: int) -> Iterator[Bar]:
        """Count for nobody."""
        yield _Uncounted()


class _Uncounted:
    def advance(self) -> None:
        pass


SILENT = Silent()
