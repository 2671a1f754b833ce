"""Figures on the disk: what each shows, its name, and how it is made when its turn comes."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from seisflow.archive.opening import open_product
from seisflow.archive.store import read_product
from seisflow.core.classes import Label
from seisflow.core.files import AnyPath
from seisflow.core.grid import Span, format_time
from seisflow.errors import ConfigError
from seisflow.stages.report.choosing import choose_station, days_in, hour_in
from seisflow.stages.report.hour import draw_hour
from seisflow.stages.report.palette import count_labels, write_figure
from seisflow.stages.report.raster import draw_raster, read_raster
from seisflow.stages.report.sources import find_waveforms
from seisflow.stages.report.station_hour import read_station_hour

__all__ = ["Picture", "paths_of", "picture_of_hour", "pictures_of_days"]

FORMATS = (".png", ".pdf", ".svg")
Drawn = tuple[Figure, dict[Label, int]]


@dataclass(frozen=True)
class Picture:
    """A figure to be drawn: the name of its file, what it shows, and how it is made."""

    name: str
    title: str
    span: Span
    draw: Callable[[], Drawn]

    def write(self, path: AnyPath) -> dict[Label, int]:
        """Draw and write the figure, and the folders it lies in; return the seconds by label.

        Raises
        ------
        StorageError
            The place cannot be written.
        """
        figure, counts = self.draw()
        write_figure(figure, path)
        return counts


def picture_of_hour(
    labels: AnyPath, station: str, hour: str | None = None, waveforms: AnyPath | None = None
) -> Picture:
    """Prepare the figure of one hour of one station.

    Parameters
    ----------
    labels : Path
        LABELS.
    station, hour : str
        As `seisflow.stages.report.hour.hour_figure` takes them.
    waveforms : path, optional
        As `seisflow.stages.report.sources.find_waveforms` takes it.

    Raises
    ------
    ConfigError
        No such station or hour, or the waveforms were not found.
    """
    read_product(labels, "LABELS")
    opened = open_product(labels)
    names = [str(s) for s in opened.station.values]
    name = names[choose_station(names, station, str(labels))]
    span = hour_in(opened, hour)
    source = find_waveforms(labels, waveforms)
    file = f"{labels.absolute().stem}-{name}-{format_time(span.start_ns)[:13]}"
    return Picture(file, name, span, partial(_draw_hour, opened, source, name, span))


def _draw_hour(labels: xr.Dataset, waveforms: AnyPath, station: str, span: Span) -> Drawn:
    found = read_station_hour(labels, open_product(waveforms, raw=True), station, span.start_ns)
    return draw_hour(found), count_labels(found.label)


def pictures_of_days(
    labels: AnyPath, day: str | None = None, select: Sequence[str] = ()
) -> list[Picture]:
    """Prepare the figures of one day, or of every day, of a product.

    Parameters
    ----------
    labels : Path
        LABELS.
    day : str, optional
        A time in the day.
    select : sequence of str
        Globs of NET.STA.LOC.CHA; all stations by default.

    Raises
    ------
    ConfigError
        No such day.
    """
    read_product(labels, "LABELS")
    opened = open_product(labels)
    chosen = [re.sub(r"[^\w.]", "_", pattern) for pattern in select]
    return [
        Picture(
            "-".join([labels.absolute().stem, format_time(span.start_ns)[:10], *chosen]),
            "array",
            span,
            partial(_draw_day, opened, span, select),
        )
        for span in days_in(opened, day)
    ]


def _draw_day(labels: xr.Dataset, span: Span, select: Sequence[str]) -> Drawn:
    raster = read_raster(labels, span, select)
    return draw_raster(raster), raster.totals()


def paths_of(names: Sequence[str], output: AnyPath | None) -> list[AnyPath]:
    """Return where figures of these names are to be written.

    Raises
    ------
    ConfigError
        One file is named for several figures, or it has no suffix of a figure.
    """
    if output is None or output.is_dir() or not output.suffix:
        folder = output or Path()
        return [folder / f"{name.replace('/', '_')}.png" for name in names]
    if output.suffix.lower() not in FORMATS:
        raise ConfigError(
            f"--output {output} is no kind of figure; allowed: {', '.join(FORMATS)}, or a folder"
        )
    if len(names) > 1:
        raise ConfigError(
            f"--output {output} is one file, and there are {len(names)} days to draw; give --day, "
            "or a folder"
        )
    return [output]
