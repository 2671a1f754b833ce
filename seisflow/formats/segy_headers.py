"""SEG-Y headers of revisions 0, 1, 2.0 and 2.1: bytes in, checked numbers out.

Invariant: a number that the standard lets another override (the count of samples and the interval
in a revision 2 header or a trace header extension) is never taken for itself, and where a trace
header stands is never taken on trust (`TraceHeader.follows`).
"""

import math
import struct
from dataclasses import dataclass
from typing import BinaryIO

from seisflow.core.grid import NS_PER_S
from seisflow.formats.header_values import checked_rate, checked_start, header_time_ns

__all__ = [
    "BINARY_BYTE",
    "TEXT_BYTES",
    "TRACES_BYTE",
    "TRACE_HEADER_BYTES",
    "Layout",
    "TraceHeader",
    "UnusableTraceError",
    "begins_stanza",
    "byte_order",
    "read_layout",
    "sample_format",
    "trace_header",
]

BINARY_BYTE, TRACES_BYTE, TEXT_BYTES, TRACE_HEADER_BYTES = 3200, 3600, 3200, 240
FORMATS = range(1, 17)
REVISIONS = ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (16, 0))
"""Major and minor revisions read; some programs write 1 as 16."""
MOST_EXTENSIONS = 1000
EXTENSION_NAMES = (b"SEG00001", "SEG00001".encode("cp037"))
FIRST_YEAR = 1960
"""Digital field recording began then; years of two digits are 1960 to 2029."""
UTC_CODES = (0, 2, 4)
"""Time basis: not said, GMT and UTC."""
TIME_BASES = {
    1: "local time (code 1)",
    3: "a time basis of its own (code 3)",
    5: "GPS time (code 5)",
}
TIME_SCALARS = (0, *(sign * 10**k for k in range(5) for sign in (1, -1)))


class UnusableTraceError(ValueError):
    """A trace that cannot be placed in time: ``args`` are the kind of fault and this one's case."""


@dataclass(frozen=True, slots=True)
class Layout:
    """What the headers before the traces say of all traces; 0 where they do not say it."""

    order: str
    code: int
    interval_us: float
    n_samples: int
    fixed_length: bool
    first_trace_byte: int
    n_extensions: int = 0
    time_basis: int = 0
    n_traces: int = 0
    n_trailers: int = 0


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """What one trace header says, with its extension where there is one."""

    n_bytes: int
    named: bool
    in_line: int
    in_file: int
    record: int
    number: int
    own_samples: int
    own_interval_us: float
    date: tuple[int, int, int, int, int]
    time_basis: int
    delay_ms: int
    time_scalar: int
    nanoseconds: int = 0

    def follows(
        self, previous: "TraceHeader | None", first: "TraceHeader | None", layout: Layout
    ) -> bool:
        """Tell whether this can be the next trace header, or whether it is made of samples.

        It is one if its interval is that of the first trace, or if its number goes on from the
        trace before and its date is one; the first, if its interval is that of the file or its
        number is 1.
        """
        if not self.named:
            return False
        if previous is None or first is None:
            agrees = 0 in (layout.interval_us, self.own_interval_us)
            return agrees or self.interval_us(layout) == layout.interval_us or self._numbered(0, 0)
        if self.own_interval_us == first.own_interval_us:
            return self.own_interval_us > 0 or self.own_samples in (0, first.own_samples)
        return self._numbered(previous.in_line, previous.in_file)

    def _numbered(self, in_line: int, in_file: int) -> bool:
        """Tell whether the number goes on from another, in a header with no date or a good one."""
        try:
            dated = not any(self.date) or header_time_ns(*self._full_date()) > 0
        except ValueError:
            return False
        return dated and (self.in_line == in_line + 1 or self.in_file == in_file + 1)

    def n_samples(self, layout: Layout) -> int:
        """Count the samples: as the trace says, unless all have one length or it says 0.

        More than 65,535 do not fit the trace's 16 bits: there stands 0, or what is left of them.
        """
        wrapped = layout.n_samples > 0xFFFF and self.own_samples == layout.n_samples & 0xFFFF
        if layout.n_samples and (layout.fixed_length or wrapped or not self.own_samples):
            return layout.n_samples
        return self.own_samples

    def interval_us(self, layout: Layout) -> float:
        """Sample interval in us: the trace's own, unless it is that of the file rounded, or 0."""
        whole, above = math.floor(layout.interval_us), math.ceil(layout.interval_us)
        if self.own_interval_us in (0, whole, above, whole & 0xFFFF):
            return layout.interval_us or self.own_interval_us
        return self.own_interval_us

    def rate_hz(self, layout: Layout) -> float:
        """Return the rate of the samples.

        Raises
        ------
        UnusableTraceError
            There is no interval, or it cannot be.
        """
        try:
            return checked_rate(self.interval_us(layout), 1e6)
        except ValueError as error:
            raise UnusableTraceError("with an interval that cannot be", str(error)) from error

    def start_ns(self, layout: Layout) -> int:
        """Time of the first sample, with the recording delay, which obspy leaves out.

        Raises
        ------
        UnusableTraceError
            There is no date, or it cannot be.
        """
        if not self.date[0]:
            raise UnusableTraceError(
                "without a date (year 0 in bytes 157-158 of the trace header); their samples have "
                "no absolute time"
            )
        delay_ns = self._delay_ns()
        try:
            date_ns = header_time_ns(*self._full_date(), first_year=FIRST_YEAR)
            return checked_start(date_ns + delay_ns, FIRST_YEAR)
        except ValueError as error:
            raise UnusableTraceError("with a time that cannot be", str(error)) from error

    def other_time_basis(self, layout: Layout) -> str:
        """Name the time basis the trace is said to be in; empty where that is UTC or not said."""
        basis = self.time_basis or layout.time_basis
        if basis in UTC_CODES:
            return ""
        return TIME_BASES.get(basis, f"an unknown time basis (code {basis})")

    def _delay_ns(self) -> int:
        """Return the recording delay and the nanoseconds that an extension adds."""
        scalar = self.time_scalar
        if self.delay_ms and scalar not in TIME_SCALARS:
            case = f"{self.delay_ms} ms with scalar {scalar} in bytes 215-216"
            raise UnusableTraceError("with a recording delay that cannot be", case)
        if abs(self.nanoseconds) >= NS_PER_S:
            case = f"{self.nanoseconds} nanoseconds beside the second"
            raise UnusableTraceError("with a time that cannot be", case)
        return self.delay_ms * 10**6 * max(scalar, 1) // max(-scalar, 1) + self.nanoseconds

    def _full_date(self) -> tuple[int, int, int, int, int]:
        """Return the date with the century; two digits are 1960 to 2029, nearly as in obspy."""
        year, day, hour, minute, second = self.date
        if 0 < year < 30:
            year += 2000
        elif FIRST_YEAR - 1900 <= year < 100:
            year += 1900
        return year, day, hour, minute, second


