"""The part of a campaign's page that shows detections."""

from collections.abc import Callable, Sequence

import numpy as np
import xarray as xr

from seisflow.archive.opening import product_attrs
from seisflow.archive.work import Progress
from seisflow.core.amounts import human_moment
from seisflow.stages.report.page.elements import (
    NOTHING,
    Cell,
    Image,
    Part,
    Table,
    number,
    plain,
    sketch_of,
    smaller,
)
from seisflow.stages.report.page.products import problems_of, warnings_of

__all__ = ["detections_part"]

MAX_ROWS = 300
"""Rows of a table: of more detections, those of the best correlation are shown."""
FIGURE_BYTES = 25_000_000
"""Of figures of detections shown in full; after that small ones only."""
THUMBNAIL_PIXELS = 150

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
    single = {k: v for k, v in config.items() if isinstance(v, int | float | str)}
    return ", ".join(f"{k.replace('_', ' ')} {plain(v)}" for k, v in single.items()) or NOTHING


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
