"""Products that tests of figures share: made once, in this process, and never changed."""

from pathlib import Path

import pytest
import report_products


@pytest.fixture(scope="session")
def plotted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """LABELS and WAVEFORMS of two stations, six minutes before midnight to six after."""
    folder = tmp_path_factory.mktemp("plotted")
    waveforms = report_products.waveforms(folder)
    return report_products.label(waveforms, folder / "labels.zarr"), waveforms
