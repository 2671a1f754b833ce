"""What tests of processes share: one scheduler with two workers, one launcher, small products."""

import gc
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from programs import Cluster, Launcher, start_cluster

import seisflow.formats.obspy_import  # noqa: F401 - obspy must be imported quietly before all else

# no test depends on the clock
settings.register_profile("seisflow", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seisflow")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files of slow tests: none is left to one process at the end."""
    n_slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -n_slow[item.path])


@pytest.fixture(scope="session")
def launcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    """Run commands without paying for their imports each time."""
    folder = tmp_path_factory.mktemp("commands")
    launcher = Launcher(folder)
    yield launcher
    launcher.close()


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A real scheduler with two workers of one thread."""
    with start_cluster(tmp_path_factory.mktemp("cluster"), 2) as cluster:
        yield cluster


@pytest.fixture(scope="session")
def scene(tmp_path_factory: pytest.TempPathFactory, launcher: Launcher, cluster: Cluster) -> Path:
    """Four nodes, one hour at 20 Hz."""
    folder = tmp_path_factory.mktemp("scene") / "scene"
    args = ["--nodes", "4", "--hours", "1", "--rate", "20", "--cluster", cluster.address]
    ended = launcher.run("synth", folder, *args)
    assert ended.code == 0, ended.err
    return folder


@pytest.fixture(scope="session")
def waveforms(scene: Path, launcher: Launcher, cluster: Cluster) -> Path:
    """The scene, ingested on the shared cluster."""
    path = scene.parent / "waveforms.zarr"
    args = ["--stations", scene / "stations.csv", "--cluster", cluster.address]
    ended = launcher.run("ingest", scene / "waveforms", path, *args)
    assert ended.code == 0, ended.err
    return path


@pytest.fixture(scope="session")
def labels(waveforms: Path, launcher: Launcher, cluster: Cluster) -> Path:
    """Labels of the first two nodes, made on the shared cluster."""
    path = waveforms.parent / "labels.zarr"
    args = ["--select", "ZG.R010[12].*.*", "--cluster", cluster.address]
    ended = launcher.run("label", waveforms, path, *args)
    assert ended.code == 0, ended.err
    return path


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was imported: it would look through it again and again."""
    gc.freeze()
