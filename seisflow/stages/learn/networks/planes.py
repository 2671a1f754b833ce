"""Planes as networks of ours take them: logarithm of amplitude, and phase without its jump."""

import torch

__all__ = ["CHANNELS", "prepare"]

CHANNELS = ("logarithm of amplitude", "weighted cosine of phase", "weighted sine of phase")

FLOOR = 1e-5
"""Amplitude taken for nothing: -100 dB below the peak of the window."""

DECADES = 5.0
"""From there up to the peak."""

MIDDLE = 3.0
"""Noise of a peak-normalised window has amplitudes about ten to minus two: two up from here."""


def prepare(planes: torch.Tensor) -> torch.Tensor:
    """Turn amplitude and phase into what convolutions learn from.

    An angle jumps by 2 pi where nothing happens; its cosine and sine do not. They are weighted
    from 0 at `FLOOR` to 1 at the peak, because the phase of nothing is random.

    Parameters
    ----------
    planes : Tensor, shape (B, 2, F, T)
        Amplitude and phase (radians) of peak-normalised windows.

    Returns
    -------
    Tensor, shape (B, 3, F, T)
        `CHANNELS`.
    """
    amplitude, phase = planes[:, 0], planes[:, 1]
    decades = torch.log10(amplitude + FLOOR)
    weight = decades / DECADES + 1
    return torch.stack([decades + MIDDLE, weight * phase.cos(), weight * phase.sin()], dim=1)
