"""What evaluate can be asked."""

from typing import Literal

from seisflow.core.config import StageConfig
from seisflow.core.options import ModelOption, PathOption, PathsOption, argument, option, running
from seisflow.engine.devices import Device

__all__ = ["EvaluateConfig"]


class EvaluateConfig(StageConfig):
    """Evaluate a model: what it tells apart, how sure it may be, and what its errors look like.

    Precision, recall and F1 of each class beside the published ones, the confusion matrix,
    calibration, the ROC of earthquakes with the threshold for a stated rate of false positives,
    and recall by signal-to-noise ratio, distance and station. Writes evaluation.json, table.md
    and figures.

    Parameters
    ----------
    model : path
        What train wrote, or the name of a shipped model.
    wavelets : tuple of str
        What assemble wrote, once or several times; then there is a row for each.
    split : str
        The wavelets to use.
    truth : path, optional
        TRUTH.zarr of the synth scene: score a second time against what was planted.
    source_ratio : float
        With a truth: a second is not random noise if the RMS of what was planted is at least this
        many times the RMS of the noise.
    false_positive_rate : float
        False positives per station and second to which the threshold keeps.
    output : path, optional
        Folder to write; by default MODEL/evaluation/SPLIT-KEY, where KEY is that of the wavelets,
        and of a shipped model NAME-evaluation/SPLIT-KEY in the working directory.
        Scores against the truth go into a folder beside it, with -truth.
    device : str
        Where the network runs; ``auto``: a GPU where there is one.
    batch : int
        Wavelets classified at once.

    Examples
    --------
    seisflow evaluate model wavelets.zarr

    seisflow evaluate model wavelets.zarr --split validation --false-positive-rate 0.001

    seisflow evaluate model ridgecrest.zarr anza.zarr

    seisflow evaluate model wavelets.zarr --truth scene/truth.zarr
    """

    model: ModelOption = argument("MODEL", product="model")
    wavelets: PathsOption = argument("WAVELETS.zarr...", product="wavelets", min_length=1)
    split: Literal["test", "validation", "train"] = "test"
    truth: PathOption | None = argument("TRUTH.zarr", default=None, is_named=True)
    source_ratio: float = option(0.5, ge=0)
    false_positive_rate: float = option(0.0015, gt=0, lt=1)
    output: PathOption | None = running(None, group="", short="-o")
    device: Device = running("cpu")
    batch: int = running(256, ge=1)
