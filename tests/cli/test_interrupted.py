"""A command that is interrupted ends, wherever in Python the signal comes."""

import signal
import subprocess
import sys

import pytest

# a signal that arrives in a callback is dropped there, as one was in that of distributed
SCRIPT = """
import gc, os, signal, sys, time
import seisflow.cli.app as app

def interrupt(phase, info):
    if phase == "start":
        os.kill(os.getpid(), int(sys.argv[1]))

def work(**options):
    gc.callbacks.append(interrupt)
    gc.collect(0)
    gc.callbacks.remove(interrupt)
    time.sleep(60)
    print("was not interrupted")

signal.signal(signal.SIGINT, {at_first})
app.command_line = lambda asked: work
app.main()
"""


@pytest.mark.parametrize(
    ("number", "at_first"),
    [
        (signal.SIGINT, "signal.default_int_handler"),
        (signal.SIGTERM, "signal.default_int_handler"),
        (signal.SIGTERM, "signal.SIG_IGN"),  # as a shell does to what runs in its background
    ],
)
def test_a_signal_that_comes_in_a_callback_is_not_lost(number: int, at_first: str) -> None:
    line = [sys.executable, "-c", SCRIPT.format(at_first=at_first), str(int(number))]
    ended = subprocess.run(line, capture_output=True, text=True, timeout=90, check=False)
    assert ended.returncode == 130, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.startswith("interrupted; what is done is kept")
