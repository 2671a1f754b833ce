"""Tables of others: separators, encodings, quotes, headings by kind, and what is left out."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from obspy.core import event as q

from seisflow.core.grid import Span, parse_time
from seisflow.errors import ConfigError, DataError
from seisflow.formats import obspy_import
from seisflow.formats.arrivals import read_arrivals
from seisflow.formats.coordinates import read_coordinates
from seisflow.formats.events import read_catalogue
from seisflow.formats.references import EVENT_COLUMNS, read_reference
from seisflow.stages.compare.timing import expect_by_arrivals
from seisflow.stages.wavelets.matching import match_arrivals

PICK = parse_time("2014-05-29T00:00:07.25")


def written(folder: Path, text: str | bytes, name: str = "table.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_arrival_time_goes_before_a_time_that_may_be_the_origins(tmp_path: Path) -> None:
    text = "event_id,time,magnitude,station,phase,arrival_time\n"
    text += "e1,2014-05-29T00:00:00Z,1.0,ABC,P,2014-05-29T00:00:07.25Z\n"
    path = written(tmp_path, text)
    found = read_arrivals(path)
    assert found.rows[0].time_ns == PICK
    assert found.said(path) == (
        "table.csv: columns: time from 'arrival_time', station, phase, event from 'event_id', "
        "magnitude; not read: time",
    )


@pytest.mark.parametrize(
    ("heading", "kind"), [("origin_time", "arrivals"), ("arrival_time", "catalogue")]
)
def test_the_time_of_another_thing_is_none(tmp_path: Path, heading: str, kind: str) -> None:
    text = f"{heading},station,phase,latitude,longitude,depth_km\n2014-05-29,ABC,P,1,2,3\n"
    read = read_arrivals if kind == "arrivals" else read_catalogue
    with pytest.raises(ConfigError, match=f"{kind} .* has no column for time"):
        read(written(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "trace_id,peak_time,phase\nXX.ABC.,2014-05-29T00:00:07.25,P\n",  # SeisBench
        "station_id,phase_time,phase_type,id\nXX.ABC..E,2014-05-29T00:00:07.250,P,XX.ABC..E\n",
        "station,p_arrival_time,s_arrival_time\nABC,2014-05-29 00:00:07.250,\n",  # EQTransformer
        "station\tphase\tdate\ttime\nABC\tP\t2014-05-29\t00:00:07.25\n",
        "station|phase|time\nABC|P|2014-05-29T00:00:07.25\n",
        "station , phase , time\nABC , P , 2014-05-29T00:00:07.25\n",
    ],
)
def test_picks_as_other_programs_write_them(tmp_path: Path, text: str) -> None:
    (found,) = read_arrivals(written(tmp_path, text)).rows
    assert (found.time_ns, found.station, found.phase) == (PICK, "ABC", "P")


COMCAT = (
    "time,latitude,longitude,depth,mag,magType,nst,gap,dmin,rms,net,id,updated,place,type,status,"
    "snr\n2014-05-29T00:10:00.120Z,33.5,-116.5,12.3,1.2,ml,,,,,ci,ci123,2016-01-01T00:00:00.000Z,"
    '"5 km N of X, CA",{},{},7.5\n'
)


def test_comcat_events_keep_their_names_and_find_their_picks(tmp_path: Path) -> None:
    events = read_reference(written(tmp_path, COMCAT.format("earthquake", "reviewed"))).rows
    assert [(e.event, e.snr, e.magnitude) for e in events] == [("ci123", 7.5, 1.2)]
    text = "event_id,time,station,phase\nci123,2014-05-29T00:10:03Z,XX.ABC,P\n"
    picks = read_arrivals(written(tmp_path, text, "picks.csv")).rows
    assert len(expect_by_arrivals(events, picks)) == 1


def test_fdsn_text_is_a_table(tmp_path: Path) -> None:
    events = "#EventID|Time|Latitude|Longitude|Depth/km|Author|Catalog|Contributor|ContributorID|"
    events += "MagType|Magnitude|MagAuthor|EventLocationName\n"
    events += "7|2014-05-29T00:10:00|33.5|-116.5|12.3|CI|CI|CI|7|ml|1.2|CI|SOMEWHERE, CA\n"
    (event,) = read_catalogue(written(tmp_path, events)).rows
    assert event[:6] == ("7", parse_time("2014-05-29T00:10"), -116.5, 33.5, 12.3, 1.2)
    stations = "#Network | Station | Latitude | Longitude | Elevation | SiteName | StartTime | "
    stations += "EndTime\nIU|ANTO|39.868|32.7934|1090.0|Ankara|1988-01-01T00:00:00|\n"
    place = read_coordinates(written(tmp_path, stations)).lookup("IU.ANTO.30.LDO")
    assert place is not None
    assert (place.longitude, place.latitude, place.elevation) == (32.7934, 39.868, 1090.0)


@pytest.mark.parametrize(
    ("kind", "status", "reason"),
    [
        ("quarry blast", "reviewed", "event of type 'quarry blast'"),
        ("explosion", "automatic", "event of type 'explosion'"),
        ("earthquake", "deleted", "event with status 'deleted'"),
    ],
)
def test_what_a_catalogue_says_is_no_earthquake_is_counted(
    tmp_path: Path, kind: str, status: str, reason: str
) -> None:
    path = written(tmp_path, COMCAT.format(kind, status))
    with pytest.raises(DataError, match=f"no earthquake that can be used .*1 left out: {reason}"):
        read_catalogue(path)
    path.write_text(path.read_text() + COMCAT.format("", "").partition("\n")[2])
    found = read_reference(path)
    assert len(found.rows) == 1
    assert found.left_out == {reason: 1}


def test_an_event_stands_once(tmp_path: Path) -> None:
    text = "event_id,time,latitude,longitude,depth_km\n"
    text += "a,2014-05-29,33.5,-116.5,5\na,2014-05-29,33.5,-116.5,5\n"
    text += "b,2014-05-29T00:00:01,33.6,-116.5,5\nc,2014-05-29T01,33.5,-116.5,5\n"
    path = written(tmp_path, text)
    found = read_catalogue(path)
    assert [e.event for e in found.rows] == ["a", "b", "c"]
    assert found.left_out == {"duplicate event": 1}
    assert (
        "1 event within 2 s and 25 km of the previous one, for example a and b"
        in (found.said(path)[1])
    )


def quakeml(folder: Path, *events: q.Event) -> Path:
    path = folder / "events.xml"
    q.Catalog(list(events)).write(str(path), format="QUAKEML")
    return path


def pick(at_s: float, status: str | None = None) -> q.Pick:
    time = obspy_import.UTCDateTime("2014-05-29T00:10:00Z") + at_s
    where = q.WaveformStreamID("XX", "ABC", channel_code="EHZ")
    return q.Pick(time=time, phase_hint="P", waveform_id=where, evaluation_status=status)


def test_a_rejected_pick_is_none(tmp_path: Path) -> None:
    event = q.Event(
        resource_id=q.ResourceIdentifier("smi:local/event/e1"),
        picks=[pick(0, "rejected"), pick(4, "confirmed")],
    )
    found = read_arrivals(quakeml(tmp_path, event))
    matched = match_arrivals(found.rows, ["XX.ABC..EHZ"])
    assert matched.onset_ns.tolist() == [parse_time("2014-05-29T00:10:04")]
    assert found.left_out == {"pick with status 'rejected'": 1}


def test_a_pick_without_weight_in_the_location_is_none(tmp_path: Path) -> None:
    picks = [pick(0), pick(4)]
    arrivals = [
        q.Arrival(pick_id=p.resource_id, phase="P", time_weight=w)
        for p, w in zip(picks, (0.0, 0.8), strict=True)
    ]
    time = obspy_import.UTCDateTime("2014-05-29T00:09:58Z")
    origin = q.Origin(time=time, longitude=1, latitude=2, depth=3000, arrivals=arrivals)
    found = read_arrivals(quakeml(tmp_path, q.Event(picks=picks, origins=[origin])))
    assert [a.time_ns for a in found.rows] == [parse_time("2014-05-29T00:10:04")]
    assert found.left_out == {"pick with time weight 0": 1}


def test_arrivals_of_a_blast_are_kept_away_from_and_are_no_examples(tmp_path: Path) -> None:
    blast = q.Event(picks=[pick(0)], event_type="quarry blast")
    twin = q.Event(picks=[pick(1)], event_type="crash")
    path = quakeml(tmp_path, blast, twin, q.Event(picks=[pick(60)]))
    path.write_text(path.read_text().replace(">crash<", ">duplicate<"))  # unknown to ObsPy
    found = read_arrivals(path)
    matched = match_arrivals(found.rows, ["XX.ABC..EHZ"])
    assert matched.onset_ns.tolist() == [parse_time("2014-05-29T00:11:00")]
    assert len(matched.away[0]) == 2
    assert matched.rejected == {"of an event of type 'quarry blast'": 1}
    assert found.left_out == {"pick of an event of type 'duplicate'": 1}


def test_rejected_origins_make_no_event(tmp_path: Path) -> None:
    time = obspy_import.UTCDateTime("2014-05-29T00:09:58Z")

    def origin(longitude: float, status: str) -> q.Origin:
        return q.Origin(
            time=time, longitude=longitude, latitude=2, depth=3000, evaluation_status=status
        )

    one = q.Event(origins=[origin(1, "rejected"), origin(5, "confirmed")])
    none = q.Event(origins=[origin(1, "rejected")])
    found = read_catalogue(quakeml(tmp_path, one, none))
    assert [e.longitude for e in found.rows] == [5]
    assert found.left_out == {"event whose origins are rejected": 1}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_encodings_and_ends_of_lines(tmp_path: Path, encoding: str, newline: str) -> None:
    text = f"time,station,phase,site{newline}2014-05-29,ABC,P,Zürich{newline}x,ABC,P,{newline}"
    found = read_arrivals(written(tmp_path, text.encode(encoding)))
    assert [a.station for a in found.rows] == ["ABC"]
    assert [p.partition(":")[0] for p in found.problems] == ["table.csv line 3"]


def test_an_open_quote_costs_its_own_line_alone(tmp_path: Path) -> None:
    rows = [f"2014-05-29T00:{m:02d},ABC,P,x" for m in range(30)]
    rows[3] = '2014-05-29T00:03,ABC,P,"5 km N'
    rows[20] = '2014-05-29T00:20,ABC,P,"5 km N\nof ""X"", CA"'
    found = read_arrivals(written(tmp_path, "\n".join(["time,station,phase,place", *rows])))
    assert len(found.rows) == 29
    assert found.problems == ("table.csv line 5: a quote is opened and not closed",)


def test_cells_that_are_too_many_are_a_problem(tmp_path: Path) -> None:
    text = "place,time,station,phase\nX, CA,2014-05-29,ABC,P\nX,2014-05-29,ABC,P,,\n"
    found = read_arrivals(written(tmp_path, text))
    assert len(found.rows) == 1
    assert "line 2: 5 cells under 4 headings" in found.problems[0]


def test_a_heading_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="more than one column 'time'"):
        read_arrivals(written(tmp_path, "time,station,phase,time\n2014-05-29,A,P,2014-05-30\n"))


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("A;33,5;-116", "latitude '33,5' is no number; write it with a decimal point"),
        ("A;-116;33", "latitude -116 is not within -90..90 degrees.*swapped"),
        ("A;33;-116;99999", "elevation 99999 m is not within"),
        ("A;nan;-116", "no latitude"),
        ("A.B.C.D.E;33;-116", "no station code in 'A.B.C.D.E'"),
    ],
)
def test_places_that_cannot_be(tmp_path: Path, row: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=f"line 2: {reason}"):
        read_coordinates(written(tmp_path, f"station;latitude;longitude;elevation\n{row}\n"))


@given(st.floats(-180, 360), st.floats(-90, 90))
@settings(max_examples=50, deadline=None)
def test_longitudes_are_read_as_angles(longitude: float, latitude: float) -> None:
    from seisflow.core.stations import checked_place

    place = checked_place(longitude, latitude)
    assert -180 <= place.longitude < 180
    assert np.isclose((place.longitude - longitude) % 360, 0) or np.isclose(
        (place.longitude - longitude) % 360, 360
    )
    assert place.latitude == latitude


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    for data in (b"time,station\0", bytes(range(128, 256))):
        with pytest.raises(DataError, match="is neither CSV text nor QuakeML"):
            read_arrivals(written(tmp_path, data))


def test_an_id_that_starts_anew_is_another_event(tmp_path: Path) -> None:
    text = "event_index,time,latitude,longitude,depth_km\n"
    for day in (1, 2, 3):
        text += "".join(f"{k},2014-05-{day:02d}T0{k}:00,33.5,-116.5,5\n" for k in range(2))
    text += ",2014-06-01,33.5,-116.5,5\nnan,2014-06-01,35.5,-116.5,5\n"
    path = written(tmp_path, text)
    found = read_catalogue(path)
    assert len(found.rows) == len({e.event for e in found.rows}) == 8
    assert found.left_out == {}
    assert "5 events with the name of a different event" in found.said(path)[1]


def test_picks_of_no_event_are_no_event(tmp_path: Path) -> None:
    rows = [f"2014-05-29T0{k}:00,ABC,P,{e}" for k, e in enumerate(["-1", "nan", "", "7"])]
    found = read_arrivals(written(tmp_path, "\n".join(["time,station,phase,event_index", *rows])))
    assert [a.event for a in found.rows] == ["", "", "", "7"]


@pytest.mark.parametrize(
    ("head", "kind", "reason"),
    [
        ("publicid,evaluationstatus,origintime", "7,rejected,", "event with status 'rejected'"),
        ("EVID,ET,TIME", "7,qb,", "event of type 'qb'"),
    ],
)
def test_other_agencies_say_it_too(tmp_path: Path, head: str, kind: str, reason: str) -> None:
    text = f"{head},latitude,longitude,depth,magnitude\n"
    text += f"{kind}2014-05-29,33.5,-116.5,5,999\n" + "8,,2014-05-30,33.5,-116.5,5,--\n"
    found = read_catalogue(written(tmp_path, text))
    assert found.left_out == {reason: 1}
    assert [(e.event, np.isnan(e.magnitude)) for e in found.rows] == [("8", True)]


def test_an_event_of_a_service_is_called_by_its_id(tmp_path: Path) -> None:
    event = q.Event(
        resource_id=q.ResourceIdentifier(
            "quakeml:a.gov/event/1/query?eventid=ci123&format=quakeml"
        ),
        picks=[pick(0)],
    )
    assert read_arrivals(quakeml(tmp_path, event)).rows[0].event == "ci123"


def test_kinds_that_obspy_does_not_know_are_kept_as_they_are_written(tmp_path: Path) -> None:
    time = obspy_import.UTCDateTime("2014-05-29T00:09:58Z")
    kinds = ("volcano-tectonic", "blast", "quarry blast")
    events = [
        q.Event(
            event_type="crash",
            picks=[pick(3600 * k)],
            origins=[q.Origin(time=time + 3600 * k, longitude=1, latitude=2, depth=3000)],
        )
        for k in range(3)
    ]
    path = quakeml(tmp_path, *events)
    text = path.read_text()
    for kind in kinds:
        text = text.replace(">crash<", f">{kind}<", 1)
    path.write_text(text)
    assert [e.time_ns for e in read_catalogue(path).rows] == [time.ns]
    assert [a.unfit for a in read_arrivals(path).rows] == [
        "",
        "of an event of type 'blast'",
        "of an event of type 'quarry blast'",
    ]


@pytest.mark.parametrize("year", [1556, 2300])
def test_times_beyond_64_bits_are_problems(tmp_path: Path, year: int) -> None:
    old = pick(0)
    old.time = obspy_import.UTCDateTime(f"{year}-01-23T05:00:00Z")
    origin = q.Origin(time=old.time, longitude=1, latitude=2, depth=3000)
    path = quakeml(tmp_path, q.Event(picks=[old], origins=[origin]), q.Event(picks=[pick(0)]))
    with pytest.raises(DataError, match="beyond the years 1678 to 2261"):
        read_catalogue(path)
    found = read_arrivals(path)
    assert len(found.rows) == 1
    assert "beyond the years 1678 to 2261" in found.problems[0]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("1401321607", "give ns since 1970, not s or us"),
        ("1401321607000000", "give ns since 1970, not s or us"),
        ("99999999999999999999", "is no whole number of ns"),
        ("1.4e18", "is no whole number of ns"),
    ],
)
def test_numbers_that_are_no_ns(tmp_path: Path, cell: str, reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        read_arrivals(written(tmp_path, f"time_ns,station,phase\n{cell},ABC,P\n"))


def test_time_beside_a_travel_time_is_the_origins(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no column for time"):
        read_arrivals(written(tmp_path, "time,traveltime,station,phase\n2014-05-29,7,ABC,P\n"))
    text = "time,station,phase,arrival\n2014-05-29,ABC,P,2014-05-29T00:00:07.25\n"
    assert read_arrivals(written(tmp_path, text)).rows[0].time_ns == PICK


def test_a_comment_is_no_heading_where_one_follows(tmp_path: Path) -> None:
    text = (
        "# columns: station,phase,time\nsep=,\nstation,phase,time\nABC,P,2014-05-29T00:00:07.25\n"
    )
    assert read_arrivals(written(tmp_path, text)).rows[0].time_ns == PICK


def test_cells_without_end_are_a_problem(tmp_path: Path) -> None:
    text = f"time,station,phase,wkt\n2014-05-29,A,P,{'x' * 200_000}\n2014-05-30,A,P,y\n"
    found = read_arrivals(written(tmp_path, text))
    assert len(found.rows) == 1
    assert "line 2: field larger than field limit" in found.problems[0]
    with pytest.raises(DataError, match="field larger than field limit"):
        read_arrivals(written(tmp_path, f"{'x' * 200_000},station\n"))


def test_codes_that_a_spreadsheet_made_numbers_of_are_named(tmp_path: Path) -> None:
    found = "station '101.0' is a number as spreadsheets write it"
    with pytest.raises(DataError, match=found):
        read_arrivals(written(tmp_path, "time,station,phase\n2014-05-29,101.0,P\n"))
    with pytest.raises(ConfigError, match=found):
        read_coordinates(written(tmp_path, "station,lat,lon\n101.0,1,2\n"))


@pytest.mark.parametrize("elevation", ["-", "N/A", "-9999", "-99999", ""])
def test_an_elevation_that_is_not_known_costs_no_place(tmp_path: Path, elevation: str) -> None:
    text = f"station,lat,lon,elevation\nABC,1,2,{elevation}\n"
    place = read_coordinates(written(tmp_path, text)).lookup("XX.ABC..EHZ")
    assert place is not None
    assert np.isnan(place.elevation)


@pytest.mark.parametrize(
    ("start", "end", "holds"),
    [
        ("2012-01-01", "present", True),
        ("0001-01-01", "-", True),
        ("2014-05-29", "2014-05-29", True),
        ("2012-01-01", "2500-01-01", True),
        ("2014-05-30", "", False),
    ],
)
def test_epochs_as_they_are_written(tmp_path: Path, start: str, end: str, holds: bool) -> None:
    text = f"network,station,location,channel,lat,lon,start,end\nXX,ABC,*,*,1,2,{start},{end}\n"
    day = Span(parse_time("2014-05-29"), parse_time("2014-05-29T12:00"))
    found = read_coordinates(written(tmp_path, text)).lookup("XX.ABC..EHZ", day)
    assert (found is not None) == holds


def test_our_own_table_saved_by_a_spreadsheet_is_ours(tmp_path: Path) -> None:
    head = ";".join(f'"{name}"' for name in EVENT_COLUMNS)
    row = "e1;2014-05-29T00:00:07.25Z;9;9;9;.5;.5;7.5;1;1;1"
    (event,) = read_reference(written(tmp_path, f"\ufeff{head}\n{row}\n")).rows
    assert event[:4:3] == ("e1", 7.5)
