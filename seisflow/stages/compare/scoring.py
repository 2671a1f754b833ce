"""A catalogue against another: matched, missed, at S and new.

Invariants: only events of the reference within the span of the data count; a detection is matched
at P, at S, or new, never two of them. A new detection is no false alarm where the reference is not
complete.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.grid import NS_PER_S, Span
from seisflow.errors import DataError
from seisflow.formats.references import ReferenceEvent
from seisflow.stages.compare.matching import match
from seisflow.stages.evaluate.rates import (
    SNR_EDGES,
    Bands,
    binomial_interval,
    ratio_of,
    recall_by_band,
)

__all__ = ["MAGNITUDE_EDGES", "Comparison", "compare"]

Indices = npt.NDArray[np.int64]
Vector = npt.NDArray[np.float64]

MAGNITUDE_EDGES = (-np.inf, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, np.inf)
"""Bands of magnitude, half-open."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Comparison:
    """What of a reference was found, and what was found beside it.

    Parameters
    ----------
    tolerance_s : float
        Largest residual of a pair.
    span : Span
        Of the data.
    matched : ndarray of int64, shape (n_matched, 2)
        Indices among the times found and the events of the reference, as they were given.
    missed : ndarray of int64, shape (n_missed,)
        Indices of events of the reference within the span without a partner.
    late : ndarray of int64, shape (n_late, 2)
        Detections at S: indices among the times found within the span, and the events of the
        reference whose S they are, found at P or missed, within the span or not.
    new : ndarray of int64, shape (n_new,)
        Indices of times found within the span without a partner, at P or at S.
    residual_s : ndarray of float64, shape (n_matched,)
        Time found minus time of the reference.
    late_residual_s : ndarray of float64, shape (n_late,)
        Time found minus S of the reference.
    n_s_known : int
        Events of the reference, within the span or not, whose S at the array is known. Where there
        is none, nobody looked for detections at S.
    by_magnitude, by_snr : Bands
        The events of the reference within the span and those found (`Bands.n_given`); events
        without a magnitude or an SNR are in no band (`Bands.n_unknown`).
    """

    tolerance_s: float
    span: Span
    matched: Indices
    missed: Indices
    late: Indices
    new: Indices
    residual_s: Vector
    late_residual_s: Vector
    n_s_known: int
    by_magnitude: Bands
    by_snr: Bands

    @property
    def n_reference(self) -> int:
        """Events of the reference within the span."""
        return len(self.matched) + len(self.missed)

    @property
    def n_detections(self) -> int:
        """Detections counted: at P, at S, and new; not those at P of an event beyond the span."""
        return len(self.matched) + len(self.late) + len(self.new)

    @property
    def n_late(self) -> int | None:
        """Detections at S; None where no S is known."""
        return len(self.late) if self.n_s_known else None

    @property
    def recall(self) -> float:
        """Share of the reference that was found at P; NaN where the span holds none of it."""
        return float(ratio_of(len(self.matched), self.n_reference))

    @property
    def recall_interval(self) -> tuple[float, float]:
        """Exact interval of `recall`, see `seisflow.stages.evaluate.rates.binomial_interval`."""
        low, high = binomial_interval(len(self.matched), self.n_reference)
        return float(low), float(high)


def compare(
    found_ns: npt.ArrayLike,
    reference: Sequence[ReferenceEvent],
    tolerance_s: float,
    span: Span,
) -> Comparison:
    """Compare times of detections with a catalogue.

    Times are paired by `seisflow.stages.compare.matching.match`, those beyond the span with the
    others, so that an event just outside explains a detection just inside; such pairs count as
    nothing. Detections without a partner are then paired likewise with S, where it is known: these
    are of an earthquake and no false alarms, but an event of which S alone was found is missed.

    Parameters
    ----------
    found_ns : array_like of int, shape (n,)
        Detections, of the system or of another detector, ns since 1970.
    reference : sequence of ReferenceEvent
        Timed like the detections, by P at the array, and perhaps with S: see
        `seisflow.stages.compare.timing`.
    tolerance_s : float
        Largest residual of a pair.
    span : Span
        Of the data that were searched.

    Returns
    -------
    Comparison

    Raises
    ------
    ConfigError
        The tolerance cannot be.
    DataError
        The reference is empty, or ends before the span or begins after it.
    """
    times = np.array([event.time_ns for event in reference], dtype=np.int64)
    _refuse_apart(times, span)
    found = np.asarray(found_ns, np.int64)
    pairs = match(found, times, tolerance_s)
    inside = _inside(times, span)
    matched = pairs[inside[pairs[:, 1]]]
    residual = (found[matched[:, 0]] - times[matched[:, 1]]) / NS_PER_S
    is_found = np.zeros(times.size, dtype=np.bool_)
    is_found[matched[:, 1]] = True
    at_s, late_residual = _at_s(found, pairs[:, 0], reference, tolerance_s)
    is_late = _inside(found[at_s[:, 0]], span)
    is_new = _inside(found, span)
    is_new[pairs[:, 0]] = is_new[at_s[:, 0]] = False
    magnitude, snr = (
        np.array([getattr(event, name) for event in reference]) for name in ("magnitude", "snr")
    )
    return Comparison(
        tolerance_s=tolerance_s,
        span=span,
        matched=matched,
        missed=np.flatnonzero(inside & ~is_found),
        late=at_s[is_late],
        new=np.flatnonzero(is_new),
        residual_s=residual,
        late_residual_s=late_residual[is_late],
        n_s_known=sum(event.s_ns is not None for event in reference),
        by_magnitude=_bands(magnitude[inside], is_found[inside], MAGNITUDE_EDGES),
        by_snr=_bands(snr[inside], is_found[inside], SNR_EDGES),
    )


def _at_s(
    found: Indices, at_p: Indices, reference: Sequence[ReferenceEvent], tolerance_s: float
) -> tuple[Indices, Vector]:
    """Pair what was found, but not at P, with S; return pairs like those at P, and residuals."""
    left = np.setdiff1d(np.arange(found.size), at_p)
    known = np.array([k for k, e in enumerate(reference) if e.s_ns is not None], np.int64)
    times = np.array([e.s_ns for e in reference if e.s_ns is not None], np.int64)
    pairs = match(found[left], times, tolerance_s)
    residual = (found[left[pairs[:, 0]]] - times[pairs[:, 1]]) / NS_PER_S
    return np.stack([left[pairs[:, 0]], known[pairs[:, 1]]], axis=1), residual


def _bands(values: Vector, is_found: npt.NDArray[np.bool_], edges: tuple[float, ...]) -> Bands:
    """Count what was found by band: a catalogue knows no threshold, so it is the same of both."""
    return recall_by_band(values, is_found, is_found, edges)


def _inside(times: Indices, span: Span) -> npt.NDArray[np.bool_]:
    return (times >= span.start_ns) & (times < span.end_ns)


def _refuse_apart(times: Indices, span: Span) -> None:
    if not times.size:
        raise DataError("the reference holds no event; give a catalogue that covers the data")
    first, last = int(times.min()), int(times.max())
    if first >= span.end_ns or last < span.start_ns:
        raise DataError(
            f"the reference and the data have no time in common: events from "
            f"{Span(first, last + 1)}, data from {span}; give a catalogue of the time of the data"
        )
