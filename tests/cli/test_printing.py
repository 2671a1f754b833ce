"""Names of files reach the screen as they are, whatever brackets and colons they hold."""

import io
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
from programs import Cluster, Launcher
from rich.console import Console

from seisflow import console
from seisflow.engine.announcing import tell_problems

ODD = "raw[1]/[red]a[/red] :smile: [bold]"


def compact(text: str) -> str:
    """Join what a table folds."""
    return "".join(text.replace("│", "").replace("\n", "").split())


@pytest.fixture
def product(waveforms: Path, tmp_path: Path) -> Path:
    path = tmp_path / ODD / "waveforms.zarr"
    shutil.copytree(waveforms, path)
    return path


def test_messages_show_names_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    console.ERRORS.print(f"{ODD} is incomplete at 10:11:12")
    console.table(f"cluster {ODD}", {ODD: ODD}, [ODD, f"{ODD}!"])
    tell_problems((ODD,), console.CONSOLE, Path(ODD), 2)
    said = capsys.readouterr().err
    assert f"{ODD} is incomplete at 10:11:12\n" in said
    assert f"cluster {ODD}" in said
    assert said.count(ODD) == 8
    assert f"'seisflow status {ODD}' lists them" in said


def test_a_progress_bar_shows_names_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    options = {"file": screen, "force_terminal": True, "width": 132, "color_system": None}
    monkeypatch.setattr(console, "ERRORS", Console(**options))  # type: ignore[arg-type]
    with console.progress(ODD, 1) as bar:
        bar.advance()
    assert ODD in screen.getvalue()


def test_status_names_a_path_with_brackets(product: Path, launcher: Launcher) -> None:
    ended = launcher.run("status", product)
    assert ended.code == 0, ended.err
    assert compact(str(product)) in compact(ended.err)


def test_a_finished_product_with_brackets_is_named(
    product: Path, scene: Path, launcher: Launcher, cluster: Cluster
) -> None:
    args = ["--stations", scene / "stations.csv", "--cluster", cluster.address]
    ended = launcher.run("ingest", scene / "waveforms", product, *args)
    assert ended.code == 0, ended.err
    assert f"{product} is finished: nothing to do\n" in ended.err
    assert compact(str(product)) in compact(ended.err.partition("nothing to do")[2])


@pytest.mark.parametrize("name", ["[red]none[/red].zarr", "none[/].zarr", "raw[1].zarr"])
def test_an_error_names_a_path_with_brackets(name: str, launcher: Launcher, tmp_path: Path) -> None:
    ended = launcher.run("plot", name, cwd=tmp_path)
    assert ended.code == 2
    assert f"error: {name} does not exist" in ended.err


class Shown:
    """Stands for the display of IPython: keeps what a cell shows."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def display(self, content: dict[str, str], *, raw: bool, display_id: bool) -> "Shown":
        assert raw
        assert display_id
        self.texts.append(content["text/plain"])
        return self

    def update(self, content: dict[str, str], *, raw: bool) -> None:
        assert raw
        self.texts.append(content["text/plain"])


def test_a_notebook_shows_one_bar_that_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = Shown()
    module = ModuleType("IPython.display")
    module.display = shown.display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython.display", module)
    monkeypatch.setattr(console, "ERRORS", Console(force_jupyter=True))
    with console.progress("label", 2) as bar:
        bar.advance()
        bar.advance()
    assert shown.texts[0].startswith("label ░░░")
    assert "█ 2/2, " in shown.texts[-1]
    assert "0/2" in shown.texts[0]
