"""Label, learn and find earthquakes in dense continuous seismic arrays, distributed with Dask.

Public names, loaded when first used:

- a function for every stage (`ingest`, `label`, ...), which does what the command of that name
  does; `run`, `plan` and `status` (campaigns and products);
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
    "assemble",
    "compare",
    "day_figure",
    "detect",
    "detect_array",
    "evaluate",
    "from_obspy",
    "hour_figure",
    "infer",
    "ingest",
    "label",
    "label_hour",
    "label_record",
    "load_model",
    "open",
    "plan",
    "report",
    "run",
    "status",
    "synth",
    "to_obspy",
    "train",
    "transfer",
]

_HOMES = {
    "run": ("seisflow.api", "run"),
    "plan": ("seisflow.api", "plan"),
    "status": ("seisflow.api", "status"),
    "open": ("seisflow.archive.opening", "open_product"),
    "from_obspy": ("seisflow.memory.streams", "from_obspy"),
    "to_obspy": ("seisflow.memory.streams", "to_obspy"),
    "label_record": ("seisflow.memory.labelling", "label_record"),
    "load_model": ("seisflow.memory.models", "load_model"),
    "WaveformModel": ("seisflow.memory.models", "WaveformModel"),
    "detect_array": ("seisflow.memory.detecting", "detect_array"),
    "label_hour": ("seisflow.stages.label.hour", "label_hour"),
    "day_figure": ("seisflow.stages.report.figures.day", "day_figure"),
    "hour_figure": ("seisflow.stages.report.figures.hour", "hour_figure"),
    "HourLabels": ("seisflow.stages.label.method", "HourLabels"),
}


_STAGES = (
    *("synth", "ingest", "label", "assemble", "train", "evaluate", "transfer", "infer", "detect"),
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
