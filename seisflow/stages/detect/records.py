"""What a task found, as its receipt keeps it."""

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from seisflow.stages.detect.event import Detection, Pick

__all__ = ["Found"]


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
