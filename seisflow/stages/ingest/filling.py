"""Reading into a shard what its task was given: each file is opened once for all its segments.

Invariant: segments fill the shard in the order given, which alone decides what is kept where two
say different things of one sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from seisflow.core.files import any_path
from seisflow.formats.readers import read_segments
from seisflow.formats.segments import Part, Problems, Run
from seisflow.stages.ingest.assembling import Shard
from seisflow.stages.ingest.placing import Placement

__all__ = ["Filling"]


@dataclass
class Filling:
    """A shard while it is filled from one file after the other.

    Parameters
    ----------
    shard : Shard
        Empty at first.
    first, stop : int
        Samples of the grid, in the shard, that are wanted.
    problems : Problems
        What could not be used of the files.
    failures : dict of str to OSError
        Why a file could not be read at all, by its path.
    segments : list of [int, int, int]
        Grid index, number of samples and offset in ns of every run that was kept.
    unread : list of Placement
        Segments that a failure left out.
    read_bytes : int
        Bytes of the records asked for.
    """

    shard: Shard
    first: int
    stop: int
    problems: Problems = field(default_factory=Problems)
    failures: dict[str, OSError] = field(default_factory=dict)
    segments: list[list[int]] = field(default_factory=list)
    unread: list[Placement] = field(default_factory=list)
    read_bytes: int = 0

    def read_file(self, placements: Sequence[Placement]) -> None:
        """Decode what is wanted of some segments of one file."""
        found = placements[0].found
        parts = [self._part(placement) for placement in placements]
        results = read_segments(found.format, any_path(found.path), parts)
        for n, (placement, part) in enumerate(zip(placements, parts, strict=True)):
            try:
                runs, problems = next(results)
            except OSError as error:
                self.failures.setdefault(found.path, error)
                self.unread += placements[n:]
                return
            for problem in problems:
                self.problems.add(problem)
            self._put(placement, runs)
            self.read_bytes += sum(r.end_byte - r.start_byte for r in part[0].ranges(*part[1:]))

    def _part(self, placement: Placement) -> Part:
        """Return the samples of a segment that are wanted."""
        segment, index = placement.found.segment, placement.index
        return segment, max(0, self.first - index), min(segment.n_samples, self.stop - index)

    def _put(self, placement: Placement, runs: Sequence[Run]) -> None:
        """Fill samples in, and note which segments they make."""
        for decoded in runs:
            kept = self.shard.put(placement.index + decoded.first, decoded.values)
            self.segments += [[first, n, placement.offset_ns] for first, n in kept]
