"""What of a product is drawn: which station, which hour, which day; or why not."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from seisflow.archive.opening import product_attrs
from seisflow.archive.stationindex import fits
from seisflow.core.grid import DAY_NS, HOUR_NS, NS_PER_S, Span, format_time, parse_time
from seisflow.core.stations import StationPattern
from seisflow.core.wording import some_names
from seisflow.errors import ConfigError

__all__ = ["choose_station", "days_in", "hour_in", "require_same_waveforms"]


def name_of(dataset: xr.Dataset) -> str:
    """Return the path a dataset was opened from, or its kind."""
    kind = product_attrs(dataset).get("identity", {}).get("product", "dataset")
    return str(dataset.encoding.get("source", f"this {kind}"))


def require_kind(dataset: xr.Dataset, kind: str) -> None:
    """Refuse a dataset that is not such a product.

    Raises
    ------
    ConfigError
        It was not opened from a product of this kind.
    """
    found = product_attrs(dataset).get("identity", {}).get("product")
    if found != kind:
        raise ConfigError(
            f"{name_of(dataset)} is {f'a {found} product' if found else 'no product of seisflow'}; "
            f"a {kind} product opened with seisflow.open is needed here"
        )


def require_same_waveforms(labels: xr.Dataset, waveforms: xr.Dataset) -> None:
    """Refuse waveforms that these labels were not made from.

    Raises
    ------
    ConfigError
        The identities differ.
    """
    require_kind(waveforms, "WAVEFORMS")
    asked = product_attrs(labels)["identity"]["inputs"]["waveforms"]
    found = product_attrs(waveforms)["key"]
    if asked != found:
        raise ConfigError(
            f"{name_of(labels)} was made from the WAVEFORMS with identity {asked}; found "
            f"{name_of(waveforms)} with identity {found}; give the very product that was labelled "
            "with --waveforms, or label this one"
        )


def choose_station(names: Sequence[str], text: str, where: str) -> int:
    """Return the row of the one station that is meant.

    Parameters
    ----------
    names : sequence of str
        The stations there are.
    text : str
        A name NET.STA.LOC.CHA, a part of it as `seisflow.archive.stationindex.fits` takes it, or
        four globs, that fit one station.
    where : str
        The product, for the message.

    Raises
    ------
    ConfigError
        No station or several fit.
    """
    if text in names:
        return list(names).index(text)
    matches = StationPattern(text).matches if text.count(".") == 3 else None
    rows = [i for i, name in enumerate(names) if fits(name, text) or (matches and matches(name))]
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise ConfigError(
            f"no station matches --station {text!r}: give NET.STA.LOC.CHA, a part of it such as "
            f"STA or NET.STA, or four globs; {_list(names, where)}"
        )
    fitting = [names[i] for i in rows]
    raise ConfigError(
        f"--station {text!r} matches {len(rows)} stations, and one is drawn: "
        f"{some_names(fitting)}; give one of them"
    )


def _list(names: Sequence[str], where: str) -> str:
    return f"{where} has {len(names)}: {some_names(names)}"


def span_of(dataset: xr.Dataset) -> Span:
    """Return the time that the seconds of a dataset cover."""
    first, last = (int(t) for t in dataset.second.values[[0, -1]].astype(np.int64))
    return Span(first, last + NS_PER_S)


def hour_in(dataset: xr.Dataset, hour: str | int | None) -> Span:
    """Return the UTC hour that holds a time.

    Parameters
    ----------
    dataset : xarray.Dataset
        LABELS.
    hour : str, int or None
        ISO 8601 or ns since 1970; None where the product has one hour only.

    Raises
    ------
    ConfigError
        The product does not have it, or has several and none is named.
    """
    span = span_of(dataset)
    if hour is None:
        if span.widened(HOUR_NS).duration_s > 3600:
            raise ConfigError(
                f"{name_of(dataset)} covers {span}; say which hour to draw, for example "
                f"--hour {_hour_text(span.start_ns)}"
            )
        hour = span.start_ns
    time_ns = parse_time(hour) if isinstance(hour, str) else hour
    found = Span(time_ns, time_ns + 1).widened(HOUR_NS)
    if span.intersect(found) != found:
        raise ConfigError(
            f"the hour {_hour_text(found.start_ns)} is not in {name_of(dataset)}, which covers "
            f"{span}; give an hour of these, for example --hour {_hour_text(span.start_ns)}"
        )
    return found


def days_in(dataset: xr.Dataset, day: str | int | None) -> list[Span]:
    """Return the UTC day that holds a time, or all days, as far as the product has them.

    Raises
    ------
    ConfigError
        The product has nothing of that day.
    """
    span = span_of(dataset)
    if day is None:
        pieces = span.widened(DAY_NS).split(DAY_NS)
        return [piece for d in pieces if (piece := d.intersect(span))]
    time_ns = parse_time(day) if isinstance(day, str) else day
    found = Span(time_ns, time_ns + 1).widened(DAY_NS).intersect(span)
    if found is None:
        raise ConfigError(
            f"the day {format_time(time_ns)[:10]} is not in {name_of(dataset)}, which covers "
            f"{span}; give a day of these, for example --day {format_time(span.start_ns)[:10]}"
        )
    return [found]


def _hour_text(time_ns: int) -> str:
    return format_time(time_ns)[:13]
