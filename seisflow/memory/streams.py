"""Streams of ObsPy as datasets of WAVEFORMS, and back.

Samples go on the grid by the rules of ingest (`seisflow.stages.ingest.placing`). Invariant: a
Stream comes back with the same samples at the same times, to the nanosecond.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from seisflow.archive.in_memory import dataset_in_memory
from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.core.classes import State
from seisflow.core.config import fingerprint
from seisflow.core.grid import HOUR_NS, NS_PER_S, SampleGrid, Span, format_time
from seisflow.dsp.filters import valid_runs
from seisflow.errors import DataError
from seisflow.formats.segments import Segment
from seisflow.formats.traces import Recording, SegmentToWrite, stream_of, traces_of
from seisflow.memory.waveforms import Waveforms
from seisflow.stages.ingest.assembling import Shard, coverage_of
from seisflow.stages.ingest.inventory import Found
from seisflow.stages.ingest.layout import segment_arrays, state_of_all, waveform_arrays
from seisflow.stages.ingest.placing import place

__all__ = ["dataset_of", "from_obspy", "to_obspy"]

LARGE_BYTES = 2**31
LEAST_SHARE = 0.01
"""A dataset that is large, and of which less than this would hold samples, is refused."""

Placed = Mapping[str, Sequence[tuple[Recording, int, int]]]
"""By station its recordings, the grid index of each one's first sample, and its offset in ns."""


def from_obspy(stream: Any, *, inventory: Any = None) -> xr.Dataset:
    """Return a Stream as a dataset of the form of ``seisflow.open(WAVEFORMS)``, in memory.

    Parameters
    ----------
    stream : obspy.Stream, obspy.Trace or sequence of obspy.Trace
        Traces of one sampling rate, in any order. Gaps may lie between Traces of a station or be
        masked (``stream.merge()``); NaN and infinite samples are gaps too. Traces of a station
        may overlap where they hold the same samples.
    inventory : obspy.Inventory, optional
        Where stations stand. ``trace.stats.coordinates`` (``latitude``, ``longitude``,
        ``elevation`` in m) goes before it.

    Returns
    -------
    xarray.Dataset
        ``waveform (station, time)``: integers as float64, float32 and float64 as they are, NaN
        where nothing was recorded, and with them ``coverage``, the table of segments and all else
        that `seisflow.open` describes. It covers the whole UTC hours that the Stream touches, all
        stations alike. Samples between two of the grid are moved to the nearest one, by half a
        sample at most; the segments keep their true times.

    Raises
    ------
    DataError
        The Stream or one of its Traces is empty, has several rates or one that no grid can carry,
        types that a station's Traces do not share, codes that make no NET.STA.LOC.CHA; or Traces
        of a station overlap and differ.
    """
    return dataset_of(traces_of(stream, inventory))


def dataset_of(recordings: Sequence[Recording]) -> xr.Dataset:
    """Return recordings of one rate as a dataset of WAVEFORMS; see `from_obspy`."""
    grid, placed = _placed(recordings)
    _refuse_nearly_empty(recordings, len(placed), grid)
    dtype = _common_type(recordings)
    stored = dtype if dtype.kind == "f" else np.dtype(np.int32)
    waveform, coverage, rows = _filled(placed, grid, dtype if dtype.kind == "f" else np.dtype("f8"))
    product = _product(recordings, grid)
    places = {name: _place_of(some) for name, some in placed.items()}
    arrays = [
        *waveform_arrays(product, places, stored.name),
        *segment_arrays(rows, product),
        state_of_all(len(placed), 1, State.READY),
    ]
    values = {"waveform": waveform, "coverage": coverage}
    found = dataset_in_memory(product, arrays, "continuous waveforms as recorded", values)
    found["waveform"].attrs["recorded_dtype"] = dtype.name
    return found


