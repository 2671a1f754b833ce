"""The waveform of one node: noise and everything planted on it, with the truth of every second.

Everything is computed in whole minutes counted from the scene start (tiles), then cut; so no
sample and no truth value depends on what was asked for, or on how a task was cut.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from seisflow.core.grid import NS_PER_S
from seisflow.errors import ConfigError
from seisflow.stages.synth.noise import TILE_S, NoiseStream, highpass_sections, noise_filter
from seisflow.stages.synth.scene import Scene
from seisflow.stages.synth.signals import (
    aircraft_signal,
    glitch_signal,
    gust_envelope,
    phase_arrivals,
    phase_wavelets,
    spike_signal,
    vehicle_envelope,
    wavelet_signal,
)
from seisflow.stages.synth.sources import (
    Aircraft,
    Earthquake,
    Glitch,
    Gust,
    Source,
    SourceKind,
    Vehicle,
)
from seisflow.stages.synth.streams import Stream

__all__ = ["NodeRecord", "iter_node_waveform", "node_waveform", "planted_signal"]

FULL_SCALE_COUNTS = 2**23 - 1
"""Clip of a 24-bit digitiser."""

WARM_UP_S = 20
"""Seconds of the tile before that the high-pass behind the truth sees first."""

NEGLIGIBLE_RATIO = 1e-3
"""A planted signal below this part of the noise leaves the kind of a second at none."""

Floats = NDArray[np.float64]
Planted = dict[SourceKind, Floats]


VANISHING_RATIO = 1e-6
"""An amplitude ratio below this is given as 0."""


@dataclass(frozen=True, slots=True, eq=False)
class NodeRecord:
    """A piece of a node's record and its truth.

    Parameters
    ----------
    node_index : int
        Which node.
    first_sample : int
        Index of ``counts[0]`` since the scene start.
    rate_hz : int
        Samples per second.
    counts : ndarray of int32, shape (n_samples,)
        What the digitiser would write; 0 where not present.
    present : ndarray of bool, shape (n_samples,)
        False inside gaps. A dead node is present: it repeats one value.
    first_second : int
        The second, since the scene start, that holds `first_sample`.
    kind : ndarray of uint8, shape (n_seconds,)
        `SourceKind` of every second touched: the planted kind of largest rms; 0 where all of it
        is below a thousandth of the noise; 255 where a sample of the second is in a gap or the
        node is dead.
    amplitude_ratio : ndarray of float32, shape (n_seconds,)
        Rms of all that is planted over rms of the noise in that whole second, both after the 2 Hz
        high-pass of `label` (2 poles, one causal pass, started 20 s before the minute); NaN where
        `kind` is 255. Before rounding and clipping to counts.
    """

    node_index: int
    first_sample: int
    rate_hz: int
    counts: NDArray[np.int32]
    present: NDArray[np.bool_]
    first_second: int
    kind: NDArray[np.uint8]
    amplitude_ratio: NDArray[np.float32]


def node_waveform(scene: Scene, node_index: int, first_sample: int, n_samples: int) -> NodeRecord:
    """Make a piece of the record of one node.

    Parameters
    ----------
    scene : Scene
        From `build_scene`.
    node_index : int
        Place in ``scene.nodes``.
    first_sample, n_samples : int
        Which piece, in samples since the scene start. Whole minutes cost nothing extra; each call
        computes one minute before its first one (filter warm-up).

    Returns
    -------
    NodeRecord
        5 bytes a sample: a day at 500 Hz is 216 MB. `iter_node_waveform` gives it by the hour.

    Raises
    ------
    ConfigError
        The node or the samples are not in the scene.
    """
    _check_asked(scene, node_index, first_sample, n_samples)
    rate_hz, n_tile = scene.config.rate_hz, TILE_S * scene.config.rate_hz
    end_sample = first_sample + n_samples
    first_second, end_second = first_sample // rate_hz, -(-end_sample // rate_hz)
    counts, present = np.empty(n_samples, np.int32), np.empty(n_samples, np.bool_)
    kind = np.empty(end_second - first_second, np.uint8)
    ratio = np.empty(kind.shape, np.float32)
    maker = _TileMaker(scene, node_index)
    for index in range(first_sample // n_tile, -(-end_sample // n_tile)):
        tile = maker.tile(index)
        _copy(tile.counts, index * n_tile, counts, first_sample)
        _copy(tile.present, index * n_tile, present, first_sample)
        _copy(tile.kind, index * TILE_S, kind, first_second)
        _copy(tile.amplitude_ratio, index * TILE_S, ratio, first_second)
    return NodeRecord(node_index, first_sample, rate_hz, counts, present, first_second, kind, ratio)


def iter_node_waveform(
    scene: Scene, node_index: int, first_sample: int, n_samples: int, *, step_s: int = 3600
) -> Iterator[NodeRecord]:
    """Make a piece of the record of one node, as pieces that end on whole steps of the scene.

    Parameters
    ----------
    scene, node_index, first_sample, n_samples
        As for `node_waveform`.
    step_s : int
        Seconds in one piece; the first and the last may be shorter.

    Yields
    ------
    NodeRecord
        In order; joined, they equal what `node_waveform` returns. With cuts that are not on whole
        seconds, the truth of a second that was cut is in both pieces.
    """
    _check_asked(scene, node_index, first_sample, n_samples)
    step, end = step_s * scene.config.rate_hz, first_sample + n_samples
    while first_sample < end:
        until = min((first_sample // step + 1) * step, end)
        yield node_waveform(scene, node_index, first_sample, until - first_sample)
        first_sample = until


def planted_signal(scene: Scene, node_index: int, first_sample: int, n_samples: int) -> Planted:
    """Return what is planted on one node, noise-free, by kind.

    Returns
    -------
    dict of SourceKind to ndarray of float64, shape (n_samples,)
        Counts before rounding; gaps and death play no part. Kinds with nothing are left out.

    Raises
    ------
    ConfigError
        The node or the samples are not in the scene.
    """
    _check_asked(scene, node_index, first_sample, n_samples)
    n_tile, maker = TILE_S * scene.config.rate_hz, _TileMaker(scene, node_index)
    planted: Planted = {}
    for index in range(first_sample // n_tile, -(-(first_sample + n_samples) // n_tile)):
        for kind, values in maker.planted(index).items():
            whole = planted.setdefault(kind, np.zeros(n_samples))
            _copy(values, index * n_tile, whole, first_sample)
    return {kind: values for kind, values in planted.items() if values.any()}


@dataclass(frozen=True, slots=True, eq=False)
class _Tile:
    counts: NDArray[np.int32]
    present: NDArray[np.bool_]
    kind: NDArray[np.uint8]
    amplitude_ratio: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class _Parts:
    """The noise of one tile and what is planted on it, in counts."""

    noise: Floats
    planted: Planted

    @classmethod
    def silent(cls, n_samples: int) -> "_Parts":
        return cls(np.zeros(n_samples), {})


class _TileMaker:
    """Makes the tiles of one node; remembers the last, so that going forward repeats nothing."""

    def __init__(self, scene: Scene, node_index: int) -> None:
        self._scene, self._node = scene, scene.nodes[node_index]
        self._rate_hz = scene.config.rate_hz
        self._n_tile = TILE_S * self._rate_hz
        self._noise = self._stream(Stream.NOISE, scene.config.noise)
        self._wind = self._stream(Stream.GUST_CARRIER, "wind")
        self._rumble = self._stream(Stream.VEHICLE_CARRIER, "vehicle")
        self._last: tuple[int, _Parts] | None = None

    def tile(self, index: int) -> _Tile:
        before, now = self._parts(index - 1), self._parts(index)
        self._last = (index, now)
        present, alive = self._masks(index)
        kind, ratio = _truth(before, now, self._rate_hz)
        lacking = ~(present & alive).reshape(TILE_S, -1).all(axis=1)
        kind[lacking], ratio[lacking] = SourceKind.NO_DATA, np.nan
        whole = sum(now.planted.values(), start=now.noise)
        counts = np.rint(np.clip(whole, -FULL_SCALE_COUNTS, FULL_SCALE_COUNTS)).astype(np.int32)
        counts[~alive] = self._node.stuck_counts
        counts[~present] = 0
        return _Tile(counts, present, kind, ratio)

    def planted(self, index: int) -> Planted:
        start_ns, end_ns = self._time_of(index), self._time_of(index + 1)
        planted: Planted = {}
        for source in self._scene.sources(start_ns, end_ns):
            self._add_source(planted, index, source)
        for spike in self._scene.spikes(self._node.index, start_ns, end_ns):
            where, t = self._active(index, spike.start_ns, spike.end_ns, spike.start_ns)
            self._target(planted, SourceKind.SPIKE)[where] += spike_signal(spike, t)
        return planted

    def _parts(self, index: int) -> _Parts:
        if self._last is not None and self._last[0] == index:
            return self._last[1]
        if index < 0:
            return _Parts.silent(self._n_tile)
        noise = self._noise.tile(index) * self._node.noise_rms_counts
        return _Parts(noise.astype(np.float64), self.planted(index))

    def _add_source(self, planted: Planted, index: int, source: Source) -> None:
        if isinstance(source, Earthquake):
            self._add_earthquake(planted, index, source)
        elif isinstance(source, Aircraft):
            where, t = self._active(index, source.start_ns, source.end_ns, source.closest_ns)
            heard = aircraft_signal(source, self._node, self._rate_hz, t)
            self._target(planted, SourceKind.AIRCRAFT)[where] += heard
        elif isinstance(source, Vehicle):
            where, t = self._active(index, source.start_ns, source.end_ns, source.closest_ns)
            rumble = self._rumble.tile(index)[where] * vehicle_envelope(source, self._node, t)
            self._target(planted, SourceKind.VEHICLE)[where] += rumble
        elif isinstance(source, Gust):
            where, t = self._active(index, source.start_ns, source.end_ns, source.start_ns)
            shaking = self._wind.tile(index)[where] * gust_envelope(source, self._node, t)
            self._target(planted, SourceKind.WIND)[where] += shaking
        elif isinstance(source, Glitch):
            where, t = self._active(index, source.start_ns, source.end_ns, source.start_ns)
            heard = glitch_signal(self._scene.config, source, self._node, t)
            self._target(planted, SourceKind.GLITCH)[where] += heard

    def _add_earthquake(self, planted: Planted, index: int, quake: Earthquake) -> None:
        config, target = self._scene.config, self._target(planted, SourceKind.EARTHQUAKE)
        arrivals = phase_arrivals(config, quake, self._node)
        wavelets = phase_wavelets(config, quake, self._node)
        for onset_ns, wavelet in zip(arrivals, wavelets, strict=True):
            end_ns = onset_ns + round(wavelet.length_s * NS_PER_S)
            where, t = self._active(index, onset_ns, end_ns, onset_ns)
            target[where] += wavelet_signal(wavelet, t)

    def _active(self, index: int, start_ns: int, end_ns: int, zero_ns: int) -> tuple[slice, Floats]:
        """Return the samples of a tile in ``[start_ns, end_ns)`` and their seconds since zero."""
        where = self._samples(index, start_ns, end_ns)
        # whole numbers first: the tile starts on a whole ns, so no digit of the time is lost
        offset_s = (self._time_of(index) - zero_ns) / NS_PER_S
        return where, offset_s + np.arange(where.start, where.stop) / self._rate_hz

    def _samples(self, index: int, start_ns: int, end_ns: int) -> slice:
        first = index * self._n_tile
        edges = (self._scene.first_at_or_after(t) - first for t in (start_ns, end_ns))
        start, stop = (min(max(edge, 0), self._n_tile) for edge in edges)
        return slice(start, stop)

    def _masks(self, index: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        start_ns, end_ns = self._time_of(index), self._time_of(index + 1)
        present, alive = np.ones(self._n_tile, np.bool_), np.ones(self._n_tile, np.bool_)
        for gap in self._scene.gaps(self._node.index, start_ns, end_ns):
            present[self._samples(index, gap.start_ns, gap.end_ns)] = False
        if self._node.dead_from_ns is not None and self._node.dead_from_ns < end_ns:
            alive[self._samples(index, self._node.dead_from_ns, end_ns)] = False
        return present, alive

    def _target(self, planted: Planted, kind: SourceKind) -> Floats:
        return planted.setdefault(kind, np.zeros(self._n_tile))

    def _time_of(self, index: int) -> int:
        return self._scene.config.start_ns + index * TILE_S * NS_PER_S

    def _stream(self, stream: Stream, spectrum: str) -> NoiseStream:
        config = self._scene.config
        colour = noise_filter(spectrum, config.rate_hz)
        return NoiseStream(config.seed, stream, self._node.index, colour)


def _truth(
    before: _Parts, now: _Parts, rate_hz: int
) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the kind and the amplitude ratio of the seconds of a tile, shape (TILE_S,) each."""
    silence = np.zeros(now.noise.shape)
    noise_rms = _rms(_highpassed(before.noise, now.noise, rate_hz), rate_hz)
    kind, strongest = np.zeros(TILE_S, np.uint8), NEGLIGIBLE_RATIO * noise_rms
    total = silence.copy()
    for name in sorted(before.planted.keys() | now.planted.keys()):
        earlier, current = (part.planted.get(name, silence) for part in (before, now))
        filtered = _highpassed(earlier, current, rate_hz)
        total += filtered
        rms = _rms(filtered, rate_hz)
        wins = rms > strongest
        kind[wins], strongest[wins] = name, rms[wins]
    ratio = _rms(total, rate_hz) / noise_rms
    # what rings on in the filter after a source has ended is not a signal
    ratio[ratio < VANISHING_RATIO] = 0
    return kind, ratio.astype(np.float32)


