"""The loop: one for a CPU, a GPU, and many of either.

Every random choice of a step is a function of seed, epoch and step, so that a training that was
stopped, even in the middle of an epoch, ends with the very weights it would have had (on a CPU,
bit for bit, with as many threads). With more ranks a batch is shared and gradients are added up:
the course is the same up to rounding, except for dropout, of which each rank draws its own.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import torch

from seisflow.archive.receipts import write_json
from seisflow.core.files import AnyPath, remove_file
from seisflow.errors import IncompleteError
from seisflow.stages.learn.artifact import DOCUMENT, model_document, save_model
from seisflow.stages.learn.checkpoints import (
    CHECKPOINT,
    HISTORY,
    claim,
    only_one,
    read_checkpoint,
    read_history,
    refuse_other_training,
    write_checkpoint,
)
from seisflow.stages.learn.forest import fit_forest
from seisflow.stages.learn.job import Job
from seisflow.stages.learn.learner import Learner, Learnt
from seisflow.stages.learn.optimising import is_better, monitored, rate_at
from seisflow.stages.learn.ranks import Stop, World, catch_signals, join
from seisflow.stages.learn.recording import Recorder

__all__ = ["Event", "Trained", "best_epoch_of", "is_finished", "train_job"]

LOOKS, LOOK_EVERY_S = 120, 1.0


@dataclass(frozen=True)
class Event:
    """Something that happened in a training; the first rank alone tells.

    Parameters
    ----------
    kind : str
        ``started``, ``step``, ``epoch``, ``checkpoint`` or ``finished``.
    epoch, step : int
        Epochs ended, and steps done over all epochs.
    n_steps : int
        Steps of all epochs; early stopping leaves some out.
    row : mapping
        ``step``: its loss, learning rate and number of examples; ``epoch``: its row of the
        history; ``checkpoint``: its bytes.
    """

    kind: str
    epoch: int
    step: int
    n_steps: int
    row: Mapping[str, Any] = field(default_factory=dict)


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Trained:
    """What came of a training.

    Parameters
    ----------
    history : list of dict
        A row for each epoch; none of a forest.
    best_epoch : int
        The epoch, from 1, whose weights were kept; 0 of a forest.
    was_finished : bool
        Whether there was nothing left to do.
    """

    history: list[dict[str, Any]]
    best_epoch: int
    was_finished: bool = False


def is_finished(folder: AnyPath) -> bool:
    """Tell whether the training of a folder has left its model."""
    return (folder / DOCUMENT).exists() and not (folder / CHECKPOINT).exists()


def train_job(job: Job, *, on_event: Listener | None = None, device: str = "cpu") -> Trained:
    """Train a classifier, or go on with one, and leave the model in its folder.

    Called in every process that torchrun started, it trains in all of them together.

    Parameters
    ----------
    job : Job
        What `seisflow.stages.learn.job.prepare` returned.
    on_event : callable, optional
        Told of everything that happens, in the first rank alone; what it raises ends the
        training as a crash would.
    device : str
        ``cpu`` or ``cuda``.

    Raises
    ------
    ConfigError
        The folder is another training's, or there are fewer GPUs than ranks.
    DataError
        Samples or the loss are not finite, or a checkpoint is damaged.
    IncompleteError
        The disk refused.
    KeyboardInterrupt
        SIGINT, SIGTERM or SIGUSR1 came; the step was finished and a checkpoint written.
    """
    folder = job.config.model
    refuse_other_training(folder, job.identity)
    if is_finished(folder):
        return _trained(folder, was_finished=True)
    with ExitStack() as stack:
        world = stack.enter_context(join(device))
        if world.is_first:
            claim(folder, job.identity)
            stack.enter_context(only_one(folder))
        world.wait()  # for the folder
        if job.is_forest:
            _fit_forest(job, folder, world)
        else:
            stop = stack.enter_context(catch_signals())
            trainer = Trainer(job, folder, world, stop, on_event or _nobody)
            trainer.run(job.config.checkpoint_every_s)
        world.wait()  # for the model
    return _trained(folder)


def _nobody(event: Event) -> None:
    pass


def _trained(folder: AnyPath, *, was_finished: bool = False) -> Trained:
    history = read_history(folder)
    return Trained(history, best_epoch_of(history), was_finished)


def best_epoch_of(history: Sequence[Mapping[str, Any]]) -> int:
    """Return the epoch, from 1, whose weights were kept; 0 where there was none."""
    return max((row["epoch"] for row in history if row["is_best"]), default=0)


def _fit_forest(job: Job, folder: AnyPath, world: World) -> None:
    """Fit the baseline, in the first rank, to as many wavelets as asked, drawn by the seed."""
    if not world.is_first:
        return
    chosen, n = job.train, job.config.forest_examples
    if chosen.size > n:
        rng = np.random.default_rng(job.config.seed)
        chosen = np.sort(rng.choice(chosen, n, replace=False))
    forest = fit_forest(
        job.plain().cut(job.examples.read(chosen)),
        job.examples.wavelet_class[chosen],
        job.front_end,
        n_trees=job.config.forest_trees,
        seed=job.config.seed,
    )
    save_model(folder, forest, model_document(forest, training=job.describe()))


@dataclass
class _Course:
    """Where a training is: all that a checkpoint holds beside network and optimiser."""

    epoch: int = 0
    step: int = 0
    loss: float = 0.0
    n_right: int = 0
    n_seen: int = 0
    seconds: float = 0.0
    best: float | None = None
    best_epoch: int = 0
    best_weights: dict[str, torch.Tensor] = field(default_factory=dict)
    history: list[dict[str, Any]] = field(default_factory=list)

    def count(self, learnt: Learnt) -> None:
        self.step += 1
        self.loss += learnt.loss * learnt.n_examples
        self.n_right += learnt.n_right
        self.n_seen += learnt.n_examples

    def next_epoch(self) -> None:
        self.epoch, self.step = self.epoch + 1, 0
        self.n_right = self.n_seen = 0
        self.loss = self.seconds = 0.0


class Trainer:
    """One training in one process.

    Parameters
    ----------
    job : Job
        What is trained, on what.
    folder : Path
        Of the model.
    world : World
        This process among others.
    stop : Stop
        Set where the training is to end after the step.
    on_event : callable
        Told what happens.
    """

    def __init__(
        self, job: Job, folder: AnyPath, world: World, stop: Stop, on_event: Listener
    ) -> None:
        self._job, self._folder, self._world, self._stop = job, folder, world, stop
        self._on_event = on_event
        self._reader = job.reader(world.rank, world.size)
        self._learner = Learner(job, world)
        self._course = _Course()
        self._recorder: Recorder | None = None
        self._saved = time.monotonic()

    @property
    def n_steps(self) -> int:
        """Steps of all epochs."""
        return self._job.config.epochs * self._reader.order.n_batches

    @property
    def n_done(self) -> int:
        """Steps done, over all epochs."""
        return self._course.epoch * self._reader.order.n_batches + self._course.step

    def run(self, checkpoint_every_s: float) -> None:
        """Train to the end, from the checkpoint where there is one, and save the model."""
        self._resume()
        with ExitStack() as stack:
            own = [self._world.device] if self._world.device.type == "cuda" else []
            stack.enter_context(torch.random.fork_rng(own))  # what the caller draws stays his
            if self._world.is_first:
                self._recorder = stack.enter_context(Recorder(self._folder, self.n_done))
            self._tell("started")
            while not self._is_over():
                self._learn_epoch(checkpoint_every_s)
                self._end_epoch()
        if self._world.is_first:
            self._save()
        self._tell("finished")

    def _is_over(self) -> bool:
        config, course = self._job.config, self._course
        has_waited = config.patience and course.epoch - course.best_epoch >= config.patience
        return course.epoch >= config.epochs or bool(has_waited)

    def _learn_epoch(self, checkpoint_every_s: float) -> None:
        course = self._course
        begun = time.monotonic() - course.seconds
        with closing(self._reader.epoch(course.epoch, course.step)) as batches:
            for batch in batches:
                rate = self._rate(self.n_done)
                learnt = self._learner.learn(
                    batch, rate, (course.epoch, course.step), is_stopped=self._stop.is_asked
                )
                course.count(learnt)
                course.seconds = time.monotonic() - begun
                if self._recorder:
                    self._recorder.step(self.n_done, learnt.loss, rate)
                self._tell(
                    "step", loss=learnt.loss, learning_rate=rate, n_examples=learnt.n_examples
                )
                if learnt.is_stopped:
                    self._interrupt()
                if time.monotonic() - self._saved >= checkpoint_every_s:
                    self._checkpoint()

    def _rate(self, step: int) -> float:
        return rate_at(self._job.config, step, self.n_steps, self._course.history)

    def _end_epoch(self) -> None:
        course, begun = self._course, time.monotonic()
        judged = self._learner.judge(self._stop_if_asked)
        value = monitored(self._job.config.monitor, judged)
        is_best = is_better(self._job.config.monitor, value, course.best)
        row = {
            "epoch": course.epoch + 1,
            "step": self.n_done,
            "loss": course.loss / max(course.n_seen, 1),
            "train_accuracy": course.n_right / max(course.n_seen, 1),
            **judged,
            "learning_rate": self._rate(self.n_done - 1),
            "seconds": course.seconds,
            "validation_s": time.monotonic() - begun,
            "examples_per_s": course.n_seen / max(course.seconds, 1e-9),
            "is_best": is_best,
        }
        course.history.append(row)
        course.next_epoch()
        if is_best:
            course.best, course.best_epoch = value, course.epoch
            course.best_weights = self._learner.weights()
        if self._recorder:
            self._recorder.epoch(course.history)
        self._checkpoint()
        self._tell("epoch", **row)

    def _stop_if_asked(self) -> None:
        """Stop in all ranks if any was asked to."""
        asked = torch.tensor([float(self._stop.is_asked)], device=self._world.device)
        if self._world.total(asked).item():
            self._interrupt()

    def _interrupt(self) -> None:
        self._checkpoint()
        self._world.wait()
        raise KeyboardInterrupt

    def _checkpoint(self) -> None:
        self._saved = time.monotonic()
        if self._world.is_first:
            content = {**self._learner.state(), "course": vars(self._course)}
            n_bytes = write_checkpoint(self._folder, content)
            self._tell("checkpoint", bytes=n_bytes)

    def _resume(self) -> None:
        """Go on from the checkpoint, the same in all ranks.

        A shared disk may show another machine the checkpoint before for a while.

        Raises
        ------
        IncompleteError
            Ranks still find different checkpoints after two minutes.
        """
        for _ in range(LOOKS):
            found = read_checkpoint(self._folder)
            if self._world.agrees(self._steps_in(found)):
                break
            time.sleep(LOOK_EVERY_S)
        else:
            raise IncompleteError(
                f"ranks on several machines see different checkpoints in {self._folder}; type the "
                "command again to go on from the last one"
            )
        if found is not None:
            self._learner.restore(found)
            for name in (f.name for f in fields(_Course)):
                setattr(self._course, name, found["course"][name])

    def _steps_in(self, checkpoint: Mapping[str, Any] | None) -> int:
        """Return a number that tells the checkpoints of this training apart."""
        if checkpoint is None:
            return 0
        course = checkpoint["course"]
        per_epoch = self._reader.order.n_batches + 1
        return 1 + int(course["epoch"]) * per_epoch + int(course["step"])

    def _save(self) -> None:
        write_json(self._folder / HISTORY, self._course.history)
        self._learner.take(self._course.best_weights)
        best = self._course.history[self._course.best_epoch - 1]
        classifier = self._learner.classifier.eval()
        document = model_document(
            classifier, training=self._job.describe(), metrics={"best_epoch": best}
        )
        save_model(self._folder, classifier, document)
        remove_file(self._folder / CHECKPOINT)

    def _tell(self, kind: str, **row: Any) -> None:
        if self._world.is_first:
            event = Event(kind, self._course.epoch, self.n_done, self.n_steps, row)
            self._on_event(event)
