"""Stages as Python functions: the same products, checks and words as the commands."""

import inspect
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from dask.distributed import Client
from programs import Cluster, Launcher, differences

import seisflow
from seisflow.engine import connect
from seisflow.errors import ClusterError, ConfigError, IncompleteError
from seisflow.stages.label import stage as label_stage

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
