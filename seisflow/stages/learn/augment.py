"""Changes to a wavelet that leave its class what it is, so that a network sees each one anew.

They are made on the counts as recorded, window and margins, before the front end filters and
scales them:

- *polarity*: the record is turned over; a sensor may be mounted either way, and so may a fault
  move.
- *shift*: the window starts a little earlier or later, within what the margins leave beside the
  front end's halo. An earthquake is shifted less than noise, so that P stays where the window
  is made for it.
- *noise*: random noise of the same station is added, taken from an example of the training split
  that lies in the same block of the store (of any station where the station has none there, or
  where any is asked for: then that of other sources is as likely as there is of it). Its strength
  is set by a random ratio of the amplitudes of the first differences, which see neither an offset
  nor microseism; of an earthquake, of the 2 s behind P.
- *gain*: a factor before noise is added. The front end divides by the peak, so that it changes
  nothing but the ratio to the added noise.

Four more make a network fit for records of other instruments, sites and distances; see
`seisflow.stages.learn.reshaping`:

- *pulses*: a pulse or a step is added to noise that is not random.
- *colour*: the spectrum is tilted, given a resonance and a corner.
- *stretch*: time runs faster or slower about P, or about the middle of noise, as far as the
  margins allow.

What is done to a wavelet is a function of seed, epoch and index alone: a resumed training, and
one on more ranks, sees the same wavelets.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import WaveletClass
from seisflow.core.randomness import GOLDEN, mixed
from seisflow.errors import ConfigError
from seisflow.stages.learn.config import AugmentConfig
from seisflow.stages.learn.examples import Examples, Indices
from seisflow.stages.learn.reshaping import (
    N_COLOUR,
    N_PULSE,
    coloured,
    limited_factors,
    stretched,
    with_pulses,
)

__all__ = ["Augmenter", "uniforms"]

Samples = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

FLIP, SHIFT, NOISE, DONOR, RATIO, GAIN = range(6)
HAS_PULSE, HAS_COLOUR, IS_STRETCHED, FACTOR, PULSE = range(5)
COLOUR = PULSE + N_PULSE
NONE = -1
SIGNAL_S = 2.0
"""What of an earthquake added noise is compared with: so long behind P."""
CHANGES, SHAPES = 1, 2
"""Streams of random numbers."""


def uniforms(seed: int, epoch: int, indices: Indices, count: int, stream: int = CHANGES) -> Floats:
    """Return random numbers that belong to examples, whoever asks and in whatever order.

    Parameters
    ----------
    seed, epoch : int
        Of the training.
    indices : ndarray of int64, shape (k,)
        Examples.
    count : int
        Numbers for each.
    stream : int
        Which of the independent sequences.

    Returns
    -------
    ndarray of float64, shape (k, count)
        In [0, 1): SplitMix64, each example at its own place of the sequence.
    """
    start = np.random.SeedSequence([seed, epoch, stream]).generate_state(1, np.uint64)
    place = indices.astype(np.uint64)[:, None] * np.uint64(count) + np.arange(1, count + 1).astype(
        np.uint64
    )
    bits = mixed(start + place * GOLDEN)
    return np.asarray((bits >> np.uint64(11)).astype(np.float64) * 2.0**-53)


@dataclass(frozen=True)
class Augmenter:
    """Changes wavelets and cuts out what the front end needs.

    Parameters
    ----------
    config : AugmentConfig, optional
        None changes nothing and only cuts.
    examples : Examples
        Where classes and stations are known.
    halo_samples : int
        Samples the front end needs on each side of the window.
    seed : int
        Of the training.

    Raises
    ------
    ConfigError
        The halo is longer than the margin of the wavelets.
    """

    config: AugmentConfig | None
    examples: Examples
    halo_samples: int
    seed: int

    def __post_init__(self) -> None:
        if self.halo_samples > self.examples.margin_samples:
            rate, margin = self.examples.rate_hz, self.examples.margin_samples
            raise ConfigError(
                f"the filter of the front end needs {self.halo_samples} samples beside the window "
                f"and the wavelets of {self.examples.place} have {margin}; ask for --low-hz "
                f"{rate / max(margin, 1):g} or higher, or assemble with a longer margin"
            )

    @property
    def n_samples(self) -> int:
        """Samples of what is cut out: window and halo on both sides."""
        return self.examples.window_samples + 2 * self.halo_samples

    def donors(self, epoch: int, draws: Indices, candidates: Indices) -> Indices:
        """Choose the example whose noise is added to each of `draws`.

        Parameters
        ----------
        epoch : int
            Of the training.
        draws : ndarray of int64, shape (k,)
            Examples, as `Order` draws them.
        candidates : ndarray of int64
            Random noise to choose from.

        Returns
        -------
        ndarray of int64, shape (k,)
            One of `candidates`, never the example itself; -1 where none is added.
        """
        chosen = np.full(draws.size, NONE, dtype=np.int64)
        if self.config is None:
            return chosen
        indices = self.examples.of_draws(draws)
        drawn = uniforms(self.seed, epoch, draws, 6)
        stations = self.examples.station
        by_station = {
            s: candidates[stations[candidates] == s] for s in set(stations[candidates].tolist())
        }
        any_station = self.config.noise_of == "any"
        for place in np.flatnonzero(drawn[:, NOISE] < self.config.noise):
            own = int(indices[place])
            near = candidates if any_station else by_station.get(stations[own], candidates[:0])
            for pool in (near, candidates):
                others = pool[pool != own]
                if others.size:
                    chosen[place] = others[int(drawn[place, DONOR] * others.size)]
                    break
        return chosen

    def __call__(self, epoch: int, draws: Indices, samples: Samples, noise: Samples) -> Samples:
        """Change wavelets and cut them out.

        Parameters
        ----------
        epoch : int
            Of the training.
        draws : ndarray of int64, shape (k,)
            Examples, as `Order` draws them.
        samples : ndarray of float32, shape (k, window + 2 margin)
            As read.
        noise : ndarray of float32, shape (k, window + 2 margin)
            What is to be added, of the examples that `donors` chose; zeros where none is.

        Returns
        -------
        ndarray of float32, shape (k, window + 2 halo)
        """
        if self.config is None:
            return self.cut(samples)
        drawn = uniforms(self.seed, epoch, draws, 6)
        gain = self.config.gain ** (2 * drawn[:, GAIN] - 1)
        sign = np.where(drawn[:, FLIP] < self.config.flip, -1.0, 1.0)
        changed = samples * (sign * gain).astype(np.float32)[:, None]
        changed += noise * self._strength(drawn[:, RATIO], draws, samples, noise)[:, None]
        return self._reshaped(epoch, draws, changed)

    def _reshaped(self, epoch: int, draws: Indices, samples: Samples) -> Samples:
        """Add pulses, give colours and stretch time, each where it is drawn; cut windows out."""
        assert self.config is not None
        config, shifts = self.config, self.shifts(epoch, draws)
        if not (config.pulses or config.colour or config.stretch > 1):
            return self.cut(samples, shifts)
        drawn = uniforms(self.seed, epoch, draws, COLOUR + N_COLOUR, SHAPES)
        classes = self.examples.wavelet_class[self.examples.of_draws(draws)]
        is_pulsed = (classes == WaveletClass.NOT_RANDOM_NOISE) & (
            drawn[:, HAS_PULSE] < config.pulses
        )
        samples[is_pulsed] = with_pulses(
            samples[is_pulsed], drawn[is_pulsed, PULSE:COLOUR], self.examples.rate_hz
        )
        has_colour = drawn[:, HAS_COLOUR] < config.colour
        samples[has_colour] = coloured(samples[has_colour], drawn[has_colour, COLOUR:])
        is_stretched = drawn[:, IS_STRETCHED] < (config.stretched if config.stretch > 1 else 0)
        cut = np.array(self.cut(samples, shifts))
        factors = config.stretch ** (2 * drawn[is_stretched, FACTOR] - 1)
        cut[is_stretched] = self._stretched(
            draws[is_stretched], samples[is_stretched], shifts[is_stretched], factors
        )
        return cut

    def _stretched(
        self, draws: Indices, samples: Samples, shifts: Indices, factors: Floats
    ) -> Samples:
        """Cut out windows in which time runs `factors` as fast, about P or the middle of noise."""
        arrival = self.examples.arrival_s[self.examples.of_draws(draws)] * self.examples.rate_hz
        is_noise = np.isnan(arrival)
        fixed = np.where(is_noise, (self.examples.window_samples - 1) / 2, arrival)
        moved = np.where(is_noise, shifts, 0)
        at = self.examples.margin_samples + fixed.astype(np.float64) + moved
        to = self.halo_samples + fixed.astype(np.float64) - shifts + moved
        factors = limited_factors(factors, at, to, samples.shape[1], self.n_samples)
        return stretched(samples, factors, at, to, self.n_samples)

    def cut(self, samples: Samples, shifts: npt.NDArray[np.int64] | None = None) -> Samples:
        """Cut out the window and the halo, `shifts` samples later than the window stands."""
        first = self.examples.margin_samples - self.halo_samples
        if shifts is None:
            return samples[:, first : first + self.n_samples]
        windows = np.lib.stride_tricks.sliding_window_view(samples, self.n_samples, axis=1)
        return np.asarray(windows[np.arange(len(samples)), first + shifts])

    def shifts(self, epoch: int, draws: Indices) -> npt.NDArray[np.int64]:
        """Return by how many samples each window starts later; negative is earlier."""
        assert self.config is not None
        room = self.examples.margin_samples - self.halo_samples
        indices = self.examples.of_draws(draws)
        is_event = self.examples.wavelet_class[indices] == WaveletClass.EARTHQUAKE
        most_s = np.where(is_event, self.config.event_shift_s, self.config.shift_s)
        most = np.minimum(np.floor(most_s * self.examples.rate_hz + 1e-9), room)
        drawn = uniforms(self.seed, epoch, draws, 6)[:, SHIFT]
        shifts: Indices = np.floor(drawn * (2 * most + 1) - most).astype(np.int64)
        return shifts

    def _strength(self, drawn: Floats, draws: Indices, samples: Samples, noise: Samples) -> Samples:
        """Return the factors of added noise for ratios that are drawn."""
        assert self.config is not None
        low, high = self.config.noise_snr
        ratio = low * (high / low) ** drawn
        own = _differences_rms(samples, self._is_signal(draws, samples.shape[1] - 1))
        other = _differences_rms(noise, np.ones((1, noise.shape[1] - 1), dtype=np.bool_))
        wanted = np.where(other > 0, own / (np.where(other > 0, other, 1) * ratio), 0)
        return wanted.astype(np.float32)

    def _is_signal(self, draws: Indices, n: int) -> npt.NDArray[np.bool_]:
        """Mark the 2 s behind P, or all of noise, among `n` differences of samples."""
        rate = self.examples.rate_hz
        arrival = self.examples.arrival_s[self.examples.of_draws(draws), None] * rate
        behind = np.arange(n) - self.examples.margin_samples - arrival
        return np.asarray(np.isnan(behind) | ((behind >= 0) & (behind < SIGNAL_S * rate)))


def _differences_rms(samples: Samples, among: npt.NDArray[np.bool_]) -> Floats:
    differences = np.diff(samples, axis=1) * among
    power = np.einsum("ij,ij->i", differences, differences, dtype=np.float64)
    rms: Floats = np.sqrt(power / np.maximum(among.sum(axis=1), 1))
    return rms
