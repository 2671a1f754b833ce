"""Scores of a shipped model: by its name, and where no model is given."""

import inspect
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from small_archive import waveforms
from stages import Begun
from toy_models import sharp
from toy_windows import toy_windows

import seisflow
from seisflow.cli.app import program
from seisflow.core import shipped
from seisflow.errors import ConfigError
from seisflow.stages.infer.stage import Infer
from seisflow.stages.learn.artifact import save_model
from seisflow.stages.learn.front_end import FrontEndConfig

RATE = 40
CONFIG = FrontEndConfig(RATE)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    windows, _ = toy_windows(40, CONFIG)
    counts = (windows / np.abs(windows).max() * 5000).ravel().astype("int32")
    stations = {"XX.A..HHZ": [("2020-02-29T00:00", counts)]}
    return waveforms(tmp_path_factory.mktemp("source"), stations, RATE)


@pytest.fixture
def universal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Ship a model of that name with this installation."""
    monkeypatch.setattr(shipped, "MODELS", tmp_path / "seisflow" / "models")
    folder = shipped.MODELS / shipped.DEFAULT_MODEL
    save_model(folder, sharp("compact").classifier, sharp("compact").document)
    return folder


def dry_run(capsys: pytest.CaptureFixture[str], *args: object) -> str:
    argv = ["infer", *map(str, args), "--dry-run", "--json"]
    program(["infer"])(argv, standalone_mode=False)
    return str(json.loads(capsys.readouterr().out)["output"])


def test_two_arguments_are_records_and_scores(
    source: Path, universal: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "s.zarr"
    copied = shutil.copytree(universal, tmp_path / "copied")
    for model in ((), ("universal",), (universal,), (copied,)):
        assert dry_run(capsys, source, *model, output) == str(output)
        assert dry_run(capsys, source, "--block", 1, *model, output) == str(output)
    with pytest.raises(ConfigError, match=r"is not a folder; .* a shipped model: universal"):
        dry_run(capsys, source, "uni", output)
    for wrong, said in (([source], "scores"), ([], "waveforms"), ([1, 2, 3, 4], "unexpected")):
        with pytest.raises(Exception, match=said):
            dry_run(capsys, *wrong)


def test_without_a_shipped_model_one_must_be_given(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr(shipped, "MODELS", tmp_path / "none")
    said = "no model was given, and none is shipped"
    with pytest.raises(ConfigError, match=said):
        dry_run(capsys, source, tmp_path / "s.zarr")
    for given in ({"scores": tmp_path / "s"}, {"scores": tmp_path / "s", "model": None}):
        with pytest.raises(ConfigError, match=said):
            seisflow.infer(source, progress=False, **given)
    with pytest.raises(ConfigError, match=said):
        seisflow.infer(source, tmp_path / "s.zarr", progress=False)


def test_the_function_says_what_it_takes(source: Path, universal: Path, tmp_path: Path) -> None:
    parameters = inspect.signature(seisflow.infer).parameters
    assert list(parameters)[:3] == ["waveforms", "model", "scores"]
    assert parameters["model"].default == "universal"
    assert parameters["waveforms"].default is inspect.Parameter.empty
    with pytest.raises(ConfigError, match="scores is missing: give it"):
        seisflow.infer(source, progress=False)
    with pytest.raises(ConfigError, match="scores given by place and by name"):
        seisflow.infer(source, universal, tmp_path, scores=tmp_path, progress=False)


def test_scores_are_of_the_weights_wherever_they_lie(
    source: Path, universal: Path, tmp_path: Path
) -> None:
    """A product begun with the shipped model is gone on with by a copy of it, and by no other."""

    def begun(**given: object) -> Begun:
        asked = {"waveforms": source, "scores": tmp_path / "s.zarr", **given}
        return Begun(Infer(Infer.Config.build(asked)))

    first = begun()
    first.run_all()
    first.finish()
    copied = shutil.copytree(universal, tmp_path / "copied")
    for model in ("universal", copied):
        stage = Infer(Infer.Config.build({"waveforms": source, "model": model, "scores": tmp_path}))
        assert stage.plan().identity.key == first.plan.identity.key
    scores = seisflow.open(tmp_path / "s.zarr")
    assert np.isfinite(scores.probability.values).any()
    other = sharp("recurrent")
    save_model(tmp_path / "other", other.classifier, other.document)
    with pytest.raises(ConfigError, match="another"):
        begun(model=tmp_path / "other")
