"""Stages run in this process, task by task: what tests look at lies between plan and finish."""

from pathlib import Path
from typing import Any

from seisflow.archive.work import Work
from seisflow.engine.connection import Here
from seisflow.engine.stage import Plan, Result, run_stage


class Begun:
    """A stage that was planned, here or before, and whose product was created."""

    def __init__(self, stage: Any, plan: Plan[Any] | None = None) -> None:
        self.stage = stage
        self.plan: Plan[Any] = plan or stage.plan(Here())
        stage.create(self.plan)
        self.work: Work[Any] = stage.work(self.plan)
        self.path: Path = self.work.path

    def run_all(self, *, backward: bool = False) -> list[Any]:
        """Do the tasks that are not done yet."""
        tasks = self.work.remaining()
        return [self.work.job()(task) for task in (reversed(tasks) if backward else tasks)]

    def finish(self) -> None:
        self.stage.finish(self.plan)


def made(stage: Any) -> Result:
    """Run a stage to its end."""
    return run_stage(stage, Here())
