"""``seisflow demo``: the whole way on a small synthetic array with known truth."""

from pathlib import Path
from typing import Annotated

import typer
import xarray as xr

from seisflow.archive.opening import open_product
from seisflow.cli.console import ERRORS, table
from seisflow.cli.ingest import ingest
from seisflow.cli.label import label
from seisflow.cli.options import WorkersOption
from seisflow.cli.synth import synth
from seisflow.label.agreement import AgreementRow, agreement
from seisflow.report.labels import draw_overview


def demo(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="The folder to write.")] = Path(
        "seisflow-demo"
    ),
    nodes: Annotated[int, typer.Option(help="Number of nodes.")] = 12,
    hours: Annotated[float, typer.Option(help="Length of the record in hours.")] = 2.0,
    rate: Annotated[int, typer.Option(help="Samples per second.")] = 100,
    workers: WorkersOption = None,
) -> None:
    """Make a small synthetic array, ingest it, label it, and compare with its truth.

    Ends with a table of labels against planted truth and the name of the picture it drew.
    """
    scene, waveforms, labels = output / "scene", output / "waveforms.zarr", output / "labels.zarr"
    synth(scene, nodes=nodes, hours=hours, rate=rate, dead=0.1, gaps=6.0, workers=workers)
    raw = str(scene / "waveforms")
    ingest([raw, str(waveforms)], stations=str(scene / "stations.xml"), workers=workers)
    label(waveforms, labels, workers=workers)
    opened, truth = open_product(labels), open_product(scene / "truth.zarr")
    rows = compare(opened, truth)
    head = ["truth", "seconds", "random noise", "mixed", "not random noise"]
    shown = [[r.truth, r.n_seconds, *(f"{s:.1%}" for s in r.shares)] for r in rows]
    table("labels against planted truth", shown, head)
    picture = output / "labels.png"
    station = str(opened.station.values[0])
    draw_overview(opened.load(), open_product(waveforms).load(), station, rows, picture)
    ERRORS.print(f"look at {picture}; open the products with seisflow.open({str(labels)!r})")


def compare(labels: xr.Dataset, truth: xr.Dataset) -> list[AgreementRow]:
    """Compare LABELS with TRUTH of the same stations and seconds."""
    values = truth.kind.attrs
    names = values["flag_meanings"].split()
    kinds = dict(zip(values["flag_values"], names, strict=True))
    named = {code: name for code, name in kinds.items() if code not in (0, 255)}
    same = truth.sel(station=labels.station, second=labels.second)
    return agreement(labels.label.values, same.amplitude_ratio.values, same.kind.values, named)
