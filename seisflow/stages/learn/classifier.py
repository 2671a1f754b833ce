"""Front end and network in one module."""

import torch
from torch import nn

from seisflow.stages.learn.front_end import FrontEnd, FrontEndConfig
from seisflow.stages.learn.networks import build_network

__all__ = ["Classifier", "build_classifier"]


class Classifier(nn.Module):
    """Samples in, logits out.

    Only the network has weights; the front end is fixed by its numbers.

    Parameters
    ----------
    front_end : FrontEnd
        Makes planes of samples.
    network : Module
        Takes planes (B, 2, F, T), gives logits (B, n_classes).
    name : str
        The network's row in `seisflow.stages.learn.networks.NETWORKS`.
    dropout : float
        What it was built with.
    """

    def __init__(self, front_end: FrontEnd, network: nn.Module, name: str, dropout: float) -> None:
        super().__init__()
        self.front_end = front_end
        self.network = network
        self.name = name
        self.dropout = dropout

    @property
    def halo_samples(self) -> int:
        """Samples needed before and after a window."""
        return self.front_end.halo_samples

    @property
    def window_samples(self) -> int:
        """Samples in a window."""
        return self.front_end.window_samples

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Classify windows.

        Parameters
        ----------
        samples : Tensor, shape (B, window_samples + 2 * halo_samples)
            Counts, or any unit; finite.

        Returns
        -------
        Tensor, shape (B, n_classes)
            Logits.
        """
        logits: torch.Tensor = self.network(self.front_end(samples))
        return logits


def build_classifier(
    network: str, front_end: FrontEndConfig, dropout: float = 0.0, *, n_classes: int = 3
) -> Classifier:
    """Build a classifier with fresh weights, which follow torch's seed.

    Parameters
    ----------
    network : str
        One of `seisflow.stages.learn.networks.NETWORKS`.
    front_end : FrontEndConfig
        Numbers of the front end.
    dropout : float
        Share of values dropped in training, 0 to below 1.
    n_classes : int
        Number of outputs.

    Returns
    -------
    Classifier
        On the CPU, in training mode.

    Raises
    ------
    ConfigError
        There is no such network, or no such dropout.
    """
    built = build_network(network, front_end.shape, n_classes, dropout=dropout)
    return Classifier(FrontEnd(front_end), built, network, dropout)
