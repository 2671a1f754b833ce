"""How fast stages are: figures of the repository's benchmarks, or of this machine.

A rate is CPU seconds of one core for one unit (a station-day, an example) at a sampling rate.
Between two measured sampling rates it is interpolated, and beyond them, or where there is one, it
is taken to be proportional to the sampling rate. That is known of labelling alone (two points);
of the others it is an assumption.
"""

import json
import os
import socket
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from seisflow.archive.receipts import write_json
from seisflow.core.config import StageConfig
from seisflow.errors import DataError

__all__ = ["Rate", "Rates", "cache_file", "keep_rates", "read_rates"]


class Rate(StageConfig):
    """One figure.

    Parameters
    ----------
    work : str
        What is done: a stage, and its method, network or part where it has several.
    unit : str
        What the figure is for: one of them.
    rate_hz : float
        Sampling rate at which it was measured; 0 where it does not matter.
    cpu_s : float
        CPU seconds of one core.
    benchmark : str
        The command that made it.
    """

    work: str
    unit: str
    rate_hz: float
    cpu_s: float
    benchmark: str


@dataclass(frozen=True)
class Rates:
    """All figures that planning uses, by what is done, and where they come from."""

    known: Mapping[str, Sequence[Rate]]
    note: str

    def get(self, work: str, rate_hz: float) -> tuple[float, str] | None:
        """Return CPU seconds for one unit at a sampling rate, and the benchmark; None if unknown.

        Parameters
        ----------
        work : str
            What is done.
        rate_hz : float
            Samples per second.
        """
        points = sorted(self.known.get(work, ()), key=lambda rate: rate.rate_hz)
        if not points:
            return None
        below = [p for p in points if p.rate_hz <= rate_hz]
        above = [p for p in points if p.rate_hz > rate_hz]
        if below and above and below[-1].rate_hz < rate_hz:
            a, b = below[-1], above[0]
            share = (rate_hz - a.rate_hz) / (b.rate_hz - a.rate_hz)
            return a.cpu_s + share * (b.cpu_s - a.cpu_s), b.benchmark
        nearest = below[-1] if below else above[0]
        factor = rate_hz / nearest.rate_hz if nearest.rate_hz else 1.0
        return nearest.cpu_s * factor, nearest.benchmark


def cache_file() -> Path:
    """Return where figures of this machine are kept: ``$XDG_CACHE_HOME/seisflow/rates.json``."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "seisflow" / "rates.json"


def keep_rates(rates: Sequence[Rate], date: str) -> None:
    """Keep figures of this machine, in place of those of the same work at the same rate."""
    kept = _read_cache()
    measured = {(rate.work, rate.rate_hz): rate for rate in (*kept, *rates)}
    content = {
        "host": socket.gethostname(),
        "date": date,
        "rates": [rate.resolved() for rate in measured.values()],
    }
    write_json(cache_file(), content)


def read_rates() -> Rates:
    """Return the figures of this machine where they were measured, else those of the repository.

    Raises
    ------
    DataError
        The kept ones cannot be read.
    """
    text = (files("seisflow.campaign") / "rates.toml").read_text()
    known = _by_work([Rate.build(row) for row in tomllib.loads(text)["rate"]])
    measured = _by_work(_read_cache())
    if not measured:
        return Rates(known, "rates: those of benchmarks/README.md; --measure takes this machine's")
    content = json.loads(cache_file().read_text())
    note = f"rates measured on {content['host']} on {content['date']}: {', '.join(measured)}"
    return Rates(known | measured, f"{note}; kept in {cache_file()}")


def _by_work(rates: Sequence[Rate]) -> dict[str, list[Rate]]:
    found: dict[str, list[Rate]] = {}
    for rate in rates:
        found.setdefault(rate.work, []).append(rate)
    return found


def _read_cache() -> list[Rate]:
    path = cache_file()
    if not path.exists():
        return []
    try:
        content = json.loads(path.read_text())
        if content["host"] != socket.gethostname():
            return []  # a folder shared by several machines
        return [Rate.build(row) for row in content["rates"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} holds no rates ({error}); remove it and measure again") from error
