"""Classifying a continuous record: windows per CPU second, from Zarr to Zarr, one core.

    python -m benchmarks.inference MODEL... [--rate 500] [--hours 6] [--rounds 3]

Each model is timed as `seisflow infer` runs it in a worker: read a task's samples, filter, frames,
network, probabilities, write. Beside it, in turns and in the same process:

- *loop*: what one would write first: a record of a higher rate than the model's goes through
  `scipy.signal.resample_poly`; for each window the same filter by `scipy.signal.fftconvolve`,
  peak normalisation, `scipy.signal.stft`, amplitude and phase; then the same network, eager, in
  batches of 256. Of `--loop` windows.
- *SeisBench*: GPD `annotate` (windows of 4 s, stride 1 s, 100 Hz, three components, untrained),
  where SeisBench is installed.

CPU seconds of this process, the best of some rounds. Noise with a few bursts, made here, at the
rate of the model or at `--rate`.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):  # before any of them is imported
    os.environ[f"{name}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import scipy.signal  # noqa: E402
import torch  # noqa: E402

from seisflow.archive.reading import read_slice  # noqa: E402
from seisflow.archive.work import peak_memory_bytes  # noqa: E402
from seisflow.core.files import whole_file  # noqa: E402
from seisflow.core.grid import parse_time  # noqa: E402
from seisflow.engine.connection import Here  # noqa: E402
from seisflow.engine.stage import run_stage  # noqa: E402
from seisflow.formats.writing import MiniSeedWriter  # noqa: E402
from seisflow.stages.infer.stage import Infer  # noqa: E402
from seisflow.stages.ingest.stage import Ingest  # noqa: E402
from seisflow.stages.learn.artifact import load_model  # noqa: E402
from seisflow.stages.learn.classifier import Classifier  # noqa: E402
from seisflow.stages.learn.front_end import band_taps  # noqa: E402
from seisflow.stages.learn.model import Model  # noqa: E402

DAY_WINDOWS = 86_400
STATION = "XX.A..HHZ"


def make_waveforms(folder: Path, rate: int, hours: int) -> Path:
    """Write and ingest some hours of one station."""
    rng = np.random.default_rng(0)
    samples = 300 * rng.standard_normal(hours * 3600 * rate)
    for second in range(30, hours * 3600 - 10, 60):
        burst = slice(second * rate, (second + 4) * rate)
        samples[burst] += 5000 * rng.standard_normal(4 * rate) * np.hanning(4 * rate)
    with whole_file(folder / "raw" / STATION) as file:
        writer = MiniSeedWriter(file, STATION, rate)
        writer.append(parse_time("2020-01-01"), samples.astype("int32"))
    paths = {"raw": (str(folder / "raw"),), "waveforms": folder / "w.zarr"}
    return Path(run_stage(Ingest(Ingest.Config.build(paths)), Here()).path)


def infer_once(waveforms: Path, model: Path, precision: str) -> float:
    """Make SCORES anew; return the CPU seconds of its tasks."""
    with tempfile.TemporaryDirectory() as folder:
        paths = {"waveforms": waveforms, "model": model, "scores": Path(folder) / "s.zarr"}
        stage = Infer(Infer.Config.build({**paths, "precision": precision}))
        plan = stage.plan(Here())
        stage.create(plan)
        start = time.process_time()
        for task in plan.tasks:
            stage.run(plan.job, task)
        return time.process_time() - start


def loop_once(waveforms: Path, model: Model, rate_hz: int, n_windows: int) -> float:
    """Classify windows one by one; return CPU seconds."""
    config = model.classifier.front_end.config
    rate, taps = config.rate_hz, band_taps(config)
    start = time.process_time()
    samples = read_slice(waveforms, "waveform", 0, 0, (n_windows + 5) * rate_hz)
    if rate_hz != rate:
        samples = scipy.signal.resample_poly(samples.astype(np.float64), rate, rate_hz)
    planes = []
    for begin in range(0, n_windows * rate, rate):
        window = samples[begin : begin + config.input_samples].astype(np.float64)
        window = scipy.signal.fftconvolve(window - window[0], taps, "valid")
        window /= np.abs(window).max()
        size, hop = config.frame_samples, config.hop_samples
        _, _, spectra = scipy.signal.stft(
            window, rate, "hann", size, size - hop, rate, padded=False
        )
        planes.append(np.stack([np.abs(spectra), np.angle(spectra)]).astype(np.float32))
        if len(planes) == 256:
            classify(model, planes)
            planes.clear()
    if planes:
        classify(model, planes)
    return time.process_time() - start


def classify(model: Model, planes: list[np.ndarray]) -> None:
    """Send a batch through the network."""
    assert isinstance(model.classifier, Classifier)
    with torch.inference_mode():
        model.classifier.network(torch.from_numpy(np.stack(planes))).softmax(dim=1)


def seisbench_once(minutes: int) -> float | None:
    """Annotate with GPD; return CPU seconds for a window, None without SeisBench."""
    try:
        import obspy
        import seisbench.models
    except ModuleNotFoundError:
        return None
    rng = np.random.default_rng(0)
    traces = [
        obspy.Trace(
            rng.standard_normal(minutes * 6000).astype(np.float32),
            {"sampling_rate": 100.0, "station": "A", "network": "XX", "channel": f"HH{c}"},
        )
        for c in "ZNE"
    ]
    model = seisbench.models.GPD()
    start = time.process_time()
    model.annotate(obspy.Stream(traces), stride=100)
    return (time.process_time() - start) / (minutes * 60)


def row(name: str, how: str, windows: float, reference: float | None) -> None:
    """Print one row of the table."""
    ratio = "" if reference is None else f"{windows / reference:.1f}"
    print(f"| {name} | {how} | {windows:.0f} | {DAY_WINDOWS / windows:.1f} | {ratio} |", flush=True)


def best(run: Callable[[], float], rounds: int) -> float:
    """Fewest CPU seconds of some rounds, after one that warms up."""
    run()
    return min(run() for _ in range(rounds))


def model_rows(path: Path, folder: Path, options: argparse.Namespace) -> None:
    """Print the rows of one model; slow ones get fewer windows."""
    model = load_model(path)
    name = model.document["network"]["name"]
    fast = name == "compact"
    hours, rounds = (options.hours, options.rounds) if fast else (1, 1)
    rate = options.rate or model.rate_hz
    waveforms = make_waveforms(folder / f"{name}-{model.rate_hz}", rate, hours)
    name += f", {model.rate_hz} Hz" + (f" on {rate} Hz" if rate != model.rate_hz else "")
    loop = None
    if isinstance(model.classifier, Classifier):
        n_loop = options.loop if fast else options.loop // 5
        loop = n_loop / best(partial(loop_once, waveforms, model, rate, n_loop), rounds)
        row(name, "loop over windows, batches of 256", loop, None)
    for precision in ("float32", "bfloat16"):
        cpu_s = best(partial(infer_once, waveforms, path, precision), rounds)
        row(name, f"seisflow infer, {precision}", hours * 3600 / cpu_s, loop)
    print(f"<!-- peak of the process {peak_memory_bytes() / 1e6:.0f} MB -->", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--rate", type=int, help="Of the record; by default that of each model.")
    parser.add_argument("--hours", type=int, default=6)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--loop", type=int, default=2560)
    options = parser.parse_args()
    torch.set_num_threads(1)
    print("| network | way | windows per CPU-s | CPU-s per station-day | times the loop |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for path in options.models:
            model_rows(path, Path(folder), options)
        if (cost := seisbench_once(10)) is not None:
            row("GPD, 3 components, 100 Hz", "SeisBench annotate", 1 / cost, None)


if __name__ == "__main__":
    main()
