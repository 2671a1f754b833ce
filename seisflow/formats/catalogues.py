"""Catalogues of detections as files: tables and QuakeML.

Invariants: a file appears under its name only when it is whole. Times in tables are exact to the
nanosecond; in QuakeML, which ObsPy writes to the microsecond, they stand once more in comments.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from typing import Any, Protocol

import numpy as np
import pandas as pd

from seisflow.core.files import AnyPath, whole_file
from seisflow.core.stations import Coordinates
from seisflow.errors import DataError
from seisflow.formats.obspy_import import UTCDateTime
from seisflow.formats.references import (
    EVENT_COLUMNS,
    ROOT,
    ReferenceEvent,
    ns_of,
    read_catalogue_times,
    read_reference,
)

# isort: split
# after obspy_import, which imports obspy without its warnings
from obspy.core.event import (
    Catalog,
    Comment,
    Event,
    Origin,
    OriginQuality,
    Pick,
    ResourceIdentifier,
    WaveformStreamID,
)

__all__ = [
    "EVENT_COLUMNS",
    "PICK_COLUMNS",
    "ReferenceEvent",
    "read_catalogue_times",
    "read_reference",
    "write_quakeml",
    "write_tables",
]

PICK_COLUMNS: Mapping[str, str] = {
    "event": "str",
    "station": "str",
    "time": "datetime64[ns, UTC]",
    "delay_s": "float64",
    "probability": "float64",
    "cc": "float64",
}
"""Columns of a table of picks, in order; see `seisflow.stages.detect.event.Pick`."""

END = b"</event>"
AT_ARRAY = (
    "detection at array: the time is P at the median node and no origin time; the place is the "
    "middle of the array and not that of the source"
)


class _Pick(Protocol):
    """What is read of a `seisflow.stages.detect.event.Pick`: this room lies below that one."""

    @property
    def station(self) -> str: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def delay_s(self) -> float: ...
    @property
    def probability(self) -> float: ...
    @property
    def cc(self) -> float: ...


class _Detection(Protocol):
    """What is read of a `seisflow.stages.detect.event.Detection`: this room lies below that one."""

    @property
    def event(self) -> str: ...
    @property
    def time_ns(self) -> int: ...
    @property
    def n_nodes(self) -> int: ...
    @property
    def n_stations(self) -> int: ...
    @property
    def needed_nodes(self) -> int: ...
    @property
    def probability(self) -> float: ...
    @property
    def mean_cc(self) -> float: ...
    @property
    def stack_snr(self) -> float: ...
    @property
    def back_azimuth_deg(self) -> float: ...
    @property
    def apparent_velocity_m_s(self) -> float: ...
    @property
    def plane_rms_s(self) -> float: ...
    @property
    def picks(self) -> Sequence[_Pick]: ...


def write_tables(folder: AnyPath, events: Sequence[_Detection]) -> None:
    """Write detections and their picks as ``{catalog,picks}.{csv,parquet}``.

    Each file is replaced as a whole, those of the catalogue after those of the picks: a crash in
    between never leaves detections whose picks are not there.

    Parameters
    ----------
    folder : Path
        Made where it is not there.
    events : sequence of Detection
        In the order of the rows. Columns are `EVENT_COLUMNS` and `PICK_COLUMNS`; times are ISO
        8601 UTC text with nine decimals in CSV and ``datetime64[ns, UTC]`` in Parquet, and what is
        not known is empty.

    Raises
    ------
    DataError
        Two events have one name.
    """
    _refuse_doubles(events)
    picks = [(event.event, pick) for event in events for pick in event.picks]
    names = [name for name, _ in picks]
    of_picks = _frame(PICK_COLUMNS, [pick for _, pick in picks], {"event": names})
    for name, frame in (("picks", of_picks), ("catalog", _frame(EVENT_COLUMNS, events, {}))):
        with whole_file(folder / f"{name}.parquet") as file:
            frame.to_parquet(file, engine="pyarrow", index=False)
        with whole_file(folder / f"{name}.csv", "w") as file:
            frame.assign(time=_iso(frame["time"])).to_csv(file, index=False, lineterminator="\n")


def _refuse_doubles(events: Sequence[_Detection]) -> None:
    doubles = [name for name, n in Counter(event.event for event in events).items() if n > 1]
    if doubles:
        raise DataError(
            f"{len(doubles)} names of events stand for more than one detection, for example "
            f"{', '.join(doubles[:3])}; a catalogue names each event once"
        )


def _frame(columns: Mapping[str, str], rows: Sequence[Any], known: Mapping[str, Any]) -> Any:
    """Return a table of attributes of `rows`; `known` columns are there already."""
    content: dict[str, Any] = {}
    for name, kind in columns.items():
        if name == "time":
            times = np.array([row.time_ns for row in rows], dtype=np.int64)
            content[name] = pd.DatetimeIndex(times.view("datetime64[ns]"), tz="UTC")
        else:
            values = known[name] if name in known else [getattr(row, name) for row in rows]
            content[name] = pd.Series(values, dtype=kind)
    return pd.DataFrame(content, columns=list(columns))


def _iso(times: Any) -> list[str]:
    text = np.datetime_as_string(ns_of(times).view("datetime64[ns]"), unit="ns")
    return [f"{t}Z" for t in text.tolist()]


def write_quakeml(
    path: AnyPath, events: Sequence[_Detection], *, place: Coordinates | None = None
) -> None:
    """Write detections as QuakeML 1.2.

    Each is an event of the type earthquake (suspected) with a pick of P at every node. QuakeML
    has no origin without longitude and latitude: the origin, made only where `place` is given,
    carries the place of the array, and a comment that says so. All numbers of an event and of a
    pick, with times in exact ns, stand as JSON in its first comment. The same detections give the
    same bytes.

    Parameters
    ----------
    path : Path
        Replaced as a whole.
    events : sequence of Detection
        What to write; names may hold letters, digits and ``-._``.
    place : Coordinates, optional
        The middle of the array.

    Raises
    ------
    DataError
        Two events have one name, or a name cannot be part of a public id.
    """
    _refuse_doubles(events)
    bad = [event.event for event in events if not re.fullmatch(r"[\w.\-]+", event.event, re.ASCII)]
    if bad:
        raise DataError(
            f"{len(bad)} names of events cannot be part of a QuakeML id, for example {bad[0]!r}; "
            "allowed are letters, digits, '-', '.' and '_'"
        )
    with whole_file(path) as file:
        if not events:
            file.write(_quakeml_text())
        # one event at a time goes through ObsPy, whose objects take 8 kB for each pick
        for i, event in enumerate(events):
            text = _quakeml_text(_quakeml_event(event, place))
            start, stop = text.find(b"<event "), text.find(END) + len(END)
            file.write(b"\n    " if i else text[:start])
            file.write(text[start:stop] if i < len(events) - 1 else text[start:])


def _quakeml_text(*events: Any) -> bytes:
    text = BytesIO()
    resource_id = ResourceIdentifier(f"{ROOT}/catalogue")
    Catalog(list(events), resource_id=resource_id).write(text, format="QUAKEML")
    return text.getvalue()


def _quakeml_event(event: _Detection, place: Coordinates | None) -> Any:
    name = event.event
    numbers = {column: getattr(event, column) for column in EVENT_COLUMNS if column != "time"}
    picks = [_quakeml_pick(f"{name}/{i}", pick) for i, pick in enumerate(event.picks)]
    found = Event(
        resource_id=ResourceIdentifier(f"{ROOT}/event/{name}"),
        event_type="earthquake",
        event_type_certainty="suspected",
        comments=[_comment({"time_ns": event.time_ns, **numbers})],
        picks=picks,
    )
    if place is not None:
        found.origins = [_quakeml_origin(event, place)]
        found.preferred_origin_id = found.origins[0].resource_id
    return found


def _quakeml_origin(event: _Detection, place: Coordinates) -> Any:
    return Origin(
        resource_id=ResourceIdentifier(f"{ROOT}/origin/{event.event}"),
        time=UTCDateTime(ns=event.time_ns),
        longitude=place.longitude,
        latitude=place.latitude,
        epicenter_fixed=True,
        method_id=ResourceIdentifier(f"{ROOT}/method/coincidence"),
        quality=OriginQuality(
            used_phase_count=len(event.picks), used_station_count=len(event.picks)
        ),
        evaluation_mode="automatic",
        comments=[Comment(text=AT_ARRAY, force_resource_id=False)],
    )


def _quakeml_pick(name: str, pick: _Pick) -> Any:
    network, station, location, channel = pick.station.split(".")
    return Pick(
        resource_id=ResourceIdentifier(f"{ROOT}/pick/{name}"),
        time=UTCDateTime(ns=pick.time_ns),
        waveform_id=WaveformStreamID(network, station, location, channel),
        method_id=ResourceIdentifier(f"{ROOT}/method/alignment"),
        phase_hint="P",
        evaluation_mode="automatic",
        comments=[
            _comment(
                {
                    "time_ns": pick.time_ns,
                    "delay_s": pick.delay_s,
                    "probability": pick.probability,
                    "cc": pick.cc,
                }
            )
        ],
    )


def _comment(content: Mapping[str, Any]) -> Any:
    plain = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in content.items()
    }
    return Comment(text=json.dumps(plain), force_resource_id=False)
