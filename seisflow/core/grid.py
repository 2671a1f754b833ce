"""Time: half-open spans in integer nanoseconds, and the one grid all samples lie on.

Invariant: sample ``k`` of a grid lies at ``epoch + k / rate`` exactly; no float second ever
identifies a sample. Epochs are whole UTC hours and rates have a whole number of samples in ten
minutes, so the grids of two products of one rate coincide.
"""

import math
import re
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from seisflow.errors import ConfigError

NS_PER_S = 1_000_000_000
HOUR_S = 3600
HOUR_NS = HOUR_S * NS_PER_S
DAY_NS = 24 * HOUR_NS

CHUNK_S = 600
"""Seconds in one stored chunk; a rate must have a whole number of samples in it."""

RATE_TOLERANCE = 1e-6
"""Relative difference up to which a header's rate is taken for the nominal one."""

_ISO_TIME = re.compile(
    r"(\d{4})(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d{1,9})?)?)?)?)?)?(Z|\+00:00)?"
)
_YEARS = range(1678, 2262)
"""Whole years that 64 bits of nanoseconds since 1970 can name."""


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """Half-open interval ``[start_ns, end_ns)`` of UTC, in nanoseconds since 1970."""

    start_ns: int
    end_ns: int

    def __post_init__(self) -> None:
        if self.end_ns <= self.start_ns:
            raise ConfigError(
                f"a span must end after it starts: found {format_time(self.start_ns)} to "
                f"{format_time(self.end_ns)}; the end is exclusive"
            )

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.end_ns - self.start_ns) / NS_PER_S

    def intersect(self, other: "Span") -> "Span | None":
        """Return the part common to both spans, or None."""
        start, end = max(self.start_ns, other.start_ns), min(self.end_ns, other.end_ns)
        return Span(start, end) if start < end else None

    def split(self, step_ns: int) -> list["Span"]:
        """Cut into pieces of `step_ns` counted from the start; the last may be shorter."""
        starts = range(self.start_ns, self.end_ns, step_ns)
        return [Span(s, min(s + step_ns, self.end_ns)) for s in starts]

    def widened(self, step_ns: int) -> "Span":
        """Grow to whole multiples of `step_ns` since 1970."""
        return Span(self.start_ns // step_ns * step_ns, -(-self.end_ns // step_ns) * step_ns)

    def __str__(self) -> str:
        return f"{format_time(self.start_ns)} to {format_time(self.end_ns)}"


def parse_time(text: str) -> int:
    """Read an ISO 8601 time in UTC.

    Parameters
    ----------
    text : str
        ``2014-05-29``, ``2014-05-29T17:00``, ``2014-05-29T17:00:00.000000001Z``.

    Returns
    -------
    int
        Nanoseconds since 1970-01-01 UTC.

    Raises
    ------
    ConfigError
        The text is not such a time, or lies beyond the years 1678 to 2261.
    """
    text = text.strip()
    match = _ISO_TIME.fullmatch(text)
    try:
        if match and int(match[1]) in _YEARS:
            value = np.datetime64(text.removesuffix("Z").removesuffix("+00:00"), "ns")
            return int(value.astype(np.int64))
    except ValueError:
        pass  # a 30th of February
    raise ConfigError(
        f"not a time: {text!r}; give UTC as 2014-05-29 or 2014-05-29T17:00:00.000, between "
        f"{_YEARS[0]} and {_YEARS[-1]}"
    )


def checked_time_ns(time_ns: int) -> int:
    """Return a time in ns since 1970 that 64 bits can name.

    Raises
    ------
    ConfigError
        It lies beyond the years 1678 to 2261.
    """
    if not -(2**63) < time_ns < 2**63 - 1:
        raise ConfigError(f"a time lies beyond the years {_YEARS[0]} to {_YEARS[-1]}")
    return time_ns


def format_time(time_ns: int) -> str:
    """Write nanoseconds since 1970 as ISO 8601 UTC, with no more digits than needed."""
    text = str(np.datetime64(time_ns, "ns"))
    head, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    return f"{head}.{fraction}Z" if fraction else f"{head}Z"


def nominal_rate(rate_hz: float) -> Fraction | None:
    """Return the exact rate a header's float stands for, or None if no grid can carry it.

    Parameters
    ----------
    rate_hz : float
        Samples per second as found in a header.

    Returns
    -------
    Fraction or None
        A rate of at least 1 Hz with a whole number of samples in ten minutes, within
        `RATE_TOLERANCE` of `rate_hz`.
    """
    if not (np.isfinite(rate_hz) and rate_hz > 0):
        return None
    rate = Fraction(round(rate_hz * CHUNK_S), CHUNK_S)
    fits = rate >= 1 and abs(float(rate) - rate_hz) <= RATE_TOLERANCE * rate_hz
    return rate if fits else None


Integers = TypeVar("Integers", int, npt.NDArray[np.int64])


def _round_to_ns(rest: Integers, numerator: int) -> Integers:
    return (2 * rest * NS_PER_S + numerator) // (2 * numerator)


def nearest_integer(value: Fraction) -> int:
    """Round, halves up: unlike halves to even, the same wherever a grid's epoch lies."""
    return math.floor(value + Fraction(1, 2))


@dataclass(frozen=True, slots=True)
class SampleGrid:
    """The samples of one product: ``time(k) = epoch_ns + k / rate``.

    Parameters
    ----------
    epoch_ns : int
        Time of sample 0; a whole UTC hour.
    rate : Fraction
        Samples per second, as `nominal_rate` returns it.
    n_samples : int
        Samples in the product.
    """

    epoch_ns: int
    rate: Fraction
    n_samples: int

    @classmethod
    def over(cls, span: Span, rate: Fraction) -> "SampleGrid":
        """Build the grid of a span that starts and ends on whole hours."""
        return cls(span.start_ns, rate, int((span.end_ns - span.start_ns) * rate / NS_PER_S))

    @property
    def span(self) -> Span:
        """The time the grid covers."""
        return Span(self.epoch_ns, self.time_of(self.n_samples))

    def time_of(self, index: int) -> int:
        """Time of a sample in ns, rounded to the nearest nanosecond."""
        whole, rest = divmod(index * self.rate.denominator, self.rate.numerator)
        return self.epoch_ns + whole * NS_PER_S + _round_to_ns(rest, self.rate.numerator)

    def times_of(self, indices: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Return the times of many samples in ns, by the arithmetic of `time_of`."""
        whole, rest = np.divmod(indices * self.rate.denominator, self.rate.numerator)
        times: npt.NDArray[np.int64] = (
            self.epoch_ns + whole * NS_PER_S + _round_to_ns(rest, self.rate.numerator)
        )
        return times

    def nearest(self, time_ns: int) -> int:
        """Index of the sample nearest to a time; may lie outside the product."""
        return nearest_integer((time_ns - self.epoch_ns) * self.rate / NS_PER_S)

    def first_at_or_after(self, time_ns: int) -> int:
        """Index of the first sample whose `time_of` is not before a time; may lie outside."""
        # time_of rounds halves up, so it reaches a time from half a nanosecond before it on
        ahead = (2 * (time_ns - self.epoch_ns) - 1) * self.rate.numerator
        return -(-ahead // (2 * NS_PER_S * self.rate.denominator))
