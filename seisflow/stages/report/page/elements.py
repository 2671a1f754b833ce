"""What a page is made of: parts with facts, warnings, pictures and tables. All of it plain text.

Invariant: nothing here is HTML; the template of the page escapes every text.
"""

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from matplotlib.image import imread, imsave

from seisflow.stages.report.figures.palette import drawing

__all__ = [
    "NOTHING",
    "SKETCH_SIZE",
    "Cell",
    "Image",
    "Listing",
    "Part",
    "Sketch",
    "Table",
    "image_of",
    "mean_of_squares",
    "number",
    "plain",
    "sketch_of",
    "smaller",
    "table_of",
]

Pixels = npt.NDArray[np.float32]

SKETCH_SIZE = (150, 56)
QUALITY = 85
"""Of packed pictures: lines stay sharp, and noisy traces take a third of a PNG."""
SHORT = 12
"""Values of a list that are written out."""
NOTHING = "-"
"""Stands where a value is not known."""


@dataclass(frozen=True)
class Image:
    """A picture in the page.

    Parameters
    ----------
    data : bytes
        The file.
    text : str
        What it shows, for those who do not see it, and below it.
    anchor : str
        Where links of the page find it; plain letters, digits and hyphens.
    back : str
        The anchor it leads back to.
    kind : str
        ``png`` or ``webp``.
    """

    data: bytes
    text: str
    anchor: str = ""
    back: str = ""
    kind: str = "png"

    @property
    def address(self) -> str:
        """The picture itself, as an address that needs no other file."""
        return f"data:image/{self.kind};base64,{base64.b64encode(self.data).decode()}"


@dataclass(frozen=True)
class Sketch:
    """A line of `SKETCH_SIZE` pixels.

    Parameters
    ----------
    text : str
        What it shows, for those who do not see it.
    points : str
        Its points as SVG takes them.
    mark : float
        Where a vertical line stands, in pixels from the left.
    """

    text: str
    points: str
    mark: float

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return SKETCH_SIZE


@dataclass(frozen=True)
class Cell:
    """A cell of a table: a text, or a picture, that may lead to another place of the page."""

    text: str = ""
    image: Image | Sketch | None = None
    anchor: str = ""
    link: str = ""
    is_number: bool = False


@dataclass(frozen=True)
class Table:
    """Rows under a heading."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def columns(self) -> list[tuple[str, bool]]:
        """Name of each column, and whether it holds numbers."""
        return [
            (name, bool(self.rows) and all(row[k].is_number for row in self.rows))
            for k, name in enumerate(self.head)
        ]


@dataclass(frozen=True)
class Listing:
    """Lines that are shown when they are asked for."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Part:
    """A part of the page.

    Parameters
    ----------
    anchor : str
        Where links of the page find it.
    title : str
        Its heading.
    facts : sequence of pairs of str
        Name and value.
    warnings : sequence of str
        What must be known before the rest is believed.
    images, tables, listings, gallery
        In the order in which they are shown.
    """

    anchor: str
    title: str
    facts: Sequence[tuple[str, str]] = ()
    warnings: Sequence[str] = ()
    images: Sequence[Image] = ()
    tables: Sequence[Table] = ()
    listings: Sequence[Listing] = ()
    gallery: Sequence[Image] = ()


def image_of(figure: Figure, text: str) -> Image:
    """Return a figure as a picture of the page."""
    drawn = io.BytesIO()
    figure.savefig(drawn, format="png")
    return Image(drawn.getvalue(), text)


def smaller(png: bytes, width: int | None = None) -> bytes:
    """Pack a picture into fewer bytes, and into fewer pixels where a width is given.

    Parameters
    ----------
    png : bytes
        A PNG file.
    width : int, optional
        Wanted, in pixels; the picture is reduced by a whole factor to this or a little more.

    Returns
    -------
    bytes
        A WebP file, with small errors of colour.

    Raises
    ------
    ValueError
        It is no PNG, or a damaged one.
    """
    try:
        pixels = np.atleast_3d(imread(io.BytesIO(png), format="png"))[..., :3]
    except (OSError, SyntaxError, IndexError) as error:
        raise ValueError(f"not a PNG: {error}") from error
    if pixels.shape[2] < 3:
        pixels = np.repeat(pixels[..., :1], 3, axis=2)
    if width is not None:
        pixels = mean_of_squares(pixels, max(1, pixels.shape[1] // width))
    drawn = io.BytesIO()
    with drawing():
        imsave(drawn, np.ascontiguousarray(pixels), format="webp", pil_kwargs={"quality": QUALITY})
    return drawn.getvalue()


def mean_of_squares(pixels: Pixels, by: int) -> Pixels:
    """Reduce an image by a factor; what is left over at the right and below is cut off.

    Parameters
    ----------
    pixels : ndarray of float32, shape (n_rows, n_columns, n_colours)
        The image.
    by : int
        Pixels of a side of a square.
    """
    rows, columns = pixels.shape[0] // by, pixels.shape[1] // by
    squares = pixels[: rows * by, : columns * by].reshape(rows, by, columns, by, -1)
    reduced: Pixels = squares.mean(axis=(1, 3))
    return reduced


def sketch_of(values: npt.NDArray[np.floating], mark: float, text: str) -> Sketch | None:
    """Draw a line through values.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        Evenly spaced; the largest magnitude reaches the edge.
    mark : float
        Place of a vertical line, counted in values from the first.
    text : str
        What it shows.

    Returns
    -------
    Sketch or None
        None where there are fewer than two values or one is not finite.
    """
    if values.size < 2 or not np.isfinite(values).all():
        return None
    width, height = SKETCH_SIZE
    x = np.linspace(0, width, values.size)
    y = height / 2 * (1 - 0.95 * values / max(float(np.abs(values).max()), 1e-30))
    points = " ".join(f"{a:.1f},{b:.1f}" for a, b in zip(x, y, strict=True))
    return Sketch(text, points, round(mark / (values.size - 1) * width, 1))


def number(value: Any, form: str = ",", unit: str = "") -> str:
    """Write a number, or `NOTHING` where it is missing or not finite."""
    if value is None or not np.isfinite(value):
        return NOTHING
    return f"{value:{form}}{unit}"


def plain(value: Any) -> str:
    """Write a value of JSON as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value, "," if isinstance(value, int) else ",.4g")
    if isinstance(value, list) and len(value) > SHORT:
        return f"{len(value):,} values"
    if isinstance(value, list) and all(not isinstance(v, list | Mapping) for v in value):
        return ", ".join(plain(v) for v in value)
    if isinstance(value, list | Mapping):
        return json.dumps(value)
    return number(None) if value is None else str(value)


def table_of(caption: str, head: Sequence[str], rows: Iterable[Sequence[str | Cell]]) -> Table:
    """Make a table; texts that are numbers, with a unit or without, stand on the right."""
    cells = tuple(tuple(c if isinstance(c, Cell) else _cell(c) for c in row) for row in rows)
    return Table(caption, tuple(head), cells)


def _cell(text: str) -> Cell:
    first = text.removeprefix("-")[:1]
    is_number = text == NOTHING or (first.isdigit() and len(text.split()) <= 2)
    return Cell(text, is_number=is_number)
