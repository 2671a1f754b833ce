"""Networks by name. A further one is a module here and a row in `NETWORKS`.

Each takes planes (B, 2, F, T) of `seisflow.stages.learn.front_end` and gives logits (B, n_classes).
It names its input channels after its own preparation in `channels`, for figures.
"""

from collections.abc import Callable

from torch import nn

from seisflow.errors import ConfigError
from seisflow.stages.learn.networks.compact import Compact
from seisflow.stages.learn.networks.published import Published
from seisflow.stages.learn.networks.recurrent import Recurrent

__all__ = ["NETWORKS", "build_network", "last_layer"]

Shape = tuple[int, int, int]

NETWORKS: dict[str, Callable[[Shape, int, float], nn.Module]] = {
    "published": Published,
    "compact": Compact,
    "recurrent": Recurrent,
}
"""Builder of each network, called with the shape of planes, the number of classes, and dropout."""


def build_network(
    name: str, shape: Shape, n_classes: int = 3, *, dropout: float = 0.0
) -> nn.Module:
    """Build a network with fresh weights.

    Parameters
    ----------
    name : str
        One of `NETWORKS`.
    shape : tuple of int
        Shape of a window's planes, (2, F, T).
    n_classes : int
        Number of outputs.
    dropout : float
        Share of values dropped before each dense layer in training, 0 to below 1.

    Returns
    -------
    Module
        Takes float32 (B, 2, F, T), returns logits (B, n_classes). Its weights follow torch's seed.

    Raises
    ------
    ConfigError
        There is no such network, or no such dropout.
    """
    if name not in NETWORKS:
        raise ConfigError(f"no network {name!r}; known: {', '.join(NETWORKS)}")
    if not 0 <= dropout < 1:
        raise ConfigError(f"dropout = {dropout}; give a number from 0 to below 1")
    return NETWORKS[name](shape, n_classes, dropout)


def last_layer(network: nn.Module) -> nn.Linear:
    """Return the layer whose outputs are the logits: the last dense one of a network."""
    return [module for module in network.modules() if isinstance(module, nn.Linear)][-1]
