"""A trained model for records in memory: probabilities of every second, and picks.

Invariant: the probabilities are those of ``seisflow infer``, bit for bit on the same processor
with the same batch.
"""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from seisflow.archive.in_memory import dataset_in_memory
from seisflow.archive.opening import THRESHOLDS, thresholds_of
from seisflow.archive.products import FORMAT_VERSIONS, RESULT_VERSIONS, Identity, Product
from seisflow.core.classes import ScoreState, WaveletClass
from seisflow.core.files import AnyPath
from seisflow.core.grid import HOUR_S, NS_PER_S
from seisflow.core.shipped import DEFAULT_MODEL, default_model
from seisflow.engine.devices import resolve_device
from seisflow.errors import ConfigError
from seisflow.memory.records import NOWHERE, waveforms_of
from seisflow.memory.waveforms import Waveforms
from seisflow.stages.detect.config import DetectParameters
from seisflow.stages.detect.picking import station_picks
from seisflow.stages.detect.triggers import Scores, threshold_of
from seisflow.stages.infer.config import InferConfig
from seisflow.stages.infer.layout import Block, score_arrays
from seisflow.stages.infer.record import classify_seconds, margins_s
from seisflow.stages.infer.scoring import Scorer
from seisflow.stages.learn.artifact import load_model as load_artifact
from seisflow.stages.learn.model import Model, one_thread

__all__ = ["WaveformModel", "load_model"]


COLUMNS = ("station", "time", "probability", "start", "end")


def load_model(path: str | AnyPath | None = None) -> "WaveformModel":
    """Load a model that ``seisflow train`` wrote, or one that is shipped.

    Parameters
    ----------
    path : path, optional
        Its folder, or the name of a shipped one; by default the shipped model ``universal``.

    Returns
    -------
    WaveformModel
        Ready to use, on the CPU.

    Raises
    ------
    ConfigError
        There is no such folder, or the model has other classes than this version; or none was
        given and none is shipped.
    DataError
        The folder holds no model, one in another format, or one that was damaged.
    """
    folder = default_model() if path is None else path
    return WaveformModel(load_artifact(folder), str(DEFAULT_MODEL if path is None else path))


ANNOTATE = ("sampling_rate_hz", "time_scale", "precision", "batch", "device")
"""What `WaveformModel.classify` hands on."""


