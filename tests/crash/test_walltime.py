"""SLURM ends jobs of workers at their walltime, again and again, in commands on recorded data."""

import asyncio
import json
import os
import subprocess
import time
import urllib.request
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest
from programs import Launcher, Running, differences, receipts, refuse_unfinished, wait_until
from slurm_sandbox import jobs_now, profile, start_slurm

from seisflow.engine.slurm_jobs import squeue

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "by_nodes2024"
N_STATIONS = 143
MIN_KILLS = 4

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason=f"no recorded data at {DATA}"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("walltime")


@pytest.fixture(scope="module")
def commands(folder: Path) -> Iterator[Launcher]:
    """Commands that know where SLURM is."""
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    with start_slurm(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", path)
        launcher = Launcher(folder)
        yield launcher
        launcher.close()


@pytest.fixture(scope="module")
def local(commands: Launcher, folder: Path) -> dict[str, tuple[str | Path, ...]]:
    """Make each product undisturbed, as ``STAGE.zarr``; return the commands without output."""
    stages: dict[str, tuple[str | Path, ...]] = {
        "ingest": ("ingest", DATA / "waveforms"),
        "label": ("label", folder / "ingest.zarr", "--block", "1"),
    }
    for name, args in stages.items():
        ended = commands.run(*args, folder / f"{name}.zarr", "--workers", "2")
        assert ended.code == 0, ended.err
    return stages


def slow_profile(folder: Path, flush_s: float) -> str:
    """Write a profile of two jobs that SLURM ends after a minute, and that do not know it."""
    preload = Path(__file__).with_name("slow_disk.py")
    exports = {"DASK_DISTRIBUTED__WORKER__PRELOAD": preload, "FLUSH_S": flush_s}
    prologue = [f"export {name}='{value}'" for name, value in exports.items()]
    prologue.append(f"export RAN='{folder}/ran'")
    return profile(folder, directives=["--time=00:01:00"], prologue=prologue)


def refuse_no_dashboard(run: Running) -> None:
    """Fail unless the dashboard answers at the address the command has printed."""
    url = run.err.read_text().partition("dashboard ")[2].split()[0]
    for page, text in ((url, "bokeh.min.js"), (url.replace("/status", "/health"), "ok")):
        with urllib.request.urlopen(page, timeout=10) as answer:
            assert answer.status == 200
            assert text in answer.read().decode()


def watch(run: Running, product: Path) -> tuple[dict[str, float], dict[str, bytes]]:
    """Wait for the command; return when jobs were killed, and each receipt as it was first."""
    killed: dict[str, float] = {}
    first: dict[str, bytes] = {}
    begun = time.monotonic()
    ended = False
    while not ended:
        ended = run.ended()  # and one more look afterwards
        for job, entry in asyncio.run(squeue()).items():
            if entry.state == "TIMEOUT":
                killed.setdefault(job, time.monotonic() - begun)
        for file in receipts(product):
            first.setdefault(file.name, file.read_bytes())
        time.sleep(0.3)
    return killed, first


def begun_again(folder: Path, killed: dict[str, float]) -> set[str]:
    """Return tasks begun more than once; fail if one was not in flight when its job was killed."""
    began: dict[str, list[str]] = defaultdict(list)
    last: dict[str, str] = {}
    for line in (folder / "ran").read_text().splitlines():
        job, _, task = line.partition(" ")
        began[task].append(job)
        last[job] = task
    assert len(began) == N_STATIONS
    again = [(task, job) for task, jobs in began.items() for job in jobs[:-1]]
    assert [(task, job) for task, job in again if last[job] != task or job not in killed] == []
    assert 0 < len(again) <= len(killed)
    return {task for task, _ in again}


def rewritten(product: Path, first: dict[str, bytes]) -> set[str]:
    """Return the tasks whose receipt is not the one they had at first."""
    now = {file.name: file.read_bytes() for file in receipts(product)}
    assert now.keys() == first.keys()
    changed = (text for name, text in now.items() if text != first[name])
    return {json.loads(text)["receipt"]["task"] for text in changed}


@pytest.mark.parametrize(("stage", "flush_s"), [("ingest", 0.9), ("label", 0.25)])
def test_jobs_killed_at_their_walltime_lose_nothing_and_repeat_only_what_was_in_flight(
    stage: str,
    flush_s: float,
    commands: Launcher,
    local: dict[str, tuple[str | Path, ...]],
    folder: Path,
    tmp_path: Path,
) -> None:
    product = tmp_path / f"{stage}.zarr"
    before = asyncio.run(squeue())
    run = commands.start(*local[stage], product, "--cluster", slow_profile(tmp_path, flush_s))
    wait_until(lambda: run.ended() or receipts(product), 120, "the first receipt")
    refuse_no_dashboard(run)
    # both were started together; from now on SLURM kills one every 30 to 60 s
    subprocess.run(["scontrol", "update", f"jobid={jobs_now()[0]}", "EndTime=now"], check=True)
    killed, first = watch(run, product)
    killed = {job: at for job, at in killed.items() if job not in before}
    ended = run.wait()
    assert ended.code == 0, ended.err
    assert "before its worker was there" not in ended.err
    assert len(killed) >= MIN_KILLS
    assert differences(product, folder / f"{stage}.zarr") == []
    refuse_unfinished(product)
    # one in flight may write its receipt in the seconds of grace, and once more elsewhere
    assert rewritten(product, first) <= begun_again(tmp_path, killed)
    wait_until(lambda: jobs_now() == [], 60, "the jobs to be cancelled")
