"""Driver, scheduler, `status` and resume with the tasks of a whole campaign.

    python -m benchmarks.scale [--stations 1100] [--days 30]

WAVEFORMS of 1100 stations x 30 days are planned from made-up headers and driven through the engine
as `seisflow ingest` drives them, with tasks that do nothing but write their receipts. The scheduler
of a local cluster lives in the process of the driver, so that its CPU time and memory are those of
both. Then `seisflow status` is timed, and what a resume reads before it says that nothing is left.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

os.environ["PYTHONPATH"] = os.pathsep.join(
    filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")])
)  # before workers start: they import this module

from seisflow.archive.work import Done, peak_memory_bytes
from seisflow.campaign.config import ArchiveSize
from seisflow.campaign.records import made_up_scans
from seisflow.engine.connect import connect
from seisflow.engine.drive import Failure, drive
from seisflow.engine.profiles import read_profile
from seisflow.stages.ingest import stage

TASK_S = 60
"""What a task of a campaign takes, for the share of it that driving costs."""


def nothing(task: object) -> Done:
    """Do a task of no work."""
    del task
    return Done(counts={"samples": 1}, detail={"segments": []})


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stations", type=int, default=1100)
    parser.add_argument("--days", type=int, default=30)
    asked = parser.parse_args()
    size = ArchiveSize.build({"stations": asked.stations, "days": asked.days, "rate-hz": 500})
    config = stage.IngestConfig.build({"raw": ("made up",)})
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path, begun = Path(folder) / "waveforms.zarr", time.monotonic()
        work = stage.plan(config, path, stage.prepare(config, made_up_scans(size)))
        work = replace(work, run=nothing)
        rows.append(("planning", f"{time.monotonic() - begun:.1f} s"))
        with connect(read_profile("local", 2)) as session:
            begun, cpu = time.monotonic(), time.process_time()
            ended = [r for _, r in drive(session, work.job(), work.remaining())]
            wall, cpu = time.monotonic() - begun, time.process_time() - cpu
        assert len(ended) == len(work.tasks)
        assert not any(isinstance(r, Failure) for r in ended)
        each = cpu / len(ended)
        rows += [
            ("tasks driven", f"{len(ended)}, {len(ended) / wall:.0f} a second"),
            ("CPU of driver and scheduler", f"{1000 * each:.2f} ms a task"),
            (f"share of tasks of {TASK_S} s", f"{100 * each / TASK_S:.4f} %"),
            ("memory of driver and scheduler", f"{peak_memory_bytes() / 1e6:.0f} MB at most"),
        ]
        begun = time.monotonic()
        assert work.remaining() == []
        rows.append(("a resume reads receipts in", f"{time.monotonic() - begun:.1f} s"))
        begun = time.monotonic()
        command = [sys.executable, "-m", "seisflow", "status", str(path), "--json"]
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL)
        rows.append(("seisflow status", f"{time.monotonic() - begun:.1f} s"))
    print("| what | measured |\n|---|---|")
    for name, value in rows:
        print(f"| {name} | {value} |")


if __name__ == "__main__":
    main()
