"""Dask under our settings: what a user or a site configures for other programs stays out of it.

Dask reads ``/etc/dask``, ``~/.config/dask``, ``$DASK_CONFIG`` and the variables ``DASK_*`` when it
is imported, and again in every worker process: a lifetime of workers, a preload, a default of
jobqueue or a file that is no YAML would reach or end our runs. Whoever imports Dask imports this
module first; `own_settings` holds while a cluster is open.

Invariant: of a user's configuration only `USERS` is ever used, and nothing in it ends a command.
"""

import logging
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from typing import Any

from seisflow.errors import ConfigError

__all__ = ["USERS", "dashboard_link", "own_settings", "users_settings"]

LOG = logging.getLogger(__name__)
NOWHERE = "/nonexistent"
USERS = (
    "distributed.dashboard.link",
    "distributed.comm.tls",
    "distributed.comm.require-encryption",
    "distributed.client.security-loader",
    "distributed.scheduler.dashboard.tls.cert",
)
"""How the dashboard is reached, and what a scheduler of the user's asks of its clients."""


@contextmanager
def _environment(**changes: str) -> Iterator[None]:
    """Hide the variables of Dask and set others, for this process and those it starts."""
    hidden = {name for name in os.environ if name.startswith("DASK_")}
    before = {name: os.environ.get(name) for name in hidden | changes.keys()}
    for name in hidden:
        del os.environ[name]
    os.environ.update(changes)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name, None)
            if value is not None:
                os.environ[name] = value


IS_FIRST = "dask" not in sys.modules
"""Whether this process is ours, and not one that uses Dask for something else as well."""
with _environment(HOME=NOWHERE, DASK_ROOT_CONFIG=NOWHERE):
    try:
        import dask.config
    except ValueError as error:  # of a file in the Python installation itself
        raise ConfigError(f"{error}\nmend that file, or remove it") from error
if IS_FIRST:
    dask.config.paths.clear()  # where `refresh` looks, as each worker process does
    dask.config.refresh(env={})


@contextmanager
def own_settings(settings: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[None]:
    """Configure Dask with its defaults and these settings alone, as they were before at the end.

    Parameters
    ----------
    settings : mapping
        By the names of Dask, such as ``distributed.worker.memory.pause``.
    variables : mapping of str
        Of the environment of this process and its workers, whatever the user has set.
    """
    before = deepcopy(dask.config.config)
    with _environment(**variables):
        dask.config.refresh(paths=[], env={})
        dask.config.set(settings)
        try:
            yield
        finally:
            dask.config.refresh(paths=[], env={})  # defaults of what was imported meanwhile
            dask.config.update(dask.config.config, before)


def users_settings() -> dict[str, Any]:
    """Return what the user's configuration says of `USERS`; a file that is no YAML is named."""
    found: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that Dask has given up
        for path in _files():
            found = dask.config.merge(found, _collected([path], {}))
        found = dask.config.merge(found, _collected([], os.environ))
    asked = {name: dask.config.get(name, None, config=found) for name in USERS}
    return {name: value for name, value in asked.items() if value is not None}


def _files() -> Iterator[str]:
    """Yield the user's files in the order in which Dask reads them: the last word counts."""
    for name in dask.config._get_paths():
        path = Path(name)
        inside = sorted(path.glob("*")) if path.is_dir() else [path]
        yield from (str(f) for f in inside if f.suffix.lower() in (".yaml", ".yml", ".json"))


def _collected(paths: list[str], variables: Mapping[str, str]) -> dict[str, Any]:
    try:
        return dict(dask.config.collect(paths, variables))
    except (ValueError, TypeError, AttributeError) as error:  # no YAML, or no tree of settings
        what = paths[0] if paths else "the variables DASK_*"
        reason = " ".join(str(error).rpartition("original error message:")[2].split())
        LOG.warning("the configuration of Dask in %s is left out: %s", what, reason)
        return {}


def dashboard_link(
    users: Mapping[str, Any], host: str, port: int | None, scheme: str = "http"
) -> str:
    """Return where a dashboard is, as the user's template has it where that can be filled in.

    Parameters
    ----------
    users : mapping
        Of `users_settings`.
    host : str
        Of the scheduler.
    port : int or None
        None where it serves no dashboard.
    scheme : {'http', 'https'}
        How it is spoken to.
    """
    if port is None:
        return "none"
    plain = f"{scheme}://{host}:{port}/status"
    template = users.get("distributed.dashboard.link", plain)
    try:
        return str(template.format(**{**os.environ, "scheme": scheme, "host": host, "port": port}))
    except (LookupError, ValueError, AttributeError, TypeError):  # a variable not set here
        return plain
