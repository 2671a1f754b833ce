"""The front end against a loop over SciPy, and what each network costs forward.

    python -m benchmarks.networks [--rate 500] [--windows 256] [--compile]

One thread; rows take turns and the best of three rounds counts. Weights are fresh: this is time,
not accuracy. bf16 is autocast. `--compile` adds `torch.compile`, which takes minutes.
"""

import argparse
import copy
import os
import platform
import time
from collections.abc import Callable
from typing import NamedTuple

for name in ("OMP", "MKL", "OPENBLAS"):  # before any of them is imported
    os.environ[f"{name}_NUM_THREADS"] = "1"

import numpy as np  # noqa: E402
import torch  # noqa: E402
from scipy.signal import fftconvolve, stft  # noqa: E402
from torch.utils.flop_counter import FlopCounterMode  # noqa: E402

from seisflow.stages.learn.classifier import build_classifier  # noqa: E402
from seisflow.stages.learn.forest import fit_forest  # noqa: E402
from seisflow.stages.learn.front_end import FrontEnd, FrontEndConfig, band_taps  # noqa: E402
from seisflow.stages.learn.networks import NETWORKS  # noqa: E402

REPEATS = 3
BATCH = 64
STATION_DAY = 86_400
"""Windows of a station-day, one every second."""
AUTHORS_STATION_DAY_S = 90
"""Seconds reported for them, METHOD section 0."""


class Row(NamedTuple):
    """What is timed: over how many windows, and what it does with all of them."""

    name: str
    n_windows: int
    run: Callable[[], object]


def best_rates(rows: list[Row]) -> dict[str, float]:
    """Windows per second of each row, best of the rounds; each runs once before."""
    seconds = {row.name: float("inf") for row in rows}
    for round_number in range(REPEATS + 1):
        for row in rows:
            start = time.process_time()
            row.run()
            if round_number:
                seconds[row.name] = min(seconds[row.name], time.process_time() - start)
    return {row.name: row.n_windows / seconds[row.name] for row in rows}


def loop_scipy(samples: np.ndarray, config: FrontEndConfig) -> None:
    """Window by window, as it would be typed."""
    taps = band_taps(config)
    for window in samples:
        passed = fftconvolve(window, taps, mode="valid")
        loop_stft((passed / np.abs(passed).max())[np.newaxis], config)


def loop_stft(windows: np.ndarray, config: FrontEndConfig) -> None:
    """Window by window, the STFT alone."""
    for window in windows:
        _, _, spectra = stft(
            window,
            fs=config.rate_hz,
            nperseg=config.frame_samples,
            noverlap=config.frame_samples - config.hop_samples,
            nfft=config.rate_hz,
            padded=False,
        )
        np.stack([np.abs(spectra), np.angle(spectra)])


def in_batches(module: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> None:
    """Call a module on part after part."""
    with torch.inference_mode():
        for part in values.split(BATCH):
            module(part)


def front_end_table(config: FrontEndConfig, n_windows: int) -> None:
    """Print the front end beside SciPy."""
    samples = noise(config, n_windows)
    front_end = FrontEnd(config)
    torch_samples = torch.from_numpy(samples)
    windows = front_end.filtered(torch_samples)
    rates = best_rates(
        [
            Row("SciPy loop", n_windows, lambda: loop_scipy(samples, config)),
            Row("seisflow", n_windows, lambda: in_batches(front_end, torch_samples)),
            Row("SciPy loop stft", n_windows, lambda: loop_stft(windows.numpy(), config)),
            Row("seisflow stft", n_windows, lambda: in_batches(front_end.spectra, windows)),
        ]
    )
    print("| front end | windows/s | over SciPy | s per station-day |")
    print("|---|---|---|---|")
    for route, what in (("", "band, peak, STFT"), (" stft", "STFT alone")):
        loop = rates["SciPy loop" + route]
        for who in ("SciPy loop", "seisflow"):
            rate = rates[who + route]
            print(f"| {who}: {what} | {rate:.0f} | {rate / loop:.1f} | {STATION_DAY / rate:.1f} |")


def network_table(config: FrontEndConfig, n_windows: int, *, is_compiled: bool) -> None:
    """Print each network's size and speed, planes given."""
    planes = FrontEnd(config)(torch.from_numpy(noise(config, n_windows)))
    kinds = ["float32", "channels last", "bf16"] + ["bf16 compiled"] * is_compiled
    print(f"\n| network | parameters | MFLOP | {' | '.join(f'{k} windows/s' for k in kinds)} |")
    print("|---" * (3 + len(kinds)) + "|")
    for name in NETWORKS:
        n_used = min(n_windows, BATCH) if name == "published" else n_windows
        used, network = planes[:n_used], build_classifier(name, config).network.eval()
        n_weights = sum(p.numel() for p in network.parameters())
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(planes[:1])
        rates = best_rates([Row(k, n_used, forward(network, used, k)) for k in kinds])
        cells = " | ".join(f"{rates[kind]:.0f}" for kind in kinds)
        print(f"| {name} | {n_weights:,} | {counter.get_total_flops() / 1e6:.1f} | {cells} |")


def forward(network: torch.nn.Module, planes: torch.Tensor, kind: str) -> Callable[[], object]:
    """Return a way to call a network."""
    memory = torch.channels_last if kind != "float32" else torch.contiguous_format
    module = build_like(network, memory)
    if kind.endswith("compiled"):
        module.compile()

    def run() -> None:
        with torch.autocast("cpu", torch.bfloat16, enabled=kind.startswith("bf16")):
            in_batches(lambda part: module(part.contiguous(memory_format=memory)), planes)

    return run


def build_like(network: torch.nn.Module, memory: torch.memory_format) -> torch.nn.Module:
    """Copy a network into another layout of its weights."""
    return copy.deepcopy(network).to(memory_format=memory)


def forest_line(config: FrontEndConfig, n_windows: int) -> None:
    """Print the speed of the forest, features included."""
    samples = noise(config, n_windows)
    forest = fit_forest(samples, np.arange(n_windows).astype(np.uint8) % 3, config)
    rates = best_rates([Row("forest", n_windows, lambda: forest.probabilities(samples))])
    print(
        f"\nForest of {len(forest.roots)} trees and {len(forest.feature_names)} features: "
        f"{rates['forest']:.0f} windows/s, features included."
    )


def noise(config: FrontEndConfig, n_windows: int) -> np.ndarray:
    """Draw white noise as float32 (n, window + 2 halo)."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n_windows, config.input_samples)).astype(np.float32)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rate", type=int, default=500)
    parser.add_argument("--windows", type=int, default=256)
    parser.add_argument("--compile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    config = FrontEndConfig(options.rate)
    print(
        f"{options.rate} samples/s, batches of {BATCH}; {platform.machine()}, Python "
        f"{platform.python_version()}, torch {torch.__version__}, one thread, best of {REPEATS}; "
        f"reported by the authors: {STATION_DAY / AUTHORS_STATION_DAY_S:.0f} windows/s\n"
    )
    front_end_table(config, options.windows)
    network_table(config, options.windows, is_compiled=options.compile)
    forest_line(config, options.windows)


if __name__ == "__main__":
    main()
