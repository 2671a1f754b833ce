"""What is true of a scene, as tables: one list of rows for a span, on demand.

A row belongs to the span that holds its time (an event its origin, an arrival its onset, a source
or gap its start), so the rows of spans that follow each other join without doubles. Only what
begins within the scene is listed. All times are ns UTC.
"""

from typing import TypedDict

import numpy as np

from seisflow.core.geometry import normalise_longitude
from seisflow.core.grid import Span
from seisflow.stages.synth.noise import noise_filter
from seisflow.stages.synth.scene import METRES_PER_DEGREE, Node, Scene
from seisflow.stages.synth.scene_config import SceneConfig
from seisflow.stages.synth.signals import phase_arrivals, phase_wavelets, wavelet_signal
from seisflow.stages.synth.sources import (
    Aircraft,
    Earthquake,
    Glitch,
    Gust,
    Source,
    SourceKind,
    Spike,
    Vehicle,
    Wavelet,
)

__all__ = [
    "ArrivalRow",
    "EventRow",
    "GapRow",
    "SourceRow",
    "arrivals",
    "dead_nodes",
    "events",
    "gaps",
    "sources",
    "spikes",
]

SNR_BAND_HZ = (5.0, 30.0)
SNR_WINDOW_S = 1.0


class EventRow(TypedDict):
    """An earthquake: degrees, km below the middle of the array, rms over noise at its loudest.

    Longitudes lie within [-180, 180).
    """

    event: str
    time_ns: int
    longitude: float
    latitude: float
    depth_km: float
    magnitude: float
    peak_snr: float


class ArrivalRow(TypedDict):
    """A phase at a station.

    `snr` is the rms of the phase in the second from its onset over the rms expected of the node's
    noise between 5 and 30 Hz (the band the phase lies in); for S, the coda of P is not noise.
    """

    event: str
    station: str
    phase: str
    time_ns: int
    snr: float


class SourceRow(TypedDict):
    """Something that happens on the array, or a spike on one station (else `station` is "")."""

    kind: str
    station: str
    start_ns: int
    end_ns: int
    peak_snr: float
    description: str


class GapRow(TypedDict):
    """Samples that are missing (`gap`), or repeat one value to the end (`dead`)."""

    kind: str
    station: str
    start_ns: int
    end_ns: int


def events(scene: Scene, span: Span) -> list[EventRow]:
    """List the earthquakes whose origin lies in a span, in order of origin."""
    return [
        _event_row(scene.config, source)
        for source in _started(scene, span)
        if isinstance(source, Earthquake)
    ]


def arrivals(scene: Scene, node_index: int, span: Span) -> list[ArrivalRow]:
    """List the P and S onsets at one node that lie in a span, in order of time.

    Gaps and death of the node play no part: an arrival in a gap is listed.
    """
    node = scene.nodes[node_index]
    inside = span.intersect(scene.span)
    if inside is None:
        return []
    found = scene.sources(inside.start_ns, inside.end_ns)
    rows = [
        row
        for quake in found
        if isinstance(quake, Earthquake)
        for row in _arrival_rows(scene.config, quake, node, inside)
    ]
    return sorted(rows, key=lambda row: row["time_ns"])


def sources(scene: Scene, span: Span) -> list[SourceRow]:
    """List aircraft, gusts, vehicles and glitches whose start lies in a span, in order of it."""
    return [
        _source_row(source)
        for source in _started(scene, span)
        if not isinstance(source, Earthquake)
    ]


def spikes(scene: Scene, node_index: int, span: Span) -> list[SourceRow]:
    """List the spikes of one node whose start lies in a span, in order of start."""
    inside = span.intersect(scene.span)
    if inside is None:
        return []
    return [
        SourceRow(
            kind=SourceKind.SPIKE.name.lower(),
            station=scene.nodes[node_index].station,
            start_ns=spike.start_ns,
            end_ns=spike.end_ns,
            peak_snr=float(
                abs(spike.amplitude_counts)
                * np.sqrt(spike.decay_s / 2)
                / _highpassed_rms(scene.config)
            ),
            description=_pulse_text(spike),
        )
        for spike in scene.spikes(node_index, inside.start_ns, inside.end_ns)
        if spike.start_ns >= inside.start_ns
    ]


