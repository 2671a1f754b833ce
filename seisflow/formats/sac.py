"""SAC files, binary, of either byte order: one evenly spaced series in each.

Invariant: times are made of the header's integers and of the shortest decimal that stands for its
begin time B, so that 0.1 s in the header is 100 000 000 ns. Header version 7 gives B, DELTA and
the place again as doubles in a footer after the samples, and these are taken. E is not used: many
programs leave it as it was when they cut a series.
"""

import struct
from decimal import Decimal
from io import BytesIO
from typing import Any

import numpy as np

from seisflow.core.files import AnyPath, open_to_read
from seisflow.core.stations import Coordinates, checked_place
from seisflow.formats.header_values import checked_rate, checked_start, header_time_ns
from seisflow.formats.joining import require_samples, station_name
from seisflow.formats.obspy_import import header_arrays_to_dict, read_sac
from seisflow.formats.segments import Problem, Run, Segment

__all__ = ["SacReader"]

DATA_BYTE = 632
VERSION_BYTE = 304
LOGICALS_BYTE = 420
VERSIONS = range(1, 20)
"""Header versions by which a file is recognised."""
FOOTER_VERSION = 7
READ_VERSIONS = (6, FOOTER_VERSION)
TIME_SERIES = (1, -12345)
"""Header values of IFTYPE taken for a time series: ITIME and unset."""
UNSET = -12345.0

FOOTER = {"delta": 0, "b": 1, "stlo": 18, "stla": 19}
"""Which of the footer's doubles are used."""
FOOTER_BYTES = 176

TIME_FIELDS = ("nzyear", "nzjday", "nzhour", "nzmin", "nzsec", "nzmsec")


