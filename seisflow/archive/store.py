"""Making, writing and reading the Zarr group of a product.

Invariants: a product appears under its name all at once (made aside, then renamed; in an object
store sent file by file, what makes it a product last); tasks write whole shards only, so that two
tasks never touch one file.
"""

import errno
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import zarr
from upath import UPath
from zarr.abc.buffer import Buffer
from zarr.buffer import default_buffer_prototype
from zarr.codecs import BloscCodec, BloscShuffle
from zarr.errors import ZarrUserWarning
from zarr.storage import FsspecStore, MemoryStore

from seisflow.archive.products import ArraySpec, Product
from seisflow.archive.publishing import HIDDEN, appearing, product_stands, refuse_unfit
from seisflow.archive.row_store import RowStore
from seisflow.core.files import AnyPath, any_path, is_local, is_store_trouble, remove_file
from seisflow.errors import ConfigError, DataError, StorageError

__all__ = [
    "HIDDEN",
    "consolidate",
    "create_product",
    "read_product",
    "storage_errors",
    "write_array",
    "write_shards",
]

_REFUSALS = {
    errno.ENOTDIR,
    errno.EEXIST,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.EFBIG,
}


@contextmanager
def storage_errors(path: str | AnyPath) -> Iterator[None]:
    """Turn a refusal of the disk into `StorageError` that says where and what to do."""
    try:
        yield
    except OSError as error:
        if error.errno not in _REFUSALS:
            raise
        raise StorageError(
            f"cannot write to {path}: {os.strerror(error.errno)}; make room or choose another "
            "place; what was written before stays valid, and the same command goes on from there"
        ) from error


def as_usual() -> AbstractContextManager[object]:
    """Return a context in which zarr writes as it does by default, whatever its user configured."""
    usual = {"array.order": "C", "array.write_empty_chunks": False, "json_indent": 2}
    context: AbstractContextManager[object] = zarr.config.set(usual)
    return context


def _codec(spec: ArraySpec) -> list[BloscCodec] | None:
    size = np.dtype(spec.dtype).itemsize if spec.dtype != "str" else 1
    shuffle = BloscShuffle.bitshuffle if size > 1 else BloscShuffle.shuffle
    return [BloscCodec(cname="zstd", clevel=1, shuffle=shuffle, typesize=size)]


def add_array(group: zarr.Group, spec: ArraySpec) -> None:
    """Create one array, replacing an array of that name."""
    array = group.create_array(
        spec.name,
        shape=spec.shape,
        dtype=str if spec.dtype == "str" else spec.dtype,
        chunks=spec.chunks or tuple(max(1, n) for n in spec.shape),
        shards=spec.shards,
        fill_value=spec.fill,
        dimension_names=spec.dims,
        attributes=dict(spec.attrs),
        compressors=None if spec.dtype == "str" else _codec(spec),
        overwrite=True,
    )
    if spec.values is not None and all(spec.shape):
        array[...] = spec.values


def root_attributes(product: Product, title: str) -> dict[str, Any]:
    """Return the attributes of the group of a product."""
    return {
        "Conventions": "CF-1.11",
        "title": title,
        "coordinates": "longitude latitude elevation",
        "seisflow": product.to_attrs(),
    }


def create_product(
    path: AnyPath,
    product: Product,
    arrays: Sequence[ArraySpec],
    title: str,
    documents: Mapping[str, Any],
) -> None:
    """Make an empty product with all metadata and coordinates, in one step for other readers.

    Parameters
    ----------
    path : Path
        Where it will stand; nothing may be there.
    product : Product
        What it is.
    arrays : sequence of ArraySpec
        All arrays, coordinates with their values.
    title : str
        What a reader sees first.
    documents : mapping
        JSON content by file name, kept beside the receipts (plan, inputs).

    Raises
    ------
    ConfigError
        Something already stands at `path`.
    StorageError
        The place cannot be written.
    """
    refuse_unfit(path)
    if product_stands(path):
        raise ConfigError(f"{path} exists already; choose another name")
    with storage_errors(path), as_usual(), appearing(path) as aside:
        group = zarr.create_group(aside, zarr_format=3, attributes=root_attributes(product, title))
        for spec in arrays:
            add_array(group, spec)
        (aside / HIDDEN / "receipts").mkdir(parents=True)
        for name, content in documents.items():
            (aside / HIDDEN / name).write_text(json.dumps(content))
        consolidate(aside)


def read_product(path: str | AnyPath, expected: str | None = None) -> Product:
    """Read what a product is.

    Parameters
    ----------
    path : path
        The product.
    expected : str, optional
        The kind of product wanted, for example ``WAVEFORMS``.

    Raises
    ------
    ConfigError
        There is nothing at `path`, or it is another kind of product.
    DataError
        It is no product of seisflow, or one in another layout.
    """
    path = any_path(path)
    try:
        is_there = product_stands(path)
        attrs = open_group(path).attrs.asdict() if is_there else {}
    except (FileNotFoundError, ValueError, KeyError, OSError) as error:
        if is_store_trouble(error):
            raise
        raise DataError(
            f"{path} is not a Zarr group ({error}); give a product of seisflow"
        ) from error
    if not is_there:
        raise ConfigError(f"{path} does not exist; give the path of a product made by seisflow")
    found = attrs.get("seisflow")
    if not isinstance(found, dict) or "identity" not in found:
        raise DataError(f"{path} is a Zarr group that seisflow did not make; give one that it made")
    product = Product.from_attrs(found, str(path))
    kind = product.identity.product
    if expected and kind != expected:
        raise ConfigError(f"{path} is a {kind} product; a {expected} product is needed here")
    return product


