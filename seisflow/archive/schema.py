"""Arrays that every product has: its stations and its seconds."""

from collections.abc import Iterator, Sequence

import numpy as np

from seisflow.archive.products import ArraySpec, Product
from seisflow.core.geometry import normalise_longitude
from seisflow.core.grid import NS_PER_S
from seisflow.core.stations import Coordinates

__all__ = ["second_array", "station_arrays"]

INTEGER_FILL = -(2**31)
"""What integer samples hold where there are no data; coverage is the authority."""

TIME_ATTRS = {
    "standard_name": "time",
    "units": "nanoseconds since 1970-01-01",
    "calendar": "proleptic_gregorian",
}


def station_arrays(
    stations: Sequence[str], places: Sequence[Coordinates | None]
) -> Iterator[ArraySpec]:
    """Return ``station`` and its coordinates; NaN where a place is not known.

    Longitudes lie within [-180, 180), whatever they were given in.
    """
    shape = (len(stations),)
    names = np.array(stations, dtype=object)
    attrs = {"long_name": "NET.STA.LOC.CHA as read", "cf_role": "timeseries_id"}
    yield ArraySpec("station", ("station",), shape, "str", "", attrs=attrs, values=names)
    for name, units in (
        ("longitude", "degrees_east"),
        ("latitude", "degrees_north"),
        ("elevation", "m"),
    ):
        values = np.array([getattr(p, name) if p else np.nan for p in places], dtype="float64")
        if name == "longitude":
            values = normalise_longitude(values)
        attrs = {"units": units, "long_name": name}
        yield ArraySpec(
            name, ("station",), shape, "float64", float("nan"), attrs=attrs, values=values
        )


def second_array(product: Product) -> ArraySpec:
    """Return ``second``: the start of every second, int64 ns since 1970 UTC."""
    n = product.n_seconds
    values = product.span.start_ns + np.arange(n, dtype=np.int64) * NS_PER_S
    chunk = (max(1, min(n, product.shard_s)),)
    return ArraySpec("second", ("second",), (n,), "int64", 0, chunk, None, TIME_ATTRS, values)
