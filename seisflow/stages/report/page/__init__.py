"""The page of a campaign."""

from seisflow.core.extras import needed_by

with needed_by("making a page"):
    import jinja2  # noqa: F401 - modules here need both, and this one says so
    import matplotlib  # noqa: F401
