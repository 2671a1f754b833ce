"""Frames in their order: convolutions over frequency, then a gated recurrent unit over time.

The lecture slides of C. W. Johnson (2019) name recurrent layers as the next direction. Strides go
along frequency alone, so that all frames of 0.1 s remain; the bins left of a frame, side by side,
are what the unit reads. What it holds after the last frame, and its average over frames, decide.
"""

import torch
from torch import nn

from seisflow.stages.learn.networks.batch_norm import BatchNorm
from seisflow.stages.learn.networks.planes import CHANNELS, prepare

__all__ = ["Recurrent"]

WIDTHS = (16, 32, 48)
STRIDE = 4
UNITS = 96


class Recurrent(nn.Module):
    """Convolutional features of each frame into a gated recurrent unit.

    Parameters
    ----------
    shape : tuple of int
        Shape of a window's planes, (2, F, T).
    n_classes : int
        Number of outputs.
    dropout : float
        Share of values dropped before the recurrent and the dense layer in training.
    """

    channels = CHANNELS

    def __init__(self, shape: tuple[int, int, int], n_classes: int, dropout: float) -> None:
        super().__init__()
        n_rows, n_in, steps = shape[1], len(CHANNELS), []
        for n_out in WIDTHS:
            steps.append(_step(n_in, n_out))
            n_in, n_rows = n_out, (n_rows - 1) // STRIDE + 1
        self.convolutions = nn.Sequential(*steps)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.GRU(n_in * n_rows, UNITS, batch_first=True)
        self.dense = nn.Linear(2 * UNITS, n_classes)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Logits (B, n_classes) of planes (B, 2, F, T)."""
        maps = self.convolutions(prepare(planes))
        frames = maps.flatten(1, 2).transpose(1, 2)
        states, _ = self.recurrent(self.dropout(frames))
        summary = torch.cat([states[:, -1], states.mean(dim=1)], dim=1)
        logits: torch.Tensor = self.dense(self.dropout(summary))
        return logits


def _step(n_in: int, n_out: int) -> nn.Sequential:
    convolution = nn.Conv2d(n_in, n_out, (5, 3), stride=(STRIDE, 1), padding=(2, 1), bias=False)
    return nn.Sequential(convolution, BatchNorm(n_out), nn.ReLU())
