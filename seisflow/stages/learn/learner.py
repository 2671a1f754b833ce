"""A network that learns from a batch, and is judged on the validation split.

Knows nothing of epochs, files or schedules. With many ranks each call is made in all of them, and
what it returns is the same in all: sums over the whole batch.
"""

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from seisflow.core.classes import WaveletClass
from seisflow.errors import DataError
from seisflow.stages.learn.batches import Batch, read_in_order
from seisflow.stages.learn.job import Job
from seisflow.stages.learn.networks import last_layer
from seisflow.stages.learn.networks.batch_norm import BatchNorm
from seisflow.stages.learn.optimising import class_weights, make_optimiser, summed_loss
from seisflow.stages.learn.ranks import World

__all__ = ["Learner", "Learnt", "f1_scores"]

N_CLASSES = len(WaveletClass)
VALIDATION_BATCH = 512
"""Examples of a step of validation, over all ranks."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Learnt:
    """What came of one step, over all ranks.

    Parameters
    ----------
    loss : float
        Mean over the batch, before the step.
    n_right, n_examples : int
        Examples whose class got the largest logit, and all.
    is_stopped : bool
        Whether a rank was asked to stop.
    """

    loss: float
    n_right: int
    n_examples: int
    is_stopped: bool


class Learner:
    """The network and its optimiser in one rank.

    Parameters
    ----------
    job : Job
        What is trained, on what.
    world : World
        This process among others.
    """

    def __init__(self, job: Job, world: World) -> None:
        self._job, self._world = job, world
        # faster by a quarter for large convolutions, and no slower for small ones
        self.classifier = job.classifier().to(world.device)
        self.classifier.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._is_partial = job.config.layers == "last"
        if self._is_partial:
            self.classifier.network.requires_grad_(False)
            last_layer(self.classifier.network).requires_grad_(True)
        self._network = world.shared(self.classifier.network)
        learnt = [p for p in self.classifier.network.parameters() if p.requires_grad]
        self._optimiser = make_optimiser(learnt, job.config)
        self._weights = class_weights(job.config.class_weights, job.class_counts, world.device)

    def learn(
        self, batch: Batch, rate: float, place: Sequence[int], *, is_stopped: bool = False
    ) -> Learnt:
        """Take one step.

        Parameters
        ----------
        batch : Batch
            This rank's share.
        rate : float
            Learning rate.
        place : sequence of int
            Epoch and step, which with seed and rank decide what is dropped.
        is_stopped : bool
            Whether this rank was asked to stop; the others hear of it.

        Raises
        ------
        DataError
            The loss is not finite; no step was taken.
        """
        config = self._job.config
        _seed(config.seed, *place, self._world.rank)
        self._begin_to_learn()
        logits, classes = self.logits(batch, self._network)
        summed = summed_loss(logits, classes, self._weights, config.label_smoothing)
        everyone = torch.from_numpy(batch.everyone).to(self._world.device)
        loss = summed / self._weights[everyone].sum()
        n_right = (logits.argmax(dim=1) == classes).sum()
        own = [loss.detach(), n_right, torch.full_like(n_right, is_stopped)]
        total = self._world.total(torch.stack([value.double() for value in own])).tolist()
        self._refuse_nonfinite(total[0], batch, place)
        self._move(loss * self._world.size, rate)
        return Learnt(total[0], round(total[1]), batch.everyone.size, total[2] > 0)

    @torch.no_grad()
    def judge(self, on_batch: Callable[[], None]) -> dict[str, Any]:
        """Return what the network makes of the validation split.

        Parameters
        ----------
        on_batch : callable
            Called before every batch, in all ranks; may raise.

        Returns
        -------
        dict
            ``validation_loss`` (without smoothing), ``accuracy``, ``macro_f1``, and ``f1`` of
            each class.
        """
        job, world = self._job, self._world
        network = self.classifier.network.eval()
        sums = torch.zeros(N_CLASSES**2 + 1, dtype=torch.float64, device=world.device)
        reader = read_in_order(
            job.plain(), job.validation, VALIDATION_BATCH, world.rank, world.size
        )
        with closing(reader) as batches:
            for batch in batches:
                on_batch()
                if batch.classes.size:
                    logits, classes = self.logits(batch, network)
                    sums[-1] += summed_loss(logits, classes, self._weights)
                    cells = classes * N_CLASSES + logits.argmax(dim=1)
                    sums[:-1] += torch.bincount(cells, minlength=N_CLASSES**2)
        total = world.total(sums).numpy()
        return _row(
            total[:-1].reshape(N_CLASSES, N_CLASSES), total[-1], self._weights.cpu().numpy()
        )

    def weights(self) -> dict[str, torch.Tensor]:
        """Return a copy of the network's state, on the CPU."""
        state = self.classifier.network.state_dict()
        return {name: tensor.detach().cpu().clone() for name, tensor in state.items()}

    def take(self, weights: dict[str, torch.Tensor]) -> None:
        """Take over a state of the network."""
        self.classifier.network.load_state_dict(weights)

    def state(self) -> dict[str, Any]:
        """Return all that `restore` needs."""
        network = self.classifier.network.state_dict()
        return {"network": network, "optimiser": self._optimiser.state_dict()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self.take(state["network"])
        self._optimiser.load_state_dict(state["optimiser"])

    def _begin_to_learn(self) -> None:
        """Set what learns to learning; the statistics of layers that do not stay those kept."""
        self._network.train()
        for module in self.classifier.network.modules() if self._is_partial else ():
            if isinstance(module, BatchNorm):
                module.eval()

    def _move(self, loss: torch.Tensor, rate: float) -> None:
        """Move the weights against the gradient, which ranks average."""
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad()
        loss.backward()
        if self._job.config.clip_norm:
            parameters = self.classifier.network.parameters()
            torch.nn.utils.clip_grad_norm_(parameters, self._job.config.clip_norm)
        self._optimiser.step()

    def logits(self, batch: Batch, network: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
        """Return what a network makes of a batch, and its classes.

        Parameters
        ----------
        batch : Batch
            With k examples.
        network : torch.nn.Module
            The classifier's, or the same wrapped for many ranks.

        Returns
        -------
        logits : tensor of float32, shape (k, 3)
        classes : tensor of int64, shape (k,)
            Both on the device of this rank.
        """
        device = self._world.device
        samples = torch.from_numpy(np.ascontiguousarray(batch.samples)).to(device)
        planes = self.classifier.front_end(samples)
        with self._precision():
            logits: torch.Tensor = network(planes)
        return logits.float(), torch.from_numpy(batch.classes).to(device)

    def _precision(self) -> AbstractContextManager[Any]:
        if self._job.config.precision == "float32":
            return nullcontext()
        return torch.autocast(self._world.device.type, dtype=torch.bfloat16)

    def _refuse_nonfinite(self, loss: float, batch: Batch, place: Sequence[int]) -> None:
        if not math.isfinite(loss):
            some = "; ".join(self._job.examples.where(int(i)) for i in batch.indices[:3])
            raise DataError(
                f"the loss is {loss} in epoch {place[0] + 1}, batch {place[1] + 1}, and no step "
                f"was taken; the batch holds {some}, ...; a lower --learning-rate than "
                f"{self._job.config.learning_rate:g} may help, in another folder"
            )


def f1_scores(confusion: Floats) -> Floats:
    """Return F1 of each class; 0 where it was neither there nor given.

    Parameters
    ----------
    confusion : ndarray, shape (n, n)
        Examples by true class (rows) and given class.
    """
    both = confusion.sum(axis=0) + confusion.sum(axis=1)
    scores: Floats = 2 * np.diag(confusion) / np.maximum(both, 1)
    return scores


def _row(confusion: Floats, loss: float, weights: npt.NDArray[np.float32]) -> dict[str, Any]:
    f1 = f1_scores(confusion)
    names = [wavelet_class.name.lower() for wavelet_class in WaveletClass]
    return {
        "validation_loss": float(loss / (confusion.sum(axis=1) * weights).sum()),
        "accuracy": float(np.trace(confusion) / confusion.sum()),
        "macro_f1": float(f1.mean()),
        "f1": dict(zip(names, f1.tolist(), strict=True)),
    }


def _seed(*parts: int) -> None:
    """Seed what torch draws, by whatever decides it."""
    torch.manual_seed(int(np.random.SeedSequence([*parts, 2]).generate_state(1)[0]))
