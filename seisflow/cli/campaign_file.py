"""The campaign file: one TOML with a table for every stage, in the words of the commands.

Invariant: the keys of a table are the options of its command, read from the command itself, so
that neither can have what the other lacks. All of it is checked before anything runs.
"""

import inspect
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, get_args, get_type_hints

from pydantic import Field, create_model
from upath import UPath

from seisflow.campaign.config import (
    ArchiveSize,
    CampaignConfig,
    ClusterTable,
    Table,
    TypedPath,
    dashed,
)
from seisflow.cli.assemble import assemble
from seisflow.cli.compare import compare
from seisflow.cli.detect import detect
from seisflow.cli.infer import infer
from seisflow.cli.ingest import ingest
from seisflow.cli.label import label, levels
from seisflow.cli.report import report
from seisflow.cli.train import train
from seisflow.core.config import StageConfig
from seisflow.core.files import AnyPath, path_from
from seisflow.engine.devices import check_device
from seisflow.engine.profiles import read_profile
from seisflow.errors import ConfigError
from seisflow.formats.listing import counted_from, list_files
from seisflow.stages.detect.config import DetectConfig
from seisflow.stages.ingest.stage import IngestConfig
from seisflow.stages.label.method import DEFAULT_METHOD
from seisflow.stages.label.stage import LabelConfig
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.wavelets.config import AssembleConfig

__all__ = ["STAGES", "Campaign", "read_campaign"]

COMMANDS: dict[str, Callable[..., None]] = {
    "ingest": ingest,
    "label": label,
    "assemble": assemble,
    "train": train,
    "infer": infer,
    "detect": detect,
    "compare": compare,
    "report": report,
}
STAGES = tuple(COMMANDS)
NEEDS = {
    "ingest": (),
    "label": ("waveforms",),
    "assemble": ("waveforms", "labels"),
    "train": ("wavelets",),
    "infer": ("waveforms", "model"),
    "detect": ("waveforms", "scores"),
    "compare": ("catalog",),
    "report": (),
}
"""Products a stage reads. The page takes what there is."""
MAKES = {
    "ingest": "waveforms",
    "label": "labels",
    "assemble": "wavelets",
    "train": "model",
    "infer": "scores",
    "detect": "catalog",
    "compare": "comparison",
    "report": "page",
}
FILES = {
    "waveforms": "waveforms.zarr",
    "labels": "labels.zarr",
    "wavelets": "wavelets.zarr",
    "model": "model",
    "scores": "scores.zarr",
    "catalog": "catalog",
    "comparison": "catalog/comparison.json",
    "page": "page.html",
}
"""Where products lie in the campaign's folder."""
ENGINE = {"cluster", "workers", "detached", "nodes", "dry_run", "as_json", "output"}
"""Parameters that are the same for all stages, or no business of a table."""
OWN: dict[str, dict[str, tuple[Any, Any]]] = {
    "ingest": {"raw": (list[str], Field(min_length=1)), "stations": (TypedPath | None, None)},
    "compare": {"baselines": (bool, False)},
}
"""Keys that differ from the command's: what the campaign knows need not be said again."""
CHECKS: dict[str, type[StageConfig]] = {
    "ingest": IngestConfig,
    "label": LabelConfig,
    "assemble": AssembleConfig,
    "train": TrainConfig,
    "detect": DetectConfig,
}
"""What else checks the values of a table; the stage does it once more."""
CONFIG_NAMES = {"slowest_velocity": "slowest_velocity_m_s", "moveout": "moveout_s"} | {
    "max_lag": "max_lag_s"
}


def table_of(stage: str) -> type[Table]:
    """Make the table of a stage from the parameters of its command."""
    command, own = COMMANDS[stage], OWN.get(stage, {})
    products = {*NEEDS[stage], MAKES[stage], *(FILES if stage == "report" else ()), "paths"}
    given = ENGINE | products | own.keys()
    hints = get_type_hints(command, include_extras=True)
    fields: dict[str, Any] = dict(own)
    for name, parameter in inspect.signature(command).parameters.items():
        if name in given:
            continue
        kind, option = get_args(hints[name])
        alias = option_name(name, option)
        bounds = Field(alias=alias, ge=option.min, le=option.max)
        required = parameter.default is inspect.Parameter.empty
        if UPath in (kind, *get_args(kind)):
            kind = TypedPath | None
        fields[name] = (Annotated[kind, bounds], ... if required else parameter.default)
    return create_model(f"[{stage}]", __base__=Table, **fields)


