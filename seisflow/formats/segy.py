"""SEG-Y revision 0, 1 and 2: every trace is a segment.

Invariant: a trace is used only where its own header tells when it was recorded, and samples are
never taken for a trace header. Times said to be of another basis than UTC are taken for UTC and
named. SEG-Y has no station codes; the name is
``.<field record>..<trace number>`` (bytes 9-12 and 13-16 of the trace header, for the second the
sequence number in the file, bytes 5-8 or 1-4, where it is 0).
"""

import io
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

from seisflow.core.files import AnyPath, open_to_read
from seisflow.core.stations import Coordinates
from seisflow.formats.joining import require_samples, station_name
from seisflow.formats.obspy_import import DATA_SAMPLE_FORMAT_UNPACK_FUNCTIONS
from seisflow.formats.segments import Problem, Run, Segment
from seisflow.formats.segy_headers import (
    BINARY_BYTE,
    TEXT_BYTES,
    TRACE_HEADER_BYTES,
    TRACES_BYTE,
    Layout,
    TraceHeader,
    UnusableTraceError,
    begins_stanza,
    byte_order,
    read_layout,
    sample_format,
    trace_header,
)

__all__ = ["SegyReader"]

DTYPES = {1: "float32", 2: "int32", 3: "int16", 5: "float32"}
"""Sample formats read: IBM float, int32, int16, IEEE float."""


