"""The same versions everywhere, checked before the first task."""

import platform
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version

from seisflow.errors import ClusterError

__all__ = ["PACKAGES", "differences", "environment", "refuse_differences"]

PACKAGES = (
    "seisflow",
    "dask",
    "distributed",
    "numpy",
    "scipy",
    "zarr",
    "numcodecs",
    "obspy",
    "pymseed",
    "pydantic",
)


def environment() -> dict[str, str]:
    """Return the versions a result depends on, here and now."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "missing"
    return found


def differences(here: Mapping[str, str], there: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Compare this process with workers and scheduler.

    Parameters
    ----------
    here : mapping
        Versions of the client.
    there : mapping of mapping
        Versions by the address of each worker and of the scheduler.

    Returns
    -------
    list of str
        Every difference once, with who has it.
    """
    differing: dict[tuple[str, str], list[str]] = {}
    for address, versions in there.items():
        for package, mine in here.items():
            theirs = versions.get(package, "missing")
            if theirs != mine:
                differing.setdefault((package, theirs), []).append(address)
    return [
        f"{package}: client {here[package]}, found {theirs} on {len(who)} ({who[0]}, ...)"
        for (package, theirs), who in sorted(differing.items())
    ]


def refuse_differences(here: Mapping[str, str], there: Mapping[str, Mapping[str, str]]) -> None:
    """Go on if `differences` finds none.

    Raises
    ------
    ClusterError
        Something differs: every difference is listed.
    """
    lines = differences(here, there)
    if lines:
        raise ClusterError(
            "versions differ between the client and the cluster, so results could differ too:\n"
            + "\n".join(f"  {line}" for line in lines)
            + "\ninstall the same versions everywhere, for example from the same lock file"
        )
