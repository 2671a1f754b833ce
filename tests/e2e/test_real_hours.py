"""Recorded hours, labelled and drawn: what a seismologist would look at before believing a label.

Each test writes its figures into ``artefacts/real-hours`` and asserts what the recording itself, a
catalogue or a planted truth says; what counts as the event was fixed before any label was seen.
"""

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from PIL import Image
from small_archive import ingest
from stages import made

import seisflow
from seisflow.archive.work import Work
from seisflow.core.classes import Label
from seisflow.core.grid import parse_time
from seisflow.stages.label.method import label_windows
from seisflow.stages.label.stage import Label as LabelStage
from seisflow.stages.report.figures.hour import draw_hour
from seisflow.stages.report.figures.spectrogram import spectrogram
from seisflow.stages.report.figures.station_hour import (
    StationHour,
    labelled_hour,
    read_station_hour,
)

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared"
DATA, GOLDEN = SHARED / "data", SHARED / "golden"
ARTEFACTS = ROOT / "artefacts" / "real-hours"
RN, MIXED, NRN = Label.RANDOM_NOISE, Label.MIXED, Label.NOT_RANDOM_NOISE
MAX_BYTES = 400_000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not SHARED.exists(), reason=f"no recorded data at {SHARED}"),
]
BOTH = pytest.mark.parametrize("method", ["reference", "calibrated"])


def run_all(work: Work[Any]) -> None:
    for task in work.remaining():
        receipt = work.job()(task)
        assert receipt.state == "done", receipt.reason


@dataclass(frozen=True)
class Recording:
    """An ingested data set, and its truth."""

    name: str
    path: Path

    @classmethod
    def ingest(cls, name: str, raw: Path, folder: Path) -> "Recording":
        return cls(name, ingest([raw], folder / f"{name}.zarr"))

    def label(self, method: str, start: str, end: str) -> dict[str, StationHour]:
        """Label one hour of all vertical components; return them by station."""
        output = self.path.with_name(f"{self.name}-{method}-{parse_time(start)}.zarr")
        span = {"start": start, "end": end, "select": ("*.*.*.??Z",)}
        asked = {"waveforms": self.path, "labels": output, "method": method, **span}
        made(LabelStage(LabelStage.Config.build(asked)))
        labels, waveforms = seisflow.open(output), seisflow.open(self.path)
        stations = [str(s) for s in labels.station.values]
        return {s: read_station_hour(labels, waveforms, s) for s in stations}

    def arrivals(self, event: str) -> Iterator[dict[str, str]]:
        """P and S by iasp91 of one event, each row a station."""
        with (DATA / self.name / "truth" / "arrivals_predicted_derived.csv").open() as file:
            yield from (row for row in csv.DictReader(file) if row["evid"] == event)


def seconds_after(hour: StationHour, time: str) -> float:
    return (parse_time(time) - hour.start_ns) / 1e9


def shares(label: np.ndarray) -> tuple[float, float, float]:
    """Percentages of random noise, mixed and not random noise."""
    rn, mixed, nrn = (float(100 * (label == code).mean()) for code in (RN, MIXED, NRN))
    return rn, mixed, nrn


def keep(figure: Figure, name: str, marks: dict[str, str] | None = None) -> None:
    """Write a figure, with marked times, as a small PNG."""
    for text, time in (marks or {}).items():
        at = date2num(np.datetime64(parse_time(time), "ns"))
        axes = figure.axes[0]
        axes.axvline(at, color="black", lw=0.6, ls=":")
        place = {"xytext": (2, -2), "textcoords": "offset points"}
        axes.annotate(text, (at, 1), xycoords=("data", "axes fraction"), va="top", size=7, **place)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=95)
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    path = ARTEFACTS / f"{name}.png"
    with Image.open(drawn) as image:
        few = image.convert("RGB").quantize(256, method=Image.Quantize.MAXCOVERAGE)
        few.save(path, optimize=True)
    assert 20_000 < path.stat().st_size < MAX_BYTES


# ---------------------------------------------------------------------------- golden hours

GOLDEN_HOURS = {
    "synthetic_100hz": ("synthetic 100 Hz", "2014-05-29T00:00"),
    "synthetic_500hz": ("synthetic 500 Hz", "2014-05-29T00:00"),
    "ridgecrest_ci_srt_100hz": ("CI.SRT..HHZ", "2019-07-04T17:00"),
    "node_1000hz": ("SS.16990.SW.GPZ", "2023-11-02T17:35"),
}


