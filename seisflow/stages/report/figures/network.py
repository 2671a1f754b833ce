"""What a network has learnt to look for: its first filters, and what it makes of wavelets."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from seisflow.core.classes import Split, WaveletClass
from seisflow.errors import ConfigError
from seisflow.stages.evaluate.tables import CLASS_NAMES
from seisflow.stages.learn.layers import feature_maps, first_filters, input_channels
from seisflow.stages.report.figures.palette import ReportFigure, drawing
from seisflow.stages.report.figures.wavelets import (
    WAVELET_COLOURS,
    WaveletPicture,
    draw_spectrogram,
    draw_waveform,
    wavelet_pictures,
)

if TYPE_CHECKING:
    from seisflow.stages.learn.artifact import Model
    from seisflow.stages.learn.examples import Examples

__all__ = ["feature_maps_figure", "filters_figure", "typical_examples"]

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.int64]

FILTERS_A_ROW = 16
MAPS_SHOWN = 7
"""Feature maps of each wavelet that a figure has room for."""

TYPICAL_SNR = 10.0
"""An earthquake near this ratio shows what one looks like, without being all there is."""


def filters_figure(model: "Model") -> Figure:
    """Draw the filters of the first convolution.

    Parameters
    ----------
    model : Model
        With a convolutional network.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for each filter and each plane it reads; frequency up, time to the right, red
        positive and blue negative, white zero, on one scale for each plane.

    Raises
    ------
    ConfigError
        The model has no convolution.
    """
    filters = first_filters(model)
    n_filters, n_planes = filters.shape[:2]
    names = input_channels(model)
    n_rows = -(-n_filters // FILTERS_A_ROW)
    with drawing():
        figure = ReportFigure(
            figsize=(11.5, 0.75 + 0.85 * n_rows * n_planes), layout="constrained", dpi=100
        )
        blocks: Any = figure.subfigures(n_planes, 1, squeeze=False)[:, 0]
        for plane, block in enumerate(blocks):
            name = names[plane] if plane < len(names) else f"plane {plane + 1}"
            top = float(np.abs(filters[:, plane]).max())
            block.suptitle(f"filters of {name}, largest weight {top:.2g}", x=0.01, ha="left")
            grid = block.subplots(n_rows, FILTERS_A_ROW, squeeze=False)
            for k, axes in enumerate(grid.ravel()):
                _draw_filter(axes, filters[k, plane] if k < n_filters else None, top)
        figure.suptitle(f"{_title(model)}: first convolution, {n_filters} filters", fontsize=11)
    return figure


def _draw_filter(axes: Axes, weights: Floats | None, top: float) -> None:
    axes.set_axis_off()
    if weights is not None:
        bound = top or 1.0
        axes.imshow(weights, cmap="RdBu_r", vmin=-bound, vmax=bound, origin="lower")


def typical_examples(examples: "Examples") -> dict[WaveletClass, int]:
    """Choose a wavelet of each class to show what the class looks like.

    Parameters
    ----------
    examples : Examples
        The set.

    Returns
    -------
    dict
        Index by class: of the validation split, or of any where it has none of the class; the
        earthquake with a signal-to-noise ratio closest to 10, the noise in the middle of its
        class. Classes without wavelets are left out.
    """
    chosen = {}
    for wavelet_class in WaveletClass:
        is_of = examples.ready & (examples.wavelet_class == wavelet_class)
        own = np.flatnonzero(is_of & (examples.split == Split.VALIDATION))
        own = own if own.size else np.flatnonzero(is_of)
        if own.size:
            snr = examples.snr[own]
            known = np.isfinite(snr) & (snr > 0)
            away = np.abs(np.log(np.where(known, snr, np.inf) / TYPICAL_SNR))
            place = int(away.argmin()) if known.any() else own.size // 2
            chosen[wavelet_class] = int(own[place])
    return chosen


def feature_maps_figure(model: "Model", examples: "Examples") -> Figure:
    """Draw what the convolutions make of a wavelet of each class.

    Parameters
    ----------
    model : Model
        With a convolutional network.
    examples : Examples
        A set of its rate.

    Returns
    -------
    matplotlib.figure.Figure
        For each class: the waveform, its spectrogram, then maps of the first convolution (above)
        and of the last (below); of each those that differ most between the classes shown.
        Frequency up, time to the right; one grey scale for a map in all classes.

    Raises
    ------
    ConfigError
        The model has no convolution, or the set has no wavelet.
    """
    chosen = typical_examples(examples)
    if not chosen:
        raise ConfigError(f"{examples.place} has no wavelet to draw feature maps of; assemble one")
    indices = np.array(list(chosen.values()), dtype=np.int64)
    samples = examples.read(indices)
    cut = examples.margin_samples - model.halo_samples
    layers = [feature_maps(model, row[cut : row.size - cut]) for row in samples]
    pictures = wavelet_pictures(model, examples, indices)
    first, last = (np.stack([maps[k] for maps in layers]) for k in (0, -1))
    with drawing():
        figure = ReportFigure(
            figsize=(14.5, 0.6 + 3.3 * len(chosen)), layout="constrained", dpi=100
        )
        blocks: Any = figure.subfigures(len(chosen), 1, squeeze=False)[:, 0]
        for k, wavelet_class in enumerate(chosen):
            grid = blocks[k].subplots(2, 1 + MAPS_SHOWN, width_ratios=[2, *[1] * MAPS_SHOWN])
            _draw_wavelet(grid[:, 0], pictures[k], wavelet_class)
            for axes, maps, name in zip(grid, (first, last), ("first", "last"), strict=True):
                _draw_maps(axes[1:], maps, k, name)
        figure.suptitle(f"{_title(model)}: feature maps that differ most between these wavelets")
    return figure


def _draw_wavelet(
    axes: npt.NDArray[np.object_], picture: WaveletPicture, wavelet_class: WaveletClass
) -> None:
    draw_waveform(axes[0], picture, WAVELET_COLOURS[wavelet_class])
    draw_spectrogram(axes[1], picture)
    title = f"{CLASS_NAMES[wavelet_class]}\n{picture.title}"
    axes[0].set_title(title, loc="left", fontsize=8.5)
    axes[0].tick_params(labelbottom=False)
    axes[1].set_xlabel("s")
    axes[1].set_ylabel("Hz")


def _draw_maps(axes: npt.NDArray[np.object_], maps: Floats, row: int, name: str) -> None:
    """Draw maps of one wavelet; `maps` has shape (n_wavelets, n_filters, rows, columns)."""
    order = telling_maps(maps)
    for k, place in enumerate(axes):
        place.set_xticks([])
        place.set_yticks([])
        if k >= order.size:
            place.set_axis_off()
            continue
        shown = maps[:, order[k]]
        place.imshow(
            shown[row],
            aspect="auto",
            origin="lower",
            cmap="Greys",
            vmin=float(shown.min()),
            vmax=float(shown.max()) or 1.0,
            interpolation="nearest",
        )
        place.set_title(f"{name}, {order[k] + 1}", fontsize=7.5, loc="left")


def telling_maps(maps: Floats) -> Indices:
    """Return the maps that differ most between wavelets, at most `MAPS_SHOWN`.

    Parameters
    ----------
    maps : ndarray of float32, shape (n_wavelets, n_filters, rows, columns)
        Of one convolution.

    Returns
    -------
    ndarray of int64
        Filters, the most telling first: by the spread of their mean between wavelets over the
        spread of all their values.
    """
    means = maps.mean(axis=(2, 3), dtype=np.float64)
    spread = maps.std(axis=(0, 2, 3), dtype=np.float64)
    between = means.std(axis=0) / np.where(spread > 0, spread, 1.0)
    return np.asarray(np.argsort(-between, kind="stable")[:MAPS_SHOWN], dtype=np.int64)


def _title(model: "Model") -> str:
    return f"{model.document['network']['name']} at {model.rate_hz} Hz"
