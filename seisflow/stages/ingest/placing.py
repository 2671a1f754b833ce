"""Where samples go on the grid: decided once, from headers, for the whole archive.

A *chain* is a sequence of segments that follow or overlap one another without a gap. All its
segments share the phase of its first one, so that a sub-sample offset near half a sample never
flips from one segment to the next; each segment keeps what is left over as its offset.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S, SampleGrid, Span, nearest_integer
from seisflow.errors import DataError
from seisflow.stages.ingest.inventory import Found, Inventory, Selection

__all__ = ["Placement", "by_shard", "place", "place_station", "product_span"]

MAX_EMPTY_SHARE = 0.99
MIN_STATION_DAYS_TO_JUDGE = 2000


@dataclass(frozen=True, slots=True)
class Placement:
    """A segment and its place: its first sample is sample `index` of the product's grid.

    ``offset_ns`` is the time of the first sample minus the time of that grid sample.
    """

    found: Found
    index: int
    offset_ns: int

    @property
    def stop(self) -> int:
        """Grid index one past the last sample."""
        return self.index + self.found.segment.n_samples

    def cut(self, start: int, stop: int) -> "Placement":
        """Return it without what only samples outside ``[start, stop)`` of the grid need."""
        segment = self.found.segment.cut(start - self.index, stop - self.index)
        return replace(self, found=replace(self.found, segment=segment))


def place(segments: Sequence[Found], grid: SampleGrid) -> list[Placement]:
    """Put the segments of one station on the grid.

    Parameters
    ----------
    segments : sequence of Found
        In order of `Found.order`, all of the grid's rate.
    grid : SampleGrid
        The product's grid.

    Returns
    -------
    list of Placement
        In the same order. Indices may lie outside the product.
    """
    placements: list[Placement] = []
    anchor_ns = anchor_index = chain_stop = 0
    for f in segments:
        start = f.segment.start_ns
        ahead = nearest_integer((start - anchor_ns) * grid.rate / NS_PER_S)
        index = anchor_index + ahead
        if not placements or index > chain_stop:
            anchor_ns, anchor_index = start, grid.nearest(start)
            index = chain_stop = anchor_index
        chain_stop = max(chain_stop, index + f.segment.n_samples)
        placements.append(Placement(f, index, start - grid.time_of(index)))
    return placements


def place_station(inventory: Inventory, station: str, grid: SampleGrid) -> list[Placement]:
    """Put what was found of a station on the grid, as if nothing earlier had been left out."""
    earlier = set(inventory.earlier.get(station, ()))
    segments = sorted({*inventory.found[station], *earlier}, key=lambda f: f.order)
    return [p for p in place(segments, grid) if p.found not in earlier]


def by_shard(
    placements: Sequence[Placement], size: int, first: int, last: int
) -> dict[int, tuple[Placement, ...]]:
    """Sort the placements of a station into shards.

    Parameters
    ----------
    placements : sequence of Placement
        In any order, which is kept.
    size : int
        Samples in a shard.
    first, last : int
        Samples ``[first, last)`` of the grid are wanted.

    Returns
    -------
    dict of int to tuple of Placement
        By number of the shard. One that reaches over several shards is cut for each.
    """
    found: dict[int, list[Placement]] = defaultdict(list)
    for p in placements:
        start, stop = max(p.index, first), min(p.stop, last)
        if start >= stop:
            continue
        for shard in range(start // size, (stop - 1) // size + 1):
            found[shard].append(p.cut(max(start, shard * size), min(stop, (shard + 1) * size)))
    return {shard: tuple(some) for shard, some in found.items()}


def product_span(inventory: Inventory, selection: Selection, rate: Fraction) -> Span:
    """Return the time a product covers: whole hours within one UTC day, else whole UTC days.

    It is counted on the grid: a record that ends some milliseconds after midnight, because it
    began so after the one before, does not open another day.

    Raises
    ------
    DataError
        The span is nearly empty, as one file with a wrong date makes it.
    """
    earliest = min(f.span.start_ns for segments in inventory.found.values() for f in segments)
    grid = SampleGrid(earliest // HOUR_NS * HOUR_NS, rate, 0)
    placed = [p for station in inventory.found for p in place_station(inventory, station, grid)]
    start = grid.time_of(min(p.index for p in placed))
    end = grid.time_of(max(p.stop for p in placed))
    start = max(start, selection.start_ns if selection.start_ns is not None else start)
    end = min(end, selection.end_ns if selection.end_ns is not None else end)
    span = Span(start, max(end, start + 1)).widened(HOUR_NS)
    if span.start_ns // DAY_NS != (span.end_ns - 1) // DAY_NS:
        span = span.widened(DAY_NS)
    _refuse_nearly_empty(inventory, selection, span)
    return span


def _refuse_nearly_empty(inventory: Inventory, selection: Selection, span: Span) -> None:
    days: Counter[int] = Counter()
    for segments in inventory.found.values():
        spans = [f.span for f in segments]
        days.update(
            {d for s in spans for d in range(s.start_ns // DAY_NS, (s.end_ns - 1) // DAY_NS + 1)}
        )
    total = len(inventory.found) * max(1, (span.end_ns - span.start_ns) // DAY_NS)
    empty = 1 - sum(days.values()) / total
    if total > MIN_STATION_DAYS_TO_JUDGE and empty > MAX_EMPTY_SHARE:
        advice = "say which part is meant with --start and --end"
        if selection.start_ns is not None and selection.end_ns is not None:
            advice = "give less time between --start and --end, or leave such a file out"
        raise DataError(
            f"the files span {span} but {empty:.2%} of those {total} station-days are empty, as "
            f"one file with a wrong date makes it; {advice}"
        )
