"""QuakeML as ObsPy reads it: the events of a file, their names, and their origins."""

import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import IO, Any, TypeVar
from xml.etree.ElementTree import iterparse

from seisflow.core.files import AnyPath
from seisflow.core.grid import checked_time_ns
from seisflow.errors import DataError
from seisflow.formats.obspy_import import EVENT_TYPES, read_events
from seisflow.formats.statuses import is_rejected
from seisflow.formats.tables import LeftOut, Table, gather

__all__ = ["magnitude_of", "origin_of", "read_quakeml", "time_of"]

R = TypeVar("R")


def read_quakeml(
    path: AnyPath, rows_of: Callable[[str, Any, str], Iterable[R | LeftOut | ValueError]]
) -> Table[R]:
    """Read the events of a QuakeML file.

    Parameters
    ----------
    path : Path
        The file.
    rows_of : callable
        Makes any number of things of the name of an event, the event as ObsPy has it, and its kind
        as the file has it.

    Raises
    ------
    DataError
        It cannot be read.
    """
    try:
        with path.open("rb") as file:
            text = file.read()
        types = dict(_types(BytesIO(text)))
        strange = {kind for kind in types.values() if kind and kind not in EVENT_TYPES}
        for kind in strange:  # ObsPy drops events of kinds it does not know, picks and all
            text = re.sub(_element("type", kind), rb"<\1>other event</", text)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            catalogue = read_events(BytesIO(text), format="QUAKEML")
    except Exception as error:
        raise DataError(
            f"{path} cannot be read as QuakeML ({type(error).__name__}: {error}); give QuakeML or "
            "a CSV table"
        ) from error
    return gather(_each(path, catalogue, types, rows_of))


def _types(file: IO[bytes]) -> Iterator[tuple[str, str]]:
    """Yield public id and kind of each event as the file has them."""
    for _, element in iterparse(file):
        if element.tag.endswith("}event"):
            yield element.get("publicID", ""), element.findtext("{*}type", "").strip()
            element.clear()


def _element(tag: str, content: str) -> re.Pattern[bytes]:
    """Return what finds the beginning of an element with this content, with any prefix."""
    return re.compile(rf"<((?:[\w-]+:)?{tag})>\s*{re.escape(content)}\s*</".encode())


def _each(
    path: AnyPath,
    catalogue: Any,
    types: Mapping[str, str],
    rows_of: Callable[[str, Any, str], Iterable[R | LeftOut | ValueError]],
) -> Iterator[R | LeftOut | ValueError]:
    whole = [str(event.resource_id) for event in catalogue]
    for public_id, name, event in zip(whole, _names(whole), catalogue, strict=True):
        for found in rows_of(name, event, types.get(public_id, event.event_type or "")):
            problem = isinstance(found, ValueError)
            yield ValueError(f"{path.name} event {name}: {found}") if problem else found


def _names(whole: Sequence[str]) -> list[str]:
    """Return event ids, else the last part of each public id; the whole where two are the same."""
    short = [_short(name) for name in whole]
    return short if len(set(short)) == len(set(whole)) else list(whole)


def _short(public_id: str) -> str:
    asked = re.search(r"event_?id=([^&]+)", public_id, re.IGNORECASE)  # of a service's address
    return asked[1] if asked else re.split(r"[/=]", public_id)[-1]


def time_of(item: Any) -> int:
    """Return the time of an ObsPy origin or pick, ns since 1970.

    Raises
    ------
    ConfigError
        64 bits cannot name it.
    """
    return checked_time_ns(int(item.time.ns))


def magnitude_of(event: Any) -> float:
    """Return the preferred magnitude of an event, else the first not rejected, else NaN."""
    kept = [m for m in event.magnitudes if not is_rejected(m.evaluation_status)]
    preferred = event.preferred_magnitude()
    found = preferred if preferred in kept else next(iter(kept), None)
    return math.nan if found is None or found.mag is None else float(found.mag)


def origin_of(event: Any) -> Any:
    """Return the preferred origin of an event, else the first that nobody rejected, else None."""
    kept = [o for o in event.origins if not is_rejected(o.evaluation_status)]
    preferred = event.preferred_origin()
    return preferred if preferred in kept else next(iter(kept), None)
