"""One page that shows a whole campaign: a single file, without scripts, that works offline.

Invariant: the page refers to nothing but itself. All text of products is escaped.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined, Template

import seisflow
from seisflow.archive.opening import open_product
from seisflow.archive.store import read_product
from seisflow.archive.work import progress_of
from seisflow.core.files import AnyPath
from seisflow.core.shipped import hint_of_shipped
from seisflow.errors import ConfigError, DataError
from seisflow.stages.report.page.comparison import comparison_part
from seisflow.stages.report.page.detections import detections_part
from seisflow.stages.report.page.elements import Part
from seisflow.stages.report.page.products import (
    cost_part,
    labels_part,
    model_part,
    scores_part,
    waveforms_part,
)

__all__ = ["campaign_page", "render_page"]

TEMPLATE = "page.html"
MODEL_DOCUMENT = "model.json"
FIGURES = "figures"
STAGES = {"waveforms": "ingest", "labels": "label", "scores": "infer", "catalog": "detect"}
"""The stages whose products say what they took."""


def campaign_page(products: Mapping[str, AnyPath], title: str) -> str:
    """Make the page of a campaign.

    Parameters
    ----------
    products : mapping of str to path
        Where its products lie, complete or not, by the name of the option of
        `seisflow.stages.report.config.ReportConfig`; they are shown in this order.
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
        A path is not that of such a product.
    DataError
        A product or file is damaged.
    """
    shown = [_part(kind, path) for kind, path in products.items()]
    costs = [(STAGES[kind], progress_of(path)) for kind, path in products.items() if kind in STAGES]
    if costs:
        shown.append(cost_part(costs))
    return render_page(title, shown)


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
    text = files("seisflow.stages.report.page").joinpath(TEMPLATE).read_text(encoding="utf-8")
    around = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return around.from_string(text)


def _part(kind: str, path: AnyPath) -> Part:
    """Read what lies at a path and make its part of the page."""
    name = str(path)
    if kind == "model":
        return model_part(name, _read_json(path / MODEL_DOCUMENT), _pictures(path))
    if kind == "comparison":
        return comparison_part(name, _read_json(path))
    read_product(path, kind.upper())
    dataset, progress = open_product(path), progress_of(path)
    if kind == "catalog":
        return detections_part(name, dataset, progress, _pictures(path))
    make = {
        "waveforms": waveforms_part,
        "labels": labels_part,
        "scores": scores_part,
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
            + (hint_of_shipped() if path.name == MODEL_DOCUMENT else "")
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is no JSON file ({error}); make it again") from error
    if not isinstance(content, dict):
        raise DataError(
            f"{path} holds a {type(content).__name__}, not names and values; make it again"
        )
    return content
