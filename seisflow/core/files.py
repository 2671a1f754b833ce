"""Where files are: paths on a disk or in an object store, and files that appear whole.

A path is `pathlib.Path`, or `upath.UPath` for what is written as a URL (``s3://bucket/key``): the
same words do the same for both. Keys, endpoint and region come from where the store's own library
looks for them (for S3 the variables ``AWS_*`` and ``~/.aws``), never from an argument of ours.
"""

import os
import re
import tempfile
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import IO, Any, BinaryIO

from fsspec import get_filesystem_class
from typing_extensions import TypeIs
from upath import UPath

from seisflow.core.extras import needed_by
from seisflow.errors import ConfigError

__all__ = [
    "AnyPath",
    "any_path",
    "file_bytes",
    "is_local",
    "is_store_trouble",
    "open_to_read",
    "path_from",
    "read_folder",
    "read_ranges",
    "relative_path",
    "remove_file",
    "whole_file",
]

AnyPath = Path | UPath

_OPTIONS: dict[str, dict[str, Any]] = {
    "s3": {"max_concurrency": 1}  # else each file is asked for its size before it is read
}
_LIBRARIES = {"s3": "s3fs"}
"""Optional libraries, by the kind of URL that needs one."""
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.IGNORECASE)
_READ_AHEAD_BYTES = 1 << 20

_GAP_BYTES = 64 << 10
"""What lies between two ranges is fetched too, up to here: another request would take longer."""
_REQUEST_BYTES = 4 << 20
_REQUESTS_AT_ONCE = 8
"""No more than S3's library has connections (10); together at most 32 MiB."""


def any_path(path: str | AnyPath) -> AnyPath:
    """Return the path that a text stands for: a URL in an object store, or a file of this machine.

    Parameters
    ----------
    path : str or path
        ``s3://bucket/key`` or another URL that fsspec knows; anything else is a local path.

    Raises
    ------
    ConfigError
        It is a URL of a kind for which nothing is installed, or a chain of URLs.
    """
    found = _URL.match(path) if isinstance(path, str) else None
    if found is None or not isinstance(path, str):
        return Path(path) if isinstance(path, str) else path
    scheme, rest = found[1].lower(), found[2]
    if scheme in ("file", "local"):
        return Path(rest)
    if "::" in path:
        raise ConfigError(f"{path} cannot be used: '::' chains stores; give a URL of one")
    if scheme in _LIBRARIES:
        with needed_by(f"{scheme}://"):
            import_module(_LIBRARIES[scheme])
    try:
        # listings are not kept: another process may have written since
        options = _OPTIONS.get(scheme, {})
        url: UPath = UPath(f"{scheme}://{rest}", use_listings_cache=False, **options).resolve()
        get_filesystem_class(url.protocol)  # raises where the library for it is not installed
    except (ImportError, ValueError) as error:
        raise ConfigError(f"{path} cannot be used: {error}; give a path or a URL s3://") from error
    return url


def path_from(folder: AnyPath, path: str | AnyPath) -> AnyPath:
    """Return a path that counts from a folder, unless it is a URL or an absolute path."""
    path = any_path(path)
    if not is_local(path):
        return path
    path = path.expanduser()
    whole = path if path.is_absolute() else folder / path
    return whole if is_local(whole) else whole.resolve()  # a key may hold a dot and means it


def is_local(path: AnyPath) -> TypeIs[Path]:
    """Tell whether a path is on a disk of this machine, where files can be renamed and flushed."""
    return isinstance(path, Path)


def is_store_trouble(error: BaseException) -> bool:
    """Tell whether an error came from the way to an object store: no answer, no bucket, no key."""
    while error.__cause__ is not None:
        error = error.__cause__
    return type(error).__module__.partition(".")[0] in {"aiobotocore", "aiohttp", "botocore"}


def relative_path(path: AnyPath, start: AnyPath) -> str:
    """Return the way from a folder to a path; the path itself where there is none."""
    if is_local(path) and is_local(start):
        return os.path.relpath(path.absolute(), start.absolute())
    if is_local(path) or is_local(start) or path.protocol != start.protocol:
        return str(path)
    return os.path.relpath(path.path, start.path)


def file_bytes(path: AnyPath) -> bytes:
    """Return what a file holds; of an object store in one request."""
    if is_local(path):
        return path.read_bytes()
    content: bytes = path.fs.cat_file(path.path)
    return content


