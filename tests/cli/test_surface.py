"""The commands and options people and programs rely on; a change here is a change for them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from programs import Cluster, Ended, Launcher, differences

from seisflow import __version__
from seisflow.cli.app import program

ENGINE = {"--cluster", "--workers", "--detach", "--dry-run", "--json"}
TRAIN = {
    *("wavelets", "model", "--weights", "--from-model", "--from", "--layers"),
    *("--network", "--rate", "--low-hz", "--high-hz"),
    *("--frame-s", "--epochs", "--batch-size", "--optimiser", "--learning-rate", "--schedule"),
    *("--weight-decay", "--momentum", "--dropout", "--class-weights"),
    *("--label-smoothing", "--clip-norm", "--patience", "--monitor", "--precision"),
    *("--augment", "--no-augment", "--flip", "--shift-s", "--event-shift-s", "--noise"),
    *(
        "--noise-snr",
        "--noise-of",
        "--gain",
        "--pulses",
        "--colour",
        "--stretch",
        "--stretched",
        "--shards-together",
        "--seed",
        "--forest-examples",
    ),
    *("--forest-trees", "--device", "--ranks", "--nodes", "--cluster"),
    "--checkpoint-every-s",
}

OPTIONS = {
    "synth": {
        *("scene", "--nodes", "--hours", "--rate", "--seed", "--start", "--noise"),
        *("--earthquakes", "--aircraft", "--gusts", "--vehicles", "--glitches", "--spikes"),
        *("--gaps", "--dead", "--dead-within-s", "--rows", "--columns", "--spacing-m"),
        *("--row-spacing-m", "--longitude", "--latitude", "--elevation-m", "--network"),
        *("--channel", "--noise-rms-counts", "--earthquake-snr", "--nuisance-snr"),
        *("--vp-km-s", "--vp-vs", "--distance-km", "--depth-km"),
        *ENGINE,
    },
    "ingest": {
        *("raw", "waveforms", "--select", "--start", "--end", "--stations", "--rate"),
        *ENGINE,
    },
    "label": {
        *("waveforms", "labels", "--select", "--start", "--end", "--method", "--precision"),
        *("--clip-counts", "--window-s", "--highpass-corner-windows", "--highpass-poles"),
        *("--warm-up-s", "--max-lag-fraction", "--candidate-fraction"),
        *("--candidate-variance-factor", "--candidate-cc-low", "--candidate-cc-high"),
        *("--min-candidates", "--min-set-windows", "--n-rounds", "--box-fraction"),
        *("--first-rn-density", "--first-nrn-density", "--rn-weighted-density"),
        *("--nrn-weighted-density", "--second-nrn-by-density", "--alpha-rn", "--alpha-nrn"),
        *("--seed", "--n-templates", "--min-windows", "--min-noise", "--noise-alpha"),
        *("--prewhitening-order", "--prewhitening-windows", "--min-band-bins"),
        *("--bands-per-octave", "--max-drift-degree", "--drift-windows", "--max-drift"),
        *("--block-windows", "--quiet-quantile", "--dense-fraction", "--start-width"),
        *("--max-wander", "--neighbours", "--neighbour-limit", "--burst-windows"),
        *("--pair-quantile", "--n-pair-steps", "--null-power", "--null-power-slope"),
        *("--full-power-bins", "--max-null-width", "--null-upper", "--null-start"),
        *("--n-null-steps", "--block", "--device"),
        *ENGINE,
    },
    "assemble": {
        *("waveforms", "labels", "arrivals", "wavelets", "--select", "--start", "--end"),
        *("--events", "--split", "--seed", "--predict", "--per-class", "--snr-min"),
        *("--per-arrival", "--lead-s", "--jitter-s", "--window-s", "--margin-s"),
        *("--before-s", "--after-s", "--time-block-s", "--station-blocks", "--train"),
        *("--validation", "--held", "--balance", "--no-balance", "--coda", "--coda-s"),
        "--coda-end-s",
        *ENGINE,
    },
    "train": {*TRAIN, "--detach", "--dry-run", "--json"},
    "evaluate": {
        *("model", "wavelets", "--split", "--truth", "--source-ratio"),
        *("--false-positive-rate", "--output", "-o", "--device", "--batch", "--json"),
    },
    "transfer": {*TRAIN, "--only", "--quiet", "--least-snr", "--false-positive-rate", "--json"},
    "infer": {
        *("waveforms", "model", "scores", "--select", "--start", "--end", "--time-scale"),
        *("--precision", "--batch", "--block", "--device"),
        *ENGINE,
    },
    "detect": {
        *("waveforms", "scores", "catalog", "--select", "--start", "--end", "--min-nodes"),
        *("--false-positive-rate", "--threshold", "--false-alarms-per-day"),
        *("--slowest-velocity-m-s", "--moveout-s", "--merge-s", "--low-hz", "--high-hz"),
        *("--max-lag-s", "--passes", "--min-cc", "--figures"),
        *ENGINE,
    },
    "compare": {
        *("catalog", "reference", "--tolerance-s", "--arrivals", "--predict", "--baselines"),
        *("--waveforms", "--equal", "--output", "-o", "--json"),
    },
    "report": {
        *("page", "--waveforms", "--labels", "--model", "--scores", "--catalog"),
        *("--comparison", "--title", "--json"),
    },
    "plot": {
        *("labels", "--station", "--hour", "--day", "--select", "--waveforms", "--output", "-o"),
        "--json",
    },
    "plan": {"campaign", "--measure", "--json"},
    "run": {"campaign", "--until", "--only", "--json"},
    "status": {"product", "--json"},
    "cluster check": {"profile", "--store", "--json"},
    "jobs": {"--all", "--json"},
    "logs": {"job_id", "--follow", "-f", "--lines"},
    "cancel": {"job_id", "--json"},
    "demo": {"output", "--nodes", "--hours", "--rate", "--epochs", "--workers"},
}
HELP = ("-h", "--help")
Run = Callable[..., Ended]


def names(parameter: object) -> set[str]:
    every = {*parameter.opts, *parameter.secondary_opts}  # type: ignore[attr-defined]
    return every - set(HELP)


def test_commands_and_options_are_these() -> None:
    root = typer.main.get_command(program())
    commands = dict(root.commands)  # type: ignore[attr-defined]
    group = commands.pop("cluster")
    commands |= {f"cluster {name}": command for name, command in group.commands.items()}
    found = {name: set().union(*map(names, c.params)) for name, c in commands.items()}
    assert found == OPTIONS
    assert {n for p in root.params for n in names(p)} == {"--version"}


def test_the_readme_names_the_commands_and_codes() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for command in OPTIONS.keys() - {"demo"}:
        assert f"seisflow {command} " in readme
    assert "0 done, 1 bug, 2 configuration, 3 data" in readme
    assert "4 incomplete (type the command again), 130 interrupted" in readme


@pytest.mark.parametrize("command", OPTIONS)
@pytest.mark.parametrize("flag", HELP)
def test_every_command_explains_itself(command: str, flag: str, run: Run) -> None:
    ended = run(*command.split(), flag)
    assert ended.code == 0
    assert f"seisflow {command}" in ended.out
    for option in OPTIONS[command]:
        if option.startswith("--"):
            assert option in ended.out


@pytest.mark.parametrize("command", sorted(OPTIONS.keys() - {"demo", "status"}))
def test_help_has_examples(command: str, run: Run) -> None:
    text = run(*command.split(), "--help").out
    _, _, examples = text.partition("Examples")
    assert f"seisflow {command} " in examples


def test_no_command_shows_the_help_with_exit_codes(launcher: Launcher) -> None:
    ended = launcher.run()
    text = " ".join((ended.out + ended.err).replace("│", " ").split())
    for command in OPTIONS:
        assert f" {command.split()[0]} " in text
    assert "0 done, 1 bug, 2 configuration" in text


@pytest.mark.parametrize(
    "program",
    [[sys.executable, "-m", "seisflow"], [str(Path(sys.executable).with_name("seisflow"))]],
    ids=["python -m seisflow", "seisflow"],
)
def test_both_programs_say_their_version(program: list[str]) -> None:
    done = subprocess.run([*program, "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"seisflow {__version__}\n"


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["fly"], "No such command 'fly'"),
        (["ingest", "--fast", "a", "b"], "No such option"),
        (["label", "only-one"], "Missing argument"),
        (["ingest", "only-one"], "{RAW}... {WAVEFORMS.zarr}"),
        (["label", "a", "b", "--block", "0"], "block: found '0'"),
    ],
)
def test_a_wrong_command_line_is_2(argv: list[str], said: str, run: Run) -> None:
    ended = run(*argv)
    assert ended.code == 2
    assert said in ended.err
    assert "Traceback" not in ended.err


def test_json_is_one_document_on_standard_output(
    scene: Path, waveforms: Path, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    options = ["--cluster", cluster.address, "--json"]
    output = tmp_path / "waveforms.zarr"
    args = ["--stations", scene / "stations.csv", *options]
    ended = launcher.run("ingest", scene / "waveforms", output, *args)
    assert ended.code == 0, ended.err
    summary = json.loads(ended.out)
    assert summary["product"] == str(output)
    assert summary["exit_code"] == 0
    assert (summary["tasks"], summary["done"], summary["missing"]) == (4, 4, 0)
    assert summary["failed"] == {}
    assert summary["problems"] == []
    assert summary["counts"]["samples"] == 4 * 3600 * 20
    assert summary["stations"] == 4
    assert summary["sampling_rate_hz"] == 20
    assert summary["peak_memory_bytes"] > 0
    assert summary["written_bytes"] > 0
    assert differences(output, waveforms) == []


@pytest.mark.parametrize("command", ["ingest", "label", "synth"])
def test_a_dry_run_writes_nothing(
    command: str,
    scene: Path,
    waveforms: Path,
    launcher: Launcher,
    cluster: Cluster,
    tmp_path: Path,
) -> None:
    output = tmp_path / "out"
    source = {"ingest": [scene / "waveforms"], "label": [waveforms], "synth": []}[command]
    size = ["--nodes", "4", "--hours", "1", "--rate", "20"] if command == "synth" else []
    args = [*source, output, *size, "--cluster", cluster.address, "--dry-run", "--json"]
    ended = launcher.run(command, *args, cwd=tmp_path)
    assert ended.code == 0, ended.err
    assert list(tmp_path.iterdir()) == []
    shown = json.loads(ended.out)
    assert shown["output"] == str(output)
    assert shown["tasks"] == 4
    for what in ("write_bytes_at_most_about", "files", "memory_per_task_bytes"):
        assert shown[what] > 0
    assert (shown["read_bytes"] > 0) == (command != "synth")
    for word in ("nothing was written", "tasks", "reads", "files", "memory of a worker"):
        assert word in ended.err


def test_a_dry_run_says_what_is_left_out(
    scene: Path, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    args = ["--select", "ZG.R0101.*.*", "--cluster", cluster.address, "--dry-run", "--json"]
    ended = launcher.run("ingest", scene / "waveforms", tmp_path / "x.zarr", *args)
    assert json.loads(ended.out)["notes"] == ["left out 3 segments by --select"]
    assert "left out 3 segments by --select" in ended.err
