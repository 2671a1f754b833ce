"""The scan: candidates of some stations over some blocks of time, before anything is written.

Invariant: what a task finds of a station and a block of time does not depend on which other
stations and blocks it has.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from seisflow.archive.reading import read_slice
from seisflow.core.classes import Label, Origin, WaveletClass
from seisflow.core.grid import NS_PER_S, SampleGrid
from seisflow.core.randomness import draws, key_of
from seisflow.stages.wavelets.balancing import rank_in_cell
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.matching import KnownP
from seisflow.stages.wavelets.noise import (
    NoiseRules,
    coda_seconds,
    find_noise,
    near_arrivals,
    whole_windows,
)
from seisflow.stages.wavelets.recorded import recorded_seconds
from seisflow.stages.wavelets.snr import NOISE_S, PAD_S, SIGNAL_S, onset_snr

__all__ = ["Candidates", "Scan", "ScanTask", "StationPart", "jittered_starts", "scan"]

BELOW, GAP, OUTSIDE, UNREADABLE = "snr below gate", "gap", "outside record", "unreadable"


@dataclass(frozen=True)
class Scan:
    """What every scan task shares.

    ``first_s`` and ``stop_s`` bound the seconds of WAVEFORMS that may be used; ``label_offset_s``
    is the second of WAVEFORMS at which LABELS begins. ``quota`` is the most windows of noise kept
    of one class, station and block of time.
    """

    waveforms_key: str
    grid: SampleGrid
    first_s: int
    stop_s: int
    label_offset_s: int
    quota: int
    config: AssembleConfig

    @property
    def rate(self) -> int:
        """Samples per second."""
        return int(self.grid.rate)

    @property
    def halo_s(self) -> int:
        """Seconds read on either side of a task's own, for all that one of its onsets needs."""
        c = self.config
        reach_s = c.lead_s + c.jitter_s + c.window_s + c.margin_s - NOISE_S[0] + SIGNAL_S[1]
        return math.ceil(reach_s) + PAD_S + 1

    @property
    def margin_samples(self) -> int:
        """Samples kept before and behind a window."""
        return round(self.config.margin_s * self.rate)


@dataclass(frozen=True)
class StationPart:
    """One channel of a task: its rows, its name, and the arrivals of interest.

    ``onset_ns`` are P, ``onset`` their numbers among all onsets; ``away_ns`` is what noise keeps
    away from, ``known_p`` all P of the site. ``label_row`` is None where there are no labels.
    """

    channel: int
    name: str
    waveform_row: int
    label_row: int | None
    onset: npt.NDArray[np.int64]
    onset_ns: npt.NDArray[np.int64]
    away_ns: npt.NDArray[np.int64]
    known_p: KnownP


@dataclass(frozen=True)
class ScanTask:
    """Channels over whole blocks of time; ``start_s`` and ``stop_s`` count from 1970."""

    name: str
    stations: tuple[StationPart, ...]
    start_s: int
    stop_s: int


