"""Optional libraries: seisflow labels without them, and says what to install for the rest.

They are hidden from the interpreter and all it starts, as where they were never installed.
"""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest

from seisflow.core.extras import EXTRAS, needed_by
from seisflow.core.files import whole_file
from seisflow.core.grid import parse_time
from seisflow.errors import ConfigError
from seisflow.formats.writing import MiniSeedWriter

ROOT = Path(__file__).parents[2]
HIDING = """
import sys


class Hidden:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {hidden}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Hidden())
"""
LABEL = """
import json
import sys

import numpy as np

import seisflow

if __name__ == "__main__":
    raw, folder = sys.argv[1:]
    waveforms = seisflow.ingest([raw], f"{folder}/waveforms.zarr", workers=1, progress=False)
    labels = seisflow.label(waveforms.path, f"{folder}/labels.zarr", workers=1, progress=False)
    own = seisflow.label_record(waveforms.open())
    print(json.dumps({
        "done": labels.summary["done"],
        "equal": bool(np.array_equal(own.label.values, labels.open().label.values)),
        "classes": sorted(set(own.label.values.ravel().tolist())),
        "loaded": sorted({name.partition(".")[0] for name in sys.modules}),
    }))
"""


def run(folder: Path, *command: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command of Python that finds none of the optional libraries."""
    hiding = folder / "hiding"
    hiding.mkdir(exist_ok=True)
    (hiding / "sitecustomize.py").write_text(HIDING.format(hidden=set(EXTRAS)))
    return subprocess.run(
        [sys.executable, *map(str, command)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": f"{hiding}:{ROOT}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_extra_is_one_of_pyproject_and_holds_its_libraries() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    for library, extra in EXTRAS.items():
        package = {"sklearn": "scikit-learn"}.get(library, library.replace("_", "-"))
        assert any(one.startswith(f"{package}>=") for one in extras[extra])
    assert {*EXTRAS.values(), "all", "dev"} == set(extras)


@pytest.mark.slow
def test_seisflow_alone_ingests_labels_and_opens(tmp_path: Path) -> None:
    samples = np.random.default_rng(0).integers(-500, 500, 600 * 20).astype("int32")
    with whole_file(tmp_path / "raw" / "a.mseed") as file:
        MiniSeedWriter(file, "XX.AAA..HHZ", 20).append(parse_time("2020-01-01"), samples)
    (tmp_path / "label.py").write_text(LABEL)
    ended = run(tmp_path, tmp_path / "label.py", tmp_path / "raw", tmp_path)
    assert ended.returncode == 0, ended.stderr
    found = json.loads(ended.stdout)
    assert found["equal"]
    assert 0 in found["classes"]
    assert found["done"] == 1
    assert EXTRAS.keys().isdisjoint(found["loaded"])
    said = run(tmp_path, "-m", "seisflow", "status", tmp_path / "labels.zarr")
    assert said.returncode == 0, said.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("typed", "library", "extra"),
    [
        (["train", "wavelets.zarr", "model"], "(torch|sklearn)", "train"),
        (["infer", "waveforms.zarr", "model", "scores.zarr"], "torch", "train"),
        (["plot", "labels.zarr"], "matplotlib", "figures"),
        (["report", "page.html", "--labels", "labels.zarr"], "jinja2", "figures"),
        (["label", "s3://bucket/waveforms.zarr", "labels.zarr"], "s3fs", "s3"),
        (["cluster", "check", "slurm"], "dask_jobqueue", "slurm"),
    ],
)
def test_what_is_missing_is_said_with_how_to_install_it(
    typed: list[str], library: str, extra: str, tmp_path: Path
) -> None:
    ended = run(tmp_path, "-m", "seisflow", *typed)
    assert ended.returncode == 2, ended.stderr
    said = rf"needs {library}, which is not installed: pip install 'seisflow\[{extra}\]'"
    assert re.search(said, ended.stderr), ended.stderr
    assert "Traceback" not in ended.stderr


def test_python_says_the_same(tmp_path: Path) -> None:
    (tmp_path / "ask.py").write_text(
        "import seisflow\n"
        "def report():\n"
        "    seisflow.report('page.html', labels='x')\n"
        "for ask in (report, lambda: seisflow.day_figure):\n"
        "    try:\n"
        "        ask()\n"
        "    except seisflow.errors.ConfigError as error:\n"
        "        print(error)\n"
    )
    ended = run(tmp_path, tmp_path / "ask.py")
    assert ended.stdout.splitlines() == [
        "making a page needs jinja2, which is not installed: pip install 'seisflow[figures]'",
        "drawing figures needs matplotlib, which is not installed: pip install 'seisflow[figures]'",
    ], ended.stderr


def test_other_imports_that_fail_are_faults_of_the_program() -> None:
    with pytest.raises(ModuleNotFoundError, match="nonsense"), needed_by("something"):
        raise ModuleNotFoundError("No module named 'nonsense'", name="nonsense")
    with pytest.raises(ConfigError, match=r"training needs torch, .*'seisflow\[train\]'"):  # noqa: SIM117
        with needed_by("training"):
            raise ModuleNotFoundError("No module named 'torch'", name="torch.nn")
