"""Where the waveforms of labels are found: as given, as recorded, after a move; or not."""

import json
import shutil
from pathlib import Path

import pytest
import report_products

from seisflow.archive.sources import find_waveforms
from seisflow.archive.store import read_product
from seisflow.errors import ConfigError


@pytest.fixture
def copies(plotted: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """The products, moved together to another folder."""
    for path in plotted:
        shutil.copytree(path, tmp_path / "moved" / path.name)
    return tuple(tmp_path / "moved" / path.name for path in plotted)


def test_the_recorded_path_is_found(plotted: tuple[Path, Path]) -> None:
    assert find_waveforms(plotted[0]) == plotted[1]


def test_products_moved_together_find_each_other(copies: tuple[Path, Path]) -> None:
    assert find_waveforms(copies[0]) == copies[1]


def test_labels_moved_alone_find_the_recorded_path(
    plotted: tuple[Path, Path], copies: tuple[Path, Path]
) -> None:
    shutil.rmtree(copies[1])
    assert find_waveforms(copies[0]) == plotted[1]


def test_the_path_given_goes_first(plotted: tuple[Path, Path], copies: tuple[Path, Path]) -> None:
    assert find_waveforms(plotted[0], copies[1]) == copies[1]


def test_another_product_is_refused(plotted: tuple[Path, Path], tmp_path: Path) -> None:
    other = report_products.waveforms(tmp_path, seed=1)
    asked, found = (read_product(p).identity for p in (plotted[1], other))
    with pytest.raises(ConfigError) as caught:
        find_waveforms(plotted[0], other)
    for said in (
        asked.key,
        f"{other} is WAVEFORMS with identity {found.key}",
        "or make labels.zarr anew",
    ):
        assert said in str(caught.value)
    assert "--waveforms" not in str(caught.value)  # the option that was given
    with pytest.raises(ConfigError, match="is a LABELS product; a WAVEFORMS product is needed"):
        find_waveforms(plotted[0], plotted[0])


def test_a_path_that_leads_nowhere_is_said(plotted: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"{tmp_path}/no.zarr does not exist"):
        find_waveforms(plotted[0], tmp_path / "no.zarr")


@pytest.mark.parametrize("content", [None, "{", "[]", '{"waveforms": 1}'])
def test_labels_that_do_not_say_are_asked_about(
    content: str | None, copies: tuple[Path, Path]
) -> None:
    file = copies[0] / "_seisflow" / "sources.json"
    file.unlink()
    if content:
        file.write_text(content)
    with pytest.raises(ConfigError, match=r"where they were is not recorded in it; .* --waveforms"):
        find_waveforms(copies[0])


def test_the_path_is_no_part_of_the_identity(plotted: tuple[Path, Path], tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.zarr"
    shutil.copytree(plotted[1], elsewhere)
    labels = report_products.label(elsewhere, tmp_path / "labels.zarr")
    assert read_product(labels).identity.key == read_product(plotted[0]).identity.key
    kept = json.loads((labels / "_seisflow" / "sources.json").read_text())
    assert kept == {"waveforms": str(elsewhere), "relative": "elsewhere.zarr"}
