"""One rank of a training, as torchrun starts it: ``-m seisflow.stages.train.rank CONFIG``.

The first rank tells what happens on standard output, an event of JSON a line, to the process that
waits. An error that another attempt would not mend is left in the model's folder for it, and the
rank ends well: torchrun starts all ranks again after any other end.
"""

import json
import sys
from dataclasses import asdict

from seisflow.errors import ExitCode, SeisflowError
from seisflow.stages.learn.config import TrainConfig
from seisflow.stages.learn.job import prepare
from seisflow.stages.learn.ranks import read_failure, write_failure
from seisflow.stages.learn.training import Event, train_job


def main() -> int:
    """Train as the JSON of the first argument says; return the exit code."""
    config = TrainConfig.build(json.loads(sys.argv[1]))
    if read_failure(config.model) is not None:
        return ExitCode.DONE
    try:
        train_job(prepare(config), device=config.device, on_event=tell)
    except SeisflowError as error:
        write_failure(config.model, error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


def tell(event: Event) -> None:
    """Tell what happened."""
    sys.stdout.write(json.dumps(asdict(event)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
