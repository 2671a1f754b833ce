"""Classes from what was planted: quiet, loud, in between, gaps, and truths of something else."""

from pathlib import Path

import evaluations
import numpy as np
import pytest
from evaluations import START_NS, STATIONS, WaveletSet
from stages import Begun

from seisflow.core.classes import WaveletClass
from seisflow.core.grid import HOUR_NS, NS_PER_S, format_time
from seisflow.errors import ConfigError, DataError, IncompleteError
from seisflow.stages.evaluate.truth import LEFT_OUT, PlantedTruth, planted_classes
from seisflow.stages.learn.examples import Examples
from seisflow.stages.synth.sources import SourceKind
from seisflow.stages.synth.stage import Synth
from seisflow.stages.synth.truth import arrivals
from seisflow.stages.synth.waves import node_waveform

EARTHQUAKE, RANDOM_NOISE, NOT_RANDOM_NOISE = WaveletClass
SHAPE = (len(STATIONS), 3600)


def quiet_hour(examples: Examples) -> tuple[np.ndarray, np.ndarray]:
    """Return kind and ratio of an hour with nothing but the earthquakes of the set."""
    kind, ratio = np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.float32)
    for index in np.flatnonzero(examples.wavelet_class == EARTHQUAKE):
        at = place(examples, int(index))
        kind[at], ratio[at] = SourceKind.EARTHQUAKE, 3.0
    return kind, ratio


def place(examples: Examples, index: int) -> tuple[int, slice]:
    """Return the row and the seconds of a wavelet in the truth."""
    first = int(examples.start_ns[index] - START_NS) // NS_PER_S
    return STATIONS.index(examples.station[index]), slice(first, first + 4)


def noise_of(examples: Examples) -> np.ndarray:
    return np.flatnonzero(examples.wavelet_class != EARTHQUAKE)


def classes(examples: Examples, path: Path, **options: float) -> np.ndarray:
    return planted_classes(PlantedTruth(path, **options), examples, np.arange(len(examples)))


def test_noise_is_what_was_planted_in_its_seconds(examples: Examples, tmp_path: Path) -> None:
    kind, ratio = quiet_hour(examples)
    cases = {  # what is planted in one or all of the four seconds, and what that makes of it
        "nothing": (slice(0), 0, 0.0, RANDOM_NOISE),
        "a whisper": (slice(0, 4), SourceKind.WIND, 0.049, RANDOM_NOISE),
        "a murmur": (slice(3, 4), SourceKind.WIND, 0.051, LEFT_OUT),
        "nearly a source": (slice(0, 4), SourceKind.VEHICLE, 0.49, LEFT_OUT),
        "a source in the last second": (slice(3, 4), SourceKind.SPIKE, 0.5, NOT_RANDOM_NOISE),
        "an aircraft": (slice(0, 4), SourceKind.AIRCRAFT, 8.0, NOT_RANDOM_NOISE),
        "the coda of an earthquake": (slice(0, 2), SourceKind.EARTHQUAKE, 2.0, NOT_RANDOM_NOISE),
        "a gap": (slice(1, 2), SourceKind.NO_DATA, np.nan, LEFT_OUT),
    }
    asked = noise_of(examples)[: len(cases)]
    for index, (seconds, what, strength, _) in zip(asked, cases.values(), strict=True):
        row, at = place(examples, int(index))
        own = np.arange(at.start, at.stop)[seconds]
        kind[row, own], ratio[row, own] = what, strength
    path = evaluations.write_truth(tmp_path / "truth.zarr", kind, ratio)
    found = classes(examples, path)[asked]
    expected = [wanted for *_, wanted in cases.values()]
    assert dict(zip(cases, found.tolist(), strict=True)) == dict(
        zip(cases, map(int, expected), strict=True)
    )


def test_an_earthquake_stays_one_whatever_else_is_there(examples: Examples, tmp_path: Path) -> None:
    kind, ratio = quiet_hour(examples)
    quakes = np.flatnonzero(examples.wavelet_class == EARTHQUAKE)
    kind[place(examples, int(quakes[0]))] = SourceKind.WIND  # a gust is stronger: still listed
    path = evaluations.write_truth(tmp_path / "truth.zarr", kind, ratio)
    found = classes(examples, path)
    assert (found[quakes] == EARTHQUAKE).all()
    assert (found[noise_of(examples)] == RANDOM_NOISE).all()


def test_levels_are_options(examples: Examples, tmp_path: Path) -> None:
    kind, ratio = quiet_hour(examples)
    index = int(noise_of(examples)[0])
    ratio[place(examples, index)] = 0.3
    path = evaluations.write_truth(tmp_path / "truth.zarr", kind, ratio)
    assert classes(examples, path)[index] == LEFT_OUT
    assert classes(examples, path, source_ratio=0.3)[index] == NOT_RANDOM_NOISE
    assert classes(examples, path, quiet_ratio=0.31)[index] == RANDOM_NOISE


