"""``seisflow compare``."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
import typer
from upath import UPath

from seisflow.archive.reading import read_column
from seisflow.archive.store import read_product, storage_errors
from seisflow.archive.work import require_complete
from seisflow.cli.options import JsonOption, a_path
from seisflow.cli.running import show_problems
from seisflow.console import ERRORS, print_json, progress, table
from seisflow.core.files import AnyPath
from seisflow.core.geometry import middle_of
from seisflow.core.stations import Coordinates
from seisflow.core.wording import counted, some_names
from seisflow.errors import ConfigError, DataError
from seisflow.formats.arrivals import Arrival, read_arrivals
from seisflow.formats.references import ReferenceEvent, read_catalogue_times, read_reference
from seisflow.formats.tables import Table
from seisflow.stages.compare.baselines import Trigger
from seisflow.stages.compare.detectors import Baselines, Equal, n_pieces, pieces
from seisflow.stages.compare.expected import expect_by_arrivals, expect_by_travel_time
from seisflow.stages.compare.scoring import Comparison
from seisflow.stages.compare.scoring import compare as compare_times
from seisflow.stages.compare.summary import DETECTOR_HEAD, band_rows, detector_rows, to_json

OWN = "seisflow"
TITLES: Mapping[Equal | None, str] = {
    None: "compare",
    "detections": "compare; the others with about as many detections",
    "new": "compare; the others with at most as many new detections",
}
"""Of the table of detectors, by what was made equal."""


def compare(  # noqa: PLR0913 - every parameter is an option of the command
    catalog: Annotated[
        UPath, typer.Argument(metavar="CATALOG", help="What detect wrote.", parser=a_path)
    ],
    reference: Annotated[
        UPath,
        typer.Argument(
            metavar="REFERENCE",
            help="A catalogue: CSV, QuakeML, or another CATALOG.",
            parser=a_path,
        ),
    ],
    tolerance: Annotated[
        float, typer.Option("--tolerance-s", help="Largest residual of a match.", min=0)
    ] = 2.0,
    arrivals: Annotated[
        UPath | None,
        typer.Option(
            help="Table of P and S at stations of the array: times events by the median of P; what "
            "is found at that of S is not new.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    predict: Annotated[
        str | None,
        typer.Option(
            help="Earth model, as iasp91: times events by predicted P at the array; what is found "
            "at predicted S is not new."
        ),
    ] = None,
    baselines: Annotated[
        UPath | None,
        typer.Option(
            metavar="WAVEFORMS.zarr",
            help="Run STA/LTA with coincidence, and the product of nine sub-array envelopes, on "
            "these records.",
            parser=a_path,
        ),
    ] = None,
    equal: Annotated[
        Equal,
        typer.Option(
            help="With --baselines: each gets about as many detections as the catalogue has, or "
            "the lowest threshold with no more new ones, which are its false alarms where the "
            "reference is complete."
        ),
    ] = "detections",
    output: Annotated[
        UPath | None,
        typer.Option(
            "--output",
            "-o",
            help="File to write; by default CATALOG/comparison.json.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare detections with a catalogue: matched, missed, at S, new, with residuals.

    Detections are timed by P at the array, catalogues by the origin: --arrivals or --predict
    brings the two together. They also say when S comes: a detection at S is of an earthquake and
    not new, but an event of which only S was found is missed. A new detection is no false alarm
    where the catalogue is not complete.

    Examples
    --------
    seisflow compare catalog scene/events.csv --arrivals scene/arrivals.csv

    seisflow compare catalog scedc.csv --predict iasp91 --baselines waveforms.zarr --equal new
    """
    if equal == "new" and baselines is None:
        raise ConfigError("--equal new is about the baselines; give --baselines WAVEFORMS.zarr")
    product = read_product(catalog, "CATALOG")
    require_complete(catalog)
    events = read_reference(reference)
    _say(events, reference)
    expected = timed(events.rows, catalog, arrivals, predict)

    def compared(times_ns: npt.ArrayLike) -> Comparison:
        return compare_times(times_ns, expected, tolerance, product.span)

    times = {OWN: [event.time_ns for event in read_catalogue_times(catalog)]}
    own = compared(times[OWN])  # refuses before the long part
    if baselines is not None:
        searched = search(catalog, baselines)
        if equal == "new":
            times |= with_few_new(searched, len(own.new), lambda t: len(compared(t).new))
        else:
            times |= times_of(searched.detections(len(times[OWN])))
    found = {name: compared(each) for name, each in times.items()}
    rule = None if baselines is None else equal
    table(TITLES[rule], detector_rows(found), DETECTOR_HEAD)
    for quantity in ("magnitude", "snr"):
        rows = band_rows(found, quantity)
        if rows:
            table("", rows, [quantity, "events", *found])
    content = to_json(found, times, expected, rule)
    path = output or catalog / "comparison.json"
    with storage_errors(path):
        path.write_text(json.dumps(content, indent=1, allow_nan=False))
    ERRORS.print(f"look at {path}")
    if as_json:
        print_json({"product": str(path), "exit_code": 0, **content})


