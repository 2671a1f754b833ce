"""All-pairs maximum of the normalised cross-correlation on a GPU, with PyTorch.

The contract is that of `seisflow.dsp.correlation`; only the machine differs. torch is imported
when a function here first needs it, and nowhere else under `seisflow.label`, so all other code
runs where it is not installed.

Two correlations are real, so one complex transform carries both: ``z = F_i (conj(F_j) + i
conj(F_j'))`` transformed back holds the lags of (i, j) in its real part and those of (i, j') in
its imaginary one. Tiles of the upper triangle are multiplied, transformed back and reduced to
their largest lag before the next one, so that the lags of all pairs never exist at once.

Invariant: j and j' are columns 2m and 2m + 1 whatever the tile, and all tiles are transformed by
one plan of one batch size. Results then repeat bit for bit on one device with one workspace;
another workspace may change the last bits, because an FFT library is free to choose another
algorithm for another batch size. No product of matrices is taken, so TF32 plays no part.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from seisflow.dsp.correlation import FloatMatrix, checked_lag
from seisflow.errors import ConfigError

if TYPE_CHECKING:
    import torch

__all__ = [
    "projected_bytes",
    "torch_max_cross_correlation",
    "torch_template_cross_correlation",
]

CUDA_WORKSPACE_BYTES = 256 * 2**20
"""Workspace on a GPU: 14,563 transforms at L = 500, so that launching kernels costs little."""

CPU_WORKSPACE_BYTES = 2 * 2**20
"""Workspace on a CPU: it stays in the cache of one core.

CPU-us per pair at L = 500 in float32, one thread of an AMD EPYC: 4.3 with 256 KiB, 2.6 with 1 MiB,
2.4 with 2 or 4 MiB, 4.5 with 256 MiB. torch on a CPU is for tests: `seisflow.dsp.correlation`
takes a tenth of that.
"""

BUFFERS = 3
"""Arrays of a tile alive at once: products, their transforms, and the FFT library's own copy."""

ODD_FACTORS = (1, 3, 5, 7, 9)
"""Lengths of transforms are one of these times a power of two: all fast in cuFFT and in MKL, and
at most a fifth too long."""

MIRRORED_ROWS = 1024
"""Rows of the result mirrored at once, so that no second matrix of its size is made."""


class Tile(NamedTuple):
    """Rows and packed column pairs taken at once; pair m is columns 2m and 2m + 1."""

    first_row: int
    n_rows: int
    first_pair: int
    n_pairs: int


def torch_max_cross_correlation(
    windows: FloatMatrix,
    *,
    max_lag_samples: int | None = None,
    device: str,
    workspace_bytes: int | None = None,
) -> FloatMatrix:
    """Maximum over lags of the absolute normalised cross-correlation, for all pairs.

    `seisflow.dsp.correlation.max_cross_correlation` on another device. Source: METHOD section 1
    step 3, after Meng, Ben-Zion & Johnson 2019.

    Parameters
    ----------
    windows : ndarray of float32 or float64, shape (n_windows, L)
        Finite samples.
    max_lag_samples : int, optional
        Largest lag, 0 to L - 1; L // 2 where left out.
    device : str
        Where torch computes: ``"cuda"`` once `resolve_device` has found it, ``"cuda:1"``, or
        ``"cpu"``, which gives CPU tensors, for tests.
    workspace_bytes : int, optional
        Memory for tiles; 256 MiB on a GPU and 2 MiB on a CPU where left out. At least one
        transform is taken at once, however small.

    Returns
    -------
    ndarray, shape (n_windows, n_windows)
        In the type of `windows`; symmetric, 1 on the diagonal, off the diagonal 0 for a window of
        zero energy. Windows are normalised in float64 before they are taken to that type. Errors
        are below 1e-6 in float32 and 1e-14 in float64, and so are differences between workspaces.

    Raises
    ------
    ConfigError
        The largest lag does not lie in the window; the device has too little memory.
    DataError
        `windows` is not a matrix of float32 or float64.
    """
    max_lag = checked_lag(windows, max_lag_samples)
    with _memory_of(device, len(windows), len(windows)):
        unit = _unit_energy(windows, device)
        cc = _largest_lags(unit, unit, max_lag, workspace_bytes, upper=True)
        _mirror_upper(cc)
        return _to_numpy(cc.fill_diagonal_(1.0))


