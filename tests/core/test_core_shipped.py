"""Models that come with the package: how one is meant, and that the package holds them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder
from toy_models import made

import seisflow
from seisflow.core import shipped
from seisflow.core.options import by_place
from seisflow.errors import ConfigError
from seisflow.stages.evaluate.config import EvaluateConfig
from seisflow.stages.infer.config import InferConfig
from seisflow.stages.learn import artifact
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.report.config import ReportConfig
from seisflow.stages.report.page.campaign import campaign_page

ROOT = Path(__file__).parents[2]
TOGETHER_BYTES = 1_000_000


@pytest.fixture
def ship(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Ship models with this installation, which has none of its own."""
    folder = tmp_path / "seisflow" / "models"
    monkeypatch.setattr(shipped, "MODELS", folder)

    def ship(name: str) -> Path:
        model = made("compact")
        artifact.save_model(folder / name, model.classifier, model.document)
        return folder / name

    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    return ship


def test_a_name_is_a_shipped_model_where_there_is_no_such_path(ship: Callable) -> None:
    tiny = ship("tiny")
    assert shipped.shipped_models() == ("tiny",)
    assert shipped.shipped_model("tiny") == shipped.shipped_model(Path("tiny")) == tiny
    for other in ("other", "./tiny", "x/tiny", str(tiny), "s3://tiny", 7):
        assert shipped.shipped_model(other) is None, other
    assert artifact.load_model("tiny").key == seisflow.load_model("tiny").key == made("compact").key
    Path("tiny").mkdir()
    assert shipped.shipped_model("tiny") is None
    with pytest.raises(Exception, match=r"tiny holds no model\.json"):
        artifact.load_model("tiny")


def test_every_option_that_reads_a_model_takes_a_name(ship: Callable, tmp_path: Path) -> None:
    tiny = ship("tiny")
    evaluated = EvaluateConfig.build({"model": "tiny", "wavelets": "w"})
    report = ReportConfig.build({"page": "p.html", "model": "tiny"})
    infer = InferConfig.build({"waveforms": "w", "model": "tiny", "scores": "tiny"})
    train = TrainConfig.build({"wavelets": "w", "model": "tiny", "from_model": "tiny"})
    assert evaluated.model == report.model == infer.model == train.from_model == tiny
    here = Path.cwd()
    assert (infer.scores, train.model) == (here / "tiny", here / "tiny")
    other = InferConfig.build({"waveforms": "w", "model": "other", "scores": "s"})
    assert other.model == here / "other"
    models = {o.name for c in (EvaluateConfig, ReportConfig, InferConfig, TrainConfig)
              for o in c.options() if o.is_model}  # fmt: skip
    assert models == {"model", "from_model"}
    assert not next(o for o in TrainConfig.options() if o.name == "model").is_model


def test_what_is_neither_names_those_that_are_shipped(ship: Callable) -> None:
    with pytest.raises(ConfigError) as refused:
        seisflow.load_model("univrsal")
    assert str(refused.value).endswith("is not a folder; give one that seisflow train has written")
    ship("tiny")
    ship("wide")
    with pytest.raises(ConfigError, match=r"written, or the name of a shipped model: tiny, wide$"):
        seisflow.load_model("univrsal")
    with pytest.raises(ConfigError, match=r"file or model that does, or the name of a shipped"):
        campaign_page({"model": Path("univrsal")}, "A page")


def test_where_none_is_given_universal_is_taken(ship: Callable) -> None:
    said = "no model was given, and none is shipped with this installation"
    with pytest.raises(ConfigError, match=said):
        seisflow.load_model()
    with pytest.raises(ConfigError, match=said):
        InferConfig.build({"waveforms": "w", "scores": "s"})
    universal = ship("universal")
    Path("universal").mkdir()  # of the user, who did not give it
    assert seisflow.load_model().key == made("compact").key
    assert "from universal" in repr(seisflow.load_model())
    assert InferConfig.build({"waveforms": "w", "scores": "s"}).model == universal
    assert InferConfig.build({"waveforms": "w", "scores": "s", "model": None}).model == universal


def test_a_worker_takes_that_of_its_own_installation(ship: Callable, tmp_path: Path) -> None:
    tiny = ship("tiny")
    elsewhere = tmp_path / "elsewhere" / "seisflow" / "models"
    assert shipped.where_it_is_here(elsewhere / "tiny") == tiny
    assert artifact.load_model(elsewhere / "tiny").key == made("compact").key
    for other in (elsewhere / "wide", elsewhere.parent / "tiny", tmp_path / "tiny"):
        assert shipped.where_it_is_here(other) == other
    shutil.copytree(tiny, elsewhere / "tiny")
    assert shipped.where_it_is_here(elsewhere / "tiny") == elsewhere / "tiny"


def test_values_go_to_their_places() -> None:
    places = {"a": True, "b": False, "c": True}
    assert by_place(places, [1, 2, 3]) == {"a": 1, "b": 2, "c": 3}
    assert by_place(places, [1, 2]) == {"a": 1, "c": 2}
    assert by_place(places, [1, 2], {"c"}) == {"a": 1, "b": 2}
    assert by_place(places, [1, 2], {"b"}) == {"a": 1, "c": 2}
    assert by_place(places, [1]) == {"a": 1}
    assert by_place({"a": True, "c": True}, [1]) == {"a": 1}


def test_the_wheel_holds_the_models(tmp_path: Path) -> None:
    """As pyproject.toml says what goes in; .gitignore could keep something out."""
    for name in ("pyproject.toml", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path / name)
    package = tmp_path / "seisflow"
    package.mkdir()
    shutil.copy(ROOT / "seisflow" / "__init__.py", package)
    model = made("compact")
    artifact.save_model(package / "models" / "tiny", model.classifier, model.document)
    (package / "models" / "tiny" / "README.md").write_text("card")
    found = {file.relative_path for file in WheelBuilder(str(tmp_path)).recurse_included_files()}
    files = ("README.md", "model.json", "weights.safetensors")
    assert {f"seisflow/models/tiny/{name}" for name in files} <= found


def test_shipped_models_are_whole_and_small() -> None:
    files = [file for file in shipped.MODELS.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < TOGETHER_BYTES
    for name in shipped.shipped_models():
        assert (shipped.MODELS / name / "README.md").exists()
        assert artifact.load_model(shipped.MODELS / name).classes
