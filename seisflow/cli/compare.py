"""``seisflow compare``."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from seisflow.archive.reading import read_column
from seisflow.archive.store import read_product, storage_errors
from seisflow.archive.work import require_complete
from seisflow.cli.console import ERRORS, print_json, progress, table
from seisflow.cli.options import JsonOption
from seisflow.cli.running import show_problems
from seisflow.compare.detectors import Baselines, n_pieces, pieces
from seisflow.compare.expected import expect_by_arrivals, expect_by_travel_time
from seisflow.compare.scoring import compare as compare_times
from seisflow.compare.summary import band_rows, detector_rows, to_json
from seisflow.core.stations import Coordinates
from seisflow.errors import ConfigError, DataError
from seisflow.formats.arrivals import read_arrivals
from seisflow.formats.references import ReferenceEvent, read_catalogue_times, read_reference

OWN = "seisflow"
HEAD = ["detector", "detections", "matched", "recall, 95 %", "missed", "new", "median residual, s"]


def compare(  # noqa: PLR0913 - every parameter is an option of the command
    catalog: Annotated[Path, typer.Argument(metavar="CATALOG", help="What detect wrote.")],
    reference: Annotated[
        Path,
        typer.Argument(metavar="REFERENCE", help="A catalogue: CSV, QuakeML, or another CATALOG."),
    ],
    tolerance: Annotated[
        float, typer.Option("--tolerance-s", help="Largest residual of a match.", min=0)
    ] = 2.0,
    arrivals: Annotated[
        Path | None,
        typer.Option(help="Table of P at stations of the array: times events by their median."),
    ] = None,
    predict: Annotated[
        str | None,
        typer.Option(help="Earth model, as iasp91: times events by predicted P at the array."),
    ] = None,
    baselines: Annotated[
        Path | None,
        typer.Option(
            metavar="WAVEFORMS.zarr",
            help="Run STA/LTA with coincidence, and the product of nine sub-array envelopes, on "
            "these records, each with about as many detections.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File to write; by default CATALOG/comparison.json."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare detections with a catalogue: matched, missed, new, with residuals.

    Detections are timed by P at the array, catalogues by the origin: --arrivals or --predict
    brings the two together. A new detection is no false alarm where the catalogue is not complete.

    Examples
    --------
    seisflow compare catalog scene/events.csv --arrivals scene/arrivals.csv

    seisflow compare catalog scedc.csv --predict iasp91 --baselines waveforms.zarr
    """
    product = read_product(catalog, "CATALOG")
    require_complete(catalog)
    events = read_reference(reference)
    show_problems(tuple(events.problems), reference)
    expected = timed(events.rows, catalog, arrivals, predict)
    times = {OWN: [event.time_ns for event in read_catalogue_times(catalog)]}
    compare_times(times[OWN], expected, tolerance, product.span)  # refuses before the long part
    if baselines is not None:
        times |= run_baselines(catalog, baselines, len(times[OWN]))
    found = {n: compare_times(t, expected, tolerance, product.span) for n, t in times.items()}
    table("compare", detector_rows(found), HEAD)
    for quantity in ("magnitude", "snr"):
        rows = band_rows(found, quantity)
        if rows:
            table("", rows, [quantity, "events", *found])
    content = to_json(found, times, expected)
    path = output or catalog / "comparison.json"
    with storage_errors(path):
        path.write_text(json.dumps(content, indent=1, allow_nan=False))
    ERRORS.print(f"look at {path}", highlight=False, markup=False, soft_wrap=True)
    if as_json:
        print_json({"product": str(path), "exit_code": 0, **content})


def timed(
    events: Sequence[ReferenceEvent], catalog: Path, arrivals: Path | None, predict: str | None
) -> list[ReferenceEvent]:
    """Return the reference with its times at the array.

    Raises
    ------
    ConfigError
        Both ways are asked for, or the array has no place.
    DataError
        No arrival belongs to an event of the reference.
    """
    if arrivals is not None and predict is not None:
        raise ConfigError("--arrivals and --predict both given; events are timed by one of them")
    if arrivals is not None:
        found = read_arrivals(arrivals)
        show_problems(tuple(found.problems), arrivals)
        expected = expect_by_arrivals(events, found.rows)
        if not expected:
            raise DataError(
                f"no P in {arrivals} belongs to one of the {len(events)} events; give the arrivals "
                "of this catalogue, with the names of its events"
            )
        return expected
    if predict is not None:
        return expect_by_travel_time(events, middle(catalog), predict)
    if any(np.isfinite(event.latitude) for event in events):
        ERRORS.print(
            "note: origin times are compared with P at the array; give --predict or --arrivals",
            highlight=False,
            soft_wrap=True,
        )
    return list(events)


def middle(catalog: Path) -> Coordinates:
    """Return the mean place of the stations of a catalogue.

    Raises
    ------
    ConfigError
        None is known.
    """
    columns = [read_column(catalog, n).astype(np.float64) for n in ("longitude", "latitude")]
    known = np.isfinite(columns[0]) & np.isfinite(columns[1])
    if not known.any():
        raise ConfigError(
            f"the stations of {catalog} have no coordinates, so nothing can be predicted at the "
            "array; give --arrivals, or ingest with --stations"
        )
    longitude, latitude = (float(c[known].mean()) for c in columns)
    return Coordinates(longitude, latitude, 0.0)


def run_baselines(catalog: Path, waveforms: Path, n_wanted: int) -> dict[str, list[int]]:
    """Run both baselines over the records; return their times."""
    longitude, latitude = (
        read_column(catalog, n).astype(np.float64) for n in ("longitude", "latitude")
    )
    has_nine = int((np.isfinite(longitude) & np.isfinite(latitude)).sum()) >= 9
    searched = Baselines(has_nine=has_nine)
    if not has_nine:
        ERRORS.print("note: nine sub-arrays need nine stations with coordinates; left out")
    with progress("baselines", n_pieces(catalog, waveforms)) as bar:
        for record, core in pieces(catalog, waveforms):
            searched.add(record, core)
            bar.advance()
    found = searched.detections(n_wanted)
    return {name: [trigger.time_ns for trigger in triggers] for name, triggers in found.items()}
