"""Station tables that do not fit the archive, through the command: nothing wrong in silence."""

import json
from pathlib import Path

import numpy as np
import obspy
import pytest
from obspy import UTCDateTime
from obspy.core.inventory import Channel, Inventory, Network, Station
from programs import Cluster, Ended, Launcher
from raw_archives import trace, write

import seisflow
from seisflow.core.grid import parse_time

START_NS = parse_time("2014-05-29")


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A minute of XX.ABC..EHZ."""
    values = np.random.default_rng(1).integers(-999, 999, 6000).astype("i4")
    folder = tmp_path_factory.mktemp("raw")
    return write(folder / "a.mseed", trace(values, START_NS, station="XX.ABC..EHZ", rate=100))


class Ingest:
    """Ingest of a record with a station table."""

    def __init__(self, launcher: Launcher, cluster: Cluster, folder: Path, raw: Path) -> None:
        self.launcher, self.cluster, self.folder, self.raw = launcher, cluster, folder, raw
        self.output = folder / "w.zarr"

    def __call__(self, table: str | Path) -> Ended:
        if isinstance(table, str):
            (self.folder / "stations.csv").write_text(table)
            table = self.folder / "stations.csv"
        args = [self.raw, self.output, "--stations", table, "--cluster", self.cluster.address]
        return self.launcher.run("ingest", *args, "--json")

    def place(self) -> tuple[float, float]:
        found = seisflow.open(self.output)
        return float(found.longitude[0]), float(found.latitude[0])


@pytest.fixture
def ingest(launcher: Launcher, cluster: Cluster, tmp_path: Path, record: Path) -> Ingest:
    return Ingest(launcher, cluster, tmp_path, record)


@pytest.mark.parametrize(
    ("codes", "nearest"),
    [
        ("YY,ABC", "(nearest: YY.ABC, of another network)"),
        ("XX,abc", "(nearest: XX.abc, in another case)"),
        ("XX,0ABC", "(nearest: XX.0ABC, with other zeros)"),
        ("XX,DEF", "XX.ABC..EHZ;"),
    ],
)
def test_a_table_of_other_stations_is_refused(ingest: Ingest, codes: str, nearest: str) -> None:
    ended = ingest(f"network,station,latitude,longitude\n{codes},33,-116\nXX,GHI,34,-116\n")
    assert ended.code == 3
    assert "1 of 1 stations have no row in stations.csv" in ended.err
    assert "2 of its 2 rows match no station" in ended.err
    assert nearest in ended.err
    assert not ingest.output.exists()


def test_a_table_of_headings_alone_is_refused(ingest: Ingest) -> None:
    ended = ingest("network,station,latitude,longitude\n")
    assert ended.code == 2
    assert "has headings and no row" in ended.err


@pytest.mark.parametrize("name", ["XX.ABC.", "XX.ABC.--.EHZ", "XX.ABC..EHZ", "XX.ABC"])
def test_names_as_other_programs_write_them_are_found(ingest: Ingest, name: str) -> None:
    ended = ingest(f"station,latitude,longitude\n{name},33,-116\nYY.ABC,1,1\n")
    assert ended.code == 0, ended.err
    assert ingest.place() == (-116, 33)
    summary = json.loads(ended.out)["coordinates"]
    assert "1 of 1 stations; 1 from stations.csv (1 row not used)" in summary


def stationxml(path: Path) -> Path:
    """Write a station that moved at the beginning of 2015."""

    def epoch(
        latitude: float, longitude: float, start: UTCDateTime, end: UTCDateTime | None
    ) -> Station:
        place = (latitude, longitude, 0.0)
        channel = Channel("EHZ", "", *place, 0.0, start_date=start, end_date=end, sample_rate=100)
        return Station("ABC", *place, start_date=start, end_date=end, channels=[channel])

    moved = UTCDateTime(2015, 1, 1)
    stations = [epoch(33, -116, UTCDateTime(2012, 1, 1), moved), epoch(34, -117, moved, None)]
    inventory = Inventory([Network("XX", stations=stations)], source="test")
    inventory.write(str(path), format="STATIONXML")
    return path


def test_the_epoch_of_the_records_is_taken_as_obspy_takes_it(ingest: Ingest) -> None:
    path = stationxml(ingest.folder / "stations.xml")
    assert ingest(path).code == 0
    inventory = obspy.read_inventory(str(path))
    wanted = inventory.get_coordinates("XX.ABC..EHZ", UTCDateTime(ns=START_NS))
    assert ingest.place() == (wanted["longitude"], wanted["latitude"]) == (-116, 33)


HEAD = "network,station,latitude,longitude,start,end\n"


def test_the_epoch_of_a_csv_is_taken(ingest: Ingest) -> None:
    ended = ingest(HEAD + "XX,ABC,33,-116,2012-01-01,2015-01-01\nXX,ABC,34,-117,2015-01-01,\n")
    assert ended.code == 0, ended.err
    assert ingest.place() == (-116, 33)


def test_a_station_that_moves_within_its_records_is_named(ingest: Ingest) -> None:
    moved = "2014-05-29T00:00:20"
    ended = ingest(HEAD + f"XX,ABC,33,-116,,{moved}\nXX,ABC,34,-117,{moved},2599-12-31\n")
    assert ended.code == 0, ended.err
    assert ingest.place() == (-117, 34)
    (note,) = [n for n in json.loads(ended.out)["notes"] if "moved" in n]
    assert "1 station moved during the recording; the position held longest is used" in note
    assert "XX.ABC..EHZ: 34, -117 from 2014-05-29T00:00:20Z and 33, -116 to" in note


def test_rows_of_other_times_are_none(ingest: Ingest) -> None:
    ended = ingest(HEAD + "XX,ABC,34,-117,2015-01-01,\n")
    assert ended.code == 3
    assert "XX.ABC..EHZ (its rows are for other times: 34, -117 from 2015" in ended.err


def test_a_contradiction_of_another_time_is_no_matter(ingest: Ingest) -> None:
    rows = "XX,ABC,33,-116,2010-01-01,2012-06-01\nXX,ABC,34,-117,2012-05-01,\n"
    ended = ingest(HEAD + rows)
    assert ended.code == 0, ended.err
    assert ingest.place() == (-117, 34)


def test_one_place_written_in_two_ways_is_taken_and_named(ingest: Ingest) -> None:
    rows = "XX,ABC,33.12345,-116.12345\nXX,ABC,33.1234,-116.1234\n"
    ended = ingest("network,station,latitude,longitude\n" + rows)
    assert ended.code == 0, ended.err
    assert "differ slightly: XX.ABC at 33.12345, -116.12345 and at 33.1234, -116.1234" in ended.err


def test_two_places_at_one_time_are_refused(ingest: Ingest) -> None:
    ended = ingest("network,station,latitude,longitude\nXX,ABC,33,-116\nXX,ABC,34,-117\n")
    assert ended.code == 3
    assert (
        "one station two positions at the same time: XX.ABC at 33, -116 and at 34, -117"
        in ended.err
    )


def test_a_place_at_zero_zero_and_one_far_away_are_named(
    launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    values = np.random.default_rng(1).integers(-999, 999, 6000).astype("i4")
    rows = ["network,station,latitude,longitude,elevation"]
    places = [(33.5, -116.5 + 0.001 * i) for i in range(6)]
    places[3], places[4] = (0.0, 0.0), (-33.5, -116.5)
    for i, (latitude, longitude) in enumerate(places):
        one = trace(values, START_NS, station=f"XX.S{i}..EHZ", rate=100)
        write(tmp_path / "raw" / f"{i}.mseed", one)
        rows.append(f"XX,S{i},{latitude},{longitude},{1.432 + i / 1000}")
    (tmp_path / "stations.csv").write_text("\n".join(rows))
    args = ["--stations", tmp_path / "stations.csv", "--cluster", cluster.address, "--json"]
    ended = launcher.run("ingest", tmp_path / "raw", tmp_path / "w.zarr", *args)
    assert ended.code == 0, ended.err
    notes = json.loads(ended.out)["notes"]
    (zero,) = [n for n in notes if "exactly 0, 0" in n]
    assert "XX.S3..EHZ" in zero
    (far,) = [n for n in notes if "far from all others" in n]
    away = obspy.geodetics.gps2dist_azimuth(33.5, -116.499, -33.5, -116.5)[0] / 1000
    assert f"1 station far from all others: XX.S4..EHZ by {away:,.0f} km" in far
    assert any("may be in kilometres" in n for n in notes)
    found = seisflow.open(tmp_path / "w.zarr")
    assert np.isnan(found.longitude.values).tolist() == [i == 3 for i in range(6)]


def test_a_pattern_that_selects_nothing_is_named(ingest: Ingest) -> None:
    args = [ingest.raw, ingest.output, "--cluster", ingest.cluster.address, "--json"]
    ended = ingest.launcher.run("ingest", *args, "--select", "XX.*.*.*", "--select", "XX.abc.*.*")
    assert ended.code == 0, ended.err
    (note,) = json.loads(ended.out)["notes"]
    assert note == (
        "--select XX.abc.*.* (nearest: XX.ABC..EHZ, in another case) matches no station"
    )


def test_a_rate_beside_a_whole_one_is_named_once_with_its_drift(
    launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    values = np.random.default_rng(1).integers(-999, 999, 600).astype("f4")
    for i in range(30):
        one = trace(values, START_NS, station=f"XX.S{i:02d}..EHZ", rate=99.9995 if i else 100)
        write(tmp_path / "raw" / f"{i}.sac", one, format="SAC")
    args = [tmp_path / "raw", tmp_path / "w.zarr", "--cluster", cluster.address]
    ended = launcher.run("ingest", *args)
    assert ended.code == 3
    (line,) = [text for text in ended.err.splitlines() if "off 100 Hz" in text]
    assert "at 99.9994993 Hz, 5.01 parts in a million off 100 Hz" in line
    assert "drifts 0.433 s a day" in line
    assert "(and 28 like it)" in line


def test_samples_moved_to_the_grid_and_seconds_without_data_are_said(
    launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    values = np.random.default_rng(1).integers(-999, 999, 600).astype("i4")
    for i, late_ns in enumerate((0, 4_000_000)):
        one = trace(values, START_NS + late_ns, station=f"XX.S{i}..EHZ", rate=100)
        write(tmp_path / "raw" / f"{i}.mseed", one)
    args = [tmp_path / "raw", tmp_path / "w.zarr", "--cluster", cluster.address, "--json"]
    ended = launcher.run("ingest", *args)
    assert ended.code == 0, ended.err
    summary = json.loads(ended.out)
    assert summary["notes"] == [
        "1 station sampled off the grid; samples are assigned to the nearest grid point, "
        "at most 4 ms away (see segment_offset_ns)"
    ]
    assert summary["seconds"] == "12 complete, 0 in part, 7,188 without data"
