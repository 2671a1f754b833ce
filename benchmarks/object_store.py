"""Stages with everything in an object store beside the same on a disk, in one run.

    python -m benchmarks.object_store [--nodes 2] [--hours 24] [--rate 100]

The store is moto's S3 on loopback, a process of its own: an ordinary one answers later and carries
more at once. A synthetic scene is made, ingested, labelled with `reference` and classified by an
untrained `compact`, all tasks one after the other in this process; disk and store take turns stage
by stage. Requests are counted in the log of the store. The last row is what must be paid whatever
the program does: each object written is sent once and fetched once with s3fs, one after the other.
"""

import argparse
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):  # before any of them is imported
    os.environ[f"{name}_NUM_THREADS"] = "1"

import torch  # noqa: E402

from seisflow.core.files import AnyPath, any_path, is_local  # noqa: E402
from seisflow.engine.connection import Here  # noqa: E402
from seisflow.engine.stage import Stage  # noqa: E402
from seisflow.stages.infer.stage import Infer  # noqa: E402
from seisflow.stages.ingest.stage import Ingest  # noqa: E402
from seisflow.stages.label.stage import Label  # noqa: E402
from seisflow.stages.learn.artifact import model_document, save_model  # noqa: E402
from seisflow.stages.learn.classifier import build_classifier  # noqa: E402
from seisflow.stages.learn.front_end import FrontEndConfig  # noqa: E402
from seisflow.stages.synth.stage import Synth  # noqa: E402

BUCKET = "bench"
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}


class Cost(NamedTuple):
    """What a stage took: seconds around and in its tasks, and requests by their verbs."""

    n_tasks: int
    around_s: float
    tasks_s: float
    around: Counter[str]
    tasks: Counter[str]

    @property
    def wall_s(self) -> float:
        """Seconds of all of it."""
        return self.around_s + self.tasks_s


@contextmanager
def store(log: Path) -> Iterator[None]:
    """Start a store with one bucket, and name it in the environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    endpoint = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        bucket = urllib.request.Request(f"{endpoint}/{BUCKET}", method="PUT")
        for _ in range(600):
            try:
                urllib.request.urlopen(bucket, timeout=5).close()
                break
            except OSError:
                time.sleep(0.1)
        os.environ.update(SETTINGS | {"AWS_ENDPOINT_URL": endpoint})
        yield
    finally:
        process.kill()
        process.wait()


def requests(log: Path) -> Counter[str]:
    """Count what the store was asked so far, by verb."""
    return Counter(re.findall(rf'"(?:\x1b\[\d+m)*([A-Z]+) /{BUCKET}', log.read_text()))


def save_untrained(folder: AnyPath, rate: int) -> None:
    """Write a model whose probabilities mean nothing."""
    torch.manual_seed(0)
    classifier = build_classifier("compact", FrontEndConfig(rate), 0.3).eval()
    save_model(folder, classifier, model_document(classifier))


def stages(root: AnyPath, options: argparse.Namespace) -> Iterator[Stage]:
    """Yield the stages below a folder."""
    size = {"nodes": options.nodes, "hours": options.hours, "rate": options.rate}
    yield Synth(Synth.Config.build({"scene": root / "scene", **size}))
    raw, waveforms = str(root / "scene" / "waveforms"), root / "waveforms.zarr"
    yield Ingest(Ingest.Config.build({"raw": (raw,), "waveforms": waveforms}))
    given = {"waveforms": waveforms, "labels": root / "labels.zarr", "method": "reference"}
    yield Label(Label.Config.build(given))
    given = {"waveforms": waveforms, "model": root / "model", "scores": root / "scores.zarr"}
    yield Infer(Infer.Config.build(given))


def measured(stage: Stage, log: Path) -> Cost:
    """Do a stage from its command to its end."""
    counts, times = [requests(log)], [time.perf_counter()]

    def mark() -> None:
        times.append(time.perf_counter())
        counts.append(requests(log))

    plan = stage.plan(Here())
    stage.create(plan)
    work = stage.work(plan)
    tasks = work.remaining()
    mark()
    for task in tasks:
        assert work.job()(task).state == "done"
    mark()
    stage.finish(plan)
    mark()
    took = [b - a for a, b in pairwise(times)]
    asked = [b - a for a, b in pairwise(counts)]
    return Cost(len(tasks), took[0] + took[2], took[1], asked[0] + asked[2], asked[1])


def n_bytes(root: AnyPath) -> int:
    """Bytes of all files below a folder."""
    if is_local(root):
        return sum(file.stat().st_size for file in root.rglob("*") if file.is_file())
    return sum(root.fs.sizes(root.fs.find(root.path)))


def floor(root: AnyPath) -> tuple[int, int, float]:
    """Send each object below a folder once more and fetch it: how many, bytes, seconds."""
    fs = root.fs
    contents = [fs.cat_file(name) for name in fs.find(root.path)]
    begun = time.perf_counter()
    for number, content in enumerate(contents):
        name = f"{BUCKET}/floor/{number}"
        fs.pipe_file(name, content)
        assert len(fs.cat_file(name)) == len(content)
    return len(contents), sum(map(len, contents)), time.perf_counter() - begun


def told(asked: Counter[str], n: int = 1) -> str:
    """Write counts of requests for each of `n`."""
    verbs = ", ".join(f"{count / n:.3g} {verb}" for verb, count in sorted(asked.items()))
    return f"{asked.total() / n:.3g} ({verbs})" if asked else "0"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rate", type=int, default=100)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, store(log := Path(folder) / "store.log"):
        roots = (Path(folder) / "disk", any_path(f"s3://{BUCKET}/all"))
        warm_up(Path(folder) / "warm", log)
        for root in roots:
            save_untrained(root / "model", options.rate)
        print(f"{options.nodes} stations x {options.hours:g} h at {options.rate} Hz\n")
        print(
            "| stage | tasks | s on disk | s in the store | ratio | ms more a request | "
            "requests for a task | requests around them | MB written |"
        )
        print("|---|---|---|---|---|---|---|---|---|", flush=True)
        both, written = [stages(root, options) for root in roots], n_bytes(roots[1])
        for on_disk, in_store in zip(*both, strict=True):
            disk, there = measured(on_disk, log), measured(in_store, log)
            before, written = written, n_bytes(roots[1])
            n = (there.around + there.tasks).total()
            print(
                f"| {on_disk.name} | {disk.n_tasks} | {disk.wall_s:.2f} | {there.wall_s:.2f} | "
                f"{there.wall_s / disk.wall_s:.2f} | "
                f"{1000 * (there.wall_s - disk.wall_s) / n:.1f} | "
                f"{told(there.tasks, there.n_tasks)} | {told(there.around)} | "
                f"{(written - before) / 1e6:.1f} |",
                flush=True,
            )
        n, size, seconds = floor(roots[1])
        print(
            f"| PUT and GET of {n} objects | | | {seconds:.2f} | | {500 * seconds / n:.1f} | | | "
            f"{size / 1e6:.1f} |"
        )


def warm_up(folder: Path, log: Path) -> None:
    """Import and compile what the first stage of a process would wait for."""
    save_untrained(folder / "model", 100)
    small = argparse.Namespace(nodes=1, hours=1.0, rate=100)
    for stage in stages(folder, small):
        measured(stage, log)


if __name__ == "__main__":
    main()
