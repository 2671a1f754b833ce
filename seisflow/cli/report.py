"""``seisflow report``."""

from typing import Annotated

import typer
from upath import UPath

from seisflow.cli.options import JsonOption, a_path
from seisflow.console import ERRORS, print_json
from seisflow.errors import ConfigError
from seisflow.stages.report.page import CampaignParts, write_page

COMPARISON = "comparison.json"


def report(  # noqa: PLR0913 - every parameter is an option of the command
    page: Annotated[
        UPath, typer.Argument(metavar="PAGE.html", help="The file to write.", parser=a_path)
    ],
    waveforms: Annotated[
        UPath | None, typer.Option(help="What ingest wrote.", parser=a_path, metavar="<path>")
    ] = None,
    labels: Annotated[
        UPath | None, typer.Option(help="What label wrote.", parser=a_path, metavar="<path>")
    ] = None,
    model: Annotated[
        UPath | None, typer.Option(help="What train wrote.", parser=a_path, metavar="<path>")
    ] = None,
    scores: Annotated[
        UPath | None, typer.Option(help="What infer wrote.", parser=a_path, metavar="<path>")
    ] = None,
    catalog: Annotated[
        UPath | None, typer.Option(help="What detect wrote.", parser=a_path, metavar="<path>")
    ] = None,
    comparison: Annotated[
        UPath | None,
        typer.Option(
            help="What compare wrote; by default CATALOG/comparison.json if it is there.",
            parser=a_path,
            metavar="<path>",
        ),
    ] = None,
    title: Annotated[str, typer.Option(help="Title of the page.")] = "Seismic campaign",
    as_json: JsonOption = False,
) -> None:
    """Make one page of a campaign: what came in, its classes, the model, detections, and the cost.

    The page is one file that refers to nothing else: send it, or open it without a network.

    Examples
    --------
    seisflow report page.html --waveforms waveforms.zarr --labels labels.zarr --catalog catalog
    """
    if comparison is None and catalog is not None and (catalog / COMPARISON).exists():
        comparison = catalog / COMPARISON
    parts = CampaignParts(
        waveforms=waveforms,
        labels=labels,
        model=model,
        scores=scores,
        catalog=catalog,
        comparison=comparison,
    )
    if parts == CampaignParts():
        raise ConfigError(
            "nothing to report; give one or more of --waveforms, --labels, --model, --scores, "
            "--catalog, --comparison"
        )
    write_page(parts, page, title)
    ERRORS.print(f"look at {page}")
    if as_json:
        print_json({"product": str(page), "exit_code": 0})
