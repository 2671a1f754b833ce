"""Labels against planted truth: how many seconds of each kind got each class."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Label

__all__ = ["CLASSES", "AgreementRow", "agreement"]

CLASSES = (Label.RANDOM_NOISE, Label.MIXED, Label.NOT_RANDOM_NOISE)
QUIET_RATIO = 0.05


@dataclass(frozen=True)
class AgreementRow:
    """Labels of the seconds of one kind of truth.

    ``shares`` are those of random noise, mixed and not random noise among `n_seconds`, the
    seconds that have one of these labels.
    """

    truth: str
    n_seconds: int
    shares: tuple[float, float, float]


def agreement(
    label: npt.NDArray[np.uint8],
    amplitude_ratio: npt.NDArray[np.float32],
    kind: npt.NDArray[np.uint8],
    kind_names: dict[int, str],
) -> list[AgreementRow]:
    """Compare labels with planted truth.

    Parameters
    ----------
    label : ndarray, uint8
        Codes of `Label`, any shape.
    amplitude_ratio : ndarray, same shape
        Rms of the planted signal over rms of the noise in each second; NaN where not known.
    kind : ndarray, uint8, same shape
        Strongest planted source of each second.
    kind_names : dict
        Name of each code of `kind` that gets a row of its own.

    Returns
    -------
    list of AgreementRow
        Quiet seconds (ratio below 0.05), signal above half the noise and above the noise, then
        the seconds above half the noise by kind.
    """
    labelled = np.isin(label, CLASSES) & np.isfinite(amplitude_ratio)
    loud = labelled & (amplitude_ratio >= 0.5)
    groups = {
        "quiet": labelled & (amplitude_ratio < QUIET_RATIO),
        "signal above 0.5 of the noise": loud,
        "signal above 1.0 of the noise": labelled & (amplitude_ratio >= 1.0),
    }
    groups |= {f"  {name} above 0.5": loud & (kind == code) for code, name in kind_names.items()}
    return [_row(name, label[mask]) for name, mask in groups.items()]


def _row(name: str, labels: npt.NDArray[np.uint8]) -> AgreementRow:
    n = max(1, len(labels))
    rn, mixed, nrn = (float((labels == c).sum() / n) for c in CLASSES)
    return AgreementRow(name, len(labels), (rn, mixed, nrn))
