"""Figures are the same whatever matplotlib is told elsewhere, and leave it as it was."""

from pathlib import Path

import matplotlib as mpl
from matplotlib import image

import seisflow
from seisflow.stages.report.figures.palette import drawing
from seisflow.stages.report.page.elements import smaller


def test_a_figure_in_a_notebook_is_the_same_and_leaves_matplotlib_as_it_was(
    plotted: tuple[Path, Path],
) -> None:
    day = seisflow.open(plotted[0])
    plain = seisflow.day_figure(day, "2014-05-29")._repr_png_()
    users = {"font.size": 30, "savefig.dpi": 30, "savefig.bbox": "tight", "image.origin": "lower"}
    users |= {"text.usetex": True, "axes.facecolor": "black", "timezone": "US/Pacific"}
    with mpl.rc_context(users):
        before, backend = dict(mpl.rcParams), mpl.get_backend()
        figure = seisflow.day_figure(day, "2014-05-29")
        assert figure._repr_png_() == plain
        assert dict(mpl.rcParams) == before
        assert mpl.get_backend() == backend


def test_a_packed_picture_stands_upright(tmp_path: Path) -> None:
    with drawing():
        image.imsave(tmp_path / "a.png", [[0.0, 1.0], [1.0, 1.0]])
    png = (tmp_path / "a.png").read_bytes()
    plain = smaller(png)
    with mpl.rc_context({"image.origin": "lower"}):
        assert smaller(png) == plain
