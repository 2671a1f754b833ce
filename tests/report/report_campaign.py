"""A small campaign on the disk: scores, a catalogue with figures, a model's document."""

import json
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from seisflow.archive.products import FORMAT_VERSIONS, Identity, Product
from seisflow.archive.receipts import FAILED, Receipt, TaskPlan, documents_of, write_receipt
from seisflow.archive.schema import station_arrays
from seisflow.archive.store import consolidate, create_product, write_shards
from seisflow.core.classes import ScoreState
from seisflow.core.grid import Span, parse_time
from seisflow.core.stations import Coordinates
from seisflow.stages.detect.catalog import write_catalog
from seisflow.stages.detect.event import Detection
from seisflow.stages.detect.records import Found
from seisflow.stages.infer.layout import score_arrays

START = parse_time("2014-05-29T10:00")
SPAN = Span(START, START + 2 * 3600 * 10**9)
STATIONS = ("XX.AAA..HHZ", "XX.BBB..HHZ", "XX.CCC..HHZ", "XX.DDD..HHZ")
PLACES = tuple(Coordinates(-116.6 + 0.01 * k, 33.5 + 0.01 * (k % 2), 0.0) for k in range(4))
CLASSES = ("earthquake", "random_noise", "not_random_noise")
HOUR_S = 3600


def product(kind: str, stage: str, **config: Any) -> Product:
    identity = Identity(kind, stage, config, {}, FORMAT_VERSIONS[kind])
    return Product(identity, SPAN, Fraction(100), 2 * HOUR_S, 4)


def plan(*tasks: str) -> TaskPlan:
    return TaskPlan(tasks, "array-hours", 400_000_000, 10, 10, 1)


def receipt(task: str, **more: Any) -> Receipt:
    values = {
        "started": "2026-01-01T00:00:00+00:00",
        "wall_s": 90.0,
        "cpu_s": 1800.0,
        "peak_memory_bytes": 312_000_000,
        "read_bytes": 5_000_000,
        "written_bytes": 7000,
        "counts": {"events": 2},
    }
    return Receipt(task, **{**values, **more})


def scores(path: Path, state: np.ndarray, probability: np.ndarray) -> Path:
    """Write SCORES of `STATIONS` over two hours."""
    made = product("SCORES", "infer")
    arrays = tuple(score_arrays(made, STATIONS, PLACES, CLASSES))
    create_product(path, made, arrays, "scores", documents_of(plan("first")))
    write_shards(path, "state", (0, 0), state)
    write_shards(path, "probability", (0, 0), probability)
    write_receipt(path, made.identity.key, receipt("first"))
    consolidate(path)
    return path


def some_scores(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """States of all kinds, and probabilities where they are ready."""
    rng = np.random.default_rng(seed)
    shape = (len(STATIONS), 2 * HOUR_S)
    state = rng.choice(np.array(list(ScoreState), np.uint8), shape, p=[0.85, 0.05, 0.05, 0.05])
    probability = rng.dirichlet([1, 4, 2], shape).astype(np.float32)
    probability[state != ScoreState.READY] = np.nan
    return state, probability


def catalog(
    path: Path, events: Sequence[Detection], problems: Sequence[str] = (), *, failed: str = ""
) -> Path:
    """Write a CATALOG of two tasks, one of which may have failed with a reason."""
    made = product("CATALOG", "detect", min_nodes=10, threshold=0.6461, select=[])
    documents = documents_of(plan("first", "second"), problems=problems)
    create_product(path, made, tuple(station_arrays(STATIONS, PLACES)), "detections", documents)
    key = made.identity.key
    write_receipt(path, key, receipt("first"))
    state = {"state": FAILED, "reason": failed} if failed else {}
    write_receipt(path, key, receipt("second", started="2026-01-01T00:10:00+00:00", **state))
    nodes = np.full(len(STATIONS), 0.9, np.float32)
    write_catalog(path, [Found(e.time_ns, e, nodes) for e in events])
    consolidate(path)
    return path


def rename(path: Path, *names: str) -> Path:
    """Give the events of a catalogue names that its own writer would refuse."""
    zarr.open_group(path)["event"][...] = np.array(names, dtype=object)  # type: ignore[index]
    return path


def model(folder: Path, **more: Any) -> Path:
    """Write the document of a model; no weights."""
    scores_of = {"precision": 0.9125, "recall": 0.875, "f1": 0.8935, "support": 1255}
    point = {
        "asked_false_positive_rate": 0.0015,
        "false_positive_rate": 0.0012,
        "threshold": 0.6461,
        "recall": 0.9976,
        "recall_interval": [0.993, None],
    }
    document = {
        "network": {"name": "compact"},
        "rate_hz": 500,
        "key": "616bf550a7f8f2a193279d67977b68f1",
        "metrics": {
            "best_epoch": {"epoch": 5},
            "test": {
                "classes": {name: scores_of for name in CLASSES},
                "accuracy": 0.9838,
                "macro_f1": None,
                "operating_point": point,
            },
        },
        **more,
    }
    folder.mkdir(parents=True)
    (folder / "model.json").write_text(json.dumps(document))
    return folder


def comparison(path: Path, **more: Any) -> Path:
    """Write a comparison with scalars, rows, a mapping and a mapping of mappings."""
    content = {
        "tolerance_s": 2.0,
        "matched": 12345,
        "recall_interval": [0.52, 0.96],
        "by_magnitude": [{"band": "0 to 1", "n": 5, "recall": 0.6}, {"band": "1+", "low": None}],
        "span": {"start": "2014-05-29T00:00:00Z", "complete": True},
        "baselines": {"sta_lta": {"matched": 10}, "mb18": {"matched": 11, "new": 20}},
        **more,
    }
    path.write_text(json.dumps(content))
    return path
