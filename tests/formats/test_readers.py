"""The boundary: every file gets an answer; a refusal says what was found and is allowed."""

import gzip
import io
import warnings
import zipfile
from pathlib import Path
from struct import pack_into

import numpy as np
import pytest
from format_samples import noise, read_all, records, rg16_file, sac_file, segy_file
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from obspy.io.sac import SACTrace

from seisflow.formats import readers
from seisflow.formats.readers import ALLOWED, READERS, read_segment, scan_file


def _zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("a.ms", b"".join(records(noise(10))))
    return out.getvalue()


def _su() -> bytes:
    trace = bytearray(240 + 400)
    pack_into(">h", trace, 28, 1)
    pack_into(">2H", trace, 114, 100, 2000)
    pack_into(">5h", trace, 156, 2020, 3, 4, 5, 6)
    return bytes(trace)


FOREIGN = {
    "gzip": (gzip.compress(b"".join(records(noise(10)))), "gzip"),
    "zip": (_zip(), "ZIP"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(500), "HDF5"),
    "seg2": (b"\x55\x3a\x01\x00" + bytes(500), "SEG-2"),
    "gse2": (b"WID2 2005/08/31 02:33:49.850 RJOB    Z", "GSE2"),
    "segd": (b"\x00\x00\x80\x58" + bytes(500), "SEG-D"),
    "reftek": (b"EH\x00\x16\x91\xf5\x10\x00" + bytes(range(256)) * 8, "Reftek"),
    "su": (_su(), "Seismic Unix"),
    "stationxml": (b'<?xml version="1.0"?><FDSNStationXML xmlns="http://www">', "StationXML"),
    "quakeml": (b'<?xml version="1.0"?>\n<q:quakeml xmlns:q="http://quakeml.org">', "QuakeML"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\noid sha256:00", "Git LFS"),
    "text": (b"station,lat,lon\nAAA,1,2\n", "text file"),
    "noise": (np.random.default_rng(1).bytes(9000), "no format"),
    "zeros": (bytes(9000), "only bytes 0x00"),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_other_files_are_refused_by_name(kind: str, tmp_path: Path) -> None:
    content, expected = FOREIGN[kind]
    path = tmp_path / "file"
    path.write_bytes(content)
    scan = scan_file(path)
    assert (scan.format, scan.segments) == ("", ())
    (problem,) = scan.problems
    assert expected in problem.reason
    assert ALLOWED in problem.reason
    assert str(path) in str(problem)


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("rate", [1, 20, 40, 50, 62.5, 100, 125, 128, 200, 250, 500, 1000])
def test_sac_of_any_rate_and_byte_order_is_no_other_kind_of_file(
    order: str, rate: float, tmp_path: Path
) -> None:
    """Big-endian and at 100 Hz it starts with the bytes 3C 23 D7 0A, of which 3C is a '<'."""
    path = tmp_path / "file"
    path.write_bytes(sac_file(noise(10, dtype="float32"), order=order, delta=1 / rate))
    scan = scan_file(path)
    assert (scan.format, scan.problems) == ("SAC", ())
    assert scan.segments[0].rate_hz == rate


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "folder" in scan_file(tmp_path).problems[0].reason


def test_a_rate_without_a_grid_is_left_out_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.ms"
    slow = records(noise(50), source="FDSN:XX_SLO__L_H_Z", rate=0.1)
    odd = records(noise(50), source="FDSN:XX_ODD__H_H_Z", rate=99.9991, version=3)
    good = records(noise(50), source="FDSN:XX_GOO__H_H_Z", rate=12.5)
    path.write_bytes(b"".join(slow + odd + good))
    reading = read_all(path)
    assert list(reading.values) == ["XX.GOO..HHZ"]
    odd_rate, low_rate = reading.problems
    assert (odd_rate.station, low_rate.station) == ("XX.ODD..HHZ", "XX.SLO..LHZ")
    assert "50 samples at 99.9991 Hz, 9 parts in a million off 100 Hz" in odd_rate.reason
    assert "50 samples at 0.1 Hz; a rate must be at least 1 Hz" in low_rate.reason


def test_an_error_in_a_reader_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("out of luck")

    path = tmp_path / "a.ms"
    path.write_bytes(b"".join(records(noise(50))))
    scan = scan_file(path)
    monkeypatch.setattr(type(READERS[0]), "scan", fail)
    monkeypatch.setattr(type(READERS[0]), "read", fail)
    (problem,) = scan_file(path).problems
    assert "RuntimeError: out of luck" in problem.reason
    runs, (problem,) = read_segment(scan.format, path, scan.segments[0], 0, 1)
    assert runs == []
    assert "RuntimeError: out of luck" in problem.reason


def test_an_unknown_format_is_a_problem(tmp_path: Path) -> None:
    path = tmp_path / "a.ms"
    path.write_bytes(b"".join(records(noise(50))))
    runs, problems = read_segment("none", path, scan_file(path).segments[0], 0, 1)
    assert runs == []
    assert problems


def test_warnings_of_a_reader_stay_inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def warn(*_: object) -> tuple[list[object], list[object], dict[str, object]]:
        warnings.warn("rounded", UserWarning, stacklevel=1)
        return [], [], {}

    path = tmp_path / "a.ms"
    path.write_bytes(b"".join(records(noise(50))))
    monkeypatch.setattr(type(READERS[0]), "scan", warn)
    assert scan_file(path).problems == ()


def test_readers_do_not_claim_each_others_files() -> None:
    sac = io.BytesIO()
    SACTrace(data=noise(3000, dtype="float32"), delta=0.01).write(sac)
    files = {
        "miniSEED": b"".join(records(noise(3000))),
        "SAC": sac.getvalue(),
        "SEG-Y": segy_file([noise(500, dtype="float32")], 5),
        "RG16": rg16_file([noise(500, dtype="float32")]),
    }
    for name, content in files.items():
        head = content[: readers.HEAD_BYTES]
        assert [r.name for r in READERS if r.recognises(Path("x"), head)] == [name]


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kind=st.sampled_from(["SAC", "SEG-Y", "RG16"]), data=st.data())
def test_random_damage_never_raises(tmp_path: Path, kind: str, data: st.DataObject) -> None:
    sac = io.BytesIO()
    SACTrace(data=noise(300, dtype="float32"), delta=0.01, nzyear=2020, nzjday=1).write(sac)
    whole = bytearray(
        {
            "SAC": sac.getvalue(),
            "SEG-Y": segy_file([noise(50, dtype="float32")] * 3, 5),
            "RG16": rg16_file([noise(50, dtype="float32")] * 3),
        }[kind]
    )
    for _ in range(data.draw(st.integers(1, 6))):
        byte = data.draw(st.integers(0, len(whole) - 1))
        whole[byte] = data.draw(st.integers(0, 255))
    path = tmp_path / "file"
    path.write_bytes(bytes(whole[: data.draw(st.integers(0, len(whole)))]))
    reading = read_all(path)
    for segment in reading.scan.segments:
        assert segment.n_samples >= 1
        assert segment.end_byte <= len(whole)


def test_coordinates_come_from_sac_headers(tmp_path: Path) -> None:
    path = tmp_path / "a.sac"
    times = {"nzyear": 2023, "nzjday": 319, "nzhour": 0, "nzmin": 0, "nzsec": 0, "nzmsec": 0}
    trace = SACTrace(data=noise(10, dtype="float32"), delta=0.01, kstnm="STA", **times)
    trace.write(str(path))
    assert scan_file(path).coordinates == {}
    trace.stla = 42.5
    trace.write(str(path))
    scan = scan_file(path)
    assert (scan.coordinates, scan.problems) == ({}, ())
    trace.stlo = -3.25
    trace.write(str(path))
    place = scan_file(path).coordinates[".STA.."]
    assert (place.latitude, place.longitude) == (42.5, -3.25)
    assert np.isnan(place.elevation)


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [("iftype", "irlim", "IFTYPE=2"), ("leven", False, "unevenly"), ("nzyear", None, "nzyear")],
)
def test_sac_that_is_no_dated_time_series_is_refused(
    tmp_path: Path, field: str, value: object, reason: str
) -> None:
    path = tmp_path / "a.sac"
    times = {"nzyear": 2023, "nzjday": 319, "nzhour": 0, "nzmin": 0, "nzsec": 0, "nzmsec": 0}
    trace = SACTrace(data=noise(10, dtype="float32"), delta=0.01, **times)
    setattr(trace, field, value)
    trace.write(str(path))
    scan = scan_file(path)
    assert scan.segments == ()
    assert reason in scan.problems[0].reason


def test_segy_delay_and_missing_date(tmp_path: Path) -> None:
    path = tmp_path / "a.sgy"
    content = bytearray(segy_file([noise(50, dtype="float32")] * 2, 5))
    pack_into(">h", content, 3600 + 108, -100)
    pack_into(">h", content, 3600 + 240 + 200 + 156, 0)
    path.write_bytes(bytes(content))
    scan = scan_file(path)
    assert [p.start_ns % 10**9 for p in scan.segments] == [900_000_000]
    assert "without a date" in scan.problems[0].reason
