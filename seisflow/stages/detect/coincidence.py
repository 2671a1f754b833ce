"""Coincidences: seconds in which enough stations trigger together.

Triggers in, events out, no input or output. Invariant: whether a second is an event depends on the
triggers near it alone (`halo_s`), so the events of a record do not depend on how it was cut.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from seisflow.errors import ConfigError, DataError

__all__ = ["Coincidence", "coincidences", "count_stations", "halo_s"]

Flags = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Coincidence:
    """Stations that trigger together.

    Parameters
    ----------
    second : int
        Index of the first second of the window.
    nodes : ndarray of int64, shape (n_nodes,)
        Rows of the stations that trigger in the window, ascending.
    """

    second: int
    nodes: Integers


def halo_s(*, window_s: int, merge_s: int) -> tuple[int, int]:
    """Return whole seconds needed before the first second of a part and behind its last one.

    Parameters
    ----------
    window_s, merge_s : int
        As given to `coincidences`.

    Returns
    -------
    before, behind : int
        With so much read on either side, the events of the part are those of the whole record.
    """
    return merge_s, merge_s + window_s - 1


def count_stations(triggers: Flags, window_s: int, *, before_s: int = 0) -> Integers:
    """Count the stations that trigger in the window of each second.

    Parameters
    ----------
    triggers : ndarray of bool, shape (n_stations, n_seconds)
        Whether each station triggers in each second. There is no trigger outside the record.
    window_s : int
        Seconds in a window.
    before_s : int
        How many seconds before its own second a window begins.

    Returns
    -------
    ndarray of int64, shape (n_seconds,)
        At t, stations with one trigger or more in ``[t - before_s, t - before_s + window_s)``.
        Work grows with stations times seconds, whatever the window; memory with seconds alone.

    Raises
    ------
    ConfigError
        The window holds no second.
    DataError
        `triggers` is not a matrix of bool.
    """
    _check(triggers, window_s=window_s)
    n_seconds = triggers.shape[1]
    count = np.zeros(n_seconds, dtype=np.int64)
    first = before_s + 1
    seen = np.zeros(n_seconds + window_s + before_s, dtype=np.int64)  # triggers before each bound
    for row in triggers:
        np.cumsum(row, out=seen[first : first + n_seconds])
        seen[first + n_seconds :] = seen[before_s + n_seconds]
        count += seen[window_s : window_s + n_seconds] > seen[:n_seconds]
    return count


def coincidences(
    triggers: Flags, *, window_s: int, min_nodes: int | Integers, merge_s: int
) -> list[Coincidence]:
    """Find the seconds at which most stations trigger together.

    Let n(t) be the number of stations with a trigger in ``[t, t + window_s)``. Second t is an
    event where n(t) is at least `min_nodes`, above n(u) for all u in ``[t - merge_s, t)``, and not
    below n(u) for all u in ``(t, t + merge_s]``.

    Hence two events are more than `merge_s` apart, and where n reaches `min_nodes` there is an
    event: the first of its highest seconds is one, unless a second within `merge_s` is higher, or
    as high and earlier, and takes it in. A plateau is one event at its first second, however long
    it lasts, and so are equal seconds that follow each other within `merge_s`. No rule that looks
    at a bounded time can treat a chain otherwise: where each of three coincidences is `merge_s`
    behind the last and higher, the third alone is an event.

    Parameters
    ----------
    triggers : ndarray of bool, shape (n_stations, n_seconds)
        Whether each station triggers in each second. There is no trigger outside the record: to
        find the events of a part of a longer record give it with its halo (`halo_s`) and keep the
        events of its own seconds.
    window_s : int
        Seconds in which stations trigger together: the largest moveout, and one for the seconds'
        own length.
    min_nodes : int or ndarray of int64, shape (n_seconds,)
        Stations needed, 1 or more, in all seconds or in each: a second with fewer is as if nothing
        had triggered in it.
    merge_s : int
        Seconds within which a coincidence is part of a larger one, 1 or more.

    Returns
    -------
    list of Coincidence
        By second. The earliest of the best windows may begin up to ``window_s - 1`` seconds before
        the first trigger in it.

    Raises
    ------
    ConfigError
        A number below 1.
    DataError
        `triggers` is not a matrix of bool.
    """
    _check(
        triggers, window_s=window_s, min_nodes=int(np.min(min_nodes, initial=1)), merge_s=merge_s
    )
    count = count_stations(triggers, window_s)
    if not count.size:
        return []
    count = np.where(count >= min_nodes, count, 0)
    nothing = np.full(merge_s, -1, dtype=np.int64)
    around = np.concatenate([nothing, count, nothing])
    highest = sliding_window_view(around, merge_s).max(axis=1)  # of merge_s seconds from each on
    before, behind = highest[: count.size], highest[merge_s + 1 :]
    found = np.flatnonzero((count > 0) & (count > before) & (count >= behind))
    return [
        Coincidence(second, np.flatnonzero(triggers[:, second : second + window_s].any(axis=1)))
        for second in found.tolist()
    ]


def _check(triggers: Flags, **at_least_one: int) -> None:
    if triggers.ndim != 2 or triggers.dtype != np.bool_:
        raise DataError(
            f"triggers must be a matrix of bool, stations by seconds; found {triggers.dtype} of "
            f"shape {triggers.shape}"
        )
    wrong = [f"{name} = {value}" for name, value in at_least_one.items() if value < 1]
    if wrong:
        raise ConfigError(f"{', '.join(wrong)}: give whole numbers from 1 on")
