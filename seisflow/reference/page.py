"""The page of all options: what can be asked of every stage, and of a campaign."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from seisflow.campaign.config import CampaignConfig
from seisflow.campaign.reading import OTHER_TABLES
from seisflow.campaign.tables import tables
from seisflow.core.engine_options import ENGINE
from seisflow.core.options import Option
from seisflow.registry import STAGES, config_of

__all__ = ["page", "row_of", "unit_of"]

HEAD = """# All options

Every option of every stage, as its configuration declares it. A name is the keyword of the Python
function `seisflow.STAGE(...)`; with dashes for underscores it is the option of the command
`seisflow STAGE` (`alpha_rn` is typed `--alpha-rn`) and the key of the table `[STAGE]` of a campaign
file. What is in capitals is given by its place, on the command line and in Python. What names a
product of the campaign needs no key there. Options under *Running* change no result.

This page is written by `python -m seisflow.reference`.
"""
UNITS = {
    "_km_s": "km/s",
    "_m_s": "m/s",
    "_per_day": "1/day",
    "_hz": "Hz",
    "_km": "km",
    "_m": "m",
    "_s": "s",
    "_counts": "counts",
}
"""What the end of a name says."""
OF_NAMES = {
    "hours": "h",
    "rate": "Hz",
    "days": "days",
    "longitude": "degrees",
    "latitude": "degrees",
}
COLUMNS = ("Name", "Type", "Unit", "Range", "Default", "Meaning", "In a campaign")
SHORT = COLUMNS[:-1]


def page() -> str:
    """Return the page as Markdown."""
    lines = [HEAD]
    for stage, entry in STAGES.items():
        lines += [f"## {stage}\n", f"{entry.summary}\n", *_stage(stage)]
    lines += ["## How any stage runs\n", *_rows(ENGINE.values(), SHORT)]
    lines += ["## The campaign file\n", "Before its tables:\n"]
    lines += _rows(CampaignConfig.options(), SHORT)
    for name, config in OTHER_TABLES.items():
        lines += [f"Table `[{name}]`:\n", *_rows(config.options(), SHORT)]
    return "\n".join(lines).rstrip() + "\n"


def _stage(stage: str) -> Iterator[str]:
    """Yield the lines of one stage: a table for every group of options."""
    options = config_of(stage).options()
    for group in dict.fromkeys(option.group for option in options):
        if group:
            yield f"### {group}\n"
        own = [option for option in options if option.group == group]
        yield from _rows(own, COLUMNS, stage)


def _rows(options: Iterable[Option], columns: tuple[str, ...], stage: str = "") -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for option in options:
        yield row_of(option, stage)
    yield ""


def row_of(option: Option, stage: str = "") -> str:
    """Return the row of an option; with its stage, also what a campaign says of it."""
    name = f"`{option.metavar}` `{option.name}`" if option.is_argument else f"`{option.name}`"
    cells = [
        name,
        type_of(option),
        unit_of(option),
        option.bounds,
        default_of(option),
        option.help,
        *([in_campaign(option, stage)] if stage else []),
    ]
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def type_of(option: Option) -> str:
    """Write the type of an option for people."""
    if option.choices:
        return " or ".join(f"`{choice}`" for choice in option.choices)
    if option.is_path:
        return "path or `none`" if option.may_be_none else "path"
    if option.is_argument and option.is_many:
        return "one path or several"
    if option.is_many:
        return f"any number of {_name(get_args(option.kind)[0])}"
    if option.n_values > 1:
        return ", ".join(_name(kind) for kind in get_args(option.kind))
    return " or ".join(_name(kind) for kind in get_args(option.kind) or (option.kind,))


def _name(kind: Any) -> str:
    names = {str: "text", bool: "yes or no", float: "number", int: "whole number"}
    return names.get(kind) or " or ".join(f"`{choice}`" for choice in get_args(kind))


def unit_of(option: Option) -> str:
    """Return the unit that the name of an option tells; empty where there is none."""
    if {str, bool} & {option.kind} or option.is_path or option.choices:
        return ""
    ends = (unit for end, unit in UNITS.items() if option.name.endswith(end))
    return OF_NAMES.get(option.name) or next(ends, "")


def default_of(option: Option) -> str:
    """Write the default of an option; empty where it follows from something else."""
    if option.is_required:
        return "must be given"
    if option.default is None or option.default == ():
        return ""
    if isinstance(option.default, bool):
        return "yes" if option.default else "no"
    if isinstance(option.default, tuple):
        return " ".join(f"{value:g}" for value in option.default)
    return f"{option.default:g}" if isinstance(option.default, float) else str(option.default)


def in_campaign(option: Option, stage: str) -> str:
    """Say how an option is given in a campaign file."""
    table = tables().get(stage)
    if table is None or option.name not in {o.name for o in (*table.keys, *table.products)}:
        return ""
    said = [f"its {option.product}"] if option in table.products else []
    return ", or ".join([*said, *([f"`{option.dashed}`"] if option in table.keys else [])])
