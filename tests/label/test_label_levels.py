"""``seisflow label --alpha-rn --alpha-nrn`` of `calibrated`, the default: passed on, or refused."""

from pathlib import Path

import pytest
from label_products import RATE, record
from programs import Cluster, Launcher
from small_archive import waveforms

from seisflow.archive.store import read_product


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = {"XX.A..HHZ": [("2020-01-01T10:00", record(200))]}
    assert RATE == 20
    return waveforms(tmp_path_factory.mktemp("levels"), runs)


def test_levels_are_passed_on(
    source: Path, tmp_path: Path, launcher: Launcher, cluster: Cluster
) -> None:
    options = ("--alpha-rn", "0.3", "--alpha-nrn", "0.002")
    options += ("--cluster", cluster.address)
    ended = launcher.run("label", source, tmp_path / "l.zarr", *options)
    assert ended.code == 0, ended.err
    config = read_product(tmp_path / "l.zarr", "LABELS").identity.config
    assert config["method"] == "calibrated"
    found = {name: config["parameters"][name] for name in ("alpha_rn", "alpha_nrn", "seed")}
    assert found == {"alpha_rn": 0.3, "alpha_nrn": 0.002, "seed": 1}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ["--method", "reference", "--alpha-rn", "0.2"],
            "error: method reference has no alpha_rn; allowed",
        ),
        (["--method", "calibrated", "--alpha-rn", "2"], "alpha_rn = 2.0 (must be between 0 and 1)"),
        (
            ["--method", "calibrated", "--alpha-nrn", "0.2"],
            "alpha_rn = 0.1 (must be above alpha_nr",
        ),
        (["--method", "calibrate"], "'calibrated' or 'reference'"),
    ],
)
def test_levels_that_do_not_fit_are_refused(
    options: list[str], said: str, source: Path, tmp_path: Path, launcher: Launcher
) -> None:
    ended = launcher.run("label", source, tmp_path / "l.zarr", *options)
    assert ended.code == 2
    assert said in " ".join(ended.err.split())
    assert "Traceback" not in ended.err
    assert list(tmp_path.iterdir()) == []
