"""One small product of every kind, in the layouts of the stages, with values that are not alike."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import small_archive
import zarr

from seisflow.archive.products import FORMAT_VERSIONS, ArraySpec, Identity, Product
from seisflow.archive.receipts import TaskPlan, documents_of
from seisflow.archive.schema import station_arrays
from seisflow.archive.store import consolidate, create_product, write_shards
from seisflow.core.grid import HOUR_NS, Span, parse_time
from seisflow.core.stations import Coordinates
from seisflow.stages.detect.catalog import write_catalog
from seisflow.stages.detect.event import Detection, Pick
from seisflow.stages.detect.records import Found
from seisflow.stages.infer.layout import score_arrays
from seisflow.stages.label.layout import label_arrays
from seisflow.stages.synth import stage as synth
from seisflow.stages.wavelets.layout import Examples, wavelet_arrays

KINDS = ("TRUTH", "WAVEFORMS", "LABELS", "WAVELETS", "SCORES", "CATALOG")
STATIONS = ("XX.AAA..HHE", "XX.AAA..HHZ", "XX.BBB..HHZ", "YY.CCC.00.HHZ")
PLACES = tuple(Coordinates(-116.6 + 0.01 * k, 33.5, 0.0) for k in range(4))
START = parse_time("2020-01-01T10:00")
RATE = 20
LARGE = 2**30 + 1
"""A count that float32 does not hold."""
LOWEST = -(2**31)
"""The fill value, and what a recorder can be at."""
GAP = slice(100 * RATE + 3, 130 * RATE)
AT_LOWEST = 50 * RATE + 7


def make(kind: str, folder: Path) -> Path:
    """Write the product of a kind into a folder of its own; return its path."""
    folder.mkdir()
    if kind == "WAVEFORMS":
        return waveforms(folder)
    if kind == "CATALOG":
        return catalog(folder / "catalog")
    arrays = {"TRUTH": truth, "LABELS": labels, "WAVELETS": wavelets, "SCORES": scores}[kind]
    return filled(folder / "p.zarr", *arrays())


def record(n_seconds: int = 300) -> np.ndarray:
    """Integers of which some are large, and one is the fill value."""
    values = noise(n_seconds)
    values[[5, 77]] = LARGE, -LARGE
    values[AT_LOWEST] = LOWEST
    return values


def noise(n_seconds: int = 300) -> np.ndarray:
    return np.random.default_rng(3).integers(-900, 900, n_seconds * RATE).astype("int32")


def waveforms(folder: Path) -> Path:
    """Two stations with `record`, one with a gap; what Steim 2 cannot hold is put in afterwards."""
    values = noise()
    start, later = "2020-01-01T10:00", "2020-01-01T10:02:10"
    runs = [(start, values[: GAP.start]), (later, values[GAP.stop :])]
    path = small_archive.waveforms(folder, {STATIONS[1]: runs, STATIONS[2]: [(start, values)]})
    array = zarr.open_array(path / "waveform", mode="r+")
    samples = array[...]
    samples[:, [5, 77, AT_LOWEST]] = LARGE, -LARGE, LOWEST
    array[...] = samples
    return path


def product(kind: str, **config: Any) -> Product:
    identity = Identity(kind, "any", config, {"waveforms": "0" * 32}, FORMAT_VERSIONS[kind])
    return Product(identity, Span(START, START + HOUR_NS), Fraction(RATE), 3600, 4)


def labels() -> tuple[Product, list[ArraySpec]]:
    made = product("LABELS", method="calibrated", parameters={"n_rounds": 2}, select=None)
    return made, list(label_arrays(made, STATIONS, PLACES))


def scores() -> tuple[Product, list[ArraySpec]]:
    made = product("SCORES")
    classes = ("earthquake", "random_noise", "not_random_noise")
    return made, list(score_arrays(made, STATIONS, PLACES, classes))


def truth() -> tuple[Product, list[ArraySpec]]:
    asked = {"scene": "s", "nodes": 2, "hours": 600 / 3600, "rate": RATE, "dead_within_s": 86_400}
    plan = synth.Synth(synth.SynthConfig.build(asked)).plan()
    return plan.product, list(synth._arrays(plan))


def wavelets() -> tuple[Product, list[ArraySpec]]:
    n = 6
    numbers = np.linspace(0.5, 3, n).astype("float32")
    codes = np.arange(n, dtype="uint8") % 3
    examples = Examples(
        station=np.array([STATIONS[k % 4] for k in range(n)], dtype=object),
        start_ns=START + np.arange(n) * 10**10 + 1,
        wavelet_class=codes,
        split=codes,
        event=np.array(["", "2014_p", "a longer name"] * 2, dtype=object),
        snr=numbers,
        distance_km=numbers,
        magnitude=np.where(codes == 1, numbers, np.nan).astype("float32"),
        arrival_s=numbers,
        origin=codes,
    )
    return product("WAVELETS", margin_s=1.0), list(wavelet_arrays(examples, 6 * RATE, RATE))


def catalog(path: Path) -> Path:
    """Two events with picks at some of the stations."""
    made = product("CATALOG", min_nodes=3)
    create_product(path, made, list(station_arrays(STATIONS, PLACES)), "some", documents_of(PLAN))
    events = []
    for k in range(2):
        time = START + (60 * k + 5) * 10**9 + 7
        picks = tuple(Pick(s, time + k, 0.01, 0.9, 0.8) for s in STATIONS[: 3 + k])
        stack = np.linspace(-1, 1, 40).astype("float32")
        number = float(k) + 0.5
        events.append(
            Detection(
                event=f"event_{k}", time_ns=time, n_nodes=3 + k, n_stations=4, needed_nodes=3,
                probability=0.9, mean_cc=0.8, stack_snr=number, back_azimuth_deg=number,
                apparent_velocity_m_s=4000.0, plane_rms_s=number, picks=picks, stack=stack,
                stack_before_s=0.5, rate_hz=RATE,
            )
        )  # fmt: skip
    nodes = np.array([0.9, np.nan, 0.8, 0.7], "float32")
    write_catalog(path, [Found(e.time_ns, e, nodes) for e in events])
    consolidate(path)
    return path


PLAN = TaskPlan(("one",), "tasks", 1, 2, 3, 4)


def filled(path: Path, made: Product, arrays: list[ArraySpec]) -> Path:
    """Create a product and write its empty arrays with numbers of some spread."""
    create_product(path, made, arrays, "some", documents_of(PLAN))
    rng = np.random.default_rng(0)
    for spec in arrays:
        if spec.values is not None:
            continue
        if spec.dtype.startswith("float"):
            values = rng.normal(0, 3, spec.shape)
            values[rng.random(spec.shape) < 0.1] = np.nan
        else:
            values = rng.choice([0, 1, 2, 253, 255] if spec.dtype == "uint8" else 99, spec.shape)
        write_shards(path, spec.name, (0,) * len(spec.shape), values.astype(spec.dtype))
    consolidate(path)
    return path
