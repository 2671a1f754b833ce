"""What wavelets are made from, and which product that gives; reads no waveforms."""

from dataclasses import dataclass

import numpy as np

from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.archive.reading import read_column, station_names
from seisflow.archive.store import read_product
from seisflow.archive.work import require_complete
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath
from seisflow.core.grid import NS_PER_S, Span, parse_time
from seisflow.core.stations import Coordinates, StationPattern, matches_any
from seisflow.errors import ConfigError, DataError
from seisflow.formats.arrivals import Arrival, Table, read_arrivals, read_catalogue
from seisflow.formats.travel_times import predict_arrivals
from seisflow.wavelets.config import AssembleConfig
from seisflow.wavelets.known import KnownArrivals, know, site_of, with_catalogue
from seisflow.wavelets.onset import snr_band_hz

__all__ = ["Channel", "Sources", "channels_of", "identify", "read_known", "usable_span"]


@dataclass(frozen=True)
class Sources:
    """Paths: two products, arrivals, and perhaps a catalogue of the events they name."""

    waveforms: AnyPath
    labels: AnyPath
    arrivals: AnyPath
    events: AnyPath | None = None


@dataclass(frozen=True)
class Channel:
    """A channel that gives examples: its name, its rows in both products, its place."""

    name: str
    waveform_row: int
    label_row: int
    place: Coordinates


def identify(config: AssembleConfig, sources: Sources) -> Product:
    """Check that the inputs belong together, and say which product they give.

    Raises
    ------
    ConfigError
        An input is not there or of another kind, or the labels are of other waveforms.
    DataError
        The waveforms are sampled too slowly.
    IncompleteError
        An input is not complete.
    """
    waveforms = read_product(sources.waveforms, "WAVEFORMS")
    labels = read_product(sources.labels, "LABELS")
    if labels.identity.inputs.get("waveforms") != waveforms.identity.key:
        raise ConfigError(
            f"{sources.labels} was made from other waveforms than {sources.waveforms}: found "
            f"{labels.identity.inputs.get('waveforms')}, asked {waveforms.identity.key}; give the "
            "waveforms it was made from, or label these"
        )
    require_complete(sources.waveforms)
    require_complete(sources.labels)
    snr_band_hz(float(waveforms.rate))
    inputs = {
        "waveforms": waveforms.identity.key,
        "labels": labels.identity.key,
        "arrivals": _digest(sources.arrivals),
    }
    if sources.events is not None:
        inputs["events"] = _digest(sources.events)
    identity = Identity(
        "WAVELETS",
        "assemble",
        config.resolved(),
        inputs,
        FORMAT_VERSIONS["WAVELETS"],
        RESULT_VERSIONS["assemble"],
    )
    return Product(identity, waveforms.span, waveforms.rate, waveforms.shard_s, 1)


def _digest(path: AnyPath) -> str:
    try:
        return fingerprint(path.read_bytes().hex())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be opened: {error.strerror or error}; give a CSV table or QuakeML"
        ) from error


def channels_of(config: AssembleConfig, sources: Sources) -> tuple[Channel, ...]:
    """Return the channels that give examples, by name.

    They are the ones of LABELS that fit ``select``; without it those of each site whose code ends
    in Z, or all of a site that has none.

    Raises
    ------
    ConfigError
        None fits.
    """
    rows = {name: i for i, name in enumerate(station_names(sources.waveforms))}
    labelled = {name: i for i, name in enumerate(station_names(sources.labels))}
    if config.select:
        patterns = [StationPattern(s) for s in config.select]
        names = [name for name in labelled if matches_any(name, patterns)]
    else:
        vertical = {site_of(name) for name in labelled if name.endswith("Z")}
        names = [n for n in labelled if n.endswith("Z") or site_of(n) not in vertical]
    if not names:
        raise ConfigError(
            f"no station matches --select {' '.join(config.select)}; {sources.labels} has "
            f"{len(labelled)}: {', '.join(list(labelled)[:5])}{', ...' * (len(labelled) > 5)}"
        )
    x, y, z = (read_column(sources.waveforms, c) for c in ("longitude", "latitude", "elevation"))
    return tuple(
        Channel(
            name,
            rows[name],
            labelled[name],
            Coordinates(*(float(c[rows[name]]) for c in (x, y, z))),
        )
        for name in sorted(names)
    )


