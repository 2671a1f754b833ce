"""What every reader says about a file: pieces, problems and station coordinates.

Invariant: a *piece* is a run of evenly spaced samples of one station inside one file, known from
headers alone. Where its samples go on the grid is decided once for all from pieces, so that no
result depends on which task reads them.
"""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from seisflow.core.files import AnyPath
from seisflow.core.stations import Coordinates

__all__ = ["FileScan", "Piece", "Problem", "Reader", "Run"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of evenly spaced samples of one station in one file.

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
        Where the piece lies in the file; ``end_byte`` is exclusive.
    """

    station: str
    start_ns: int
    n_samples: int
    rate_hz: float
    dtype: str
    start_byte: int
    end_byte: int


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
    """

    path: str
    reason: str
    byte: int | None = None
    station: str = ""

    def __str__(self) -> str:
        where = f" at byte {self.byte}" if self.byte is not None else ""
        whom = f" ({self.station})" if self.station else ""
        return f"{self.path}{where}{whom}: {self.reason}"


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
    pieces: tuple[Piece, ...] = ()
    problems: tuple[Problem, ...] = ()
    coordinates: dict[str, Coordinates] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """Decoded samples: ``values[0]`` is sample number ``first`` of its piece."""

    first: int
    values: npt.NDArray[np.generic]


class Reader(Protocol):
    """One foreign format."""

    name: str

    def recognises(self, path: AnyPath, head: bytes) -> bool:
        """Tell from the first bytes (at most 4096) whether the file is of this format."""
        ...

    def scan(self, path: AnyPath) -> tuple[list[Piece], list[Problem], dict[str, Coordinates]]:
        """Read headers only; where a file cannot be read any further, that is a problem."""
        ...

    def read(
        self, path: AnyPath, piece: Piece, first: int, stop: int
    ) -> tuple[list[Run], list[Problem]]:
        """Decode samples ``first:stop``, bit-exact; what cannot be decoded is a problem."""
        ...