def option_name(name: str, option: Any) -> str:
    """Return how an option is typed, without the dashes before it."""
    declared = (option.default, *(option.param_decls or ()))
    long = [d for d in declared if isinstance(d, str) and d.startswith("--")]
    return long[0].removeprefix("--").partition("/")[0] if long else dashed(name)


TABLES: dict[str, type[Table]] = {stage: table_of(stage) for stage in STAGES}


@dataclass(frozen=True)
class Campaign:
    """A campaign file that was checked.

    Parameters
    ----------
    path : Path
        The file. Paths in it count from its folder.
    config : CampaignConfig
        All but the stages.
    tables : dict
        Values for the parameters of the commands, by stage; only of tables that are there.
    """

    path: AnyPath
    config: CampaignConfig
    tables: dict[str, dict[str, Any]]

    def product(self, name: str) -> AnyPath:
        """Return where a product is, or will be."""
        given = {"waveforms": self.config.waveforms, "model": self.config.model}.get(name)
        return given or self.config.folder / FILES[name]

    def stages(self) -> tuple[list[str], dict[str, str]]:
        """Return the stages to run, in order, and the reason of each that is left out."""
        there = {name for name in ("waveforms", "model") if getattr(self.config, name)}
        run, left_out = [], {}
        for stage in STAGES:
            lacking = [name for name in NEEDS[stage] if name not in there]
            if MAKES[stage] in there:
                continue
            if stage not in self.tables:
                left_out[stage] = f"no table [{stage}]"
            elif lacking:
                left_out[stage] = f"no {' and no '.join(lacking)} in this campaign"
            else:
                run.append(stage)
                there.add(MAKES[stage])
        if run == ["report"] and not there - {"page"}:
            return [], left_out | {"report": "nothing to report in this campaign"}
        return run, left_out

    def refuse_missing(self) -> None:
        """Refuse a campaign whose files are not there.

        Raises
        ------
        ConfigError
            It names every file that is missing.
        """
        problems = [
            f"  {where}: {path} does not exist"
            for where, path in self._inputs()
            if not path.exists()
        ]
        if "ingest" in self.tables:
            try:
                list_files(self.tables["ingest"]["raw"])
            except ConfigError as error:
                problems += [f"  [ingest] raw: {error}"]
        if problems:
            lines = "\n".join(problems)
            raise ConfigError(
                f"{self.path} asks for what is not there; nothing was run:\n{lines}\n"
                f"paths count from the folder of the campaign file, {self.path.parent}"
            )
        read_profile(self.config.cluster.profile, self.config.cluster.workers)

    def _inputs(self) -> Iterator[tuple[str, AnyPath]]:
        for name in ("waveforms", "model"):
            if path := getattr(self.config, name):
                yield name, path
        for stage, values in self.tables.items():
            for name, value in values.items():
                if isinstance(value, AnyPath):
                    yield f"[{stage}] {name}", value


def read_campaign(path: AnyPath) -> Campaign:
    """Read and check a campaign file.

    Raises
    ------
    ConfigError
        It is no TOML, or it has a table, a key or a value that cannot be: all of the first kind
        are named, with what is allowed.
    """
    path = path.expanduser().absolute()
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not TOML that can be read: {error}") from error
    _refuse_unknown(path, content)
    head = {name: value for name, value in content.items() if name not in STAGES}
    config = _checked(path, "the campaign", partial(CampaignConfig.build, head))
    tables = {}
    for stage in STAGES:
        if stage in content:
            check = partial(_values, stage, content[stage])
            values = _checked(path, f"table [{stage}]", check)
            tables[stage] = {name: _placed(value, path.parent) for name, value in values.items()}
    if "ingest" in tables:
        tables["ingest"]["raw"] = [counted_from(path.parent, r) for r in tables["ingest"]["raw"]]
    _refuse_twice(path, config, tables)
    return Campaign(path, _config_placed(config, path.parent), tables)


