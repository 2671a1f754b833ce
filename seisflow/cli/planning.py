"""``seisflow plan``: what a campaign will take, stage by stage, before any of it runs."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer
from dask.system import CPU_COUNT
from dask.utils import parse_bytes

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
from seisflow.cli.campaign_file import Campaign, config_of
from seisflow.cli.ingest import scan_files
from seisflow.cli.running import open_session
from seisflow.console import ERRORS, print_json
from seisflow.core.amounts import human_bytes, human_time
from seisflow.core.files import AnyPath
from seisflow.engine.profiles import Profile, read_profile
from seisflow.errors import ConfigError
from seisflow.formats.arrivals import read_arrivals
from seisflow.stages.infer.config import InferConfig
from seisflow.stages.ingest import stage as ingest_stage
from seisflow.stages.label.method import DEFAULT_METHOD
from seisflow.stages.learn.artifact import load_model
from seisflow.stages.learn.model import Model

__all__ = ["Planner", "show"]

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
        The file.

    Raises
    ------
    ConfigError
        There are no records to plan for.
    """

    def __init__(self, campaign: Campaign) -> None:
        self._campaign = campaign
        self._rates = Rates({}, "")
        self.notes: list[str] = []
        self.profile = profile_of(campaign)
        self._prepared: ingest_stage.Preparation | None = None
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
        config, tables = self._campaign.config, self._campaign.tables
        if config.waveforms is not None:
            return records_of_waveforms(config.waveforms)
        if "ingest" not in tables:
            raise ConfigError(
                f"{self._campaign.path} says nothing of records; give [ingest], and [archive] with "
                "the size of one that is not there, or waveforms = '...'"
            )
        asked = config_of("ingest", self.asked("ingest"))
        assert isinstance(asked, ingest_stage.IngestConfig)
        if config.archive is not None:
            scans = list(made_up_scans(config.archive))
        else:
            with open_session(config.cluster.profile, config.cluster.workers) as session:
                scans = scan_files(session, ingest_stage.batches(asked))
        self._prepared = ingest_stage.prepare(asked, scans)
        return records_of_plan(self._prepared)

    def asked(self, stage: str) -> dict[str, Any]:
        """Return the values of a table; those that select nothing where only a size is known."""
        values = self._campaign.tables.get(stage, {})
        if self._campaign.config.archive is None:
            return dict(values)
        return {name: value for name, value in values.items() if name not in SIZES}

    def _config(self, stage: str) -> Any:
        return config_of(stage, self.asked(stage))

    def _where(self, stage: str) -> Where:
        """Return the workers of the profile; those with GPUs where the stage asks for them."""
        on_gpu = self._device(stage) == "cuda"
        return Where(self.profile.name, n_workers(self.profile, on_gpu=on_gpu))

    def _device(self, stage: str) -> str:
        """Return the device a stage asks for; for auto, that of the jobs it will take."""
        device = str(self.asked(stage).get("device", "cpu"))
        return "cuda" if device == "auto" and self.profile.gpu else device

    def _ingest(self, stage: str) -> StagePlan:
        assert self._prepared is not None
        return plan_ingest(self._prepared, self.records, self._rates, self._where(stage))

    def _label(self, stage: str) -> StagePlan:
        values = self.asked(stage)
        return plan_label(
            self._config(stage),
            self.records,
            self._rates,
            self._where(stage),
            block=values.get("block"),
            device=self._device(stage),
        )

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
        n, values = self._n_examples(), self.asked(stage)
        if n is None:
            return None
        config, split = self._config(stage), self._config("assemble")
        ranks, on_gpu = values.get("ranks", 1), values.get("device") == "cuda"
        rates = self._rates
        return plan_train(config, self.records, split, n, rates, n_ranks=ranks, on_gpu=on_gpu)

    def _n_examples(self) -> int | None:
        """Return how many examples there will be at most, of all classes and splits."""
        values, archive = self.asked("assemble"), self._campaign.config.archive
        config = self._config("assemble")
        n_arrivals = archive.arrivals if archive else self._n_arrivals(values)
        bounds = [n for n in (config.per_class,) if n is not None]
        if n_arrivals is not None:
            bounds.append(n_arrivals * config.per_arrival)
        return 3 * min(bounds) if bounds else None

    def _n_arrivals(self, values: dict[str, Any]) -> int | None:
        path: AnyPath = values["arrivals"]
        if values.get("predict") is not None or not path.exists():
            return None
        return sum(row.is_p for row in read_arrivals(path).rows)

    def _infer(self, stage: str) -> StagePlan:
        values = self.asked(stage)
        names = ("select", "start", "end", "precision")
        options = {name: values[name] for name in names if values.get(name) is not None}
        options["select"] = tuple(options.get("select", ()))
        return plan_infer(
            InferConfig.build(options),
            self._model(),
            self.records,
            self._rates,
            self._where(stage),
            block=values.get("block"),
            device=self._device(stage),
        )

    def _model(self) -> tuple[str, Model | None]:
        """Return the model of the campaign, or one with the shape of what will be trained."""
        rate_hz = self.records.rate_hz
        if self._campaign.config.model is not None:
            loaded = load_model(self._campaign.config.model, rate_hz=rate_hz)
            return str(loaded.document["network"]["name"]), loaded
        config = self._config("train")
        network = str(config.network)
        return network, None if network == "forest" else untrained(network, config, int(rate_hz))

    def _detect(self, stage: str) -> StagePlan:
        figures = self.asked(stage).get("figures", 20)
        where = self._where(stage)
        return plan_detect(self._config(stage), self.records, self._rates, where, figures=figures)

    def _single(self, stage: str) -> StagePlan:
        baselines = bool(self.asked(stage).get("baselines", False))
        return plan_single(stage, self.records, self._rates, baselines=baselines)


