"""One station-hour from raw samples to labels: quality, filter, windows, method.

The pure method starts from a high-passed record (`seisflow.label.method`); here is what stands
before it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import NoData
from seisflow.dsp.filters import highpass_valid
from seisflow.dsp.quality import clipped_samples, constant_run_samples, constant_samples
from seisflow.dsp.windows import any_in_window
from seisflow.label.method import HourLabels, ReferenceParameters, label_hour

__all__ = ["WARMUP_S", "HourRecord", "label_record", "no_data_reasons"]

WARMUP_S = 20
"""Seconds of the record before the hour that the filter runs through first."""


@dataclass(frozen=True)
class HourRecord:
    """Samples of one station-hour with the warm-up before it.

    Parameters
    ----------
    samples : ndarray, shape (n_warmup + n_seconds * rate,)
        Counts as recorded.
    filled : ndarray of bool, same shape
        Where there are data.
    coverage : ndarray, shape (n_seconds,)
        Valid fraction of every second of the hour.
    rate_hz : int
        Samples per second.
    """

    samples: npt.NDArray[np.generic]
    filled: npt.NDArray[np.bool_]
    coverage: npt.NDArray[np.float32]
    rate_hz: int

    @property
    def n_warmup(self) -> int:
        """Samples before the hour."""
        return len(self.samples) - len(self.coverage) * self.rate_hz


def no_data_reasons(record: HourRecord, clip_counts: float | None = None) -> npt.NDArray[np.uint8]:
    """Tell for every second why it cannot be used; NoData.NONE where it can.

    Where several reasons hold, missing goes before clipped and clipped before constant.

    Returns
    -------
    ndarray, uint8, shape (n_seconds,)
        Codes of `seisflow.core.classes.NoData`.
    """
    reasons = np.full(len(record.coverage), NoData.NONE, dtype=np.uint8)
    run = constant_run_samples(record.rate_hz)
    constant = constant_samples(record.samples, record.filled, min_run_samples=run)
    clipped = clipped_samples(record.samples, record.filled, clip_counts=clip_counts)
    reasons[any_in_window(constant[record.n_warmup :], record.rate_hz)] = NoData.CONSTANT
    reasons[any_in_window(clipped[record.n_warmup :], record.rate_hz)] = NoData.CLIPPED
    reasons[~(record.coverage == 1)] = NoData.MISSING
    return reasons


def label_record(
    record: HourRecord,
    *,
    method: str = "reference",
    precision: str = "float32",
    clip_counts: float | None = None,
    parameters: ReferenceParameters | None = None,
) -> tuple[HourLabels, npt.NDArray[np.uint8]]:
    """High-pass and label one station-hour.

    Each stretch of the record without a gap is filtered on its own, from the steady state of its
    first sample, so that gaps and offsets leak nothing into their neighbours.

    Returns
    -------
    HourLabels
        Labels and features of every second.
    ndarray, uint8, shape (n_seconds,)
        Why a second is no_data.
    """
    reasons = no_data_reasons(record, clip_counts)
    filtered = highpass_valid(record.samples, record.filled, float(record.rate_hz))
    hour = filtered[record.n_warmup :].astype(precision)
    labels = label_hour(
        hour,
        record.rate_hz,
        method=method,
        valid=reasons == NoData.NONE,
        parameters=parameters,
    )
    return labels, reasons
