"""torchrun, ended by a signal without a traceback: ``-m seisflow.stages.learn.torchrun ...``."""

import sys

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.run import main as torchrun

from seisflow.errors import ExitCode


def main() -> int:
    """Do what torchrun does; return its exit code, or that of the first rank that failed."""
    try:
        torchrun()
    except SignalException:
        return ExitCode.INTERRUPTED
    except ChildFailedError as error:
        return int(error.get_first_failure()[1].exitcode)
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
