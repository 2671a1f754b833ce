"""Import obspy quietly before any test module does; all else runs with warnings as errors."""

import seisflow.formats.obspy_import  # noqa: F401
