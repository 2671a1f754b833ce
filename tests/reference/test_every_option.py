"""One declaration: each option of each stage is in the command, the campaign, Python, the page."""

import inspect
import re
from pathlib import Path
from typing import Any

import pytest
import typer

import seisflow
from seisflow.campaign.tables import StageTable, tables
from seisflow.cli.app import program
from seisflow.core.config import StageConfig
from seisflow.core.engine_options import ENGINE, OF_COMMANDS, OF_FUNCTIONS
from seisflow.core.options import Option, option
from seisflow.reference.page import row_of
from seisflow.registry import STAGES, config_of

PAGE = (Path(__file__).parents[2] / "docs" / "reference.md").read_text()
NO_TABLE = {"synth", "evaluate", "transfer"}
"""Stages that are no part of a campaign."""


def lacking(stage: str, one: Option, parameters: dict[str, Any], function: Any) -> list[str]:
    """Say where an option of a stage is not."""
    return [
        *([] if one.help and one.help[-1] in ".]" else ["its meaning"]),
        *([] if in_command(one, parameters) else ["the command"]),
        *([] if in_python(one, function) else ["Python"]),
        *([] if in_campaign(stage, one, tables().get(stage)) else ["the campaign"]),
        *([] if row_of(one, stage) in section(stage) else ["the page"]),
    ]


def in_command(one: Option, parameters: dict[str, Any]) -> bool:
    found = parameters.get(one.name)
    if found is None or found.param_type_name != ("argument" if one.is_argument else "option"):
        return False
    return one.is_argument or f"--{one.dashed}" in found.opts


def in_python(one: Option, function: Any) -> bool:
    found = inspect.signature(function).parameters.get(one.name)
    said = re.search(rf"(?m)^{one.name} : \S.*\n    \S", inspect.getdoc(function) or "")
    is_named = found is not None and found.kind is inspect.Parameter.KEYWORD_ONLY
    return found is not None and is_named != one.is_argument and said is not None


def in_campaign(stage: str, one: Option, table: StageTable | None) -> bool:
    if table is None:
        return stage in NO_TABLE
    if table.key(one.dashed) == one:
        return one.may_be_none or one not in table.products
    return bool(one.product) and one in table.products


def section(stage: str) -> str:
    return PAGE.partition(f"\n## {stage}\n")[2].partition("\n## ")[0]


def parameters_of(stage: str) -> dict[str, Any]:
    command = typer.main.get_command(program([stage])).commands[stage]  # type: ignore[attr-defined]
    return {parameter.name: parameter for parameter in command.params}


@pytest.mark.parametrize("stage", STAGES)
def test_every_option_is_everywhere(stage: str) -> None:
    function, parameters = getattr(seisflow, stage), parameters_of(stage)
    options = config_of(stage).options()
    assert len(options) >= 3
    found = {one.name: lacking(stage, one, parameters, function) for one in options}
    assert {name: places for name, places in found.items() if places} == {}
    own = {one.name for one in options}
    assert parameters.keys() - own == {
        {"detach": "detached", "json": "as_json"}.get(name, name)
        for name in OF_COMMANDS[STAGES[stage].engine]
    }
    keywords = {*inspect.signature(function).parameters}
    assert keywords - own == {*OF_FUNCTIONS[STAGES[stage].engine]}


class WithOneMore(StageConfig):
    """One more.

    Parameters
    ----------
    speed : float
        How fast.
    """

    speed: float = option(1.0)


def test_an_option_that_is_nowhere_is_found() -> None:
    (one,) = WithOneMore.options()
    found = lacking("label", one, parameters_of("label"), seisflow.label)
    assert found == ["the command", "Python", "the campaign", "the page"]


@pytest.mark.parametrize("stage", STAGES)
def test_how_a_stage_runs_is_said_once(stage: str) -> None:
    shown = parameters_of(stage)
    for parameter, name in (("cluster", "cluster"), ("workers", "workers"), ("as_json", "json")):
        if parameter in shown and name in OF_COMMANDS[STAGES[stage].engine]:
            assert shown[parameter].help == ENGINE[name].help
    for name in OF_FUNCTIONS[STAGES[stage].engine]:
        assert ENGINE[name].help in inspect.getdoc(getattr(seisflow, stage))  # type: ignore[operator]
    for one in ENGINE.values():
        assert row_of(one) in PAGE


@pytest.mark.parametrize("stage", STAGES)
def test_the_summary_of_a_stage_is_the_first_line_of_its_configuration(stage: str) -> None:
    text = inspect.getdoc(config_of(stage)) or ""
    assert STAGES[stage].summary == text.splitlines()[0]
    assert len(STAGES[stage].summary) <= 90


def test_stages_of_a_campaign_and_what_they_pass_on() -> None:
    found = tables()
    assert [*found] == [name for name in STAGES if name not in NO_TABLE]
    assert {name: (table.needs, table.makes) for name, table in found.items()} == {
        "ingest": ((), "waveforms"),
        "label": (("waveforms",), "labels"),
        "assemble": (("waveforms", "labels"), "wavelets"),
        "train": (("wavelets",), "model"),
        "infer": (("waveforms", "model"), "scores"),
        "detect": (("waveforms", "scores"), "catalog"),
        "compare": (("catalog",), "comparison"),
        "report": ((), "page"),
    }