def open_to_read(path: AnyPath) -> BinaryIO:
    """Open a file of which parts are read; a store is asked for little more than these."""
    if is_local(path):
        return path.open("rb")
    opened: BinaryIO = path.fs.open(path.path, "rb", block_size=_READ_AHEAD_BYTES)
    return opened


def read_ranges(path: AnyPath, ranges: Iterable[tuple[int, int]]) -> Iterator[bytes]:
    """Yield what many byte ranges of one file hold, however many and small they are.

    Parameters
    ----------
    path : path
        On a disk, ranges are read one by one. Of a store, ranges less than 64 KiB apart are
        fetched in one request, of 4 MiB at most, and 8 requests are under way at a time.
    ranges : iterable of (int, int)
        First byte, and end byte (exclusive). What lies behind the end of the file is left out.
    """
    if not is_local(path):
        yield from _fetched(path, _requests(ranges, path.stat().st_size))
        return
    with open_to_read(path) as file:
        for start, stop in ranges:
            file.seek(start)
            yield file.read(stop - start)


@dataclass
class _Request:
    """Bytes of a file that are fetched together, and the ranges wanted of them."""

    start: int
    stop: int
    ranges: list[tuple[int, int]]


def _requests(ranges: Iterable[tuple[int, int]], size: int) -> Iterator[_Request]:
    """Join ranges that lie close behind one another."""
    request: _Request | None = None
    for start, stop in ((min(a, size), min(b, size)) for a, b in ranges):
        if (
            request is not None
            and request.start <= start <= request.stop + _GAP_BYTES
            and stop - request.start <= _REQUEST_BYTES
        ):
            request.stop = max(request.stop, stop)
            request.ranges.append((start, stop))
            continue
        if request is not None:
            yield request
        request = _Request(start, stop, [(start, stop)])
    if request is not None:
        yield request


def _fetched(path: UPath, requests: Iterator[_Request]) -> Iterator[bytes]:
    """Send some requests at a time and take their answers apart."""
    while batch := list(islice(requests, _REQUESTS_AT_ONCE)):
        asked = [r for r in batch if r.stop > r.start]
        paths, starts = [path.path] * len(asked), [r.start for r in asked]
        contents = path.fs.cat_ranges(paths, starts, [r.stop for r in asked], on_error="raise")
        answers = iter(contents)
        for request in batch:
            whole = next(answers) if request.stop > request.start else b""
            for start, stop in request.ranges:
                yield whole[start - request.start : stop - request.start]


def remove_file(path: AnyPath) -> None:
    """Remove a file if it is there."""
    if is_local(path):
        path.unlink(missing_ok=True)
    else:
        with suppress(FileNotFoundError):
            path.fs.rm_file(path.path)  # its `rm` takes the name for a glob


def read_folder(folder: AnyPath, ending: str) -> list[bytes]:
    """Return what the files of a folder hold whose names end so, in the order of names.

    What cannot be read is left out, as is all where there is no folder; but not of a store that
    does not answer.
    """
    if is_local(folder):
        found, files = [], []
        with suppress(OSError), os.scandir(folder) as entries:
            files = sorted(entry.path for entry in entries if entry.name.endswith(ending))
        for file in files:  # plain text and no buffer: half the time of as many `Path`
            with suppress(OSError), FileIO(file) as opened:
                found.append(opened.read())
        return found
    try:  # not `find` to a depth: it takes a refusal for an empty folder
        listed = folder.fs.ls(folder.path, detail=False, refresh=True)
    except FileNotFoundError:
        return []
    names = [name for name in listed if name.endswith(ending)]
    contents = folder.fs.cat_ranges(sorted(names), None, None, on_error="return")
    for content in contents:
        if isinstance(content, Exception) and not isinstance(content, FileNotFoundError):
            raise content
    return [content for content in contents if isinstance(content, bytes)]


@contextmanager
def whole_file(path: AnyPath, mode: str = "wb") -> Iterator[IO[Any]]:
    """Write a file that appears under its name only when it is whole, and safe on the disk.

    In an object store it is sent when it is whole.
    """
    text: dict[str, Any] = {} if "b" in mode else {"newline": "", "encoding": "utf-8"}
    if not is_local(path):
        with tempfile.NamedTemporaryFile(mode, **text) as file:
            yield file
            file.flush()
            path.fs.put_file(file.name, path.path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        with aside.open(mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
