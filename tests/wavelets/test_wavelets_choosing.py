"""What is chosen: equal to a slow plain loop, to SciPy, and to what was asked of every split."""

import math

import numpy as np
import pytest
import scipy.signal
from hypothesis import given, settings
from hypothesis import strategies as st
from longitudes import Shift, shifts
from wavelet_products import (
    GAP,
    N_S,
    NOWHERE,
    RATE,
    START_NS,
    STATIONS,
    Scene,
    chosen,
    labels_of,
    onsets,
    prepared,
    record,
)

from seisflow.core.classes import Label, Split, WaveletClass
from seisflow.core.grid import NS_PER_S
from seisflow.core.randomness import draws, key_of
from seisflow.core.stations import Coordinates
from seisflow.errors import DataError
from seisflow.formats.arrivals import NOT_VISIBLE, Arrival
from seisflow.formats.events import Event
from seisflow.stages.wavelets.balancing import balance, count_classes
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.matching import match_arrivals, with_catalogue
from seisflow.stages.wavelets.noise import NoiseRules, find_noise, near_arrivals
from seisflow.stages.wavelets.scan import Candidates, jittered_starts, scan
from seisflow.stages.wavelets.snr import onset_snr, snr_band_hz
from seisflow.stages.wavelets.splitting import (
    BORDER,
    UNUSED,
    Blocks,
    Counted,
    allot,
    block_sites,
    deal_blocks,
    split_by_blocks,
    split_shuffled,
)

BLOCK_S = 600
FIRST_S = START_NS // NS_PER_S


