"""What is left of a task that did not come to an end."""

from dataclasses import dataclass

__all__ = ["Failure"]


@dataclass(frozen=True)
class Failure:
    """Why a task did not come to an end."""

    reason: str
    attempts: int
