"""Detection in memory: the events of an array from scores and waveforms that are held or opened.

Invariant: what is found is what ``seisflow detect`` finds in the same scores and samples, hour by
UTC hour.
"""

import json
import warnings
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from seisflow.archive.blocks import Record, asked_span
from seisflow.archive.in_memory import dataset_in_memory
from seisflow.archive.opening import THRESHOLDS, product_attrs
from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.archive.schema import station_arrays
from seisflow.core.classes import ScoreState, WaveletClass
from seisflow.core.grid import DAY_NS, HOUR_NS, HOUR_S, NS_PER_S, Span, format_time
from seisflow.core.wording import counted, some_names
from seisflow.errors import ConfigError, DataError, IncompleteError
from seisflow.memory.records import waveforms_of
from seisflow.memory.waveforms import Waveforms, places_of, stations_of
from seisflow.stages.detect.array import Array, array_of
from seisflow.stages.detect.catalog import catalog_arrays
from seisflow.stages.detect.config import DetectParameters
from seisflow.stages.detect.records import Found
from seisflow.stages.detect.searching import (
    DetectTask,
    Search,
    hopeless,
    measured,
    needed_nodes,
    search_hour,
)
from seisflow.stages.detect.triggers import Row, Scores, gather_scores, threshold_of

__all__ = ["detect_array"]


def detect_array(scores: xr.Dataset, waveforms: Any, **options: Any) -> xr.Dataset:
    """Find the events of an array, as ``seisflow detect`` does.

    Parameters
    ----------
    scores : xarray.Dataset
        Probabilities of every second: of `WaveformModel.annotate`, of ``seisflow.open(SCORES)``,
        or a part of it.
    waveforms : xarray.Dataset, obspy.Stream or sequence of obspy.Trace
        Of the same stations: of `seisflow.from_obspy`, of ``seisflow.open(WAVEFORMS)``, or the
        Stream itself. Samples are read around coincidences alone.
    **options
        Fields of `seisflow.stages.detect.config.DetectParameters`: ``min_nodes``, ``threshold`` or
        ``false_positive_rate``, ``false_alarms_per_day``, ``moveout_s`` (needed where stations
        have no coordinates) or ``slowest_velocity_m_s``, ``merge_s``, ``low_hz``, ``high_hz``,
        ``max_lag_s``, ``passes``, ``min_cc``, ``select``, ``start``, ``end``.

    Returns
    -------
    xarray.Dataset
        As ``seisflow.open(CATALOG)``, in memory: ``time``, ``n_nodes``, ``mean_cc``,
        ``back_azimuth_deg`` and more for each ``event``, with its ``stack`` and
        ``node_probability``; ``pick_time``, ``pick_station`` and more for each ``pick``.

    Raises
    ------
    ConfigError
        An option is not known or out of range, there are fewer stations than nodes needed, the
        largest moveout or the threshold cannot be known, or stations have no waveforms.
    DataError
        The scores are not of every second, or a record cannot be used.
    IncompleteError
        Some seconds of the scores failed or have not run.

    Warns
    -----
    UserWarning
        Hours in which nothing can be detected, and stations that are not as an array needs them.
    """
    search = _HeldSearch.of(DetectParameters.build(options), scores, waveforms)
    span = asked_span(search.config, search.scored.span, "scores")
    found: list[Found] = []
    problems: list[str] = []
    for start_s in _hours(search.scored, span):
        task = DetectTask(format_time(search.time_ns(start_s)), start_s)
        hour = search_hour(search, task)
        problems += hopeless(search, task, hour)
        events = [measured(search, hour, one) for one in hour.coincidences]
        found += [event for event in events if isinstance(event, Found)]
    _warn(search.array.notes, problems)
    found.sort(key=lambda event: (event.detection.time_ns, event.second_ns))
    return _catalog(search, span, found)


