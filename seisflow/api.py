"""The Python functions of the stages: ``seisflow.ingest(...)`` does what ``seisflow ingest`` does.

Each is made from the configuration of its stage: the same names, defaults, checks and errors.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from seisflow.core.config import StageConfig
from seisflow.core.options import Option
from seisflow.core.reporting import SILENT
from seisflow.errors import ConfigError
from seisflow.registry import STAGES, config_of, perform, stage_of

__all__ = ["function_of"]

HOW: Mapping[str, tuple[Any, str, str]] = {
    "cluster": (
        "local",
        "str or distributed.Client",
        "Where tasks run: 'local' (processes of this machine), 'slurm', the address of a Dask "
        "scheduler, a TOML file, the name of a profile, or a Client, which stays open.",
    ),
    "workers": (
        None,
        "int, optional",
        "Worker processes of a local cluster; all cores by default.",
    ),
    "progress": (
        True,
        "bool",
        "Show progress and notes, on standard error or below the cell of a notebook.",
    ),
}
"""Keywords of all functions that run tasks."""


def function_of(name: str) -> Callable[..., Any]:
    """Return the function that runs a stage."""
    config = config_of(name)
    how = {key: value for key, value in HOW.items() if key in _how_of(name)}

    def function(*arguments: Any, **options: Any) -> Any:
        given = _named(name, config, arguments, options)
        run = {key: given.pop(key, default) for key, (default, _, _) in how.items()}
        reporter = SILENT if not run.pop("progress") else _console()
        stage = stage_of(name)
        return perform(
            stage(stage.Config.build(given)), reporter=reporter, **run
        ).refuse_incomplete()

    function.__name__ = function.__qualname__ = name
    function.__module__ = "seisflow"
    function.__signature__ = _signature(config, how)  # type: ignore[attr-defined]
    function.__doc__ = docstring_of(name)
    return function


def _how_of(name: str) -> tuple[str, ...]:
    return tuple(HOW) if STAGES[name].engine == "tasks" else ("progress",)


def _console() -> Any:
    from seisflow.console import CONSOLE

    return CONSOLE


def _named(
    name: str,
    config: type[StageConfig],
    arguments: tuple[Any, ...],
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """Give every value its name.

    Raises
    ------
    ConfigError
        There are more values than places, or one is given twice.
    """
    places = [option.name for option in config.options() if option.is_argument]
    if len(arguments) > len(places):
        raise ConfigError(
            f"{name}() takes {len(places)} values by place ({', '.join(places)}), found "
            f"{len(arguments)}; give the others by name"
        )
    given = dict(zip(places, arguments, strict=False))
    twice = sorted(given.keys() & options.keys())
    if twice:
        raise ConfigError(f"{name}(): {', '.join(twice)} given by place and by name; give it once")
    return {**given, **options}


def _signature(config: type[StageConfig], how: Mapping[str, Any]) -> inspect.Signature:
    place, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters = [
        inspect.Parameter(
            option.name,
            place if option.is_argument else named,
            annotation=option.kind,
            default=inspect.Parameter.empty if option.is_required else option.default,
        )
        for option in config.options()
    ]
    parameters += [
        inspect.Parameter(key, named, default=default) for key, (default, _, _) in how.items()
    ]
    return inspect.Signature(parameters)


def docstring_of(name: str) -> str:
    """Return the docstring (numpydoc) of the function of a stage."""
    config = config_of(name)
    text, _, _ = inspect.cleandoc(config.__doc__ or "").partition("\nParameters\n")
    lines = [text.strip(), "", "Parameters", "----------"]
    for option in config.options():
        lines += [f"{option.name} : {kind_text(option)}", f"    {_meaning(option)}"]
    lines += [
        line
        for key, (_, kind, meaning) in HOW.items()
        if key in _how_of(name)
        for line in (f"{key} : {kind}", f"    {meaning}")
    ]
    lines += ["", "Returns", "-------", "seisflow.engine.stage.Result"]
    lines += ["    With ``path``, ``summary`` and ``open()``.", "", "Raises", "------"]
    lines += ["seisflow.errors.SeisflowError", "    As the command ends; never an exit."]
    return "\n".join(lines)


def kind_text(option: Option) -> str:
    """Write the type of an option as numpydoc does."""
    if option.choices:
        kind = f"{{{', '.join(map(repr, option.choices))}}}"
    elif option.is_path:
        kind = "path"
    else:
        kind = getattr(option.kind, "__name__", str(option.kind))
        kind = str(option.kind) if option.is_many or option.n_values > 1 else kind
    if option.is_required:
        return kind
    return (
        f"{kind}, default {option.default!r}" if option.default is not None else f"{kind}, optional"
    )


def _meaning(option: Option) -> str:
    bounds = f" {option.bounds[:1].upper()}{option.bounds[1:]}." if option.bounds else ""
    return f"{option.help}{bounds}"
