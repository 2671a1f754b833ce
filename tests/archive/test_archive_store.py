"""A product appears whole, is written in whole shards, and is told from everything else."""

import errno
import shutil
from pathlib import Path

import numpy as np
import pytest
import zarr
from small_products import STATIONS, arrays, create, identity, product, ramp

from seisflow.archive import store
from seisflow.archive.products import FORMAT_VERSIONS
from seisflow.archive.publishing import sweep_aside
from seisflow.archive.reading import read_slice, station_names
from seisflow.archive.store import (
    create_product,
    read_product,
    sweep_partial,
    write_shards,
)
from seisflow.errors import ConfigError, DataError, IncompleteError, StorageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "p.zarr"
    create(path)
    return path


def test_a_product_says_what_it_is(path: Path) -> None:
    assert read_product(path) == product()
    assert read_product(path, "LABELS").identity.key == identity().key
    assert station_names(path) == STATIONS


@pytest.mark.parametrize("step", ["add_array", "consolidate"])
def test_a_product_appears_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    real, seen = getattr(store, step), []

    def fail(*args: object) -> None:
        seen.append(args)
        assert not (tmp_path / "p.zarr").exists(), "visible before it is whole"
        if step == "consolidate" or len(seen) == 3:
            raise RuntimeError("in the middle")
        real(*args)

    monkeypatch.setattr(store, step, fail)
    with pytest.raises(RuntimeError, match="in the middle"):
        create(tmp_path / "p.zarr")
    assert seen
    assert list(tmp_path.iterdir()) == []


def test_what_stands_there_is_never_overwritten(path: Path) -> None:
    before = sorted(p.stat().st_mtime_ns for p in path.rglob("*"))
    with pytest.raises(ConfigError, match="exists already"):
        create(path)
    assert sorted(p.stat().st_mtime_ns for p in path.rglob("*")) == before
    assert [p.name for p in path.parent.iterdir()] == ["p.zarr"]


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EACCES])
def test_a_place_that_refuses_is_a_storage_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(code, "no")

    monkeypatch.setattr(store, "add_array", refuse)
    with pytest.raises(StorageError, match=r"p\.zarr: .*make room or choose another") as caught:
        create(tmp_path / "p.zarr")
    assert isinstance(caught.value, OSError)
    assert isinstance(caught.value, IncompleteError)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_while_writing_shards(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shards(path, "label", (0, 0), ramp((2, 3600), "uint8"))

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "no")

    with monkeypatch.context() as patch:
        patch.setattr(zarr.Array, "__setitem__", refuse)
        with pytest.raises(StorageError, match="No space left"):
            write_shards(path, "label", (0, 3600), ramp((2, 3600), "uint8"))
    with monkeypatch.context() as patch:
        patch.setattr(store.os, "fsync", refuse)
        with pytest.raises(StorageError, match="No space left"):
            write_shards(path, "label", (0, 3600), ramp((2, 3600), "uint8"))
    np.testing.assert_array_equal(
        read_slice(path, "label", 1, 0, 3600), ramp((7200,), "uint8")[3600:]
    )


def test_other_errors_of_the_system_stay_what_they_are(path: Path) -> None:
    with pytest.raises(OSError, match="broken") as caught, store.storage_errors(path):
        raise OSError(errno.EIO, "broken")
    assert not isinstance(caught.value, StorageError)


WHOLE = [
    ("waveform", (1, 7200), (1, 7200)),
    ("waveform", (0, 0), (3, 14400)),
    ("label", (0, 0), (2, 3600)),
    ("label", (2, 3600), (1, 3600)),
    ("spectrum", (0, 1), (2, 1, 4)),
    ("spectrum", (2,), (1, 2, 4)),
]
NOT_WHOLE = [
    ("waveform", (1, 0), (1, 7199), "axis 1"),
    ("waveform", (1, 1200), (1, 7200), "axis 1"),
    ("waveform", (1, 7200), (1, 14400), "axis 1"),
    ("label", (1, 0), (2, 3600), "axis 0"),
    ("label", (0, 0), (1, 3600), "axis 0"),
    ("label", (0, 1800), (2, 1800), "axis 1"),
    ("label", (2, 0), (2, 3600), "axis 0"),
    ("label", (-2, 0), (2, 3600), "axis 0"),
    ("spectrum", (0, 0), (2, 1, 3), "axis 2"),
    ("spectrum", (0, 0, 1), (2, 1, 3), "axis 2"),
    ("spectrum", (0, 0), (2, 3, 4), "axis 1"),
]


