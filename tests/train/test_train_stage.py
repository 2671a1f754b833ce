"""Training from Python: what is returned, told and left, alone and in ranks."""

import json
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

import seisflow
from seisflow.core.reporting import SILENT, Bar, Silent
from seisflow.errors import ConfigError
from seisflow.registry import perform
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.train.stage import Train

sys.path.insert(0, str(Path(__file__).parents[1] / "learn"))

from wavelet_sets import WaveletSet, write_wavelets

SHORT: dict[str, Any] = {"epochs": 2, "batch_size": 32, "device": "cpu"}
DRAWN = {"training.png", "filters.png", "feature-maps.png", "confusion.png", "cells-surest.png"}


@pytest.fixture(scope="module")
def wavelets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr", WaveletSet(n=120))


class Listener(Silent):
    """Keeps what it is told, and does something about it."""

    def __init__(self, on_say: Callable[[str], None] = lambda _: None) -> None:
        self.said: list[str] = []
        self.bars: list[tuple[str, int]] = []
        self._on_say = on_say

    def say(self, text: str, style: str = "") -> None:
        self.said.append(text)
        self._on_say(text)

    def bar(self, what: str, total: int) -> AbstractContextManager[Bar]:
        self.bars.append((what, total))
        return super().bar(what, total)

    @property
    def n_epochs(self) -> int:
        return sum(text.startswith("epoch ") for text in self.said)


def stage(wavelets: Path, model: Path, **options: Any) -> Train:
    asked = {"wavelets": wavelets, "model": model, **SHORT, **options}
    return Train(TrainConfig.build(asked))


@pytest.mark.slow
def test_the_function_returns_what_was_made_and_prints_nothing(
    wavelets: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    result = seisflow.train(wavelets, tmp_path / "m", **SHORT, progress=False)
    assert capfd.readouterr() == ("", "")
    assert result.path == tmp_path / "m"
    assert result.open().key == json.loads((tmp_path / "m" / "model.json").read_text())["key"]
    assert result.summary["exit_code"] == 0
    assert result.summary["history"] == json.loads((tmp_path / "m" / "history.json").read_text())
    assert json.loads(json.dumps(result.summary)) == result.summary
    figures = tmp_path / "m" / "figures"
    assert {p.name for p in figures.iterdir()} >= DRAWN
    (figures / "cells-surest.png").unlink()  # as if it had died while it drew
    (figures / "training.png").unlink()
    again = seisflow.train(wavelets, tmp_path / "m", **SHORT, progress=False)
    assert again.summary == result.summary
    assert {p.name for p in figures.iterdir()} >= DRAWN


@pytest.mark.slow
def test_a_model_has_a_rate_of_its_own(tmp_path: Path) -> None:
    """Which is that of the wavelets unless a lower one is asked for."""
    fast = write_wavelets(tmp_path / "w.zarr", WaveletSet(n=120, rate=200))
    for options, rate in (({}, 200), ({"rate": 100}, 100)):
        asked = stage(fast, tmp_path / str(rate), **options)
        assert asked.job.examples.rate_hz == rate
        result = asked.run_here()
        assert (result.open().rate_hz, result.open().window_samples) == (rate, 4 * rate)
        assert result.judged is not None
    with pytest.raises(ConfigError, match="rate: asked 80, found 100"):
        stage(fast, tmp_path / "100", rate=80).check()
    with pytest.raises(ConfigError, match="600 samples/s are needed"):
        stage(fast, tmp_path / "m", rate=600).check()
    with pytest.raises(ConfigError, match=r"rate_hz = 45 \(must be a multiple of 10"):
        stage(fast, tmp_path / "m", rate=45).check()
    with pytest.raises(ConfigError, match=r"needs 20 samples .* have 14; .* longer margin"):
        stage(fast, tmp_path / "m", rate=40).check()


@pytest.mark.slow
def test_it_learns_from_several_sets_and_is_judged_on_each(tmp_path: Path) -> None:
    sets = [
        write_wavelets(tmp_path / f"{name}.zarr", WaveletSet(n=n, rate=rate, seed=seed))
        for name, n, rate, seed in (("near", 120, 200, 1), ("far", 60, 100, 2))
    ]
    result = seisflow.train(sets, tmp_path / "m", **SHORT, progress=False)
    document = result.open().document
    assert document["rate_hz"] == 100
    kept = document["training"]["sources"]
    assert {name: found["wavelets"] for name, found in kept.items()} == {"near": 120, "far": 60}
    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text())
    assert metrics["wavelets"] == "near.zarr, far.zarr"
    found = {name: sum(each["support"]) for name, each in metrics["by_source"].items()}
    assert found == {"near": 24, "far": 12}
    evaluated = seisflow.evaluate(tmp_path / "m", sets, progress=False)
    (folder,) = (Path(e["folder"]) for e in evaluated.summary["evaluations"])
    table = (folder / "table.md").read_text()
    assert "| near | 12 |" in table
    assert "| far | 6 |" in table
    one = seisflow.evaluate(tmp_path / "m", sets[1], output=tmp_path / "one", progress=False)
    assert "Sources." not in (tmp_path / "one" / "table.md").read_text()
    assert one.summary["evaluations"][0]["n_wavelets"] == 6


