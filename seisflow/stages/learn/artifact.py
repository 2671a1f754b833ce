"""The model as it lies on the disk: a folder with weights and a document.

    MODEL/weights.safetensors   arrays, no code
    MODEL/model.json            network, front end, classes, rate, training, metrics, versions, key

Other files of the folder (history, figures, checkpoints) belong to whoever wrote them.

Invariants: the key is a fingerprint of the weights, the network and the front end, and is checked
when a model is loaded, so what is loaded is what was saved. A file has its final name only when it
is whole. The document is written after the weights.
"""

import hashlib
import json
import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save

from seisflow.archive.store import storage_errors
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath, any_path, is_store_trouble, whole_file
from seisflow.core.shipped import hint_of_shipped, shipped_model, where_it_is_here
from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.classifier import Classifier
from seisflow.stages.learn.forest import Forest
from seisflow.stages.learn.front_end import FrontEnd, FrontEndConfig
from seisflow.stages.learn.model import CLASSES, Model
from seisflow.stages.learn.networks import build_network

__all__ = ["CLASSES", "DOCUMENT", "WEIGHTS", "Model", "load_model", "model_document", "save_model"]

FORMAT = 1
DOCUMENT = "model.json"
WEIGHTS = "weights.safetensors"
PACKAGES = ("seisflow", "torch", "numpy", "scipy", "safetensors", "scikit-learn")
NEEDED = ("network", "front_end", "classes", "rate_hz", "key")

Tensors = dict[str, torch.Tensor]


