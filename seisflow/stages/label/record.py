"""One station-hour from raw samples to labels: quality, filter, windows, method.

The pure method starts from a high-passed record (`seisflow.stages.label.method`); here is what
stands before it.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from seisflow.core.classes import Label, NoData
from seisflow.dsp.filters import highpass_valid
from seisflow.dsp.quality import clipped_samples, constant_run_samples, constant_samples
from seisflow.dsp.windows import any_in_window
from seisflow.stages.label.method import (
    DEFAULT_METHOD,
    HourLabels,
    Parameters,
    label_windows,
    parameters_of,
)

__all__ = ["HourRecord", "constant_mask", "label_record", "no_data_reasons"]


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


def constant_mask(record: HourRecord) -> npt.NDArray[np.bool_]:
    """Tell for every sample, the warm-up's too, whether the recorder had stopped."""
    run = constant_run_samples(record.rate_hz)
    return constant_samples(record.samples, record.filled, min_run_samples=run)


def no_data_reasons(
    record: HourRecord, constant: npt.NDArray[np.bool_], clip_counts: float | None = None
) -> npt.NDArray[np.uint8]:
    """Tell for every second why it cannot be used; NoData.NONE where it can.

    Where several reasons hold, missing goes before clipped and clipped before constant. A constant
    run of zeros is a dropout that the recorder filled: it is not clipped, though in a record with
    an offset it is a flat stretch at an extreme.

    Parameters
    ----------
    record : HourRecord
        The station-hour.
    constant : ndarray of bool
        What `constant_mask` says of it.
    clip_counts : float, optional
        Full scale of the recorder.

    Returns
    -------
    ndarray, uint8, shape (n_seconds,)
        Codes of `seisflow.core.classes.NoData`.
    """
    reasons = np.full(len(record.coverage), NoData.NONE, dtype=np.uint8)
    recorded = record.filled & ~(constant & (record.samples == 0))
    clipped = clipped_samples(record.samples, recorded, clip_counts=clip_counts)
    reasons[any_in_window(constant[record.n_warmup :], record.rate_hz)] = NoData.CONSTANT
    reasons[any_in_window(clipped[record.n_warmup :], record.rate_hz)] = NoData.CLIPPED
    reasons[~(record.coverage == 1)] = NoData.MISSING
    return reasons


def label_record(
    record: HourRecord,
    *,
    method: str = DEFAULT_METHOD,
    precision: str = "float32",
    clip_counts: float | None = None,
    parameters: Parameters | None = None,
    device: str = "cpu",
) -> tuple[HourLabels, npt.NDArray[np.uint8]]:
    """High-pass and label one station-hour.

    Each stretch of the record without a gap is filtered on its own, from the steady state of its
    first sample, so that gaps and offsets leak nothing into their neighbours. Constant runs count
    as gaps here: the step into a zero-filled dropout and out of it would ring in the next seconds.

    Returns
    -------
    HourLabels
        Labels and features of every second.
    ndarray, uint8, shape (n_seconds,)
        Why a second is no_data.
    """
    parameters = parameters_of(method, parameters)
    constant = constant_mask(record)
    reasons = no_data_reasons(record, constant, clip_counts)
    hour = highpass_valid(
        record.samples,
        record.filled & ~constant,
        float(record.rate_hz),
        corner_hz=parameters.highpass_corner_hz,
        poles=parameters.highpass_poles,
    )[record.n_warmup :].astype(precision)
    labels = label_windows(
        hour,
        record.rate_hz,
        method=method,
        valid=reasons == NoData.NONE,
        parameters=parameters,
        device=device,
    )
    # a second shorter than a constant run can still hold no energy, and then no label
    reasons[(labels.label == Label.NO_DATA) & (reasons == NoData.NONE)] = NoData.CONSTANT
    return labels, reasons
