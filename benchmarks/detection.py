"""Searching a day of an array: CPU seconds of `seisflow detect` for each station and hour.

    python -m benchmarks.detection [--nodes 100] [--hours 6] [--events 60]

SCORES of a UTC day in which every node triggers on its own with the rate of 0.0015 a second, and
`--events` times all of them together; WAVEFORMS at 500 Hz with five noises over all nodes, so that
each coincidence is aligned, stacked and kept. Every task begins cold, as on a cluster with more
workers than hours in a day: it reads the whole day for its background.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):  # before any of them is imported
    os.environ[f"{name}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402

from seisflow.archive.products import Identity, Product  # noqa: E402
from seisflow.archive.receipts import DONE, Receipt, TaskPlan, documents_of, write_receipt  # noqa: E402
from seisflow.archive.store import consolidate, create_product, write_shards  # noqa: E402
from seisflow.campaign.config import ArchiveSize  # noqa: E402
from seisflow.campaign.records import made_up_scans  # noqa: E402
from seisflow.engine.connection import Here  # noqa: E402
from seisflow.stages.detect import searching  # noqa: E402
from seisflow.stages.detect.stage import Detect  # noqa: E402
from seisflow.stages.infer.layout import score_arrays  # noqa: E402
from seisflow.stages.ingest.stage import Ingest, IngestPlan, lay_out  # noqa: E402
from seisflow.stages.learn.model import CLASSES  # noqa: E402

RATE_HZ = 500
DAY_S = 86_400
RATE_OF_TRIGGERS = 0.0015
N_NOISES = 5


def make_waveforms(path: Path, n_nodes: int) -> IngestPlan:
    """Write some station-days and link them into the places of all others."""
    size = ArchiveSize.build({"stations": n_nodes, "days": 1, "rate_hz": RATE_HZ})
    stage = Ingest(Ingest.Config.build({"raw": ("made up",), "waveforms": path}))
    plan = lay_out(stage.config, made_up_scans(size))
    stage.create(plan)
    rng = np.random.default_rng(0)
    covered = np.ones((1, DAY_S), np.float32)
    for row in range(N_NOISES):
        samples = 200 * rng.standard_normal((1, DAY_S * RATE_HZ), dtype=np.float32)
        write_shards(path, "waveform", (row, 0), samples.astype("int32"))
        write_shards(path, "coverage", (row, 0), covered)
    for array in ("waveform", "coverage"):
        shards = path / array / "c"
        for row in range(N_NOISES, n_nodes):
            (shards / str(row)).mkdir(parents=True)
            (shards / str(row) / "0").hardlink_to(shards / str(row % N_NOISES) / "0")
    for task in plan.tasks:
        write_receipt(path, plan.identity.key, Receipt(task.name, DONE), {"segments": []})
    consolidate(path)
    return plan


def make_scores(path: Path, of: IngestPlan, n_events: int) -> None:
    """Write probabilities of independent triggers and of coincidences."""
    source, stations = of.product, list(of.inventory.found)
    inputs = {"waveforms": source.identity.key}
    identity = Identity("SCORES", "infer", {}, inputs, 1)
    product = Product(identity, source.span, source.rate, DAY_S, len(stations))
    plan = TaskPlan(("all",), "tasks", 0, 0, 0, 0)
    arrays = tuple(score_arrays(product, stations, [None] * len(stations), CLASSES))
    create_product(path, product, arrays, "scores", documents_of(plan))
    rng = np.random.default_rng(1)
    probability = np.full((len(stations), DAY_S, len(CLASSES)), 0.05, np.float32)
    triggers = rng.random((len(stations), DAY_S)) < RATE_OF_TRIGGERS
    triggers[:, rng.choice(DAY_S - 200, n_events, replace=False) + 100] = True
    probability[..., 0] = np.where(triggers, 0.95, 0.05)
    write_shards(path, "probability", (0, 0), probability)
    write_shards(path, "state", (0, 0), np.zeros((len(stations), DAY_S), np.uint8))
    write_receipt(path, product.identity.key, Receipt("all", DONE))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=100)
    parser.add_argument("--hours", type=int, default=6)
    parser.add_argument("--events", type=int, default=60)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make_scores(
            folder / "s.zarr", make_waveforms(folder / "w.zarr", options.nodes), options.events
        )
        paths = {
            "waveforms": folder / "w.zarr",
            "scores": folder / "s.zarr",
            "catalog": folder / "c",
        }
        detect = Detect(Detect.Config.build({**paths, "threshold": 0.5, "moveout_s": 1.0}))
        plan = detect.plan(Here())
        counts: dict[str, int] = {}
        detect.run(plan.job, plan.tasks[0])
        begun = time.process_time()
        for task in plan.tasks[: options.hours]:
            searching._needed_nodes.cache_clear()  # every task its own worker
            for key, n in detect.run(plan.job, task).counts.items():
                counts[key] = counts.get(key, 0) + n
        cold = time.process_time() - begun
        begun = time.process_time()
        for task in plan.tasks[: options.hours]:
            detect.run(plan.job, task)
        warm = time.process_time() - begun
    print(f"{options.nodes} nodes, {options.hours} hours of a day, {RATE_HZ} Hz: {counts}\n")
    print("| tasks | CPU-s per station-hour | CPU-s per array-hour (1100) |")
    print("|---|---|---|")
    for kind, cpu_s in (("each in a worker of its own", cold), ("one after the other", warm)):
        rate = cpu_s / options.nodes / options.hours
        print(f"| {kind} | {rate:.4f} | {1100 * rate:.1f} |")


if __name__ == "__main__":
    main()
