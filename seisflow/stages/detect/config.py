"""What detect can be asked: every number the sources leave open, with its default."""

from typing import Self

from pydantic import model_validator

from seisflow.core.config import SelectingConfig
from seisflow.core.options import ADVANCED, PathOption, argument, option, running

__all__ = ["LEAST_NODES", "DetectConfig", "DetectParameters"]

LEAST_NODES = 2
"""Fewer are no coincidence."""


class DetectParameters(SelectingConfig):
    """How to detect: everything that decides what the catalogue holds.

    Parameters
    ----------
    start : str, optional
        Start of the time span, ISO 8601 UTC; widened to whole UTC hours.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC; widened to whole UTC hours.
    min_nodes : int
        Fewest nodes in coincidence.
    false_positive_rate : float
        False positives per node and second. The threshold on the probability of an earthquake is
        the one that keeps to this rate on the model's validation split.
    threshold : float, optional
        Lowest probability of an earthquake, in place of that rate.
    false_alarms_per_day : float
        Most coincidences by chance in a day: where the background of a day is high, more nodes are
        required.
    slowest_velocity_m_s : float
        Slowest apparent velocity, in m/s; with the aperture of the array it gives the largest
        moveout.
    moveout_s : float, optional
        The largest moveout itself, in s; needed where stations have no coordinates.
    merge_s : int
        A coincidence within so many seconds of one with more nodes belongs to that one.
    low_hz : float
        Lower corner of the band in which traces are aligned, in Hz.
    high_hz : float
        Upper corner, in Hz; at most 0.45 of the sampling rate is used.
    max_lag_s : float
        Largest shift in one pass of the alignment, in s.
    passes : int
        Number of passes of the alignment.
    min_cc : float, optional
        Lowest mean correlation of the aligned traces; by default 0.4 where the median station has a
        neighbour within 300 m, so that waveforms are alike, else 0. It rejects coincidences that
        arise because neighbours share their noise.
    """

    min_nodes: int = option(10, ge=LEAST_NODES)
    false_positive_rate: float = option(0.0015, gt=0, lt=1)
    threshold: float | None = option(None, gt=0, lt=1)
    false_alarms_per_day: float = option(1.0, gt=0)
    slowest_velocity_m_s: float = option(2000.0, gt=0)
    moveout_s: float | None = option(None, ge=0, le=300)
    merge_s: int = option(5, ge=1, le=300)
    low_hz: float = option(5.0, gt=0)
    high_hz: float = option(30.0, gt=0)
    max_lag_s: float = option(0.3, gt=0, le=2)
    passes: int = option(3, ge=1, le=20, group=ADVANCED)
    min_cc: float | None = option(None, ge=0, lt=1)

    @model_validator(mode="after")
    def _is_a_band(self) -> Self:
        if not self.low_hz < self.high_hz:
            raise ValueError(f"low_hz = {self.low_hz:g} must lie below high_hz = {self.high_hz:g}")
        return self


class DetectConfig(DetectParameters):
    """Find earthquakes: seconds in which many nodes say so within the moveout of the array.

    Traces of the nodes are aligned by cross-correlation and stacked; the catalogue has the time
    of P at the array, picks of every node, back-azimuth and apparent velocity, and figures of
    quality. CATALOG is a folder: catalog.csv, picks.csv and Parquet of both, QuakeML for each
    day, and stacks and node scores that open with seisflow.open(CATALOG).

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    scores : path
        What infer wrote.
    catalog : path
        The folder to write, or to go on with.
    figures : int
        Number of events to draw, those with the most nodes first.

    Examples
    --------
    seisflow detect waveforms.zarr scores.zarr catalog

    seisflow detect waveforms.zarr scores.zarr catalog --min-nodes 4 --moveout-s 12
    """

    waveforms: PathOption = argument("WAVEFORMS.zarr", product="waveforms")
    scores: PathOption = argument("SCORES.zarr", product="scores")
    catalog: PathOption = argument("CATALOG", product="catalog")
    figures: int = running(20, ge=0)
