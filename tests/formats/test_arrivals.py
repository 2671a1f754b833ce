"""Arrivals and catalogues: tables of many headings, QuakeML, and predicted times, as ObsPy has."""

import csv
import math
from pathlib import Path

import pytest

from seisflow.core.grid import parse_time
from seisflow.core.stations import Coordinates
from seisflow.errors import ConfigError, DataError
from seisflow.formats import obspy_import
from seisflow.formats.arrivals import NOT_VISIBLE, Arrival, read_arrivals
from seisflow.formats.coordinates import read_coordinates
from seisflow.formats.events import Event, read_catalogue
from seisflow.formats.travel_times import TravelTimes, predict_arrivals

DATA = Path(__file__).parents[3] / "shared" / "data"
recorded = pytest.mark.skipif(not DATA.exists(), reason=f"no recorded data at {DATA}")
P_NS = parse_time("2019-07-05T00:18:02.545")


def written(folder: Path, text: str, name: str = "picks.csv") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "text",
    [
        "time,station,phase\n2019-07-05T00:18:02.545Z,CI.CLC,P\n",
        "Time, Sta ,Phase,Network\n2019-07-05 00:18:02.545,CLC,P,CI\n",
        f"event,station,phase,time_ns,snr\n,CI.CLC..HHZ,P,{P_NS},7.5\n",
        "\ufeff# from a friend\n\nphase;net;sta;pick_time\nP;CI;CLC;2019-07-05T00:18:02.545000Z\n",
        "network,station,p_time,s_time\nCI,CLC,2019-07-05T00:18:02.545Z,\n",
    ],
)
def test_tables_that_say_the_same(tmp_path: Path, text: str) -> None:
    (found,) = read_arrivals(written(tmp_path, text)).rows
    assert found[:5] == (P_NS, "CI", "CLC", "P", "")
    assert math.isnan(found.magnitude)
    assert math.isnan(found.distance_km)
    assert not found.unfit


def test_everything_a_table_can_say(tmp_path: Path) -> None:
    text = "evid,network,station,channel,time,phase,mag,dist_km,visible\n"
    text += "e1,,GCSZ,SZ,2013-09-01,Pg,0.6,12.5,0\n"
    (found,) = read_arrivals(written(tmp_path, text)).rows
    assert found == Arrival(
        parse_time("2013-09-01"), "", "GCSZ", "Pg", "e1", 0.6, 12.5, NOT_VISIBLE
    )


def test_bad_rows_are_named_by_line_and_stop_no_other(tmp_path: Path) -> None:
    text = "# one\ntime,station,phase\n2020-01-01,A,P\nyesterday,A,P\n\n2020-01-01,,P\n"
    text += "2020-01-01,A,\n2020-01-02,B,S\n"
    found = read_arrivals(written(tmp_path, text))
    assert [(a.station, a.phase) for a in found.rows] == [("A", "P"), ("B", "S")]
    assert [p.split(":")[0] for p in found.problems] == [f"picks.csv line {n}" for n in (4, 6, 7)]
    assert "not a time: 'yesterday'" in found.problems[0]


@pytest.mark.parametrize(
    ("text", "error", "reasons"),
    [
        ("time,station\n2020-01-01,A\n", ConfigError, ["phase", "phase_hint", "found headings"]),
        ("when,where\n1,2\n", ConfigError, ["time", "station", "allowed"]),
        ("", ConfigError, ["found headings none"]),
        ("time,station,phase\nx,A,P\n", DataError, ["no arrival", "1 bad rows", "line 2"]),
        ("<html></html>", DataError, ["QuakeML", "give"]),
    ],
)
def test_tables_that_are_refused(
    tmp_path: Path, text: str, error: type[Exception], reasons: list[str]
) -> None:
    with pytest.raises(error) as raised:
        read_arrivals(written(tmp_path, text))
    for reason in reasons:
        assert reason in str(raised.value)


