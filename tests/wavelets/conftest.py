"""One small scene for the tests of this room."""

import pytest
from wavelet_products import Scene, make_scene

import seisflow.formats.obspy_import  # noqa: F401 - obspy must be imported quietly before all else


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    return make_scene(tmp_path_factory.mktemp("scene"))
