"""Waveforms with a few minutes of data in some hours, and their labels, without a cluster."""

from pathlib import Path
from typing import Any

import numpy as np
from small_archive import arrays
from stages import Begun

from seisflow.stages.label.config import LabelConfig
from seisflow.stages.label.stage import Label

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


def asked(source: Path = Path("w"), output: Path = Path("l"), **options: Any) -> LabelConfig:
    return LabelConfig.build({"waveforms": source, "labels": output, **options})


def begin(source: Path, output: Path, **options: Any) -> Begun:
    """Begin labels by `reference` unless another method is named: `FEATURES` are its own."""
    return Begun(Label(asked(source, output, **{"method": "reference", **options})))


def label(
    source: Path, output: Path, block: int | None = None, *, backward: bool = False, **options: Any
) -> dict[str, np.ndarray]:
    """Do what the command does; return the arrays."""
    begun = begin(source, output, block=block, **options)
    begun.run_all(backward=backward)
    begun.finish()
    return arrays(output)
