"""Products in an object store: what is half made is no product, and nothing of others is lost."""

import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
from object_store import BUCKET, ObjectStore, fetch, start_store
from programs import differences
from small_products import create, ramp
from upath import UPath
from zarr.storage import FsspecStore

from seisflow.archive import publishing, store
from seisflow.archive.parts import PARTS, read_parts, write_part
from seisflow.archive.products import ArraySpec, Identity, Product
from seisflow.archive.publishing import HIDDEN, product_stands
from seisflow.archive.reading import read_column, read_slice
from seisflow.archive.receipts import Receipt, read_receipts, write_receipt
from seisflow.archive.store import (
    create_product,
    open_array,
    read_product,
    write_array,
    write_shards,
)
from seisflow.core.files import (
    any_path,
    is_store_trouble,
    path_from,
    read_folder,
    read_ranges,
    relative_path,
)
from seisflow.core.grid import HOUR_NS, Span
from seisflow.errors import ConfigError, DataError
from seisflow.formats.listing import list_files

NAN = float("nan")
ARRAYS = (
    ArraySpec("coverage", ("station", "second"), (2, 3600), "float32", 0.0, (1, 60), (1, 3600)),
)


@pytest.fixture(scope="module", autouse=True)
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with start_store(tmp_path_factory.mktemp("store"), with_faults=False) as started:
        yield started


@pytest.fixture
def folder(request: pytest.FixtureRequest) -> UPath:
    """A folder of the test alone."""
    path = any_path(f"s3://{BUCKET}/{request.node.originalname}-{uuid.uuid4().hex[:8]}")
    assert isinstance(path, UPath)
    return path


def product(**config: object) -> Product:
    identity = Identity("WAVEFORMS", "ingest", config, {}, 1)
    return Product(identity, Span(0, HOUR_NS), 1, 3600, 1)  # type: ignore[arg-type]


def make(path: UPath, elevation: float = NAN, **config: object) -> None:
    """Make a product; a coordinate that is NaN is not stored."""
    place = ArraySpec("elevation", ("station",), (2,), "float64", NAN, values=[elevation] * 2)
    create_product(path, product(**config), (*ARRAYS, place), "a product", {"plan.json": {}})


def break_after(monkeypatch: pytest.MonkeyPatch, path: UPath, n: int) -> None:
    """Let the n-th file that is sent be the last."""
    sent = iter(range(n))
    put = path.fs.put_file

    def put_file(*args: object) -> None:
        if next(sent, None) is None:
            raise KeyboardInterrupt
        put(*args)

    monkeypatch.setattr(path.fs, "put_file", put_file)


@pytest.mark.parametrize("n_sent", range(4))
def test_a_creation_that_was_killed_leaves_nothing_that_stands(
    folder: UPath, monkeypatch: pytest.MonkeyPatch, n_sent: int
) -> None:
    path = folder / "w.zarr"
    with monkeypatch.context() as patch:
        break_after(patch, path, n_sent)
        with pytest.raises(KeyboardInterrupt):
            make(path, elevation=300.0, rate=1)
    assert path.exists()
    assert not product_stands(path)
    with pytest.raises(ConfigError, match="does not exist"):
        read_product(path)
    monkeypatch.setattr(publishing.psutil, "pid_exists", lambda pid: False)
    make(path, rate=2)
    assert read_product(path).identity.config == {"rate": 2}
    assert np.isnan(read_column(path, "elevation")).all()
    assert not (path / publishing.HIDDEN / publishing.BEGUN).exists()
    with pytest.raises(ConfigError, match="exists already"):
        make(path, rate=2)


