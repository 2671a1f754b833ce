"""Waveforms with planted bursts, any labels, and arrivals; no labelling and no cluster."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from small_archive import ingest as ingest_files
from stages import Begun

from seisflow.archive.receipts import Receipt, write_receipt
from seisflow.archive.store import write_shards
from seisflow.core.classes import Label
from seisflow.core.files import whole_file
from seisflow.core.grid import NS_PER_S, format_time, parse_time
from seisflow.formats.writing import MiniSeedWriter
from seisflow.stages.label.stage import Label as LabelStage
from seisflow.stages.wavelets.choosing import Assembly, choose
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.inputs import identify
from seisflow.stages.wavelets.preparing import Preparation, prepare
from seisflow.stages.wavelets.scan import Candidates, scan
from seisflow.stages.wavelets.stage import Assemble, plan_of

RATE = 50
START = "2020-01-01T10:00:00"
START_NS = parse_time(START)
N_S = 7200
STATIONS = tuple(f"XX.S{i}..HHZ" for i in range(6))
GAP = slice(3000, 3007)
"""Seconds of the second station that are missing."""


@dataclass(frozen=True)
class Sources:
    """What examples are made from."""

    waveforms: Path
    labels: Path | None
    arrivals: Path | None
    events: Path | None = None

    def asked(self, output: Path | None = None, **options: Any) -> AssembleConfig:
        """Return the configuration; without `output` nothing is to be written."""
        output = output or self.waveforms.parent / "unwritten.zarr"
        return AssembleConfig.build({**vars(self), "wavelets": output, **options})


NOWHERE = Sources(Path("waveforms.zarr"), Path("labels.zarr"), Path("picks.csv"))
"""What numbers are asked with where nothing is read."""


@dataclass(frozen=True)
class Scene:
    """Two hours of six stations, their labels, and the picks of the bursts in them."""

    folder: Path

    @property
    def sources(self) -> Sources:
        names = ("waveforms.zarr", "labels.zarr", "picks.csv")
        return Sources(*[self.folder / name for name in names])


def onsets() -> list[tuple[str, int, str, int, float]]:
    """Event, station, phase, time in ns and amplitude of every planted arrival."""
    rng = np.random.default_rng(8)
    rows = []
    for k in range(28):
        at_s = 40 + k * 252 + rng.uniform(0, 20)
        size = 10 ** rng.uniform(1.2, 3.5)
        for i in range(len(STATIONS)):
            p_ns = START_NS + round((at_s + 0.31 * i) * NS_PER_S)
            rows.append((f"e{k:02d}", i, "P", p_ns, size))
            rows.append((f"e{k:02d}", i, "S", p_ns + 3 * NS_PER_S, size))
    return rows


def record(i: int) -> np.ndarray:
    """Noise of a station with a decaying burst at every arrival."""
    rng = np.random.default_rng(100 + i)
    samples = 100 * rng.standard_normal(N_S * RATE)
    for _, station, _, time_ns, size in onsets():
        first = -(-(time_ns - START_NS) * RATE // NS_PER_S)
        if station == i and first < len(samples):
            t = np.arange(min(10 * RATE, len(samples) - first)) / RATE
            samples[first : first + len(t)] += size * np.exp(-t) * np.sin(50 * t)
    return (samples + 2000).astype("int32")


def labels_of(i: int) -> np.ndarray:
    """Runs of all labels, of random lengths."""
    rng = np.random.default_rng(200 + i)
    lengths = rng.integers(1, 15, N_S)
    codes = rng.choice([*Label][:5], N_S, p=[0.45, 0.1, 0.43, 0.01, 0.01])
    return np.repeat(codes, lengths)[:N_S].astype("uint8")


def make_scene(folder: Path) -> Scene:
    """Write waveforms, labels and picks."""
    for i, station in enumerate(STATIONS):
        counts = record(i)
        runs = [(0, counts)]
        if i == 1:
            runs = [(0, counts[: GAP.start * RATE]), (GAP.stop, counts[GAP.stop * RATE :])]
        with whole_file(folder / "raw" / station) as file:
            for first_s, values in runs:
                MiniSeedWriter(file, station, RATE).append(START_NS + first_s * NS_PER_S, values)
    table = "".join(f"XX,S{i},{33.5 + 0.01 * i},-116.5\n" for i in range(len(STATIONS)))
    (folder / "stations.csv").write_text(f"network,station,lat,lon\n{table}")
    ingest(folder)
    make_labels(folder, [labels_of(i) for i in range(len(STATIONS))])
    write_picks(folder / "picks.csv", [row[:4] for row in onsets()])
    return Scene(folder)


def ingest(folder: Path, **options: Any) -> None:
    options = {"stations": str(folder / "stations.csv"), **options}
    ingest_files([folder / "raw"], folder / "waveforms.zarr", **options)


def make_labels(folder: Path, labels: Sequence[np.ndarray], name: str = "labels.zarr") -> Path:
    """Write LABELS with these labels, as if they had been found."""
    asked = {"waveforms": folder / "waveforms.zarr", "labels": folder / name, "block": 2}
    work = Begun(LabelStage(LabelStage.Config.build(asked))).work
    for task in work.tasks:
        rows = np.stack(labels[task.first : task.first + len(task.rows)])
        write_shards(work.path, "label", (task.first, task.start_s), rows)
        write_receipt(work.path, work.key, Receipt(task.name))
    return work.path


def picks_of_four_events() -> list[tuple[str, int, str, int]]:
    """Two events at all stations and two at one: by events, two splits are short of windows."""
    names = sorted({row[0] for row in onsets()})
    alone = {names[12], names[20]}
    return [r[:4] for r in onsets() if r[0] in names[:2] or (r[0] in alone and r[1] == 0)]


def write_picks(path: Path, rows: Sequence[tuple[str, int, str, int]]) -> None:
    lines = [f"{e},XX.S{i}..HHE,{phase},{format_time(t)}\n" for e, i, phase, t in rows]
    path.write_text("event,station,phase,time\n" + "".join(lines))


def prepared(sources: Sources, block: int | None = None, **options: Any) -> Preparation:
    config = sources.asked(**options)
    return prepare(config, identify(config), block)


def chosen_of(ready: Preparation, *, backward: bool = False) -> Assembly:
    """Scan the tasks in one order or the other, and choose."""
    tasks = ready.tasks[::-1] if backward else ready.tasks
    found = Candidates.joined([scan(ready.shared, task) for task in tasks])
    return choose(ready.survey, found)


def chosen(
    sources: Sources, block: int | None = None, *, backward: bool = False, **options: Any
) -> Assembly:
    """Do what the stage does before it writes."""
    return chosen_of(prepared(sources, block, **options), backward=backward)


def begun(sources: Sources, output: Path, **options: Any) -> Begun:
    """Plan and create."""
    return Begun(Assemble(sources.asked(output, **options)))


def assemble(sources: Sources, output: Path, **options: Any) -> dict[str, np.ndarray]:
    """Do all that the stage does; return the arrays."""
    made = begun(sources, output, **options)
    made.run_all()
    made.finish()
    return arrays(output)


def assemble_otherwise(sources: Sources, output: Path, block: int) -> None:
    """Assemble with other scan tasks, and all tasks from the last to the first."""
    config = sources.asked(output)
    ready = prepare(config, identify(config), block)
    made = Begun(Assemble(config), plan_of(ready, chosen_of(ready, backward=True)))
    made.run_all(backward=True)
    made.finish()


def arrays(path: Path) -> dict[str, np.ndarray]:
    group = zarr.open_group(path, mode="r")
    return {name: np.asarray(array[...]) for name, array in group.arrays()}
