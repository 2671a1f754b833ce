"""Typed stubs of the public functions: what editors show, and what mypy checks calls against."""

import builtins
import textwrap
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import seisflow
from seisflow.api import docstring_of, engine_options_of
from seisflow.core.files import AnyPath
from seisflow.core.options import Option
from seisflow.registry import STAGES, config_of

__all__ = ["signature_of", "stubs"]

HEAD = '''\
"""Written by ``python -m seisflow.reference`` from the configurations of the stages."""

from collections.abc import Sequence
from typing import Literal

from seisflow.core.files import AnyPath
from seisflow.engine.connection import Cluster
from seisflow.engine.stage import Result
'''
WIDTH = 96
SHADOWS = "  # noqa: A004 - the name users type behind seisflow."


def stubs() -> str:
    """Return the text of ``seisflow/__init__.pyi``."""
    homes = sorted(vars(seisflow)["_HOMES"].items(), key=lambda home: home[1])
    imports = [
        f"from {module} import {attribute} as {name}{SHADOWS if hasattr(builtins, name) else ''}"
        for name, (module, attribute) in homes
    ]
    names = "".join(f'    "{name}",\n' for name in seisflow.__all__)
    head, last = HEAD.rsplit("\n\n", 1)
    block = "\n".join(sorted([*last.splitlines(), *imports], key=_module))
    lines = [f"{head}\n\n{block}\n", f"__all__ = [\n{names}]\n", "__version__: str\n"]
    return "\n".join([*lines, *(_function(stage) for stage in STAGES)])


def _module(line: str) -> str:
    return line.split()[1]


def _function(stage: str) -> str:
    """Write the stub of the function of a stage, with its docstring."""
    text = "\n".join(_wrapped(docstring_of(stage)))
    body = textwrap.indent(f'"""{text}\n"""', "    ", lambda line: bool(line.strip()))
    return f"{signature_of(stage)}\n{body}\n"


def signature_of(stage: str) -> str:
    """Write the signature of the function of a stage."""
    options = (*config_of(stage).options(), *engine_options_of(stage))
    lines: list[str] = []
    for option in (one for one in options if one.is_argument):
        # behind one that may be left out, what must be given cannot be said so
        is_behind = option.is_required and any(" = " in line for line in lines)
        lines.append(_parameter(option) + (" = ..." if is_behind else ""))
    lines += ["*", *(_parameter(option) for option in options if not option.is_argument)]
    inside = "".join(f"    {line},\n" for line in lines)
    return f"def {stage}(\n{inside}) -> Result:"


def _parameter(option: Option) -> str:
    kind = "Cluster" if option.name == "cluster" else annotation(option.kind)
    if option.is_argument and option.is_many:
        kind = "Sequence[str | AnyPath] | str | AnyPath"  # one path is a list of one
    if option.may_be_none and option.is_required:
        kind = f"{kind} | None"
    if option.is_required:
        return f"{option.name}: {kind}"
    given = repr(option.default).replace("'", '"')
    return f"{option.name}: {kind}{' | None' if option.default is None else ''} = {given}"


def annotation(kind: Any) -> str:
    """Write the type of what can be given for an option."""
    if kind == AnyPath:
        return "str | AnyPath"
    members = get_args(kind)
    if get_origin(kind) is tuple:
        inner = ", ".join("..." if one is Ellipsis else annotation(one) for one in members)
        one = " | str" if members == (str, Ellipsis) else ""  # one text is a list of one
        return f"tuple[{inner}] | list[{annotation(members[0])}]{one}"
    if members and str(get_origin(kind)) == "typing.Literal":
        return "Literal[" + ", ".join(f'"{choice}"' for choice in members) + "]"
    return " | ".join(annotation(one) for one in members) if members else kind.__name__


def _wrapped(docstring: str) -> Iterator[str]:
    """Yield the lines of a docstring, none too long."""
    for line in docstring.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        wrapped = textwrap.wrap(
            line, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        yield from wrapped or [""]
