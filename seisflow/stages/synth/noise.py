"""Coloured noise that does not depend on how it is cut.

White Gaussian tiles, one minute each and keyed by (node, minute since the scene start), run
through a causal FIR filter whose memory (10 s) never reaches further back than the tile before.
A tile is always computed whole, with transforms of one size, so its samples are the same bits
whoever asks. (Another CPU or another NumPy may round a sample to the neighbouring count.)
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft, signal

from seisflow.stages.synth.streams import Stream, generator

__all__ = [
    "HIGHPASS_HZ",
    "NOISE_SPECTRA",
    "TILE_S",
    "NoiseFilter",
    "NoiseStream",
    "highpass_sections",
    "noise_filter",
]

TILE_S = 60
"""Seconds in one tile, the smallest piece that is computed."""

MEMORY_S = 10
"""Seconds the colouring filter looks back; its spectral resolution is about 0.2 Hz."""

HIGHPASS_HZ = 2.0
"""Corner of the high-pass behind every amplitude ratio: 2 poles, one causal pass, as `label`."""

_FIELD_DB: tuple[tuple[float, float], ...] = (
    (0.1, -20), (0.5, 1), (2, 3.5), (5, 2.6), (10, 0), (20, -2.4), (30, 0), (50, -2), (80, -4),
    (100, -5.2), (150, -12), (200, -13.3), (220, -24), (250, -33), (500, -40),
)  # fmt: skip
"""Power in dB re 10 Hz of a quiet hour of a 10 Hz geophone node: smooth, a hump at 30 Hz."""


def _white(freqs_hz: NDArray[np.float64], _: int) -> NDArray[np.float64]:
    return np.ones_like(freqs_hz)


def _pink(freqs_hz: NDArray[np.float64], _: int) -> NDArray[np.float64]:
    return 1 / np.maximum(freqs_hz, 0.5)


def _field(freqs_hz: NDArray[np.float64], _: int) -> NDArray[np.float64]:
    known_hz, level_db = np.array(_FIELD_DB).T
    log_hz = np.log(np.maximum(freqs_hz, known_hz[0]))
    return np.asarray(10 ** (np.interp(log_hz, np.log(known_hz), level_db) / 10))


def _wind(freqs_hz: NDArray[np.float64], _: int) -> NDArray[np.float64]:
    return np.asarray((freqs_hz > 0.2) / np.maximum(freqs_hz, 1.5) ** 2)


def _vehicle(freqs_hz: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    low, high = min(8.0, 0.15 * rate_hz), min(40.0, 0.42 * rate_hz)
    middle, half = (low + high) / 2, (high - low) / 2
    return np.asarray(1 / (1 + ((freqs_hz - middle) / half) ** 8))


NOISE_SPECTRA = ("white", "pink", "field")
"""Spectra a scene's noise may have; the other two are carriers of sources."""

_Power = Callable[[NDArray[np.float64], int], NDArray[np.float64]]
_POWER: dict[str, _Power] = {
    "white": _white,
    "pink": _pink,
    "field": _field,
    "wind": _wind,
    "vehicle": _vehicle,
}


