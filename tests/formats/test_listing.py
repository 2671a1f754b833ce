"""Arguments to files: sorted, once each, hidden ones left out, and no silent nothing."""

from pathlib import Path

import pytest

from seisflow.core.files import any_path
from seisflow.errors import ConfigError
from seisflow.formats.listing import list_files


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    for name in ("b/2.ms", "b/1.ms", "a.sac", "b/c/3.ms", ".hidden/4.ms", "b/.5.ms", "[odd].ms"):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(b"x")
    (tmp_path / "empty").mkdir()
    return tmp_path


def names(archive: Path, *raw: str) -> list[str]:
    files = list_files([str(archive / r) for r in raw])
    return [str(f.relative_to(archive)) for f in files]


def test_a_folder_is_searched_to_the_bottom(archive: Path) -> None:
    assert names(archive, ".") == ["[odd].ms", "a.sac", "b/1.ms", "b/2.ms", "b/c/3.ms"]


def test_files_folders_and_globs_join_without_repeats(archive: Path) -> None:
    assert names(archive, "b/1.ms", "b", "b/*.ms") == ["b/1.ms", "b/2.ms", "b/c/3.ms"]
    assert names(archive, "b/**/*.ms") == ["b/1.ms", "b/2.ms", "b/c/3.ms"]


def test_a_glob_may_name_folders(archive: Path) -> None:
    assert names(archive, "b*") == ["b/1.ms", "b/2.ms", "b/c/3.ms"]


def test_the_folder_one_stands_in_is_no_glob(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = archive / "b" / "[1]"
    folder.mkdir()
    (folder / "6.ms").touch()
    monkeypatch.chdir(folder)
    assert list_files(["*.ms"]) == [folder / "6.ms"]
    assert list_files([str(archive / "b" / "*.ms")]) == [archive / "b/1.ms", archive / "b/2.ms"]


def test_a_name_that_exists_is_not_a_glob(archive: Path) -> None:
    assert names(archive, "[odd].ms") == ["[odd].ms"]


def test_links_are_followed_but_not_in_circles(archive: Path) -> None:
    (archive / "b" / "up").symlink_to(archive / "b")
    (archive / "other").symlink_to(archive / "b" / "c")
    assert names(archive, "b") == ["b/1.ms", "b/2.ms", "b/c/3.ms"]
    assert names(archive, "other") == ["other/3.ms"]


def test_a_hidden_file_may_be_named(archive: Path) -> None:
    assert names(archive, "b/.5.ms") == ["b/.5.ms"]


@pytest.mark.parametrize(
    ("argument", "reason"),
    [("empty", "holds no files"), ("*.gse", "matches no file"), ("gone.ms", "does not exist")],
)
def test_nothing_found_is_an_error(archive: Path, argument: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as error:
        names(archive, "b", argument)
    assert argument in str(error.value)


def test_all_wrong_arguments_are_named(archive: Path) -> None:
    with pytest.raises(ConfigError, match=r"empty.*gone"):
        names(archive, "empty", "gone.ms")
    with pytest.raises(ConfigError, match="no raw data"):
        list_files([])


def test_zarr_stores_are_no_raw_data_and_paths_are_absolute(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = list_files([str(archive)])
    store = archive / "b" / "waveforms.zarr"
    (store / "waveform" / "c").mkdir(parents=True)
    for name in ("zarr.json", "waveform/zarr.json", "waveform/c/0"):
        (store / name).touch()
    monkeypatch.chdir(archive.parent)
    found = list_files([archive.name])
    assert found == before
    assert all(path.is_absolute() for path in found)


def test_what_lies_in_products_of_a_store_is_no_raw_data() -> None:
    kept = ["a/day.mseed", "w.zarrette/b.mseed", "zarr.json.d/c.mseed"]
    for name in [*kept, "w.zarr/zarr.json", "w.zarr/waveform/zarr.json", "w.zarr/waveform/c/0"]:
        any_path(f"memory://listed/{name}").write_bytes(b"x")
    assert [p.path for p in list_files(["memory://listed"])] == [f"/listed/{n}" for n in kept]
