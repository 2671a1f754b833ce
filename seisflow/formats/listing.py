"""Which files an archive is made of: from file names, folders and globs to one sorted list."""

import glob
import os
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from fsspec.utils import glob_translate
from upath import UPath

from seisflow.core.files import AnyPath, is_local, path_from
from seisflow.errors import ConfigError

__all__ = ["counted_from", "list_files"]


def list_files(raw: Sequence[str]) -> list[AnyPath]:
    """List the files that arguments stand for.

    Parameters
    ----------
    raw : sequence of str
        Files, folders (all files below them) and globs such as ``data/**/*.mseed``. Hidden files
        and folders, and Zarr stores, are left out unless a file is named itself.

    Returns
    -------
    list of path
        Absolute, sorted, each file once.

    Raises
    ------
    ConfigError
        No arguments, or some stand for no file; all such arguments are named.
    """
    if not raw:
        raise ConfigError("no raw data given; name files, folders or globs")
    found: set[AnyPath] = set()
    complaints: list[str] = []
    for argument in raw:
        files = set(_matches(argument))
        if not files:
            complaints.append(_complaint(argument))
        found |= files
    if complaints:
        raise ConfigError("; ".join(complaints))
    return sorted(found, key=str)


def _matches(argument: str) -> Iterator[AnyPath]:
    """Yield the files one argument stands for."""
    path = path_from(Path.cwd(), argument)
    if not is_local(path):
        yield from _objects(path)
    elif _stands(path):
        yield from _files_below(path)
    elif glob.has_magic(argument):
        pattern = counted_from(Path.cwd(), argument)
        for name in glob.iglob(pattern, recursive=True):  # noqa: PTH207 - Path.glob: hidden files
            yield from _files_below(Path(name))


def _objects(path: UPath) -> Iterator[UPath]:
    """Yield the objects that a URL names or matches, and all below them that are not hidden."""
    start, matches = path.path, None
    keys = [] if glob.has_magic(start.partition("/")[0]) else _keys(path, start)
    if not keys and glob.has_magic(start):
        matches = re.compile(glob_translate(start) + "(/.*)?")
        start = re.split(r"[*?[]", start)[0].rpartition("/")[0]
        if not start:
            raise ConfigError(f"glob '{path}' is in the name of a bucket; name the bucket")
        keys = _keys(path, start)
    products = {key.removesuffix("/zarr.json") for key in keys if key.endswith("/zarr.json")}
    for key in keys:
        is_hidden = "/." in key.removeprefix(start)
        in_product = not products.isdisjoint(_folders(key))
        if not is_hidden and not in_product and (not matches or matches.match(key)):
            yield path.with_segments(f"{path.protocol}://{key}")


def _folders(key: str) -> Iterator[str]:
    """Yield all folders above an object."""
    while key:
        key = key.rpartition("/")[0]
        yield key


def _keys(path: UPath, start: str) -> list[str]:
    """List all below a folder; a folder that a console made is an object of no bytes itself."""
    found = path.fs.find(start, detail=True)
    folders = {key.rpartition("/")[0] for key in found}
    return [
        key
        for key, about in found.items()
        if not (about["size"] == 0 and (key in folders or about.get("Key", "").endswith("/")))
    ]


def counted_from(folder: AnyPath, argument: str) -> str:
    """Return an argument of `list_files` that counts from a folder, which is no part of a glob."""
    path = path_from(folder, argument)
    if is_local(path) and glob.has_magic(argument) and not _stands(path):
        path = path_from(Path(glob.escape(str(folder))), argument)
    return str(path)


def _files_below(path: Path) -> Iterator[Path]:
    """Yield a file itself, or all files below a folder that are not hidden; links are followed."""
    if not path.is_dir():
        yield path
        return
    seen: set[str] = set()
    closed: list[Path] = []
    for folder, below, files in os.walk(path, onerror=_note_in(closed), followlinks=True):
        real = os.path.realpath(folder)
        if real in seen:  # a link that leads back up
            below.clear()
            continue
        seen.add(real)
        if "zarr.json" in files:  # a product, ours or another's, is no raw data
            below.clear()
            continue
        below[:] = [name for name in below if not name.startswith(".")]
        yield from (Path(folder, name) for name in files if not name.startswith("."))
    yield from closed  # the scan says of each by name that it cannot be opened


def _stands(path: Path) -> bool:
    """Tell whether something is there; what may not be looked at is, and the scan says why not."""
    try:
        return path.exists()
    except PermissionError:
        return True


def _note_in(closed: list[Path]) -> Callable[[OSError], None]:
    """Return what `os.walk` calls with the error of a folder it may not enter."""

    def note(error: OSError) -> None:
        closed.append(Path(error.filename))

    return note


def _complaint(argument: str) -> str:
    """Say why an argument stands for no file, and what to do."""
    path = path_from(Path.cwd(), argument)
    if path.is_dir():
        return f"folder {argument!r} holds no files (hidden ones are left out); check the path"
    if glob.has_magic(argument):
        return f"glob {argument!r} matches no file; quote it and use ** to search folders below"
    return f"{argument!r} does not exist; give a file, a folder or a glob"
