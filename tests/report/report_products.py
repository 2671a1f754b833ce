"""Two stations around a midnight, with a gap, as WAVEFORMS and LABELS; and hours made by hand."""

from pathlib import Path
from typing import Any

import numpy as np
from small_archive import ingest
from stages import made

from seisflow.core.classes import Label
from seisflow.core.files import whole_file
from seisflow.core.grid import parse_time
from seisflow.formats.writing import MiniSeedWriter
from seisflow.stages.label.stage import Label as LabelStage
from seisflow.stages.report.figures.station_hour import StationHour

RATE = 20
START = "2014-05-29T23:54:00"
FIRST, SECOND = "XX.AAA..HHZ", "XX.BBB..HHZ"
N_SECONDS = 720
GAP = slice(500, 507)  # seconds after START that FIRST lacks: 00:02:20 to 00:02:27


def record(seed: int) -> np.ndarray:
    """Noise around an offset, with a louder second in five."""
    rng = np.random.default_rng(seed)
    windows = 300 * rng.standard_normal((N_SECONDS, RATE))
    windows[::5] *= rng.uniform(2, 30, (len(windows[::5]), 1))
    return (windows.ravel() + 40_000).astype("int32")


def waveforms(folder: Path, seed: int = 0) -> Path:
    """Write and ingest six minutes before midnight and six after."""
    samples = record(seed)
    start = parse_time(START)
    pieces = {FIRST: [slice(0, GAP.start), slice(GAP.stop, None)], SECOND: [slice(0, None)]}
    for station, parts in pieces.items():
        with whole_file(folder / "raw" / station) as file:
            for part in parts:
                first = part.start * RATE
                last = None if part.stop is None else part.stop * RATE
                writer = MiniSeedWriter(file, station, RATE)
                writer.append(start + part.start * 10**9, samples[first:last])
    return ingest([folder / "raw"], folder / "waveforms.zarr")


def label(source: Path, output: Path, **options: Any) -> Path:
    asked = {"method": "reference", "waveforms": source, "labels": output, **options}
    return made(LabelStage(LabelStage.Config.build(asked))).path


def station_hour(
    label: np.ndarray, *, rate_hz: int = 20, seed: int = 0, **more: Any
) -> StationHour:
    """Noise with such labels: NaN samples and features where there are no data."""
    rng = np.random.default_rng(seed)
    n = len(label)
    samples = 100 * rng.standard_normal((n, rate_hz))
    samples[np.isin(label, [Label.NO_DATA, Label.NOT_RUN])] = np.nan
    has_class = label <= Label.NOT_RANDOM_NOISE
    features = {
        "deviation": np.where(has_class, rng.lognormal(3, 1, n), np.nan),
        "median_cc": np.where(has_class, rng.normal(0.2, 0.02, n), np.nan),
    }
    return StationHour(
        **{
            "station": FIRST,
            "start_ns": parse_time("2014-05-29T10"),
            "rate_hz": rate_hz,
            "method": "reference",
            "samples": samples.ravel(),
            "label": label,
            "features": features,
            **more,
        }
    )


def some_labels(n: int = 3600) -> np.ndarray:
    """Half random noise, a third mixed, the rest not random noise, in a regular order."""
    return np.array([0, 0, 0, 1, 1, 2], dtype=np.uint8)[np.arange(n) % 6]
