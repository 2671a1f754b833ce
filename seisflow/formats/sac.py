"""SAC files, binary, of either byte order: one evenly spaced series in each.

Invariant: times are made of the header's integers and of the shortest decimal that stands for
its 32-bit begin time, so that 0.1 s in the header is 100 000 000 ns.
"""

import struct
from decimal import Decimal
from typing import Any

import numpy as np

from seisflow.core.files import AnyPath, open_to_read
from seisflow.core.stations import Coordinates
from seisflow.formats.joining import header_rate, require_samples, station_name
from seisflow.formats.pieces import Piece, Problem, Run
from seisflow.formats.quiet_obspy import header_arrays_to_dict, read_sac

__all__ = ["SacReader"]

DATA_BYTE = 632
VERSION_BYTE = 304
LOGICALS_BYTE = 420
VERSIONS = range(1, 21)
TIME_SERIES = (1, -12345)
"""Header values of IFTYPE taken for a time series: ITIME and unset."""


class SacReader:
    """Reader of binary SAC files with evenly spaced samples."""

    name = "SAC"

    def recognises(self, path: AnyPath, head: bytes) -> bool:
        """Tell by the header version and the logical fields, in either byte order."""
        del path
        return len(head) >= DATA_BYTE and any(_looks_like_header(head, o) for o in "<>")

    def scan(self, path: AnyPath) -> tuple[list[Piece], list[Problem], dict[str, Coordinates]]:
        """Read the header; a file shorter or longer than it promises is a problem."""
        header = _header(path)
        refusal = _refusal(header)
        if refusal:
            return [], [Problem(str(path), refusal)], {}
        promised, size = int(header["npts"]), path.stat().st_size
        present = min((size - DATA_BYTE) // 4, promised)
        problems = _size_problems(path, header, size)
        if present < 1:
            return [], problems, {}
        piece = Piece(
            station=_station(header),
            start_ns=_start_ns(header),
            n_samples=present,
            rate_hz=header_rate(1.0 / float(header["delta"])),
            dtype="float32",
            start_byte=DATA_BYTE,
            end_byte=DATA_BYTE + 4 * present,
        )
        return [piece], problems, _coordinates(piece.station, header)

    def read(
        self, path: AnyPath, piece: Piece, first: int, stop: int
    ) -> tuple[list[Run], list[Problem]]:
        """Read the samples as they are, in the byte order of this machine."""
        first, stop = max(first, 0), min(stop, piece.n_samples)
        with open_to_read(path) as file:
            head = file.read(DATA_BYTE)
            order = "<" if _looks_like_header(head, "<") else ">"
            count = max(stop - first, 0)
            file.seek(piece.start_byte + 4 * first)
            samples = file.read(4 * count)
        values = np.frombuffer(samples, f"{order}f4", len(samples) // 4)
        require_samples(len(values), count)
        return [Run(first, values.astype("f4"))], []


def _looks_like_header(head: bytes, order: str) -> bool:
    """Tell whether the first bytes make a SAC header in one byte order."""
    (delta,) = struct.unpack_from(f"{order}f", head, 0)
    (version,) = struct.unpack_from(f"{order}i", head, VERSION_BYTE)
    logicals = struct.unpack_from(f"{order}4i", head, LOGICALS_BYTE)
    return bool(
        np.isfinite(delta) and version in VERSIONS and all(x in (0, 1, -12345) for x in logicals)
    )


def _header(path: AnyPath) -> dict[str, Any]:
    """Read the header fields that are set."""
    with open_to_read(path) as file:
        floats, integers, texts, _ = read_sac(file, headonly=True)
    header: dict[str, Any] = header_arrays_to_dict(floats, integers, texts, encoding="latin-1")
    return header


def _refusal(header: dict[str, Any]) -> str:
    """Say why a header's samples cannot be placed in time; empty if they can."""
    missing = [n for n in ("npts", "delta", *TIME_FIELDS) if n not in header]
    if missing:
        return f"SAC header without {', '.join(missing)}; the samples have no absolute time"
    if header.get("leven", 1) != 1:
        return "SAC file of unevenly spaced samples; only evenly spaced ones are read"
    if header.get("iftype", 1) not in TIME_SERIES:
        return f"SAC file of type IFTYPE={header['iftype']}; only time series (1) are read"
    if not float(header["delta"]) > 0:
        return f"SAC header with DELTA={header['delta']}; it must be above 0"
    if not 1 <= int(header["nzjday"]) <= 366:
        return f"SAC header with NZJDAY={header['nzjday']}; the samples have no absolute time"
    if int(header["npts"]) < 1:
        return "no samples: SAC header with NPTS=0"
    return ""


TIME_FIELDS = ("nzyear", "nzjday", "nzhour", "nzmin", "nzsec", "nzmsec")


def _size_problems(path: AnyPath, header: dict[str, Any], size: int) -> list[Problem]:
    """Compare the file's size with the header's number of samples."""
    n_samples = int(header["npts"])
    end = DATA_BYTE + 4 * n_samples
    footer = 176 if header.get("nvhdr") == 7 else 0
    if size < end:
        present = max(size - DATA_BYTE, 0) // 4
        reason = f"cut off: the header promises {n_samples} samples, {present} are there"
        return [Problem(str(path), reason, size)]
    if size not in (end, end + footer):
        reason = f"{size - end} bytes more than the header's {n_samples} samples; not used"
        return [Problem(str(path), reason, end)]
    return []


def _start_ns(header: dict[str, Any]) -> int:
    """Time of the first sample: reference time and begin time B."""
    year, day, hour, minute, second, milli = (int(header[name]) for name in TIME_FIELDS)
    year += 1900 if 0 <= year <= 99 else 0
    date = np.datetime64(f"{year:04d}-01-01", "D").astype(np.int64) + (day - 1)
    seconds = int(date) * 86400 + hour * 3600 + minute * 60 + second
    begin = Decimal(str(np.float32(header.get("b", 0.0))))
    return seconds * 10**9 + milli * 10**6 + int((begin * 10**9).to_integral_value())


def _station(header: dict[str, Any]) -> str:
    """Name the station as obspy does: location from KHOLE."""
    codes = (str(header.get(k, "")) for k in ("knetwk", "kstnm", "khole", "kcmpnm"))
    return station_name(*(code.partition("\0")[0] for code in codes))


def _coordinates(station: str, header: dict[str, Any]) -> dict[str, Coordinates]:
    """Return the station's place where the header gives longitude and latitude."""
    if "stlo" not in header or "stla" not in header:
        return {}
    elevation = float(header.get("stel", np.nan))
    place = Coordinates(float(header["stlo"]), float(header["stla"]), elevation)
    return {station: place}