class SacReader:
    """Reader of binary SAC files with evenly spaced samples."""

    name = "SAC"

    def recognises(self, path: AnyPath, head: bytes) -> bool:
        """Tell by the header version and the logical fields, in either byte order."""
        del path
        return len(head) >= DATA_BYTE and _order(head) != ""

    def scan(self, path: AnyPath) -> tuple[list[Segment], list[Problem], dict[str, Coordinates]]:
        """Read header and footer; a file shorter or longer than they promise is a problem."""
        size = path.stat().st_size
        try:
            with open_to_read(path) as file:
                order, header = _header(file.read(DATA_BYTE))
                _require_time_series(header)
                problems = _size_problems(path, header, size)
                if header["nvhdr"] == FOOTER_VERSION:
                    file.seek(DATA_BYTE + 4 * int(header["npts"]))
                    problems += _take_footer(path, header, file.read(FOOTER_BYTES), order)
            start_ns, rate_hz = _start_ns(header), checked_rate(float(header["delta"]))
        except ValueError as error:
            return [], [Problem(str(path), str(error))], {}
        present = min((size - DATA_BYTE) // 4, int(header["npts"]))
        if present < 1:
            return [], problems, {}
        station, end_byte = _station(header), DATA_BYTE + 4 * present
        segment = Segment(station, start_ns, present, rate_hz, "float32", DATA_BYTE, end_byte)
        try:
            return [segment], problems, _coordinates(station, header)
        except ValueError as error:
            reason = f"place in the SAC header not used: {error}"
            return [segment], [*problems, Problem(str(path), reason, station=station)], {}

    def read(
        self, path: AnyPath, segment: Segment, first: int, stop: int
    ) -> tuple[list[Run], list[Problem]]:
        """Read the samples as they are, in the byte order of this machine."""
        first, stop = max(first, 0), min(stop, segment.n_samples)
        with open_to_read(path) as file:
            head = file.read(DATA_BYTE)
            order = _order(head) if len(head) == DATA_BYTE else ""
            if not order:
                return [], [Problem(str(path), "the file has changed since it was scanned")]
            count = max(stop - first, 0)
            file.seek(segment.start_byte + 4 * first)
            samples = file.read(4 * count)
        values = np.frombuffer(samples, f"{order}f4", len(samples) // 4)
        require_samples(len(values), count)
        return [Run(first, values.astype("f4"))], []


def _order(head: bytes) -> str:
    """Return the byte order in which the first bytes make a SAC header, or nothing."""
    for order in "<>":
        (version,) = struct.unpack_from(f"{order}i", head, VERSION_BYTE)
        logicals = struct.unpack_from(f"{order}4i", head, LOGICALS_BYTE)
        if version in VERSIONS and all(x in (0, 1, -12345) for x in logicals):
            return order
    return ""


def _header(head: bytes) -> tuple[str, dict[str, Any]]:
    """Return the byte order and the header fields that are set."""
    order = _order(head)
    byteorder = {"<": "little", ">": "big"}[order]
    arrays = read_sac(BytesIO(head), headonly=True, byteorder=byteorder)[:3]
    header: dict[str, Any] = header_arrays_to_dict(*arrays, encoding="latin-1")
    return order, header


def _require_time_series(header: dict[str, Any]) -> None:
    """Refuse a header that gives no evenly spaced samples with an absolute time."""
    if header["nvhdr"] not in READ_VERSIONS:
        raise ValueError(f"SAC header version NVHDR={header['nvhdr']}; read are 6 and 7")
    missing = [n for n in ("npts", "delta", *TIME_FIELDS) if n not in header]
    if missing:
        fields = ", ".join(missing)
        raise ValueError(f"SAC header without {fields}; the samples have no absolute time")
    if header.get("leven", 1) != 1:
        raise ValueError("SAC file of unevenly spaced samples; only evenly spaced ones are read")
    if header.get("iftype", 1) not in TIME_SERIES:
        kind = f"IFTYPE={header['iftype']}"
        raise ValueError(f"SAC file of type {kind}; only time series (1) are read")
    if not float(header["delta"]) > 0:
        raise ValueError(f"SAC header with DELTA={header['delta']}; it must be above 0")
    if int(header["npts"]) < 1:
        raise ValueError(f"no samples: SAC header with NPTS={header['npts']}")


def _size_problems(path: AnyPath, header: dict[str, Any], size: int) -> list[Problem]:
    """Compare the file's size with the header's number of samples."""
    n_samples = int(header["npts"])
    end = DATA_BYTE + 4 * n_samples
    footer = FOOTER_BYTES if header["nvhdr"] == FOOTER_VERSION else 0
    if size < end:
        present = max(size - DATA_BYTE, 0) // 4
        reason = f"cut off: the header promises {n_samples} samples, {present} are there"
        return [Problem(str(path), reason, size)]
    if size > end + footer:
        reason = f"{size - end - footer} bytes more than the header's {n_samples} samples; not used"
        return [Problem(str(path), reason, end + footer)]
    return []


def _take_footer(path: AnyPath, header: dict[str, Any], footer: bytes, order: str) -> list[Problem]:
    """Put the doubles of a footer in place of the header's 32-bit values.

    Raises
    ------
    ValueError
        They are other values: the file was changed by a program that knows one of the two only.
    """
    if len(footer) < FOOTER_BYTES:
        error_s = float(np.spacing(np.float32(header.get("b", 0)))) / 2
        reason = (
            f"SAC header version 7 without its footer of {FOOTER_BYTES} bytes; B and DELTA are the "
            f"header's 32-bit values, so times may be off by {error_s:.1g} s"
        )
        return [Problem(str(path), reason, path.stat().st_size)]
    doubles = struct.unpack(f"{order}22d", footer)
    for name, index in FOOTER.items():
        value, rounded = doubles[index], float(header.get(name, UNSET))
        if not np.isclose(value, rounded, rtol=1e-6, atol=1e-6):
            name = name.upper()
            raise ValueError(
                f"SAC footer with {name}={value!r} beside a header with {name}={rounded:.9g}; "
                "which of the two holds is not known"
            )
        if value != UNSET:
            header[name] = value
    return []


def _start_ns(header: dict[str, Any]) -> int:
    """Time of the first sample: reference time and begin time B; two-digit years are 1970 to 1999.

    Raises
    ------
    ValueError
        It is a time that cannot be.
    """
    year, *rest = (int(header[name]) for name in TIME_FIELDS)
    begin = header.get("b", 0.0)
    if not np.isfinite(begin):
        raise ValueError(f"SAC header with B={begin}; the samples have no absolute time")
    begin_ns = int((Decimal(str(begin)) * 10**9).to_integral_value())
    try:
        reference_ns = header_time_ns(year + 1900 if 70 <= year <= 99 else year, *rest)
        return checked_start(reference_ns + begin_ns)
    except ValueError as error:
        fields = " ".join(f"{name.upper()}={int(header[name])}" for name in TIME_FIELDS)
        raise ValueError(f"SAC header with a time that cannot be: {error} ({fields})") from error


def _station(header: dict[str, Any]) -> str:
    """Name the station as obspy does: location from KHOLE."""
    codes = (str(header.get(k, "")) for k in ("knetwk", "kstnm", "khole", "kcmpnm"))
    return station_name(*(code.partition("\0")[0] for code in codes))


def _coordinates(station: str, header: dict[str, Any]) -> dict[str, Coordinates]:
    """Return the station's place where the header gives longitude and latitude.

    Raises
    ------
    ValueError
        It is no place on Earth.
    """
    if "stlo" not in header or "stla" not in header:
        return {}
    elevation = float(header.get("stel", np.nan))
    return {station: checked_place(float(header["stlo"]), float(header["stla"]), elevation)}
