"""Fairfield receiver gathers (RG16, version 1.6-1), as nodes deliver them.

Invariant: times are the header's whole microseconds, rates the header's sixteenths of a
millisecond; no float second is made on the way. Samples are never taken for a trace header: what
is none ends the walk. Names are obspy's: ``<line>.<point>.<index>.<band>P<component>``.
"""

import struct
from collections.abc import Iterator
from typing import BinaryIO

import numpy as np

from seisflow.core.files import AnyPath, open_to_read
from seisflow.core.stations import Coordinates
from seisflow.formats.header_values import checked_rate, checked_start
from seisflow.formats.joining import RunBuilder, SegmentBuilder, station_name
from seisflow.formats.record_index import ByteRange
from seisflow.formats.segments import Block, Problem, Run, Segment

__all__ = ["Rg16Reader"]

HEADER_BYTES = 92
"""Of a trace block, up to the time of its first sample."""
BANDS = ((1000.0, "G"), (250.0, "D"), (80.0, "E"), (0.0, "B"))
"""Lowest rate in Hz of each SEED band of a short-period sensor."""
BASE_SCAN_INTERVALS = tuple(2**k for k in range(8))
"""Allowed sample intervals, in sixteenths of a millisecond."""
EXTENSIONS = range(3, 11)
"""Trace header extensions of 32 bytes; the time of the first sample is in the third."""
COMPONENTS = range(1, 10)
"""Sensor types that traces can be of."""
FIRST_YEAR = 2000
"""Clocks that were never set say earlier years: 1970 or 1980."""


class Rg16Reader:
    """Reader of Fairfield RG16 files."""

    name = "RG16"

    def recognises(self, path: AnyPath, head: bytes) -> bool:
        """Tell by sample format 8058, manufacturer 20 and version 1.6."""
        del path
        return head[2:4] == b"\x80\x58" and head[16:17] == b"\x20" and head[42:44] == b"\x01\x06"

    def scan(self, path: AnyPath) -> tuple[list[Segment], list[Problem], dict[str, Coordinates]]:
        """Read the trace headers; consecutive traces of a component are joined."""
        builder = SegmentBuilder()
        size = path.stat().st_size
        n_found = 0
        unplaced: list[tuple[int, str]] = []
        with open_to_read(path) as file:
            try:
                (byte, n_promised), rate_hz = _layout(file), _rate(file)
            except ValueError as error:
                return [], [Problem(str(path), f"RG16 header with {error}")], {}
            for block, fault in _walk(file, rate_hz, byte, size):
                if fault:
                    unplaced.append((block.start_byte, fault))
                else:
                    builder.add(block)
                byte, n_found = block.end_byte, n_found + 1
        problems: list[Problem] = []
        if n_found != n_promised or byte != size or not n_found:
            reason = (
                f"the header promises {n_promised} traces, {n_found} are whole; "
                f"{max(size - byte, 0)} bytes not used"
            )
            problems.append(Problem(str(path), reason, min(byte, size)))
        if unplaced:
            first_byte, fault = unplaced[0]
            reason = f"{len(unplaced)} RG16 traces with a time that cannot be ({fault})"
            problems.append(Problem(str(path), reason, first_byte))
        return builder.segments(), problems, {}

    def read(
        self, path: AnyPath, segment: Segment, first: int, stop: int
    ) -> tuple[list[Run], list[Problem]]:
        """Read only the trace blocks that hold samples ``first:stop``."""
        plan = segment.ranges(first, stop)
        runs = RunBuilder(segment, first, stop, plan[0].first if plan else 0)
        with open_to_read(path) as file:
            for block, fault in _own_blocks(file, segment.rate_hz, plan):
                if fault or block.station != segment.station:
                    break
                begin, end = runs.advance(block.n_samples)
                if begin < end:
                    file.seek(block.end_byte - 4 * (block.n_samples - begin))
                    data = file.read(4 * (end - begin))
                    runs.put(np.frombuffer(data, ">f4").astype("f4"))
                if runs.complete:
                    break
        if runs.complete:
            return runs.runs(), []
        reason = "fewer samples than when the file was scanned; it has changed since"
        return runs.runs(), [Problem(str(path), reason, segment.start_byte, segment.station)]


def _own_blocks(
    file: BinaryIO, rate_hz: float, plan: list[ByteRange]
) -> Iterator[tuple[Block, str]]:
    """Yield the trace blocks in some byte ranges, which hold nothing else."""
    for at in plan:
        yield from _walk(file, rate_hz, at.start_byte, at.end_byte)


def _walk(file: BinaryIO, rate_hz: float, byte: int, end_byte: int) -> Iterator[tuple[Block, str]]:
    """Yield each whole trace block between two bytes, and what is wrong with its time."""
    while byte + HEADER_BYTES <= end_byte:
        file.seek(byte)
        block = _block(file.read(HEADER_BYTES), rate_hz, byte)
        if block is None or block.end_byte > end_byte:
            return
        yield block, _fault(block)
        byte = block.end_byte


def _fault(block: Block) -> str:
    """Say why a block cannot be placed in time; empty if it can."""
    try:
        checked_start(block.start_ns, FIRST_YEAR)
    except ValueError as error:
        return str(error)
    return ""


def _layout(file: BinaryIO) -> tuple[int, int]:
    """Return where the first trace starts and how many the headers promise.

    Two general headers, the channel sets, extended and external headers stand before the traces,
    32 bytes each; there is a trace for each component and time slice.

    Raises
    ------
    ValueError
        The number of channel sets is not of decimal digits.
    """
    general = file.read(64)
    tens, ones = divmod(general[28], 16)
    if max(tens, ones) > 9:
        raise ValueError(f"{general[28]:#04x} channel sets; that is no decimal number")
    n_sets = 10 * tens + ones
    n_others = int.from_bytes(general[37:39], "big") + int.from_bytes(general[39:42], "big")
    sets = [file.read(32) for _ in range(n_sets)]
    components = {one[30] or one[1] for one in sets if len(one) == 32}
    n_slices = int.from_bytes(file.read(64)[48:52], "big")
    return 32 * (2 + n_sets + n_others), n_slices * len(components)


def _rate(file: BinaryIO) -> float:
    """Rate from the base scan interval, in sixteenths of a millisecond.

    Raises
    ------
    ValueError
        It is none of the intervals there are.
    """
    file.seek(22)
    interval = file.read(1)[0]
    if interval not in BASE_SCAN_INTERVALS:
        allowed = ", ".join(map(str, BASE_SCAN_INTERVALS))
        raise ValueError(f"a base scan interval of {interval}/16 ms; there are {allowed}")
    return checked_rate(interval, 16000)


def _block(header: bytes, rate_hz: float, byte: int) -> Block | None:
    """Read a trace header; None where there is none, or it holds no samples."""
    n_samples = int.from_bytes(header[27:30], "big")
    if n_samples == 0 or header[9] not in EXTENSIONS or header[40] not in COMPONENTS:
        return None
    line, point = int.from_bytes(header[20:23], "big"), int.from_bytes(header[23:26], "big")
    band = next((name for lowest, name in BANDS if rate_hz >= lowest), "B")
    (start_us,) = struct.unpack_from(">Q", header, 84)
    return Block(
        station=station_name(str(line), str(point), str(header[26]), f"{band}P{header[40]}"),
        start_ns=start_us * 1000,
        n_samples=n_samples,
        rate_hz=rate_hz,
        dtype="float32",
        start_byte=byte,
        end_byte=byte + 20 + 32 * header[9] + 4 * n_samples,
    )
