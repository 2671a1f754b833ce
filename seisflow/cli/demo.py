"""``seisflow demo``: the whole mission on a small synthetic array with known truth."""

from typing import Annotated

import numpy as np
import typer
import xarray as xr
from upath import UPath

from seisflow.archive.opening import open_product
from seisflow.cli.campaign import run
from seisflow.cli.options import WorkersOption, a_path
from seisflow.cli.synth import synth
from seisflow.console import ERRORS, table
from seisflow.core.files import AnyPath
from seisflow.stages.label.agreement import AgreementRow, agreement
from seisflow.stages.report.figures.demo import draw_overview

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


DEMO = UPath("seisflow-demo")


def demo(
    output: Annotated[
        UPath, typer.Argument(metavar="OUT", help="The folder to write.", parser=a_path)
    ] = DEMO,
    nodes: Annotated[int, typer.Option(help="Number of nodes.")] = 16,
    hours: Annotated[float, typer.Option(help="Length of the record in hours.")] = 3.0,
    rate: Annotated[int, typer.Option(help="Samples per second.")] = 100,
    epochs: Annotated[int, typer.Option(help="Epochs of the training.")] = 12,
    workers: WorkersOption = None,
) -> None:
    """Do the whole mission on a small synthetic array: from miniSEED to a catalogue and its page.

    Makes the array, writes a campaign file beside it and runs it: ingests, labels, assembles
    wavelets, trains a small network, classifies every second, detects earthquakes, compares them
    with what was planted, and ends with the name of a page that shows all of it.
    """
    scene = output / "scene"
    synth(
        scene,
        nodes=nodes,
        hours=hours,
        rate=rate,
        earthquakes=30.0,
        dead=0.1,
        gaps=6.0,
        workers=workers,
    )
    file = output / "campaign.toml"
    text = CAMPAIGN.format(nodes=max(3, nodes // 2), epochs=epochs)
    file.write_text(text if workers is None else f"{text}workers = {workers}\n")
    run(file)
    waveforms, labels = output / "waveforms.zarr", output / "labels.zarr"
    show_labels(labels, waveforms, scene / "truth.zarr", output / "labels.png")
    ERRORS.print(f"type 'seisflow run {file}' to do it again, in part or otherwise")
    page = output / "page.html"
    ERRORS.print(f"open the products with seisflow.open({str(labels)!r}); the page is {page}")


def show_labels(labels: AnyPath, waveforms: AnyPath, truth: AnyPath, picture: AnyPath) -> None:
    """Compare labels with what was planted, in a table and a picture."""
    opened = open_product(labels)
    rows = compare(opened, open_product(truth))
    head = ["truth", "seconds", "random noise", "mixed", "not random noise"]
    shown = [[r.truth, r.n_seconds, *(f"{s:.1%}" for s in r.shares)] for r in rows]
    table("labels against planted truth", shown, head)
    station = str(opened.station.values[0])
    draw_overview(opened.load(), open_product(waveforms, raw=True).load(), station, rows, picture)
    ERRORS.print(f"look at {picture}")


def compare(labels: xr.Dataset, truth: xr.Dataset) -> list[AgreementRow]:
    """Compare LABELS with TRUTH of the same stations and seconds."""
    values = truth.kind.attrs
    names = values["flag_meanings"].split()
    kinds = dict(zip(values["flag_values"], names, strict=True))
    same = truth.sel(station=labels.station, second=labels.second)
    planted = set(np.unique(same.kind.values).tolist()) - {0, 255}
    named = {code: name for code, name in kinds.items() if code in planted}
    return agreement(labels.label.values, same.amplitude_ratio.values, same.kind.values, named)
