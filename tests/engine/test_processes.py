"""Programs that are followed: what they say, and how they are asked to end."""

import os
import signal
import sys

import pytest

from seisflow.engine.processes import follow

OBEDIENT = """
import signal, sys, time
def end(*_):
    print("in good order", flush=True)
    sys.exit(7)
signal.signal(signal.SIGUSR1, end)
print("ready", flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_program_in_good_order(number: int) -> None:
    """Several ones count once, and what this process does about SIGTERM is as before."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # tests started in the background are deaf to SIGINT
    before_int = signal.signal(signal.SIGINT, signal.default_int_handler)
    said: list[str] = []

    def on_line(line: str) -> None:
        said.append(line)
        os.kill(os.getpid(), number)  # at "ready", and once more while it ends

    try:
        assert follow([sys.executable, "-c", OBEDIENT], {}, on_line) == (7, True)
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    finally:
        signal.signal(signal.SIGTERM, before)
        signal.signal(signal.SIGINT, before_int)
    assert said == ["ready\n", "in good order\n"]


def test_a_program_that_ends_by_itself_was_not_stopped() -> None:
    said: list[str] = []
    assert follow([sys.executable, "-c", "print(1); print(2)"], {}, said.append) == (0, False)
    assert said == ["1\n", "2\n"]
