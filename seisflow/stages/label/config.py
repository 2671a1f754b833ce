"""What label can be asked."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Literal

from pydantic import TypeAdapter, ValidationError, ValidationInfo, field_validator

from seisflow.core.config import SelectingConfig
from seisflow.core.options import PathOption, argument, numbers, option, running
from seisflow.engine.devices import Device
from seisflow.stages.label.parameters import DEFAULT_METHOD, METHODS, Parameters

__all__ = ["LabelConfig"]


class LabelConfig(SelectingConfig):
    """Label every second of every station: random noise, mixed or not random noise.

    Each UTC hour of a station is labelled by itself: by rates under a null fitted to its own noise
    (calibrated, the default), or as published, by correlating all pairs of its seconds and their
    spectra (reference, Meng, Ben-Zion & Johnson 2019).

    Codes: 0 random_noise, 1 mixed, 2 not_random_noise, 252 undetermined, 253 no_data,
    254 failed, 255 not_run.

    Parameters
    ----------
    waveforms : path
        What ingest wrote.
    labels : path
        The product to write, or to go on with.
    method : str
        ``calibrated``: classes as rates under a null fitted to the noise of each hour;
        ``reference``: the published procedure.
    start : str, optional
        Start of the time span, ISO 8601 UTC; widened to whole UTC hours, because an hour is
        labelled as a whole.
    end : str, optional
        End of the time span (exclusive), ISO 8601 UTC; widened to whole UTC hours.
    precision : str
        Type of the cross-correlations.
    clip_counts : float, optional
        Counts from which a sample is clipped; by default the rails of 24 and 32 bit recorders.
    parameters : ReferenceParameters or CalibratedParameters
        Every number of the method.
    block : int, optional
        Stations of one task and shard; by default so many that there are at least 64 blocks,
        between 1 and 16. Changes files, never labels.
    device : str
        Where windows are correlated; ``auto``: a GPU where a worker has one. ``cuda`` and ``auto``
        take the pool gpu of a SLURM profile, if it has that. Labels agree but for ties at a
        threshold.

    Examples
    --------
    seisflow label waveforms.zarr labels.zarr

    seisflow label waveforms.zarr labels.zarr --alpha-nrn 0.0001

    seisflow label waveforms.zarr labels.zarr --method reference

    seisflow label waveforms.zarr labels.zarr --start 2014-05-29T10:00 --end 2014-05-29T12:00
    """

    waveforms: PathOption = argument("WAVEFORMS", product="waveforms")
    labels: PathOption = argument("LABELS.zarr", product="labels")
    method: Literal["calibrated", "reference"] = DEFAULT_METHOD
    precision: Literal["float32", "float64"] = "float32"
    clip_counts: float | None = option(None, gt=0)
    parameters: Parameters = numbers(None, validate_default=True)
    block: int | None = running(None, ge=1)
    device: Device = running("cpu")

    @field_validator("parameters", mode="wrap")
    @classmethod
    def _are_of_the_method(cls, value: Any, _: Any, info: ValidationInfo) -> Parameters:
        kind = METHODS[info.data.get("method", DEFAULT_METHOD)]
        found = _numbers(kind, {} if value is None else value)
        if found.window_s != 1:
            raise ValueError("window_s must be 1: LABELS has one label for each second")
        return found


def _numbers(kind: type[Parameters], value: Any) -> Parameters:
    """Make the parameters of a method from a mapping, or take them as they are."""
    if isinstance(value, Mapping):
        allowed = [field.name for field in fields(kind)]
        unknown = sorted(value.keys() - set(allowed))
        if unknown:
            names = ", ".join(unknown)
            raise ValueError(f"method {kind.METHOD} has no {names}; allowed: {', '.join(allowed)}")
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        said = (
            f"{'.'.join(map(str, e['loc']))} {e['msg'].removeprefix('Value error, ')}".strip()
            for e in error.errors()
        )
        raise ValueError("; ".join(said)) from error
