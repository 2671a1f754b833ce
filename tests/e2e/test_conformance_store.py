"""Every conformance file on its own, from the file into the store and out of it again.

`tests/formats/test_conformance.py` shows that what is read equals obspy or libmseed, and holds the
table of outcomes; here every sample read must arrive in WAVEFORMS, at every rate a file has.
"""

import csv
from pathlib import Path

import numpy as np
import pytest
from stages import Begun

import seisflow
from seisflow.archive.work import progress_of
from seisflow.core.grid import nominal_rate
from seisflow.errors import DataError
from seisflow.formats.readers import read_segment
from seisflow.stages.ingest.placing import place
from seisflow.stages.ingest.scanning import FileBatch, batches, scan_batch
from seisflow.stages.ingest.stage import Ingest, IngestPlan, lay_out

DATA = Path(__file__).parents[3] / "shared" / "data" / "conformance"
TABLE = Path(__file__).parents[1] / "formats" / "conformance_outcomes.csv"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.exists(), reason=f"no conformance files at {DATA}"),
]


ALL_DAMAGED = ["obspy_mseed/infinite-loop.mseed"]
"""Their headers promise samples, and none of them can be decoded."""


def outcomes(*wanted: str) -> list[str]:
    with TABLE.open() as file:
        return [row["file"] for row in csv.DictReader(file) if row["outcome"] in wanted]


def ingest(file: Path, rate_hz: float, target: Path) -> tuple[IngestPlan, int]:
    """Ingest one file in this process; return what was planned and the number of conflicts."""
    asked = {"raw": (str(file),), "waveforms": target, "rate": rate_hz}
    begun = Begun(Ingest(Ingest.Config.build(asked)))
    receipts = begun.run_all()
    begun.finish()
    return begun.plan, sum(r.counts["conflicting_samples"] for r in receipts)


@pytest.mark.parametrize("name", outcomes("read", "partly") if TABLE.exists() else [])
def test_every_sample_read_arrives_in_the_store(name: str, tmp_path: Path) -> None:
    scans = scan_batch(FileBatch("one", (DATA / name,)))
    rates = sorted({nominal_rate(segment.rate_hz) for scan in scans for segment in scan.segments})
    assert rates
    for rate in rates:
        target = tmp_path / f"{float(rate):g}.zarr"
        prepared, n_conflicts = ingest(DATA / name, float(rate), target)
        product = seisflow.open(target, raw=True)
        n_different = 0
        for station, segments in prepared.inventory.found.items():
            row = product.waveform.sel(station=station).values
            for placement in place(segments, prepared.product.grid):
                found = placement.found
                runs, _ = read_segment(
                    found.format, Path(found.path), found.segment, 0, found.segment.n_samples
                )
                for run in runs:
                    at = placement.index + run.first
                    stored = row[at : at + len(run.values)]
                    same = (stored == run.values) | (
                        (stored != stored) & (run.values != run.values)
                    )
                    n_different += int((~same).sum())
        assert n_different == n_conflicts
        assert np.isfinite(product.coverage.values).all()


@pytest.mark.parametrize("name", outcomes("refused") if TABLE.exists() else [])
def test_every_refusal_is_one_error_that_names_the_file(name: str, tmp_path: Path) -> None:
    config = Ingest.Config.build({"raw": (str(DATA / name),), "waveforms": tmp_path / "w"})
    scans = [scan for batch in batches(config) for scan in scan_batch(batch)]
    if name in ALL_DAMAGED:
        target = tmp_path / "waveforms.zarr"
        ingest(DATA / name, 1.0, target)
        progress = progress_of(target)
        assert progress.counts["samples"] == 0
        assert 2 <= progress.n_problems < 10  # one of each kind, with a count
        assert any("the first of" in problem for problem in progress.problems)
        assert all(Path(name).name in problem for problem in progress.problems)
        return
    with pytest.raises(DataError, match="no samples to ingest") as raised:
        lay_out(config, scans)
    assert Path(name).name in str(raised.value)
