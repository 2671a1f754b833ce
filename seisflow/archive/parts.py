"""Parts: what tasks found that has no place in an array until all of it is known.

One JSON file for each task that found something, beside the receipts. Invariants: it appears whole,
before the receipt of its task, and a task that runs twice leaves the same file. What is done is
known from receipts, never from a part being there.
"""

import json
from typing import Any

from seisflow.archive.store import HIDDEN, storage_errors
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath, read_folder, whole_file

__all__ = ["PARTS", "read_parts", "write_part"]

PARTS = "parts"
"""Folder of the parts, beside that of the receipts."""


def write_part(path: AnyPath, key: str, task: str, content: Any) -> int:
    """Write what a task found.

    Parameters
    ----------
    path : Path
        The product.
    key : str
        Of the product's identity.
    task : str
        Name of the task.
    content : object
        JSON content; NaN stays NaN.

    Returns
    -------
    int
        Bytes on the disk.

    Raises
    ------
    StorageError
        The disk refused.
    """
    text = json.dumps({"key": key, "task": task, "content": content}, separators=(",", ":"))
    file = path / HIDDEN / PARTS / f"{fingerprint([key, task])}.json"
    with storage_errors(file.parent), whole_file(file) as opened:
        return int(opened.write(text.encode()))


def read_parts(path: AnyPath, key: str) -> dict[str, Any]:
    """Return what the tasks of a product found, by task; what is no part of it is left out."""
    found = {}
    for text in read_folder(path / HIDDEN / PARTS, ".json"):
        try:
            part = json.loads(text)
            if part["key"] == key:
                found[part["task"]] = part["content"]
        except (ValueError, KeyError, TypeError):  # cut short, or of another program
            continue
    return found
