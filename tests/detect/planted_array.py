"""An array that planted waves cross: waveforms, and scores without a network."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from small_archive import run_all, waveforms

from seisflow.archive.blocks import MODEL, BlockTask, block_tasks, select_part
from seisflow.archive.products import FORMAT_VERSIONS, Identity, Product
from seisflow.archive.receipts import TaskPlan, documents_of
from seisflow.archive.store import consolidate, create_product, write_shards
from seisflow.archive.work import Done, Work
from seisflow.core.config import SelectingConfig
from seisflow.core.grid import NS_PER_S, parse_time
from seisflow.stages.infer.layout import Block, score_arrays
from seisflow.stages.learn.artifact import CLASSES

RATE = 100
NODES = 12
POINTS = [
    {"false_positive_rate": rate, "threshold": threshold}
    for rate, threshold in ((0.0005, 0.9), (0.001, 0.8), (0.01, 0.3))
]
DOCUMENT = {"metrics": {"validation": {"thresholds": POINTS}}}


@dataclass(frozen=True)
class Wave:
    """A plane wave: seconds after the start at the middle of the array, direction, slowness.

    ``pulse`` 'glitch' is the same spike everywhere at once.
    """

    at_s: float
    back_azimuth_deg: float = 60.0
    velocity_m_s: float = 3000.0
    nodes: tuple[int, ...] = tuple(range(NODES))
    pulse: str = "earthquake"


def places() -> tuple[np.ndarray, np.ndarray]:
    """Metres east and north of the nodes, a 4 x 3 grid."""
    x, y = np.meshgrid(np.arange(4) * 200.0, np.arange(3) * 200.0)
    return x.ravel() - 300, y.ravel() - 200


def delays_s(wave: Wave) -> np.ndarray:
    """Delay at each node behind the middle."""
    if wave.pulse == "glitch":
        return np.zeros(NODES)
    x, y = places()
    azimuth = np.deg2rad(wave.back_azimuth_deg)
    return -(x * np.sin(azimuth) + y * np.cos(azimuth)) / wave.velocity_m_s


def table(folder: Path) -> Path:
    x, y = places()
    rows = [
        f"XX,N{k:02d},,EHZ,{-116.6 + e / 92_700:.9f},{33.5 + n / 110_920:.9f},0"
        for k, (e, n) in enumerate(zip(x, y, strict=True))
    ]
    path = folder / "stations.csv"
    head = "network,station,location,channel,longitude,latitude,elevation"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def make_array(
    folder: Path, waves: list[Wave], *, start: str, n_seconds: int, place: bool = True
) -> tuple[Path, Path]:
    """Write waveforms and scores in which each wave triggers its nodes in the second of its P."""
    rng = np.random.default_rng(5)
    stations = {}
    kernel = np.sin(2 * np.pi * 12 * np.arange(RATE) / RATE) * np.exp(-np.arange(RATE) / 15)
    for node in range(NODES):
        samples = 100 * rng.standard_normal(n_seconds * RATE)
        for wave in waves:
            if node in wave.nodes:
                at = wave.at_s + delays_s(wave)[node]
                first = int(np.ceil(at * RATE))
                samples[first : first + RATE] += _pulse(wave, first / RATE - at, kernel, node)
        stations[f"XX.N{node:02d}..EHZ"] = [(start, samples.astype("int32"))]
    options: dict[str, Any] = {"stations": str(table(folder))} if place else {}
    source = waveforms(folder, stations, RATE, **options)
    return source, write_scores(source, folder / "scores.zarr", waves, start)


def _pulse(wave: Wave, part_s: float, kernel: np.ndarray, node: int) -> np.ndarray:
    """A decaying tone, begun a part of a sample ago; each node adds a little of its own."""
    if wave.pulse == "glitch":
        return 30_000 * np.exp(-np.arange(RATE) / 2.0)
    time_s = np.arange(RATE) / RATE + part_s
    own = np.random.default_rng([node, int(wave.at_s)]).standard_normal(RATE) * kernel
    return 3000 * np.sin(2 * np.pi * 12 * time_s) * np.exp(-time_s / 0.15) + 300 * own


def write_scores(source: Path, output: Path, waves: list[Wave], start: str) -> Path:
    """Write scores without a network: 0.95 where a wave comes, 0.01 elsewhere."""
    selection = select_part(SelectingConfig(), source)
    inputs = {"waveforms": selection.source.identity.key, "model": "none"}
    identity = Identity("SCORES", "infer", {}, inputs, FORMAT_VERSIONS["SCORES"])
    product = Product(identity, selection.span, selection.source.rate, selection.shard_s, 5)
    tasks = tuple(block_tasks(product, selection))
    plan = TaskPlan(tuple(t.name for t in tasks), "stations", 0, 0, 0, 0)
    arrays = tuple(score_arrays(product, selection.stations, selection.places, CLASSES))
    documents = documents_of(plan) | {MODEL: DOCUMENT}
    create_product(output, product, arrays, "scores", documents)
    first_s = (parse_time(start) - product.span.start_ns) / NS_PER_S
    coverage = np.asarray(zarr.open_array(source / "coverage")[...])
    probability = np.where(coverage == 1, 0.01, np.nan).astype(np.float32)
    for wave in waves:
        for node in wave.nodes:
            second = int(np.floor(first_s + wave.at_s + delays_s(wave)[node]))
            probability[node, second] = 0.95
    work = Work(output, identity.key, tasks, partial(_write, output, probability), plan)
    run_all(work)
    consolidate(output)
    return output


def _write(output: Path, probability: np.ndarray, task: BlockTask) -> Done:
    part = probability[task.first : task.first + len(task.rows), task.start_s : task.stop_s]
    block = Block(*part.shape, 3)
    for k, row in enumerate(part):
        block.put(k, slice(None), np.stack([row, 1 - row, 0 * row], axis=1))
    for name, values in block.arrays.items():
        write_shards(output, name, (task.first, task.start_s), values)
    return Done({"ready": 1})
