"""`seisflow compare`: detections at S, and baselines at equal numbers of new detections."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from longitudes import Shift
from programs import Launcher
from small_archive import waveforms

import seisflow
from seisflow.archive.blocks import source_document
from seisflow.archive.products import FORMAT_VERSIONS, Identity, Product
from seisflow.archive.receipts import Receipt, TaskPlan, documents_of, write_receipt
from seisflow.archive.schema import station_arrays
from seisflow.archive.store import consolidate, create_product, read_product
from seisflow.core.grid import NS_PER_S, Span, format_time, parse_time
from seisflow.core.stations import Coordinates
from seisflow.errors import ConfigError
from seisflow.stages.detect.catalog import write_catalog
from seisflow.stages.detect.event import Detection, event_name
from seisflow.stages.detect.records import Found

RATE, SECONDS = 50, 600
START = parse_time("2020-02-28T22:10")
STATIONS = [f"XX.N{k}..EHZ" for k in range(9)]
EVENTS = {"e0": (100.0, 108.0), "e1": (250.0, 257.0)}
"""Seconds of P and S."""
BURST_S = 450.0
"""Stronger than all earthquakes, and on all stations."""
AS_IT_IS = Shift(0.0)


def at_ns(second: float) -> int:
    return START + round(second * NS_PER_S)


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine stations with two earthquakes and a burst of noise."""
    folder = tmp_path_factory.mktemp("array")
    rng = np.random.default_rng(3)
    pulse = np.sin(np.arange(RATE) * 1.5)
    samples = 100 * rng.standard_normal((len(STATIONS), SECONDS * RATE))
    onsets = [s for both in EVENTS.values() for s in both]
    for second, size in [*((s, 3000.0) for s in onsets), (BURST_S, 30_000.0)]:
        samples[:, round(second * RATE) :][:, :RATE] += size * pulse
    table = folder / "stations.csv"
    head = "network,station,location,channel,longitude,latitude,elevation\n"
    table.write_text(
        head + "".join(f"XX,N{k},,EHZ,{1 + k % 3 / 100},{k // 3 / 100},0\n" for k in range(9))
    )
    runs = {n: [(format_time(START), row.astype("int32"))] for n, row in zip(STATIONS, samples)}  # noqa: B905
    return waveforms(folder, runs, RATE, stations=str(table))


