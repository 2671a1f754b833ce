"""What transfer can be asked: all that train can, and how it is judged."""

from seisflow.core.options import PathOption, PathsOption, argument, option
from seisflow.stages.learn.config import TrainConfig

__all__ = ["TransferConfig"]

JUDGING = "Judging"


class TransferConfig(TrainConfig):
    """Train without each source in turn, and count how many of its P the network finds.

    For each of the WAVELETS that has earthquakes a network learns from all the others. The
    threshold is that at which windows of quiet sources that it did not learn from give no more than
    the stated rate of false positives. P of the source left out are counted, each found if one of
    its windows is, and so are its own false positives. Beside it stands the recursive STA/LTA of
    ObsPy on the same windows, with a threshold found in the same way. Products named
    ``NAME@....zarr`` are one source, NAME: they are left out together. Those without earthquakes
    are learnt from and never left out.

    MODELS holds a model for each source, ``without-NAME``, and transfer.json and table.md. A
    training that was stopped goes on when the command is typed again.

    Parameters
    ----------
    wavelets : tuple of str
        What assemble wrote of two sources or more; each source needs earthquakes and noise, or
        noise alone.
    model : path
        The folder to write, or to go on in.
    only : tuple of str
        Names of the sources to leave out; by default each in turn.
    quiet : tuple of str
        Names of the sources whose noise sets the threshold: records without earthquakes that
        nobody listed, as aftershocks are. By default those without earthquakes, or all.
    least_snr : float
        Signal-to-noise ratio above which P are counted.
    false_positive_rate : float
        False positives per station and second in noise of the quiet sources.

    Examples
    --------
    seisflow transfer ridgecrest.zarr anza.zarr rutford.zarr models --rate 100

    seisflow transfer ridgecrest.zarr anza.zarr dfdp@100.zarr dfdp@200.zarr models --only dfdp

    seisflow transfer ridgecrest.zarr anza.zarr rutford.zarr models --quiet anza --quiet rutford
    """

    wavelets: PathsOption = argument("WAVELETS.zarr...", product="wavelets", min_length=2)
    model: PathOption = argument("MODELS")
    only: tuple[str, ...] = option((), group=JUDGING)
    quiet: tuple[str, ...] = option((), group=JUDGING)
    least_snr: float = option(1.5, ge=0, group=JUDGING)
    false_positive_rate: float = option(0.0015, gt=0, lt=1, group=JUDGING)
