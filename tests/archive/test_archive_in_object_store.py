"""Products in an object store: what is half made is no product, and nothing of others is lost."""

from collections.abc import Iterator

import pytest
from object_store import BUCKET, start_store
from upath import UPath

from seisflow.archive import store
from seisflow.archive.products import ArraySpec, Identity, Product
from seisflow.archive.receipts import Receipt, read_receipts, write_receipt
from seisflow.archive.store import create_product, product_stands, read_product, write_shards
from seisflow.core.files import any_path, is_store_trouble, path_from, read_folder, relative_path
from seisflow.core.grid import HOUR_NS, Span
from seisflow.errors import ConfigError, DataError
from seisflow.formats.listing import list_files

ARRAYS = (
    ArraySpec("coverage", ("station", "second"), (2, 3600), "float32", 0.0, (1, 60), (1, 3600)),
)


@pytest.fixture(scope="module", autouse=True)
def _object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with start_store(tmp_path_factory.mktemp("store"), with_faults=False):
        yield


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> UPath:
    """A folder of the test alone."""
    path = any_path(f"s3://{BUCKET}/{request.node.name}")
    assert isinstance(path, UPath)
    return path


def product(**config: object) -> Product:
    identity = Identity("WAVEFORMS", "ingest", config, {}, 1)
    return Product(identity, Span(0, HOUR_NS), 1, 3600, 1)  # type: ignore[arg-type]


def make(path: UPath, **config: object) -> None:
    create_product(path, product(**config), ARRAYS, "a product", {"plan.json": {}})


def break_after(monkeypatch: pytest.MonkeyPatch, path: UPath, n: int) -> None:
    """Let the n-th file that is sent be the last."""
    sent = iter(range(n))
    put = path.fs.put_file

    def put_file(*args: object) -> None:
        if next(sent, None) is None:
            raise KeyboardInterrupt
        put(*args)

    monkeypatch.setattr(path.fs, "put_file", put_file)


@pytest.mark.parametrize("n_sent", [0, 1])
def test_a_creation_that_was_killed_leaves_nothing_that_stands(
    folder: UPath, monkeypatch: pytest.MonkeyPatch, n_sent: int
) -> None:
    path = folder / "w.zarr"
    with monkeypatch.context() as patch:
        break_after(patch, path, n_sent)
        with pytest.raises(KeyboardInterrupt):
            make(path, rate=1)
    assert path.exists()
    assert not product_stands(path)
    with pytest.raises(ConfigError, match="does not exist"):
        read_product(path)
    make(path, rate=2)
    assert read_product(path).identity.config == {"rate": 2}
    assert not (path / store.HIDDEN / store.BEGUN).exists()
    with pytest.raises(ConfigError, match="exists already"):
        make(path, rate=2)


def test_a_product_begun_by_another_command_meanwhile_is_kept(
    folder: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "w.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(store, "product_stands", lambda path: False)
        make(path, rate=1)
        make(path, rate=1)  # as if the answer to the first call had been lost
        with pytest.raises(ConfigError, match="begun by another command"):
            make(path, rate=2)
    assert read_product(path).identity.config == {"rate": 1}


def test_what_others_put_there_is_neither_a_product_nor_overwritten(folder: UPath) -> None:
    campaign = folder / "products"
    make(campaign / "w.zarr")
    (campaign / store.HIDDEN / "done.json").write_text("{}")
    assert product_stands(campaign)
    with pytest.raises(ConfigError, match="exists already"):
        make(campaign)
    with pytest.raises(DataError, match="is not a Zarr group"):
        read_product(campaign)
    assert product_stands(campaign / "w.zarr")


def test_whole_shards_and_receipts_are_read_as_they_were_written(folder: UPath) -> None:
    path = folder / "w.zarr"
    make(path)
    key = read_product(path).identity.key
    array = store.open_array(path, "coverage")
    written = array[0:1, :] + 1
    assert write_shards(path, "coverage", (1, 0), written) > 0
    with pytest.raises(DataError, match="whole shards"):
        write_shards(path, "coverage", (1, 0), written[:, :60])
    assert (array[1] == 1).all()
    assert (array[0] == 0).all()
    for number in range(3):
        write_receipt(path, key, Receipt(f"task {number}"), detail=number)
    (path / store.HIDDEN / "receipts" / "damaged.json").write_bytes(b'{"key": \xff')
    found = read_receipts(path, key)
    assert {name: detail for name, (_, detail) in found.items()} == {
        "task 0": 0,
        "task 1": 1,
        "task 2": 2,
    }


def test_a_store_that_does_not_answer_is_not_an_empty_one(
    folder: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "receipts" / "a.json").write_text("{}")
    monkeypatch.setattr(
        folder.fs, "cat_ranges", lambda names, *_, on_error: [PermissionError(13) for _ in names]
    )
    with pytest.raises(PermissionError):
        read_folder(folder / "receipts", ".json")
    missing = any_path("s3://no-such-bucket/x")
    assert not missing.exists()
    with pytest.raises(FileNotFoundError) as caught:
        missing.fs.pipe_file(missing.path, b"x")
    assert is_store_trouble(caught.value)
    assert not is_store_trouble(FileNotFoundError(2, "of a disk"))


def test_raw_files_are_listed_without_products_and_hidden_ones(folder: UPath) -> None:
    for name in ("a.mseed", "b/c.mseed", "b/.hidden/d.mseed", ".e.mseed", "p.zarr/zarr.json"):
        (folder / "raw" / name).write_bytes(b"x")
    (folder / "raw" / "p.zarr" / "c" / "0").write_bytes(b"x")
    raw = folder / "raw"
    assert [str(p) for p in list_files([str(raw)])] == [f"{raw}/a.mseed", f"{raw}/b/c.mseed"]
    assert list_files([f"{raw}/*/*.mseed"]) == [raw / "b" / "c.mseed"]
    assert list_files([f"{raw}/a.mseed"]) == [raw / "a.mseed"]
    with pytest.raises(ConfigError, match="matches no file"):
        list_files([f"{raw}/*.sac"])
    with pytest.raises(ConfigError, match="does not exist"):
        list_files([f"{raw}/none"])


def test_paths_count_from_a_folder_there_as_on_a_disk(folder: UPath) -> None:
    assert path_from(folder, ".") == folder
    assert path_from(folder / "a", "../b") == folder / "b"
    assert path_from(folder, "s3://other/x") == any_path("s3://other/x")
    assert relative_path(folder / "a", folder / "b" / "c") == "../../a"
    with pytest.raises(ValueError, match="cannot be used"):
        any_path("nowhere://bucket/x")
