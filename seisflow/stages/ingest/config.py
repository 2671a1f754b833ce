"""What ingest can be asked."""

from typing import Any

from pydantic import field_validator

from seisflow.core.config import SelectingConfig
from seisflow.core.files import AnyPath
from seisflow.core.grid import Span, parse_time
from seisflow.core.options import PathOption, argument, option
from seisflow.core.stations import StationPattern
from seisflow.stages.ingest.inventory import Selection

__all__ = ["IngestConfig"]


class IngestConfig(SelectingConfig):
    """Write a foreign archive into one Zarr product, WAVEFORMS.

    A scan reads headers only and shows what is there; then tasks write one station and one day
    each. Samples arrive bit-exact on one global grid; nothing is resampled; gaps, overlaps and
    whatever could not be read are reported by name.

    Parameters
    ----------
    raw : tuple of str
        Files, folders and globs of miniSEED 2 or 3, SAC, SEG-Y or Fairfield RG16.
    waveforms : path
        The product to write, or to go on with.
    stations : str, optional
        Coordinates: a CSV table (network, station, lat, lon) or StationXML. Stations it does not
        list keep those of their file headers.
    rate : float, optional
        Sampling rate to take, in Hz, where the files have several.

    Examples
    --------
    seisflow ingest archive/ waveforms.zarr --stations stations.csv

    seisflow ingest '2014/*/*.mseed' waveforms.zarr --select 'ZG.*.*.EHZ' --start 2014-05-29
    """

    raw: tuple[str, ...] = argument("RAW...", min_length=1)
    waveforms: PathOption = argument("WAVEFORMS.zarr", product="waveforms")
    stations: PathOption | None = argument("PATH", default=None, is_named=True)
    rate: float | None = option(None, gt=0)

    @field_validator("raw", mode="before")
    @classmethod
    def _are_paths(cls, value: Any) -> Any:
        """Take one file, folder or glob for a list of one; a path for its text."""
        several = [value] if isinstance(value, str | AnyPath) else value
        if not isinstance(several, list | tuple):
            return value
        return tuple(str(one) if isinstance(one, AnyPath) else one for one in several)

    def selection(self) -> Selection:
        """Return the part of the archive asked for."""
        if self.start and self.end:
            Span(parse_time(self.start), parse_time(self.end))
        return Selection(
            [StationPattern(s) for s in self.select],
            start_ns=parse_time(self.start) if self.start else None,
            end_ns=parse_time(self.end) if self.end else None,
        )
