"""The recipe of the model `universal`, and how it does on sources that it never saw.

    python -m benchmarks.universal DATA FOLDER [--transfer] [--only NAME ...]

DATA holds the recordings named in `SOURCES`, as public repositories have them; FOLDER keeps every
product, so that the command goes on where it stopped. Without --transfer one network learns from
all of them (FOLDER/universal); with it one learns without each source in turn, and is counted on
that source (FOLDER/transfer/table.md).
"""

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import seisflow

APART_S = 120
"""From the beginning of a record of 90 s of an npz set to that of the next."""
FIRST = "2000-01-01T00:00:00"
"""Beginning of the first: these sets have no times that can be trusted."""

WINDOWS: dict[str, Any] = {
    "split": "events",
    "margin_s": 4.0,
    "lead_s": 1.5,
    "jitter_s": 0.75,
    "balance": False,
    "per_class": 3000,
}
"""How wavelets are cut: margins for stretched time, P anywhere in the second of its window."""
TRAINING: dict[str, Any] = {
    "rate": 100,
    "low_hz": 2.0,
    "high_hz": 45.0,
    "epochs": 20,
    "learning_rate": 0.004,
    "schedule": "onecycle",
    "weight_decay": 1e-3,
    "label_smoothing": 0.02,
    "patience": 0,
    "shards_together": 32,
    "noise": 0.6,
    "noise_of": "any",
    "noise_snr": (1.2, 30.0),
    "event_shift_s": 0.25,
    "pulses": 0.3,
    "colour": 0.5,
    "stretch": 2.5,
    "stretched": 0.6,
}
"""How a network is trained."""


@dataclass(frozen=True)
class Source:
    """Recordings that become one WAVELETS product.

    Parameters
    ----------
    name : str
        What the product is called; before an ``@`` the name of the source.
    raw : tuple of str
        Files and folders, below DATA.
    arrivals : str
        Table of arrivals, below DATA; empty where none are known.
    has_hours : bool
        Whether there is enough of it to be labelled; otherwise noise is what is away from arrivals.
    ingest, assemble : dict
        What else is asked of these stages.
    """

    name: str
    raw: tuple[str, ...]
    arrivals: str = ""
    has_hours: bool = True
    ingest: dict[str, Any] = field(default_factory=dict)
    assemble: dict[str, Any] = field(default_factory=dict)


SOURCES = (
    Source("anza1998", ("anza1998/waveforms",), "anza1998/truth/arrivals_predicted_derived.csv"),
    Source(
        "ridgecrest20190704",
        ("ridgecrest20190704/waveforms",),
        "ridgecrest20190704/truth/arrivals_predicted_derived.csv",
    ),
    Source(
        "ridgecrest_events",
        ("ridgecrest_events_picked/waveforms",),
        "ridgecrest_events_picked/truth/picks.csv",
        has_hours=False,
        assemble={"after_s": 120.0, "coda_end_s": 20.0},
    ),
    *(
        Source(
            f"dfdp2013@{rate}",
            ("dfdp2013_picked/WAV",),
            "dfdp2013_picked/truth/picks.csv",
            has_hours=False,
            ingest={"rate": rate},
            assemble={"after_s": 60.0, "coda_end_s": 6.0},
        )
        for rate in (100, 200, 250)
    ),
    Source(
        "ncedc",
        ("ncedc_wavelets_picked/npz",),
        "npz",
        has_hours=False,
        assemble={"after_s": 60.0, "coda_end_s": 15.0},
    ),
    Source(
        "california",
        ("california_wavelets_picked/npz",),
        "npz",
        has_hours=False,
        assemble={"after_s": 60.0, "coda_end_s": 30.0},
    ),
    Source("rutford", ("rutford2009_1000hz/waveforms",), ingest={"select": ["*.*.*.EHZ"]}),
    Source("upc", ("upc_remi_nodes_500hz/waveforms",), assemble={"time_block_s": 120}),
    Source("shake", ("noise_sources/raspberryshake_hvsr",), assemble={"time_block_s": 120}),
    Source("node", ("noise_sources/node_hvsr_1000hz",)),
)


QUIET = ["anza1998", "rutford", "upc", "shake", "node"]
"""Sources without many earthquakes that nobody listed."""


def records_of_npz(folder: Path, out: Path) -> None:
    """Write the verticals of single-station records as miniSEED, with a table of their arrivals."""
    from obspy import Stream, Trace, UTCDateTime

    if (out / "arrivals.csv").exists():  # it is written last; written anew it were another archive
        return
    out.mkdir(parents=True, exist_ok=True)
    stream, rows = Stream(), []
    with (folder.parent / "truth" / "picks_samples.csv").open() as table:
        picks = sorted(csv.DictReader(table), key=lambda row: row["file"])
    for number, pick in enumerate(picks):
        begin = UTCDateTime(FIRST) + number * APART_S
        with np.load(folder.parent / pick["file"], allow_pickle=False) as record:
            samples = record["data"][:, -1].astype(np.float32)
        rate = float(pick["sampling_rate"])
        names = {
            "network": pick["network"],
            "station": pick["station"],
            "channel": pick["channels"].split("_")[-1],
        }
        header = {**names, "sampling_rate": rate, "starttime": begin}
        stream += Trace(samples, header=header)
        for phase in ("P", "S"):
            if pick[f"{phase.lower()}_sample"]:
                time = begin + float(pick[f"{phase.lower()}_sample"]) / rate
                rows.append([str(time), names["network"], names["station"], phase, number])
    stream.write(str(out / "records.mseed"), format="MSEED", encoding="FLOAT32")
    with (out / "arrivals.csv").open("w", newline="") as table:
        writer = csv.writer(table)
        writer.writerow(["time", "network", "station", "phase", "event_id"])
        writer.writerows(rows)


def wavelets_of(source: Source, data: Path, folder: Path) -> Path:
    """Make the WAVELETS of a source, or go on with them; return their path."""
    waveforms, labels = (folder / f"{source.name}.{kind}.zarr" for kind in ("waveforms", "labels"))
    made = folder / f"{source.name}.zarr"
    raw = [data / path for path in source.raw]
    arrivals: str | Path = data / source.arrivals if source.arrivals else "none"
    if source.arrivals == "npz":
        records_of_npz(raw[0], folder / source.name)
        raw, arrivals = (
            [folder / source.name / "records.mseed"],
            folder / source.name / "arrivals.csv",
        )
    seisflow.ingest(raw, waveforms, **source.ingest)
    if source.has_hours:
        seisflow.label(waveforms, labels, method="calibrated")
    seisflow.assemble(
        waveforms,
        labels if source.has_hours else "none",
        arrivals,
        made,
        **WINDOWS | {"coda": bool(source.arrivals)} | source.assemble,
    )
    return made


def all_wavelets(data: Path, folder: Path) -> Iterator[Path]:
    """Yield the WAVELETS of every source."""
    for source in SOURCES:
        yield wavelets_of(source, data, folder)


def main() -> None:
    """Make what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--transfer", action="store_true")
    parser.add_argument("--only", nargs="*", default=[])
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    wavelets = list(all_wavelets(options.data, options.folder))
    if options.transfer:
        seisflow.transfer(
            wavelets, options.folder / "transfer", only=options.only, quiet=QUIET, **TRAINING
        )
    else:
        seisflow.train(wavelets, options.folder / "universal", **TRAINING)


if __name__ == "__main__":
    main()
