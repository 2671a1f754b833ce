"""``seisflow plot``."""

from typing import Annotated, Any

import typer
from upath import UPath

from seisflow.cli.options import JsonOption, SelectOption, a_path
from seisflow.console import ERRORS, print_json
from seisflow.core.classes import Label
from seisflow.core.files import AnyPath
from seisflow.core.grid import format_time
from seisflow.errors import ConfigError
from seisflow.stages.report.palette import shares_text
from seisflow.stages.report.pictures import Picture, paths_of, picture_of_hour, pictures_of_days


def plot(  # noqa: PLR0913 - every parameter is an option of the command
    labels: Annotated[
        UPath, typer.Argument(metavar="LABELS.zarr", help="What label wrote.", parser=a_path)
    ],
    station: Annotated[
        str | None,
        typer.Option(help="One station, NET.STA.LOC.CHA or four globs: draw one hour of it."),
    ] = None,
    hour: Annotated[
        str | None, typer.Option(help="A time in the UTC hour to draw, with --station.")
    ] = None,
    day: Annotated[
        str | None,
        typer.Option(help="A time in the UTC day to draw; by default every day has its figure."),
    ] = None,
    select: SelectOption = None,
    waveforms: Annotated[
        UPath | None,
        typer.Option(
            help="The WAVEFORMS that were labelled; by default where they were then.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    output: Annotated[
        UPath | None,
        typer.Option(
            "--output",
            "-o",
            help="The file to write, .png, .pdf or .svg, or a folder; by default a name made of "
            "product, station and time, here.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Draw labels: a day of the array, or one hour of one station with all its labels rest on.

    Without --station: stations over time in the colours of their labels, with the shares of each
    station, of each hour and of all. With --station: the trace as the labeller saw it, its
    spectrogram, deviation and median correlation over time and against each other.

    Notebooks show the same figures: seisflow.day_figure(labels, day) and
    seisflow.hour_figure(labels, waveforms, station, hour).

    Examples
    --------
    seisflow plot labels.zarr --day 2014-05-29

    seisflow plot labels.zarr --station ZG.R0101..EHZ --hour 2014-05-29T10 -o hour.png
    """
    refuse_mixture(station, hour, day, select, waveforms)
    if station is not None:
        pictures = [picture_of_hour(labels, station, hour, waveforms)]
    else:
        pictures = pictures_of_days(labels, day, select or [])
    drawn = []
    for picture, path in zip(pictures, paths_of([p.name for p in pictures], output), strict=True):
        counts = picture.write(path)
        text = f"{picture.title} {picture.span}: {shares_text(counts)}"
        ERRORS.print(text)
        ERRORS.print(f"look at {path}")
        drawn.append(summary(picture, counts, path))
    if as_json:
        print_json({"product": str(labels), "exit_code": 0, "figures": drawn})


def refuse_mixture(
    station: str | None,
    hour: str | None,
    day: str | None,
    select: list[str] | None,
    waveforms: AnyPath | None,
) -> None:
    """Refuse options of the one figure together with those of the other.

    Raises
    ------
    ConfigError
        It names them.
    """
    of_day = {"--day": day, "--select": select}
    of_hour = {"--hour": hour, "--waveforms": waveforms}
    given = [name for name, value in (of_hour if station is None else of_day).items() if value]
    if given and station is None:
        raise ConfigError(
            f"{' and '.join(given)} without --station; name the station whose hour is to be drawn, "
            "or leave it out to draw all stations"
        )
    if given:
        raise ConfigError(
            f"{' and '.join(given)} with --station; one station is drawn by the hour: give --hour, "
            "or leave out --station to draw a day of all"
        )


def summary(picture: Picture, counts: dict[Label, int], path: AnyPath) -> dict[str, Any]:
    """Return what was drawn as JSON content; shares are those of all its seconds."""
    seconds = {label.name.lower(): n for label, n in counts.items()}
    total = sum(seconds.values())
    return {
        "path": str(path),
        "start": format_time(picture.span.start_ns),
        "end": format_time(picture.span.end_ns),
        "seconds": seconds,
        "shares": {name: n / total for name, n in seconds.items()},
    }
