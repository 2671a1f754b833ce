"""Ingest against plain pymseed decoding and a plain Zarr write of the same samples, in one run.

    python -m benchmarks.ingest [--nodes 2] [--hours 24] [--rate 500]

Plain: one process decodes each file whole with pymseed and writes it to a Zarr array of the same
chunks, shards and codec, with nothing else: no grid, no gaps, no coverage, no checks, no receipts.
Ours: the scan, and the tasks of ``seisflow ingest``, in one process. The order alternates, and the
best of three counts.
"""

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import zarr
from pymseed import MS3TraceList
from zarr.codecs import BloscCodec, BloscShuffle

from seisflow.ingest import stage
from seisflow.synth import stage as synth_stage
from seisflow.synth.config import SceneConfig

REPEATS = 3


def make_archive(folder: Path, nodes: int, hours: float, rate: int) -> list[Path]:
    """Write the files both sides read."""
    config = SceneConfig(
        n_nodes=nodes, duration_s=round(hours * 3600), rate_hz=rate, gaps_per_node_day=0.0
    )
    work = synth_stage.plan(folder, synth_stage.prepare(config))
    for task in work.tasks:
        work.job()(task)
    return sorted((folder / "waveforms").rglob("*.mseed"))


def plain(files: list[Path], target: Path) -> None:
    """Decode and write, and nothing else."""
    for i, file in enumerate(files):
        traces = MS3TraceList.from_file(str(file), unpack_data=True)
        samples = np.concatenate([segment.np_datasamples for t in traces for segment in t])
        chunk = samples.size // 144
        codec = BloscCodec(cname="zstd", clevel=1, shuffle=BloscShuffle.bitshuffle, typesize=4)
        array = zarr.create_array(
            target / str(i),
            shape=(1, samples.size),
            chunks=(1, chunk),
            shards=(1, chunk * 144),
            dtype="int32",
            compressors=[codec],
            fill_value=np.iinfo(np.int32).min,
        )
        array[0, : chunk * 144] = samples[: chunk * 144]
        if chunk * 144 < samples.size:
            array[0, chunk * 144 :] = samples[chunk * 144 :]


def scan(config: stage.IngestConfig) -> stage.Preparation:
    """Read the headers and plan."""
    scans = [s for batch in stage.batches(config) for s in stage.scan_batch(batch)]
    return stage.prepare(config, scans)


def ours(prepared: stage.Preparation, config: stage.IngestConfig, target: Path) -> None:
    """All tasks of the ingest in this process."""
    work = stage.plan(config, target, prepared)
    for task in work.tasks:
        work.job()(task)
    stage.finish(target)


def measured(function: Callable[[], object]) -> tuple[float, float, object]:
    """Wall and CPU seconds of one call, and what it returned."""
    wall, cpu = time.perf_counter(), time.process_time()
    result = function()
    return time.perf_counter() - wall, time.process_time() - cpu, result


def main() -> None:
    """Make the archive, run both sides in turn, print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--rate", type=int, default=500)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        files = make_archive(root / "scene", options.nodes, options.hours, options.rate)
        n_bytes = sum(f.stat().st_size for f in files)
        config = stage.IngestConfig.build({"raw": (str(root / "scene" / "waveforms"),)})
        best: dict[str, tuple[float, float]] = {}
        for _ in range(REPEATS):
            shutil.rmtree(root / "plain", ignore_errors=True)
            shutil.rmtree(root / "ours.zarr", ignore_errors=True)
            os.sync()
            rows = {"plain decode and write": measured(lambda: plain(files, root / "plain"))}
            scanned = measured(lambda: scan(config))
            prepared = scanned[2]
            assert isinstance(prepared, stage.Preparation)
            rows["ours: scan"] = scanned
            os.sync()
            rows["ours: tasks and finish"] = measured(
                lambda p=prepared: ours(p, config, root / "ours.zarr")
            )
            for name, (wall, cpu, _) in rows.items():
                if name not in best or wall < best[name][0]:
                    best[name] = wall, cpu
    report(best, n_bytes, len(files), options)


def report(
    best: dict[str, tuple[float, float]], n_bytes: int, n_files: int, options: argparse.Namespace
) -> None:
    """Print the table."""
    plain_wall = best["plain decode and write"][0]
    total = best["ours: scan"][0] + best["ours: tasks and finish"][0]
    cpu = best["ours: scan"][1] + best["ours: tasks and finish"][1]
    print(f"{n_files} files, {n_bytes / 1e6:.0f} MB miniSEED, {options.rate} Hz, ", end="")
    print(f"{options.nodes} x {options.hours:g} h; {platform.machine()}, Python ", end="")
    print(f"{platform.python_version()}, one process, best of {REPEATS}\n")
    print("| what | wall s | CPU s | MB/s | rate over plain |")
    print("|---|---|---|---|---|")
    for name, (wall, used) in [*best.items(), ("ours: together", (total, cpu))]:
        speed = n_bytes / 1e6 / wall
        print(f"| {name} | {wall:.2f} | {used:.2f} | {speed:.0f} | {plain_wall / wall:.2f} |")


if __name__ == "__main__":
    main()
