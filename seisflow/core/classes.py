"""What a window can be, and why it was left out: the codes stored in products.

Invariant: no data, failed, not run and class 0 are four different things. 0 is never a fill
value; what was never written reads as 255, ``not_run``.
"""

from enum import IntEnum

__all__ = [
    "Label",
    "NoData",
    "Origin",
    "ScoreState",
    "Split",
    "State",
    "Undetermined",
    "WaveletClass",
    "flag_attributes",
]


class Label(IntEnum):
    """Label of one window (uint8)."""

    RANDOM_NOISE = 0
    """Indistinguishable from the random noise of its hour."""
    MIXED = 1
    """Neither clearly random noise nor clearly something else."""
    NOT_RANDOM_NOISE = 2
    """Signal or noise with structure: earthquakes, aircraft, wind, traffic, ..."""
    UNDETERMINED = 252
    """There were data, and the method could not label the hour; `Undetermined` says why."""
    NO_DATA = 253
    """Samples are missing, constant or clipped; `NoData` says which."""
    FAILED = 254
    """The task that should have labelled it failed."""
    NOT_RUN = 255
    """Never written."""


class WaveletClass(IntEnum):
    """Class of one wavelet of 4 s, and its place among a network's outputs (uint8)."""

    EARTHQUAKE = 0
    """P of an earthquake begins in it."""
    RANDOM_NOISE = 1
    """Four seconds labelled random noise; where nothing is labelled, away from known arrivals."""
    NOT_RANDOM_NOISE = 2
    """Four seconds labelled not random noise, away from known arrivals; or in the coda of one."""


class Origin(IntEnum):
    """Why a wavelet has its class (uint8)."""

    ARRIVAL = 0
    """P of a known earthquake begins in it."""
    LABELLED = 1
    """All its seconds have that label."""
    AWAY_FROM_ARRIVALS = 2
    """Nothing is labelled, and no known arrival of its site is near."""
    CODA = 3
    """It lies in the coda of a known P, before any other P."""


class Split(IntEnum):
    """What a wavelet is for (uint8)."""

    TRAIN = 0
    """To fit weights."""
    VALIDATION = 1
    """To choose when to stop, thresholds and settings."""
    TEST = 2
    """To report; looked at once."""


class Undetermined(IntEnum):
    """Why an hour that has data could not be labelled (uint8)."""

    NONE = 0
    """It was labelled."""
    TOO_FEW_WINDOWS = 1
    """Too few usable windows to choose candidates from."""
    NO_CANDIDATES_KEPT = 2
    """(Nearly) no quiet window passed the first selection."""
    NO_RANDOM_NOISE = 3
    """A round left (nearly) no random noise to compare with."""
    NO_NOT_RANDOM_NOISE = 4
    """A round left too few windows that are not random noise for a standard deviation."""
    NO_SPREAD = 5
    """Windows correlate all equally, as copies of one waveform do: there is no scale."""
    NOT_RUN = 255
    """Never written."""


class NoData(IntEnum):
    """Why the samples of a window cannot be used (uint8)."""

    NONE = 0
    """They can."""
    MISSING = 1
    """Not recorded, or not a finite number."""
    CONSTANT = 2
    """The recorder repeated one value."""
    CLIPPED = 3
    """The recorder was at its full scale."""
    NOT_RUN = 255
    """Never written."""


class State(IntEnum):
    """State of one station and shard of WAVEFORMS, or of one wavelet (uint8)."""

    READY = 0
    """Written; of WAVEFORMS, coverage says where there are data."""
    FAILED = 254
    """Its task failed."""
    NOT_RUN = 255
    """Its task has not run."""


class ScoreState(IntEnum):
    """State of one station and second of SCORES (uint8)."""

    READY = 0
    """It has probabilities."""
    NO_DATA = 253
    """The window of this second touches a gap or a stopped recorder."""
    FAILED = 254
    """The task that should have classified it failed."""
    NOT_RUN = 255
    """Never written."""


def flag_attributes(codes: type[IntEnum]) -> dict[str, list[int] | str]:
    """Describe codes by the attributes of the CF conventions, section 3.5.

    Parameters
    ----------
    codes : type of IntEnum
        One of the enumerations here.

    Returns
    -------
    dict
        ``flag_values`` (plain ints, as JSON takes them) and ``flag_meanings`` (names in lower
        case, separated by blanks, in the same order).
    """
    return {
        "flag_values": [int(code) for code in codes],
        "flag_meanings": " ".join(code.name.lower() for code in codes),
    }
