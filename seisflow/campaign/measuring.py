"""How fast this machine is: every stage once on a small synthetic array, in this process.

CPU seconds of one thread, from the real stages. The first task of a stage that compiles or loads a
network warms it up and is not counted.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from seisflow.archive.work import Task, Work
from seisflow.campaign.rates import Rate
from seisflow.stages.compare.detectors import Baselines, pieces
from seisflow.stages.detect import stage as detect_stage
from seisflow.stages.detect.config import DetectConfig
from seisflow.stages.infer import stage as infer_stage
from seisflow.stages.ingest import stage as ingest_stage
from seisflow.stages.label import stage as label_stage
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.job import prepare as prepare_training
from seisflow.stages.learn.model import one_thread
from seisflow.stages.learn.training import Event, train_job
from seisflow.stages.synth import stage as synth_stage
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.wavelets import stage as wavelets_stage
from seisflow.stages.wavelets.scan import scan

__all__ = ["measure"]

N_NODES = 9
"""As many as nine sub-arrays need."""
STATION_DAYS = N_NODES / 24
EPOCHS = 2
BENCHMARK = "plan --measure"

R = TypeVar("R")
T = TypeVar("T", bound=Task)


def measure(rate_hz: int, method: str, network: str, say: Callable[[str], None]) -> Iterator[Rate]:
    """Yield the rates of the stages on this machine; detect's asks for a longer array.

    Parameters
    ----------
    rate_hz : int
        Sampling rate of the array.
    method : str
        Of labelling.
    network : str
        To train and to classify with.
    say : callable
        Told what is measured next.
    """
    with one_thread(), tempfile.TemporaryDirectory(prefix="seisflow-rates-") as name:
        for work, unit, cpu_s in _stages(Path(name), rate_hz, method, network, say):
            yield Rate(work=work, unit=unit, rate_hz=rate_hz, cpu_s=cpu_s, benchmark=BENCHMARK)


Measured = tuple[str, str, float]


def _stages(
    at: Path, rate_hz: int, method: str, network: str, say: Callable[[str], None]
) -> Iterator[Measured]:
    day = "station-day"
    say(f"a scene of {N_NODES} nodes and one hour at {rate_hz} Hz")
    _make_scene(at / "scene", rate_hz)
    say("ingest")
    yield "ingest", day, _ingest(at) / STATION_DAYS
    say(f"label {method}")
    yield f"label {method}", day, _label(at, method) / STATION_DAYS
    say("assemble")
    yield from _assemble(at)
    say(f"train {network}")
    train_s = _train(at, network)
    if train_s is not None:
        yield f"train {network}", "example", train_s
    say(f"infer {network}")
    yield f"infer {network}", day, _infer(at) / STATION_DAYS
    say("compare baselines")
    yield "compare baselines", day, _baselines(at) / STATION_DAYS


def _timed(function: Callable[[], R]) -> tuple[float, R]:
    begun = time.process_time()
    result = function()
    return time.process_time() - begun, result


def _do_all(work: Work[T]) -> float:
    """Do all tasks; return the CPU seconds of as many that are warm."""
    job, tasks = work.job(), work.remaining()
    job(tasks[0])
    cpu_s, _ = _timed(lambda: [job(task) for task in tasks[1:]])
    return cpu_s * len(tasks) / max(1, len(tasks) - 1)


def _make_scene(folder: Path, rate_hz: int) -> None:
    config = SceneConfig(
        n_nodes=N_NODES, rate_hz=rate_hz, earthquakes_per_hour=30.0, dead_fraction=0.0
    )
    prepared = synth_stage.prepare(config)
    work = synth_stage.plan(folder, prepared)
    for task in work.tasks:
        work.job()(task)
    synth_stage.finish(folder, prepared)


def _ingest(at: Path) -> float:
    options = {
        "raw": (str(at / "scene" / "waveforms"),),
        "stations": str(at / "scene" / "stations.csv"),
    }
    config = ingest_stage.IngestConfig.build(options)

    def plan() -> Any:
        batches = ingest_stage.batches(config)
        scans = [found for batch in batches for found in ingest_stage.scan_batch(batch)]
        return ingest_stage.plan(config, at / "waveforms", ingest_stage.prepare(config, scans))

    scan_s, work = _timed(plan)
    tasks_s = _do_all(work)
    ingest_stage.finish(at / "waveforms")
    return scan_s + tasks_s


def _label(at: Path, method: str) -> float:
    config = label_stage.LabelConfig.build({"method": method})
    prepared = label_stage.prepare(config, at / "waveforms")
    work = label_stage.plan(config, at / "labels", prepared)
    cpu_s = _do_all(work)
    label_stage.finish(work)
    return cpu_s


def _assemble(at: Path) -> Iterator[Measured]:
    """Yield what seconds, arrivals and examples take: the first from a scan of a few arrivals."""
    lines = (at / "scene" / "arrivals.csv").read_text().splitlines(keepends=True)
    few = at / "few.csv"
    few.write_text("".join(lines[: 1 + N_NODES]))
    config = wavelets_stage.AssembleConfig.build({"split": "shuffled", "snr_min": 0.0})
    sources = wavelets_stage.Sources(at / "waveforms", at / "labels", few, None)
    quiet = wavelets_stage.prepare(config, sources)
    quiet_s, _ = _timed(lambda: [scan(quiet.shared, task) for task in quiet.tasks])
    yield "assemble scan", "station-day", quiet_s / STATION_DAYS
    sources = replace(sources, arrivals=at / "scene" / "arrivals.csv")
    prepared = wavelets_stage.prepare(config, sources)
    scan_s, found = _timed(lambda: [scan(prepared.shared, task) for task in prepared.tasks])
    n_onsets = sum(part.onset.size for task in prepared.tasks for part in task.stations)
    yield "assemble arrivals", "arrival", max(0.0, scan_s - quiet_s) / n_onsets
    assembly = wavelets_stage.choose(prepared, found, [])
    work = wavelets_stage.plan(config, sources, at / "wavelets", prepared, assembly)
    cut_s, _ = _timed(lambda: [work.job()(task) for task in work.tasks])
    wavelets_stage.finish(work)
    yield "assemble cut", "example", cut_s / len(assembly.examples)


def _train(at: Path, network: str) -> float | None:
    """Return CPU seconds of an example in the last epoch; None of a forest."""
    options = {"wavelets": at / "wavelets", "model": at / "model", "network": network}
    job = prepare_training(TrainConfig.build({**options, "epochs": EPOCHS, "batch_size": 32}))
    ends = []

    def note(event: Event) -> None:
        if event.kind == "epoch":
            ends.append(time.process_time())

    train_job(job, on_event=note)
    if job.is_forest:
        return None
    return (ends[-1] - ends[-2]) / len(job.train)


def _infer(at: Path) -> float:
    config = infer_stage.InferConfig.build({})
    work = infer_stage.plan(
        config, at / "scores", infer_stage.prepare(config, at / "waveforms", at / "model")
    )
    cpu_s = _do_all(work)
    infer_stage.finish(work)
    return cpu_s


def _baselines(at: Path) -> float:
    config = DetectConfig.build({"min_nodes": 3, "threshold": 0.9})
    work = detect_stage.plan(
        at / "catalog", detect_stage.prepare(config, at / "waveforms", at / "scores")
    )
    for task in work.tasks:
        work.job()(task)
    detect_stage.finish(work)
    searched = Baselines(has_nine=True)
    begun = time.process_time()
    for piece in pieces(at / "catalog", at / "waveforms"):
        searched.add(*piece)
    return time.process_time() - begun
