"""Random numbers keyed by what they describe, never by the task that draws them.

Invariant: every draw comes from ``SeedSequence(seed, spawn_key=(stream, *key))`` whose key names a
node, an hour, a day, a minute since the scene start or an event, so that a result does not depend
on how the work is cut, nor on how long the scene is.
"""

from enum import IntEnum

import numpy as np

__all__ = ["Stream", "generator", "log_uniform"]


class Stream(IntEnum):
    """What a random number is for. The values are part of the format: never renumber."""

    NODE = 0
    NOISE = 1
    EARTHQUAKES = 2
    EARTHQUAKE_AT_NODE = 3
    AIRCRAFT = 4
    GUSTS = 5
    GUST_CARRIER = 6
    VEHICLES = 7
    VEHICLE_CARRIER = 8
    ROAD = 9
    SPIKES = 10
    GAPS = 11
    TOPOGRAPHY = 12
    GLITCHES = 13
    GLITCH_AT_NODE = 14


def generator(seed: int, stream: Stream, *key: int) -> np.random.Generator:
    """Return the generator of one described thing.

    Parameters
    ----------
    seed : int
        Seed of the scene.
    stream : Stream
        What is drawn.
    *key : int
        Which one: node index, hour, minute, event number; none negative.

    Returns
    -------
    numpy.random.Generator
        PCG64, at its start.
    """
    sequence = np.random.SeedSequence(seed, spawn_key=(int(stream), *key))
    return np.random.Generator(np.random.PCG64(sequence))


def log_uniform(random: np.random.Generator, bounds: tuple[float, float]) -> float:
    """Draw a value whose logarithm is uniform between two positive bounds."""
    low, high = bounds
    return float(low * (high / low) ** random.random())
