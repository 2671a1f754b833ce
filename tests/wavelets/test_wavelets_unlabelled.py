"""Examples without labels, of coda, and of noise alone: arrivals are all that is known, or none."""

import hashlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_wavelets_choosing import all_found, slow_earthquake, slow_noise
from wavelet_products import (
    GAP,
    N_S,
    NOWHERE,
    RATE,
    START_NS,
    STATIONS,
    Scene,
    Sources,
    arrays,
    assemble,
    begun,
    chosen,
    ingest,
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
from seisflow.archive.store import consolidate, read_product
from seisflow.core.classes import Label, NoData, Origin, Split, State, WaveletClass
from seisflow.core.files import whole_file
from seisflow.core.grid import NS_PER_S
from seisflow.errors import ConfigError, DataError
from seisflow.formats.arrivals import NOT_VISIBLE, Arrival
from seisflow.formats.writing import MiniSeedWriter
from seisflow.stages.label.record import HourRecord, constant_mask, no_data_reasons
from seisflow.stages.learn.examples import open_examples
from seisflow.stages.wavelets import stage
from seisflow.stages.wavelets.matching import KnownP, match_arrivals
from seisflow.stages.wavelets.noise import NoiseRules, coda_seconds
from seisflow.stages.wavelets.recorded import recorded_seconds

BLOCK_S = 600
FAR = {"split": "events"}


def without_labels(scene: Scene) -> Sources:
    return Sources(scene.sources.waveforms, None, scene.sources.arrivals)


def noise_alone(scene: Scene) -> Sources:
    return Sources(scene.sources.waveforms, scene.sources.labels, None)


@st.composite
def known(draw: st.DrawFn) -> KnownP:
    """Some P, the first P of their events a while before, and whether they can be seen."""
    half_s = st.integers(-80, 500)
    rows = draw(st.lists(st.tuples(half_s, st.integers(0, 40), st.booleans()), max_size=6))
    rows.sort()
    time_ns = np.array([r[0] for r in rows], dtype=np.int64) * (NS_PER_S // 2)
    before = np.array([r[1] for r in rows], dtype=np.int64) * NS_PER_S
    return KnownP(time_ns, time_ns - before, np.array([r[2] for r in rows], dtype=bool))


@given(known(), st.sampled_from([0.0, 1.5, 2.25]), st.sampled_from([10.0, 30.0]))
@settings(max_examples=150, deadline=None)
def test_coda_is_what_a_plain_loop_says(p: KnownP, coda_s: float, after_s: float) -> None:
    found = coda_seconds(p, 0, 200, (coda_s, after_s), 60)
    rows = [(t / NS_PER_S, f / NS_PER_S, v) for t, f, v in zip(*map(list, p), strict=True)]
    for s in range(200):
        of_one = any(
            seen and t + coda_s <= s and s + 1 <= t + after_s and s // 60 == first // 60
            for t, first, seen in rows
        )
        early = any(s <= t < s + 1 or (t < s + 1 and s < t + coda_s) for t, _, _ in rows)
        assert found[s] == (of_one and not early), s
    assert (coda_seconds(p, 60 * NS_PER_S, 140, (coda_s, after_s), 60) == found[60:]).all()


def is_coda(p_s: list[float], first_s: list[float], t: int, end_s: float) -> bool:
    """Whether the window of 4 s at `t` is coda: behind a P, and no other P in it or just before."""
    if any(t - 1.5 < p < t + 4 for p in p_s):
        return False
    return any(
        p + 1.5 <= t and t + 4 <= p + end_s and t // BLOCK_S == first // BLOCK_S
        for p, first in zip(p_s, first_s, strict=True)
    )


def slow_candidates(config, label_of, *, coda: bool) -> set[tuple[int, int, int, int]]:
    """Every candidate of the scene: channel, sample, class and origin, by plain loops."""
    found = set()
    first = {
        e: (t - START_NS) / NS_PER_S for e, i, phase, t, _ in onsets() if (i, phase) == (0, "P")
    }
    away = Origin.AWAY_FROM_ARRIVALS if config.labels is None else Origin.LABELLED
    for i in range(len(STATIONS)):
        label, covered, near = label_of(i), np.ones(N_S, dtype=bool), np.zeros(N_S, dtype=bool)
        if i == 1:
            covered[GAP] = False
        own = [row for row in onsets() if row[1] == i]
        for _, _, _, t, _ in own:
            seconds = START_NS + np.arange(N_S) * NS_PER_S
            near |= (seconds <= t + 30 * NS_PER_S) & (seconds + NS_PER_S > t - 2 * NS_PER_S)
        p_s = [(row[3] - START_NS) / NS_PER_S for row in own if row[2] == "P"]
        homes = [first[row[0]] for row in own if row[2] == "P"]
        near_s = {int(p) + k for p in p_s for k in range(31)} if coda else set()
        begins = {t for t in near_s if is_coda(p_s, homes, t, config.coda_within_s[1])}
        whole = covered & (label != Label.NO_DATA)
        rules = NoiseRules(4, 1, BLOCK_S)
        for t, code in slow_noise(label, whole, near, rules, begins.__contains__):
            found.add((i, t * RATE, min(code, 2), Origin.CODA if code == 3 else away))
        samples = record(i).astype(float)
        for row in own:
            if row[2] == "P":
                at = slow_earthquake(config, i, row[3], samples, covered)
                found |= {(*quake, Origin.ARRIVAL) for quake in at}
    return found


def candidates(scene: Sources, **options: object) -> set[tuple[int, int, int, int]]:
    _, found = all_found(scene, **options)
    names = ("channel", "start", "wavelet_class", "origin")
    rows = [*zip(*[getattr(found, name).tolist() for name in names], strict=True)]
    assert len(set(rows)) == len(rows)
    return set(rows)


class _As:
    """Sources in place of a scene."""

    def __init__(self, sources: Sources) -> None:
        self.sources = sources


def test_candidates_without_labels_equal_plain_loops(planted: Scene) -> None:
    sources = without_labels(planted)
    got = candidates(_As(sources))
    blank = np.full(N_S, Label.RANDOM_NOISE, dtype="uint8")
    assert got == slow_candidates(sources.asked(), lambda _: blank, coda=True)
    assert {row[3] for row in got} == {Origin.ARRIVAL, Origin.AWAY_FROM_ARRIVALS, Origin.CODA}


def test_candidates_with_coda_equal_plain_loops(planted: Scene) -> None:
    got = candidates(planted, coda=True, coda_end_s=20.5)
    config = planted.sources.asked(coda=True, coda_end_s=20.5)
    assert got == slow_candidates(config, labels_of, coda=True)
    assert {row[3] for row in got} == {Origin.ARRIVAL, Origin.LABELLED, Origin.CODA}


@pytest.fixture(scope="module")
def unlabelled(planted: Scene, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("unlabelled") / "w.zarr"
    assemble(without_labels(planted), output, **FAR)
    return output


def test_every_example_without_labels_is_what_it_says(unlabelled: Path) -> None:
    found = arrays(unlabelled)
    assert (found["state"] == State.READY).all()
    every = {name: [r for r in onsets() if STATIONS[r[1]] == name] for name in STATIONS}
    samples = {name: record(i).astype("float32") for i, name in enumerate(STATIONS)}
    of_class = {0: {Origin.ARRIVAL}, 1: {Origin.AWAY_FROM_ARRIVALS}, 2: {Origin.CODA}}
    for k in range(len(found["start"])):
        name, start_ns = found["station"][k], int(found["start"][k])
        first = round((start_ns - START_NS) * RATE / NS_PER_S)
        piece = samples[name][first - RATE : first + 5 * RATE]
        np.testing.assert_array_equal(found["waveform"][k], piece)
        assert found["origin"][k] in of_class[int(found["wavelet_class"][k])]
        behind = {p: np.array([start_ns - r[3] for r in every[name] if r[2] == p]) for p in "PS"}
        p_s, s_s = (behind[p] / NS_PER_S for p in "PS")
        if found["origin"][k] == Origin.CODA:
            assert not ((p_s > -4) & (p_s < 1.5)).any()
            assert ((p_s >= 1.5) & (p_s <= 26)).any()
            assert (found["event"][k], math.isnan(found["arrival_s"][k])) == ("", True)
        elif found["origin"][k] == Origin.AWAY_FROM_ARRIVALS:
            for ahead in (p_s, s_s):
                assert not ((ahead > -6) & (ahead < 30)).any()
        else:
            assert np.isclose(-p_s, found["arrival_s"][k], atol=1e-6).any()
    coda = found["origin"] == Origin.CODA
    peak = np.abs(found["waveform"][:, RATE:-RATE] - 2000).max(axis=1)
    assert np.median(peak[coda]) > np.median(peak[found["origin"] == Origin.AWAY_FROM_ARRIVALS])


def test_a_product_without_labels_says_so_and_is_resumed(planted: Scene, unlabelled: Path) -> None:
    product = read_product(unlabelled, "WAVELETS")
    assert product.identity.inputs.keys() == {"waveforms", "arrivals"}
    assert product.identity.config["coda"] is True
    document, found = read_document(unlabelled, stage.ASSEMBLY), arrays(unlabelled)
    for split in Split:
        origins, here = document["origins"][split.name.lower()], found["split"] == split
        assert origins == {o.name.lower(): int((found["origin"][here] == o).sum()) for o in Origin}
        assert origins["coda"] == origins["away_from_arrivals"] == origins["arrival"] > 0
    again = begun(without_labels(planted), unlabelled, **FAR, coda=True)  # always on: the same
    assert again.work.remaining() == []
    assert again.plan.details["train.coda"] == document["origins"]["train"]["coda"]
    events = [set(found["event"][found["split"] == s]) - {""} for s in Split]
    assert not events[0] & events[2]
    blocks = [
        set((found["start"][found["split"] == s] // (600 * NS_PER_S)).tolist()) for s in Split
    ]
    assert not blocks[0] & blocks[2]


def test_without_labels_another_cut_gives_the_same(planted: Scene) -> None:
    sources = without_labels(planted)
    one, other = chosen(sources, **FAR), chosen(sources, 5, backward=True, **FAR)
    for name, values in vars(one.examples).items():
        np.testing.assert_array_equal(vars(other.examples)[name], values, err_msg=name)
    assert one.document == other.document


def test_a_site_without_a_pick_keeps_away_from_what_others_picked(
    planted: Scene, tmp_path: Path
) -> None:
    """Nobody says of it that an event was not there."""
    rows = [row[:4] for row in onsets() if row[1] < 5 and not (row[0] == "e03" and row[1] == 2)]
    write_picks(tmp_path / "picks.csv", rows)
    alone = Sources(planted.sources.waveforms, planted.sources.labels, tmp_path / "picks.csv")
    for sources in (alone, Sources(alone.waveforms, None, alone.arrivals)):
        _, found = all_found(_As(sources))
        event = [row[3] - START_NS for row in rows if row[0] == "e03"]
        span_s = np.array([min(event), max(event)]) / NS_PER_S
        start_s, noise = found.start / RATE, found.onset < 0
        for channel in (2, 5):
            here = noise & (found.channel == channel) & (found.origin != Origin.CODA)
            inside = (start_s + 4 > span_s[0] - 2) & (start_s < span_s[1] + 30)
            assert (here & inside).any() == (sources.labels is not None)
            assert (here & ~inside).any()
        assert not (found.origin[found.channel == 5] == Origin.CODA).any()


def test_times_of_elsewhere_reach_from_the_first_to_the_last() -> None:
    rows = [
        Arrival(10 * NS_PER_S, "XX", "A", "P", "e"),
        Arrival(75 * NS_PER_S, "XX", "A", "S", "e", unfit=NOT_VISIBLE),
        Arrival(20 * NS_PER_S, "XX", "B", "P", "f", unfit=NOT_VISIBLE),
    ]
    channels = ["XX.A..HHZ", "XX.B..HHZ"]
    assert [len(a) for a in match_arrivals(rows, channels).away] == [2, 1]
    found = match_arrivals(rows, channels, 32.0)
    away_s = [(a / NS_PER_S).tolist() for a in found.away]
    assert away_s == [[10, 20, 75], [10, 20, 42, 74, 75]]
    assert [p.visible.tolist() for p in found.known_p] == [[True], [False]]
    assert [p.first_ns.tolist() for p in found.known_p] == [[10 * NS_PER_S], [20 * NS_PER_S]]


def test_seconds_are_recorded_as_label_sees_it(tmp_path: Path) -> None:
    """A stopped recorder, a dropout of zeros and full scale, at the edge of an hour too."""
    counts = record(0)
    counts[3599 * RATE + 40 : 3600 * RATE + 10] = 1234
    counts[100 * RATE : 101 * RATE] = 0
    counts[200 * RATE + 3] = 2**23 - 1
    name = STATIONS[0]
    with whole_file(tmp_path / "raw" / name) as file:
        for first, stop in ((0, 5000), (5007, N_S)):
            writer = MiniSeedWriter(file, name, RATE)
            writer.append(START_NS + first * NS_PER_S, counts[first * RATE : stop * RATE])
    (tmp_path / "stations.csv").write_text("network,station,lat,lon\nXX,S0,33.5,-116.5\n")
    ingest(tmp_path)
    path = tmp_path / "waveforms.zarr"
    product = read_product(path, "WAVEFORMS")
    found = recorded_seconds(path, product.identity.key, 0, product.grid, (0, N_S))
    expected = np.ones(N_S, dtype=bool)
    expected[[100, 200, 3599, 3600, *range(5000, 5007)]] = False
    np.testing.assert_array_equal(np.flatnonzero(~found), np.flatnonzero(~expected))
    part = recorded_seconds(path, product.identity.key, 0, product.grid, (3000, 6000))
    np.testing.assert_array_equal(part, expected[3000:6000])
    hour = HourRecord(
        counts[: 3600 * RATE], np.ones(3600 * RATE, dtype=bool), np.ones(3600, "float32"), RATE
    )
    reasons = no_data_reasons(hour, constant_mask(hour))
    assert ((reasons == NoData.NONE) == expected[:3600])[:3599].all()


def test_noise_alone_has_both_kinds_and_no_earthquake(planted: Scene, tmp_path: Path) -> None:
    output = tmp_path / "w.zarr"
    found = assemble(noise_alone(planted), output)
    assert set(found["wavelet_class"]) == {1, 2}
    assert set(found["origin"]) == {Origin.LABELLED}
    assert set(found["event"]) == {""}
    assert np.isnan(found["snr"]).all()
    for split in Split:
        counts = np.bincount(found["wavelet_class"][found["split"] == split], minlength=3)
        assert counts[0] == 0
        assert counts[1] == counts[2] > 0
    assert read_product(output).identity.inputs.keys() == {"waveforms", "labels"}
    examples = open_examples(output)
    assert examples.counts(Split.TRAIN)["earthquake"] == 0
    document = read_document(output, stage.ASSEMBLY)
    assert document["warnings"] == []
    near = [row for row in onsets() if row[2] == "P" and STATIONS[row[1]] in set(found["station"])]
    ahead = [np.abs(found["start"][found["station"] == STATIONS[r[1]]] - r[3]).min() for r in near]
    assert min(ahead) < 2 * NS_PER_S  # nothing is known that it could keep away from


def test_noise_of_one_kind_will_do_and_is_said(planted: Scene, tmp_path: Path) -> None:
    shutil.copytree(planted.sources.waveforms, tmp_path / "waveforms.zarr")
    for name, label in (("quiet.zarr", Label.RANDOM_NOISE), ("mixed.zarr", Label.MIXED)):
        make_labels(tmp_path, [np.full(N_S, label, dtype="uint8")] * 6, name)
    quiet, mixed = (
        Sources(tmp_path / "waveforms.zarr", tmp_path / name, None)
        for name in ("quiet.zarr", "mixed.zarr")
    )
    made = chosen(quiet, per_class=300)
    assert set(made.examples.wavelet_class) == {WaveletClass.RANDOM_NOISE}
    assert len(made.examples) == 300
    assert made.document["warnings"][0] == (
        f"{tmp_path / 'quiet.zarr'} has no window of not random noise, and so the set has none"
    )
    assert not any("earthquake" in text for text in made.document["warnings"])
    said = (
        "no candidate of random_noise, not_random_noise.*one of them needs some: give more labelled"
    )
    with pytest.raises(DataError, match=said):
        chosen(mixed)


def test_noise_alone_that_cannot_be_split_is_refused_without_events(planted: Scene) -> None:
    with pytest.raises(DataError) as refused:
        chosen(noise_alone(planted), split="events", time_block_s=7200)
    said = str(refused.value)
    assert "noise at 6 stations give train" in said
    assert "earthquake" not in said
    assert said.endswith("a shorter --time-block-s (7200 now) or give more labelled time")


@pytest.mark.parametrize("per_class", [None, 40])
def test_without_balance_every_candidate_is_kept(planted: Scene, per_class: int | None) -> None:
    options = {"split": "shuffled", "balance": False, "per_class": per_class}
    made = chosen(planted.sources, **options)
    counts = np.bincount(made.examples.wavelet_class, minlength=3).tolist()
    there = [made.document["candidates"][c.name.lower()] for c in WaveletClass]
    assert len(set(there)) == 3
    assert counts == [min(n, per_class or n) for n in there]
    left = made.document["rejected_windows"]["above per_class"]
    assert left == sum(there) - sum(counts)
    quota = prepared(planted.sources, **options).shared.quota
    assert (quota > 2**40) == (per_class is None)


def test_what_is_asked_by_default_is_what_it_was(planted: Scene) -> None:
    """Identity and examples of sets that were made before there were coda, balance and origin."""
    resolved = planted.sources.asked().resolved()
    assert not {"balance", "coda", "coda_s", "coda_end_s"} & resolved.keys()
    assert planted.sources.asked(balance=False).resolved()["balance"] is False
    assert planted.sources.asked(coda=True).resolved()["coda_s"] == 1.5
    found = chosen(planted.sources).examples
    columns = ("station", "start_ns", "wavelet_class", "split", "event")
    text = "\n".join(repr(getattr(found, name).tolist()) for name in columns)
    assert hashlib.sha256(text.encode()).hexdigest()[:16] == "2bb49c105648bf30"


def test_a_set_that_was_made_before_is_finished_and_opened(planted: Scene, tmp_path: Path) -> None:
    output = tmp_path / "w.zarr"
    assemble(planted.sources, output)
    shutil.rmtree(output / "origin")
    consolidate(output)
    file = output / "_seisflow" / stage.ASSEMBLY
    document = read_document(output, stage.ASSEMBLY)
    del document["origins"]
    file.write_text(json.dumps(document))
    again = begun(planted.sources, output)
    assert again.work.remaining() == []
    assert [title for title, _, _ in again.plan.tables] == ["examples", "left out"]
    assert len(open_examples(output)) == document["examples"]
    with seisflow.open(output) as opened:
        assert "origin" not in opened


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"labels": "none", "arrivals": "none"}, "labels and arrivals are both none"),
        ({"arrivals": "none", "predict": "iasp91"}, "predict asked of arrivals that are none"),
        ({"arrivals": "none", "events": "e.csv"}, "events asked of arrivals that are none"),
        ({"arrivals": None, "coda": True}, "coda asked of arrivals that are none"),
        ({"labels": "none", "after_s": 5}, "shorter than a window of 4 s; give a longer after_s"),
        ({"coda": True, "coda_s": 26.5}, "coda from 26.5 to 30 s behind P"),
        ({"coda": True, "coda_end_s": 5}, "a window of 4 s; give a longer coda_end_s"),
        ({"coda_end_s": 31}, "coda_end_s 31 must not be above after_s 30"),
    ],
)
def test_what_does_not_go_together_is_one_line(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as refused:
        NOWHERE.asked(**options)
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_none_is_a_word_and_not_a_file() -> None:
    assert NOWHERE.asked(labels="none").labels is None
    assert NOWHERE.asked(arrivals="none").arrivals is None
    assert NOWHERE.asked(arrivals="./none").arrivals == Path.cwd() / "none"
    assert not NOWHERE.asked().takes_coda
    assert NOWHERE.asked(labels=None).takes_coda


def test_advice_without_labels_is_of_records(planted: Scene, tmp_path: Path) -> None:
    write_picks(tmp_path / "picks.csv", picks_of_four_events())
    sources = Sources(planted.sources.waveforms, None, tmp_path / "picks.csv")
    with pytest.raises(DataError, match=r"no candidate of random_noise .*reach farther before"):
        chosen(sources, split="events", snr_min=0, after_s=7000.0, before_s=7000.0)
    with pytest.raises(ConfigError, match="the waveforms cover"):
        chosen(sources, start="2021-01-01")
    rows = [(e, i, p, t + 10**16) for e, i, p, t in picks_of_four_events()]
    write_picks(tmp_path / "picks.csv", rows)
    with pytest.raises(DataError, match="inside the time of the waveforms"):
        chosen(sources)
