"""`seisflow evaluate`: a real model and a small set, from the command line to the files."""

import json
import re
import sys
from pathlib import Path

import evaluations
import numpy as np
import pytest
from programs import Launcher

from seisflow.cli.app import program
from seisflow.core.classes import Split, WaveletClass
from seisflow.core.grid import NS_PER_S
from seisflow.errors import ExitCode, SeisflowError
from seisflow.stages.evaluate.as_json import json_of
from seisflow.stages.evaluate.evaluation import evaluate_model
from seisflow.stages.learn.artifact import load_model, model_document, save_model
from seisflow.stages.learn.classifier import build_classifier
from seisflow.stages.learn.examples import Examples, open_examples
from seisflow.stages.learn.front_end import FrontEndConfig

sys.path.insert(0, str(Path(__file__).parents[1] / "learn"))

from wavelet_sets import WaveletSet, write_wavelets

FIGURES = {
    *("confusion.png", "reliability.png", "roc.png", "recall.png", "probabilities.png"),
    *("cells-typical.png", "cells-surest.png"),
}
OF_THE_MODEL = {"filters.png", "feature-maps.png", "training.png"}
NUMBERS = {"evaluation.json", "table.md"}


@pytest.fixture(scope="module")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    return evaluations.small_set(tmp_path_factory.mktemp("command") / "wavelets.zarr")


@pytest.fixture
def model(examples: Examples, tmp_path: Path) -> Path:
    return write_model(tmp_path / "model", 40, examples.key)


def write_model(folder: Path, rate_hz: int, wavelets: str) -> Path:
    classifier = build_classifier("compact", FrontEndConfig(rate_hz=rate_hz)).eval()
    document = model_document(classifier, training={"wavelets": wavelets})
    save_model(folder, classifier, document)
    (folder / "history.json").write_text(json.dumps([{"epoch": 0, "loss": 1.0}]))
    return folder


@pytest.fixture
def truth(examples: Examples, tmp_path: Path) -> Path:
    """Say what the labels say, but plant a source in the first random noise of the test."""
    kind, ratio = np.zeros((3, 3600)), np.zeros((3, 3600))
    strength = {WaveletClass.EARTHQUAKE: (1, 3.0), WaveletClass.NOT_RANDOM_NOISE: (3, 2.0)}
    noise = examples.wavelet_class == WaveletClass.RANDOM_NOISE
    wrong = np.flatnonzero(noise & (examples.split == Split.TEST))[0]
    for index, wavelet_class in enumerate(examples.wavelet_class):
        row = evaluations.STATIONS.index(examples.station[index])
        first = int(examples.start_ns[index] - evaluations.START_NS) // NS_PER_S
        planted = (3, 2.0) if index == wrong else strength.get(wavelet_class, (0, 0.0))
        kind[row, first : first + 4], ratio[row, first : first + 4] = planted
    return evaluations.write_truth(tmp_path / "truth.zarr", kind, ratio)


def path_of(examples: Examples) -> Path:
    return examples.sources[0].path


def evaluate(*argv: str | Path) -> None:
    """Do what the command does, in this process."""
    program(["evaluate"])(["evaluate", *map(str, argv)], standalone_mode=False)


