"""The page of all options and the typed stubs are up to date, and mypy reads the stubs."""

import ast
import inspect
from pathlib import Path

import pytest
from mypy import api as mypy

import seisflow
from seisflow.api import kind_text
from seisflow.core.config import StageConfig
from seisflow.core.options import Option, PathOrNone, argument
from seisflow.errors import ConfigError
from seisflow.reference.__main__ import WRITTEN, main
from seisflow.reference.page import type_of, unit_of
from seisflow.reference.stubs import annotation
from seisflow.registry import STAGES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", WRITTEN)
def test_what_is_written_is_up_to_date(name: str) -> None:
    assert (ROOT / name).read_text() == WRITTEN[name](), "type: python -m seisflow.reference"


def test_it_is_written_beside_pyproject_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(tmp_path) == 2
    assert "in the folder of the repository" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
    (tmp_path / "seisflow").mkdir()
    (tmp_path / "pyproject.toml").touch()
    assert main(tmp_path) == 0
    for name in WRITTEN:
        assert (tmp_path / name).read_text() == (ROOT / name).read_text()


def test_stubs_have_what_the_functions_have() -> None:
    tree = ast.parse((ROOT / "seisflow" / "__init__.pyi").read_text())
    found = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert found.keys() == STAGES.keys()
    for name, node in found.items():
        function = getattr(seisflow, name)
        places = [argument.arg for argument in (*node.args.args, *node.args.kwonlyargs)]
        parameters = inspect.signature(function).parameters
        assert {*places} == {*parameters}
        n_needed = sum(one.default is inspect.Parameter.empty for one in parameters.values())
        given = [*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)]
        assert len(places) - len(given) == n_needed
        assert (ast.get_docstring(node) or "").split() == (inspect.getdoc(function) or "").split()


SCRIPT = """
import seisflow

made = seisflow.label("waveforms.zarr", "labels.zarr", alpha_rn=0.2, select=["AZ.*.*.*"])
path = made.path
seisflow.run("campaign.toml", until="label")
"""


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("", ""),
        ('seisflow.label("a", "b", alpha_nr=0.1)', "alpha_nr"),
        ('seisflow.label("a", "b", device="gpu")', 'expected "Literal'),
        ('seisflow.label("a")', 'Missing positional argument "labels"'),
        ('seisflow.label("a", "b", select=3)', 'expected "tuple[str, ...] | list[str] | str"'),
    ],
)
def test_mypy_knows_the_keywords(wrong: str, said: str, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(f"{SCRIPT}{wrong}\n")
    # other modules are Any: what is checked are the stubs
    options = ["--config-file=", "--follow-imports=skip", f"--cache-dir={tmp_path / 'cache'}"]
    stubs = str(ROOT / "seisflow" / "__init__.pyi")
    out, err, code = mypy.run([*options, stubs, str(script)])
    assert err == ""
    assert code == (1 if wrong else 0), out
    assert said in out
    assert out.count(": error: ") == (1 if wrong else 0)


@pytest.mark.parametrize(
    ("kind", "typed", "said"),
    [
        (float, "float", "number"),
        (tuple[float, float], "tuple[float, float] | list[float]", "number, number"),
        (tuple[str, ...], "tuple[str, ...] | list[str] | str", "any number of text"),
        (int | str, "int | str", "whole number or text"),
    ],
)
def test_types_are_written_as_they_are_given(kind: object, typed: str, said: str) -> None:
    assert annotation(kind) == typed
    assert type_of(Option(name="a", kind=kind, default=None, help="")) == said


class Asked(StageConfig):
    """One path, which may be none."""

    labels: PathOrNone = argument("LABELS", may_be_none=True)


def test_a_path_may_be_the_word_none() -> None:
    (one,) = Asked.options()
    assert (one.is_path, one.is_required, one.may_be_none) == (True, True, True)
    assert [Asked.build({"labels": value}).labels for value in ("none", None)] == [None, None]
    assert Asked.build({"labels": "./none"}).labels == Path.cwd() / "none"
    with pytest.raises(ConfigError, match="labels: found 3: a path is text"):
        Asked.build({"labels": 3})
    with pytest.raises(ConfigError, match="labels is missing"):
        Asked.build({})
    assert type_of(one) == "path or `none`"
    assert kind_text(one) == "path or None"


def test_units_come_from_names() -> None:
    names = ("band_hz", "slowest_velocity_m_s", "time_block_s", "seed", "alarms_per_day")
    units = [unit_of(Option(name=n, kind=float, default=1.0, help="")) for n in names]
    assert units == ["Hz", "m/s", "s", "", "1/day"]
