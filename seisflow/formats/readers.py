"""All readers, and the one boundary at which a bad file becomes a problem instead of an error.

Invariant: `scan_file` and `read_segment` never raise because of what a file holds; a thousand good
files are not held up by one bad one.
"""

import warnings
from collections import Counter
from collections.abc import Iterator, Sequence

from seisflow.core.files import AnyPath, is_local, open_to_read
from seisflow.core.grid import nominal_rate
from seisflow.errors import DataError
from seisflow.formats.miniseed import MiniSeedReader, holds_record
from seisflow.formats.recognised import guess, known_kind
from seisflow.formats.rg16 import Rg16Reader
from seisflow.formats.sac import SacReader
from seisflow.formats.segments import (
    FileScan,
    ManyReader,
    Part,
    Problem,
    Problems,
    Reader,
    Run,
    Segment,
)
from seisflow.formats.segy import SegyReader

__all__ = ["ALLOWED", "READERS", "read_segment", "read_segments", "scan_file"]

READERS: tuple[Reader, ...] = (MiniSeedReader(), Rg16Reader(), SacReader(), SegyReader())
"""Asked in this order; those with the strictest marks first."""

ALLOWED = "miniSEED 2 or 3, SAC, SEG-Y, Fairfield RG16"

HEAD_BYTES = 4096

LATEST_NS = 2**62
"""Times beyond 2116, or as far before 1970, are damage: sums of such would not fit 64 bits."""

CLOSE = 1e-3
"""Relative difference up to which a rate may be meant for the whole one beside it."""

PASSING = (OSError, MemoryError)
"""Errors of the machine rather than of a file: another try may do better."""


def scan_file(path: AnyPath) -> FileScan:
    """Say what a file holds, from its headers; whatever is wrong with it becomes a problem.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    FileScan
        With an empty ``format`` where no reader takes the file. Segments whose rate no grid can
        carry are left out. Problems of one kind are one, with a count.
    """
    try:
        status = path.stat()
        size, mtime = status.st_size, status.st_mtime_ns
        refusal, reader = _choose(path, size)
    except (PermissionError, FileNotFoundError) as error:
        return _refused(path, 0, 0, f"cannot be opened: {error.strerror or error}")
    if reader is None:
        return _refused(path, size, mtime, refusal)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            segments, problems, coordinates = reader.scan(path)
    except PASSING:
        raise
    except Exception as error:  # noqa: BLE001 - the boundary: recorded, and the next file goes on
        reason = f"{reader.name} file that cannot be read: {type(error).__name__}: {error}"
        return FileScan(str(path), reader.name, size, mtime, (), (Problem(str(path), reason),))
    kept, unfit = _fit_for_grid(path, segments)
    return FileScan(
        path=str(path),
        format=reader.name,
        size_bytes=size,
        mtime_ns=mtime,
        segments=tuple(kept),
        problems=tuple(Problems((*problems, *unfit))),
        coordinates=coordinates,
    )


def read_segment(
    scan_format: str, path: AnyPath, segment: Segment, first: int, stop: int
) -> tuple[list[Run], list[Problem]]:
    """Decode samples of a segment; whatever is wrong becomes a problem.

    Parameters
    ----------
    scan_format : str
        ``FileScan.format`` of the scan that found the segment.
    path : Path
        The file.
    segment : Segment
        As the scan found it.
    first, stop : int
        Half-open range of samples of the segment.

    Returns
    -------
    list of Run, list of Problem
        Runs in order, within ``first:stop``; what is in no run could not be decoded.

    Raises
    ------
    OSError
        The file cannot be read at all: gone since the scan, no permission, a disk that fails.
    """
    return next(read_segments(scan_format, path, [(segment, first, stop)]))