def make_catalog(path: Path, source: Path, seconds: list[float], shift: Shift = AS_IT_IS) -> Path:
    """Write a CATALOG of detections at these seconds, as if it were made from the waveforms."""
    product = read_product(source, "WAVEFORMS")
    inputs = {"waveforms": product.identity.key}
    identity = Identity("CATALOG", "detect", {}, inputs, FORMAT_VERSIONS["CATALOG"])
    made = Product(identity, Span(START, at_ns(SECONDS)), product.rate, SECONDS, len(STATIONS))
    places = [Coordinates(shift.of(1 + k % 3 / 100), k // 3 / 100, 0.0) for k in range(9)]
    documents = documents_of(TaskPlan(("all",), "array-hours", 0, 0, 0, 0))
    documents |= source_document(source, path)
    create_product(path, made, tuple(station_arrays(STATIONS, places)), "detections", documents)
    write_receipt(path, identity.key, Receipt("all"))
    nodes = np.full(len(STATIONS), 0.9, np.float32)
    write_catalog(path, [Found(at_ns(s), detection(s), nodes) for s in seconds])
    consolidate(path)
    return path


def detection(second: float) -> Detection:
    time_ns = at_ns(second)
    numbers = dict.fromkeys(
        ("probability", "mean_cc", "stack_snr", "back_azimuth_deg", "apparent_velocity_m_s",
         "plane_rms_s", "stack_before_s"), 0.5,
    )  # fmt: skip
    counts = dict.fromkeys(("n_nodes", "n_stations", "needed_nodes"), 9)
    whole_second = time_ns // NS_PER_S * NS_PER_S
    return Detection(
        event=event_name(whole_second), time_ns=time_ns, picks=(),
        stack=np.zeros(RATE, np.float32), rate_hz=RATE, **numbers, **counts,
    )  # fmt: skip


@pytest.fixture(scope="module")
def catalog(array: Path) -> Path:
    """P of one event, S of both and the burst."""
    return make_catalog(array.parent / "catalog", array, [100.1, 108.2, 257.3, BURST_S])


@pytest.fixture(scope="module")
def reference(array: Path) -> Path:
    return make_reference(array.parent / "events.csv")


def make_reference(path: Path, longitude: float = 1.3) -> Path:
    rows = [
        f"{event},{format_time(at_ns(p - 5))},{longitude},0.01,8,1.0,9"
        for event, (p, _) in EVENTS.items()
    ]
    path.write_text("event,time,longitude,latitude,depth_km,magnitude,snr\n" + "\n".join(rows))
    return path


@pytest.fixture(scope="module")
def arrivals(array: Path) -> Path:
    path = array.parent / "arrivals.csv"
    rows = [
        f"{event},N{k},{phase},{format_time(at_ns(second))}"
        for event, both in EVENTS.items()
        for phase, second in zip("PS", both, strict=True)
        for k in range(9)
    ]
    path.write_text("event,station,phase,time\n" + "\n".join(rows))
    return path


def counts_of(content: dict[str, Any], row: int = 0) -> tuple[Any, ...]:
    detector = content["detectors"][row]
    return tuple(detector[name] for name in ("matched", "missed", "late", "new"))


def run(launcher: Launcher, *args: Any) -> tuple[dict[str, Any], str]:
    ended = launcher.run("compare", *args, "--json")
    assert ended.code == 0, ended.err
    return json.loads(ended.out), ended.err


def test_a_detection_at_s_is_not_new(catalog, reference, arrivals, launcher) -> None:
    content, said = run(launcher, catalog, reference, "--arrivals", arrivals)
    assert counts_of(content) == (1, 1, 2, 1)
    assert [(e["event"], e["residual_s"]) for e in content["late"]] == [("e0", 0.2), ("e1", 0.3)]
    assert content["late"][0]["time"] == format_time(at_ns(108))
    assert [e["time"] for e in content["new"]] == [format_time(at_ns(BURST_S))]
    assert content["equal"] is None
    assert "at S" in said


def test_predicted_s_serves_too_and_origins_know_none(catalog, reference, launcher) -> None:
    content, _ = run(launcher, catalog, reference, "--predict", "iasp91")
    # 30 km away and 8 km deep: P after 5.4 s at 5.8 km/s, S after 9.3 s at 3.36 km/s
    assert content["events_with_s"] == 2
    by_event = {e["event"]: e["time"] for e in content["missed"] + content["matched"]}
    late = (parse_time(by_event["e0"]) - at_ns(95)) / NS_PER_S
    assert 5.0 < late < 5.8
    content, _ = run(launcher, catalog, reference)
    assert counts_of(content)[2:] == (None, 4)
    assert content["late"] == []


@pytest.mark.parametrize("lowest", [-180.0, 0.0])
def test_an_array_on_both_sides_of_180_degrees(
    catalog, array, reference, lowest, tmp_path, launcher
) -> None:
    shift = Shift(178.985, lowest)  # between the columns of nodes
    across = make_catalog(tmp_path / "across", array, [100.1, 108.2, 257.3, BURST_S], shift)
    beside = make_reference(tmp_path / "events.csv", shift.of(1.3))
    wanted, _ = run(launcher, catalog, reference, "--predict", "iasp91")
    found, _ = run(launcher, across, beside, "--predict", "iasp91")
    assert found | {"product": wanted["product"]} == wanted
    assert counts_of(found)[0] > 0


def test_baselines_at_equal_new(catalog, array, reference, arrivals, launcher) -> None:
    args = (catalog, reference, "--arrivals", arrivals, "--baselines")
    content, said = run(launcher, *args, "--equal", "new")
    assert content["equal"] == "new"
    assert "with at most as many new detections" in " ".join(said.split())
    assert counts_of(content) == (1, 1, 2, 1)
    assert [counts_of(content, row) for row in (1, 2)] == [(2, 0, 2, 1)] * 2
    content, said = run(launcher, *args)
    assert content["equal"] == "detections"
    assert "with about as many detections" in " ".join(said.split())


def test_a_catalogue_too_clean_for_the_baselines(
    array, reference, arrivals, tmp_path, launcher
) -> None:
    """The burst is the strongest of all that the baselines find, so no level is without it."""
    clean = make_catalog(tmp_path / "clean", array, [100.1, 250.2])
    args = (clean, reference, "--arrivals", arrivals, "--baselines", "--equal", "new")
    content, said = run(launcher, *args)
    assert [counts_of(content, row) for row in range(3)] == [(2, 0, 0, 0)] + [(0, 2, 0, 0)] * 2
    assert said.count("even its highest level has more new detections than the 0") == 2


def test_the_page_says_at_s(catalog, reference, arrivals, array, tmp_path, launcher) -> None:
    output, page = tmp_path / "c.json", tmp_path / "page.html"
    args = ("--arrivals", arrivals, "--baselines", "--equal", "new", "-o", output)
    run(launcher, catalog, reference, *args)
    ended = launcher.run("report", page, "--comparison", output)
    assert ended.code == 0, ended.err
    text = page.read_text()
    assert text.count("at S<") == 2, "a column of the detectors and a table of its own"
    assert "baselines equal in" in text


def test_baselines_find_waveforms_that_were_moved_when_told_where(
    catalog, array, reference, tmp_path, launcher
) -> None:
    alone = shutil.copytree(catalog, tmp_path / "catalog")
    kept = alone / "_seisflow" / "sources.json"
    kept.write_text(json.dumps({"waveforms": "/gone.zarr", "relative": "gone.zarr"}))
    ended = launcher.run("compare", alone, reference, "--baselines")
    assert ended.code == 2, ended.err
    assert "/gone.zarr does not exist" in ended.err
    assert "give their path with --waveforms" in ended.err
    content, _ = run(launcher, alone, reference, "--baselines", "--waveforms", array)
    assert len(content["detectors"]) == 3


REFUSED = [
    ({"equal": "new"}, "equal: found 'new': it is about the baselines: give baselines too"),
    ({"equal": "old", "baselines": True}, "'detections' or 'new'"),
    ({"arrivals": "a", "predict": "iasp91"}, "predict: found 'iasp91': arrivals are given too"),
    ({"waveforms": "w"}, "waveforms: found 'w': only baselines read them: give baselines too"),
    ({"tolerance_s": -1}, "tolerance_s: found"),
]


@pytest.mark.parametrize(("options", "said"), REFUSED)
def test_what_cannot_be_is_refused_by_command_and_python_in_one_text(
    options, said, catalog, reference, launcher
) -> None:
    typed = [
        word
        for name, value in options.items()
        for word in (f"--{name.replace('_', '-')}", *([] if value is True else [str(value)]))
    ]
    ended = launcher.run("compare", catalog, reference, *typed)
    assert ended.code == 2, ended.err
    assert said in ended.err
    assert "Traceback" not in ended.err
    with pytest.raises(ConfigError) as caught:
        seisflow.compare(catalog, reference, **options)
    assert said in str(caught.value)


def test_python_compares_as_the_command_does(
    catalog, reference, arrivals, tmp_path, launcher
) -> None:
    wanted, _ = run(launcher, catalog, reference, "--arrivals", arrivals)
    output = tmp_path / "own.json"
    result = seisflow.compare(catalog, reference, arrivals=arrivals, output=output, progress=False)
    assert result.path == output
    assert result.summary == wanted | {"product": str(output)}
    assert {"product": str(output), "exit_code": 0, **result.open()} == result.summary


def test_events_and_arrivals_without_each_other_are_named(
    catalog, reference, arrivals, launcher, tmp_path
) -> None:
    text = arrivals.read_text().replace("e1,", "ci1,")
    (tmp_path / "picks.csv").write_text(text)
    content, said = run(launcher, catalog, reference, "--arrivals", tmp_path / "picks.csv")
    assert content["detectors"][0]["reference"] == 1
    assert "1 of 2 events have no P in picks.csv and are not compared: e1" in said
    assert "1 event in picks.csv missing from the catalogue: ci1" in said
    assert "picks.csv: columns: time, station, phase, event" in said
    (tmp_path / "picks.csv").write_text(text.replace("e0,", "ci0,"))
    ended = launcher.run("compare", catalog, reference, "--arrivals", tmp_path / "picks.csv")
    assert ended.code == 3
    assert "the arrivals name ci0, ci1, the catalogue e0, e1" in ended.err


def test_what_a_catalogue_says_is_no_earthquake_is_not_missed(
    catalog, reference, launcher, tmp_path
) -> None:
    head, *rows = reference.read_text().splitlines()
    rows = [f"{row},{kind}" for row, kind in zip(rows, ("earthquake", "quarry blast"), strict=True)]
    (tmp_path / "events.csv").write_text("\n".join([head + ",type", *rows]))
    content, said = run(launcher, catalog, tmp_path / "events.csv", "--predict", "iasp91")
    assert content["detectors"][0]["reference"] == 1
    assert "events.csv: left out 1: event of type 'quarry blast'" in said


def test_origin_times_beside_picks_and_names_of_comcat(
    catalog, reference, arrivals, launcher, tmp_path
) -> None:
    wanted, _ = run(launcher, catalog, reference, "--arrivals", arrivals)
    origin = format_time(at_ns(0))
    head, *rows = arrivals.read_text().splitlines()
    joined = tmp_path / "joined.csv"
    joined.write_text(
        "\n".join(
            [head.replace("time", "arrival_time") + ",time", *(f"{r},{origin}" for r in rows)]
        )
    )
    content, said = run(launcher, catalog, reference, "--arrivals", joined)
    assert counts_of(content) == counts_of(wanted)
    assert "joined.csv: columns: time from 'arrival_time'" in said
    assert "not read: time" in said
    comcat = tmp_path / "comcat.csv"
    head, *rows = (row.split(",") for row in reference.read_text().splitlines())
    names = ["id", "time", "longitude", "latitude", "depth", "mag", "snr", "net", "type"]
    comcat.write_text("\n".join(",".join(r) for r in [names, *([*r, "ci", "eq"] for r in rows)]))
    content, _ = run(launcher, catalog, comcat, "--arrivals", arrivals)
    assert counts_of(content) == counts_of(wanted)
    assert [e["snr"] for e in content["matched"]] == [9.0]


def test_rejected_picks_time_no_event(catalog, reference, arrivals, launcher, tmp_path) -> None:
    wanted, _ = run(launcher, catalog, reference, "--arrivals", arrivals)
    head, *rows = arrivals.read_text().splitlines()
    early = [f"{e},N{k},P,{format_time(at_ns(5))},rejected" for e in EVENTS for k in range(20)]
    picks = tmp_path / "picks.csv"
    picks.write_text(
        "\n".join([f"{head},evaluation_status", *early, *(f"{r},confirmed" for r in rows)])
    )
    content, said = run(launcher, catalog, reference, "--arrivals", picks)
    assert counts_of(content) == counts_of(wanted)
    assert "picks.csv: left out 40: pick with status 'rejected'" in said
