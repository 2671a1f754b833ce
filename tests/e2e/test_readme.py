"""The README's own commands and its own Python, word for word."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import seisflow

ROOT = Path(__file__).parents[2]


def blocks(language: str) -> list[str]:
    text = (ROOT / "README.md").read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_commands_and_python_of_the_readme(tmp_path: Path) -> None:
    lines = [line for block in blocks("") for line in block.splitlines()]
    commands = [line.split() for line in lines if line.startswith("seisflow ")]
    named = (
        "synth ingest label plot plot status assemble train evaluate infer detect compare report"
    )
    assert [c[1] for c in commands] == named.split()
    for command in commands:
        done = run([sys.executable, "-m", *command], tmp_path)
        assert done.returncode == 0, done.stderr
    opening, labelling, in_memory, functions = blocks("python")
    done = run([sys.executable, "-W", "error", "-c", opening], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(station: 4)" in done.stdout
    assert "2014-05-29T00:10:00.000000000" in done.stdout
    assert "(second: 3600)" in done.stdout
    assert (tmp_path / "record.nc").stat().st_size > 1000
    quietly = "import seisflow.formats.obspy_import\n"  # it warns when it is imported
    done = run([sys.executable, "-W", "error", "-c", quietly + labelling], tmp_path)
    assert done.returncode == 0, done.stderr
    with seisflow.open(tmp_path / "labels.zarr") as labels:
        own = labels.label.sel(station="R0101").values
    counts = " ".join(str((own == code).sum()) for code in range(3))
    found = " ".join(re.findall(r"\d+", done.stdout.split(":")[-1]))
    assert found == counts, "the labels of the command"
    ask = "\nprint(int((labels.label == 2).sum()), picks.station.nunique(), picks.time.dtype)"
    done = run([sys.executable, "-W", "error", "-c", quietly + in_memory + ask], tmp_path)
    assert done.returncode == 0, done.stderr
    with seisflow.open(tmp_path / "labels.zarr") as labels:
        assert int(done.stdout.split()[0]) == int((labels.label == 2).sum())
    (tmp_path / "own.py").write_text(functions)
    done = run([sys.executable, "own.py"], tmp_path)
    assert done.returncode == 0, done.stderr
    assert "(station: 4" in done.stdout
    assert "of labelled" in done.stdout


def test_no_word_of_the_readme_waits_to_be_written() -> None:
    text = re.sub(r"```.*?```|`[^`]*`", "", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    known = "WAVEFORMS LABELS WAVELETS ARRIVALS SCORES CATALOG REFERENCE TRUTH SEED SLURM TOML"
    known += " STAGE CONTRIBUTING CHANGELOG PATH PAGE HTML JSON FDSN"
    found = set(re.findall(r"\b[A-Z]{4,}\b", text))
    assert found <= set(known.split())


def test_make_targets_of_the_readme_exist() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = set(re.findall(r"\bmake ([\w-]+)", (ROOT / "README.md").read_text()))
    named -= {"its", "small"}
    assert {"demo", "test", "test-all"} <= named <= set(targets)


def test_the_gate_is_the_command_of_the_readme_for_all_tests() -> None:
    gate = (ROOT / ".ci" / "run").read_text().splitlines()
    assert [line for line in gate if line.startswith("make")] == ["make test-all"]
