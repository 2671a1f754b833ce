"""What assemble can be asked: every number of METHOD section 4."""

from typing import Any, Literal

from pydantic import model_validator

from seisflow.core.config import SelectingConfig
from seisflow.core.options import ADVANCED, NONE, PathOption, PathOrNone, argument, option

__all__ = ["LEAST_TIME_BLOCK_S", "AssembleConfig"]

LEAST_TIME_BLOCK_S = 60
"""Shortest blocks of time."""


class AssembleConfig(SelectingConfig):
    """Assemble balanced, split examples of 4 s: earthquakes and both kinds of noise.

    Earthquakes: windows about P with SNR above the gate (rms in P..P+1 s over rms in P-3..P-0.5 s,
    5-30 Hz, the upper edge at most 0.9 of Nyquist). Noise, random or not random: 4 equal labels,
    none within -2..+30 s of a known arrival of the station; mixed seconds are never taken. Every
    window and 1 s on either side is completely recorded. A pick is known at all channels of its
    NET.STA.

    LABELS may be the word none, for records too short to be labelled: what is away from known
    arrivals is then random noise, and the coda of P not random noise. Give after_s as long as an
    earthquake is heard, and coda_end_s as long as it is loud. ARRIVALS may be the word none: noise
    alone, of both kinds. The column origin says why an example has its class.

    A column `visible` of 0 marks arrivals to keep away from that give no example, as S does.

    Training gets 70 % of the windows of each class, validation and test 15 % each, as near as
    whole events and time blocks allow; what a split is short of is said. With grouped, training
    uses the stations of three quarters of the windows, validation and test those of the rest. What
    falls between is not used.

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    labels : path
        What label wrote of them, or the word none.
    arrivals : path
        CSV (time, station, phase) or QuakeML; with predict a catalogue; or the word none.
    wavelets : path
        The product to write, or to go on with.
    events : path, optional
        Catalogue of the events named by the arrivals; gives magnitudes and distances.
    select : tuple of str
        Globs of NET.STA.LOC.CHA. By default the channels of a site whose code ends in Z, or all
        channels of a site that has none.
    start : str, optional
        Start of the time span, ISO 8601 UTC.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC.
    split : str
        ``grouped``: by event, time block and block of stations; ``events``: by event and time
        block, with the same stations in all splits; ``shuffled``: by window, which leaks.
    seed : int
        Seed of everything random.
    predict : str, optional
        Earth model of ObsPy's TauP, such as iasp91, with which P and S are computed; the arrivals
        are then a catalogue (time, latitude, longitude, depth_km; or QuakeML).
    per_class : int, optional
        Largest number of examples of a class, over all splits.
    balance : bool
        Equal numbers of each class in each split; without, all there are of every class, where
        noise of a mixture of sources should be as rich as it can be.
    coda : bool
        Take the coda of known arrivals, from coda_s behind P on, as not random noise, whatever its
        labels. Without labels it always is.
    snr_min : float
        Lowest signal-to-noise ratio of a P onset.
    per_arrival : int
        Largest number of windows of each event and station.
    lead_s : float
        Seconds from the start of an earthquake's window to P, give or take the jitter.
    jitter_s : float
        Largest shift of the start of an earthquake's window, either way, in s.
    window_s : int
        Length of a window, in s; all its labels must be equal.
    margin_s : float
        Seconds of record kept before and after a window.
    before_s : float
        Noise keeps away from this many seconds before every known arrival.
    after_s : float
        Noise keeps away from this many seconds after every known arrival.
    coda_s : float
        Coda begins this many seconds behind P, and holds no other P of the site.
    coda_end_s : float, optional
        Coda ends this many seconds behind P, after_s at most and by default.
    time_block_s : int
        Length of the blocks of time, in s, counted from 1970; each goes to one split as a whole.
    station_blocks : int
        Number of blocks of neighbouring sites; fewer where there are fewer sites.
    train : float
        Share of the windows of each class for training, as near as whole blocks of time allow.
    validation : float
        Share for validation, likewise; the rest is for the test.
    held : float
        With a grouped split: share of the windows at stations that are kept from training,
        likewise.

    Examples
    --------
    seisflow assemble waveforms.zarr labels.zarr picks.csv wavelets.zarr

    seisflow assemble waveforms.zarr labels.zarr picks.xml wavelets.zarr --split events

    seisflow assemble waveforms.zarr labels.zarr events.csv wavelets.zarr --predict iasp91

    seisflow assemble events.zarr none picks.csv wavelets.zarr --after-s 120 --coda-end-s 30

    seisflow assemble traffic.zarr labels.zarr none wavelets.zarr --no-balance
    """

    waveforms: PathOption = argument("WAVEFORMS", product="waveforms")
    labels: PathOrNone = argument("LABELS", product="labels", may_be_none=True)
    arrivals: PathOrNone = argument("ARRIVALS", may_be_none=True)
    wavelets: PathOption = argument("WAVELETS.zarr", product="wavelets")
    events: PathOption | None = argument("PATH", default=None, is_named=True)
    split: Literal["grouped", "events", "shuffled"] = "grouped"
    seed: int = option(1, ge=0, lt=2**63)
    predict: str | None = None
    per_class: int | None = option(None, ge=3)
    balance: bool = True
    coda: bool = False
    snr_min: float = option(1.5, ge=0)
    per_arrival: int = option(5, ge=1, le=100)
    lead_s: float = option(1.0, gt=0, group=ADVANCED)
    jitter_s: float = option(0.75, ge=0)
    window_s: int = option(4, ge=2, le=60, group=ADVANCED)
    margin_s: float = option(1.0, ge=0, le=10, group=ADVANCED)
    before_s: float = option(2.0, ge=0, group=ADVANCED)
    after_s: float = option(30.0, ge=0, group=ADVANCED)
    coda_s: float = option(1.5, ge=0, group=ADVANCED)
    coda_end_s: float | None = option(None, gt=0, group=ADVANCED)
    time_block_s: int = option(600, ge=LEAST_TIME_BLOCK_S, le=86400)
    station_blocks: int = option(8, ge=2)
    train: float = option(0.7, gt=0, lt=1, group=ADVANCED)
    validation: float = option(0.15, gt=0, lt=1, group=ADVANCED)
    held: float = option(0.25, gt=0, lt=1, group=ADVANCED)

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

    @model_validator(mode="after")
    def _goes_together(self) -> "AssembleConfig":
        if self.labels is None and self.arrivals is None:
            raise ValueError(
                f"labels and arrivals are both {NONE}: nothing says what a window is; give one"
            )
        asked = {"coda": self.coda, "predict": self.predict, "events": self.events}
        if self.arrivals is None and (of_arrivals := [name for name in asked if asked[name]]):
            raise ValueError(
                f"{' and '.join(of_arrivals)} asked of arrivals that are {NONE}; give arrivals, or "
                "leave it out"
            )
        first_s, last_s = self.coda_within_s
        if last_s > self.after_s:
            raise ValueError(
                f"coda_end_s {last_s:g} must not be above after_s {self.after_s:g}, behind which "
                "there is noise"
            )
        if self.takes_coda and first_s + self.window_s > last_s:
            raise ValueError(
                f"coda from {first_s:g} to {last_s:g} s behind P is shorter than a window of "
                f"{self.window_s} s; give a longer {'coda_end_s' if self.coda_end_s else 'after_s'}"
            )
        return self

    @property
    def coda_within_s(self) -> tuple[float, float]:
        """Where coda begins and ends, behind P."""
        return self.coda_s, self.after_s if self.coda_end_s is None else self.coda_end_s

    @property
    def takes_coda(self) -> bool:
        """Whether coda is not random noise: asked for, or all that is known of it."""
        return self.coda or self.labels is None

    def resolved(self) -> dict[str, Any]:
        """Return every value that makes the product what it is, as plain JSON content.

        Balance, and no coda, go without saying: so sets that were made before these could be asked
        for stay what they are.
        """
        found = super().resolved() | {"coda": self.takes_coda}
        silent = {"balance"} if self.balance else set()
        silent |= set() if self.takes_coda else {"coda", "coda_s", "coda_end_s"}
        return {name: value for name, value in found.items() if name not in silent}
