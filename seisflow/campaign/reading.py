"""The campaign file: one TOML with a table for every stage, in the words of the commands.

Invariant: all of it is checked before anything runs, and all that is wrong is said at once.
"""

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from seisflow.campaign.campaign import Campaign
from seisflow.campaign.config import ArchiveSize, CampaignConfig, ClusterTable
from seisflow.campaign.tables import tables
from seisflow.core.config import StageConfig
from seisflow.core.files import AnyPath, any_path, path_from
from seisflow.core.options import NONE, Option
from seisflow.core.shipped import shipped_model
from seisflow.errors import ConfigError
from seisflow.formats.listing import counted_from

__all__ = ["OTHER_TABLES", "read_campaign"]

OTHER_TABLES: dict[str, type[StageConfig]] = {"cluster": ClusterTable, "archive": ArchiveSize}
"""Tables that are of no stage."""


def read_campaign(path: str | AnyPath) -> Campaign:
    """Read and check a campaign file.

    Parameters
    ----------
    path : path
        A TOML file; paths in it count from its folder.

    Raises
    ------
    ConfigError
        It is no TOML, or it has tables, keys or values that cannot be: all unknown names are
        said, or else all wrong values, each with what is allowed.
    """
    path = any_path(path).expanduser().absolute()
    try:
        content = tomllib.loads(path.read_bytes().decode())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path} is not TOML that can be read: {error}") from error
    if problems := [*_unknown(content)]:
        raise ConfigError(f"{path}: " + "\n".join(problems))
    return _checked(path, content)


def _unknown(content: Mapping[str, Any]) -> Iterator[str]:
    """Yield what is said of each name that nothing knows, wherever it stands."""
    head = [option.dashed for option in CampaignConfig.options()]
    known = {name: [o.dashed for o in table.keys] for name, table in tables().items()}
    known |= {name: [o.dashed for o in kind.options()] for name, kind in OTHER_TABLES.items()}
    for name, value in content.items():
        if name in known and not isinstance(value, dict):
            yield f"{name} = {value!r}: found a value, a table [{name}] is meant"
        elif name in known:
            for key in value:
                if key not in known[name]:
                    allowed = ", ".join(known[name])
                    yield f"table [{name}] has no key {key!r}; allowed: {allowed}"
        elif name not in head:
            what = f"table [{name}]" if isinstance(value, dict) else f"key {name!r}"
            every = " ".join(f"[{table}]" for table in known)
            yield f"a campaign has no {what}; allowed: {', '.join(head)}; tables {every}"


def _checked(path: AnyPath, content: Mapping[str, Any]) -> Campaign:
    """Check every value; what is wrong in one table does not hide what is in another."""
    folder, problems = path.parent, []
    head = {name: value for name, value in content.items() if not isinstance(value, dict)}
    found: dict[str, Any] = {"the campaign": None, "cluster": ClusterTable(), "archive": None}
    kinds: dict[str, type[StageConfig]] = {"the campaign": CampaignConfig, **OTHER_TABLES}
    for name, kind in kinds.items():
        given = head if kind is CampaignConfig else content.get(name)
        try:
            if given is not None:
                found[name] = kind.build(_values(kind.options(), given, folder))
        except ConfigError as error:
            problems.append(_said(name, error))
    stages = {
        stage: _values(table.keys, content[stage], folder)
        for stage, table in tables().items()
        if stage in content
    }
    config = found["the campaign"] or CampaignConfig(folder=folder)
    campaign = Campaign(path, config, stages, found["cluster"], found["archive"])
    for stage in stages:
        try:
            campaign.config_of(stage)
        except ConfigError as error:
            problems.append(_said(stage, error))
    problems = problems or [*_twice(campaign)]
    if problems:
        raise ConfigError(f"{path}: " + "\n".join(problems))
    return campaign


def _said(name: str, error: ConfigError) -> str:
    return f"{name if ' ' in name else f'table [{name}]'}:\n{error}"


def _values(
    options: tuple[Option, ...], given: Mapping[str, Any], folder: AnyPath
) -> dict[str, Any]:
    """Return values by the names of their options, with paths that count from a folder."""
    by_key = {option.dashed: option for option in options}
    found = ((by_key[key], value) for key, value in given.items())
    return {option.name: _placed(option, value, folder) for option, value in found}


def _placed(option: Option, value: Any, folder: AnyPath) -> Any:
    """Let a path count from a folder; what is no path, the configuration refuses."""
    try:
        if option.is_model and (shipped := shipped_model(value, folder)):
            return shipped
        if option.may_be_none and value == NONE:
            return value
        if option.is_path and isinstance(value, str):
            return path_from(folder, value)
        if option.is_argument and option.is_many and isinstance(value, list):
            return [counted_from(folder, v) if isinstance(v, str) else v for v in value]
        if option.name in ("cluster", "profile") and str(value).endswith(".toml"):
            return str(path_from(folder, value))
    except ConfigError:
        return value
    return value


def _twice(campaign: Campaign) -> Iterator[str]:
    """Yield what is said of products that are given and made as well, or come to be twice."""
    for name, stages in (("waveforms", ("ingest",)), ("model", ("assemble", "train"))):
        path = getattr(campaign.config, name)
        tables_ = [f"[{stage}]" for stage in stages if stage in campaign.tables]
        if path is not None and tables_:
            yield (
                f"{name} = '{path}' and {' '.join(tables_)} are both there; leave out one of the "
                "two"
            )
    if campaign.archive is not None and campaign.config.waveforms is not None:
        yield "[archive] is the size of files to come, and 'waveforms' are there; leave out one"
