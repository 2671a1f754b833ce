"""The parts of a campaign's page that say what was found, and how it compares with a catalogue."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from seisflow.archive.opening import product_attrs
from seisflow.archive.work import Progress
from seisflow.core.amounts import human_moment
from seisflow.stages.report.campaign import problems_of, warnings_of
from seisflow.stages.report.parts import (
    NOTHING,
    Cell,
    Image,
    Part,
    Table,
    number,
    sketch_of,
    smaller,
    table_of,
)

__all__ = ["comparison_part", "detections_part"]

MAX_ROWS = 300
"""Rows of a table: of more detections, those of the best correlation are shown."""
FIGURE_BYTES = 25_000_000
"""Of figures of detections shown in full; after that small ones only."""
THUMBNAIL_PIXELS = 150
SHORT = 12
"""Values of a list that are written out."""

DETECTIONS = (
    "figure",
    "stack",
    "P at the median node, UTC",
    "event",
    "nodes (needed)",
    "probability",
    "mean cc",
    "SNR of stack",
    "from, °",
    "apparent velocity, km/s",
    "rms of plane wave, ms",
)

WORDS = {"late": "at S", "equal": "baselines equal in"}
"""Names of a comparison that say less to people than to programs."""

Pictures = Callable[[str], bytes | None]
"""Returns the PNG file of an event by its name; None where it was not drawn."""


def detections_part(name: str, catalog: xr.Dataset, progress: Progress, figures: Pictures) -> Part:
    """Show the events found.

    Parameters
    ----------
    name : str
        Path, as it is to be shown.
    catalog : xarray.Dataset
        CATALOG, complete or not.
    progress : Progress
        Of this product.
    figures : callable
        Returns the PNG file of an event, or None.

    Returns
    -------
    Part
        All events by time, or the `MAX_ROWS` of the best mean correlation where there are more;
        those with a figure have a small one that leads to the large one.
    """
    n = catalog.sizes.get("event", 0)
    rows = _best(catalog)
    table, gallery, damaged = _event_rows(catalog, rows, figures)
    warnings = warnings_of(progress)
    warnings += [f"figures that cannot be read: {', '.join(damaged[:5])}"] if damaged else []
    if len(rows) < n:
        warnings.append(
            f"the {len(rows):,} of {n:,} detections with the best mean correlation are shown; all "
            f"of them are in {name}/catalog.csv"
        )
    picks = catalog.sizes.get("pick", 0)
    facts = [("detections", f"{n:,}"), ("picks", f"{picks:,}")]
    facts += [(key.replace("_", " "), f"{k:,}") for key, k in progress.counts.items()]
    facts += [("asked", _asked(catalog)), ("product", name)]
    tables = [Table("Detections by time", DETECTIONS, tuple(table))] if n else []
    return Part(
        "detections",
        "Detections",
        facts,
        warnings,
        tables=tables,
        listings=problems_of(progress),
        gallery=gallery,
    )


def _asked(catalog: xr.Dataset) -> str:
    """Say with which settings was searched."""
    config = product_attrs(catalog)["identity"]["config"]
    plain = {k: v for k, v in config.items() if isinstance(v, int | float | str)}
    return ", ".join(f"{k.replace('_', ' ')} {_plain(v)}" for k, v in plain.items()) or NOTHING


def _best(catalog: xr.Dataset) -> list[int]:
    """Return the rows shown, by time."""
    n = catalog.sizes.get("event", 0)
    if not n:
        return []
    best = np.argsort(-np.nan_to_num(catalog.mean_cc.values, nan=-2), kind="stable")[:MAX_ROWS]
    times = catalog.time.values[best]
    return [int(row) for row in best[np.argsort(times, kind="stable")]]


def _event_rows(
    catalog: xr.Dataset, rows: Sequence[int], figures: Pictures
) -> tuple[list[tuple[Cell, ...]], list[Image], list[str]]:
    """Return the rows of the table, the large figures, and the events whose figure is damaged."""
    table, gallery, damaged, total = [], [], [], 0
    for row in rows:
        event = catalog.isel(event=row)
        name, link, first = str(event.event.values), f"figure-{row}", Cell()
        try:
            png = figures(name)
            small, large = (smaller(png, THUMBNAIL_PIXELS), smaller(png)) if png else (b"", b"")
        except ValueError:
            damaged.append(name)
            small, large = b"", b""
        if small:
            total += len(large)
            in_full = total <= FIGURE_BYTES
            picture = Image(small, f"figure of {name}", kind="webp")
            first = Cell("", picture, link=link if in_full else "")
            if in_full:
                gallery.append(Image(large, name, link, f"event-{row}", "webp"))
        table.append((first, _stack_cell(event, name), *_event_cells(event, name, f"event-{row}")))
    return table, gallery, damaged


def _stack_cell(event: xr.Dataset, name: str) -> Cell:
    """Return a sketch of the stack with its onset."""
    if "stack" not in event:
        return Cell()
    about = event["stack"].attrs
    onset = float(about.get("before_s", 0)) * float(about.get("rate_hz", 0))
    return Cell("", sketch_of(event["stack"].values, onset, f"stack of {name}"))


def _event_cells(event: xr.Dataset, name: str, anchor: str) -> list[Cell]:
    time_ns = int(event.time.values.astype("datetime64[ns]").astype(np.int64))
    values = [
        f"{int(event.n_nodes)} of {int(event.n_stations)} ({int(event.needed_nodes)})",
        number(float(event.probability), ".3f"),
        number(float(event.mean_cc), ".2f"),
        number(float(event.stack_snr), ".1f"),
        number(float(event.back_azimuth_deg), ".0f"),
        number(float(event.apparent_velocity_m_s) / 1000, ".2f"),
        number(1000 * float(event.plane_rms_s), ".1f"),
    ]
    return [
        Cell(human_moment(time_ns), anchor=anchor),
        Cell(name),
        *(Cell(v, is_number=True) for v in values),
    ]


def comparison_part(name: str, document: Mapping[str, Any]) -> Part:
    """Show a comparison of detections with a catalogue, whatever it counts.

    Parameters
    ----------
    name : str
        Path, as it is to be shown.
    document : mapping
        JSON content: single values become facts; a list of mappings becomes a table; a mapping
        becomes a table of its entries.
    """
    facts, tables = [], []
    for key, value in document.items():
        text = _words(key)
        if _is_rows(value):
            tables.append(_records(text, value))
        elif isinstance(value, Mapping) and any(isinstance(v, Mapping) for v in value.values()):
            tables.append(_records(text, [_with_name(k, v) for k, v in value.items()]))
        elif isinstance(value, Mapping):
            rows = [[_words(k), _plain(v)] for k, v in value.items()]
            tables.append(table_of(text, ("", ""), rows))
        else:
            facts.append((text, _plain(value)))
    facts.append(("file", name))
    return Part("comparison", "Comparison with a catalogue", facts, tables=tables)


def _words(key: str) -> str:
    return WORDS.get(key, key.replace("_", " "))


def _with_name(key: str, value: Any) -> dict[str, Any]:
    """Return an entry of a mapping as a row that begins with its name."""
    name = _words(key)
    return {"": name, **value} if isinstance(value, Mapping) else {"": name, "value": value}


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, Mapping) for v in value)


def _records(caption: str, records: Sequence[Mapping[str, Any]]) -> Table:
    """Make a table of mappings; a column for every key there is."""
    head = list(dict.fromkeys(key for record in records for key in record))
    shown = records[:MAX_ROWS]
    if len(shown) < len(records):
        caption += f" ({len(shown):,} of {len(records):,} shown)"
    rows = [[_plain(record.get(key)) for key in head] for record in shown]
    return table_of(caption, [_words(key) for key in head], rows)


def _plain(value: Any) -> str:
    """Write a value of JSON as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value, "," if isinstance(value, int) else ",.4g")
    if isinstance(value, list) and len(value) > SHORT:
        return f"{len(value):,} values"
    if isinstance(value, list) and all(not isinstance(v, list | Mapping) for v in value):
        return ", ".join(_plain(v) for v in value)
    if isinstance(value, list | Mapping):
        return json.dumps(value)
    return number(None) if value is None else str(value)
