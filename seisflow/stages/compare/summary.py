"""A comparison as JSON content and as rows of tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from seisflow.core.grid import format_time
from seisflow.formats.references import ReferenceEvent
from seisflow.stages.compare.config import Equal
from seisflow.stages.compare.scoring import Comparison
from seisflow.stages.evaluate.rates import Bands, binomial_interval

__all__ = ["DETECTOR_HEAD", "band_rows", "detector_rows", "to_json"]

DETECTOR_HEAD = (
    "detector",
    "detections",
    "matched",
    "recall, 95 %",
    "missed",
    "at S",
    "new",
    "median residual, s",
)
"""Columns of `detector_rows`."""


def detector_rows(comparisons: Mapping[str, Comparison]) -> list[list[str]]:
    """Return one row a detector: what it found of the reference, and what beside it.

    The cell of detections at S is empty where no S is known.
    """
    rows = []
    for name, found in comparisons.items():
        low, high = found.recall_interval
        residual = np.abs(found.residual_s)
        rows.append(
            [
                name,
                str(found.n_detections),
                f"{len(found.matched)} of {found.n_reference}",
                f"{found.recall:.3f} ({low:.3f} to {high:.3f})",
                str(len(found.missed)),
                "" if found.n_late is None else str(found.n_late),
                str(len(found.new)),
                f"{np.median(residual):.3f}" if residual.size else "",
            ]
        )
    return rows


def band_rows(comparisons: Mapping[str, Comparison], quantity: str) -> list[list[str]]:
    """Return one row a band of ``magnitude`` or ``snr``: its events, and how many each found."""
    every = [getattr(found, f"by_{quantity}") for found in comparisons.values()]
    first: Bands = every[0]
    return [
        [
            f"{first.edges[k]:g} to {first.edges[k + 1]:g}",
            str(int(first.n[k])),
            *(f"{int(bands.n_given[k])}" for bands in every),
        ]
        for k in range(first.n.size)
        if first.n[k]
    ]


def to_json(
    comparisons: Mapping[str, Comparison],
    times_ns: Mapping[str, Sequence[int]],
    reference: Sequence[ReferenceEvent],
    equal: Equal | None = None,
) -> dict[str, Any]:
    """Return comparisons of detectors with one reference as JSON content.

    Parameters
    ----------
    comparisons : mapping of Comparison
        By detector, the catalogue first.
    times_ns : mapping of sequence of int
        What each detector found.
    reference : sequence of ReferenceEvent
        The events compared with.
    equal : {"detections", "new"}, optional
        Of what the baselines were given as much as the catalogue has; None where none ran.

    Returns
    -------
    dict
        ``matched``, ``missed``, ``late`` and ``new`` list what is counted of the catalogue under
        these names. A time is that of the reference, of ``late`` that of its S; of ``new``, which
        has none, the time found. A number that is not known is None, as those at S where no S is.
    """
    name, first = next(iter(comparisons.items()))
    found = times_ns[name]
    return {
        "span": str(first.span),
        "tolerance_s": first.tolerance_s,
        "equal": equal,
        "events_with_s": first.n_s_known,
        "detectors": [_numbers(name, one) for name, one in comparisons.items()],
        "by_magnitude": _bands(comparisons, "magnitude"),
        "by_snr": _bands(comparisons, "snr"),
        "matched": [
            _event(reference[k], reference[k].time_ns, float(residual))
            for (_, k), residual in zip(first.matched.tolist(), first.residual_s, strict=True)
        ],
        "missed": [_event(reference[k], reference[k].time_ns) for k in first.missed.tolist()],
        "late": [
            _event(reference[k], _s_of(reference[k]), float(residual))
            for (_, k), residual in zip(first.late.tolist(), first.late_residual_s, strict=True)
        ],
        "new": [{"time": format_time(int(found[k]))} for k in first.new.tolist()],
    }


def _s_of(event: ReferenceEvent) -> int:
    assert event.s_ns is not None, "nothing is at an S that is not known"
    return event.s_ns


def _event(event: ReferenceEvent, time_ns: int, residual_s: float | None = None) -> dict[str, Any]:
    residual = {} if residual_s is None else {"residual_s": round(residual_s, 4)}
    return {
        "event": event.event,
        "time": format_time(time_ns),
        **residual,
        "magnitude": _finite(event.magnitude),
        "snr": _finite(event.snr),
    }


def _numbers(name: str, found: Comparison) -> dict[str, Any]:
    low, high = found.recall_interval
    residual = np.abs(found.residual_s)
    return {
        "detector": name,
        "detections": found.n_detections,
        "reference": found.n_reference,
        "matched": len(found.matched),
        "missed": len(found.missed),
        "late": found.n_late,
        "new": len(found.new),
        "recall": _finite(found.recall),
        "recall_from": _finite(low),
        "recall_to": _finite(high),
        "median_residual_s": _finite(float(np.median(residual))) if residual.size else None,
    }


def _bands(comparisons: Mapping[str, Comparison], quantity: str) -> list[dict[str, Any]]:
    rows = []
    for name, found in comparisons.items():
        bands: Bands = getattr(found, f"by_{quantity}")
        low, high = binomial_interval(bands.n_given, bands.n)
        rows += [
            {
                "detector": name,
                "from": _finite(float(bands.edges[k])),
                "to": _finite(float(bands.edges[k + 1])),
                "events": int(bands.n[k]),
                "found": int(bands.n_given[k]),
                "recall_from": _finite(float(low[k])),
                "recall_to": _finite(float(high[k])),
            }
            for k in np.flatnonzero(bands.n)
        ]
    return rows


def _finite(value: float) -> float | None:
    return round(value, 6) if np.isfinite(value) else None
