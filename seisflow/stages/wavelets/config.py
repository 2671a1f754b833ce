"""What a set of wavelets is made with: every number of METHOD section 4."""

from typing import Literal

from pydantic import Field, model_validator

from seisflow.core.config import SelectingConfig

__all__ = ["LEAST_TIME_BLOCK_S", "AssembleConfig"]

LEAST_TIME_BLOCK_S = 60
"""Shortest blocks of time."""


class AssembleConfig(SelectingConfig):
    """How to choose and to split examples.

    Parameters
    ----------
    select : tuple of str
        Globs of NET.STA.LOC.CHA. By default the channels of a site whose code ends in Z, or all
        channels of a site that has none.
    start, end : str, optional
        First time and first time not wanted any more, ISO 8601 UTC.
    split : str
        ``grouped``: by event, time block and block of stations; ``events``: by event and time
        block, stations shared; ``shuffled``: by window, which leaks.
    seed : int
        Everything random follows from it.
    predict : str, optional
        The arrivals are a catalogue; times are predicted with this model of ObsPy TauP.
    per_class : int, optional
        Most examples of one class, over all splits.
    snr_min : float
        Least signal-to-noise ratio of a P onset (`seisflow.stages.wavelets.onset.onset_snr`).
    per_arrival : int
        Windows of each event and station.
    lead_s, jitter_s : float
        An earthquake's window starts `lead_s` before P, give or take up to `jitter_s`.
    window_s : int
        Length of a window: so many labels of it must be equal.
    margin_s : float
        Recorded samples kept before and behind a window.
    before_s, after_s : float
        Noise keeps away from this much before and after every known arrival.
    time_block_s : int
        Length of the blocks of time, counted from 1970, that go to one split as a whole.
    station_blocks : int
        Number of blocks of neighbouring sites; fewer where there are fewer sites.
    train, validation : float
        Shares of the windows of each class, as near as whole blocks of time allow; the rest is for
        the test.
    held : float
        Share of the windows at stations that are kept from training (``grouped``), likewise.
    """

    split: Literal["grouped", "events", "shuffled"] = "grouped"
    seed: int = Field(default=1, ge=0, lt=2**63)
    predict: str | None = None
    per_class: int | None = Field(default=None, ge=3)
    snr_min: float = Field(default=1.5, ge=0)
    per_arrival: int = Field(default=5, ge=1, le=100)
    lead_s: float = Field(default=1.0, gt=0)
    jitter_s: float = Field(default=0.75, ge=0)
    window_s: int = Field(default=4, ge=2, le=60)
    margin_s: float = Field(default=1.0, ge=0, le=10)
    before_s: float = Field(default=2.0, ge=0)
    after_s: float = Field(default=30.0, ge=0)
    time_block_s: int = Field(default=600, ge=LEAST_TIME_BLOCK_S, le=86400)
    station_blocks: int = Field(default=8, ge=2)
    train: float = Field(default=0.7, gt=0, lt=1)
    validation: float = Field(default=0.15, gt=0, lt=1)
    held: float = Field(default=0.25, gt=0, lt=1)

    @model_validator(mode="after")
    def _fits(self) -> "AssembleConfig":
        if self.jitter_s > self.lead_s or self.lead_s + self.jitter_s >= self.window_s:
            raise ValueError(
                f"jitter_s {self.jitter_s:g} must not be above lead_s {self.lead_s:g}, nor take P "
                f"out of a window of {self.window_s} s"
            )
        if self.train + self.validation >= 1:
            raise ValueError("train and validation leave nothing for the test")
        return self
