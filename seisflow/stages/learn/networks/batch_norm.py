"""Batch normalisation that does not depend on how a batch is shared among processes.

torch's own takes each process's part for the batch, and its synchronised kind runs on GPUs only.
"""

import torch
import torch.distributed as dist
from torch import nn

__all__ = ["BatchNorm"]


class BatchNorm(nn.BatchNorm2d):
    """`torch.nn.BatchNorm2d` whose batch in training is that of all processes.

    With one process it is `torch.nn.BatchNorm2d`. With more, sums and counts are added over all
    of the default process group, and gradients flow back through them; parts may differ in size.
    Variances are taken about the common mean, as torch's own are.
    """

    def forward(self, planes: torch.Tensor) -> torch.Tensor:
        """Normalise (B, C, H, W) for each channel."""
        if not (self.training and _n_processes() > 1):
            normalised: torch.Tensor = super().forward(planes)
            return normalised
        values = planes.float()
        count = torch.full_like(values[0, :1, 0, 0], values[:, 0].numel())
        total = _sum_over_processes(torch.cat([values.sum(dim=(0, 2, 3)), count]))
        n_values = total[-1].detach()
        mean = total[:-1] / n_values
        centred = values - mean[:, None, None]
        variance = _sum_over_processes(centred.square().sum(dim=(0, 2, 3))) / n_values
        self._remember(mean.detach(), variance.detach() * n_values / (n_values - 1))
        scale = self.weight * torch.rsqrt(variance + self.eps)
        return (centred * scale[:, None, None] + self.bias[:, None, None]).to(planes.dtype)

    def _remember(self, mean: torch.Tensor, variance: torch.Tensor) -> None:
        """Move the running moments; `variance` is the one with n - 1."""
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        momentum = 0.1 if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, momentum)
        self.running_var.lerp_(variance, momentum)


def _n_processes() -> int:
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


class _Sum(torch.autograd.Function):
    """Sum over processes, whose gradient is the sum of their gradients."""

    @staticmethod
    def forward(_: object, values: torch.Tensor) -> torch.Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(_: object, *gradients: torch.Tensor) -> torch.Tensor:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return total


def _sum_over_processes(values: torch.Tensor) -> torch.Tensor:
    total: torch.Tensor = _Sum.apply(values)  # type: ignore[no-untyped-call]
    return total
