"""Tasks for the tests of `drive`, in a module that workers can import."""

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seisflow.errors import StorageError


@dataclass(frozen=True)
class Item:
    """A task; `folder` keeps a line for every time it ran."""

    name: str
    folder: Path | None = None
    sleep_s: float = 0.0


def note(item: Item) -> int:
    """Write down that a task runs; return how often it has."""
    assert item.folder is not None
    with (item.folder / "ran").open("a") as log:
        log.write(f"{item.name}\n")
    return ran(item.folder).count(item.name)


def ran(folder: Path) -> list[str]:
    return (folder / "ran").read_text().split()


def name_of(item: Item) -> str:
    time.sleep(item.sleep_s)
    return item.name


def shout(item: Item) -> str:
    time.sleep(item.sleep_s)
    return item.name.upper()


def refuse_odd(item: Item) -> str:
    note(item)
    if int(item.name) % 2:
        raise ValueError(f"{item.name} is odd")
    return item.name


def fail_first(item: Item) -> str:
    if note(item) == 1:
        raise OSError("not yet")
    return item.name


def fail_differently(item: Item) -> str:
    raise ValueError(f"failure number {note(item)}")


def poison(item: Item) -> str:
    note(item)
    time.sleep(item.sleep_s)
    if item.name == "poison":
        os._exit(7)
    return item.name


def die_first(item: Item) -> str:
    if note(item) <= 2:  # once more than the scheduler forgives
        os._exit(7)
    return item.name


def fill_disk(item: Item) -> str:
    if item.name == "3":
        raise StorageError("cannot write to /full: No space left on device")
    return item.name


def count_tasks(dask_scheduler: Any = None) -> int:
    return len(dask_scheduler.tasks)
