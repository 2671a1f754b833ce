"""What tasks found, as the product keeps it until `finish` puts the catalogue together.

Invariant: receipts count what was found, and only that many events of a task are ever read.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.archive.parts import PARTS, read_parts, write_part
from seisflow.archive.receipts import read_receipts, receipt_path
from seisflow.archive.store import HIDDEN
from seisflow.core.files import AnyPath
from seisflow.errors import DataError
from seisflow.stages.detect.event import Detection, Pick

__all__ = ["Found", "read_found", "write_found"]


@dataclass(frozen=True, eq=False)
class Found:
    """A detection and what all stations of the array said of it.

    Parameters
    ----------
    second_ns : int
        Second in which the coincidence begins.
    detection : Detection
        What was measured.
    node_probability : ndarray of float32, shape (n_stations,)
        Largest probability of an earthquake of each station in the coincidence; NaN where it had
        no data.
    """

    second_ns: int
    detection: Detection
    node_probability: npt.NDArray[np.float32]

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON content; NaN stays NaN."""
        content = {
            field.name: getattr(self.detection, field.name)
            for field in fields(Detection)
            if field.name not in ("picks", "stack")
        }
        return {
            "second_ns": self.second_ns,
            "node_probability": self.node_probability.tolist(),
            "stack": self.detection.stack.tolist(),
            "picks": [list(asdict(pick).values()) for pick in self.detection.picks],
            "detection": content,
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> "Found":
        """Return what `to_json` was made from."""
        detection = Detection(
            **content["detection"],
            picks=tuple(Pick(*values) for values in content["picks"]),
            stack=np.array(content["stack"], dtype=np.float32),
        )
        probability = np.array(content["node_probability"], dtype=np.float32)
        return cls(content["second_ns"], detection, probability)


def write_found(path: AnyPath, key: str, task: str, found: Sequence[Found]) -> int:
    """Keep what a task found in its catalogue; return the bytes of it."""
    return write_part(path, key, task, [one.to_json() for one in found]) if found else 0


def read_found(path: AnyPath, key: str) -> list[Found]:
    """Return what the tasks of a catalogue found, by time.

    Of a catalogue begun when receipts held it, it is read from these.

    Raises
    ------
    DataError
        What a task found is not there any more.
    """
    parts = read_parts(path, key)
    every: list[Found] = []
    for task, (receipt, detail) in read_receipts(path, key).items():
        n_events = receipt.counts.get("events", 0)
        kept = (detail or parts.get(task, [])) if n_events else []
        if len(kept) != n_events:
            raise DataError(
                f"{path}: {len(kept)} of the {n_events} events of {task} are there, others were "
                f"lost from {path / HIDDEN / PARTS}; remove {receipt_path(path, key, task)} and "
                "type the command again to search this hour again"
            )
        every += [Found.from_json(content) for content in kept]
    return sorted(every, key=lambda one: (one.detection.time_ns, one.second_ns))
