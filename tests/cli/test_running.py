"""What is done before the tasks of a product: a worker that is too small is refused with advice."""

from types import SimpleNamespace
from typing import Any

import pytest

from seisflow.cli.running import run_work
from seisflow.errors import ConfigError


@pytest.mark.parametrize(("n_local", "advised"), [(4, True), (1, False), (0, False)])
def test_fewer_workers_are_advised_where_the_option_can_give_them(
    n_local: int, advised: bool
) -> None:
    """Not of the one worker that was asked for, nor of a cluster that refuses ``--workers``."""
    session: Any = SimpleNamespace(worker_memory_bytes=lambda: 10**9, n_local=n_local)
    work: Any = SimpleNamespace(plan=SimpleNamespace(memory_bytes=2 * 10**9))
    with pytest.raises(ConfigError, match="a task needs about 2 GB and a worker may use") as said:
        run_work(session, work, "label", lambda: None)
    assert ("--workers" in str(said.value)) == advised
    assert str(said.value).endswith("workers with more memory")
