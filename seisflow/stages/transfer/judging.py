"""What a network, or STA/LTA, finds of a source that it never saw.

Numbers of windows in, counts out. Invariant: a threshold rests on windows of other sources alone.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.signal import butter, sosfilt

from seisflow.core.classes import Split, WaveletClass
from seisflow.formats.sta_lta import sta_lta_of
from seisflow.stages.evaluate.rates import (
    SNR_EDGES,
    Bands,
    OperatingPoint,
    binomial_interval,
    operating_point,
    recall_by_band,
)
from seisflow.stages.learn.examples import Examples, Indices

__all__ = ["PLACEMENTS", "Found", "Share", "judge", "quiet_windows", "ratios_of", "windows_of"]

Vector = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

SHORT_S, LONG_S = 0.5, 4.0
"""Averages of STA/LTA."""
BAND_HZ = (2.0, 0.9)
"""Its band: the lower corner in Hz, the upper one as a share of Nyquist's frequency."""
POLES = 4
SECOND_S = (1.0, 2.0)
"""Where in its window the second lies that a window stands for."""
PLACEMENTS = tuple(k / 10 for k in range(11))
"""Bounds of the places of P in its second, in s."""
PIECE = 1024


@dataclass(frozen=True)
class Share:
    """How many of so many."""

    found: int
    n: int

    @property
    def share(self) -> float:
        """NaN of nothing."""
        return self.found / self.n if self.n else np.nan

    @property
    def interval(self) -> tuple[float, float]:
        """The exact interval (`seisflow.stages.evaluate.rates.binomial_interval`)."""
        low, high = binomial_interval(self.found, self.n)
        return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Found:
    """What was found of a source.

    Parameters
    ----------
    point : OperatingPoint
        The threshold, chosen on quiet windows of others.
    arrivals : Share
        P of which one window was found.
    by_snr : Bands
        The same by signal-to-noise ratio.
    by_placement : tuple of Share
        Windows found, by the place of P in its second (`PLACEMENTS`).
    false_positives : Share
        Windows of its own noise that were called earthquakes; each stands for a second.
    """

    point: OperatingPoint
    arrivals: Share
    by_snr: Bands
    by_placement: tuple[Share, ...]
    false_positives: Share


def windows_of(examples: Examples, sources: npt.NDArray[np.bool_], least_snr: float) -> Indices:
    """Return the ready windows of some sources: all noise, and P above a signal-to-noise ratio."""
    is_noise = examples.wavelet_class != WaveletClass.EARTHQUAKE
    wanted = sources[examples.source] & examples.ready & (is_noise | (examples.snr > least_snr))
    return np.flatnonzero(wanted).astype(np.int64)


def quiet_windows(examples: Examples) -> Indices:
    """Return the windows of noise that no network learnt from."""
    kept = examples.ready & (examples.split != Split.TRAIN)
    return np.flatnonzero(kept & (examples.wavelet_class != WaveletClass.EARTHQUAKE)).astype(
        np.int64
    )


def judge(
    quiet: npt.NDArray[np.floating],
    examples: Examples,
    indices: Indices,
    score: npt.NDArray[np.floating],
    rate: float,
) -> Found:
    """Count what is found at the threshold that quiet windows of other sources give.

    Parameters
    ----------
    quiet : ndarray of float, shape (m,)
        Scores of quiet windows of other sources.
    examples : Examples
        Of the source.
    indices : ndarray of int64, shape (n,)
        Its windows.
    score : ndarray of float, shape (n,)
        Of each; higher is more of an earthquake.
    rate : float
        False positives per station and second.
    """
    point = operating_point(np.zeros(quiet.size, dtype=np.bool_), quiet, rate)
    is_quake = examples.wavelet_class[indices] == WaveletClass.EARTHQUAKE
    above = score >= point.threshold
    quakes = indices[is_quake]
    arrival = _arrivals(examples, quakes)
    n = int(arrival.max(initial=-1)) + 1
    found = np.zeros(n, dtype=np.bool_)
    np.logical_or.at(found, arrival, above[is_quake])
    snr = np.full(n, np.nan)
    snr[arrival] = examples.snr[quakes]
    placed = examples.arrival_s[quakes] - SECOND_S[0]
    return Found(
        point=point,
        arrivals=Share(int(found.sum()), n),
        by_snr=recall_by_band(snr, found, found, SNR_EDGES),
        by_placement=tuple(
            _share(above[is_quake][(placed >= low) & (placed < high)])
            for low, high in pairwise(PLACEMENTS)
        ),
        false_positives=_share(above[~is_quake]),
    )


def _share(flags: Flags) -> Share:
    return Share(int(flags.sum()), int(flags.size))


def _arrivals(examples: Examples, quakes: Indices) -> Indices:
    """Return the number of the P of each window: one of an event at a channel."""
    keys = zip(
        examples.source[quakes].tolist(),
        examples.station[quakes].tolist(),
        examples.event[quakes].tolist(),
        strict=True,
    )
    numbers: dict[tuple[int, str, str], int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def ratios_of(examples: Examples, indices: Indices) -> Vector:
    """Return the largest STA/LTA in the second that each window stands for.

    Parameters
    ----------
    examples : Examples
        Read with their margins, in which the long average fills.
    indices : ndarray of int64, shape (n,)
        Windows.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 where the margins are too short for the long average.
    """
    rate = examples.rate_hz
    sections = butter(
        POLES, (BAND_HZ[0], BAND_HZ[1] * rate / 2), btype="bandpass", fs=rate, output="sos"
    )
    first, last = (examples.margin_samples + round(s * rate) for s in SECOND_S)
    found = np.empty(indices.size)
    for start in range(0, indices.size, PIECE):
        part = examples.read(indices[start : start + PIECE]).astype(np.float64)
        part = sosfilt(sections, part - part[:, :1], axis=1)
        for k, row in enumerate(part):
            ratio = sta_lta_of(row, round(SHORT_S * rate), round(LONG_S * rate))
            found[start + k] = ratio[first:last].max()
    return found
