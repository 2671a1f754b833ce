"""The whole mission on a small synthetic array with known truth."""

import numpy as np
import xarray as xr

from seisflow.archive.opening import open_product
from seisflow.campaign.reading import read_campaign
from seisflow.campaign.running import CampaignResult, run_campaign
from seisflow.core.files import AnyPath
from seisflow.core.reporting import Reporter
from seisflow.engine.announcing import tell_result
from seisflow.registry import perform, stage_of
from seisflow.stages.label.agreement import AgreementRow, agreement
from seisflow.stages.report.figures.demo import draw_overview

__all__ = ["make_demo"]

CAMPAIGN = """\
folder = "."

[ingest]
raw = ["scene/waveforms"]
stations = "scene/stations.xml"

[label]

[assemble]
arrivals = "scene/arrivals.csv"
events = "scene/events.csv"
split = "events"

[train]
epochs = {epochs}
batch-size = 32
learning-rate = 0.004

[infer]

[detect]
min-nodes = {nodes}
threshold = 0.8  # so small a set shows no rate of false positives

[compare]
reference = "scene/events.csv"
arrivals = "scene/arrivals.csv"
baselines = true

[report]
title = "A synthetic array"

[cluster]
profile = "local"
"""


def make_demo(
    output: AnyPath,
    reporter: Reporter,
    *,
    nodes: int = 16,
    hours: float = 3.0,
    rate: int = 100,
    epochs: int = 12,
    workers: int | None = None,
) -> CampaignResult:
    """Make an array, run a campaign of it, and compare its labels with what was planted.

    Parameters
    ----------
    output : path
        The folder to write.
    reporter : Reporter
        Who is told.
    nodes : int
        Stations of the array.
    hours : float
        Length of the record.
    rate : int
        Samples per second.
    epochs : int
        Of the training.
    workers : int, optional
        Worker processes; all cores by default.

    Raises
    ------
    IncompleteError
        A stage is incomplete.
    """
    scene = output / "scene"
    planted = {"earthquakes": 30.0, "dead": 0.1, "gaps": 6.0}
    size = {"scene": scene, "nodes": nodes, "hours": hours, "rate": rate}
    synth = stage_of("synth")
    made = perform(synth(synth.Config.build(size | planted)), "local", workers, reporter)
    tell_result(made.refuse_incomplete(), reporter)
    file = output / "campaign.toml"
    text = CAMPAIGN.format(nodes=max(3, nodes // 2), epochs=epochs)
    file.write_text(text if workers is None else f"{text}workers = {workers}\n")
    result = run_campaign(read_campaign(file), reporter=reporter).refuse_incomplete()
    labels, picture = result["label"].path, output / "labels.png"
    rows = draw_labels(labels, result["ingest"].path, scene / "truth.zarr", picture)
    head = ["truth", "seconds", "random noise", "mixed", "not random noise"]
    shown = [[r.truth, r.n_seconds, *(f"{s:.1%}" for s in r.shares)] for r in rows]
    reporter.table("labels against planted truth", shown, head)
    reporter.say(f"written: {picture}")
    reporter.say(f"type 'seisflow run {file}' to do it again, in part or otherwise")
    page = result["report"].path
    reporter.say(f"open the products with seisflow.open({str(labels)!r}); the page is {page}")
    return result


def draw_labels(
    labels: AnyPath, waveforms: AnyPath, truth: AnyPath, picture: AnyPath
) -> list[AgreementRow]:
    """Compare labels with what was planted, and draw both."""
    opened = open_product(labels)
    rows = compare(opened, open_product(truth))
    station = str(opened.station.values[0])
    draw_overview(opened.load(), open_product(waveforms, raw=True).load(), station, rows, picture)
    return rows


def compare(labels: xr.Dataset, truth: xr.Dataset) -> list[AgreementRow]:
    """Compare LABELS with TRUTH of the same stations and seconds."""
    values = truth.kind.attrs
    names = values["flag_meanings"].split()
    kinds = dict(zip(values["flag_values"], names, strict=True))
    same = truth.sel(station=labels.station, second=labels.second)
    planted = set(np.unique(same.kind.values).tolist()) - {0, 255}
    named = {code: name for code, name in kinds.items() if code in planted}
    return agreement(labels.label.values, same.amplitude_ratio.values, same.kind.values, named)
