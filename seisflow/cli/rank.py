"""One rank of ``seisflow train --ranks N``, as torchrun starts it: ``-m seisflow.cli.rank JOB``.

An error that another attempt would not mend is left in the model's folder for the command that
waits, and the rank ends well: torchrun starts all ranks again after any other end.
"""

import json
import sys

from seisflow.cli.training import Run, train_here
from seisflow.core.files import any_path
from seisflow.errors import ExitCode, SeisflowError
from seisflow.stages.learn.config import TrainConfig


def main() -> int:
    """Train as the JSON of the first argument says; return the exit code."""
    from seisflow.stages.learn.job import prepare
    from seisflow.stages.learn.ranks import read_failure, write_failure

    content = json.loads(sys.argv[1])
    asked = content["run"]
    run = Run(
        any_path(asked["wavelets"]),
        any_path(asked["model"]),
        asked["device"],
        float(asked["checkpoint_every_s"]),
    )
    if read_failure(run.model) is not None:
        return ExitCode.DONE
    try:
        train_here(prepare(TrainConfig.build(content["config"]), run.wavelets), run)
    except SeisflowError as error:
        write_failure(run.model, error)
    except KeyboardInterrupt:
        return ExitCode.INTERRUPTED
    return ExitCode.DONE


if __name__ == "__main__":
    sys.exit(main())
