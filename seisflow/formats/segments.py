"""What every reader says about a file: segments, problems and station coordinates.

Invariant: a *segment* is a run of evenly spaced samples of one station inside one file, known from
headers alone. Where its samples go on the grid is decided once for all from segments, so that no
result depends on which task reads them.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from seisflow.core.files import AnyPath
from seisflow.core.stations import Coordinates
from seisflow.formats.record_index import ByteRange, RecordIndex

__all__ = [
    "Block",
    "FileScan",
    "ManyReader",
    "Part",
    "Problem",
    "Problems",
    "Reader",
    "Run",
    "Segment",
]


@dataclass(frozen=True, slots=True)
class Block:
    """A header and its samples, undivided in the file: a miniSEED record, a trace."""

    station: str
    start_ns: int
    n_samples: int
    rate_hz: float
    dtype: str
    start_byte: int
    end_byte: int


@dataclass(frozen=True, slots=True)
class Segment(Block):
    """A run of evenly spaced samples of one station in one file: a block, or several joined.

    Parameters
    ----------
    station : str
        ``NET.STA.LOC.CHA`` as read; parts may be empty.
    start_ns : int
        Time of the first sample, ns since 1970 UTC, as the header says (not rounded to a grid).
    n_samples : int
        Number of samples the headers promise; at least 1.
    rate_hz : float
        Samples per second: the nominal rate where the header's float stands for one
        (`seisflow.core.grid.nominal_rate`), else the header's value.
    dtype : str
        NumPy name of the samples' type: int16, int32, float32 or float64.
    start_byte, end_byte : int
        Where the segment lies in the file; ``end_byte`` is exclusive.
    records : RecordIndex or None
        Which of these bytes are its own; None if they all are.
    """

    records: RecordIndex | None = field(default=None, compare=False, repr=False)

    def ranges(self, first: int, stop: int) -> list[ByteRange]:
        """Return the bytes that hold samples ``first:stop``, in the order of the file."""
        if first >= stop:
            return []
        if self.records is None:
            return [ByteRange(self.start_byte, self.end_byte, 0)]
        return self.records.ranges(first, stop)

    def cut(self, first: int, stop: int) -> "Segment":
        """Return the segment without what only other samples than ``first:stop`` need."""
        if self.records is None or (first <= 0 and stop >= self.n_samples):
            return self
        return replace(self, records=self.records.cut(first, stop))


_NUMBER = re.compile(r"[-+]?\d[\d.]*")

Part = tuple[Segment, int, int]
"""Samples ``first:stop`` of a segment."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in a file that could not be used; the rest of the file was.

    Parameters
    ----------
    path : str
        The file.
    reason : str
        What was found and why it cannot be used.
    byte : int or None
        Where in the file, where known.
    station : str
        The station concerned, or empty.
    n : int
        How often it was found in the file; all else is said of the first time.
    others : tuple of str
        Other stations of which it was found.
    """

    path: str
    reason: str
    byte: int | None = None
    station: str = ""
    n: int = 1
    others: tuple[str, ...] = ()

    def __str__(self) -> str:
        where = f" at byte {self.byte}" if self.byte is not None else ""
        whom = f" ({self.station})" if self.station else ""
        more = f"; the first of {self.n} such problems in this file" if self.n > 1 else ""
        if self.others:
            some = ", ".join(self.others[:4])
            more += f", also of {some}{', ...' if len(self.others) > 4 else ''}"
            more += f" ({len(self.others) + 1} stations)"
        return f"{self.path}{where}{whom}: {self.reason}{more}"


class Problems:
    """Collects problems: one for each kind and file, with a count, however many there are.

    Reasons that differ in their numbers alone are of one kind.
    """

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        self._first: dict[tuple[str, str], Problem] = {}
        self._n: Counter[tuple[str, str]] = Counter()
        self._stations: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
        for problem in problems:
            self.add(problem)

    def add(self, problem: Problem) -> None:
        """Take the next one."""
        key = problem.path, _NUMBER.sub("#", problem.reason)
        self._first.setdefault(key, problem)
        self._n[key] += problem.n
        self._stations[key].update(dict.fromkeys((problem.station, *problem.others)))

    def __iter__(self) -> Iterator[Problem]:
        """Yield the first of each kind, with their number."""
        for key, problem in self._first.items():
            others = tuple(s for s in self._stations[key] if s not in ("", problem.station))
            yield replace(problem, n=self._n[key], others=others)


@dataclass(frozen=True, slots=True)
class FileScan:
    """What the headers of one file say.

    ``format`` is the reader's name, or empty where no reader takes the file; then ``problems``
    says why. ``coordinates`` holds those the headers give, by station.
    """

    path: str
    format: str
    size_bytes: int
    mtime_ns: int
    segments: tuple[Segment, ...] = ()
    problems: tuple[Problem, ...] = ()
    coordinates: dict[str, Coordinates] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """Decoded samples: ``values[0]`` is sample number ``first`` of its segment."""

    first: int
    values: npt.NDArray[np.generic]


class Reader(Protocol):
    """One foreign format."""

    name: str

    def recognises(self, path: AnyPath, head: bytes) -> bool:
        """Tell from the first bytes (at most 4096) whether the file is of this format."""
        ...

    def scan(self, path: AnyPath) -> tuple[list[Segment], list[Problem], dict[str, Coordinates]]:
        """Read headers only; where a file cannot be read any further, that is a problem."""
        ...

    def read(
        self, path: AnyPath, segment: Segment, first: int, stop: int
    ) -> tuple[list[Run], list[Problem]]:
        """Decode samples ``first:stop``, bit-exact; what cannot be decoded is a problem."""
        ...


@runtime_checkable
class ManyReader(Reader, Protocol):
    """A format of which many segments of a file are read better together than one by one."""

    def read_many(
        self, path: AnyPath, parts: Sequence[Part]
    ) -> Iterator[tuple[list[Run], list[Problem]]]:
        """Decode parts of segments; yield what `read` returns, for each in turn."""
        ...
