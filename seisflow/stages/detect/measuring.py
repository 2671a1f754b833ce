"""From a coincidence to a detection: onsets, alignment, stack, picks and a plane wave."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.geometry import local_xy_m
from seisflow.core.grid import NS_PER_S
from seisflow.dsp.filters import bandpass
from seisflow.stages.detect.alignment import (
    Alignment,
    align,
    common_onset,
    hold_to_median,
    onset_by_energy,
)
from seisflow.stages.detect.config import DetectParameters
from seisflow.stages.detect.event import Detection, Pick, event_name
from seisflow.stages.detect.glitch import is_glitch
from seisflow.stages.detect.plane_wave import PlaneWave, fit_plane_wave

__all__ = ["AFTER_S", "BEFORE_S", "Nodes", "band_hz", "measure"]

BEFORE_S, AFTER_S = 8, 10
"""Seconds read before a coincidence and behind its window: noise, warm-up of the filter, coda."""

SEARCH_S = (-1.0, 3.0)
"""Where P lies, from the first trigger of a node: its window begins 1 s before and lasts 4 s."""

SMALL_S = 0.3
"""Moveout of an array on which all nodes have their onset at nearly the same time."""

STACK_BEFORE_S, STACK_AFTER_S = 0.5, 1.5
"""Of the windows that are aligned, from the onset."""

GUESS_S = 0.1
"""Error of a first guess of an onset."""

ONSET_S = 0.3
"""How far from its zero the onset of the stack is looked for."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Nodes:
    """The nodes of one coincidence.

    Parameters
    ----------
    stations : sequence of str
        NET.STA.LOC.CHA.
    traces : ndarray of float64, shape (n, m)
        Counts, from `start_ns` on; NaN where there are none.
    start_ns : int
        Time of the first sample.
    rate_hz : int
        Samples per second.
    trigger_ns : ndarray of int64, shape (n,)
        Second of the first trigger of each node.
    probability : ndarray of float64, shape (n,)
        Largest in the coincidence.
    longitude, latitude : ndarray of float64, shape (n,)
        Degrees; NaN where not known.
    moveout_s : float
        How long a wave takes across the array at most.
    """

    stations: Sequence[str]
    traces: npt.NDArray[np.float64]
    start_ns: int
    rate_hz: int
    trigger_ns: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    longitude: npt.NDArray[np.float64]
    latitude: npt.NDArray[np.float64]
    moveout_s: float


def band_hz(config: DetectParameters, rate_hz: int) -> tuple[float, float]:
    """Return the band of aligned traces at a rate."""
    return min(config.low_hz, 0.1 * rate_hz), min(config.high_hz, 0.45 * rate_hz)


def measure(
    config: DetectParameters, nodes: Nodes, second_ns: int, *, needed_nodes: int, n_stations: int
) -> Detection | None:
    """Align the traces of a coincidence, stack them, and pick P at every node.

    Parameters
    ----------
    config : DetectParameters
        Band and alignment.
    nodes : Nodes
        Nodes in coincidence, with their traces.
    second_ns : int
        Second in which the coincidence begins.
    needed_nodes, n_stations : int
        Nodes that were needed, stations that had data.

    Returns
    -------
    Detection or None
        None for a pulse of the instruments (`seisflow.stages.detect.glitch`). A node whose trace
        has a gap is picked at its first trigger, with NaN for its correlation.
    """
    rate = nodes.rate_hz
    whole = np.asarray(np.isfinite(nodes.traces).all(axis=1))
    filtered = bandpass(np.where(whole[:, None], nodes.traces, 0.0), rate, band_hz(config, rate))
    filtered[~whole] = np.nan
    if is_glitch(filtered, _search(nodes), rate):
        return None
    onsets = _first_guesses(nodes, filtered)
    found = align(
        filtered,
        onsets,
        rate,
        before_s=STACK_BEFORE_S,
        after_s=STACK_AFTER_S,
        max_lag_s=config.max_lag_s,
        passes=config.passes,
    )
    picks, median_ns = _picks(nodes, found)
    plane = _plane(nodes, found)
    return Detection(
        event=event_name(second_ns),
        time_ns=median_ns,
        n_nodes=len(picks),
        n_stations=n_stations,
        needed_nodes=needed_nodes,
        probability=float(nodes.probability.mean()),
        mean_cc=found.mean_cc,
        stack_snr=_stack_snr(found, rate),
        back_azimuth_deg=plane.back_azimuth_deg,
        apparent_velocity_m_s=plane.apparent_velocity_m_s,
        plane_rms_s=plane.rms_s,
        picks=picks,
        stack=found.stack.astype(np.float32),
        stack_before_s=found.n_before / rate,
        rate_hz=rate,
    )