def byte_order(head: bytes) -> str:
    """Return the byte order in which the first bytes are SEG-Y headers, or nothing.

    Known by the binary header, or by a textual header that starts with C 1 and a sample format.
    """
    if len(head) < TRACES_BYTE:
        return ""
    sane = next((order for order in "><" if _is_sane(head, order)), "")
    if sane or not _starts_as_text(head):
        return sane
    return next((order for order in "><" if sample_format(head, order) in FORMATS), "")


def sample_format(head: bytes, order: str) -> int:
    """Return the code of the sample format."""
    return int(struct.unpack_from(f"{order}H", head, BINARY_BYTE + 24)[0])


def _starts_as_text(head: bytes) -> bool:
    """Tell whether the textual header starts as the standard has it, in ASCII or EBCDIC."""
    starts = ("C 1", "C01", "C1 ")
    return any(head[:3] == start.encode(code) for start in starts for code in ("ascii", "cp037"))


def _is_sane(head: bytes, order: str) -> bool:
    """Tell whether a binary header has an interval, a count, a format and a revision."""
    interval, n_samples = struct.unpack_from(f"{order}H2xH", head, BINARY_BYTE + 16)
    fixed, n_texts = struct.unpack_from(f"{order}hh", head, BINARY_BYTE + 302)
    revision = _revision(head)
    if revision >= (2, 0) and revision in REVISIONS:
        n_long, long_interval = struct.unpack_from(f"{order}Id", head, BINARY_BYTE + 68)
        interval, n_samples = long_interval or interval, n_long or n_samples
    known = sample_format(head, order) in FORMATS and revision in REVISIONS
    shaped = fixed in (0, 1) and -1 * (revision > (0, 0)) <= n_texts < MOST_EXTENSIONS
    return known and shaped and interval > 0 and n_samples > 0


def _revision(head: bytes) -> tuple[int, int]:
    """Return major and minor revision, which some programs write the other way round."""
    one, two = head[BINARY_BYTE + 300], head[BINARY_BYTE + 301]
    return max(one, two), min(one, two)


def read_layout(file: BinaryIO) -> Layout:
    """Read the headers before the traces.

    Raises
    ------
    ValueError
        They are not SEG-Y, of another revision, or say what cannot be.
    """
    file.seek(0)
    head = file.read(TRACES_BYTE)
    order = byte_order(head)
    if not order:
        raise ValueError("SEG-Y binary header that makes no sense")
    revision = _revision(head)
    if revision not in REVISIONS:
        major, minor = revision
        raise ValueError(f"SEG-Y revision {major}.{minor}; read are 0, 1, 2.0 and 2.1")
    interval, n_samples = struct.unpack_from(f"{order}H2xH", head, BINARY_BYTE + 16)
    fixed, n_texts = struct.unpack_from(f"{order}hh", head, BINARY_BYTE + 302)
    if revision[0] == 0:
        fixed, n_texts = fixed == 1, 0
    if fixed not in (0, 1) or not -1 <= n_texts < MOST_EXTENSIONS:
        raise ValueError(
            f"SEG-Y header with a fixed length flag of {fixed} (0 or 1 can be) and {n_texts} "
            f"extended textual headers (-1 to {MOST_EXTENSIONS - 1} can be)"
        )
    code = sample_format(head, order)
    if revision[0] == 2:
        return _revision_2(file, head, Layout(order, code, interval, n_samples, fixed == 1, 0))
    start = _first_trace_byte(file, n_texts)
    return Layout(order, code, interval, n_samples, fixed == 1, start)


