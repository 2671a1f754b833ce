"""The synth stage: a scene becomes miniSEED files, station tables, and TRUTH.

Layout of the output folder::

    waveforms/NET/STA/NET.STA.LOC.CHA.YYYY.DDD.mseed   what ingest reads
    stations.xml  stations.csv                         where the nodes stand
    truth.zarr                                         kind and amplitude ratio of every second
    events.csv  arrivals.csv  sources.csv  gaps.csv    what was planted, and when
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from fractions import Fraction
from typing import Any

import numpy as np

from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, ArraySpec, Identity, Product
from seisflow.archive.receipts import TaskPlan, documents_of
from seisflow.archive.schema import second_array, station_arrays
from seisflow.archive.store import (
    consolidate,
    create_product,
    storage_errors,
    sweep_partial,
    write_shards,
)
from seisflow.archive.work import Done, Progress
from seisflow.core.classes import flag_attributes
from seisflow.core.files import AnyPath, whole_file
from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S, format_time
from seisflow.core.reporting import SILENT, Reporter
from seisflow.dsp.filters import valid_runs
from seisflow.engine.stage import Plan, Runner, Stage
from seisflow.formats.writing import MiniSeedWriter, write_csv, write_stationxml
from seisflow.stages.synth import truth
from seisflow.stages.synth.config import SynthConfig
from seisflow.stages.synth.scene import Scene, build_scene
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.sources import SourceKind
from seisflow.stages.synth.waves import NodeRecord, iter_node_waveform

__all__ = ["Synth", "SynthPlan", "SynthTask"]

PROCESS_BYTES = 230_000_000
NOT_RUN = 255


@dataclass(frozen=True)
class SynthTask:
    """One node and one shard of time, in samples of the scene and seconds of TRUTH."""

    name: str
    node: int
    first_sample: int
    n_samples: int
    start_s: int
    stop_s: int

    @property
    def station_s(self) -> int:
        """Seconds of one station's record in it."""
        return self.stop_s - self.start_s


@dataclass(frozen=True, kw_only=True)
class SynthPlan(Plan[SynthTask]):
    """A scene to be made."""

    scene: Scene


@dataclass(frozen=True)
class Job:
    """What every task of one scene shares."""

    output: AnyPath
    config: SceneConfig
    product: Product


class Synth(Stage[SynthConfig, SynthTask, SynthPlan]):
    """A scene becomes files and TRUTH, a node and a day at a time."""

    name = "synth"
    Config = SynthConfig
    reads, writes = ("scene",), "TRUTH"

    @property
    def output(self) -> AnyPath:
        """TRUTH, in the folder of the scene."""
        return self.config.scene / "truth.zarr"

    def check(self) -> None:
        """Refuse a scene that cannot be made, and another one in that folder.

        Raises
        ------
        ConfigError
            It cannot, or another one stands there.
        """
        self.refuse_other(self.plan())

    def plan(self, runner: Runner | None = None, reporter: Reporter = SILENT) -> SynthPlan:
        """Lay out a scene."""
        config = self.config.scene_config()
        scene = build_scene(config)
        product = _product(config, scene)
        tasks = tuple(_tasks(scene, product))
        return SynthPlan(
            product=product,
            tasks=tasks,
            job=Job(self.config.scene, config, product),
            needs=_needs(scene, product, tasks),
            details={"output": str(self.config.scene)},  # the files, not only their truth
            scene=scene,
        )

    def create(self, plan: SynthPlan) -> None:
        """Write the station tables and the list of events, and create the empty TRUTH.

        Raises
        ------
        ConfigError
            Something else stands there.
        """
        if not self.refuse_other(plan):
            with storage_errors(self.config.scene):
                _begin(self.config.scene, plan)

    @staticmethod
    def run(job: Job, task: SynthTask) -> Done:
        """Make one node and one shard of time: a miniSEED file and two shards of TRUTH."""
        return write_node(job, task)

    def finish(self, plan: SynthPlan) -> None:
        """Write the tables that have a row for every station, then consolidate TRUTH."""
        write_tables(self.config.scene, plan.scene)
        sweep_partial(self.config.scene / "waveforms")
        sweep_partial(self.output)
        consolidate(self.output)

    def summary(self, plan: SynthPlan, progress: Progress) -> dict[str, Any]:
        """Return the folder, and the seconds of each kind of source."""
        return {"folder": str(self.config.scene), **progress.counts}


