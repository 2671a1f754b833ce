"""Other detectors on the records of a catalogue: STA/LTA with coincidence, and MB18's envelopes.

The records are read in pieces, each with a lead in which filters and averages settle, so memory is
bounded by a piece.
"""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt

from seisflow.archive.blocks import read_record
from seisflow.archive.products import Product
from seisflow.archive.reading import read_column, station_names
from seisflow.archive.store import read_product
from seisflow.core.files import AnyPath
from seisflow.core.grid import DAY_NS, NS_PER_S, Span
from seisflow.stages.compare.envelopes import (
    EnvelopeRule,
    Strength,
    allowed_threshold,
    envelope_strength,
    least_threshold,
    triggers_above,
)
from seisflow.stages.compare.sta_lta import (
    ArrayRecord,
    StaLtaRule,
    Trigger,
    sta_lta_triggers,
    strongest,
)

__all__ = ["Baselines", "n_pieces", "pieces"]

STA_LTA, ENVELOPES = "STA/LTA and coincidence", "nine sub-array envelopes"
PIECE_VALUES = 60_000_000
"""Samples of all stations that are held at once, as float32."""
LEAD_S, TAIL_S = 90, 10
MERGE_S = 5.0
LEAST_STATIONS = 3


def pieces(catalog: AnyPath, waveforms: AnyPath) -> Iterator[tuple[ArrayRecord, Span]]:
    """Yield the records of a catalogue's stations and span, piece by piece.

    Parameters
    ----------
    catalog, waveforms : Path
        A CATALOG product and the WAVEFORMS it was made from.

    Yields
    ------
    ArrayRecord
        With a lead and a tail where there are records.
    Span
        The part of it that is this piece's own.
    """
    source, product = read_product(waveforms, "WAVEFORMS"), read_product(catalog, "CATALOG")
    span = product.span
    rows = {name: k for k, name in enumerate(station_names(waveforms))}
    stations = station_names(catalog)
    places = [read_column(catalog, name).astype(np.float64) for name in ("longitude", "latitude")]
    for core in span.split(_piece_ns(source, len(stations))):
        first_s = (core.start_ns - source.span.start_ns) // NS_PER_S - LEAD_S
        stop_s = (core.end_ns - source.span.start_ns) // NS_PER_S + TAIL_S
        samples = np.empty((len(stations), (stop_s - first_s) * int(source.rate)), np.float32)
        for row, name in zip(samples, stations, strict=True):
            record = read_record(waveforms, source, rows[name], first_s, stop_s)
            row[:] = np.where(record.filled, record.samples, np.nan)
        start_ns = core.start_ns - LEAD_S * NS_PER_S
        yield (
            ArrayRecord(
                samples=samples,
                start_ns=start_ns,
                rate_hz=int(source.rate),
                stations=stations,
                longitude=places[0],
                latitude=places[1],
            ),
            core,
        )


def n_pieces(catalog: AnyPath, waveforms: AnyPath) -> int:
    """Return how many pieces there are."""
    source, span = read_product(waveforms, "WAVEFORMS"), read_product(catalog, "CATALOG").span
    step = _piece_ns(source, len(station_names(catalog)))
    return -(-(span.end_ns - span.start_ns) // step)


def _piece_ns(source: Product, n_stations: int) -> int:
    seconds = PIECE_VALUES // (n_stations * int(source.rate))
    return max(60, min(3600, seconds)) * NS_PER_S


class Baselines:
    """Both detectors over all pieces, each with as much of something as the catalogue has.

    Parameters
    ----------
    has_nine : bool
        Whether there are coordinates and stations enough for nine sub-arrays.
    """

    def __init__(self, *, has_nine: bool) -> None:
        self._has_nine = has_nine
        self._sta_lta: list[Trigger] = []
        self._strengths: list[Strength] = []

    def add(self, record: ArrayRecord, core: Span) -> None:
        """Search a further piece."""
        rule = StaLtaRule(min_stations=min(LEAST_STATIONS, len(record.stations)))
        found = sta_lta_triggers(record, rule)
        self._sta_lta += [t for t in found if core.start_ns <= t.time_ns < core.end_ns]
        if self._has_nine:
            strength = envelope_strength(record, EnvelopeRule())
            first = -(-(core.start_ns - strength.start_ns) // strength.step_ns)
            stop = -(-(core.end_ns - strength.start_ns) // strength.step_ns)
            start_ns = strength.start_ns + first * strength.step_ns
            values = strength.values[first:stop]
            self._strengths.append(
                Strength(start_ns=start_ns, step_ns=strength.step_ns, values=values)
            )

    def detections(self, n_wanted: int) -> dict[str, list[Trigger]]:
        """Return the detections of each, as near to `n_wanted` as it can be made to give.

        Stations in coincidence are counted in whole numbers: of the two numbers that give more and
        fewer detections than wanted, the one is taken whose ratio to it is nearer to 1.
        """
        found = {STA_LTA: self._nearest(n_wanted)}
        if self._strengths:
            joined = self._joined()
            n_steps = int(np.count_nonzero(~np.isnan(joined.values)))
            days = max(n_steps, 1) * joined.step_ns / DAY_NS
            threshold = least_threshold(joined, MERGE_S, (n_wanted + 0.5) / days)
            found[ENVELOPES] = triggers_above(joined, threshold, MERGE_S)
        return found

    def detections_with_new(
        self, n_allowed: int, n_new: Callable[[npt.NDArray[np.int64]], int]
    ) -> dict[str, list[Trigger] | None]:
        """Return the detections of each at the lowest level with at most so many new ones.

        Levels are tried from above and the first with more ends it: see
        `seisflow.stages.compare.sta_lta.strongest` and
        `seisflow.stages.compare.envelopes.allowed_threshold`.

        Parameters
        ----------
        n_allowed : int
            New detections at most.
        n_new : callable
            Returns how many of some times, ns since 1970, are new.

        Returns
        -------
        dict
            By detector; None where even its highest level has more new detections. An empty list
            is of a detector that found nothing at any level.
        """

        def is_allowed(times_ns: npt.NDArray[np.int64]) -> bool:
            # of so many times no more can be new, and they need not be compared
            return times_ns.size <= n_allowed or n_new(times_ns) <= n_allowed

        loudest = strongest(self._sta_lta, is_allowed)
        found = {STA_LTA: None if self._sta_lta and not loudest else loudest}
        if self._strengths:
            joined = self._joined()
            threshold = allowed_threshold(joined, MERGE_S, is_allowed)
            if threshold is not None:
                found[ENVELOPES] = triggers_above(joined, threshold, MERGE_S)
            else:
                found[ENVELOPES] = None if (joined.values > -np.inf).any() else []
        return found

    def _joined(self) -> Strength:
        return Strength(
            start_ns=self._strengths[0].start_ns,
            step_ns=self._strengths[0].step_ns,
            values=np.concatenate([s.values for s in self._strengths]),
        )

    def _nearest(self, n_wanted: int) -> list[Trigger]:
        strengths = np.array([trigger.strength for trigger in self._sta_lta])
        levels = np.unique(strengths)
        if not levels.size:
            return []
        n_found = np.array([np.count_nonzero(strengths >= level) for level in levels])
        level = levels[np.argmin(np.abs(np.log(n_found / max(n_wanted, 1))))]
        return [trigger for trigger in self._sta_lta if trigger.strength >= level]
