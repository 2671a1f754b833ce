"""What is done is known from receipts, and from nothing else."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_products import PLAN, TASKS, create, identity, product

from seisflow.archive.products import FORMAT_VERSIONS
from seisflow.archive.receipts import (
    Receipt,
    read_plan,
    read_receipt,
    read_receipts,
    write_json,
    write_receipt,
)
from seisflow.archive.work import (
    Done,
    Work,
    execute,
    progress_of,
    refuse_other,
    require_complete,
    write_provenance,
)
from seisflow.errors import ConfigError, IncompleteError

KEY = identity().key


class Named:
    def __init__(self, name: str) -> None:
        self.name = name


class Recorder:
    """A stage's run that remembers what it was asked, and fails where told."""

    def __init__(self, *failing: str) -> None:
        self.calls: list[str] = []
        self.failing = set(failing)

    def __call__(self, task: Named) -> Done:
        self.calls.append(task.name)
        failures = ("cannot read x",) if task.name in self.failing else ()
        return Done({"samples": 5}, ("odd",), failures, 10, 20, {"of": task.name})


@pytest.fixture
def path(tmp_path: Path) -> Path:
    create(tmp_path / "p.zarr")
    return tmp_path / "p.zarr"


def work(path: Path, run: Recorder, key: str = KEY) -> Work[Named]:
    return Work(path, key, tuple(Named(name) for name in TASKS), run, PLAN)


def only_receipt(path: Path) -> Path:
    (file,) = (path / "_seisflow" / "receipts").iterdir()
    return file


def edited(content: dict[str, Any], **changes: Any) -> str:
    return json.dumps({**content, "receipt": {**content["receipt"], **changes}})


DAMAGES = {
    "cut": lambda content: json.dumps(content)[:-10],
    "empty": lambda _: "",
    "another product": lambda content: json.dumps({**content, "key": "0" * 32}),
    "a list": lambda content: json.dumps([content]),
    "a word": lambda _: '"done"',
    "no receipt": lambda content: json.dumps({"key": content["key"], "detail": None}),
    "no detail": lambda content: json.dumps({k: content[k] for k in ("key", "receipt")}),
    "a newer field": lambda content: edited(content, colour="red"),
    "another state": lambda content: edited(content, state="dome"),
    "null problems": lambda content: edited(content, problems=None),
}


def test_a_receipt_is_read_as_written(path: Path) -> None:
    receipt = Receipt("one", counts={"samples": 5}, problems=("a", "b"), n_problems=2, wall_s=1.5)
    write_receipt(path, KEY, receipt, {"segments": [[1, 2, 3]]})
    assert read_receipt(path, KEY, "one") == receipt
    assert read_receipts(path, KEY) == {"one": (receipt, {"segments": [[1, 2, 3]]})}
    assert [f.suffix for f in (path / "_seisflow" / "receipts").iterdir()] == [".json"]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_or_foreign_receipt_counts_as_not_run(path: Path, damage: str) -> None:
    write_receipt(path, KEY, Receipt("one"))
    file = only_receipt(path)
    file.write_text(DAMAGES[damage](json.loads(file.read_text())))
    assert read_receipt(path, KEY, "one") is None
    assert [t.name for t in work(path, Recorder()).remaining()] == list(TASKS)
    assert progress_of(path).missing == TASKS


def test_bytes_that_are_no_text_count_as_not_run(path: Path) -> None:
    write_receipt(path, KEY, Receipt("one"))
    only_receipt(path).write_bytes(b"\xff\xfe\x00{}")
    assert read_receipt(path, KEY, "one") is None


def test_a_file_that_is_being_written_is_no_receipt(path: Path) -> None:
    write_receipt(path, KEY, Receipt("one"))
    file = only_receipt(path)
    file.rename(file.with_name(file.name + ".12345678.partial"))
    assert read_receipts(path, KEY) == {}


@pytest.mark.parametrize(
    "changes",
    [
        {"config": {"method": "other", "select": ["XX.*.*.*"], "box": 0.2}},
        {"config": {"method": "reference", "select": ["XX.*.*.*"], "box": 0.2000001}},
        {"inputs": {"waveforms": "abd"}},
        {"format_version": 99},
        {"product": "SCORES"},
        {"stage": "infer"},
    ],
)
def test_a_receipt_of_another_identity_is_not_found(path: Path, changes: dict[str, Any]) -> None:
    write_receipt(path, KEY, Receipt("one"))
    other = identity(**changes).key
    assert other != KEY
    assert read_receipt(path, other, "one") is None
    assert read_receipts(path, other) == {}


def test_a_receipt_of_another_task_is_not_found(path: Path) -> None:
    write_receipt(path, KEY, Receipt("one"))
    assert read_receipt(path, KEY, "two") is None


def test_writing_that_fails_leaves_the_old_content(tmp_path: Path) -> None:
    file = tmp_path / "x.json"
    write_json(file, {"a": 1})
    with pytest.raises(TypeError):
        write_json(file, {"a": object()})
    assert json.loads(file.read_text()) == {"a": 1}
    assert list(tmp_path.iterdir()) == [file]


