"""What every product says of its stations."""

import numpy as np

from seisflow.archive.schema import station_arrays
from seisflow.core.stations import Coordinates


def test_longitudes_are_written_within_half_a_turn() -> None:
    given = [-116.6, 243.5, 180.0, 179.95, 180.05, 360.0, -180.0]
    places = [*(Coordinates(x, 33.5, 0.0) for x in given), None]
    arrays = {a.name: a.values for a in station_arrays([f"XX.{k}..Z" for k in range(8)], places)}
    wanted = [-116.6, -116.5, -180.0, 179.95, -179.95, 0.0, -180.0, np.nan]
    np.testing.assert_allclose(arrays["longitude"], wanted, rtol=0, atol=1e-12)
    assert arrays["longitude"][0] == given[0]
