"""How to detect: every number the sources leave open, with its default."""

from pydantic import Field, model_validator

from seisflow.core.config import SelectingConfig

__all__ = ["LEAST_NODES", "DetectConfig"]

LEAST_NODES = 2
"""Fewer are no coincidence."""


class DetectConfig(SelectingConfig):
    """How to detect.

    Parameters
    ----------
    start, end : str, optional
        First time and first time not wanted any more, ISO 8601 UTC; widened to whole UTC hours.
    select : tuple of str
        Globs of NET.STA.LOC.CHA; all stations by default.
    min_nodes : int
        Fewest nodes in coincidence.
    false_positive_rate : float
        Of one node, a second; the threshold on the probability of an earthquake is the one that
        keeps to it on the validation split of the model.
    threshold : float, optional
        The threshold itself, in place of the rate.
    false_alarms_per_day : float
        Wanted at most; more nodes are asked for where the background of a day is too high.
    slowest_velocity_m_s : float
        Slowest apparent velocity: with the aperture of the array it gives the largest moveout.
    moveout_s : float, optional
        The largest moveout itself; needed where stations have no coordinates.
    merge_s : int
        A coincidence within so many seconds of one with more nodes belongs to that one.
    low_hz, high_hz : float
        Band of aligned traces; the upper corner is lowered to 0.45 of the rate.
    max_lag_s : float
        Largest shift of a pass of the alignment.
    passes : int
        Of the alignment.
    min_cc : float, optional
        Least mean correlation of aligned traces; by default 0.4 where stations stand so close that
        waveforms are alike (`seisflow.stages.detect.array`), else 0. What noise of neighbours
        shares triggers many nodes, and this keeps it out.
    """

    min_nodes: int = Field(default=10, ge=LEAST_NODES)
    false_positive_rate: float = Field(default=0.0015, gt=0, lt=1)
    threshold: float | None = Field(default=None, gt=0, lt=1)
    false_alarms_per_day: float = Field(default=1.0, gt=0)
    slowest_velocity_m_s: float = Field(default=2000.0, gt=0)
    moveout_s: float | None = Field(default=None, ge=0, le=300)
    merge_s: int = Field(default=5, ge=1, le=300)
    low_hz: float = Field(default=5.0, gt=0)
    high_hz: float = Field(default=30.0, gt=0)
    max_lag_s: float = Field(default=0.3, gt=0, le=2)
    passes: int = Field(default=3, ge=1, le=20)
    min_cc: float | None = Field(default=None, ge=0, lt=1)

    @model_validator(mode="after")
    def _is_a_band(self) -> "DetectConfig":
        if not self.low_hz < self.high_hz:
            raise ValueError(f"low_hz = {self.low_hz:g} must lie below high_hz = {self.high_hz:g}")
        return self
