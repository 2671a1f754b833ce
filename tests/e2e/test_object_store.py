"""The whole mission in an object store that fails now and then, with processes killed."""

import os
import random
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from object_store import BUCKET, SECRET, ObjectStore, fetch, start_store
from programs import Cluster, Ended, Launcher, differences, refuse_unfinished, start_cluster

from seisflow import open as open_product
from seisflow.campaign.tables import FILES
from seisflow.core.files import any_path, whole_file

CAMPAIGN = """
folder = "products"
[cluster]
profile = "{address}"
[ingest]
raw = ["{scene}/waveforms"]
stations = "{scene}/stations.xml"
[label]
[assemble]
arrivals = "{scene}/arrivals.csv"
events = "{scene}/events.csv"
[train]
epochs = 2
batch-size = 32
[infer]
[detect]
min-nodes = 3
threshold = 0.5
figures = 2
[compare]
reference = "{scene}/events.csv"
arrivals = "{scene}/arrivals.csv"
[report]
"""
PRODUCTS = ("waveforms", "labels", "wavelets", "scores", "catalog")
SIZE = ("--nodes", "6", "--hours", "1", "--rate", "50", "--earthquakes", "20")
KILLS = 6
SCENE = f"s3://{BUCKET}/scene"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with start_store(tmp_path_factory.mktemp("store"), with_faults=True) as store:
        yield store


@pytest.fixture(scope="module")
def own_cluster(store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with start_cluster(tmp_path_factory.mktemp("cluster"), 2) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def own_launcher(
    store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Launcher]:
    launcher = Launcher(tmp_path_factory.mktemp("commands"))
    yield launcher
    launcher.close()


def write_campaign(folder: object, address: str) -> str:
    """Write a campaign file into a folder, wherever that is; what it reads is in the store."""
    file = any_path(f"{folder}/campaign.toml")
    with whole_file(file, "w") as opened:
        opened.write(CAMPAIGN.format(address=address, scene=SCENE))
    return str(file)


def kill_a_worker(cluster: Cluster) -> None:
    """Kill the process under one nanny, whichever is there."""
    nannies = [psutil.Process(daemon.process.pid) for daemon in cluster.workers]
    children = [c for n in nannies for c in n.children() if "spawn_main" in " ".join(c.cmdline())]
    if children:
        os.kill(random.choice(children).pid, signal.SIGKILL)


@pytest.mark.slow
def test_a_campaign_in_a_store_that_fails_and_processes_that_die_is_that_of_a_disk(
    store: ObjectStore, own_cluster: Cluster, own_launcher: Launcher, tmp_path: Path
) -> None:
    random.seed(3)
    disk, url = tmp_path / "disk", f"s3://{BUCKET}/campaign"
    address = own_cluster.address
    for place in (disk / "scene", SCENE):
        ended = own_launcher.run("synth", place, *SIZE, "--cluster", address)
        assert ended.code == 0, ended.err
    scene = fetch(any_path(SCENE), tmp_path / "scene")
    for part in ("waveforms", "truth.zarr"):
        assert differences(disk / "scene" / part, scene / part) == []

    clean = own_launcher.run("run", write_campaign(disk, address))
    assert clean.code == 0, clean.err
    line = ("run", write_campaign(url, address))
    running = own_launcher.start(*line)
    for number in range(KILLS):
        time.sleep(random.uniform(2, 6))
        if number == KILLS // 2:
            running.signal_group(signal.SIGKILL)  # the command itself
            running.wait()
            running = own_launcher.start(*line)
        kill_a_worker(own_cluster)
    ended = running.wait(300)
    assert ended.code == 0, ended.err
    assert "Traceback" not in ended.err

    here = fetch(any_path(url), tmp_path / "fetched")
    for name in PRODUCTS:
        product = here / "products" / FILES[name]
        refuse_unfinished(product)
        assert differences(disk / "products" / FILES[name], product) == [], name
    for name in ("model/weights.safetensors", "catalog/comparison.json"):
        pair = [(root / "products" / name).read_bytes() for root in (disk, here)]
        assert pair[0] == pair[1], name
    kept = [file.read_bytes() for file in here.rglob("*") if file.is_file()]
    assert not any(SECRET.encode() in content for content in kept)
    assert (here / "products" / "page.html").read_text().count("<figure") > 3
    opened = open_product(f"{url}/products/labels.zarr")
    assert opened.label.isel(station=0).load().size == 3600
    faults = store.faults()
    assert min(faults[kind] for kind in ("refused", "reset", "lost")) > 5, faults


@pytest.mark.slow
def test_a_store_that_refuses_is_said_as_that_and_nothing_is_made_up(
    store: ObjectStore, own_cluster: Cluster, own_launcher: Launcher
) -> None:
    """After the last retry: no receipts, no files, no checkpoint are not what was found."""
    raw, at = f"s3://{BUCKET}/few", ("--cluster", own_cluster.address)
    ended = own_launcher.run("synth", raw, "--nodes", "2", "--hours", "1", "--rate", "20", *at)
    assert ended.code == 0, ended.err
    product = f"s3://{BUCKET}/few.zarr"
    line = ("ingest", f"{raw}/waveforms/*/*/*.mseed", product, *at)
    for pattern in ("GET .*list-type.*waveforms", "GET .*list-type.*receipts"):
        store.refuse(pattern)
        refuse_calm(own_launcher.run(*line))
    store.refuse("")
    ended = own_launcher.run(*line)
    assert ended.code == 0, ended.err
    store.refuse("GET .*list-type.*receipts")
    refuse_calm(own_launcher.run("status", product))
    store.refuse("")
    ended = own_launcher.run("status", product)
    assert "2 done, 0 failed" in ended.err + ended.out


def refuse_calm(ended: Ended) -> None:
    """Fail unless a command says that the store refused."""
    assert ended.code == 4, ended.err
    assert "the object store refused or did not answer" in ended.err
    assert "Traceback" not in ended.err
