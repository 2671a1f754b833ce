"""One page that shows a whole campaign: a single file, without scripts, that works offline.

Invariant: the page refers to nothing but itself. All text of products is escaped.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

import seisflow
from seisflow.archive.opening import open_product
from seisflow.archive.store import read_product, storage_errors
from seisflow.archive.work import progress_of
from seisflow.core.files import AnyPath, whole_file
from seisflow.errors import ConfigError, DataError
from seisflow.stages.report import campaign, findings
from seisflow.stages.report.parts import Part

__all__ = ["CampaignParts", "campaign_page", "render_page", "write_page"]

TEMPLATE = "page.html"
TITLE = "Seismic campaign"
MODEL_DOCUMENT = "model.json"
FIGURES = "figures"
ORDER = ("waveforms", "labels", "model", "scores", "catalog", "comparison")
"""In which parts are shown: that in which they are made."""
STAGES = {"waveforms": "ingest", "labels": "label", "scores": "infer", "catalog": "detect"}
"""The products of a campaign and the stages that make them."""


@dataclass(frozen=True, kw_only=True)
class CampaignParts:
    """What a page is made from; what is not given is left out.

    Parameters
    ----------
    waveforms, labels, scores, catalog : path, optional
        Products of `seisflow ingest`, `label`, `infer` and `detect`, complete or not.
    model : path, optional
        A folder of `seisflow train`.
    comparison : path, optional
        JSON of a comparison of the detections with a catalogue.
    """

    waveforms: AnyPath | None = None
    labels: AnyPath | None = None
    model: AnyPath | None = None
    scores: AnyPath | None = None
    catalog: AnyPath | None = None
    comparison: AnyPath | None = None


def campaign_page(parts: CampaignParts, title: str = TITLE) -> str:
    """Make the page of a campaign.

    Parameters
    ----------
    parts : CampaignParts
        Where its products lie.
    title : str
        Its heading.

    Returns
    -------
    str
        HTML with all figures in it: what came in, labels, the model, probabilities, detections, a
        comparison, and what every stage took.

    Raises
    ------
    ConfigError
        Nothing is given, or a path is not that of such a product.
    DataError
        A product or file is damaged.
    """
    given = {field.name: path for field in fields(parts) if (path := getattr(parts, field.name))}
    if not given:
        raise ConfigError(
            "a page of nothing was asked for; give at least one of "
            f"{', '.join(field.name for field in fields(parts))}"
        )
    shown = [_part(kind, given[kind]) for kind in ORDER if kind in given]
    costs = [(stage, progress_of(given[kind])) for kind, stage in STAGES.items() if kind in given]
    if costs:
        shown.append(campaign.cost_part(costs))
    return render_page(title, shown)


def write_page(parts: CampaignParts, path: AnyPath, title: str = TITLE) -> None:
    """Write the page of a campaign; it has its name only when it is whole.

    Parameters
    ----------
    parts : CampaignParts
        Where its products lie.
    path : Path
        The file; its folder is made where it does not exist.
    title : str
        Its heading.

    Raises
    ------
    ConfigError, DataError
        As `campaign_page`.
    StorageError
        The place cannot be written.
    """
    text = campaign_page(parts, title)
    with storage_errors(path), whole_file(path) as file:
        file.write(text.encode())


def render_page(title: str, parts: Sequence[Part]) -> str:
    """Put parts into the template of the page.

    Parameters
    ----------
    title : str
        Its heading.
    parts : sequence of Part
        In the order in which they are shown.
    """
    return _template().render(title=title, version=seisflow.__version__, parts=parts)


@lru_cache(maxsize=1)
def _template() -> Template:
    text = files("seisflow.stages.report").joinpath(TEMPLATE).read_text(encoding="utf-8")
    around = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return around.from_string(text)


def _part(kind: str, path: AnyPath) -> Part:
    """Read what lies at a path and make its part of the page."""
    name = str(path)
    if kind == "model":
        return campaign.model_part(name, _read_json(path / MODEL_DOCUMENT), _pictures(path))
    if kind == "comparison":
        return findings.comparison_part(name, _read_json(path))
    read_product(path, kind.upper())
    dataset, progress = open_product(path), progress_of(path)
    if kind == "catalog":
        return findings.detections_part(name, dataset, progress, _pictures(path))
    make = {
        "waveforms": campaign.waveforms_part,
        "labels": campaign.labels_part,
        "scores": campaign.scores_part,
    }
    return make[kind](name, dataset, progress)


def _pictures(folder: AnyPath) -> Callable[[str], bytes | None]:
    """Return what reads a PNG file of a folder's figures by its name without suffix."""
    figures = folder / FIGURES
    files = figures.iterdir() if figures.is_dir() else ()
    there = {file.stem: file for file in files if file.suffix == ".png"}
    return lambda name: there[name].read_bytes() if name in there else None


def _read_json(path: AnyPath) -> Mapping[str, Any]:
    """Read a JSON file that holds a mapping.

    Raises
    ------
    ConfigError
        There is no such file.
    DataError
        It holds something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path} does not exist; give the path of a file or model that does"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no JSON file ({error}); make it again") from error
    if not isinstance(content, dict):
        raise DataError(
            f"{path} holds a {type(content).__name__}, not names and values; make it again"
        )
    return content