def read_segments(
    scan_format: str, path: AnyPath, parts: Sequence[Part]
) -> Iterator[tuple[list[Run], list[Problem]]]:
    """Decode samples of many segments of one file; yield for each what `read_segment` returns.

    Parameters
    ----------
    scan_format : str
        ``FileScan.format`` of the scan that found the segments.
    path : Path
        The file.
    parts : sequence of (Segment, int, int)
        Each segment as the scan found it, with a half-open range of its samples.

    Raises
    ------
    OSError
        As `read_segment`; what comes after cannot be read either.
    """
    reader = next((r for r in READERS if r.name == scan_format), None)
    if isinstance(reader, ManyReader) and len(parts) > 1:
        results = reader.read_many(path, parts)
    else:
        results = _one_by_one(reader, path, parts)
    for n, (segment, _, _) in enumerate(parts, 1):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = next(results)
        except PASSING:
            raise  # the machine, not the file: the task is tried again
        except Exception as error:  # noqa: BLE001 - the boundary: recorded, and the next goes on
            reason = f"cannot be read: {type(error).__name__}: {error}"
            found = [], [Problem(str(path), reason, segment.start_byte, segment.station)]
            if not isinstance(results, map):
                results = _one_by_one(reader, path, parts[n:])
        yield found


def _one_by_one(
    reader: Reader | None, path: AnyPath, parts: Sequence[Part]
) -> Iterator[tuple[list[Run], list[Problem]]]:
    """Read each segment when it is asked for; one that raises does not end the others."""

    def read(part: Part) -> tuple[list[Run], list[Problem]]:
        if reader is None:
            raise DataError("its format has no reader; scan it again")
        return reader.read(path, *part)

    return map(read, parts)


def _choose(path: AnyPath, size: int) -> tuple[str, Reader | None]:
    """Pick the reader of a file, or say why there is none."""
    if is_local(path) and path.is_dir():
        next(path.iterdir(), None)  # raises where it may not be entered
        return "a folder, not a file", None
    if is_local(path) and not path.is_file():
        return "not an ordinary file", None
    if size == 0:
        return "an empty file (0 bytes)", None
    with open_to_read(path) as file:
        head = file.read(HEAD_BYTES)
    named = known_kind(head)
    if named:
        return f"{named}; read are {ALLOWED}", None
    reader = next((r for r in READERS if r.recognises(path, head)), None)
    if reader is None and holds_record(path):
        reader = READERS[0]
    if reader is None:
        return f"{guess(head)}; read are {ALLOWED}", None
    return "", reader


def _refused(path: AnyPath, size: int, mtime_ns: int, reason: str) -> FileScan:
    return FileScan(str(path), "", size, mtime_ns, (), (Problem(str(path), reason),))


def _nearly(rate_hz: float) -> str:
    """Say how far a rate is from a whole one, where it is close."""
    whole = round(rate_hz)
    if whole < 1 or abs(rate_hz - whole) > CLOSE * rate_hz:
        return ""
    parts = 1e6 * abs(rate_hz / whole - 1)
    return (
        f", {parts:.3g} parts in a million off {whole} Hz (an error of the header, or a clock that "
        f"drifts {86.4e-3 * parts:.3g} s a day)"
    )


def _fit_for_grid(path: AnyPath, segments: list[Segment]) -> tuple[list[Segment], list[Problem]]:
    """Leave out segments whose time or rate has no grid; say how many samples at which rates."""
    kept: list[Segment] = []
    beyond: list[Segment] = []
    unfit: Counter[tuple[str, float]] = Counter()
    for segment in segments:
        if not abs(segment.start_ns) < LATEST_NS:
            beyond.append(segment)
        elif nominal_rate(segment.rate_hz) is not None:
            kept.append(segment)
        else:
            unfit[segment.station, segment.rate_hz] += segment.n_samples
    problems = [
        Problem(
            str(path),
            f"{n_samples} samples at {rate:.9g} Hz{_nearly(rate)}; a rate must be at least 1 Hz "
            "and give a whole number of samples in ten minutes",
            station=station,
        )
        for (station, rate), n_samples in sorted(unfit.items())
    ]
    problems += [
        Problem(str(path), "its time lies beyond the years 1824 to 2116", p.start_byte, p.station)
        for p in beyond
    ]
    return kept, problems
