"""Which files an archive is made of: from file names, folders and globs to one sorted list."""

import glob
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from seisflow.errors import ConfigError

__all__ = ["list_files"]


def list_files(raw: Sequence[str]) -> list[Path]:
    """List the files that arguments stand for.

    Parameters
    ----------
    raw : sequence of str
        Files, folders (all files below them) and globs such as ``data/**/*.mseed``. Hidden files
        and folders, and Zarr stores, are left out unless a file is named itself.

    Returns
    -------
    list of Path
        Absolute, sorted, each file once.

    Raises
    ------
    ConfigError
        No arguments, or some stand for no file; all such arguments are named.
    """
    if not raw:
        raise ConfigError("no raw data given; name files, folders or globs")
    found: set[Path] = set()
    complaints: list[str] = []
    for argument in raw:
        files = set(_matches(argument))
        if not files:
            complaints.append(_complaint(argument))
        found |= files
    if complaints:
        raise ConfigError("; ".join(complaints))
    return sorted(found)


def _matches(argument: str) -> Iterator[Path]:
    """Yield the files one argument stands for."""
    path = Path(argument).expanduser().absolute()
    if _stands(path):
        yield from _files_below(path)
    elif glob.has_magic(argument):
        for name in glob.iglob(str(path), recursive=True):  # noqa: PTH207 - Path.glob: hidden files
            yield from _files_below(Path(name))


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
    path = Path(argument).expanduser()
    if path.is_dir():
        return f"folder {argument!r} holds no files (hidden ones are left out); check the path"
    if glob.has_magic(argument):
        return f"glob {argument!r} matches no file; quote it and use ** to search folders below"
    return f"{argument!r} does not exist; give a file, a folder or a glob"
