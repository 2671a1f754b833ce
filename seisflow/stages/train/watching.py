"""What people see of a training while it runs."""

from contextlib import ExitStack
from types import TracebackType
from typing import Any, Self

from seisflow.core.reporting import Bar, Reporter
from seisflow.stages.learn.training import Event

__all__ = ["Watcher"]


class Watcher:
    """Shows a training: a bar over its steps, and a line for every epoch."""

    def __init__(self, n_epochs: int, reporter: Reporter) -> None:
        self._n_epochs, self._reporter = n_epochs, reporter
        self._stack = ExitStack()
        self._bar: Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    def __call__(self, event: Event) -> None:
        """Show what happened."""
        if event.kind == "started":
            self._stack.close()  # of ranks that were started again
            if event.step:
                self._reporter.say(f"resuming: {event.step} of {event.n_steps} steps are done")
            left = event.n_steps - event.step
            self._bar = self._stack.enter_context(self._reporter.bar("train", left))
        elif event.kind == "step" and self._bar:
            self._bar.advance()
        elif event.kind == "epoch":
            self._reporter.say(self._line(event.row))

    def _line(self, row: Any) -> str:
        best = ", best so far" if row["is_best"] else ""
        return (
            f"epoch {row['epoch']}/{self._n_epochs}: loss {row['loss']:.4f}, validation "
            f"{row['validation_loss']:.4f}, accuracy {row['accuracy']:.4f}, macro F1 "
            f"{row['macro_f1']:.4f}{best}; learning rate {row['learning_rate']:.2g}, "
            f"{row['examples_per_s']:.0f} examples/s"
        )
