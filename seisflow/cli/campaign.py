"""``seisflow run``: all stages of a campaign file, each resumable, one summary, one page."""

import hashlib
import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from upath import UPath

from seisflow.archive.receipts import write_json
from seisflow.archive.store import HIDDEN
from seisflow.archive.work import progress_of
from seisflow.cli.campaign_file import COMMANDS, FILES, MAKES, NEEDS, Campaign, read_campaign
from seisflow.cli.options import JsonOption, a_path
from seisflow.console import ERRORS, print_json, table
from seisflow.core.amounts import human_time
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath
from seisflow.errors import ConfigError, ExitCode

DONE = "campaign.json"
"""What compare and report were made of; the other stages know from their receipts."""


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


def run(
    campaign: Annotated[
        UPath,
        typer.Argument(
            metavar="CAMPAIGN.toml", help="A table for every stage; see below.", parser=a_path
        ),
    ],
    until: Annotated[
        str | None, typer.Option(help="The last stage to run: one of those above.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="The only stage to run, on what is there.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Run a campaign: ingest, label, assemble, train, infer, detect, compare, report.

    The file has one table for every stage, whose keys are the options of its command without
    dashes before them, beside `folder` for the products and [cluster] with `profile` and
    `workers`. `model = "..."` takes a trained model in place of [assemble] and [train], and
    `waveforms = "..."` what ingest wrote. A stage without a table is left out, with all that needs
    it. Paths count from the folder of the file.

    Typed again, the command goes on where it was. A stage that met problems in the data lets the
    others go on, and the exit code is 3 in the end; one that is incomplete stops the campaign.

    Examples
    --------
    seisflow run campaign.toml

    seisflow run campaign.toml --until label

    seisflow plan campaign.toml
    """
    asked = read_campaign(campaign)
    stages, left_out = asked.stages()
    stages = chosen(stages, until, only)
    asked.refuse_missing()
    for stage, reason in left_out.items():
        ERRORS.print(f"{stage} is left out: {reason}")
    if not stages:
        raise ConfigError(f"{asked.path} has no stage to run; give it tables such as [ingest]")
    outcomes: list[Outcome] = []
    try:
        for stage in stages:
            outcomes.append(do(asked, stage))
            if outcomes[-1].code == ExitCode.INCOMPLETE:
                break
    finally:
        if outcomes:
            show(asked, outcomes)
    code = max(outcome.code for outcome in outcomes)
    if as_json:
        summary = {"product": str(asked.config.folder), "exit_code": code, "left_out": left_out}
        print_json(summary | {"stages": [asdict(outcome) for outcome in outcomes]})
    if code:
        raise typer.Exit(code)


def plan(
    campaign: Annotated[
        UPath,
        typer.Argument(metavar="CAMPAIGN.toml", help="What seisflow run takes.", parser=a_path),
    ],
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Measure this machine first, in about a minute, on a small synthetic array at the "
            "sampling rate of the campaign, and keep its rates for other plans.",
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what a campaign will take: tasks, files, bytes, memory, hours and walltime, by stage.

    Reads metadata only: headers of the archive, or nothing at all where the file has a table
    [archive] with `stations`, `days` and `rate-hz` (and `bytes-per-sample`, `arrivals`). Files and
    bytes written are upper bounds. Hours are measured rates times amounts, each with the benchmark
    it comes from; walltime is that of equal tasks in rounds over the workers of the profile,
    without any waiting.

    Examples
    --------
    seisflow plan campaign.toml

    seisflow plan campaign.toml --measure
    """
    # only here: torch takes seconds to import, and no other command should wait for it
    from seisflow.cli.planning import show as show_plan

    show_plan(read_campaign(campaign), measure=measure, as_json=as_json)


def chosen(stages: list[str], until: str | None, only: str | None) -> list[str]:
    """Return the stages that the options leave.

    Raises
    ------
    ConfigError
        Both are given, or one names no stage of this campaign.
    """
    if until and only:
        raise ConfigError("--until and --only both given; give one of them")
    for option, name in (("--until", until), ("--only", only)):
        if name is not None and name not in stages:
            raise ConfigError(
                f"{option} {name}: no such stage in this campaign; it has {', '.join(stages)}"
            )
    if only:
        return [only]
    return stages[: stages.index(until) + 1] if until else stages


def do(campaign: Campaign, stage: str) -> Outcome:
    """Run one stage, as its command does."""
    ERRORS.rule(stage, align="left")
    begun, code = time.monotonic(), 0
    try:
        if stage in ("compare", "report"):
            again(campaign, stage)
        else:
            call(campaign, stage)
    except typer.Exit as ended:
        code = ended.exit_code
        if code not in (ExitCode.DATA, ExitCode.INCOMPLETE):
            raise
    return outcome_of(campaign, stage, code, time.monotonic() - begun)


def call(campaign: Campaign, stage: str) -> None:
    """Call the command of a stage with what its table says."""
    values = dict(campaign.tables[stage])
    cluster = campaign.config.cluster
    if stage in ("ingest", "label", "assemble", "infer", "detect"):
        values |= {"cluster": cluster.profile, "workers": cluster.workers}
    where = {name: campaign.product(name) for name in FILES}
    if stage == "ingest":
        paths = [*values.pop("raw"), str(where["waveforms"])]
        stations = values.pop("stations", None)
        values |= {"paths": paths, "stations": str(stations) if stations else None}
    elif stage == "assemble":
        values |= {n: where[n] for n in NEEDS[stage]} | {"output": where["wavelets"]}
    elif stage == "compare":
        has_baselines = values.pop("baselines", False)
        values |= {"catalog": where["catalog"]}
        values["baselines"] = where["waveforms"] if has_baselines else None
    elif stage == "report":
        values |= {"page": where["page"]} | parts(campaign)
    else:
        values |= {name: where[name] for name in (*NEEDS[stage], MAKES[stage])}
    COMMANDS[stage](**values)


def parts(campaign: Campaign) -> dict[str, AnyPath]:
    """Return the products of this campaign that a page shows and that are there."""
    stages, _ = campaign.stages()
    made = {MAKES[stage] for stage in stages if stage != "report"}
    made |= {name for name in ("waveforms", "model") if getattr(campaign.config, name)}
    shown = ("waveforms", "labels", "model", "scores", "catalog", "comparison")
    return {n: campaign.product(n) for n in shown if n in made and campaign.product(n).exists()}


def again(campaign: Campaign, stage: str) -> None:
    """Call a command that keeps no receipts, unless nothing has changed since."""
    kept = campaign.config.folder / HIDDEN / DONE
    known: dict[str, str] = json.loads(kept.read_text()) if kept.exists() else {}
    product, values = campaign.product(MAKES[stage]), campaign.tables[stage]
    read = [campaign.product("catalog")] if stage == "compare" else parts(campaign).values()
    given = [value for value in values.values() if isinstance(value, AnyPath)]
    key = fingerprint([{k: str(v) for k, v in values.items()}, digests([*read, *given])])
    # with what it made then: the same command, typed by hand, may have written there since
    if product.exists() and known.get(stage) == fingerprint([key, digests([product])]):
        ERRORS.print(f"{product} is finished: nothing to do")
        return
    call(campaign, stage)
    write_json(kept, known | {stage: fingerprint([key, digests([product])])})


def digests(paths: Iterable[AnyPath]) -> list[str]:
    """Return a digest of every file; of products and models, of what says when they were made."""
    found = []
    for path in paths:
        names = ("zarr.json", f"{HIDDEN}/provenance.json", "model.json", "metrics.json")
        files = [path / name for name in names] if path.is_dir() else [path]
        content = b"".join(file.read_bytes() for file in files if file.exists())
        found.append(hashlib.sha256(content).hexdigest())
    return found


def outcome_of(campaign: Campaign, stage: str, code: int, seconds: float) -> Outcome:
    """Read what a stage has done by now, in this run and in those before."""
    path = campaign.product(MAKES[stage])
    if stage in ("compare", "report"):
        return Outcome(stage, code, 1, 0, 0, seconds, None, str(path))
    if stage == "train":
        return Outcome(stage, code, 1, 0, 0, trained_s(path), None, str(path))
    state = progress_of(path)
    return Outcome(
        stage=stage,
        code=code,
        done=len(state.done),
        failed=len(state.failed),
        missing=len(state.missing),
        seconds=state.elapsed_s,
        cpu_hours=state.cpu_s / 3600,
        product=str(path),
    )


def trained_s(model: AnyPath) -> float:
    """Return the seconds of all epochs of a training; 0 of a forest."""
    # only here: torch takes seconds to import
    from seisflow.stages.learn.checkpoints import read_history

    return float(sum(row["seconds"] + row["validation_s"] for row in read_history(model)))


def show(campaign: Campaign, outcomes: list[Outcome]) -> None:
    """Print the one summary."""
    rows = [
        [
            o.stage,
            o.done,
            o.failed,
            o.missing,
            human_time(o.seconds),
            "-" if o.cpu_hours is None else f"{o.cpu_hours:.3g}",
            {0: "done", ExitCode.DATA: "problems in the data"}.get(o.code, "incomplete"),
            o.product,
        ]
        for o in outcomes
    ]
    head = ["stage", "done", "failed", "not run", "time", "CPU-hours", "state", "product"]
    table("campaign", rows, head)
    if outcomes[-1].code == ExitCode.INCOMPLETE:
        ERRORS.print(f"{campaign.path} is incomplete; type the command again to go on")
    elif outcomes[-1].stage == "report":
        path = outcomes[-1].product
        ERRORS.print(f"look at {path}")
