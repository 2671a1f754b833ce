"""The records of a campaign as planning sees them: scanned, already ingested, or only a size."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seisflow.archive.blocks import Selection, asked_span
from seisflow.archive.products import Product
from seisflow.archive.reading import read_column, station_names
from seisflow.archive.store import read_product
from seisflow.archive.work import progress_of
from seisflow.campaign.config import ArchiveSize
from seisflow.core.config import SelectingConfig
from seisflow.core.files import AnyPath
from seisflow.core.grid import DAY_NS, parse_time
from seisflow.core.stations import Coordinates, select_stations
from seisflow.formats.segments import FileScan, Segment
from seisflow.stages.ingest.stage import IngestPlan

__all__ = ["Records", "made_up_scans", "records_of_plan", "records_of_waveforms"]

FIRST_DAY = "2020-01-01"


@dataclass(frozen=True)
class Records:
    """WAVEFORMS that are there or will be.

    Parameters
    ----------
    product : Product
        Their grid, span and shards.
    stations : tuple of str
        Their names.
    places : tuple of Coordinates
        NaN where not known.
    n_samples : int
        Samples recorded, of all stations.
    """

    product: Product
    stations: tuple[str, ...]
    places: tuple[Coordinates, ...]
    n_samples: int

    @property
    def rate_hz(self) -> float:
        """Samples per second."""
        return float(self.product.rate)

    @property
    def station_days(self) -> float:
        """Recorded station-days."""
        return self.n_samples / (self.rate_hz * 86_400)

    def select(self, config: SelectingConfig) -> Selection:
        """Return the part a stage asks for, as `seisflow.archive.blocks.select_part` does.

        Raises
        ------
        ConfigError
            No station or no time is left.
        """
        rows, notes = select_stations(self.stations, config.select, "the archive")
        return Selection(
            Path("waveforms"),
            self.product,
            rows,
            tuple(self.stations[i] for i in rows),
            tuple(self.places[i] for i in rows),
            asked_span(config, self.product.span, "waveforms"),
            notes,
        )


def made_up_scans(size: ArchiveSize) -> Iterator[FileScan]:
    """Yield what the headers of an archive of this size would say: a file a station and day."""
    n_samples = round(86_400 * size.rate_hz)
    n_bytes = round(n_samples * size.bytes_per_sample)
    first_ns = parse_time(FIRST_DAY)
    for number in range(size.stations):
        station = f"XX.S{number:05d}..EHZ"
        for day in range(size.days):
            start_ns = first_ns + day * DAY_NS
            segment = Segment(station, start_ns, n_samples, size.rate_hz, "int32", 0, n_bytes)
            yield FileScan(f"/{station}/{day}", "miniseed", n_bytes, 0, (segment,))


def records_of_plan(plan: IngestPlan) -> Records:
    """Return the records that an ingest will write."""
    found = plan.inventory.found
    places = {spec.name: spec.values for spec in plan.arrays if spec.values is not None}
    columns = [places[name] for name in ("longitude", "latitude", "elevation")]
    return Records(
        plan.product,
        tuple(found),
        tuple(Coordinates(*map(float, row)) for row in zip(*columns, strict=True)),
        sum(f.segment.n_samples for segments in found.values() for f in segments),
    )


def records_of_waveforms(path: AnyPath) -> Records:
    """Return the records of a WAVEFORMS product, from its metadata and receipts.

    Raises
    ------
    ConfigError, DataError
        As `seisflow.archive.store.read_product`.
    """
    product = read_product(path, "WAVEFORMS")
    columns = [read_column(path, name) for name in ("longitude", "latitude", "elevation")]
    places = tuple(Coordinates(*map(float, row)) for row in zip(*columns, strict=True))
    n_samples = progress_of(path).counts.get("samples", 0)
    return Records(product, tuple(station_names(path)), places, n_samples)
