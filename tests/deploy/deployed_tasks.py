"""A task that workers started from the files of deploy/ can do."""

import os
from dataclasses import dataclass

import dask


@dataclass(frozen=True)
class Question:
    """Which variables of the environment, and which settings of Dask, a worker has."""

    name: str
    variables: tuple[str, ...]
    settings: tuple[str, ...]
    station_s: int = 86400


def answer(question: Question) -> tuple[dict[str, str | None], dict[str, object]]:
    return (
        {v: os.environ.get(v) for v in question.variables},
        {s: dask.config.get(s) for s in question.settings},
    )
