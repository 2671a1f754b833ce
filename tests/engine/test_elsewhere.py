"""Workers that stand in another folder than the command."""

import os
from pathlib import Path

import pytest
from programs import Cluster, Launcher, differences, start_cluster


@pytest.mark.slow
def test_relative_paths_mean_the_folder_of_the_command(
    launcher: Launcher, scene: Path, waveforms: Path, tmp_path: Path, cluster: Cluster
) -> None:
    elsewhere, here = tmp_path / "elsewhere", tmp_path / "here"
    elsewhere.mkdir()
    here.mkdir()
    (here / "raw").symlink_to(scene / "waveforms")
    (here / "stations.csv").symlink_to(scene / "stations.csv")
    before = Path.cwd()
    os.chdir(elsewhere)
    try:
        with start_cluster(tmp_path, 1) as far:
            args = ["--stations", "stations.csv", "--cluster", far.address]
            ended = launcher.run("ingest", "raw", "w.zarr", *args, cwd=here)
            assert ended.code == 0, ended.err
            args = ["--select", "ZG.R0101.*.*", "--cluster", far.address]
            ended = launcher.run("label", "w.zarr", "l.zarr", *args, cwd=here)
            assert ended.code == 0, ended.err
    finally:
        os.chdir(before)
    arrays = [line for line in differences(here / "w.zarr", waveforms) if "zarr.json" not in line]
    assert arrays == []
    assert not [p for p in elsewhere.rglob("*") if "zarr" in p.name]
