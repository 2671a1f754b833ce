"""The commands detect, compare and report on an array with planted waves."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from planted_array import Wave, delays_s, make_array
from programs import Cluster, Launcher

from seisflow.core.grid import NS_PER_S, format_time, parse_time
from seisflow.stages.detect.config import DetectParameters
from seisflow.stages.detect.searching import DetectTask, hopeless

START = "2020-02-28T22:30"
WAVES = [Wave(600.35), Wave(1200.6, 200.0, 4000.0), Wave(2000.0, nodes=tuple(range(6)))]
OPTIONS = ("--min-nodes", "8", "--false-positive-rate", "0.001")


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return make_array(tmp_path_factory.mktemp("array"), WAVES, start=START, n_seconds=2400)


@pytest.fixture(scope="module")
def catalog(array: tuple[Path, Path], launcher: Launcher, cluster: Cluster) -> Path:
    path = array[0].parent / "catalog"
    ended = launcher.run("detect", *array, path, *OPTIONS, "--cluster", cluster.address)
    assert ended.code == 0, ended.err
    assert "figures: 2/2" in ended.err
    return path


@pytest.fixture(scope="module")
def reference(array: tuple[Path, Path]) -> Path:
    """What was planted, and an earthquake of the day before."""
    path = array[0].parent / "reference.csv"
    rows = ["event,time,longitude,latitude,depth_km,magnitude,snr"]
    for k, wave in enumerate(WAVES):
        late_s = wave.at_s + float(np.median(delays_s(wave)[list(wave.nodes)])) - 0.4
        time = format_time(parse_time(START) + round(late_s * NS_PER_S))
        rows.append(f"e{k},{time},-116.6,33.5,8,{k}.5,{5 + k}")
    rows.append("early,2020-02-27T10:00:00,-116.6,33.5,8,3.0,9")
    path.write_text("\n".join(rows) + "\n")
    return path


def test_detect_leaves_a_folder_people_can_read(catalog: Path) -> None:
    names = {p.name for p in catalog.iterdir()}
    assert {"catalog.csv", "catalog.parquet", "picks.csv", "picks.parquet", "quakeml"} <= names
    figures = list((catalog / "figures").glob("*.png"))
    assert len(figures) == 2
    assert all(f.read_bytes().startswith(b"\x89PNG") for f in figures)


def test_a_finished_detection_does_nothing(array, catalog, launcher, cluster) -> None:
    before = (catalog / "catalog.csv").stat().st_mtime_ns
    ended = launcher.run("detect", *array, catalog, *OPTIONS, "--cluster", cluster.address)
    assert ended.code == 0, ended.err
    assert "is finished: nothing to do" in ended.err
    assert (catalog / "catalog.csv").stat().st_mtime_ns == before


def test_compare_counts(catalog: Path, reference: Path, array, launcher: Launcher) -> None:
    ended = launcher.run("compare", catalog, reference, "--baselines", "--json")
    assert ended.code == 0, ended.err
    content = json.loads(ended.out)
    own, others = content["detectors"][0], content["detectors"][1:]
    assert (own["reference"], own["matched"], own["missed"], own["new"]) == (3, 2, 1, 0)
    assert [d["detector"] for d in others] == [
        "STA/LTA and coincidence", "nine sub-array envelopes",
    ]  # fmt: skip
    assert others[1]["detections"] <= own["detections"]
    assert others[0]["matched"] >= 1
    assert abs(own["median_residual_s"] - 0.4) < 0.05
    assert [m["event"] for m in content["matched"]] == ["e0", "e1"]
    assert [m["event"] for m in content["missed"]] == ["e2"]
    assert content == json.loads((catalog / "comparison.json").read_text()) | {
        "product": str(catalog / "comparison.json"), "exit_code": 0,
    }  # fmt: skip


def test_compare_with_a_smaller_tolerance(catalog, reference, tmp_path, launcher) -> None:
    output = tmp_path / "c.json"
    ended = launcher.run("compare", catalog, reference, "--tolerance-s", "0.2", "--output", output)
    assert ended.code == 0, ended.err
    own = json.loads(output.read_text())["detectors"][0]
    assert (own["matched"], own["missed"], own["new"]) == (0, 3, 2)


def test_what_cannot_be_compared(catalog, reference, tmp_path, launcher) -> None:
    apart = tmp_path / "apart.csv"
    apart.write_text(
        "event,time,longitude,latitude,depth_km\na,1998-01-01T00:00:00,-116.6,33.5,8\n"
    )
    arrivals = tmp_path / "arrivals.csv"
    arrivals.write_text("event,station,phase,time\nother,N00,P,2020-02-28T23:00:00\n")
    for args, code, said in (
        ([tmp_path / "none.csv"], 2, "none.csv"),
        ([apart], 3, "1998"),
        ([reference, "--predict", "iasp91", "--arrivals", arrivals], 2, "arrivals are given too"),
        ([reference, "--arrivals", arrivals], 3, "belongs to one of the 4 events"),
    ):
        ended = launcher.run("compare", catalog, *args)
        assert ended.code == code, ended.err
        assert said in ended.err
        assert "Traceback" not in ended.err


def test_too_few_stations(array, tmp_path: Path, launcher: Launcher) -> None:
    ended = launcher.run("detect", *array, tmp_path / "c", "--min-nodes", "13")
    assert ended.code == 2
    assert "13 nodes in coincidence asked for" in ended.err
    assert "lower --min-nodes to 12" in ended.err
    assert "--select" not in ended.err
    assert not (tmp_path / "c").exists()
    one = ("--select", "*.N00.*.*")
    ended = launcher.run("detect", *array, tmp_path / "c", "--min-nodes", "2", *one)
    assert ended.code == 2
    assert "choose more stations with --select" in ended.err
    assert "lower --min-nodes" not in ended.err  # 2 is the least


@pytest.mark.parametrize(
    ("options", "needed", "n_usable", "advice"),
    [
        ({}, 12, 11, "; lower --false-positive-rate, or allow more --false-alarms-per-day"),
        ({"threshold": 0.8}, 12, 11, "; raise --threshold, or allow more --false-alarms-per-day"),
        ({}, 10, 4, "; lower --min-nodes to 4"),
        ({}, 10, 1, ""),
    ],
)
def test_what_makes_an_hour_hopeless_says_what_can_help(
    options: dict[str, float], needed: int, n_usable: int, advice: str
) -> None:
    task = DetectTask("2020-01-01T00:00:00Z", 0)
    search: Any = SimpleNamespace(config=DetectParameters.build(options))
    hour: Any = SimpleNamespace(needed=needed, n_usable=n_usable)
    (said,) = hopeless(search, task, hour)
    assert said.endswith(f"stations have data, so nothing can be detected{advice}")


def test_the_page(array, catalog: Path, tmp_path: Path, launcher: Launcher) -> None:
    page = tmp_path / "page.html"
    ended = launcher.run(
        "report", page, "--waveforms", array[0], "--scores", array[1], "--catalog", catalog
    )
    assert ended.code == 0, ended.err
    text = page.read_text()
    events = [line.split(",")[0] for line in (catalog / "catalog.csv").read_text().split()[1:]]
    assert len(events) == 2
    assert all(event in text for event in events)
    ended = launcher.run("report", page)
    assert ended.code == 2
    assert "nothing to show; give one or more of waveforms" in ended.err
