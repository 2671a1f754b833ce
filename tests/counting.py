"""Work counted instead of timed: calls of Python and C functions, and bytes read from files."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymseed import MS3Record

from seisflow.core import files
from seisflow.formats import miniseed, rg16


def calls_of(function: Callable[[], object]) -> int:
    """Count the function calls that a call makes."""
    n = 0

    def count(_frame: object, event: str, _argument: object) -> None:
        nonlocal n
        n += event in ("call", "c_call")

    sys.setprofile(count)
    try:
        function()
    finally:
        sys.setprofile(None)
    return n


class _Counting:
    """A file that says how much is read of it."""

    def __init__(self, file: Any, counts: Counter[str]) -> None:
        self._file, self._counts = file, counts

    def __enter__(self) -> "_Counting":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def seek(self, byte: int) -> int:
        return int(self._file.seek(byte))

    def read(self, size: int) -> bytes:
        data = bytes(self._file.read(size))
        self._counts["bytes"] += len(data)
        return data


@contextmanager
def counted_reading() -> Iterator[Counter[str]]:
    """Count the files opened and bytes read by the readers, and the records and traces parsed."""
    counts: Counter[str] = Counter()
    from_buffer, block = MS3Record.from_buffer, rg16._block

    def opened(path: Path) -> _Counting:
        counts["files"] += 1
        return _Counting(path.open("rb"), counts)

    def parsed(*args: Any, **options: Any) -> Iterator[MS3Record]:
        for record in from_buffer(*args, **options):
            counts["records"] += 1
            yield record

    def trace(*args: Any) -> object:
        counts["traces"] += 1
        return block(*args)

    with pytest.MonkeyPatch.context() as patch:
        for module in (files, miniseed, rg16):
            patch.setattr(module, "open_to_read", opened)
        patch.setattr(miniseed.MS3Record, "from_buffer", parsed)
        patch.setattr(rg16, "_block", trace)
        yield counts
