"""What report can be asked."""

from seisflow.core.config import StageConfig
from seisflow.core.options import ModelOption, PathOption, argument, option

__all__ = ["ReportConfig"]


class ReportConfig(StageConfig):
    """Make one page of a campaign: data, labels, model, detections, and what they took.

    The page is one file that refers to nothing else: send it, or open it without a network. It
    shows what is given, complete or not, and leaves out the rest.

    Parameters
    ----------
    page : path
        The file to write.
    waveforms : path, optional
        What ingest wrote.
    labels : path, optional
        What label wrote.
    model : path, optional
        What train wrote, or the name of a shipped model.
    scores : path, optional
        What infer wrote.
    catalog : path, optional
        What detect wrote.
    comparison : path, optional
        What compare wrote; by default CATALOG/comparison.json if it is there.
    title : str
        Title of the page.

    Examples
    --------
    seisflow report page.html --waveforms waveforms.zarr --labels labels.zarr --catalog catalog
    """

    page: PathOption = argument("PAGE.html", product="page")
    waveforms: PathOption | None = argument(
        "PATH", default=None, is_named=True, product="waveforms"
    )
    labels: PathOption | None = argument("PATH", default=None, is_named=True, product="labels")
    model: ModelOption | None = argument("PATH", default=None, is_named=True, product="model")
    scores: PathOption | None = argument("PATH", default=None, is_named=True, product="scores")
    catalog: PathOption | None = argument("PATH", default=None, is_named=True, product="catalog")
    comparison: PathOption | None = argument(
        "PATH", default=None, is_named=True, product="comparison"
    )
    title: str = option("Seismic campaign")