@pytest.mark.parametrize(("rate", "high"), [(100, 30), (500, 30), (40, 18), (50, 22.5)])
def test_the_ratio_is_that_of_scipy(rate: int, high: float) -> None:
    rng = np.random.default_rng(rate)
    samples = rng.standard_normal(12 * rate)
    onset = 6 * rate
    samples[onset:] *= 4
    sections = scipy.signal.iirfilter(
        4, [5, high], btype="band", ftype="butter", fs=rate, output="sos"
    )
    filtered = scipy.signal.sosfiltfilt(sections, samples - samples[0])
    noise = filtered[onset - 3 * rate : onset - rate // 2]
    signal = filtered[onset : onset + rate]
    expected = math.sqrt((signal**2).mean() / (noise**2).mean())
    assert onset_snr(samples + 1e6, onset, rate) == pytest.approx(expected, rel=1e-6)
    assert 2.5 < expected < 5.5
    assert snr_band_hz(rate) == (5, high)


def test_no_ratio_without_noise_or_band() -> None:
    stuck = np.full(1200, 7, dtype="int32")
    assert math.isnan(onset_snr(stuck, 600, 100))
    assert math.isnan(onset_snr(np.where(np.arange(1200) == 3, np.nan, 1.0), 600, 100))
    with pytest.raises(DataError, match="at least 16 samples/s"):
        onset_snr(stuck, 600, 10)


def slow_noise(label, whole, near, rules: NoiseRules, coda=None) -> list[tuple[int, int]]:
    """Walk second by second through every block; `coda` tells windows by their first second."""
    found = []
    for first in range(0, len(label), rules.block_s):
        t = first + rules.margin_s
        while t + rules.window_s + rules.margin_s <= first + rules.block_s:
            inside = range(t, t + rules.window_s)
            around = range(t - rules.margin_s, t + rules.window_s + rules.margin_s)
            same = {int(label[s]) for s in inside}
            good = all(whole[s] for s in around) and not any(near[s] for s in inside)
            if coda is not None and coda(t) and all(whole[s] for s in around):
                found.append((t, 3))
                t += rules.window_s
            elif good and same in ({0}, {2}):
                found.append((t, 1 if same == {0} else 2))
                t += rules.window_s
            else:
                t += 1
    return found


@given(
    st.integers(0, 2**32),
    st.integers(2, 5),
    st.integers(0, 2),
    st.sampled_from([60, 64, 120]),
)
@settings(max_examples=60, deadline=None)
def test_noise_windows_equal_a_plain_loop(seed: int, window_s: int, margin_s: int, block_s) -> None:
    rng = np.random.default_rng(seed)
    n = 4 * block_s
    label = np.repeat(rng.choice([0, 1, 2, 252], n), rng.integers(1, 12, n))[:n].astype("uint8")
    whole = rng.random(n) > 0.02
    near = rng.random(n) < 0.02
    rules = NoiseRules(window_s, margin_s, block_s)
    found = find_noise(label, whole, near, rules)
    pairs = list(zip(found.start_s.tolist(), found.wavelet_class.tolist(), strict=True))
    assert pairs == slow_noise(label, whole, near, rules)
    cut = 2 * block_s
    halves = [find_noise(label[h], whole[h], near[h], rules) for h in (slice(cut), slice(cut, n))]
    joined = [*halves[0].start_s.tolist(), *(halves[1].start_s + cut).tolist()]
    assert joined == found.start_s.tolist()
    coda = np.repeat(rng.random(n) < 0.3, rng.integers(1, 12, n))[:n]
    near |= coda
    found = find_noise(label, whole, near, rules, coda)
    codes = np.where(found.is_coda, 3, found.wavelet_class).tolist()
    assert set(found.wavelet_class[found.is_coda].tolist()) <= {2}
    assert list(zip(found.start_s.tolist(), codes, strict=True)) == slow_noise(
        label, whole, near, rules, lambda t: bool(coda[t : t + window_s].all())
    )


@given(st.lists(st.integers(-100 * NS_PER_S, 200 * NS_PER_S), max_size=6))
@settings(max_examples=60, deadline=None)
def test_seconds_near_arrivals(times: list[int]) -> None:
    found = near_arrivals(np.array(times, dtype=np.int64), 0, 60, 2.0, 30.0)
    for s in range(60):
        touched = [
            s * NS_PER_S <= t + 30 * NS_PER_S and (s + 1) * NS_PER_S > t - 2 * NS_PER_S
            for t in times
        ]
        assert found[s] == any(touched)


def all_found(scene: Scene, **options: object) -> tuple[object, Candidates]:
    ready = prepared(scene.sources, **options)
    return ready, Candidates.joined([scan(ready.shared, task) for task in ready.tasks])


def slow_candidates(config: AssembleConfig) -> set[tuple[int, int, int]]:
    """Every candidate of the scene: channel, sample, class, by plain loops over plain arrays."""
    found = set()
    for i in range(len(STATIONS)):
        samples, label = record(i).astype(float), labels_of(i)
        covered = np.ones(N_S, dtype=bool)
        if i == 1:
            covered[GAP] = False
        near = np.zeros(N_S, dtype=bool)
        for _, station, _, t, _ in onsets():
            if station == i:
                seconds = START_NS + np.arange(N_S) * NS_PER_S
                near |= (seconds <= t + 30 * NS_PER_S) & (seconds + NS_PER_S > t - 2 * NS_PER_S)
        whole = covered & (label != Label.NO_DATA)
        for t, code in slow_noise(label, whole, near, NoiseRules(4, 1, BLOCK_S)):
            found.add((i, t * RATE, code))
        for _, station, phase, time_ns, _ in onsets():
            if (station, phase) == (i, "P"):
                found |= slow_earthquake(config, i, time_ns, samples, covered)
    return found


def slow_earthquake(config, i: int, time_ns: int, samples, covered) -> set[tuple[int, int, int]]:
    onset = math.floor((time_ns - START_NS) * RATE / NS_PER_S + 0.5)
    starts = jittered_starts(config, STATIONS[i], onset, RATE)
    low = min(min(starts) - RATE, onset - 3 * RATE)
    high = max(max(starts) + 5 * RATE, onset + RATE)
    a, b = low // RATE, -(-high // RATE)
    if a < 0 or b > N_S or not covered[a:b].all():
        return set()
    while a > low // RATE - 4 and a > 0 and covered[a - 1]:
        a -= 1
    while b < -(-high // RATE) + 4 and b < N_S and covered[b]:
        b += 1
    piece = samples[a * RATE : b * RATE]
    sections = scipy.signal.butter(4, [5, 22.5], "bandpass", fs=RATE, output="sos")
    filtered = scipy.signal.sosfiltfilt(sections, piece - piece[0])
    at = onset - a * RATE
    noise, signal = filtered[at - 3 * RATE : at - RATE // 2], filtered[at : at + RATE]
    good = math.sqrt((signal**2).mean() / (noise**2).mean()) > config.snr_min
    return {(i, s, 0) for s in starts} if good else set()


def test_candidates_equal_plain_loops(planted: Scene) -> None:
    ready, found = all_found(planted)
    # product begins at a whole hour, here that of the record
    assert ready.product.span.start_ns == START_NS
    columns = (found.channel.tolist(), found.start.tolist(), found.wavelet_class.tolist())
    got = set(zip(*columns, strict=True))
    assert len(got) == len(found.start)
    assert got == slow_candidates(planted.sources.asked())
    assert found.arrivals["snr below gate"] > 0
    assert all(found.seconds[r] > 0 for r in ("gap", "near arrival", "labels not equal"))


@pytest.mark.parametrize(
    "block", [4, *(pytest.param(block, marks=pytest.mark.slow) for block in (1, 6))]
)
def test_candidates_do_not_depend_on_the_cut(planted: Scene, block: int) -> None:
    one, other = chosen(planted.sources), chosen(planted.sources, block, backward=True)
    for name, values in vars(one.examples).items():
        np.testing.assert_array_equal(vars(other.examples)[name], values, err_msg=name)
    assert one.document == other.document


def test_the_quota_keeps_the_same_of_each_block(planted: Scene) -> None:
    from dataclasses import replace

    ready, everything = all_found(planted)
    shared = replace(ready.shared, quota=2)
    few = Candidates.joined([scan(shared, task) for task in ready.tasks])
    noise = few.onset < 0
    block = few.start[noise] // (RATE * BLOCK_S)
    cells = np.stack([few.channel[noise], block, few.wavelet_class[noise]])
    _, counts = np.unique(cells, axis=1, return_counts=True)
    assert set(counts.tolist()) == {2}
    assert (~noise).sum() == (everything.onset >= 0).sum()


def test_jitter_is_uniform_seeded_and_never_twice_the_same() -> None:
    config = NOWHERE.asked(per_arrival=5)
    offsets = np.array(
        [jittered_starts(config, "XX.A..HHZ", onset, 100) for onset in range(1000, 3000)]
    ) - (np.arange(1000, 3000)[:, None] - 100)
    assert offsets.min() == -75
    assert offsets.max() == 75
    assert abs(offsets.mean()) < 1.5
    assert abs(offsets.std() - math.sqrt((151**2 - 1) / 12)) < 1
    assert all(len(set(row)) == 5 for row in offsets.tolist())
    again = jittered_starts(config, "XX.B..HHZ", 1000, 100)
    assert again != jittered_starts(config, "XX.A..HHZ", 1000, 100)
    assert len(jittered_starts(NOWHERE.asked(jitter_s=0), "XX.A..HHZ", 1000, 100)) == 1


def test_draws_are_uniform_and_keyed() -> None:
    bits = draws(key_of(1, "a"), np.arange(4096))
    assert len(set(bits.tolist())) == 4096
    shares = np.unpackbits(bits.view(np.uint8)).reshape(4096, 64).mean(axis=0)
    assert np.abs(shares - 0.5).max() < 0.05
    assert (draws(key_of(1, "b"), np.arange(4096)) != bits).all()
    assert key_of(1, "ab", "c") != key_of(1, "a", "bc")


@given(st.integers(0, 500), st.lists(st.floats(0.05, 1), min_size=2, max_size=4))
def test_allotting(n: int, weights: list[float]) -> None:
    shares = [w / sum(weights) for w in weights]
    counts = allot(n, shares)
    assert sum(counts) == n
    if n >= len(shares):
        assert min(counts) >= 1
        if min(n * s for s in shares) >= 1:
            assert all(abs(c - n * s) < 1 for c, s in zip(counts, shares, strict=True))
    else:
        assert max(counts) <= 1


SHARES = (0.7, 0.15, 0.15)


@st.composite
def windows(draw: st.DrawFn) -> tuple[Blocks, np.ndarray, np.ndarray]:
    """Blocks of windows, their events (-1 for noise), and their sites."""
    n_events = draw(st.integers(1, 12))
    homes = draw(st.lists(st.integers(0, 30), min_size=n_events, max_size=n_events))
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(-1, n_events - 1), st.integers(0, 30), st.integers(0, 1),
                st.integers(0, 9),
            ),
            min_size=1, max_size=80,
        )
    )  # fmt: skip
    event = np.array([r[0] for r in rows])
    first = np.array([r[1] for r in rows])
    last = first + np.where(event >= 0, [r[2] for r in rows], 0)
    home = np.where(event >= 0, np.array(homes)[event], first)
    return Blocks(home, first, last), event, np.array([r[3] for r in rows])