def profile_of(campaign: Campaign) -> Profile:
    """Return the cluster profile of a campaign."""
    return read_profile(campaign.config.cluster.profile, campaign.config.cluster.workers)


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


def measure_here(planner: Planner) -> None:
    """Measure the rates of this machine for a campaign, and keep them."""
    method = str(planner.asked("label").get("method", DEFAULT_METHOD))
    network = str(planner.asked("train").get("network", "compact"))

    def say(text: str) -> None:
        ERRORS.print(f"measuring: {text}")

    found = list(measure_rates(int(planner.records.rate_hz), method, network, say))
    keep_rates(found, f"{datetime.now(UTC):%Y-%m-%d}")


def show(campaign: Campaign, *, measure: bool, as_json: bool) -> None:
    """Plan a campaign and print the plan: a Markdown table, or JSON, on standard output."""
    planner = Planner(campaign)
    if measure:
        measure_here(planner)
    plans = planner.plans(read_rates())
    for note in planner.notes:
        ERRORS.print(f"note: {note}")
    if as_json:
        known = [plan.cpu_s for plan in plans if plan.cpu_s is not None]
        print_json(
            {
                "product": str(campaign.config.folder),
                "exit_code": 0,
                "profile": describe(planner.profile),
                "stages": [asdict(plan) for plan in plans],
                "cpu_s": sum(known),
                "notes": planner.notes,
            }
        )
        return
    records = planner.records
    days = records.product.span.duration_s / 86_400
    typer.echo(
        f"{len(records.stations)} stations x {days:.3g} days at {records.rate_hz:g} Hz on "
        f"{describe(planner.profile)}\n"
    )
    typer.echo("\n".join(markdown(HEAD, [*map(row_of, plans), total_of(plans)])))


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


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Write a table that reads well as text and as Markdown."""
    cells = [list(head), *map(list, rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
             for row in cells]  # fmt: skip
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return [lines[0], rule, *lines[1:]]
