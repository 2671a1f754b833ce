"""Import obspy quietly before any test module does; all else runs with warnings as errors."""

import seisflow.formats.quiet_obspy  # noqa: F401
