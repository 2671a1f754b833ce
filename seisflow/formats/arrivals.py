"""Arrival times of others: CSV tables with many headings, and QuakeML.

Invariants: a row that cannot be read is a problem named by its line and never stops the others;
what somebody rejected is no arrival; what a table does not say is empty or NaN, never guessed.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from sys import intern
from typing import Any, NamedTuple

from seisflow.core.files import AnyPath
from seisflow.core.grid import parse_time
from seisflow.formats.events import event_name, magnitude, not_empty
from seisflow.formats.quakeml import magnitude_of, origin_of, read_quakeml
from seisflow.formats.quakeml import time_of as pick_time_ns
from seisflow.formats.statuses import is_earthquake, is_rejected, no_event
from seisflow.formats.tables import (
    Cells,
    LeftOut,
    Table,
    TableKind,
    code,
    is_xml,
    number,
    read_table,
)
from seisflow.formats.tables import time_ns as time_of

__all__ = ["NOT_VISIBLE", "Arrival", "read_arrivals"]

KM_PER_DEGREE = 111.195
"""One degree of a great circle of a sphere of 6371 km, as TauP counts distance."""

KIND = TableKind(
    "arrivals",
    {
        "time_ns": ("arrival_time_ns", "pick_time_ns", "onset_ns", "time_ns"),
        "time": (
            "arrival_time",
            "pick_time",
            "phase_time",
            "onset_time",
            "onset",
            "peak_time",
            "arrival",
            "pick",
            "time",
            "datetime",
        ),
        "date": ("date",),
        "network": ("network", "net", "network_code"),
        "station": ("station", "sta", "station_code", "station_id", "trace_id", "id"),
        "phase": ("phase", "phase_hint", "phase_type", "phase_name", "iphase"),
        "event": ("event_id", "eventid", "evid", "event", "event_index", "event_idx"),
        "event_type": ("event_type", "eventtype", "evtype", "etype", "et"),
        "status": ("evaluation_status", "evaluationstatus", "pick_status", "pickstatus", "status"),
        "time_weight": ("time_weight", "timeweight"),
        "magnitude": ("magnitude", "mag", "ml"),
        "distance_km": ("distance_km", "dist_km", "distance", "epicentral_distance_km"),
        "visible": ("visible",),
        "p_time": ("p_arrival_time", "p_arrival", "pred_p", "p_time", "time_p"),
        "s_time": ("s_arrival_time", "s_arrival", "pred_s", "s_time", "time_s"),
    },
    (("time|time_ns", "station", "phase"), ("p_time", "station")),
    "QuakeML",
    {"time": ("traveltime", "travel_time", "tt")},
)

DIRECT_P = re.compile(r"[eiq]?p([gnb1*]|diff|kp\w*|kikp)?[ud+\-c]?\d?", re.IGNORECASE)
"""First arrivals of P; pP, PP, PcP, S and readings of amplitudes are none."""
DIRECT_S = re.compile(r"[eiq]?s([gnb1*]|diff|ks\w*|kiks)?[ud+\-c]?\d?", re.IGNORECASE)
"""First arrivals of S; sS, SS, ScS, SP, P and readings of amplitudes are none."""

NOT_VISIBLE = "not visible"


class Arrival(NamedTuple):
    """A phase at a station.

    ``network`` is empty where not known. ``event`` is empty where the table has none.
    ``magnitude`` and ``distance_km`` may be NaN. ``unfit`` says why the phase is no example of an
    earthquake though it is a time to keep away from: it could not be told from the noise, or came
    from a blast; empty where nothing speaks against it.
    """

    time_ns: int
    network: str
    station: str
    phase: str
    event: str = ""
    magnitude: float = math.nan
    distance_km: float = math.nan
    unfit: str = ""

    @property
    def is_p(self) -> bool:
        """Whether the phase is a first arrival of P."""
        return DIRECT_P.fullmatch(self.phase) is not None

    @property
    def is_s(self) -> bool:
        """Whether the phase is a first arrival of S."""
        return DIRECT_S.fullmatch(self.phase) is not None


def read_arrivals(path: AnyPath) -> Table[Arrival]:
    """Read arrival times.

    Parameters
    ----------
    path : Path
        QuakeML, or a table with time (ISO 8601 UTC; or ns since 1970), station and phase under
        any heading of `KIND`. Where it has the time of the origin too, ``time`` may be that one:
        a heading that says arrival, pick or onset goes before. A station may be a code, NET.STA,
        NET.STA.LOC or NET.STA.LOC.CHA. Instead of time and phase, a row may have ``p_time`` and
        ``s_time``.

    Returns
    -------
    Table of Arrival
        Left out are picks that were rejected, or whose time has no weight.

    Raises
    ------
    ConfigError
        The file cannot be opened, or lacks a column.
    DataError
        It is neither text nor QuakeML, or no arrival in it can be read.
    """
    if is_xml(path, KIND.what, "give a CSV table or QuakeML"):
        found: Table[Arrival] = read_quakeml(path, _of_quakeml)
    else:
        found = _as_used(read_table(path, KIND, _of_row))
    return not_empty(path, found, "arrival")


def _as_used(found: Table[Arrival]) -> Table[Arrival]:
    """Count times of P and S in columns of their own as not read where rows have a phase."""
    unused = {"p_time", "s_time"} if "phase" in found.columns else set()
    headings = tuple(found.columns[name].strip() for name in unused & found.columns.keys())
    columns = {name: h for name, h in found.columns.items() if name not in unused}
    return replace(found, columns=columns, ignored=(*found.ignored, *sorted(headings)))


def _of_row(cells: Cells) -> Iterator[Arrival | LeftOut]:
    reason = _ignored(cells.get("status"), number(cells, "time_weight"))
    network, station = _station(cells)
    for phase, time_ns in _onsets(cells):
        yield (
            LeftOut(reason)
            if reason
            else Arrival(
                time_ns,
                intern(network),
                intern(station),
                intern(phase),
                intern(event_name(cells)),
                magnitude(cells),
                number(cells, "distance_km"),
                _unfit(cells.get("event_type"), cells.get("visible", "")),
            )
        )


def _onsets(cells: Cells) -> list[tuple[str, int]]:
    if "phase" not in cells:
        wide = (("P", cells.get("p_time")), ("S", cells.get("s_time")))
        return [(phase, parse_time(time)) for phase, time in wide if time]
    if not cells["phase"]:
        raise ValueError("no phase; give P or S")
    return [(cells["phase"], time_of(cells))]


def _ignored(status: Any, time_weight: float | None) -> str:
    """Say why a pick is not to be used; empty where it is."""
    if is_rejected(status):
        return f"pick with status '{status}'"
    return "pick with time weight 0" if time_weight == 0 else ""


def _unfit(event_type: Any, visible: str = "") -> str:
    if not is_earthquake(event_type):
        return f"of an event of type '{event_type}'"
    return NOT_VISIBLE if visible.lower() in ("0", "0.0", "false", "no", "f", "n") else ""


def _station(cells: Cells) -> tuple[str, str]:
    """Return network and station code; a dotted cell holds both."""
    codes = code(cells, "station").split(".")
    dotted = len(codes) > 1
    network, station = (codes[0], codes[1]) if dotted else (cells.get("network", ""), codes[0])
    if not station:
        raise ValueError(f"no station code in {cells['station']!r}")
    return network or cells.get("network", ""), station


def _of_quakeml(name: str, event: Any, kind: str) -> Iterator[Arrival | LeftOut | ValueError]:
    """Yield the picks of an event, with the phase and distance of their arrivals."""
    if no_event(kind):
        yield from (LeftOut(f"pick of an event of type '{kind}'") for _ in event.picks)
        return
    origin, size = origin_of(event), magnitude_of(event)
    rejected = "of an event whose origins are rejected" if event.origins and not origin else ""
    by_pick = {str(a.pick_id): a for a in (origin.arrivals if origin else ())}
    for pick in event.picks:
        arrival = by_pick.get(str(pick.resource_id))
        reason = _ignored(pick.evaluation_status, arrival.time_weight if arrival else None)
        try:
            found = LeftOut(reason) if reason else _of_pick(pick, arrival)
        except ValueError as error:
            yield error
            continue
        if isinstance(found, Arrival):
            found = found._replace(event=name, magnitude=size, unfit=rejected or _unfit(kind))
        yield found


def _of_pick(pick: Any, arrival: Any) -> Arrival:
    """Return what an ObsPy pick, and the arrival made of it if there is one, say.

    Raises
    ------
    ValueError
        The pick lacks a phase, a station or a time, or has one that 64 bits cannot name.
    """
    phase = (arrival.phase if arrival else None) or pick.phase_hint
    where, degrees = pick.waveform_id, arrival.distance if arrival else None
    if not (phase and where and where.station_code and pick.time):
        raise ValueError(f"pick {pick.resource_id} lacks a phase, a station or a time")
    distance_km = math.nan if degrees is None else degrees * KM_PER_DEGREE
    network, station = where.network_code or "", where.station_code
    return Arrival(pick_time_ns(pick), network, station, phase, distance_km=distance_km)