class SegyReader:
    """Reader of SEG-Y files of either byte order."""

    name = "SEG-Y"

    def recognises(self, path: AnyPath, head: bytes) -> bool:
        """Tell by the binary header: a sample format, an interval, a count and a revision."""
        del path
        return byte_order(head) != ""

    def scan(self, path: AnyPath) -> tuple[list[Segment], list[Problem], dict[str, Coordinates]]:
        """Read the trace headers; traces that cannot be used are one problem of each kind."""
        with open_to_read(path) as file:
            try:
                layout = read_layout(file)
            except ValueError as error:
                return [], [Problem(str(path), str(error), BINARY_BYTE)], {}
            if layout.code not in DTYPES:
                reason = f"SEG-Y sample format {layout.code}; read are {sorted(DTYPES)}"
                return [], [Problem(str(path), reason, BINARY_BYTE + 24)], {}
            return (*_traces(path, file, layout), {})

    def read(
        self, path: AnyPath, segment: Segment, first: int, stop: int
    ) -> tuple[list[Run], list[Problem]]:
        """Decode samples of one trace, IBM floats as obspy does."""
        first, stop = max(first, 0), min(stop, segment.n_samples)
        with open_to_read(path) as file:
            head = file.read(TRACES_BYTE)
            order = byte_order(head)
            code = sample_format(head, order) if order else 0
            if DTYPES.get(code) != segment.dtype:
                return [], [Problem(str(path), "the file has changed since it was scanned")]
            itemsize = np.dtype(segment.dtype).itemsize
            file.seek(segment.end_byte - (segment.n_samples - first) * itemsize)
            count = max(stop - first, 0)
            data = file.read(count * itemsize)
        require_samples(len(data) // itemsize, count)
        return [Run(first, _decoded(data, code, order))] if data else [], []


class _Faults:
    """Faults of a file's traces, one problem for each kind."""

    def __init__(self, path: AnyPath) -> None:
        self._path = str(path)
        self._counts: Counter[str] = Counter()
        self._first: dict[str, tuple[int, str]] = {}
        self._others: list[Problem] = []

    def add(self, byte: int, kind: str, case: str = "") -> None:
        """Count a trace with a fault; byte and case are kept of the first of a kind."""
        self._counts[kind] += 1
        self._first.setdefault(kind, (byte, f" ({case})" if case else ""))

    def add_of_file(self, byte: int, reason: str) -> None:
        """Add a fault of the file, not of a trace."""
        self._others.append(Problem(self._path, reason, byte))

    def problems(self) -> list[Problem]:
        """Return all as problems."""
        counted = []
        for kind, (byte, case) in self._first.items():
            reason = f"{self._counts[kind]} SEG-Y traces {kind}{case}"
            counted.append(Problem(self._path, reason, byte))
        return self._others + counted


def _traces(path: AnyPath, file: BinaryIO, layout: Layout) -> tuple[list[Segment], list[Problem]]:
    """Walk over the traces and sort them into usable and not."""
    segments: list[Segment] = []
    faults = _Faults(path)
    n_traces = 0
    for byte, trace, present in _walk(file, layout, path.stat().st_size):
        if isinstance(trace, str):
            faults.add_of_file(byte, trace)
            continue
        n_traces += 1
        try:
            segments.append(_segment(byte, trace, present, layout))
        except UnusableTraceError as error:
            faults.add(byte, *error.args)
            continue
        if basis := trace.other_time_basis(layout):
            said = "said to be in another time basis in bytes 167-168 of the trace header"
            faults.add(byte, said, f"{basis}, which is taken for UTC; write code 4 there if it is")
        interval_us = trace.interval_us(layout)
        if layout.interval_us not in (0, interval_us):
            case = f"{interval_us:g} us, which is taken, not {layout.interval_us:g}"
            faults.add(byte, "with another interval than the binary header's", case)
    if layout.n_traces not in (0, n_traces):
        reason = f"the binary header promises {layout.n_traces} traces, {n_traces} are there"
        faults.add_of_file(BINARY_BYTE + 312, reason)
    problems = faults.problems()
    if not segments and not problems:
        problems = [Problem(str(path), "no samples: SEG-Y headers without a trace")]
    return segments, problems


def _walk(
    file: BinaryIO, layout: Layout, size: int
) -> Iterator[tuple[int, TraceHeader | str, int]]:
    """Yield each trace with its place and the samples present; text says what ends the walk."""
    byte, first, previous = layout.first_trace_byte, None, None
    end_byte = size - TEXT_BYTES * max(layout.n_trailers, 0)
    itemsize = np.dtype(DTYPES[layout.code]).itemsize
    n_header_bytes = TRACE_HEADER_BYTES * (2 if layout.n_extensions else 1)
    while byte < end_byte:
        file.seek(byte)
        header = file.read(n_header_bytes)
        if layout.n_trailers < 0 and begins_stanza(header):
            return
        if end_byte - byte < n_header_bytes + itemsize:
            fewer = "fewer than a trace header and a sample"
            yield byte, f"cut off: {end_byte - byte} bytes, {fewer}", 0
            return
        trace = trace_header(header, layout)
        n_samples = trace.n_samples(layout)
        if not (n_samples and trace.follows(previous, first, layout)):
            yield byte, _no_header(end_byte - byte, n_samples, previous), 0
            return
        present = min((end_byte - byte - trace.n_bytes) // itemsize, n_samples)
        yield byte, trace, present
        if present < n_samples:
            yield end_byte, f"cut off: the last trace has {present} of {n_samples} samples", 0
        byte += trace.n_bytes + n_samples * itemsize
        first, previous = first or trace, trace


def _no_header(n_bytes: int, n_samples: int, previous: TraceHeader | None) -> str:
    """Say why the walk over the traces ends before the file."""
    if not n_samples:
        return f"{n_bytes} bytes not used: neither header says how many samples the trace has"
    if previous is None:
        return f"{n_bytes} bytes not used: there is no trace header where the first should be"
    return (
        f"{n_bytes} bytes not used: there is no trace header where the trace before ends; its "
        "number of samples is wrong, perhaps above the 65535 that a header holds before revision 2"
    )


def _segment(byte: int, trace: TraceHeader, n_samples: int, layout: Layout) -> Segment:
    """Return a trace as a segment; `UnusableTraceError` says why it cannot be one."""
    dtype = DTYPES[layout.code]
    number = trace.number or trace.in_file or trace.in_line
    return Segment(
        station=station_name("", str(trace.record), "", str(number)),
        start_ns=trace.start_ns(layout),
        n_samples=n_samples,
        rate_hz=trace.rate_hz(layout),
        dtype=dtype,
        start_byte=byte,
        end_byte=byte + trace.n_bytes + n_samples * np.dtype(dtype).itemsize,
    )


def _decoded(data: bytes, code: int, order: str) -> npt.NDArray[np.generic]:
    """Decode samples with obspy's functions."""
    dtype = DTYPES[code]
    count = len(data) // np.dtype(dtype).itemsize
    unpack = DATA_SAMPLE_FORMAT_UNPACK_FUNCTIONS[code]
    return np.asarray(unpack(io.BytesIO(data), count, order), dtype=dtype)
