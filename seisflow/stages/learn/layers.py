"""What the parts of a classifier make of a window, for figures.

The functions take a `seisflow.stages.learn.model.Model`, NumPy in and NumPy out, so that who draws
needs no torch.
"""

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from seisflow.errors import ConfigError
from seisflow.stages.learn.classifier import Classifier
from seisflow.stages.learn.front_end import FrontEnd
from seisflow.stages.learn.model import Model

__all__ = ["feature_maps", "filtered", "first_filters", "input_channels", "planes"]

FloatArray = npt.NDArray[np.float32]


def filtered(model: Model, samples: npt.ArrayLike) -> FloatArray:
    """Windows as the front end hands them to the STFT.

    Parameters
    ----------
    model : Model
        Any model.
    samples : array_like, shape (n, window_samples + 2 * halo_samples)
        Counts.

    Returns
    -------
    ndarray of float32, shape (n, window_samples)
        In the model's band, largest magnitude 1.
    """
    front_end = model.classifier.front_end
    return _to_numpy(front_end.filtered(_rows(samples, front_end)))


def planes(model: Model, samples: npt.ArrayLike) -> FloatArray:
    """Amplitude and phase of windows.

    Parameters
    ----------
    model : Model
        Any model.
    samples : array_like, shape (n, window_samples + 2 * halo_samples)
        Counts.

    Returns
    -------
    ndarray of float32, shape (n, 2, F, T)
        Amplitude, and phase in radians; bin k is k Hz, frame m is centred m * 0.1 s after the
        first sample of the window.
    """
    front_end = model.classifier.front_end
    return _to_numpy(front_end(_rows(samples, front_end)))


def first_filters(model: Model) -> FloatArray:
    """Weights of the first convolution.

    Parameters
    ----------
    model : Model
        A model with a network.

    Returns
    -------
    ndarray of float32, shape (n_filters, n_channels, height, width)
        Height runs along frequency, width along time; channels are `input_channels`.

    Raises
    ------
    ConfigError
        The model has no network.
    """
    convolutions = _convolutions(_classifier(model, "filters"))
    return _to_numpy(convolutions[0].weight)


def input_channels(model: Model) -> tuple[str, ...]:
    """Names of what the first convolution reads.

    Parameters
    ----------
    model : Model
        A model with a network.

    Returns
    -------
    tuple of str
        As many as channels of `first_filters`.

    Raises
    ------
    ConfigError
        The model has no network.
    """
    network = _classifier(model, "channels").network
    return tuple(getattr(network, "channels", ()))


def feature_maps(model: Model, samples: npt.ArrayLike) -> list[FloatArray]:
    """Return what each convolution makes of one window.

    Parameters
    ----------
    model : Model
        A model with a network.
    samples : array_like, shape (window_samples + 2 * halo_samples,)
        Counts of one window and its halo.

    Returns
    -------
    list of ndarray of float32, shape (n_filters, rows, columns)
        One for each convolution, first to last, before normalisation and ReLU; rows run along
        frequency, columns along time.

    Raises
    ------
    ConfigError
        The model has no network.
    DataError
        `samples` has another length.
    """
    classifier = _classifier(model, "feature maps")
    maps: list[FloatArray] = []

    def keep(_module: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        maps.append(_to_numpy(output[0]))

    hooks = [module.register_forward_hook(keep) for module in _convolutions(classifier)]
    was_training = classifier.training
    try:
        classifier.eval()
        with torch.inference_mode():
            classifier(_rows(samples, classifier.front_end).reshape(1, -1))
    finally:
        classifier.train(was_training)
        for hook in hooks:
            hook.remove()
    return maps


def _classifier(model: Model, wanted: str) -> Classifier:
    if not isinstance(model.classifier, Classifier):
        kind = model.document["network"]["name"]
        raise ConfigError(f"a {kind} has no {wanted}; give a model with a convolutional network")
    return model.classifier


def _convolutions(classifier: Classifier) -> list[nn.Conv2d]:
    return [module for module in classifier.network.modules() if isinstance(module, nn.Conv2d)]


def _rows(samples: npt.ArrayLike, front_end: FrontEnd) -> torch.Tensor:
    """Put samples where the front end is."""
    return torch.tensor(np.asarray(samples, dtype=np.float32), device=front_end.taps.device)


def _to_numpy(values: torch.Tensor) -> FloatArray:
    found: FloatArray = values.detach().float().cpu().numpy()
    return found
