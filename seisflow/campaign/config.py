"""What a campaign file says beside the options of its stages: where, on what, and how large."""

from typing import Annotated, Self

from pydantic import ConfigDict, Field, PlainValidator, model_validator

from seisflow.core.config import StageConfig
from seisflow.core.files import AnyPath, any_path
from seisflow.errors import ConfigError

__all__ = ["ArchiveSize", "CampaignConfig", "ClusterTable", "Table", "TypedPath"]


def _typed(path: object) -> AnyPath:
    if not isinstance(path, str | AnyPath):
        raise ConfigError("a path is text: on a disk, or a URL in an object store")
    return any_path(path)


TypedPath = Annotated[AnyPath, PlainValidator(_typed)]
"""A path as it is written in a file."""


def dashed(name: str) -> str:
    """Return the name of a field as it is written in a campaign file and on a command line."""
    return name.replace("_", "-")


class Table(StageConfig):
    """Base of the tables of a campaign file: keys are written with dashes, as options are."""

    model_config = ConfigDict(alias_generator=dashed)


class ClusterTable(Table):
    """Where tasks run; the same for all stages but `train`, which runs in the command itself.

    Parameters
    ----------
    profile : str
        What ``--cluster`` takes. A path ending in ``.toml`` counts from the campaign file.
    workers : int, optional
        What ``--workers`` takes; of a local cluster only.
    """

    profile: str = "local"
    workers: int | None = Field(default=None, ge=1, le=4096)


class ArchiveSize(Table):
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

    stations: int = Field(ge=1, le=1_000_000)
    days: int = Field(ge=1, le=40_000)
    rate_hz: float = Field(gt=0)
    bytes_per_sample: float = Field(default=1.4, gt=0)
    arrivals: int | None = Field(default=None, ge=1)


class CampaignConfig(Table):
    """A campaign, without the tables of its stages.

    Parameters
    ----------
    folder : Path
        Where products are written.
    waveforms, model : path, optional
        WAVEFORMS, or a trained model, that is there already, in place of ``[ingest]`` or of
        ``[assemble]`` and ``[train]``.
    cluster : ClusterTable
        Where tasks run.
    archive : ArchiveSize, optional
        What ``seisflow plan`` assumes instead of reading the archive.
    """

    folder: TypedPath
    waveforms: TypedPath | None = None
    model: TypedPath | None = None
    cluster: ClusterTable = ClusterTable()
    archive: ArchiveSize | None = None

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.archive is not None and self.waveforms is not None:
            raise ValueError("[archive] is the size of files to come, and 'waveforms' are there")
        return self
