"""All stages of a campaign, one after the other, each resumable."""

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from seisflow.archive.receipts import write_json
from seisflow.archive.store import HIDDEN
from seisflow.campaign.campaign import Campaign
from seisflow.core.amounts import human_time
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath
from seisflow.core.reporting import SILENT, Reporter
from seisflow.core.wording import markdown_table
from seisflow.engine.announcing import tell_result
from seisflow.engine.connection import Cluster, Connection
from seisflow.engine.stage import Result
from seisflow.errors import ConfigError, ExitCode, IncompleteError
from seisflow.registry import STAGES, perform

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CampaignResult", "Outcome", "run_campaign"]

DONE = "campaign.json"
"""What compare and report were made of; the other stages know from their receipts."""
REMADE = ("compare", "report")
"""Stages that keep no receipts, and are made again where something has changed."""
HEAD = ("stage", "done", "failed", "not run", "time", "CPU-hours", "state", "product")


@dataclass(frozen=True)
class Outcome:
    """What came of a stage; ``cpu_hours`` where it is kept, ``seconds`` those of its tasks."""

    stage: str
    code: int
    done: int
    failed: int
    missing: int
    seconds: float
    cpu_hours: float | None
    product: str

    def row(self) -> list[Any]:
        """Return what a table shows of it."""
        cpu_hours = "-" if self.cpu_hours is None else f"{self.cpu_hours:.3g}"
        states = {0: "done", ExitCode.DATA: "problems in the data"}
        state = states.get(self.code, "incomplete")
        counts = (self.done, self.failed, self.missing)
        return [self.stage, *counts, human_time(self.seconds), cpu_hours, state, self.product]


@dataclass(frozen=True)
class CampaignResult:
    """What came of a campaign.

    Attributes
    ----------
    path : Path
        The folder of its products.
    results : dict of Result
        What each stage made, by its name; also as ``result["label"]``.
    outcomes : tuple of Outcome
        How far each stage is.
    left_out : dict
        Why each stage that did not run was left out.
    """

    path: AnyPath
    results: Mapping[str, Result] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)

    @property
    def exit_code(self) -> ExitCode:
        """0 done, 3 with problems in the data, 4 incomplete."""
        return ExitCode(max((outcome.code for outcome in self.outcomes), default=0))

    @property
    def summary(self) -> dict[str, Any]:
        """All of it as JSON content."""
        return {
            "product": str(self.path),
            "exit_code": int(self.exit_code),
            "left_out": dict(self.left_out),
            "stages": [asdict(outcome) for outcome in self.outcomes],
        }

    def __getitem__(self, stage: str) -> Result:
        return self.results[stage]

    def to_dataframe(self) -> "pd.DataFrame":
        """Return a table with a row for every stage."""
        import pandas as pd  # half a second

        return pd.DataFrame(self.summary["stages"]).set_index("stage")

    def __repr__(self) -> str:
        return "\n".join(markdown_table(HEAD, [outcome.row() for outcome in self.outcomes]))

    def refuse_incomplete(self) -> "CampaignResult":
        """Return this result if all stages are done.

        Raises
        ------
        IncompleteError
            One is not. Its attribute ``result`` is this one.
        """
        if self.exit_code != ExitCode.INCOMPLETE:
            return self
        last = self.outcomes[-1]
        error = IncompleteError(
            f"{last.product} is incomplete: {last.failed} tasks of {last.stage} failed and "
            f"{last.missing} have not run; what is done is kept: run the campaign again to go on"
        )
        error.result = self
        raise error


