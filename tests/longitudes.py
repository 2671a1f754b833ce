"""Longitudes shifted by any angle, as tables have them: from -180 to 180, or from 0 to 360."""

from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st


@dataclass(frozen=True)
class Shift:
    """Moves places along their circles of latitude, so that nothing between them changes."""

    degrees: float
    lowest: float = -180.0

    def __call__(self, longitude: np.ndarray | list[float]) -> np.ndarray:
        return (np.asarray(longitude) + self.degrees - self.lowest) % 360 + self.lowest

    def of(self, longitude: float) -> float:
        return float(self([longitude])[0])


def onto_180(longitude: float) -> Shift:
    """Move this longitude to the 180th meridian."""
    return Shift(180 - longitude)


def shifts(longitude: float) -> st.SearchStrategy[Shift]:
    """Any shift, every other one so that places near this longitude lie about 180 degrees or 0."""
    near = st.builds(
        lambda onto, beside: onto - longitude + beside,
        st.sampled_from([0.0, 180.0]),
        st.floats(-0.05, 0.05),
    )
    return st.builds(Shift, near | st.floats(-720, 720), st.sampled_from([-180.0, 0.0]))


def turn(one: float, other: float) -> float:
    """The angle between two directions."""
    return abs((one - other + 180) % 360 - 180)
