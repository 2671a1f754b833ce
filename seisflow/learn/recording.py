"""The course of a training on the disk: rows of the history, and TensorBoard's event files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from seisflow.archive.receipts import write_json
from seisflow.archive.store import storage_errors
from seisflow.learn.checkpoints import HISTORY

__all__ = ["TENSORBOARD", "Recorder"]

TENSORBOARD = "tensorboard"
STEPS_APART = 10
"""Steps between two points of the curves in TensorBoard."""

NAMES = {
    "loss": "loss/train",
    "validation_loss": "loss/validation",
    "train_accuracy": "accuracy/train",
    "accuracy": "accuracy/validation",
    "macro_f1": "macro_f1/validation",
    "examples_per_s": "speed/examples_per_s",
}


class Recorder:
    """Writes the course of a training; the first rank alone has one.

    Parameters
    ----------
    folder : Path
        Of the model.
    step : int
        Steps done; what TensorBoard knows of later ones, from before a crash, is hidden.
    """

    def __init__(self, folder: Path, step: int) -> None:
        self._folder = folder
        with storage_errors(folder):
            self._writer = SummaryWriter(str(folder / TENSORBOARD), purge_step=step)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()

    def step(self, step: int, loss: float, learning_rate: float) -> None:
        """Record a step, every tenth one."""
        if step % STEPS_APART == 0:
            self._writer.add_scalar("loss/step", loss, step)
            self._writer.add_scalar("learning_rate", learning_rate, step)

    def epoch(self, history: Sequence[Mapping[str, Any]]) -> None:
        """Record the last row of the history and write all of it."""
        row = history[-1]
        for name, tag in NAMES.items():
            self._writer.add_scalar(tag, row[name], row["step"])
        for name, value in row["f1"].items():
            self._writer.add_scalar(f"f1/{name}", value, row["step"])
        self._writer.flush()
        write_json(self._folder / HISTORY, list(history))