def run_campaign(
    campaign: Campaign,
    *,
    until: str | None = None,
    only: str | None = None,
    cluster: Cluster | None = None,
    workers: int | None = None,
    reporter: Reporter = SILENT,
) -> CampaignResult:
    """Run the stages of a campaign; one that is incomplete is the last.

    Parameters
    ----------
    campaign : Campaign
        What is asked.
    until : str, optional
        The last stage to run.
    only : str, optional
        The only stage to run, on what is there.
    cluster : str or distributed.Client, optional
        Where tasks run, instead of where the file says.
    workers : int, optional
        Of a local cluster.
    reporter : Reporter
        Who is told.

    Raises
    ------
    ConfigError
        There is nothing to run, no such stage, or a file is missing.
    SeisflowError
        As the stages.
    """
    stages, left_out = campaign.stages()
    stages = chosen(stages, until, only)
    campaign.refuse_missing()
    if cluster is None:
        cluster, workers = campaign.cluster.profile, workers or campaign.cluster.workers
    with Connection(cluster, workers):  # refused now, not when the first stage is through
        pass
    for stage, reason in left_out.items():
        reporter.say(f"{stage} is left out: {reason}")
    if not stages:
        raise ConfigError(f"{campaign.path} has no stage to run; give it tables such as [ingest]")
    results: dict[str, Result] = {}
    outcomes: list[Outcome] = []
    try:
        for name in stages:
            reporter.heading(name)
            begun = time.monotonic()
            results[name] = run_one(campaign, name, cluster, workers, reporter)
            outcomes.append(outcome_of(results[name], time.monotonic() - begun))
            if outcomes[-1].code == ExitCode.INCOMPLETE:
                break
    finally:
        if outcomes:
            reporter.table("campaign", [outcome.row() for outcome in outcomes], HEAD)
    return CampaignResult(campaign.config.folder, results, tuple(outcomes), left_out)


def chosen(stages: list[str], until: str | None, only: str | None) -> list[str]:
    """Return the stages that the options leave.

    Raises
    ------
    ConfigError
        Both are given, or one names no stage of this campaign.
    """
    if until and only:
        raise ConfigError("until and only are both given; give one of them")
    for option, name in (("until", until), ("only", only)):
        if name is not None and name not in stages:
            raise ConfigError(
                f"{option} {name}: no such stage in this campaign; it has {', '.join(stages)}"
            )
    if only:
        return [only]
    return stages[: stages.index(until) + 1] if until else stages


def run_one(
    campaign: Campaign,
    name: str,
    cluster: Cluster,
    workers: int | None,
    reporter: Reporter,
) -> Result:
    """Run one stage, and tell what came of it."""
    stage = campaign.stage(name)
    has_tasks = STAGES[name].engine == "tasks"
    kept = campaign.config.folder / HIDDEN / DONE
    known: dict[str, str] = {}
    if name in REMADE:
        known = json.loads(kept.read_text()) if kept.exists() else {}
        # with what it made then: the same command, typed by hand, may have written there since
        if stage.output.exists() and known.get(name) == made_of(stage):
            reporter.say(f"{stage.output} is finished: nothing to do")
            return Result(name, stage.output, {"product": str(stage.output), "exit_code": 0})
    where = (cluster, workers) if has_tasks else ("local", None)
    result: Result = perform(stage, *where, reporter)
    tell_result(result, reporter)
    if name in REMADE:
        write_json(kept, known | {name: made_of(stage)})
    return result


def made_of(stage: Any) -> str:
    """Return a fingerprint of what a stage is asked, of what it reads and of what it wrote."""
    paths = {
        option.name: getattr(stage.config, option.name)
        for option in stage.config.options()
        if option.is_path
    }
    digests = {name: _digest(path) for name, path in paths.items() if path is not None}
    return fingerprint([stage.config.resolved(), digests])


def _digest(path: AnyPath) -> str:
    """Return a digest of a file; of a product or model, of what says when it was made."""
    names = ("zarr.json", f"{HIDDEN}/provenance.json", "model.json", "metrics.json")
    files = [path / name for name in names] if path.is_dir() else [path]
    content = b"".join(file.read_bytes() for file in files if file.exists())
    return hashlib.sha256(content).hexdigest()


def outcome_of(result: Result, seconds: float) -> Outcome:
    """Say what a stage has done by now, in this run and in those before.

    Parameters
    ----------
    result : Result
        What it gave.
    seconds : float
        How long it took now, for stages that keep no times.
    """
    state = result.progress
    if state is None:
        history = result.summary.get("history")
        if history is not None:  # of all epochs, also those of runs before
            seconds = float(sum(row["seconds"] + row["validation_s"] for row in history))
        path = str(result.path)
        return Outcome(result.stage, int(result.exit_code), 1, 0, 0, seconds, None, path)
    return Outcome(
        stage=result.stage,
        code=int(result.exit_code),
        done=len(state.done),
        failed=len(state.failed),
        missing=len(state.missing),
        seconds=state.elapsed_s,
        cpu_hours=state.cpu_s / 3600,
        product=str(result.path),
    )