def test_what_is_no_text_and_what_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"time\xff\xfe\x00")
    with pytest.raises(DataError, match="neither CSV text nor QuakeML"):
        read_arrivals(tmp_path / "x")
    with pytest.raises(ConfigError, match="cannot be opened"):
        read_arrivals(tmp_path / "y")


@pytest.mark.parametrize(
    ("phase", "is_p"),
    [
        *[(p, True) for p in ("P", "p", "Pg", "PN", "eP", "IPU0", "PKP", "PKPdf", "Pdiff", "P1")],
        *[(p, False) for p in ("S", "pP", "PP", "PcP", "IAML", "AMB", "Sg", "ES", "LR", "PS")],
    ],
)
def test_first_arrivals_of_p(phase: str, is_p: bool) -> None:
    assert Arrival(0, "", "A", phase).is_p == is_p


@pytest.mark.parametrize(
    ("phase", "is_s"),
    [
        *[(s, True) for s in ("S", "s", "Sg", "SN", "eS", "ISD0", "SKS", "SKSac", "Sdiff", "S1")],
        *[(s, False) for s in ("P", "sS", "SS", "ScS", "SP", "AMS", "Pg", "LR", "PS", "sP", "SKP")],
    ],
)
def test_first_arrivals_of_s(phase: str, is_s: bool) -> None:
    assert Arrival(0, "", "A", phase).is_s == is_s


@recorded
@pytest.mark.parametrize(
    ("name", "n", "n_p", "networks"),
    [
        ("ridgecrest_events_picked", 581, 393, {"CI", "NN", "PB", "CE", "SN"}),
        ("dfdp2013_picked", 180, 95, {""}),
    ],
)
def test_recorded_picks(name: str, n: int, n_p: int, networks: set[str]) -> None:
    found = read_arrivals(DATA / name / "truth" / "picks.csv")
    assert found.problems == ()
    assert len(found.rows) == n
    assert sum(a.is_p for a in found.rows) == n_p
    assert {a.network for a in found.rows} >= networks
    assert all(a.event for a in found.rows)


@recorded
def test_recorded_predictions_have_two_phases_a_row_and_a_flag() -> None:
    path = DATA / "anza1998" / "truth" / "arrivals_predicted_derived.csv"
    found = read_arrivals(path).rows
    with path.open() as file:
        rows = list(csv.DictReader(file))
    assert len(found) == 2 * len(rows)
    assert [a.unfit == "" for a in found[::2]] == [
        r["visible"] == "1" and r["etype"] == "eq" for r in rows
    ]
    assert {a.unfit for a in found} == {"", NOT_VISIBLE, "of an event of type 'qb'"}
    assert found[1].time_ns == parse_time(rows[0]["pred_S"])
    assert found[0].magnitude == 1.38
    assert found[0].distance_km == 38.18


def test_catalogues_that_say_the_same(tmp_path: Path) -> None:
    iso = "time,lat,lon,depth_km,mag,evid\n2014-05-29T01:00:00.5Z,33.5,-116.5,8.5,1.25,e7\n"
    time_ns = parse_time("2014-05-29T01:00:00.5")
    ns = "event,time_ns,longitude,latitude,depth_km,magnitude\n"
    ns += f"e7,{time_ns},-116.5,33.5,8.5,1.25\n"
    expected = Event("e7", time_ns, -116.5, 33.5, 8.5, 1.25)
    for i, text in enumerate((iso, ns)):
        assert read_catalogue(written(tmp_path, text, f"{i}.csv")).rows == (expected,)


def test_an_event_without_a_place_is_a_problem(tmp_path: Path) -> None:
    text = "time,lat,lon,depth_km\n2020-01-01,91,0,5\n2020-01-01,1,0,\n2020-01-02,1,2,3\n"
    found = read_catalogue(written(tmp_path, text))
    assert [e.event for e in found.rows] == ["2020-01-02T00:00:00Z"]
    assert len(found.problems) == 2
    with pytest.raises(ConfigError, match="latitude"):
        read_catalogue(written(tmp_path, "time,lon\n"))


