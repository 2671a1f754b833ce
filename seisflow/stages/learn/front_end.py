"""What a network sees of a window: band, peak normalisation, amplitude and phase of its STFT.

The same module runs in training and afterwards, and its numbers are kept in the model.

    samples (B, window + 2 halo)  counts
      | linear-phase FIR, valid part          `scipy.signal.fftconvolve(x, taps, "valid")`
      | divide by the largest magnitude
    window (B, window)  in -1..1
      | STFT                                  `scipy.signal.stft`
    planes (B, 2, F, T)  amplitude and phase

Axes: bin k is k Hz, F = rate // 2 + 1; frame m is centred m * 0.1 s after the window's first
sample, T = 10 * window_s + 1. Zeros stand before and after the window, so the first and the last
frame are half empty.

Invariant: nothing outside the window and its halo plays a part, and no row depends on another.

Source: METHOD section 5, after C. W. Johnson's lecture slides of 2019; the lengths of frame and
filter are ours.
"""

import math
from dataclasses import dataclass
from numbers import Integral

import numpy as np
import numpy.typing as npt
import torch
from scipy.fft import next_fast_len
from scipy.signal import firwin, get_window
from torch import nn

from seisflow.errors import ConfigError, DataError

__all__ = ["FrontEnd", "FrontEndConfig", "band_taps"]

FRAMES_PER_S = 10
LOWEST_RATE_HZ = 40
TAP_STEPS = 2.0**50
"""Taps are whole multiples of one over this, so that their sum is exact in float64."""


