"""Label, learn and find earthquakes in dense continuous seismic arrays, distributed with Dask.

Public names, loaded when first used: `open` (a product as an xarray.Dataset), `label_hour`
(label an hour of one station: a Trace, or samples), `day_figure` and `hour_figure` (look at
labels).
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "HourLabels",
    "__version__",
    "day_figure",
    "from_obspy",
    "hour_figure",
    "label_hour",
    "label_record",
    "open",
    "to_obspy",
]

_HOMES = {
    "open": ("seisflow.archive.opening", "open_product"),
    "from_obspy": ("seisflow.memory.streams", "from_obspy"),
    "to_obspy": ("seisflow.memory.streams", "to_obspy"),
    "label_record": ("seisflow.memory.labelling", "label_record"),
    "label_hour": ("seisflow.label.hour", "label_hour"),
    "day_figure": ("seisflow.report.raster", "day_figure"),
    "hour_figure": ("seisflow.report.hour", "hour_figure"),
    "HourLabels": ("seisflow.label.method", "HourLabels"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seisflow' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
