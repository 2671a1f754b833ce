"""What a detection is: a time at the array, the nodes that saw it, and how well they agree."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.grid import format_time

__all__ = ["Detection", "Pick", "event_name"]


@dataclass(frozen=True, slots=True)
class Pick:
    """P at one node.

    Parameters
    ----------
    station : str
        NET.STA.LOC.CHA.
    time_ns : int
        Arrival, ns since 1970 UTC: the onset of the stack, moved by the delay of the node.
    delay_s : float
        Behind the median node.
    probability : float
        Largest probability of an earthquake at the node in the coincidence.
    cc : float
        Correlation of the node's aligned trace with the stack of the others; NaN where none.
    """

    station: str
    time_ns: int
    delay_s: float
    probability: float
    cc: float


@dataclass(frozen=True, eq=False, kw_only=True)
class Detection:
    """One detection on the array.

    Parameters
    ----------
    event : str
        Name, unique in a catalogue: see `event_name`.
    time_ns : int
        P at the median node, ns since 1970 UTC. The place of the source is not known, so this is
        no origin time.
    n_nodes : int
        Nodes in coincidence.
    n_stations : int
        Stations that had data.
    needed_nodes : int
        Nodes that were needed on this day, from its background.
    probability : float
        Mean of the picks' probabilities.
    mean_cc : float
        Mean correlation of aligned traces with the stack of the others: the quality figure.
    stack_snr : float
        Of the stack: rms of the second after the onset over rms before.
    back_azimuth_deg : float
        Towards the source, degrees from north; NaN where stations have no coordinates.
    apparent_velocity_m_s : float
        Of the plane wave across the array.
    plane_rms_s : float
        What the plane wave leaves of the delays.
    picks : tuple of Pick
        By station.
    stack : ndarray of float32, shape (n_samples,)
        Mean of aligned traces of unit energy; `stack_before_s` before the onset and on.
    stack_before_s : float
        Seconds of `stack` before the onset.
    rate_hz : int
        Samples per second of `stack`.
    """

    event: str
    time_ns: int
    n_nodes: int
    n_stations: int
    needed_nodes: int
    probability: float
    mean_cc: float
    stack_snr: float
    back_azimuth_deg: float
    apparent_velocity_m_s: float
    plane_rms_s: float
    picks: tuple[Pick, ...]
    stack: npt.NDArray[np.float32]
    stack_before_s: float
    rate_hz: int


def event_name(second_ns: int) -> str:
    """Name an event after the second in which its coincidence begins.

    Parameters
    ----------
    second_ns : int
        A whole second, ns since 1970 UTC; no two events of a catalogue begin in the same one.

    Returns
    -------
    str
        For example ``sf20140529T170341``.
    """
    text = format_time(second_ns)
    return "sf" + text[:19].replace("-", "").replace(":", "")
