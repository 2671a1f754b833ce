"""Training that goes on from a model: what both models are worth, told and kept."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from toy_models import made

from seisflow.cli.app import program
from seisflow.core import shipped
from seisflow.core.reporting import Silent
from seisflow.stages.evaluate.stage import Evaluate
from seisflow.stages.learn.artifact import load_model, save_model
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.train.stage import Train
from seisflow.stages.train.summary import before_after_rows, worse_note

sys.path.insert(0, str(Path(__file__).parents[1] / "learn"))

from wavelet_sets import WaveletSet, write_wavelets

SHORT: dict[str, Any] = {"epochs": 2, "batch_size": 32, "device": "cpu"}


class Tables(Silent):
    """Keeps the tables it is shown, and the notes."""

    def __init__(self) -> None:
        self.tables: list[tuple[str, Any, Sequence[str]]] = []
        self.notes: list[str] = []

    def table(
        self,
        title: str,
        rows: Mapping[str, Any] | Sequence[Sequence[Any]],
        head: Sequence[str] = (),
    ) -> None:
        self.tables.append((title, rows, head))

    def note(self, text: str) -> None:
        self.notes.append(text)


@pytest.fixture(scope="module")
def wavelets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_wavelets(tmp_path_factory.mktemp("set") / "w.zarr", WaveletSet(n=120))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bases") / "base"
    save_model(folder, made("compact").classifier, made("compact").document)
    return folder


def stage(wavelets: Path, base: Path, model: Path, **options: Any) -> Train:
    asked = {"wavelets": wavelets, "from_model": base, "model": model, **SHORT, **options}
    return Train(TrainConfig.build(asked))


def test_both_models_are_judged_on_the_same_wavelets(
    wavelets: Path, base: Path, tmp_path: Path
) -> None:
    """The figures before are those of evaluate, number by number."""
    told = Tables()
    result = stage(wavelets, base, tmp_path / "m").run_here(told)
    asked = {"wavelets": wavelets, "split": "validation"}

    def evaluated(model: Path, name: str) -> dict[str, Any]:
        config = Evaluate.Config.build({"model": model, "output": tmp_path / name, **asked})
        Evaluate(config).run_here()
        return json.loads((tmp_path / name / "evaluation.json").read_text())

    metrics = json.loads((tmp_path / "m" / "metrics.json").read_text())
    before = metrics.pop("before")
    assert before == evaluated(base, "before")
    assert metrics == evaluated(tmp_path / "m", "after")
    assert before["model_key"] == load_model(base).key != metrics["model_key"]
    assert result.summary["before"] == before
    assert json.loads(json.dumps(result.summary)) == result.summary
    first, (_, rows, head) = told.tables[0], told.tables[-1]
    assert first[0] == "before, base on the validation split"
    assert head == ["validation split", "before, base", "after"]
    assert rows == before_after_rows(before, metrics)
    assert first[1] == {name: value for name, value, _ in rows}
    assert {*first[1]} >= {"recall of P", "false positives", "macro F1"}
    assert result.rows["from"] == f"{base}, all layers"


def test_typed_again_it_shows_the_same_table(wavelets: Path, base: Path, tmp_path: Path) -> None:
    first, again = Tables(), Tables()
    made_first = stage(wavelets, base, tmp_path / "m", epochs=1).run_here(first)
    (tmp_path / "m" / "metrics.json").unlink()  # as if it had died before
    stage(wavelets, base, tmp_path / "m", epochs=1).run_here(again)
    assert again.tables[-1] == first.tables[-1]
    last = stage(wavelets, base, tmp_path / "m", epochs=1).run_here(again)
    assert again.tables[-1] == first.tables[-1]
    assert last.summary == made_first.summary


def test_a_training_from_the_beginning_has_nothing_before_it(
    wavelets: Path, tmp_path: Path
) -> None:
    told = Tables()
    config = TrainConfig.build({"wavelets": wavelets, "model": tmp_path / "m", **SHORT})
    result = Train(config).run_here(told)
    assert "before" not in result.summary
    assert not any("before" in (title, *head) for title, _, head in told.tables)


def test_a_model_that_lost_is_noted() -> None:
    good, bad = {"macro_f1": 0.9}, {"macro_f1": 0.8}
    assert worse_note(bad, good) == worse_note(good, good) == ""
    assert "macro F1 on the validation split fell from 0.900 to 0.800" in worse_note(good, bad)


def test_false_positives_are_noise_that_was_given_an_earthquake() -> None:
    evaluation = {
        "classes": {"earthquake": {"recall": 0.5}},
        "operating_point": {"recall": None, "asked_false_positive_rate": 0.0015},
        "confusion": [[1, 1, 0], [3, 5, 0], [4, 0, 6]],
        "macro_f1": 0.5,
        "accuracy": 0.6,
        "brier": 0.1,
    }
    rows = {name: before for name, before, _ in before_after_rows(evaluation, evaluation)}
    assert rows["false positives"] == "7 of 18 noise windows"
    assert rows["recall of P at 0.0015 false positives a station and second"] == "-"


def test_the_command_calls_it_from(
    wavelets: Path, base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    args = ["train", wavelets, tmp_path / "m", "--from", base, "--layers", "last"]
    program(["train"])([*map(str, args), "--dry-run", "--json"], standalone_mode=False)
    plan = json.loads(capsys.readouterr().out)
    assert (plan["from"], plan["layers"], plan["network"]) == ("base", "last", "compact")
    assert not (tmp_path / "m").exists()


def test_it_goes_on_from_a_shipped_model(
    wavelets: Path, base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which evaluate judges in a folder of the user's: nothing is written into the package."""
    shutil.copytree(base, tmp_path / "models" / "tiny")
    monkeypatch.setattr(shipped, "MODELS", tmp_path / "models")
    monkeypatch.chdir(tmp_path)
    config = {"wavelets": wavelets, "from_model": "tiny", "model": "m", **SHORT}
    job = Train(TrainConfig.build(config)).job
    assert (job.base_name, job.identity["from"]["key"]) == ("tiny", load_model(base).key)
    Evaluate(Evaluate.Config.build({"model": "tiny", "wavelets": wavelets})).run_here()
    folder = tmp_path / "tiny-evaluation" / f"test-{job.examples.key[:8]}"
    assert (folder / "evaluation.json").exists()
    names = {path.name for path in (tmp_path / "models" / "tiny").iterdir()}
    assert names == {"model.json", "weights.safetensors"}


@pytest.mark.slow
@pytest.mark.parametrize("layers", ["all", "last"])
def test_ranks_go_on_from_it_too(wavelets: Path, base: Path, tmp_path: Path, layers: str) -> None:
    """Without dropout, which each rank draws on its own, they learn what one learns."""
    for name, ranks in (("one", 1), ("two", 2)):
        options = {"dropout": 0.0, "optimiser": "sgd", "layers": layers, "ranks": ranks}
        stage(wavelets, base, tmp_path / name, **options).run_here()
    one, two = (load_model(tmp_path / name).classifier.network for name in ("one", "two"))
    for (name, a), b in zip(one.state_dict().items(), two.state_dict().values(), strict=True):
        assert a.allclose(b, atol=1e-4), name
    before = load_model(base).classifier.network.state_dict()
    kept = {n for n, t in two.state_dict().items() if t.equal(before[n])}
    assert (len(kept) == len(before) - 2) == (layers == "last")
