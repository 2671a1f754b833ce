"""Labels of both methods against planted truth, in one run.

    python -m benchmarks.label_accuracy [--hours 20] [--rate 100] [--kinds white drifting ...]
                                        [--first-seed 1] [--methods calibrated]

Every kind is so many seeded hours of one node, made by `seisflow.synth`: white, 1/f and field-like
noise with the usual mix of sources; the same field-like noise drifting by +-50 %, with only
aircraft, wind, vehicles, spikes or earthquakes, and with the mix and one event of 500 times the
noise. The last kinds are noise and nothing else. Truth is the rms of all that is planted over the
rms of the noise in the same second, both high-passed as the labeller does; a second below 0.05
counts as quiet. Neither method sees the truth or the kind.
"""

import argparse
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import numpy.typing as npt
from scipy import signal

from seisflow.core.classes import Label
from seisflow.stages.label.method import METHODS, label_windows
from seisflow.stages.synth.noise import highpass_sections
from seisflow.stages.synth.scene import build_scene
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.waves import node_waveform, planted_signal

Floats = npt.NDArray[np.float64]

HOUR_S = 3600
WARM_UP_S = 60
"""Seconds before the hour: the filter settles, and the synth works in whole minutes."""

SOURCES = (
    "earthquakes_per_hour",
    "aircraft_per_hour",
    "gusts_per_hour",
    "vehicles_per_hour",
    "glitches_per_hour",
    "spikes_per_node_hour",
)
NOTHING = dict.fromkeys(SOURCES, 0.0)

DRIFT = 0.5
DRIFT_SPLIT = 0.15
"""Where the lower from the upper band is told apart, of the rate; each drifts on its own."""

HUGE = 500.0


@dataclass(frozen=True)
class Kind:
    """What an hour is made of: noise, sources an hour (the synth's own mix by default), extras."""

    noise: str
    sources: dict[str, float] = field(default_factory=dict)
    drifts: bool = False
    has_huge_event: bool = False


def only(**sources: float) -> dict[str, float]:
    """Return rates of these sources alone."""
    return NOTHING | sources


KINDS = {
    "white": Kind("white"),
    "1/f": Kind("pink"),
    "field-like": Kind("field"),
    "drifting": Kind("field", drifts=True),
    "aircraft": Kind("field", only(aircraft_per_hour=4.0)),
    "wind": Kind("field", only(gusts_per_hour=6.0)),
    "vehicles": Kind("field", only(vehicles_per_hour=5.0)),
    "spikes": Kind("field", only(spikes_per_node_hour=60.0)),
    "earthquakes": Kind("field", only(earthquakes_per_hour=12.0)),
    "500x event": Kind("field", has_huge_event=True),
    "nothing but white": Kind("white", NOTHING),
    "nothing but 1/f": Kind("pink", NOTHING),
    "nothing but drifting": Kind("field", NOTHING, drifts=True),
}


def make_hour(kind: Kind, seed: int, rate_hz: int) -> tuple[npt.NDArray[np.float32], Floats]:
    """Make one hour.

    Returns
    -------
    ndarray of float32, shape (3600 * rate_hz,)
        The record, high-passed.
    ndarray of float64, shape (3600,)
        Rms of what is planted over rms of the noise in each second.
    """
    config = SceneConfig(
        seed=seed,
        n_nodes=1,
        rate_hz=rate_hz,
        duration_s=HOUR_S + WARM_UP_S,
        noise=kind.noise,
        gaps_per_node_day=0.0,
        dead_fraction=0.0,
        **kind.sources,  # type: ignore[arg-type]
    )
    scene = build_scene(config)
    counts = node_waveform(scene, 0, 0, scene.n_samples).counts.astype(np.float64)
    parts = planted_signal(scene, 0, 0, scene.n_samples).values()
    planted = sum(parts, start=np.zeros(scene.n_samples))
    noise = counts - planted
    random = np.random.default_rng([seed, 77])
    if kind.drifts:
        noise = drifting(noise, rate_hz, random)
    if kind.has_huge_event:
        typical = float(np.std(highpassed(noise, rate_hz)))
        planted = planted + HUGE * typical * huge_event(noise.size, rate_hz, random)
    ratio = by_second(highpassed(planted, rate_hz), rate_hz)
    ratio /= by_second(highpassed(noise, rate_hz), rate_hz)
    record = highpassed(np.rint(noise + planted), rate_hz)[WARM_UP_S * rate_hz :]
    return record.astype(np.float32), ratio[WARM_UP_S:]


def highpassed(values: Floats, rate_hz: int) -> Floats:
    """Filter as the labeller does."""
    return np.asarray(signal.sosfilt(highpass_sections(rate_hz), values))


def by_second(values: Floats, rate_hz: int) -> Floats:
    """Rms of every second."""
    return np.asarray(np.sqrt(np.mean(np.square(values.reshape(-1, rate_hz)), axis=1)))


