"""`seisflow plot`: files, names, JSON, exit codes."""

import json
import shutil
from pathlib import Path

import pytest
from programs import Launcher
from report_products import FIRST, SECOND

from seisflow.cli.app import program
from seisflow.errors import ExitCode, SeisflowError

PNG = b"\x89PNG"


def plot(*argv: str | Path) -> None:
    """Do what the command does, in this process."""
    program()(["plot", *map(str, argv)], standalone_mode=False)


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_an_hour_gets_a_name_of_its_own(
    plotted: tuple[Path, Path], launcher: Launcher, tmp_path: Path
) -> None:
    args = ["--station", FIRST, "--hour", "2014-05-30T00:59:59.5Z", "--json"]
    ended = launcher.run("plot", plotted[0], *args, cwd=tmp_path)
    assert ended.code == 0, ended.err
    name = f"labels-{FIRST}-2014-05-30T00.png"
    assert [p.name for p in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_bytes().startswith(PNG)
    assert ended.err.splitlines()[-1] == f"written: {name}"
    assert f"{FIRST} 2014-05-30T00:00:00Z to 2014-05-30T01:00:00Z: random noise " in ended.err
    shown = json.loads(ended.out)
    assert (shown["product"], shown["exit_code"]) == (str(plotted[0]), 0)
    (figure,) = shown["figures"]
    assert figure["path"] == name
    assert (figure["start"], figure["end"]) == ("2014-05-30T00:00:00Z", "2014-05-30T01:00:00Z")
    assert figure["seconds"]["no_data"] == 3600 - 360 + 7
    assert sum(figure["seconds"].values()) == 3600
    assert sum(figure["shares"].values()) == pytest.approx(1)


def test_every_day_has_its_figure_unless_one_is_named(
    plotted: tuple[Path, Path], here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plot(plotted[0], "--output", "figures")
    names = sorted(p.name for p in (here / "figures").iterdir())
    assert names == ["labels-2014-05-29.png", "labels-2014-05-30.png"]
    plot(plotted[0], "--day", "2014-05-30", "--select", "*.BBB.*.*", "--output", "figures")
    more = {p.name for p in (here / "figures").iterdir()} - set(names)
    assert more == {"labels-2014-05-30-_.BBB._._.png"}, "a selection must not replace the whole"
    assert capsys.readouterr().out == ""
    args = ["--day", "2014-05-30", "--select", "*.BBB.*.*", "-o", "one/day.svg", "--json"]
    plot(plotted[0], *args)
    (figure,) = json.loads(capsys.readouterr().out)["figures"]
    assert figure["path"] == "one/day.svg"
    assert sum(figure["seconds"].values()) == 24 * 3600
    assert "<svg" in (here / "one" / "day.svg").read_text()[:1000]


@pytest.mark.parametrize("part", ["AAA", "XX.AAA", "AAA..HHZ", "XX.A*.*.*"])
def test_a_part_of_its_name_chooses_a_station(
    part: str, plotted: tuple[Path, Path], here: Path
) -> None:
    plot(plotted[0], "--station", part, "--hour", "2014-05-30")
    assert [p.name for p in here.iterdir()] == [f"labels-{FIRST}-2014-05-30T00.png"]


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["--hour", "2014-05-30"], "--hour without --station"),
        (["--waveforms", "x"], "--waveforms without --station"),
        (["--station", FIRST, "--day", "2014-05-30"], "--day with --station"),
        (["--station", FIRST, "--select", "*.*.*.*"], "--select with --station"),
        (["--station", FIRST], "say which hour to draw, for example --hour 2014-05-29T00"),
        (["--station", "XX.*.*.*", "--hour", "2014-05-30"], f"drawn: {FIRST}, {SECOND}; give"),
        (
            ["--station", "X", "--hour", "2014-05-30"],
            "no station matches --station 'X': give NET",
        ),
        (["--station", "XX", "--hour", "2014-05-30"], f"drawn: {FIRST}, {SECOND}; give"),
        (["--day", "2014-05-31"], "the day 2014-05-31 is not in"),
        (["--day", "today"], "not a time: 'today'"),
        (["--select", "*.CCC.*.*"], "no station matches --select *.CCC.*.*"),
        (["-o", "a.gif"], "--output a.gif is no kind of figure; allowed: .png, .pdf, .svg"),
        (["-o", "a.png"], "--output a.png is one file, and there are 2 days"),
    ],
)
def test_what_cannot_be_drawn_is_2_and_writes_nothing(
    args: list[str], said: str, plotted: tuple[Path, Path], here: Path
) -> None:
    with pytest.raises(SeisflowError) as caught:
        plot(plotted[0], *args)
    assert caught.value.exit_code == ExitCode.CONFIG
    assert said in str(caught.value)
    assert list(here.iterdir()) == []


def test_waveforms_that_are_gone_are_2_until_given(plotted: tuple[Path, Path], here: Path) -> None:
    labels = here / "labels.zarr"
    shutil.copytree(plotted[0], labels)
    (labels / "_seisflow" / "sources.json").unlink()
    args = [labels, "--station", FIRST, "--hour", "2014-05-30T00", "-o", "hour.png"]
    with pytest.raises(SeisflowError, match="give their path with --waveforms"):
        plot(*args)
    plot(*args, "--waveforms", plotted[1])
    assert (here / "hour.png").read_bytes().startswith(PNG)


def test_what_is_no_labels_is_refused_with_exit_code_2(
    plotted: tuple[Path, Path], launcher: Launcher, tmp_path: Path
) -> None:
    ended = launcher.run("plot", plotted[1], cwd=tmp_path)
    assert ended.code == 2
    assert "is a WAVEFORMS product; a LABELS product is needed" in ended.err
    assert "Traceback" not in ended.err


def test_a_place_that_cannot_be_written_is_4(plotted: tuple[Path, Path], here: Path) -> None:
    (here / "figures").write_text("a file where a folder should be")
    with pytest.raises(SeisflowError, match=r"cannot write to figures/day\.png") as caught:
        plot(plotted[0], "--day", "2014-05-29", "-o", "figures/day.png")
    assert caught.value.exit_code == ExitCode.INCOMPLETE
