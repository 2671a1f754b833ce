"""Optional libraries: what needs one, and what to install where it is missing.

`pip install seisflow` alone ingests, labels and opens; the extras of pyproject.toml do the rest.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from seisflow.errors import ConfigError

__all__ = ["EXTRAS", "needed_by"]

EXTRAS = {
    "dask_jobqueue": "slurm",
    "jinja2": "figures",
    "matplotlib": "figures",
    "s3fs": "s3",
    "safetensors": "train",
    "sklearn": "train",
    "tensorboard": "train",
    "torch": "train",
}
"""The extra that installs each optional library, by the name under which it is imported."""


@contextmanager
def needed_by(what: str) -> Iterator[None]:
    """Import inside; where an optional library is missing, say which, and how it is installed.

    Parameters
    ----------
    what : str
        What needs it, for the message, such as ``training``.

    Raises
    ------
    ConfigError
        A library of `EXTRAS` is not installed. Other imports that fail are faults of the program
        and stay what they are.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        library = (error.name or "").partition(".")[0]
        if library not in EXTRAS:
            raise
        raise ConfigError(
            f"{what} needs {library}, which is not installed: "
            f"pip install 'seisflow[{EXTRAS[library]}]'"
        ) from error
