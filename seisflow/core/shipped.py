"""Models that come with the package: folders below ``seisflow/models``, found by their names.

Wherever a trained model is read, what is given is a path, if there is something, or else the name
of one of these.
"""

from pathlib import Path

from seisflow.core.files import AnyPath
from seisflow.errors import ConfigError

__all__ = [
    "DEFAULT_MODEL",
    "default_model",
    "hint_of_shipped",
    "is_shipped",
    "shipped_model",
    "shipped_models",
    "where_it_is_here",
]

DEFAULT_MODEL = "universal"
"""The model that is taken where none is given."""
MODELS = Path(__file__).parents[1] / "models"
DOCUMENT = "model.json"


def shipped_models() -> tuple[str, ...]:
    """Return the names of the models that came with this installation."""
    return tuple(sorted(file.parent.name for file in MODELS.glob(f"*/{DOCUMENT}")))


def shipped_model(given: object, folder: AnyPath | None = None) -> Path | None:
    """Return the folder of the shipped model that is meant; None where a path is.

    Parameters
    ----------
    given : object
        What somebody gave for a model. A name without separator is meant, unless there is
        something of that name.
    folder : Path, optional
        From where paths count; by default the working directory.
    """
    name = str(given)
    if name not in shipped_models() or ((folder or Path()) / name).exists():
        return None
    return MODELS / name


def default_model() -> Path:
    """Return the model that is taken where none is given.

    Raises
    ------
    ConfigError
        It did not come with this installation.
    """
    if DEFAULT_MODEL not in shipped_models():
        raise ConfigError(
            f"no model was given, and none is shipped with this installation ({DEFAULT_MODEL} is "
            "the one that is taken); give the folder of a model that seisflow train has written"
        )
    return MODELS / DEFAULT_MODEL


def is_shipped(folder: AnyPath) -> bool:
    """Tell whether a folder is that of a shipped model, where nothing may be written."""
    return folder.parent == MODELS


def where_it_is_here(folder: AnyPath) -> AnyPath:
    """Return the folder of a model; of a shipped one that of this installation.

    A worker may have the package elsewhere than who asked.
    """
    own = MODELS / folder.name
    is_of_package = folder.parts[-3:-1] == MODELS.parts[-2:] and folder.name in shipped_models()
    return own if is_of_package and not folder.exists() else folder


def hint_of_shipped() -> str:
    """Name the shipped models, to be added to an error of a model that is not there."""
    names = shipped_models()
    return f", or the name of a shipped model: {', '.join(names)}" if names else ""
