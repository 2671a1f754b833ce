"""Start `seisflow` commands quickly: a process that has imported the program and forks for each.

Every command is a process (and a process group) of its own with the exit code the shell would
see; only the ten seconds of imports are saved. One JSON request a line on standard input, one
JSON answer a line on standard output.
"""

import atexit
import ctypes
import gc
import json
import os
import signal
import sys
import threading
from importlib import import_module


def serve() -> None:
    import_all()
    gc.freeze()  # or each command would touch, and so copy, all that was imported
    with open(0, "rb", buffering=0, closefd=False) as requests:
        while line := requests.readline():
            request = json.loads(line)
            if "poll" in request:
                answer(code=poll(request["poll"]))
                continue
            pid = os.fork()
            if not pid:
                become(**request)
                return
            answer(pid=pid)
    sys.exit(0)


def import_all() -> None:
    """Import what commands would, once."""
    import seisflow.formats.obspy_import  # noqa: F401 - before all else
    from seisflow.cli.app import program
    from seisflow.registry import STAGES, stage_of

    assert program()
    for name in STAGES:
        stage_of(name)
    for entry in STAGES.values():
        if entry.after:
            import_module(f"seisflow.{entry.after.partition(':')[0]}")
    import torch._dynamo  # noqa: F401 - torch does for every optimiser


def answer(**content: object) -> None:
    os.write(1, json.dumps(content).encode() + b"\n")


def poll(pid: int) -> int | None:
    ended, status = os.waitpid(pid, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if ended else None


def become(argv: list[str], cwd: str, out: str, err: str, powerless: bool) -> None:
    os.setsid()
    # a gate started in the background is deaf to SIGINT, and its children would be too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name, flags in (
        (0, os.devnull, os.O_RDONLY),
        (1, out, os.O_WRONLY | os.O_CREAT),
        (2, err, os.O_WRONLY | os.O_CREAT),
    ):
        opened = os.open(name, flags)
        os.dup2(opened, number)
        os.close(opened)
    if powerless:
        obey_permissions()
    os.chdir(cwd)
    sys.argv = ["seisflow", *argv]


def obey_permissions() -> None:
    """Give up root's right to read and write whatever it likes, for this process and its own."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(0x2008_0522, 0)  # version 3, this process
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted and inheritable, low then high bits
    rights = 1 << 1 | 1 << 2  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
    if os.getuid() == 0:
        for right in (1, 2):
            if libc.prctl(24, right, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "prctl")
    if libc.capget(header, sets):
        raise OSError(ctypes.get_errno(), "capget")
    for i in range(3):
        sets[i] &= ~rights
    if libc.capset(header, sets):
        raise OSError(ctypes.get_errno(), "capset")


def leave(code: object) -> None:
    """End as a process does, but for the last look at every object there is: it copies them all."""
    threading._shutdown()  # type: ignore[attr-defined]  # waits for threads, as the interpreter
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
    from seisflow.cli import main

    try:
        main()
    except SystemExit as ended:
        leave(ended.code or 0)
