"""miniSEED 2 and 3, record by record, with libmseed (pymseed).

Invariant: the scan walks a file once and notes the bytes of every record that it takes; reading
decodes these records and no others, so it meets exactly what the scan counted, in time that grows
with what is read, not with the file around it. A record is used whole or not at all: one whose
samples fail their own check (Steim's last sample, the CRC of version 3) leaves a hole, and no
sample is invented.
"""

import math
import re
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
from pymseed import DataEncoding, MiniSEEDError, MS3Record, get_error_messages, sourceid2nslc

from seisflow.core.files import AnyPath, open_to_read, read_ranges
from seisflow.core.stations import Coordinates
from seisflow.formats.joining import (
    RunBuilder,
    SegmentBuilder,
    continues,
    header_rate,
    station_name,
)
from seisflow.formats.record_index import ByteRange
from seisflow.formats.segments import Block, Part, Problem, Problems, Run, Segment

__all__ = ["MiniSeedReader", "holds_record"]

CHUNK_BYTES = 16 << 20
"""Read at a time; more than the longest record (10 MiB), so that any record fits."""

MARGIN_BYTES = 256 << 10
"""A record this close to the end of a chunk is left to the next: twice the longest of version 2,
whose length libmseed may have to guess from what follows."""

SEARCH_OVERLAP_BYTES = 64

DECODED_BYTES = 1 << 20
"""Records decoded in one go; those of a multiplexed file are put together to so much."""

HEADER = re.compile(
    rb"[0-9 \x00]{6}[DRQM][ \x00].{16}[\x00-\x17][\x00-\x3b][\x00-\x3c]"
    rb"|MS\x03.{9}[\x00-\x17][\x00-\x3b][\x00-\x3c]",
    re.DOTALL,
)
"""The test libmseed itself makes: sequence number, quality, hour, minute and second."""

CONTROL = re.compile(rb"[0-9 ]{6}[VAST][ *]")
"""A control header of full SEED, which stands before the first data record."""

DTYPES = {
    -1: "int32",
    DataEncoding.INT16: "int32",
    DataEncoding.INT32: "int32",
    DataEncoding.FLOAT32: "float32",
    DataEncoding.FLOAT64: "float64",
    DataEncoding.STEIM1: "int32",
    DataEncoding.STEIM2: "int32",
    DataEncoding.GEOSCOPE24: "float32",
    DataEncoding.GEOSCOPE163: "float32",
    DataEncoding.GEOSCOPE164: "float32",
    DataEncoding.CDSN: "int32",
    DataEncoding.SRO: "int32",
    DataEncoding.DWWSSN: "int32",
}
"""Type of the decoded samples by encoding; text has none. Records without blockette 1000 name no
encoding (-1); libmseed takes them for Steim 1, whose own check tells if that was wrong."""

TIMES_NS = range(-(2**62), 2**62)
"""Times libmseed can mean; outside are its marks for unset and error."""


_Found = tuple[tuple[int, int], MS3Record]
"""First byte and end byte of a record, and the record itself."""


class MiniSeedReader:
    """Reader of miniSEED 2 and 3, multiplexed or not, and of the data records of full SEED."""

    name = "miniSEED"

    def recognises(self, path: AnyPath, head: bytes) -> bool:
        """Tell by a record header or, in full SEED, a control header at the start."""
        del path
        return HEADER.match(head) is not None or CONTROL.match(head) is not None

    def scan(self, path: AnyPath) -> tuple[list[Segment], list[Problem], dict[str, Coordinates]]:
        """Read all record headers.

        Unreadable bytes are a problem with their place, and the search for the next record goes
        on behind them. Records without samples (logs, events) are passed over; they are a problem
        only where the file holds nothing else.
        """
        walk = _Walk(path)
        builder, stations = SegmentBuilder(), _StationNames()
        unused: Counter[tuple[str, str]] = Counter()
        n_empty = 0
        for span, record in walk.records():
            block = _block(record, stations, span)
            if isinstance(block, Block):
                builder.add(block)
            elif block is None:
                n_empty += 1
            else:
                unused[stations.of(record), block] += 1
        segments, problems = builder.segments(), list(walk.problems)
        for (station, reason), count in sorted(unused.items()):
            problems.append(Problem(str(path), f"{count} records of {reason}", station=station))
        if not segments and not problems:
            found = f"{n_empty} records of text, events or nothing" if n_empty else "no data record"
            problems.append(Problem(str(path), f"no samples: {found}"))
        return segments, problems, {}

    def read(
        self, path: AnyPath, segment: Segment, first: int, stop: int
    ) -> tuple[list[Run], list[Problem]]:
        """Decode the records that hold samples ``first:stop``; a damaged one leaves a hole."""
        return next(self.read_many(path, [(segment, first, stop)]))

    def read_many(
        self, path: AnyPath, parts: Sequence[Part]
    ) -> Iterator[tuple[list[Run], list[Problem]]]:
        """Decode parts of segments; the file is opened once, and asked for their bytes alone.

        Bytes that the scan could not read are not reported a second time.
        """
        plans = [segment.ranges(first, stop) for segment, first, stop in parts]
        contents = read_ranges(path, ((r.start_byte, r.end_byte) for plan in plans for r in plan))
        for (segment, first, stop), plan in zip(parts, plans, strict=True):
            runs = RunBuilder(segment, first, stop, plan[0].first if plan else 0)
            held = zip(plan, islice(contents, len(plan)), strict=True)
            problems = list(Problems(_fill(path, segment, runs, held)))
            for _ in held:
                pass  # left where the file has changed
            yield runs.runs(), problems