@given(windows(), st.integers(0, 50), st.integers(2, 10))
@settings(max_examples=200, deadline=None)
def test_splits_share_nothing(made, deal: int, n_blocks: int) -> None:
    blocks, event, site = made
    places = [Coordinates(-116.0 + 0.01 * ((i * 7) % 10), 33.0, 0.0) for i in range(10)]
    of_site = block_sites([("XX", f"S{i}") for i in range(10)], places, n_blocks)
    classes = np.where(event >= 0, 0, 1 + site % 2).astype("uint8")
    counted = Counted.of(blocks.home, of_site[site], classes)
    dealt = deal_blocks(counted, SHARES, 0.25, (1, deal))
    assert dealt.held is not None
    held = dealt.held[of_site[site]]
    split = split_by_blocks(blocks, dealt.times, held)
    assert set(split.tolist()) <= {*Split, UNUSED, BORDER}
    train, rest = split == Split.TRAIN, (split == Split.VALIDATION) | (split == Split.TEST)
    assert not held[train].any()
    assert held[rest].all()
    for name in (blocks.home, blocks.first, blocks.last, of_site[site]):
        assert not set(name[train]) & set(name[rest])
    assert not set(event[train & (event >= 0)]) & set(event[rest & (event >= 0)])
    validation, test = split == Split.VALIDATION, split == Split.TEST
    for name in (blocks.home, blocks.first, blocks.last):
        assert not set(name[validation]) & set(name[test])
    # stations shared: the same but for the stations, and nothing unused
    shared = split_by_blocks(blocks, dealt.times, None)
    assert UNUSED not in shared
    assert (shared[train] == Split.TRAIN).all()
    assert not set(blocks.home[shared == Split.TRAIN]) & set(blocks.home[shared == Split.TEST])


