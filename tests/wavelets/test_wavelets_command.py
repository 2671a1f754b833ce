"""``seisflow assemble`` as a process: what it prints, what a kill leaves, and how it resumes."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from programs import Cluster, Launcher, differences, receipts, wait_until
from wavelet_products import STATIONS, Scene, arrays, assemble

from seisflow.archive.receipts import read_document
from seisflow.stages.wavelets.stage import ASSEMBLY


@pytest.fixture(scope="module")
def clean(planted: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What an undisturbed run makes, in this process."""
    output = tmp_path_factory.mktemp("clean") / "w.zarr"
    assemble(planted.sources, output)
    return output


def paths(planted: Scene) -> list[Path]:
    return [planted.sources.waveforms, planted.sources.labels, planted.sources.arrivals]


@pytest.mark.slow
def test_two_workers_make_the_same_product_and_say_so(
    planted: Scene, clean: Path, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    output = tmp_path / "w.zarr"
    options = ["--cluster", cluster.address, "--json"]
    ended = launcher.run("assemble", *paths(planted), output, *options)
    assert ended.code == 0, ended.err
    assert differences(output, clean) == []
    summary, document = json.loads(ended.out), read_document(output, ASSEMBLY)
    assert summary["examples"] == len(arrays(output)["start"]) == document["examples"]
    assert summary["train.earthquake"] == summary["train.random_noise"] > 0
    assert summary["test.stations"] == document["splits"]["test"]["stations"]
    assert summary["rejected_arrivals.snr below gate"] > 0
    assert summary["counts"]["ready"] == summary["examples"]
    for word in ("random noise", "left out", "near arrival", "unused split cell", "balance"):
        assert word in ended.err
    for once in ("not random noise", "left out", "picks.csv: columns: "):  # and nothing twice
        assert ended.err.count(once) == 1
    again = launcher.run("assemble", *paths(planted), output, *options)
    assert again.code == 0, again.err
    assert "is finished: nothing to do" in again.err
    assert "scan" not in again.err
    assert again.err.count("left out") == 1
    assert json.loads(again.out) == summary
    status = launcher.run("status", output, "--json")
    assert status.code == 0, status.err
    assert "WAVELETS, layout 1" in status.err
    assert json.loads(status.out)["counts"]["earthquake"] == summary["examples"] // 3


def test_a_dry_run_counts_and_writes_nothing(
    planted: Scene, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    options = ["--cluster", cluster.address, "--dry-run", "--json", "--split", "events"]
    ended = launcher.run("assemble", *paths(planted), tmp_path / "w.zarr", *options)
    assert ended.code == 0, ended.err
    assert list(tmp_path.iterdir()) == []
    shown = json.loads(ended.out)
    assert shown["tasks"] == 1
    assert shown["train.earthquake"] == shown["train.random_noise"] > 0
    assert [note.partition(":")[0] for note in shown["notes"]] == ["picks.csv"]
    assert ended.err.count("left out") == ended.err.count("picks.csv: columns: ") == 1
    assert "nothing was written" in ended.err


def test_nothing_is_labelled(
    planted: Scene, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    options = ["--cluster", cluster.address, "--dry-run", "--json", "--split", "events"]
    waveforms, _, arrivals = paths(planted)
    ended = launcher.run("assemble", waveforms, "none", arrivals, tmp_path / "w.zarr", *options)
    assert ended.code == 0, ended.err
    shown = json.loads(ended.out)
    assert shown["train.coda"] == shown["train.away_from_arrivals"] == shown["train.earthquake"] > 0
    assert "train.labelled" not in shown
    assert "why they have their class" in ended.err


@pytest.mark.parametrize(
    ("labels", "extra", "said"),
    [
        ("none", [], "labels and arrivals are both none"),
        ("labels.zarr", ["--predict", "iasp91"], "predict asked of arrivals that are none"),
        ("labels.zarr", ["--coda"], "coda asked of arrivals that are none"),
    ],
)
def test_none_that_cannot_be_is_refused(
    launcher: Launcher, tmp_path: Path, labels: str, extra: list[str], said: str
) -> None:
    ended = launcher.run("assemble", "w.zarr", labels, "none", tmp_path / "o.zarr", *extra)
    assert ended.code == 2
    assert ended.err.startswith("error: ")
    assert said in ended.err
    assert len(ended.err.splitlines()) == 1


def test_bad_rows_end_with_3_and_are_named(
    planted: Scene, launcher: Launcher, cluster: Cluster, tmp_path: Path
) -> None:
    picks = tmp_path / "picks.csv"
    picks.write_text(planted.sources.arrivals.read_text() + "e99,XX.S0..HHZ,P,soon\n")
    waveforms, labels, _ = paths(planted)
    output = tmp_path / "w.zarr"
    options = ["--cluster", cluster.address, "--split", "events"]
    ended = launcher.run("assemble", waveforms, labels, picks, output, *options)
    assert ended.code == 3, ended.err
    n = len(picks.read_text().splitlines())
    assert f"problem: picks.csv line {n}: not a time: 'soon'" in ended.err
    assert set(arrays(output)["station"]) == set(STATIONS)


@pytest.mark.parametrize(
    ("extra", "code", "said"),
    [
        (["--split", "random"], 2, "split: found 'random'"),
        (["--snr-min", "1e9"], 3, "no candidate of earthquake"),
        (["--select", "XX.S0.*.*"], 2, "--split events"),
        (["--predict", "iasp91"], 2, "no column for latitude"),
    ],
)
def test_refusals_are_one_line(
    planted: Scene,
    launcher: Launcher,
    cluster: Cluster,
    tmp_path: Path,
    extra: list[str],
    code: int,
    said: str,
) -> None:
    output = tmp_path / "w.zarr"
    args = [*paths(planted), output, *extra, "--cluster", cluster.address]
    ended = launcher.run("assemble", *args)
    assert ended.code == code, ended.err
    assert said in ended.err
    assert ended.err.count("error: ") == 1
    assert "Traceback" not in ended.err
    assert not output.exists()


@pytest.mark.slow
def test_a_killed_command_is_typed_again(
    planted: Scene, clean: Path, launcher: Launcher, tmp_path: Path
) -> None:
    """Killed in the scan nothing is there; killed with the product there, it is finished."""
    output = tmp_path / "w.zarr"
    args = ["assemble", *paths(planted), output, "--workers", "1"]
    run = launcher.start(*args)
    wait_until(lambda: run.ended() or "dashboard" in run.err.read_text(), 60, "the cluster")
    run.signal_group(signal.SIGKILL)
    assert run.wait().code == -signal.SIGKILL
    assert not output.exists()
    run = launcher.start(*args)
    wait_until(lambda: run.ended() or output.exists(), 60, "the product")
    if not run.ended():
        run.signal_group(signal.SIGKILL)
    run.wait()
    assert output.exists()
    for file in receipts(output):  # the kill came late: take back the last step by hand
        file.unlink()
    shutil.rmtree(output / "waveform" / "c", ignore_errors=True)
    ended = launcher.run(*args)
    assert ended.code == 0, ended.err
    assert differences(output, clean) == []
    assert [p.name for p in tmp_path.iterdir()] == ["w.zarr"]
