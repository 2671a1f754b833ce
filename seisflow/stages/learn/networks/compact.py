"""A small network for continuous records: convolutions that a record's windows share.

It has 0.1 million weights where `published` has 82. Windows that begin a second apart share 31 of
41 frames, and here what is computed of a frame is the same in all of them, so a whole record costs
a fifth of its windows one by one (`Compact.along`). Three things make that possible:

- Frames are divided by their own mean amplitude, not by the peak of a window. What this takes
  away comes back as the step of level from frame to frame, and at the end as the level of every
  frame below the loudest one of the window.
- Nothing is padded along time; the first two frames and the last one, which reach over the ends of
  a window or have no predecessor in it, are left out.
- Strides along time are 2 and 5: five columns a second behind the first convolution, one behind
  the third. So each second of a record gives one column, and the last convolution, which spans all
  columns of a window, tells what comes first from what comes later.

Frames of 0.2 s resolve 5 Hz, so every second bin of 1 Hz is read, and the transforms of a record
may be half as long. Bins are then reduced by strides of 4, 2, 2 and 2; each row of the first map
adds a learned number of its own, and the average over bins keeps a few bands apart, so that the
place in the spectrum counts.
"""

from typing import NamedTuple

import torch
from torch import nn

from seisflow.errors import ConfigError
from seisflow.stages.learn.networks.batch_norm import BatchNorm

__all__ = ["Compact"]

WIDTHS = (16, 32, 64, 128)
BANDS = 4
"""Bands whose averages are kept apart, where the last map has as many rows."""

FRAMES_PER_S = 10
BIN_STEP = 2
"""Of bins of 1 Hz, those that are read."""

FIRST, LAST = 2, 1
"""Frames left out at the beginning and at the end of a window."""

DECADES = 4.0
"""Below the mean amplitude of a frame by as much, an amplitude counts as nothing."""

JUMP = 3.0
"""Largest step of level from frame to frame, in decades."""

SILENCE = 1e-30
UNITS = 32
"""Of the dense layer that reads the levels."""


class Frames(NamedTuple):
    """What the network reads of successive frames.

    Attributes
    ----------
    planes : Tensor, shape (B, 3, F, M)
        `Compact.channels`.
    level : Tensor, shape (B, M)
        Decadic logarithm of the mean amplitude.
    jump : Tensor, shape (B, 1, M)
        Change of level since the frame before.
    """

    planes: torch.Tensor
    level: torch.Tensor
    jump: torch.Tensor


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

    Attributes
    ----------
    first_frame, n_frames : int
        What it reads of a window: frames `first_frame` - 1 to `first_frame` + `n_frames` - 1.
    bin_step : int
        Of bins of 1 Hz it reads each so-many-th, the first one included.

    Raises
    ------
    ConfigError
        Windows are shorter than 2 s.
    """

    channels = (
        "logarithm of amplitude",
        "weighted cosine of phase",
        "weighted sine of phase",
    )
    first_frame = FIRST
    bin_step = BIN_STEP

    def __init__(self, shape: tuple[int, int, int], n_classes: int, dropout: float) -> None:
        super().__init__()
        n_rows, window_s = -(-shape[1] // BIN_STEP), shape[2] // FRAMES_PER_S
        if window_s < 2:
            raise ConfigError(f"compact reads windows of 2 s or more; found {window_s} s")
        self.n_frames = shape[2] - FIRST - LAST
        a, b, c, d = WIDTHS
        n_rows = _reduced(n_rows, 4)
        self.stem = nn.Conv2d(3, a, (5, 3), stride=(4, 2), padding=(2, 0), bias=False)
        self.jump = nn.Conv1d(1, a, 3, stride=2, bias=False)
        self.row = nn.Parameter(torch.zeros(a, n_rows, 1))
        self.start = nn.Sequential(BatchNorm(a), nn.ReLU())
        self.steps = nn.Sequential(
            *_step(a, b, 3, 1), *_step(b, c, 6, 5), *_step(c, d, window_s - 1, 1)
        )
        for _ in WIDTHS[1:]:
            n_rows = _reduced(n_rows, 2)
        n_bands = min(BANDS, n_rows)
        self.bands = nn.AdaptiveAvgPool2d((n_bands, None)) if n_rows > BANDS else nn.Identity()
        self.levels = nn.Sequential(nn.Linear(self.n_frames, UNITS), nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(n_bands * d + UNITS, n_classes)

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Logits (B, n_classes) of planes (B, 2, F, T)."""
        amplitude, phase = planes[:, :, ::BIN_STEP, FIRST - 1 : -LAST].unbind(1)
        return self.along(amplitude * phase.cos(), amplitude * phase.sin())[:, 0]

    def along(self, real: torch.Tensor, imaginary: torch.Tensor) -> torch.Tensor:
        """Classify the windows of a record that begin a second apart.

        Parameters
        ----------
        real, imaginary : Tensor, shape (B, ceil(F / bin_step), M)
            Successive frames, the first one `first_frame` - 1 of the first window; M is
            `n_frames` + 1 for one window and 10 more for each further one. Any unit: a factor
            changes nothing.

        Returns
        -------
        Tensor, shape (B, N, n_classes)
            Logits of N windows.
        """
        frames = prepare(real, imaginary)
        maps = self.stem(frames.planes) + (self.row + self.jump(frames.jump)[:, :, None])
        columns = self.bands(self.steps(self.start(maps)))
        levels = frames.level.unfold(1, self.n_frames, FRAMES_PER_S)
        below = (levels - levels.amax(dim=2, keepdim=True)).clamp(min=-DECADES)
        features = [columns.flatten(1, 2).transpose(1, 2), self.levels(below + 1)]
        logits: torch.Tensor = self.dense(self.dropout(torch.cat(features, dim=2)))
        return logits


def prepare(real: torch.Tensor, imaginary: torch.Tensor) -> Frames:
    """Turn spectra into what convolutions learn from, whatever the unit.

    An angle jumps by 2 pi where nothing happens; its cosine and sine do not. They are weighted
    with the logarithm of amplitude, because the phase of nothing is random.

    Parameters
    ----------
    real, imaginary : Tensor, shape (B, F, M)
        Successive frames.

    Returns
    -------
    Frames
        Of all but the first frame, which is only compared with.
    """
    amplitude = torch.sqrt(real.square() + imaginary.square())
    mean = amplitude.mean(dim=1, keepdim=True).clamp(min=SILENCE)
    level = mean[:, 0].log10()
    jump = (level[:, 1:] - level[:, :-1]).clamp(-JUMP, JUMP)
    amplitude, mean = amplitude[..., 1:], mean[..., 1:]
    decades = torch.log10(amplitude / mean + 10**-DECADES)
    weight = (decades / DECADES + 1) / amplitude.clamp(min=SILENCE)
    planes = [decades, weight * real[..., 1:], weight * imaginary[..., 1:]]
    return Frames(torch.stack(planes, dim=1), level[:, 1:], jump[:, None])


def _step(n_in: int, n_out: int, columns: int, stride: int) -> tuple[nn.Module, ...]:
    convolution = nn.Conv2d(
        n_in, n_out, (3, columns), stride=(2, stride), padding=(1, 0), bias=False
    )
    return convolution, BatchNorm(n_out), nn.ReLU()


def _reduced(size: int, stride: int) -> int:
    """Size after a strided convolution that is padded by half its kernel."""
    return (size - 1) // stride + 1