def holds_record(path: AnyPath) -> bool:
    """Tell whether a record starts in the first 64 KiB of a file whose start is something else."""
    with open_to_read(path) as file:
        return HEADER.search(file.read(1 << 16)) is not None


def _fill(
    path: AnyPath, segment: Segment, runs: RunBuilder, held: Iterator[tuple[ByteRange, bytes]]
) -> Iterator[Problem]:
    """Decode the records in some byte ranges of a segment; yield what is wrong with them."""
    stations = _StationNames()
    try:
        for span, record in _own_records(held):
            block = _block(record, stations, span)
            if not isinstance(block, Block) or not continues(segment, runs.position, block):
                break
            begin, end = runs.advance(block.n_samples)
            values = _decoded(record, block) if begin < end else None
            if isinstance(values, str):
                yield Problem(str(path), values, block.start_byte, segment.station)
            elif values is not None:
                runs.put(values[begin:end])
    except MiniSEEDError:
        pass  # a record is no longer where one was
    if not runs.complete:
        reason = "fewer samples than when the file was scanned; it has changed since"
        yield Problem(str(path), reason, segment.start_byte, segment.station)


def _own_records(held: Iterator[tuple[ByteRange, bytes]]) -> Iterator[_Found]:
    """Yield the records of byte ranges; each is valid only until the next is asked for.

    libmseed is given many ranges as one stretch: they hold nothing but records.
    """
    for ranges, data in _stretches(held):
        places = iter(ranges)
        begin = end = offset = 0
        for record in MS3Record.from_buffer(data):
            if offset >= end:
                byte, length = next(places)
                begin, end = byte - end, end + length
            yield (begin + offset, begin + offset + record.reclen), record
            offset += record.reclen


def _stretches(
    held: Iterator[tuple[ByteRange, bytes]],
) -> Iterator[tuple[list[tuple[int, int]], bytes]]:
    """Put ranges together; yield first byte and length of each, and what they hold."""
    places: list[tuple[int, int]] = []
    contents: list[bytes] = []
    size = 0
    for at, content in held:
        places.append((at.start_byte, len(content)))
        contents.append(content)
        size += len(content)
        if size >= DECODED_BYTES:
            yield places, b"".join(contents)
            places, contents, size = [], [], 0
    if size:
        yield places, b"".join(contents)


