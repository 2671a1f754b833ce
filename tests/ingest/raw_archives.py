"""Small foreign archives, ingested in this process without a cluster."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import obspy
import zarr
from obspy import UTCDateTime
from stages import Begun

from seisflow.archive.receipts import Receipt
from seisflow.archive.work import Progress, Work, progress_of
from seisflow.core.files import whole_file
from seisflow.core.grid import NS_PER_S, parse_time
from seisflow.formats.obspy_import import Trace
from seisflow.formats.writing import MiniSeedWriter
from seisflow.stages.ingest.config import IngestConfig
from seisflow.stages.ingest.scanning import batches, scan_batch
from seisflow.stages.ingest.stage import Ingest, IngestPlan, lay_out

START_NS = parse_time("2020-02-28T22:00")
STATION = "XX.ABC.00.HHZ"
RATE = 20
SEGMENTS = ("station", "first_sample", "n_samples", "offset_ns", "start_ns")


def noise(n: int, seed: int = 0, dtype: str = "int32") -> np.ndarray:
    """Samples in which no two neighbours are equal."""
    steps = np.random.default_rng(seed).integers(1, 90, n) * np.where(np.arange(n) % 2, -1, 1)
    values = np.cumsum(steps)
    return (values / 7 if np.dtype(dtype).kind == "f" else values).astype(dtype)


def mseed(
    path: Path, *runs: tuple[int, np.ndarray], station: str = STATION, rate: float = RATE
) -> Path:
    """Write runs, each with the time of its first sample in ns, to one file."""
    with whole_file(path) as file:
        writer = MiniSeedWriter(file, station, rate)
        for start_ns, counts in runs:
            writer.append(start_ns, counts)
    return path


def trace(
    values: np.ndarray, start_ns: int = START_NS, *, station: str = STATION, rate: float = RATE
) -> Trace:
    network, name, location, channel = station.split(".")
    header = {"network": network, "station": name, "location": location, "channel": channel}
    header |= {"sampling_rate": rate, "starttime": UTCDateTime(ns=start_ns)}
    return Trace(values, header=header)


def write(path: Path, each: Trace, **options: Any) -> Path:
    """Write by way of memory: obspy leaves the files that it opens itself to the collector."""
    memory = BytesIO()
    each.write(memory, **({"format": "MSEED"} | options))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(memory.getvalue())
    return path


def read(path: Path) -> obspy.Stream:
    return obspy.read(BytesIO(path.read_bytes()))


@dataclass(frozen=True)
class Ingested:
    """A product, how it was prepared, and what its tasks said."""

    path: Path
    prepared: IngestPlan
    work: Work[Any]
    receipts: tuple[Receipt, ...]

    @property
    def progress(self) -> Progress:
        return progress_of(self.path)

    @property
    def counts(self) -> dict[str, int]:
        return dict(self.progress.counts)

    def __getitem__(self, name: str) -> np.ndarray:
        return np.asarray(zarr.open_array(self.path / name)[...])

    @property
    def stations(self) -> list[str]:
        return [str(s) for s in self["station"]]

    def segments(self) -> list[dict[str, int]]:
        columns = [self[f"segment_{name}"].tolist() for name in SEGMENTS]
        return [dict(zip(SEGMENTS, row, strict=True)) for row in zip(*columns, strict=True)]

    def at(self, time_ns: int, n: int, station: int = 0) -> np.ndarray:
        """Samples from the one nearest to a time on."""
        first = self.prepared.product.grid.nearest(time_ns)
        return self["waveform"][station, first : first + n]

    def seconds(self, start_ns: int, n: int, station: int = 0) -> list[float]:
        """Coverage of n seconds."""
        first = (start_ns - self.prepared.product.span.start_ns) // NS_PER_S
        return self["coverage"][station, first : first + n].tolist()

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: self[name] for name, _ in zarr.open_group(self.path, mode="r").arrays()}


def asked(*raw: Path | str, output: Path = Path("unused"), **options: Any) -> IngestConfig:
    return IngestConfig.build({"raw": tuple(map(str, raw)), "waveforms": output, **options})


def prepare(*raw: Path | str, **options: Any) -> tuple[IngestConfig, IngestPlan]:
    config = asked(*raw, **options)
    scans = [scan for batch in batches(config) for scan in scan_batch(batch)]
    return config, lay_out(config, scans)


def ingest(*raw: Path | str, output: Path, n_tasks: int | None = None, **options: Any) -> Ingested:
    """Do what the command does, or only the first tasks of it."""
    begun = Begun(Ingest(asked(*raw, output=output, **options)))
    job = begun.work.job()
    receipts = tuple(job(task) for task in begun.work.remaining()[:n_tasks])
    begun.finish()
    return Ingested(output, begun.plan, begun.work, receipts)


def assert_same(a: Ingested, b: Ingested, *, segments: bool = True) -> None:
    """Same arrays, samples and coordinates alike."""
    mine, theirs = a.arrays(), b.arrays()
    assert mine.keys() == theirs.keys()
    for name in mine:
        if segments or not name.startswith("segment"):
            assert mine[name].dtype == theirs[name].dtype, name
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
