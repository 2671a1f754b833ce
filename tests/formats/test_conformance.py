"""Every conformance file is read as obspy or libmseed read it, or refused by name with a reason.

``conformance_outcomes.csv`` holds what happens to each file; a change is a visible difference.
After looking at it, write the table anew with ``python tests/formats/test_conformance.py``.

Where obspy differs from what is read here:

- obspy adds no recording delay to SEG-Y times (``1.sgy``: -100 ms); here it is added.
- obspy takes SAC's 32-bit begin time for an exact number; here it stands for the shortest decimal
  (``dis.G.SCZ``: 426.671 s, obspy 426.67099), at most half a unit in its last place away.
- Letters beyond ASCII in names: obspy keeps what follows them (``gecko``) or writes question marks
  (``test_encode``); here libmseed drops such a location code, and SAC names get underscores.
- obspy reads SAC and SEG-Y without a date as 1970, rates below 1 Hz, text as samples, and a start
  time of 10000 ten-thousandths of a second (``microsecond_wrap``); here all these are refused.
- obspy takes SEG-Y in local time (``00001034``) for UTC; so do we, with a problem.
- obspy refuses SAC files that are longer or shorter than their header says; here the samples that
  are there are read, with a problem.
- obspy gives empty float64 traces for miniSEED records without samples; here they give nothing.
- obspy refuses a file whose first record is damaged (``testdata-invalid-blockette-offsets``); here
  the rest is read.
"""

import csv
import io
import warnings
from collections import defaultdict
from fractions import Fraction
from pathlib import Path

import numpy as np
import obspy
import pytest
from format_samples import CONFORMANCE, Reading, read_all
from obspy.io.sac import SACTrace
from pymseed import MS3Record, sourceid2nslc

from seisflow.formats.segments import Segment

TABLE = Path(__file__).with_name("conformance_outcomes.csv")
HEADINGS = ("file", "outcome", "n_stations", "n_samples", "first_reason")
RENAMED = {".GECKO.A.CNZ": ".GECKO..CNZ", ".".join(["?" * 8] * 4): "..."}
DELAY_NS = {"1.sgy_first_trace": -(10**8)} | dict.fromkeys(
    ("one_trace_year_11.sgy", "one_trace_year_99.sgy"), -(10**8)
)
SAC_TIME_ERROR_NS = 16_000
"""Half a unit in the last place of a 32-bit begin time between 256 and 512 s."""

Samples = dict[str, np.ndarray]

pytestmark = pytest.mark.skipif(
    not CONFORMANCE.exists(), reason=f"the conformance files are not at {CONFORMANCE}"
)


def files() -> list[Path]:
    below = (f for folder in CONFORMANCE.iterdir() if folder.is_dir() for f in folder.rglob("*"))
    return sorted(f for f in below if f.is_file())


def rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def outcome(file: Path, reading: Reading) -> dict[str, str]:
    """One row of the table."""
    kind = "refused" if not reading.n_samples else "partly" if reading.problems else "read"
    reason = reading.problems[0].reason if reading.problems else ""
    cells = (kind, str(len(reading.values)), str(reading.n_samples), reason)
    name = file.relative_to(CONFORMANCE).as_posix()
    return dict(zip(HEADINGS, (name, *cells), strict=True))


def table() -> str:
    """The whole table as text."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEADINGS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(outcome(file, read_all(file)) for file in files())
    return out.getvalue()


def joined(parts: list[tuple[str, np.ndarray]]) -> Samples:
    """Join arrays by station, in order, leaving out empty ones."""
    by_station: dict[str, list[np.ndarray]] = defaultdict(list)
    for station, values in parts:
        if len(values):
            by_station[RENAMED.get(station, station)].append(values)
    return {station: np.concatenate(values) for station, values in by_station.items()}


def by_obspy(file: Path, reading: Reading) -> tuple[Samples, obspy.Stream] | None:
    """Return what obspy reads, or None where it does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if reading.scan.format == "SAC":  # obspy.read refuses files of another length
                data = file.read_bytes()[: 632 + 4 * reading.n_samples]
                trace = SACTrace.read(io.BytesIO(data), headonly=True).to_obspy_trace()
                order = trace.data.dtype.byteorder
                trace.data = np.frombuffer(data[632:], f"{order}f4")
                stream = obspy.Stream([trace])
            else:
                stream = obspy.read(str(file))
        except Exception:  # noqa: BLE001 - whatever obspy raises, it does not read the file
            return None
    ids = [trace.id for trace in stream]
    if reading.scan.format == "SEG-Y":  # obspy gives all traces one empty id
        ids = [segment.station for segment in reading.scan.segments]
    return joined([(i, t.data) for i, t in zip(ids, stream, strict=True)]), stream


