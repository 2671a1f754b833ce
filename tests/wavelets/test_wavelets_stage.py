"""WAVELETS on the disk: what was asked of every example, independent of the cut, and resumable."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
import zarr
from wavelet_products import (
    N_S,
    RATE,
    START_NS,
    STATIONS,
    Scene,
    Sources,
    arrays,
    assemble,
    assemble_otherwise,
    begun,
    chosen,
    labels_of,
    make_labels,
    onsets,
    picks_of_four_events,
    prepared,
    record,
    write_picks,
)

import seisflow
from seisflow.archive.receipts import read_document
from seisflow.archive.store import read_product
from seisflow.archive.work import progress_of
from seisflow.core.classes import Label, Origin, Split, State, WaveletClass
from seisflow.core.grid import NS_PER_S
from seisflow.core.reporting import Silent
from seisflow.engine.connection import Here
from seisflow.engine.failures import Failure
from seisflow.engine.stage import run_stage
from seisflow.errors import ConfigError, DataError, IncompleteError
from seisflow.stages.wavelets import cutting, layout, stage

LABEL_OF = {1: Label.RANDOM_NOISE, 2: Label.NOT_RANDOM_NOISE}


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several shards of a small set."""
    for module in (layout, cutting, stage):
        monkeypatch.setattr(module, "SHARD", 256)


