"""A small network for continuous records: strided convolutions and an average.

It has 0.1 million weights where `published` has 82, and takes a thirtieth of its operations. Every
step halves bins and frames; the first one divides bins by four, because neighbouring bins of a
frame of 0.2 s padded to 1 s say nearly the same.

An average over bins and frames forgets where they were. So each row and each column of the first
map adds a learned number of its own, and the average keeps a few bands apart. The last map has
three columns, each of which has seen 31 of 41 frames: what comes first is decided before the
average.
"""

from itertools import pairwise

import torch
from torch import nn

from seisflow.learn.networks.batch_norm import BatchNorm
from seisflow.learn.networks.planes import CHANNELS, prepare

__all__ = ["Compact"]

WIDTHS = (16, 32, 64, 128)
BANDS = 4
"""Bands whose averages are kept apart, where the last map has as many rows."""


class Compact(nn.Module):
    """A small network for continuous records.

    Parameters
    ----------
    shape : tuple of int
        Shape of a window's planes, (2, F, T).
    n_classes : int
        Number of outputs.
    dropout : float
        Share of values dropped before the dense layer in training.
    """

    channels = CHANNELS

    def __init__(self, shape: tuple[int, int, int], n_classes: int, dropout: float) -> None:
        super().__init__()
        n_rows, n_columns = _reduced(shape[1], 4), _reduced(shape[2], 2)
        first = WIDTHS[0]
        self.stem = nn.Conv2d(
            len(CHANNELS), first, (5, 3), stride=(4, 2), padding=(2, 1), bias=False
        )
        self.row = nn.Parameter(torch.zeros(first, n_rows, 1))
        self.column = nn.Parameter(torch.zeros(first, 1, n_columns))
        self.start = nn.Sequential(BatchNorm(first), nn.ReLU())
        steps = pairwise(WIDTHS)
        self.steps = nn.Sequential(*(_step(n_in, n_out) for n_in, n_out in steps))
        for _ in WIDTHS[1:]:
            n_rows = _reduced(n_rows, 2)
        n_bands = min(BANDS, n_rows)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d((n_bands, 1)),
            nn.Flatten(),
            nn.Dropout(dropout),
            nn.Linear(n_bands * WIDTHS[-1], n_classes),
        )

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Logits (B, n_classes) of planes (B, 2, F, T)."""
        maps = self.stem(prepare(planes)) + (self.row + self.column)
        logits: torch.Tensor = self.head(self.steps(self.start(maps)))
        return logits


def _step(n_in: int, n_out: int) -> nn.Sequential:
    convolution = nn.Conv2d(n_in, n_out, 3, stride=2, padding=1, bias=False)
    return nn.Sequential(convolution, BatchNorm(n_out), nn.ReLU())


def _reduced(size: int, stride: int) -> int:
    """Size after a strided convolution that is padded by half its kernel."""
    return (size - 1) // stride + 1
