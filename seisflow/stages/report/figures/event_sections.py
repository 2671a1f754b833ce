"""From a catalogue and its waveforms to the figures of its events."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import xarray as xr

from seisflow.archive.blocks import read_record
from seisflow.archive.opening import open_product, product_attrs
from seisflow.archive.reading import station_names
from seisflow.archive.store import read_product
from seisflow.core.files import AnyPath
from seisflow.core.grid import NS_PER_S
from seisflow.core.reporting import Reporter
from seisflow.dsp.filters import bandpass
from seisflow.engine.stage import Result, Step
from seisflow.stages.detect.config import DetectConfig, DetectParameters
from seisflow.stages.detect.event import Detection, Pick
from seisflow.stages.detect.measuring import band_hz
from seisflow.stages.report.figures.events import EventSection, draw_event

__all__ = ["FIGURES", "best_events", "draw_detected", "draw_events", "section_of"]

FIGURES = "figures"
BEFORE_S, AFTER_S = 4, 8
"""Seconds of traces around P, from which a figure takes what it shows."""

BAND = ("low_hz", "high_hz")
NUMBERS = (
    "n_nodes",
    "n_stations",
    "needed_nodes",
    "probability",
    "mean_cc",
    "stack_snr",
    "back_azimuth_deg",
    "apparent_velocity_m_s",
    "plane_rms_s",
)


def draw_detected(stage: Step[DetectConfig], result: Result, reporter: Reporter) -> None:
    """Draw the best events that detect found into the catalogue, those that are not drawn yet.

    Parameters
    ----------
    stage : Detect
        What was asked; `figures` of its configuration says how many.
    result : Result
        Of that stage.
    reporter : Reporter
        Told of each figure, and where they are.
    """
    config, folder = stage.config, result.path / FIGURES
    opened = result.open().load()
    rows = [
        row
        for row in best_events(opened, config.figures)
        if not (folder / f"{opened.event.values[row]}.png").exists()
    ]
    if not rows:
        return
    with reporter.bar("figures", len(rows)) as bar:
        for _ in draw_events(result.path, config.waveforms, rows):
            bar.advance()
    reporter.say(f"figures in {folder}")


def best_events(catalog: xr.Dataset, n: int) -> list[int]:
    """Return the rows of the n events with most nodes, by time."""
    order = np.argsort(-catalog.n_nodes.values, kind="stable")[:n]
    return sorted(int(row) for row in order)


def draw_events(catalog: AnyPath, waveforms: AnyPath, rows: list[int]) -> Iterator[AnyPath]:
    """Draw events of a catalogue into its folder, one after another.

    Parameters
    ----------
    catalog, waveforms : Path
        A CATALOG product and the WAVEFORMS it was made from.
    rows : list of int
        Rows of the events.

    Yields
    ------
    Path
        Of each figure, once it is there.
    """
    opened = open_product(catalog).load()
    for row in rows:
        section = section_of(opened, waveforms, row)
        path = catalog / FIGURES / f"{section.event.event}.png"
        draw_event(section, path)
        yield path


def section_of(catalog: xr.Dataset, waveforms: AnyPath, row: int) -> EventSection:
    """Read what the figure of one event is drawn from.

    Parameters
    ----------
    catalog : xarray.Dataset
        An opened CATALOG.
    waveforms : Path
        The WAVEFORMS it was made from.
    row : int
        Row of the event.
    """
    event = detection_of(catalog, row)
    source = read_product(waveforms, "WAVEFORMS")
    rows = {name: k for k, name in enumerate(station_names(waveforms))}
    stations = [str(name) for name in catalog.station.values]
    first_s = (event.time_ns - source.span.start_ns) // NS_PER_S - BEFORE_S
    rate, n_seconds = int(source.rate), BEFORE_S + AFTER_S
    config = DetectParameters.build(
        {k: v for k, v in product_attrs(catalog)["identity"]["config"].items() if k in BAND}
    )
    traces = np.full((len(stations), n_seconds * rate), np.nan, dtype=np.float32)
    for trace, name in zip(traces, stations, strict=True):
        record = read_record(waveforms, source, rows[name], first_s, first_s + n_seconds)
        if record.filled.all():
            trace[:] = bandpass(record.samples, rate, band_hz(config, rate))
    delay = {pick.station: pick.delay_s for pick in event.picks}
    return EventSection(
        event=event,
        stations=stations,
        traces=traces,
        start_ns=np.full(len(stations), source.span.start_ns + first_s * NS_PER_S),
        rate_hz=float(rate),
        longitude=catalog.longitude.values,
        latitude=catalog.latitude.values,
        delays_s=np.array([delay.get(name, np.nan) for name in stations]),
    )


def detection_of(catalog: xr.Dataset, row: int) -> Detection:
    """Return an event of an opened CATALOG as it was found."""
    one = catalog.isel(event=row)
    here = catalog.isel(pick=np.flatnonzero(catalog.pick_event.values == row))
    picks = tuple(
        Pick(str(station), int(time), float(delay), float(probability), float(cc))
        for station, time, delay, probability, cc in zip(
            here.pick_station.values,
            here.pick_time.values.astype("datetime64[ns]").astype(np.int64),
            here.pick_delay_s.values,
            here.pick_probability.values,
            here.pick_cc.values,
            strict=True,
        )
    )
    stack = one["stack"]
    numbers: dict[str, Any] = {name: one[name].item() for name in NUMBERS}
    return Detection(
        event=str(one.event.values),
        time_ns=int(one.time.values.astype("datetime64[ns]").astype(np.int64)),
        picks=picks,
        stack=stack.values,
        stack_before_s=float(stack.attrs["before_s"]),
        rate_hz=int(stack.attrs["rate_hz"]),
        **numbers,
    )
