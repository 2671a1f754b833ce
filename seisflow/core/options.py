"""Options: what a stage can be asked, declared once, in its configuration.

A field of a `seisflow.core.config.StageConfig` is an option. Type, default and bounds stand at
the field; what it means stands in the docstring of the class (numpydoc). From these come the
options of the command, the keys of the campaign file, the keywords of the Python function, and
the reference.
"""

import inspect
import re
import types
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, fields, replace
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, Field, PlainValidator
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from seisflow.core.files import AnyPath, any_path, is_local
from seisflow.core.shipped import shipped_model
from seisflow.errors import ConfigError

__all__ = [
    "ADVANCED",
    "NONE",
    "REQUIRED",
    "RUNNING",
    "ModelOption",
    "Option",
    "PathOption",
    "PathOrNone",
    "PathsOption",
    "argument",
    "by_place",
    "descriptions",
    "groups_of",
    "numbers",
    "option",
    "options_of",
    "running",
]

ADVANCED = "Advanced"
"""Group of the numbers that few need to touch."""
RUNNING = "Running (changes no result)"
"""Group of the options that change how long a stage takes, or what lies on the disk how."""
REQUIRED = PydanticUndefined
"""Default of an option that must be given."""
NONE = "none"
"""The word for nothing in place of a path (`Option.may_be_none`); ``./none`` is a file."""
_MARK = "seisflow"
_BOUNDS = {"ge": "{} or more", "gt": "above {}", "le": "at most {}", "lt": "below {}"}
_BOUNDS |= {"min_length": "{} or more of them"}


def _as_path(path: object) -> AnyPath:
    if not isinstance(path, str | AnyPath):
        raise ValueError("a path is text: on a disk, or a URL in an object store")  # noqa: TRY004
    try:
        found = any_path(path)
    except ConfigError as error:
        raise ValueError(str(error)) from error
    return (found.expanduser() if is_local(found) else found).absolute()


PathOption = Annotated[AnyPath, PlainValidator(_as_path)]
"""A path on a disk or in an object store; absolute, as workers may stand in another folder."""


_MODEL = PlainValidator(lambda given: shipped_model(given) or _as_path(given))
ModelOption = Annotated[AnyPath, _MODEL]
"""A trained model that is read: a path as `PathOption`, or the name of a shipped one."""


def _as_path_or_none(path: object) -> AnyPath | None:
    return None if path is None or path == NONE else _as_path(path)


PathOrNone = Annotated[AnyPath | None, PlainValidator(_as_path_or_none)]
"""A path as `PathOption`, or the word `NONE`, which becomes None; the field says may_be_none."""


def _as_paths(paths: object) -> object:
    several = [paths] if isinstance(paths, str | AnyPath) else paths
    if not isinstance(several, list | tuple):
        return paths
    return tuple(str(_as_path(path)) for path in several)


PathsOption = Annotated[tuple[str, ...], BeforeValidator(_as_paths)]
"""One path or several, as `PathOption`; kept as text."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One thing that a stage can be asked.

    Parameters
    ----------
    name : str
        Keyword of the Python function; with dashes, the option of the command and the key of the
        campaign file.
    kind : type
        Annotation of the value, without None.
    default : object
        `REQUIRED` where it must be given; None where it follows from something else.
    help : str
        What it means, in plain text.
    bounds : str
        Which values are allowed; empty where all are.
    group : str
        `ADVANCED`, `RUNNING` or another heading; empty for what stands first.
    is_argument : bool
        Whether it is given by its place, not by its name.
    metavar : str
        What stands for an argument in the help of the command.
    product : str
        The product of a campaign that is meant, such as ``waveforms``; there it need not be given.
    short : str
        A second, short form on the command line, such as ``-o``.
    is_model : bool
        Whether it is a trained model that is read, which may be given by the name of a shipped one.
    may_be_none : bool
        Whether the word `NONE` can be given, or None in Python, for nothing.
    """

    name: str
    kind: Any
    default: Any
    help: str
    bounds: str = ""
    group: str = ""
    is_argument: bool = False
    metavar: str = ""
    product: str = ""
    short: str = ""
    is_model: bool = False
    may_be_none: bool = False

    @property
    def dashed(self) -> str:
        """The name as it is typed and as it stands in a campaign file."""
        return self.name.replace("_", "-")

    @property
    def is_required(self) -> bool:
        """Whether it must be given."""
        return self.default is REQUIRED

    @property
    def is_path(self) -> bool:
        """Whether the value is one path."""
        return bool(self.kind == AnyPath)

    @property
    def is_many(self) -> bool:
        """Whether any number of values can be given."""
        return get_origin(self.kind) is tuple and get_args(self.kind)[-1] is Ellipsis

    @property
    def n_values(self) -> int:
        """How many values make one, such as 2 of a range."""
        is_fixed = get_origin(self.kind) is tuple and not self.is_many
        return len(get_args(self.kind)) if is_fixed else 1

    @property
    def choices(self) -> tuple[str, ...]:
        """The values allowed, where they are a list."""
        return tuple(get_args(self.kind)) if get_origin(self.kind) is Literal else ()


