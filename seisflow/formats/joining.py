"""Joining blocks of samples: headers into segments while scanning, samples into runs while reading.

Invariant: a segment knows the bytes of its own blocks (`seisflow.formats.record_index`), so reading
needs no times and passes over no other station: it decodes the blocks in those bytes and counts.
"""

from collections.abc import Iterator
from fractions import Fraction
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from seisflow.core.grid import DAY_NS, NS_PER_S, nominal_rate
from seisflow.errors import DataError
from seisflow.formats.record_index import RANGE_BYTES, IndexBuilder
from seisflow.formats.segments import Block, Run, Segment

__all__ = [
    "RunBuilder",
    "SegmentBuilder",
    "continues",
    "header_rate",
    "require_samples",
    "station_name",
]

TOLERANCE_PARTS = 4
"""A block may miss the time predicted from its segment's start by one of this many parts of a
sample period."""


def exact_rate(rate_hz: float) -> Fraction:
    """Return the nominal rate a float stands for, else the float itself, as a fraction."""
    return nominal_rate(rate_hz) or Fraction(rate_hz)


@lru_cache(maxsize=1024)
def header_rate(rate_hz: float) -> float:
    """Return the nominal rate a header's float stands for, else the header's value."""
    return float(nominal_rate(rate_hz) or rate_hz)


def require_samples(n_found: int, n_promised: int) -> None:
    """Refuse a block that holds another number of samples than its header promised.

    Raises
    ------
    DataError
        The numbers differ: the file has changed since it was scanned.
    """
    if n_found != n_promised:
        raise DataError(
            f"{n_found} samples where {n_promised} were when the file was scanned; scan it again"
        )


def station_name(network: str, station: str, location: str, channel: str) -> str:
    """Join four codes to ``NET.STA.LOC.CHA``.

    Blanks around a code and control characters are left out. A dot, a slash or a letter beyond
    ASCII becomes an underscore, so that the name has four parts and can name a folder; a code of
    nothing but these is empty.
    """
    return ".".join(_code(code) for code in (network, station, location, channel))


def _code(text: str) -> str:
    """Clean one code."""
    printable = "".join(c for c in text if c.isprintable()).strip()
    code = "".join(c if c.isascii() and c not in "./\\" else "_" for c in printable)
    return code if code.strip("_") else ""


@lru_cache(maxsize=1024)
def _period_ns(rate_hz: float) -> tuple[int, int]:
    """Return the sample period as a fraction of whole nanoseconds."""
    return (NS_PER_S / exact_rate(rate_hz)).as_integer_ratio()


def continues(first: Block, n_samples: int, block: Block) -> bool:
    """Tell whether a block goes on `n_samples` after the first sample of a segment.

    It has the station, rate and type of the segment and starts on the same UTC day, within a
    quarter of a sample of the time predicted from the first sample, without drift.
    """
    if (
        block.rate_hz != first.rate_hz
        or block.dtype != first.dtype
        or block.station != first.station
    ):
        return False
    numerator, denominator = _period_ns(first.rate_hz)
    elapsed = (block.start_ns - first.start_ns) * denominator
    miss = abs(elapsed - n_samples * numerator)
    on_time = miss * TOLERANCE_PARTS <= numerator
    return on_time and block.start_ns // DAY_NS == first.start_ns // DAY_NS


class _Growing:
    """A segment that may still grow."""

    __slots__ = ("_index", "_range_byte", "_range_first", "end_byte", "first", "n_samples")

    def __init__(self, first: Block) -> None:
        self.first = first
        self.n_samples = first.n_samples
        self.end_byte = first.end_byte
        self._range_byte, self._range_first = first.start_byte, 0
        self._index: IndexBuilder | None = None

    def grow(self, block: Block) -> None:
        """Add a block that continues the segment."""
        if block.start_byte != self.end_byte or block.end_byte - self._range_byte > RANGE_BYTES:
            self._close_range()
            self._range_byte, self._range_first = block.start_byte, self.n_samples
        self.n_samples += block.n_samples
        self.end_byte = block.end_byte

    def _close_range(self) -> None:
        if self._index is None:
            self._index = IndexBuilder()
        self._index.add(self._range_byte, self.end_byte, self.n_samples - self._range_first)

    def segment(self) -> Segment:
        """Return the segment; it grows no more."""
        first = self.first
        if self._index is not None:
            self._close_range()
        return Segment(
            station=first.station,
            start_ns=first.start_ns,
            n_samples=self.n_samples,
            rate_hz=first.rate_hz,
            dtype=first.dtype,
            start_byte=first.start_byte,
            end_byte=self.end_byte,
            records=None if self._index is None else self._index.index(),
        )


class SegmentBuilder:
    """Turns blocks, given in file order, into segments.

    A segment of a station is continued while rate and type stay the same, the next block starts
    within a quarter of a sample of the time predicted from the segment's first sample, and on the
    same UTC day. Anything else, a repeated block too, starts a new segment.
    """

    def __init__(self) -> None:
        self._open: dict[str, tuple[int, _Growing]] = {}
        self._segments: list[Segment | None] = []

    def add(self, block: Block) -> None:
        """Take the next block of the file."""
        found = self._open.get(block.station)
        if found is not None:
            number, growing = found
            if continues(growing.first, growing.n_samples, block):
                growing.grow(block)
                return
            self._segments[number] = growing.segment()
        self._open[block.station] = len(self._segments), _Growing(block)
        self._segments.append(None)

    def segments(self) -> list[Segment]:
        """Return all segments, in the order in which they start in the file; the last call."""
        for number, growing in self._open.values():
            self._segments[number] = growing.segment()
        self._open.clear()
        return [segment for segment in self._segments if segment is not None]


class RunBuilder:
    """Collects the samples ``first:stop`` of a segment from blocks met in file order.

    Blocks that are skipped leave a hole, and the samples on either side become separate runs.
    The first block to come holds sample `position`.
    """

    def __init__(self, segment: Segment, first: int, stop: int, position: int = 0) -> None:
        self.first = max(first, 0)
        self.stop = min(stop, segment.n_samples)
        self.position = position
        self._asked = 0
        size = max(self.stop - self.first, 0)
        self._values: npt.NDArray[np.generic] = np.empty(size, dtype=segment.dtype)
        self._filled: list[tuple[int, int]] = []

    @property
    def complete(self) -> bool:
        """Whether the walk has passed the last sample asked for."""
        return self.position >= self.stop or self.first >= self.stop

    def advance(self, n_samples: int) -> tuple[int, int]:
        """Pass over the next block; return which of its samples are asked for (may be none)."""
        begin = self.position
        self.position += n_samples
        lo, hi = max(self.first - begin, 0), min(self.stop - begin, n_samples)
        self._asked = max(hi - lo, 0)
        return (lo, hi) if lo < hi else (0, 0)

    def put(self, values: npt.NDArray[np.generic]) -> None:
        """Store the samples that the last `advance` asked for; they end where the walk stands."""
        require_samples(len(values), self._asked)
        end = min(self.position, self.stop) - self.first
        begin = end - len(values)
        self._values[begin:end] = values
        if self._filled and self._filled[-1][1] == begin:
            begin = self._filled.pop()[0]
        self._filled.append((begin, end))

    def runs(self) -> list[Run]:
        """Return what was stored, joined where it touches."""
        return list(self._runs())

    def _runs(self) -> Iterator[Run]:
        for begin, end in self._filled:
            yield Run(self.first + begin, self._values[begin:end])
