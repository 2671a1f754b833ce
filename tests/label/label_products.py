"""Waveforms with a few minutes of data in some hours, and their labels, without a cluster."""

from pathlib import Path
from typing import Any

import numpy as np
from small_archive import arrays, run_all

from seisflow.archive.work import Work
from seisflow.label import stage

RATE = 20
FEATURES = ("deviation", "median_cc", "density", "std_cc", "weighted_density")
BY_SECOND = ("label", *FEATURES, "no_data_reason")
BY_HOUR = ("undetermined_reason", "n_rn", "mean_rn_spectrum")


def record(n_seconds: int, seed: int = 0) -> np.ndarray:
    """Noise around an offset, with louder and with tonal seconds."""
    rng = np.random.default_rng(seed)
    windows = 300 * rng.standard_normal((n_seconds, RATE))
    windows[::5] *= rng.uniform(2, 30, (len(windows[::5]), 1))
    windows[::7] += 2000 * np.sin(2 * np.pi * 0.2 * np.arange(RATE))
    return (windows.ravel() + 40_000).astype("int32")


def plan(source: Path, output: Path, block: int | None = None, **options: Any) -> Work[Any]:
    """Plan labels by `reference` unless another method is named: `FEATURES` are its own."""
    config = stage.LabelConfig.build({"method": "reference", **options})
    return stage.plan(config, output, stage.prepare(config, source, block))


def label(
    source: Path, output: Path, block: int | None = None, *, backward: bool = False, **options: Any
) -> dict[str, np.ndarray]:
    """Do what the command does; return the arrays."""
    work = plan(source, output, block, **options)
    run_all(work, backward=backward)
    stage.finish(work)
    return arrays(output)