def test_blocks_of_sites_are_neighbours_of_about_one_size() -> None:
    x = np.random.default_rng(0).permutation(20)
    places = [Coordinates(-116.0, 33 + 0.01 * float(k), 0.0) for k in x]
    names = [("XX", f"S{i:02d}") for i in range(20)]
    found = block_sites(names, places, 8)
    assert (np.diff(found[np.argsort(x)]) >= 0).all()
    assert sorted(np.bincount(found).tolist()) == [2] * 4 + [3] * 4
    unknown = [Coordinates(math.nan, math.nan, math.nan), *places[1:]]
    assert (np.diff(block_sites(names, unknown, 8)) >= 0).all()
    assert sorted(block_sites(names[:2], places[:2], 8).tolist()) == [0, 1]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 20), st.integers(2, 8), shifts(-116.0))
def test_blocks_of_sites_are_the_same_when_all_longitudes_are_shifted(
    seed: int, n_blocks: int, shift: Shift
) -> None:
    rng = np.random.default_rng(seed)
    longitude = -116 + np.round(rng.uniform(-0.1, 0.1, 20), 2)  # some stand north of each other
    latitude = 33 + np.round(rng.uniform(-0.08, 0.08, 20), 2)
    names = [("XX", f"S{i:02d}") for i in range(20)]
    wanted, found = (
        block_sites(
            names,
            [Coordinates(*place, 0.0) for place in zip(x.tolist(), latitude.tolist(), strict=True)],
            n_blocks,
        )
        for x in (longitude, shift(longitude))
    )
    np.testing.assert_array_equal(found, wanted)


def test_shuffled_has_exact_shares_of_every_class() -> None:
    classes = np.repeat([0, 1, 2], [100, 1000, 200]).astype("uint8")
    split = split_shuffled(draws(5, np.arange(1300)), classes, SHARES)
    assert count_classes(classes, split).tolist() == [[70, 700, 140], [15, 150, 30], [15, 150, 30]]


