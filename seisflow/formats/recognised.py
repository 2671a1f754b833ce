"""Kinds of files that are recognised but not read, so that a refusal can say what was found."""

import struct

__all__ = ["guess", "known_kind"]

MAGICS = (
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file (ASDF, PH5 and others)"),
    (b"PK\x03\x04", "a ZIP archive; unpack it first"),
    (b"\x1f\x8b", "a gzip file; unpack it first"),
    (b"BZh", "a bzip2 file; unpack it first"),
    (b"\x3a\x55", "a SEG-2 file"),
    (b"\x55\x3a", "a SEG-2 file"),
    (b"WID2", "a GSE2 file"),
    (b"BEGIN GSE2", "a GSE2 file"),
    (b"BEGIN IMS", "an IMS 1.0 file"),
    (b"WID1", "a GSE1 file"),
    (b"XW01", "a GSE1 file"),
    (b"version https://git-lfs", "a Git LFS pointer, not the file itself"),
)
"""First bytes that name a kind for certain."""

XML_KINDS = (
    (b"StationXML", "a StationXML file; give it as the station table"),
    (b"quakeml", "a QuakeML file"),
)
REFTEK_PACKETS = (b"AD", b"CD", b"DS", b"DT", b"EH", b"ET", b"OM", b"SC", b"SH", b"FD")


def known_kind(head: bytes) -> str:
    """Name a kind of file that is not read, from its first bytes; empty where none is certain."""
    for magic, kind in MAGICS:
        if head.startswith(magic):
            return kind
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") and b"\0" not in head:
        # big-endian SAC at 32 to 128 Hz starts with this byte as well
        return next((kind for mark, kind in XML_KINDS if mark in head), "an XML or HTML file")
    if head[2:4] == b"\x80\x58" and head[16:17] != b"\x20":
        return "a SEG-D file"
    return ""


def guess(head: bytes) -> str:
    """Say as well as possible what a file is that no reader took."""
    if len(set(head)) == 1:
        return f"only bytes {head[0]:#04x}"
    if _is_text(head):
        return "an alphanumeric SAC file" if _is_sac_text(head) else "a text file"
    if head[:2] in REFTEK_PACKETS and len(head) >= 1024:
        return "perhaps a Reftek 130 file"
    if any(_is_su(head, order) for order in "<>"):
        return "perhaps a Seismic Unix (SU) file, which lacks the SEG-Y file header"
    return "of no format that is known"


def _is_text(head: bytes) -> bool:
    """Tell whether all bytes are printable ASCII or white space."""
    return all(32 <= byte < 127 or byte in b"\t\r\n\f" for byte in head)


def _is_sac_text(head: bytes) -> bool:
    """Tell whether the first lines hold five numbers each, as alphanumeric SAC headers do."""
    rows = [line.split() for line in head.splitlines()[:14]]
    try:
        return len(rows) == 14 and all(len([float(word) for word in row]) == 5 for row in rows)
    except ValueError:
        return False


def _is_su(head: bytes, order: str) -> bool:
    """Tell whether the first 240 bytes make a SEG-Y trace header of seismic data."""
    if len(head) < 240:
        return False
    (kind,) = struct.unpack_from(f"{order}h", head, 28)
    n_samples, interval = struct.unpack_from(f"{order}2H", head, 114)
    year, day, hour, minute, second = struct.unpack_from(f"{order}5h", head, 156)
    dated = 0 <= year < 2100 and 0 <= day <= 366 and 0 <= hour < 24
    timed = 0 <= minute < 60 and 0 <= second <= 60
    return bool(0 <= kind < 64 and n_samples > 0 and interval > 0 and dated and timed)