@pytest.fixture(scope="module")
def wavelets(planted: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Examples of the scene, grouped, in shards of 256."""
    output = tmp_path_factory.mktemp("wavelets") / "w.zarr"
    with pytest.MonkeyPatch.context() as patch:
        for module in (layout, cutting, stage):
            patch.setattr(module, "SHARD", 256)
        assemble(planted.sources, output)
    return output


def test_it_opens_in_xarray(wavelets: Path) -> None:
    for opened in (seisflow.open(wavelets), xr.open_zarr(wavelets)):
        assert opened.waveform.dims == ("example", "sample")
        assert opened.waveform.shape[1] == 6 * RATE
        assert opened.waveform.dtype == np.float32
        assert opened.start.dtype == np.dtype("datetime64[ns]")
        first = opened.start.values.min()
        assert np.datetime64(START_NS, "ns") < first < np.datetime64(START_NS + 10**12, "ns")
        assert opened.wavelet_class.attrs["flag_meanings"].split()[0] == "earthquake"
        assert opened.split.attrs["flag_values"] == [0, 1, 2]
        meanings = "arrival labelled away_from_arrivals coda"
        assert opened.origin.attrs["flag_meanings"] == meanings
        assert set(opened.data_vars) | set(opened.coords) == {
            "waveform", "state", "wavelet_class", "split", "station", "start", "event",
            "snr", "distance_km", "magnitude", "arrival_s", "origin",
        }  # fmt: skip
        opened.close()
    product = read_product(wavelets, "WAVELETS")
    assert (product.identity.stage, product.rate) == ("assemble", RATE)
    assert product.identity.inputs.keys() == {"waveforms", "labels", "arrivals"}
    assert product.identity.config["margin_s"] == 1.0
    array = zarr.open_array(wavelets / "waveform")
    assert (array.shards, array.chunks) == ((256, 300), (128, 300))


def test_every_example_is_what_it_says(wavelets: Path) -> None:
    found = arrays(wavelets)
    p_ns = {(e, STATIONS[i]): t for e, i, phase, t, _ in onsets() if phase == "P"}
    every = {i: [t for _, j, _, t, _ in onsets() if j == i] for i in range(len(STATIONS))}
    samples = {i: record(i).astype("float32") for i in range(len(STATIONS))}
    labels = {i: labels_of(i) for i in range(len(STATIONS))}
    assert (found["state"] == State.READY).all()
    is_quake = found["wavelet_class"] == WaveletClass.EARTHQUAKE
    assert (found["origin"] == np.where(is_quake, Origin.ARRIVAL, Origin.LABELLED)).all()
    for k in range(len(found["start"])):
        start_ns, code = int(found["start"][k]), int(found["wavelet_class"][k])
        i = STATIONS.index(found["station"][k])
        first = round((start_ns - START_NS) * RATE / NS_PER_S)
        np.testing.assert_array_equal(
            found["waveform"][k], samples[i][first - RATE : first + 5 * RATE]
        )
        if code == WaveletClass.EARTHQUAKE:
            onset_ns = p_ns[found["event"][k], found["station"][k]]
            assert found["arrival_s"][k] == np.float32((onset_ns - start_ns) / NS_PER_S)
            assert 0.24 < found["arrival_s"][k] < 1.77
            assert found["snr"][k] > 1.5
            continue
        second, rest = divmod(start_ns - START_NS, NS_PER_S)
        assert rest == 0
        assert (labels[i][second : second + 4] == LABEL_OF[code]).all()
        assert found["event"][k] == ""
        assert np.isnan([found[n][k] for n in ("snr", "arrival_s", "distance_km")]).all()
        ahead_s = np.array([t - start_ns for t in every[i]]) / NS_PER_S
        assert not ((ahead_s < 4 + 2) & (ahead_s > -30)).any()


def test_windows_of_a_class_do_not_overlap(wavelets: Path) -> None:
    found = arrays(wavelets)
    for station in STATIONS:
        for code in (1, 2):
            here = (found["station"] == station) & (found["wavelet_class"] == code)
            assert (np.diff(np.sort(found["start"][here])) >= 4 * NS_PER_S).all()


def test_classes_are_balanced_and_splits_share_nothing(wavelets: Path) -> None:
    found = arrays(wavelets)
    block = found["start"] // (600 * NS_PER_S)
    groups = {}
    for split in Split:
        here = found["split"] == split
        counts = np.bincount(found["wavelet_class"][here], minlength=3)
        assert counts[0] == counts[1] == counts[2] > 0
        groups[split] = {
            "station": set(found["station"][here]),
            "event": set(found["event"][here]) - {""},
            "block": set(block[here].tolist()),
        }
    for what in ("station", "event", "block"):
        assert not groups[Split.TRAIN][what] & groups[Split.TEST][what]
    for what in ("event", "block"):
        assert not groups[Split.VALIDATION][what] & groups[Split.TEST][what]
    assert (np.diff(found["split"].astype(int)) >= 0).all()
    train = found["wavelet_class"][found["split"] == 0]
    assert (np.bincount(train[: len(train) // 3], minlength=3) > len(train) / 12).all()


def test_the_document_counts_what_there_is(wavelets: Path) -> None:
    document, found = read_document(wavelets, stage.ASSEMBLY), arrays(wavelets)
    assert document["examples"] == len(found["start"])
    for split in Split:
        counts, here = document["splits"][split.name.lower()], found["split"] == split
        for code in WaveletClass:
            n = int((found["wavelet_class"][here] == code).sum())
            assert counts[code.name.lower()] == n
        assert counts["stations"] == len(set(found["station"][here]))
        assert counts["events"] == len(set(found["event"][here]) - {""})
        origins = document["origins"][split.name.lower()]
        assert origins == {o.name.lower(): int((found["origin"][here] == o).sum()) for o in Origin}
        assert origins["labelled"] == 2 * origins["arrival"] > 0
    assert sum(n for row in document["stations"].values() for n in row.values()) == len(
        found["start"]
    )
    chosen_or_not = sum(document["candidates"].values())
    assert chosen_or_not == document["examples"] + sum(document["rejected_windows"].values())
    rejected = document["rejected_arrivals"]
    n_windows = document["candidates"]["earthquake"]
    assert n_windows == 5 * (28 * 6 - rejected["snr below gate"] - rejected.get("gap", 0))
    counts = progress_of(wavelets).counts
    assert counts["ready"] == len(found["start"])
    assert counts["train"] == int((found["split"] == 0).sum())


def tree(product: Path) -> dict[str, bytes]:
    return {
        str(p.relative_to(product)): p.read_bytes()
        for p in product.rglob("*")
        if p.is_file() and "receipts" not in p.parts
    }


def test_another_cut_gives_the_same_bytes(planted: Scene, wavelets: Path, tmp_path: Path) -> None:
    assemble_otherwise(planted.sources, tmp_path / "w.zarr", 5)
    found, expected = tree(tmp_path / "w.zarr"), tree(wavelets)
    assert found.keys() == expected.keys()
    assert [name for name in expected if found[name] != expected[name]] == []
    assert len([name for name in expected if name.startswith("waveform/c/")]) > 1


@pytest.mark.slow
def test_a_seed_and_a_split_are_other_products(planted: Scene, wavelets: Path) -> None:
    base = arrays(wavelets)
    other = chosen(planted.sources, seed=2).examples
    assert set(other.start_ns.tolist()) != set(base["start"].tolist())
    shared = chosen(planted.sources, split="events")
    held = {s.name.lower(): shared.document["splits"][s.name.lower()]["stations"] for s in Split}
    assert set(held.values()) == {6}
    shuffled = chosen(planted.sources, split="shuffled")
    assert shuffled.document["rejected_windows"]["unused split cell"] == 0
    events = [set(shuffled.examples.event[shuffled.examples.split == s]) for s in Split]
    assert len((events[0] & events[2]) - {""}) > 5
    few = chosen(planted.sources, per_class=30)
    assert np.bincount(few.examples.wavelet_class).tolist() == [30, 30, 30]
    with pytest.raises(ConfigError, match="seed: asked 2, found 1"):
        begun(planted.sources, wavelets, seed=2)


def test_a_part_of_the_stations_and_of_the_time(planted: Scene) -> None:
    found = chosen(
        planted.sources, split="shuffled", select=("XX.S[23].*.*",), end="2020-01-01T11:00"
    ).examples
    assert set(found.station) == set(STATIONS[2:4])
    assert found.start_ns.max() + 5 * NS_PER_S <= START_NS + 3600 * NS_PER_S


def test_it_is_resumed_from_itself(
    planted: Scene, wavelets: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "w.zarr"
    work = begun(planted.sources, output).work
    assert (arrays(output)["state"] == State.NOT_RUN).all()
    work.job()(work.tasks[1])
    monkeypatch.setattr(stage, "prepare", None)  # neither arrivals nor waveforms are scanned
    again = begun(planted.sources, output)
    assert len(again.work.remaining()) == len(work.tasks) - 1
    again.run_all()
    again.finish()
    assert tree(output) == tree(wavelets)


def test_a_bad_record_fails_alone_and_is_made_good_later(
    planted: Scene, wavelets: Path, tmp_path: Path
) -> None:
    for name in ("waveforms.zarr", "labels.zarr"):
        shutil.copytree(planted.folder / name, tmp_path / name)
    sources = Sources(
        tmp_path / "waveforms.zarr", tmp_path / "labels.zarr", planted.sources.arrivals
    )
    output = tmp_path / "w.zarr"
    made = begun(sources, output)
    shard = tmp_path / "waveforms.zarr" / "waveform" / "c" / "3" / "0"
    good = shard.read_bytes()
    shard.write_bytes(good[: len(good) // 2])
    made.run_all()
    made.finish()
    found, expected = arrays(output), arrays(wavelets)
    bad = expected["station"] == STATIONS[3]
    assert bad.any()
    assert (found["state"] == np.where(bad, State.FAILED, State.READY)).all()
    assert np.isnan(found["waveform"][bad]).all()
    np.testing.assert_array_equal(found["waveform"][~bad], expected["waveform"][~bad])
    state = progress_of(output)
    assert state.counts["failed"] == bad.sum()
    assert all(STATIONS[3] in reason for reason in state.failed.values())
    shard.write_bytes(good)
    begun(sources, output).run_all()
    made.finish()
    assert tree(output) == tree(wavelets)


def test_a_bad_record_in_the_scan_is_a_problem(planted: Scene, tmp_path: Path) -> None:
    for name in ("waveforms.zarr", "labels.zarr"):
        shutil.copytree(planted.folder / name, tmp_path / name)
    shard = tmp_path / "waveforms.zarr" / "waveform" / "c" / "3" / "0"
    shard.write_bytes(shard.read_bytes()[:100])
    sources = Sources(
        tmp_path / "waveforms.zarr", tmp_path / "labels.zarr", planted.sources.arrivals
    )
    found = chosen(sources, split="events")
    assert found.document["rejected_arrivals"]["unreadable"] == 28
    assert len(found.problems) == 28
    assert all(p.startswith(STATIONS[3]) for p in found.problems)


class Losing(Here):
    """Loses all tasks but the first."""

    def each(self, function, tasks, *, stage):
        for number, task in enumerate(tasks):
            yield task, Failure("its worker died", 3) if number else function(task)


def test_a_set_without_some_stations_is_not_made(planted: Scene, tmp_path: Path) -> None:
    asked = planted.sources.asked(tmp_path / "w.zarr")
    with pytest.raises(IncompleteError, match="2 of 3 scan tasks failed") as refused:
        run_stage(stage.Assemble(asked), Losing())
    for name in (STATIONS[2], STATIONS[4]):
        assert f"{name}+1@2020-01-01T10:00:00Z: its worker died" in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_what_was_set_aside_is_marked_failed(planted: Scene, tmp_path: Path) -> None:
    other = begun(planted.sources, tmp_path / "w.zarr")
    other.work.job()(other.work.tasks[0])
    other.work.record_failure(other.work.tasks[1], "its worker died")
    other.finish()
    state = arrays(other.path)["state"]
    assert set(state[:256]) == {State.READY}
    assert set(state[256:512]) == {State.FAILED}
    assert set(state[512:]) <= {State.NOT_RUN}


def test_nan_is_never_an_example(planted: Scene, tmp_path: Path) -> None:
    """A record that turns out not to be finite after all: failed, not passed on."""
    waveforms = np.zeros((256, 300), dtype="float32")
    waveforms[7, 5] = np.nan
    output = tmp_path / "w.zarr"
    work = begun(planted.sources, output).work
    done = cutting._written(output, work.tasks[0], waveforms, [], 0)
    assert done.counts["failed"] == 1
    assert done.failures == ("1 examples hold samples that are not finite, first 7",)
    assert arrays(output)["state"][7] == State.FAILED


class Told(Silent):
    """Remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.tables: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def table(self, title, rows, head=()) -> None:
        self.tables.append(title)


class Nowhere(Here):
    """Has no workers."""

    def each(self, function, tasks, *, stage):
        raise AssertionError(f"tasks of {stage} were given to a cluster")
        yield


def test_everything_is_told_once(planted: Scene, tmp_path: Path) -> None:
    sources = picks_of(planted, tmp_path, picks_of_four_events())
    asked = stage.Assemble(sources.asked(tmp_path / "w.zarr", split="events", snr_min=0))
    told = Told()
    made = run_stage(asked, Here(), told)
    assert told.tables == ["examples", "why they have their class", "left out"]
    short = made.summary["warnings"].split("; ")
    assert short[0].startswith("validation has ")
    assert len(told.notes) == len(set(told.notes))
    assert sum(note in made.summary["warnings"] for note in told.notes) == 2
    assert made.summary["notes"] == told.notes
    assert not any(str(value) in told.notes for value in made.rows.values())
    assert made.rows["examples"] == made.summary["examples"]
    assert {"train.earthquake", "rejected_windows.balance"} <= made.summary.keys()
    again = Told()
    assert run_stage(asked, Nowhere(), again).summary == made.summary
    assert (again.tables, again.notes) == (told.tables, told.notes)


def test_what_the_scan_need_not_tell_is_refused_before_it(planted: Scene, tmp_path: Path) -> None:
    sources = picks_of(planted, tmp_path, [(e, i + 50, p, t) for e, i, p, t in ROWS])
    asked = stage.Assemble(sources.asked(tmp_path / "w.zarr"))
    for refuses in (asked.check, lambda: asked.plan(Nowhere())):
        with pytest.raises(DataError, match="no P of"):
            refuses()
    stage.Assemble(planted.sources.asked(tmp_path / "w.zarr")).check()
    assert [p.name for p in tmp_path.iterdir()] == ["picks.csv"]
    begun(planted.sources, tmp_path / "w.zarr")
    with pytest.raises(ConfigError, match="arrivals"):
        asked.check()


def picks_of(scene: Scene, folder: Path, rows: list[tuple[str, int, str, int]]) -> Sources:
    write_picks(folder / "picks.csv", rows)
    return Sources(scene.sources.waveforms, scene.sources.labels, folder / "picks.csv")


ROWS = [row[:4] for row in onsets()]
FIRST = sorted({row[0] for row in ROWS})


@pytest.mark.parametrize(
    ("rows", "options", "error", "reasons"),
    [
        ([(e, i + 50, p, t) for e, i, p, t in ROWS], {}, DataError,
         ["no P of", "XX.S50", "the archive has XX.S0", "no such station"]),
        ([(e, i, p, t + 10**16) for e, i, p, t in ROWS], {}, DataError,
         ["inside the labelled time", "2020-04-26", "2020-01-01T10"]),
        ([r for r in ROWS if r[2] == "S"], {}, DataError, ["no P of", "phases found: S"]),
        ([r for r in ROWS if r[0] < FIRST[2]], {}, DataError,
         ["too few events", "earthquake", "3 events or more", "no deal (of 64)"]),
        (ROWS, {"snr_min": 1e6}, DataError, ["no candidate of earthquake", "snr below gate"]),
        (ROWS, {"select": ("XX.S1.*.*",)}, ConfigError, ["found 1 site", "--split events"]),
        (ROWS, {"select": ("YY.*.*.*",)}, ConfigError, ["--select YY", "XX.S0..HHZ"]),
        (ROWS, {"start": "2021-01-01"}, ConfigError, ["the labels cover"]),
        (ROWS, {"split": "alphabetic"}, ConfigError, ["split", "grouped"]),
        (ROWS, {"jitter_s": 2.0}, ConfigError, ["jitter_s 2", "lead_s 1"]),
        (ROWS, {"train": 0.9, "validation": 0.2}, ConfigError, ["nothing for the test"]),
        (ROWS, {"predict": "iasp91"}, ConfigError, ["no column for latitude"]),
    ],
)  # fmt: skip
def test_refusals(planted: Scene, tmp_path: Path, rows, options, error, reasons) -> None:
    sources = picks_of(planted, tmp_path, rows)
    with pytest.raises(error) as raised:
        chosen(sources, **options)
    for reason in reasons:
        assert reason in str(raised.value)


def test_labels_of_other_waveforms_are_refused(planted: Scene, tmp_path: Path) -> None:
    shutil.copytree(planted.sources.labels, tmp_path / "labels.zarr")
    path = tmp_path / "labels.zarr" / "zarr.json"
    content = json.loads(path.read_text())
    content["attributes"]["seisflow"]["identity"]["inputs"]["waveforms"] = "0" * 32
    path.write_text(json.dumps(content))
    sources = Sources(planted.sources.waveforms, tmp_path / "labels.zarr", planted.sources.arrivals)
    with pytest.raises(ConfigError, match="was made from other waveforms"):
        prepared(sources)
    with pytest.raises(ConfigError, match="a WAVEFORMS product is needed"):
        prepared(Sources(planted.sources.labels, planted.sources.labels, planted.sources.arrivals))
    with pytest.raises(ConfigError, match="cannot be opened"):
        prepared(Sources(planted.sources.waveforms, planted.sources.labels, tmp_path / "no.csv"))


def test_labels_without_noise_are_refused(planted: Scene, tmp_path: Path) -> None:
    mixed = [np.full(N_S, Label.MIXED, dtype="uint8")] * 6
    shutil.copytree(planted.sources.waveforms, tmp_path / "waveforms.zarr")
    labels = make_labels(tmp_path, mixed)
    sources = Sources(tmp_path / "waveforms.zarr", labels, planted.sources.arrivals)
    with pytest.raises(DataError, match="no candidate of random_noise, not_random_noise"):
        chosen(sources)


def test_predicted_arrivals_give_examples(planted: Scene, tmp_path: Path) -> None:
    rows = sorted({e: t for e, i, p, t in ROWS if (i, p) == (0, "P")}.items())
    path = tmp_path / "events.csv"
    # right below the first station 20 km deep: 3.45 s with iasp91
    lines = [f"{e},{t - 3_448_000_000},-116.5,33.5,20,1.5\n" for e, t in rows]
    path.write_text("event,time_ns,longitude,latitude,depth_km,magnitude\n" + "".join(lines))
    sources = Sources(planted.sources.waveforms, planted.sources.labels, path)
    found = chosen(sources, predict="iasp91", split="events", jitter_s=0).examples
    quake = found.wavelet_class == 0
    first = quake & (found.station == STATIONS[0])
    assert first.sum() >= 5
    p_ns = {e: t for e, t in rows}
    misfit_s = [
        (found.start_ns[k] + NS_PER_S - p_ns[found.event[k]]) / NS_PER_S
        for k in np.flatnonzero(first)
    ]
    assert np.abs(misfit_s).max() < 0.1
    assert (found.magnitude[quake] == 1.5).all()
    assert found.distance_km[first].max() < 0.1
    for i, station in enumerate(STATIONS):
        here = quake & (found.station == station)
        assert found.distance_km[here] == pytest.approx(1.109 * i, abs=0.01)
    assert len(set(found.station[quake])) > 2


def test_sites_and_events_that_do_not_meet_are_named(planted: Scene, tmp_path: Path) -> None:
    lines = (planted.folder / "picks.csv").read_text().replace("XX.S1..", "YY.S1..")
    picks = tmp_path / "picks.csv"
    picks.write_text(lines.replace("XX.S2..", "XX.s2.."))
    events = tmp_path / "events.csv"
    events.write_text(
        "id,time,latitude,longitude,depth,type\ne00,2014-05-29,33,-116,5,earthquake\n"
        "x1,2014-05-30,33,-116,5,earthquake\nx2,2014-05-31,33,-116,5,explosion\n"
    )
    sources = Sources(planted.sources.waveforms, planted.sources.labels, picks, events)
    notes = prepared(sources).notes
    assert notes[0] == "picks.csv: columns: time, station, phase, event"
    assert notes[1] == (
        "2 of 6 sites have no P pick in picks.csv: XX.S1 (nearest: YY.S1, of another network), "
        "XX.S2 (nearest: XX.s2, in another case)"
    )
    assert notes[2] == (
        "2 of 6 sites in picks.csv are not in the archive: "
        "XX.s2 (nearest: XX.S2, in another case), YY.S1 (nearest: XX.S1, of another network)"
    )
    assert notes[4] == "events.csv: left out 1: event of type 'explosion'"
    n = len({row[0] for row in onsets()})
    assert notes[5].startswith(f"{n - 1} of {n} events in picks.csv are not in events.csv (e01,")
    assert notes[5].endswith("which has 2, as x1")


def test_picks_without_events_are_said_to_be_joined(planted: Scene, tmp_path: Path) -> None:
    head, *rows = (planted.folder / "picks.csv").read_text().splitlines()
    picks = tmp_path / "picks.csv"
    picks.write_text("\n".join([head, *("," + row.partition(",")[2] for row in rows)]))
    sources = Sources(planted.sources.waveforms, planted.sources.labels, picks)
    n = sum(row[2] == "P" for row in onsets())
    (note,) = [n for n in prepared(sources).notes if "have no event" in n]
    assert note.startswith(
        f"{n} P picks in picks.csv have no event: picks within 30 s of the previous one"
    )
