"""Wavelets as a network sees them: waveform, spectrogram, and what was said of them.

Invariant: the three classes look different from each other without colour vision too, by the style
of their lines.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from seisflow.core.classes import Label, WaveletClass
from seisflow.core.grid import format_time
from seisflow.stages.evaluate.evaluation import Evaluation
from seisflow.stages.evaluate.tables import CLASS_NAMES, heading
from seisflow.stages.learn.layers import filtered, planes
from seisflow.stages.report.figures.palette import LABEL_COLOURS, ReportFigure, drawing

if TYPE_CHECKING:
    from seisflow.stages.learn.artifact import Model
    from seisflow.stages.learn.examples import Examples

__all__ = [
    "SHORT_NAMES",
    "WAVELET_COLOURS",
    "WAVELET_LINES",
    "WaveletPicture",
    "cells_figure",
    "draw_spectrogram",
    "draw_waveform",
    "wavelet_pictures",
]

Vector = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

WAVELET_COLOURS = {
    WaveletClass.EARTHQUAKE: "#009988",
    WaveletClass.RANDOM_NOISE: LABEL_COLOURS[Label.RANDOM_NOISE],
    WaveletClass.NOT_RANDOM_NOISE: LABEL_COLOURS[Label.NOT_RANDOM_NOISE],
}
"""One colour for every class; noise has the colours of its labels (Paul Tol's palettes)."""

WAVELET_LINES = {
    WaveletClass.EARTHQUAKE: "-",
    WaveletClass.RANDOM_NOISE: "--",
    WaveletClass.NOT_RANDOM_NOISE: "-.",
}
"""One style of line for every class."""

SHORT_NAMES = {
    WaveletClass.EARTHQUAKE: "EQ",
    WaveletClass.RANDOM_NOISE: "RN",
    WaveletClass.NOT_RANDOM_NOISE: "NRN",
}
"""What fits above a small panel."""

RANGE_DB = 60.0
"""Amplitudes this far below the largest of a window are as dark as nothing."""


@dataclass(frozen=True, eq=False, kw_only=True)
class WaveletPicture:
    """One wavelet, ready to be drawn.

    Parameters
    ----------
    window : ndarray of float64, shape (window_samples,)
        In the band of the model and divided by its largest magnitude.
    amplitude_db : ndarray of float64, shape (n_bins, n_frames)
        Spectrogram in dB below its largest amplitude; bin k lies at k Hz, frames 0.1 s apart.
    rate_hz : int
        Samples per second.
    arrival_s : float
        P after the start of the window; NaN for noise.
    title : str
        Station, time, and SNR of an earthquake.
    """

    window: Vector
    amplitude_db: Vector
    rate_hz: int
    arrival_s: float
    title: str


def wavelet_pictures(
    model: "Model", examples: "Examples", indices: Indices
) -> list[WaveletPicture]:
    """Read wavelets and pass them through the front end of a model.

    Parameters
    ----------
    model : Model
        Its band and spectrogram are used.
    examples : Examples
        The set.
    indices : ndarray of int64, shape (n,)
        Wavelets of it.
    """
    samples = examples.read(indices)
    cut = examples.margin_samples - model.halo_samples
    samples = np.ascontiguousarray(samples[:, cut : samples.shape[1] - cut])
    both = zip(filtered(model, samples), planes(model, samples), strict=True)
    return [
        WaveletPicture(
            window=np.asarray(window, np.float64),
            amplitude_db=decibels(np.asarray(plane[0], np.float64)),
            rate_hz=examples.rate_hz,
            arrival_s=float(examples.arrival_s[index]),
            title=title_of(examples, int(index)),
        )
        for index, (window, plane) in zip(indices, both, strict=True)
    ]


def decibels(amplitude: Vector) -> Vector:
    """Return amplitudes in dB below the largest, no lower than `RANGE_DB`."""
    top = float(amplitude.max(initial=0.0))
    if top <= 0:
        return np.full(amplitude.shape, -RANGE_DB)
    floor = 10 ** (-RANGE_DB / 20)
    return np.asarray(20 * np.log10(np.maximum(amplitude / top, floor)))


def title_of(examples: "Examples", index: int) -> str:
    """Return station and time of a wavelet, and what is known of its arrival."""
    time = format_time(int(examples.start_ns[index])).replace("T", " ").removesuffix("Z")
    known = [f"SNR {examples.snr[index]:.1f}"] if np.isfinite(examples.snr[index]) else []
    if np.isfinite(examples.distance_km[index]):
        known.append(f"{examples.distance_km[index]:.0f} km")
    return "\n".join(
        [f"{examples.station[index]}  {time[:21]}", *(["  ".join(known)] * bool(known))]
    )


def draw_waveform(axes: Axes, picture: WaveletPicture, colour: str) -> None:
    """Draw the samples of a window in -1..1 over its seconds, and the arrival if there is one."""
    time_s = np.arange(picture.window.size) / picture.rate_hz
    axes.plot(time_s, picture.window, color=colour, lw=0.6)
    if np.isfinite(picture.arrival_s):
        axes.axvline(picture.arrival_s, color="#222222", lw=0.9, ls=":")
    axes.set_xlim(0, picture.window.size / picture.rate_hz)
    axes.set_ylim(-1.08, 1.08)
    axes.set_yticks([])


def draw_spectrogram(axes: Axes, picture: WaveletPicture) -> None:
    """Draw the spectrogram: frames are centred on their times, bins on their frequencies."""
    n_bins, n_frames = picture.amplitude_db.shape
    axes.imshow(
        picture.amplitude_db,
        aspect="auto",
        origin="lower",
        extent=(-0.05, 0.1 * n_frames - 0.05, -0.5, n_bins - 0.5),
        cmap="viridis",
        vmin=-RANGE_DB,
        vmax=0,
        interpolation="nearest",
    )
    axes.set_xlim(0, picture.window.size / picture.rate_hz)


def cells_figure(
    evaluation: Evaluation, model: "Model", examples: "Examples", *, surest: bool = False
) -> Figure:
    """Draw one wavelet of each cell of the confusion matrix.

    Parameters
    ----------
    evaluation : Evaluation
        What is shown.
    model, examples
        Those that were evaluated.
    surest : bool
        The wavelet whose class was given with the largest probability, instead of the one in the
        middle.

    Returns
    -------
    matplotlib.figure.Figure
        Rows: what they are; columns: what they were given. Above, the waveform in the band of the
        model, with the planted or picked P; below, its spectrogram in dB below the largest
        amplitude. An empty cell says so.
    """
    chosen = choose_cells(evaluation, surest=surest)
    cells = sorted(chosen)
    indices = np.array([evaluation.indices[chosen[c]] for c in cells], dtype=np.int64)
    pictures = dict(zip(cells, wavelet_pictures(model, examples, indices), strict=True))
    which = "the surest" if surest else "the middle one by probability"
    with drawing():
        figure = ReportFigure(figsize=(13.5, 11.5), layout="constrained", dpi=100)
        grid: Any = figure.subfigures(3, 3, wspace=0.01, hspace=0.01)
        for is_, given in np.ndindex(3, 3):
            count = int(evaluation.scores.confusion[is_, given])
            title = f"{_name(is_)} given {_name(given)}: {count:,}"
            place = grid[is_, given]
            if (is_, given) in pictures:
                said = _said(evaluation.probabilities[chosen[is_, given]])
                _draw_cell(place, pictures[is_, given], WaveletClass(is_), [title, said])
            else:
                _draw_empty(place, title)
        figure.suptitle(
            f"{heading_lines(evaluation)}\none wavelet of each cell: {which}", fontsize=11
        )
    return figure


def heading_lines(evaluation: Evaluation, width: int = 120) -> str:
    """Return the heading of an evaluation, a line for each note, none wider than the figure."""
    lines = []
    for part in heading(evaluation).split(" — "):
        lines += _wrapped(part, width)
    return "\n".join(lines)


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in text.split():
        if lines[-1] and len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {word}".strip()
    return lines


def choose_cells(evaluation: Evaluation, *, surest: bool) -> dict[tuple[int, int], int]:
    """Return, for each cell that is not empty, which of the evaluated wavelets stands for it.

    Parameters
    ----------
    evaluation : Evaluation
        What is shown.
    surest : bool
        As for `cells_figure`.

    Returns
    -------
    dict
        Place among the evaluated wavelets by (what it is, what it was given).
    """
    given = evaluation.given
    claimed = evaluation.probabilities.max(axis=1)
    chosen = {}
    for cell in np.ndindex(3, 3):
        own = np.flatnonzero((evaluation.true == cell[0]) & (given == cell[1]))
        if own.size:
            order = own[np.argsort(claimed[own], kind="stable")]
            chosen[int(cell[0]), int(cell[1])] = int(order[-1 if surest else own.size // 2])
    return chosen


def _name(code: int) -> str:
    return CLASS_NAMES[WaveletClass(code)]


def _said(probabilities: npt.NDArray[np.float32]) -> str:
    parts = [f"{SHORT_NAMES[c]} {probabilities[c]:.3f}" for c in WaveletClass]
    return f"P: {'  '.join(parts)}"


def _draw_cell(
    place: SubFigure, picture: WaveletPicture, is_: WaveletClass, titles: Sequence[str]
) -> None:
    above, below = place.subplots(2, 1, sharex=True, height_ratios=[1, 1.25])
    draw_waveform(above, picture, WAVELET_COLOURS[is_])
    draw_spectrogram(below, picture)
    above.set_title("\n".join([*titles, picture.title]), loc="left", fontsize=8.5)
    below.set_ylabel("Hz")
    below.set_xlabel("s")


def _draw_empty(place: SubFigure, title: str) -> None:
    axes = place.subplots()
    axes.set_title(title, loc="left", fontsize=8.5)
    axes.set_xticks([])
    axes.set_yticks([])
    for side in axes.spines.values():
        side.set_color("#cccccc")
        side.set_visible(True)
    axes.text(0.5, 0.5, "no wavelet", transform=axes.transAxes, ha="center", color="#777777")
