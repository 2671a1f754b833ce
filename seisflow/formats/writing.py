"""Writing foreign files: miniSEED records, and tables of stations."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from seisflow.core.files import AnyPath, whole_file
from seisflow.core.geometry import normalise_longitude
from seisflow.core.stations import Coordinates
from seisflow.formats.obspy_import import (
    Channel,
    Inventory,
    Network,
    Site,
    Station,
    Trace,
    UTCDateTime,
)

__all__ = ["MiniSeedWriter", "write_csv", "write_stationxml"]

RECORD_BYTES = 4096


class MiniSeedWriter:
    """Append runs of counts of one station to an open file as Steim2 miniSEED 2 records."""

    def __init__(self, file: IO[bytes], station: str, rate_hz: float) -> None:
        self._file = file
        network, name, location, channel = station.split(".")
        self._header = {
            "network": network,
            "station": name,
            "location": location,
            "channel": channel,
            "sampling_rate": rate_hz,
        }

    def append(self, start_ns: int, counts: npt.NDArray[np.int32]) -> None:
        """Write one run of samples without a gap, from `start_ns` (UTC) on."""
        start = UTCDateTime(ns=start_ns)
        trace = Trace(counts, header={**self._header, "starttime": start})
        trace.write(self._file, format="MSEED", encoding="STEIM2", reclen=RECORD_BYTES)


def write_stationxml(path: AnyPath, places: Mapping[str, Coordinates], source: str) -> None:
    """Write stations as StationXML, one channel each, without responses."""
    networks: dict[str, list[Station]] = {}
    for name, place in places.items():
        network, code, location, channel = name.split(".")
        where = {
            "latitude": place.latitude,
            "longitude": float(normalise_longitude(place.longitude)),
            "elevation": place.elevation,
        }
        channels = [Channel(code=channel, location_code=location, depth=0.0, **where)]
        station = Station(code=code, site=Site(name=code), channels=channels, **where)
        networks.setdefault(network, []).append(station)
    inventory = Inventory(
        [Network(code=code, stations=stations) for code, stations in networks.items()],
        source=source,
        created=UTCDateTime(0),
    )
    with whole_file(path) as file:
        inventory.write(file, format="STATIONXML")


def write_csv(path: AnyPath, head: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write a table; return its number of rows."""
    n = 0
    with whole_file(path, "w") as file:
        writer = csv.DictWriter(file, head, lineterminator="\n")
        writer.writeheader()
        for row in rows:
            writer.writerow(row)
            n += 1
    return n
