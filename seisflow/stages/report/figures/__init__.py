"""Figures; the only room that draws."""

from seisflow.core.extras import needed_by

with needed_by("drawing figures"):
    import matplotlib  # noqa: F401 - each module here needs it, and this one says so
