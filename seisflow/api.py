"""The Python functions of the stages: ``seisflow.ingest(...)`` does what ``seisflow ingest`` does.

Each is made from the configuration of its stage: the same names, defaults, checks and errors.
`run`, `plan` and `status` do what the commands of these names do.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from seisflow.core.config import StageConfig
from seisflow.core.engine_options import ENGINE, OF_FUNCTIONS
from seisflow.core.files import AnyPath
from seisflow.core.options import Option, by_place
from seisflow.core.reporting import SILENT, Reporter
from seisflow.errors import ConfigError
from seisflow.registry import STAGES, config_of, perform, stage_of

if TYPE_CHECKING:
    from seisflow.campaign.planner import CampaignPlan
    from seisflow.campaign.running import CampaignResult
    from seisflow.campaign.status import ProductStatus
    from seisflow.engine.connection import Cluster

__all__ = ["function_of", "plan", "run", "status"]


def function_of(name: str) -> Callable[..., Any]:
    """Return the function that runs a stage."""
    config = config_of(name)
    how = engine_options_of(name)

    def function(*arguments: Any, **options: Any) -> Any:
        given = _named(name, config, arguments, options)
        run = {one.name: given.pop(one.name, one.default) for one in how}
        reporter = _reporter(run.pop("progress"))
        stage = stage_of(name)
        result = perform(stage(stage.Config.build(given)), reporter=reporter, **run)
        _tell_problems(result, reporter)
        return result.refuse_incomplete()

    function.__name__ = function.__qualname__ = name
    function.__module__ = "seisflow"
    function.__signature__ = _signature(config, how)  # type: ignore[attr-defined]
    function.__doc__ = docstring_of(name)
    return function


def run(
    campaign: str | AnyPath,
    until: str | None = None,
    only: str | None = None,
    *,
    cluster: "Cluster | None" = None,
    workers: int | None = None,
    progress: bool = True,
) -> "CampaignResult":
    """Run all stages of a campaign file, each resumable; end with one page.

    Parameters
    ----------
    campaign : path
        A TOML file with a table for every stage; its paths count from its folder.
    until : str, optional
        The last stage to run.
    only : str, optional
        The only stage to run, on what is there.
    cluster : str or distributed.Client, optional
        Where tasks run, instead of where the file says; a Client stays open.
    workers : int, optional
        Worker processes of a local cluster, likewise.
    progress : bool
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.campaign.running.CampaignResult
        With ``path``, ``summary``, ``to_dataframe()`` and the result of every stage, as
        ``result["label"]``.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit. Where a stage is incomplete, the error has what was
        made as its ``result``.
    """
    from seisflow.campaign.reading import read_campaign
    from seisflow.campaign.running import run_campaign

    return run_campaign(
        read_campaign(campaign),
        until=until,
        only=only,
        cluster=cluster,
        workers=workers,
        reporter=_reporter(progress),
    ).refuse_incomplete()


def plan(
    campaign: str | AnyPath, measure: bool = False, *, progress: bool = True
) -> "CampaignPlan":
    """Show what a campaign will take: tasks, files, bytes, memory and hours.

    Parameters
    ----------
    campaign : path
        What `run` takes. Only metadata are read: headers of the archive, or nothing where the
        file has a table ``[archive]``.
    measure : bool
        Measure this machine first, in about a minute, and keep its rates for other plans.
    progress : bool
        Show progress and notes, on standard error or below the cell of a notebook.

    Returns
    -------
    seisflow.campaign.planner.CampaignPlan
        With ``stages``, ``notes``, ``summary`` and ``to_dataframe()``; printed, it is a table.

    Raises
    ------
    seisflow.errors.SeisflowError
        As the command ends; never an exit.
    """
    from seisflow.campaign.planner import plan_campaign
    from seisflow.campaign.reading import read_campaign

    return plan_campaign(read_campaign(campaign), measure, _reporter(progress))


def status(product: str | AnyPath) -> "ProductStatus":
    """Show how far a product is: done, missing and failed tasks.

    Parameters
    ----------
    product : path
        Any product with tasks; it may be asked while the product is being made.

    Returns
    -------
    seisflow.campaign.status.ProductStatus
        With ``is_complete``, ``progress``, ``summary`` and ``to_dataframe()``, a row for every
        task; printed, it is a table.

    Raises
    ------
    seisflow.errors.SeisflowError
        There is no product.
    """
    from seisflow.campaign.status import status_of

    return status_of(product)


def engine_options_of(name: str) -> tuple[Option, ...]:
    """Return what the function of a stage takes beside the options of the stage."""
    return tuple(ENGINE[key] for key in OF_FUNCTIONS[STAGES[name].engine])


def _reporter(progress: bool) -> Reporter:
    if not progress:
        return SILENT
    from seisflow.console import CONSOLE

    return CONSOLE


def _tell_problems(result: Any, reporter: Reporter) -> None:
    """Tell what could not be used; a command prints it below its table."""
    if result.problems:
        from seisflow.engine.announcing import tell_problems

        tell_problems(result.problems, reporter, result.path, result.progress.n_problems)


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
    places = {o.name: o.is_required for o in config.options() if o.is_argument}
    if len(arguments) > len(places):
        raise ConfigError(
            f"{name}() takes {len(places)} values by place ({', '.join(places)}), found "
            f"{len(arguments)}; give the others by name"
        )
    given = by_place(places, arguments, options)
    twice = sorted(given.keys() & options.keys())
    if twice:
        raise ConfigError(f"{name}(): {', '.join(twice)} given by place and by name; give it once")
    return {**given, **options}


def _signature(config: type[StageConfig], how: tuple[Option, ...]) -> inspect.Signature:
    place, named = inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY
    parameters: list[inspect.Parameter] = []
    for option in config.options():
        is_behind = any(one.default is not inspect.Parameter.empty for one in parameters)
        missing = None if option.is_argument and is_behind else inspect.Parameter.empty
        parameters.append(
            inspect.Parameter(
                option.name,
                place if option.is_argument else named,
                annotation=option.kind,
                default=missing if option.is_required else option.default,
            )
        )
    parameters += [inspect.Parameter(one.name, named, default=one.default) for one in how]
    return inspect.Signature(parameters)


def docstring_of(name: str) -> str:
    """Return the docstring (numpydoc) of the function of a stage."""
    config = config_of(name)
    text, _, _ = inspect.cleandoc(config.__doc__ or "").partition("\nParameters\n")
    lines = [text.strip(), "", "Parameters", "----------"]
    for option in (*config.options(), *engine_options_of(name)):
        lines += [f"{option.name} : {kind_text(option)}", f"    {_meaning(option)}"]
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
    elif option.is_argument and option.is_many:
        kind = "path or sequence of path"
    else:
        kind = getattr(option.kind, "__name__", str(option.kind))
        kind = str(option.kind) if option.is_many or option.n_values > 1 else kind
    if option.is_required:
        return f"{kind} or None" if option.may_be_none else kind
    return (
        f"{kind}, default {option.default!r}" if option.default is not None else f"{kind}, optional"
    )


def _meaning(option: Option) -> str:
    bounds = f" {option.bounds[:1].upper()}{option.bounds[1:]}." if option.bounds else ""
    return f"{option.help}{bounds}"