def test_a_product_begun_by_another_command_meanwhile_is_kept(
    folder: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "w.zarr"
    make(path, elevation=300.0, rate=1)
    with monkeypatch.context() as patch:
        patch.setattr(store, "product_stands", lambda path: False)  # as it was a moment before
        with pytest.raises(ConfigError, match="begun by another command"):
            make(path, elevation=900.0, rate=2)
    assert read_product(path).identity.config == {"rate": 1}
    assert (read_column(path, "elevation") == 300).all()
    assert not (path / publishing.HIDDEN / publishing.BEGUN).exists()


def test_a_command_that_begins_a_product_is_waited_for(
    folder: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "w.zarr"
    claim = path / publishing.HIDDEN / publishing.BEGUN
    claim.write_text("another-host 1 token")
    begun = Thread(target=lambda: (time.sleep(1), make_root(path)))
    begun.start()
    with pytest.raises(ConfigError, match="begun by another command"):
        make(path)
    begun.join()
    (path / "zarr.json").unlink()
    monkeypatch.setattr(publishing, "CLAIM_S", 1.0)  # and then it is taken for dead
    make(path, rate=2)
    assert read_product(path).identity.config == {"rate": 2}


def make_root(path: UPath) -> None:
    (path / "zarr.json").write_text("{}")


def test_a_claim_that_was_taken_over_ends_the_first_command(
    folder: UPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = folder / "w.zarr"
    put = path.fs.put_file

    def put_file(*args: object) -> None:
        put(*args)
        (path / publishing.HIDDEN / publishing.BEGUN).write_text("another-host 1 token")

    monkeypatch.setattr(path.fs, "put_file", put_file)
    with pytest.raises(ConfigError, match="begun by another command"):
        make(path)
    assert not product_stands(path)


@pytest.mark.parametrize("name", ["", "run[1]/w.zarr", "w*.zarr", "w?.zarr"])
def test_a_bucket_and_a_glob_are_no_products(name: str, tmp_path: Path) -> None:
    """The folder for what is sent must not be that of all temporary files."""
    tempfile.tempdir, before = str(tmp_path), tempfile.tempdir
    (tmp_path / "canary").write_text("alive")
    try:
        with pytest.raises(ConfigError, match="a name below a bucket"):
            make(any_path(f"s3://no-such-bucket/{name}"))
        with pytest.raises(FileNotFoundError, match="bucket does not exist"):
            make(any_path("s3://no-such-bucket/w.zarr"))
    finally:
        tempfile.tempdir = before
    assert [file.name for file in tmp_path.iterdir()] == ["canary"]


def test_what_others_put_there_is_neither_a_product_nor_overwritten(folder: UPath) -> None:
    campaign = folder / "products"
    make(campaign / "w.zarr")
    (campaign / publishing.HIDDEN / "done.json").write_text("{}")
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
    (path / publishing.HIDDEN / "receipts" / "damaged.json").write_bytes(b'{"key": \xff')
    found = read_receipts(path, key)
    assert {name: detail for name, (_, detail) in found.items()} == {
        "task 0": 0,
        "task 1": 1,
        "task 2": 2,
    }


def asked_of_store(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the files that zarr asks for."""
    asked: list[str] = []
    get = FsspecStore.get

    async def counted(self: FsspecStore, key: str, *args: object) -> object:
        asked.append(key or "zarr.json")
        return await get(self, key, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(FsspecStore, "get", counted)
    return asked


def test_shards_and_arrays_are_those_of_a_disk_with_few_requests(
    folder: UPath, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, path = tmp_path / "disk.zarr", folder / "w.zarr"
    for place in (disk, path):
        create(place)  # type: ignore[arg-type]
    waveform, label = ramp((1, 14_400), "int32"), ramp((3, 3600), "uint8")
    half = waveform.copy()
    half[:, :7200] = -1  # its first shard is nothing but the fill value
    segments = [ArraySpec("segment", ("n",), (n,), "int64", 0, (2,), values=np.arange(n) + 1)
                for n in (5, 3)]  # fmt: skip
    sizes = []
    for place in (disk, path):
        written = [write_shards(place, "waveform", (row, 0), waveform) for row in (0, 1)]
        written += [write_shards(place, "waveform", (row, 0), half) for row in (1, 2)]
        written.append(write_shards(place, "label", (0, 3600), label))
        sizes.append(written)
        for spec in segments:
            write_array(place, spec)
    assert sizes[0] == sizes[1]
    assert sizes[0][1] > sizes[0][2] > 0
    assert differences(disk, fetch(path, tmp_path / "fetched")) == []
    asked = asked_of_store(monkeypatch)
    write_shards(path, "waveform", (0, 0), waveform)
    assert asked == ["zarr.json"]
    assert write_shards(path, "waveform", (0, 0), np.full_like(waveform, -1)) == 0
    assert (open_array(path, "waveform")[0] == -1).all()


@pytest.mark.parametrize("key", [None, "a key"])
def test_chunks_of_a_row_come_together(
    folder: UPath, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    path = folder / "w.zarr"
    create(path)  # type: ignore[arg-type]
    row = np.arange(14_400, dtype="int32")
    row[2000:5000] = -1  # with a chunk of nothing but the fill value
    write_shards(path, "waveform", (1, 0), row[None])
    rng = np.random.default_rng(0)
    bounds = [*np.sort(rng.integers(0, 14_401, (20, 2))).tolist(), [0, 14_400], [1200, 6000]]
    for start, stop in bounds:
        found = read_slice(path, "waveform", 1, start, stop, key=key)
        np.testing.assert_array_equal(found, row[start:stop])
    asked = asked_of_store(monkeypatch)
    read_slice(path, "waveform", 1, 1500, 6500, key=key)
    opened = [] if key else ["zarr.json"]
    assert asked == [*opened, "c/1/0", "c/1/0"]  # index, and the chunks
    write_shards(path, "waveform", (1, 0), row[None, ::-1].copy())
    for start, stop in ((1500, 6500), (3000, 12_000)):  # with an array that was opened before too
        found = read_slice(path, "waveform", 1, start, stop, key=key)
        np.testing.assert_array_equal(found, row[::-1][start:stop])
    assert (read_slice(path, "waveform", 0, 1000, 9000, key=key) == -1).all()
    assert read_slice(path, "label", 0, 1000, 3000, key=key).size == 2000  # shards of two rows


def test_a_store_that_does_not_answer_is_not_an_empty_one(
    folder: UPath, object_store: ObjectStore
) -> None:
    (folder / "receipts" / "a.json").write_text("{}")
    for refused in ("GET .*list-type", "GET .*a.json"):
        object_store.refuse(refused)
        with pytest.raises(PermissionError) as caught:
            read_folder(folder / "receipts", ".json")
        assert is_store_trouble(caught.value)
        if "list" in refused:
            for argument in (f"{folder}", f"{folder}/*/*.json"):
                with pytest.raises(PermissionError):
                    list_files([argument])
    object_store.refuse("")
    assert read_folder(folder / "receipts", ".json") == [b"{}"]
    assert read_folder(folder / "none", ".json") == []
    missing = any_path("s3://no-such-bucket/x")
    assert not missing.exists()
    with pytest.raises(FileNotFoundError) as caught:
        missing.fs.pipe_file(missing.path, b"x")
    assert is_store_trouble(caught.value)
    assert not is_store_trouble(FileNotFoundError(2, "of a disk"))


def test_raw_files_are_listed_without_products_and_hidden_ones(folder: UPath) -> None:
    for name in ("b/", "empty/", "deep/er/"):  # as consoles of stores make folders
        raw_key = f"{folder.path}/raw/{name}"
        folder.fs.call_s3("put_object", Bucket=BUCKET, Key=raw_key.partition("/")[2], Body=b"")
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
    with pytest.raises(ConfigError, match="in the name of a bucket"):
        list_files(["s3://camp*/raw"])


def test_paths_count_from_a_folder_there_as_on_a_disk(folder: UPath) -> None:
    assert path_from(folder, ".") == folder
    assert path_from(folder / "a", "../b") == folder / "b"
    assert path_from(folder, "s3://other/x") == any_path("s3://other/x")
    assert relative_path(folder / "a", folder / "b" / "c") == "../../a"
    assert path_from(folder, "/tmp/x") == Path("/tmp/x")
    assert any_path("file:///data/x") == Path("/data/x")
    assert any_path("S3://bucket/x") == any_path("s3://bucket/x")
    for url in ("nowhere://bucket/x", "s3://bucket/a::b"):
        with pytest.raises(ConfigError, match="cannot be used"):
            any_path(url)


def test_ranges_of_an_object_are_those_of_a_file(folder: UPath) -> None:
    content = np.random.default_rng(0).bytes(1 << 20)
    (folder / "all").write_bytes(content)
    size = len(content)
    wanted = [*((k, k + 512) for k in range(0, size, 100_000)), (5, 6), (size - 3, size + 9)]
    wanted.append((size + 5, size + 9))
    assert list(read_ranges(folder / "all", wanted)) == [content[a:b] for a, b in wanted]
    with pytest.raises(FileNotFoundError):
        next(read_ranges(folder / "none", wanted))


def test_parts_are_those_of_one_product_and_whole(folder: UPath, tmp_path: Path) -> None:
    for path in (folder, tmp_path):
        assert read_parts(path, "mine") == {}
        for key, content in (("mine", [1.5, "x"]), ("other", [2]), ("mine", [1.5, "x"])):
            n_bytes = write_part(path, key, "first hour", content)
        write_part(path, "mine", "second hour", [NAN])
        (path / HIDDEN / PARTS / "torn.json").write_text('{"key": "mine", "task": "third')
        found = read_parts(path, "mine")
        assert found.keys() == {"first hour", "second hour"}
        assert found["first hour"] == [1.5, "x"]
        assert np.isnan(found["second hour"][0])
        sizes = [len(text) for text in read_folder(path / HIDDEN / PARTS, ".json")]
        assert len(sizes) == 4
        assert n_bytes in sizes
