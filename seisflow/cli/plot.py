"""``seisflow plot``."""

from typing import Annotated

import typer
from upath import UPath

from seisflow.cli.options import JsonOption, SelectOption, a_path
from seisflow.console import CONSOLE, print_json


def plot(  # noqa: PLR0913 - every parameter is an option of the command
    labels: Annotated[
        UPath, typer.Argument(metavar="LABELS.zarr", help="What label wrote.", parser=a_path)
    ],
    station: Annotated[
        str | None,
        typer.Option(
            help="NET.STA.LOC.CHA, STA, NET.STA or four globs: draw one hour of this station."
        ),
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
    # only here: matplotlib takes a second to import, and may be missing
    from seisflow.stages.report.figures.plotting import draw_pictures, pictures_of

    pictures = pictures_of(
        labels, station=station, hour=hour, day=day, select=select or (), waveforms=waveforms
    )
    drawn = draw_pictures(pictures, output, CONSOLE)
    if as_json:
        print_json({"product": str(labels), "exit_code": 0, "figures": drawn})