def timed(
    events: Sequence[ReferenceEvent],
    catalog: AnyPath,
    arrivals: AnyPath | None,
    predict: str | None,
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
        _say(found, arrivals)
        return _timed_by(events, found.rows, arrivals)
    if predict is not None:
        expected = expect_by_travel_time(events, middle(catalog), predict)
        _note_missing(events, expected, "have no predicted P at the array")
        return expected
    if any(np.isfinite(event.latitude) for event in events):
        ERRORS.print(
            "note: origin times are compared with P at the array; give --predict or --arrivals",
        )
    return list(events)


def _timed_by(
    events: Sequence[ReferenceEvent], arrivals: Sequence[Arrival], path: AnyPath
) -> list[ReferenceEvent]:
    """Time events by the arrivals that name them; both sides are counted and said."""
    expected = expect_by_arrivals(events, arrivals)
    known = {event.event for event in events}
    strange = sorted({a.event or "no event" for a in arrivals if a.is_p} - known)
    names = f"the arrivals name {some_names(strange)}, the catalogue {some_names(sorted(known))}"
    if not expected:
        raise DataError(
            f"no P in {path} belongs to one of the {len(events)} events ({names}); give the "
            "arrivals of this catalogue, with the names of its events"
        )
    _note_missing(events, expected, f"have no P in {path.name}")
    if strange:
        _note(
            f"{counted(len(strange), 'event')} in {path.name} missing from the catalogue: "
            f"{some_names(strange)}"
        )
    return expected


def _note_missing(
    events: Sequence[ReferenceEvent], expected: Sequence[ReferenceEvent], why: str
) -> None:
    """Say which events are not compared."""
    kept = {event.event for event in expected}
    gone = [event.event for event in events if event.event not in kept]
    if gone:
        _note(f"{len(gone)} of {len(events)} events {why} and are not compared: {some_names(gone)}")


def _say(found: Table[Any], path: AnyPath) -> None:
    """Print what became of the rows of a table."""
    show_problems(found.problems)
    for line in (*found.said(path), *found.said_of_left_out(path)):
        _note(line)


def _note(text: str) -> None:
    ERRORS.print(f"note: {text}")


def middle(catalog: AnyPath) -> Coordinates:
    """Return the middle of the stations of a catalogue.

    Raises
    ------
    ConfigError
        None is known.
    """
    longitude, latitude = middle_of(
        *(read_column(catalog, n).astype(np.float64) for n in ("longitude", "latitude"))
    )
    if np.isnan(longitude):
        raise ConfigError(
            f"the stations of {catalog} have no coordinates, so nothing can be predicted at the "
            "array; give --arrivals, or ingest with --stations"
        )
    return Coordinates(longitude, latitude, 0.0)


def search(catalog: AnyPath, waveforms: AnyPath) -> Baselines:
    """Run both baselines over the records."""
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
    return searched


def with_few_new(
    searched: Baselines, n_allowed: int, n_new: Callable[[npt.NDArray[np.int64]], int]
) -> dict[str, list[int]]:
    """Return the times of baselines with at most so many new ones; say which have none."""
    found = searched.detections_with_new(n_allowed, n_new)
    for name in (name for name, triggers in found.items() if triggers is None):
        ERRORS.print(
            f"note: {name}: even its highest level has more new detections than the {n_allowed} "
            "of the catalogue, so none are counted",
        )
    return times_of({name: triggers or [] for name, triggers in found.items()})


def times_of(found: Mapping[str, list[Trigger]]) -> dict[str, list[int]]:
    """Return the times of triggers by detector."""
    return {name: [trigger.time_ns for trigger in triggers] for name, triggers in found.items()}
