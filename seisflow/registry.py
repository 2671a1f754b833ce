"""The stages by name, in the order of the data, and how one is run from anywhere.

The command line, a campaign, a notebook and a test all come through `perform`. Modules are
imported when a stage is asked for: some need seconds.
"""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from seisflow.core.extras import needed_by
from seisflow.core.reporting import SILENT, Reporter
from seisflow.errors import ConfigError

if TYPE_CHECKING:
    from seisflow.core.config import StageConfig

__all__ = ["STAGES", "StageEntry", "config_of", "perform", "stage_of"]


@dataclass(frozen=True)
class StageEntry:
    """Where a stage is found.

    Parameters
    ----------
    config, stage : str
        ``module:class`` of its configuration and of the stage, below ``seisflow``.
    summary : str
        One line; the first of the docstring of the configuration.
    engine : str
        How it runs: in ``tasks`` on a cluster, in ``ranks`` of a training, or ``here``.
    after : str
        ``module:function`` that draws what the stage found: ``function(stage, result, reporter)``;
        it may return the result with what it adds.
    """

    config: str
    stage: str
    summary: str
    engine: str = "tasks"
    after: str = ""


STAGES: dict[str, StageEntry] = {
    "synth": StageEntry(
        "stages.synth.config:SynthConfig",
        "stages.synth.stage:Synth",
        "Make a synthetic dense array with known truth, as miniSEED and station tables.",
    ),
    "ingest": StageEntry(
        "stages.ingest.config:IngestConfig",
        "stages.ingest.stage:Ingest",
        "Write a foreign archive into one Zarr product, WAVEFORMS.",
    ),
    "label": StageEntry(
        "stages.label.config:LabelConfig",
        "stages.label.stage:Label",
        "Label every second of every station: random noise, mixed or not random noise.",
    ),
    "assemble": StageEntry(
        "stages.wavelets.config:AssembleConfig",
        "stages.wavelets.stage:Assemble",
        "Assemble balanced, split examples of 4 s: earthquakes and both kinds of noise.",
    ),
    "train": StageEntry(
        "stages.learn.config:TrainConfig",
        "stages.train.stage:Train",
        "Train a network on assembled wavelets: earthquake, random noise, not random noise.",
        engine="ranks",
        after="stages.report.figures.learning:draw_trained",
    ),
    "evaluate": StageEntry(
        "stages.evaluate.config:EvaluateConfig",
        "stages.evaluate.stage:Evaluate",
        "Evaluate a model: what it tells apart, how sure it may be, and what its errors look like.",
        engine="here",
        after="stages.report.figures.learning:draw_evaluated",
    ),
    "transfer": StageEntry(
        "stages.transfer.config:TransferConfig",
        "stages.transfer.stage:Transfer",
        "Train without each source in turn, and count how many of its P the network finds.",
        engine="here",
    ),
    "infer": StageEntry(
        "stages.infer.config:InferConfig",
        "stages.infer.stage:Infer",
        "Classify every second of every station: the probability of earthquake and both noises.",
    ),
    "detect": StageEntry(
        "stages.detect.config:DetectConfig",
        "stages.detect.stage:Detect",
        "Find earthquakes: seconds in which many nodes say so within the moveout of the array.",
        after="stages.report.figures.event_sections:draw_detected",
    ),
    "compare": StageEntry(
        "stages.compare.config:CompareConfig",
        "stages.compare.stage:Compare",
        "Compare detections with a catalogue: matched, missed, at S, new, with residuals.",
        engine="here",
    ),
    "report": StageEntry(
        "stages.report.config:ReportConfig",
        "stages.report.stage:Report",
        "Make one page of a campaign: data, labels, model, detections, and what they took.",
        engine="here",
    ),
}
"""All stages, in the order in which the data go through them."""


def _found(where: str) -> Any:
    module, name = where.split(":")
    return getattr(import_module(f"seisflow.{module}"), name)


def config_of(name: str) -> "type[StageConfig]":
    """Return the configuration of a stage: all that can be asked of it."""
    found: type[StageConfig] = _found(STAGES[name].config)
    return found


def stage_of(name: str) -> Any:
    """Return the class of a stage.

    Raises
    ------
    ConfigError
        A library that it needs is not installed; it says how it is.
    """
    import_module("seisflow.engine")  # before xarray imports Dask, with the files of the user
    where = STAGES[name].stage
    with needed_by(name):
        import_module(f"seisflow.{where.partition(':')[0]}")
    return _found(where)


def perform(
    stage: Any,
    cluster: Any = "local",
    workers: int | None = None,
    reporter: Reporter = SILENT,
) -> Any:
    """Run a stage to its end.

    Parameters
    ----------
    stage : seisflow.engine.stage.Stage or Single
        What is asked.
    cluster : str or distributed.Client
        Where tasks run; see `seisflow.engine.connection.Connection`.
    workers : int, optional
        Of a local cluster.
    reporter : Reporter
        Who is told.

    Returns
    -------
    seisflow.engine.stage.Result
        Of all runs so far; whether it is complete, it says itself.
    """
    from seisflow.engine.connection import Connection
    from seisflow.engine.devices import resolve_device
    from seisflow.engine.stage import Single, run_stage

    entry = STAGES[stage.name]
    if isinstance(stage, Single):
        if cluster != "local" and "cluster" not in type(stage.config).model_fields:
            raise ConfigError(
                f"cluster = {cluster!r} asked of {stage.name}, which has no tasks and runs in the "
                "process that calls it; leave it out"
            )
        result = stage.run_here(reporter)
    else:
        with Connection(
            cluster, workers, may_use_gpu=stage.may_use_gpu, reporter=reporter
        ) as connection:
            if connection.is_local and stage.may_use_gpu:
                resolve_device(stage.config.device)  # elsewhere only the workers know
            result = run_stage(stage, connection, reporter)
    if entry.after:
        result = _drawn(entry.after, stage, result, reporter)
    return result


def _drawn(where: str, stage: Any, result: Any, reporter: Reporter) -> Any:
    """Draw what a stage found; without the library for it, say so: the product is whole.

    Returns
    -------
    Result
        With the figures, where the stage lists them.
    """
    try:
        draw = _found(where)
    except ConfigError as error:
        reporter.note(f"no figures: {error}")
        return result
    return draw(stage, result, reporter) or result
