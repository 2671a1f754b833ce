"""A program that this process starts, listens to, and can ask to end in good order."""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

__all__ = ["follow"]


def follow(
    command: Sequence[str], environment: Mapping[str, str], on_line: Callable[[str], None]
) -> tuple[int, bool]:
    """Run a program to its end.

    SIGINT and SIGTERM to this process reach the program as SIGUSR1, once: the one signal that srun
    hands on unchanged. It may end in its own time.

    Parameters
    ----------
    command : sequence of str
        The program and its arguments.
    environment : mapping
        Variables to set where the user has not.
    on_line : callable
        Given each line of its standard output.

    Returns
    -------
    code : int
        How it ended.
    was_stopped : bool
        Whether a signal ended it.
    """
    was_stopped = False
    with _start(command, environment) as running, _sigterm_interrupts():
        assert running.stdout is not None
        while True:
            try:
                for line in running.stdout:
                    on_line(line)
                return running.wait(), was_stopped
            except KeyboardInterrupt:
                if not was_stopped:
                    running.send_signal(signal.SIGUSR1)
                was_stopped = True


def _start(command: Sequence[str], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,  # a terminal's SIGINT is ours to hand on
        env={**environment, **os.environ},
    )


@contextmanager
def _sigterm_interrupts() -> Iterator[None]:
    """Take SIGTERM for Ctrl-C where nobody else does anything about it."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or signal.getsignal(signal.SIGTERM) != signal.SIG_DFL:
        yield
        return
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
