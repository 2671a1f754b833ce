"""Stages as Python functions: the same products, checks and words as the commands."""

import inspect
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dask.distributed import Client
from obspy import UTCDateTime
from programs import Cluster, Launcher, differences

import seisflow
from seisflow.engine import connect
from seisflow.errors import ClusterError, ConfigError, IncompleteError
from seisflow.registry import config_of
from seisflow.stages.label import stage as label_stage
from seisflow.stages.learn.config import AugmentConfig

TWO = ("ZG.R010[12].*.*",)


@pytest.fixture(scope="module")
def client(cluster: Cluster) -> Iterator[Client]:
    with Client(cluster.address) as client:
        yield client


def test_a_function_on_a_client_of_the_users_makes_what_the_command_makes(
    client: Client, waveforms: Path, labels: Path, tmp_path: Path
) -> None:
    result = seisflow.label(
        waveforms, tmp_path / "l.zarr", select=TWO, cluster=client, progress=False
    )
    assert result.path == tmp_path / "l.zarr"
    assert differences(result.path, labels) == []
    assert (result.summary["done"], result.summary["failed"]) == (2, {})
    assert result.summary["stations"] == 2
    with result.open() as opened:
        assert opened.label.shape == (2, 3600)
    assert client.status == "running"
    again = seisflow.label(waveforms, result.path, select=TWO, cluster=client, progress=False)
    assert again.summary["counts"] == result.summary["counts"]


def test_ingest_of_files_equals_the_command(
    cluster: Cluster, scene: Path, waveforms: Path, tmp_path: Path
) -> None:
    result = seisflow.ingest(
        [str(scene / "waveforms")],
        tmp_path / "w.zarr",
        stations=scene / "stations.csv",
        cluster=cluster.address,
        progress=False,
    )
    assert differences(result.path, waveforms) == []


