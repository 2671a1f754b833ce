"""The shipped model on single-station records: P are called, the seconds before are not."""

from pathlib import Path

import numpy as np
import pytest

import seisflow

RECORDS = Path(__file__).parents[3] / "shared" / "data" / "ncedc_wavelets_picked" / "npz"
pytestmark = pytest.mark.skipif(not RECORDS.exists(), reason=f"no recorded data at {RECORDS}")
ABOVE, P_S = 0.9, 30


def test_the_shipped_model_calls_p_and_not_what_is_before() -> None:
    """It has learnt from them: this is to see that it came whole, not what it is worth."""
    model = seisflow.load_model()
    found, quiet = [], []
    for file in sorted(RECORDS.glob("*.npz"))[:40]:
        with np.load(file, allow_pickle=False) as record:
            samples = record["data"][:, -1].astype(np.float64)
        scores = model.annotate(samples, sampling_rate_hz=100)
        p = scores.probability.values[..., 0].ravel()
        found.append(np.nanmax(p[P_S - 1 : P_S + 2]) > ABOVE)
        quiet.append(p[4 : P_S - 3] > ABOVE)
    assert np.mean(found) > 0.85
    assert np.mean(quiet) < 0.01
