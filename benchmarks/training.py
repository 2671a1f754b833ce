"""Training and evaluation, examples per second: reading alone, steps, and classification.

    python -m benchmarks.training [WAVELETS.zarr] [--batches 6] [--batch-size 128]

Without a set a small one is made by seisflow itself (synth, ingest, label, assemble; a minute). One
thread; routes take turns, and the best of three rounds counts, in CPU seconds of this process. A
step holds the front end, forward, loss, backward and the optimiser. Memory is the largest resident
size after each third of an epoch that is only read.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):  # before any of them is imported
    os.environ[f"{name}_NUM_THREADS"] = "1"

import torch  # noqa: E402

from seisflow.archive.work import peak_memory_bytes  # noqa: E402
from seisflow.stages.learn.batches import Batch  # noqa: E402
from seisflow.stages.learn.config import TrainConfig  # noqa: E402
from seisflow.stages.learn.job import Job, prepare  # noqa: E402
from seisflow.stages.learn.learner import Learner  # noqa: E402
from seisflow.stages.learn.ranks import World  # noqa: E402

ROUNDS = 3
AUTHORS_EXAMPLES = 930_000
NETWORKS = ("published", "compact", "recurrent")
KINDS = [(p, c) for p in ("float32", "bfloat16") for c in ("eager", "compiled")]


def make_set(folder: Path) -> Path:
    """Make a small set at 500 Hz."""
    names = ("scene", "waveforms.zarr", "labels.zarr", "wavelets.zarr")
    scene, waveforms, labels, wavelets = (folder / n for n in names)
    size = ["--nodes", "4", "--earthquakes", "40", "--aircraft", "4", "--gusts", "6"]
    for command in (
        ["synth", scene, *size],
        ["ingest", scene / "waveforms", waveforms],
        ["label", waveforms, labels, "--method", "calibrated"],
        ["assemble", waveforms, labels, scene / "arrivals.csv", wavelets, "--split", "events"],
    ):
        line = [sys.executable, "-m", "seisflow", *map(str, command)]
        subprocess.run(line, check=True, capture_output=True)
    return wavelets


def reading_line(job: Job) -> float:
    """Read one epoch and nothing else; print and return examples per CPU second."""
    reader, n_read, peaks = job.reader(), 0, []
    n_batches = reader.order.n_batches
    start = time.process_time()
    for i, batch in enumerate(reader.epoch(0)):
        n_read += len(batch.samples)
        if i in (n_batches // 3, 2 * n_batches // 3, n_batches - 1):
            peaks.append(f"{peak_memory_bytes() / 1e6:.0f}")
    rate = n_read / (time.process_time() - start)
    print(f"Reading alone, augmented: {rate:.0f} examples/s of {n_read}; ", end="")
    print(f"peak of the process {', '.join(peaks)} MB by thirds of the epoch.\n")
    return rate


def learner_of(wavelets: Path, batch_size: int, network: str, kind: tuple[str, str]) -> Learner:
    """Build what trains, compiled or not."""
    precision, how = kind
    options = {"network": network, "batch_size": batch_size, "precision": precision}
    asked = {"wavelets": wavelets, "model": wavelets.with_name("model")}
    job = prepare(TrainConfig.build(asked | options))
    learner = Learner(job, World(torch.device("cpu")))
    if how == "compiled":
        learner.classifier.network.compile()
    return learner


def step(learner: Learner, batches: list[Batch]) -> Callable[[], None]:
    """Return a way to take steps over batches."""

    def run() -> None:
        for number, batch in enumerate(batches):
            learner.learn(batch, 1e-3, (0, number))

    return run


def classify(learner: Learner, batches: list[Batch]) -> Callable[[], None]:
    """Return a way to classify batches as evaluation does."""

    def run() -> None:
        learner.classifier.eval()
        with torch.inference_mode():
            for batch in batches:
                learner.logits(batch, learner.classifier.network)

    return run


def best_rate(run: Callable[[], None], n_examples: int) -> float:
    """Examples per CPU second, the best of some rounds after one that warms up."""
    run()
    rates = []
    for _ in range(ROUNDS):
        start = time.process_time()
        run()
        rates.append(n_examples / (time.process_time() - start))
    return max(rates)


def networks_table(wavelets: Path, batch_size: int, batches: list[Batch], reading: float) -> None:
    """Print the speed of each network, precision and way to run."""
    head = ["network", "precision", "", "training examples/s", "reading over it"]
    head += ["evaluation examples/s", f"h for {AUTHORS_EXAMPLES:,} examples once"]
    print(f"| {' | '.join(head)} |")
    print("|---|---|---|---|---|---|---|")
    for network in NETWORKS:
        used = batches[:1] if network == "published" else batches
        n = sum(len(batch.samples) for batch in used)
        for kind in KINDS:
            learner = learner_of(wavelets, batch_size, network, kind)
            trained = best_rate(step(learner, used), n)
            judged = best_rate(classify(learner, used), n)
            hours = AUTHORS_EXAMPLES / trained / 3600
            cells = [network, *kind, f"{trained:.0f}", f"{reading / trained:.0f}", f"{judged:.0f}"]
            print(f"| {' | '.join(cells)} | {hours:.2f} |", flush=True)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("wavelets", nargs="?", type=Path)
    parser.add_argument("--batches", type=int, default=6)
    parser.add_argument("--batch-size", type=int, default=128)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        wavelets = options.wavelets or make_set(Path(folder))
        asked = {"wavelets": wavelets, "model": wavelets.with_name("model")}
        job = prepare(TrainConfig.build(asked | {"batch_size": options.batch_size}))
        reading = reading_line(job)
        some = []
        for batch in job.reader().epoch(0):
            some.append(batch)
            if len(some) == options.batches:
                break
        networks_table(wavelets, options.batch_size, some, reading)


if __name__ == "__main__":
    main()
