"""A small set of wavelets, written once."""

import evaluations
import pytest

from seisflow.stages.learn.examples import Examples


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> Examples:
    """90 wavelets of three classes at 40 Hz."""
    return evaluations.small_set(tmp_path_factory.mktemp("evaluate") / "wavelets.zarr")
