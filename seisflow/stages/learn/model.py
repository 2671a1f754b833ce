"""A trained classifier and what is known about it: samples in, probabilities out."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from seisflow.core.classes import WaveletClass
from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.classifier import Classifier
from seisflow.stages.learn.forest import Forest
from seisflow.stages.learn.front_end import FrontEndConfig

__all__ = ["CLASSES", "Model", "one_thread"]

CLASSES = tuple(wavelet_class.name.lower() for wavelet_class in WaveletClass)
"""Names of the classes in the order of a model's outputs."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch compute in one thread for a while."""
    n_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(n_threads)


@dataclass(frozen=True, slots=True)
class Model:
    """A trained classifier and what is known about it.

    Attributes
    ----------
    classifier : Classifier or Forest
        Ready to use.
    document : dict
        Content of model.json, see `seisflow.stages.learn.artifact.model_document`.
    """

    classifier: Classifier | Forest
    document: dict[str, Any]

    @property
    def rate_hz(self) -> int:
        """Samples per second it was made for."""
        return self.classifier.front_end.config.rate_hz

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes in the order of its outputs."""
        return tuple(self.document["classes"])

    @property
    def halo_samples(self) -> int:
        """Samples needed before and after a window."""
        return self.classifier.front_end.halo_samples

    @property
    def window_samples(self) -> int:
        """Samples in a window."""
        return self.classifier.front_end.window_samples

    @property
    def key(self) -> str:
        """Fingerprint of weights, network and front end."""
        return str(self.document["key"])

    def probabilities(
        self, samples: npt.NDArray[np.float32], *, device: str = "cpu", batch: int = 256
    ) -> npt.NDArray[np.float32]:
        """Classify windows.

        Parameters
        ----------
        samples : ndarray of float32, shape (n, window_samples + 2 * halo_samples)
            Counts, or any unit.
        device : str
            Where torch computes; the classifier stays there. A forest is always on the CPU.
        batch : int
            Windows at once. Probabilities of different batches agree to 1e-6 on a CPU.

        Returns
        -------
        ndarray of float32, shape (n, n_classes)
            Rows sum to 1.

        Raises
        ------
        ConfigError
            `batch` is below 1.
        DataError
            Windows have another length, or hold NaN or infinite samples.
        """
        if batch < 1:
            raise ConfigError(f"batch = {batch}; give 1 or more")
        _check_samples(samples, self.classifier.front_end.config)
        if isinstance(self.classifier, Forest):
            return self.classifier.probabilities(samples, batch=batch)
        return _network_probabilities(self.classifier, samples, device, batch)


def _check_samples(samples: npt.NDArray[np.float32], config: FrontEndConfig) -> None:
    wanted = config.input_samples
    if samples.ndim != 2 or samples.shape[1] != wanted:
        raise DataError(
            f"the model takes windows of {wanted} samples, {config.window_samples} and a halo of "
            f"{config.halo_samples} on either side, at {config.rate_hz} Hz; found an array of "
            f"shape {samples.shape}"
        )
    bad = np.flatnonzero(~np.isfinite(samples).all(axis=1))
    if bad.size:
        raise DataError(
            f"{bad.size} of {len(samples)} windows hold NaN or infinite samples, the first is "
            f"window {bad[0]}; leave out windows that touch a gap"
        )


def _network_probabilities(
    classifier: Classifier, samples: npt.NDArray[np.float32], device: str, batch: int
) -> npt.NDArray[np.float32]:
    was_training = classifier.training
    classifier.to(device).eval()
    parts = []
    try:
        with torch.inference_mode():
            for start in range(0, len(samples), batch):
                part = np.ascontiguousarray(samples[start : start + batch], dtype=np.float32)
                logits = classifier(torch.from_numpy(part).to(device))
                parts.append(logits.double().softmax(dim=1).float().cpu().numpy())
    finally:
        classifier.train(was_training)
    return np.concatenate(parts) if parts else np.zeros((0, len(CLASSES)), np.float32)