def _refuse_unknown(path: AnyPath, content: Mapping[str, Any]) -> None:
    """Refuse keys that nothing knows, wherever they stand."""
    tables = TABLES | {"cluster": ClusterTable, "archive": ArchiveSize}
    problems = []
    for name, value in content.items():
        if name in tables and not isinstance(value, dict):
            problems.append(f"{name} = {value!r}: found a value, a table [{name}] is meant")
        elif name in tables:
            allowed = keys_of(tables[name])
            problems += [
                f"table [{name}] has no key {key!r}; allowed: {', '.join(allowed)}"
                for key in value
                if key not in allowed
            ]
        elif name not in keys_of(CampaignConfig):
            what = f"table [{name}]" if isinstance(value, dict) else f"key {name!r}"
            own = [key for key in keys_of(CampaignConfig) if key not in tables]
            problems.append(
                f"a campaign has no {what}; allowed: {', '.join(own)}; tables "
                f"{' '.join(f'[{table}]' for table in tables)}"
            )
    if problems:
        raise ConfigError(f"{path}: " + "\n".join(problems))


def keys_of(table: type[StageConfig]) -> list[str]:
    """Return the keys of a table as they are written."""
    return [field.alias or name for name, field in table.model_fields.items()]


def _checked(path: AnyPath, what: str, check: Callable[[], Any]) -> Any:
    try:
        return check()
    except ConfigError as error:
        raise ConfigError(f"{path}: {what}:\n{error}") from error


def _values(stage: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """Check one table; return the parameters of the command that it gives."""
    table = TABLES[stage].build(content)
    given = [name for name in TABLES[stage].model_fields if name in table.model_fields_set]
    values = {name: getattr(table, name) for name in given}
    if stage in CHECKS:
        config_of(stage, values)
    if "device" in values:
        check_device(values["device"])
    if stage == "infer":
        from seisflow.stages.infer.stage import InferConfig  # it imports torch

        options = {name: v for name, v in values.items() if name in InferConfig.model_fields}
        InferConfig.build(options)
    if stage == "compare":
        _refuse_pairs(values)
    return values


def _refuse_pairs(values: Mapping[str, Any]) -> None:
    """Refuse options of `compare` that go only together, or never."""
    if values.get("equal") == "new" and not values.get("baselines"):
        raise ConfigError("equal = 'new' is about the baselines: give baselines = true too")
    if values.get("arrivals") is not None and values.get("predict") is not None:
        raise ConfigError("arrivals and predict are both given: events are timed by one of them")


def config_of(stage: str, values: Mapping[str, Any]) -> StageConfig:
    """Return the configuration of a stage that the values of its table make.

    Raises
    ------
    ConfigError
        They make none.
    """
    kind = CHECKS[stage]
    named = {CONFIG_NAMES.get(name, name): value for name, value in values.items()}
    options = {n: v for n, v in named.items() if n in kind.model_fields and n != "augment"}
    if stage == "ingest" and options.get("stations") is not None:
        options["stations"] = str(options["stations"])
    if stage == "label":
        method = values.get("method", DEFAULT_METHOD)
        alphas = {name: values.get(name) for name in ("alpha_rn", "alpha_nrn")}
        options["parameters"] = levels(method, **alphas)
    if stage == "detect" and "band" in values:
        options |= dict(zip(("low_hz", "high_hz"), values["band"], strict=True))
    if "select" in options:
        options["select"] = tuple(options["select"] or ())
    return kind.build(options)


def _placed(value: Any, folder: AnyPath) -> Any:
    return path_from(folder, value) if isinstance(value, AnyPath) else value


def _config_placed(config: CampaignConfig, folder: AnyPath) -> CampaignConfig:
    placed = {name: _placed(getattr(config, name), folder) for name in ("folder", "waveforms")}
    placed["model"] = _placed(config.model, folder)
    profile = config.cluster.profile
    if profile.endswith(".toml"):
        profile = str(path_from(folder, profile))
    cluster = config.cluster.model_copy(update={"profile": profile})
    return config.model_copy(update={**placed, "cluster": cluster})


def _refuse_twice(
    path: AnyPath, config: CampaignConfig, tables: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse a product that is given and made as well."""
    for name, stages in (("waveforms", ("ingest",)), ("model", ("assemble", "train"))):
        given = [f"[{stage}]" for stage in stages if stage in tables]
        if getattr(config, name) is not None and given:
            raise ConfigError(
                f"{path}: {name} = '{getattr(config, name)}' and {' '.join(given)} are both there; "
                "leave out one of the two"
            )
