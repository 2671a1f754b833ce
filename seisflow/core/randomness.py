"""Randomness that depends on names and numbers alone: the same however work is cut and ordered."""

import hashlib

import numpy as np
import numpy.typing as npt

__all__ = ["GOLDEN", "draws", "key_of", "mixed"]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""Step from one state of SplitMix64 to the next."""


def key_of(seed: int, *words: str) -> int:
    """Return 64 bits that stand for a seed and some words."""
    text = "\x1f".join([str(seed), *words])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")


def mixed(state: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Turn states into random bits, as SplitMix64 does.

    Source: Steele, Lea & Flood 2014, doi:10.1145/2660193.2660195.
    """
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


def draws(key: int, numbers: npt.ArrayLike) -> npt.NDArray[np.uint64]:
    """Return 64 random bits for each number: SplitMix64 of the key and the number, twice.

    Parameters
    ----------
    key : int
        As `key_of` returns it.
    numbers : array_like of int64
        Any shape.

    Returns
    -------
    ndarray of uint64, shape of `numbers`
    """
    state = np.atleast_1d(np.asarray(numbers, dtype=np.int64)).astype(np.uint64)
    for _ in range(2):
        state = mixed(state * GOLDEN + np.uint64(key))
    return state.reshape(np.shape(numbers))