def model_document(
    classifier: Classifier | Forest,
    *,
    training: Mapping[str, Any] | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Say what a model is, as model.json holds it.

    Parameters
    ----------
    classifier : Classifier or Forest
        The model.
    training : mapping, optional
        How it was trained: configuration, key of the WAVELETS, counts.
    metrics : mapping, optional
        How well it does.

    Returns
    -------
    dict
        ``format``, ``network`` (name and what it was built with), ``front_end``, ``classes``,
        ``rate_hz``, ``training``, ``metrics``, ``versions`` and ``key``. Plain JSON: NaN and
        infinite numbers are None.
    """
    network, front_end = _network_of(classifier), asdict(classifier.front_end.config)
    document = {
        "format": FORMAT,
        "network": network,
        "front_end": front_end,
        "classes": list(CLASSES),
        "rate_hz": classifier.front_end.config.rate_hz,
        "training": dict(training or {}),
        "metrics": dict(metrics or {}),
        "versions": {"python": platform.python_version()} | {p: version(p) for p in PACKAGES},
        "key": _key(_tensors_of(classifier), network, front_end),
    }
    plain: dict[str, Any] = _plain(document)
    return plain


def save_model(
    folder: str | AnyPath,
    classifier: Classifier | Forest,
    document: Mapping[str, Any],
    *,
    overwrite: bool = False,
) -> None:
    """Write a model's weights and document; other files of the folder stay.

    Each file is written aside, flushed and renamed, so the same model may be saved again at any
    time, as when metrics are added. Interrupted between the two files of another model, the folder
    is refused by `load_model` until one is saved again.

    Parameters
    ----------
    folder : path
        Made where it does not exist.
    classifier : Classifier or Forest
        The model.
    document : mapping
        From `model_document` for this classifier, or that with more in it.
    overwrite : bool
        Whether another model that stands there may be replaced.

    Raises
    ------
    ConfigError
        Another model stands there; or the document is that of another classifier.
    StorageError
        The place cannot be written.
    """
    folder, tensors = any_path(folder), _tensors_of(classifier)
    network, front_end = _network_of(classifier), asdict(classifier.front_end.config)
    key = _key(tensors, network, front_end)
    if document.get("key") != key:
        raise ConfigError(
            f"the document has key {document.get('key')}, the classifier {key}; make the document "
            "by model_document after the last change of weights"
        )
    standing = _standing_key(folder)
    if standing not in (None, key) and not overwrite:
        raise ConfigError(
            f"{folder} holds another model (key {standing}); choose another folder, or ask for it "
            "to be overwritten"
        )
    with storage_errors(folder):
        with whole_file(folder / WEIGHTS) as file:
            file.write(save(tensors))
        with whole_file(folder / DOCUMENT, "w") as file:
            file.write(json.dumps(_plain(document), indent=1) + "\n")


def load_model(
    folder: str | AnyPath,
    *,
    rate_hz: float | None = None,
    classes: Sequence[str] | None = None,
) -> Model:
    """Load a model onto the CPU.

    Parameters
    ----------
    folder : path
        Where `save_model` put it, or the name of a shipped model.
    rate_hz : float, optional
        Samples per second of the data it is wanted for.
    classes : sequence of str, optional
        Names of the classes that are expected, in order.

    Returns
    -------
    Model
        In evaluation mode.

    Raises
    ------
    ConfigError
        There is no such folder; the model is for another rate or other classes.
    DataError
        The folder holds no model, one in another format, or one that was damaged.
    """
    folder = where_it_is_here(shipped_model(folder) or any_path(folder))
    if not folder.is_dir():
        raise ConfigError(
            f"{folder} is not a folder; give one that seisflow train has written{hint_of_shipped()}"
        )
    document = _read_document(folder / DOCUMENT)
    _refuse_unfit(folder, document, rate_hz, classes)
    tensors = _read_weights(folder / WEIGHTS)
    key = _key(tensors, document["network"], document["front_end"])
    if key != document["key"]:
        raise DataError(
            f"{folder}: {WEIGHTS} and {DOCUMENT} do not belong together or one was changed: key "
            f"{document['key']} is written, {key} is found; train or copy the model again"
        )
    try:
        config = FrontEndConfig(**document["front_end"])
        return Model(_restore(document, config, tensors), document)
    except (KeyError, RuntimeError, TypeError, ValueError) as error:
        raise DataError(
            f"{folder}: {DOCUMENT} does not describe a model that this version can build: {error}"
        ) from error


def _network_of(classifier: Classifier | Forest) -> dict[str, Any]:
    if isinstance(classifier, Forest):
        return {"name": "forest", **classifier.settings}
    return {"name": classifier.name, "dropout": classifier.dropout}


def _tensors_of(classifier: Classifier | Forest) -> Tensors:
    if isinstance(classifier, Forest):
        return {name: torch.from_numpy(a) for name, a in classifier.arrays().items()}
    state = classifier.network.state_dict()
    return {name: t.detach().cpu().contiguous() for name, t in state.items()}


def _restore(
    document: Mapping[str, Any], config: FrontEndConfig, tensors: Tensors
) -> Classifier | Forest:
    network = dict(document["network"])
    name = network.pop("name")
    if name == "forest":
        arrays = {name: tensor.numpy() for name, tensor in tensors.items()}
        return Forest(front_end=FrontEnd(config), settings=network, **arrays)
    with torch.device("meta"):  # weights come from the file, so none are drawn
        built = build_network(name, config.shape, len(document["classes"]), **network)
    built.load_state_dict(tensors, assign=True)
    classifier = Classifier(FrontEnd(config), built, name, network["dropout"])
    return classifier.eval()


def _key(tensors: Tensors, network: Mapping[str, Any], front_end: Mapping[str, Any]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.numpy().tobytes())
    return fingerprint([digest.hexdigest(), dict(network), dict(front_end)])


def _read_document(path: AnyPath) -> dict[str, Any]:
    folder = path.parent
    if not path.exists():
        raise DataError(f"{folder} holds no {path.name}, so no finished model; train it first")
    try:
        document = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        if is_store_trouble(error):
            raise
        raise DataError(f"{path} cannot be read: {error}; copy the model again") from error
    if not isinstance(document, dict) or "format" not in document:
        raise DataError(f"{path} was not written by seisflow; give a folder of seisflow train")
    if document["format"] != FORMAT:
        raise DataError(
            f"{folder} is a model in format {document['format']}, this version reads {FORMAT}; "
            "use the version of seisflow that made it, or train again"
        )
    missing = [name for name in NEEDED if name not in document]
    if missing:
        raise DataError(f"{path} lacks {', '.join(missing)}; copy the model again")
    if not _is_sound(document):
        raise DataError(
            f"{path} is not as seisflow writes it: network and front_end must be objects with a "
            "name and a rate_hz, classes a list of names, rate_hz that of front_end; copy the "
            "model again"
        )
    return document


def _is_sound(document: Mapping[str, Any]) -> bool:
    """Whether what is needed has the kinds it is used as."""
    network, front_end, classes = (document[name] for name in NEEDED[:3])
    return (
        isinstance(network, dict)
        and isinstance(network.get("name"), str)
        and isinstance(front_end, dict)
        and isinstance(document["rate_hz"], int)
        and front_end.get("rate_hz") == document["rate_hz"]
        and isinstance(classes, list)
        and all(isinstance(name, str) for name in classes)
    )


def _refuse_unfit(
    folder: AnyPath,
    document: Mapping[str, Any],
    rate_hz: float | None,
    classes: Sequence[str] | None,
) -> None:
    problems = []
    if rate_hz is not None and rate_hz != document["rate_hz"]:
        problems.append(
            f"is for {document['rate_hz']} samples/s, the data have {rate_hz:g}: bins of a "
            "spectrum would not be the same frequencies; train a model at this rate"
        )
    expected = CLASSES if classes is None else tuple(classes)
    if expected != tuple(document["classes"]):
        problems.append(
            f"has the classes {', '.join(document['classes'])}, wanted are {', '.join(expected)}; "
            "give a model with these, in this order"
        )
    if problems:
        raise ConfigError(f"the model {folder} " + "; and ".join(problems))


def _read_weights(path: AnyPath) -> Tensors:
    try:
        tensors: Tensors = load(path.read_bytes())
    except (OSError, SafetensorError) as error:
        if is_store_trouble(error):
            raise
        raise DataError(f"{path} cannot be read: {error}; copy or train the model again") from error
    return tensors


def _standing_key(folder: AnyPath) -> str | None:
    """Key of the model that stands there, None where there is none."""
    if not (folder / DOCUMENT).exists():
        return None
    try:
        return str(_read_document(folder / DOCUMENT).get("key"))
    except DataError:
        return "unknown: its document is damaged"


def _plain(content: Any) -> Any:
    """JSON content with numbers that JSON has."""
    if isinstance(content, Mapping):
        return {str(name): _plain(value) for name, value in content.items()}
    if isinstance(content, list | tuple):
        return [_plain(value) for value in content]
    if isinstance(content, np.ndarray | np.generic):
        return _plain(content.tolist())
    if isinstance(content, float) and not math.isfinite(content):
        return None
    return content