def test_a_failed_task_raises_and_what_there_is_comes_with_it(
    waveforms: Path, tmp_path: Path, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from seisflow.engine.connection import Here
    from seisflow.engine.stage import run_stage

    def fail(*_: object) -> None:
        raise ValueError("a bad hour")

    monkeypatch.setattr(label_stage, "_read_hour", fail)
    asked = {"waveforms": waveforms, "labels": tmp_path / "l.zarr", "select": TWO}
    result = run_stage(label_stage.Label(label_stage.LabelConfig.build(asked)), Here())
    with pytest.raises(IncompleteError, match=r"2 of 2 tasks failed.*a bad hour") as raised:
        result.refuse_incomplete()
    assert raised.value.result is result
    assert len(result.progress.failed) == 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"mehtod": "reference"}, "mehtod: no such option; did you mean 'method'"),
        ({"block": 0}, "block: found 0: Input should be greater than or equal to 1"),
        ({"cluster": 7}, "cluster = 7: give 'local'"),
        ({"cluster": "nowhere"}, "--cluster nowhere: no such profile"),
        ({"alpha_rn": 0.2, "method": "reference"}, "method reference has no alpha_rn"),
    ],
)
def test_bad_options_are_one_error_in_the_words_of_the_command(
    options: dict[str, object], said: str, waveforms: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError) as raised:
        seisflow.label(waveforms, tmp_path / "l.zarr", progress=False, **options)
    assert said in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_the_command_says_the_same(launcher: Launcher, waveforms: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        seisflow.label(waveforms, tmp_path / "l", block="0", start="noon", progress=False)
    args = ["--block", "0", "--start", "noon"]
    ended = launcher.run("label", waveforms, tmp_path / "l", *args)
    assert ended.code == 2
    assert ended.err.strip() == f"error: {raised.value}"


def test_places_are_filled_once(waveforms: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"takes 2 values by place .waveforms, labels., found 3"):
        seisflow.label(waveforms, tmp_path, "reference")
    with pytest.raises(ConfigError, match="labels given by place and by name"):
        seisflow.label(waveforms, tmp_path, labels=tmp_path)
    with pytest.raises(ConfigError, match="labels is missing: give it"):
        seisflow.label(waveforms)


def test_a_closed_client_is_refused(cluster: Cluster, waveforms: Path, tmp_path: Path) -> None:
    client = Client(cluster.address)
    client.close()
    with pytest.raises(ClusterError, match="the Client given is closed; open another"):
        seisflow.label(waveforms, tmp_path / "l", cluster=client, progress=False)


def test_workers_and_a_client_are_refused(client: Client, waveforms: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="workers = 3 asked together with a Client"):
        seisflow.label(waveforms, tmp_path / "l", cluster=client, workers=3, progress=False)


def test_workers_of_other_versions_are_refused(
    client: Client, waveforms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {"tcp://worker:1": {**connect.environment(), "numpy": "1.0"}}
    monkeypatch.setattr(connect, "versions_there", lambda session: there)
    with pytest.raises(ClusterError, match=r"numpy: client .*, found 1.0 on 1 .tcp://worker:1"):
        seisflow.label(waveforms, tmp_path / "l", cluster=client, progress=False)


def test_workers_that_see_another_file_system_are_refused(
    client: Client, waveforms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connect, "SEEN_WITHIN_S", 0.0)
    monkeypatch.setattr(connect, "sees", lambda path: False)
    with pytest.raises(ClusterError, match=r"2 of 2 workers do not see .*l\.zarr"):
        seisflow.label(waveforms, tmp_path / "l.zarr", cluster=client, progress=False)


def test_signature_and_docstring_say_all_options() -> None:
    signature = inspect.signature(seisflow.label)
    assert list(signature.parameters)[:2] == ["waveforms", "labels"]
    assert signature.parameters["method"].default == "calibrated"
    for name in ("n_templates", "box_fraction", "cluster", "workers", "progress"):
        assert name in signature.parameters
        assert f"\n{name} : " in (seisflow.label.__doc__ or "")


def test_labels_are_those_of_xarray(labels: Path) -> None:
    with seisflow.open(labels) as opened:
        assert opened.label.dtype == np.uint8


def test_one_text_is_a_list_of_one_and_times_are_taken_as_they_come() -> None:
    ingest, label = config_of("ingest"), config_of("label")
    asked = ingest.build({"raw": Path("archive"), "waveforms": "w", "select": "*.*.*.EHZ"})
    assert asked.raw == ("archive",)
    assert asked.select == ("*.*.*.EHZ",)
    assert ingest.build({"raw": ["a", Path("b")], "waveforms": "w"}).raw == ("a", "b")
    day = "2014-05-29"
    times = (datetime(2014, 5, 29, tzinfo=UTC), UTCDateTime(2014, 5, 29), np.datetime64(day))
    for time in (*times, day):
        found = label.build({"waveforms": "w", "labels": "l", "start": time})
        assert found.start == "2014-05-29T00:00:00Z"
    with pytest.raises(ConfigError, match="raw: found 3"):
        ingest.build({"raw": 3, "waveforms": "w"})


def test_numbers_beside_a_set_of_them_are_refused() -> None:
    asked = {"wavelets": "w", "model": "m", "augment": AugmentConfig(), "flip": 0.1}
    with pytest.raises(ConfigError, match="flip: given beside augment"):
        config_of("train").build(asked)
    with pytest.raises(ConfigError, match="flip: asked with augment switched off"):
        config_of("train").build(asked | {"augment": False})


def test_problems_are_told(tmp_path: Path, waveforms: Path, scene: Path, capsys: Any) -> None:
    """As the command prints them: a file that cannot be read does not pass in silence."""
    (tmp_path / "raw").mkdir()
    for file in (scene / "waveforms").rglob("*.mseed"):
        (tmp_path / "raw" / file.name).write_bytes(file.read_bytes())
    (tmp_path / "raw" / "notes.txt").write_text("nothing seismic")
    result = seisflow.ingest(tmp_path / "raw", tmp_path / "w.zarr", workers=1)
    assert len(result.problems) == 1
    assert "problem: " in capsys.readouterr().err


@pytest.mark.slow
def test_a_script_that_workers_import_is_told_what_it_lacks(
    waveforms: Path, tmp_path: Path
) -> None:
    script = tmp_path / "own.py"
    call = f"seisflow.label({str(waveforms)!r}, 'l.zarr', workers=1, progress=False)"
    script.write_text(f"import seisflow\n{call}\n")
    done = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "Worker processes import own.py: let it call seisflow below" in last
    assert not (tmp_path / "l.zarr").exists()