def test_what_cannot_be_asked_for_is_an_exception_and_leaves_nothing(
    wavelets: Path, tmp_path: Path
) -> None:
    for options, words in (
        ({"batch_size": 33, "ranks": 2}, "multiple of the ranks"),
        ({"nodes": 2}, "--nodes 2 asked with --cluster local"),
        ({"ranks": 0}, "ranks: found 0: Input should be greater than or equal to 1"),
    ):
        with pytest.raises(ConfigError, match=words):
            seisflow.train(wavelets, tmp_path / "m", **(SHORT | options), progress=False)
    assert not (tmp_path / "m").exists()


@pytest.mark.slow
@pytest.mark.parametrize("ranks", [1, 2])
def test_interrupted_it_leaves_a_checkpoint_and_goes_on(
    ranks: int, wavelets: Path, tmp_path: Path
) -> None:
    def interrupt(text: str) -> None:
        if text.startswith("epoch 1/"):
            os.kill(os.getpid(), signal.SIGINT)

    asked = stage(wavelets, tmp_path / "m", epochs=8, patience=0, ranks=ranks)
    environment, handler = dict(os.environ), signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        asked.run_here(Listener(interrupt))
    assert (dict(os.environ), signal.getsignal(signal.SIGINT)) == (environment, handler)
    assert (tmp_path / "m" / "checkpoint.pt").exists()
    again = Listener()
    result = asked.run_here(again)
    assert again.said[0].startswith("resuming: ")
    assert len(result.summary["history"]) == 8
    assert 0 < again.n_epochs < 8


@pytest.mark.slow
def test_ranks_tell_the_process_that_waits(
    wavelets: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    told = Listener()
    result = stage(wavelets, tmp_path / "m", ranks=2).run_here(told)
    assert told.n_epochs == 2  # one rank alone tells
    assert told.bars[0] == ("train", 2 * 2)  # 84 wavelets to learn from
    assert "epoch 1/2" not in "".join(capfd.readouterr())
    assert result.judged is not None


def test_another_rank_tells_and_draws_nothing(
    wavelets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = stage(wavelets, tmp_path / "m")
    monkeypatch.setattr("seisflow.stages.train.stage.train_job", lambda *_, **__: None)
    for name, value in {"RANK": "1", "LOCAL_RANK": "1", "WORLD_SIZE": "2"}.items():
        monkeypatch.setenv(name, value)
    result = perform(asked, reporter=SILENT)
    assert (result.summary, result.rows) == ({}, {})
    assert not (tmp_path / "m").exists()
