"""Label, learn and find earthquakes in dense continuous seismic arrays, distributed with Dask.

Public names, loaded when first used: a function for every stage (`ingest`, `label`, ...), which
does what the command of that name does; `run`, `plan` and `status` (campaigns and products);
`open` (a product as an xarray.Dataset), `label_hour` (label an hour of one station: a Trace, or
samples), `day_figure` and `hour_figure` (look at labels).
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"
__all__ = [
    "HourLabels",
    "__version__",
    "assemble",
    "compare",
    "day_figure",
    "detect",
    "evaluate",
    "from_obspy",
    "hour_figure",
    "infer",
    "ingest",
    "label",
    "label_hour",
    "label_record",
    "open",
    "plan",
    "report",
    "run",
    "status",
    "synth",
    "to_obspy",
    "train",
]

_HOMES = {
    "run": ("seisflow.api", "run"),
    "plan": ("seisflow.api", "plan"),
    "status": ("seisflow.api", "status"),
    "open": ("seisflow.archive.opening", "open_product"),
    "from_obspy": ("seisflow.memory.streams", "from_obspy"),
    "to_obspy": ("seisflow.memory.streams", "to_obspy"),
    "label_record": ("seisflow.memory.labelling", "label_record"),
    "label_hour": ("seisflow.stages.label.hour", "label_hour"),
    "day_figure": ("seisflow.stages.report.figures.day", "day_figure"),
    "hour_figure": ("seisflow.stages.report.figures.hour", "hour_figure"),
    "HourLabels": ("seisflow.stages.label.method", "HourLabels"),
}


_STAGES = (
    *("synth", "ingest", "label", "assemble", "train", "evaluate", "infer", "detect"),
    *("compare", "report"),
)
"""Functions that run a stage."""


def __getattr__(name: str) -> Any:
    if name in _STAGES:
        found = import_module("seisflow.api").function_of(name)
    elif name in _HOMES:
        from seisflow.core.extras import needed_by

        module, attribute = _HOMES[name]
        with needed_by(f"seisflow.{name}"):
            found = getattr(import_module(module), attribute)
    else:
        raise AttributeError(f"module 'seisflow' has no attribute {name!r}")
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
