"""What can be evaluated: anything that gives windows of samples the probabilities of classes."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

__all__ = ["Predictor"]

Samples = npt.NDArray[np.float32]


class Predictor(Protocol):
    """What is evaluated: a `seisflow.stages.learn.artifact.Model`, or what answers like it."""

    @property
    def rate_hz(self) -> int:
        """Samples per second it was trained at."""
        ...

    @property
    def halo_samples(self) -> int:
        """Samples it needs before the window, and after it."""
        ...

    @property
    def window_samples(self) -> int:
        """Samples of its window."""
        ...

    @property
    def key(self) -> str:
        """What names it."""
        ...

    @property
    def document(self) -> dict[str, Any]:
        """Its ``model.json``."""
        ...

    def probabilities(self, samples: Samples, *, device: str = "cpu", batch: int = 256) -> Samples:
        """Return the probability of each class, shape (n, 3)."""
        ...
