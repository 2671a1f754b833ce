"""Splits that got far fewer windows than their share, and what that does to what is made of them.

Counts in, sentences out: what cannot be balanced is said where the set is made, and again where
its threshold is used.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Split, WaveletClass
from seisflow.stages.wavelets.balancing import count_classes
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.splitting import splits_wanted

__all__ = ["Groups", "effect_of", "shares_of", "shortfalls"]

SHORT = 0.75
"""A split with less than so much of what it should have is named."""

FEW = 10
"""So is one with fewer windows of a class, though these be its share."""


@dataclass(frozen=True, eq=False)
class Groups:
    """Columns of the candidates: class, and what is never divided between splits.

    ``time_block`` is the block of time a window belongs to; ``event`` the number of the
    earthquake, -1 for noise.
    """

    wavelet_class: npt.NDArray[np.uint8]
    time_block: npt.NDArray[np.int64]
    event: npt.NDArray[np.int64]


def shares_of(config: AssembleConfig) -> tuple[float, float, float]:
    """Return the shares of train, validation and test."""
    return config.train, config.validation, 1 - config.train - config.validation


def shortfalls(
    config: AssembleConfig,
    groups: Groups,
    split: npt.NDArray[np.uint8],
    chosen: npt.NDArray[np.int64],
) -> tuple[str, ...]:
    """Say which splits have far fewer windows than their share, why, and with what effect.

    Parameters
    ----------
    config : AssembleConfig
        What was asked for.
    groups : Groups
        All candidates.
    split : ndarray of uint8
        Of each candidate, before classes were balanced.
    chosen : ndarray of int64, shape (n_splits, n_classes)
        Windows that each split has of each class after that.

    Returns
    -------
    tuple of str
        A sentence without full stop for each split that is short of windows.
    """
    return tuple(_shortfalls(config, groups, split, chosen))


def _shortfalls(
    config: AssembleConfig,
    groups: Groups,
    split: npt.NDArray[np.uint8],
    chosen: npt.NDArray[np.int64],
) -> Iterator[str]:
    total = np.array([np.count_nonzero(groups.wavelet_class == c) for c in WaveletClass])
    classes = np.flatnonzero(total)
    wanted = _wanted(config, total)
    counts = count_classes(groups.wavelet_class, split)
    for part in Split:
        # what there is least of: of equal numbers by the candidates, else by what was wanted
        least = counts[part] if config.balance else chosen[part] / np.maximum(wanted[part], 1e-9)
        scarce = WaveletClass(int(classes[np.argmin(least[classes])]))
        n, hoped = int(chosen[part, scarce]), float(wanted[part, scarce])
        has = f"{part.name.lower()} has {n} windows of"
        effect = effect_of(part, int(chosen[part].sum()), int(chosen[part, 1:].sum()))
        if n < SHORT * hoped:
            why = _why(groups, scarce)
            yield f"{has} {_name(scarce)} where {hoped:.0f} were wanted: {why}; {effect}"
        elif n < FEW:
            yield f"{has} {'each class' if config.balance else _name(scarce)}, its share; {effect}"


def _wanted(config: AssembleConfig, total: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the windows of each class, of so many, that each split should have."""
    shares = splits_wanted(shares_of(config), config.held if config.split == "grouped" else None)
    least = np.full_like(total, total[total > 0].min())
    wanted = np.outer(shares, least if config.balance else total)
    if config.per_class is not None:
        wanted = np.minimum(wanted, config.per_class * (shares / shares.sum())[:, None])
    return wanted


def _why(groups: Groups, scarce: WaveletClass) -> str:
    """Say in how many blocks a class lies, and how much of it is in the largest."""
    here = groups.wavelet_class == scarce
    _, sizes = np.unique(groups.time_block[here], return_counts=True)
    n_events = len(np.unique(groups.event[here]))
    events = f"{n_events} events lie" if scarce is WaveletClass.EARTHQUAKE else "it lies"
    blocks = "1 block" if sizes.size == 1 else f"{sizes.size} blocks"
    return (
        f"{events} in {blocks} of time, which are never divided and the largest of which has "
        f"{sizes.max() / sizes.sum():.0%} of them"
    )


def effect_of(part: Split, n_windows: int, n_noise: int) -> str:
    """Say what rests on the windows of a split.

    Parameters
    ----------
    part : Split
        Which split.
    n_windows, n_noise : int
        Its windows, and those of them that are no earthquake.
    """
    if part is Split.TRAIN:
        return f"a network learns from {n_windows} windows"
    if part is Split.TEST:
        return f"what is reported of the test rests on {n_windows} windows"
    return (
        f"the threshold rests on {n_windows} windows, and no rate of false positives below "
        f"{1 / max(n_noise, 1):.2g} can be told"
    )


def _name(code: WaveletClass) -> str:
    return code.name.lower().replace("_", " ")
