"""Ingest against plain pymseed decoding and a plain Zarr write of the same samples, in one run.

    python -m benchmarks.ingest [--nodes 2] [--hours 24] [--rate 500] [--stations 200]

Plain: one process decodes each file whole with pymseed and writes it to a Zarr array of the same
chunks, shards and codec, with nothing else: no grid, no gaps, no coverage, no checks, no receipts.
Ours: the scan, and the tasks of ``seisflow ingest``, in one process. The order alternates, and the
best of three counts.

A second table is of the same records of many stations in one file each, and in one file in which
the stations alternate, as a ring buffer is dumped; the two products must be equal byte for byte.
"""

import argparse
import os
import platform
import shutil
import tempfile
import time
from collections.abc import Callable
from heapq import merge
from pathlib import Path

import numpy as np
import zarr
from pymseed import DataEncoding, MS3Record, MS3TraceList
from zarr.codecs import BloscCodec, BloscShuffle

from seisflow.stages.ingest import stage
from seisflow.stages.synth import stage as synth_stage
from seisflow.stages.synth.scene_config import SceneConfig

REPEATS = 3
INTERLEAVED_S = 1800
INTERLEAVED_HZ = 100
INTERLEAVED_REPEATS = 2


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


def make_interleaved(folder: Path, n_stations: int) -> dict[str, Path]:
    """Write Steim2 records of 512 bytes to a file for each station, and to one by time."""
    rng, stations = np.random.default_rng(0), []
    (folder / "files").mkdir(parents=True)
    for k in range(n_stations):
        maker = MS3Record(reclen=512, encoding=DataEncoding.STEIM2)
        maker.sourceid, maker.starttime = f"FDSN:XX_S{k:03d}__H_H_Z", 1_700_006_400 * 10**9
        maker.samprate, maker.formatversion = INTERLEAVED_HZ, 2
        counts = rng.normal(0, 200, INTERLEAVED_S * INTERLEAVED_HZ).cumsum().astype(np.int32)
        made = [bytes(r) for r in maker.generate(data_samples=counts, sample_type="i")]
        (folder / "files" / f"{k:03d}.mseed").write_bytes(b"".join(made))
        stations.append([(MS3Record.parse(record).starttime, record) for record in made])
    with (folder / "all.mseed").open("wb") as file:
        file.writelines(record for _, record in merge(*stations, key=lambda each: each[0]))
    return {"a file for each": folder / "files", "one file": folder / "all.mseed"}


def compare_interleaved(root: Path, n_stations: int) -> None:
    """Ingest both in turn and print their table."""
    sources = make_interleaved(root / "raw", n_stations)
    n_bytes = sources["one file"].stat().st_size
    best: dict[str, tuple[float, ...]] = {}
    for _ in range(INTERLEAVED_REPEATS):
        for name, source in sources.items():
            target = root / f"{source.stem}.zarr"
            shutil.rmtree(target, ignore_errors=True)
            os.sync()
            config = stage.IngestConfig.build({"raw": (str(source),)})
            wall_scan, cpu_scan, prepared = measured(lambda c=config: scan(c))
            assert isinstance(prepared, stage.Preparation)
            wall, cpu, _ = measured(lambda p=prepared, c=config, t=target: ours(p, c, t))
            row = (wall_scan + wall, cpu_scan + cpu, cpu_scan)
            best[name] = min(best.get(name, row), row)
    one, files = (
        {str(f.relative_to(path)): f.read_bytes() for f in path.rglob("c/**/*") if f.is_file()}
        for path in (root / "all.zarr", root / "files.zarr")
    )
    print(f"\n{n_stations} stations x {INTERLEAVED_S / 60:g} min at {INTERLEAVED_HZ} Hz, ", end="")
    print(f"{n_bytes / 1e6:.0f} MB, {n_bytes // 512} records of 512 bytes, best of ", end="")
    print(f"{INTERLEAVED_REPEATS}; {len(one)} stored chunks, equal: {one == files}\n")
    print("| what | wall s | CPU s | of that scan | CPU over files |")
    print("|---|---|---|---|---|")
    for name, (wall, cpu, cpu_scan) in best.items():
        ratio = cpu / best["a file for each"][1]
        print(f"| {name} | {wall:.1f} | {cpu:.1f} | {cpu_scan:.1f} | {ratio:.2f} |")


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
    parser.add_argument("--stations", type=int, default=200)
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
    with tempfile.TemporaryDirectory() as folder:
        compare_interleaved(Path(folder), options.stations)


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
