"""One hour of one station, from raw samples to probabilities of its seconds.

Second s is classified by the window that begins `LEAD_S` before it, so that a P wave in that
second lies 1 to 2 s into the window, as in training. Of a record that is read K times slower, the
window and its lead are K times shorter, K windows stand for the K parts of a second, and the one
that is most like an earthquake stands for the second.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from seisflow.archive.blocks import Record
from seisflow.core.classes import WaveletClass
from seisflow.dsp.quality import constant_run_samples, constant_samples
from seisflow.stages.infer.scoring import Scorer

__all__ = ["LEAD_S", "classify_seconds", "margins_s"]

LEAD_S = 1
"""Seconds, as a record is read, between the beginning of a window and what it stands for."""


def margins_s(scorer: Scorer, rate_hz: int) -> tuple[int, int]:
    """Return whole seconds needed before the first second and behind the last one.

    Parameters
    ----------
    scorer : Scorer
        What classifies.
    rate_hz : int
        Samples per second.

    Returns
    -------
    before, behind : int
        The lead, or the rest of the window; the halo of the filter; and a run of one value, so
        that one which begins in the halo is known for what it is.
    """
    step = scorer.step_samples
    lead = LEAD_S * step
    halo = scorer.halo_samples + constant_run_samples(rate_hz)
    before, behind = lead + halo, scorer.window_samples - lead - step + halo
    return -(-before // rate_hz), -(-behind // rate_hz)


def classify_seconds(scorer: Scorer, record: Record, rate_hz: int) -> npt.NDArray[np.float32]:
    """Classify the seconds of a record, less the margins at both ends.

    Parameters
    ----------
    scorer : Scorer
        What classifies.
    record : Record
        Samples of n seconds, and `margins_s` of them before and behind.
    rate_hz : int
        Samples per second.

    Returns
    -------
    ndarray of float32, shape (n, n_classes)
        Rows sum to 1, or are NaN: where the window or the halo of its filter touches a second that
        is not whole or a run of one value (`seisflow.dsp.quality.constant_run_samples`), there are
        no data.
    """
    before, behind = margins_s(scorer, rate_hz)
    n_seconds = len(record.coverage) - before - behind
    usable = record.filled & ~constant_samples(
        record.samples, record.filled, min_run_samples=constant_run_samples(rate_hz)
    )
    usable &= np.repeat(record.coverage == 1, rate_hz)
    halo, step, per_s = scorer.halo_samples, scorer.step_samples, scorer.time_scale
    length = scorer.window_samples + 2 * halo
    first = before * rate_hz - LEAD_S * step - halo
    whole = _whole(usable, first, length, step, n_seconds * per_s)
    whole = np.repeat(whole.reshape(n_seconds, per_s).all(axis=1), per_s)
    found = np.full((n_seconds * per_s, scorer.n_classes), np.nan, dtype=np.float32)
    for start, stop in _runs(whole):
        begin = first + start * step
        part = record.samples[begin : begin + length + (stop - start - 1) * step]
        found[start:stop] = scorer.probabilities(part)
    return _likeliest(found.reshape(n_seconds, per_s, scorer.n_classes))


def _likeliest(found: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return of each second the window with the largest probability of an earthquake."""
    best = found[:, :, WaveletClass.EARTHQUAKE].argmax(axis=1)
    return np.asarray(np.take_along_axis(found, best[:, None, None], axis=1)[:, 0])


def _whole(
    usable: npt.NDArray[np.bool_], first: int, length: int, step: int, n: int
) -> npt.NDArray[np.bool_]:
    """Tell which windows of `length` samples, one every `step` from `first`, have all samples."""
    missing = np.flatnonzero(~usable)
    starts = first + np.arange(n) * step
    n_before, n_behind = (missing.searchsorted(at) for at in (starts, starts + length))
    return np.asarray(n_before == n_behind)


def _runs(mask: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the bounds of runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mask, [False]]).astype(np.int8)))
    yield from zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
