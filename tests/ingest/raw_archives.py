"""Small foreign archives, ingested in this process without a cluster."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import obspy
import zarr
from obspy import UTCDateTime

from seisflow.archive.receipts import Receipt
from seisflow.archive.work import Progress, Work, progress_of
from seisflow.core.files import whole_file
from seisflow.core.grid import NS_PER_S, parse_time
from seisflow.formats.quiet_obspy import Trace
from seisflow.formats.writing import MiniSeedWriter
from seisflow.stages.ingest import stage

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
    prepared: stage.Preparation
    work: Work[stage.IngestTask]
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


def prepare(*raw: Path | str, **options: Any) -> tuple[stage.IngestConfig, stage.Preparation]:
    config = stage.IngestConfig.build({"raw": tuple(map(str, raw)), **options})
    scans = [scan for batch in stage.batches(config) for scan in stage.scan_batch(batch)]
    return config, stage.prepare(config, scans)


def ingest(*raw: Path | str, output: Path, n_tasks: int | None = None, **options: Any) -> Ingested:
    """Do what the command does, or only the first tasks of it."""
    config, prepared = prepare(*raw, **options)
    work = stage.plan(config, output, prepared)
    job = work.job()
    receipts = tuple(job(task) for task in work.remaining()[:n_tasks])
    stage.finish(output)
    return Ingested(output, prepared, work, receipts)


def assert_same(a: Ingested, b: Ingested, *, segments: bool = True) -> None:
    """Same arrays, samples and coordinates alike."""
    mine, theirs = a.arrays(), b.arrays()
    assert mine.keys() == theirs.keys()
    for name in mine:
        if segments or not name.startswith("segment"):
            assert mine[name].dtype == theirs[name].dtype, name
            np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
