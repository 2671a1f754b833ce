"""Small archives without a cluster: waveforms from runs of samples, and products as arrays."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from stages import made

from seisflow.core.files import whole_file
from seisflow.core.grid import NS_PER_S, parse_time
from seisflow.formats.writing import MiniSeedWriter
from seisflow.stages.ingest.stage import Ingest

Runs = list[tuple[str, np.ndarray]]


def waveforms(
    folder: Path, stations: Mapping[str, Runs], /, rate: int = 20, **options: Any
) -> Path:
    """Write runs (time of the first sample, samples) as miniSEED and ingest them."""
    for station, runs in stations.items():
        with whole_file(folder / "raw" / station) as file:
            for start, values in runs:
                MiniSeedWriter(file, station, rate).append(parse_time(start), values)
    return ingest([folder / "raw"], folder / "waveforms.zarr", **options)


def ingest(raw: Sequence[Path], output: Path, **options: Any) -> Path:
    """Ingest files in this process."""
    asked = {"raw": tuple(map(str, raw)), "waveforms": output, **options}
    return made(Ingest(Ingest.Config.build(asked))).path


def run_all(work: Any, *, backward: bool = False) -> list[Any]:
    tasks = work.remaining()
    return [work.job()(task) for task in (reversed(tasks) if backward else tasks)]


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