@pytest.mark.slow
def test_numbers_tables_and_figures_are_written_into_the_model(
    model: Path, examples: Examples, truth: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(model, path_of(examples), "--truth", truth, "--false-positive-rate", 0.1, "--json")
    folder = model / "evaluation" / f"test-{examples.key[:8]}"
    beside = folder.with_name(f"{folder.name}-truth")
    assert {p.name for p in folder.iterdir()} == FIGURES | OF_THE_MODEL | NUMBERS
    assert {p.name for p in beside.iterdir()} == FIGURES | NUMBERS
    ours, planted = (json.loads((f / "evaluation.json").read_text()) for f in (folder, beside))
    expected = evaluate_model(
        load_model(model), examples, examples.select(Split.TEST), false_positive_rate=0.1
    )
    assert ours == json.loads(json.dumps(json_of(expected)))
    assert (ours["truth"], planted["truth"]) == ("labels", "planted")
    counts = [[c["support"] for c in x["classes"].values()] for x in (ours, planted)]
    assert np.subtract(*counts).tolist() == [0, 1, -1]
    assert (beside / "table.md").read_text().startswith("## compact on the test split, against")
    assert "0.98 | 0.85 | 0.91 |" in (folder / "table.md").read_text()
    said = capsys.readouterr()
    (first, second) = json.loads(said.out)["evaluations"]
    assert (first["folder"], second["folder"]) == (str(folder), str(beside))
    assert {Path(f).name for f in first["figures"]} == FIGURES | OF_THE_MODEL
    assert first["confusion"] == ours["confusion"]


def test_another_split_and_folder(
    model: Path,
    examples: Examples,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name in ("draw_evaluation", "draw_network"):  # seen above, and slow
        monkeypatch.setattr(f"seisflow.stages.report.figures.learning.{name}", lambda *_: [])
    folder = tmp_path / "here" / "validation"
    evaluate(model, path_of(examples), "--split", "validation", "--output", folder, "--batch", "7")
    said = capsys.readouterr()
    assert said.out == ""
    head = "compact on the validation split — 1 of 1 events and 3 of 3 stations are in training"
    assert head in " ".join(said.err.split())
    assert said.err.splitlines()[-1] == f"figures in {folder}"
    content = json.loads((folder / "evaluation.json").read_text())
    assert (content["split"], content["n_wavelets"]) == ("validation", 18)
    assert not (model / "evaluation").exists()


def test_a_refusal_is_an_exit_code_and_a_line(
    model: Path, examples: Examples, launcher: Launcher, tmp_path: Path
) -> None:
    other = write_model(tmp_path / "fast", 110, examples.key)
    ended = launcher.run("evaluate", other, path_of(examples), cwd=tmp_path)
    assert ended.code == 2
    assert ended.err.startswith("error: 110 samples/s are needed and ")
    assert "Traceback" not in ended.err


def refused(*argv: str | Path) -> str:
    with pytest.raises(SeisflowError) as caught:
        evaluate(*argv)
    assert caught.value.exit_code in (ExitCode.CONFIG, ExitCode.DATA)
    return str(caught.value)


def test_bad_options_are_refused_before_anything_is_classified(
    model: Path, examples: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("seisflow.stages.learn.artifact.Model.probabilities")
    given = (model, path_of(examples))
    said = refused(*given, "--split", "all")
    assert "split: found 'all': Input should be 'test', 'validation' or 'train'" in said
    said = refused(*given, "--device", "tpu")
    assert "device: found 'tpu': Input should be 'cpu', 'cuda' or 'auto'" in said
    assert "false_positive_rate: found '2'" in refused(*given, "--false-positive-rate", "2")
    assert not (model / "evaluation").exists()


def test_a_model_of_a_much_higher_rate_is_refused(examples: Examples, tmp_path: Path) -> None:
    other = write_model(tmp_path / "fast", 110, examples.key)
    said = refused(other, path_of(examples))
    assert "has 40: what lies above 20 Hz was not recorded; take wavelets of 44 or more" in said


def test_wavelets_of_a_higher_rate_are_resampled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("draw_evaluation", "draw_training", "draw_network"):
        monkeypatch.setattr(f"seisflow.stages.report.figures.learning.{name}", lambda *_: [])
    path = write_wavelets(tmp_path / "fast.zarr", WaveletSet(n=60, rate=200))
    model = write_model(tmp_path / "model", 100, "another set")
    evaluate(model, path, "--output", tmp_path / "found")
    found = json.loads((tmp_path / "found" / "evaluation.json").read_text())
    slow = open_examples(path, 100)
    expected = evaluate_model(load_model(model), slow, slow.select(Split.TEST))
    assert found == json.loads(json.dumps(json_of(expected)))


def test_a_model_of_other_classes_is_refused(model: Path, examples: Examples) -> None:
    file = model / "model.json"
    document = json.loads(file.read_text())
    document["classes"] = ["earthquake", "noise", "thunder"]
    file.write_text(json.dumps(document))
    assert "has the classes earthquake, noise, thunder, wanted" in refused(model, path_of(examples))


def test_an_empty_split_is_refused(model: Path, tmp_path: Path) -> None:
    few = evaluations.small_set(tmp_path / "few.zarr", split=np.zeros(90, np.uint8))
    said = refused(model, path_of(few))
    assert re.search(r"no wavelets of .*few\.zarr to evaluate; it has 90 train, 0 val", said)


def test_a_truth_of_something_else_is_refused_before_anything_is_classified(
    model: Path, examples: Examples, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("seisflow.stages.learn.artifact.Model.probabilities")
    nothing = np.zeros((3, 3600))
    path = evaluations.write_truth(tmp_path / "other.zarr", nothing, nothing)
    assert "truth of another scene" in refused(model, path_of(examples), "--truth", path)
    said = refused(model, path_of(examples), "--truth", path_of(examples))
    assert "is a WAVELETS product; a TRUTH product is needed here" in said
    assert not (model / "evaluation").exists()


def test_what_is_no_model_or_no_set_is_refused(
    model: Path, examples: Examples, tmp_path: Path
) -> None:
    assert "is not a folder" in refused(tmp_path / "none", path_of(examples))
    assert "does not exist" in refused(model, tmp_path / "none.zarr")


def test_a_damaged_history_is_said(model: Path, examples: Examples) -> None:
    for content in ("{", '{"epoch": 1}'):
        (model / "history.json").write_text(content)
        assert "history.json" in refused(model, path_of(examples))
