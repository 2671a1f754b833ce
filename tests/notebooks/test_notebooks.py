"""Every notebook runs on the products of a small demo, and carries nothing but its cells."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from planned import refuse_less, refuse_more_files

import seisflow
from seisflow.campaign.tables import FILES, tables

ROOT = Path(__file__).parents[2]
EXECUTE = Path(__file__).with_name("execute.py")
NOTEBOOKS = {path.stem: path for path in sorted((ROOT / "notebooks").glob("*.ipynb"))}
SMALL = ["--nodes", "8", "--hours", "1", "--rate", "50"]
"""Less finds no earthquake, and saves little: most of the time is that of starting clusters."""
LOCAL = re.compile(r"""(?<![\w.)}])(/(home|root|tmp|work|Users|mnt|data)/|[A-Z]:\\|file://)""")

pytestmark = pytest.mark.timeout(1200)  # the demo starts nine clusters, each slow on a busy machine


def run(*arguments: str | Path, folder: Path, **env: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": path, **env},
        capture_output=True,
        text=True,
        check=False,
    )


def execute(notebook: Path, folder: Path, demo: Path) -> subprocess.CompletedProcess[str]:
    return run("-W", "error", EXECUTE, notebook, folder=folder, SEISFLOW_DEMO=str(demo))


def not_stripped(content: dict[str, Any]) -> list[str]:
    """Say what a notebook carries besides its cells: results, counts, places of its writer."""
    found = [] if set(content["metadata"]) <= {"kernelspec", "language_info"} else ["metadata"]
    for number, cell in enumerate(content["cells"], 1):
        if cell["metadata"]:
            found.append(f"cell {number}: metadata")
        if cell["cell_type"] == "code" and cell["outputs"]:
            found.append(f"cell {number}: outputs")
        if cell["cell_type"] == "code" and cell["execution_count"] is not None:
            found.append(f"cell {number}: execution_count")
    if LOCAL.search(json.dumps(content, ensure_ascii=False).replace("\\\\", "\\")):
        found.append("a local path")
    return found


def written(*cells: dict[str, Any]) -> dict[str, Any]:
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


def code(source: str, **more: Any) -> dict[str, Any]:
    empty = {"execution_count": None, "id": "a", "metadata": {}, "outputs": []}
    return {"cell_type": "code", "source": [source], **empty, **more}


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The demo's folder, and what the demo said."""
    folder = tmp_path_factory.mktemp("demo")
    done = run("-m", "seisflow", "demo", "demo", *SMALL, folder=folder)
    assert done.returncode == 0, done.stderr
    return folder / "demo", done.stderr


@pytest.mark.slow
def test_the_demo_ends_with_its_page(ended: tuple[Path, str]) -> None:
    demo, said = ended
    assert said.strip().splitlines()[-1].endswith(f"the page is {demo / 'page.html'}")
    assert "signal above 1.0 of the noise" in said
    page = (demo / "page.html").read_text()
    for title in ("WAVEFORMS", "LABELS", "SCORES", "Comparison with a catalogue"):
        assert title.lower() in page.lower()
    assert (demo / "labels.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_the_demo_makes_no_more_than_its_plan_says(ended: tuple[Path, str]) -> None:
    demo, _ = ended
    command = ["-m", "seisflow", "plan", "demo/campaign.toml", "--json"]
    planned = run(*command, folder=demo.parent)
    assert planned.returncode == 0, planned.stderr
    stages = {stage["stage"]: stage for stage in json.loads(planned.stdout)["stages"]}
    assert [*stages] == [*tables()]
    for name in ("ingest", "label", "assemble", "infer"):
        refuse_less(stages[name], demo / FILES[tables()[name].makes])
    refuse_more_files(stages["train"], demo / "model", 0.3)
    refuse_more_files(stages["detect"], demo / "catalog", 0.5)


@pytest.mark.slow
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_no_cell_raises(name: str, ended: tuple[Path, str], tmp_path: Path) -> None:
    done = execute(NOTEBOOKS[name], tmp_path, ended[0])
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.iterdir()), "a notebook writes nothing"


def test_there_are_seven() -> None:
    assert [name[:2] for name in NOTEBOOKS] == ["01", "02", "03", "04", "05", "06", "07"]


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_stripped(name: str) -> None:
    assert not_stripped(json.loads(NOTEBOOKS[name].read_text())) == []


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_is_as_nbformat_writes_it(name: str) -> None:
    text = NOTEBOOKS[name].read_text()
    content = json.loads(text)
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert text == json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    ids = [cell["id"] for cell in content["cells"]]
    assert len(set(ids)) == len(ids)
    assert {cell["cell_type"] for cell in content["cells"]} == {"code", "markdown"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook_ends_with_facts_and_uses_what_is_public(name: str) -> None:
    cells = json.loads(NOTEBOOKS[name].read_text())["cells"]
    assert 10 <= len(cells) <= 20
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert sources[-1].count("assert ") >= 4
    whole = "\n".join(sources)
    assert not re.search(r"(from|import) +seisflow\.", whole)
    used = set(re.findall(r"\bseisflow\.(\w+)", whole))
    assert used <= {*seisflow.__all__}


def test_what_is_not_stripped_is_named() -> None:
    shown = {"output_type": "stream", "name": "stdout", "text": ["1"]}
    dirty = written(
        code("1", execution_count=3), code("1", outputs=[shown]), code("1", metadata={"a": 1})
    )
    found = ["cell 1: execution_count", "cell 2: outputs", "cell 3: metadata"]
    assert not_stripped(dirty) == found
    assert not_stripped(written(code("open('/home/me/demo')"))) == ["a local path"]
    assert not_stripped(written(code(r"open('C:\\demo')"))) == ["a local path"]
    assert not_stripped(written(code("DEMO / 'catalog/quakeml'"))) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("found = 1\nassert found == 2", "assert found == 2"),
        ("import warnings\nwarnings.warn('old', stacklevel=1)", "UserWarning: old"),
        ("class A:\n    def __repr__(self):\n        raise ValueError('shown')\nA()", "shown"),
    ],
)
def test_a_cell_that_raises_is_named(source: str, said: str, tmp_path: Path) -> None:
    notebook = tmp_path / "wrong.ipynb"
    notebook.write_text(json.dumps(written(code("x = 1"), code(source))))
    done = execute(notebook, tmp_path, tmp_path)
    assert done.returncode == 1
    assert said in done.stderr
    assert "wrong.ipynb, cell 2" in done.stderr
