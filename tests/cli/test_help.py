"""What ``--help`` shows is what can be typed: no sign of a help text is lost on the way."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
import typer.rich_utils

import seisflow.cli.app as app

SIGNS = re.compile(r"[*\[\]<>_\\`'\"~|&#]")
FRAME = re.compile(r"[\s│╭╮╰╯─]+")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def declared(command: Any, *names: str) -> Iterator[tuple[tuple[str, ...], list[str], list[str]]]:
    """Yield each command with the texts of itself and of its parameters, as they were written."""
    own = [command.help or ""]
    yield names, own, [p.help for p in command.params if getattr(p, "help", None)]
    for name, inner in getattr(command, "commands", {}).items():
        yield from declared(inner, *names, name)


EVERY = list(declared(typer.main.get_command(app.program())))


def shown(names: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> str:
    command = getattr(app, "command_line", lambda: typer.main.get_command(app.program()))()
    command([*names, "--help"], prog_name="seisflow", standalone_mode=False)
    return capsys.readouterr().out


@pytest.mark.parametrize("colour", [None, True], ids=["plain", "colour"])
@pytest.mark.parametrize("width", [80, 200])
@pytest.mark.parametrize(("names", "own", "params"), EVERY, ids=[" ".join(e[0]) for e in EVERY])
def test_help_shows_every_sign_of_its_texts(
    names: tuple[str, ...],
    own: list[str],
    params: list[str],
    width: int,
    colour: bool | None,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(typer.rich_utils, "MAX_WIDTH", width)
    monkeypatch.setattr(typer.rich_utils, "FORCE_TERMINAL", colour)
    monkeypatch.setattr(typer.rich_utils, "COLOR_SYSTEM", "standard" if colour else None)
    coloured = shown(names, capsys)
    assert ("\x1b[" in coloured) == bool(colour)
    text = ANSI.sub("", coloured)
    whole = FRAME.sub("", text)
    for paragraph in own:
        assert FRAME.sub("", re.sub(r"(?m)^-+$", "", paragraph)) in whole
    for words in (help_text.split() for help_text in params):
        for word in words:
            assert word in text or not SIGNS.search(word), f"{word} of {' '.join(words)}"
    if width == 200:  # lines of options are whole
        for help_text in params:
            if len(help_text) < 90:
                assert FRAME.sub("", help_text) in whole


def test_the_examples_that_were_lost_are_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert "'AZ.*.*.??Z'" in shown(("label",), capsys)
    assert "[cpu]" in shown(("cluster", "check"), capsys)


@pytest.mark.parametrize(
    "text",
    [
        r"'AZ.*.*.??Z' *all* _of_ __it__ [red]x[/red] [a](b) `c` <d> \e ~~f~~ &amp; a|b",
        "- one\n- two",
        "1. one\n2. two",
        "# no heading",
        "+ plus",
    ],
)
def test_no_sign_is_lost(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    one = typer.Typer(rich_markup_mode="markdown", add_completion=False)

    @one.command(help=text)
    def command(option: str = typer.Option("", help=text)) -> None:
        del option

    made = typer.main.get_command(one)
    app._show_literally(made)
    made(["--help"], prog_name="x", standalone_mode=False)
    whole = FRAME.sub("", capsys.readouterr().out)
    assert whole.count(FRAME.sub("", text)) == 2


def test_a_default_of_nothing_is_shown_too(capsys: pytest.CaptureFixture[str]) -> None:
    said = " ".join(FRAME.sub(" ", shown(("synth",), capsys)).split())
    assert "[default: 0]" in said  # of --glitches
    assert "[default: 0.5]" in said