@pytest.mark.parametrize(
    ("name", "method"),
    [*product(GOLDEN_HOURS, ["calibrated"]), ("synthetic_100hz", "reference")],
)
def test_golden_hours(name: str, method: str) -> None:
    """The loudest hundred seconds are no noise; `reference` gives the published script's labels.

    It does so at the other rates in `tests/label/test_label_method.py`.
    """
    with np.load(GOLDEN / f"{name}.npz") as file:
        golden = dict(file)
    waveform, rate_hz = golden["waveform"], int(golden["sampling_rate"])
    station, start = GOLDEN_HOURS[name]
    found = label_windows(waveform, rate_hz, method=method)
    where = {"station": station, "start_ns": parse_time(start), "method": method}
    hour = labelled_hour(found, waveform, rate_hz, **where)
    keep(draw_hour(hour), f"golden-{name}-{method}")
    rms = np.sqrt(np.square(waveform.reshape(-1, rate_hz).astype(float)).mean(axis=1))
    assert shares(found.label[np.argsort(rms)[-100:]])[0] <= 5
    if method == "reference":
        np.testing.assert_array_equal(found.label, golden["label"])
        return
    if "truth_amplitude_ratio" in golden:
        quiet = golden["truth_amplitude_ratio"] < 0.05
        quakes = (golden["truth_kind"] == 1) & (golden["truth_amplitude_ratio"] >= 0.5)
        assert shares(found.label[quiet])[2] <= 1
        assert shares(found.label[quakes])[2] >= 90


# ---------------------------------------------------------------------------- an aircraft

AIRCRAFT_START = "2014-05-26T17:35:50"
PASSAGE = slice(63, 120)
"""Seconds of the recording in which the aircraft passes.

Its tone is in all 200 s: 176 Hz while it comes, 102 Hz when it has gone. Between second 63, where
the record swells from some 100 counts to over 400, and second 120, where it falls below 100, the
tone slides from 176 to 124 Hz: most of the Doppler shift, so the closest approach.
"""


