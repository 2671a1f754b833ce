"""The course of a training on the disk: rows of the history, and TensorBoard's event files."""

import shutil
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from seisflow.archive.receipts import write_json
from seisflow.archive.store import storage_errors
from seisflow.core.files import AnyPath, is_local
from seisflow.stages.learn.checkpoints import HISTORY

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

    def __init__(self, folder: AnyPath, step: int) -> None:
        self._folder = folder
        self._aside: Path | None = None
        if not is_local(folder):  # TensorBoard appends to its file, which no object store can
            self._aside = Path(tempfile.mkdtemp(prefix="seisflow-"))
        with storage_errors(folder):
            events = self._aside or folder / TENSORBOARD
            self._writer = SummaryWriter(str(events), purge_step=step)

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._writer.close()
        self._send()
        if self._aside:
            shutil.rmtree(self._aside, ignore_errors=True)

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
        self._send()
        write_json(self._folder / HISTORY, list(history))

    def _send(self) -> None:
        """Copy the event files to where the model is, if that is no disk."""
        for file in self._aside.iterdir() if self._aside else ():
            (self._folder / TENSORBOARD / file.name).write_bytes(file.read_bytes())
