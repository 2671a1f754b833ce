"""Where samples go on the grid: decided once, from headers, for the whole archive.

A *chain* is a sequence of pieces that follow or overlap one another without a gap. All its
pieces share the phase of its first one, so that a sub-sample offset near half a sample never
flips from one piece to the next; each piece keeps what is left over as its offset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from seisflow.core.grid import NS_PER_S, SampleGrid
from seisflow.ingest.inventory import Found

__all__ = ["Placement", "place", "within"]


@dataclass(frozen=True, slots=True)
class Placement:
    """A piece and its place: its first sample is sample `index` of the product's grid.

    ``offset_ns`` is the time of the first sample minus the time of that grid sample.
    """

    found: Found
    index: int
    offset_ns: int

    @property
    def stop(self) -> int:
        """Grid index one past the last sample."""
        return self.index + self.found.piece.n_samples


def place(pieces: Sequence[Found], grid: SampleGrid) -> list[Placement]:
    """Put the pieces of one station on the grid.

    Parameters
    ----------
    pieces : sequence of Found
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
    for f in pieces:
        start = f.piece.start_ns
        ahead = round((start - anchor_ns) * grid.rate / NS_PER_S)
        index = anchor_index + ahead
        if not placements or index > chain_stop:
            anchor_ns, anchor_index = start, grid.nearest(start)
            index = chain_stop = anchor_index
        chain_stop = max(chain_stop, index + f.piece.n_samples)
        placements.append(Placement(f, index, start - grid.time_of(index)))
    return placements


def within(placements: Sequence[Placement], start: int, stop: int) -> tuple[Placement, ...]:
    """Return the placements that have samples in ``[start, stop)`` of the grid, in order."""
    return tuple(p for p in placements if p.index < stop and p.stop > start)
