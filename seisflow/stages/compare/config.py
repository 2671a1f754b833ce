"""What compare can be asked."""

from typing import Literal

from pydantic import ValidationInfo, field_validator

from seisflow.core.config import StageConfig
from seisflow.core.files import AnyPath
from seisflow.core.options import PathOption, argument, option

__all__ = ["CompareConfig", "Equal"]

Equal = Literal["detections", "new"]
"""Of what each baseline is given as much as the catalogue has."""


class CompareConfig(StageConfig):
    """Compare detections with a catalogue: matched, missed, at S, new, with residuals.

    Detections are timed by P at the array, catalogues by the origin: arrivals or predict brings
    the two together. They also say when S comes: a detection at S is of an earthquake and not new,
    but an event of which only S was found is missed. A new detection is no false alarm where the
    catalogue is not complete.

    Parameters
    ----------
    catalog : path
        What detect wrote.
    reference : path
        A catalogue: CSV, QuakeML, or another CATALOG.
    tolerance_s : float
        Largest residual of a match.
    arrivals : path, optional
        Table of P and S at stations of the array. Events are timed by the median P; a detection at
        the median S is not new.
    predict : str, optional
        Earth model, such as iasp91. Events are timed by predicted P at the array; a detection at
        predicted S is not new.
    baselines : bool
        Run two other detectors on the same records: STA/LTA with coincidence, and the product of
        nine sub-array envelopes.
    waveforms : path, optional
        With baselines: the WAVEFORMS that detect searched, if they have been moved since.
    equal : str
        With baselines, how their thresholds are set: ``detections``: about as many detections as
        the catalogue has; ``new``: no more new ones, which are its false alarms where the reference
        is complete.
    output : path, optional
        File to write; by default CATALOG/comparison.json.

    Examples
    --------
    seisflow compare catalog scene/events.csv --arrivals scene/arrivals.csv

    seisflow compare catalog scedc.csv --predict iasp91 --baselines --equal new
    """

    catalog: PathOption = argument("CATALOG", product="catalog")
    reference: PathOption = argument("REFERENCE")
    tolerance_s: float = option(2.0, ge=0)
    arrivals: PathOption | None = argument("PATH", default=None, is_named=True)
    predict: str | None = None
    baselines: bool = False
    waveforms: PathOption | None = argument("PATH", default=None, is_named=True)
    equal: Equal = "detections"
    output: PathOption | None = argument(
        "PATH", default=None, is_named=True, product="comparison", short="-o"
    )

    @field_validator("predict")
    @classmethod
    def _times_alone(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("arrivals") is not None:
            raise ValueError("arrivals are given too, and events are timed by one of the two")
        return value

    @field_validator("waveforms")
    @classmethod
    def _is_read(cls, value: AnyPath | None, info: ValidationInfo) -> AnyPath | None:
        if value is not None and not info.data.get("baselines", True):
            raise ValueError("only baselines read them: give baselines too")
        return value

    @field_validator("equal")
    @classmethod
    def _is_of_baselines(cls, value: Equal, info: ValidationInfo) -> Equal:
        if value == "new" and not info.data.get("baselines", True):
            raise ValueError("it is about the baselines: give baselines too")
        return value