@pytest.fixture(scope="module")
def aircraft(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    raw = DATA / "noise_sources" / "aircraft_zg2014"
    return Recording.ingest("aircraft", raw, tmp_path_factory.mktemp("aircraft"))


def of_aircraft(recording: Recording, method: str) -> tuple[StationHour, slice]:
    """Return the hour that holds the recording, and the recording's seconds in it."""
    (hour,) = recording.label(method, "2014-05-26T17:00", "2014-05-26T18:00").values()
    first = round(seconds_after(hour, AIRCRAFT_START))
    return hour, slice(first, first + 200)


def test_the_passage_is_seen_in_the_recording_itself(aircraft: Recording) -> None:
    hour, recorded = of_aircraft(aircraft, "reference")
    samples = hour.samples.reshape(-1, hour.rate_hz)[recorded]
    rms = np.sqrt(np.square(samples).mean(axis=1))
    before, during, after = rms[5:63], rms[PASSAGE], rms[145:]
    assert np.median(during) > 2.5 * max(np.median(before), np.median(after))
    assert rms[[PASSAGE.start, PASSAGE.stop - 1]].min() > 1.3 * np.median(before)
    found = spectrogram(samples.ravel(), hour.rate_hz)
    assert found is not None
    columns = found.power_db.shape[1]
    at_s = found.start_s + (np.arange(columns) + 0.5) * (found.stop_s - found.start_s) / columns
    tone_hz = 1 + 90 + found.power_db[90:200].argmax(axis=0)  # row k lies at k + 1 Hz

    def usual(start_s: int, stop_s: int) -> float:
        return float(np.median(tone_hz[(at_s >= start_s) & (at_s < stop_s)]))

    assert usual(60, 66) == pytest.approx(176, abs=3)
    assert usual(117, 121) == pytest.approx(124, abs=3)
    assert usual(185, 199) == pytest.approx(102, abs=3)


@BOTH
def test_the_aircraft_is_not_random_noise(aircraft: Recording, method: str) -> None:
    hour, recorded = of_aircraft(aircraft, method)
    edges = {"passage": "2014-05-26T17:36:53", "gone": "2014-05-26T17:37:50"}
    keep(draw_hour(hour), f"aircraft-{method}", edges)
    label = hour.label[recorded]
    assert np.isin(label, (RN, MIXED, NRN)).all(), "every second of the recording has a class"
    rn, _, nrn = shares(label[PASSAGE])
    assert rn == 0
    assert nrn >= 90
    assert (hour.label == Label.NO_DATA).sum() == 3400


# ---------------------------------------------------------------------------- Ridgecrest

M64 = "38443183"


@pytest.fixture(scope="module")
def ridgecrest(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    raw = DATA / "ridgecrest20190704" / "waveforms"
    return Recording.ingest("ridgecrest20190704", raw, tmp_path_factory.mktemp("ridgecrest"))


def around_m64(recording: Recording, method: str) -> dict[str, tuple[StationHour, int]]:
    """Return the hour of each station, and the first whole second after P."""
    hours = recording.label(method, "2019-07-04T17:00", "2019-07-04T18:00")
    p = {row["station"]: row["pred_P"] for row in recording.arrivals(M64)}
    found = {
        station: (hour, int(np.ceil(seconds_after(hour, p[station.split(".")[1]]))))
        for station, hour in hours.items()
    }
    assert len(found) == 8
    if method in ("reference", "calibrated"):
        for station in ("CI.SRT..HHZ", "PB.B921..EHZ"):
            marks = {"P of M6.4": p[station.split(".")[1]]}
            keep(draw_hour(hours[station]), f"ridgecrest-{station}-{method}", marks)
    return found


def test_the_m64_is_not_random_noise_for_reference(ridgecrest: Recording) -> None:
    """Two minutes from P on, nearly; afterwards aftershocks and coda pass for noise.

    The event is 10^4 times the noise. Half the side of the counting box is a fifth of the standard
    deviation of the deviations, which it alone determines: 10^5 counts at CI.SRT, some 20 times
    the deviation of a quiet second. So quiet and shaking seconds fall into one box (the figure
    shows its edge), and where the shaking has decayed below it, from 2 min on, a second with a
    usual median correlation is random noise. This is the published weakness, kept visible here.
    """
    first, later = [], []
    for hour, p in around_m64(ridgecrest, "reference").values():
        first.append(shares(hour.label[p : p + 120]))
        later.append(shares(hour.label[p + 120 : p + 600])[0])
    rn, _, nrn = np.array(first).T
    assert np.median(rn) <= 2.5
    assert rn.max() <= 16  # the accelerometer CI.WNM
    assert np.median(nrn) >= 90
    assert np.median(later) >= 30, "the weakness is gone: say so in the docs"


def test_the_m64_and_its_coda_are_not_random_noise_for_calibrated(ridgecrest: Recording) -> None:
    """Ten minutes from P on, at every station; in the quiet half hour before there is noise."""
    for station, (hour, p) in around_m64(ridgecrest, "calibrated").items():
        rn, _, nrn = shares(hour.label[p : p + 120])
        assert rn == 0, station
        assert nrn >= 98, station
        assert shares(hour.label[p + 120 : p + 600])[0] <= 5, station
        assert shares(hour.label[1020 : p - 3])[0] >= 15, station


# ---------------------------------------------------------------------------- Anza

ANZA = {"00": ["9037304"], "05": ["9037389", "9037391"]}
"""Local events by hour: a quarry blast of M1.38, earthquakes of M1.67 and M1.35."""


@pytest.fixture(scope="module")
def anza(tmp_path_factory: pytest.TempPathFactory) -> Recording:
    raw = DATA / "anza1998" / "waveforms"
    return Recording.ingest("anza1998", raw, tmp_path_factory.mktemp("anza"))


@BOTH
@pytest.mark.parametrize("at", ANZA)
def test_local_events_are_not_random_noise(anza: Recording, at: str, method: str) -> None:
    """From the second after P to 3 s after S, where the event is 10 times the noise or more."""
    start = f"1998-01-01T{at}:00"
    hours = anza.label(method, start, f"1998-01-01T{int(at) + 1:02d}:00")
    labels, marks = [], {}
    for row in (row for event in ANZA[at] for row in anza.arrivals(event)):
        (station,) = [s for s in hours if s.split(".")[1] == row["station"]]
        hour = hours[station]
        p, s = (seconds_after(hour, row[phase]) for phase in ("pred_P", "pred_S"))
        if row["station"] == "RDM":
            marks[f"M{row['mag']} {row['etype']}"] = row["pred_P"]
        if float(row["snr_z"]) >= 10:
            labels.append(hour.label[int(p) + 1 : int(np.ceil(s)) + 3])
            assert shares(labels[-1])[0] == 0, (station, row["evid"])
    assert len(labels) >= 8
    assert shares(np.concatenate(labels))[2] >= 97
    keep(draw_hour(hours["AZ.RDM..BHZ"]), f"anza-AZ.RDM..BHZ-{at}h-{method}", marks)
    for station, hour in hours.items():
        assert shares(hour.label)[0] >= 10, f"{station}: an hour holds noise"
