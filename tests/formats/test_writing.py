"""Tables and StationXML that other programs read."""

from pathlib import Path

import obspy
import pytest

from seisflow.core.stations import Coordinates
from seisflow.formats.writing import write_stationxml


@pytest.mark.parametrize(("given", "written"), [(179.5, 179.5), (180.5, -179.5), (243.4, -116.6)])
def test_stationxml_has_longitudes_that_the_standard_allows(
    tmp_path: Path, given: float, written: float
) -> None:
    path = tmp_path / "stations.xml"
    write_stationxml(path, {"XX.A..EHZ": Coordinates(given, -17.0, 10.0)}, "test")
    (station,) = obspy.read_inventory(path)[0]
    assert station.longitude == pytest.approx(written)
    assert station[0].longitude == pytest.approx(written)