def _revision_2(file: BinaryIO, head: bytes, basic: Layout) -> Layout:
    """Add what revision 2 has beside, and put it in place of what did not fit 16 bits."""
    order = basic.order
    n_samples, interval = struct.unpack_from(f"{order}Id", head, BINARY_BYTE + 68)
    interval = interval or basic.interval_us
    mark = head[BINARY_BYTE + 96 : BINARY_BYTE + 100]
    expected = struct.pack(f"{order}I", 0x01020304)
    if mark not in (bytes(4), expected):
        raise ValueError(f"SEG-Y byte order constant {mark.hex()}; read are 01020304, 04030201")
    if not 0 <= interval < 1e12:
        raise ValueError(f"SEG-Y sample interval {interval} us in bytes 3273-3280; it cannot be")
    n_texts, n_short = struct.unpack_from(f"{order}hh", head, BINARY_BYTE + 304)
    (n_extensions,) = struct.unpack_from(f"{order}i", head, BINARY_BYTE + 306)
    n_extensions = n_extensions if _revision(head) == (2, 0) else n_short
    if not 0 <= n_extensions < MOST_EXTENSIONS:
        raise ValueError(f"SEG-Y header with {n_extensions} trace header extensions; it cannot be")
    basis, n_traces, start = struct.unpack_from(f"{order}hQQ", head, BINARY_BYTE + 310)
    (n_trailers,) = struct.unpack_from(f"{order}i", head, BINARY_BYTE + 328)
    if not -1 <= n_trailers < MOST_EXTENSIONS:
        raise ValueError(f"SEG-Y header with {n_trailers} trailer stanzas; it cannot be")
    if start and start < TRACES_BYTE:
        raise ValueError(f"SEG-Y header with its first trace at byte {start}, within the headers")
    return Layout(
        order=order,
        code=basic.code,
        interval_us=interval,
        n_samples=n_samples or basic.n_samples,
        fixed_length=basic.fixed_length,
        first_trace_byte=start or _first_trace_byte(file, n_texts),
        n_extensions=n_extensions,
        time_basis=basis,
        n_traces=n_traces,
        n_trailers=n_trailers,
    )


def _first_trace_byte(file: BinaryIO, n_texts: int) -> int:
    """Return where the extended textual headers end; -1 of them go on to a stanza EndText."""
    byte = TRACES_BYTE
    if n_texts >= 0:
        return byte + TEXT_BYTES * n_texts
    file.seek(byte)
    for _ in range(MOST_EXTENSIONS):
        text = file.read(TEXT_BYTES)
        byte += TEXT_BYTES
        if len(text) < TEXT_BYTES:
            break
        if any(b"((SEG: ENDTEXT" in text.decode(c).upper().encode() for c in ("latin-1", "cp037")):
            return byte
    raise ValueError("SEG-Y extended textual headers without an end ((SEG: EndText))")


def begins_stanza(header: bytes) -> bool:
    """Tell whether bytes are the start of a stanza of text, as in the trailer of a file."""
    return header[:2] in (b"((", "((".encode("cp037"))


def trace_header(header: bytes, layout: Layout) -> TraceHeader:
    """Read a trace header of 240 bytes, or of 480 where the layout has extensions."""
    order = layout.order
    in_line, in_file, record, number = struct.unpack_from(f"{order}4i", header, 0)
    (delay,) = struct.unpack_from(f"{order}h", header, 108)
    n_samples, interval = struct.unpack_from(f"{order}2H", header, 114)
    *date, basis = struct.unpack_from(f"{order}6h", header, 156)
    (scalar,) = struct.unpack_from(f"{order}h", header, 214)
    n_bytes, named, nanoseconds = TRACE_HEADER_BYTES, True, 0
    if layout.n_extensions:
        extension = header[TRACE_HEADER_BYTES:]
        named = extension[232:240] in EXTENSION_NAMES
        fields = struct.unpack_from(f"{order}Iid4xH", extension, 136)
        n_samples, interval = fields[0] or n_samples, fields[2] or interval
        nanoseconds, n_own = fields[1], fields[3] or layout.n_extensions
        named = named and n_own <= layout.n_extensions
        n_bytes *= 1 + n_own
    return TraceHeader(
        n_bytes=n_bytes,
        named=named,
        in_line=in_line,
        in_file=in_file,
        record=record,
        number=number,
        own_samples=n_samples,
        own_interval_us=interval,
        date=(date[0], date[1], date[2], date[3], date[4]),
        time_basis=basis,
        delay_ms=delay,
        time_scalar=scalar,
        nanoseconds=nanoseconds,
    )
