"""The launcher of one node of a training on SLURM, as srun starts it: it does what torchrun does.

``-m seisflow.cli.launcher ASKED``. The launchers of all nodes meet at the first one, each starts
its ranks, and when a rank dies all of them start again from the last checkpoint.
"""

import json
import os
import signal
import sys
from types import FrameType

from seisflow.engine.batch import address_of
from seisflow.errors import ExitCode


def main() -> int:
    """Launch the ranks of this node, as the JSON of the first argument says."""
    signal.signal(signal.SIGUSR1, _terminate)
    from seisflow.stages.learn.ranks import Meeting, torchrun

    asked = json.loads(sys.argv[1])
    meeting = Meeting(
        n_machines=asked["nodes"],
        run_id=asked["run_id"],
        endpoint=asked["endpoint"],
        is_host=os.environ["SLURM_PROCID"] == "0",
        local_address=address_of(asked["interface"]) if asked["interface"] else None,
    )
    job = json.dumps(asked["job"])
    code, was_stopped = torchrun("seisflow.cli.rank", [job], asked["ranks"], meeting)
    return ExitCode.INTERRUPTED if was_stopped else code


def _terminate(number: int, frame: FrameType | None) -> None:
    """Take SIGUSR1, which srun hands on, for SIGTERM, for which srun would kill at once."""
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
