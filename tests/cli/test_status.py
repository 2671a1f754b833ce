"""`seisflow status` while a product is made, when it is done, and when something is wrong."""

import json
import shutil
from pathlib import Path

import pytest
from programs import Cluster, Launcher, Running, receipts, wait_until

from seisflow.archive.receipts import PROBLEMS
from seisflow.archive.store import HIDDEN
from seisflow.archive.summary import few_lines


@pytest.fixture
def copy(waveforms: Path, tmp_path: Path) -> Path:
    path = tmp_path / "copy.zarr"
    shutil.copytree(waveforms, path)
    return path


def ask(launcher: Launcher, product: Path) -> tuple[dict[str, object], str]:
    ended = launcher.run("status", product, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out), ended.err


def test_a_finished_product(waveforms: Path, launcher: Launcher) -> None:
    state, shown = ask(launcher, waveforms)
    assert (state["tasks"], state["done"], state["missing"]) == (4, 4, 0)
    assert state["failed"] == {}
    assert state["n_problems"] == 0
    assert "4 done, 0 failed, 0 not run, of 4 stations" in shown
    assert "WAVEFORMS, layout 1" in shown
    assert "at 20 Hz" in shown
    assert "CPU-hours" in shown
    assert "per hour" in shown
    assert "missing:" not in shown


def test_missing_and_failed_are_named_with_reasons(copy: Path, launcher: Launcher) -> None:
    first, second, *_ = sorted(
        receipts(copy), key=lambda f: json.loads(f.read_text())["receipt"]["task"]
    )
    content = json.loads(first.read_text())
    content["receipt"] |= {"state": "failed", "reason": "its worker died every time"}
    first.write_text(json.dumps(content))
    second.unlink()
    state, shown = ask(launcher, copy)
    name = "ZG.R0101..EHZ@2014-05-29T00:00:00Z"
    assert (state["done"], state["missing"]) == (2, 1)
    assert state["failed"] == {name: "its worker died every time"}
    assert f"failed: {name}: its worker died every time" in shown
    assert "missing: ZG.R0102..EHZ@2014-05-29T00:00:00Z" in shown
    assert "2 done, 1 failed, 1 not run, of 4 stations" in shown


def test_hundreds_of_problems_are_counted_and_some_shown(copy: Path, launcher: Launcher) -> None:
    problems = [f"raw/{k}: an empty file (0 bytes)" for k in range(300)]
    (copy / HIDDEN / PROBLEMS).write_text(json.dumps(problems))
    state, shown = ask(launcher, copy)
    assert (state["n_problems"], state["problems"]) == (300, problems)
    assert "problem: raw/0: an empty file (0 bytes) (and 299 like it)" in shown
    assert "problem: ... 300 in all; --json lists them" in shown


def test_a_damaged_receipt_is_a_task_not_run(copy: Path, launcher: Launcher) -> None:
    receipts(copy)[0].write_text("{")
    state, _ = ask(launcher, copy)
    assert (state["done"], state["missing"]) == (3, 1)


@pytest.mark.slow
def test_while_the_product_is_made(
    waveforms: Path, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    output = tmp_path / "labels.zarr"
    run: Running = launcher.start("label", waveforms, output, "--cluster", cluster.address)
    wait_until(lambda: run.ended() or receipts(output), 60, "a receipt")
    state, shown = ask(launcher, output)
    done, missing = state["done"], state["missing"]
    assert isinstance(done, int)
    assert isinstance(missing, int)
    assert done >= 1
    assert done + missing == 4
    assert missing, "the run was over before it could be asked"
    assert "missing: " in shown
    ended = run.wait()
    assert ended.code == 0, ended.err
    assert ask(launcher, output)[0]["missing"] == 0


@pytest.mark.parametrize(
    ("content", "code", "said"),
    [
        (None, 2, "does not exist; give the path of a product made by seisflow"),
        ("folder", 3, "is not a Zarr group"),
        ("file", 3, "is not a Zarr group"),
    ],
)
def test_what_is_no_product(
    content: str | None, code: int, said: str, launcher: Launcher, tmp_path: Path
) -> None:
    path = tmp_path / "thing"
    if content == "folder":
        path.mkdir()
    elif content == "file":
        path.write_text("hello")
    ended = launcher.run("status", path)
    assert ended.code == code
    assert str(path) in ended.err
    assert said in ended.err


def test_many_problems_of_one_kind_are_one_line() -> None:
    alike = [f"day{k}.mseed: {100 + k} samples at 99.9999 Hz" for k in range(50)]
    lines = few_lines([*alike[:30], "b.sac: an empty file", *alike[30:]], 20)
    assert lines == [f"{alike[0]} (and 49 like it)", "b.sac: an empty file"]
    assert few_lines(alike[:20], 20) == alike[:20]
