"""QuakeML as ObsPy reads it: the events of a file, their names, and their origins."""

import math
import re
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import IO, Any, TypeVar
from xml.etree.ElementTree import iterparse

from seisflow.core.files import AnyPath
from seisflow.errors import DataError
from seisflow.formats.quiet_obspy import read_events
from seisflow.formats.statuses import is_rejected
from seisflow.formats.tables import LeftOut, Table, gather

__all__ = ["magnitude_of", "origin_of", "read_quakeml"]

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
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # of kinds it does not know, which are read below
            catalogue = read_events(file, format="QUAKEML")
            file.seek(0)
            types = dict(_types(file))
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
            yield element.get("publicID", ""), element.findtext("{*}type", "")
            element.clear()


def _each(
    path: AnyPath,
    catalogue: Any,
    types: Mapping[str, str],
    rows_of: Callable[[str, Any, str], Iterable[R | LeftOut | ValueError]],
) -> Iterator[R | LeftOut | ValueError]:
    """Yield what is made of each event; ObsPy drops those of a kind it does not know."""
    whole = [str(event.resource_id) for event in catalogue]
    for dropped in types.keys() - set(whole):
        yield LeftOut(f"event of type '{types[dropped]}'")
    for public_id, name, event in zip(whole, _names(whole), catalogue, strict=True):
        for found in rows_of(name, event, types.get(public_id, "")):
            problem = isinstance(found, ValueError)
            yield ValueError(f"{path.name} event {name}: {found}") if problem else found


def _names(whole: Sequence[str]) -> list[str]:
    """Return the last part of each public id; the whole where two would be the same."""
    short = [re.split(r"[/=]", name)[-1] for name in whole]
    return short if len(set(short)) == len(set(whole)) else list(whole)


def magnitude_of(event: Any) -> float:
    """Return the preferred magnitude of an event, else its first, else NaN."""
    found = event.preferred_magnitude() or next(iter(event.magnitudes), None)
    return math.nan if found is None or found.mag is None else float(found.mag)


def origin_of(event: Any) -> Any:
    """Return the preferred origin of an event, else the first that nobody rejected, else None."""
    kept = [o for o in event.origins if not is_rejected(o.evaluation_status)]
    preferred = event.preferred_origin()
    return preferred if preferred in kept else next(iter(kept), None)
