"""Waveforms with a few minutes of data in some hours, and their labels, without a cluster."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from seisflow.archive.work import Work
from seisflow.core.grid import NS_PER_S, parse_time
from seisflow.formats.writing import MiniSeedWriter, whole_file
from seisflow.ingest import stage as ingest_stage
from seisflow.label import stage

RATE = 20
FEATURES = ("deviation", "median_cc", "density", "std_cc", "weighted_density")
BY_SECOND = ("label", *FEATURES, "no_data_reason")
BY_HOUR = ("undetermined_reason", "n_rn", "mean_rn_spectrum")

Runs = list[tuple[str, np.ndarray]]


def record(n_seconds: int, seed: int = 0) -> np.ndarray:
    """Noise around an offset, with louder and with tonal seconds."""
    rng = np.random.default_rng(seed)
    windows = 300 * rng.standard_normal((n_seconds, RATE))
    windows[::5] *= rng.uniform(2, 30, (len(windows[::5]), 1))
    windows[::7] += 2000 * np.sin(2 * np.pi * 0.2 * np.arange(RATE))
    return (windows.ravel() + 40_000).astype("int32")


def waveforms(folder: Path, stations: Mapping[str, Runs], **options: Any) -> Path:
    """Write runs (time of the first sample, samples) as miniSEED and ingest them."""
    for station, runs in stations.items():
        with whole_file(folder / "raw" / station) as file:
            for start, values in runs:
                MiniSeedWriter(file, station, RATE).append(parse_time(start), values)
    config = ingest_stage.IngestConfig.build({"raw": (str(folder / "raw"),), **options})
    scans = [s for b in ingest_stage.batches(config) for s in ingest_stage.scan_batch(b)]
    work = ingest_stage.plan(config, folder / "waveforms.zarr", ingest_stage.prepare(config, scans))
    run_all(work)
    ingest_stage.finish(work.path)
    return work.path


def run_all(work: Work[Any], *, backward: bool = False) -> list[Any]:
    tasks = work.remaining()
    return [work.job()(task) for task in (reversed(tasks) if backward else tasks)]


def plan(source: Path, output: Path, block: int | None = None, **options: Any) -> Work[Any]:
    config = stage.LabelConfig.build(options)
    return stage.plan(config, output, stage.prepare(config, source, block))


def label(
    source: Path, output: Path, block: int | None = None, *, backward: bool = False, **options: Any
) -> dict[str, np.ndarray]:
    """Do what the command does; return the arrays."""
    work = plan(source, output, block, **options)
    run_all(work, backward=backward)
    stage.finish(work)
    return arrays(output)


def arrays(path: Path) -> dict[str, np.ndarray]:
    group = zarr.open_group(path, mode="r")
    return {name: np.asarray(array[...]) for name, array in group.arrays()}


def second(source: Path, text: str) -> int:
    """Index of a second of a product."""
    first = int(zarr.open_array(source / "second")[0])
    return (parse_time(text) - first) // NS_PER_S


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    """Every array equal bit for bit."""
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_array_equal(found[name], expected[name], err_msg=name)
