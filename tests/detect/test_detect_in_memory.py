"""`seisflow.detect_array`: the catalogue of the command from datasets and Streams."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from planted_array import Wave, make_array
from stages import made

import seisflow
from seisflow.errors import ConfigError, DataError, IncompleteError
from seisflow.memory import detecting
from seisflow.stages.detect.background import measure_background
from seisflow.stages.detect.config import DetectParameters
from seisflow.stages.detect.stage import Detect
from seisflow.stages.detect.triggers import Scores

WAVES = [
    Wave(100.35),
    Wave(299.98, 310.0, 2500.0),  # the border of two hours lies in its moveout
    Wave(400.5, pulse="glitch"),
    Wave(590.2, nodes=tuple(range(1, 12))),  # the record ends behind it
]
OPTIONS: dict[str, Any] = {"min_nodes": 8, "false_positive_rate": 0.001}


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("array")
    return make_array(folder, WAVES, start="2020-02-28T22:55", n_seconds=600)


def detect(array: tuple[Path, Path], output: Path, **options: Any) -> xr.Dataset:
    """Do what the command does; open it."""
    waveforms, scores = array
    asked = {"waveforms": waveforms, "scores": scores, "catalog": output, **OPTIONS, **options}
    return made(Detect(Detect.Config.build(asked))).open().load()


@pytest.fixture(scope="module")
def catalog(array: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> xr.Dataset:
    return detect(array, tmp_path_factory.mktemp("catalog") / "c")


@pytest.fixture(scope="module")
def held(array: tuple[Path, Path]) -> tuple[xr.Dataset, xr.Dataset]:
    """Scores and waveforms; the scores without the hours in which there is nothing."""
    waveforms, scores = (seisflow.open(path) for path in array)
    return scores.sel(second=slice("2020-02-28T22:55", "2020-02-28T23:04:59")), waveforms


def test_opened_products_give_the_catalogue_of_the_command(array, catalog: xr.Dataset) -> None:
    """Attributes and identity too: it is the same question."""
    waveforms, scores = (seisflow.open(path) for path in array)
    found = seisflow.detect_array(scores, waveforms, **OPTIONS)
    assert found.sizes["event"] == 3
    xr.testing.assert_identical(found, catalog)
    assert list(found.variables) == list(catalog.variables)


def test_parts_and_streams_give_the_same(held, catalog: xr.Dataset) -> None:
    scores, waveforms = held
    stream = seisflow.to_obspy(waveforms)
    assert len(stream) == 12
    for given in (waveforms, seisflow.from_obspy(stream), stream):
        found = seisflow.detect_array(scores, given, **OPTIONS)
        xr.testing.assert_identical(found.drop_attrs(deep=False), catalog.drop_attrs(deep=False))


def test_options_are_those_of_the_command(array, held, tmp_path: Path) -> None:
    scores, waveforms = held
    options = {"start": "2020-02-28T23", "moveout_s": 0.5, "threshold": 0.5, "passes": 1}
    options |= {"select": ("XX.N0*.*.*",), "min_cc": 0.2, "low_hz": 4.0}
    expected = detect(array, tmp_path / "c", **options)
    assert expected.sizes["event"] == 1
    found = seisflow.detect_array(scores, waveforms, **OPTIONS | options)
    xr.testing.assert_identical(found.drop_attrs(deep=False), expected.drop_attrs(deep=False))


def test_no_event_is_an_empty_catalogue(held) -> None:
    scores, waveforms = held
    quiet = scores.sel(second=slice("2020-02-28T22:57", "2020-02-28T22:58"))
    none = seisflow.detect_array(quiet, waveforms, **OPTIONS)
    assert none.sizes["event"] == none.sizes["pick"] == 0


def test_each_day_asks_for_its_own_nodes(held) -> None:
    """The UTC days that scores of two times 24 hours touch: three."""
    scores, waveforms = held
    start = np.datetime64("2020-02-27T22:30", "ns")
    second = start + np.arange(2 * 86_400) * np.timedelta64(1, "s")
    day = second.astype("datetime64[D]")
    rate = np.where(day == np.datetime64("2020-02-28"), 0.05, 0.002)
    reached = np.random.default_rng(1).random((12, second.size)) < rate
    probability = np.stack([reached, ~reached, 0 * reached], axis=2).astype(np.float32)
    dims = ("station", "second")
    noisy = xr.Dataset(
        {"probability": ((*dims, "class"), probability), "state": (dims, 0 * reached)},
        scores.drop_vars("second").coords | {"second": second},
        scores.attrs,
    )
    search = detecting._HeldSearch.of(DetectParameters.build(OPTIONS), noisy, waveforms)
    found = [search.needed_nodes(s) for s in (0, 7200, 7200 + 80_000, 7200 + 86_400)]
    for first, stop, nodes in ((0, 5400, found[0]), (5400, 91_800, found[1])):
        here = Scores(0, probability[:, first:stop, 0], np.ones((12, stop - first), bool))
        triggers = here.triggers(0.8)
        options = {"window_s": search.array.window_s, "per_day": 1.0, "min_nodes": 8}
        assert measure_background(triggers, here.usable, **options).nodes == nodes
    assert found[1] == found[2] > found[0]
    assert found[3] == 8


def test_hours_in_which_nothing_can_be_detected_are_said(held) -> None:
    scores, waveforms = held
    few = scores.load().copy()
    few["state"] = few.state.where(few.station.isin(few.station[:5]), 253)
    with pytest.warns(UserWarning, match=r"8 nodes are needed and 5 stations .*in 1 more hour$"):
        found = seisflow.detect_array(few, waveforms, **OPTIONS)
    assert found.sizes["event"] == 0
    bare = scores.drop_vars(["longitude", "latitude", "elevation"])
    with pytest.warns(UserWarning, match="12 of 12 stations have no coordinates"):
        found = seisflow.detect_array(bare, waveforms, moveout_s=1.0, **OPTIONS)
    assert np.isnan(found.back_azimuth_deg).all()
    with pytest.raises(ConfigError, match="largest moveout of the array is not known"):
        seisflow.detect_array(bare, waveforms, **OPTIONS)


def test_what_cannot_be_detected_is_refused(held) -> None:
    scores, waveforms = held

    def refused(error: type[Exception], said: str, *given: Any, **options: Any) -> None:
        with pytest.raises(error, match=said):
            seisflow.detect_array(*(given or held), **OPTIONS | options)

    refused(ConfigError, "min_node: no such option; did you mean 'min_nodes'", min_node=3)
    refused(ConfigError, "colour: no such option; allowed: ", colour=3)
    refused(ConfigError, "min_nodes: found 1", min_nodes=1)
    refused(
        ConfigError, "13 nodes in coincidence asked for, the dataset of scores has 12", min_nodes=13
    )
    refused(ConfigError, "nothing between 2021-01-01", start="2021-01-01")
    refused(
        ConfigError,
        r"0.0002 cannot be shown .* smallest rate is 0.0005",
        false_positive_rate=0.0002,
    )
    refused(ConfigError, "the model knows no threshold", scores.drop_attrs(), waveforms)
    refused(
        ConfigError,
        "stations of the scores without waveforms: XX.N00",
        scores,
        waveforms.isel(station=slice(1, None)),
    )
    refused(DataError, "no variable probability; found coverage", waveforms, waveforms)
    refused(DataError, "no variable waveform", scores, scores)
    refused(
        DataError, "do not follow each other", scores.isel(second=slice(None, None, 2)), waveforms
    )
    part = scores.load().copy()
    part["state"] = part.state.where(part.second > part.second[9], 255)
    refused(IncompleteError, "120 seconds of the scores failed or have not run", part, waveforms)