def usable_span(config: AssembleConfig, sources: Sources) -> Span:
    """Return the labelled time that was asked for.

    Raises
    ------
    ConfigError
        There is none.
    """
    labels = read_product(sources.labels, "LABELS").span
    start = parse_time(config.start) if config.start else labels.start_ns
    end = parse_time(config.end) if config.end else labels.end_ns
    start, end = max(start, labels.start_ns), min(end, labels.end_ns)
    if start >= end:
        raise ConfigError(
            f"nothing between --start {config.start} and --end {config.end}; the labels cover "
            f"{labels}"
        )
    return Span(start, end)


def read_known(
    config: AssembleConfig, sources: Sources, channels: tuple[Channel, ...], span: Span
) -> tuple[KnownArrivals, tuple[str, ...]]:
    """Read or predict arrivals, match them with the channels, and refuse what gives no example.

    Returns
    -------
    known : KnownArrivals
        Onsets and what to keep away from.
    problems : tuple of str
        Rows that could not be read.

    Raises
    ------
    ConfigError
        A file lacks a column, or there is no such model.
    DataError
        No arrival can be read, no P is at a station of the archive, or none within its time.
    """
    events, table = _arrivals(config, sources, channels)
    places = [c.place for c in channels]
    known = know(table.rows, [c.name for c in channels])
    _refuse_strangers(sources, known, table.rows, channels)
    _refuse_other_times(sources, known, span)
    return with_catalogue(known, events.rows, places), (*table.problems, *events.problems)


def _arrivals(
    config: AssembleConfig, sources: Sources, channels: tuple[Channel, ...]
) -> tuple[Table, Table[Arrival]]:  # type: ignore[type-arg]
    """Return the catalogue, if there is one, and the arrivals."""
    if config.predict is None:
        events = read_catalogue(sources.events) if sources.events else Table[object](())
        return events, read_arrivals(sources.arrivals)
    catalogue = read_catalogue(sources.arrivals)
    sites = {
        site_of(c.name): c.place
        for c in channels
        if np.isfinite([c.place.longitude, c.place.latitude]).all()
    }
    if not sites:
        raise DataError(
            f"--predict needs coordinates, and {sources.waveforms} has none of its "
            f"{len(channels)} stations; ingest with --stations"
        )
    return catalogue, Table(predict_arrivals(catalogue.rows, sites, config.predict))


def _refuse_strangers(
    sources: Sources,
    known: KnownArrivals,
    rows: tuple[Arrival, ...],
    channels: tuple[Channel, ...],
) -> None:
    if len(known.onset_ns):
        return
    found = sorted({f"{a.network}.{a.station}" for a in rows})
    have = sorted({".".join(site_of(c.name)) for c in channels})
    counts = ", ".join(f"{n} {reason}" for reason, n in known.rejected.items()) or "no P"
    raise DataError(
        f"no P of {sources.arrivals} is at a station that gives examples ({counts}): it names "
        f"{', '.join(found[:5])}{', ...' * (len(found) > 5)}, the archive has "
        f"{', '.join(have[:5])}{', ...' * (len(have) > 5)}; phases found: "
        f"{', '.join(sorted({a.phase for a in rows})[:5])}"
    )


def _refuse_other_times(sources: Sources, known: KnownArrivals, span: Span) -> None:
    inside = (known.onset_ns >= span.start_ns) & (known.onset_ns < span.end_ns)
    if not inside.any():
        found = Span(int(known.onset_ns.min()), int(known.onset_ns.max()) + NS_PER_S)
        raise DataError(
            f"no P of {sources.arrivals} lies inside the labelled time: found {found}, labelled "
            f"{span}; give arrivals of this archive"
        )
