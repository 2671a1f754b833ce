"""Catalogues of detections: written, read back by ObsPy, pandas and ourselves, and refused."""

import csv
import json
import math
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import seisflow.core.files
from seisflow.core.grid import NS_PER_S, format_time, parse_time
from seisflow.core.stations import Coordinates
from seisflow.errors import ConfigError, DataError
from seisflow.formats.catalogues import (
    EVENT_COLUMNS,
    PICK_COLUMNS,
    ReferenceEvent,
    read_catalogue_times,
    read_reference,
    write_quakeml,
    write_tables,
)
from seisflow.formats.obspy_import import UTCDateTime, read_events
from seisflow.stages.detect.event import Detection, Pick, event_name

# isort: split
from obspy.io.quakeml.core import _validate

P_NS = parse_time("2014-05-29T17:03:41.123456789")
PLACE = Coordinates(-116.59, 33.54, 1400.0)


def detection(time_ns: int = P_NS, n_picks: int = 3) -> Detection:
    picks = tuple(
        Pick(f"ZG.R010{k}..DPZ", time_ns + k * 1_000_001, k * 1e-3, 0.9, math.nan if k else 0.8)
        for k in range(n_picks)
    )
    return Detection(
        event=event_name(time_ns // NS_PER_S * NS_PER_S),
        time_ns=time_ns,
        n_nodes=12,
        n_stations=64,
        needed_nodes=10,
        probability=0.1 + 0.2,
        mean_cc=0.75,
        stack_snr=6.5,
        back_azimuth_deg=math.nan,
        apparent_velocity_m_s=5400.0,
        plane_rms_s=0.004,
        picks=picks,
        stack=np.zeros(4, np.float32),
        stack_before_s=0.5,
        rate_hz=100,
    )


EVENTS = (detection(), replace(detection(P_NS + 61 * NS_PER_S, 2), stack_snr=math.nan))
AS_REFERENCE = [ReferenceEvent(e.event, e.time_ns, snr=e.stack_snr) for e in EVENTS]


def same(found: list[ReferenceEvent], wanted: list[ReferenceEvent]) -> bool:
    """Compare with NaN equal to NaN."""
    return [repr(e) for e in found] == [repr(e) for e in wanted]


def test_columns_are_the_fields_of_a_detection() -> None:
    plain = [f.name for f in fields(Detection) if f.name not in ("picks", "stack")]
    wanted = [
        "time" if n == "time_ns" else n for n in plain if n not in ("stack_before_s", "rate_hz")
    ]
    assert list(EVENT_COLUMNS) == wanted
    assert {f.name for f in fields(Pick)} - {"time_ns"} == set(PICK_COLUMNS) - {"event", "time"}


def test_csv_says_everything_to_the_last_digit(tmp_path: Path) -> None:
    write_tables(tmp_path / "new", EVENTS)
    with (tmp_path / "new" / "catalog.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == list(EVENT_COLUMNS)
    assert rows[0]["time"] == "2014-05-29T17:03:41.123456789Z"
    assert rows[0]["back_azimuth_deg"] == ""
    assert float(rows[0]["probability"]) == 0.1 + 0.2
    assert [row["event"] for row in rows] == ["sf20140529T170341", "sf20140529T170442"]
    with (tmp_path / "new" / "picks.csv").open(newline="") as file:
        picks = list(csv.DictReader(file))
    assert list(picks[0]) == list(PICK_COLUMNS)
    assert len(picks) == 5
    assert [p["event"] for p in picks] == [EVENTS[0].event] * 3 + [EVENTS[1].event] * 2
    assert parse_time(picks[2]["time"]) == P_NS + 2_000_002


def test_parquet_says_the_same_with_types(tmp_path: Path) -> None:
    write_tables(tmp_path, EVENTS)
    frame = pd.read_parquet(tmp_path / "catalog.parquet")
    assert list(frame.columns) == list(EVENT_COLUMNS)
    assert {n: str(t) for n, t in frame.dtypes.items()} == EVENT_COLUMNS
    assert [t.value for t in frame["time"]] == [e.time_ns for e in EVENTS]
    picks = pd.read_parquet(tmp_path / "picks.parquet")
    assert {n: str(t) for n, t in picks.dtypes.items()} == PICK_COLUMNS
    assert picks["station"].tolist() == [p.station for e in EVENTS for p in e.picks]
    assert picks["cc"].isna().tolist() == [False, True, True, False, True]


@pytest.mark.parametrize("name", ["catalog.parquet", "catalog.csv", "catalog.xml"])
def test_our_own_files_read_back_exactly(tmp_path: Path, name: str) -> None:
    write_tables(tmp_path, EVENTS)
    write_quakeml(tmp_path / "catalog.xml", EVENTS, place=PLACE)
    assert same(read_catalogue_times(tmp_path / name), AS_REFERENCE)


@pytest.mark.parametrize("lost", [None, "catalog.parquet", "catalog.csv"])
def test_a_folder_is_read_by_one_of_its_tables(tmp_path: Path, lost: str | None) -> None:
    write_tables(tmp_path, EVENTS)
    if lost:
        (tmp_path / lost).unlink()
    assert same(read_catalogue_times(tmp_path), AS_REFERENCE)


def test_no_detection_is_a_catalogue_too(tmp_path: Path) -> None:
    write_tables(tmp_path, ())
    write_quakeml(tmp_path / "catalog.xml", ())
    frame = pd.read_parquet(tmp_path / "catalog.parquet")
    assert {n: str(t) for n, t in frame.dtypes.items()} == EVENT_COLUMNS
    assert (tmp_path / "picks.csv").read_text() == ",".join(PICK_COLUMNS) + "\n"
    assert _validate(str(tmp_path / "catalog.xml"))
    for name in ("catalog.parquet", "catalog.csv", "catalog.xml"):
        assert read_catalogue_times(tmp_path / name) == []


@pytest.mark.parametrize("place", [PLACE, None])
def test_quakeml_is_valid_and_obspy_reads_it(tmp_path: Path, place: Coordinates | None) -> None:
    path = tmp_path / "catalog.xml"
    write_quakeml(path, EVENTS, place=place)
    assert _validate(str(path), verbose=True)
    first, second = read_events(str(path))
    assert str(first.resource_id) == "smi:local/seisflow/event/sf20140529T170341"
    assert (len(first.picks), len(second.picks)) == (3, 2)
    pick = first.picks[1]
    assert pick.waveform_id.get_seed_string() == "ZG.R0101..DPZ"
    assert pick.phase_hint == "P"
    assert abs(pick.time - UTCDateTime(ns=EVENTS[0].picks[1].time_ns)) <= 1e-6
    said = json.loads(pick.comments[0].text)
    assert said == {"time_ns": P_NS + 1_000_001, "delay_s": 0.001, "probability": 0.9, "cc": None}
    if place is None:
        assert first.origins == []
    else:
        origin = first.preferred_origin()
        assert (origin.longitude, origin.latitude) == (-116.59, 33.54)
        assert abs(origin.time - UTCDateTime(ns=P_NS)) <= 1e-6
        assert origin.comments[0].text.startswith("detection at array")


@pytest.mark.parametrize("n_events", [0, 1, 2])
def test_obspy_would_write_the_same_at_once(tmp_path: Path, n_events: int) -> None:
    path, again = tmp_path / "catalog.xml", tmp_path / "again.xml"
    write_quakeml(path, EVENTS[:n_events], place=PLACE)
    read_events(str(path), format="QUAKEML").write(str(again), format="QUAKEML")
    assert path.read_bytes() == again.read_bytes()


def test_the_schema_would_refuse_an_origin_without_a_place(tmp_path: Path) -> None:
    path = tmp_path / "catalog.xml"
    write_quakeml(path, EVENTS, place=PLACE)
    catalog = read_events(str(path))
    catalog[0].origins[0].longitude = None
    catalog.write(str(path), format="QUAKEML")
    assert not _validate(str(path))


def test_the_same_detections_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in (tmp_path / "a", tmp_path / "b"):
        write_tables(folder, EVENTS)
        write_quakeml(folder / "catalog.xml", EVENTS, place=PLACE)
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["catalog.csv", "catalog.parquet", "catalog.xml", "picks.csv", "picks.parquet"]
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


@pytest.mark.parametrize("n_whole", [0, 1, 2, 3, 4])
def test_a_full_disk_leaves_old_files_or_new_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_whole: int
) -> None:
    def both(events: tuple[Detection, ...]) -> dict[str, bytes]:
        write_tables(tmp_path, events)
        write_quakeml(tmp_path / "catalog.xml", events)
        return {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    room = iter([None] * n_whole)

    def full(_: int) -> None:
        if next(room, "full"):
            raise OSError(28, "No space left on device")

    new, old = both(EVENTS[:1]), both(EVENTS)
    monkeypatch.setattr(seisflow.core.files.os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        both(EVENTS[:1])
    found = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    order = ["picks.parquet", "picks.csv", "catalog.parquet", "catalog.csv", "catalog.xml"]
    assert found == {name: (new if k < n_whole else old)[name] for k, name in enumerate(order)}


def test_a_catalogue_names_each_event_once(tmp_path: Path) -> None:
    for write in (write_tables, write_quakeml):
        with pytest.raises(DataError, match="more than one detection, for example sf2014"):
            write(tmp_path / "x", (EVENTS[0], EVENTS[0]))
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_no_public_id(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be part of a QuakeML id, for example 'a b'"):
        write_quakeml(tmp_path / "x.xml", [replace(EVENTS[0], event="a b")])


FOREIGN = (
    "time,latitude,longitude,depth,mag,evid{}\n2014-05-29T17:03:40Z,33.5,-116.6,7.5,1.25,11{}\n"
)


@pytest.mark.parametrize(
    ("head", "cell", "snr"),
    [
        ("", "", math.nan),
        (",peak_snr", ",7.5", 7.5),
        (",SNR", ",", math.nan),
        (",snr", ",x", math.nan),
    ],
)
def test_tables_of_others(tmp_path: Path, head: str, cell: str, snr: float) -> None:
    path = tmp_path / "foreign.csv"
    path.write_text(FOREIGN.format(head, cell))
    wanted = ReferenceEvent("11", parse_time("2014-05-29T17:03:40"), 1.25, snr, -116.6, 33.5, 7.5)
    assert same(read_catalogue_times(path), [wanted])


def test_semicolons_comments_and_bad_rows(tmp_path: Path) -> None:
    path = tmp_path / "foreign.csv"
    text = "\ufeff# truth\n\n" + FOREIGN.format(",snr", ",3.5") + "never,33.5,-116.6,7,1,12,2\n"
    path.write_text(text.replace(",", ";"), encoding="utf-8")
    found = read_reference(path)
    assert [(e.event, e.snr) for e in found.rows] == [("11", 3.5)]
    assert len(found.problems) == 1
    assert "line 5" in found.problems[0]


def test_quakeml_of_others(tmp_path: Path) -> None:
    path = tmp_path / "own.xml"
    write_quakeml(path, EVENTS, place=PLACE)
    foreign = tmp_path / "foreign.xml"
    foreign.write_text(path.read_text().replace("local/seisflow", "local/others"))
    found = read_catalogue_times(foreign)
    microsecond = P_NS // 1000 * 1000
    place = (PLACE.longitude, PLACE.latitude, 0.0)
    wanted = ReferenceEvent(EVENTS[0].event, microsecond, math.nan, math.nan, *place)
    assert abs(found[0].time_ns - P_NS) <= 500
    assert same([found[0]._replace(time_ns=microsecond)], [wanted])


def test_damage_in_our_own_files_is_a_problem_that_stops_no_other(tmp_path: Path) -> None:
    write_tables(tmp_path, EVENTS)
    write_quakeml(tmp_path / "catalog.xml", EVENTS)
    csv_path, xml_path = tmp_path / "catalog.csv", tmp_path / "catalog.xml"
    csv_path.write_text(csv_path.read_text().replace("2014-05-29T17:03", "2014-05-39T17:03"))
    xml_path.write_text(xml_path.read_text().replace(f'"time_ns": {P_NS}, "event"', '"event"'))
    for path, place in ((csv_path, "line 2"), (xml_path, "event 0")):
        found = read_reference(path)
        assert same(list(found.rows), AS_REFERENCE[1:])
        assert len(found.problems) == 1
        assert place in found.problems[0]


def test_a_byte_that_is_no_text_stops_nothing(tmp_path: Path) -> None:
    write_tables(tmp_path, EVENTS)
    path = tmp_path / "catalog.csv"
    path.write_bytes(path.read_bytes().replace(b"sf20140529T170341", b"sf\xff"))
    assert [e.time_ns for e in read_catalogue_times(path)] == [e.time_ns for e in EVENTS]


def test_what_is_no_catalogue(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"neither catalog\.parquet nor catalog\.csv"):
        read_catalogue_times(tmp_path)
    for name in ("none.csv", "none.parquet"):
        with pytest.raises(ConfigError, match="give a catalogue of detections"):
            read_catalogue_times(tmp_path / name)
    (tmp_path / "bad.parquet").write_bytes(b"no parquet at all")
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_catalogue_times(tmp_path / "bad.parquet")
    write_tables(tmp_path, EVENTS)
    with pytest.raises(ConfigError, match="no column stack_snr"):
        read_catalogue_times(tmp_path / "picks.parquet")
    (tmp_path / "own.xml").write_text("<x>smi:local/seisflow/catalogue")
    with pytest.raises(DataError, match="cannot be read as QuakeML"):
        read_catalogue_times(tmp_path / "own.xml")


def test_times_of_the_whole_range_keep_every_nanosecond(tmp_path: Path) -> None:
    times = [-1, 1, parse_time("2261-01-01") - 1]
    write_tables(tmp_path, [replace(EVENTS[0], event=f"e{t}", time_ns=t) for t in times])
    for name in ("catalog.csv", "catalog.parquet"):
        found = [e.time_ns for e in read_catalogue_times(tmp_path / name)]
        assert [format_time(t) for t in found] == [format_time(t) for t in times]
