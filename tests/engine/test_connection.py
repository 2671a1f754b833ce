"""Where tasks run: joined late, and refused with advice where it does not fit."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from small_archive import waveforms
from stages import Begun, made

from seisflow.core.reporting import Silent
from seisflow.engine.connection import Connection
from seisflow.engine.stage import run_stage
from seisflow.errors import ConfigError
from seisflow.stages.label.stage import Label


@pytest.mark.parametrize(("n_local", "advised"), [(4, True), (1, False), (0, False)])
def test_fewer_workers_are_advised_where_the_option_can_give_them(
    n_local: int, advised: bool
) -> None:
    """Not of the one worker that was asked for, nor of a cluster that refuses ``--workers``."""
    session: Any = SimpleNamespace(worker_memory_bytes=lambda: 10**9, n_local=n_local)
    connection = Connection("local")
    connection.__dict__["session"] = session
    with pytest.raises(ConfigError, match="a task needs about 2 GB and a worker may use") as said:
        connection.refuse_small(2 * 10**9)
    assert ("--workers" in str(said.value)) == advised
    assert str(said.value).endswith("workers with more memory")


class Told(Silent):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str, style: str = "") -> None:
        self.lines.append(text)


class Untouchable:
    """A place where no task may run."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} was asked of the cluster")


@pytest.fixture
def label(tmp_path: Path) -> Label:
    runs = {"XX.A..HHZ": [("2020-01-01T10:00", np.arange(2000, dtype=np.int32))]}
    asked = {"waveforms": waveforms(tmp_path, runs), "labels": tmp_path / "l.zarr"}
    return Label(Label.Config.build(asked))


def test_a_finished_product_needs_no_cluster(label: Label) -> None:
    made(label)
    told = Told()
    result = run_stage(label, Untouchable(), told)
    assert told.lines == [f"{label.output} is finished: nothing to do"]
    assert result.summary["done"] == 1


def test_one_that_is_not_finished_does(label: Label) -> None:
    Begun(label)
    with pytest.raises(AssertionError, match="refuse_small was asked of the cluster"):
        run_stage(label, Untouchable())


def test_what_is_refused_starts_no_cluster(label: Label, tmp_path: Path) -> None:
    (tmp_path / "l.zarr").write_text("something else")
    with pytest.raises(ConfigError, match="choose an output that does not exist"):
        run_stage(label, Untouchable())