def option(
    default: Any = ..., *, group: str = "", product: str = "", short: str = "", **bounds: Any
) -> Any:
    """Declare an option that is part of what a product is.

    Parameters
    ----------
    default : object, optional
        It must be given where this is left out.
    group, product, short : str
        As in `Option`.
    **bounds
        What `pydantic.Field` takes: ``ge``, ``gt``, ``le``, ``lt``, ``min_length``, ...
    """
    return _field(default, bounds, group=group, product=product, short=short)


def running(default: Any = ..., *, group: str = RUNNING, short: str = "", **bounds: Any) -> Any:
    """Declare an option that changes how a stage runs, and never what it finds."""
    return _field(default, bounds, group=group, short=short, is_result=False)


def argument(
    metavar: str,
    *,
    product: str = "",
    default: Any = ...,
    is_named: bool = False,
    short: str = "",
    may_be_none: bool = False,
    **bounds: Any,
) -> Any:
    """Declare what is read or written, by default given by its place; no part of what a product is.

    Parameters
    ----------
    metavar : str
        What stands for it in the help.
    product, short : str
        As in `Option`.
    default : object, optional
        It must be given where this is left out.
    is_named : bool
        It is given by its name, as an option.
    may_be_none : bool
        As in `Option`.
    **bounds
        As for `option`.
    """
    return _field(
        default,
        bounds,
        metavar=metavar,
        product=product,
        short=short,
        may_be_none=may_be_none,
        is_argument=not is_named,
        is_result=False,
    )


def numbers(default: Any, **bounds: Any) -> Any:
    """Declare a field that holds numbers of its own class, each of them an option.

    Parameters
    ----------
    default : object
        An instance of the class; None where it follows from something else.
    **bounds
        As for `option`.
    """
    return _field(default, bounds, is_group=True)


def _field(default: Any, bounds: Mapping[str, Any], **mark: Any) -> Any:
    kept = {name: value for name, value in mark.items() if value or name == "is_result"}
    return Field(default, json_schema_extra={_MARK: kept}, **bounds)


def _mark(info: FieldInfo) -> dict[str, Any]:
    extra = info.json_schema_extra
    return dict(extra.get(_MARK, {})) if isinstance(extra, dict) else {}  # type: ignore[arg-type]


def no_result(config: type[BaseModel]) -> set[str]:
    """Return the fields of a configuration that are no part of what its product is."""
    fields_ = config.model_fields
    return {name for name, info in fields_.items() if not _mark(info).get("is_result", True)}


def groups_of(config: type[BaseModel]) -> dict[str, tuple[type, ...]]:
    """Return the fields that hold numbers of their own, each with the classes that declare them."""
    found = {}
    for name, info in config.model_fields.items():
        if _mark(info).get("is_group"):
            members = _members(info.annotation)
            found[name] = tuple(member for member in members if member is not type(None))
    return found


def _members(kind: Any) -> tuple[Any, ...]:
    """Return the members of a union, or the type itself."""
    return get_args(kind) if get_origin(kind) in (Union, types.UnionType) else (kind,)


def options_of(config: type[BaseModel]) -> tuple[Option, ...]:
    """Return the options of a configuration: arguments first, groups of numbers at their place."""
    texts, groups = descriptions(config), groups_of(config)
    found: list[Option] = []
    for name, info in config.model_fields.items():
        if name not in groups:
            found.append(_option(name, info, texts))
            continue
        if type(None) in _members(info.annotation):
            found.append(Option(name=name, kind=bool, default=True, help=texts.get(name, "")))
        found += [o for o in _options_of_group(groups[name]) if o.name not in config.model_fields]
    return tuple(sorted(found, key=lambda one: not one.is_argument))


