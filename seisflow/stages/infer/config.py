"""What infer can be asked."""

from typing import Any, Literal

from pydantic import model_validator

from seisflow.core.config import SelectingConfig
from seisflow.core.options import ModelOption, PathOption, argument, option, running
from seisflow.core.shipped import DEFAULT_MODEL, default_model
from seisflow.engine.devices import Device
from seisflow.errors import ConfigError

__all__ = ["InferConfig"]


class InferConfig(SelectingConfig):
    """Classify every second of every station: the probability of earthquake and both noises.

    The window of 4 s that begins 1 s before a second decides, so that a P wave in that second lies
    1 to 2 s into the window, as in training. Seconds whose window touches a gap or a stopped
    recorder have no probabilities. Records of another rate than the model's are resampled to it
    as they are read, with a linear-phase filter; a rate below 0.4 of the model's is refused.

    Codes of state: 0 ready, 253 no_data, 254 failed, 255 not_run.

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    model : path
        What train wrote, where workers find it too, or the name of a shipped model; ``universal``
        where only the other two are given.
    scores : path
        The product to write, or to go on with.
    start : str, optional
        Start of the time span, ISO 8601 UTC; widened to whole UTC hours.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC; widened to whole UTC hours.
    time_scale : int
        Read records so many times slower, 500 samples/s at 5 as 100 samples/s: for small local
        earthquakes, whose waves are as many times faster than those a model was trained on. A
        second then has as many windows, and the one most like an earthquake stands for it.
    precision : str
        Arithmetic of the network: ``float32``, or ``bfloat16`` where the processor has it.
    batch : int
        Windows classified at once by models that take windows one by one (published, recurrent,
        forest). Changes speed and memory, not scores.
    block : int, optional
        Stations of one task and shard; by default so many that there are at least 64 blocks,
        between 1 and 16. Changes files, never scores.
    device : str
        Where the network runs; ``auto``: a GPU where a worker has one. ``cuda`` and ``auto`` take
        the pool gpu of a SLURM profile, if it has that.

    Examples
    --------
    seisflow infer waveforms.zarr model scores.zarr

    seisflow infer waveforms.zarr scores.zarr

    seisflow infer waveforms.zarr model scores.zarr --start 2014-05-29 --end 2014-05-30

    seisflow infer waveforms.zarr model scores.zarr --time-scale 5

    seisflow infer waveforms.zarr model scores.zarr --device cuda --workers 1
    """

    waveforms: PathOption = argument("WAVEFORMS.zarr", product="waveforms")
    model: ModelOption = argument("MODEL", product="model", default=DEFAULT_MODEL)
    scores: PathOption = argument("SCORES.zarr", product="scores")
    time_scale: int = option(1, ge=1)
    precision: Literal["float32", "bfloat16"] = "float32"
    batch: int = running(64, ge=1)
    block: int | None = running(None, ge=1)
    device: Device = running("cpu")

    @model_validator(mode="before")
    @classmethod
    def _with_shipped(cls, options: Any) -> Any:
        """Take the shipped model where none is given, whatever lies in the working directory."""
        if not isinstance(options, dict) or options.get("model") is not None:
            return options
        try:
            return {**options, "model": default_model()}
        except ConfigError as error:
            raise ValueError(str(error)) from error