def to_obspy(dataset: xr.Dataset) -> Any:
    """Return a dataset of WAVEFORMS as a Stream, one Trace for each stretch without a gap.

    Parameters
    ----------
    dataset : xarray.Dataset
        Of `from_obspy` or ``seisflow.open(WAVEFORMS)``, or a part of it: stations and slices of
        time chosen with ``sel`` or ``isel``. Samples are loaded, so select first.

    Returns
    -------
    obspy.Stream
        By station, then by time. A gap ends a Trace and the next one begins behind it, as when
        files are read: such a Stream can be filtered, written as miniSEED, and merged
        (``stream.merge()``) where masked Traces are wanted. Times are those of the recorder, to
        the nanosecond; a Trace ends, too, where the clock of the recorder jumped by less than a
        sample. Samples have the type they were recorded in (``waveform.attrs["recorded_dtype"]``)
        if that holds all of them, which it does unless they were worked on, and otherwise the
        type of the dataset. ``stats.coordinates`` says where a station stands, if that is known.

    Raises
    ------
    DataError
        The dataset has no waveforms, or its times are not those of one rate.
    """
    waveforms = Waveforms.of(dataset)
    return stream_of(list(_segments(dataset, waveforms)))


def _placed(recordings: Sequence[Recording]) -> tuple[SampleGrid, Placed]:
    """Put recordings on the grid of the whole hours they touch."""
    rate = recordings[0].rate
    earliest = min(recording.start_ns for recording in recordings)
    start_ns = earliest // HOUR_NS * HOUR_NS
    grid = SampleGrid(start_ns, rate, 0)
    by_station: dict[str, list[tuple[Found, Recording]]] = defaultdict(list)
    for k, recording in enumerate(recordings):
        by_station[recording.station].append((_found(recording, k), recording))
    placed = {}
    for station, some in sorted(by_station.items()):
        ordered = sorted(some, key=lambda one: one[0].order)
        found = place([one for one, _ in ordered], grid)
        placed[station] = [
            (recording, p.index, p.offset_ns)
            for p, (_, recording) in zip(found, ordered, strict=True)
        ]
    every = [one for some in placed.values() for one in some]
    first_ns = grid.time_of(min(index for _, index, _ in every))
    stop_ns = grid.time_of(max(index + recording.samples.size for recording, index, _ in every))
    whole = SampleGrid.over(Span(first_ns, stop_ns).widened(HOUR_NS), rate)
    moved = whole.nearest(start_ns)
    return whole, {
        station: [(recording, index + moved, offset) for recording, index, offset in some]
        for station, some in placed.items()
    }


def _found(recording: Recording, number: int) -> Found:
    """Return what a file with the recording in it would be found to hold."""
    segment = Segment(
        station=recording.station,
        start_ns=recording.start_ns,
        n_samples=recording.samples.size,
        rate_hz=float(recording.rate),
        dtype=recording.samples.dtype.name,
        start_byte=number,
        end_byte=number,
    )
    return Found("", "", segment)


