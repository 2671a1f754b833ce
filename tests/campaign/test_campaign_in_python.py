"""``seisflow.run`` and ``seisflow.status``: the campaign of the command, on a user's Client."""

import shutil
from pathlib import Path

import pytest
from distributed import Client
from programs import Cluster, differences

import seisflow
from seisflow.errors import ConfigError, IncompleteError


def written(folder: Path, text: str) -> Path:
    path = folder / "campaign.toml"
    path.write_text(f'folder = "products"\n{text}')
    return path


def test_a_campaign_on_a_client_that_stays_open(
    tmp_path: Path, scene: Path, waveforms: Path, cluster: Cluster
) -> None:
    text = f'[ingest]\nraw = ["{scene}/waveforms"]\nstations = "{scene}/stations.csv"\n'
    text += '[label]\nselect = ["ZG.R010[12].*.*"]\n[cluster]\nprofile = "tcp://127.0.0.1:1"\n'
    path = written(tmp_path, text)
    with Client(cluster.address) as client:
        first = seisflow.run(path, until="ingest", cluster=client, progress=False)
        assert [*first.results] == ["ingest"]
        made = seisflow.run(path, cluster=client, progress=False)
        assert client.status == "running"
    assert made.path == tmp_path / "products"
    assert differences(made["ingest"].path, waveforms) == []
    assert made["label"].open().sizes["station"] == 2
    assert made.to_dataframe().done.to_dict() == {"ingest": 4, "label": 2}
    assert made.summary["exit_code"] == made.exit_code == 0
    assert [line.split()[1] for line in repr(made).splitlines()[2:]] == ["ingest", "label"]
    status = seisflow.status(made["label"].path)
    assert status.is_complete
    assert status.to_dataframe().state.tolist() == ["done", "done"]
    assert "LABELS" in repr(status)


def test_an_incomplete_campaign_is_an_error_with_its_result(
    tmp_path: Path, waveforms: Path, cluster: Cluster
) -> None:
    copy = tmp_path / "waveforms.zarr"
    shutil.copytree(waveforms, copy)
    shard = copy / "waveform" / "c" / "0" / "0"
    shard.write_bytes(b"\0" * shard.stat().st_size)
    path = written(tmp_path, 'waveforms = "waveforms.zarr"\n[label]\n')
    with pytest.raises(IncompleteError, match="run the campaign again to go on") as caught:
        seisflow.run(path, cluster=cluster.address, progress=False)
    assert [outcome.code for outcome in caught.value.result.outcomes] == [4]


def test_a_stage_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mseed").touch()
    path = written(tmp_path, '[ingest]\nraw = ["a.mseed"]\n')
    with pytest.raises(ConfigError, match="until label: no such stage in this campaign; it has in"):
        seisflow.run(path, until="label", progress=False)
    with pytest.raises(ConfigError, match="until and only are both given"):
        seisflow.run(path, until="ingest", only="ingest", progress=False)