def _product(config: SceneConfig, scene: Scene) -> Product:
    identity = Identity(
        "TRUTH", "synth", asdict(config), {}, FORMAT_VERSIONS["TRUTH"], RESULT_VERSIONS["synth"]
    )
    span = scene.span.widened(HOUR_NS)
    if span.start_ns // DAY_NS != (span.end_ns - 1) // DAY_NS:
        span = span.widened(DAY_NS)
    shard_s = int(min(DAY_NS, span.end_ns - span.start_ns) // NS_PER_S)
    return Product(identity, span, Fraction(config.rate_hz), shard_s, 1)


def _needs(scene: Scene, product: Product, tasks: tuple[SynthTask, ...]) -> TaskPlan:
    n_samples = scene.n_samples * len(scene.nodes)
    shard_s = product.shard_s
    return TaskPlan(
        tasks=tuple(t.name for t in tasks),
        unit="node-days" if shard_s * NS_PER_S == DAY_NS else "nodes",
        memory_bytes=PROCESS_BYTES + 60 * 3600 * int(product.rate) + 8 * shard_s,
        read_bytes=0,
        write_bytes=int(1.4 * n_samples),
        n_files=3 * len(tasks),
    )


def _tasks(scene: Scene, product: Product) -> Iterator[SynthTask]:
    for node in range(len(scene.nodes)):
        for start_s in range(0, product.n_seconds, product.shard_s):
            stop_s = min(start_s + product.shard_s, product.n_seconds)
            shard_ns = product.span.start_ns + start_s * NS_PER_S
            first = max(0, scene.first_at_or_after(shard_ns))
            last = min(
                scene.n_samples, scene.first_at_or_after(shard_ns + (stop_s - start_s) * NS_PER_S)
            )
            name = f"{scene.nodes[node].station}@{format_time(shard_ns)}"
            yield SynthTask(name, node, first, max(0, last - first), start_s, stop_s)


def _begin(output: AnyPath, p: SynthPlan) -> None:
    """Write what does not depend on any task; TRUTH comes last and says that all is there."""
    places = {node.station: node.coordinates for node in p.scene.nodes}
    write_stationxml(output / "stations.xml", places, "seisflow synth")
    head = ("network", "station", "location", "channel")
    rows = [
        dict(zip(head, name.split("."), strict=True)) | asdict(place)
        for name, place in places.items()
    ]
    write_csv(output / "stations.csv", list(rows[0]), rows)
    events = truth.events(p.scene, p.scene.span)
    write_csv(output / "events.csv", list(truth.EventRow.__annotations__), events)
    sources = truth.sources(p.scene, p.scene.span)
    write_csv(output / "sources.csv", list(truth.SourceRow.__annotations__), sources)
    arrays = tuple(_arrays(p))
    create_product(output / "truth.zarr", p.product, arrays, "planted truth", documents_of(p.needs))


def _arrays(p: SynthPlan) -> Iterator[ArraySpec]:
    nodes, product = p.scene.nodes, p.product
    shape, shards = (len(nodes), product.n_seconds), (1, product.shard_s)
    dims = ("station", "second")
    attrs = {
        "long_name": "strongest planted source of each second; 255 gap, dead or not run",
        **flag_attributes(SourceKind),
    }
    yield ArraySpec("kind", dims, shape, "uint8", NOT_RUN, shards, shards, attrs)
    attrs = {"units": "1", "long_name": "rms of all planted signal over rms of the noise"}
    yield ArraySpec("amplitude_ratio", dims, shape, "float32", float("nan"), shards, shards, attrs)
    yield from station_arrays([n.station for n in nodes], [n.coordinates for n in nodes])
    yield second_array(product)


def write_node(job: Job, task: SynthTask) -> Done:
    """Do what `Synth.run` says."""
    output, config, product = job.output, job.config, job.product
    scene = build_scene(config)
    n_seconds = task.stop_s - task.start_s
    kind = np.full(n_seconds, NOT_RUN, np.uint8)
    ratio = np.full(n_seconds, np.nan, np.float32)
    ahead_s = (scene.span.start_ns - product.span.start_ns) // NS_PER_S - task.start_s
    n_present = 0
    with storage_errors(output), whole_file(_path_of(output, scene, task)) as file:
        writer = MiniSeedWriter(file, scene.nodes[task.node].station, config.rate_hz)
        for record in iter_node_waveform(scene, task.node, task.first_sample, task.n_samples):
            n_present += _append(writer, scene, record)
            at = slice(
                ahead_s + record.first_second, ahead_s + record.first_second + len(record.kind)
            )
            kind[at], ratio[at] = record.kind, record.amplitude_ratio
        written = file.tell()
    target = output / "truth.zarr"
    written += write_shards(target, "kind", (task.node, task.start_s), kind[None])
    written += write_shards(target, "amplitude_ratio", (task.node, task.start_s), ratio[None])
    counts = {f"seconds_{k.name.lower()}": int((kind == k).sum()) for k in SourceKind}
    return Done({"samples": n_present, **counts}, written_bytes=written)


def _path_of(output: AnyPath, scene: Scene, task: SynthTask) -> AnyPath:
    station = scene.nodes[task.node].station
    network, code, _, _ = station.split(".")
    day = datetime.fromtimestamp(scene.time_of(task.first_sample) // NS_PER_S, UTC)
    return output / "waveforms" / network / code / f"{station}.{day:%Y.%j}.mseed"


def _append(writer: MiniSeedWriter, scene: Scene, record: NodeRecord) -> int:
    for start, stop in valid_runs(record.present):
        time_ns = scene.time_of(record.first_sample + int(start))
        writer.append(time_ns, record.counts[start:stop])
    return int(record.present.sum())


def write_tables(output: AnyPath, scene: Scene) -> None:
    """Write arrivals, spikes and gaps of all nodes."""
    # day by day: the sources of a day are made once for all nodes
    parts = [(node, day) for day in scene.span.split(DAY_NS) for node in range(len(scene.nodes))]
    arrivals = (row for node, day in parts for row in truth.arrivals(scene, node, day))
    spikes = (row for node, day in parts for row in truth.spikes(scene, node, day))
    gaps = [row for node, day in parts for row in truth.gaps(scene, node, day)]
    gaps += truth.dead_nodes(scene, scene.span)
    with storage_errors(output):
        write_csv(output / "arrivals.csv", list(truth.ArrivalRow.__annotations__), arrivals)
        write_csv(output / "spikes.csv", list(truth.SourceRow.__annotations__), spikes)
        write_csv(output / "gaps.csv", list(truth.GapRow.__annotations__), gaps)