def _filled(
    placed: Placed, grid: SampleGrid, dtype: np.dtype[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Return samples and coverage of all stations, and the rows of the table of segments."""
    n_seconds = (grid.span.end_ns - grid.span.start_ns) // NS_PER_S
    waveform = np.full((len(placed), grid.n_samples), np.nan, dtype=dtype)
    coverage = np.empty((len(placed), n_seconds), dtype=np.float32)
    segments, conflicts = [], []
    for row, (station, some) in enumerate(placed.items()):
        shard = Shard(0, waveform[row], np.zeros(grid.n_samples, dtype=np.bool_))
        for recording, index, offset in some:
            for first, stop in valid_runs(recording.recorded).tolist():
                kept = shard.put(index + first, recording.samples[first:stop])
                segments += [(row, begin, n, offset) for begin, n in kept]
        coverage[row] = coverage_of(shard, grid.rate)
        if shard.n_conflicting:
            conflicts.append(f"{shard.n_conflicting:,} samples of {station}")
    if conflicts:
        raise DataError(
            f"Traces overlap and differ in {'; '.join(conflicts)}; keep one of them, or choose "
            "with stream.merge(method=1)"
        )
    return waveform, coverage, np.array(segments, dtype=np.int64).reshape(-1, 4)


def _common_type(recordings: Sequence[Recording]) -> np.dtype[Any]:
    """Return the type that holds all samples; integers with floats are float64."""
    types = {recording.samples.dtype for recording in recordings}
    if len({dtype.kind == "f" for dtype in types}) > 1:
        return np.dtype(np.float64)
    common = np.result_type(*types)
    return np.dtype(np.float32) if common == np.float16 else common


def _place_of(some: Sequence[tuple[Recording, int, int]]) -> Any:
    return next((recording.place for recording, _, _ in some if recording.place), None)


def _product(recordings: Sequence[Recording], grid: SampleGrid) -> Product:
    """Describe the dataset as a product of what the Stream holds."""
    listing = sorted([r.station, r.start_ns, r.samples.size] for r in recordings)
    identity = Identity(
        "WAVEFORMS",
        "from_obspy",
        {},
        {"traces": fingerprint(listing)},
        FORMAT_VERSIONS["WAVEFORMS"],
        RESULT_VERSIONS["ingest"],
    )
    n_seconds = (grid.span.end_ns - grid.span.start_ns) // NS_PER_S
    return Product(identity, grid.span, grid.rate, n_seconds, 1)


def _refuse_nearly_empty(recordings: Sequence[Recording], n: int, grid: SampleGrid) -> None:
    """Refuse a Stream that one wrong date would make fill the memory."""
    share = sum(recording.samples.size for recording in recordings) / (n * grid.n_samples)
    size = n * grid.n_samples * 8
    if size > LARGE_BYTES and share < LEAST_SHARE:
        first = min(recordings, key=lambda r: r.start_ns)
        last = max(recordings, key=lambda r: r.start_ns)
        raise DataError(
            f"the Stream begins with {first.station} at {format_time(first.start_ns)} and its last "
            f"Trace, of {last.station}, begins at {format_time(last.start_ns)}: of "
            f"{size / 1e9:,.0f} GB only {share:.2%} would hold samples; leave out a wrong date, or "
            "give the parts one after the other"
        )


def _segments(dataset: xr.Dataset, waveforms: Waveforms) -> Iterator[SegmentToWrite]:
    """Yield stretches without a gap, each of one offset from the grid."""
    grid, first = waveforms.grid, waveforms.first
    wanted = waveforms.waveform.attrs.get("recorded_dtype")
    for row, station in enumerate(waveforms.stations):
        samples, recorded = waveforms.row(row)
        place = waveforms.places[row]
        known = place if np.isfinite([place.longitude, place.latitude]).all() else None
        bounds = _known_segments(dataset, station, grid) - np.array([first, first, 0])
        for begin, stop, offset in _cut(valid_runs(recorded).tolist(), bounds):
            part = samples[begin:stop]
            start_ns = grid.time_of(first + begin) + offset
            yield SegmentToWrite(station, start_ns, grid.rate, _as_recorded(part, wanted), known)


def _known_segments(dataset: xr.Dataset, station: str, grid: SampleGrid) -> npt.NDArray[np.int64]:
    """Return begin and stop on the grid, and offset in ns, of a station's segments."""
    attrs = dataset["segment_station"].attrs if "segment_station" in dataset else {}
    names = str(attrs.get("flag_meanings", "")).split(" ")
    if station not in names or len(names) != len(attrs.get("flag_values", ())):
        return np.zeros((0, 3), dtype=np.int64)
    mine = np.flatnonzero(dataset["segment_station"].values == names.index(station))
    start, offset, n = (
        dataset[f"segment_{name}"].values[mine] for name in ("start_ns", "offset_ns", "n_samples")
    )
    begin = np.array([grid.nearest(int(time)) for time in start - offset], dtype=np.int64)
    return np.stack([begin, begin + n, offset], axis=1)


def _cut(
    runs: Sequence[Sequence[int]], segments: npt.NDArray[np.int64]
) -> Iterator[tuple[int, int, int]]:
    """Cut runs where segments begin and end; what is in none has no offset."""
    for begin, stop in runs:
        inside = segments[(segments[:, 0] < stop) & (segments[:, 1] > begin)]
        cuts = np.unique(np.clip(np.append(inside[:, :2], [begin, stop]), begin, stop)).tolist()
        for first, last in pairwise(cuts):
            here = inside[(inside[:, 0] <= first) & (inside[:, 1] >= last), 2]
            yield first, last, int(here[0]) if here.size else 0


def _as_recorded(samples: npt.NDArray[Any], wanted: str | None) -> npt.NDArray[Any]:
    """Return a copy in the type samples were recorded in, if it holds them all."""
    if wanted is not None and np.dtype(wanted) != samples.dtype:
        with np.errstate(invalid="ignore"):
            cast = samples.astype(wanted)
        if np.array_equal(cast, samples):
            return cast
    return samples.copy()
