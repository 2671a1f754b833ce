"""What an archive holds, from headers alone, and which part of it is asked for.

Nothing is dropped without a word: what is left out is listed by name and reason.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from seisflow.core.grid import NS_PER_S, Span, nominal_rate
from seisflow.core.stations import Coordinates, StationPattern, matches_any
from seisflow.core.wording import counted, some_names
from seisflow.errors import DataError
from seisflow.formats.segments import FileScan, Problem, Segment

__all__ = ["Found", "Inventory", "StationSummary", "choose_rate", "take_inventory"]


BEFORE = "before --start"


@dataclass(frozen=True, slots=True)
class Found:
    """A segment and the file it was found in."""

    path: str
    format: str
    segment: Segment

    @property
    def span(self) -> Span:
        """Time from the first sample to one period after the last."""
        segment = self.segment
        length = round(segment.n_samples * NS_PER_S / segment.rate_hz)
        return Span(segment.start_ns, segment.start_ns + max(1, length))

    @property
    def order(self) -> tuple[int, str, int]:
        """Where two files say different things of one moment, the first in this order is kept."""
        return self.segment.start_ns, self.path, self.segment.start_byte


@dataclass(frozen=True)
class StationSummary:
    """What was found of one station."""

    station: str
    rates_hz: tuple[float, ...]
    start_ns: int
    end_ns: int
    n_samples: int
    n_files: int
    n_gaps: int
    n_overlaps: int


@dataclass(frozen=True)
class Inventory:
    """What was found in an archive, by station in alphabetical order, each in time order.

    ``earlier`` holds what lies before the time asked for: it is not ingested, and still decides
    where the samples after it go on the grid (`seisflow.stages.ingest.placing`). ``coordinates``
    are the places that file headers give a station, that of most files first.
    """

    found: dict[str, list[Found]]
    problems: tuple[Problem, ...]
    coordinates: dict[str, tuple[Coordinates, ...]]
    n_files: int
    files_bytes: int
    notes: tuple[str, ...] = ()
    earlier: dict[str, list[Found]] = field(default_factory=dict)

    @property
    def rates(self) -> dict[Fraction, list[str]]:
        """The stations that have segments of each rate."""
        stations: dict[Fraction, set[str]] = defaultdict(set)
        for station, segments in self.found.items():
            for f in segments:
                stations[_rate(f.segment)].add(station)
        return {rate: sorted(names) for rate, names in sorted(stations.items())}

    def summaries(self) -> list[StationSummary]:
        """One line for every station."""
        return [_summarise(station, segments) for station, segments in self.found.items()]


@dataclass(frozen=True)
class Selection:
    """Which part of an archive is asked for."""

    patterns: Sequence[StationPattern] = ()
    start_ns: int | None = None
    end_ns: int | None = None


def _rate(segment: Segment) -> Fraction:
    rate = nominal_rate(segment.rate_hz)
    assert rate is not None, "readers leave out segments without a nominal rate"
    return rate


def _summarise(station: str, segments: Sequence[Found]) -> StationSummary:
    gaps = overlaps = 0
    end = segments[0].span.end_ns
    for f in segments[1:]:
        step = (f.segment.start_ns - end) * f.segment.rate_hz / NS_PER_S
        gaps += step > 0.5
        overlaps += step < -0.5
        end = max(end, f.span.end_ns)
    return StationSummary(
        station,
        tuple(sorted({float(_rate(f.segment)) for f in segments})),
        segments[0].segment.start_ns,
        end,
        sum(f.segment.n_samples for f in segments),
        len({f.path for f in segments}),
        gaps,
        overlaps,
    )


def take_inventory(scans: Iterable[FileScan], selection: Selection) -> Inventory:
    """Gather the scans of all files and keep what is selected by name and time.

    Parameters
    ----------
    scans : iterable of FileScan
        In any order.
    selection : Selection
        Patterns of stations, and first and last time; the rate is chosen afterwards.

    Returns
    -------
    Inventory
        Independent of the order of the scans.
    """
    found: dict[str, list[Found]] = defaultdict(list)
    problems: list[Problem] = []
    headers: dict[str, Counter[tuple[float, float]]] = defaultdict(Counter)
    places: dict[tuple[float, float], Coordinates] = {}
    earlier: dict[str, list[Found]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    n_files = files_bytes = 0
    for scan in sorted(scans, key=lambda s: s.path):
        n_files, files_bytes = n_files + 1, files_bytes + scan.size_bytes
        problems.extend(scan.problems)
        for station, place in scan.coordinates.items():
            at = place.longitude, place.latitude
            headers[station][at] += 1
            places.setdefault(at, place)
        for segment in scan.segments:
            item = Found(scan.path, scan.format, segment)
            reason = _left_out(item, selection)
            if reason:
                left_out[reason] += 1
            if reason == BEFORE:
                earlier[segment.station].append(item)
            elif not reason:
                found[segment.station].append(item)
    ordered = {s: sorted(found[s], key=lambda f: f.order) for s in sorted(found)}
    notes = tuple(f"left out {n} segments {why}" for why, n in sorted(left_out.items()))
    coordinates = {
        station: tuple(places[at] for at, _ in found_at.most_common())
        for station, found_at in headers.items()
    }
    return Inventory(
        ordered, tuple(problems), coordinates, n_files, files_bytes, notes, dict(earlier)
    )


def _left_out(item: Found, selection: Selection) -> str:
    if not matches_any(item.segment.station, selection.patterns):
        return "by --select"
    span = item.span
    if selection.start_ns is not None and span.end_ns <= selection.start_ns:
        return BEFORE
    if selection.end_ns is not None and span.start_ns >= selection.end_ns:
        return "after --end"
    return ""


def choose_rate(inventory: Inventory, rate_hz: float | None) -> tuple[Fraction, Inventory]:
    """Settle on the one rate of the product.

    Parameters
    ----------
    inventory : Inventory
        What was found.
    rate_hz : float, optional
        The rate asked for; may be left out where all stations agree.

    Returns
    -------
    rate : Fraction
        The rate of the product.
    inventory : Inventory
        Without the segments of other rates, which its notes list.

    Raises
    ------
    DataError
        Nothing was found, several rates were found and none was asked for, or the one asked
        for is not there.
    """
    rates = inventory.rates
    listing = "; ".join(f"{float(r):g} Hz: {_names(names)}" for r, names in rates.items())
    if not rates:
        reasons = [str(p) for p in inventory.problems[:3]] + list(inventory.notes)
        raise DataError(
            f"no samples to ingest in {inventory.n_files} files"
            + "".join(f"\n  {r}" for r in reasons)
            + "\ngive miniSEED, SAC, SEG-Y or RG16 files that hold the stations and times asked for"
        )
    if rate_hz is None and len(rates) > 1:
        raise DataError(
            f"several sampling rates were found ({listing}) and a product has one; choose with "
            "--rate HZ (the others are then left out and listed), or --select stations of one rate"
        )
    rate = nominal_rate(rate_hz) if rate_hz is not None else next(iter(rates))
    if rate not in rates:
        raise DataError(f"no station is sampled at --rate {rate_hz:g} Hz; found {listing}")
    kept = _of_rate(inventory.found, rate)
    notes = [
        f"left out at {float(r):g} Hz: {_names(names)}" for r, names in rates.items() if r != rate
    ]
    return rate, Inventory(
        {s: p for s, p in kept.items() if p},
        inventory.problems,
        inventory.coordinates,
        inventory.n_files,
        inventory.files_bytes,
        (*inventory.notes, *notes),
        _of_rate(inventory.earlier, rate),
    )


def _of_rate(found: dict[str, list[Found]], rate: Fraction) -> dict[str, list[Found]]:
    return {s: [f for f in segments if _rate(f.segment) == rate] for s, segments in found.items()}


def _names(names: Sequence[str]) -> str:
    return f"{counted(len(names), 'station')} ({some_names(names)})"
