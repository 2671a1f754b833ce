"""How fast this machine is: every stage once on a small synthetic array, in this process.

CPU seconds of one thread, from the real stages. The first task of a stage that compiles or loads a
network warms it up and is not counted.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from seisflow.archive.work import Task, Work
from seisflow.campaign.rates import Rate
from seisflow.engine.connection import Here
from seisflow.engine.stage import run_stage
from seisflow.registry import stage_of
from seisflow.stages.compare.baselines import Baselines, pieces
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.job import prepare as prepare_training
from seisflow.stages.learn.model import one_thread
from seisflow.stages.learn.training import Event, train_job
from seisflow.stages.wavelets.choosing import choose
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.inputs import identify
from seisflow.stages.wavelets.preparing import Preparation, prepare
from seisflow.stages.wavelets.stage import Assemble, find_candidates, plan_of

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


def _build(name: str, **options: Any) -> Any:
    """Return a stage of the small array."""
    stage = stage_of(name)
    return stage(stage.Config.build(options))


def _measured(stage: Any) -> tuple[float, float]:
    """Run a stage; return the CPU seconds of its plan, and of its tasks."""
    plan_s, plan = _timed(lambda: stage.plan(Here()))
    stage.create(plan)
    tasks_s = _do_all(stage.work(plan))
    stage.finish(plan)
    return plan_s, tasks_s


def _make_scene(folder: Path, rate_hz: int) -> None:
    options = {"nodes": N_NODES, "rate": rate_hz, "earthquakes": 30.0, "dead": 0.0}
    run_stage(_build("synth", scene=folder, **options), Here())


def _ingest(at: Path) -> float:
    scene = at / "scene"
    options = {"raw": (str(scene / "waveforms"),), "stations": scene / "stations.csv"}
    return sum(_measured(_build("ingest", waveforms=at / "waveforms", **options)))


def _label(at: Path, method: str) -> float:
    paths = {"waveforms": at / "waveforms", "labels": at / "labels"}
    return _measured(_build("label", method=method, **paths))[1]


def _assemble(at: Path) -> Iterator[Measured]:
    """Yield what seconds, arrivals and examples take: the first from a scan of a few arrivals."""
    lines = (at / "scene" / "arrivals.csv").read_text().splitlines(keepends=True)
    few = at / "few.csv"
    few.write_text("".join(lines[: 1 + N_NODES]))
    quiet = _prepared(at, few)
    quiet_s, _ = _timed(lambda: find_candidates(quiet, Here()))
    yield "assemble scan", "station-day", quiet_s / STATION_DAYS
    prepared = _prepared(at, at / "scene" / "arrivals.csv")
    scan_s, found = _timed(lambda: find_candidates(prepared, Here()))
    n_onsets = sum(part.onset.size for task in prepared.tasks for part in task.stations)
    yield "assemble arrivals", "arrival", max(0.0, scan_s - quiet_s) / n_onsets
    stage, assembly = Assemble(prepared.survey.config), choose(prepared.survey, found)
    plan = plan_of(prepared, assembly)
    stage.create(plan)
    work = stage.work(plan)
    cut_s, _ = _timed(lambda: [work.job()(task) for task in work.tasks])
    stage.finish(plan)
    yield "assemble cut", "example", cut_s / len(assembly.examples)


def _prepared(at: Path, arrivals: Path) -> Preparation:
    paths = {name: at / name for name in ("waveforms", "labels", "wavelets")}
    options = {"arrivals": arrivals, "split": "shuffled", "snr_min": 0.0}
    config = AssembleConfig.build(paths | options)
    return prepare(config, identify(config))


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
    paths = {"waveforms": at / "waveforms", "model": at / "model", "scores": at / "scores"}
    return _measured(_build("infer", **paths))[1]


def _baselines(at: Path) -> float:
    paths = {"waveforms": at / "waveforms", "scores": at / "scores", "catalog": at / "catalog"}
    run_stage(_build("detect", min_nodes=3, threshold=0.9, **paths), Here())
    searched = Baselines(has_nine=True)
    begun = time.process_time()
    for piece in pieces(at / "catalog", at / "waveforms"):
        searched.add(*piece)
    return time.process_time() - begun