@dataclass(frozen=True, slots=True, eq=False)
class NoiseFilter:
    """A causal FIR filter that turns white noise of rms 1 into coloured noise of rms 1.

    Parameters
    ----------
    rate_hz : int
        Samples per second.
    taps : ndarray of float64, shape (n_taps,)
        Impulse response; its squares add up to 1.
    n_tile, n_fft : int
        Samples of one tile, and length of the transforms.
    response : ndarray of complex64, shape (n_fft // 2 + 1,)
        Transform of `taps`.
    """

    rate_hz: int
    taps: NDArray[np.float64]
    n_tile: int
    n_fft: int
    response: NDArray[np.complex64]

    def apply(self, before: NDArray[np.float32], white: NDArray[np.float32]) -> NDArray[np.float32]:
        """Filter one white tile, given the one before it: shape (n_tile,) each and returned."""
        memory = self.taps.size - 1
        joined = np.concatenate([before[self.n_tile - memory :], white])
        spectrum = fft.rfft(joined, self.n_fft)
        spectrum *= self.response
        whole = fft.irfft(spectrum, self.n_fft)
        return np.asarray(whole[memory : memory + self.n_tile], dtype=np.float32)

    def power(self, freqs_hz: NDArray[np.float64]) -> NDArray[np.float64]:
        """Power spectral density, one-sided, of the noise of rms 1; in 1/Hz."""
        _, response = signal.freqz(self.taps, worN=freqs_hz, fs=self.rate_hz)
        return np.asarray(2 * np.abs(response) ** 2 / self.rate_hz)

    def band_rms(self, low_hz: float, high_hz: float) -> float:
        """Rms of the part of the noise of rms 1 between two frequencies in Hz."""
        freqs_hz, power = self._spectrum()
        inside = (freqs_hz >= low_hz) & (freqs_hz <= high_hz)
        return float(np.sqrt(power[inside].sum()))

    def highpassed_rms(self) -> float:
        """Rms of the noise of rms 1 after the high-pass `highpass_sections`."""
        freqs_hz, power = self._spectrum()
        _, gain = signal.freqz_sos(highpass_sections(self.rate_hz), worN=freqs_hz, fs=self.rate_hz)
        return float(np.sqrt(np.sum(power * np.abs(gain) ** 2)))

    def _spectrum(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Frequencies in Hz and the share of the power at each; the shares add up to 1."""
        freqs_hz = np.arange(self.response.size, dtype=np.float64) * (self.rate_hz / self.n_fft)
        power = np.abs(self.response.astype(np.complex128)) ** 2
        return freqs_hz, np.asarray(power / power.sum(), dtype=np.float64)


@lru_cache(maxsize=16)
def highpass_sections(rate_hz: int) -> NDArray[np.float64]:
    """Return the second-order section of the 2 Hz high-pass at a rate in Hz, shape (1, 6)."""
    return np.asarray(signal.butter(2, HIGHPASS_HZ, "highpass", fs=rate_hz, output="sos"))


@lru_cache(maxsize=16)
def noise_filter(spectrum: str, rate_hz: int) -> NoiseFilter:
    """Design the filter of one spectrum.

    Parameters
    ----------
    spectrum : str
        One of `NOISE_SPECTRA`, or ``wind`` or ``vehicle``.
    rate_hz : int
        Samples per second.

    Returns
    -------
    NoiseFilter
        Zero-phase design under a Hann window, delayed by half its length.
    """
    n_taps, n_tile = MEMORY_S * rate_hz, TILE_S * rate_hz
    freqs_hz = np.arange(n_taps // 2 + 1, dtype=np.float64) * (rate_hz / n_taps)
    amplitude = np.sqrt(_POWER[spectrum](freqs_hz, rate_hz))
    taps = np.roll(np.fft.irfft(amplitude, n_taps), n_taps // 2)
    taps *= signal.windows.hann(n_taps, sym=False)
    taps /= np.sqrt(np.sum(taps**2))
    n_fft = int(fft.next_fast_len(n_tile + n_taps - 1, real=True))
    response = np.fft.rfft(taps, n_fft).astype(np.complex64)
    return NoiseFilter(rate_hz, taps, n_tile, n_fft, response)


class NoiseStream:
    """The coloured noise of one node, tile by tile; rms 1.

    Remembers one white tile, so that going forward in order draws each only once; what it
    returns does not depend on the order.

    Parameters
    ----------
    seed : int
        Seed of the scene.
    stream : Stream
        Which noise of the node.
    node_index : int
        Which node.
    colour : NoiseFilter
        Its spectrum and rate.
    """

    def __init__(self, seed: int, stream: Stream, node_index: int, colour: NoiseFilter) -> None:
        self._key = (seed, stream, node_index)
        self._colour = colour
        self._last: tuple[int, NDArray[np.float32]] | None = None

    def tile(self, index: int) -> NDArray[np.float32]:
        """Return tile `index` (0 at the scene start), float32 of shape (n_tile,)."""
        before, white = self._white(index - 1), self._white(index)
        self._last = (index, white)
        return self._colour.apply(before, white)

    def _white(self, index: int) -> NDArray[np.float32]:
        if self._last is not None and self._last[0] == index:
            return self._last[1]
        seed, stream, node_index = self._key
        # + 1: the tile before the scene start has a key too, and keys are not negative
        random = generator(seed, stream, node_index, index + 1)
        return random.standard_normal(self._colour.n_tile, dtype=np.float32)
