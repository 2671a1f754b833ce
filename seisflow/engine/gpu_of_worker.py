"""What each worker of a job with several GPUs does first: take one of them."""

import os

__all__ = ["dask_setup"]


def dask_setup(worker: object) -> None:
    """Leave to the worker named ``...-k`` the k-th GPU of the job; called before any task."""
    devices = [d for d in os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",") if d]
    number = str(getattr(worker, "name", "")).rpartition("-")[2]
    if devices and number.isdecimal():
        os.environ["CUDA_VISIBLE_DEVICES"] = devices[int(number) % len(devices)]
