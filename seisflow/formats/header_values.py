"""Times and rates of binary headers, checked against what they can be.

Invariant: a header's number is either plausible or a ValueError that says what was found and what
is allowed; none is carried over into the next unit (minute 61 is no minute 1 of the next hour).
"""

import calendar
import datetime
import math

import numpy as np

from seisflow.core.grid import NS_PER_S
from seisflow.formats.joining import header_rate

__all__ = ["FIRST_YEAR", "LAST_YEAR", "checked_rate", "checked_start", "header_time_ns"]

FIRST_YEAR, LAST_YEAR = 1900, 2100
"""Years that a record can be of: from the first seismographs on."""

HIGHEST_RATE_HZ = 1e6

_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()


def header_time_ns(
    year: int,
    day: int,
    hour: int,
    minute: int,
    second: int,
    millisecond: int = 0,
    *,
    first_year: int = FIRST_YEAR,
) -> int:
    """Return the time that a header gives as a year and day of year.

    Parameters
    ----------
    year, day, hour, minute, second, millisecond : int
        UTC; day 1 is 1 January. Second 60 is allowed at 23:59 of 30 June and 31 December, where
        leap seconds are, and is the first second of the next day, as libmseed has it.
    first_year : int
        The earliest year allowed; the last is 2100.

    Returns
    -------
    int
        Nanoseconds since 1970-01-01 UTC.

    Raises
    ------
    ValueError
        A number is out of range; the message names all that are.
    """
    if not first_year <= year <= LAST_YEAR:
        raise ValueError(f"year {year} is not within {first_year}..{LAST_YEAR}")
    n_days = 365 + calendar.isleap(year)
    leap = (hour, minute) == (23, 59) and day in (n_days - 184, n_days)
    ranges = (
        (f"day {day} of {year}", day, range(1, n_days + 1)),
        (f"hour {hour}", hour, range(24)),
        (f"minute {minute}", minute, range(60)),
        (f"second {second}", second, range(60 + leap)),
        (f"millisecond {millisecond}", millisecond, range(1000)),
    )
    wrong = [f"{n} is not within {r[0]}..{r[-1]}" for n, value, r in ranges if value not in r]
    if wrong:
        raise ValueError("; ".join(wrong))
    days = datetime.date(year, 1, 1).toordinal() - _EPOCH_DAY + day - 1
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    return seconds * NS_PER_S + millisecond * 10**6


def checked_start(start_ns: int, first_year: int = FIRST_YEAR) -> int:
    """Return a start time in ns since 1970 UTC if it lies within the years allowed.

    Raises
    ------
    ValueError
        It does not.
    """
    first = header_time_ns(first_year, 1, 0, 0, 0)
    stop = header_time_ns(LAST_YEAR, 1, 0, 0, 0) + 365 * 86400 * NS_PER_S
    if not first <= start_ns < stop:
        years = 1970 + start_ns / (365.2425 * 86400 * NS_PER_S)
        found = f"about the year {years:.0f}" if abs(years) < 10**6 else "no calendar year"
        raise ValueError(f"a start in {found} is not within {first_year}..{LAST_YEAR}")
    return start_ns


def checked_rate(interval: float, units_per_s: float = 1.0) -> float:
    """Return the rate in Hz of a sample interval.

    Parameters
    ----------
    interval : float
        Time between samples.
    units_per_s : float
        Its unit: 1 where it is in seconds, 1e6 where it is in microseconds.

    Returns
    -------
    float
        The nominal rate it stands for, else the rate as it is.

    Raises
    ------
    ValueError
        The interval is not finite, not above 0, or makes more than a million samples a second.
    """
    if not (math.isfinite(interval) and interval > 0):
        raise ValueError(f"a sample interval of {interval:g}; it must be above 0")
    with np.errstate(over="ignore"):
        rate_hz = units_per_s / interval
    if rate_hz > HIGHEST_RATE_HZ:
        raise ValueError(f"a rate of {rate_hz:g} Hz; at most {HIGHEST_RATE_HZ:g} Hz can be")
    return header_rate(rate_hz)
