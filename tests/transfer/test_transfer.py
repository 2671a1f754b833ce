"""A network without each source, judged on that source: counted again by hand."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import scipy.signal
from obspy.signal.trigger import recursive_sta_lta

import seisflow
from seisflow.core.classes import Split, WaveletClass
from seisflow.errors import ConfigError
from seisflow.stages.evaluate.evaluation import predict
from seisflow.stages.learn.artifact import load_model
from seisflow.stages.learn.examples import Examples, open_examples
from seisflow.stages.transfer.config import TransferConfig
from seisflow.stages.transfer.judging import judge, quiet_windows, ratios_of, windows_of
from seisflow.stages.transfer.stage import Transfer

sys.path.insert(0, str(Path(__file__).parents[1] / "learn"))

from wavelet_sets import WaveletSet, write_wavelets

QUICK = {"epochs": 2, "low_hz": 5, "batch_size": 32}
NOISE = (int(WaveletClass.RANDOM_NOISE), int(WaveletClass.NOT_RANDOM_NOISE))


def write(path: Path, seed: int, n: int = 120, rate: int = 40, **more: object) -> Path:
    """A set with an event for every two earthquakes."""
    made = WaveletSet(n=n, rate=rate, seed=seed, **more)  # type: ignore[arg-type]
    kind = made.columns()["wavelet_class"]
    names = np.where(kind == WaveletClass.EARTHQUAKE, np.arange(n) // 6, -1)
    events = np.array([f"e{i}" if i >= 0 else "" for i in names], dtype=object)
    stations = np.full(n, "ZG.R0101..DPZ", dtype=object)
    return write_wavelets(path, made, event=events, station=stations)


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("sources")
    return [
        write(folder / "a.zarr", 1),
        write(folder / "b@40.zarr", 2),
        write(folder / "b@50.zarr", 3, rate=50),
        write(folder / "quiet.zarr", 4, classes=NOISE),
    ]


@pytest.fixture(scope="module")
def made(paths: list[Path], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    folder = tmp_path_factory.mktemp("models")
    result = seisflow.transfer(paths, folder, false_positive_rate=0.05, **QUICK)
    return folder, result.summary


def test_each_source_with_earthquakes_is_left_out(made: tuple[Path, dict]) -> None:
    folder, summary = made
    assert [*summary["sources"]] == ["a", "b"]
    assert sorted(path.name for path in folder.glob("without-*")) == ["without-a", "without-b"]
    learnt = json.loads((folder / "without-b" / "model.json").read_text())["training"]["sources"]
    assert [*learnt] == ["a", "quiet"]
    assert json.loads((folder / "transfer.json").read_text())["sources"] == summary["sources"]
    table = (folder / "table.md").read_text()
    assert table.count("| a | compact |") == table.count("| b | STA/LTA |") == 3


def test_the_numbers_are_those_counted_by_hand(paths: list[Path], made: tuple[Path, dict]) -> None:
    folder, summary = made
    examples = open_examples(paths)
    model = load_model(folder / "without-b")
    own = np.isin(examples.source, (1, 2))
    noise = examples.wavelet_class != WaveletClass.EARTHQUAKE
    every = np.arange(len(examples))
    score = predict(model, examples, every)[:, 0]
    quiet = score[(examples.source == 3) & noise & (examples.split != Split.TRAIN)]
    allowed = int(0.05 * quiet.size)
    threshold = np.sort(quiet)[::-1][allowed]
    found = summary["sources"]["b"]["compact"]
    assert found["quiet_windows"] == quiet.size
    assert found["threshold"] == pytest.approx(threshold, abs=1e-6)
    above = score > threshold
    quakes = np.flatnonzero(own & ~noise & (examples.snr > 1.5))
    arrivals = {(examples.source[i], examples.event[i]) for i in quakes}
    seen = {(examples.source[i], examples.event[i]) for i in quakes if above[i]}
    assert (found["arrivals"]["found"], found["arrivals"]["n"]) == (len(seen), len(arrivals))
    assert len(seen) > 0
    of_noise = above[own & noise]
    assert found["false_positives"]["found"] == of_noise.sum()
    assert found["false_positives"]["n"] == of_noise.size
    assert sum(band["n"] for band in found["by_snr"]) == len(arrivals)
    placed = examples.arrival_s[quakes]
    inside = (placed >= 1) & (placed < 2)
    assert sum(band["n"] for band in found["by_placement_s"]) == inside.sum()
    third = found["by_placement_s"][3]
    here = quakes[(placed - 1 >= 0.3) & (placed - 1 < 0.4)]
    assert (third["n"], third["found"]) == (here.size, above[here].sum())


def test_typed_again_nothing_is_trained(paths: list[Path], made: tuple[Path, dict]) -> None:
    folder, summary = made
    before = {p: p.stat().st_mtime_ns for p in folder.glob("*/weights.safetensors")}
    assert len(before) == 2
    config = {"wavelets": paths, "model": folder, "false_positive_rate": 0.05, **QUICK}
    again = Transfer(TransferConfig.build(config)).run_here()
    assert again.summary["sources"] == summary["sources"]
    assert before == {p: p.stat().st_mtime_ns for p in folder.glob("*/weights.safetensors")}


def test_one_found_window_finds_an_arrival(paths: list[Path]) -> None:
    examples = open_examples(paths[:1])
    indices = windows_of(examples, np.array([True]), 1.5)
    is_quake = examples.wavelet_class[indices] == WaveletClass.EARTHQUAKE
    score = np.zeros(indices.size)
    one = np.flatnonzero(is_quake)[0]
    score[one] = 1
    found = judge(np.linspace(0, 0.9, 100), examples, indices, score, 0.1)
    assert found.point.n_allowed == 10
    assert (found.arrivals.found, found.by_snr.n_above.sum()) == (1, 1)
    assert sum(share.found for share in found.by_placement) <= 1
    score[~is_quake] = 1
    found = judge(np.linspace(0, 0.9, 100), examples, indices, score, 0.1)
    assert found.false_positives.share == 1


def test_ratios_are_those_of_obspy(tmp_path: Path) -> None:
    made = WaveletSet(n=12, rate=100, seed=6)
    examples = open_examples(write_wavelets(tmp_path / "w.zarr", made))
    # the margin of 1 s is short: the long average has filled 4 s behind the first sample
    rows = examples.read(np.arange(12)).astype(float)
    sections = scipy.signal.butter(4, (2, 45), "bandpass", fs=100, output="sos")
    wanted = []
    for row in rows:
        passed = scipy.signal.sosfilt(sections, row - row[0])
        wanted.append(recursive_sta_lta(passed, 50, 400)[200:300].max())
    np.testing.assert_allclose(ratios_of(examples, np.arange(12)), wanted)


def test_quiet_windows_are_those_that_nothing_learnt_from(paths: list[Path]) -> None:
    examples: Examples = open_examples(paths)
    quiet = quiet_windows(examples)
    assert (examples.split[quiet] != Split.TRAIN).all()
    assert (examples.wavelet_class[quiet] != WaveletClass.EARTHQUAKE).all()
    assert quiet.size == sum(
        examples.counts(split)[name]
        for split in (Split.VALIDATION, Split.TEST)
        for name in ("random_noise", "not_random_noise")
    )


@pytest.mark.parametrize(
    ("of", "asked", "wanted"),
    [((0, 1, 3), (), {3}), ((0, 1), (), {1}), ((0, 1, 3), ("b",), {1}), ((0, 1, 2), (), {1, 2})],
)
def test_quiet_sources_are_those_asked_for_or_without_earthquakes(
    of: tuple[int, ...], asked: tuple[str, ...], wanted: set[int], paths: list[Path]
) -> None:
    given = {"wavelets": [paths[i] for i in of], "model": "m", "quiet": asked}
    stage = Transfer(TransferConfig.build(given))
    found = stage.examples.source[stage.quiet_of("a")]
    assert {of[i] for i in np.unique(found)} == wanted


@pytest.mark.parametrize(
    ("of", "asked", "said"),
    [
        ((0, 1), {"only": ("c",)}, "no source 'c'; the wavelets are of a, b"),
        ((0, 1, 3), {"only": ("quiet",)}, "quiet has no earthquakes above --least-snr 1.5"),
        ((1, 2), {}, "without b there are no earthquakes to learn from"),
        ((0, 3), {}, "without a there are no earthquakes to learn from"),
        ((0, 1), {"quiet": ("c",)}, "quiet: no source 'c'; the wavelets are of a, b"),
        ((0, 1), {"quiet": ("a",)}, "without a no quiet source has noise that was not learnt"),
        ((0, 1), {"cluster": "alice"}, "transfer trains on this machine"),
        ((0, 1), {"from_model": "base"}, "may have learnt from the source that is left out"),
        ((0, 1), {"weights": (1.0, 2.0, 3.0)}, "asked for 2 WAVELETS; give one above 0 for each"),
    ],
)
def test_what_cannot_be_is_refused(
    of: tuple[int, ...], asked: dict, said: str, paths: list[Path], tmp_path: Path
) -> None:
    given = {"wavelets": [paths[i] for i in of], "model": tmp_path / "m", **QUICK, **asked}
    stage = Transfer(TransferConfig.build(given))
    refused: Callable[[], object] = stage.run_here
    with pytest.raises(ConfigError, match=said):
        refused()
    assert not (tmp_path / "m").exists()