def gaps(scene: Scene, node_index: int, span: Span) -> list[GapRow]:
    """List the gaps of one node whose start lies in a span; times are those of samples.

    `start_ns` is the first missing sample, `end_ns` the first present one after it, or the end of
    the scene.
    """
    inside = span.intersect(scene.span)
    if inside is None:
        return []
    station, rows = scene.nodes[node_index].station, []
    for gap in scene.gaps(node_index, inside.start_ns, inside.end_ns):
        start_ns = scene.time_of(scene.first_at_or_after(gap.start_ns))
        end_ns = scene.time_of(min(scene.first_at_or_after(gap.end_ns), scene.n_samples))
        if inside.start_ns <= start_ns < inside.end_ns:
            rows.append(GapRow(kind="gap", station=station, start_ns=start_ns, end_ns=end_ns))
    return rows


def dead_nodes(scene: Scene, span: Span) -> list[GapRow]:
    """List the nodes that stop for good at a time in a span, in order of node."""
    inside = span.intersect(scene.span)
    if inside is None:
        return []
    dead = [
        (node.station, scene.time_of(scene.first_at_or_after(node.dead_from_ns)))
        for node in scene.nodes
        if node.dead_from_ns is not None
    ]
    return [
        GapRow(kind="dead", station=station, start_ns=start_ns, end_ns=scene.span.end_ns)
        for station, start_ns in dead
        if inside.start_ns <= start_ns < inside.end_ns
    ]


def _started(scene: Scene, span: Span) -> list[Source]:
    inside = span.intersect(scene.span)
    if inside is None:
        return []
    found = scene.sources(inside.start_ns, inside.end_ns)
    return [source for source in found if source.start_ns >= inside.start_ns]


def _highpassed_rms(config: SceneConfig) -> float:
    return config.noise_rms_counts * noise_filter(config.noise, config.rate_hz).highpassed_rms()


def _event_row(config: SceneConfig, quake: Earthquake) -> EventRow:
    north = config.latitude + quake.y_m / METRES_PER_DEGREE
    east = quake.x_m / METRES_PER_DEGREE / np.cos(np.radians(config.latitude))
    return EventRow(
        event=quake.name,
        time_ns=quake.start_ns,
        longitude=float(normalise_longitude(round(float(config.longitude + east), 6))),
        latitude=round(north, 6),
        depth_km=round(quake.depth_m / 1000, 3),
        magnitude=quake.magnitude,
        peak_snr=quake.peak_snr,
    )


def _arrival_rows(
    config: SceneConfig, quake: Earthquake, node: Node, inside: Span
) -> list[ArrivalRow]:
    onsets = phase_arrivals(config, quake, node)
    if not any(inside.start_ns <= onset_ns < inside.end_ns for onset_ns in onsets):
        return []
    colour = noise_filter(config.noise, config.rate_hz)
    noise_rms = node.noise_rms_counts * colour.band_rms(*SNR_BAND_HZ)
    rows = zip("PS", onsets, phase_wavelets(config, quake, node), strict=True)
    return [
        ArrivalRow(
            event=quake.name,
            station=node.station,
            phase=phase,
            time_ns=onset_ns,
            snr=_onset_rms(wavelet, config.rate_hz) / noise_rms,
        )
        for phase, onset_ns, wavelet in rows
        if inside.start_ns <= onset_ns < inside.end_ns
    ]


def _onset_rms(wavelet: Wavelet, rate_hz: int) -> float:
    t = np.arange(0, SNR_WINDOW_S, 1 / max(100, min(rate_hz, 200)))
    return float(np.sqrt(np.mean(wavelet_signal(wavelet, t) ** 2)))


def _source_row(source: Aircraft | Gust | Vehicle | Glitch) -> SourceRow:
    if isinstance(source, Aircraft):
        kind = SourceKind.AIRCRAFT
        text = (
            f"{source.speed_m_s:.0f} m/s, height {source.height_m:.0f} m, "
            f"tone {source.tone_hz:.1f} Hz, nearest {source.reference_m:.0f} m"
        )
    elif isinstance(source, Vehicle):
        kind = SourceKind.VEHICLE
        text = f"{abs(source.speed_m_s):.0f} m/s, nearest {source.reference_m:.0f} m"
    elif isinstance(source, Glitch):
        kind, text = SourceKind.GLITCH, _pulse_text(source)
    else:
        kind = SourceKind.WIND
        text = f"gust, flutter {source.flutter_s:.0f} s"
    return SourceRow(
        kind=kind.name.lower(),
        station="",
        start_ns=source.start_ns,
        end_ns=source.end_ns,
        peak_snr=source.peak_snr,
        description=text,
    )


def _pulse_text(pulse: Spike | Glitch) -> str:
    return f"{pulse.amplitude_counts:.0f} counts, decay {1000 * pulse.decay_s:.0f} ms"
