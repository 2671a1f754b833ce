"""What is done before the tasks of a product: a worker that is too small is refused with advice."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from seisflow.engine.connection import Connection
from seisflow.errors import ConfigError


@pytest.mark.parametrize(("n_local", "advised"), [(4, True), (1, False), (0, False)])
def test_fewer_workers_are_advised_where_the_option_can_give_them(
    n_local: int, advised: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not of the one worker that was asked for, nor of a cluster that refuses ``--workers``."""
    session: Any = SimpleNamespace(worker_memory_bytes=lambda: 10**9, n_local=n_local)
    monkeypatch.setattr(Connection, "session", session)
    connection = Connection("local")
    connection.refuse_unfit(10**9, Path())
    with pytest.raises(ConfigError, match="a task needs about 2 GB and a worker may use") as said:
        connection.refuse_unfit(2 * 10**9, Path())
    assert ("--workers" in str(said.value)) == advised
    assert str(said.value).endswith("workers with more memory")
