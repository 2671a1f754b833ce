"""The table of the demo: labels against what was planted, and nothing that was not."""

import numpy as np
import xarray as xr

from seisflow.campaign.demo import compare
from seisflow.core.classes import flag_attributes
from seisflow.stages.synth.sources import SourceKind


def test_only_kinds_that_were_planted_have_a_row() -> None:
    dims, places = ("station", "second"), {"station": ["a"], "second": np.arange(4)}
    kind = np.array([[SourceKind.NONE, SourceKind.GLITCH, SourceKind.WIND, SourceKind.NO_DATA]])
    ratio = np.array([[0, 0.7, 0.8, np.nan]], "float32")
    truth = xr.Dataset(
        {
            "kind": (dims, kind.astype("uint8"), flag_attributes(SourceKind)),
            "amplitude_ratio": (dims, ratio),
        },
        places,
    )
    labels = xr.Dataset({"label": (dims, np.array([[0, 2, 1, 253]], "uint8"))}, places)
    rows = {row.truth.strip(): row for row in compare(labels, truth)}
    assert [name for name in rows if name.endswith("above 0.5")] == [
        "wind above 0.5",
        "glitch above 0.5",
    ]
    assert rows["glitch above 0.5"].shares == (0, 0, 1)
