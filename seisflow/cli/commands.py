"""Commands made from configurations: what can be typed is what a `StageConfig` declares.

Typer builds the command line; here a signature is written for it, an option for every
`seisflow.core.options.Option`. Values stay text, and the configuration checks them: so that the
command, a campaign file and Python refuse the same things in the same words.
"""

import inspect
import re
import types
from collections.abc import Callable
from typing import Annotated, Any, get_args

import typer
from typer.core import TyperCommand

from seisflow.cli.options import ENGINE_OPTIONS
from seisflow.core.options import Option, by_place
from seisflow.registry import STAGES, config_of

__all__ = ["StageCommand", "command_of"]

TYPES = {int: "INTEGER", float: "FLOAT", str: "TEXT"}


class StageCommand(TyperCommand):
    """A command among whose arguments may be one that can be left out before those that cannot."""

    def make_parser(self, ctx: Any) -> Any:
        """Return a parser that gives arguments their places as `by_place` does."""
        parser: Any = super().make_parser(ctx)
        parse = parser.parse_args
        arguments = [one for one in self.params if one.param_type_name == "argument"]
        places = {str(one.name): one.required for one in arguments}

        def parse_args(args: list[str]) -> Any:
            values, *rest = parse(args)
            given = [values[name] for name in places if values[name] is not None]
            return ({**values, **dict.fromkeys(places), **by_place(places, given)}, *rest)

        if not all(places.values()):
            parser.parse_args = parse_args
        return parser


def command_of(name: str) -> Callable[..., None]:
    """Return the function of a command that runs a stage, for Typer."""
    config = config_of(name)
    options = config.options()
    shared = ENGINE_OPTIONS[STAGES[name].engine]

    def command(**values: Any) -> None:
        from seisflow.cli.performing import perform_command

        engine = {key: values.pop(key) for key in shared}
        given = {key: value for key, value in values.items() if value not in (None, [], ())}
        perform_command(name, given, **engine)

    parameters = [_parameter(option) for option in options]
    parameters += [
        inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, annotation=kind, default=default)
        for key, (kind, default) in shared.items()
    ]
    command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    command.__doc__ = help_of(config)
    command.__name__ = name
    return command


def help_of(config: type) -> str:
    """Return the docstring of a configuration without its parameters, which options show."""
    text = inspect.cleandoc(config.__doc__ or "")
    return re.sub(r"Parameters\n-+\n.*?(?=\n[A-Z]\w+\n-+\n|\Z)", "", text, flags=re.DOTALL).strip()


def _parameter(option: Option) -> inspect.Parameter:
    info = _argument(option) if option.is_argument else _option(option)
    default = inspect.Parameter.empty if option.is_required else None
    kind = _type_of(option, is_optional=not option.is_required)
    named = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(option.name, named, annotation=Annotated[kind, info], default=default)


def _type_of(option: Option, *, is_optional: bool) -> Any:
    """Return how Typer takes an option: flags as flags, all else as text."""
    kind: Any = str
    if _is_flag(option):
        kind = bool
    elif option.is_many:
        kind = list[str]
    elif option.n_values > 1:
        kind = types.GenericAlias(tuple, (str,) * option.n_values)
    return kind | None if is_optional else kind


def _is_flag(option: Option) -> bool:
    """Tell whether a name alone says it; where the default depends, yes or no must be said."""
    return option.kind is bool and option.default is not None


def _argument(option: Option) -> Any:
    metavar = option.metavar.removesuffix("...")  # Typer says itself that there may be many
    return typer.Argument(metavar=metavar, help=option.help, show_default=False)


def _option(option: Option) -> Any:
    names = [f"--{option.dashed}", *([option.short] if option.short else [])]
    if option.kind is bool and option.default is True:
        names[0] += f"/--no-{option.dashed}"
    return typer.Option(
        *names,
        help=_help(option),
        metavar=None if _is_flag(option) else _metavar(option),
        show_default=False,  # of text that Typer does not know: it stands in the help
        rich_help_panel=option.group or None,
    )


def _help(option: Option) -> str:
    many = "May be repeated." if option.is_many else ""
    bounds = f"{option.bounds[:1].upper()}{option.bounds[1:]}." if option.bounds else ""
    default = _default_text(option)
    shown = f"[default: {default}]" if default else ""
    return " ".join(part for part in (option.help, bounds, many, shown) if part)


def _metavar(option: Option) -> str:
    if option.choices or option.kind is bool:
        return f"[{'|'.join(map(str, option.choices or ('yes', 'no')))}]"
    if option.is_path:
        return "PATH"
    kinds = get_args(option.kind) if option.is_many or option.n_values > 1 else (option.kind,)
    return " ".join(TYPES.get(kind, "TEXT") for kind in kinds if kind is not Ellipsis)


def _default_text(option: Option) -> str:
    if option.is_required or option.default is None or option.default is False:
        return ""
    if option.kind is bool:
        return option.dashed
    if isinstance(option.default, tuple):  # of none, as of stations, nothing is shown
        return " ".join(f"{value:g}" for value in option.default)
    return f"{option.default:g}" if isinstance(option.default, float) else str(option.default)