@dataclass(frozen=True, eq=False)
class _HeldSearch(Search):
    """A search of datasets."""

    source: Product
    scored: Product
    array: Array
    config: DetectParameters
    threshold: float
    waveforms: Waveforms
    probability: npt.NDArray[np.float32]
    usable: npt.NDArray[np.bool_]
    first_s: int
    scores_key: str
    _needed: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, config: DetectParameters, scores: xr.Dataset, waveforms: Any) -> "_HeldSearch":
        """Take scores and waveforms apart.

        Raises
        ------
        ConfigError, DataError, IncompleteError
            See `detect_array`.
        """
        held = waveforms_of(waveforms, None, "detect_array")
        probability, usable, start_ns = _earthquake(scores)
        stations = stations_of(scores["probability"])
        missing = [name for name in stations if name not in held.stations]
        if missing:
            raise ConfigError(
                f"stations of the scores without waveforms: {some_names(missing)}; give the "
                "waveforms that the scores were made from"
            )
        places = dict(zip(stations, places_of(scores["probability"]), strict=True))
        points = json.loads(scores.attrs.get(THRESHOLDS, "[]"))
        document = {"metrics": {"validation": {"thresholds": points}}}
        hours = Span(start_ns, start_ns + usable.shape[1] * NS_PER_S).widened(HOUR_NS)
        return cls(
            source=_part("WAVEFORMS", held.span, held),
            scored=_part("SCORES", hours, held),
            array=array_of(config, places, held.stations, "the dataset of scores"),
            config=config,
            threshold=threshold_of(document, config.false_positive_rate, config.threshold),
            waveforms=held,
            probability=probability,
            usable=usable,
            first_s=(start_ns - hours.start_ns) // NS_PER_S,
            scores_key=str(product_attrs(scores).get("key", "")),
        )

    def read(self, first_s: int, stop_s: int) -> Scores:
        """Return scores of the array; seconds count from the hour in which they begin."""

        def read(row: int, start: int, stop: int) -> Row:
            return self.probability[row, start:stop], self.usable[row, start:stop]

        n_seconds, moved = self.usable.shape[1], (first_s - self.first_s, stop_s - self.first_s)
        found = gather_scores(read, self.array.score_rows, n_seconds, moved)
        return Scores(first_s, found.probability, found.usable)

    def record(self, row: int, start_s: int, stop_s: int) -> Record:
        """Return whole seconds of a row of the waveforms."""
        return self.waveforms.record(row, start_s, stop_s)

    def needed_nodes(self, second: int) -> int:
        """Return how many nodes the UTC day of a second asks for."""
        day = self.time_ns(second) // DAY_NS
        if day not in self._needed:
            first_s = (day * DAY_NS - self.scored.span.start_ns) // NS_PER_S
            stop_s = min(self.scored.n_seconds, first_s + 24 * HOUR_S)
            self._needed[day] = needed_nodes(
                self.read(max(0, first_s), stop_s),
                self.threshold,
                window_s=self.array.window_s,
                per_day=self.config.false_alarms_per_day,
                min_nodes=self.config.min_nodes,
            )
        return self._needed[day]


def _earthquake(
    scores: xr.Dataset,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_], int]:
    """Return probabilities of an earthquake, where they are usable, and when they begin."""
    lacking = [name for name in ("probability", "state") if name not in scores]
    if lacking:
        raise DataError(
            f"the dataset of scores has no variable {' and '.join(lacking)}; found "
            f"{', '.join(map(str, scores))}; give one of WaveformModel.annotate, or "
            "seisflow.open(SCORES)"
        )
    taken = scores[["probability", "state"]]
    if "station" not in taken["probability"].dims:
        taken = taken.expand_dims("station")
    seconds = np.atleast_1d(taken["second"].values).astype("datetime64[ns]").astype(np.int64)
    if not seconds.size or np.any(np.diff(seconds) != NS_PER_S):
        raise DataError(
            f"the scores hold {seconds.size} seconds that do not follow each other; select slices "
            "of time without a step"
        )
    state = taken["state"].transpose("station", "second").values
    open_ones = int(np.isin(state, (ScoreState.FAILED, ScoreState.NOT_RUN)).sum())
    if open_ones:
        raise IncompleteError(
            f"{counted(open_ones, 'second')} of the scores failed or have not run; type the "
            "command seisflow infer again, or select others"
        )
    every = taken["probability"].transpose("station", "second", "class")
    found = every[:, :, int(WaveletClass.EARTHQUAKE)].values
    return found.astype(np.float32, copy=False), state == ScoreState.READY, int(seconds[0])


def _part(product: str, span: Span, waveforms: Waveforms) -> Product:
    """Describe what is held as a product of whole hours."""
    identity = Identity(product, "memory", {}, {}, FORMAT_VERSIONS[product])
    n_seconds = (span.end_ns - span.start_ns) // NS_PER_S
    return Product(identity, span, waveforms.rate, n_seconds, 1)


def _hours(scored: Product, span: Span) -> range:
    """Return the first second of each hour asked for, counted from the start of the scores."""
    first, stop = ((ns - scored.span.start_ns) // NS_PER_S for ns in (span.start_ns, span.end_ns))
    return range(first, stop, HOUR_S)


def _warn(notes: tuple[str, ...], problems: list[str]) -> None:
    said = list(notes)
    if problems:
        more = f"; and so in {counted(len(problems) - 1, 'more hour')}" if problems[1:] else ""
        said.append(problems[0] + more)
    for text in said:
        warnings.warn(text, stacklevel=3)


def _catalog(search: _HeldSearch, span: Span, found: list[Found]) -> xr.Dataset:
    """Return what was found as the command's catalogue is opened."""
    array = search.array
    used = {"threshold": search.threshold, "window_s": array.window_s, "min_cc": array.min_cc}
    identity = Identity(
        "CATALOG",
        "detect",
        search.config.resolved() | {"stations": list(array.stations), "used": used},
        {"waveforms": search.waveforms.key, "scores": search.scores_key},
        FORMAT_VERSIONS["CATALOG"],
        RESULT_VERSIONS["detect"],
    )
    n_seconds = (span.end_ns - span.start_ns) // NS_PER_S
    product = Product(identity, span, search.source.rate, n_seconds, len(array.stations))
    n = len(array.stations)
    arrays = [*station_arrays(array.stations, array.places), *catalog_arrays(found, n)]
    return dataset_in_memory(product, arrays, "detections of an array", {})