class WaveformModel:
    """A trained model, for Streams, Traces, arrays and datasets of one sampling rate.

    Parameters
    ----------
    model : Model
        The classifier and its document (`seisflow.stages.learn.artifact.load_model`).
    name : str
        Where it is from, for people.
    """

    def __init__(self, model: Model, name: str = "") -> None:
        self.model = model
        self.name = name
        self._scorers: dict[tuple[object, ...], Scorer] = {}

    def __repr__(self) -> str:
        rate = self.rate_hz
        window_s = self.model.window_samples / rate
        try:
            usual = f"threshold {self.threshold():.4g}"
        except ConfigError:
            usual = "no threshold known"
        where = f" from {self.name}" if self.name else ""
        return (
            f"<WaveformModel {self.model.document['network']['name']}{where}: {rate} samples/s, "
            f"windows of {window_s:g} s, classes {', '.join(self.classes)}; {usual}; "
            f"key {self.key[:8]}>"
        )

    @property
    def rate_hz(self) -> int:
        """Samples per second it was trained at; records may have more."""
        return self.model.rate_hz

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of its classes, in the order of ``probability``."""
        return self.model.classes

    @property
    def key(self) -> str:
        """Fingerprint of weights, network and front end."""
        return self.model.key

    @property
    def document(self) -> dict[str, Any]:
        """What ``model.json`` says: network, training, metrics."""
        return self.model.document

    def threshold(self, false_positive_rate: float | None = None) -> float:
        """Return the least probability of an earthquake that keeps to a false-positive rate.

        Parameters
        ----------
        false_positive_rate : float, optional
            Share of the noise windows of the validation split that may reach it; by default that
            of ``seisflow detect``, 0.0015.

        Raises
        ------
        ConfigError
            The model knows no threshold for such a rate.
        """
        asked = {} if false_positive_rate is None else {"false_positive_rate": false_positive_rate}
        config = DetectParameters.build(asked)
        return threshold_of(self.document, config.false_positive_rate)

    def annotate(
        self,
        record: Any,
        sampling_rate_hz: float | None = None,
        *,
        time_scale: int = 1,
        precision: str = "float32",
        batch: int = 64,
        device: str = "cpu",
        **unknown: Any,
    ) -> xr.Dataset:
        """Return the probability of each class for every second of every station.

        Parameters
        ----------
        record : obspy.Stream, obspy.Trace, sequence of obspy.Trace, xarray.Dataset or array_like
            As `seisflow.label_record` takes it, of the model's rate or a higher one, from which it
            is resampled: counts as recorded, or any unit; not filtered, as the model has its own
            filter.
        sampling_rate_hz : float, optional
            Samples per second; needed for an array.
        time_scale : int
            Read the record so many times slower, 500 samples/s at 5 as 100 samples/s, for small
            local earthquakes; see ``seisflow infer --help``.
        precision : str
            Of the network: ``"float32"``, or ``"bfloat16"`` where the processor has it.
        batch : int
            Windows at once, of networks that do not go along the record.
        device : str
            ``"cpu"``, ``"cuda"`` or ``"auto"``.

        Returns
        -------
        xarray.Dataset
            As ``seisflow.open(SCORES)``, in memory: ``probability (station, second, class)`` of
            the window of 4 s that begins 1 s before ``second``, and ``state``. NaN where the
            window or the halo of its filter touches a gap, a stopped recorder or an end.

        Raises
        ------
        ConfigError
            The record, as it is read, has a lower rate than the model, or an option is not known.
        DataError
            The record cannot be used: see `seisflow.from_obspy`.
        """
        asked = {"time_scale": time_scale, "precision": precision, "batch": batch}
        asked |= {"device": device, **unknown}
        config = InferConfig.build(dict.fromkeys(("waveforms", "model", "scores"), NOWHERE) | asked)
        waveforms = waveforms_of(record, sampling_rate_hz, "annotate")
        scorer = self._scorer(config, int(waveforms.rate))
        product = _product(config, waveforms, self.key)
        block = Block(len(waveforms.stations), product.n_seconds, scorer.n_classes)
        with one_thread():  # as a task of the command: sums of several threads differ in last bits
            for row in range(len(waveforms.stations)):
                for first in range(0, product.n_seconds, HOUR_S):
                    self._put_hour(block, scorer, waveforms, row, first)
        stations, places = waveforms.stations, waveforms.places
        arrays = score_arrays(product, stations, places, self.classes)
        title = "class probabilities of every second"
        found = dataset_in_memory(product, arrays, title, block.arrays)
        found.attrs[THRESHOLDS] = json.dumps(thresholds_of(self.document))
        return found

    def classify(
        self,
        record: Any,
        threshold: float | None = None,
        *,
        false_positive_rate: float | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """Return P picks: runs of seconds that reach a threshold, station by station.

        Parameters
        ----------
        record : obspy.Stream, obspy.Trace, sequence of obspy.Trace, xarray.Dataset or array_like
            As `annotate` takes it.
        threshold : float, optional
            Least probability of an earthquake. By default the model's own operating point, at the
            false-positive rate that ``seisflow detect`` uses.
        false_positive_rate : float, optional
            In place of a threshold: the largest share of noise windows of the model's validation
            split that may reach it.
        **options
            Those of `annotate`.

        Returns
        -------
        pandas.DataFrame
            A row for each pick, by time: ``station``; ``time``, the start of the second of the
            largest probability (datetime64[ns] UTC); ``probability``, the largest of the run;
            ``start`` and ``end`` of the run, half-open. Times are whole seconds: of the planted P
            waves of a demo half lie in the second picked, and of the others most one to three
            seconds before it. `seisflow.detect_array` aligns waveforms to a fraction of a sample.
            A run goes on across 2 s below the threshold at most, so that S of the same earthquake
            seldom makes a pick of its own.

        Raises
        ------
        ConfigError
            As `annotate`; or the model knows no threshold: give one.
        """
        asked = {"threshold": threshold, "false_positive_rate": false_positive_rate}
        asked |= {name: value for name, value in options.items() if name not in ANNOTATE}
        config = DetectParameters.build({name: v for name, v in asked.items() if v is not None})
        least = threshold_of(self.document, config.false_positive_rate, config.threshold)
        return _picks(self.annotate(record, **options), least)

    def _put_hour(
        self, block: Block, scorer: Scorer, waveforms: Waveforms, row: int, first: int
    ) -> None:
        """Classify one hour of one station, with the margins of the command."""
        rate = int(waveforms.rate)
        before, behind = margins_s(scorer, rate)
        record = waveforms.record(row, first - before, first + HOUR_S + behind)
        seconds = slice(first, first + HOUR_S)
        block.put(row, seconds, classify_seconds(scorer, record, rate))

    def _scorer(self, config: InferConfig, rate_hz: int) -> Scorer:
        """Prepare the network once for each way to use it."""
        device = resolve_device(config.device)
        asked = (rate_hz, config.time_scale, device, config.precision, config.batch)
        if asked not in self._scorers:
            self._scorers[asked] = Scorer(
                self.model,
                rate_hz=rate_hz,
                time_scale=config.time_scale,
                device=device,
                precision=config.precision,
                batch=config.batch,
            )
        return self._scorers[asked]


def _product(config: InferConfig, waveforms: Waveforms, key: str) -> Product:
    """Describe the scores as the command would."""
    identity = Identity(
        "SCORES",
        "infer",
        config.resolved() | {"stations": list(waveforms.stations)},
        {"waveforms": waveforms.key, "model": key},
        FORMAT_VERSIONS["SCORES"],
        RESULT_VERSIONS["infer"],
    )
    span = waveforms.span
    n_seconds = (span.end_ns - span.start_ns) // NS_PER_S
    return Product(identity, span, waveforms.rate, n_seconds, 1)


def _picks(scores: xr.Dataset, threshold: float) -> pd.DataFrame:
    """Return the runs of seconds of SCORES that reach a threshold."""
    probability = scores["probability"].values[:, :, WaveletClass.EARTHQUAKE]
    usable = scores["state"].values == ScoreState.READY
    picks = station_picks(Scores(0, np.where(usable, probability, 0), usable), threshold)
    begin = scores["second"].values[0]

    def times(seconds: Sequence[int]) -> Any:
        return begin + np.array(seconds, dtype=np.int64).astype("timedelta64[s]")

    columns = {
        "station": scores["station"].values[[pick.row for pick in picks]].astype(object),
        "time": times([pick.peak for pick in picks]),
        "probability": [pick.probability for pick in picks],
        "start": times([pick.first for pick in picks]),
        "end": times([pick.stop for pick in picks]),
    }
    return pd.DataFrame(columns, columns=list(COLUMNS))
