"""Label, learn and find earthquakes in dense continuous seismic arrays, distributed with Dask.

Public names, loaded when first used:

- products: `open` (one as an xarray.Dataset), `day_figure` and `hour_figure` (look at labels);
- in memory, for ObsPy Streams, arrays and datasets: `from_obspy`, `to_obspy`, `label_record`
  (labels of every second), `label_hour` (of an hour of one station), `load_model` (``annotate``
  and ``classify``), `detect_array` (events of an array).
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "HourLabels",
    "WaveformModel",
    "__version__",
    "day_figure",
    "detect_array",
    "from_obspy",
    "hour_figure",
    "label_hour",
    "label_record",
    "load_model",
    "open",
    "to_obspy",
]

_HOMES = {
    "open": ("seisflow.archive.opening", "open_product"),
    "from_obspy": ("seisflow.memory.streams", "from_obspy"),
    "to_obspy": ("seisflow.memory.streams", "to_obspy"),
    "label_record": ("seisflow.memory.labelling", "label_record"),
    "load_model": ("seisflow.memory.models", "load_model"),
    "WaveformModel": ("seisflow.memory.models", "WaveformModel"),
    "detect_array": ("seisflow.memory.detecting", "detect_array"),
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
