"""SEG-Y revision 0 and 1: every trace is a piece.

Invariant: a trace is used only where its own header tells when it was recorded. SEG-Y has no
station codes; the name is ``.<field record>..<trace number>`` (bytes 9-12 and 13-16 of the trace
header, for the second the sequence number in the file, bytes 5-8 or 1-4, where it is 0).
"""

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from seisflow.core.files import AnyPath, open_to_read
from seisflow.core.grid import NS_PER_S
from seisflow.core.stations import Coordinates
from seisflow.formats.joining import header_rate, require_samples, station_name
from seisflow.formats.pieces import Piece, Problem, Run
from seisflow.formats.quiet_obspy import DATA_SAMPLE_FORMAT_UNPACK_FUNCTIONS

__all__ = ["SegyReader"]

BINARY_BYTE, TRACES_BYTE, TRACE_HEADER_BYTES = 3200, 3600, 240
DTYPES = {1: "float32", 2: "int32", 3: "int16", 5: "float32"}
"""Sample formats read: IBM float, int32, int16, IEEE float."""
FORMATS = range(1, 17)
REVISIONS = (0x0000, 0x0001, 0x0010, 0x0100, 0x0101, 0x0200)


class SegyReader:
    """Reader of SEG-Y files of either byte order."""

    name = "SEG-Y"

    def recognises(self, path: AnyPath, head: bytes) -> bool:
        """Tell by the binary header: a sample format, an interval, a count and a revision."""
        del path
        return _layout(head) is not None

    def scan(self, path: AnyPath) -> tuple[list[Piece], list[Problem], dict[str, Coordinates]]:
        """Read the trace headers; traces without a date are refused in one problem."""
        with open_to_read(path) as file:
            layout = _layout(file.read(TRACES_BYTE))
            if layout is None:
                return [], [Problem(str(path), "SEG-Y binary header that makes no sense")], {}
            if layout.code not in DTYPES:
                reason = f"SEG-Y sample format {layout.code}; read are {sorted(DTYPES)}"
                return [], [Problem(str(path), reason, BINARY_BYTE + 24)], {}
            return (*self._traces(path, file, layout), {})

    def _traces(
        self, path: AnyPath, file: BinaryIO, layout: "_Layout"
    ) -> tuple[list[Piece], list[Problem]]:
        """Walk over the traces and sort them into usable and not."""
        pieces: list[Piece] = []
        problems: list[Problem] = []
        undated: list[int] = []
        for byte, trace in _walk(file, layout, path.stat().st_size):
            if isinstance(trace, str):
                problems.append(Problem(str(path), trace, byte))
            elif trace.start_ns is None:
                undated.append(byte)
            else:
                pieces.append(trace.piece(byte, trace.start_ns))
        if undated:
            reason = (
                f"{len(undated)} SEG-Y traces without a date (year 0 in bytes 157-158 of the trace "
                "header); their samples have no absolute time"
            )
            problems.append(Problem(str(path), reason, undated[0]))
        if not pieces and not problems:
            problems.append(Problem(str(path), "no samples: SEG-Y headers without a trace"))
        return pieces, problems

    def read(
        self, path: AnyPath, piece: Piece, first: int, stop: int
    ) -> tuple[list[Run], list[Problem]]:
        """Decode samples of one trace, IBM floats as obspy does."""
        first, stop = max(first, 0), min(stop, piece.n_samples)
        with open_to_read(path) as file:
            layout = _layout(file.read(TRACES_BYTE))
            if layout is None:
                return [], [Problem(str(path), "the file has changed since it was scanned")]
            itemsize = np.dtype(piece.dtype).itemsize
            file.seek(piece.start_byte + TRACE_HEADER_BYTES + first * itemsize)
            count = max(stop - first, 0)
            data = file.read(count * itemsize)
        require_samples(len(data) // itemsize, count)
        return [Run(first, _decoded(data, layout))] if data else [], []


@dataclass(frozen=True, slots=True)
class _Layout:
    """What the binary header says of all traces."""

    order: str
    code: int
    interval_us: int
    n_samples: int
    fixed_length: bool
    first_trace_byte: int


@dataclass(frozen=True, slots=True)
class _Trace:
    """What one trace header says; `start_ns` is None where it has no date."""

    station: str
    start_ns: int | None
    interval_us: int
    n_samples: int
    dtype: str

    def piece(self, byte: int, start_ns: int) -> Piece:
        """Return the trace as a piece that lies at a byte of the file."""
        size = TRACE_HEADER_BYTES + self.n_samples * np.dtype(self.dtype).itemsize
        rate_hz = header_rate(1e6 / self.interval_us)
        return Piece(self.station, start_ns, self.n_samples, rate_hz, self.dtype, byte, byte + size)


def _layout(head: bytes) -> _Layout | None:
    """Read the binary header; None where it is not one."""
    if len(head) < TRACES_BYTE:
        return None
    for order in "><":
        interval, n_samples, code = struct.unpack_from(f"{order}H2xH2xH", head, BINARY_BYTE + 16)
        revision, fixed, n_extended = struct.unpack_from(f"{order}Hhh", head, BINARY_BYTE + 300)
        sane = interval > 0 and n_samples > 0 and fixed in (0, 1) and 0 <= n_extended < 1000
        if code in FORMATS and revision in REVISIONS and sane:
            extended = 3200 * n_extended if revision else 0
            start = TRACES_BYTE + extended
            return _Layout(order, code, interval, n_samples, fixed == 1, start)
    return None


def _walk(file: BinaryIO, layout: _Layout, size: int) -> Iterator[tuple[int, _Trace | str]]:
    """Yield each trace with its place; text says what is wrong with the last one."""
    byte = layout.first_trace_byte
    itemsize = np.dtype(DTYPES[layout.code]).itemsize
    while byte < size:
        file.seek(byte)
        header = file.read(TRACE_HEADER_BYTES)
        present = (size - byte - TRACE_HEADER_BYTES) // itemsize
        if present < 1:
            yield byte, f"cut off: {size - byte} bytes, fewer than a trace header and a sample"
            return
        n_samples = _n_samples(header, layout)
        yield byte, _trace(header, layout, min(n_samples, present))
        if present < n_samples:
            yield size, f"cut off: the last trace has {present} of {n_samples} samples"
        byte += TRACE_HEADER_BYTES + n_samples * itemsize


def _n_samples(header: bytes, layout: _Layout) -> int:
    """Count a trace's samples: as its header says, unless all have one length or it is 0."""
    (own,) = struct.unpack_from(f"{layout.order}H", header, 114)
    return layout.n_samples if layout.fixed_length or own == 0 else int(own)


def _trace(header: bytes, layout: _Layout, n_samples: int) -> _Trace:
    """Read what a trace header says."""
    in_line, in_file, record, number = struct.unpack_from(f"{layout.order}4i", header, 0)
    (own_interval,) = struct.unpack_from(f"{layout.order}H", header, 116)
    return _Trace(
        station=station_name("", str(record), "", str(number or in_file or in_line)),
        start_ns=_start_ns(header, layout.order),
        interval_us=own_interval or layout.interval_us,
        n_samples=n_samples,
        dtype=DTYPES[layout.code],
    )


def _start_ns(header: bytes, order: str) -> int | None:
    """Time of the first sample: year, day, hour, minute, second and the recording delay in ms.

    Two-digit years are 1930 to 2029, as obspy reads them. obspy leaves out the delay.
    """
    year, day, hour, minute, second = struct.unpack_from(f"{order}5h", header, 156)
    if year <= 0 or not 1 <= day <= 366:
        return None
    century = (2000 if year < 30 else 1900) if year < 100 else 0
    (delay,) = struct.unpack_from(f"{order}h", header, 108)
    (scalar,) = struct.unpack_from(f"{order}h", header, 214)
    delay_ns = delay * 10**6 * (scalar if scalar > 0 else 1) // (-scalar if scalar < 0 else 1)
    days = int(np.datetime64(f"{year + century:04d}-01-01", "D").astype(np.int64)) + day - 1
    return int((days * 86400 + hour * 3600 + minute * 60 + second) * NS_PER_S + delay_ns)


def _decoded(data: bytes, layout: _Layout) -> npt.NDArray[np.generic]:
    """Decode samples with obspy's functions."""
    dtype = DTYPES[layout.code]
    count = len(data) // np.dtype(dtype).itemsize
    unpack = DATA_SAMPLE_FORMAT_UNPACK_FUNCTIONS[layout.code]
    return np.asarray(unpack(io.BytesIO(data), count, layout.order), dtype=dtype)
