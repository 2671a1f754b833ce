"""Where in a file the records of one segment lie, when other stations' records lie between them.

A multiplexed file is walked once, by the scan. It notes the bytes of every segment's own records,
so that reading a station takes time in proportion to that station, not to the file.

Invariant: the ranges of a segment, in order, hold its records and nothing else, and each range
starts with a record whose first sample is known by number: reading may start at any of them.

Adjacent records share a range. Where records of many stations alternate, each is a range of its
own and takes 2 to 3 bytes here; a station-day of 512-byte records at 100 Hz is 200 kB.
"""

import zlib
from array import array
from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["RANGE_BYTES", "ByteRange", "IndexBuilder", "RecordIndex"]

RANGE_BYTES = 256 << 10
"""Longest range of several records: what is read in vain, at most, to reach a sample."""

RANGES_PER_PART = 1024


class ByteRange(NamedTuple):
    """Bytes ``[start_byte, end_byte)`` of a file; their first sample is number `first`."""

    start_byte: int
    end_byte: int
    first: int


@dataclass(frozen=True, slots=True)
class _Part:
    """Some ranges in a row: gap before each, length and number of samples, as compressed bytes.

    The gap before the first counts from `start_byte`. Samples ``[first, stop)`` of the segment.
    """

    start_byte: int
    first: int
    stop: int
    packed: bytes

    def ranges(self) -> list[ByteRange]:
        gaps, lengths, n_samples = _unpacked(self.packed)
        ends = self.start_byte + np.cumsum(gaps + lengths)
        firsts = self.first + np.cumsum(n_samples) - n_samples
        columns = ((ends - lengths).tolist(), ends.tolist(), firsts.tolist())
        return [ByteRange(*row) for row in zip(*columns, strict=True)]


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """The byte ranges of a segment's own records, in the order of the file."""

    parts: tuple[_Part, ...]

    @property
    def n_bytes(self) -> int:
        """Compressed size."""
        return sum(len(part.packed) for part in self.parts)

    def ranges(self, first: int, stop: int) -> list[ByteRange]:
        """Return the ranges that hold samples ``[first, stop)`` of the segment."""
        found = [r for part in self.cut(first, stop).parts for r in part.ranges()]
        begin = max(bisect_right(found, first, key=lambda r: r.first) - 1, 0)
        return found[begin : bisect_left(found, stop, key=lambda r: r.first)]

    def cut(self, first: int, stop: int) -> "RecordIndex":
        """Return the index without parts that hold none of samples ``[first, stop)``."""
        return RecordIndex(tuple(p for p in self.parts if p.first < stop and p.stop > first))


class IndexBuilder:
    """Collects ranges in the order of the file."""

    __slots__ = ("_end_byte", "_first", "_n_samples", "_parts", "_rows", "_start_byte")

    def __init__(self) -> None:
        self._parts: list[_Part] = []
        self._rows = array("q")
        self._start_byte = self._end_byte = self._first = self._n_samples = 0

    def add(self, start_byte: int, end_byte: int, n_samples: int) -> None:
        """Add a range that holds the segment's next samples."""
        self._rows.extend((start_byte - self._end_byte, end_byte - start_byte, n_samples))
        self._end_byte = end_byte
        self._n_samples += n_samples
        if len(self._rows) == 3 * RANGES_PER_PART:
            self._pack()

    def index(self) -> RecordIndex:
        """Return the index of all ranges."""
        if self._rows:
            self._pack()
        return RecordIndex(tuple(self._parts))

    def _pack(self) -> None:
        packed = _packed(np.frombuffer(self._rows, np.int64).reshape(-1, 3).T)
        self._parts.append(_Part(self._start_byte, self._first, self._n_samples, packed))
        self._start_byte, self._first = self._end_byte, self._n_samples
        self._rows = array("q")


def _packed(columns: npt.NDArray[np.int64]) -> bytes:
    """Compress columns of small numbers byte by byte: all first bytes, then all second ones."""
    values = np.ascontiguousarray(columns, dtype="<i8")
    return zlib.compress(values.view(np.uint8).reshape(-1, 8).T.tobytes())


def _unpacked(packed: bytes) -> npt.NDArray[np.int64]:
    planes = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(8, -1)
    return np.ascontiguousarray(planes.T).view("<i8").reshape(3, -1).astype(np.int64)
