"""Files made for the tests of this room, and the readings they are compared with."""

from collections import defaultdict
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from struct import pack, pack_into

import numpy as np
from pymseed import DataEncoding, MS3Record

from seisflow.formats.readers import read_segment, scan_file
from seisflow.formats.segments import FileScan, Problem

CONFORMANCE = Path(__file__).parents[3] / "shared" / "data" / "conformance"
DAY_NS = 86_400 * 10**9
START_NS = 1_700_006_400 * 10**9  # 2023-11-15T00:00:00Z


@dataclass(frozen=True)
class Reading:
    """All that can be read of a file: samples by station in file order, and all problems."""

    scan: FileScan
    values: dict[str, np.ndarray]
    problems: list[Problem]

    @property
    def n_samples(self) -> int:
        return sum(len(v) for v in self.values.values())


def read_all(path: Path, n_parts: int = 1) -> Reading:
    """Scan a file and read every segment, cut into parts that are read one by one."""
    scan = scan_file(path)
    parts: dict[str, list[np.ndarray]] = defaultdict(list)
    problems = list(scan.problems)
    for segment in scan.segments:
        edges = np.linspace(0, segment.n_samples, n_parts + 1).astype(int).tolist()
        for first, stop in pairwise(edges):
            runs, new = read_segment(scan.format, path, segment, first, stop)
            problems += new
            position = first
            for run in runs:
                assert position <= run.first, "runs overlap or are out of order"
                position = run.first + len(run.values)
                assert position <= stop, "a run goes past what was asked for"
                assert run.values.dtype == segment.dtype
                parts[segment.station].append(run.values)
    return Reading(scan, {k: np.concatenate(v) for k, v in parts.items()}, problems)


def noise(n: int, seed: int = 0, dtype: str = "int32") -> np.ndarray:
    values = np.cumsum(np.random.default_rng(seed).integers(-60, 60, n))
    return values.astype(dtype)


def records(
    values: np.ndarray,
    start_ns: int = START_NS,
    *,
    source: str = "FDSN:XX_STA_00_H_H_Z",
    rate: float = 100.0,
    version: int = 2,
    encoding: int = DataEncoding.STEIM2,
    reclen: int = 512,
) -> list[bytes]:
    """Pack samples into miniSEED records."""
    kind = {"int32": "i", "float32": "f", "float64": "d"}[str(values.dtype)]
    maker = MS3Record(reclen=reclen, encoding=encoding)
    maker.sourceid, maker.starttime, maker.samprate = source, start_ns, rate
    maker.formatversion = version
    return [bytes(r) for r in maker.generate(data_samples=values, sample_type=kind)]


SAC_INTEGERS = ("nzyear", "nzjday", "nzhour", "nzmin", "nzsec", "nzmsec", "nvhdr")
SAC_INDICES = {"delta": 0, "b": 5, "e": 6, "stla": 31, "stlo": 32, "stel": 33}
SAC_INDICES |= {name: 70 + k for k, name in enumerate(SAC_INTEGERS)}
SAC_INDICES |= {"npts": 79, "iftype": 85, "leven": 105}
SAC_FOOTER = {"delta": 0, "b": 1, "stlo": 18, "stla": 19}


def sac_file(
    values: np.ndarray,
    *,
    order: str = "<",
    footer: dict[str, float] | None = None,
    **header: float,
) -> bytes:
    """Write SAC as the manual has it, version 7 where there is a footer; at 100 Hz."""
    words = [-12345.0] * 110
    fixed = {"delta": 0.01, "b": 0, "npts": len(values), "iftype": 1, "leven": 1}
    times = {"nzyear": 2023, "nzjday": 319, "nzhour": 0, "nzmin": 0, "nzsec": 0, "nzmsec": 0}
    doubles = [-12345.0] * 22
    exact = {"delta": 0.01, "b": 0.0} | (footer or {})
    version = {"nvhdr": 6 if footer is None else 7}
    rounded = {} if footer is None else exact
    for name, value in (fixed | times | version | rounded | header).items():
        words[SAC_INDICES[name]] = value
    for name, value in exact.items():
        doubles[SAC_FOOTER[name]] = value
    texts = b"STA     " + b"-12345  " * 23
    head = pack(f"{order}70f", *words[:70]) + pack(f"{order}40i", *map(int, words[70:]))
    samples = values.astype(f"{order}f4").tobytes()
    return head + texts + samples + (b"" if footer is None else pack(f"{order}22d", *doubles))


def segy_file(values: list[np.ndarray], code: int, order: str = ">") -> bytes:
    """Write SEG-Y revision 1 with one trace for each array, 1 s apart, at 500 Hz."""
    dtype = {2: "i4", 3: "i2", 5: "f4"}[code]
    head = bytearray(3600)
    head[:3200] = b"C 1 TEST".ljust(3200)
    pack_into(f"{order}H2xH2xH", head, 3216, 2000, len(values[0]), code)
    pack_into(f"{order}HH", head, 3500, 0x0100, 1)
    out = bytes(head)
    for number, trace in enumerate(values, 1):
        header = bytearray(240)
        pack_into(f"{order}4i", header, 0, number, number, 7, number)
        pack_into(f"{order}2H", header, 114, len(trace), 2000)
        pack_into(f"{order}6h", header, 156, 2023, 319, 0, 0, number, 4)
        out += bytes(header) + trace.astype(f"{order}{dtype}").tobytes()
    return out


def rg16_file(
    values: list[np.ndarray], rate: int = 500, components: tuple[int, ...] = (2,)
) -> bytes:
    """Write RG16 with a trace for each array and component, the component added to the samples."""
    n_sets = len(components)
    head = bytearray(32 * (5 + n_sets))  # two general headers, channel sets, three extended ones
    head[2:4], head[16], head[22], head[42:44] = b"\x80\x58", 0x20, 16000 // rate, b"\x01\x06"
    head[28], head[38] = n_sets // 10 << 4 | n_sets % 10, 3
    for k, component in enumerate(components):
        head[64 + 32 * k + 1], head[64 + 32 * k + 30] = k + 1, component
    head[46:49] = (len(values[0]) * 1000 // rate).to_bytes(3, "big")
    pack_into(">I", head, 64 + 32 * n_sets + 48, len(values))
    out = bytes(head)
    start_us = START_NS // 1000
    for trace in values:
        for component in components:
            header = bytearray(20 + 4 * 32)
            header[9] = 4
            header[20:23], header[23:26], header[26] = b"\0\0\x03", b"\0\x01\x00", 1
            header[27:30] = len(trace).to_bytes(3, "big")
            header[40] = component
            header[84:92] = pack(">Q", start_us)
            out += bytes(header) + (trace + component).astype(">f4").tobytes()
        start_us += len(trace) * 1_000_000 // rate
    return out