@given(st.integers(0, 2**32), st.sampled_from([None, 3, 10, 1000]))
@settings(max_examples=50, deadline=None)
def test_balance_is_equal_capped_and_spread(seed: int, per_class: int | None) -> None:
    rng = np.random.default_rng(seed)
    n = 600
    classes = rng.choice(3, n, p=[0.1, 0.4, 0.5]).astype("uint8")
    split = rng.choice([0, 1, 2, UNUSED, BORDER], n).astype("uint8")
    cells = np.stack([rng.integers(0, 5, n), rng.integers(0, 4, n)], axis=1)
    chance = draws(seed, np.arange(n))
    indices = balance(classes, split, cells, chance, per_class)
    counts = count_classes(classes[indices], split[indices])
    assert (counts == counts[:, :1]).all()
    there = count_classes(classes, split)
    every = balance(classes, split, cells, chance, per_class, equal=False)
    caps = np.minimum(there.sum(axis=0), per_class or n)
    assert count_classes(classes[every], split[every]).sum(axis=0).tolist() == caps.tolist()
    noise = balance(classes, split, cells, chance, per_class, (WaveletClass.RANDOM_NOISE,))
    assert set(classes[noise].tolist()) <= {WaveletClass.RANDOM_NOISE}
    least = count_classes(classes, split).min(axis=1)
    assert (counts[:, 0] <= least).all()
    total = int(counts[:, 0].sum())
    assert total == min(per_class or n, int(least.sum()))
    for part in Split:
        for code in WaveletClass:
            here = (split == part) & (classes == code)
            took = np.isin(np.arange(n), indices) & here
            taken = {c: int((took & (cells == c).all(axis=1)).sum()) for c in np.ndindex(5, 4)}
            had = {c: int((here & (cells == c).all(axis=1)).sum()) for c in np.ndindex(5, 4)}
            most = max(taken.values(), default=0)
            assert all(taken[c] >= min(had[c], most - 1) for c in taken)


def test_arrivals_of_a_site_are_known_at_all_its_channels() -> None:
    channels = ["XX.A.00.HHZ", "XX.A.10.HHZ", "XX.B..HHZ", "YY.A..HHZ", ".C..HHZ"]
    rows = [
        Arrival(50, "", "A", "P", "e1"),
        Arrival(40, "XX", "A", "Pn", "e1"),
        Arrival(90, "XX", "A", "S", "e1"),
        Arrival(60, "XX", "B", "P", "e1", unfit=NOT_VISIBLE),
        Arrival(30, "ZZ", "C", "P", "e2"),
        Arrival(10, "ZZ", "Q", "P", "e2"),
    ]
    matched = match_arrivals(rows, channels)
    assert matched.events == ("e1", "e2")
    assert matched.first_ns.tolist() == [40, 10]
    onsets_found = list(zip(matched.channel.tolist(), matched.onset_ns.tolist(), strict=True))
    assert onsets_found == [(0, 40), (1, 40), (3, 50), (4, 30)]
    assert [a.tolist() for a in matched.away] == [[40, 50, 90], [40, 50, 90], [60], [50], [30]]
    assert matched.rejected == {
        "no such station": 1, "not visible": 1, "another P of the event before": 2,
    }  # fmt: skip


def test_arrivals_without_an_event_are_taken_together() -> None:
    times = [0, 20, 45, 80, 100]
    rows = [Arrival(t * NS_PER_S, "XX", f"S{i}", "P") for i, t in enumerate(times)]
    matched = match_arrivals(rows, [f"XX.S{i}..HHZ" for i in range(5)])
    assert matched.events == ("1970-01-01T00:00:00Z", "1970-01-01T00:01:20Z")
    assert matched.event.tolist() == [0, 0, 0, 1, 1]


@settings(max_examples=30, deadline=None)
@given(shifts(-116.0))
def test_distances_are_the_same_when_all_longitudes_are_shifted(shift: Shift) -> None:
    matched = match_arrivals([Arrival(1, "XX", "A", "P", "e")], ["XX.A..HHZ"])

    def distance_km(shift: Shift) -> list[float]:
        event = Event("e", 0, shift.of(-116.1), 33.0, 5.0, 3.0)
        place = Coordinates(shift.of(-115.95), 33.1, 0.0)
        return with_catalogue(matched, [event], [place]).distance_km.tolist()

    assert distance_km(shift) == pytest.approx(distance_km(Shift(0.0)), rel=1e-9)


def test_a_catalogue_fills_in_what_is_not_known() -> None:
    rows = [Arrival(1, "XX", "A", "P", "e", 2.5, 7.0), Arrival(2, "XX", "B", "P", "e")]
    matched = match_arrivals(rows, ["XX.A..HHZ", "XX.B..HHZ"])
    places = [Coordinates(0.0, 0.0, 0.0), Coordinates(0.0, 1.0, 0.0)]
    found = with_catalogue(matched, [Event("e", 0, 0.0, 0.0, 5.0, 3.0)], places)
    assert found.magnitude.tolist() == [2.5, 3.0]
    assert found.distance_km == pytest.approx([7.0, 110.574], abs=0.01)
