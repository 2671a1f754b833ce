"""How weights move: optimisers and schedules by name, and the loss they follow.

A schedule is a function of the step (and, for ``plateau``, of the history) and keeps nothing, so
that there is nothing to restore when a training goes on.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional

from seisflow.stages.learn.config import TrainConfig

__all__ = ["class_weights", "is_better", "make_optimiser", "rate_at", "summed_loss"]

Parameters = Iterable[torch.nn.Parameter]
History = Sequence[Mapping[str, Any]]

OPTIMISERS: dict[str, Callable[[Parameters, TrainConfig], torch.optim.Optimizer]] = {
    "sgd": lambda p, c: torch.optim.SGD(
        p, c.learning_rate, momentum=c.momentum, weight_decay=c.weight_decay
    ),
    "rmsprop": lambda p, c: torch.optim.RMSprop(p, c.learning_rate, weight_decay=c.weight_decay),
    "adagrad": lambda p, c: torch.optim.Adagrad(p, c.learning_rate, weight_decay=c.weight_decay),
    "adam": lambda p, c: torch.optim.Adam(p, c.learning_rate, weight_decay=c.weight_decay),
    "adamw": lambda p, c: torch.optim.AdamW(p, c.learning_rate, weight_decay=c.weight_decay),
}

STEP_FACTOR, STEPS = 0.1, 3
RISE, START, END = 0.3, 1 / 25, 1 / (25 * 10_000)
PLATEAU_FACTOR, PLATEAU_EPOCHS = 0.5, 3


def make_optimiser(parameters: Parameters, config: TrainConfig) -> torch.optim.Optimizer:
    """Return the optimiser of a configuration; its rate is set before every step."""
    return OPTIMISERS[config.optimiser](parameters, config)


def rate_at(config: TrainConfig, step: int, n_steps: int, history: History = ()) -> float:
    """Return the learning rate of a step.

    Parameters
    ----------
    config : TrainConfig
        Names the schedule and the largest rate.
    step, n_steps : int
        Number of the step, from 0, and of all steps of all epochs.
    history : sequence of mapping
        Rows of the epochs that have ended.

    Returns
    -------
    float
        ``constant``; ``step``: a tenth after each third of the steps; ``cosine``: half a cosine
        down to 0; ``onecycle``: up from a 25th within the first 30 % of the steps and down to
        nearly 0 (Smith & Topin 2018, arXiv:1708.07120, as in PyTorch); ``plateau``: halved
        whenever 3 epochs in a row were not better.
    """
    factors = {
        "constant": lambda: 1.0,
        "step": lambda: STEP_FACTOR ** (STEPS * step // n_steps),
        "cosine": lambda: _half_cosine(1.0, 0.0, step / n_steps),
        "onecycle": lambda: _one_cycle(step, n_steps),
        "plateau": lambda: PLATEAU_FACTOR ** _plateaus(config.monitor, history),
    }
    return config.learning_rate * factors[config.schedule]()


def is_better(monitor: str, value: float, than: float | None) -> bool:
    """Tell whether a validation is better than the best one before it."""
    if than is None:
        return True
    return value < than if monitor == "loss" else value > than


def monitored(monitor: str, row: Mapping[str, Any]) -> float:
    """Return what a row of the history is judged by."""
    return float(row["validation_loss" if monitor == "loss" else monitor])


def class_weights(
    kind: str, counts: npt.NDArray[np.int64], device: torch.device | str = "cpu"
) -> torch.Tensor:
    """Return the weight of each class in the loss.

    Parameters
    ----------
    kind : str
        ``none``: 1; ``balanced``: n / (n_classes n_class), as scikit-learn has it.
    counts : ndarray of int64, shape (n_classes,)
        Examples of each class in the training split; none is 0.
    device : device
        Where they are wanted.
    """
    weights = np.ones(counts.size)
    if kind == "balanced":
        weights = counts.sum() / (counts.size * counts)
    return torch.tensor(weights, dtype=torch.float32, device=device)


def summed_loss(
    logits: torch.Tensor, classes: torch.Tensor, weights: torch.Tensor, smoothing: float = 0.0
) -> torch.Tensor:
    """Return the cross-entropy, weighed and summed over examples.

    Divided by the sum of the weights of the examples' classes it is the mean of
    `torch.nn.functional.cross_entropy`; so shares of a batch can be summed over ranks.
    """
    return functional.cross_entropy(
        logits.float(), classes, weights, reduction="sum", label_smoothing=smoothing
    )


def _half_cosine(start: float, end: float, part: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * part)) / 2


def _one_cycle(step: int, n_steps: int) -> float:
    top, last = RISE * n_steps - 1, n_steps - 1
    if step <= top:
        return _half_cosine(START, 1.0, step / top)
    return _half_cosine(1.0, END, (step - top) / (last - top))


def _plateaus(monitor: str, history: History) -> int:
    best, waited, plateaus = None, 0, 0
    for row in history:
        value = monitored(monitor, row)
        if is_better(monitor, value, best):
            best, waited = value, 0
            continue
        waited += 1
        if waited == PLATEAU_EPOCHS:
            plateaus, waited = plateaus + 1, 0
    return plateaus