def by_place(
    places: Mapping[str, bool], values: Sequence[Any], named: Container[str] = ()
) -> dict[str, Any]:
    """Give values their names by their places.

    Parameters
    ----------
    places : mapping of str to bool
        Names of what is given by its place, in order, and whether it must be given.
    values : sequence
        As they were given; not more than places.
    named : container of str
        What was given by its name.

    Returns
    -------
    dict
        Where there are just as many values as must be given, what may be left out is left out: of
        ``WAVEFORMS [MODEL] SCORES`` two values are the first and the last.
    """
    needed = [name for name, must_be in places.items() if must_be]
    is_short = len(values) == len(needed) and not any(name in named for name in needed)
    return dict(zip(needed if is_short else places, values, strict=False))


def _option(name: str, info: FieldInfo, texts: Mapping[str, str]) -> Option:
    mark = {k: v for k, v in _mark(info).items() if k != "is_result"}
    return Option(
        name=name,
        kind=_kind(info.annotation),
        default=info.default,
        help=texts.get(name, ""),
        bounds=_bounds(info),
        is_model=_MODEL in info.metadata or ModelOption in _members(info.annotation),
        **mark,
    )


def _kind(annotation: Any) -> Any:
    """Return what an annotation says of a value that is given."""
    left = [_bare(member) for member in _members(annotation) if member is not type(None)]
    return left[0] if len(left) == 1 else Union[tuple(left)]  # noqa: UP007 - made of a list


def _bare(annotation: Any) -> Any:
    """Return a type without what pydantic is told of it, as in ``PathOption | None``."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def _bounds(info: FieldInfo) -> str:
    said = [
        text.format(f"{getattr(one, name):g}")
        for one in info.metadata
        for name, text in _BOUNDS.items()
        if isinstance(getattr(one, name, None), int | float)
    ]
    return " and ".join(said)


def _options_of_group(kinds: tuple[type, ...]) -> Iterator[Option]:
    """Yield the numbers of one class, or those of several, told apart by the class."""
    every: dict[str, list[tuple[str, Option]]] = {}
    for kind in kinds:
        for one in numbers_of(kind):
            every.setdefault(one.name, []).append((getattr(kind, "METHOD", ""), one))
    for same in every.values():
        first, is_shared = same[0][1], len(same) == len(kinds)
        if is_shared and all(one == first for _, one in same):
            yield first
        else:
            texts = (_of_method(method, one) for method, one in same)
            yield replace(first, default=None, help=" ".join(texts))


def _of_method(method: str, one: Option) -> str:
    text = f"{method}: {one.help[:1].lower()}{one.help[1:]}".rstrip(".")
    return f"{text}; by default {_in_words(one.default)}."


def _in_words(default: Any) -> str:
    if isinstance(default, bool):
        return "yes" if default else "no"
    if isinstance(default, tuple):
        return " ".join(map(_in_words, default))
    return f"{default:.4g}" if isinstance(default, float) else str(default)


def numbers_of(kind: type) -> Iterator[Option]:
    """Yield the numbers that a class declares, a dataclass or a configuration."""
    if issubclass(kind, BaseModel):
        yield from options_of(kind)
        return
    texts = descriptions(kind)
    front: Sequence[str] = getattr(kind, "FIRST", ())
    bounds: Mapping[str, str] = kind.bounds() if hasattr(kind, "bounds") else {}
    for field in fields(kind):  # type: ignore[arg-type]
        default = REQUIRED if field.default is MISSING else field.default
        yield Option(
            name=field.name,
            kind=field.type,
            default=default,
            help=texts.get(field.name, ""),
            bounds=bounds.get(field.name, ""),
            group="" if field.name in front else ADVANCED,
        )


def descriptions(kind: type) -> dict[str, str]:
    """Read what each parameter means from the docstrings (numpydoc) of a class and its bases."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__):
        found |= _parameters(base.__dict__.get("__doc__") or "")
    return found


def _parameters(docstring: str) -> dict[str, str]:
    _, _, section = inspect.cleandoc(docstring).partition("Parameters\n----------\n")
    section = re.split(r"\n\n[A-Z]\w+\n-+(?:\n|$)", section)[0]
    found: dict[str, str] = {}
    names: list[str] = []
    for line in section.splitlines():
        if line[:1].strip():
            names = [name.strip() for name in line.partition(" : ")[0].split(",")]
            found |= dict.fromkeys(names, "")
        else:
            found |= {name: f"{found[name]} {line.strip()}".strip() for name in names}
    return {name: _plain(text) for name, text in found.items()}


def _plain(text: str) -> str:
    """Return the text without the marks of reStructuredText."""
    return re.sub(r"`([^`]+)`", r"\1", re.sub(r"``([^`]+)``", r"'\1'", text))
