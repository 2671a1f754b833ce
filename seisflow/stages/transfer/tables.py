"""What was found of sources that were left out, as rows, JSON and Markdown."""

import math
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from seisflow.stages.evaluate.rates import SNR_EDGES
from seisflow.stages.transfer.config import TransferConfig
from seisflow.stages.transfer.judging import PLACEMENTS, Found, Share

__all__ = ["HEAD", "as_json", "as_markdown", "rows_of"]

HEAD = ("left out", "by", "P", "found", "interval", "false a second", "interval", "quiet windows")

Table = Mapping[str, Mapping[str, Found]]
"""What each method found, by the source left out."""


def rows_of(table: Table) -> list[list[str]]:
    """Return a row for each source and method, in the order of `HEAD`."""
    return [
        [
            name,
            method,
            str(found.arrivals.n),
            _number(found.arrivals.share, 3),
            _interval(found.arrivals, 3),
            _number(found.false_positives.share, 4),
            _interval(found.false_positives, 4),
            str(found.point.n_noise),
        ]
        for name, methods in table.items()
        for method, found in methods.items()
    ]


def as_json(table: Table) -> dict[str, Any]:
    """Return all numbers as JSON content."""
    return {
        "sources": {
            name: {method: _json_of(found) for method, found in methods.items()}
            for name, methods in table.items()
        }
    }


def _json_of(found: Found) -> dict[str, Any]:
    bands = zip(pairwise(SNR_EDGES), found.by_snr.n, found.by_snr.n_above, strict=True)
    return {
        "threshold": found.point.threshold,
        "quiet_windows": found.point.n_noise,
        "quiet_false_positives": found.point.n_false,
        "arrivals": _share_json(found.arrivals),
        "false_positives": _share_json(found.false_positives),
        "by_snr": [
            {"from": low, "to": None if math.isinf(high) else high, "n": int(n), "found": int(k)}
            for (low, high), n, k in bands
        ],
        "by_placement_s": [
            {"from": low, "to": high, **_share_json(share)}
            for (low, high), share in zip(pairwise(PLACEMENTS), found.by_placement, strict=True)
        ],
    }


def _share_json(share: Share) -> dict[str, Any]:
    if not share.n:
        return {"found": 0, "n": 0, "share": None, "interval": None}
    return {
        "found": share.found,
        "n": share.n,
        "share": share.share,
        "interval": list(share.interval),
    }


def as_markdown(table: Table, config: TransferConfig) -> str:
    """Return the tables as Markdown."""
    rate = config.false_positive_rate
    lines = [
        f"P with a signal-to-noise ratio above {config.least_snr:g} of sources that a network did "
        "not learn from, found where one of their windows is; the threshold is that at which noise "
        f"of quiet sources gives {rate:g} false positives a second.",
        "",
        *_markdown(HEAD, rows_of(table)),
        "",
        "Found by signal-to-noise ratio (P):",
        "",
        *_markdown(
            ("left out", "by", *[_band(*edges) for edges in pairwise(SNR_EDGES)]), _snr_rows(table)
        ),
        "",
        "Found by the place of P in its second, in s (windows):",
        "",
        *_markdown(
            ("left out", "by", *[f"{low:g}-{high:g}" for low, high in pairwise(PLACEMENTS)]),
            _placement_rows(table),
        ),
        "",
    ]
    return "\n".join(lines)


def _band(low: float, high: float) -> str:
    return f"{low:g} or more" if math.isinf(high) else f"{low:g}-{high:g}"


def _snr_rows(table: Table) -> list[list[str]]:
    return [
        [
            name,
            method,
            *[
                f"{_number(k / n, 2)} of {n}" if n else ""
                for n, k in zip(found.by_snr.n, found.by_snr.n_above, strict=True)
            ],
        ]
        for name, methods in table.items()
        for method, found in methods.items()
    ]


def _placement_rows(table: Table) -> list[list[str]]:
    return [
        [
            name,
            method,
            *[f"{_number(s.share, 2)} of {s.n}" if s.n else "" for s in found.by_placement],
        ]
        for name, methods in table.items()
        for method, found in methods.items()
    ]


def _markdown(head: tuple[str, ...], rows: list[list[str]]) -> list[str]:
    lines = ["| " + " | ".join(row) + " |" for row in (head, *rows)]
    return [lines[0], "|" + "---|" * len(head), *lines[1:]]


def _number(value: float, digits: int) -> str:
    return "" if math.isnan(value) else f"{value:.{digits}f}"


def _interval(share: Share, digits: int) -> str:
    if not share.n:
        return ""
    low, high = share.interval
    return f"{low:.{digits}f}-{high:.{digits}f}"
