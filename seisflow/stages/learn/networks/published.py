"""The published network: three convolutions, two dense layers of 1024.

Source: METHOD section 5, after C. W. Johnson's lecture slides of 2019. At 500 samples/s planes of
251 x 41 shrink to 125 x 20 and 62 x 10; flattened they meet 1024 units, which are 81 of its 82
million weights. Ours where the slides are silent: batch normalisation and ReLU after each
convolution, convolutions that keep the size, and one more normalisation of the two input planes,
without which the phase, hundreds of times larger than the amplitude, drowns it.
"""

import torch
from torch import nn

from seisflow.stages.learn.networks.batch_norm import BatchNorm

__all__ = ["Published"]

UNITS = 1024


class Published(nn.Module):
    """The published network.

    Parameters
    ----------
    shape : tuple of int
        Shape of a window's planes, (2, F, T).
    n_classes : int
        Number of outputs.
    dropout : float
        Share of values dropped before each dense layer in training.
    """

    channels = ("amplitude", "phase")

    def __init__(self, shape: tuple[int, int, int], n_classes: int, dropout: float) -> None:
        super().__init__()
        n_planes, n_bins, n_frames = shape
        self.standardise = BatchNorm(n_planes)
        self.convolutions = nn.Sequential(
            _block(n_planes, 32, 5),
            nn.MaxPool2d(2),
            _block(32, 64, 3),
            nn.MaxPool2d(2),
            _block(64, 128, 3),
        )
        self.dense = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(128 * (n_bins // 4) * (n_frames // 4), UNITS),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(UNITS, UNITS),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(UNITS, n_classes),
        )

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Logits (B, n_classes) of planes (B, 2, F, T)."""
        logits: torch.Tensor = self.dense(self.convolutions(self.standardise(planes)))
        return logits


def _block(n_in: int, n_out: int, size: int) -> nn.Sequential:
    convolution = nn.Conv2d(n_in, n_out, size, padding=size // 2)
    return nn.Sequential(convolution, BatchNorm(n_out), nn.ReLU())
