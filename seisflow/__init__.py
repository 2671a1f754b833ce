"""Label, learn and find earthquakes in dense continuous seismic arrays, distributed with Dask.

Public names, loaded when first used: `open` (a product as an xarray.Dataset) and `label_hour`
(label one hour of one station).
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = ["HourLabels", "__version__", "label_hour", "open"]

_HOMES = {
    "open": ("seisflow.archive.opening", "open_product"),
    "label_hour": ("seisflow.label.method", "label_hour"),
    "HourLabels": ("seisflow.label.method", "HourLabels"),
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'seisflow' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted(__all__)