@dataclass(frozen=True, slots=True)
class FrontEndConfig:
    """The numbers of the front end, as a model keeps them.

    Parameters
    ----------
    rate_hz : int
        Samples per second: 40 or more, and a multiple of 10, because frames begin every 0.1 s.
    low_hz, high_hz : float, optional
        Corners of the band at half amplitude (-6 dB); None leaves that side open.
    window_s : int
        Seconds a network looks at.
    frame_s : float
        Seconds in a frame of the STFT; an even number of samples, between 0.1 and 1 s.

    Raises
    ------
    ConfigError
        Numbers cannot be used; all such are named at once.
    """

    rate_hz: int
    low_hz: float | None = 2.0
    high_hz: float | None = None
    window_s: int = 4
    frame_s: float = 0.2

    def __post_init__(self) -> None:
        if isinstance(self.rate_hz, Integral):
            object.__setattr__(self, "rate_hz", int(self.rate_hz))
        for name in ("low_hz", "high_hz", "frame_s"):  # 2 and 2.0 are one configuration
            value = getattr(self, name)
            object.__setattr__(self, name, None if value is None else float(value))
        problems = [
            f"{name} = {getattr(self, name)} (must be {what})"
            for name, what, fits in self._rules()
            if not fits
        ]
        if problems:
            raise ConfigError("numbers of the front end: " + "; ".join(problems))

    def _rules(self) -> list[tuple[str, str, bool]]:
        """Name of a number, what it must be, and whether it is."""
        rate, low, high = self.rate_hz, self.low_hz, self.high_hz
        frame = self.frame_s * rate
        is_even = math.isfinite(frame) and abs(math.remainder(frame, 2)) < 1e-9
        return [
            ("rate_hz", f"a multiple of {FRAMES_PER_S}, {LOWEST_RATE_HZ} or more",
             isinstance(rate, int) and rate >= LOWEST_RATE_HZ and rate % FRAMES_PER_S == 0),
            ("low_hz", f"above 0 and below {rate / 2} Hz, half the rate",
             low is None or 0 < low < rate / 2),
            ("high_hz", f"above low_hz = {low} and below {rate / 2} Hz, half the rate",
             high is None or (low or 0) < high < rate / 2),
            ("window_s", "a whole number of seconds, 1 or more",
             isinstance(self.window_s, int) and self.window_s >= 1),
            ("frame_s", f"0.1 to 1 s and an even number of samples at {rate} Hz",
             rate <= FRAMES_PER_S * frame + 1e-9 <= FRAMES_PER_S * rate + 1e-6 and is_even),
        ]  # fmt: skip

    @property
    def window_samples(self) -> int:
        """Samples in a window."""
        return self.window_s * self.rate_hz

    @property
    def halo_samples(self) -> int:
        """Samples needed before and after a window: half the length of the filter."""
        corner = self.low_hz or self.high_hz
        return 0 if corner is None else round(self.rate_hz / corner)

    @property
    def input_samples(self) -> int:
        """Samples in a window and its halo."""
        return self.window_samples + 2 * self.halo_samples

    @property
    def hop_samples(self) -> int:
        """Samples from one frame to the next: 0.1 s."""
        return self.rate_hz // FRAMES_PER_S

    @property
    def frame_samples(self) -> int:
        """Samples in a frame."""
        return round(self.frame_s * self.rate_hz)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Planes, bins and frames: (2, rate // 2 + 1, 10 * window_s + 1)."""
        return 2, self.rate_hz // 2 + 1, self.window_s * FRAMES_PER_S + 1


def band_taps(config: FrontEndConfig) -> npt.NDArray[np.float64]:
    """Design the filter of the band: linear phase, Hann window.

    Parameters
    ----------
    config : FrontEndConfig
        Its rate and corners.

    Returns
    -------
    ndarray of float64, shape (2 * halo_samples + 1,)
        Symmetric. Where there is a low corner the sum is exactly zero, so that neither an offset
        nor a slope passes. A single 1 where both sides are open.
    """
    corners = [corner for corner in (config.low_hz, config.high_hz) if corner is not None]
    if not corners:
        return np.ones(1)
    halo = config.halo_samples
    taps: npt.NDArray[np.float64] = firwin(
        2 * halo + 1, corners, window="hann", pass_zero=config.low_hz is None, fs=config.rate_hz
    )
    taps = np.rint((taps + taps[::-1]) / 2 * TAP_STEPS)
    if config.low_hz is not None:
        window = get_window("hann", 2 * halo + 1, fftbins=False)
        taps = np.rint(taps - window * (taps.sum() / window.sum()))
        taps[halo] -= taps.sum()
    return taps / TAP_STEPS


class FrontEnd(nn.Module):
    """Band, peak normalisation, amplitude and phase; see the module.

    It has no weights and takes no gradient. The filter runs in float64, because what is quiet
    beside a loud arrival counts too; the rest in float64 where samples are float64, else in
    float32, also under autocast.

    Parameters
    ----------
    config : FrontEndConfig
        Its numbers.

    Attributes
    ----------
    config : FrontEndConfig
        As given.
    halo_samples, window_samples : int
        Samples on either side of a window, and in it.
    shape : tuple of int
        Shape of a window's planes, (2, F, T).
    """

    taps: torch.Tensor
    hann: torch.Tensor

    def __init__(self, config: FrontEndConfig) -> None:
        super().__init__()
        self.config = config
        self.halo_samples = config.halo_samples
        self.window_samples = config.window_samples
        self.shape = config.shape
        hann = get_window("hann", config.frame_samples)
        taps = torch.from_numpy(band_taps(config))
        self.register_buffer("taps", taps, persistent=False)
        self.register_buffer("hann", torch.from_numpy(hann / hann.sum()), persistent=False)

    @torch.no_grad()
    def filtered(self, samples: torch.Tensor) -> torch.Tensor:
        """Filter to the band and divide by the largest magnitude.

        Parameters
        ----------
        samples : Tensor, shape (B, window_samples + 2 * halo_samples)
            Counts, or any unit. NaN spoils its row and no other.

        Returns
        -------
        Tensor, shape (B, window_samples)
            The largest magnitude of a row is 1; a row that is zero after the filter stays zero.

        Raises
        ------
        DataError
            Rows have another length.
        """
        self._check(samples)
        dtype = samples.dtype if samples.dtype == torch.float64 else torch.float32
        samples = self._band(samples.double()) if self.halo_samples else samples.to(dtype)
        peak = samples.abs().amax(dim=1, keepdim=True)
        return (samples / torch.where(peak == 0, torch.ones_like(peak), peak)).to(dtype)

    @torch.no_grad()
    def spectra(self, windows: torch.Tensor) -> torch.Tensor:
        """Short-time spectra as amplitude and phase.

        Equal to `scipy.signal.stft(windows, rate_hz, "hann", frame_samples, frame_samples -
        hop_samples, rate_hz, padded=False)`: amplitudes are divided by the window's sum, and
        phases count from the first sample of a frame, not from its middle as `torch.stft` has it.

        Parameters
        ----------
        windows : Tensor, shape (B, window_samples)
            Samples.

        Returns
        -------
        Tensor, shape (B, 2, F, T)
            Amplitude in the unit of `windows`, and phase in radians, -pi to pi; the phase is 0
            where the amplitude is exactly 0. Where it is nearly 0 the phase is a matter of
            rounding.
        """
        config = self.config
        half = config.frame_samples // 2
        padded = nn.functional.pad(windows, (half, half))
        return self.planes(padded.unfold(1, config.frame_samples, config.hop_samples))

    @torch.no_grad()
    def planes(self, frames: torch.Tensor) -> torch.Tensor:
        """Amplitude and phase of frames.

        Parameters
        ----------
        frames : Tensor, shape (..., T, frame_samples)
            Samples.

        Returns
        -------
        Tensor, shape (..., 2, F, T)
            As of `spectra`.
        """
        # One pass into the layout of planes; functions of complex numbers are slower on a CPU.
        parts = torch.view_as_real(self.transformed(frames)).movedim(-1, -3)
        planes = parts.transpose(-1, -2).contiguous()
        real, imaginary = planes.select(-3, 0), planes.select(-3, 1)
        amplitude = torch.hypot(real, imaginary)
        torch.atan2(imaginary, real + 0.0, out=imaginary)  # -0 would have the phase pi
        real.copy_(amplitude)
        return planes

    @torch.no_grad()
    def transformed(self, frames: torch.Tensor, *, n_fft: int | None = None) -> torch.Tensor:
        """Spectra of frames, weighted with the Hann window.

        Parameters
        ----------
        frames : Tensor, shape (..., frame_samples)
            Samples.
        n_fft : int, optional
            Length of the transform, `frame_samples` or more; by default `rate_hz`, one bin a Hz.

        Returns
        -------
        Tensor, complex, shape (..., n_fft // 2 + 1)
            In the unit of `frames`.
        """
        weighted = frames * self.hann.to(frames.dtype)
        spectra: torch.Tensor = torch.fft.rfft(weighted, n=n_fft or self.config.rate_hz)
        return spectra

    @torch.no_grad()
    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Planes of windows: `spectra` of `filtered`.

        Parameters
        ----------
        samples : Tensor, shape (B, window_samples + 2 * halo_samples)
            Counts, or any unit.

        Returns
        -------
        Tensor, shape (B, 2, F, T)
            Amplitude and phase.
        """
        with torch.autocast(samples.device.type, enabled=False):
            return self.spectra(self.filtered(samples))

    def _band(self, samples: torch.Tensor) -> torch.Tensor:
        """Filter through one transform; what wraps around falls outside the valid part."""
        if self.config.low_hz is not None:
            samples = samples - samples[:, :1]  # so that constant rows are exactly zero
        n_fft = next_fast_len(samples.shape[1], real=True)
        response = torch.fft.rfft(self.taps.to(samples.dtype), n=n_fft)
        spectrum = torch.fft.rfft(samples, n=n_fft) * response
        passed: torch.Tensor = torch.fft.irfft(spectrum, n=n_fft)
        return passed[:, 2 * self.halo_samples : self.config.input_samples]

    def _check(self, samples: torch.Tensor) -> None:
        wanted = self.config.input_samples
        if samples.ndim != 2 or samples.shape[1] != wanted:
            raise DataError(
                f"the front end takes rows of {wanted} samples, {self.window_samples} of a window "
                f"and {self.halo_samples} on either side; found an array of shape "
                f"{tuple(samples.shape)}; cut windows with their halo at {self.config.rate_hz} Hz"
            )