def _is_whole(start: int, stop: int, size: int, length: int) -> bool:
    return start % size == 0 and (stop % size == 0 or stop == length)


def write_shards(
    path: str | AnyPath, name: str, start: tuple[int, ...], values: npt.NDArray[np.generic]
) -> int:
    """Write whole shards of one array and flush them to the disk.

    Parameters
    ----------
    path : path
        The product.
    name : str
        The array.
    start : tuple of int
        Index of the first element along each of the leading dimensions; the others are whole.
    values : ndarray
        Whole shards, in the array's own type.

    Returns
    -------
    int
        Bytes on the disk afterwards.

    Raises
    ------
    DataError
        The slice is not made of whole shards; a part of a shard would erase its neighbours.
    StorageError
        The disk refused.
    """
    root, array = any_path(path) / name, open_array(path, name, mode="r+")
    first = start + (0,) * (array.ndim - len(start))
    stop = tuple(f + n for f, n in zip(first, values.shape, strict=True))
    shards = array.shards or array.chunks
    for axis, (f, s, size, n) in enumerate(zip(first, stop, shards, array.shape, strict=True)):
        if not _is_whole(f, s, size, n) or f < 0 or s > n:
            raise DataError(
                f"{name}[{f}:{s}] on axis {axis} is not whole shards of {size} in {n}; two tasks "
                "would write one file and lose samples"
            )
    here = tuple(slice(f, s) for f, s in zip(first, stop, strict=True))
    files = list(_shard_files(first, stop, shards))
    with storage_errors(path):
        if not is_local(root):
            return _send_shards(root, files, array, here, values)
        array[here] = values
        return _flush(root, files)


def _shard_files(first: Sequence[int], stop: Sequence[int], shards: Sequence[int]) -> Iterator[str]:
    """Yield the names of shards, below their array."""
    ranges = [range(f // n, -(-s // n)) for f, s, n in zip(first, stop, shards, strict=True)]
    for index in np.ndindex(*[len(r) for r in ranges]):
        yield "/".join(["c", *(str(r[i]) for r, i in zip(ranges, index, strict=True))])


def _flush(root: Path, files: Sequence[str]) -> int:
    written = 0
    for file in files:
        with suppress(FileNotFoundError):  # shards with nothing but the fill value are not stored
            with (root / file).open("rb") as handle:
                os.fsync(handle.fileno())
            written += (root / file).stat().st_size
    return written


def _send_shards(
    root: UPath, files: Sequence[str], array: zarr.Array[Any], here: Any, values: Any
) -> int:
    """Write shards in memory and send them whole: zarr fetches each before it replaces it."""
    with as_usual():
        held = array.metadata.to_buffer_dict(default_buffer_prototype())
        zarr.open_array(MemoryStore(held), mode="r+", zarr_format=3)[here] = values
    contents = {file: held[file].to_bytes() for file in files if file in held}
    root.fs.pipe({(root / file).path: content for file, content in contents.items()})
    for file in set(files) - set(contents):  # nothing but the fill value
        remove_file(root / file)
    return sum(map(len, contents.values()))


def open_array(path: str | AnyPath, name: str, mode: Any = "r") -> zarr.Array[Any]:
    """Open one array of a product."""
    with as_usual():
        array = zarr.open_array(zarr_store(any_path(path) / name), mode=mode, zarr_format=3)
    assert isinstance(array, zarr.Array)
    return array


def open_group(path: str | AnyPath, mode: Any = "r") -> zarr.Group:
    """Open the group of a product."""
    return zarr.open_group(zarr_store(path), mode=mode, zarr_format=3)


def write_array(path: str | AnyPath, spec: ArraySpec) -> None:
    """Create an array with its values in a product that exists (written by finish alone)."""
    path = any_path(path)
    with storage_errors(path), as_usual():
        if is_local(path):
            add_array(open_group(path, mode="r+"), spec)
        else:
            _send_array(path, spec)


def _send_array(path: UPath, spec: ArraySpec) -> None:
    """Make an array in memory and send it whole: in a store zarr asks ten times for each."""
    held: dict[str, Buffer] = {}
    add_array(zarr.create_group(MemoryStore(held), zarr_format=3), spec)
    old = set(path.fs.find((path / spec.name).path))
    new = {
        (path / key).path: content.to_bytes()
        for key, content in held.items()
        if key.startswith(f"{spec.name}/")
    }
    path.fs.pipe(new)
    for name in old - set(new):
        remove_file(path / name.removeprefix(f"{path.path}/"))


def consolidate(path: str | AnyPath) -> None:
    """Gather all metadata in the root, so that opening a product is one read."""
    with storage_errors(path):
        consolidate_store(zarr_store(path))


def consolidate_store(store: Path | FsspecStore | MemoryStore) -> None:
    """Gather all metadata in the root of a store."""
    with warnings.catch_warnings():
        # our own folder beside the arrays, and consolidated metadata in format 3, are known
        warnings.simplefilter("ignore", ZarrUserWarning)
        with as_usual():
            zarr.consolidate_metadata(store)


def zarr_store(path: str | AnyPath) -> Path | FsspecStore:
    """Return what zarr opens for a path."""
    path = any_path(path)
    return path if is_local(path) else RowStore.from_url(str(path), dict(path.storage_options))


def sweep_partial(product: AnyPath) -> None:
    """Remove what killed writers of a product left in it; only called when no task is running."""
    if not is_local(product):  # nothing appears there before it is whole
        return
    for file in product.rglob("*.partial"):
        if file.is_file():
            file.unlink(missing_ok=True)
