"""What a campaign will take, stage by stage, before any of it runs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dask.system import CPU_COUNT
from dask.utils import parse_bytes

from seisflow.campaign.campaign import Campaign
from seisflow.campaign.measuring import measure as measure_rates
from seisflow.campaign.planning import (
    StagePlan,
    Where,
    plan_assemble,
    plan_detect,
    plan_infer,
    plan_ingest,
    plan_label,
    plan_single,
    plan_train,
    untrained,
)
from seisflow.campaign.rates import Rates, keep_rates, read_rates
from seisflow.campaign.records import (
    Records,
    made_up_scans,
    records_of_plan,
    records_of_waveforms,
)
from seisflow.core.amounts import human_bytes, human_time
from seisflow.core.files import AnyPath
from seisflow.core.reporting import SILENT, Reporter
from seisflow.core.wording import markdown_table
from seisflow.engine.connection import Connection
from seisflow.engine.profiles import Profile, read_profile
from seisflow.errors import ConfigError
from seisflow.formats.arrivals import read_arrivals
from seisflow.stages.ingest.stage import Ingest, IngestPlan, lay_out
from seisflow.stages.label.parameters import DEFAULT_METHOD
from seisflow.stages.learn.artifact import load_model
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.job import FOREST, settled
from seisflow.stages.learn.model import Model

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CampaignPlan", "plan_campaign"]

HEAD = [
    *("stage", "tasks", "files", "reads", "writes", "a worker", "CPU-hours", "GPU-hours"),
    *("walltime", "benchmark"),
]
ALONE = ("train", "compare", "report")
"""Stages that run in the command itself."""
SIZES = ("select", "start", "end", "stations")
"""Keys that mean nothing for an archive of which only the size is known."""


class Planner:
    """Plans every stage of a campaign.

    Parameters
    ----------
    campaign : Campaign
        What is asked.
    reporter : Reporter
        Told of a scan.

    Raises
    ------
    ConfigError
        There are no records to plan for.
    """

    def __init__(self, campaign: Campaign, reporter: Reporter = SILENT) -> None:
        self._campaign = campaign if campaign.archive is None else of_any_part(campaign)
        self._reporter = reporter
        self._rates = Rates({}, "")
        self.notes: list[str] = []
        self.profile = read_profile(campaign.cluster.profile, campaign.cluster.workers)
        self._ingest_plan: IngestPlan | None = None
        self.records = self._records()

    def plans(self, rates: Rates) -> list[StagePlan]:
        """Return the plan of every stage that will run."""
        self._rates = rates
        self.notes.append(rates.note)
        stages, left_out = self._campaign.stages()
        self.notes += [f"{stage} is left out: {reason}" for stage, reason in left_out.items()]
        every = (getattr(self, f"_{stage}", self._single)(stage) for stage in stages)
        plans = [plan for plan in every if plan is not None]
        for plan in plans:
            self._judge(plan)
        return plans

    def _judge(self, plan: StagePlan) -> None:
        """Note where a stage does not fit the jobs of the profile."""
        pool = self.profile.gpu if plan.on_gpu and self.profile.gpu else self.profile.cpu
        if pool is None or plan.stage in ALONE:
            return
        memory = parse_bytes(pool.memory) // pool.processes
        if plan.memory_bytes and plan.memory_bytes > memory:
            self.notes.append(
                f"{plan.stage}: a worker needs about {human_bytes(plan.memory_bytes)} and has "
                f"{human_bytes(memory)} of the {pool.memory} of a job; ask for more memory, or "
                "fewer cores"
            )
        if plan.cpu_s and plan.cpu_s / plan.tasks > pool.walltime_s / 10:
            self.notes.append(
                f"{plan.stage}: a task takes {human_time(plan.cpu_s / plan.tasks)}, more than a "
                f"tenth of the walltime {pool.walltime}; a job that ends takes its tasks with it"
            )

    def _records(self) -> Records:
        campaign = self._campaign
        if campaign.config.waveforms is not None:
            return records_of_waveforms(campaign.config.waveforms)
        if "ingest" not in campaign.tables:
            raise ConfigError(
                f"{campaign.path} says nothing of records; give [ingest], and [archive] with "
                "the size of one that is not there, or waveforms = '...'"
            )
        self._ingest_plan = self._plan_of_ingest()
        return records_of_plan(self._ingest_plan)

    def _plan_of_ingest(self) -> IngestPlan:
        """Lay out WAVEFORMS of files that are scanned, or of a size."""
        config = self._campaign.config_of("ingest")
        assert isinstance(config, Ingest.Config)
        if self._campaign.archive is not None:
            return lay_out(config, made_up_scans(self._campaign.archive))
        cluster = self._campaign.cluster
        with Connection(cluster.profile, cluster.workers, reporter=self._reporter) as connection:
            return Ingest(config).plan(connection, self._reporter)

    def method_and_network(self) -> tuple[str, str]:
        """Return the method of labelling and the network, or what they would be."""
        tables = self._campaign.tables
        method = tables.get("label", {}).get("method", DEFAULT_METHOD)
        network = self._train_config().network if "train" in tables else "compact"
        return str(method), network

    def _config(self, stage: str) -> Any:
        return self._campaign.config_of(stage)

    def _train_config(self) -> TrainConfig:
        """Return what train is asked, with the network of a model that it goes on from."""
        return settled(self._config("train"))[0]

    def _where(self, stage: str) -> Where:
        """Return the workers of the profile; those with GPUs where the stage asks for them."""
        on_gpu = self._device(stage) == "cuda"
        return Where(self.profile.name, n_workers(self.profile, on_gpu=on_gpu))

    def _device(self, stage: str) -> str:
        """Return the device a stage asks for; for auto, that of the jobs it will take."""
        device = str(getattr(self._config(stage), "device", "cpu"))
        return "cuda" if device == "auto" and self.profile.gpu else device

    def _with_device(self, stage: str) -> Any:
        """Return the configuration of a stage with the device that it will get."""
        return self._config(stage).model_copy(update={"device": self._device(stage)})

    def _ingest(self, stage: str) -> StagePlan:
        assert self._ingest_plan is not None
        return plan_ingest(self._ingest_plan, self.records, self._rates, self._where(stage))

    def _label(self, stage: str) -> StagePlan:
        config = self._with_device(stage)
        return plan_label(config, self.records, self._rates, self._where(stage))

    def _assemble(self, stage: str) -> StagePlan | None:
        n, config = self._n_examples(), self._config(stage)
        if n is None:
            self.notes.append(
                "assemble and train are not planned: how many examples there will be is not known; "
                "give per-class in [assemble], or arrivals in [archive]"
            )
            return None
        return plan_assemble(config, self.records, n, self._rates, self._where(stage))

    def _train(self, stage: str) -> StagePlan | None:
        n, split = self._n_examples(), self._config("assemble")
        if n is None:
            return None
        return plan_train(self._train_config(), self.records, split, n, self._rates)

    def _n_examples(self) -> int | None:
        """Return how many examples there will be at most, of all classes and splits."""
        config, archive = self._config("assemble"), self._campaign.archive
        n_arrivals = archive.arrivals if archive else _n_arrivals(config)
        bounds = [n for n in (config.per_class,) if n is not None]
        if n_arrivals is not None and config.balance and config.arrivals is not None:
            bounds.append(n_arrivals * config.per_arrival)
        return (2 if config.arrivals is None else 3) * min(bounds) if bounds else None

    def _infer(self, stage: str) -> StagePlan:
        where = self._where(stage)
        return plan_infer(self._with_device(stage), self._model(), self.records, self._rates, where)

    def _model(self) -> tuple[str, Model | None]:
        """Return the model of the campaign, or one with the shape of what will be trained."""
        given = self._campaign.given("model")
        if given is not None:
            loaded = load_model(given)
            return str(loaded.document["network"]["name"]), loaded
        config = self._train_config()
        network, rate_hz = config.network, config.rate or int(self.records.rate_hz)
        return network, None if network == FOREST else untrained(network, config, rate_hz)

    def _detect(self, stage: str) -> StagePlan:
        return plan_detect(self._config(stage), self.records, self._rates, self._where(stage))

    def _single(self, stage: str) -> StagePlan:
        baselines = bool(getattr(self._config(stage), "baselines", False))
        return plan_single(stage, self.records, self._rates, baselines=baselines)


def of_any_part(campaign: Campaign) -> Campaign:
    """Return a campaign that selects nothing, where only the size of the archive is known."""
    tables = {
        stage: {name: value for name, value in values.items() if name not in SIZES}
        for stage, values in campaign.tables.items()
    }
    return replace(campaign, tables=tables)


def _n_arrivals(config: Any) -> int | None:
    """Return how many P arrivals the table of assemble has, where it is one of arrivals."""
    if config.predict is not None or config.arrivals is None or not config.arrivals.exists():
        return None
    return sum(row.is_p for row in read_arrivals(config.arrivals).rows)


def n_workers(profile: Profile, *, on_gpu: bool) -> int | None:
    """Return how many workers a profile has; None where only a running scheduler knows."""
    if profile.kind == "local":
        return int(profile.workers or CPU_COUNT)
    pool = profile.gpu if on_gpu and profile.gpu else profile.cpu
    return pool.jobs * pool.processes if pool else None


def describe(profile: Profile) -> str:
    """Say where the work would run."""
    if profile.kind == "local":
        return f"this machine, {n_workers(profile, on_gpu=False)} workers"
    if profile.cpu is None:
        return f"the scheduler at {profile.address}, whose workers only it knows"
    return f"{profile.cpu.jobs} jobs x {profile.cpu.processes} workers of {Path(profile.name).name}"


@dataclass(frozen=True)
class CampaignPlan:
    """What a campaign will take.

    Attributes
    ----------
    path : Path
        The folder of its products.
    stages : tuple of StagePlan
        What each stage will take.
    size : str
        How many records there are, and where they would be worked on.
    profile : str
        Where the work would run.
    notes : tuple of str
        Where the rates come from, what is left out, what does not fit.
    """

    path: AnyPath
    stages: tuple[StagePlan, ...]
    size: str
    profile: str
    notes: tuple[str, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """All of it as JSON content."""
        return {
            "product": str(self.path),
            "exit_code": 0,
            "profile": self.profile,
            "stages": [asdict(plan) | {"sources": [*plan.sources]} for plan in self.stages],
            "cpu_s": sum(plan.cpu_s for plan in self.stages if plan.cpu_s is not None),
            "notes": list(self.notes),
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """Return a table with a row for every stage."""
        import pandas as pd  # half a second

        return pd.DataFrame(self.summary["stages"]).set_index("stage")

    def __repr__(self) -> str:
        rows = [*map(row_of, self.stages), total_of(self.stages)]
        return "\n".join([f"{self.size} on {self.profile}\n", *markdown_table(HEAD, rows)])


def plan_campaign(campaign: Campaign, measure: bool, reporter: Reporter = SILENT) -> CampaignPlan:
    """Plan every stage of a campaign; nothing is written but, where it measures, the rates.

    Parameters
    ----------
    campaign : Campaign
        What is asked.
    measure : bool
        Measure this machine first.
    reporter : Reporter
        Who is told.

    Raises
    ------
    ConfigError
        There are no records to plan for.
    """
    planner = Planner(campaign, reporter)
    if measure:
        measure_here(planner, reporter)
    plans = planner.plans(read_rates())
    records = planner.records
    days = records.product.span.duration_s / 86_400
    return CampaignPlan(
        path=campaign.config.folder,
        stages=tuple(plans),
        size=f"{len(records.stations)} stations x {days:.3g} days at {records.rate_hz:g} Hz",
        profile=describe(planner.profile),
        notes=tuple(planner.notes),
    )


def measure_here(planner: Planner, reporter: Reporter) -> None:
    """Measure the rates of this machine for a campaign, and keep them."""
    method, network = planner.method_and_network()

    def say(text: str) -> None:
        reporter.say(f"measuring: {text}")

    found = list(measure_rates(int(planner.records.rate_hz), method, network, say))
    keep_rates(found, f"{datetime.now(UTC):%Y-%m-%d}")


def row_of(plan: StagePlan) -> list[str]:
    """Write the plan of a stage."""
    return [
        plan.stage,
        f"{plan.tasks:,} {plan.unit}",
        f"{plan.files:,}",
        human_bytes(plan.read_bytes),
        human_bytes(plan.write_bytes),
        human_bytes(plan.memory_bytes) if plan.memory_bytes else "-",
        hours(plan),
        "not measured" if plan.on_gpu else "-",
        "-" if plan.wall_s is None else human_time(plan.wall_s),
        ", ".join(dict.fromkeys(plan.sources)) or "-",
    ]


def hours(plan: StagePlan) -> str:
    """Write CPU-hours with three digits; say where no rate was measured."""
    if plan.on_gpu:
        return "-"
    return "not measured" if plan.cpu_s is None else f"{plan.cpu_s / 3600:,.3g}"


def total_of(plans: Sequence[StagePlan]) -> list[str]:
    """Write the last row: what can be added up."""
    cpu_s = sum(plan.cpu_s or 0.0 for plan in plans)
    walls = sum(plan.wall_s or 0.0 for plan in plans)
    files, n_bytes = (sum(getattr(p, name) for p in plans) for name in ("files", "write_bytes"))
    total = ["all", "", f"{files:,}", "", human_bytes(n_bytes), "", f"{cpu_s / 3600:,.3g}"]
    return [*total, "", human_time(walls), ""]