@pytest.mark.parametrize(("name", "start", "shape"), WHOLE)
def test_whole_shards_are_written_and_counted(
    path: Path, name: str, start: tuple[int, ...], shape: tuple[int, ...]
) -> None:
    values = ramp(shape, str(zarr.open_array(path / name).dtype))
    written = write_shards(path, name, start, values)
    first = start + (0,) * (len(shape) - len(start))
    where = tuple(slice(f, f + n) for f, n in zip(first, shape, strict=True))
    np.testing.assert_array_equal(zarr.open_array(path / name)[where], values)
    files = [f for f in (path / name / "c").rglob("*") if f.is_file()]
    assert written == sum(f.stat().st_size for f in files) > 0


@pytest.mark.parametrize(("name", "start", "shape", "axis"), NOT_WHOLE)
def test_anything_but_whole_shards_is_refused(
    path: Path, name: str, start: tuple[int, ...], shape: tuple[int, ...], axis: str
) -> None:
    values = ramp(shape, str(zarr.open_array(path / name).dtype))
    with pytest.raises(DataError, match=rf"{name}.* on {axis} is not whole shards"):
        write_shards(path, name, start, values)
    assert not (path / name / "c").exists()


def test_a_shard_of_nothing_but_fill_replaces_what_was_there(path: Path) -> None:
    write_shards(path, "label", (0, 0), ramp((2, 3600), "uint8"))
    assert write_shards(path, "label", (0, 0), np.full((2, 3600), 255, "uint8")) == 0
    assert (read_slice(path, "label", 0, 0, 3600) == 255).all()


def test_leftovers_of_killed_writers_are_swept(path: Path) -> None:
    for folder in ("label", "_seisflow/receipts"):
        (path / folder / "x.json.1234.partial").touch()
    files = sorted(p for p in path.rglob("*") if p.suffix != ".partial")
    beside = path.parent / "thesis.partial"
    beside.touch()
    sweep_partial(path)
    assert sorted(path.rglob("*")) == files
    assert beside.exists()


def test_what_a_killed_command_began_is_swept_by_the_next(tmp_path: Path) -> None:
    begun = tmp_path / ".w.zarr.0123abcd.partial"
    (begun / "label").mkdir(parents=True)
    other = tmp_path / ".other.zarr.0123abcd.partial"
    other.mkdir()
    sweep_aside(tmp_path / "w.zarr")
    assert not begun.exists()
    assert other.exists()


def make_nothing(path: Path) -> None:
    del path


def make_file(path: Path) -> None:
    path.write_text("text")


def make_folder(path: Path) -> None:
    path.mkdir()


def make_group(path: Path) -> None:
    zarr.create_group(path, attributes={"seisflow": "yes"})


def make_other_dictionary(path: Path) -> None:
    zarr.create_group(path, attributes={"seisflow": {"version": 1}})


def make_array(path: Path) -> None:
    zarr.create_array(path, shape=(3,), dtype="int32")


def make_other_layout(path: Path) -> None:
    create(path, product(format_version=99))


def make_unknown_kind(path: Path) -> None:
    create(path, product(product="SPECTRA"))


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (make_nothing, ConfigError, "does not exist; give the path of a product"),
        (make_file, DataError, "is not a Zarr group"),
        (make_folder, DataError, "is not a Zarr group"),
        (make_array, DataError, "is not a Zarr group"),
        (make_group, DataError, "a Zarr group that seisflow did not make"),
        (make_other_dictionary, DataError, "a Zarr group that seisflow did not make"),
        (make_other_layout, DataError, "in layout 99; this version reads layout 2"),
        (make_unknown_kind, DataError, "SPECTRA product"),
        (create, ConfigError, "is a LABELS product; a WAVEFORMS product is needed"),
    ],
)
def test_what_is_no_product_of_the_kind_wanted(tmp_path, make, error, text) -> None:
    make(tmp_path / "p.zarr")
    with pytest.raises(error, match=text):
        read_product(tmp_path / "p.zarr", "WAVEFORMS")


def test_the_folder_above_is_made_and_nothing_else_left(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "p.zarr"
    of = product()
    create_product(path, of, arrays(of), "t", {})
    assert [p.name for p in path.parent.iterdir()] == ["p.zarr"]
    shutil.rmtree(path)


def test_the_changelog_names_every_layout() -> None:
    text = (Path(__file__).parents[2] / "CHANGELOG.md").read_text()
    for name, version in FORMAT_VERSIONS.items():
        assert f"{name} {version}" in text
