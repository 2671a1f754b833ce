"""What seisflow reports to Prometheus of its own tasks, beside what Dask reports of its workers.

The command that drives tasks says what became of them as events; a plugin in the scheduler adds
them up, and the scheduler's ``/metrics`` (on the port of its dashboard) shows the sums beside
Dask's. So a command needs no server, and at a standing scheduler the sums outlive the commands.

Invariant: nothing here changes, delays (by more than `PATIENCE_S`) or fails a run.
"""

import time
from collections import Counter as Sums
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from distributed import Client
from distributed.diagnostics.plugin import SchedulerPlugin
from prometheus_client import Counter

__all__ = ["COUNTERS", "TOPIC", "Metrics", "Tally"]

TOPIC = "seisflow"
"""Topic of the events, for `Client.get_events` too."""
EVERY_S = 0.5
"""Sums are sent at most so often, however short the tasks are."""
PATIENCE_S = 2.0
"""How long a scheduler may take to accept them; one that died accepts nothing."""

COUNTERS = {
    "done": Counter("seisflow_tasks_done", "Tasks that ended well", ["stage"]),
    "failed": Counter("seisflow_tasks_failed", "Tasks given up, in whole or in part", ["stage"]),
    "retried": Counter(
        "seisflow_tasks_retried", "Attempts that did not end well and are repeated", ["stage"]
    ),
    "station_s": Counter(
        "seisflow_station_seconds",
        "Seconds of one station's record in the tasks done; 86400 are a station-day",
        ["stage"],
    ),
}


class Metrics(SchedulerPlugin):
    """Adds up, in the process of the scheduler, what commands say of their tasks."""

    name = "seisflow-metrics"
    idempotent = True

    def log_event(self, topic: str, msg: Any) -> None:
        """Count one event: ``{"stage": str, "sums": {name of a counter: number}}``."""
        if topic != TOPIC:
            return
        for name, number in msg["sums"].items():
            COUNTERS[name].labels(msg["stage"]).inc(number)


class Tally:
    """What became of the tasks of one run, sent to the scheduler now and then.

    Parameters
    ----------
    client : Client
        Of the scheduler that shows the sums.
    stage : str
        What the tasks are for, such as ``label``.
    """

    def __init__(self, client: Client, stage: str) -> None:
        self.client, self.stage = client, stage
        # zeros first: Prometheus sees a rise from them, and no first failure without
        self.sums: Sums[str] = Sums(dict.fromkeys(COUNTERS, 0))
        if client.status == "running":  # otherwise it is for the driver to say so
            with suppress(OSError, TimeoutError):
                client.register_plugin(Metrics())
        self.send()

    def attempted(self, task: object, result: object) -> None:
        """Count an attempt; `result` is None where the task will be tried again.

        A task gives its share of records as ``station_s``; a result that is a failure has a
        ``reason``, as a receipt that says failed.
        """
        self.sums.update(_outcome(task, result))
        if time.monotonic() - self.sent > EVERY_S:
            self.send()

    def send(self) -> None:
        """Send what was not sent yet; what a scheduler does not take is left out."""
        scheduler = self.client.scheduler
        if self.sums and scheduler is not None and self.client.status == "running":
            message = {"stage": self.stage, "sums": dict(self.sums)}
            with suppress(OSError, TimeoutError):
                self.client.sync(
                    scheduler.log_event, topic=TOPIC, msg=message, callback_timeout=PATIENCE_S
                )
        self.sums.clear()
        self.sent = time.monotonic()


def _outcome(task: object, result: object) -> Mapping[str, int]:
    if result is None:
        return {"retried": 1}
    if getattr(result, "reason", ""):
        return {"failed": 1}
    return {"done": 1, "station_s": getattr(task, "station_s", 0)}
