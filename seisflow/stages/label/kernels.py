"""The correlations of a device: compiled for the CPU, or of PyTorch on a GPU."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from seisflow.dsp.correlation import (
    FloatMatrix,
    max_cross_correlation,
    template_cross_correlation,
)

__all__ = ["Kernels", "kernels_on"]


class Kernels(NamedTuple):
    """The kernels of one device.

    ``all_pairs(windows, max_lag_samples=...)`` is `max_cross_correlation` and
    ``with_templates(windows, templates, max_lag_samples=...)`` `template_cross_correlation` of
    `seisflow.dsp.correlation`, or what does the same.
    """

    all_pairs: Callable[..., FloatMatrix]
    with_templates: Callable[..., FloatMatrix]


def kernels_on(device: str) -> Kernels:
    """Return the kernels of a device that `resolve_device` found.

    Parameters
    ----------
    device : str
        ``"cpu"``: the compiled kernel. Any other is torch's: ``"cuda"``, or for tests ``"cpu:0"``.
    """
    if device == "cpu":
        return Kernels(max_cross_correlation, template_cross_correlation)
    from seisflow.stages.label import torch_correlation

    return Kernels(
        partial(torch_correlation.torch_max_cross_correlation, device=device),
        partial(torch_correlation.torch_template_cross_correlation, device=device),
    )
