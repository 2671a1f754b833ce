"""What a campaign file says beside the options of its stages: where, on what, and how large."""

from seisflow.core.config import StageConfig
from seisflow.core.options import ModelOption, PathOption, argument, option, running

__all__ = ["ArchiveSize", "CampaignConfig", "ClusterTable"]


class ClusterTable(StageConfig):
    """Where tasks run; the same for all stages but `train`, which runs in the command itself.

    Parameters
    ----------
    profile : str
        What ``--cluster`` takes. A path ending in ``.toml`` counts from the campaign file.
    workers : int, optional
        What ``--workers`` takes; of a local cluster only.
    """

    profile: str = running("local", group="")
    workers: int | None = running(None, group="", ge=1, le=4096)


class ArchiveSize(StageConfig):
    """The size of an archive that is not there, or not to be read, for ``seisflow plan``.

    Parameters
    ----------
    stations : int
        Stations, each with a file a day.
    days : int
        UTC days, complete.
    rate_hz : float
        Samples per second.
    bytes_per_sample : float
        Of the files: 1.4 are those of our Steim2 miniSEED with field-like noise.
    arrivals : int, optional
        P arrivals known, event by event and station by station; for the number of examples.
    """

    stations: int = option(ge=1, le=1_000_000)
    days: int = option(ge=1, le=40_000)
    rate_hz: float = option(gt=0)
    bytes_per_sample: float = option(1.4, gt=0)
    arrivals: int | None = option(None, ge=1)


class CampaignConfig(StageConfig):
    """A campaign, without its tables.

    Parameters
    ----------
    folder : path
        Where products are written.
    waveforms : path, optional
        WAVEFORMS that are there already, in place of ``[ingest]``.
    model : path, optional
        A trained model that is there already, or the name of a shipped one, in place of
        ``[assemble]`` and ``[train]``. Without it and without ``[train]``, infer takes the shipped
        model ``universal``.
    """

    folder: PathOption = argument("PATH", is_named=True)
    waveforms: PathOption | None = argument("PATH", default=None, is_named=True)
    model: ModelOption | None = argument("PATH", default=None, is_named=True)
