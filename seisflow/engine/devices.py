"""Devices a user may ask for: the CPU, or a GPU with PyTorch.

torch is imported only where a GPU is asked for: everything runs where it is not installed.
"""

from typing import Literal

from seisflow.errors import ConfigError

__all__ = ["DEVICES", "Device", "check_device", "resolve_device"]

Device = Literal["cpu", "cuda", "auto"]
"""The same, as a type."""

DEVICES = ("cpu", "cuda", "auto")
"""Devices a user may ask for."""


def check_device(name: str) -> None:
    """Refuse what is no name of a device, wherever it is to be.

    Raises
    ------
    ConfigError
        The name is none of `DEVICES`.
    """
    if name not in DEVICES:
        raise ConfigError(
            f"no device {name!r}; known: {', '.join(DEVICES)}; one GPU of several is chosen with "
            f"the environment variable CUDA_VISIBLE_DEVICES"
        )


def resolve_device(name: str) -> str:
    """Turn what a user asked for into the device that will be used.

    Parameters
    ----------
    name : str
        ``"cpu"``: the kernel of `seisflow.dsp.correlation`; torch is not imported. ``"cuda"``: a
        GPU, or an error. ``"auto"``: a GPU where torch is installed and sees one, else the CPU.
        Which GPU of several is CUDA's choice, made with CUDA_VISIBLE_DEVICES for each process:
        an index here would send all workers to the same one.

    Returns
    -------
    str
        ``"cpu"`` or ``"cuda"``.

    Raises
    ------
    ConfigError
        The name is not one of the three, or ``"cuda"`` cannot be had.
    """
    check_device(name)
    if name == "cpu":
        return "cpu"
    missing = _why_no_cuda()
    if missing and name == "cuda":
        raise ConfigError(
            f"device 'cuda' asked for, but {missing}; give --device cpu or auto, or install "
            "PyTorch built for CUDA on a machine with a GPU"
        )
    return "cpu" if missing else "cuda"


def _why_no_cuda() -> str:
    """Say why there is no GPU to compute on; nothing where there is one."""
    try:
        import torch
    except ModuleNotFoundError as error:
        return f"torch is not installed ({error})"
    except (ImportError, OSError) as error:
        return f"torch cannot be imported ({error})"
    if not torch.cuda.is_available():
        return f"torch {torch.__version__} sees no GPU"
    return ""