def torch_template_cross_correlation(
    windows: FloatMatrix,
    templates: npt.NDArray[np.int64],
    *,
    max_lag_samples: int | None = None,
    device: str,
    workspace_bytes: int | None = None,
) -> FloatMatrix:
    """Columns `templates` of `torch_max_cross_correlation`, without the others.

    Parameters
    ----------
    windows : ndarray of float32 or float64, shape (n_windows, L)
        Finite samples.
    templates : ndarray of int64, shape (n_templates,)
        Indices of windows, none twice.
    max_lag_samples : int, optional
        Largest lag, 0 to L - 1; L // 2 where left out.
    device : str
        Where torch computes: ``"cuda"`` once `resolve_device` has found it, ``"cuda:1"``, or
        ``"cpu"``, which gives CPU tensors, for tests.
    workspace_bytes : int, optional
        As for `torch_max_cross_correlation`.

    Returns
    -------
    ndarray, shape (n_windows, n_templates)
        In the type of `windows`; 1 where a window meets itself. Errors as for
        `torch_max_cross_correlation`.

    Raises
    ------
    ConfigError
        The largest lag does not lie in the window; the device has too little memory.
    DataError
        `windows` is not a matrix of float32 or float64.
    """
    max_lag = checked_lag(windows, max_lag_samples)
    # Taken from the host's copy: an index out of range is an error here, on a GPU the end of it.
    chosen = windows[templates]
    with _memory_of(device, len(windows), len(templates)):
        unit, columns = _unit_energy(windows, device), _unit_energy(chosen, device)
        cc = _to_numpy(_largest_lags(unit, columns, max_lag, workspace_bytes, upper=False))
    cc[templates, np.arange(len(templates))] = 1.0
    return cc