def drifting(noise: Floats, rate_hz: int, random: np.random.Generator) -> Floats:
    """Let two bands of the noise each go through +-50 % within the hour, at phases of their own."""
    sections = signal.butter(2, DRIFT_SPLIT * rate_hz, fs=rate_hz, output="sos")
    low = signal.sosfiltfilt(sections, noise)
    cycles = np.arange(noise.size) / (HOUR_S * rate_hz)
    gains = [1 + DRIFT * np.sin(2 * np.pi * (cycles + phase)) for phase in random.random(2)]
    return np.asarray(low * gains[0] + (noise - low) * gains[1])


def huge_event(n_samples: int, rate_hz: int, random: np.random.Generator) -> Floats:
    """Return a burst of 4-18 Hz of rms about 1 at its start and a coda of ten decay times."""
    start_s, decay_s = random.uniform(600, 3000), random.uniform(4, 12)
    time_s = np.arange(n_samples) / rate_hz - start_s
    time_s = time_s[(time_s > 0) & (time_s < 10 * decay_s)]
    wave = np.zeros(time_s.size)
    for _ in range(40):
        wave += np.cos(2 * np.pi * (random.uniform(4, 18) * time_s + random.random()))
    wave *= np.exp(-time_s / decay_s) * -np.expm1(-time_s / 0.1) / np.sqrt(20)
    whole = np.zeros(n_samples)
    first = int(start_s * rate_hz) + 1
    whole[first : first + wave.size] = wave
    return whole


@dataclass(frozen=True)
class Row:
    """Labels of all hours of one kind by one method; shares in per cent, NaN where no seconds."""

    kind: str
    method: str
    n_quiet: int
    quiet_nrn: float
    quiet_rn: float
    n_above_noise: int
    above_noise_nrn: float
    n_above_half: int
    above_half_nrn: float
    above_half_rn: float
    cpu_s: float


def measure(kind: str, seeds: range, rate_hz: int, methods: tuple[str, ...]) -> Iterator[Row]:
    """Label seeded hours of a kind by each method."""
    labels: dict[str, list[npt.NDArray[np.uint8]]] = {method: [] for method in methods}
    cpu_s = dict.fromkeys(methods, 0.0)
    ratios = []
    for seed in seeds:
        record, ratio = make_hour(KINDS[kind], seed, rate_hz)
        ratios.append(ratio)
        for method in methods:
            start = time.process_time()
            labels[method].append(label_windows(record, rate_hz, method=method).label)
            cpu_s[method] += time.process_time() - start
    ratio = np.concatenate(ratios)
    for method in methods:
        yield count(kind, method, np.concatenate(labels[method]), ratio, cpu_s[method] / len(seeds))


def count(kind: str, method: str, label: npt.NDArray[np.uint8], ratio: Floats, cpu_s: float) -> Row:
    """Count one row."""
    quiet, above, half = ratio < 0.05, ratio >= 1.0, ratio >= 0.5

    def share(where: npt.NDArray[np.bool_], code: Label) -> float:
        return 100 * float(np.mean(label[where] == code)) if where.any() else float("nan")

    rn, nrn = Label.RANDOM_NOISE, Label.NOT_RANDOM_NOISE
    return Row(
        kind,
        method,
        int(quiet.sum()),
        share(quiet, nrn),
        share(quiet, rn),
        int(above.sum()),
        share(above, nrn),
        int(half.sum()),
        share(half, nrn),
        share(half, rn),
        cpu_s,
    )


HEAD = (
    "| hours of | method | quiet s | NRN % | RN % | s > noise | NRN % | s > half | NRN % | RN % "
    "| CPU s/h |\n|---|---|---|---|---|---|---|---|---|---|---|"
)


def as_markdown(row: Row) -> str:
    """Return a line of the table."""

    def cell(value: float, digits: int = 1) -> str:
        return "-" if np.isnan(value) else f"{value:.{digits}f}"

    return (
        f"| {row.kind} | {row.method} | {row.n_quiet} | {cell(row.quiet_nrn, 2)} "
        f"| {cell(row.quiet_rn)} | {row.n_above_noise} | {cell(row.above_noise_nrn)} "
        f"| {row.n_above_half} | {cell(row.above_half_nrn)} | {cell(row.above_half_rn)} "
        f"| {row.cpu_s:.2f} |"
    )


def main() -> None:
    """Print the table, line by line as it comes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--rate", type=int, default=100)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=list(KINDS))
    parser.add_argument("--methods", nargs="+", choices=list(METHODS), default=list(METHODS))
    options = parser.parse_args()
    say = partial(print, flush=True)
    seeds = range(options.first_seed, options.first_seed + options.hours)
    say(f"{options.hours} seeded hours of each kind at {options.rate} Hz; ", end="")
    say(f"{platform.machine()}, Python {platform.python_version()}, one process\n")
    say(HEAD)
    for kind in options.kinds:
        for row in measure(kind, seeds, options.rate, tuple(options.methods)):
            say(as_markdown(row))


if __name__ == "__main__":
    main()
