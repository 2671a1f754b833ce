"""What tests of several commands share."""

import signal
import sys
from collections.abc import Callable, Iterator

import pytest
from programs import Ended

from seisflow.cli import main


@pytest.fixture
def run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Ended]]:
    """Run a command in this process."""
    before = signal.getsignal(signal.SIGTERM)

    def run(*argv: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["seisflow", *argv])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(str(ended.value.code)), said.out, said.err)

    yield run
    signal.signal(signal.SIGTERM, before)
