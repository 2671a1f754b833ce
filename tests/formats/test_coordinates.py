"""Station tables: many headings, one lookup, and errors that list what is allowed."""

import math
from pathlib import Path

import pytest
from format_samples import CONFORMANCE

from seisflow.core.stations import Coordinates
from seisflow.errors import ConfigError
from seisflow.formats.coordinates import CoordinateTable, read_coordinates


def table(tmp_path: Path, text: str) -> CoordinateTable:
    path = tmp_path / "stations.csv"
    path.write_text(text, encoding="utf-8")
    return read_coordinates(path)


@pytest.mark.parametrize(
    "text",
    [
        "network,station,lat,lon,elev_m\nAZ,FRD,33.5,-116.6,1164\n",
        "Network, Station ,Latitude,Longitude,Elevation\nAZ,FRD,33.5,-116.6,1164\n",
        "station,latitude,longitude,elevation_m\nFRD,33.5,-116.6,1164\n",
        "station,lat,lon,elev\nAZ.FRD..BHZ,33.5,-116.6,1164\n",
        "station,lat,lon,elev\nAZ.FRD,33.5,-116.6,1164\n",
        "\ufeff# made by hand\nstation,lat,lon,elev,network\nFRD,33.5,-116.6,1164,\n",
    ],
)
def test_tables_that_say_the_same(tmp_path: Path, text: str) -> None:
    assert table(tmp_path, text).lookup("AZ.FRD..BHZ") == Coordinates(-116.6, 33.5, 1164.0)


def test_a_missing_elevation_is_nan(tmp_path: Path) -> None:
    found = table(tmp_path, "station,lat,lon\nFRD,1,2\n").lookup("AZ.FRD..BHZ")
    assert found is not None
    assert math.isnan(found.elevation)
    assert table(tmp_path, "station,lat,lon\nFRD,1,2\n").lookup("AZ.FRX..BHZ") is None


def test_the_most_specific_row_wins(tmp_path: Path) -> None:
    text = (
        "network,station,location,channel,lat,lon\n"
        "AZ,FRD,,,1,1\n,FRD,,,2,2\nAZ,FRD,10,,3,3\nAZ,FRD,10,BHZ,4,4\n"
    )
    found = table(tmp_path, text)
    expected = {"AZ.FRD.00.BHZ": 1, "XX.FRD..HHZ": 2, "AZ.FRD.10.HHZ": 3, "AZ.FRD.10.BHZ": 4}
    for station, latitude in expected.items():
        place = found.lookup(station)
        assert place is not None
        assert place.latitude == latitude


@pytest.mark.parametrize(
    ("text", "reasons"),
    [
        ("name_of_it,lat,lon\nA,1,2\n", ["station", "name_of_it", "allowed"]),
        ("station,lat\nA,1\n", ["longitude", "lon", "found headings station, lat"]),
        ("", ["found headings none"]),
        ("station,lat,lon\nA,x,2\nB,95,2\n", ["line 2", "line 3", "2 bad rows"]),
        ("station,lat,lon\n,1,2\n", ["no station code"]),
    ],
)
def test_wrong_tables_are_refused_with_what_is_allowed(
    tmp_path: Path, text: str, reasons: list[str]
) -> None:
    with pytest.raises(ConfigError) as error:
        table(tmp_path, text)
    for reason in reasons:
        assert reason in str(error.value)


def test_files_that_are_no_table_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be opened"):
        read_coordinates(tmp_path / "gone.csv")
    path = tmp_path / "wave.ms"
    path.write_bytes(bytes(range(128, 256)) * 4)
    with pytest.raises(ConfigError, match="neither"):
        read_coordinates(path)
    path.write_bytes(b"<?xml version='1.0'?><nothing/>")
    with pytest.raises(ConfigError, match="cannot be read as StationXML"):
        read_coordinates(path)


STATIONXML = """<?xml version="1.0"?>
<FDSNStationXML xmlns="http://www.fdsn.org/xml/station/1" schemaVersion="1.1">
<Source>t</Source><Created>2020-01-01T00:00:00Z</Created><Network code="BK">
<Station code="CMB"><Latitude>38</Latitude><Longitude>-120</Longitude><Elevation>697</Elevation>
<Site><Name>x</Name></Site>
<Channel code="LKS" locationCode="00"><Latitude>38.5</Latitude><Longitude>-120.5</Longitude>
<Elevation>600</Elevation><Depth>0</Depth></Channel></Station></Network></FDSNStationXML>"""


def test_stationxml_gives_channel_else_station(tmp_path: Path) -> None:
    path = tmp_path / "stations.xml"
    path.write_text(STATIONXML, encoding="utf-8")
    found = read_coordinates(path)
    assert found.lookup("BK.CMB.00.LKS") == Coordinates(-120.5, 38.5, 600.0)
    assert found.lookup("BK.CMB.00.LHZ") == Coordinates(-120.0, 38.0, 697.0)
    assert found.lookup("BK.XXX.00.LHZ") is None


@pytest.mark.skipif(not CONFORMANCE.exists(), reason=f"no conformance files at {CONFORMANCE}")
def test_stationxml_of_the_conformance_files() -> None:
    files = sorted((CONFORMANCE / "obspy_stationxml").glob("*.xml"))
    assert files
    found = {f.name: len(read_coordinates(f)) for f in files}
    assert found["stationxml_IU.ANTO.30.LDO.xml"] == 2


@pytest.mark.skipif(not CONFORMANCE.exists(), reason=f"no data at {CONFORMANCE.parent}")
def test_station_tables_of_the_data_sets() -> None:
    for file in sorted(CONFORMANCE.parent.glob("*/truth/stations.csv")):
        assert len(read_coordinates(file)) > 0
