"""STA/LTA triggers and their coincidence over a network, as ObsPy computes them.

Arrays in, sample indices out: nothing of ObsPy leaves this module.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from seisflow.formats.obspy_import import Trace, UTCDateTime

# isort: split
# after obspy_import, which imports obspy without its warnings
from obspy import Stream
from obspy.signal.trigger import coincidence_trigger, recursive_sta_lta

__all__ = ["coincidences_of", "sta_lta_of"]

EPOCH = UTCDateTime(0)
"""Times within a record count from here, as ObsPy's triggers have floats for times."""


def sta_lta_of(
    samples: npt.NDArray[np.float64], short_samples: int, long_samples: int
) -> npt.NDArray[np.float64]:
    """Return the recursive STA/LTA of a record without gaps (`obspy.signal.trigger`).

    Parameters
    ----------
    samples : ndarray of float64, shape (n,)
        Filtered, finite; squared here.
    short_samples, long_samples : int
        Time constants of the two averages.

    Returns
    -------
    ndarray of float64, shape (n,)
        The ratio; 0 over the first `long_samples`, in which the long average fills.
    """
    if samples.size <= long_samples:
        return np.zeros(samples.size)
    ratio: npt.NDArray[np.float64] = recursive_sta_lta(samples, short_samples, long_samples)
    return ratio


def coincidences_of(
    ratios: npt.NDArray[np.float64],
    stations: Sequence[str],
    rate_hz: float,
    thresholds: tuple[float, float],
    min_stations: int,
) -> list[tuple[int, int]]:
    """Find triggers that overlap on enough stations (`obspy.signal.trigger.coincidence_trigger`).

    Parameters
    ----------
    ratios : ndarray of float64, shape (n_stations, n)
        STA/LTA; 0 where there is none.
    stations : sequence of str, length n_stations
        NET.STA.LOC.CHA, each once.
    rate_hz : float
        Samples per second.
    thresholds : tuple of float
        The ratio that switches a trigger of one station on, and the one that switches it off.
    min_stations : int
        Stations whose triggers overlap, one with the next, in a coincidence.

    Returns
    -------
    list of tuple of int
        Index of the first sample and number of stations of each coincidence, in order of time.
    """
    stream = Stream(
        [
            Trace(ratio, header={**_header(name), "sampling_rate": rate_hz, "starttime": EPOCH})
            for name, ratio in zip(stations, ratios, strict=True)
        ]
    )
    on, off = thresholds
    found = coincidence_trigger(None, on, off, stream, min_stations)
    return [
        (round((event["time"] - EPOCH) * rate_hz), round(event["coincidence_sum"]))
        for event in found
    ]


def _header(station: str) -> dict[str, str]:
    names = ("network", "station", "location", "channel")
    return dict(zip(names, station.split("."), strict=True))
