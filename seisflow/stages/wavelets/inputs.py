"""What wavelets are made from, and which product that gives; reads no waveforms."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.archive.reading import read_column, station_names
from seisflow.archive.store import read_product
from seisflow.archive.work import require_complete
from seisflow.core.config import fingerprint
from seisflow.core.files import AnyPath
from seisflow.core.grid import NS_PER_S, Span, parse_time
from seisflow.core.stations import Coordinates, NearMisses, select_stations
from seisflow.core.wording import some_names
from seisflow.errors import ConfigError, DataError
from seisflow.formats.arrivals import Arrival, read_arrivals
from seisflow.formats.events import Event, read_catalogue
from seisflow.formats.tables import Table
from seisflow.formats.travel_times import predict_arrivals
from seisflow.stages.wavelets.config import AssembleConfig
from seisflow.stages.wavelets.matching import (
    SAME_EVENT_S,
    MatchedArrivals,
    match_arrivals,
    site_of,
    with_catalogue,
)
from seisflow.stages.wavelets.snr import snr_band_hz

__all__ = ["Channel", "ReadArrivals", "channels_of", "identify", "read_and_match", "usable_span"]


@dataclass(frozen=True)
class Channel:
    """A channel that gives examples: its name, its rows in both products, its place.

    ``label_row`` is None where there are no labels.
    """

    name: str
    waveform_row: int
    label_row: int | None
    place: Coordinates


def identify(config: AssembleConfig) -> Product:
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
    waveforms = read_product(config.waveforms, "WAVEFORMS")
    inputs = {"waveforms": waveforms.identity.key}
    if config.labels is not None:
        inputs["labels"] = _labels_of(config.labels, config.waveforms, waveforms)
    require_complete(config.waveforms)
    if config.labels is not None:
        require_complete(config.labels)
    snr_band_hz(float(waveforms.rate))
    for name in ("arrivals", "events"):
        path: AnyPath | None = getattr(config, name)
        if path is not None:
            inputs[name] = _digest(path)
    identity = Identity(
        "WAVELETS",
        "assemble",
        config.resolved(),
        inputs,
        FORMAT_VERSIONS["WAVELETS"],
        RESULT_VERSIONS["assemble"],
    )
    return Product(identity, waveforms.span, waveforms.rate, waveforms.shard_s, 1)


def _labels_of(path: AnyPath, waveforms: AnyPath, source: Product) -> str:
    """Return the key of labels; refuse those of other waveforms."""
    labels = read_product(path, "LABELS").identity
    if labels.inputs.get("waveforms") != source.identity.key:
        raise ConfigError(
            f"{path} was made from other waveforms than {waveforms}: found "
            f"{labels.inputs.get('waveforms')}, asked {source.identity.key}; give the "
            "waveforms it was made from, or label these"
        )
    return labels.key


def _digest(path: AnyPath) -> str:
    try:
        return fingerprint(path.read_bytes().hex())
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be opened: {error.strerror or error}; give a CSV table or QuakeML"
        ) from error


def channels_of(config: AssembleConfig) -> tuple[Channel, ...]:
    """Return the channels that give examples, by name.

    They are the ones of LABELS, or where there are none of WAVEFORMS, that fit ``select``; without
    it those of each site whose code ends in Z, or all of a site that has none.

    Raises
    ------
    ConfigError
        None fits.
    """
    rows = {name: i for i, name in enumerate(station_names(config.waveforms))}
    labelled: dict[str, int | None] = dict.fromkeys(rows)
    if config.labels is not None:
        labelled = {name: i for i, name in enumerate(station_names(config.labels))}
    if config.select:
        all_names = list(labelled)
        chosen = select_stations(all_names, config.select, str(config.labels or config.waveforms))
        names = [all_names[i] for i in chosen.rows]
    else:
        vertical = {site_of(name) for name in labelled if name.endswith("Z")}
        names = [n for n in labelled if n.endswith("Z") or site_of(n) not in vertical]
    x, y, z = (read_column(config.waveforms, c) for c in ("longitude", "latitude", "elevation"))
    return tuple(
        Channel(
            name,
            rows[name],
            labelled[name],
            Coordinates(*(float(c[rows[name]]) for c in (x, y, z))),
        )
        for name in sorted(names)
    )


def usable_span(config: AssembleConfig) -> Span:
    """Return the labelled time that was asked for; without labels, that of the waveforms.

    Raises
    ------
    ConfigError
        There is none.
    """
    source = config.labels or config.waveforms
    whole = read_product(source, "LABELS" if config.labels else "WAVEFORMS").span
    start = parse_time(config.start) if config.start else whole.start_ns
    end = parse_time(config.end) if config.end else whole.end_ns
    start, end = max(start, whole.start_ns), min(end, whole.end_ns)
    if start >= end:
        raise ConfigError(
            f"nothing between --start {config.start} and --end {config.end}; the "
            f"{'labels' if config.labels else 'waveforms'} cover {whole}"
        )
    return Span(start, end)


class ReadArrivals(NamedTuple):
    """Onsets and what to keep away from, rows that could not be read, and what is to be said."""

    matched: MatchedArrivals
    problems: tuple[str, ...]
    notes: tuple[str, ...]


def read_and_match(
    config: AssembleConfig, channels: tuple[Channel, ...], span: Span
) -> ReadArrivals:
    """Read or predict arrivals, match them with the channels, and refuse what gives no example.

    Without labels, noise keeps away from what arrived at other sites too: what was not picked at a
    site is not random noise for that.

    Raises
    ------
    ConfigError
        A file lacks a column, or there is no such model.
    DataError
        No arrival can be read, no P is at a station of the archive, or none within its time.
    """
    if config.arrivals is None:
        return ReadArrivals(match_arrivals((), [c.name for c in channels]), (), ())
    events, table = _arrivals(config, config.arrivals, channels)
    places = [c.place for c in channels]
    elsewhere_s = config.before_s + config.after_s if config.labels is None else None
    matched = match_arrivals(table.rows, [c.name for c in channels], elsewhere_s)
    _refuse_strangers(config, matched, table.rows, channels)
    _refuse_other_times(config, matched, span)
    first = table if config.predict is None else events
    rejected = Counter(matched.rejected) + Counter(first.left_out)
    matched = replace(matched, rejected=dict(rejected))
    notes = [*first.said(config.arrivals), *_nameless(config.arrivals.name, table.rows)]
    notes += _strangers(config.arrivals.name, matched, table.rows, channels)
    if config.events is not None and config.predict is None:
        notes += [*events.said(config.events), *events.said_of_left_out(config.events)]
        names = config.arrivals.name, config.events.name
        notes += _without_event(names, matched, events.rows)
    problems = (*table.problems, *events.problems)
    return ReadArrivals(with_catalogue(matched, events.rows, places), problems, tuple(notes))


def _nameless(file: str, rows: tuple[Arrival, ...]) -> Iterator[str]:
    """Say what becomes of P that belong to no event."""
    nameless = sum(a.is_p and not a.event for a in rows)
    if nameless:
        yield (
            f"{nameless} P picks in {file} have no event: picks within "
            f"{SAME_EVENT_S} s of the previous one are treated as one event, and only the first P "
            "at each station is used; give an event_id column to keep them apart"
        )


def _strangers(
    file: str,
    matched: MatchedArrivals,
    rows: tuple[Arrival, ...],
    channels: tuple[Channel, ...],
) -> Iterator[str]:
    """Name the sites of the archive without a P, and those of the arrivals it does not have."""
    sites = dict.fromkeys(sorted(".".join(site_of(c.name)) for c in channels))
    picked = {".".join(site_of(channels[i].name)) for i in np.unique(matched.channel).tolist()}
    named = sorted({f"{a.network}.{a.station}" for a in rows if a.is_p})
    without = [site for site in sites if site not in picked]
    codes = {site.partition(".")[2] for site in sites}
    unknown = [
        name
        for name in named
        if name not in sites
        and "." + name.partition(".")[2] not in sites
        and not (name.startswith(".") and name[1:] in codes)
    ]
    if without:
        near = NearMisses(name for name in named if name not in picked)
        yield (
            f"{len(without)} of {len(sites)} sites have no P pick in {file}: {near.named(without)}"
        )
    if unknown:
        near = NearMisses(without)
        yield (
            f"{len(unknown)} of {len(named)} sites in {file} are not in the "
            f"archive: {near.named(unknown)}"
        )


def _without_event(
    names: tuple[str, str], matched: MatchedArrivals, events: tuple[Event, ...]
) -> Iterator[str]:
    """Say how many events of the arrivals the catalogue does not have, both files by name."""
    listed = {event.event for event in events}
    used = [matched.events[i] for i in np.unique(matched.event).tolist()]
    missing = [name for name in used if name not in listed]
    if missing:
        yield (
            f"{len(missing)} of {len(used)} events in {names[0]} are not in "
            f"{names[1]} ({some_names(missing)}), which has {len(listed)}, as "
            f"{some_names(sorted(listed - set(used)))}"
        )


def _arrivals(
    config: AssembleConfig, path: AnyPath, channels: tuple[Channel, ...]
) -> tuple[Table[Event], Table[Arrival]]:
    """Return the catalogue, if there is one, and the arrivals."""
    if config.predict is None:
        events: Table[Event] = read_catalogue(config.events) if config.events else Table(())
        return events, read_arrivals(path)
    catalogue = read_catalogue(path)
    sites = {
        site_of(c.name): c.place
        for c in channels
        if np.isfinite([c.place.longitude, c.place.latitude]).all()
    }
    if not sites:
        raise DataError(
            f"--predict needs coordinates, and {config.waveforms} has none of its "
            f"{len(channels)} stations; ingest with --stations"
        )
    return catalogue, Table(predict_arrivals(catalogue.rows, sites, config.predict))


def _refuse_strangers(
    config: AssembleConfig,
    matched: MatchedArrivals,
    rows: tuple[Arrival, ...],
    channels: tuple[Channel, ...],
) -> None:
    if len(matched.onset_ns):
        return
    found = sorted({f"{a.network}.{a.station}" for a in rows})
    have = sorted({".".join(site_of(c.name)) for c in channels})
    counts = ", ".join(f"{n} {reason}" for reason, n in matched.rejected.items()) or "no P"
    near = NearMisses(have)
    raise DataError(
        f"no P of {config.arrivals} is at a station that gives examples ({counts}): it names "
        f"{near.named(found)}, the archive has {some_names(have)}; phases found: "
        f"{', '.join(sorted({a.phase for a in rows})[:5])}"
    )


def _refuse_other_times(config: AssembleConfig, matched: MatchedArrivals, span: Span) -> None:
    inside = (matched.onset_ns >= span.start_ns) & (matched.onset_ns < span.end_ns)
    if not inside.any():
        found = Span(int(matched.onset_ns.min()), int(matched.onset_ns.max()) + NS_PER_S)
        raise DataError(
            f"no P of {config.arrivals} lies inside the labelled time: found {found}, labelled "
            f"{span}; give arrivals of this archive"
            if config.labels
            else f"no P of {config.arrivals} lies inside the time of the waveforms: found {found}, "
            f"waveforms {span}; give arrivals of this archive"
        )