def _highpassed(before: Floats, now: Floats, rate_hz: int) -> Floats:
    warm_up = WARM_UP_S * rate_hz
    joined = np.concatenate([before[before.size - warm_up :], now])
    return np.asarray(signal.sosfilt(highpass_sections(rate_hz), joined)[warm_up:])


def _rms(values: Floats, rate_hz: int) -> Floats:
    return np.asarray(np.sqrt(np.mean(values.reshape(-1, rate_hz) ** 2, axis=1)))


def _copy(source: NDArray[Any], source_first: int, target: NDArray[Any], target_first: int) -> None:
    """Copy what two pieces of one axis share, given the index of the first value of each."""
    start = max(source_first, target_first)
    end = min(source_first + source.size, target_first + target.size)
    target[start - target_first : end - target_first] = source[
        start - source_first : end - source_first
    ]


def _check_asked(scene: Scene, node_index: int, first_sample: int, n_samples: int) -> None:
    problems = []
    if not 0 <= node_index < len(scene.nodes):
        problems.append(f"node {node_index} is not one of the {len(scene.nodes)}, from 0")
    if n_samples < 1 or first_sample < 0 or first_sample + n_samples > scene.n_samples:
        problems.append(
            f"samples {first_sample} to {first_sample + n_samples} (exclusive) are not a piece of "
            f"the scene's {scene.n_samples}"
        )
    if problems:
        raise ConfigError("; ".join(problems))
