"""Figures on the disk: what each shows, its name, and how it is made when its turn comes."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from seisflow.archive.opening import open_product
from seisflow.archive.sources import find_waveforms
from seisflow.archive.store import read_product
from seisflow.core.classes import Label
from seisflow.core.files import AnyPath
from seisflow.core.grid import Span, format_time
from seisflow.core.reporting import SILENT, Reporter
from seisflow.errors import ConfigError
from seisflow.stages.report.figures.day import draw_raster, read_raster
from seisflow.stages.report.figures.hour import draw_hour
from seisflow.stages.report.figures.palette import count_labels, shares_text, write_figure
from seisflow.stages.report.figures.selection import choose_station, days_in, hour_in
from seisflow.stages.report.figures.station_hour import read_station_hour

__all__ = ["Picture", "draw_pictures", "pictures_of"]

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


def pictures_of(
    labels: AnyPath,
    *,
    station: str | None = None,
    hour: str | None = None,
    day: str | None = None,
    select: Sequence[str] = (),
    waveforms: AnyPath | None = None,
) -> list[Picture]:
    """Prepare the figure of an hour of one station, or those of days of all stations.

    Parameters
    ----------
    labels : Path
        LABELS.
    station, hour : str, optional
        As `seisflow.hour_figure` takes them.
    day : str, optional
        A time in the day; without it and without a station, every day has its figure.
    select : sequence of str
        Globs of NET.STA.LOC.CHA; all stations by default.
    waveforms : path, optional
        Of a station: as `seisflow.archive.sources.find_waveforms` takes it.

    Raises
    ------
    ConfigError
        Options of the one figure are given with those of the other; there is no such station, hour
        or day; or the waveforms were not found.
    """
    _refuse_mixture(station, hour=hour, waveforms=waveforms, day=day, select=select)
    if station is not None:
        return [picture_of_hour(labels, station, hour, waveforms)]
    return pictures_of_days(labels, day, select)


def _refuse_mixture(station: str | None, **options: Any) -> None:
    names = ("day", "select") if station is not None else ("hour", "waveforms")
    given = " and ".join(f"--{name}" for name in names if options[name])
    if given and station is None:
        raise ConfigError(
            f"{given} without --station; name the station whose hour is to be drawn, or leave it "
            "out to draw all stations"
        )
    if given:
        raise ConfigError(
            f"{given} with --station; one station is drawn by the hour: give --hour, or leave out "
            "--station to draw a day of all"
        )


def draw_pictures(
    pictures: Sequence[Picture], output: AnyPath | None = None, reporter: Reporter = SILENT
) -> list[dict[str, Any]]:
    """Draw and write figures; return what each shows as JSON content.

    Parameters
    ----------
    pictures : sequence of Picture
        Figures.
    output : path, optional
        The file, or a folder; by default a name made of product, station and time, here.
    reporter : Reporter
        Told the shares of the classes, and what was written.

    Raises
    ------
    ConfigError
        One file is named for several figures, or it has no suffix of a figure.
    StorageError
        The place cannot be written.
    """
    drawn = []
    for picture, path in zip(pictures, paths_of([p.name for p in pictures], output), strict=True):
        counts = picture.write(path)
        reporter.say(f"{picture.title} {picture.span}: {shares_text(counts)}")
        reporter.say(f"written: {path}")
        drawn.append(_summary(picture, counts, path))
    return drawn


def _summary(picture: Picture, counts: Mapping[Label, int], path: AnyPath) -> dict[str, Any]:
    """Return what was drawn; shares are those of all its seconds."""
    seconds = {label.name.lower(): n for label, n in counts.items()}
    total = sum(seconds.values())
    return {
        "path": str(path),
        "start": format_time(picture.span.start_ns),
        "end": format_time(picture.span.end_ns),
        "seconds": seconds,
        "shares": {name: n / total for name, n in seconds.items()},
    }


def picture_of_hour(
    labels: AnyPath, station: str, hour: str | None = None, waveforms: AnyPath | None = None
) -> Picture:
    """Prepare the figure of one hour of one station.

    Parameters
    ----------
    labels : Path
        LABELS.
    station, hour : str
        As `seisflow.stages.report.figures.hour.hour_figure` takes them.
    waveforms : path, optional
        As `seisflow.archive.sources.find_waveforms` takes it.

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