def _search(nodes: Nodes) -> tuple[int, int]:
    """Return the samples in which P lies at the median node."""
    middle = float(np.median((nodes.trigger_ns - nodes.start_ns) / NS_PER_S))
    first, stop = (round((middle + s) * nodes.rate_hz) for s in SEARCH_S)
    return first, stop


def _first_guesses(nodes: Nodes, filtered: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return a first guess of the onset at each node.

    On an array that a wave crosses within the windows compared, all nodes share an onset, and
    each looks for its own near that one. On a larger one each looks behind its own first trigger,
    and a guess that no wave across the array explains is put at the median of all.
    """
    rate, reach_s = nodes.rate_hz, nodes.moveout_s / 2 + GUESS_S
    first_s = (nodes.trigger_ns - nodes.start_ns) / NS_PER_S
    if nodes.moveout_s <= SMALL_S:
        middle = float(np.median(first_s))
        common = common_onset(filtered, rate, (middle + SEARCH_S[0], middle + SEARCH_S[1]))
        if common >= 0:
            near = common / rate
            return onset_by_energy(filtered, rate, (near - reach_s, near + reach_s))
    search = (first_s + SEARCH_S[0], first_s + SEARCH_S[1])
    onsets = onset_by_energy(filtered, rate, search)
    return hold_to_median(onsets, within_samples=round(reach_s * rate))


def _picks(nodes: Nodes, found: Alignment) -> tuple[tuple[Pick, ...], int]:
    """Return a pick for each node, by station, and the median time."""
    onset_s = found.median_onset / nodes.rate_hz + found.delays_s + _stack_onset_s(found, nodes)
    trigger_s = (nodes.trigger_ns - nodes.start_ns) / NS_PER_S
    at_s = np.where(np.isfinite(onset_s), onset_s, trigger_s)
    time_ns = nodes.start_ns + np.rint(at_s * NS_PER_S).astype(np.int64)
    median_ns = int(np.sort(time_ns)[(len(time_ns) - 1) // 2])
    rows = zip(
        nodes.stations,
        time_ns.tolist(),
        ((time_ns - median_ns) / NS_PER_S).tolist(),
        nodes.probability.tolist(),
        found.cc.tolist(),
        strict=True,
    )
    return tuple(Pick(*row) for row in sorted(rows)), median_ns


def _stack_onset_s(found: Alignment, nodes: Nodes) -> float:
    """Return where P begins in the stack, from its zero: the least AIC within `ONSET_S` of it.

    Source: Maeda 1985, Zisin 38, 365-379: noise and signal of unlike variance.
    """
    reach = round(ONSET_S * nodes.rate_hz)
    part = found.stack[max(0, found.n_before - reach) : found.n_before + reach]
    k = np.arange(2, part.size - 2)
    if not np.isfinite(part).all() or not part.any() or k.size == 0:
        return 0.0
    energy = np.concatenate([[0.0], np.cumsum(part**2)]) + 1e-12 * np.sum(part**2)
    before, behind = energy[k] / k, (energy[-1] - energy[k]) / (part.size - k)
    least = k[np.argmin(k * np.log(before) + (part.size - k) * np.log(behind))]
    return float(least - min(reach, found.n_before)) / nodes.rate_hz


def _plane(nodes: Nodes, found: Alignment) -> PlaneWave:
    """Fit a plane wave, each node with the weight of its correlation."""
    x, y = local_xy_m(nodes.longitude, nodes.latitude)
    return fit_plane_wave(x, y, found.delays_s, np.clip(np.nan_to_num(found.cc), 0, 1))


def _stack_snr(found: Alignment, rate_hz: int) -> float:
    """Return rms of the stack in the second behind its onset over that before, up to the onset."""
    before = found.stack[: found.n_before]
    behind = found.stack[found.n_before : found.n_before + rate_hz]
    noise = float(np.sqrt(np.mean(before**2)))
    return float(np.sqrt(np.mean(behind**2))) / noise if noise > 0 else float("nan")
