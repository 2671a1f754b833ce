"""Labelling: the kernel against other ways, a station-day, and two workers against one.

    python -m benchmarks.labelling [--rate 500] [--hours 24] [--windows 3600]

Every route computes the same: the largest magnitude of the normalised cross-correlation over lags
of half a window, for pairs of 1 s windows of noise. One thread; CPU seconds; routes take turns,
and the best of three rounds counts. mkl_fft and pyfftw are rows where they are installed
(``pip install mkl_fft pyfftw``), torch too.
"""

import argparse
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

for name in ("OMP", "MKL", "OPENBLAS", "NUMBA"):  # before any of them is imported
    os.environ[f"{name}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import scipy.fft  # noqa: E402
from scipy.signal import correlate  # noqa: E402

from seisflow.dsp.correlation import (  # noqa: E402
    max_cross_correlation,
    template_cross_correlation,
)
from seisflow.dsp.kernel.registers import lanes_of  # noqa: E402
from seisflow.stages.ingest import stage as ingest_stage  # noqa: E402
from seisflow.stages.label import stage  # noqa: E402
from seisflow.stages.label.method import label_windows  # noqa: E402
from seisflow.stages.label.parameters import ReferenceParameters  # noqa: E402
from seisflow.stages.label.rounds import run_rounds  # noqa: E402
from seisflow.stages.synth import stage as synth_stage  # noqa: E402
from seisflow.stages.synth.scene_config import SceneConfig  # noqa: E402

REPEATS = 3
TURNS = 3
HOUR_PAIRS = 3600 * 3599 // 2
ARRAY_STATIONS = 1100
AUTHORS_US_PER_PAIR = 39
AUTHORS_STATION_DAY_S = 6120
AUTHORS_ARRAY_DAY_H = 1870
LOOP_WINDOWS = 24
BATCH_WINDOWS = 160
TILE = 16
"""Windows on either side of a tile of the batched transforms: 256 pairs stay in cache."""

Correlate = Callable[[np.ndarray], np.ndarray]
Clock = Callable[[], float]


class Route(NamedTuple):
    """A way to correlate all pairs: how it is called, on how many windows it is timed, by what."""

    name: str
    correlate: Correlate
    n_windows: int | None = None
    clock: Clock = time.process_time


def loop_scipy(windows: np.ndarray) -> np.ndarray:
    """Pair by pair, as it would be typed."""
    return _loop(windows, lambda a, b: correlate(a, b, mode="full", method="auto"))


def loop_numpy(windows: np.ndarray) -> np.ndarray:
    """Pair by pair with `numpy.correlate`."""
    return _loop(windows, lambda a, b: np.correlate(a, b, "full"))


def _loop(windows: np.ndarray, both: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> np.ndarray:
    n_samples = windows.shape[1]
    wanted = slice(n_samples - 1 - n_samples // 2, n_samples + n_samples // 2)
    energy = np.sum(np.square(windows, dtype=np.float64), axis=1)
    cc = np.eye(len(windows))
    for i in range(len(windows)):
        for j in range(i + 1, len(windows)):
            largest = np.abs(both(windows[i], windows[j])[wanted]).max()
            cc[i, j] = cc[j, i] = largest / np.sqrt(energy[i] * energy[j])
    return cc


def batched(forward: Callable[..., Any], backward: Callable[..., Any]) -> Correlate:
    """Transform each window once, and the products of tiles of pairs back."""

    def route(windows: np.ndarray) -> np.ndarray:
        n_windows, n_samples = windows.shape
        lag = n_samples // 2
        n_fft = scipy.fft.next_fast_len(n_samples + lag, real=True)
        unit = windows / np.linalg.norm(windows, axis=1, keepdims=True)
        # one of a pair is delayed, so that the wanted lags are the first ones
        delayed = np.zeros((n_windows, n_fft), windows.dtype)
        delayed[:, lag : lag + n_samples] = unit
        left, right = forward(delayed, n_fft), np.conj(forward(unit, n_fft))
        cc = np.zeros((n_windows, n_windows), windows.dtype)
        for row in range(0, n_windows, TILE):
            for column in range(row, n_windows, TILE):
                tile = left[row : row + TILE, np.newaxis] * right[column : column + TILE]
                wanted = backward(tile, n_fft)[..., : 2 * lag + 1]
                found = np.maximum(wanted.max(axis=-1), -wanted.min(axis=-1))
                cc[row : row + TILE, column : column + TILE] = found
        return np.maximum(cc, cc.T)

    return route


def routes() -> Iterator[Route]:
    """Name every route there is on this machine."""
    yield Route("loop over scipy.signal.correlate (auto)", loop_scipy, LOOP_WINDOWS)
    yield Route("loop over numpy.correlate", loop_numpy, LOOP_WINDOWS)
    scipy_route = batched(
        lambda x, n: scipy.fft.rfft(x, n, axis=-1), lambda x, n: scipy.fft.irfft(x, n, axis=-1)
    )
    yield Route("batched scipy.fft, float32", scipy_route, BATCH_WINDOWS)
    for more in (_mkl_route, _fftw_route, _torch_routes):
        try:
            yield from more()
        except ImportError as error:
            print(f"no row: {error}", file=sys.stderr)
    yield Route("seisflow, float32", max_cross_correlation)
    yield Route("seisflow, float64", lambda w: max_cross_correlation(w.astype(np.float64)))


def _mkl_route() -> Iterator[Route]:
    import mkl_fft

    route = batched(mkl_fft.rfft, mkl_fft.irfft)
    yield Route("batched mkl_fft, float32", route, BATCH_WINDOWS)


def _fftw_route() -> Iterator[Route]:
    from pyfftw import interfaces

    interfaces.cache.enable()
    fftw, planned = interfaces.numpy_fft, {"planner_effort": "FFTW_MEASURE", "threads": 1}
    route = batched(
        lambda x, n: fftw.rfft(x, n, **planned), lambda x, n: fftw.irfft(x, n, **planned)
    )
    yield Route("batched pyfftw, float32", route, BATCH_WINDOWS)


def _torch_routes() -> Iterator[Route]:
    import torch

    from seisflow.stages.label.torch_correlation import torch_max_cross_correlation

    def on(device: str) -> Correlate:
        return lambda w: torch_max_cross_correlation(w, device=device)

    name = "seisflow's torch kernel, CPU tensors, float32"
    yield Route(name, on("cpu"), 4 * BATCH_WINDOWS)
    if torch.cuda.is_available():
        name = f"seisflow's torch kernel, {torch.cuda.get_device_name()}, float32, wall time"
        yield Route(name, on("cuda"), clock=time.perf_counter)


def kernel_table(rate: int, n_windows: int) -> float:
    """Print the routes side by side; return microseconds per pair of ours."""
    windows = np.random.default_rng(0).standard_normal((n_windows, rate)).astype(np.float32)
    named = list(routes())
    best = {route.name: float("inf") for route in named}
    expected = max_cross_correlation(windows.astype(np.float64))
    errors = {}
    for repeat in range(REPEATS + 1):  # the first one compiles and plans
        for route in named:
            given = windows[: route.n_windows]
            start = route.clock()
            found = route.correlate(given)
            spent = route.clock() - start
            errors[route.name] = np.abs(found - expected[: len(given), : len(given)]).max()
            if repeat:
                us_per_pair = spent / (len(given) * (len(given) - 1) / 2) * 1e6
                best[route.name] = min(best[route.name], us_per_pair)
    _print_kernels(rate, best, errors)
    return best["seisflow, float32"]


def _print_kernels(rate: int, best: dict[str, float], errors: dict[str, float]) -> None:
    print(f"### All pairs, L = {rate}, lags of half a window\n")
    print("| route | us per pair | s per station-day | over ours | largest error |")
    print("|---|---|---|---|---|")
    day, ours = 24 * HOUR_PAIRS / 1e6, best["seisflow, float32"]
    if rate == 500:
        us = AUTHORS_US_PER_PAIR
        print(f"| reported by the authors | {us} | {AUTHORS_STATION_DAY_S} | {us / ours:.0f} | |")
    for name, us in best.items():
        print(f"| {name} | {us:.3g} | {us * day:.0f} | {us / ours:.1f} | {errors[name]:.0e} |")


def template_row(rate: int, n_templates: int) -> None:
    """Print what correlations with some templates cost for an hour."""
    windows = np.random.default_rng(0).standard_normal((3600, rate)).astype(np.float32)
    spent = []
    for _ in range(REPEATS):
        start = time.process_time()
        template_cross_correlation(windows, np.arange(n_templates))
        spent.append(time.process_time() - start)
    print(f"\n3600 windows with {n_templates} templates: {min(spent):.3f} CPU-s an hour.")


def rounds_row(rate: int) -> None:
    """Print what an hour of `reference` costs beside its kernel."""
    windows = np.random.default_rng(0).standard_normal((3600, rate)).astype(np.float32)
    windows[::10] *= 3  # so that there is what is not random noise
    cc, parameters = max_cross_correlation(windows), ReferenceParameters()
    kernel, rounds = [], []
    for _ in range(REPEATS):
        start = time.process_time()
        max_cross_correlation(windows)
        kernel.append(time.process_time() - start)
        start = time.process_time()
        run_rounds(windows.astype(np.float64), cc, parameters)
        rounds.append(time.process_time() - start)
    share = min(rounds) / min(kernel)
    print(f"\nAn hour of `reference`: kernel {min(kernel):.2f} CPU-s, spectra and rounds ", end="")
    print(f"{min(rounds):.2f} CPU-s, {share:.0%} of the kernel.")


def make_waveforms(folder: Path, nodes: int, hours: float, rate: int) -> Path:
    """Write and ingest a scene; return WAVEFORMS."""
    config = SceneConfig(
        n_nodes=nodes, duration_s=round(hours * 3600), rate_hz=rate, gaps_per_node_day=0.0
    )
    work = synth_stage.plan(folder, synth_stage.prepare(config))
    for task in work.tasks:
        work.job()(task)
    ingest = ingest_stage.IngestConfig.build({"raw": (str(folder / "waveforms"),)})
    scans = [s for batch in ingest_stage.batches(ingest) for s in ingest_stage.scan_batch(batch)]
    target = folder / "waveforms.zarr"
    ingestion = ingest_stage.plan(ingest, target, ingest_stage.prepare(ingest, scans))
    for task in ingestion.tasks:
        ingestion.job()(task)
    ingest_stage.finish(target)
    return target


def station_days(waveforms: Path, folder: Path, hours: float, us_per_pair: float) -> None:
    """Print what a station-day costs from Zarr to Zarr, in this process, by method."""
    print("\n### A station-day from WAVEFORMS to LABELS: read, filter, kernel, rounds, write\n")
    print("| what | CPU-s per station-day | CPU-h per array-day (1100) | authors over it |")
    print("|---|---|---|---|")
    print(f"| reported by the authors | {AUTHORS_STATION_DAY_S} | {AUTHORS_ARRAY_DAY_H} | 1 |")
    kernel = us_per_pair * HOUR_PAIRS * 24 / 1e6
    rows = {"the kernel of `reference` alone": kernel}
    for method in stage.METHODS:
        config = stage.LabelConfig.build({"method": method})
        work = stage.plan(
            config, folder / f"{method}.zarr", stage.prepare(config, waveforms, block=1)
        )
        _warm_up(method)
        start = time.process_time()
        work.job()(work.tasks[0])
        rows[f"`{method}`"] = (time.process_time() - start) * 24 / hours
    for name, seconds in rows.items():
        array_h = seconds * ARRAY_STATIONS / 3600
        ratio = AUTHORS_STATION_DAY_S / seconds
        print(f"| {name} | {seconds:.1f} | {array_h:.1f} | {ratio:.0f} |")


def _warm_up(method: str) -> None:
    """Compile what is compiled once in a process."""
    samples = np.random.default_rng(0).standard_normal(400 * 500).astype(np.float32)
    label_windows(samples, 500, method=method)


def workers_table(waveforms: Path, folder: Path) -> None:
    """Print two workers against one, by the command itself, in turns."""
    print("\n### Workers of `seisflow label --method reference`, in turns\n")
    print("| turn | s from the first task to the last: one | two | ratio | peak of a worker, MB |")
    print("|---|---|---|---|---|")
    ratios = []
    for turn in range(1, TURNS + 1):
        one, peak = _label(waveforms, folder / "workers.zarr", workers=1)
        two, other = _label(waveforms, folder / "workers.zarr", workers=2)
        ratios.append(one / two)
        row = (
            f"| {turn} | {one:.1f} | {two:.1f} | {ratios[-1]:.2f} | {max(peak, other) / 1e6:.0f} |"
        )
        print(row, flush=True)
    print(f"\nMedian of the ratios {np.median(ratios):.2f}.")


def _label(waveforms: Path, target: Path, *, workers: int) -> tuple[float, float]:
    """Label from nothing; return seconds, and bytes of the largest worker."""
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "seisflow", "label", str(waveforms), str(target)]
    command += ["--method", "reference", "--workers", str(workers), "--block", "1", "--json"]
    run = subprocess.run(command, check=True, capture_output=True, text=True)
    summary = json.loads(run.stdout)
    return summary["elapsed_s"], summary["peak_memory_bytes"]


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--hours", type=float, default=24.0)
    parser.add_argument("--windows", type=int, default=3600)
    options = parser.parse_args()
    print(f"{platform.machine()}, {_processor()}, Python {platform.python_version()}\n")
    us_per_pair = kernel_table(options.rate, options.windows)
    template_row(options.rate, 128)
    rounds_row(options.rate)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        waveforms = make_waveforms(root / "day", 1, options.hours, options.rate)
        station_days(waveforms, root, options.hours, us_per_pair)
        quarters = make_waveforms(root / "quarters", 8, options.hours / 4, options.rate)
        workers_table(quarters, root)


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = {x.split(":")[1].strip() for x in lines if x.startswith("model name")}
    return f"{', '.join(names)}, {lanes_of(np.float32)} float32 lanes"


if __name__ == "__main__":
    main()