def test_quakeml(tmp_path: Path) -> None:
    from obspy.core import event as q

    time = obspy_import.UTCDateTime("2014-05-13T16:53:20.25Z")
    picks = [
        q.Pick(time=time + k, waveform_id=q.WaveformStreamID("CI", code), phase_hint=hint)
        for k, (code, hint) in enumerate([("CLC", "P"), ("TOW2", "S"), ("LRL", None)])
    ]
    arrival = q.Arrival(pick_id=picks[0].resource_id, phase="Pg", distance=0.1)
    origin = q.Origin(
        time=time - 3, longitude=-117.5, latitude=35.75, depth=8500.0, arrivals=[arrival]
    )
    event = q.Event(
        resource_id=q.ResourceIdentifier("quakeml:ci.anss.org/Event?eventid=38450263"),
        picks=picks,
        origins=[origin],
        magnitudes=[q.Magnitude(mag=5.36)],
    )
    path = tmp_path / "events.xml"
    q.Catalog([event]).write(str(path), format="QUAKEML")
    found = read_arrivals(path)
    assert [a[:6] for a in found.rows] == [
        (time.ns, "CI", "CLC", "Pg", "38450263", 5.36),
        (time.ns + 10**9, "CI", "TOW2", "S", "38450263", 5.36),
    ]
    assert found.rows[0].distance_km == pytest.approx(11.12, abs=0.01)
    assert len(found.problems) == 1
    assert "lacks a phase" in found.problems[0]
    (row,) = read_catalogue(path).rows
    assert row == Event("38450263", time.ns - 3 * 10**9, -117.5, 35.75, 8.5, 5.36)


@pytest.fixture(scope="module")
def iasp91() -> TravelTimes:
    return TravelTimes("iasp91")


@pytest.mark.parametrize(
    ("depth_km", "distance_km"),
    [(8.3, 0.04), (8.33, 12.26), (2.0, 155.5), (-0.7, 38.2), (600.0, 3300.0), (10.0, 13_000.0)],
)
def test_first_arrivals_are_those_of_taup(
    iasp91: TravelTimes, depth_km: float, distance_km: float
) -> None:
    from obspy.taup import TauPyModel

    found = iasp91.first_s(depth_km, distance_km)
    for phase, lists in (("P", ["ttp"]), ("S", ["tts"])):
        every = TauPyModel("iasp91").get_travel_times(
            max(0, depth_km), distance_km / 111.195, phase_list=lists
        )
        assert found[phase] == pytest.approx(every[0].time, abs=0.05)


@recorded
def test_predictions_equal_those_made_elsewhere(iasp91: TravelTimes) -> None:
    del iasp91
    folder = DATA / "anza1998" / "truth"
    events = read_catalogue(folder / "events.csv").rows[::10]
    table = read_coordinates(folder / "stations.csv")
    places = {("AZ", code): table.lookup(f"AZ.{code}..BHZ") for code in ("BZN", "KNW", "TRO")}
    found = predict_arrivals(events, {k: p for k, p in places.items() if p}, "iasp91")
    with (folder / "arrivals_predicted_derived.csv").open() as file:
        rows = {(r["evid"], r["station"]): r for r in csv.DictReader(file)}
    compared = 0
    for arrival in found:
        row = rows.get((arrival.event, arrival.station))
        if row is not None:
            expected_ns = parse_time(row[f"pred_{arrival.phase}"])
            assert abs(arrival.time_ns - expected_ns) < 0.05e9
            assert arrival.distance_km == pytest.approx(float(row["dist_km"]), abs=0.02)
            compared += 1
    assert compared > 20


def test_an_unknown_model_is_refused() -> None:
    place = {("XX", "A"): Coordinates(0.0, 0.0, 0.0)}
    with pytest.raises(ConfigError, match="--predict 'flat' is no model"):
        predict_arrivals((Event("e", 0, 0.0, 0.0, 5.0),), place, "flat")
