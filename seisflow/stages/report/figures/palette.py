"""What all figures of labels share: colours, names, time axes, and the painting of codes.

Invariant: the four ways of having no class (no data, failed, not run, undetermined) look
different from each other and from every class, also without colour vision: what has not run shows
a hatched ground.
"""

import io
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from seisflow.archive.store import storage_errors
from seisflow.core.classes import Label
from seisflow.core.files import AnyPath, whole_file

__all__ = [
    "CLASSES",
    "LABEL_COLOURS",
    "LABEL_NAMES",
    "ReportFigure",
    "colours_of",
    "count_labels",
    "days_of",
    "drawing",
    "legend_of",
    "look_of",
    "paint",
    "shares_text",
    "time_axis",
    "write_figure",
]

LABEL_COLOURS = {
    Label.RANDOM_NOISE: "#4477aa",
    Label.MIXED: "#ddcc77",
    Label.NOT_RANDOM_NOISE: "#cc3311",
    Label.UNDETERMINED: "#aa77bb",
    Label.NO_DATA: "#bbbbbb",
    Label.FAILED: "#222222",
    Label.NOT_RUN: "#ffffff",
}
"""One colour for every code, told apart by colour-blind eyes too (Paul Tol's palettes)."""

LABEL_NAMES = {label: label.name.lower().replace("_", " ") for label in LABEL_COLOURS}
"""What people read: ``random noise``."""

CLASSES = (Label.RANDOM_NOISE, Label.MIXED, Label.NOT_RANDOM_NOISE)
"""The codes that say what a second is; the others say why nothing is said."""

STYLE: Any = {
    **{k: v for k, v in mpl.rcParamsDefault.items() if k not in ("backend", "date.epoch")},
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
"""Settings of matplotlib for every figure: all of them, so that a user's own change none."""

HATCH = "////"
HATCH_COLOUR = "#999999"
NS_PER_DAY = 86_400_000_000_000


def drawing() -> AbstractContextManager[None]:
    """Return a context in which matplotlib has `STYLE` alone; the user's settings come back."""
    return mpl.rc_context(STYLE)


class ReportFigure(Figure):
    """A figure that looks the same everywhere, and that notebooks show without pyplot.

    Some settings count when a figure is made, others when it is drawn or written: all of it
    happens under `drawing`.
    """

    def draw(self, renderer: Any) -> None:
        """Draw the figure as `Figure.draw` does."""
        with drawing():
            super().draw(renderer)

    def savefig(self, *args: Any, **options: Any) -> None:
        """Write the figure as `Figure.savefig` does; resolution and margins are arguments."""
        with drawing():
            super().savefig(*args, **options)

    def _repr_png_(self) -> bytes:
        drawn = io.BytesIO()
        self.savefig(drawn, format="png")
        return drawn.getvalue()


def write_figure(figure: Figure, path: AnyPath) -> None:
    """Write a figure in the format of its suffix; it has its name only when it is whole.

    Raises
    ------
    StorageError
        The place cannot be written.
    """
    with storage_errors(path), whole_file(path) as file:
        figure.savefig(file, format=path.suffix[1:].lower())


def colours_of(codes: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return the colour of every code as red, green, blue and opacity.

    Parameters
    ----------
    codes : ndarray of uint8
        Codes of `Label`, any shape.

    Returns
    -------
    ndarray of uint8, shape (*codes.shape, 4)
        `Label.NOT_RUN` is transparent, so that the hatched ground shows.
    """
    table = np.zeros((256, 4), dtype=np.uint8)
    for label, colour in LABEL_COLOURS.items():
        opacity = 0.0 if label is Label.NOT_RUN else 1.0
        table[label] = np.rint(255 * np.array(to_rgba(colour, alpha=opacity)))
    return table[codes]


def days_of(time_ns: npt.ArrayLike) -> Any:
    """Return times in ns since 1970 as the days that matplotlib counts."""
    return date2num(np.datetime64(0, "ns")) + np.asarray(time_ns, dtype=np.int64) / NS_PER_DAY


def paint(
    axes: Axes, codes: npt.NDArray[np.uint8], extent: tuple[float, float, float, float]
) -> None:
    """Paint an array of codes, row 0 on top, over a hatched ground.

    Parameters
    ----------
    axes : Axes
        Where.
    codes : ndarray of uint8, shape (n_rows, n_cells)
        Codes of `Label`.
    extent : tuple of float
        Left, right, bottom and top edge of the image.
    """
    left, right, bottom, top = extent
    ground = Rectangle((left, bottom), right - left, top - bottom, **look_of(Label.NOT_RUN))
    ground.set_linewidth(0)
    axes.add_patch(ground)
    image = colours_of(codes)
    axes.imshow(image, aspect="auto", interpolation="nearest", extent=extent, zorder=2)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)


def look_of(label: Label) -> dict[str, Any]:
    """Return face, edge and hatch of what has this label."""
    if label is Label.NOT_RUN:
        return {"facecolor": "white", "edgecolor": HATCH_COLOUR, "hatch": HATCH}
    return {"facecolor": LABEL_COLOURS[label], "edgecolor": "#666666"}


def legend_of(counts: Mapping[Label, int]) -> list[Patch]:
    """Return a patch for every label that occurs; the shares stand in the title of a figure."""
    return [
        Patch(**look_of(label), linewidth=0.5, label=LABEL_NAMES[label])
        for label, n in counts.items()
        if n or label in CLASSES
    ]


def count_labels(codes: npt.NDArray[np.uint8]) -> dict[Label, int]:
    """Count how often every label occurs."""
    found = np.bincount(codes.ravel(), minlength=256)
    return {label: int(found[label]) for label in LABEL_COLOURS}


def shares_text(counts: Mapping[Label, int]) -> str:
    """Say the shares of the classes among the labelled seconds, and the other seconds."""
    labelled = sum(counts[c] for c in CLASSES)
    parts = [f"{LABEL_NAMES[c]} {counts[c] / (labelled or 1):.1%}" for c in CLASSES]
    others = [f"{LABEL_NAMES[c]} {n:,} s" for c, n in counts.items() if n and c not in CLASSES]
    text = (
        f"{', '.join(parts)} of {labelled:,} labelled seconds" if labelled else "nothing labelled"
    )
    return "; ".join([text, *others])


def time_axis(axes: Axes | Iterable[Axes]) -> None:
    """Label the time axis in UTC, with no more digits than needed."""
    for one in [axes] if isinstance(axes, Axes) else axes:
        locator = AutoDateLocator()
        one.xaxis.set_major_locator(locator)
        one.xaxis.set_major_formatter(ConciseDateFormatter(locator))
