"""A plane wave across a small array, as the section of a detection; and catalogues of such."""

from typing import Any

import numpy as np

from seisflow.core.grid import parse_time
from seisflow.stages.detect.event import Detection, Pick, event_name
from seisflow.stages.report.figures.events import EventSection

RATE = 100
TIME_NS = parse_time("2014-05-29T17:03:42.118")
BEFORE_S, LENGTH_S = 8.0, 20.0
BACK_AZIMUTH_DEG, VELOCITY_M_S = 237.0, 2500.0
METRES_PER_DEGREE = 111_195.0
ONSET_S = 0.05
"""Largest sample of the wavelet after its onset."""


def detection(delays: np.ndarray, stations: list[str], **more: Any) -> Detection:
    """Return a detection with a pick wherever there is a delay."""
    picks = tuple(
        Pick(station, TIME_NS + round(delay * 1e9), float(delay), 0.97, 0.8)
        for station, delay in zip(stations, delays, strict=True)
        if np.isfinite(delay)
    )
    times = np.arange(-0.5, 1.5, 1 / RATE)
    values = {
        "event": event_name(TIME_NS),
        "time_ns": TIME_NS,
        "n_nodes": len(picks),
        "n_stations": len(stations),
        "needed_nodes": 10,
        "probability": 0.97,
        "mean_cc": 0.83,
        "stack_snr": 14.2,
        "back_azimuth_deg": BACK_AZIMUTH_DEG,
        "apparent_velocity_m_s": VELOCITY_M_S,
        "plane_rms_s": 0.012,
        "picks": picks,
        "stack": wavelet(times).astype(np.float32),
        "stack_before_s": 0.5,
        "rate_hz": RATE,
    }
    return Detection(**{**values, **more})


def wavelet(times: np.ndarray) -> np.ndarray:
    """A pulse of 10 Hz that is largest `ONSET_S` after 0 and rings for a second."""
    late = times - ONSET_S
    return np.cos(2 * np.pi * 10 * late) * np.exp(-np.abs(late) / np.where(late < 0, 0.02, 0.25))


def section(
    n_side: int = 5, *, n_quiet: int = 6, noise: float = 0.05, seed: int = 0, **more: Any
) -> EventSection:
    """A plane wave across a square of nodes 250 m apart; some nodes have no pick and only noise.

    `more` replaces fields of the detection.
    """
    rng = np.random.default_rng(seed)
    n = n_side**2
    x, y = (g.ravel() * 250.0 for g in np.meshgrid(np.arange(n_side), np.arange(n_side)))
    x, y = x + rng.uniform(-40, 40, n), y + rng.uniform(-40, 40, n)
    towards = np.deg2rad(BACK_AZIMUTH_DEG)
    path = -(x * np.sin(towards) + y * np.cos(towards))
    delays = path / VELOCITY_M_S
    delays[rng.choice(n, n_quiet, replace=False)] = np.nan
    delays -= np.median(delays[np.isfinite(delays)]) if n_quiet < n else 0
    start_ns = TIME_NS - round(BEFORE_S * 1e9) - rng.integers(0, 200, n) * 10_000_000
    first = (start_ns - TIME_NS) / 1e9
    times = first[:, None] + np.arange(round(LENGTH_S * RATE)) / RATE
    traces = noise * rng.standard_normal(times.shape)
    picked = np.isfinite(delays)
    traces[picked] += wavelet(times[picked] - delays[picked, None])
    stations = [f"XX.N{k:03d}..EHZ" for k in range(n)]
    return EventSection(
        event=detection(delays, stations, **more),
        stations=stations,
        traces=(1000 * rng.lognormal(0, 1, (n, 1)) * traces).astype(np.float32),
        start_ns=start_ns,
        rate_hz=RATE,
        longitude=-116.6 + x / METRES_PER_DEGREE / np.cos(np.deg2rad(33.5)),
        latitude=33.5 + y / METRES_PER_DEGREE,
        delays_s=delays,
    )