def by_libmseed(file: Path, reading: Reading) -> Samples:
    """Return what libmseed reads between the bytes of each segment."""
    data, parts = file.read_bytes(), []
    for segment in reading.scan.segments:
        view = data[segment.start_byte : segment.end_byte]
        for record in MS3Record.from_buffer(view, unpack_data=True):
            station = ".".join(sourceid2nslc(record.sourceid))
            if station == segment.station:
                parts.append((station, record.np_datasamples.copy()))
    return joined(parts)


def miss_ns(start_ns: int, segments: tuple[Segment, ...]) -> float:
    """Distance of a time from the nearest sample of the segments."""
    misses = []
    for segment in segments:
        rate = Fraction(segment.rate_hz)
        k = min(max(round((start_ns - segment.start_ns) * rate / 10**9), 0), segment.n_samples - 1)
        misses.append(abs(start_ns - segment.start_ns - k * 10**9 / rate))
    return float(min(misses))


def test_the_table_of_outcomes_is_unchanged() -> None:
    assert table().splitlines() == TABLE.read_text(encoding="utf-8").splitlines()


def test_the_table_is_complete() -> None:
    found = rows(TABLE)
    assert len(found) == len(files()) == 344
    for row in found:
        assert (row["outcome"] == "read") == (row["first_reason"] == ""), row
        assert (row["outcome"] == "refused") == (row["n_samples"] == "0"), row


def test_every_sample_and_time_is_as_obspy_or_libmseed_read_it() -> None:
    compared = {"obspy": 0, "libmseed": 0}
    for file in files():
        reading = read_all(file)
        if not reading.n_samples:
            continue
        oracle = by_obspy(file, reading)
        if oracle is None:
            assert reading.scan.format == "miniSEED", file
            assert_same(file, reading.values, by_libmseed(file, reading))
            compared["libmseed"] += 1
            continue
        truth, stream = oracle
        assert_same(file, reading.values, truth)
        allowed_ns = SAC_TIME_ERROR_NS if reading.scan.format == "SAC" else 1000
        for trace in stream:
            if len(trace):
                start_ns = trace.stats.starttime.ns + DELAY_NS.get(file.name, 0)
                assert miss_ns(start_ns, reading.scan.segments) <= allowed_ns, file
                assert (
                    trace.stats.sampling_rate
                    == pytest.approx(reading.scan.segments[0].rate_hz, rel=1e-6)
                    or len({p.rate_hz for p in reading.scan.segments}) > 1
                )
        compared["obspy"] += 1
    assert compared == {"obspy": 132, "libmseed": 30}


def assert_same(file: Path, ours: Samples, truth: Samples) -> None:
    assert ours.keys() == truth.keys(), file
    for station, values in ours.items():
        expected = truth[station].astype(truth[station].dtype.newbyteorder("="))
        assert values.dtype == expected.dtype, file
        assert values.tobytes() == expected.tobytes(), file


def test_the_comparison_can_fail() -> None:
    file = CONFORMANCE / "obspy_mseed" / "test.mseed"
    reading = read_all(file)
    truth, _ = by_obspy(file, reading) or ({}, None)
    (station,) = truth
    wrong = truth[station].copy()
    wrong[77] += 1
    with pytest.raises(AssertionError):
        assert_same(file, reading.values, {station: wrong})
    with pytest.raises(AssertionError):
        assert_same(file, reading.values, {"A.B.C.D": truth[station]})
    assert miss_ns(reading.scan.segments[0].start_ns + 5_000, reading.scan.segments) == 5_000


def test_what_obspy_reads_as_dated_waveform_is_not_refused_without_cause() -> None:
    """Refusals of files obspy reads as waveforms, by the reasons there are."""
    causes = (
        "at least 1 Hz",
        "no absolute time",
        "without a date",
        "no samples",
        "encoding",
        "start time",
        "promises",
        "read are miniSEED",
    )
    ours = {row["file"]: row for row in rows(TABLE)}
    verified = rows(CONFORMANCE / "VERIFY_obspy.csv")
    read_by_obspy = [row["file"] for row in verified if row["kind"] == "waveform"]
    assert len(read_by_obspy) == 171
    for name in read_by_obspy:
        row = ours[name]
        assert row["outcome"] != "refused" or any(c in row["first_reason"] for c in causes), row


if __name__ == "__main__":
    TABLE.write_text(table(), encoding="utf-8")
