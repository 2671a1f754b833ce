"""Run the code cells of a notebook one after the other, as Jupyter would, without Jupyter.

    python -W error execute.py NOTEBOOK [FIGURES]

What the notebooks here use of Jupyter is little: cells share their names, the value of a cell's
last expression is shown, and so are figures that a cell leaves open. nbclient with a kernel would
bring some thirty packages for that. With FIGURES, a folder, every figure is written there as
``NOTEBOOK-CELL-NUMBER.png``.
"""

import ast
import json
import linecache
import sys
import traceback
from pathlib import Path
from typing import Any

import matplotlib as mpl

import seisflow.formats.obspy_import  # noqa: F401 - obspy must be imported quietly before all else

mpl.use("Agg")

import matplotlib.pyplot as plt  # the backend is chosen before


def main(notebook: Path, figures: Path | None = None) -> None:
    """Run a notebook; a cell that raises ends it with the cell's own traceback."""
    cells = json.loads(notebook.read_text())["cells"]
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(cells, 1):
        if cell["cell_type"] == "code":
            shown = run_cell("".join(cell["source"]), f"{notebook.name}, cell {number}", names)
            where = figures / f"{notebook.stem}-{number:02d}" if figures else None
            show(shown, where)


def run_cell(source: str, title: str, names: dict[str, Any]) -> object:
    """Run one cell and return the value of its last expression, None if it ends otherwise."""
    body = ast.parse(source, title).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    try:
        exec(compile(ast.Module(body, []), title, "exec"), names)
        return eval(compile(ast.Expression(last.value), title, "eval"), names) if last else None
    except BaseException:
        # for the traceback; not before, because what a cell imports may clear it (tornado does)
        linecache.cache[title] = (len(source), None, source.splitlines(keepends=True), title)
        raise


def show(value: object, where: Path | None) -> None:
    """Draw what Jupyter would show: the last value, and the figures that are open."""
    for name in ("_repr_html_", "_repr_png_", "__repr__"):
        drawn = getattr(value, name)() if hasattr(value, name) else None
        if where and isinstance(drawn, bytes):
            where.with_name(f"{where.name}-0.png").write_bytes(drawn)
    for number in plt.get_fignums():
        figure = plt.figure(number)
        if where:
            figure.savefig(where.with_name(f"{where.name}-{number}.png"))
        else:
            figure.canvas.draw()
    plt.close("all")


if __name__ == "__main__":
    sys.excepthook = traceback.print_exception  # it knows the lines of cells
    main(*map(Path, sys.argv[1:]))
