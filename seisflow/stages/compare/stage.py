"""The compare stage: a CATALOG against a reference, and against other detectors on its records."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.reading import read_column
from seisflow.archive.sources import find_waveforms
from seisflow.archive.store import read_product, storage_errors
from seisflow.archive.summary import few_lines
from seisflow.archive.work import require_complete
from seisflow.core.files import AnyPath
from seisflow.core.geometry import middle_of
from seisflow.core.reporting import SILENT, Reporter
from seisflow.core.stations import Coordinates
from seisflow.core.wording import counted, some_names
from seisflow.engine.stage import Result, Single
from seisflow.errors import ConfigError, DataError
from seisflow.formats.arrivals import Arrival, read_arrivals
from seisflow.formats.references import ReferenceEvent, read_catalogue_times, read_reference
from seisflow.formats.tables import Table
from seisflow.stages.compare.baselines import Baselines, n_pieces, pieces
from seisflow.stages.compare.config import CompareConfig, Equal
from seisflow.stages.compare.scoring import Comparison, compare
from seisflow.stages.compare.sta_lta import Trigger
from seisflow.stages.compare.summary import DETECTOR_HEAD, band_rows, detector_rows, to_json
from seisflow.stages.compare.timing import expect_by_arrivals, expect_by_travel_time

__all__ = ["Compare"]

OWN = "seisflow"
COMPARISON = "comparison.json"
TITLES: Mapping[Equal | None, str] = {
    None: "compare",
    "detections": "compare; the others with about as many detections",
    "new": "compare; the others with at most as many new detections",
}
"""Of the table of detectors, by what was made equal."""
SHOWN = 20
"""Problems of a table that are said."""

Times = Mapping[str, Sequence[int]]
"""What each detector found, ns since 1970."""


class Compare(Single[CompareConfig]):
    """A CATALOG and a reference become a comparison, a JSON file."""

    name = "compare"
    Config = CompareConfig
    reads, writes = ("CATALOG",), "COMPARISON"

    @property
    def output(self) -> AnyPath:
        """The JSON file."""
        return self.config.output or self.config.catalog / COMPARISON

    def run_here(self, reporter: Reporter = SILENT) -> Result:
        """Compare, and write what came of it.

        Raises
        ------
        ConfigError
            An input is of another kind, or the waveforms of the baselines were not found.
        DataError
            The reference has nothing of the time of the data, or the arrivals none of its events.
        IncompleteError
            The catalogue is not complete.
        """
        config = self.config
        product = read_product(config.catalog, "CATALOG")
        require_complete(config.catalog)
        events = read_reference(config.reference)
        _tell(events, config.reference, reporter)
        expected = timed(events.rows, config, reporter)

        def compared(times_ns: npt.ArrayLike) -> Comparison:
            return compare(times_ns, expected, config.tolerance_s, product.span)

        times: dict[str, Sequence[int]] = {
            OWN: [event.time_ns for event in read_catalogue_times(config.catalog)]
        }
        own = compared(times[OWN])  # refuses before the long part
        if config.baselines:
            searched = search(config, reporter)
            if config.equal == "new":
                found = searched.detections_with_new(len(own.new), lambda t: len(compared(t).new))
                _note_too_many(found, len(own.new), reporter)
            else:
                found = dict(searched.detections(len(times[OWN])))
            times |= _times_of(found)
        return self._written(
            {name: compared(each) for name, each in times.items()}, times, expected, reporter
        )

    def _written(
        self,
        found: Mapping[str, Comparison],
        times: Times,
        expected: Sequence[ReferenceEvent],
        reporter: Reporter,
    ) -> Result:
        rule = self.config.equal if self.config.baselines else None
        _show(found, rule, reporter)
        content = to_json(found, times, expected, rule)
        with storage_errors(self.output):
            self.output.write_text(json.dumps(content, indent=1, allow_nan=False))
        reporter.say(f"written: {self.output}")
        summary = {"product": str(self.output), "exit_code": 0, **content}
        return Result(self.name, self.output, summary, opener=_read)


def _read(path: AnyPath) -> Any:
    return json.loads(path.read_text())


def _show(found: Mapping[str, Comparison], rule: Equal | None, reporter: Reporter) -> None:
    reporter.table(TITLES[rule], detector_rows(found), DETECTOR_HEAD)
    for quantity in ("magnitude", "snr"):
        rows = band_rows(found, quantity)
        if rows:
            reporter.table("", rows, [quantity, "events", *found])


def timed(
    events: Sequence[ReferenceEvent], config: CompareConfig, reporter: Reporter = SILENT
) -> list[ReferenceEvent]:
    """Return the reference with its times at the array.

    Raises
    ------
    ConfigError
        The array has no place, or there is no such model of the Earth.
    DataError
        No arrival belongs to an event of the reference.
    """
    if config.arrivals is not None:
        found = read_arrivals(config.arrivals)
        _tell(found, config.arrivals, reporter)
        return _timed_by(events, found.rows, config.arrivals, reporter)
    if config.predict is not None:
        expected = expect_by_travel_time(events, middle(config.catalog), config.predict)
        _note_missing(events, expected, "have no predicted P at the array", reporter)
        return expected
    if any(np.isfinite(event.latitude) for event in events):
        reporter.note("origin times are compared with P at the array; give predict or arrivals")
    return list(events)


def _timed_by(
    events: Sequence[ReferenceEvent],
    arrivals: Sequence[Arrival],
    path: AnyPath,
    reporter: Reporter,
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
    _note_missing(events, expected, f"have no P in {path.name}", reporter)
    if strange:
        reporter.note(
            f"{counted(len(strange), 'event')} in {path.name} missing from the catalogue: "
            f"{some_names(strange)}"
        )
    return expected


def _note_missing(
    events: Sequence[ReferenceEvent],
    expected: Sequence[ReferenceEvent],
    why: str,
    reporter: Reporter,
) -> None:
    """Say which events are not compared."""
    kept = {event.event for event in expected}
    gone = [event.event for event in events if event.event not in kept]
    if gone:
        reporter.note(
            f"{len(gone)} of {len(events)} events {why} and are not compared: {some_names(gone)}"
        )


def _tell(found: Table[Any], path: AnyPath, reporter: Reporter) -> None:
    """Say what became of the rows of a table."""
    for problem in few_lines(found.problems, SHOWN):
        reporter.say(f"problem: {problem}", "yellow")
    if len(found.problems) > SHOWN:
        reporter.say(f"... {len(found.problems)} problems in all")
    for line in (*found.said(path), *found.said_of_left_out(path)):
        reporter.note(line)


def middle(catalog: AnyPath) -> Coordinates:
    """Return the middle of the stations of a catalogue.

    Raises
    ------
    ConfigError
        None is known.
    """
    longitude, latitude = middle_of(*_places(catalog))
    if np.isnan(longitude):
        raise ConfigError(
            f"the stations of {catalog} have no coordinates, so nothing can be predicted at the "
            "array; give arrivals, or ingest with stations"
        )
    return Coordinates(longitude, latitude, 0.0)


def _places(catalog: AnyPath) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    longitude, latitude = (
        read_column(catalog, name).astype(np.float64) for name in ("longitude", "latitude")
    )
    return longitude, latitude


def search(config: CompareConfig, reporter: Reporter = SILENT) -> Baselines:
    """Run both baselines over the records that were searched for the catalogue.

    Raises
    ------
    ConfigError
        The records were not found.
    """
    waveforms = find_waveforms(config.catalog, config.waveforms)
    longitude, latitude = _places(config.catalog)
    has_nine = int((np.isfinite(longitude) & np.isfinite(latitude)).sum()) >= 9
    searched = Baselines(has_nine=has_nine)
    if not has_nine:
        reporter.note("nine sub-arrays need nine stations with coordinates; left out")
    with reporter.bar("baselines", n_pieces(config.catalog, waveforms)) as bar:
        for record, core in pieces(config.catalog, waveforms):
            searched.add(record, core)
            bar.advance()
    return searched


def _note_too_many(
    found: Mapping[str, list[Trigger] | None], n_allowed: int, reporter: Reporter
) -> None:
    """Say which detectors have too many new detections even at their highest level."""
    for name in (name for name, triggers in found.items() if triggers is None):
        reporter.note(
            f"{name}: even its highest level has more new detections than the {n_allowed} of the "
            "catalogue, so none are counted"
        )


def _times_of(found: Mapping[str, list[Trigger] | None]) -> dict[str, Sequence[int]]:
    """Return the times of triggers by detector."""
    return {name: [trigger.time_ns for trigger in each or ()] for name, each in found.items()}