def test_a_window_between_seconds_takes_all_it_touches(tmp_path: Path) -> None:
    start = START_NS + np.arange(90, dtype=np.int64) * 10 * NS_PER_S
    start[1] += NS_PER_S // 4  # wavelet 1 is random noise
    examples = evaluations.small_set(tmp_path / "wavelets.zarr", start=start)
    kind, ratio = quiet_hour(examples)
    row, at = place(examples, 1)
    ratio[row, at.stop] = 0.5  # the fifth second, of which the window has a quarter
    path = evaluations.write_truth(tmp_path / "truth.zarr", kind, ratio)
    assert classes(examples, path)[1] == NOT_RANDOM_NOISE


def test_other_stations_are_refused(examples: Examples, tmp_path: Path) -> None:
    kind, ratio = quiet_hour(examples)
    stations = ("XX.A..HHZ", "XX.B..HHZ", STATIONS[2])
    path = evaluations.write_truth(tmp_path / "truth.zarr", kind, ratio, stations=stations)
    said = rf"2 of 3 stations .* are not in .*truth\.zarr: {STATIONS[0]}, {STATIONS[1]}; it has XX"
    with pytest.raises(ConfigError, match=said):
        classes(examples, path)


@pytest.mark.parametrize("hours", [-1, 1])
def test_another_time_is_refused(hours: int, examples: Examples, tmp_path: Path) -> None:
    kind, ratio = quiet_hour(examples)
    start_ns = START_NS + hours * HOUR_NS
    path = evaluations.write_truth(tmp_path / "truth.zarr", kind, ratio, start_ns=start_ns)
    with pytest.raises(ConfigError, match=r"begin in 2014-05-29T10:00:00Z to .* covers 2014-05-2"):
        classes(examples, path)


def test_another_scene_is_refused(examples: Examples, tmp_path: Path) -> None:
    path = evaluations.write_truth(tmp_path / "truth.zarr", np.zeros(SHAPE), np.zeros(SHAPE))
    with pytest.raises(ConfigError, match="of 30 wavelets of earthquakes, 0 lie where"):
        classes(examples, path)


def test_an_unfinished_scene_is_refused(examples: Examples, tmp_path: Path) -> None:
    kind, ratio = quiet_hour(examples)
    path = evaluations.write_truth(tmp_path / "truth.zarr", kind, ratio, complete=False)
    with pytest.raises(IncompleteError, match="1 of 1 tasks"):
        classes(examples, path)


def test_what_is_no_truth_is_refused(examples: Examples, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is a WAVELETS product; a TRUTH product is needed"):
        classes(examples, examples.sources[0].path)
    with pytest.raises(ConfigError, match="does not exist"):
        classes(examples, tmp_path / "none.zarr")
    (tmp_path / "folder").mkdir()
    with pytest.raises(DataError, match="not a Zarr group"):
        classes(examples, tmp_path / "folder")


def test_what_synth_plants_is_read_as_it_was_planted(tmp_path: Path) -> None:
    """A real scene: windows at its arrivals and all over its hour, against the scene itself."""
    asked = {"seed": 3, "nodes": 2, "rate": 40, "start": format_time(START_NS), "earthquakes": 20}
    begun = Begun(Synth(Synth.Config.build({"scene": tmp_path / "scene", **asked})))
    begun.run_all()
    begun.finish()
    scene = begun.plan.scene
    stations = [node.station for node in scene.nodes]
    first = np.arange(120, 3480, 5)[:600]
    columns = WaveletSet(n=first.size).columns()
    columns["station"] = np.resize(np.array(stations, object), first.size)
    columns["wavelet_class"][:] = NOT_RANDOM_NOISE
    columns["start"] = START_NS + first.astype(np.int64) * NS_PER_S
    onsets = [row for row in arrivals(scene, 0, scene.span) if row["phase"] == "P"][:10]
    columns["wavelet_class"][: len(onsets)] = EARTHQUAKE
    columns["station"][: len(onsets)] = stations[0]
    columns["start"][: len(onsets)] = [row["time_ns"] - NS_PER_S for row in onsets]
    path = evaluations.write_wavelets(
        tmp_path / "wavelets.zarr", WaveletSet(n=first.size), **columns
    )
    examples = evaluations.open_examples(path)
    found = planted_classes(
        PlantedTruth(tmp_path / "scene" / "truth.zarr"), examples, np.arange(len(examples))
    )
    assert (found[: len(onsets)] == EARTHQUAKE).all()
    ratio = [node_waveform(scene, k, 0, scene.n_samples).amplitude_ratio for k in range(2)]
    for index in range(len(onsets), len(examples)):
        own = ratio[stations.index(examples.station[index])][first[index] : first[index] + 4]
        expected = LEFT_OUT
        if (own >= 0.5).any():
            expected = NOT_RANDOM_NOISE
        elif (own < 0.05).all():
            expected = RANDOM_NOISE
        assert found[index] == expected
    assert set(np.unique(found)) == {EARTHQUAKE, RANDOM_NOISE, NOT_RANDOM_NOISE, LEFT_OUT}
