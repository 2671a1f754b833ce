"""STA/LTA with coincidence over the network: a detector to compare with, on the same records.

Arrays in, detections out. Invariant: where there are no data there is no detection. The other
detector is `seisflow.stages.compare.envelopes`.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.grid import NS_PER_S
from seisflow.dsp.filters import bandpass, valid_runs
from seisflow.errors import ConfigError
from seisflow.formats.sta_lta import coincidences_of, sta_lta_of
from seisflow.stages.wavelets.snr import snr_band_hz

__all__ = [
    "ArrayRecord",
    "StaLtaRule",
    "Trigger",
    "filtered_runs",
    "sta_lta_triggers",
    "strongest",
]

Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class ArrayRecord:
    """What all stations recorded over one span.

    Parameters
    ----------
    samples : ndarray of float, shape (n_stations, n)
        Counts; NaN where nothing was recorded.
    start_ns : int
        Of the first sample, ns since 1970 UTC.
    rate_hz : int
        Samples per second.
    stations : sequence of str, length n_stations
        NET.STA.LOC.CHA.
    longitude, latitude : ndarray of float64, shape (n_stations,)
        Degrees; NaN where not known.
    """

    samples: npt.NDArray[np.floating]
    start_ns: int
    rate_hz: int
    stations: Sequence[str]
    longitude: Vector
    latitude: Vector


@dataclass(frozen=True, slots=True)
class Trigger:
    """A detection of a baseline: when it begins, and how strong it is (see the detector)."""

    time_ns: int
    strength: float


@dataclass(frozen=True, kw_only=True)
class StaLtaRule:
    """Numbers of the STA/LTA.

    Parameters
    ----------
    short_s, long_s : float
        Time constants of the averages.
    on, off : float
        Ratios that switch the trigger of a station on and off.
    min_stations : int
        In a coincidence.
    """

    short_s: float = 0.5
    long_s: float = 10.0
    on: float = 4.0
    off: float = 1.5
    min_stations: int = 10


def sta_lta_triggers(record: ArrayRecord, rule: StaLtaRule) -> list[Trigger]:
    """Detect by recursive STA/LTA at each station and coincidence over the network.

    Each run of samples is filtered to 5-30 Hz (`seisflow.stages.wavelets.snr.snr_band_hz`) and
    begins anew: its first `long_s` seconds trigger nothing.

    Parameters
    ----------
    record : ArrayRecord
        Places play no part.
    rule : StaLtaRule
        Numbers.

    Returns
    -------
    list of Trigger
        In order of time; the strength is the number of stations.

    Raises
    ------
    ConfigError
        The averages cannot be at this rate.
    DataError
        The rate leaves nothing of the band.
    """
    rate = record.rate_hz
    short, long = round(rule.short_s * rate), round(rule.long_s * rate)
    if not 0 < short < long:
        raise ConfigError(
            f"an STA/LTA of {rule.short_s:g} s over {rule.long_s:g} s at {rate} samples/s; give a "
            "short average of at least one sample, and a longer one"
        )
    ratios = np.zeros(record.samples.shape)
    for ratio, samples in zip(ratios, record.samples, strict=True):
        for start, stop, filtered in filtered_runs(samples, rate):
            ratio[start:stop] = sta_lta_of(filtered, short, long)
    found = coincidences_of(ratios, record.stations, rate, (rule.on, rule.off), rule.min_stations)
    return [Trigger(record.start_ns + round(k * NS_PER_S / rate), float(n)) for k, n in found]


def strongest(
    triggers: Sequence[Trigger], is_allowed: Callable[[npt.NDArray[np.int64]], bool]
) -> list[Trigger]:
    """Keep triggers from the strongest down to the lowest level that is allowed.

    Every strength there is is a level, tried from above; the first that is not allowed ends it, so
    that all levels above the one chosen are allowed too.

    Parameters
    ----------
    triggers : sequence of Trigger
        Of one detector.
    is_allowed : callable
        Takes the times of the triggers of at least some strength, ns since 1970.

    Returns
    -------
    list of Trigger
        In their order; none where even the highest level is not allowed.
    """
    strengths = np.array([trigger.strength for trigger in triggers], np.float64)
    times = np.array([trigger.time_ns for trigger in triggers], np.int64)
    lowest = np.inf
    for level in np.unique(strengths)[::-1]:
        if not is_allowed(times[strengths >= level]):
            break
        lowest = level
    return [trigger for trigger in triggers if trigger.strength >= lowest]


def filtered_runs(
    samples: npt.NDArray[np.floating], rate_hz: int
) -> Iterator[tuple[int, int, Vector]]:
    """Yield the bounds of runs of finite samples, and these between 5 and 30 Hz."""
    for start, stop in valid_runs(np.isfinite(samples)).tolist():
        yield start, stop, bandpass(samples[start:stop], rate_hz, snr_band_hz(rate_hz))
