"""From a continuous record to probabilities of the windows that begin every second.

A window a second: what neighbouring windows share is computed once. All ways give what
`seisflow.stages.learn.model.Model.probabilities` gives for windows cut one by one:

- *along*: a network that can goes along whole frames of the record (`compact`);
- *shared frames*: other networks get their windows' planes, put together from frames of the
  record and the half-empty ones at both ends of each window;
- *windows*: a forest measures windows one by one.

A record of another rate than the model's is resampled first, once as a whole
(`seisflow.dsp.resampling`); windows begin on whole seconds at either rate. Read slower by a time
scale, a record is one of as many times fewer samples per second, and its windows are as many times
shorter and closer.

Invariants: the filters run in float64 and the order of all sums depends on the record alone, not
on what was asked before. A window's probabilities depend on its samples and their halo, up to
rounding.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.fft import next_fast_len
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from seisflow.dsp.resampling import LEAST_SHARE, Resampling
from seisflow.errors import ConfigError, DataError
from seisflow.stages.learn.classifier import Classifier
from seisflow.stages.learn.forest import Forest
from seisflow.stages.learn.front_end import FRAMES_PER_S, FrontEnd
from seisflow.stages.learn.model import Model

__all__ = ["PRECISIONS", "Scorer"]

PRECISIONS = ("float32", "bfloat16")
ALONG_WINDOWS = (450, 120)
"""Windows of a long and of a short pass along a record: what it needs stays in a core's cache."""
FILTER_BLOCK = 16
"""Transforms of the filter in half lengths of it."""
WIDE = 16
"""Blocks filtered at once."""


