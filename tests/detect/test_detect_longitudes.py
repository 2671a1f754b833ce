"""An array is the same array when all its longitudes are shifted, onto 180 degrees too."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import obspy
import pytest
import zarr
from hypothesis import given, settings
from longitudes import Shift, onto_180, shifts, turn
from planted_array import Wave, make_array
from stages import made

import seisflow
from seisflow.stages.detect.array import read_array
from seisflow.stages.detect.config import DetectParameters
from seisflow.stages.detect.stage import Detect

OPTIONS = {"min_nodes": 8, "false_positive_rate": 0.001}
LONGITUDE = -116.6
WAVES = [Wave(100.35, 60.0, 3000.0), Wave(200.2, 310.0, 2500.0, nodes=tuple(range(1, 12)))]
EXACT = ("event", "time", "n_nodes", "mean_cc", "stack_snr", "pick_time", "pick_station", "stack")


@pytest.fixture(scope="module")
def array(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    folder = tmp_path_factory.mktemp("array")
    return make_array(folder, WAVES, start="2020-02-28T22:30", n_seconds=400)


@pytest.fixture(scope="module")
def wanted(array, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any, Any]:
    return detect(array, tmp_path_factory.mktemp("wanted") / "catalog")


def shifted(array: tuple[Path, Path], folder: Path, shift: Shift) -> tuple[Path, Path]:
    """Copy the products and shift their stations, as a table in other degrees would."""
    found = tuple(Path(shutil.copytree(path, folder / path.name)) for path in array)
    for path in found:
        column = zarr.open_array(path / "longitude", mode="r+")
        column[:] = shift(np.asarray(column[:]))
    return found


def detect(array: tuple[Path, Path], output: Path) -> tuple[Any, Any, Any]:
    """Return the catalogue, the origin of its first event in QuakeML, and the array."""
    paths = {"waveforms": array[0], "scores": array[1], "catalog": output}
    made(Detect(Detect.Config.build({**paths, **OPTIONS})))
    (file,) = (output / "quakeml").iterdir()
    origin = obspy.read_events(file)[0].preferred_origin()
    return seisflow.open(output).load(), origin, read_array(DetectParameters.build(OPTIONS), *array)


def assert_shifted(array: tuple[Path, Path], wanted: tuple[Any, Any, Any], shift: Shift) -> None:
    with TemporaryDirectory() as folder:
        moved = shifted(array, Path(folder), shift)
        catalog, origin, found = detect(moved, Path(folder) / "catalog")
    assert catalog.sizes["event"] == len(WAVES)
    for name in EXACT:
        np.testing.assert_array_equal(catalog[name].values, wanted[0][name].values, err_msg=name)
    for name in ("back_azimuth_deg", "apparent_velocity_m_s", "plane_rms_s"):
        np.testing.assert_allclose(catalog[name], wanted[0][name], rtol=1e-6, err_msg=name)
    assert (catalog.longitude >= -180).all()
    assert (catalog.longitude < 180).all()
    assert turn(origin.longitude, wanted[1].longitude + shift.degrees) < 1e-9
    assert origin.latitude == wanted[1].latitude
    assert (found.window_s, found.min_cc) == (wanted[2].window_s, wanted[2].min_cc)
    assert found.moveout_s == pytest.approx(wanted[2].moveout_s, abs=1e-9)


@pytest.mark.slow
@settings(max_examples=5, deadline=None)
@given(shift=shifts(LONGITUDE))
def test_detections_are_the_same_when_all_longitudes_are_shifted(array, wanted, shift) -> None:
    assert_shifted(array, wanted, shift)


def test_an_array_on_both_sides_of_180_degrees(array, wanted) -> None:
    assert abs(wanted[1].longitude - LONGITUDE) < 1e-6
    assert_shifted(array, wanted, onto_180(LONGITUDE))