@dataclass
class Candidates:
    """Candidates as columns, one row each, and reasons why there are not more.

    ``start`` is the sample of WAVEFORMS at which the window begins; ``onset`` is -1 for noise;
    ``origin`` is an `Origin`.
    ``arrivals`` counts onsets rejected, ``seconds`` seconds at which no noise window begins.
    """

    channel: npt.NDArray[np.int64]
    start: npt.NDArray[np.int64]
    wavelet_class: npt.NDArray[np.uint8]
    onset: npt.NDArray[np.int64]
    snr: npt.NDArray[np.float64]
    origin: npt.NDArray[np.uint8]
    arrivals: Counter[str] = field(default_factory=Counter)
    seconds: Counter[str] = field(default_factory=Counter)
    problems: tuple[str, ...] = ()

    @classmethod
    def empty(cls) -> "Candidates":
        """Return no candidates."""
        i64, u8, f8 = np.empty(0, np.int64), np.empty(0, np.uint8), np.empty(0, np.float64)
        return cls(i64, i64, u8, i64, f8, u8)

    @classmethod
    def joined(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """Join and put into an order that is that of no task: by channel, start, class, onset."""
        parts = [*parts, cls.empty()]
        names = ("channel", "start", "wavelet_class", "onset", "snr", "origin")
        columns = [np.concatenate([getattr(p, name) for p in parts]) for name in names]
        order = np.lexsort(columns[3::-1])
        channel, start, wavelet_class, onset, snr, origin = (c[order] for c in columns)
        joined = cls(channel, start, wavelet_class, onset, snr, origin)
        for part in parts:
            joined.arrivals.update(part.arrivals)
            joined.seconds.update(part.seconds)
        joined.problems = tuple(sorted(p for part in parts for p in part.problems))
        return joined


def scan(shared: Scan, task: ScanTask) -> Candidates:
    """Find the candidates of a task; runs in a worker.

    A station or an onset that cannot be read is a problem named in the result; the others go on.
    """
    parts = []
    for station in task.stations:
        try:
            parts.append(_scan_station(shared, task, station))
        except Exception as error:  # noqa: BLE001 - one bad station never stops the others
            problem = f"{station.name} in {task.name}: {type(error).__name__}: {error}"
            found = Candidates.empty()
            found.arrivals[UNREADABLE] = len(station.onset)
            found.problems = (problem,)
            parts.append(found)
    return Candidates.joined(parts)


@dataclass(frozen=True)
class _Seconds:
    """Labels and whole seconds of a station from ``first_s`` of WAVEFORMS on."""

    first_s: int
    label: npt.NDArray[np.uint8]
    covered: npt.NDArray[np.bool_]


def _scan_station(shared: Scan, task: ScanTask, station: StationPart) -> Candidates:
    """Find the windows of one station: noise of its blocks, earthquakes by their onset."""
    seconds = _read_seconds(shared, task, station)
    return Candidates.joined(
        [_noise(shared, task, station, seconds), _earthquakes(shared, station, seconds)]
    )


def _read_seconds(shared: Scan, task: ScanTask, station: StationPart) -> _Seconds:
    """Read labels and coverage with a halo; outside the span to be used nothing is covered.

    Without labels every second that was recorded is random noise: what is near an arrival is left
    out for that.
    """
    epoch_s = shared.grid.epoch_ns // NS_PER_S
    first = task.start_s - epoch_s - shared.halo_s
    stop = task.stop_s - epoch_s + shared.halo_s
    label = np.full(stop - first, Label.NOT_RUN, dtype=np.uint8)
    covered = np.zeros(stop - first, dtype=bool)
    a, b = max(first, shared.first_s), min(stop, shared.stop_s)
    if a < b:
        here = slice(a - first, b - first)
        label[here] = _labels(shared, station, a, b)
        covered[here] = (
            read_slice(shared.config.waveforms, "coverage", station.waveform_row, a, b) == 1.0
        )
    return _Seconds(first, label, covered)


def _labels(shared: Scan, station: StationPart, a: int, b: int) -> npt.NDArray[np.uint8]:
    """Return labels of the seconds ``[a, b)`` of WAVEFORMS: as read, or as there are samples."""
    offset, labels = shared.label_offset_s, shared.config.labels
    if labels is not None and station.label_row is not None:
        found = read_slice(labels, "label", station.label_row, a - offset, b - offset)
        return found.astype(np.uint8)
    good = recorded_seconds(
        shared.config.waveforms, shared.waveforms_key, station.waveform_row, shared.grid, (a, b)
    )
    return np.where(good, Label.RANDOM_NOISE, Label.NO_DATA).astype(np.uint8)


def _noise(shared: Scan, task: ScanTask, station: StationPart, seconds: _Seconds) -> Candidates:
    """Find windows of noise and keep the first of a random order in each block."""
    config, halo_s = shared.config, shared.halo_s
    core = slice(halo_s, len(seconds.label) - halo_s)
    label = seconds.label[core]
    near = near_arrivals(
        station.away_ns, task.start_s * NS_PER_S, len(label), config.before_s, config.after_s
    )
    # a second without data by its label is constant, clipped or not finite: margins avoid it too
    whole = seconds.covered[core] & (label != Label.NO_DATA)
    rules = NoiseRules(config.window_s, math.ceil(config.margin_s), config.time_block_s)
    windows = find_noise(label, whole, near, rules, _coda(config, task, station, len(label)))
    absolute_s = windows.start_s + task.start_s
    chosen = _thinned(shared, station.name, absolute_s, windows.wavelet_class)
    start = (windows.start_s[chosen] + seconds.first_s + halo_s) * shared.rate
    n = len(start)
    away = Origin.AWAY_FROM_ARRIVALS if config.labels is None else Origin.LABELLED
    return Candidates(
        np.full(n, station.channel, dtype=np.int64),
        start.astype(np.int64),
        windows.wavelet_class[chosen],
        np.full(n, -1, dtype=np.int64),
        np.full(n, np.nan),
        np.where(windows.is_coda[chosen], Origin.CODA, away).astype(np.uint8),
        seconds=Counter(windows.rejected),
    )


def _coda(
    config: AssembleConfig, task: ScanTask, station: StationPart, n_seconds: int
) -> npt.NDArray[np.bool_] | None:
    """Mark the coda in the seconds of a task; None where it was not asked for."""
    if not config.takes_coda:
        return None
    first_ns, within_s = task.start_s * NS_PER_S, config.coda_within_s
    return coda_seconds(station.known_p, first_ns, n_seconds, within_s, config.time_block_s)


def _thinned(
    shared: Scan, name: str, start_s: npt.NDArray[np.int64], classes: npt.NDArray[np.uint8]
) -> npt.NDArray[np.int64]:
    """Return which windows are among the first `quota` of their block and class."""
    chance = draws(key_of(shared.config.seed, "thin", name), start_s)
    block = start_s // shared.config.time_block_s
    rank = rank_in_cell(np.stack([block, classes.astype(np.int64)], axis=1), chance)
    return np.flatnonzero(rank < shared.quota)


def jittered_starts(config: AssembleConfig, name: str, onset: int, rate: int) -> list[int]:
    """Return where the windows of one onset begin: different samples, uniform, seeded.

    Parameters
    ----------
    config : AssembleConfig
        Lead, jitter, how many, and the seed.
    name : str
        Channel.
    onset, rate : int
        Sample of P, and samples per second.

    Returns
    -------
    list of int
        Samples, at most ``per_arrival`` and no more than there are within the jitter.
    """
    widest = math.floor(config.jitter_s * rate)
    offsets = np.arange(-widest, widest + 1, dtype=np.int64)
    chance = draws(key_of(config.seed, "jitter", name, str(onset)), offsets)
    chosen = offsets[np.argsort(chance, kind="stable")[: config.per_arrival]]
    return [onset - round(config.lead_s * rate) + int(offset) for offset in chosen]


def _earthquakes(shared: Scan, station: StationPart, seconds: _Seconds) -> Candidates:
    """Measure every onset, and lay out windows for those above the gate."""
    found = Candidates.empty()
    rows: list[tuple[int, int, float]] = []
    problems = []
    for number, time_ns in zip(station.onset.tolist(), station.onset_ns.tolist(), strict=True):
        onset = shared.grid.nearest(time_ns)
        try:
            starts, outcome = _windows_of(shared, station, seconds, onset)
        except Exception as error:  # noqa: BLE001 - one bad record never stops the others
            starts, outcome = [], UNREADABLE
            problems.append(f"{station.name}, onset {number}: {type(error).__name__}: {error}")
        if isinstance(outcome, str):
            found.arrivals[outcome] += 1
            continue
        rows += [(start, number, outcome) for start in starts]
    found.problems = tuple(problems)
    n = len(rows)
    found.channel = np.full(n, station.channel, dtype=np.int64)
    found.start = np.array([r[0] for r in rows], dtype=np.int64)
    found.wavelet_class = np.full(n, WaveletClass.EARTHQUAKE, dtype=np.uint8)
    found.onset = np.array([r[1] for r in rows], dtype=np.int64)
    found.snr = np.array([r[2] for r in rows], dtype=np.float64)
    found.origin = np.full(n, Origin.ARRIVAL, dtype=np.uint8)
    return found


def _windows_of(
    shared: Scan, station: StationPart, seconds: _Seconds, onset: int
) -> tuple[list[int], float | str]:
    """Return where windows begin, with the ratio of the onset, or the reason why none does."""
    rate, margin = shared.rate, shared.margin_samples
    starts = jittered_starts(shared.config, station.name, onset, rate)
    first = min(starts) - margin, onset + math.floor(NOISE_S[0] * rate)
    stop = max(starts) + shared.config.window_s * rate + margin, onset + int(SIGNAL_S[1] * rate)
    from_s, to_s = (min(first) // rate, -(-max(stop) // rate))
    if from_s < shared.first_s or to_s > shared.stop_s:
        return [], OUTSIDE
    a, b = from_s - seconds.first_s, to_s - seconds.first_s
    if not whole_windows(seconds.covered, np.array([a]), np.array([b]))[0]:
        return [], GAP
    before = _covered_run(seconds.covered[:a][::-1])
    behind = _covered_run(seconds.covered[b:])
    start = (from_s - before) * rate
    row, end = station.waveform_row, (to_s + behind) * rate
    record = read_slice(
        shared.config.waveforms, "waveform", row, start, end, key=shared.waveforms_key
    )
    if record.dtype.kind == "f" and not np.isfinite(record).all():
        return [], GAP
    snr = onset_snr(record, onset - start, rate)
    return (starts, snr) if snr > shared.config.snr_min else ([], BELOW)


def _covered_run(covered: npt.NDArray[np.bool_]) -> int:
    """Return how many seconds from the first on are covered, `PAD_S` at most."""
    near = covered[:PAD_S]
    return int(np.argmin(near)) if not near.all() else len(near)