def test_a_done_task_is_not_done_again(path: Path) -> None:
    run = Recorder()
    job = work(path, run).job()
    first, second = (execute(job, Named("one")) for _ in range(2))
    assert run.calls == ["one"]
    assert first == second
    assert first.counts == {"samples": 5}
    assert [t.name for t in work(path, run).remaining()] == ["two", "three"]


def test_a_task_with_failures_is_failed_and_tried_again(path: Path) -> None:
    run = Recorder("two")
    there = work(path, run)
    for task in there.tasks:
        there.job()(task)
    progress = progress_of(path)
    assert progress.failed == {"two": "cannot read x"}
    assert set(progress.done) == {"one", "three"}
    assert not progress.is_complete
    run.failing.clear()
    for task in there.remaining():
        there.job()(task)
    assert run.calls == ["one", "two", "three", "two"]
    assert progress_of(path).is_complete


def test_an_error_leaves_no_receipt(path: Path) -> None:
    def run(_: Named) -> Done:
        raise ZeroDivisionError

    there = replace(work(path, Recorder()), run=run)
    with pytest.raises(ZeroDivisionError):
        there.job()(Named("one"))
    assert read_receipts(path, KEY) == {}
    there.record_failure(Named("one"), "by zero, twice")
    assert progress_of(path).failed == {"one": "by zero, twice"}


def test_a_receipt_that_travels_is_small(path: Path) -> None:
    problems = tuple("x" * 5000 for _ in range(50))
    there = replace(work(path, Recorder()), run=lambda _: Done(problems=problems))
    receipt = there.job()(Named("one"))
    assert len(str(receipt)) < 1000
    assert receipt.n_problems == 50
    kept = read_receipt(path, KEY, "one")
    assert kept is not None
    assert len(kept.problems) == 20


def test_progress_adds_up(path: Path) -> None:
    there = work(path, Recorder("two"))
    for task in there.tasks[:2]:
        there.job()(task)
    progress = progress_of(path)
    assert progress.plan == PLAN == read_plan(path)
    assert (progress.done, progress.missing) == (("one",), ("three",))
    assert (progress.counts, progress.n_problems) == ({"samples": 10}, 2)
    assert (progress.read_bytes, progress.written_bytes) == (20, 40)
    assert progress.problems == ("odd", "odd")
    assert progress.peak_memory_bytes > 10**7
    write_provenance(path, progress, {"numpy": "2"})
    kept = json.loads((path / "_seisflow" / "provenance.json").read_text())
    assert (kept["n_done"], kept["n_failed"], kept["n_missing"]) == (1, 1, 1)


def test_an_input_must_have_run(path: Path) -> None:
    there = work(path, Recorder("two"))
    with pytest.raises(IncompleteError, match="3 of 3 tasks have not run"):
        require_complete(path)
    for task in there.tasks[:2]:
        there.job()(task)
    with pytest.raises(IncompleteError, match=r"1 of 3 tasks have not run \(three"):
        require_complete(path)
    there.job()(there.tasks[2])
    require_complete(path)  # a failed task has run: its place says so
    (path / "_seisflow" / "plan.json").unlink()
    with pytest.raises(IncompleteError, match="no plan"):
        require_complete(path)


def test_the_same_product_is_resumed_and_another_refused(path: Path) -> None:
    assert not refuse_other(path.with_name("free"), identity())
    assert refuse_other(path, identity())
    asked = identity(
        config={"method": "fast", "select": ["XX.*.*.*"], "new": 1}, inputs={"waveforms": "xyz"}
    )
    with pytest.raises(ConfigError) as caught:
        refuse_other(path, asked, {"a.mseed": "11 bytes", "b.mseed": "1 bytes"})
    lines = [line.strip() for line in str(caught.value).splitlines()]
    assert lines[0] == f"{path} exists and belongs to another configuration:"
    assert lines[1:-1] == [
        "box: asked None, found 0.2",
        "method: asked 'fast', found 'reference'",
        "new: asked 1, found None",
        "input waveforms: asked 'xyz', found 'abc'",
        "file a.mseed: asked '11 bytes', found '10 bytes'",
        "file b.mseed: asked '1 bytes', found None",
    ]


def test_many_differences_are_cut(path: Path) -> None:
    inputs = {f"{i:03d}.mseed": "1 bytes" for i in range(50)}
    with pytest.raises(ConfigError, match=r"file \.\.\. and 41 more"):
        refuse_other(path, identity(stage="x"), inputs)


def test_something_else_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "p.zarr").mkdir()
    with pytest.raises(ConfigError, match=r"is not a Zarr group .* choose an output that does not"):
        refuse_other(tmp_path / "p.zarr", identity())
    other = product(
        product="WAVEFORMS", stage="ingest", format_version=FORMAT_VERSIONS["WAVEFORMS"]
    )
    create(tmp_path / "w.zarr", other)
    with pytest.raises(ConfigError, match="product: asked 'LABELS', found 'WAVEFORMS'"):
        refuse_other(tmp_path / "w.zarr", identity())