class _Walk:
    """One pass over the records of a file, past whatever is unreadable."""

    def __init__(self, path: AnyPath) -> None:
        self._path = path
        self._end_byte = path.stat().st_size
        self.problems = Problems()
        self._seen_record = False
        self._control = False
        self._length = 0
        self._bad: tuple[int, str] | None = None

    def records(self) -> Iterator[_Found]:
        """Yield each record with its bytes; it is valid only until the next is asked for."""
        byte = 0
        with open_to_read(self._path) as file:
            while byte < self._end_byte:
                file.seek(byte)
                wanted = min(CHUNK_BYTES, self._end_byte - byte)
                chunk = file.read(wanted)
                last = byte + len(chunk) >= self._end_byte or len(chunk) < wanted
                byte += yield from self._chunk(chunk, byte, last=last)
                if last:
                    break
        self._close_bad(byte)

    def _chunk(self, chunk: bytes, base: int, *, last: bool) -> Generator[_Found, None, int]:
        """Yield the records of a chunk; return how many bytes are done with."""
        offset, end = 0, len(chunk) if last else len(chunk) - MARGIN_BYTES
        view = memoryview(chunk)
        while offset < end:
            try:
                for record in MS3Record.from_buffer(view[offset:]):
                    length = record.reclen
                    inner = self._hidden_record(chunk, offset, length)
                    if inner:
                        offset = self._skip(chunk, base, offset, inner[1], inner[0])
                        break
                    self._close_bad(base + offset)
                    self._seen_record, self._length = True, length
                    yield (base + offset, base + offset + length), record
                    offset += length
                    if offset >= end:
                        break
            except MiniSEEDError as error:
                if not last and offset and _is_cut(error):
                    return offset
                offset = self._skip(chunk, base, offset, _reason(error))
        return offset

    def _skip(
        self, chunk: bytes, base: int, offset: int, reason: str, to: int | None = None
    ) -> int:
        """Note what cannot be read and return where to go on."""
        if not self._seen_record and CONTROL.match(chunk, offset) is not None:
            self._control = True
        if self._bad is None and not (self._control and not self._seen_record):
            self._bad = (base + offset, reason)
        if to is not None:
            return to
        found = HEADER.search(chunk, offset + 1)
        return found.start() if found else max(len(chunk) - SEARCH_OVERLAP_BYTES, offset + 1)

    def _close_bad(self, byte: int) -> None:
        """Report the unreadable stretch that ends here, if there is one."""
        if self._bad is not None:
            start, reason = self._bad
            text = f"{reason}; {byte - start} bytes not used"
            self.problems.add(Problem(str(self._path), text, start))
            self._bad = None

    def _hidden_record(self, chunk: bytes, offset: int, length: int) -> tuple[int, str] | None:
        """Find a record inside one that is longer than the last: its length is then damaged."""
        if not self._seen_record or length <= self._length or chunk[offset : offset + 2] == b"MS":
            return None
        step = max(self._length, SEARCH_OVERLAP_BYTES)
        for inner in range(offset + step, offset + length, step):
            if HEADER.match(chunk, inner):
                reason = f"a record says it is {length} bytes long and holds another one"
                return inner, reason
        return None


class _StationNames:
    """Station names by source identifier, each worked out once."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def of(self, record: MS3Record) -> str:
        """Return ``NET.STA.LOC.CHA`` of a record."""
        try:
            source = record.sourceid
        except UnicodeDecodeError as error:
            source = bytes(error.object).decode("ascii", "ignore")
        name = self._names.get(source)
        if name is None:
            name = self._names[source] = _name(source)
        return name


def _name(source: str) -> str:
    """Turn a source identifier into a station's name; one of another namespace is a station."""
    try:
        return station_name(*sourceid2nslc(source))
    except ValueError:
        return station_name("", source.partition(":")[2] or source, "", "")


def _block(record: MS3Record, stations: _StationNames, span: tuple[int, int]) -> Block | str | None:
    """Read a record's header; text says why its samples cannot be used, None that it has none."""
    n_samples, encoding = record.samplecnt, record.encoding
    if n_samples <= 0 or encoding == DataEncoding.TEXT:
        return None
    dtype = DTYPES.get(encoding)
    if dtype is None:
        return f"encoding {encoding}, which libmseed does not decode"
    rate_hz, start_ns = record.samprate, record.starttime
    if not 0 < rate_hz < math.inf:
        return f"samples at a rate of {rate_hz} Hz"
    if start_ns not in TIMES_NS:
        return "samples without a valid time"
    return Block(stations.of(record), start_ns, n_samples, header_rate(rate_hz), dtype, *span)


def _decoded(record: MS3Record, block: Block) -> npt.NDArray[np.generic] | str:
    """Decode a record; return its samples, or why they cannot be trusted.

    libmseed only logs a failed Steim check and returns the samples all the same. The samples lie
    in memory that the next record takes over.
    """
    try:
        n_samples = record.unpack_data()
    except MiniSEEDError as error:
        return f"{_reason(error)}; its {block.n_samples} samples are left out"
    doubts = [m for m in get_error_messages() if "integrity" in m]
    if doubts:
        return f"{_plain(doubts[0])}; its {block.n_samples} samples are left out"
    values: npt.NDArray[np.generic] = record.np_datasamples
    if n_samples != block.n_samples or values.dtype != block.dtype:
        return f"decodes to {n_samples} {values.dtype}, not to {block.n_samples} {block.dtype}"
    return values


def _is_cut(error: MiniSEEDError) -> bool:
    """Tell whether parsing failed because the buffer ended."""
    return "Incomplete" in str(error)


def _reason(error: MiniSEEDError) -> str:
    """Say in plain words what libmseed could not do."""
    if _is_cut(error):
        return "a record is cut off"
    if "No miniSEED data" in str(error):
        return "no miniSEED record"
    return _plain(str(error.error_messages[-1] if error.error_messages else error))


def _plain(message: str) -> str:
    """Strip libmseed's prefixes and the source identifier, which the problem names anyway."""
    text = message.removesuffix(":: Error parsing miniSEED record").strip()
    return re.sub(r"^(Error: |Warning: |\S*?:\S+: )*", "", text)