def projected_bytes(
    shape: tuple[int, int],
    n_columns: int,
    *,
    max_lag_samples: int,
    itemsize: int,
    workspace_bytes: int,
) -> int:
    """Memory a call takes on the device: spectra, result, and the workspace.

    Parameters
    ----------
    shape : tuple of int
        (n_windows, L).
    n_columns : int
        n_windows for all pairs, or n_templates.
    max_lag_samples : int
        Largest lag.
    itemsize : int
        4 for float32, 8 for float64.
    workspace_bytes : int
        Memory for tiles.

    Returns
    -------
    int
        Bytes. Only the result grows with the number of pairs.
    """
    n_windows, n_samples = shape
    n_fft = _transform_length(n_samples + max_lag_samples)
    spectra = (n_windows + (n_columns + 1) // 2) * n_fft * 2 * itemsize
    # Spectra are made from a padded copy, through a complex one, before there is any tile.
    making = 2 * n_windows * n_fft * 2 * itemsize
    result = n_windows * n_columns * itemsize
    one_transform = BUFFERS * n_fft * 2 * itemsize
    values = n_windows * n_samples * (itemsize + 8)
    return values + spectra + result + max(making, workspace_bytes, one_transform)


def _transform_length(n_points: int) -> int:
    """Shortest length of small factors for at least so many points."""
    return min(odd << max(-(-n_points // odd) - 1, 0).bit_length() for odd in ODD_FACTORS)


def _tiles(n_rows: int, n_pairs: int, n_transforms: int, *, upper: bool) -> Iterator[Tile]:
    """Cut the rectangle, or its upper triangle, into tiles of at most so many transforms.

    A tile is as many whole rows as fit, so a strip of the triangle computes few pairs that are
    not wanted; where not even one row fits, a row is cut.
    """
    row = 0
    while row < n_rows:
        first_pair = row // 2 if upper else 0
        height = min(max(n_transforms // (n_pairs - first_pair), 1), n_rows - row)
        width = n_transforms // height
        for pair in range(first_pair, n_pairs, width):
            yield Tile(row, height, pair, min(width, n_pairs - pair))
        row += height


@contextmanager
def _memory_of(device: str, n_windows: int, n_columns: int) -> Iterator[None]:
    """Say what to do where the device's memory does not suffice."""
    import torch

    try:
        yield
    except torch.OutOfMemoryError as error:
        raise ConfigError(
            f"correlating {n_windows} windows with {n_columns} takes more memory than {device} has "
            f"left; give each GPU to fewer workers, or give --device cpu: {error}"
        ) from error


def _unit_energy(windows: FloatMatrix, device: str) -> "torch.Tensor":
    """Take windows to the device and divide each by its norm; zero energy stays zero."""
    import torch

    values = torch.tensor(np.ascontiguousarray(windows), device=device)
    norms = values.double().square().sum(dim=1, keepdim=True).sqrt()
    norms.masked_fill_(norms == 0.0, 1.0)
    return (values / norms).to(values.dtype)


def _largest_lags(
    left: "torch.Tensor",
    right: "torch.Tensor",
    max_lag: int,
    workspace_bytes: int | None,
    *,
    upper: bool,
) -> "torch.Tensor":
    """Correlate rows of `left` (n, L) with those of `right` (m, L); (n, m) on their device.

    Rows are delayed by `max_lag`, so that lag k is found at ``k + max_lag`` and the lags wanted
    are the first ``2 max_lag + 1``. A transform of L + max_lag points or more is exact: what
    wraps around falls on lags that are not wanted. With `upper`, entries below the diagonal are
    not to be used.
    """
    import torch

    cc = torch.zeros((len(left), len(right)), dtype=left.dtype, device=left.device)
    if not cc.numel():
        return cc
    n_fft = _transform_length(left.shape[1] + max_lag)
    spectra, packed = _spectra(left, max_lag, n_fft), _packed_spectra(right, n_fft)
    n_transforms = _n_transforms(left, len(packed), n_fft, workspace_bytes)
    products = torch.zeros((n_transforms, n_fft), dtype=spectra.dtype, device=left.device)
    for row, n_rows, pair, n_pairs in _tiles(len(left), len(packed), n_transforms, upper=upper):
        n_used = n_rows * n_pairs
        rows, pairs = spectra[row : row + n_rows, None], packed[None, pair : pair + n_pairs]
        torch.mul(rows, pairs, out=products[:n_used].view(n_rows, n_pairs, n_fft))
        # All of the buffer, full or not: a batch of another size would need another plan.
        best = _largest(torch.fft.ifft(products, norm="forward")[:n_used, : 2 * max_lag + 1])
        found = cc[row : row + n_rows, 2 * pair : 2 * (pair + n_pairs)]
        found.copy_(best.view(n_rows, 2 * n_pairs)[:, : found.shape[1]])
    # Rows of zero energy are 0; into such a column its partner in a transform leaks.
    return cc.masked_fill_(~right.any(dim=1), 0.0)


def _spectra(unit: "torch.Tensor", max_lag: int, n_fft: int) -> "torch.Tensor":
    """Spectra of all windows delayed by `max_lag`, divided by `n_fft` for the way back."""
    import torch

    padded = torch.nn.functional.pad(unit, (max_lag, n_fft - max_lag - unit.shape[1]))
    spectra: torch.Tensor = torch.fft.fft(padded, norm="forward")
    return spectra


def _packed_spectra(unit: "torch.Tensor", n_fft: int) -> "torch.Tensor":
    """``conj(F_2m) + i conj(F_2m+1)``, which is one inverse transform; an odd last one is alone."""
    import torch

    even, odd = unit[0::2], unit[1::2]
    if len(odd) < len(even):
        odd = torch.cat([odd, torch.zeros_like(unit[:1])])
    packed: torch.Tensor = torch.fft.ifft(torch.complex(even, odd), n_fft, norm="forward")
    return packed


def _n_transforms(
    left: "torch.Tensor", n_pairs: int, n_fft: int, workspace_bytes: int | None
) -> int:
    """Count the transforms of one tile: what the workspace holds, and no more than there are."""
    if workspace_bytes is None:
        workspace_bytes = CUDA_WORKSPACE_BYTES if left.is_cuda else CPU_WORKSPACE_BYTES
    fitting: int = workspace_bytes // (BUFFERS * n_fft * 2 * left.itemsize)
    return max(min(fitting, len(left) * n_pairs), 1)


def _largest(lags: "torch.Tensor") -> "torch.Tensor":
    """Largest absolute value along the last axis: (n, n_lags) complex to (n, 2) real."""
    import torch

    ends = [torch.aminmax(part, dim=1) for part in (lags.real, lags.imag)]
    return torch.stack([torch.maximum(end.max, -end.min) for end in ends], dim=1)


def _mirror_upper(cc: "torch.Tensor") -> None:
    """Write the upper triangle into the lower one, in place."""
    for start in range(0, len(cc), MIRRORED_ROWS):
        stop = min(start + MIRRORED_ROWS, len(cc))
        cc[stop:, start:stop] = cc[start:stop, stop:].T
        corner = cc[start:stop, start:stop].triu(1)
        cc[start:stop, start:stop] = corner + corner.T


def _to_numpy(cc: "torch.Tensor") -> FloatMatrix:
    """Bring the result to the host; from a GPU into pinned memory, which torch keeps and reuses."""
    import torch

    host = cc
    if cc.is_cuda:
        host = torch.empty(cc.shape, dtype=cc.dtype, pin_memory=True)
        host.copy_(cc, non_blocking=True)
        torch.cuda.current_stream(cc.device).synchronize()
    found: FloatMatrix = host.numpy()
    return found