class Scorer:
    """Probabilities of the windows that begin every second of a record.

    Parameters
    ----------
    model : Model
        What classifies.
    rate_hz : float or Fraction, optional
        Samples per second of the record, a whole number; by default those of the model.
    time_scale : int
        How many times slower the record is read: its samples per second divided by that are taken
        for its rate.
    device : str
        Where torch computes: ``cpu`` or ``cuda``. A forest is always on the CPU.
    precision : str
        Of the network, ``float32`` or ``bfloat16``; the front end is not touched by it.
    batch : int
        Windows at once, for networks that do not go along the record.

    Raises
    ------
    ConfigError
        There is no such precision, `batch` is below 1, the record's rate is below 0.4 of the
        model's, or it is divided by a time scale and below the model's, or no whole number.

    Attributes
    ----------
    time_scale : int
        As given: windows that begin in a second of the record.
    """

    def __init__(
        self,
        model: Model,
        *,
        rate_hz: float | Fraction | None = None,
        time_scale: int = 1,
        device: str = "cpu",
        precision: str = "float32",
        batch: int = 64,
    ) -> None:
        if precision not in PRECISIONS:
            raise ConfigError(f"no precision {precision!r}; give one of {', '.join(PRECISIONS)}")
        if batch < 1:
            raise ConfigError(f"batch = {batch}; give 1 or more")
        self._model = model
        self._rate = model.rate_hz
        self.time_scale = time_scale
        rate_hz = model.rate_hz if rate_hz is None else rate_hz
        self._resampling = _resampling(model, rate_hz, time_scale)
        self._front_end = model.classifier.front_end
        self._device = torch.device("cpu" if isinstance(model.classifier, Forest) else device)
        self._autocast = precision == "bfloat16"
        self._batch = batch
        self._network: Any = None
        self._basis = torch.empty(0)
        self._score = self._way()

    @property
    def halo_samples(self) -> int:
        """Samples of the record needed before the first window and behind the last one."""
        way = self._resampling
        reach = self._front_end.halo_samples * way.down + len(way.taps) // 2 + way.more_behind
        return -(-reach // way.up)

    @property
    def step_samples(self) -> int:
        """Samples of the record from one window to the next: a second, as it is read."""
        return self._resampling.from_hz

    @property
    def window_samples(self) -> int:
        """Samples of the record in a window."""
        return self._front_end.config.window_s * self.step_samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of a window's planes, (2, F, T)."""
        return self._front_end.shape

    @property
    def n_classes(self) -> int:
        """Classes of the model."""
        return len(self._model.classes)

    @property
    def goes_along(self) -> bool:
        """Whether the network goes along the record instead of window by window."""
        return self._score == self._along

    @property
    def weight_bytes(self) -> int:
        """What the weights take."""
        classifier = self._model.classifier
        if isinstance(classifier, Forest):
            return sum(array.nbytes for array in classifier.arrays().values())
        return sum(p.numel() * p.element_size() for p in classifier.network.parameters())

    def probabilities(self, samples: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        """Classify the windows of a record that begin a second apart, as it is read.

        Parameters
        ----------
        samples : ndarray, shape (window_samples + 2 * halo_samples + (N - 1) * step_samples,)
            Counts, or any unit; finite; at the rate of the record. The first window begins
            `halo_samples` after the first.

        Returns
        -------
        ndarray of float32, shape (N, n_classes)
            Rows sum to 1.

        Raises
        ------
        DataError
            The record has another length.
        """
        rate = self.step_samples
        more = samples.size - self.window_samples - 2 * self.halo_samples
        if samples.ndim != 1 or more < 0 or more % rate:
            raise DataError(
                f"a record holds {self.window_samples} samples of a window, {self.halo_samples} on "
                f"either side and whole seconds of {rate} samples; found an array of shape "
                f"{samples.shape}"
            )
        n = more // rate + 1
        with torch.inference_mode():
            return self._score(self._resampled(samples, n), n)

    def _resampled(self, samples: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
        """Return the record of `n` windows as the model takes it, with the halo of its filter."""
        way, config = self._resampling, self._front_end.config
        first = self.halo_samples * way.up - config.halo_samples * way.down
        return way(samples, first, config.input_samples + (n - 1) * config.rate_hz)

    def _way(self) -> Callable[[npt.NDArray[Any], int], npt.NDArray[np.float32]]:
        classifier = self._model.classifier
        if isinstance(classifier, Forest):
            return self._by_window
        classifier.to(self._device).eval()
        self._network = folded(classifier.network)
        if not _fits_along(classifier):
            return self._from_shared_frames
        self._basis = _basis(self._front_end, self._network.bin_step)
        return self._along

    def _by_window(self, samples: npt.NDArray[Any], n: int) -> npt.NDArray[np.float32]:
        length = self._front_end.config.input_samples
        windows = np.lib.stride_tricks.sliding_window_view(samples, length)[:: self._rate]
        return self._model.probabilities(windows.astype(np.float32), batch=self._batch)

    def _along(self, samples: npt.NDArray[Any], n: int) -> npt.NDArray[np.float32]:
        """Send a network along whole frames; the last pass is filled up to its length."""
        network: Any = self._network
        config, hop = self._front_end.config, self._front_end.config.hop_samples
        record = self._filtered(samples)
        record = record / record.abs().max().clamp(min=torch.finfo(record.dtype).tiny)
        record = record[(network.first_frame - 1) * hop - config.frame_samples // 2 :]
        logits = []
        for begin, n_windows in _passes(n):
            n_frames = network.n_frames + 1 + FRAMES_PER_S * (n_windows - 1)
            length = (n_frames - 1) * hop + config.frame_samples
            part = record[begin * self._rate :][:length]
            part = nn.functional.pad(part, (0, length - part.shape[0]))
            frames = part.unfold(0, config.frame_samples, hop)
            real, imaginary = (self._basis @ frames.T.contiguous()).chunk(2)
            with self._precision():
                logits.append(network.along(real[None], imaginary[None])[0])
        return _probabilities(torch.cat(logits)[:n])

    def _from_shared_frames(self, samples: npt.NDArray[Any], n: int) -> npt.NDArray[np.float32]:
        record = self._filtered(samples)
        logits = []
        for planes in self._batches_of_planes(record, n):
            with self._precision():
                logits.append(self._network(planes))
        return _probabilities(torch.cat(logits))

    def _batches_of_planes(self, record: torch.Tensor, n: int) -> Iterator[torch.Tensor]:
        """Yield planes of windows, put together from frames they share."""
        front_end, rate = self._front_end, self._rate
        length = front_end.config.window_samples
        for begin in range(0, n, self._batch):
            count = min(self._batch, n - begin)
            part = record[begin * rate : (begin + count - 1) * rate + length]
            yield shared_planes(front_end, part)

    def _filtered(self, samples: npt.NDArray[Any]) -> torch.Tensor:
        """Filter to the band in float64, whole record at once, without the halo."""
        halo = self._front_end.halo_samples
        record = torch.from_numpy(np.array(samples, dtype=np.float64)).to(self._device)
        if halo == 0:
            return record.float()
        n_fft = next_fast_len(FILTER_BLOCK * halo, real=True)
        useful = n_fft - 2 * halo
        n_out = record.shape[0] - 2 * halo
        n_blocks = -(-n_out // useful)
        missing = (n_blocks - 1) * useful + n_fft - record.shape[0]
        blocks = nn.functional.pad(record, (0, missing)).unfold(0, n_fft, useful)
        response = torch.fft.rfft(self._front_end.taps, n=n_fft)
        passed = [
            torch.fft.irfft(torch.fft.rfft(some) * response, n=n_fft)[:, 2 * halo :].float()
            for some in blocks.split(WIDE)
        ]
        return torch.cat(passed).flatten()[:n_out]

    def _precision(self) -> AbstractContextManager[Any]:
        if not self._autocast:
            return nullcontext()
        return torch.autocast(self._device.type, torch.bfloat16)


def _resampling(model: Model, rate_hz: float | Fraction, time_scale: int) -> Resampling:
    """Return the way from the rate of a record, as it is read, to that of a model."""
    read_hz = Fraction(rate_hz) / time_scale
    slower = f", read {time_scale} times slower {float(read_hz):g}" if time_scale > 1 else ""
    need = f"the model is for {model.rate_hz} samples/s, the data have {float(rate_hz):g}{slower}: "
    most = int(rate_hz / model.rate_hz)
    if time_scale > 1 and read_hz < model.rate_hz:
        less = f"give a time scale of {most} or less" if most > 1 else "leave the time scale out"
        raise ConfigError(need + less)
    if read_hz < LEAST_SHARE * model.rate_hz:
        raise ConfigError(
            f"{need}what lies above {float(rate_hz) / 2:g} Hz was not recorded; give records of "
            f"{LEAST_SHARE * model.rate_hz:g} samples/s or more, or a model of "
            f"{float(rate_hz) / LEAST_SHARE:g} or fewer"
        )
    if Fraction(rate_hz).denominator > 1:
        raise ConfigError(
            f"{need}windows begin on whole seconds, so a second must have a whole number of "
            "samples; resample the record"
        )
    if read_hz.denominator > 1:
        fits = (k for k in range(1, most + 1) if rate_hz % k == 0)
        raise ConfigError(
            f"{need}a second must have a whole number of samples as it is read; give a time scale "
            f"of {' or '.join(map(str, fits))}"
        )
    return Resampling(int(read_hz), model.rate_hz)


def _passes(n: int) -> Iterator[tuple[int, int]]:
    """Yield the first window and the length of passes over `n` windows: long ones, then short."""
    begin = 0
    while begin < n:
        long, short = ALONG_WINDOWS
        length = long if n - begin >= long else short
        yield begin, length
        begin += length


def shared_planes(front_end: FrontEnd, record: torch.Tensor) -> torch.Tensor:
    """Planes of the windows of a filtered record that begin a second apart.

    Parameters
    ----------
    front_end : FrontEnd
        Makes frames.
    record : Tensor, shape (window_samples + (N - 1) * rate,)
        Filtered, in any unit.

    Returns
    -------
    Tensor, shape (N, 2, F, T)
        As `FrontEnd.spectra` of each window divided by its largest magnitude.
    """
    config = front_end.config
    rate, hop, size = config.rate_hz, config.hop_samples, config.frame_samples
    windows = record.unfold(0, config.window_samples, rate)
    seconds = record.abs().unfold(0, rate, rate).amax(dim=1)
    peak = seconds.unfold(0, config.window_s, 1).amax(dim=1)[:, None, None]
    peak = torch.where(peak == 0, torch.ones_like(peak), peak)
    n_half = -(-size // (2 * hop))  # frames at each end that reach over it
    whole = front_end.planes(record[n_half * hop - size // 2 :].unfold(0, size, hop))
    n_whole = config.shape[2] - 2 * n_half
    planes = torch.empty(windows.shape[0], *config.shape, dtype=record.dtype, device=record.device)
    shared = whole.unfold(2, n_whole, FRAMES_PER_S).permute(2, 0, 1, 3)
    planes[..., n_half:-n_half] = shared[: windows.shape[0]]
    end = 2 * n_half * hop
    planes[..., :n_half] = front_end.spectra(windows[:, :end])[..., :n_half]
    planes[..., -n_half:] = front_end.spectra(windows[:, -end:])[..., -n_half:]
    planes[:, 0] /= peak
    return planes


def folded(network: nn.Module) -> nn.Module:
    """Copy a network for inference alone: quicker on a CPU by a third.

    Each normalisation is folded into the convolution right before it, and channels lie innermost.
    Weights that are the same after that, as those of dense layers, are shared and not copied.

    Parameters
    ----------
    network : Module
        In evaluation mode.

    Returns
    -------
    Module
        Gives the same but for rounding.
    """
    network = deepcopy(network, {id(p): p for p in network.parameters()})
    for parent in network.modules():
        if isinstance(parent, nn.ReLU):
            parent.inplace = True
        if isinstance(parent, nn.Sequential):
            for k, (layer, following) in enumerate(pairwise(list(parent))):
                if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                    parent[k] = fuse_conv_bn_eval(layer, following)
                    parent[k + 1] = nn.Identity()
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            innermost = layer.weight.detach().to(memory_format=torch.channels_last)
            layer.weight = nn.Parameter(innermost, requires_grad=False)
    return network


def _basis(front_end: FrontEnd, bin_step: int) -> torch.Tensor:
    """Return the transform of a frame as a matrix: rows are real, then imaginary parts of bins.

    For so few samples a product of matrices is quicker than transforms, and lies as it is needed.
    """
    config = front_end.config
    unit = torch.eye(config.frame_samples, dtype=torch.float64, device=front_end.hann.device)
    spectra = front_end.transformed(unit, n_fft=config.rate_hz // bin_step)
    return torch.cat([spectra.real, spectra.imag], dim=1).T.float().contiguous()


def _fits_along(classifier: Classifier) -> bool:
    """Whether a network goes along a record, and the frames it reads lie within their windows."""
    network: Any = classifier.network
    config = classifier.front_end.config
    if not hasattr(network, "along") or config.rate_hz % network.bin_step:
        return False
    n_behind = config.shape[2] - network.first_frame - network.n_frames
    reach = config.frame_samples // 2
    return bool(reach <= config.hop_samples * min(network.first_frame - 1, n_behind))


def _probabilities(logits: torch.Tensor) -> npt.NDArray[np.float32]:
    found: npt.NDArray[np.float32] = logits.double().softmax(dim=1).float().cpu().numpy()
    return found
